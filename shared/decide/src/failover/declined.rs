//! A decision not to begin, as it is stored with everything that it saw.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{Slot, SystemName, Term};
use crate::refusal::Refusal;
use crate::vault;

use super::open::{Asked, OpeningView};

/// The version of the records that this code writes and reads.
pub const DECLINED_FORMAT: u32 = 1;

/// A decision not to begin a failover. It can be made again from this alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declined {
    /// [`DECLINED_FORMAT`].
    pub format: u32,
    /// Whose failover it would have been.
    pub system: SystemName,
    /// The term that it would have got.
    pub term: Term,
    /// When it was decided.
    pub at: Timestamp,
    /// Why not.
    pub why: Refusal,
    /// Version id of the plan under which it was decided.
    pub plan_version: String,
    /// The text of that plan.
    pub plan: String,
    /// What the decision saw.
    pub view: OpeningView,
}

impl Declined {
    /// Where it lies. An alarm is asked about every minute, and the same refusal of the same loss is the
    /// same object; what a person asks is a decision of its own.
    pub fn key(&self) -> String {
        let instant = match &self.view.asked {
            Asked::Alarm { .. } => self.view.lost_at,
            Asked::Operator { .. } => self.at,
        };
        vault::refusal(&self.system, Slot::of(instant), self.why.name())
    }
}
