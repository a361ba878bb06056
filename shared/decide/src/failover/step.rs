//! The next step of a failover that has begun.

use jiff::Timestamp;

use crate::database::Instance;
use crate::dns::{self, Change, Move, RecordSet};
use crate::evidence::{Reading, Signal, proves_way_out, verdict};
use crate::journal::{Debt, Finding, Progress, Step};
use crate::plan::{DatabaseKind, FenceDemand, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::open::not_healthy;
use super::report::{Report, report};

/// How long after its promotion a site's health is believed, in seconds.
const SETTLE_S: i64 = 10;

/// The longest that an invocation lives, in seconds: `Timeout` of failover-promotion in recovery.yaml.
const RUN_S_MAX: i64 = 180;

/// What an appliance answered when it was told its mode, in this turn. It cannot be asked for its mode
/// afterwards, so the answer is all there is to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It accepted.
    Accepted,
    /// It could not be reached.
    Unreachable(String),
    /// It answered something else, or the answer was lost: it is not known what it did.
    Unclear(String),
}

/// What was seen in this turn. What was not looked at is Unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The time of the look.
    pub now: Timestamp,
    /// The signals of the site that is left.
    pub old: Vec<Signal>,
    /// The signals of the site that takes over, what its own replica says excluded.
    pub new: Vec<Signal>,
    /// The answer of the appliance that was told its mode in this turn, if one was.
    pub attempt: Option<Attempt>,
    /// The replica.
    pub replica: Seen<Instance>,
    /// The records of the plan and of the term.
    pub records: Seen<Vec<RecordSet>>,
    /// The id of the change that this run submitted, if it did and had an answer.
    pub change_id: Option<String>,
    /// Whether the change is in sync.
    pub in_sync: Seen<bool>,
}

/// One act, with nothing left to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Tell the old appliance to be standby.
    Fence,
    /// Tell the old appliance to be production again.
    Unfence,
    /// Promote the replica.
    PromoteDatabase,
    /// Tell the new appliance to be production.
    PromoteAppliance,
    /// Submit exactly this batch.
    Repoint(Vec<Change>),
}

impl Act {
    /// The step that it belongs to.
    pub fn step(&self) -> Step {
        match self {
            Self::Fence => Step::Fence,
            Self::Unfence => Step::Unfence,
            Self::PromoteDatabase => Step::PromoteDatabase,
            Self::PromoteAppliance => Step::PromoteAppliance,
            Self::Repoint(_) => Step::Repoint,
        }
    }
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Write the intention, then act.
    Do(Act),
    /// The step was seen done.
    Confirm(Step, Finding),
    /// Look again in a moment; the sentence says what is waited for.
    Wait(String),
    /// Look again with the next tick; the sentence says what is waited for.
    Later(String),
    /// It cannot go on as it is; it stays open, and every tick looks again.
    Stop(Refusal),
    /// It ends here, before any promotion.
    Abandon(Refusal),
    /// It is done.
    Complete(Box<Report>),
}

/// Decides what comes next in a failover that has begun and not ended.
pub fn next(plan: &Plan, progress: &Progress, view: &View) -> Next {
    match progress.next_step() {
        Some(Step::Fence | Step::Unfence) => fence(plan, progress, view),
        Some(Step::PromoteDatabase) => promote_database(plan, progress, view),
        Some(Step::PromoteAppliance) => promote_appliance(view),
        Some(Step::SeeHealthy) => see_healthy(plan, progress, view),
        Some(Step::Repoint) => repoint(plan, progress, view),
        Some(Step::SeeInSync) => see_in_sync(view),
        None => Next::Complete(Box::new(report(plan, progress, view.now))),
    }
}

/// Before anything is promoted, the old site is told to be standby. If it is back before it was told,
/// the failover ends; if it is back and may have been told, it is told to be production first. What was
/// agreed to be lost was agreed for the loss that the failover began with, so a site that came back is
/// never left for good because of it.
fn fence(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let quorum = plan.failover.signals;
    let old = verdict(&view.old, quorum, proves_way_out(&view.new));
    let site = progress.opened.from.clone();
    let returned = Refusal::PrimaryReturned { site: site.clone(), verdict: old.clone() };
    match (progress.intended, &view.attempt) {
        // A run that went to sleep before the way back was taken may still tell the site to be standby.
        // It is told to be production again with each tick, until no such run can be alive.
        (Some(Step::Unfence), Some(Attempt::Accepted)) => {
            let since_s = since_intended_s(progress, Step::Unfence, view.now);
            if since_s >= RUN_S_MAX {
                return Next::Abandon(returned);
            }
            return Next::Later(format!(
                "{site} is production again since {since_s} s, and is told so once more when no run of \
                 before can be alive, after {RUN_S_MAX} s"
            ));
        }
        (Some(Step::Unfence), None) => return Next::Do(Act::Unfence),
        (Some(Step::Unfence), Some(Attempt::Unreachable(_))) if old.site == Reading::Down => {
            return Next::Abandon(Refusal::WayBackLost { site, verdict: old });
        }
        (Some(Step::Unfence), Some(Attempt::Unreachable(why) | Attempt::Unclear(why))) => {
            return Next::Wait(format!("{site} is to be production again: {why}"));
        }
        (None, None) if old.site == Reading::Up => return Next::Abandon(returned),
        _ if old.site == Reading::Up => return Next::Do(Act::Unfence),
        _ => {}
    }
    match &view.attempt {
        None => Next::Do(Act::Fence),
        Some(Attempt::Accepted) => {
            let debts = debts_of(plan).into_iter().filter(|d| *d != Debt::Appliance);
            Next::Confirm(Step::Fence, Finding::Fenced { debts: debts.collect() })
        }
        // Unreachable by every path, and not only by enough of them: on a path that is up or unknown
        // clients may still write.
        Some(Attempt::Unreachable(why))
            if plan.failover.fence == FenceDemand::Attempted
                && old.site == Reading::Down
                && old.up == 0
                && old.unknown == 0 =>
        {
            let debts = debts_of(plan);
            Next::Confirm(Step::Fence, Finding::FenceAttempted { debts, why: why.clone() })
        }
        Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => {
            Next::Stop(unconfirmed(plan, progress, view.now, why))
        }
    }
}

fn since_intended_s(progress: &Progress, step: Step, now: Timestamp) -> i64 {
    let first = progress.first_intended_at.iter().find(|(known, _)| *known == step);
    first.map_or(0, |(_, at)| now.as_second().saturating_sub(at.as_second()))
}

fn unconfirmed(plan: &Plan, progress: &Progress, now: Timestamp, why: &str) -> Refusal {
    let tried_s = since_intended_s(progress, Step::Fence, now);
    let demand = match plan.failover.fence {
        FenceDemand::Confirmed => "the plan demands a confirmed fence",
        FenceDemand::Attempted => "it is not down on every path, so it may still write",
    };
    Refusal::FenceUnconfirmed {
        site: progress.opened.from.clone(),
        tried_s: u64::try_from(tried_s).unwrap_or(0),
        demand: demand.to_owned(),
        why: why.to_owned(),
    }
}

/// Everything that the site that is left would owe if none of it could be done now. RDS refuses to
/// stop an instance that has a replica, so the old database is always stopped after the promotion.
pub fn debts_of(plan: &Plan) -> Vec<Debt> {
    let mut debts = vec![Debt::Appliance];
    if plan.database.as_ref().is_some_and(|database| database.kind == DatabaseKind::Rds) {
        debts.push(Debt::Database);
    }
    debts
}

/// There is no event for a promotion, so the replica is looked at. Already writable is already so.
fn promote_database(plan: &Plan, progress: &Progress, view: &View) -> Next {
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

fn promote_appliance(view: &View) -> Next {
    match &view.attempt {
        None => Next::Do(Act::PromoteAppliance),
        Some(Attempt::Accepted) => Next::Confirm(Step::PromoteAppliance, Finding::Accepted),
        Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => {
            Next::Wait(format!("the new appliance did not accept to be production: {why}"))
        }
    }
}

/// Seen after the promotion, never before it (P3). Unknown is not healthy. An appliance may answer for a
/// moment as it did before it was promoted, so the first seconds after that do not count.
fn see_healthy(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let promoted = progress.past.iter().find(|past| past.step == Step::PromoteAppliance);
    let since_s =
        promoted.map_or(0, |past| view.now.as_second().saturating_sub(past.at.as_second()));
    if since_s < SETTLE_S {
        return Next::Wait(format!(
            "the new site was promoted {since_s} s ago, and is believed after {SETTLE_S} s"
        ));
    }
    match not_healthy(&view.new) {
        Some(why) => Next::Wait(format!("the new site is not seen healthy yet: {why}")),
        None => {
            let verdict = verdict(&view.new, plan.failover.signals, true);
            Next::Confirm(Step::SeeHealthy, Finding::Healthy { verdict })
        }
    }
}

/// The records move only while the new site is seen healthy in this very turn: a run that goes on from
/// the journal does not believe what another run saw.
fn repoint(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let records = match &view.records {
        Seen::Here(records) => records,
        Seen::Absent => return Next::Wait("the zone has no records at all".to_owned()),
        Seen::Unknown(why) => return Next::Wait(format!("Route 53 could not be asked: {why}")),
    };
    let term = progress.term;
    let moved = dns::decide(plan, &progress.opened.to, term, records);
    if let (Move::Already, Some(change_id)) = (&moved, &view.change_id) {
        let records = records.clone();
        let finding = Finding::Moved { change_id: change_id.clone(), records };
        return Next::Confirm(Step::Repoint, finding);
    }
    if let Some(why) = not_healthy(&view.new) {
        return Next::Wait(format!("the new site is not healthy any more: {why}"));
    }
    match moved {
        Move::Already => Next::Do(Act::Repoint(dns::touch(plan, term, records))),
        Move::Batch(batch) => Next::Do(Act::Repoint(batch)),
        Move::Superseded(newer) => Next::Stop(Refusal::Superseded { term, newer }),
        Move::Drift(drift) => Next::Stop(Refusal::DnsDrift {
            record: drift.record,
            found: drift.found,
            wanted: drift.wanted,
        }),
    }
}

fn see_in_sync(view: &View) -> Next {
    match &view.in_sync {
        Seen::Here(true) => Next::Confirm(Step::SeeInSync, Finding::InSync),
        Seen::Here(false) => Next::Wait("the records have not reached every server yet".to_owned()),
        Seen::Absent => Next::Wait("Route 53 does not know the change".to_owned()),
        Seen::Unknown(why) => Next::Wait(format!("Route 53 could not be asked: {why}")),
    }
}
