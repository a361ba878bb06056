//! What can be done with DB instances: describe, promote, stop, start.

use std::sync::Arc;

use anyhow::Result;

use super::Inner;
use super::events::Notice;
use super::model::{Place, Status};
use super::names::{arn, place_of};
use super::query::Call;
use super::refusal::Refusal;
use super::shapes;
use super::state::{Held, State};
use super::xml::Tree;

pub(super) fn describe(inner: &Inner, call: &Call) -> Result<Tree, Refusal> {
    let filters = call.filters(&["db-instance-id", "dbi-resource-id", "engine"])?;
    let state = inner.state();
    let named = call.text("DBInstanceIdentifier").map(|name| place(call, name));
    let region = state.regions.get(&call.region);
    let all = region.into_iter().flat_map(|region| region.instances.values());
    let found: Vec<&Held> = all
        .filter(|held| named.as_ref().is_none_or(|named| held.instance.place == *named))
        .filter(|held| {
            filters.iter().all(|filter| match filter.name.as_str() {
                "db-instance-id" => {
                    let place = &held.instance.place;
                    filter.admits(&place.id) || filter.admits(&arn(&inner.account, "db", place))
                }
                "dbi-resource-id" => filter.admits(&held.resource_id),
                _ => filter.admits("postgres"),
            })
        })
        .collect();
    if let (Some(named), true) = (&named, found.is_empty()) {
        return Err(Refusal::no_instance(&named.id));
    }
    let (page, marker) = call.page(found)?;
    let shapes = page.into_iter().map(|held| shapes::instance(&state, &inner.account, held));
    Ok(Tree::default().put_some("Marker", marker).list("DBInstances", "DBInstance", shapes))
}

/// Identifiers are not case-sensitive and kept in lower case; an ARN names one too.
pub(super) fn place(call: &Call, name: &str) -> Place {
    place_of(name, "db").unwrap_or_else(|| Place::new(&call.region, name.to_lowercase()))
}

pub(super) fn answer(inner: &Inner, state: &State, place: &Place) -> Result<Tree, Refusal> {
    let held = state.held(place).ok_or_else(|| Refusal::no_instance(&place.id))?;
    Ok(Tree::default().branch("DBInstance", shapes::instance(state, &inner.account, held)))
}

/// Refuses what is not a replica or not available, then takes its time. The source link stays until
/// the end: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PromoteReadReplica.html>.
pub(super) fn promote(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let place = place(call, call.needed("DBInstanceIdentifier")?);
    let retention_days = call.number("BackupRetentionPeriod")?.unwrap_or(1);
    if retention_days > 35 {
        let message = format!("Invalid backup retention period: {retention_days}");
        return Err(Refusal::value(message));
    }
    let mut state = inner.state();
    let held = state.held_mut(&place).ok_or_else(|| Refusal::no_instance(&place.id))?;
    if held.instance.source.is_none() {
        return Err(Refusal::instance_state("DB Instance is not a read replica."));
    }
    if held.status != Status::Available {
        return Err(Refusal::instance_state("DB Instance is not in available state."));
    }
    held.status = Status::Modifying;
    let answer = answer(inner, &state, &place);
    drop(state);
    inner.spawn(finish_promotion(Arc::clone(inner), place, retention_days));
    answer
}

async fn finish_promotion(inner: Arc<Inner>, place: Place, retention_days: u32) {
    inner.pass(|pace| pace.promotion_modifying).await;
    inner.set(&place, Status::Rebooting);
    if let Err(error) = inner.outside.promote(&place).await {
        // AWS says no more than this either: the instance is a replica still.
        inner.mishap(format!("promoting {}: {error:#}", place.id));
        inner.set(&place, Status::Available);
        return;
    }
    inner.pass(|pace| pace.promotion_rebooting).await;
    if let Some(held) = inner.state().held_mut(&place) {
        held.instance.source = None;
        held.replication = None;
        held.instance.backup_retention_days = retention_days;
        held.status = Status::Available;
    }
    inner.tell_of_instance(&place, &Notice::instance_restarted()).await;
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html>: what has a read
/// replica, or is one, cannot be stopped.
pub(super) fn stop(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let place = place(call, call.needed("DBInstanceIdentifier")?);
    if call.text("DBSnapshotIdentifier").is_some() {
        let message = "This server takes no snapshot before it stops an instance";
        return Err(Refusal::combination(message));
    }
    let mut state = inner.state();
    let has_replica = !state.replicas_of(&place).is_empty();
    let id = &place.id;
    let held = state.held_mut(&place).ok_or_else(|| Refusal::no_instance(id))?;
    if held.status != Status::Available {
        let message = format!("Instance {id} is not in available state.");
        return Err(Refusal::instance_state(message));
    }
    if has_replica || held.instance.source.is_some() {
        let role = if has_replica { "has" } else { "is" };
        let message = format!("Instance {id} can't be stopped because it {role} a read replica.");
        return Err(Refusal::instance_state(message));
    }
    held.status = Status::Stopping;
    let answer = answer(inner, &state, &place);
    drop(state);
    inner.spawn(finish_stop(Arc::clone(inner), place));
    answer
}

async fn finish_stop(inner: Arc<Inner>, place: Place) {
    let stopped = inner.outside.stop(&place).await;
    inner.pass(|pace| pace.stop).await;
    match stopped {
        Ok(()) => {
            inner.set(&place, Status::Stopped);
            inner.tell_of_instance(&place, &Notice::instance_stopped()).await;
        }
        Err(error) => {
            inner.mishap(format!("stopping {}: {error:#}", place.id));
            inner.set(&place, Status::Available);
        }
    }
}

pub(super) fn start(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let place = place(call, call.needed("DBInstanceIdentifier")?);
    let mut state = inner.state();
    let held = state.held_mut(&place).ok_or_else(|| Refusal::no_instance(&place.id))?;
    if held.status != Status::Stopped {
        let message = format!(
            "Instance {} cannot be started as it is not in one of the following statuses: \
             'stopped, inaccessible-encryption-credentials-recoverable'.",
            place.id
        );
        return Err(Refusal::instance_state(message));
    }
    held.status = Status::Starting;
    let answer = answer(inner, &state, &place);
    drop(state);
    inner.spawn(finish_start(Arc::clone(inner), place));
    answer
}

async fn finish_start(inner: Arc<Inner>, place: Place) {
    let started = inner.outside.start(&place).await;
    inner.pass(|pace| pace.start).await;
    match started {
        Ok(()) => {
            inner.set(&place, Status::Available);
            inner.tell_of_instance(&place, &Notice::instance_started()).await;
        }
        Err(error) => {
            inner.mishap(format!("starting {}: {error:#}", place.id));
            inner.set(&place, Status::Stopped);
        }
    }
}
