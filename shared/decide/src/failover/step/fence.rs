//! The fence of the old site, and the way back from it.

use jiff::Timestamp;

use crate::acknowledgement::{Accepted, Acknowledgements};
use crate::evidence::{Reading, Verdict, proves_way_out, verdict};
use crate::failover::guards::not_healthy;
use crate::journal::{Abort, Debt, Finding, Progress, Step};
use crate::name::SiteName;
use crate::plan::{FenceDemand, Plan};
use crate::refusal::Refusal;

use super::{Act, Attempt, Next, View, catch_up, pilot};

/// The longest that an invocation lives, in seconds: `Timeout` of failover-promotion in recovery.yaml.
const RUN_S_MAX: i64 = 180;

/// The most by which the clocks of two runs differ, in seconds. Lambda's are kept by NTP and differ by
/// far less.
const SKEW_S_MAX: i64 = 15;

/// After so many seconds nothing that an earlier run has sent can arrive.
pub(in crate::failover) const QUIET_S: i64 = RUN_S_MAX + SKEW_S_MAX;

/// How long a planned move tries to fence, in seconds, before it takes the way back.
const PLANNED_FENCE_S_MAX: i64 = 60;

/// Before anything is promoted, the old site is told to be standby. If it is back before it was told,
/// the failover ends; if it is back and may have been told, it is told to be production first. What was
/// agreed to be lost was agreed for the loss that the failover began with, so a site that came back is
/// never left for good because of it.
///
/// Where the failover before still owed the site its mode, a run that pays that may be under way: it has
/// read the journals before this term was in them, so it is dead [`QUIET_S`] after whoever drives this
/// term wrote its first intention. Until then the site is told to be standby again and again, and nothing
/// that it answers counts.
pub(super) fn fence(plan: &Plan, progress: &Progress, view: &View) -> Next {
    if progress.opened.kind.is_planned() {
        return planned(plan, progress, view);
    }
    let next = unplanned(plan, progress, view);
    let told_at = view.told_at.unwrap_or(progress.opened_at);
    let since_s = since_intended_s(progress, Step::Fence, told_at);
    if progress.has_inherited() && since_s < QUIET_S && matches!(next, Next::Confirm(..)) {
        return Next::Wait(format!(
            "what the term before owed {} may be paid until {QUIET_S} s after the first fence \
             ({since_s} s ago), so it is told to be standby once more",
            progress.opened.from
        ));
    }
    next
}

fn unplanned(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let quorum = plan.failover.signals;
    let old = verdict(&view.old, quorum, proves_way_out(&view.new));
    let site = progress.opened.from.clone();
    match (progress.intended, old.site) {
        (None, Reading::Up) if view.attempt.is_none() && !progress.is_touched() => {
            return Next::Abandon(Refusal::PrimaryReturned { site, verdict: old }, Vec::new());
        }
        (_, Reading::Up) => return Next::Do(Act::Unfence),
        (_, Reading::Down | Reading::Unknown) => {}
    }
    // What cannot be reached is not asked for long where its instances can be ended: that step decides
    // whether the plan's demand is met.
    let is_stopped_next = progress.opened.steps.contains(&Step::StopCapacity);
    match &view.attempt {
        None => Next::Do(Act::Fence),
        Some(Attempt::Accepted) => Next::Confirm(Step::Fence, fenced(plan, &progress.opened.from)),
        // Unreachable by every path, and not only by enough of them: on a path that is up or unknown
        // clients may still write.
        Some(Attempt::Unreachable(why))
            if old.site == Reading::Down
                && (is_stopped_next
                    || plan.failover.fence == FenceDemand::Attempted
                        && old.up == 0
                        && old.unknown == 0) =>
        {
            let (debts, why) = (debts_of(plan, &site), why.clone());
            let finding = Finding::FenceAttempted { debts, why, accepted: None };
            Next::Confirm(Step::Fence, finding)
        }
        Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => unless_accepted(
            plan,
            progress,
            view,
            unconfirmed(plan, progress, view.now, (why, &old)),
        ),
    }
}

/// A person has asked for the way back, from a move of any kind, at whichever step. A site that was never
/// told anything is left as it is; one that may have been told to be standby is told to be production,
/// with each tick until no run of before, which may still fence it, can be alive. A site that cannot be
/// told in all that time is said to be so.
pub(super) fn aborted(plan: &Plan, progress: &Progress, abort: &Abort, view: &View) -> Next {
    let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
    let site = progress.opened.from.clone();
    let end = |told: String, mut debts: Vec<Debt>| {
        debts.extend(pilot::owed(progress));
        let (site, who, reason) = (site.clone(), abort.who.clone(), abort.reason.clone());
        Next::Abandon(Refusal::Aborted { site, who, reason, told }, debts)
    };
    if !progress.is_touched() {
        return end("it was never told to be standby".to_owned(), Vec::new());
    }
    // As on the way back that nobody asked for: when it was told counts, and not when that is looked at.
    let told_at = view.told_at.unwrap_or(progress.opened_at);
    let since_s = since_intended_s(progress, Step::Unfence, told_at);
    let later = |what: &str| {
        Next::Later(format!(
            "the {} is aborted; {site} {what}, and is told once more when no run of before can be \
             alive, {QUIET_S} s after it was told first ({since_s} s ago)",
            progress.opened.kind.words()
        ))
    };
    match (progress.intended, &view.attempt) {
        (Some(Step::Unfence), Some(Attempt::Accepted)) if since_s >= QUIET_S => {
            end("it was told to be production again".to_owned(), Vec::new())
        }
        (Some(Step::Unfence), Some(Attempt::Accepted)) => later("is production again"),
        (Some(Step::Unfence), Some(Attempt::Unreachable(why))) if old.site == Reading::Down => {
            if since_s >= QUIET_S {
                let told = format!(
                    "it could not be told to be production again, and is told so when it answers: {why}"
                );
                return end(told, vec![Debt::Mode]);
            }
            later("cannot be reached")
        }
        (Some(Step::Unfence), Some(Attempt::Unreachable(why) | Attempt::Unclear(why))) => {
            Next::Wait(format!("{site} is to be production again: {why}"))
        }
        (_, _) => Next::Do(Act::Unfence),
    }
}

/// A person may take it upon them that the old site takes no writes (P2). What was not confirmed was an
/// attempt then: all of it is owed as if nobody had accepted anything, is tried again with every tick,
/// and keeps the system from going back there until it is paid.
fn unless_accepted(plan: &Plan, progress: &Progress, view: &View, refusal: Refusal) -> Next {
    match accepted(plan, progress, view, refusal) {
        Ok(accepted) => {
            let (debts, why) = (debts_of(plan, &progress.opened.from), accepted.words());
            let accepted = Some(Box::new(accepted));
            Next::Confirm(Step::Fence, Finding::FenceAttempted { debts, why, accepted })
        }
        Err(refusal) => Next::Stop(refusal),
    }
}

/// Who accepts that a fence is not confirmed; or else the refusal, as it was.
pub(super) fn accepted(
    plan: &Plan,
    progress: &Progress,
    view: &View,
    refusal: Refusal,
) -> Result<Accepted, Refusal> {
    let acknowledged = Acknowledgements {
        system: &plan.system,
        term: progress.term,
        now: view.now,
        past: &progress.opened.view.past,
        found: &view.acknowledgements,
    };
    acknowledged.lift(refusal)
}

fn fenced(plan: &Plan, site: &SiteName) -> Finding {
    let debts = debts_of(plan, site).into_iter().filter(|debt| *debt != Debt::Appliance);
    Finding::Fenced { debts: debts.collect() }
}

/// A planned move has no excuse: the fence is confirmed, whatever the plan demands of a failover, or the
/// old site is given back. Both sites are seen well once more before anything is told to anybody, for
/// what came before may have taken hours.
fn planned(plan: &Plan, progress: &Progress, view: &View) -> Next {
    if progress.intended.is_none() && view.attempt.is_none() {
        if let Some(why) = not_healthy(&view.old) {
            let site = progress.opened.from.clone();
            // Where it is lost, a failover follows, and needs what was started.
            let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
            let is_lost = old.site == Reading::Down;
            let debts = if is_lost { Vec::new() } else { pilot::owed(progress) };
            return Next::Abandon(Refusal::ActiveNotHealthy { site, why }, debts);
        }
        if let Some(why) = not_healthy(&view.new) {
            let site = progress.opened.to.clone();
            return Next::Abandon(Refusal::StandbyNotReady { site, why }, pilot::owed(progress));
        }
    }
    let tried_s = since_intended_s(progress, Step::Fence, view.now);
    match &view.attempt {
        Some(Attempt::Accepted) => Next::Confirm(Step::Fence, fenced(plan, &progress.opened.from)),
        _ if tried_s >= PLANNED_FENCE_S_MAX => Next::Do(Act::Unfence),
        None => Next::Do(Act::Fence),
        Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => {
            Next::Wait(format!("the active site did not accept to be standby yet: {why}"))
        }
    }
}

/// A run that went to sleep before the way back was taken may still tell the site to be standby. It is
/// told to be production again with each tick, until no such run can be alive. A site that is gone again
/// by then is owed its mode. So nothing that this failover has sent can arrive after its end, but what
/// pays that.
pub(super) fn way_back(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let old = verdict(&view.old, plan.failover.signals, proves_way_out(&view.new));
    let site = progress.opened.from.clone();
    // When it was told counts, and not when that is looked at: a run that slept in between has told it
    // before a late fence arrived, and not after.
    let told_at = view.told_at.unwrap_or(progress.opened_at);
    let since_s = since_intended_s(progress, Step::Unfence, told_at);
    match &view.attempt {
        None => Next::Do(Act::Unfence),
        Some(Attempt::Accepted) => {
            if since_s >= QUIET_S {
                let why = why_back(plan, progress, view, old);
                return Next::Abandon(why, pilot::owed(progress));
            }
            Next::Later(format!(
                "{site} is production again since {since_s} s, and is told so once more when no run of \
                 before can be alive, after {QUIET_S} s"
            ))
        }
        Some(Attempt::Unreachable(why)) if old.site == Reading::Down => {
            if since_s >= QUIET_S {
                return Next::Abandon(
                    Refusal::WayBackLost { site, verdict: old },
                    vec![Debt::Mode],
                );
            }
            Next::Later(format!(
                "{site} was to be production again, and is gone: the failover is given up after \
                 {QUIET_S} s of that ({since_s} s so far): {why}"
            ))
        }
        Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => {
            Next::Wait(format!("{site} is to be production again: {why}"))
        }
    }
}

/// Why the way back was taken: it follows from how far the move had come.
fn why_back(plan: &Plan, progress: &Progress, view: &View, verdict: Verdict) -> Refusal {
    let site = progress.opened.from.clone();
    if !progress.opened.kind.is_planned() {
        return Refusal::PrimaryReturned { site, verdict };
    }
    if progress.next_step() == Some(Step::StopCapacity) {
        let why = format!(
            "the last look before the instances of {site} were to end did not come out well in time: its \
             database has to be available, and nothing may keep them from ending"
        );
        return Refusal::StandbyNotReady { site: progress.opened.to.clone(), why };
    }
    if progress.is_done(Step::Fence) && !progress.opened.steps.contains(&Step::CatchUp) {
        let why = "its database was not in a state to be promoted".to_owned();
        return Refusal::StandbyNotReady { site: progress.opened.to.clone(), why };
    }
    if progress.is_done(Step::CatchUp) {
        let why = "its database was caught up, and then not in a state to be promoted".to_owned();
        return Refusal::StandbyNotReady { site: progress.opened.to.clone(), why };
    }
    if progress.is_done(Step::Fence) {
        return catch_up::not_caught_up(plan, progress, view);
    }
    let why = "it did not accept to be standby, and is production again";
    unconfirmed(plan, progress, view.now, (why, &verdict))
}

pub(super) fn since_intended_s(progress: &Progress, step: Step, now: Timestamp) -> i64 {
    let first = progress.first_intended_at.iter().find(|(known, _)| *known == step);
    first.map_or(0, |(_, at)| now.as_second().saturating_sub(at.as_second()))
}

pub(super) fn unconfirmed(
    plan: &Plan,
    progress: &Progress,
    now: Timestamp,
    (why, old): (&str, &Verdict),
) -> Refusal {
    let tried_s = since_intended_s(progress, Step::Fence, now);
    let demand = match plan.failover.fence {
        _ if progress.opened.kind.is_planned() => "a planned move demands a confirmed fence",
        FenceDemand::Confirmed => "the plan demands a confirmed fence",
        FenceDemand::Attempted => "it is not down on every path, so it may still write",
    };
    Refusal::FenceUnconfirmed {
        site: progress.opened.from.clone(),
        tried_s: u64::try_from(tried_s).unwrap_or(0),
        demand: demand.to_owned(),
        why: why.to_owned(),
        up: old.up,
    }
}

/// Everything that the site that is left would owe if none of it could be done now. RDS refuses to
/// stop an instance that has a replica, so the old database is always stopped after the promotion; a
/// cluster of a global database is fenced by the promotion itself, and that is seen after it.
pub fn debts_of(plan: &Plan, from: &SiteName) -> Vec<Debt> {
    let mut debts = vec![Debt::Appliance];
    if plan.site(from).is_some_and(|site| site.capacity.is_some()) {
        debts.push(Debt::Capacity);
    }
    if plan.database.is_some() {
        debts.push(Debt::Database);
    }
    debts
}
