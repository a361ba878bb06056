//! Seeing that a planned move loses nothing, before the replica is promoted.

use crate::journal::{Finding, Progress, Step};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::{Act, Next, View};

/// How long the replica may take to catch up after the fence, in seconds. With nobody writing any more,
/// the lag of PostgreSQL grows for up to five minutes, until it closes a segment of its log
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.html>);
/// CloudWatch is minutes late on top.
pub(super) const CATCH_UP_S_MAX: i64 = 900;

/// A replica that was `lag` behind at an instant holds what was written before that instant less the
/// lag. Unknown waits. In time the way back is taken: the old site is well, and nothing was promoted.
pub(super) fn next(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let Some(fenced_at) = progress.done_at(Step::Fence) else {
        return Next::Do(Act::Unfence);
    };
    let why = match &view.lag {
        Seen::Here(points) => {
            let holds_all = points.iter().find(|point| {
                let age_s = fenced_at.duration_until(point.at).as_secs_f64();
                point.lag_s >= 0.0 && point.lag_s <= age_s
            });
            if let Some(point) = holds_all {
                let finding = Finding::CaughtUp { measured_at: point.at };
                return Next::Confirm(Step::CatchUp, finding);
            }
            let newest = points.iter().max_by_key(|point| point.at);
            newest.map_or("no lag was measured".to_owned(), |point| {
                format!("it was {} s behind at {}", point.lag_s, point.at)
            })
        }
        Seen::Absent => "CloudWatch has no lag of it".to_owned(),
        Seen::Unknown(why) => format!("its lag is not known: {why}"),
    };
    if waited_s(progress, view) >= CATCH_UP_S_MAX {
        return Next::Do(Act::Unfence);
    }
    let replica = progress.opened.pair(plan).map(|pair| pair.replica.id).unwrap_or_default();
    Next::Wait(format!("{replica} has not caught up with the fence yet: {why}"))
}

fn waited_s(progress: &Progress, view: &View) -> i64 {
    let fenced_at = progress.done_at(Step::Fence).unwrap_or(view.now);
    view.now.as_second().saturating_sub(fenced_at.as_second())
}

/// Why a planned move is taken back after its fence.
pub(super) fn not_caught_up(plan: &Plan, progress: &Progress, view: &View) -> Refusal {
    Refusal::NotCaughtUp {
        replica: progress.opened.pair(plan).map(|pair| pair.replica.id).unwrap_or_default(),
        waited_s: u64::try_from(waited_s(progress, view)).unwrap_or(0),
        waited_s_max: u64::try_from(CATCH_UP_S_MAX).unwrap_or(0),
        why: "the old site is given back, and nothing was promoted".to_owned(),
    }
}
