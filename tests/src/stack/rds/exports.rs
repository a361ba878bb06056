//! What can be done with export tasks: start, describe, cancel.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html>

use std::sync::Arc;

use anyhow::{Context, Result};

use super::events::Notice;
use super::model::{Forbidden, Object, Place};
use super::names::{check, now, place_of};
use super::query::Call;
use super::refusal::Refusal;
use super::state::{Stage, State, Task};
use super::tables::Table;
use super::xml::Tree;
use super::{Inner, files, shapes};

/// Export tasks at once.
const TASKS_MAX: usize = 5;

pub(super) async fn start(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let id = call.needed("ExportTaskIdentifier")?;
    check("ExportTaskIdentifier", id)?;
    let place = Place::new(&call.region, id);
    let source_arn = call.needed("SourceArn")?;
    let source = place_of(source_arn, "snapshot").filter(|it| it.region == call.region);
    let source = source.ok_or_else(|| {
        Refusal::value(format!("SourceArn must name a DB snapshot of this region: {source_arn}"))
    })?;
    let (bucket, role) = (call.needed("S3BucketName")?, call.needed("IamRoleArn")?);
    let key = call.needed("KmsKeyId")?;
    let only = call.list("ExportOnly.member");
    check_start(&inner.state(), &place, &source, &only)?;
    inner.check_role(role).await?;
    inner.check_key(&call.region, key).await?;
    inner.check_bucket(&call.region, bucket).await?;
    let mut state = inner.state();
    // Looked at again: another request may have come while the outside was asked.
    check_start(&state, &place, &source, &only)?;
    let snapshot = state.snapshot(&source).ok_or_else(|| Refusal::no_snapshot(&source.id))?;
    let tables: Vec<Table> =
        snapshot.tables.iter().filter(|it| is_wanted(&only, it)).cloned().collect();
    let task = Task {
        id: id.to_owned(),
        snapshot: source.id.clone(),
        source_arn: source_arn.to_owned(),
        only,
        bucket: bucket.to_owned(),
        prefix: call.text("S3Prefix").unwrap_or_default().to_owned(),
        role: role.to_owned(),
        kms_key: key.to_owned(),
        progress: Stage::Starting,
        percent: 0,
        snapshot_taken_at: snapshot.taken_at,
        started_at: None,
        ended_at: None,
        failure: None,
        warning: None,
    };
    let answer = shapes::task(&task);
    state.region(&call.region).tasks.insert(id.to_owned(), task);
    drop(state);
    inner.spawn(run(Arc::clone(inner), place, tables));
    Ok(answer)
}

fn check_start(
    state: &State,
    place: &Place,
    source: &Place,
    only: &[String],
) -> Result<(), Refusal> {
    let snapshot = state.snapshot(source).ok_or_else(|| Refusal::no_snapshot(&source.id))?;
    if state.task(place).is_some() {
        return Err(Refusal::task_exists(&place.id));
    }
    if !snapshot.making.is_available() {
        let message = format!("The snapshot {} is not in the available state.", source.id);
        return Err(Refusal::export_source(message));
    }
    let here = state.regions.get(&place.region);
    let running = here.into_iter().flat_map(|it| it.tasks.values());
    let running: Vec<&Task> = running.filter(|task| task.progress.is_running()).collect();
    // Documented without a code: one task per snapshot at a time, whole or partial.
    if running.iter().any(|task| task.snapshot == source.id) {
        let message = format!("The snapshot {} is being exported already.", source.id);
        return Err(Refusal::export_source(message));
    }
    if running.len() >= TASKS_MAX {
        return Err(Refusal::task_limit(TASKS_MAX));
    }
    let has_any = snapshot.tables.iter().any(|table| is_wanted(only, table));
    if !only.is_empty() && !has_any {
        return Err(Refusal::export_only(only));
    }
    Ok(())
}

/// `database`, `database.schema` or `database.schema.table`.
fn is_wanted(only: &[String], table: &Table) -> bool {
    let target = table.target();
    let is_in = |wanted: &String| target == *wanted || target.starts_with(&format!("{wanted}."));
    only.is_empty() || only.iter().any(is_in)
}

/// What ends a task before it is complete.
enum Stop {
    Canceled,
    Failed(anyhow::Error),
}

async fn run(inner: Arc<Inner>, place: Place, tables: Vec<Table>) {
    inner.pass(|pace| pace.export_starting).await;
    let started = move_on(&inner, &place, |task| {
        task.progress = Stage::InProgress;
        task.started_at = Some(now());
    });
    let ended = match started {
        Err(stop) => Err(stop),
        Ok(()) => write(&inner, &place, &tables).await,
    };
    match ended {
        Ok(warning) => {
            let complete = move_on(&inner, &place, |task| {
                task.progress = Stage::Complete;
                task.percent = 100;
                task.warning = warning;
                task.ended_at = Some(now());
            });
            if complete.is_ok() {
                tell(&inner, &place, &Notice::export_completed()).await;
            }
        }
        Err(Stop::Canceled) => {}
        Err(Stop::Failed(error)) => fail(&inner, &place, &error).await,
    }
}

/// Changes a task unless it was canceled meanwhile.
fn move_on(inner: &Inner, place: &Place, change: impl FnOnce(&mut Task)) -> Result<(), Stop> {
    let mut state = inner.state();
    match state.task_mut(place) {
        Some(task) if matches!(task.progress, Stage::Starting | Stage::InProgress) => {
            change(task);
            Ok(())
        }
        Some(_) | None => Err(Stop::Canceled),
    }
}

async fn fail(inner: &Arc<Inner>, place: &Place, error: &anyhow::Error) {
    let planned = inner.state().export_failure.clone();
    let task = inner.state().task(place).cloned();
    let cause = match (planned, error.downcast_ref::<Forbidden>(), task) {
        (Some(cause), _, _) => cause,
        (None, Some(Forbidden(action)), Some(task)) => format!(
            "The IAM role [{}] isn't authorized to call [{action}] on the S3 bucket [{}]. Review \
             your permissions and retry the export.",
            task.role, task.bucket
        ),
        (None, _, _) => {
            inner.mishap(format!("export {}: {error:#}", place.id));
            "An unknown internal error occurred.".to_owned()
        }
    };
    let failed = move_on(inner, place, |task| {
        task.progress = Stage::Failed;
        task.failure = Some(cause);
        task.ended_at = Some(now());
    });
    if failed.is_ok() {
        tell(inner, place, &Notice::export_failed()).await;
    }
}

/// Writes all files, and answers the warning about those tables that were skipped.
async fn write(inner: &Inner, place: &Place, tables: &[Table]) -> Result<Option<String>, Stop> {
    let task = inner.state().task(place).cloned().ok_or(Stop::Canceled)?;
    let failure = inner.state().export_failure.clone();
    if let Some(cause) = failure {
        inner.pass(|pace| pace.export_writing).await;
        return Err(Stop::Failed(anyhow::anyhow!(cause)));
    }
    let skipped_names = inner.state().skipped.clone();
    let is_skipped = |table: &&Table| {
        let target = table.target();
        skipped_names.iter().any(|it| target == *it || target.ends_with(&format!(".{it}")))
    };
    let (skipped, wanted): (Vec<&Table>, Vec<&Table>) = tables.iter().partition(is_skipped);
    let count = u32::try_from(wanted.len().max(1)).unwrap_or(u32::MAX);
    let mut written = Vec::new();
    for (done, table) in (1u32..).zip(wanted) {
        inner.pass(|pace| pace.export_writing / count).await;
        let files = files::of_table(&task, table).map_err(Stop::Failed)?;
        let size_bytes = files.iter().map(|(_, body)| body.len()).sum();
        put(inner, place, &task, files).await?;
        move_on(inner, place, |task| task.percent = (done * 100 / count).min(99))?;
        written.push((table, size_bytes));
    }
    if written.is_empty() {
        inner.pass(|pace| pace.export_writing).await;
    }
    let skipped: Vec<String> = skipped.into_iter().map(Table::target).collect();
    let files = files::of_task(&task, &written, &skipped).map_err(Stop::Failed)?;
    put(inner, place, &task, files).await?;
    Ok(files::warning(&skipped))
}

async fn put(
    inner: &Inner,
    place: &Place,
    task: &Task,
    files: Vec<(String, Vec<u8>)>,
) -> Result<(), Stop> {
    for (key, body) in files {
        move_on(inner, place, |_| ())?;
        let object = Object {
            bucket: task.bucket.clone(),
            key: key.clone(),
            body,
            kms_key: task.kms_key.clone(),
            role: task.role.clone(),
        };
        let put = inner.outside.put(&place.region, object).await;
        put.with_context(|| format!("putting {key}")).map_err(Stop::Failed)?;
    }
    Ok(())
}

/// Events about a task are events of its snapshot; they do not name the task.
async fn tell(inner: &Inner, place: &Place, notice: &Notice) {
    let snapshot = inner.state().task(place).map(|task| task.snapshot.clone());
    if let Some(snapshot) = snapshot {
        inner.tell_of_snapshot(&Place::new(&place.region, snapshot), notice).await;
    }
}

pub(super) fn describe(inner: &Inner, call: &Call) -> Result<Tree, Refusal> {
    let known = ["export-task-identifier", "s3-bucket", "source-arn", "status"];
    let filters = call.filters(&known)?;
    let wanted = call.text("ExportTaskIdentifier");
    let state = inner.state();
    let region = state.regions.get(&call.region);
    let all = region.into_iter().flat_map(|region| region.tasks.values());
    let found: Vec<&Task> = all
        .filter(|task| wanted.is_none_or(|wanted| task.id == wanted))
        .filter(|task| call.text("SourceArn").is_none_or(|arn| task.source_arn == arn))
        .filter(|_| call.text("SourceType").is_none_or(|kind| kind == "SNAPSHOT"))
        .filter(|task| {
            filters.iter().all(|filter| match filter.name.as_str() {
                "export-task-identifier" => filter.admits(&task.id),
                "s3-bucket" => filter.admits(&task.bucket),
                "source-arn" => filter.admits(&task.source_arn),
                // The answer says COMPLETE, the filter complete.
                _ => filter.admits(&task.progress.word().to_lowercase()),
            })
        })
        .collect();
    if let (Some(wanted), true) = (wanted, found.is_empty() && filters.is_empty()) {
        return Err(Refusal::no_task(wanted));
    }
    let (page, marker) = call.page(found)?;
    let shapes = page.into_iter().map(shapes::task);
    Ok(Tree::default().put_some("Marker", marker).list("ExportTasks", "ExportTask", shapes))
}

/// What was written stays: canceling removes nothing from S3.
pub(super) fn cancel(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let place = Place::new(&call.region, call.needed("ExportTaskIdentifier")?);
    let mut state = inner.state();
    let task = state.task_mut(&place).ok_or_else(|| Refusal::no_task(&place.id))?;
    if !matches!(task.progress, Stage::Starting | Stage::InProgress) {
        return Err(Refusal::task_state(&place.id, task.progress.word()));
    }
    task.progress = Stage::Canceling;
    let answer = shapes::task(task);
    drop(state);
    let inner = Arc::clone(inner);
    Arc::clone(&inner).spawn(async move {
        inner.pass(|pace| pace.export_canceling).await;
        if let Some(task) = inner.state().task_mut(&place) {
            task.progress = Stage::Canceled;
            task.ended_at = Some(now());
        }
        tell(&inner, &place, &Notice::export_canceled()).await;
    });
    Ok(answer)
}
