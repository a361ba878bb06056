//! What can be done with DB snapshots: create, describe, copy, delete.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::events::Notice;
use super::model::{Place, Status};
use super::names::{arn, check, now, place_of};
use super::query::Call;
use super::refusal::Refusal;
use super::shapes;
use super::state::{Making, Snapshot, State, Stretch};
use super::tables::Table;
use super::xml::Tree;

/// The default quota of manual snapshots in a region:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html>.
const SNAPSHOTS_MAX: usize = 100;

/// Copies to one region from others at once:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html>.
const COPIES_MAX: usize = 20;

/// Reading the tables is part of the request, so that a snapshot holds exactly what was there when
/// it was asked for. A database that hangs must not hang the server.
const READ_S_MAX: u64 = 10;

fn answer(inner: &Inner, state: &State, place: &Place) -> Result<Tree, Refusal> {
    let snapshot = state.snapshot(place).ok_or_else(|| Refusal::no_snapshot(&place.id))?;
    let shape = shapes::snapshot(&inner.account, &place.region, snapshot);
    Ok(Tree::default().branch("DBSnapshot", shape))
}

fn check_quota(state: &State, region: &str) -> Result<(), Refusal> {
    let here = state.regions.get(region);
    let manual = here.map_or(0, |here| here.snapshots.values().filter(|it| !it.automated).count());
    if manual < SNAPSHOTS_MAX {
        return Ok(());
    }
    let message = format!("Cannot create more than {SNAPSHOTS_MAX} manual snapshots");
    Err(Refusal::snapshot_quota(message))
}

pub(super) async fn create(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let id = call.needed("DBSnapshotIdentifier")?.to_lowercase();
    check("DBSnapshotIdentifier", &id)?;
    let instance = call.needed("DBInstanceIdentifier")?.to_lowercase();
    let of = Place::new(&call.region, instance);
    let place = Place::new(&call.region, id);
    begin(inner, &of, &place, false, call.tags())?;
    let answer = answer(inner, &inner.state(), &place);
    let read = read(inner, &of).await;
    inner.spawn(finish(Arc::clone(inner), of, place, read));
    answer
}

/// The tables of an instance, or nothing when they cannot be read: then the snapshot fails.
pub(super) async fn read(inner: &Inner, of: &Place) -> Option<Vec<Table>> {
    let limit = Duration::from_secs(READ_S_MAX);
    match tokio::time::timeout(limit, inner.outside.read(of)).await {
        Ok(Ok(tables)) => Some(tables),
        Ok(Err(error)) => {
            inner.mishap(format!("reading {} for a snapshot: {error:#}", of.id));
            None
        }
        Err(_) => {
            inner.mishap(format!("reading {} took more than {READ_S_MAX} s", of.id));
            None
        }
    }
}

/// Puts a snapshot in `creating` and its instance in `backing-up`, or refuses.
pub(super) fn begin(
    inner: &Inner,
    of: &Place,
    place: &Place,
    automated: bool,
    tags: Vec<(String, String)>,
) -> Result<(), Refusal> {
    let mut state = inner.state();
    if state.snapshot(place).is_some() {
        return Err(Refusal::snapshot_exists(&place.id));
    }
    let takes = state.pace.snapshot;
    if !automated {
        check_quota(&state, &place.region)?;
    }
    let held = state.held_mut(of).ok_or_else(|| Refusal::no_instance(&of.id))?;
    if held.status != Status::Available {
        return Err(Refusal::instance_state(format!(
            "Cannot create a snapshot because the database instance {} is not currently in the \
             available state.",
            of.id
        )));
    }
    held.status = Status::BackingUp;
    let snapshot = Snapshot {
        id: place.id.clone(),
        of: held.instance.clone(),
        of_created_at: held.created_at,
        resource_id: held.resource_id.clone(),
        automated,
        making: Making::Creating(Stretch::begin(takes)),
        taken_at: None,
        original_taken_at: None,
        kms_key: held.instance.kms_key.clone(),
        copied_from: None,
        source_region: None,
        tags,
        tables: Arc::default(),
    };
    state.region(&place.region).snapshots.insert(place.id.clone(), snapshot);
    Ok(())
}

/// Lets the time of a snapshot pass and says that it is there, or that it failed.
pub(super) async fn finish(inner: Arc<Inner>, of: Place, place: Place, read: Option<Vec<Table>>) {
    let taken_at = now();
    let automated = inner.state().snapshot(&place).is_some_and(|it| it.automated);
    if !automated {
        inner.tell_of_snapshot(&place, &Notice::creating_manual_snapshot()).await;
    }
    inner.pass(|pace| pace.snapshot).await;
    let succeeded = read.is_some();
    {
        let mut state = inner.state();
        if let Some(held) = state.held_mut(&of)
            && held.status == Status::BackingUp
        {
            held.status = Status::Available;
        }
        if let Some(snapshot) = state.snapshot_mut(&place) {
            snapshot.making = if succeeded { Making::Available } else { Making::Failed };
            snapshot.taken_at = Some(taken_at);
            snapshot.original_taken_at = Some(taken_at);
            snapshot.tables = Arc::new(read.unwrap_or_default());
        }
    }
    if succeeded {
        let notice = match automated {
            true => Notice::automated_snapshot_created(),
            false => Notice::manual_snapshot_created(),
        };
        inner.tell_of_snapshot(&place, &notice).await;
    }
}

pub(super) fn describe(inner: &Inner, call: &Call) -> Result<Tree, Refusal> {
    let known = ["db-instance-id", "db-snapshot-id", "dbi-resource-id", "snapshot-type", "engine"];
    let filters = call.filters(&known)?;
    let id = call.text("DBSnapshotIdentifier").map(|name| match place_of(name, "snapshot") {
        Some(place) => place.id,
        None => name.to_lowercase(),
    });
    let of = call.text("DBInstanceIdentifier").map(str::to_lowercase);
    let kind = |it: &Snapshot| if it.automated { "automated" } else { "manual" };
    let state = inner.state();
    let region = state.regions.get(&call.region);
    let all = region.into_iter().flat_map(|region| region.snapshots.values());
    let found: Vec<&Snapshot> = all
        .filter(|it| id.as_ref().is_none_or(|id| it.id == *id))
        .filter(|it| of.as_ref().is_none_or(|of| it.of.place.id == *of))
        .filter(|it| call.text("SnapshotType").is_none_or(|wanted| wanted == kind(it)))
        .filter(|it| call.text("DbiResourceId").is_none_or(|wanted| wanted == it.resource_id))
        .filter(|it| {
            filters.iter().all(|filter| match filter.name.as_str() {
                "db-instance-id" => filter.admits(&it.of.place.id),
                "db-snapshot-id" => filter.admits(&it.id),
                "dbi-resource-id" => filter.admits(&it.resource_id),
                "snapshot-type" => filter.admits(kind(it)),
                _ => filter.admits("postgres"),
            })
        })
        .collect();
    if let (Some(id), true) = (&id, found.is_empty()) {
        return Err(Refusal::no_snapshot(id));
    }
    let (page, marker) = call.page(found)?;
    let shapes = page.into_iter().map(|it| shapes::snapshot(&inner.account, &call.region, it));
    Ok(Tree::default().put_some("Marker", marker).list("DBSnapshots", "DBSnapshot", shapes))
}

/// Called in the destination region; from elsewhere the source is named by its ARN:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBSnapshot.html>.
pub(super) async fn copy(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let name = call.needed("SourceDBSnapshotIdentifier")?;
    let from = match place_of(name, "snapshot") {
        Some(place) => place,
        None => Place::new(&call.region, name.to_lowercase()),
    };
    let to = call.needed("TargetDBSnapshotIdentifier")?.to_lowercase();
    check("TargetDBSnapshotIdentifier", &to)?;
    let to = Place::new(&call.region, to);
    let copies_tags = call.flag("CopyTags")?;
    if copies_tags && !call.tags().is_empty() {
        let message = "You can't specify CopyTags together with Tags";
        return Err(Refusal::combination(message));
    }
    let key = call.text("KmsKeyId");
    if let Some(key) = key {
        inner.check_key(&call.region, key).await?;
    }
    let mut state = inner.state();
    let mut copy = copied(inner, &state, &from, &to, key)?;
    copy.tags = if copies_tags { copy.tags } else { call.tags() };
    state.region(&to.region).snapshots.insert(to.id.clone(), copy);
    let answer = answer(inner, &state, &to);
    drop(state);
    inner.spawn(finish_copy(Arc::clone(inner), from, to));
    answer
}

/// The copy as it begins, or the refusal.
fn copied(
    inner: &Inner,
    state: &State,
    from: &Place,
    to: &Place,
    key: Option<&str>,
) -> Result<Snapshot, Refusal> {
    let is_across = from.region != to.region;
    // What is in a region that is gone cannot be found from elsewhere.
    let source = state.snapshot(from).filter(|_| !is_across || !state.lost.contains(&from.region));
    let source = source.ok_or_else(|| Refusal::no_snapshot(&from.id))?;
    if state.snapshot(to).is_some() {
        return Err(Refusal::snapshot_exists(&to.id));
    }
    check_quota(state, &to.region)?;
    if !source.making.is_available() {
        let message = format!("Source snapshot {} is not in the available state", from.id);
        return Err(Refusal::snapshot_state(message));
    }
    if is_across && source.kms_key.is_some() && key.is_none() {
        let message = "KmsKeyId must be given to copy an encrypted snapshot to another region";
        return Err(Refusal::combination(message));
    }
    let here = state.regions.get(&to.region);
    let is_coming = |it: &&Snapshot| {
        matches!(it.making, Making::Creating(_))
            && it.source_region.as_ref().is_some_and(|region| *region != to.region)
    };
    let coming = here.map_or(0, |here| here.snapshots.values().filter(is_coming).count());
    if is_across && coming >= COPIES_MAX {
        let message = format!("Cannot have more than {COPIES_MAX} copies in progress");
        return Err(Refusal::snapshot_quota(message));
    }
    let kms_key = key.map(str::to_owned).or_else(|| source.kms_key.clone());
    Ok(Snapshot {
        id: to.id.clone(),
        of: source.of.clone(),
        of_created_at: source.of_created_at,
        resource_id: source.resource_id.clone(),
        automated: false,
        making: Making::Creating(Stretch::begin(state.pace.copy)),
        taken_at: None,
        original_taken_at: source.original_taken_at,
        kms_key,
        copied_from: Some(arn(&inner.account, "snapshot", from)),
        source_region: Some(from.region.clone()),
        tags: source.tags.clone(),
        tables: Arc::clone(&source.tables),
    })
}

/// A copy whose source is deleted or lost before it is done fails:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html>.
async fn finish_copy(inner: Arc<Inner>, from: Place, to: Place) {
    let since = now();
    let (name, source, target) = (&from.id, &from.region, &to.region);
    let started = Notice::copy_started(name, source, target);
    inner.tell_of_snapshot(&to, &started).await;
    inner.pass(|pace| pace.copy).await;
    let succeeded = {
        let mut state = inner.state();
        let is_reachable = source == target || !state.lost.contains(source);
        let succeeded = is_reachable && state.snapshot(&from).is_some();
        if let Some(copy) = state.snapshot_mut(&to) {
            copy.making = if succeeded { Making::Available } else { Making::Failed };
            copy.taken_at = Some(now());
        }
        succeeded
    };
    let minutes = now().duration_since(since).as_secs() / 60 + 1;
    let notice = match succeeded {
        true => Notice::copy_finished(name, source, target, minutes),
        false => Notice::copy_canceled(name, source, target),
    };
    inner.tell_of_snapshot(&to, &notice).await;
}

/// Only a manual snapshot that is not being made can be deleted.
pub(super) fn delete(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let id = call.needed("DBSnapshotIdentifier")?.to_lowercase();
    let place = Place::new(&call.region, id);
    let mut state = inner.state();
    let snapshots = &mut state.region(&call.region).snapshots;
    let snapshot = snapshots.get(&place.id).ok_or_else(|| Refusal::no_snapshot(&place.id))?;
    if snapshot.automated || matches!(snapshot.making, Making::Creating(_)) {
        let message = format!("Cannot delete the snapshot {} in its current state", place.id);
        return Err(Refusal::snapshot_state(message));
    }
    let shape = shapes::snapshot(&inner.account, &call.region, snapshot);
    snapshots.remove(&place.id);
    drop(state);
    let inner = Arc::clone(inner);
    Arc::clone(&inner).spawn(async move {
        inner.tell_of_snapshot(&place, &Notice::snapshot_deleted()).await;
    });
    // AWS answers the snapshot as it was, with the status `deleted`.
    Ok(Tree::default().branch("DBSnapshot", shape.replace("Status", "deleted")))
}
