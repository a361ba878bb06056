//! The promotion of the database.

use crate::database::Instance;
use crate::journal::{Finding, Progress, Step};
use crate::plan::{Database, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::fence::since_intended_s;
use super::{Act, Next, View};

/// After so many seconds a promotion is said to be stuck. Big databases take their time: RDS replays
/// what the replica has received, and restarts it.
const STUCK_S_MIN: i64 = 3_600;

/// There is no event for a promotion, so the replica is looked at. Already writable is already so.
pub(super) fn promote(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let Some(database) = &plan.database else {
        return Next::Wait("the plan has no database any more".to_owned());
    };
    let replica = match &view.replica {
        Seen::Here(replica) => replica,
        Seen::Absent => {
            let region = plan.other(&progress.opened.from).region.clone();
            return Next::Stop(Refusal::NoReplica { replica: database.replica.clone(), region });
        }
        Seen::Unknown(why) => {
            return Next::Wait(format!("the database could not be looked at: {why}"));
        }
    };
    if replica.is_writer() {
        return Next::Confirm(Step::PromoteDatabase, Finding::Writable);
    }
    if let Some(source) = replica.replica_of.as_ref().filter(|of| !database.is_source(of)) {
        return Next::Stop(not_ours(database, source));
    }
    let since_s = since_intended_s(progress, Step::PromoteDatabase, view.now);
    match (&replica.replica_of, replica.status.as_str()) {
        // Told before and not seen to begin: RDS refuses what it is doing already, and an instance that
        // is no replica any more was answered above, so telling it again does no harm.
        (Some(_), "available") => Next::Do(Act::PromoteDatabase),
        (_, _) if since_s >= STUCK_S_MIN => Next::Stop(stuck(database, replica, since_s)),
        // RDS leaves these by itself for one in which it promotes: backing-up, modifying, rebooting.
        (_, status) => Next::Wait(format!("the database is {status} since {since_s} s")),
    }
}

/// What replicates another database than the plan's source would give this system somebody else's data.
fn not_ours(database: &Database, found: &str) -> Refusal {
    Refusal::NotOurReplica {
        replica: database.replica.clone(),
        found: found.to_owned(),
        wanted: database.source.clone(),
    }
}

fn stuck(database: &Database, replica: &Instance, since_s: i64) -> Refusal {
    Refusal::PromotionStuck {
        replica: database.replica.clone(),
        status: replica.status.clone(),
        since_s: u64::try_from(since_s).unwrap_or(0),
        since_s_max: u64::try_from(STUCK_S_MIN).unwrap_or(0),
    }
}
