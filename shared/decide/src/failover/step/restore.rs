//! The restore of a database from a copied snapshot, where there is no replica.

use crate::database::{Origin, Restorable, Restored};
use crate::evidence::{Reading, proves_way_out, verdict};
use crate::journal::{Finding, Progress, Step};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::fence::since_intended_s;
use super::{Act, Next, View};

/// After so many seconds a restore is said to be stuck: RDS makes a volume, which takes minutes, and a
/// backup of it before the instance is available, which takes longer.
const STUCK_S_MIN: i64 = 10_800;

/// Which copy is restored was decided with the beginning and lies in the first entry of the journal, so
/// every run restores the same one under the same name. RDS refuses a second instance of a name, so the
/// name is the condition; whether what has it is ours is said by its tags.
///
/// Nothing writes to what is restored before the appliance is promoted. So an old site that is well again
/// meanwhile keeps the system, unless its instances were ended: nothing of its data is lost then, and
/// much may be lost otherwise.
pub(super) fn next(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
    if old.site == Reading::Up && !progress.is_past_return {
        return Next::Do(Act::Unfence);
    }
    let seen = progress.opened.view.restore.as_ref();
    let (Some(pair), Some(copy)) =
        (progress.opened.pair(plan), seen.and_then(|seen| seen.copy.here()))
    else {
        return Next::Wait("the journal does not say what is restored".to_owned());
    };
    let id = pair.replica.id;
    match &view.restored {
        Seen::Unknown(why) => Next::Wait(format!("{id} could not be looked at: {why}")),
        Seen::Here(found) => of_instance(plan, progress, view, (&id, copy, found)),
        Seen::Absent if plan.restore_at(&progress.opened.to).is_none() => {
            Next::Wait("the plan does not say any more as what it is restored".to_owned())
        }
        Seen::Absent => match &view.copy {
            Seen::Here(()) => Next::Do(Act::RestoreDatabase { snapshot: copy.snapshot.clone() }),
            Seen::Absent => Next::Stop(Refusal::NoSnapshot {
                source_db: pair.writer.id,
                region: pair.replica.region,
                why: format!("{}, with which it began, is not available any more", copy.snapshot),
            }),
            Seen::Unknown(why) => {
                Next::Wait(format!("{} could not be looked at: {why}", copy.snapshot))
            }
        },
    }
}

fn of_instance(
    plan: &Plan,
    progress: &Progress,
    view: &View,
    (id, copy, found): (&str, &Restorable, &Restored),
) -> Next {
    let (instance, snapshot) = (id.to_owned(), copy.snapshot.clone());
    let wanted = origin(plan, progress, copy);
    if found.origin.as_ref() != Some(&wanted) || found.replica_of.is_some() {
        let (found, wanted) = (found.words(), format!("one that {}", wanted.words()));
        return Next::Stop(Refusal::NotOurInstance { instance, found, wanted });
    }
    let status = found.status.clone();
    let since_s = since_intended_s(progress, Step::RestoreDatabase, view.now);
    if status == "available" {
        let taken_at = copy.taken_at;
        let finding = Finding::Restored { instance, snapshot, taken_at };
        return Next::Confirm(Step::RestoreDatabase, finding);
    }
    if is_failed(&status) {
        return Next::Stop(Refusal::RestoreFailed { instance, snapshot, status });
    }
    if since_s >= STUCK_S_MIN {
        let since_s = u64::try_from(since_s).unwrap_or(0);
        let since_s_max = u64::try_from(STUCK_S_MIN).unwrap_or(0);
        return Next::Stop(Refusal::RestoreStuck {
            instance,
            snapshot,
            status,
            since_s,
            since_s_max,
        });
    }
    // It takes RDS longer than an invocation lives, so the ticks look.
    Next::Later(format!("{id} is restored from {snapshot} since {since_s} s, and is {status}"))
}

/// What the tags of our instance say.
fn origin(plan: &Plan, progress: &Progress, copy: &Restorable) -> Origin {
    let (system, term) = (plan.system.clone(), progress.term);
    Origin { system, term, snapshot: copy.snapshot.clone() }
}

/// States that an instance does not leave by itself for one in which it can be written to
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>).
fn is_failed(status: &str) -> bool {
    matches!(
        status,
        "failed" | "restore-error" | "storage-full" | "deleting" | "stopping" | "stopped"
    ) || status.starts_with("inaccessible")
        || status.starts_with("incompatible")
        || status.starts_with("insufficient")
}
