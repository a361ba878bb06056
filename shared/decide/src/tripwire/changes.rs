//! What is suspicious about what has changed in a bucket: whoever encrypts every artifact changes neither
//! how many there are nor what their list looks like.

use serde::{Deserialize, Serialize};

use super::{BEFORE_MIN, DEVIATIONS, FACTOR, Judged, Measures, judge_entropy, spread};

/// Of fewer objects a share says little.
const OBJECTS_MIN: u64 = 10;
/// Less than so many in a thousand is no reason to wake anybody.
const SHARE_MIN: u64 = 250;

/// What became of the objects that the newest proven list before this one has, and what is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// So many objects that list has; 0 where there is none, or it is of another bucket or key.
    pub before: u64,
    /// So many of them are what they were.
    pub kept: u64,
    /// Of the artifacts that were read for this backup, all together.
    pub new: Measures,
}

impl Changes {
    /// How many of what was there have other contents, or are gone.
    fn changed(self) -> u64 {
        self.before.saturating_sub(self.kept)
    }

    /// And in a thousand; `None` of too few objects.
    fn share(self) -> Option<u64> {
        let share = self.changed().saturating_mul(1_000).checked_div(self.before);
        share.filter(|_| self.before >= OBJECTS_MIN)
    }
}

/// Holds what has changed in one bucket against what has changed in it for earlier backups.
pub fn judge_changes(source: &str, now: Changes, before: &[Changes]) -> Judged {
    if before.len() < BEFORE_MIN {
        return Judged::Unknown;
    }
    let mut clauses = Vec::new();
    let shares: Vec<u64> = before.iter().filter_map(|it| it.share()).collect();
    if let Some(share) = now.share().filter(|_| shares.len() >= BEFORE_MIN) {
        let (count, (median, deviation)) = (shares.len(), spread(shares));
        let is_far = share >= SHARE_MIN && share > median.saturating_mul(FACTOR);
        if is_far && share.abs_diff(median) > deviation.saturating_mul(DEVIATIONS) {
            let (changed, all) = (now.changed(), now.before);
            clauses.push(format!(
                "{changed} of the {all} objects that {source} had have other contents now or are gone, \
                 {share} in a thousand, and the median of the {count} before it is {median}"
            ));
        }
    }
    let new: Vec<Measures> = before.iter().map(|it| it.new).collect();
    clauses.extend(judge_entropy(&format!("what is new in {source}"), now.new, &new));
    if clauses.is_empty() { Judged::Usual } else { Judged::Suspicious(clauses) }
}

#[cfg(test)]
mod tests;
