//! The next step of a failover that has begun: one file per thing that a step is about.

mod appliance;
mod capacity;
mod catch_up;
mod database;
mod dns;
mod fence;
mod health;
mod order;
mod pilot;
mod restore;
mod seed;
mod switch;

use jiff::Timestamp;

use crate::acknowledgement::Handed;
use crate::capacity::Group;
use crate::database::{Instance, LagPoint, Restored};
use crate::dns::Change;
use crate::evidence::Signal;
use crate::journal::{Debt, Finding, Progress, Step};
use crate::name::SystemName;
use crate::plan::{Method, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::switch::SwitchView;

use super::report::{Report, report};

pub(in crate::failover) use capacity::{no_capacity, not_to_zero, out_of_bounds};
pub use dns::{ZoneView, stranded};
pub(in crate::failover) use fence::QUIET_S;
pub use fence::debts_of;
pub use order::{Other, holds_up};
pub(in crate::failover) use pilot::cannot_end;

/// What an appliance answered when it was told its mode, in this turn; or Auto Scaling, when it was told
/// a desired capacity. An appliance cannot be asked for its mode afterwards, so the answer is all there
/// is to see.
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
    /// The answer of whoever was told something in this turn, if one was.
    pub attempt: Option<Attempt>,
    /// The Auto Scaling group that is stopped or started.
    pub group: Seen<Group>,
    /// When the appliance was told that; a moment before, by the clock of this run.
    pub told_at: Option<Timestamp>,
    /// The replica.
    pub replica: Seen<Instance>,
    /// What has the name of the instance that is restored.
    pub restored: Seen<Restored>,
    /// Whether the copy that it is restored from is available; absent when it is not.
    pub copy: Seen<()>,
    /// The systems that this one comes after, and what is known of each; looked at before the first
    /// promotion.
    pub others: Vec<(SystemName, Seen<Other>)>,
    /// The lag of the replica in the last minutes.
    pub lag: Seen<Vec<LagPoint>>,
    /// Each hosted zone of the plan, when its method is to rewrite records.
    pub zones: Vec<ZoneView>,
    /// The switch, when its method is `health-check`.
    pub switch: SwitchView,
    /// What people have put below `acknowledgements/<system>/`; looked at when the fence needs it.
    pub acknowledgements: Seen<Vec<Handed>>,
}

/// One act, with nothing left to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make a replica of the active site's database.
    SeedDatabase,
    /// Tell the old appliance to be standby.
    Fence,
    /// Tell the old appliance to be production again.
    Unfence,
    /// Let the old site have no instance any more.
    StopCapacity,
    /// Let the new site have instances.
    StartCapacity {
        /// So many.
        desired: u32,
    },
    /// Restore the database from the copied snapshot of this identifier.
    RestoreDatabase {
        /// It.
        snapshot: String,
    },
    /// Promote the replica.
    PromoteDatabase,
    /// Make the other cluster the writer of the global database.
    MoveWriter {
        /// Without what it lacks: `FailoverGlobalCluster`. Otherwise Aurora waits until it lacks nothing,
        /// which needs both Regions: `SwitchoverGlobalCluster`.
        may_lose: bool,
    },
    /// Tell the new appliance to be production.
    PromoteAppliance,
    /// Submit exactly these changes, those of each zone in one batch.
    Repoint(Vec<Change>),
    /// Turn the switch to the new site under this term.
    TurnSwitch {
        /// Over exactly the one with this ETag, or over nothing.
        over: Option<String>,
    },
    /// Publish what the switch says.
    Publish,
}

impl Act {
    /// The step that it belongs to.
    pub fn step(&self) -> Step {
        match self {
            Self::SeedDatabase => Step::SeedDatabase,
            Self::Fence => Step::Fence,
            Self::Unfence => Step::Unfence,
            Self::StopCapacity => Step::StopCapacity,
            Self::StartCapacity { .. } => Step::StartCapacity,
            Self::RestoreDatabase { .. } => Step::RestoreDatabase,
            Self::PromoteDatabase | Self::MoveWriter { .. } => Step::PromoteDatabase,
            Self::PromoteAppliance => Step::PromoteAppliance,
            Self::Repoint(_) | Self::TurnSwitch { .. } => Step::Repoint,
            Self::Publish => Step::SeeInSync,
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
    /// It ends here, before any promotion; what the old site is still owed.
    Abandon(Refusal, Vec<Debt>),
    /// It is done.
    Complete(Box<Report>),
}

/// Decides what comes next in a failover that has begun and not ended.
pub fn next(plan: &Plan, progress: &Progress, view: &View) -> Next {
    // Before everything else: an abort is met by a move of any kind, at any step, also on its way back.
    if let Some(abort) = &progress.abort {
        return fence::aborted(plan, progress, abort, view);
    }
    if progress.intended == Some(Step::Unfence) {
        return fence::way_back(plan, progress, view);
    }
    let is_planned = progress.opened.kind.is_planned();
    match progress.next_step() {
        Some(step) if order::holds_up(progress, step) && order::is_held_up(view) => {
            order::wait(progress, view)
        }
        Some(Step::StopCapacity) if is_planned => pilot::stop(plan, progress, view),
        Some(Step::StartCapacity) if is_planned => pilot::start(plan, progress, view),
        Some(Step::StopCapacity) => capacity::stop(plan, progress, view),
        Some(Step::StartCapacity) => capacity::start(plan, progress, view),
        Some(Step::SeedDatabase) => seed::next(plan, progress, view),
        Some(Step::CatchUp) => catch_up::next(plan, progress, view),
        Some(Step::Fence | Step::Unfence) => fence::fence(plan, progress, view),
        Some(Step::RestoreDatabase) => restore::next(plan, progress, view),
        Some(Step::PromoteDatabase) => database::promote(plan, progress, view),
        Some(Step::PromoteAppliance) => appliance::promote(view),
        Some(Step::SeeHealthy) => health::see(plan, progress, view),
        Some(Step::Repoint) => match plan.dns.method {
            Method::Rewrite => dns::repoint(plan, progress, view),
            Method::HealthCheck { .. } => switch::turn(plan, progress, view),
        },
        Some(Step::SeeInSync) => match plan.dns.method {
            Method::Rewrite => dns::see_in_sync(plan, progress, view),
            Method::HealthCheck { .. } => switch::see_led(plan, progress, view),
        },
        None => Next::Complete(Box::new(report(plan, progress, view.now))),
    }
}
