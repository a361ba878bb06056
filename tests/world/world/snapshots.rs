//! RDS of the simulated world, as snapshots, copies and exports meet it: everything takes its time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Snapshots;
use warmspare_decide::database::Copied;
use warmspare_decide::export::{ExportTask, Snapshot};
use warmspare_decide::name::{KeyArn, Region};
use warmspare_decide::plan::Database;
use warmspare_decide::seen::Seen;

use super::{Run, State, vault};

/// How long each of a snapshot, a copy and an export takes, in seconds.
pub(crate) const TAKES_S: i64 = 100;

/// The most exports of an account at a time.
const EXPORTS_MAX: usize = 5;

/// Snapshots, copies and exports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rds {
    /// By Region and identifier, with the instant at which each is ready.
    pub(crate) snapshots: BTreeMap<(String, String), (Snapshot, Timestamp)>,
    /// Snapshots in the recovery region that snapshot-export has not made.
    pub(crate) strangers: Vec<Copied>,
    /// By identifier, with the prefix for its files and the instant at which it is complete.
    pub(crate) tasks: BTreeMap<String, (ExportTask, String, Timestamp)>,
    /// What a task says that it left out.
    pub(crate) warning: Option<String>,
    /// A task writes no file.
    pub(crate) writes_nothing: bool,
    /// Why every task fails, if it does.
    pub(crate) failure: Option<String>,
    /// The Region of the database does not answer.
    pub(crate) home_is_lost: bool,
    /// How often each was begun.
    pub(crate) taken: u32,
    pub(crate) copied: u32,
    pub(crate) exported: u32,
}

/// What RDS does by itself as time passes.
pub(super) fn settle(state: &mut State) {
    let now = state.now;
    for (snapshot, ready_at) in state.rds.snapshots.values_mut() {
        if *ready_at <= now && (snapshot.status == "creating" || snapshot.status == "copying") {
            snapshot.status = "available".to_owned();
            snapshot.progress_percent = 100;
        }
    }
    let (warning, failure) = (state.rds.warning.clone(), state.rds.failure.clone());
    let writes_nothing = state.rds.writes_nothing;
    let mut files = Vec::new();
    for (task, prefix, ready_at) in state.rds.tasks.values_mut() {
        if *ready_at > now || task.status != "STARTING" {
            continue;
        }
        task.progress_percent = 100;
        task.status = if failure.is_some() { "FAILED" } else { "COMPLETE" }.to_owned();
        task.failure.clone_from(&failure);
        task.warning.clone_from(&warning);
        files.push(format!("{prefix}/{}/export_info_{}.json", task.id, task.id));
        if failure.is_none() && !writes_nothing {
            files.push(format!("{prefix}/{}/db/public.t/1/part-00000.gz.parquet", task.id));
        }
    }
    for file in files {
        vault::put(state, &file, b"PAR1");
    }
}

fn gone(what: &'static str, id: &str) -> Fault {
    Fault::new(Hope::Unreachable, what, id, "no answer within 5 s")
}

fn snapshot(state: &State, region: &str, id: &str, key_arn: Option<&str>) -> (Snapshot, Timestamp) {
    let snapshot = Snapshot {
        id: id.to_owned(),
        arn: format!("arn:aws:rds:{region}:111122223333:snapshot:{id}"),
        status: if key_arn.is_some() { "copying" } else { "creating" }.to_owned(),
        progress_percent: 0,
        taken_at: Some(state.now),
        key_arn: key_arn.map(str::to_owned),
    };
    (snapshot, state.now + SignedDuration::from_secs(TAKES_S))
}

impl Snapshots for Run<'_> {
    async fn snapshot(&self, region: &Region, id: &str) -> Result<Seen<Snapshot>, Fault> {
        self.look(|state| {
            if state.rds.home_is_lost && region.as_str() == "us-east-1" {
                return Err(gone("looking at", id));
            }
            let found = state.rds.snapshots.get(&(region.to_string(), id.to_owned()));
            Ok(found.map_or(Seen::Absent, |(snapshot, _)| Seen::Here(snapshot.clone())))
        })
        .await
    }

    async fn take_snapshot(&self, database: &Database, id: &str) -> Result<bool, Fault> {
        self.change("Snapshots::take_snapshot", |state| {
            if state.rds.home_is_lost {
                return Err(gone("taking", id));
            }
            let place = (database.region.to_string(), id.to_owned());
            if state.rds.snapshots.contains_key(&place) {
                return Ok(false);
            }
            let taken = snapshot(state, database.region.as_str(), id, None);
            state.rds.snapshots.insert(place, taken);
            state.rds.taken += 1;
            Ok(true)
        })
        .await
    }

    async fn copy_snapshot(
        &self,
        source: &Snapshot,
        from: &Region,
        id: &str,
        key_arn: &KeyArn,
    ) -> Result<bool, Fault> {
        self.change("Snapshots::copy_snapshot", |state| {
            let place = ("us-west-2".to_owned(), id.to_owned());
            if state.rds.snapshots.contains_key(&place) {
                return Ok(false);
            }
            let origin = state.rds.snapshots.get(&(from.to_string(), source.id.clone()));
            if origin.is_none_or(|(snapshot, _)| snapshot.status != "available") {
                let why = "InvalidDBSnapshotState";
                return Err(Fault::new(Hope::Permanent, "copying", id, why));
            }
            let taken_at = origin.and_then(|(snapshot, _)| snapshot.taken_at);
            let (copy, ready_at) = snapshot(state, "us-west-2", id, Some(key_arn.as_str()));
            let copy = (Snapshot { taken_at, ..copy }, ready_at);
            state.rds.snapshots.insert(place, copy);
            state.rds.copied += 1;
            Ok(true)
        })
        .await
    }

    async fn export_task(&self, id: &str) -> Result<Seen<ExportTask>, Fault> {
        self.look(|state| {
            let found = state.rds.tasks.get(id);
            Ok(found.map_or(Seen::Absent, |(task, ..)| Seen::Here(task.clone())))
        })
        .await
    }

    async fn start_export(
        &self,
        id: &str,
        snapshot: &Snapshot,
        _database: &Database,
        prefix: &str,
        _key_arn: &KeyArn,
    ) -> Result<bool, Fault> {
        self.change("Snapshots::start_export", |state| {
            if state.rds.tasks.contains_key(id) {
                return Ok(false);
            }
            let busy =
                state.rds.tasks.values().filter(|(task, ..)| task.status == "STARTING").count();
            if busy >= EXPORTS_MAX {
                let why = format!("{busy} exports are under way, and {EXPORTS_MAX} is the most");
                return Err(Fault::new(Hope::Retryable, "starting", id, why));
            }
            let task = ExportTask {
                id: id.to_owned(),
                status: "STARTING".to_owned(),
                progress_percent: 0,
                failure: None,
                warning: None,
                source_arn: snapshot.arn.clone(),
            };
            let ready_at = state.now + SignedDuration::from_secs(TAKES_S);
            state.rds.tasks.insert(id.to_owned(), (task, prefix.to_owned(), ready_at));
            state.rds.exported += 1;
            Ok(true)
        })
        .await
    }
}
