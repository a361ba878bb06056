//! The Auto Scaling groups of both sites: the old one's is stopped, the new one's is started.

use crate::acknowledgement::Accepted;
use crate::capacity::Group;
use crate::evidence::{Reading, Verdict, proves_way_out, verdict};
use crate::journal::{Debt, Finding, Progress, Step};
use crate::plan::{Capacity, FenceDemand, Plan, Site};
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::fence::{QUIET_S, accepted, unconfirmed};
use super::pilot::may_be_put_back;
use super::{Act, Attempt, Next, View};

/// The fence that asks nothing of the old appliance: when the group has no instance left, what it ran
/// cannot write, whether it answers or not. Ending instances cannot be taken back, so an old site that
/// is well again before that was intended gets its mode back, and from then on there is no way back.
pub(super) fn stop(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
    let is_intended = progress.intended == Some(Step::StopCapacity);
    if !is_intended && old.site == Reading::Up {
        return Next::Do(Act::Unfence);
    }
    let site = plan.other(&plan.other(&progress.opened.from).name);
    let Some(capacity) = &site.capacity else {
        return Next::Wait(format!("the plan gives {} no capacity any more", site.name));
    };
    let without = |why: String| unstopped(plan, progress, view, &old, why);
    let group = match &view.group {
        Seen::Here(group) => group,
        Seen::Absent => return without(absent(capacity, site)),
        Seen::Unknown(why) => return without(why.clone()),
    };
    if group.is_gone() {
        let left = |debt: &&Debt| !matches!(debt, Debt::Appliance | Debt::Capacity);
        let debts = progress.debts.iter().filter(left).copied().collect();
        let finding = Finding::Stopped { debts, group: group.clone() };
        return Next::Confirm(Step::StopCapacity, finding);
    }
    match (&view.attempt, group.desired) {
        (_, 0) => {
            let why = format!("{} still has {}", capacity.asg, group.words());
            match plan.failover.fence {
                FenceDemand::Confirmed => Next::Wait(why),
                FenceDemand::Attempted => without(why),
            }
        }
        (_, _) if !group.takes(0) => without(not_to_zero(capacity, group)),
        (None, _) => Next::Do(Act::StopCapacity),
        (Some(Attempt::Accepted), _) => {
            Next::Wait(format!("{} was told to end, and has {}", capacity.asg, group.words()))
        }
        (Some(Attempt::Unreachable(why) | Attempt::Unclear(why)), _) => without(why.clone()),
    }
}

/// Why a group cannot be stopped: its own bound.
pub(in crate::failover) fn not_to_zero(capacity: &Capacity, group: &Group) -> String {
    format!(
        "the minimum size of {} is {}, and Auto Scaling refuses a desired capacity of 0 below it",
        capacity.asg, group.min
    )
}

pub(super) fn absent(capacity: &Capacity, site: &Site) -> String {
    format!("there is no Auto Scaling group {} in {}", capacity.asg, site.region)
}

/// Not seen stopped. Where an attempt is enough, it is enough if the appliance accepted to be standby, or
/// if the old site is down on every path: on one that is up or unknown clients may still write.
fn unstopped(plan: &Plan, progress: &Progress, view: &View, old: &Verdict, why: String) -> Next {
    let is_down = old.site == Reading::Down && old.up == 0 && old.unknown == 0;
    match plan.failover.fence {
        FenceDemand::Attempted if is_down || !progress.debts.contains(&Debt::Appliance) => {
            Next::Confirm(Step::StopCapacity, attempted(progress, why, None))
        }
        FenceDemand::Attempted | FenceDemand::Confirmed => {
            stop_refused(plan, progress, view, (&why, old))
        }
    }
}

/// Not seen stopped, and an attempt is not enough, unless a person accepts that it is.
pub(super) fn stop_refused(
    plan: &Plan,
    progress: &Progress,
    view: &View,
    why: (&str, &Verdict),
) -> Next {
    let refusal = unconfirmed(plan, progress, view.now, why);
    match accepted(plan, progress, view, refusal) {
        Ok(person) => {
            let why = person.words();
            Next::Confirm(Step::StopCapacity, attempted(progress, why, Some(person)))
        }
        Err(refusal) => Next::Stop(refusal),
    }
}

fn attempted(progress: &Progress, why: String, accepted: Option<Accepted>) -> Finding {
    let debts = progress.debts.clone();
    Finding::StopAttempted { debts, why, accepted: accepted.map(Box::new) }
}

/// A pilot light has nothing that could be promoted before it runs. Already running is already so.
pub(super) fn start(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let site = plan.other(&progress.opened.from);
    let Some(capacity) = &site.capacity else {
        return Next::Wait(format!("the plan gives {} no capacity any more", site.name));
    };
    let group = match &view.group {
        Seen::Here(group) => group,
        Seen::Absent => return Next::Stop(no_capacity(capacity, site)),
        Seen::Unknown(why) => {
            return Next::Wait(format!("the Auto Scaling group could not be looked at: {why}"));
        }
    };
    if may_be_put_back(progress, view) {
        return start_again(capacity, group, view, progress);
    }
    if group.has(capacity.desired) {
        return Next::Confirm(Step::StartCapacity, Finding::InService { group: group.clone() });
    }
    let waited_for =
        || format!("{} has {}, and {} wanted", capacity.asg, group.words(), capacity.desired);
    if group.desired >= capacity.desired {
        return Next::Wait(waited_for());
    }
    if !group.takes(capacity.desired) {
        return Next::Stop(out_of_bounds(capacity, group));
    }
    match &view.attempt {
        None => Next::Do(Act::StartCapacity { desired: capacity.desired }),
        Some(Attempt::Accepted) => Next::Wait(waited_for()),
        Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => Next::Wait(why.clone()),
    }
}

/// The term before may still put its instances back, and has no condition by which Auto Scaling would
/// refuse it: so they are started, and started again, and not believed to stay for so long.
fn start_again(capacity: &Capacity, group: &Group, view: &View, progress: &Progress) -> Next {
    if !group.takes(capacity.desired) {
        return Next::Stop(out_of_bounds(capacity, group));
    }
    let is_to_be_told = !progress.may_have_started() || group.desired < capacity.desired;
    if is_to_be_told && view.attempt.is_none() {
        return Next::Do(Act::StartCapacity { desired: capacity.desired });
    }
    Next::Wait(format!(
        "what the term before has started may yet be put back, so {} is believed {QUIET_S} s after it was \
         told",
        capacity.asg
    ))
}

/// There is nothing of that name to start.
pub(in crate::failover) fn no_capacity(capacity: &Capacity, site: &Site) -> Refusal {
    Refusal::NoCapacity { group: capacity.asg.clone(), region: site.region.clone() }
}

/// Auto Scaling would refuse what the plan wants.
pub(in crate::failover) fn out_of_bounds(capacity: &Capacity, group: &Group) -> Refusal {
    Refusal::CapacityOutOfBounds {
        group: capacity.asg.clone(),
        desired: capacity.desired,
        min: group.min,
        max: group.max,
    }
}
