//! Snapshot, copy to the recovery region, export from the copy: what comes next, from what was
//! seen. Names are computed, so there is no journal: the snapshot, the copy and the task are the
//! record.
//!
//! An export is Parquet, for analysis. It cannot be restored, and is never a recovery copy.

mod names;

pub use names::{slot_of_snapshot, snapshot_id, task_id};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{KeyArn, Region, Slot, SystemName};
use crate::seen::Seen;

/// The version of the stored formats in this module that this code writes.
pub const FORMAT: u32 = 1;

/// For so long an export may take from when it was asked for, in seconds: three days.
pub const WAIT_S_MAX: u64 = 259_200;

/// For so long after it was asked for a snapshot may still be taken, in seconds: it is named by its
/// slot, and later data under that name would be a lie.
pub const SNAPSHOT_S_MAX: u64 = 86_400;

/// A snapshot as `DescribeDBSnapshots` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its identifier.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `creating`, `available`, `failed`, …
    pub status: String,
    /// How much of it is done, 0 to 100.
    pub progress_percent: u32,
    /// When the data were frozen.
    pub taken_at: Option<Timestamp>,
    /// The key that encrypts it, if it is encrypted.
    pub key_arn: Option<String>,
}

/// An export task as `DescribeExportTasks` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportTask {
    /// Its identifier.
    pub id: String,
    /// `STARTING`, `IN_PROGRESS`, `COMPLETE`, `FAILED`, `CANCELING`, `CANCELED`.
    pub status: String,
    /// How much of it is done, 0 to 100.
    pub progress_percent: u32,
    /// Why it failed.
    pub failure: Option<String>,
    /// What it left out, as RDS says it: JSON with `skippedTables`.
    pub warning: Option<String>,
    /// ARN of what is exported.
    pub source_arn: String,
}

/// `intended.json`: an export was asked for. Written before anything else; the sweep looks for it.
/// It holds every name, so that a plan that is changed meanwhile does not turn one export into two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intended {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose database it is.
    pub system: SystemName,
    /// Which export.
    pub slot: Slot,
    /// When it was asked for, by the clock of whoever wrote this.
    pub asked_at: Timestamp,
    /// Version id of the plan under which it was asked for.
    pub plan_version: String,
    /// Identifier of the snapshot, and of its copy in the recovery region.
    pub snapshot: String,
    /// Identifier of the export task.
    pub task: String,
    /// Where RDS is told to put the task's own folder; no `/` at its end.
    pub folder: String,
}

impl Intended {
    /// Where the export's files lie in the vault; ends in `/`.
    pub fn prefix(&self) -> String {
        format!("{}/{}/", self.folder, self.task)
    }
}

/// `copied.json`: a snapshot lies in the recovery region, under the key there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose database it is.
    pub system: SystemName,
    /// Which export.
    pub slot: Slot,
    /// ARN of the copy: unlike the export, it can be restored.
    pub arn: String,
    /// When it was seen available.
    pub at: Timestamp,
}

/// `exported.json`: how an export ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose database it is.
    pub system: SystemName,
    /// Which export.
    pub slot: Slot,
    /// Identifier of the snapshot, and of its copy in the recovery region.
    pub snapshot: String,
    /// Identifier of the export task.
    pub task: String,
    /// Where its files lie in the vault; ends in `/`.
    pub prefix: String,
    /// How it ended.
    pub end: End,
    /// When that was seen.
    pub at: Timestamp,
}

/// How an export ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "kebab-case")]
pub enum End {
    /// Every table was exported.
    Exported {
        /// How many Parquet files there are.
        files: u64,
    },
    /// RDS says that it left something out.
    Partial {
        /// How many Parquet files there are.
        files: u64,
        /// What was left out, a clause each.
        left_out: Vec<String>,
    },
    /// It will not be exported.
    Failed {
        /// Why, as a clause.
        why: String,
    },
}

/// What is agreed about one export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Identifier of the snapshot and of its copy.
    pub snapshot: String,
    /// Identifier of the task.
    pub task: String,
    /// The recovery region.
    pub region: Region,
    /// The key of the copy and of the files.
    pub key_arn: KeyArn,
}

/// What was seen so far; `None` where nobody has looked yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Seconds since the export was asked for.
    pub asked_s: u64,
    /// The export task.
    pub task: Option<Seen<ExportTask>>,
    /// What the task's warning says, a clause each.
    pub left_out: Vec<String>,
    /// How many Parquet files lie under the task's prefix.
    pub files: Option<u64>,
    /// The copy in the recovery region.
    pub copy: Option<Seen<Snapshot>>,
    /// The snapshot in the region of the database.
    pub snapshot: Option<Seen<Snapshot>>,
}

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the export task.
    Task,
    /// At the files of the export.
    Files,
    /// At the copy in the recovery region.
    Copy,
    /// At the snapshot in the region of the database.
    Snapshot,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the snapshot in the region of the database.
    TakeSnapshot,
    /// Copy it to the recovery region, under the key there.
    CopySnapshot(Snapshot),
    /// Export from the copy.
    StartExport(Snapshot),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Look there, and ask again.
    Look(Place),
    /// Take one step, then look again.
    Do(Step),
    /// Nothing can be done until RDS has done something; the sentence says what, and how far it is.
    Wait(String),
    /// It ended; nothing comes after.
    Done(End),
    /// A look failed; the clause says which, and why. Absence is never concluded from it.
    NotKnown(String),
}

/// Decides what comes next. It looks from the end backwards: once there is a task, what it was made
/// from may be gone, and the region of the database need not answer.
pub fn next(wanted: &Wanted, view: &View) -> Next {
    match &view.task {
        None => Next::Look(Place::Task),
        Some(Seen::Here(task)) => of_task(wanted, view, task),
        Some(Seen::Unknown(why)) => not_known("the export task", &wanted.task, why),
        Some(Seen::Absent) if view.asked_s > WAIT_S_MAX => failed(format!(
            "it was asked for {} s ago and has not begun, and {WAIT_S_MAX} s is the most",
            view.asked_s
        )),
        Some(Seen::Absent) => of_copy(wanted, view),
    }
}

fn of_task(wanted: &Wanted, view: &View, task: &ExportTask) -> Next {
    let place: Vec<&str> = task.source_arn.splitn(7, ':').collect();
    let is_ours = match place.as_slice() {
        ["arn", _, "rds", region, _, "snapshot", id] => {
            *region == wanted.region.as_str() && *id == wanted.snapshot
        }
        _ => false,
    };
    if !is_ours {
        return failed(format!(
            "there is an export task {} of {}, which is not the copy of {}",
            task.id, task.source_arn, wanted.snapshot
        ));
    }
    let progress =
        format!("the export task {} is {} at {} %", task.id, task.status, task.progress_percent);
    match task.status.as_str() {
        "COMPLETE" => complete(view),
        "FAILED" => {
            let why = task.failure.as_deref().unwrap_or("RDS does not say why");
            failed(format!("the export task {} failed: {why}", task.id))
        }
        "CANCELED" => failed(format!("the export task {} was canceled", task.id)),
        _ if view.asked_s > WAIT_S_MAX => failed(format!(
            "{progress}, {} s after it was asked for, and {WAIT_S_MAX} s is the most; it is left \
             alone",
            view.asked_s
        )),
        _ => Next::Wait(progress),
    }
}

fn complete(view: &View) -> Next {
    match view.files {
        None => Next::Look(Place::Files),
        // COMPLETE is what RDS says; the files are what there is.
        Some(0) => {
            failed("the export task is COMPLETE, and there is no Parquet file of it".to_owned())
        }
        Some(files) if view.left_out.is_empty() => Next::Done(End::Exported { files }),
        Some(files) => Next::Done(End::Partial { files, left_out: view.left_out.clone() }),
    }
}

fn of_copy(wanted: &Wanted, view: &View) -> Next {
    let copy = match &view.copy {
        None => return Next::Look(Place::Copy),
        Some(Seen::Here(copy)) => copy,
        Some(Seen::Absent) => return of_snapshot(wanted, view),
        Some(Seen::Unknown(why)) => return not_known("the copy", &wanted.snapshot, why),
    };
    if let Some(next) = ready("copy", copy) {
        return next;
    }
    if copy.key_arn.as_deref() != Some(wanted.key_arn.as_str()) {
        return failed(format!(
            "the copy {} is encrypted under {}, not under {}",
            copy.id,
            copy.key_arn.as_deref().unwrap_or("no key"),
            wanted.key_arn
        ));
    }
    Next::Do(Step::StartExport(copy.clone()))
}

fn of_snapshot(wanted: &Wanted, view: &View) -> Next {
    match &view.snapshot {
        None => Next::Look(Place::Snapshot),
        Some(Seen::Here(snapshot)) => match ready("snapshot", snapshot) {
            None => Next::Do(Step::CopySnapshot(snapshot.clone())),
            Some(next) => next,
        },
        Some(Seen::Absent) if view.asked_s > SNAPSHOT_S_MAX => failed(format!(
            "there is no snapshot {}, and it was asked for {} s ago: a snapshot that is taken more \
             than {SNAPSHOT_S_MAX} s late would hold other data than its name says",
            wanted.snapshot, view.asked_s
        )),
        Some(Seen::Absent) => Next::Do(Step::TakeSnapshot),
        Some(Seen::Unknown(why)) => not_known("the snapshot", &wanted.snapshot, why),
    }
}

/// What comes next while a snapshot cannot be used; `None` once it can.
fn ready(what: &str, snapshot: &Snapshot) -> Option<Next> {
    match snapshot.status.as_str() {
        "available" => None,
        "failed" | "deleting" | "deleted" => {
            Some(failed(format!("the {what} {} is {}", snapshot.id, snapshot.status)))
        }
        status => Some(Next::Wait(format!(
            "the {what} {} is {status} at {} %",
            snapshot.id, snapshot.progress_percent
        ))),
    }
}

fn failed(why: String) -> Next {
    Next::Done(End::Failed { why })
}

fn not_known(what: &str, id: &str, why: &str) -> Next {
    Next::NotKnown(format!("{what} {id} could not be seen: {why}"))
}

#[cfg(test)]
mod tests;
