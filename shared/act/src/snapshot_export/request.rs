//! What woke snapshot-export: a schedule, an event of RDS, or the sweep.

use serde_json::Value;
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::refusal::Refusal;

use crate::documents;

/// What is asked for.
pub(super) enum Request {
    /// Begin an export, or go on with it.
    Export {
        /// Whose database.
        system: SystemName,
        /// Which export.
        slot: Slot,
    },
    /// Something happened to a snapshot.
    Event {
        /// Its identifier.
        snapshot: String,
    },
    /// Look at every export that has not ended.
    Sweep {
        /// Of this system only.
        system: Option<SystemName>,
    },
}

/// Reads an event; beside a refusal, the system that it names, if it names one.
pub(super) fn read(event: &[u8]) -> Result<Request, (Option<SystemName>, Refusal)> {
    let event = documents::event(event).map_err(|refusal| (None, refusal))?;
    let is_from_rds = event.get("source").is_some();
    let answer = if is_from_rds { of_rds(&event) } else { asked(&event) };
    answer.map_err(|refusal| (documents::system(&event).ok(), refusal))
}

fn asked(event: &Value) -> Result<Request, Refusal> {
    documents::only(event, &["action", "system", "scheduled", "reason"])?;
    let allowed = "export or sweep";
    match documents::text(event, "action", allowed)? {
        "export" => Ok(Request::Export {
            system: documents::system(event)?,
            slot: Slot::of(documents::instant(event, "scheduled")?),
        }),
        "sweep" if event.get("system").is_none() => Ok(Request::Sweep { system: None }),
        "sweep" => Ok(Request::Sweep { system: Some(documents::system(event)?) }),
        other => Err(documents::wrong("action", other, allowed)),
    }
}

/// Only the name of what it is about is read: old events have no `EventID`, and the sentence of an
/// event is for people. An event about something else than a snapshot has another name there.
fn of_rds(event: &Value) -> Result<Request, Refusal> {
    let source = documents::text(event, "source", "aws.rds")?;
    if source != "aws.rds" {
        return Err(documents::wrong("source", source, "aws.rds"));
    }
    let allowed = "the identifier of what the event is about";
    let named = documents::optional_text(event, "detail.SourceIdentifier", allowed)?;
    let snapshot = match named {
        Some(id) => id,
        None => {
            let arn = documents::text(event, "detail.SourceArn", allowed)?;
            arn.rsplit(':').next().unwrap_or(arn)
        }
    };
    Ok(Request::Event { snapshot: snapshot.to_owned() })
}
