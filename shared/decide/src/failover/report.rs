//! What a failover cost: the post-incident record that closes its journal.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::acknowledgement::Accepted;
use crate::database::{Placed, Restorable};
use crate::dns::{Change, RecordSet, pair_stale_s, stale_s};
use crate::journal::{Debt, Finding, Progress, Step};
use crate::name::{SiteName, Slot};
use crate::plan::{Method, Plan};

use super::{Kind, global};

/// One phase of a failover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// What it did.
    pub name: String,
    /// How long it took, in seconds.
    pub took_s: u64,
}

/// The closing entry of a failover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What kind of move it was.
    #[serde(default)]
    pub kind: Kind,
    /// The site that was left.
    pub from: SiteName,
    /// The site that is active now.
    pub to: SiteName,
    /// From when on the old site counts as lost; in a planned move, when it was asked for.
    pub lost_at: Timestamp,
    /// Measured recovery time, from `lost_at` until the records were in sync, in seconds.
    pub rto_s: u64,
    /// What was agreed, in seconds.
    pub rto_s_max: u64,
    /// Phases in order; together they are `rto_s`.
    pub phases: Vec<Phase>,
    /// Estimated loss in the database: how far its replica was behind, or how old the snapshot was that it
    /// was restored from, in seconds.
    pub rpo_database_s: Option<u64>,
    /// That snapshot, where the database was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<Restorable>,
    /// What is lost of everything that only backups hold: since the newest proven one, in seconds.
    pub rpo_backup_s: u64,
    /// That backup.
    pub proven: Option<Slot>,
    /// What was agreed, in seconds.
    pub rpo_s_max: u64,
    /// The database that takes the writes now, if the plan has one.
    #[serde(default)]
    pub writer: Option<Placed>,
    /// The database that took them before.
    #[serde(default)]
    pub left: Option<Placed>,
    /// The records as they were; none where they were left alone, and a health check was flipped.
    pub records_before: Vec<RecordSet>,
    /// The records as they are.
    pub records_after: Vec<RecordSet>,
    /// Until when resolvers may still answer what the records were: the longest time to live of them,
    /// after the new ones had reached every server.
    #[serde(default)]
    pub stale_until: Option<Timestamp>,
    /// What the old site still owes.
    pub debts: Vec<Debt>,
    /// What would have been refused, and who accepted it: losses above all.
    #[serde(default)]
    pub accepted: Vec<Accepted>,
}

/// Sums a failover up whose last step is confirmed.
pub fn report(plan: &Plan, progress: &Progress, now: Timestamp) -> Report {
    let view = &progress.opened.view;
    let kind = progress.opened.kind;
    let decide = if kind.is_planned() { "decide" } else { "detect and decide" };
    let mut phases = vec![phase(decide, view.lost_at, progress.opened_at)];
    let mut since = progress.opened_at;
    for past in &progress.past {
        phases.push(phase(past.step.words(), since, past.at));
        since = past.at;
    }
    let end = progress.past.last().map_or(now, |past| past.at);
    let proven = view.proven.here().copied();
    let records_after = progress
        .past
        .iter()
        .rev()
        .find_map(|past| match &past.finding {
            Finding::Moved { records, .. } => Some(records.clone()),
            Finding::Seeded { .. }
            | Finding::Fenced { .. }
            | Finding::FenceAttempted { .. }
            | Finding::Stopped { .. }
            | Finding::StopAttempted { .. }
            | Finding::InService { .. }
            | Finding::CaughtUp { .. }
            | Finding::Restored { .. }
            | Finding::Writable
            | Finding::Accepted
            | Finding::Healthy { .. }
            | Finding::InSync
            | Finding::Switched { .. }
            | Finding::Led { .. } => None,
        })
        .unwrap_or_default();
    let pair = progress.opened.pair(plan);
    let lag_s = view.lag_s.as_ref().and_then(|lag_s| lag_s.here().copied());
    // Everything that was written before the fence was seen on the replica, or Aurora has waited for it.
    let is_switched = kind.is_planned() && global::is_of(plan);
    let is_caught_up = progress.is_done(Step::CatchUp) || is_switched;
    let restored_from = view.restore.as_ref().and_then(|seen| seen.copy.here()).cloned();
    let lag_s = restored_from.as_ref().map(|copy| copy.age_s(view.lost_at)).or(lag_s);
    Report {
        kind,
        from: progress.opened.from.clone(),
        to: progress.opened.to.clone(),
        lost_at: view.lost_at,
        rto_s: seconds(view.lost_at, end),
        rto_s_max: plan.objectives.rto_s,
        phases,
        rpo_database_s: if is_caught_up { Some(0) } else { lag_s },
        restored_from,
        rpo_backup_s: proven.map_or(u64::MAX, |slot| seconds(slot.instant(), view.lost_at)),
        proven,
        rpo_s_max: plan.objectives.rpo_s,
        writer: pair.as_ref().map(|pair| pair.replica.clone()),
        left: pair.map(|pair| pair.writer),
        records_before: deleted(&progress.batch),
        records_after,
        stale_until: stale_until(plan, progress),
        debts: progress.debts.clone(),
        accepted: accepted(progress),
    }
}

/// What was accepted for the beginning, and for the fence.
fn accepted(progress: &Progress) -> Vec<Accepted> {
    let of_fence = progress.past.iter().filter_map(|past| match &past.finding {
        Finding::FenceAttempted { accepted, .. } | Finding::StopAttempted { accepted, .. } => {
            accepted.as_deref().cloned()
        }
        Finding::Seeded { .. }
        | Finding::CaughtUp { .. }
        | Finding::Fenced { .. }
        | Finding::Stopped { .. }
        | Finding::InService { .. }
        | Finding::Restored { .. }
        | Finding::Writable
        | Finding::Accepted
        | Finding::Healthy { .. }
        | Finding::Moved { .. }
        | Finding::InSync
        | Finding::Switched { .. }
        | Finding::Led { .. } => None,
    });
    progress.opened.accepted.iter().cloned().chain(of_fence).collect()
}

fn stale_until(plan: &Plan, progress: &Progress) -> Option<Timestamp> {
    let in_sync = progress.past.iter().find(|past| past.step == Step::SeeInSync)?;
    let stale_s = match plan.dns.method {
        Method::Rewrite => stale_s(&progress.batch),
        Method::HealthCheck { .. } => {
            pair_stale_s(plan, progress.opened.view.records.here().map(Vec::as_slice))
        }
    };
    in_sync.at.checked_add(SignedDuration::from_secs(i64::from(stale_s))).ok()
}

fn deleted(batch: &[Change]) -> Vec<RecordSet> {
    batch
        .iter()
        .filter_map(|change| match change {
            Change::Delete(set) => Some(set.clone()),
            Change::Create(_) => None,
        })
        .collect()
}

fn phase(name: &str, from: Timestamp, to: Timestamp) -> Phase {
    Phase { name: name.to_owned(), took_s: seconds(from, to) }
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0)
}
