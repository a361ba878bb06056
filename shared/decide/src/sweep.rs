//! Which proven backups are read again today: what was right once may have been damaged since. And which
//! uploads nobody will complete.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::name::Slot;
use crate::refusal::Refusal;
use crate::skew;
use crate::vault;

/// How many older backups of a system are read again in a day, beside the newest.
pub const OLDER_PER_DAY: usize = 2;

/// From so many seconds on an upload is nobody's any more. Lambda ends an invocation after 900 s at the
/// latest, and the clocks of S3 and of a function do not differ by the rest.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const ABANDONED_S_MIN: i64 = 3_600;

/// An upload in parts that was begun, and neither completed nor aborted. Nothing of it is visible, and
/// its parts are paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The object that it would become.
    pub key: String,
    /// S3's name of it.
    pub id: String,
    /// When it was begun, by S3's clock.
    pub begun_at: Timestamp,
}

impl Unfinished {
    /// Whether the run that began it is certainly over, so that it may be aborted.
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        now.as_second().saturating_sub(self.begun_at.as_second()) >= ABANDONED_S_MIN
    }
}

/// The newest proven backup, and then the older ones whose last reading is longest ago, as far as they
/// were not read today; `receipts` are the keys below `receipts/<system>/`.
///
/// Not so many by a count of days: with a backup a day and an even number of them, such a count would
/// come upon the same half of them for ever.
pub fn due(receipts: &[String], today: Date) -> Vec<Slot> {
    let mut read_on: BTreeMap<Slot, Option<Date>> = BTreeMap::new();
    let mut out = Vec::new();
    let mut is_proven = Vec::new();
    for (slot, receipt) in receipts.iter().filter_map(|key| vault::slot_of(key)) {
        let on = read_on.entry(slot).or_default();
        match receipt {
            "verified.json" => is_proven.push(slot),
            "rejected.json" | "pruned.json" => out.push(slot),
            _ => *on = (*on).max(vault::swept_on(receipt)),
        }
    }
    let mut proven: Vec<(Slot, Option<Date>)> = read_on
        .into_iter()
        .filter(|(slot, _)| is_proven.contains(slot) && !out.contains(slot))
        .collect();
    let newest = proven.pop();
    // One that was never read again comes first, and the oldest of those.
    proven.sort_by_key(|(slot, on)| (*on, *slot));
    let is_open = |(_, on): &&(Slot, Option<Date>)| *on < Some(today);
    let done = proven.iter().filter(|read| !is_open(read)).count();
    let older = proven.iter().filter(is_open).take(OLDER_PER_DAY.saturating_sub(done));
    newest.iter().filter(is_open).chain(older).map(|(slot, _)| *slot).collect()
}

/// What was tried with all of a run, and would be tried in vain.
const DOES_NOT_FIT: &str = "does-not-fit.json";

/// Whether it is the record of an object that was read for the verification itself; that of the daily
/// reading has a day in its name.
fn is_first_reading(receipt: &str) -> bool {
    receipt.starts_with("read-") && receipt.matches('.').count() == 1
}

/// Which verifications were begun and have no verdict yet: large objects, and what inventories list, are
/// proven over several runs. And which proven backups have rows whose comparison with artifacts was begun and
/// has no end. `receipts` are the keys below `receipts/<system>/`.
pub fn unended(receipts: &[String]) -> Vec<Slot> {
    let mut named: BTreeMap<Slot, Vec<&str>> = BTreeMap::new();
    for (slot, receipt) in receipts.iter().filter_map(|key| vault::slot_of(key)) {
        named.entry(slot).or_default().push(receipt);
    }
    let is_unended = |names: &[&str]| {
        if names.contains(&"rejected.json") || names.contains(&"pruned.json") {
            return false;
        }
        if names.contains(&"verified.json") {
            return skew::progress(names.iter().copied()).values().any(|it| !it.is_over);
        }
        if names.contains(&DOES_NOT_FIT) {
            return false;
        }
        names.iter().any(|name| name.starts_with("artifacts-") || is_first_reading(name))
    };
    named.into_iter().filter(|(_, names)| is_unended(names)).map(|(slot, _)| slot).collect()
}

/// A stored backup without a verdict is the sweep's after so many seconds: by then its own event has been
/// tried three times. <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
pub const UNJUDGED_S_MIN: i64 = 3_600;

/// So many backups of a system that have no verdict are verified in one sweep.
pub const UNJUDGED_PER_SWEEP: usize = 4;

/// Which stored backups nobody has come to a verdict on: the newest, and the others in turn, so that one that
/// fails each time keeps no other waiting for ever. `stored` are the keys below `backups/<system>/`,
/// `receipts` those below `receipts/<system>/`.
pub fn unjudged(stored: &[String], receipts: &[String], now: Timestamp) -> Vec<Slot> {
    let is_verdict = |receipt: &str| {
        matches!(receipt, "verified.json" | "rejected.json" | "pruned.json" | DOES_NOT_FIT)
    };
    let judged: Vec<Slot> = receipts
        .iter()
        .filter_map(|key| vault::slot_of(key))
        .filter(|(_, receipt)| is_verdict(receipt))
        .map(|(slot, _)| slot)
        .collect();
    let manifests = stored.iter().filter_map(|key| vault::slot_of_manifest(key));
    let is_due = |slot: &Slot| is_settled(slot.instant(), now) && !judged.contains(slot);
    let mut due: Vec<Slot> = manifests.filter(is_due).collect();
    due.sort_unstable_by(|one, other| other.cmp(one));
    if let Some((_, older)) = due.split_first_mut()
        && !older.is_empty()
    {
        let hour = usize::try_from(now.as_second() / 3_600).unwrap_or_default();
        let turn = hour.saturating_mul(UNJUDGED_PER_SWEEP - 1) % older.len();
        older.rotate_left(turn);
    }
    due.truncate(UNJUDGED_PER_SWEEP);
    due
}

/// The systems in the order in which a sweep of this hour comes to them: each is the first in its turn, so
/// that none that takes all of a run keeps the others waiting for ever.
pub fn in_turn<T>(mut systems: Vec<T>, now: Timestamp) -> Vec<T> {
    let hour = usize::try_from(now.as_second() / 3_600).unwrap_or_default();
    let turn = hour.checked_rem(systems.len()).unwrap_or_default();
    systems.rotate_left(turn);
    systems
}

/// Whether what was written then is certainly not being verified by its own event any more.
pub fn is_settled(written_at: Timestamp, now: Timestamp) -> bool {
    now.as_second().saturating_sub(written_at.as_second()) >= UNJUDGED_S_MIN
}

/// Whether reading had three quarters of a run or more, so that no other one is likely to end it.
pub fn is_final(refusal: &Refusal, run_s: u64) -> bool {
    matches!(
        refusal,
        Refusal::DoesNotFit { took_s, .. } if took_s.saturating_mul(4) >= run_s.saturating_mul(3)
    )
}

#[cfg(test)]
mod tests;
