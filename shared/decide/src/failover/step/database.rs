//! The promotion of the database.

use crate::database::{Instance, Pair};
use crate::journal::{Finding, Progress, Step};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::fence::since_intended_s;
use super::{Act, Next, View};
use crate::failover::global;

/// After so many seconds a promotion is said to be stuck. Big databases take their time: RDS replays
/// what the replica has received, and restarts it.
const STUCK_S_MIN: i64 = 3_600;
/// How long a planned move waits for a replica that RDS could promote, in seconds, before it goes back.
const PLANNED_S_MAX: i64 = 600;

/// There is no event for a promotion, so the replica is looked at. Already writable is already so.
pub(super) fn promote(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let Some(pair) = progress.opened.pair(plan) else {
        return Next::Wait("the plan has no database any more".to_owned());
    };
    if is_given_up(&pair, progress, view) {
        return Next::Do(Act::Unfence);
    }
    let replica = match &view.replica {
        Seen::Here(replica) => replica,
        Seen::Absent => {
            let (replica, region) = (pair.replica.id, pair.replica.region);
            return Next::Stop(Refusal::NoReplica { replica, region });
        }
        Seen::Unknown(why) => {
            return Next::Wait(format!("the database could not be looked at: {why}"));
        }
    };
    if replica.is_writer() {
        return Next::Confirm(Step::PromoteDatabase, Finding::Writable);
    }
    if let Some(source) = replica.replica_of.as_ref().filter(|of| !pair.writer.is_named(of)) {
        return Next::Stop(not_ours(&pair, source));
    }
    let since_s = since_intended_s(progress, Step::PromoteDatabase, view.now);
    match (&replica.replica_of, replica.status.as_str()) {
        // Told before and not seen to begin: RDS refuses what it is doing already, and an instance that
        // is no replica any more was answered above, so telling it again does no harm.
        (Some(_), "available") => global::promotion(plan, progress),
        (_, _) if since_s >= STUCK_S_MIN => Next::Stop(stuck(&pair, replica, since_s)),
        // RDS leaves these by itself for one in which it promotes: backing-up, modifying, rebooting.
        (_, status) => Next::Wait(format!("the database is {status} since {since_s} s")),
    }
}

/// Until its promotion is intended, a planned move goes back from a replica that is gone, that is
/// another's, or that is not in a state to be promoted for too long.
pub(super) fn is_given_up(pair: &Pair, progress: &Progress, view: &View) -> bool {
    if !progress.opened.kind.is_planned() || progress.is_past_return {
        return false;
    }
    let waited_s = waited_s(progress, view);
    match &view.replica {
        Seen::Absent => true,
        Seen::Here(replica) if replica.replicates(&pair.writer) => {
            replica.status != "available" && waited_s >= PLANNED_S_MAX
        }
        Seen::Here(replica) => !replica.is_writer(),
        Seen::Unknown(_) => waited_s >= PLANNED_S_MAX,
    }
}

/// For how long the step that comes next is being waited for, in seconds.
pub(super) fn waited_s(progress: &Progress, view: &View) -> i64 {
    let since = progress.past.last().map_or(progress.opened_at, |past| past.at);
    view.now.as_second().saturating_sub(since.as_second())
}

/// What replicates another database than the one that is left would give this system somebody else's
/// data.
fn not_ours(pair: &Pair, found: &str) -> Refusal {
    Refusal::NotOurReplica {
        replica: pair.replica.id.clone(),
        found: found.to_owned(),
        wanted: pair.writer.id.clone(),
    }
}

fn stuck(pair: &Pair, replica: &Instance, since_s: i64) -> Refusal {
    Refusal::PromotionStuck {
        replica: pair.replica.id.clone(),
        status: replica.status.clone(),
        since_s: u64::try_from(since_s).unwrap_or(0),
        since_s_max: u64::try_from(STUCK_S_MIN).unwrap_or(0),
    }
}
