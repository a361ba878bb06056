//! Making a replica for a planned move, long before anything is told to anybody.

use crate::database::{Instance, lag_when_lost};
use crate::evidence::{Reading, proves_way_out, verdict};
use crate::failover::guards::not_healthy;
use crate::journal::{Finding, Progress, Step};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::{Act, Next, View};

/// The longest that a replica is waited for, in seconds. RDS copies the whole database for it.
const SEED_S_MAX: i64 = 86_400;
/// The oldest measurement that tells how far the replica is behind now, in seconds.
const LAG_AGE_S_MAX: u64 = 180;

/// RDS takes minutes to hours for it, so the ticks look. It can be given up at any moment: nothing was
/// told to the active site. Should that site be lost meanwhile, the way is made free for a failover.
pub(super) fn next(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let site = progress.opened.from.clone();
    let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
    if old.site == Reading::Down {
        let why = not_healthy(&view.old).unwrap_or_else(|| "it is down".to_owned());
        return Next::Abandon(Refusal::ActiveNotHealthy { site, why }, Vec::new());
    }
    let (Some(pair), Some(database)) = (progress.opened.pair(plan), &plan.database) else {
        return not_ready(progress, "the plan has no database any more".to_owned());
    };
    let id = &pair.replica.id;
    let waited_s = view.now.as_second().saturating_sub(progress.opened_at.as_second());
    if waited_s >= SEED_S_MAX {
        let why = format!("its database {id} is not ready after {waited_s} s");
        return not_ready(progress, why);
    }
    let replica = match &view.replica {
        Seen::Absent => return Next::Do(Act::SeedDatabase),
        Seen::Unknown(why) => return Next::Later(format!("{id} could not be looked at: {why}")),
        Seen::Here(replica) => replica,
    };
    if is_failed(replica) || !replica.replicates(&pair.writer) {
        let of = replica.replica_of.as_deref().unwrap_or("nothing");
        let why = format!("its database {id} is {}, and replicates {of}", replica.status);
        return not_ready(progress, why);
    }
    if replica.status != "available" {
        return Next::Later(format!("{id} is {}", replica.status));
    }
    let lag_s = match &view.lag {
        Seen::Here(points) => lag_when_lost(points, view.now, LAG_AGE_S_MAX),
        Seen::Absent => Seen::Unknown("CloudWatch has no lag of it".to_owned()),
        Seen::Unknown(why) => Seen::Unknown(why.clone()),
    };
    match lag_s {
        Seen::Here(lag_s) if lag_s <= database.lag_s_max => {
            Next::Confirm(Step::SeedDatabase, Finding::Seeded { replica: id.clone(), lag_s })
        }
        Seen::Here(lag_s) => {
            let lag_s_max = database.lag_s_max;
            Next::Later(format!("{id} is {lag_s} s behind, and {lag_s_max} s is the most"))
        }
        Seen::Absent => Next::Later(format!("nothing is known of the lag of {id}")),
        Seen::Unknown(why) => Next::Later(format!("it is not known how far {id} is behind: {why}")),
    }
}

/// Nothing was told to the active site, so it is owed nothing.
fn not_ready(progress: &Progress, why: String) -> Next {
    Next::Abandon(Refusal::StandbyNotReady { site: progress.opened.to.clone(), why }, Vec::new())
}

/// States that an instance does not leave by itself
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>).
fn is_failed(replica: &Instance) -> bool {
    let status = replica.status.as_str();
    matches!(status, "failed" | "deleting" | "stopped" | "stopping" | "storage-full")
        || status.starts_with("inaccessible")
        || status.starts_with("incompatible")
        || status == "restore-error"
}
