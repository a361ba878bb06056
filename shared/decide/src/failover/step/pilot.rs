//! The Auto Scaling groups of both sites in a planned move. The new site runs and is well before anybody
//! is told anything; the old site's instances end last of all that comes before the first promotion.

use crate::capacity::Group;
use crate::evidence::{Reading, proves_way_out, verdict};
use crate::failover::guards::not_healthy;
use crate::journal::{Debt, Finding, Progress, Step};
use crate::plan::{Capacity, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::capacity::{absent, not_to_zero, stop_refused};
use super::database::{is_given_up, waited_s};
use super::fence::{QUIET_S, since_intended_s};
use super::{Act, Attempt, Next, View, capacity};

/// How long the instances of the new site may take until they are in service and the site is healthy, in
/// seconds, before a planned move is given up.
const START_S_MAX: i64 = 900;
/// How long the last look before the point of no return may take to come out well, in seconds; and how
/// long instances may take to end before that is said.
const END_S_MAX: i64 = 600;

/// Nothing was told to the active site yet, so everything that is not well ends the move. Should that
/// site be lost meanwhile, the way is made free for a failover, which needs what was started here.
pub(super) fn start(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
    if old.site == Reading::Down {
        let why = not_healthy(&view.old).unwrap_or_else(|| "it is down".to_owned());
        let site = progress.opened.from.clone();
        return Next::Abandon(Refusal::ActiveNotHealthy { site, why }, Vec::new());
    }
    let site = progress.opened.to.clone();
    let why = match (capacity::start(plan, progress, view), not_healthy(&view.new)) {
        (Next::Confirm(_, finding), None) => return Next::Confirm(Step::StartCapacity, finding),
        (Next::Confirm(..), Some(why)) => {
            format!("{site} runs, and is not seen healthy yet: {why}")
        }
        (Next::Wait(why), _) => why,
        (Next::Stop(refusal), _) => return Next::Abandon(refusal, owed(progress)),
        (next @ (Next::Do(_) | Next::Later(_) | Next::Abandon(..) | Next::Complete(_)), _) => {
            return next;
        }
    };
    let tried_s = since_intended_s(progress, Step::StartCapacity, view.now);
    if tried_s.max(waited_s(progress, view)) < START_S_MAX {
        return Next::Wait(why);
    }
    Next::Abandon(Refusal::StandbyNotReady { site, why }, owed(progress))
}

/// The instances of the old site end once it has accepted to be standby and the replica holds all that was
/// written: what they end with is then nothing that is needed, and what their group would start in place
/// of one that fails, in whatever mode its image has, cannot write beside the new site. It cannot be taken
/// back, so whatever the next step needs is seen first; until then the way back is open.
pub(super) fn stop(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let site = plan.other(&plan.other(&progress.opened.from).name);
    let Some(scaled) = &site.capacity else {
        return Next::Wait(format!("the plan gives {} no capacity any more", site.name));
    };
    let group = match &view.group {
        Seen::Here(group) => Ok(group),
        Seen::Absent => Err(absent(scaled, site)),
        Seen::Unknown(why) => Err(format!("{} could not be looked at: {why}", scaled.asg)),
    };
    if !progress.is_past_return
        && let Some(next) = go_back_or_wait(plan, progress, view, (scaled, &group))
    {
        return next;
    }
    let why = match group {
        Ok(group) if group.is_gone() => {
            let left = |debt: &&Debt| **debt != Debt::Capacity;
            let debts = progress.debts.iter().filter(left).copied().collect();
            let finding = Finding::Stopped { debts, group: group.clone() };
            return Next::Confirm(Step::StopCapacity, finding);
        }
        Ok(group) if group.desired > 0 && group.takes(0) => match &view.attempt {
            None => return Next::Do(Act::StopCapacity),
            Some(Attempt::Accepted) => format!("{} was told to end its instances", scaled.asg),
            Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => why.clone(),
        },
        Ok(group) if group.desired > 0 => not_to_zero(scaled, group),
        Ok(group) => format!("{} still has {}", scaled.asg, group.words()),
        Err(why) => why,
    };
    if since_intended_s(progress, Step::StopCapacity, view.now) < END_S_MAX {
        return Next::Wait(why);
    }
    let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
    stop_refused(plan, progress, view, (&why, &old))
}

/// What keeps the instances from ending, or the replica from being promoted after that.
fn go_back_or_wait(
    plan: &Plan,
    progress: &Progress,
    view: &View,
    (scaled, group): (&Capacity, &Result<&Group, String>),
) -> Option<Next> {
    if let Some(pair) = progress.opened.pair(plan) {
        if is_given_up(&pair, progress, view) {
            return Some(Next::Do(Act::Unfence));
        }
        let is_ready = |found: &crate::database::Instance| found.status == "available";
        if !view.replica.here().is_some_and(is_ready) {
            let id = pair.replica.id;
            return Some(Next::Wait(format!("{id} is not in a state to be promoted")));
        }
    }
    let why = match group {
        Ok(group) if group.is_gone() => return None,
        Ok(group) => cannot_end(scaled, group)?,
        Err(why) => why.clone(),
    };
    if waited_s(progress, view) >= END_S_MAX {
        return Some(Next::Do(Act::Unfence));
    }
    Some(Next::Wait(why))
}

/// Why the instances of a group would not end although it is told to have none.
pub(in crate::failover) fn cannot_end(capacity: &Capacity, group: &Group) -> Option<String> {
    if !group.takes(0) {
        return Some(not_to_zero(capacity, group));
    }
    let is_kept = group.protected > 0 || group.suspended.iter().any(|name| name == "Terminate");
    is_kept.then(|| format!("{} has {}", capacity.asg, group.words()))
}

/// What a move that is given up owes the site that it would have gone to: its instances put back.
pub(super) fn owed(progress: &Progress) -> Vec<Debt> {
    if progress.may_have_started() { vec![Debt::PilotLight] } else { Vec::new() }
}

/// Whether instances that this term starts may yet be ended by a run that pays what the term before owed
/// for them: it has read the journals before this term was in them, so it is dead [`QUIET_S`] after
/// whoever drives this term has first intended to start them. Until then nothing that runs is believed.
pub(super) fn may_be_put_back(progress: &Progress, view: &View) -> bool {
    let Some(past) = progress.opened.view.past.first().filter(|past| past.put_back) else {
        return false;
    };
    let since_s = progress.opened_at.as_second().saturating_sub(past.ended_at.as_second());
    let is_under_way = past.debts.contains(&Debt::PilotLight) || since_s < QUIET_S;
    is_under_way && since_intended_s(progress, Step::StartCapacity, view.now) < QUIET_S
}
