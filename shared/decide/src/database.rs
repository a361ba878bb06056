//! What is known of a database, and how far behind its replica was when the source was lost.

mod named;
mod pair;
mod restore;

pub use named::{Looked, Named, named, said};
pub use pair::{Pair, Placed};
pub use restore::{Copied, Origin, Restorable, RestoreView, Restored, newest_copy};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seen::Seen;

/// A database as RDS describes it: an instance by `DescribeDBInstances`, or a member of an Aurora
/// global database by `DescribeGlobalClusters` and `DescribeDBClusters`. A member that does not write
/// replicates the one that does, and all clusters are named by their ARNs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `available`, `modifying`, `backing-up`, `stopped`, …
    /// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>); while a global
    /// database changes its writer `pending`, `failing-over`, `switching-over` or `cancelling`, and
    /// [`DETACHED`] for a cluster that is no member of it.
    pub status: String,
    /// The instance that it replicates, while it is a replica.
    pub replica_of: Option<String>,
    /// Instances that replicate it. RDS refuses to stop an instance that has any.
    pub replicas: Vec<String>,
    /// What the read replication says of itself, while it is a replica: `replicating`, `error`,
    /// `stopped`, `terminated`; with the message, if there is one.
    pub replication: Option<Replication>,
}

/// The status of a cluster that is not a member of the global database of the plan: whose data it holds,
/// and who writes it, nobody knows here.
pub const DETACHED: &str = "detached";

/// What a replica says of its replication: `DBInstanceStatusInfos` of an instance, `SynchronizationStatus`
/// of a member of a global database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// RDS's own judgement.
    pub normal: bool,
    /// `replicating`, `error`, `stopped`, `terminated`, …
    pub status: String,
}

impl Instance {
    /// Whether it can take over from `source`: it is a writer already, or it replicates that source and
    /// is in a state that it leaves by itself for one in which RDS promotes it.
    pub fn is_promotable_from(&self, source: &Placed) -> bool {
        let is_replica = self.replicates(source);
        let status = self.status.as_str();
        self.is_writer()
            || (is_replica
                && matches!(status, "available" | "backing-up" | "modifying" | "rebooting"))
            || (self.replica_of.is_none() && matches!(status, "modifying" | "rebooting"))
    }

    /// Whether it replicates this source.
    pub fn replicates(&self, source: &Placed) -> bool {
        self.replica_of.as_ref().is_some_and(|of| source.is_named(of))
    }

    /// Whether it may take writes of its own: it replicates nothing, and RDS has not stopped it.
    pub fn may_write(&self) -> bool {
        self.replica_of.is_none() && !matches!(self.status.as_str(), "stopping" | "stopped")
    }

    /// Writable: it replicates nothing and is available.
    pub fn is_writer(&self) -> bool {
        self.replica_of.is_none() && self.status == "available"
    }
}

/// One datapoint of the lag of a replica: `ReplicaLag` of an instance, `AuroraGlobalDBRPOLag` of a
/// cluster.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LagPoint {
    /// When it was measured.
    pub at: Timestamp,
    /// Seconds; negative when replication is not active.
    pub lag_s: f64,
}

/// How far behind the replica was when the source was lost, in whole seconds, rounded up.
///
/// From then on the metric grows with the clock (or says −1) whatever the replica holds, so the
/// newest point at or before `lost_at` counts, if it is not older than `age_s_max`. No such point, or
/// a negative one, is Unknown: nobody can say what would be lost.
pub fn lag_when_lost(points: &[LagPoint], lost_at: Timestamp, age_s_max: u64) -> Seen<u64> {
    let newest = points.iter().filter(|p| p.at <= lost_at).max_by_key(|p| p.at);
    let Some(point) = newest else {
        return Seen::Unknown(format!("no lag of the replica was measured before {lost_at}"));
    };
    let age_s = lost_at.as_second().saturating_sub(point.at.as_second());
    if u64::try_from(age_s).unwrap_or(u64::MAX) > age_s_max {
        return Seen::Unknown(format!(
            "the newest lag of the replica before {lost_at} is {age_s} s old, and {age_s_max} s is the most"
        ));
    }
    if !point.lag_s.is_finite() || point.lag_s < 0.0 {
        return Seen::Unknown(format!(
            "the lag of the replica was {} at {}",
            point.lag_s, point.at
        ));
    }
    let mut whole_s = 0_u64;
    // A lag is bounded by days; counting in steps of powers of two needs no lossy cast.
    for bit in (0..32).rev() {
        let step = 1_u64 << bit;
        let candidate = u32::try_from(whole_s + step).map(f64::from);
        if candidate.is_ok_and(|candidate| candidate <= point.lag_s) {
            whole_s += step;
        }
    }
    let is_whole = u32::try_from(whole_s).map(f64::from).is_ok_and(|floor| floor >= point.lag_s);
    Seen::Here(if is_whole { whole_s } else { whole_s + 1 })
}

#[cfg(test)]
mod tests;
