//! Whether a failover begins: what the decision looks at, and what follows from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::acknowledgement::{Accepted, Acknowledgements, Handed};
use crate::capacity::Group;
use crate::database::{Instance, Pair, RestoreView};
use crate::dns::RecordSet;
use crate::evidence::{AlarmState, Signal, Verdict};
use crate::journal::{Debt, Progress, Step};
use crate::maintenance::Posted;
use crate::name::{SiteName, Slot, Term};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::switch::Leads;

use super::{global, guards};

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
    /// What kind of move it was.
    #[serde(default)]
    pub kind: Kind,
    /// It ended before anything was told to the site that it would have left: nothing of it can arrive
    /// late, so no cooldown counts from it. A failover that a person has aborted is none of these.
    #[serde(default)]
    pub untouched: bool,
    /// It was given up, and instances that it had started at the standby are or were to be put back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub put_back: bool,
    /// What the site that it left still owes.
    pub debts: Vec<Debt>,
}

impl PastTerm {
    /// What a failover leaves to the next one; none while it is open. It counts as ended when its last
    /// entry was written, at `last_at`, so a debt that is paid late starts the cooldown again: what pays
    /// it may still be on its way to the old site.
    pub fn of(progress: &Progress, last_at: Timestamp) -> Option<Self> {
        let end = progress.end.as_ref()?;
        // Whoever aborts a failover wants no other one at once, though the alarm is raised.
        let is_unwanted = progress.abort.is_some() && !progress.opened.kind.is_planned();
        let light = Debt::PilotLight;
        Some(Self {
            term: progress.term,
            opened_at: progress.opened_at,
            ended_at: last_at,
            completed: end.completed,
            kind: progress.opened.kind,
            untouched: !end.completed && !progress.is_touched() && !is_unwanted,
            put_back: progress.debts.contains(&light) || progress.paid.contains(&light),
            debts: progress.debts.clone(),
        })
    }
}

/// Everything that the decision to begin looks at. It is kept whole in the journal, so that the
/// decision can be made again from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpeningView {
    /// What kind of move is asked for.
    #[serde(default)]
    pub kind: Kind,
    /// The time of the look.
    pub now: Timestamp,
    /// From when on the active site counts as lost; in a planned move, when it was asked for.
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
    /// The Auto Scaling group of the active site, when a planned move would end its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Seen<Group>>,
    /// The instances of the database, when the plan has one; the plan's own in a journal of format 1.
    #[serde(default)]
    pub pair: Option<Pair>,
    /// As of when the operator says that the appliance of home holds what the active site holds.
    #[serde(default)]
    pub restored: Option<Timestamp>,
    /// The replica, when the plan has a database; absent when it does not exist.
    pub replica: Option<Seen<Instance>>,
    /// How far it was behind at `lost_at`, in whole seconds.
    pub lag_s: Option<Seen<u64>>,
    /// What a failover sees that would restore the database; then there is no replica to be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreView>,
    /// The records of the plan and of the term.
    pub records: Seen<Vec<RecordSet>>,
    /// Where the switch and its alarm lead, when the plan's method is `health-check`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<Leads>,
    /// Failovers before this one, newest first; all of the last 24 hours, and at least the last one.
    pub past: Vec<PastTerm>,
    /// What people have put below `acknowledgements/<system>/`.
    #[serde(default = "nothing")]
    pub acknowledgements: Seen<Vec<Handed>>,
    /// A pause of automatic failovers; a malformed one is unknown.
    #[serde(default = "nothing")]
    pub pause: Seen<Posted>,
}

/// What a view of before says of what was not looked at then.
fn nothing<T>() -> Seen<T> {
    Seen::Absent
}

impl OpeningView {
    /// The term that the failover would get.
    pub fn term(&self) -> Term {
        self.past.first().map(|past| past.term).unwrap_or_default().next()
    }

    /// The kind of the move that follows from it: a planned move home is a failback, by whichever word it
    /// was asked for.
    pub fn kind_of_move(&self, plan: &Plan) -> Kind {
        let is_homeward = plan.other(&self.active).name == plan.home.name;
        if self.kind.is_planned() && is_homeward { Kind::Failback } else { self.kind }
    }

    /// The instances of the database.
    pub fn pair(&self, plan: &Plan) -> Option<Pair> {
        self.pair.clone().or_else(|| Pair::of(plan))
    }

    /// Whether a planned move begins with making a replica, like the instance that the last move left
    /// there. Before any move the plan names a replica of the operator's own, and that is not made.
    pub(super) fn is_to_be_seeded(&self) -> bool {
        let is_left = self.pair.as_ref().is_some_and(|pair| pair.left.is_some());
        self.kind.is_planned() && self.replica == Some(Seen::Absent) && is_left
    }

    /// What was acknowledged, against the term that the failover would get.
    pub fn acknowledged<'v>(&'v self, plan: &'v Plan) -> Acknowledgements<'v> {
        Acknowledgements {
            system: &plan.system,
            term: self.term(),
            now: self.now,
            past: &self.past,
            found: &self.acknowledgements,
        }
    }
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

impl Kind {
    /// Planned moves need no evidence of a loss, and take no risk that can be avoided.
    pub fn is_planned(self) -> bool {
        match self {
            Self::Failover => false,
            Self::Switchover | Self::Failback => true,
        }
    }

    /// As a person says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Switchover => "switchover",
            Self::Failback => "failback",
        }
    }
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
    /// What would have been refused, and who accepts it.
    #[serde(default)]
    pub accepted: Vec<Accepted>,
    /// The text of the plan, so that the decision can be made again; empty in a journal of before.
    #[serde(default)]
    pub plan: String,
}

impl Opened {
    /// The instances of the database that this move is about.
    pub fn pair(&self, plan: &Plan) -> Option<Pair> {
        self.view.pair(plan)
    }
}

/// Decides whether a move of the system away from the active site begins.
///
/// # Errors
/// The first [`Refusal`] that applies and is not acknowledged.
pub fn open(plan: &Plan, view: &OpeningView) -> Result<Opened, Refusal> {
    let acknowledged = view.acknowledged(plan);
    let mut accepted = Vec::new();
    for guard in guards::ALL {
        if let Err(refusal) = guard(plan, view) {
            accepted.push(acknowledged.lift(refusal)?);
        }
    }
    Ok(Opened { accepted, ..as_if_open(plan, view) })
}

/// The move as it would be if nothing refused it, to be rehearsed.
pub fn as_if_open(plan: &Plan, view: &OpeningView) -> Opened {
    Opened {
        kind: view.kind_of_move(plan),
        from: view.active.clone(),
        to: plan.other(&view.active).name.clone(),
        steps: steps(plan, view),
        verdict: guards::verdict_of(plan, view),
        view: view.clone(),
        accepted: Vec::new(),
        plan: String::new(),
    }
}

/// The steps of a move, in order.
fn steps(plan: &Plan, view: &OpeningView) -> Vec<Step> {
    let to = plan.other(&view.active);
    let has_database = plan.database.is_some();
    let stop = plan.other(&to.name).capacity.as_ref().map(|_| Step::StopCapacity);
    let start = to.capacity.as_ref().map(|_| Step::StartCapacity);
    let mut steps = Vec::new();
    if view.kind.is_planned() {
        // Whatever may fail comes before anybody is told anything, and what cannot be taken back last.
        let seed = (has_database && view.is_to_be_seeded()).then_some(Step::SeedDatabase);
        // Aurora waits for that by itself, before it switches over.
        let is_awaited = has_database && !global::is_of(plan);
        let catch_up = is_awaited.then_some(Step::CatchUp);
        steps.extend([seed, start, Some(Step::Fence), catch_up, stop].into_iter().flatten());
    } else {
        steps.extend([Some(Step::Fence), stop, start].into_iter().flatten());
    }
    let is_restored = view.restore.is_some();
    let promote = if is_restored { Step::RestoreDatabase } else { Step::PromoteDatabase };
    steps.extend(has_database.then_some(promote));
    steps.extend([Step::PromoteAppliance, Step::SeeHealthy, Step::Repoint, Step::SeeInSync]);
    steps
}
