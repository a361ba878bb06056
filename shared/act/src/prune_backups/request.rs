//! What asks for a pruning: `Backup Verified` on the bus, or a person.

use serde_json::Value;
use warmspare_decide::name::SystemName;
use warmspare_decide::outcome::Happening;
use warmspare_decide::refusal::Refusal;

use crate::documents;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) system: SystemName,
    /// Only say what would go.
    pub(super) is_dry_run: bool,
}

pub(super) fn read(event: &[u8]) -> Result<Request, Refusal> {
    let event = documents::event(event)?;
    if event.get("source").is_some() {
        return verified(&event);
    }
    documents::only(&event, &["action", "system", "dry_run", "reason"])?;
    let action = documents::text(&event, "action", "prune")?;
    if action != "prune" {
        return Err(documents::wrong("action", action, "prune"));
    }
    documents::optional_text(&event, "reason", "a text")?;
    let is_dry_run = match event.get("dry_run") {
        None => false,
        Some(Value::Bool(is_dry_run)) => *is_dry_run,
        // Whoever writes it in another way means it: it is not passed over.
        Some(other) => {
            return Err(documents::wrong("dry_run", &other.to_string(), "true or false"));
        }
    };
    Ok(Request { system: documents::system(&event)?, is_dry_run })
}

fn verified(event: &Value) -> Result<Request, Refusal> {
    for (field, allowed) in
        [("source", "warmspare"), ("detail-type", Happening::BackupVerified.as_str())]
    {
        let found = documents::text(event, field, allowed)?;
        if found != allowed {
            return Err(documents::wrong(field, found, allowed));
        }
    }
    let found = documents::text(event, "detail.system", SystemName::WANTED)?;
    let system = SystemName::parse(found)
        .map_err(|misnamed| documents::wrong("detail.system", found, misnamed.wanted))?;
    Ok(Request { system, is_dry_run: false })
}
