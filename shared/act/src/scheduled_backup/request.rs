//! What woke scheduled-backup: a schedule, a person, the first plan of a system, or the push of an
//! appliance.

use serde_json::Value;
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::vault;

use crate::documents;

/// One backup that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) system: SystemName,
    pub(super) slot: Slot,
    pub(super) why: Why,
}

/// Why a backup is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Its schedule says so, or a person (seed A11).
    Asked,
    /// It was begun, and is not stored yet.
    GoOn,
    /// A plan was written; its system is backed up at once if it never was (seeds A6, B3).
    FirstPlan,
    /// An appliance has pushed something into the vault.
    Pushed {
        /// Under this key.
        key: String,
    },
}

/// Reads an event, `None` when it asks to go on with what was begun; beside a refusal, the system that it
/// names, if it names one.
pub(super) fn read(event: &[u8]) -> Result<Option<Request>, (Option<SystemName>, Refusal)> {
    let event = documents::event(event).map_err(|refusal| (None, refusal))?;
    if event.get("action").and_then(Value::as_str) == Some("go-on") {
        let only = documents::only(&event, &["action", "reason"]);
        return only.map(|()| None).map_err(|refusal| (None, refusal));
    }
    let is_written = event.get("source").is_some();
    let answer = if is_written { written(&event) } else { asked(&event) };
    answer.map(Some).map_err(|refusal| (documents::system(&event).ok(), refusal))
}

fn asked(event: &Value) -> Result<Request, Refusal> {
    documents::only(event, &["action", "system", "scheduled", "reason"])?;
    let allowed = "backup, backup-now or go-on";
    let action = documents::text(event, "action", allowed)?;
    if !["backup", "backup-now"].contains(&action) {
        return Err(documents::wrong("action", action, allowed));
    }
    let system = documents::system(event)?;
    // The instant is asked for, and not taken from a clock: a request that is repeated because its
    // answer was lost would otherwise make a second backup.
    if action == "backup-now" && event.get("scheduled").is_none() {
        return Err(not_named());
    }
    let slot = Slot::of(documents::instant(event, "scheduled")?);
    documents::optional_text(event, "reason", "a text")?;
    Ok(Request { system, slot, why: Why::Asked })
}

/// The event's own time names the backup: a duplicate of the event has the same.
fn written(event: &Value) -> Result<Request, Refusal> {
    let key = documents::object_created(event)?;
    let plan = || Some((vault::system_of_plan(key)?, Why::FirstPlan));
    let push = || Some((vault::system_of_push(key)?, Why::Pushed { key: key.to_owned() }));
    let (system, why) = plan().or_else(push).ok_or_else(|| {
        let allowed = "plans/<system>.toml or uploads/<system>/<source>/<name>";
        documents::wrong("detail.object.key", key, allowed)
    })?;
    let slot = Slot::of(documents::instant(event, "time")?);
    Ok(Request { system, slot, why })
}

fn not_named() -> Refusal {
    Refusal::NotOurs {
        why: "`scheduled` is missing; a request by hand gives the instant that names its backup, \
              such as the present time as 2026-11-21T00:00:00Z, so that the same request again \
              means the same backup"
            .to_owned(),
    }
}
