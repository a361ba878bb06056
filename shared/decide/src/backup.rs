//! Whether a backup may begin. What is refused is refused before a byte is sent.

use jiff::Timestamp;

use crate::name::{Region, Slot};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::verify::{KeyFacts, key_findings};

/// The oldest slot that is still backed up, in seconds: a retried event may be late.
pub const SLOT_AGE_S_MAX: u64 = 86_400;

/// How far a slot may lie in the future, in seconds: two clocks may differ.
pub const SLOT_AHEAD_S_MAX: u64 = 300;

/// What is known when a backup is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// By this machine's clock.
    pub now: Timestamp,
    /// Where the vault is.
    pub region: Region,
    /// The plan's key, once it was looked at.
    pub key: Option<Seen<KeyFacts>>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Look at the plan's key, and ask again.
    LookAtKey,
    /// Store every source.
    Store,
    /// It is not done, and why.
    Refuse(Refusal),
    /// The key was looked at, and nothing is known of it: neither stored nor refused.
    NotKnown(String),
}

/// Decides whether the backup of this slot may begin.
pub fn next(plan: &Plan, slot: Slot, view: &View) -> Next {
    if let Some(refusal) = far_from_now(slot, view.now).or_else(|| elsewhere(plan, view)) {
        return Next::Refuse(refusal);
    }
    let Some(key) = &view.key else { return Next::LookAtKey };
    match key_findings(&plan.backup.kms_key, key) {
        Ok(clauses) if clauses.is_empty() => Next::Store,
        Ok(clauses) => Next::Refuse(Refusal::KeyUnusable {
            key_arn: plan.backup.kms_key.clone(),
            why: clauses.join(" and "),
        }),
        Err(why) => Next::NotKnown(why),
    }
}

/// Why this slot is not one to be made now, if it is not.
pub fn far_from_now(slot: Slot, now: Timestamp) -> Option<Refusal> {
    let ahead_s = slot.instant().as_second().saturating_sub(now.as_second());
    let off_s_max = if ahead_s > 0 { SLOT_AHEAD_S_MAX } else { SLOT_AGE_S_MAX };
    let off_s = ahead_s.unsigned_abs();
    (off_s > off_s_max).then_some(Refusal::SlotFarFromNow { slot, off_s, off_s_max })
}

/// Seed A18: the key and the bucket must be in the same Region.
fn elsewhere(plan: &Plan, view: &View) -> Option<Refusal> {
    let key_arn = &plan.backup.kms_key;
    (key_arn.region() != view.region.as_str()).then(|| Refusal::KeyElsewhere {
        key_arn: key_arn.clone(),
        found: key_arn.region().to_owned(),
        wanted: view.region.clone(),
    })
}

#[cfg(test)]
mod tests;
