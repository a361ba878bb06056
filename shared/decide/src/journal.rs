//! The journal of a failover: numbered entries, whose fold is the state.
//!
//! An intention is written before an act, so "intended, and nothing after it" means "may have
//! happened". A sequence that cannot have come from this code is an error, not a guess.

mod progress;

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::acknowledgement::Accepted;
use crate::capacity::Group;
use crate::dns::{Change, RecordSet};
use crate::evidence::Verdict;
use crate::failover::{Opened, Report};
use crate::name::{SiteName, SystemName, Term};
use crate::refusal::Refusal;

pub use progress::{Abort, End, Impossible, Past, Progress};

/// The version of the entries that this code writes.
///
/// Format 2 says what kind of move it is; format 3 says what a move owes that was given up, that a switch
/// was turned instead of records, and that a database was restored. What a version added has a default
/// under which an older entry means what it meant; a failover that an older version began is gone on with.
pub const FORMAT: u32 = 3;

/// The versions that this code reads. A journal of another one is refused, and never guessed at.
pub const FORMATS: RangeInclusive<u32> = 1..=FORMAT;

/// The steps of a failover, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Planned moves, where there is no replica yet: one is made of the active site's database.
    SeedDatabase,
    /// The old site is told to be standby.
    Fence,
    /// The old site has no instance any more: what it ran cannot write, whether it answers or not.
    StopCapacity,
    /// The new site has the instances that it needs.
    StartCapacity,
    /// Planned moves: the replica holds everything that was written before the fence.
    CatchUp,
    /// Where there is no replica: the database is restored from a copied snapshot.
    RestoreDatabase,
    /// The replica becomes a writer of its own.
    PromoteDatabase,
    /// The new site is told to be production.
    PromoteAppliance,
    /// Every signal of the new site answers as expected.
    SeeHealthy,
    /// The records move, and the term's record with them.
    Repoint,
    /// The move has reached all of Route 53's servers.
    SeeInSync,
    /// Instead of all that: the old site came back before any promotion, and is told to be production.
    Unfence,
}

impl Step {
    /// From the intention of such a step on, the failover only goes forward.
    pub fn has_no_return(self) -> bool {
        match self {
            Self::StopCapacity | Self::PromoteDatabase | Self::PromoteAppliance => true,
            Self::SeedDatabase
            | Self::Fence
            | Self::CatchUp
            | Self::StartCapacity
            | Self::RestoreDatabase
            | Self::SeeHealthy
            | Self::Repoint
            | Self::SeeInSync
            | Self::Unfence => false,
        }
    }

    /// As a person says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::SeedDatabase => "seed a replica of the database",
            Self::Fence => "fence the old site",
            Self::StopCapacity => "stop the instances of the old site",
            Self::StartCapacity => "start the instances of the new site",
            Self::CatchUp => "see the replica caught up",
            Self::RestoreDatabase => "restore the database from a copied snapshot",
            Self::PromoteDatabase => "promote the database",
            Self::PromoteAppliance => "promote the appliance",
            Self::SeeHealthy => "see the new site healthy",
            Self::Repoint => "repoint the records",
            Self::SeeInSync => "see the records in sync",
            Self::Unfence => "give the old site back its mode",
        }
    }
}

/// What is still owed to the old site after a failover, when it is back: its fence; or, when the failover
/// was given up, the end of its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Debt {
    /// The old appliance has to be told to be standby.
    Appliance,
    /// The old Auto Scaling group has to be left without an instance.
    Capacity,
    /// The old database has to be stopped, or seen demoted where it is a cluster of a global database.
    Database,
    /// The failover was given up, and the old appliance, which may be in standby, has to be told to be
    /// production again.
    Mode,
    /// The move was given up, and the Auto Scaling group of the standby, in which it has started
    /// instances, has to be put back to what it was. It costs money and endangers nothing.
    PilotLight,
}

impl Debt {
    /// As a person says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Appliance => "the old appliance set to standby",
            Self::Capacity => "the old instances ended",
            Self::Database => "the old database stopped or demoted",
            Self::Mode => "the old site given back its mode",
            Self::PilotLight => "the instances of the standby put back",
        }
    }
}

/// What was seen when a step was confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "seen")]
pub enum Finding {
    /// The replica is available, and no further behind than was agreed.
    Seeded {
        /// Its identifier.
        replica: String,
        /// How far it was behind, in seconds.
        lag_s: u64,
    },
    /// The replica holds everything that was written before the fence.
    CaughtUp {
        /// When its lag was measured.
        measured_at: Timestamp,
    },
    /// The old appliance accepted to be standby.
    Fenced {
        /// What remains to be done when more of the old site can be reached.
        debts: Vec<Debt>,
    },
    /// The old site could not be reached by any path.
    FenceAttempted {
        /// What remains to be done when it is back.
        debts: Vec<Debt>,
        /// What the attempt met.
        why: String,
        /// That it was not confirmed, and who accepts it; none where the plan allows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<Box<Accepted>>,
    },
    /// The old site has no instance any more.
    Stopped {
        /// What remains to be done when more of the old site can be reached.
        debts: Vec<Debt>,
        /// As Auto Scaling described it.
        group: Group,
    },
    /// The instances of the old site were not seen ended, and the attempt is enough.
    StopAttempted {
        /// What remains to be done when it is back.
        debts: Vec<Debt>,
        /// What the attempt met.
        why: String,
        /// That it was not confirmed, and who accepts it; none where the plan allows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<Box<Accepted>>,
    },
    /// The new site has the instances that it needs.
    InService {
        /// As Auto Scaling described it.
        group: Group,
    },
    /// The database was restored, and is available: nothing that is newer than the snapshot is in it.
    Restored {
        /// Its identifier.
        instance: String,
        /// Identifier of the copied snapshot.
        snapshot: String,
        /// When its data were frozen.
        taken_at: Timestamp,
    },
    /// The database replicates nothing and is available.
    Writable,
    /// The appliance accepted its mode.
    Accepted,
    /// Every signal of the new site answered as expected.
    Healthy {
        /// What they say together.
        verdict: Verdict,
    },
    /// The records name the new site, and the term's record holds this term.
    Moved {
        /// The id of the one change of format 1, to follow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change_id: Option<String>,
        /// The change of each zone, to follow.
        #[serde(default)]
        changes: Vec<ZoneChange>,
        /// As seen after the move.
        records: Vec<RecordSet>,
    },
    /// Route 53 answered INSYNC.
    InSync,
    /// The switch leads to the new site, and holds this term.
    Switched {
        /// The new site.
        site: SiteName,
        /// The term.
        term: Term,
    },
    /// The alarm that the health check reads leads to the new site.
    Led {
        /// The new site.
        site: SiteName,
        /// The alarm.
        alarm: String,
    },
}

/// A change that was submitted to Route 53.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneChange {
    /// Id of the hosted zone.
    pub zone: String,
    /// Id of the change.
    pub id: String,
}

/// What one entry says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum What {
    /// The failover begins: everything that the decision saw.
    Opened(Box<Opened>),
    /// The step may happen from now on.
    Intended {
        /// Which.
        step: Step,
        /// The exact changes, when the step moves records: also what there was before.
        batch: Vec<Change>,
    },
    /// The step was seen done.
    Confirmed {
        /// Which.
        step: Step,
        /// What was seen.
        finding: Finding,
    },
    /// A person asks that the failover be given up. From here on only the way back is open.
    AbortAsked {
        /// Who.
        who: String,
        /// Why, in their words.
        reason: String,
    },
    /// The failover ends before any promotion; the old site stays the active one.
    Abandoned {
        /// Why.
        why: Refusal,
        /// What is still owed: to the old site to be given back its mode, to the standby that its
        /// instances are put back, or nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        debts: Vec<Debt>,
    },
    /// The failover ended well; the new site is the active one.
    Completed(Box<Report>),
    /// After the end: a debt was seen paid.
    Paid {
        /// Which.
        debt: Debt,
        /// What was seen.
        seen: String,
    },
    /// After the end, and after it was paid: RDS has started the old database again.
    OwedAgain {
        /// Which.
        debt: Debt,
        /// What was seen.
        seen: String,
    },
}

/// One object of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// One of [`FORMATS`]; [`FORMAT`] in what this code writes.
    pub format: u32,
    /// Whose failover it is.
    pub system: SystemName,
    /// Which.
    pub term: Term,
    /// Its place in the journal, from 1.
    pub n: u32,
    /// When it was written.
    pub at: Timestamp,
    /// The run that wrote it: after a retried put, "it exists" may be our own first try.
    pub writer: String,
    /// Version id of the plan under which it was written.
    pub plan_version: String,
    /// What it says.
    pub what: What,
}

#[cfg(test)]
mod tests;
