//! That a failover could not go on as it was, as it is stored once people were told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{SystemName, Term};
use crate::refusal::Refusal;
use crate::vault;

/// The version of the records that this code writes and reads.
pub const STOPPED_FORMAT: u32 = 1;

/// People were told why a failover stands where it stands. While its journal does not go on, the same
/// reason is not told again: each tick meets it anew, with other numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// [`STOPPED_FORMAT`].
    pub format: u32,
    /// Whose failover it is.
    pub system: SystemName,
    /// Which.
    pub term: Term,
    /// How many entries its journal had.
    pub n: u32,
    /// When it was told.
    pub at: Timestamp,
    /// Why.
    pub why: Refusal,
}

impl Stopped {
    /// Where it lies.
    pub fn key(&self) -> String {
        vault::stopped(&self.system, self.term, self.n, self.why.name())
    }
}
