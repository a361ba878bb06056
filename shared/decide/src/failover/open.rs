//! Whether a failover begins: what the decision looks at, and what follows from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::acknowledgement::{Accepted, Acknowledgements, Handed};
use crate::capacity::Group;
use crate::database::Instance;
use crate::dns::RecordSet;
use crate::evidence::{AlarmState, Signal, Verdict};
use crate::journal::{Debt, Step};
use crate::maintenance::Posted;
use crate::name::{SiteName, Slot, Term};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::guards;

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

/// Decides whether a failover of the active site begins.
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
    let to = plan.other(&view.active);
    let mut steps = vec![Step::Fence];
    if plan.other(&to.name).capacity.is_some() {
        steps.push(Step::StopCapacity);
    }
    if to.capacity.is_some() {
        steps.push(Step::StartCapacity);
    }
    if plan.database.is_some() {
        steps.push(Step::PromoteDatabase);
    }
    steps.extend([Step::PromoteAppliance, Step::SeeHealthy, Step::Repoint, Step::SeeInSync]);
    Ok(Opened {
        kind: Kind::Failover,
        from: view.active.clone(),
        to: to.name.clone(),
        steps,
        verdict: guards::verdict_of(plan, view),
        view: view.clone(),
        accepted,
        plan: String::new(),
    })
}
