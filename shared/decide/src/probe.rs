//! What the health probe publishes: numbers for what is known, and no number for what is not.

use jiff::Timestamp;

use crate::evidence::{Reading, Signal, proves_way_out, verdict};
use crate::name::Slot;
use crate::plan::Plan;
use crate::seen::Seen;

/// What one probe saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// The time of the look.
    pub now: Timestamp,
    /// The signals of the active site.
    pub primary: Vec<Signal>,
    /// The signals of the standby.
    pub standby: Vec<Signal>,
    /// The newest backup with a receipt.
    pub proven: Seen<Slot>,
    /// How many fences are owed.
    pub debts: Seen<u32>,
}

/// Names and values in the namespace `Warmspare`. A site that is neither up nor down gets no value, so
/// that an alarm on it misses data and does not change its mind.
pub fn metrics(plan: &Plan, probed: &Probed) -> Vec<(&'static str, f64)> {
    let quorum = plan.failover.signals;
    let primary = verdict(&probed.primary, quorum, proves_way_out(&probed.standby));
    let standby = verdict(&probed.standby, quorum, proves_way_out(&probed.primary));
    let mut metrics = Vec::new();
    for (name, verdict) in [("PrimaryHealthy", &primary), ("StandbyHealthy", &standby)] {
        match verdict.site {
            Reading::Up => metrics.push((name, 1.0)),
            Reading::Down => metrics.push((name, 0.0)),
            Reading::Unknown => {}
        }
    }
    metrics.push(("SignalsUnknown", f64::from(primary.unknown.saturating_add(standby.unknown))));
    if let Seen::Here(slot) = &probed.proven {
        let age_s = probed.now.as_second().saturating_sub(slot.instant().as_second()).max(0);
        metrics.push(("BackupAgeSeconds", f64::from(u32::try_from(age_s).unwrap_or(u32::MAX))));
    }
    if let Seen::Here(debts) = &probed.debts {
        metrics.push(("FenceDebt", f64::from(*debts)));
    }
    metrics
}
