//! What the RDS server knows, by region. It moves nothing by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::clusters::Global;
use super::model::{Fate, Instance, Pace, Place, Replication, Status};
use super::names::now;
use super::tables::Table;

/// Everything, for all regions.
#[derive(Default)]
pub(super) struct State {
    pub(super) regions: BTreeMap<String, Region>,
    pub(super) globals: Vec<Global>,
    pub(super) lost: BTreeSet<String>,
    pub(super) pace: Pace,
    pub(super) fate: BTreeMap<String, Fate>,
    pub(super) skipped: BTreeSet<String>,
    pub(super) export_failure: Option<String>,
    /// What a background step could not do: it has nobody to tell.
    pub(super) mishaps: Vec<String>,
}

/// One region's resources, by identifier.
#[derive(Default)]
pub(super) struct Region {
    pub(super) instances: BTreeMap<String, Held>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) tasks: BTreeMap<String, Task>,
    pub(super) events: Vec<Value>,
}

/// An instance and where it is in its life.
pub(super) struct Held {
    pub(super) instance: Instance,
    pub(super) status: Status,
    pub(super) created_at: Timestamp,
    pub(super) resource_id: String,
    /// Said by a test; otherwise it follows whether the source's region is lost.
    pub(super) replication: Option<Replication>,
    pub(super) tags: Vec<(String, String)>,
}

/// A stretch of time that ends by itself, for what reports a percentage.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    since: Timestamp,
    takes: Duration,
}

impl Stretch {
    pub(super) fn begin(takes: Duration) -> Self {
        Self { since: now(), takes }
    }

    /// 0 to 99: 100 is said only of what is done.
    pub(super) fn percent(self) -> u32 {
        let past = u128::try_from(now().duration_since(self.since).as_millis()).unwrap_or_default();
        let percent = past.saturating_mul(100).checked_div(self.takes.as_millis()).unwrap_or(99);
        u32::try_from(percent.min(99)).unwrap_or(99)
    }
}

/// `creating`, `available` or `failed`.
#[derive(Clone, Copy)]
pub(super) enum Making {
    Creating(Stretch),
    Available,
    Failed,
}

impl Making {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Creating(_) => "creating",
            Self::Available => "available",
            Self::Failed => "failed",
        }
    }

    pub(super) fn percent(self) -> u32 {
        match self {
            Self::Creating(stretch) => stretch.percent(),
            Self::Available => 100,
            Self::Failed => 0,
        }
    }

    pub(super) fn is_available(self) -> bool {
        matches!(self, Self::Available)
    }
}

/// A snapshot with the instance as it was and the tables as they were.
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) of: Instance,
    pub(super) of_created_at: Timestamp,
    pub(super) resource_id: String,
    pub(super) automated: bool,
    pub(super) making: Making,
    /// When it was taken; a copy has its own and keeps the original's.
    pub(super) taken_at: Option<Timestamp>,
    pub(super) original_taken_at: Option<Timestamp>,
    pub(super) kms_key: Option<String>,
    /// The ARN it was copied from.
    pub(super) copied_from: Option<String>,
    pub(super) source_region: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) tables: Arc<Vec<Table>>,
}

/// Where an export task is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Starting,
    InProgress,
    Complete,
    Failed,
    Canceling,
    Canceled,
}

impl Stage {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::InProgress => "IN_PROGRESS",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Canceling => "CANCELING",
            Self::Canceled => "CANCELED",
        }
    }

    /// Whether it counts against the limit of tasks at once.
    pub(super) fn is_running(self) -> bool {
        match self {
            Self::Starting | Self::InProgress | Self::Canceling => true,
            Self::Complete | Self::Failed | Self::Canceled => false,
        }
    }
}

/// An export task.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) snapshot: String,
    pub(super) source_arn: String,
    pub(super) only: Vec<String>,
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) role: String,
    pub(super) kms_key: String,
    pub(super) progress: Stage,
    pub(super) percent: u32,
    pub(super) snapshot_taken_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) failure: Option<String>,
    pub(super) warning: Option<String>,
}

impl State {
    pub(super) fn region(&mut self, name: &str) -> &mut Region {
        self.regions.entry(name.to_owned()).or_default()
    }

    pub(super) fn held(&self, place: &Place) -> Option<&Held> {
        self.regions.get(&place.region)?.instances.get(&place.id)
    }

    pub(super) fn held_mut(&mut self, place: &Place) -> Option<&mut Held> {
        self.regions.get_mut(&place.region)?.instances.get_mut(&place.id)
    }

    pub(super) fn snapshot(&self, place: &Place) -> Option<&Snapshot> {
        self.regions.get(&place.region)?.snapshots.get(&place.id)
    }

    pub(super) fn snapshot_mut(&mut self, place: &Place) -> Option<&mut Snapshot> {
        self.regions.get_mut(&place.region)?.snapshots.get_mut(&place.id)
    }

    pub(super) fn task(&self, place: &Place) -> Option<&Task> {
        self.regions.get(&place.region)?.tasks.get(&place.id)
    }

    pub(super) fn task_mut(&mut self, place: &Place) -> Option<&mut Task> {
        self.regions.get_mut(&place.region)?.tasks.get_mut(&place.id)
    }

    /// The read replicas that follow `place`, in any region.
    pub(super) fn replicas_of(&self, place: &Place) -> Vec<Place> {
        let all = self.regions.values().flat_map(|region| region.instances.values());
        all.filter(|held| held.instance.source.as_ref() == Some(place))
            .map(|held| held.instance.place.clone())
            .collect()
    }

    /// How `held` replicates; `None` for what is not a replica.
    pub(super) fn replication(&self, held: &Held) -> Option<Replication> {
        let source = held.instance.source.as_ref()?;
        let follows = if self.lost.contains(&source.region) {
            Replication::Error
        } else {
            Replication::Replicating
        };
        Some(held.replication.unwrap_or(follows))
    }
}
