//! The promotion of the database.

use crate::journal::{Finding, Progress, Step};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::{Act, Next, View};

/// There is no event for a promotion, so the replica is looked at. Already writable is already so.
pub(super) fn promote(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let replica = match (&view.replica, &plan.database) {
        (Seen::Here(replica), _) => replica,
        (Seen::Absent, Some(database)) => {
            let region = plan.other(&progress.opened.from).region.clone();
            return Next::Stop(Refusal::NoReplica { replica: database.replica.clone(), region });
        }
        (Seen::Absent, None) => return Next::Wait("the plan has no database any more".to_owned()),
        (Seen::Unknown(why), _) => {
            return Next::Wait(format!("the database could not be looked at: {why}"));
        }
    };
    if replica.is_writer() {
        return Next::Confirm(Step::PromoteDatabase, Finding::Writable);
    }
    match (&replica.replica_of, replica.status.as_str()) {
        // Told before and not seen to begin: RDS refuses what it is doing already, and an instance that
        // is no replica any more was answered above, so telling it again does no harm.
        (Some(_), "available") => Next::Do(Act::PromoteDatabase),
        (_, status) => Next::Wait(format!("the database is {status}")),
    }
}
