//! The identifiers of snapshots and export tasks: computed, legal for RDS, and readable back.
//!
//! RDS takes letters, digits and single hyphens, a letter first and no hyphen last: up to 255 of them
//! for a snapshot, up to 60 for an export task, whose identifier is unique in the account.

use crate::name::{Slot, SystemName};

const PREFIX: &str = "warmspare-";

/// `warmspare-<source>-<slot>` in lowercase: the snapshot of a database for a slot, and its copy.
pub fn snapshot_id(source: &str, slot: Slot) -> String {
    format!("{PREFIX}{}-{}", legal(source), slot.to_string().to_ascii_lowercase())
}

/// The database and the slot of a snapshot that [`snapshot_id`] has named; `None` for any other.
pub fn slot_of_snapshot(id: &str) -> Option<(&str, Slot)> {
    let named = id.strip_prefix(PREFIX)?;
    let (source, slot) = named.split_at_checked(named.len().checked_sub(SLOT_LENGTH)?)?;
    let source = source.strip_suffix('-')?;
    let slot = Slot::parse(&slot.to_ascii_uppercase()).ok()?;
    (snapshot_id(source, slot) == id).then_some((source, slot))
}

/// Length of a slot as text: `2026-11-21t00-00-00z`.
const SLOT_LENGTH: usize = 20;

/// `ws-<system>-<yyyymmddthhmmss>z`: the export task of a system for a slot. A system's name has at
/// most 40 letters, so this has at most 60.
pub fn task_id(system: &SystemName, slot: Slot) -> String {
    let instant: String = slot.to_string().chars().filter(|c| *c != '-').collect();
    format!("ws-{system}-{}", instant.to_ascii_lowercase())
}

/// A name as an identifier takes it: lowercase, and whatever is no letter or digit as one hyphen.
fn legal(name: &str) -> String {
    let letters: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let parts: Vec<&str> = letters.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "database".to_owned() } else { parts.join("-") }
}
