//! Whether a failover begins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capacity::Group;
use crate::database::Instance;
use crate::dns::{self, Move, RecordSet};
use crate::evidence::{AlarmState, Reading, Sight, Signal, Verdict, proves_way_out, verdict};
use crate::journal::{Debt, Step};
use crate::name::{SiteName, Slot, Term};
use crate::plan::{Appliance, DatabaseKind, Mode, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::step::{no_capacity, out_of_bounds};

const DAY_S: i64 = 86_400;

/// Who asked for the failover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Asked {
    /// A CloudWatch alarm of this name, and its state when read again.
    Alarm {
        /// Its name.
        name: String,
        /// As CloudWatch says now, not as the event said.
        state: Seen<AlarmState>,
    },
    /// A person, and why.
    Operator {
        /// In their words.
        reason: String,
    },
}

/// A failover before this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTerm {
    /// Its number.
    pub term: Term,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// It moved the system; otherwise it was abandoned.
    pub completed: bool,
    /// What the site that it left still owes.
    pub debts: Vec<Debt>,
}

/// Everything that the decision to begin looks at. It is kept whole in the journal, so that the
/// decision can be made again from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpeningView {
    /// The time of the look.
    pub now: Timestamp,
    /// From when on the active site counts as lost.
    pub lost_at: Timestamp,
    /// Who asked.
    pub asked: Asked,
    /// The active site, by the newest completed term.
    pub active: SiteName,
    /// The signals of the active site.
    pub primary: Vec<Signal>,
    /// The signals of the standby.
    pub standby: Vec<Signal>,
    /// The newest backup with a receipt; absent when there is none.
    pub proven: Seen<Slot>,
    /// The Auto Scaling group of the standby, when the plan has one for it; absent when it does not
    /// exist.
    #[serde(default)]
    pub capacity: Option<Seen<Group>>,
    /// The replica, when the plan has a database; absent when it does not exist.
    pub replica: Option<Seen<Instance>>,
    /// How far it was behind at `lost_at`, in whole seconds.
    pub lag_s: Option<Seen<u64>>,
    /// The records of the plan and of the term.
    pub records: Seen<Vec<RecordSet>>,
    /// Failovers before this one, newest first; all of the last 24 hours, and at least the last one.
    pub past: Vec<PastTerm>,
}

/// What kind of move it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The active site is lost. All that a journal of format 1 can hold.
    #[default]
    Failover,
    /// Planned: both sites are alive.
    Switchover,
    /// Planned: home, after a failover.
    Failback,
}

/// A decision to begin: what was seen, and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// What kind of move it is.
    #[serde(default)]
    pub kind: Kind,
    /// The site that is left.
    pub from: SiteName,
    /// The site that takes over.
    pub to: SiteName,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What the signals of the site that is left say together.
    pub verdict: Verdict,
    /// What the decision saw.
    pub view: OpeningView,
}

/// Decides whether a failover of the active site begins.
///
/// # Errors
/// The first [`Refusal`] that applies, in the order in which a person would want to hear it.
pub fn open(plan: &Plan, view: &OpeningView) -> Result<Opened, Refusal> {
    is_supported(plan, view)?;
    let verdict = is_lost(plan, view)?;
    is_due(plan, view)?;
    is_ready(plan, view)?;
    is_within_loss(plan, view)?;
    let to = plan.other(&view.active).name.clone();
    is_unmoved(plan, view, &to)?;
    let mut steps = vec![Step::Fence];
    let has_capacity = |name: &SiteName| plan.site(name).is_some_and(|it| it.capacity.is_some());
    if has_capacity(&view.active) {
        steps.push(Step::StopCapacity);
    }
    if has_capacity(&to) {
        steps.push(Step::StartCapacity);
    }
    if plan.database.is_some() {
        steps.push(Step::PromoteDatabase);
    }
    steps.extend([Step::PromoteAppliance, Step::SeeHealthy, Step::Repoint, Step::SeeInSync]);
    let kind = Kind::Failover;
    Ok(Opened { kind, from: view.active.clone(), to, steps, verdict, view: view.clone() })
}

/// What this version cannot finish is not begun.
fn is_supported(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let not_yet = |what: String, instead: &str| {
        Err(Refusal::NotSupported { what, instead: instead.to_owned() })
    };
    for site in [&plan.home, &plan.away] {
        match &site.appliance {
            Appliance::Device42(_) | Appliance::Http { .. } => {}
            Appliance::Aviatrix(_) | Appliance::HabitatBuilder(_) => {
                let what = format!("a failover of the kind of appliance at {}", site.name);
                return not_yet(what, "device42 and http appliances are");
            }
        }
    }
    let Some(database) = &plan.database else { return Ok(()) };
    if database.kind == DatabaseKind::AuroraGlobal {
        return not_yet("a failover of an Aurora global database".to_owned(), "rds is");
    }
    if view.active != plan.home.name {
        let what =
            format!("a failover from {} home to {} with a database", view.active, plan.home.name);
        return not_yet(what, "rebuild the replica there, and give the plan its new names");
    }
    Ok(())
}

/// The evidence: the alarm read again, and enough independent signals.
fn is_lost(plan: &Plan, view: &OpeningView) -> Result<Verdict, Refusal> {
    match (&view.asked, plan.failover.mode) {
        (Asked::Alarm { .. }, Mode::Manual | Mode::Approve) => {
            let mode = if plan.failover.mode == Mode::Manual { "manual" } else { "approve" };
            return Err(Refusal::ModeIsNotAutomatic { mode: mode.to_owned() });
        }
        (Asked::Alarm { name, state }, Mode::Automatic) => {
            let state = match state {
                Seen::Here(AlarmState::Alarm) => None,
                Seen::Here(AlarmState::Ok) => Some("OK".to_owned()),
                Seen::Here(AlarmState::InsufficientData) => Some("INSUFFICIENT_DATA".to_owned()),
                Seen::Absent => Some("gone".to_owned()),
                Seen::Unknown(why) => Some(format!("unknown ({why})")),
            };
            if let Some(state) = state {
                return Err(Refusal::AlarmNotRaised { alarm: name.clone(), state });
            }
        }
        (Asked::Operator { .. }, _) => {}
    }
    let verdict = verdict(&view.primary, plan.failover.signals, proves_way_out(&view.standby));
    let site = view.active.clone();
    let down_min = plan.failover.signals.down;
    match verdict.site {
        Reading::Down => Ok(verdict),
        Reading::Up => Err(Refusal::PrimaryHealthy { site, verdict, down_min }),
        Reading::Unknown => Err(Refusal::NotEnoughSignals { site, verdict, down_min }),
    }
}

/// Anti-flapping: the cooldown counts from the END of the last failover, abandoned ones included.
fn is_due(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    if let Some(last) = view.past.first() {
        let since_s = view.now.as_second().saturating_sub(last.ended_at.as_second());
        let since_s = u64::try_from(since_s).unwrap_or(0);
        let cooldown_s = plan.failover.cooldown_s;
        if since_s < cooldown_s {
            return Err(Refusal::Cooldown { term: last.term, since_s, cooldown_s });
        }
    }
    let day_ago_s = view.now.as_second().saturating_sub(DAY_S);
    let today =
        view.past.iter().filter(|past| past.completed && past.opened_at.as_second() > day_ago_s);
    let count = u32::try_from(today.count()).unwrap_or(u32::MAX);
    if count >= plan.failover.per_day {
        return Err(Refusal::DailyLimit { count, per_day: plan.failover.per_day });
    }
    let owing = view.past.iter().find(|past| past.completed && !past.debts.is_empty());
    match owing {
        Some(past) => Err(Refusal::FenceOwed {
            term: past.term,
            debts: past.debts.iter().map(|debt| debt.words()).collect::<Vec<_>>().join(", "),
        }),
        None => Ok(()),
    }
}

/// The standby answers on every signal, and has a database to promote.
fn is_ready(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let site = plan.other(&view.active).name.clone();
    let not_ready = |why: String| Refusal::StandbyNotReady { site: site.clone(), why };
    let is_pilot_light = is_pilot_light(plan, view)?;
    if let Some(why) = not_healthy(&view.standby).filter(|_| !is_pilot_light) {
        return Err(not_ready(why));
    }
    let (Some(database), Some(replica)) = (&plan.database, &view.replica) else { return Ok(()) };
    match replica {
        Seen::Here(replica) if replica.is_promotable_from(&database.source) => Ok(()),
        Seen::Here(replica) => Err(not_ready(format!(
            "its database is {}, and replicates {}",
            replica.status,
            replica.replica_of.as_deref().unwrap_or("nothing")
        ))),
        Seen::Absent => Err(Refusal::NoReplica {
            replica: database.replica.clone(),
            region: plan.other(&view.active).region.clone(),
        }),
        Seen::Unknown(why) => Err(not_ready(format!("its database is not known: {why}"))),
    }
}

/// Whether the standby has yet to be started, and can be: then its health is no condition, and is seen
/// once it runs.
fn is_pilot_light(plan: &Plan, view: &OpeningView) -> Result<bool, Refusal> {
    let site = plan.other(&view.active);
    let Some(capacity) = &site.capacity else { return Ok(false) };
    match &view.capacity {
        Some(Seen::Here(group)) if group.has(capacity.desired) => Ok(false),
        Some(Seen::Here(group)) if group.desired >= capacity.desired => Ok(true),
        Some(Seen::Here(group)) if group.takes(capacity.desired) => Ok(true),
        Some(Seen::Here(group)) => Err(out_of_bounds(capacity, group)),
        Some(Seen::Absent) => Err(no_capacity(capacity, site)),
        Some(Seen::Unknown(why)) => Err(Refusal::StandbyNotReady {
            site: site.name.clone(),
            why: format!("its Auto Scaling group is not known: {why}"),
        }),
        // A view of a version that did not look.
        None => Ok(false),
    }
}

/// No more would be lost than was agreed.
fn is_within_loss(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    // A replica that is a writer already has lost what it has lost: no measurement decides about it.
    let is_writer =
        view.replica.as_ref().and_then(Seen::here).is_some_and(|replica| replica.is_writer());
    if let (Some(database), Some(lag_s), false) = (&plan.database, &view.lag_s, is_writer) {
        match lag_s {
            Seen::Here(lag_s) if *lag_s <= database.lag_s_max => {}
            Seen::Here(lag_s) => {
                let lag_s_max = database.lag_s_max;
                return Err(Refusal::TooFarBehind { lag_s: *lag_s, lag_s_max });
            }
            Seen::Absent => {
                let why = "CloudWatch has no ReplicaLag for it".to_owned();
                return Err(Refusal::LagUnknown { why });
            }
            Seen::Unknown(why) => return Err(Refusal::LagUnknown { why: why.clone() }),
        }
    }
    let slot = match &view.proven {
        Seen::Here(slot) => *slot,
        Seen::Absent => {
            let why = "there is no receipt in the vault".to_owned();
            return Err(Refusal::NoProvenBackup { why });
        }
        Seen::Unknown(why) => return Err(Refusal::NoProvenBackup { why: why.clone() }),
    };
    let age_s = view.lost_at.as_second().saturating_sub(slot.instant().as_second());
    let age_s = u64::try_from(age_s).unwrap_or(0);
    let rpo_s = plan.objectives.rpo_s;
    if age_s > rpo_s { Err(Refusal::BackupTooOld { slot, age_s, rpo_s }) } else { Ok(()) }
}

/// Nobody has changed the records. That Route 53's control plane cannot be asked is no reason not to
/// begin: the records are looked at again before they are moved.
fn is_unmoved(plan: &Plan, view: &OpeningView, to: &SiteName) -> Result<(), Refusal> {
    let Seen::Here(records) = &view.records else { return Ok(()) };
    let term = view.past.first().map(|past| past.term).unwrap_or_default().next();
    match dns::decide(plan, to, term, records) {
        Move::Already | Move::Batch(_) => Ok(()),
        Move::Superseded(newer) => Err(Refusal::Superseded { term, newer }),
        Move::Drift(drift) => Err(Refusal::DnsDrift {
            record: drift.record,
            found: drift.found,
            wanted: drift.wanted,
        }),
    }
}

/// Why these signals do not show a healthy site; `None` when every one of them answers as expected.
pub(in crate::failover) fn not_healthy(signals: &[Signal]) -> Option<String> {
    let wrong: Vec<String> = signals
        .iter()
        .filter_map(|signal| {
            let why = match &signal.sight {
                Sight::AsExpected => return None,
                Sight::Otherwise(how) => how.clone(),
                Sight::Refused => "nothing listens there".to_owned(),
                Sight::Silent(why) => format!("no answer ({why})"),
                Sight::Broken(how) => how.clone(),
                Sight::NotTaken(why) => format!("not looked at ({why})"),
            };
            Some(format!("{}: {why}", signal.name))
        })
        .collect();
    if signals.is_empty() {
        return Some("it has no signal that could say so".to_owned());
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}
