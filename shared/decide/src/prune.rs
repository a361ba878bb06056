//! Which backups of a system may be deleted, and why each of the others stays. The answer is a value:
//! a dry run prints it, and a run carries it out.
//!
//! Whatever else is true: nothing goes unless a newer backup that is proven stays (P6), what is held
//! stays, and what was not verified never takes the place of what was.

mod calendar;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{Slot, SystemName, Term};
use crate::plan::Keep;
use crate::vault;

pub use calendar::{Rule, kept};

/// The version of [`Mark`] that this code writes.
pub const FORMAT: u32 = 1;

/// How old a backup has to be before it is taken for one that nobody will judge any more, in seconds.
/// It may be stored for a day after its slot, its event may wait for a day on the bus and for six hours
/// at Lambda, and be tried three times for a quarter of an hour. Three days are more than all of that.
pub const UNJUDGED_S_MIN: u64 = 3 * 86_400;

/// `receipts/<system>/<slot>/pruned.json`: written before the first object of a backup is deleted.
/// From then on the backup does not count, however much of it is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose backup it was.
    pub system: SystemName,
    /// Which one.
    pub slot: Slot,
    /// Why it goes.
    pub cause: Cause,
    /// The newest proven backup of then, which stays.
    pub newest: Slot,
    /// Version id of the plan that says how many stay.
    pub plan_version: String,
    /// The run that deletes it.
    pub writer: String,
    /// When it was marked.
    pub at: Timestamp,
}

/// What the commit of a backup says of it, held against the listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// There is no manifest.
    Absent,
    /// Every object that the manifest names is there.
    Whole,
    /// So many objects that the manifest names are not there.
    Lacks(usize),
    /// There is a manifest that this code cannot read: it may be of a later format, and right.
    Unreadable,
}

/// What was seen of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotView {
    /// How many keys its folder has, the manifest among them.
    pub keys: usize,
    /// Its manifest.
    pub commit: Commit,
    /// It has a receipt that it was read back and equal.
    pub verified: bool,
    /// It has a receipt against it.
    pub rejected: bool,
    /// It has a [`Mark`].
    pub marked: bool,
    /// Until when its manifest says that it is locked.
    pub locked_until: Option<Timestamp>,
}

/// Everything that the decision sees. A listing that failed is no view: nothing is decided then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// By this machine's clock.
    pub now: Timestamp,
    /// Every slot of which the vault holds anything.
    pub slots: BTreeMap<Slot, SlotView>,
    /// Every key below `holds/<system>/`.
    pub holds: Vec<String>,
    /// The backup that an open failover has chosen to fall back on.
    pub in_use: Option<(Term, Slot)>,
}

/// Why a backup stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The plan asks for it.
    Asked(Vec<Rule>),
    /// An operator has put this key there.
    Held(String),
    /// An open failover would fall back on it.
    InUse(Term),
    /// It may still be verified.
    MayBeVerified,
    /// It never counts; it is newer than the oldest proven backup that the plan asks for.
    NotOlder,
    /// Its manifest cannot be read.
    Unreadable,
    /// It is locked until then.
    Locked(Timestamp),
    /// There is no newer proven backup, so it is what there is.
    NothingNewer,
}

/// Why a backup goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It is proven, and the plan does not ask for it any more.
    Surplus,
    /// It was rejected.
    Rejected,
    /// It was never verified, or is not whole any more.
    NeverProven,
    /// An earlier run has begun to delete it.
    Begun,
}

/// What becomes of one backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Stays(Why),
    /// It goes.
    Goes(Cause),
}

/// The decision about every backup of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// Oldest first.
    pub fates: BTreeMap<Slot, Fate>,
    /// The newest proven backup, which stays.
    pub newest: Option<Slot>,
    /// Its age in seconds.
    pub newest_age_s: Option<u64>,
    /// The longest time between two proven backups that stay, in seconds: the worst that a restore to
    /// a moment between them loses.
    pub gap_s_max: Option<u64>,
    /// A key below `holds/` that names no slot, and so holds everything.
    pub holds_all: Option<String>,
}

impl Pruning {
    /// How many stay for their lock alone, and until when the last of them is locked.
    pub fn locked(&self) -> Option<(usize, Timestamp)> {
        let until = self.fates.values().filter_map(|fate| match fate {
            Fate::Stays(Why::Locked(until)) => Some(*until),
            Fate::Stays(_) | Fate::Goes(_) => None,
        });
        Some((until.clone().count(), until.max()?))
    }

    /// What goes, oldest first.
    pub fn going(&self) -> impl Iterator<Item = (Slot, Cause)> {
        self.fates.iter().filter_map(|(slot, fate)| match fate {
            Fate::Goes(cause) => Some((*slot, *cause)),
            Fate::Stays(_) => None,
        })
    }
}

/// Decides what goes.
pub fn decide(keep: &Keep, view: &View) -> Pruning {
    let holds = Holds::of(&view.holds);
    let is_proven =
        |slot: &SlotView| slot.verified && !slot.rejected && slot.commit == Commit::Whole;
    let proven = |takes_marked: bool| -> Vec<Slot> {
        let slots = view.slots.iter().rev();
        let slots = slots.filter(|(_, seen)| is_proven(seen) && (takes_marked || !seen.marked));
        slots.map(|(slot, _)| *slot).collect()
    };
    // Another run may be deleting what is marked: nothing else goes on its account. A marked one that
    // is still whole and that the plan would ask for stays all the same, and loses its mark.
    let counted = kept(keep, &proven(false));
    let with_marked = kept(keep, &proven(true));
    let newest = counted.keys().next_back().copied();
    let oldest = counted.keys().next().copied();
    let fates: BTreeMap<Slot, Fate> = view
        .slots
        .iter()
        .map(|(slot, seen)| {
            let judging = Judging { slot: *slot, seen, newest, oldest, now: view.now };
            let asked = if seen.marked { &with_marked } else { &counted };
            let held = holds.of_slot(*slot).map(Why::Held);
            let in_use = view.in_use.filter(|(_, used)| used == slot);
            let why = held.or_else(|| in_use.map(|(term, _)| Why::InUse(term)));
            let why = why.or_else(|| asked.get(slot).cloned().map(Why::Asked));
            (*slot, why.map_or_else(|| judging.unless_locked(is_proven(seen)), Fate::Stays))
        })
        .collect();
    let stays = |slot: &&Slot| matches!(fates.get(*slot), Some(Fate::Stays(_)));
    let staying: Vec<Slot> = proven(true).iter().filter(stays).copied().collect();
    let gaps = staying.iter().zip(staying.iter().skip(1));
    Pruning {
        newest,
        newest_age_s: newest.map(|slot| between_s(slot.instant(), view.now)),
        gap_s_max: gaps.map(|(newer, older)| between_s(older.instant(), newer.instant())).max(),
        holds_all: holds.all,
        fates,
    }
}

/// One slot for which nothing has spoken yet.
struct Judging<'a> {
    slot: Slot,
    seen: &'a SlotView,
    newest: Option<Slot>,
    oldest: Option<Slot>,
    now: Timestamp,
}

impl Judging<'_> {
    /// A delete marker over what is locked would say that it is gone, and it would not be.
    fn unless_locked(&self, is_proven: bool) -> Fate {
        match (self.fate(is_proven), self.seen.locked_until) {
            (Fate::Goes(_), Some(until)) if until > self.now => Fate::Stays(Why::Locked(until)),
            (fate, _) => fate,
        }
    }

    fn fate(&self, is_proven: bool) -> Fate {
        let seen = self.seen;
        if seen.commit == Commit::Unreadable {
            return Fate::Stays(Why::Unreadable);
        }
        let (Some(newest), Some(oldest)) = (self.newest, self.oldest) else {
            return Fate::Stays(Why::NothingNewer);
        };
        if self.slot >= newest {
            return Fate::Stays(Why::NothingNewer);
        }
        // The manifest is the first that is deleted: without it, and marked, it is half gone.
        if seen.marked && seen.commit == Commit::Absent {
            return Fate::Goes(Cause::Begun);
        }
        if is_proven {
            return Fate::Goes(Cause::Surplus);
        }
        if self.slot >= oldest {
            return Fate::Stays(Why::NotOlder);
        }
        if seen.rejected {
            return Fate::Goes(Cause::Rejected);
        }
        if between_s(self.slot.instant(), self.now) < UNJUDGED_S_MIN {
            return Fate::Stays(Why::MayBeVerified);
        }
        Fate::Goes(Cause::NeverProven)
    }
}

fn between_s(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0)
}

/// What operators have said that stays. It is enough that a key is there: what is in it, or that more
/// stands after the slot, changes nothing. One that names no slot was meant to hold something, and
/// nobody can say what: everything stays.
struct Holds {
    slots: BTreeSet<(Slot, String)>,
    all: Option<String>,
}

impl Holds {
    fn of(keys: &[String]) -> Self {
        let mut holds = Self { slots: BTreeSet::new(), all: None };
        for key in keys {
            let name = key.splitn(3, '/').nth(2).unwrap_or_default();
            // The console makes such a key for a folder.
            if name.is_empty() {
                continue;
            }
            let slot = name.get(..SLOT_CHARACTERS).and_then(|slot| Slot::parse(slot).ok());
            match slot {
                Some(slot) => drop(holds.slots.insert((slot, key.clone()))),
                None => drop(holds.all.get_or_insert_with(|| key.clone())),
            }
        }
        holds
    }

    fn of_slot(&self, slot: Slot) -> Option<String> {
        let by_name = self.slots.iter().find(|(held, _)| *held == slot).map(|(_, key)| key);
        by_name.or(self.all.as_ref()).cloned()
    }
}

/// As long as a slot is written: `2026-11-21T00-00-00Z`.
const SLOT_CHARACTERS: usize = 20;

/// Sorts the keys below `backups/<system>/` by slot. `latest/` and whatever else has no slot in its
/// place belong to none, and are never judged. What the manifests say and the receipts is to be filled
/// in: see [`Commit`] and [`add_receipts`].
pub fn slots(backups: &[String]) -> BTreeMap<Slot, SlotView> {
    let mut slots: BTreeMap<Slot, SlotView> = BTreeMap::new();
    let (verified, rejected, marked) = (false, false, false);
    let (keys, commit, locked_until) = (0, Commit::Absent, None);
    let nothing = SlotView { keys, commit, verified, rejected, marked, locked_until };
    for (slot, _) in backups.iter().filter_map(|key| vault::slot_of(key)) {
        slots.entry(slot).or_insert_with(|| nothing.clone()).keys += 1;
    }
    slots
}

/// Adds what the keys below `receipts/<system>/` say. Receipts stay when their backup is gone: without
/// any key of it there is nothing to judge.
pub fn add_receipts(slots: &mut BTreeMap<Slot, SlotView>, receipts: &[String]) {
    for (slot, receipt) in receipts.iter().filter_map(|key| vault::slot_of(key)) {
        if let Some(seen) = slots.get_mut(&slot) {
            seen.verified |= receipt == "verified.json";
            seen.rejected |= receipt == "rejected.json";
            seen.marked |= receipt == "pruned.json";
        }
    }
}

#[cfg(test)]
mod tests;
