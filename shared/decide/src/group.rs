//! Systems that lose their region together, and whose records move together: one batch for many
//! systems, so that a thousand of them need tens of requests to Route 53 and not thousands.
//!
//! Nothing of a system's safety rests on its group. What a system offers is its own batch: it was
//! intended in its own journal, after its own new site was seen healthy, and it swaps its own term. A
//! merged batch is those batches together, so it is a compare-and-swap for each of them; when one does
//! not match any more, all are refused, and the batch is halved until that one is alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dns::{Change, Size, by_zone};
use crate::name::{SystemName, Term};

/// The version of offers and of the records of moves.
pub const FORMAT: u32 = 1;

/// An offer is renewed every few seconds, each time after its new site was seen healthy. One that is
/// older than this, in seconds of S3's clock, is of a run that has stopped, and is not merged.
pub const FRESH_S_MAX: u64 = 10;

/// How long the first one of a group waits for others, in seconds.
pub const GATHER_S: u64 = 9;

/// How long a system waits for the one that merges before it goes alone, in seconds.
pub const PATIENCE_S: u64 = 30;

/// The length of a window, in seconds: offers of one window are in one folder. Windows keep the folder
/// small; that two machines disagree about the time costs a merge, and nothing else.
pub const WINDOW_S: i64 = 15;

/// What a system offers to be moved in the batch of another run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose.
    pub system: SystemName,
    /// Of which failover.
    pub term: Term,
    /// When its new site was seen healthy.
    pub healthy_at: Timestamp,
    /// It is taken back: its new site is not healthy any more, or the records have moved.
    pub is_withdrawn: bool,
    /// Exactly what its journal intends.
    pub batch: Vec<Change>,
}

/// The record of a merged move: whose records it moved, for those that did not submit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// [`FORMAT`].
    pub format: u32,
    /// Id of the hosted zone.
    pub zone: String,
    /// Id of the change, to follow.
    pub change: String,
    /// Whose records it moved, and in which failover.
    pub members: Vec<(SystemName, Term)>,
}

/// One system's part of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whose.
    pub system: SystemName,
    /// Of which failover.
    pub term: Term,
    /// Its batch in this zone: never split.
    pub changes: Vec<Change>,
}

/// A batch for one zone with the parts of one system or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Id of the hosted zone.
    pub zone: String,
    /// In the order of the offers.
    pub parts: Vec<Part>,
}

impl Merged {
    /// What is submitted.
    pub fn changes(&self) -> Vec<Change> {
        self.parts.iter().flat_map(|part| part.changes.iter().cloned()).collect()
    }

    /// The members of this batch.
    pub fn members(&self) -> Vec<(SystemName, Term)> {
        self.parts.iter().map(|part| (part.system.clone(), part.term)).collect()
    }

    /// Two batches of half the parts each, or `None` for one that has a single part: a refused batch
    /// says that one of its parts does not match any more, and not reliably which.
    pub fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.parts.len() / 2;
        let (first, second) = self.parts.split_at_checked(middle)?;
        let of = |parts: &[Part]| Self { zone: self.zone.clone(), parts: parts.to_vec() };
        (!first.is_empty()).then(|| [of(first), of(second)])
    }
}

/// The folder in which offers of this instant are.
pub fn window(now: Timestamp) -> i64 {
    now.as_second().div_euclid(WINDOW_S)
}

/// Who merges: the first by name of those that offer. Two that both think so submit the same parts,
/// and the second one is refused.
pub fn merges<'s>(offering: impl IntoIterator<Item = &'s SystemName>) -> Option<&'s SystemName> {
    offering.into_iter().min()
}

/// Batches as large as Route 53 takes them, one or more for each zone. An offer that was taken back
/// has no part in them.
pub fn merge(offers: &[Offer]) -> Vec<Merged> {
    let mut batches: Vec<(Merged, Size)> = Vec::new();
    for offer in offers.iter().filter(|offer| !offer.is_withdrawn) {
        for (zone, changes) in by_zone(&offer.batch) {
            let size = Size::of(&changes);
            let part = Part { system: offer.system.clone(), term: offer.term, changes };
            let open = batches.iter_mut().rev().find(|(batch, _)| batch.zone == zone);
            match open {
                Some((batch, known)) if known.and(size).fits() => {
                    batch.parts.push(part);
                    *known = known.and(size);
                }
                Some(_) | None => {
                    let batch = Merged { zone: zone.to_owned(), parts: vec![part] };
                    batches.push((batch, size));
                }
            }
        }
    }
    batches.into_iter().map(|(batch, _)| batch).collect()
}

#[cfg(test)]
mod tests;
