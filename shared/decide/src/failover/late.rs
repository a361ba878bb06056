//! That a failover takes longer than its plan allows, as it is stored once people were told.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::{Progress, Step};
use crate::name::{SystemName, Term};
use crate::plan::Plan;
use crate::vault;

/// The version of the records that this code writes and reads.
pub const LATE_FORMAT: u32 = 1;

/// People were told that a failover waits, and is over the time that its plan allows. It goes on by
/// itself: this is no reason to stop it, and one to look at what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// [`LATE_FORMAT`].
    pub format: u32,
    /// Whose failover it is.
    pub system: SystemName,
    /// Which.
    pub term: Term,
    /// When it was told.
    pub at: Timestamp,
    /// For how long clients have been without the system, in seconds.
    pub without_s: u64,
    /// What was agreed, in seconds.
    pub rto_s_max: u64,
    /// What it was about to do.
    pub step: String,
    /// What it waited for.
    pub why: String,
}

impl Late {
    /// Where it lies.
    pub fn key(&self) -> String {
        vault::late(&self.system, self.term)
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { system, term, without_s, rto_s_max, step, why, .. } = self;
        write!(
            f,
            "{system} is unavailable for {without_s} s, and {rto_s_max} s were agreed: term {term} is \
             about to {step}, and waits: {why}"
        )
    }
}

/// Whether a failover that waits is over its time. A planned move takes the system from its clients with
/// the fence, and not while a replica is made for it.
pub fn late(plan: &Plan, progress: &Progress, now: Timestamp, why: &str) -> Option<Late> {
    let without_since = if progress.opened.kind.is_planned() {
        progress.first_intended_at.iter().find(|(step, _)| *step == Step::Fence)?.1
    } else {
        progress.opened.view.lost_at
    };
    let without_s = now.as_second().saturating_sub(without_since.as_second());
    let without_s = u64::try_from(without_s).unwrap_or(0);
    let rto_s_max = plan.objectives.rto_s;
    (progress.end.is_none() && without_s > rto_s_max).then(|| Late {
        format: LATE_FORMAT,
        system: plan.system.clone(),
        term: progress.term,
        at: now,
        without_s,
        rto_s_max,
        step: progress.next_step().map_or("close", Step::words).to_owned(),
        why: why.to_owned(),
    })
}

#[cfg(test)]
mod tests;
