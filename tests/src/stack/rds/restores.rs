//! Making an instance of a snapshot.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html>,
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RestoreFromSnapshot.html>

use std::sync::Arc;

use super::Inner;
use super::events::Notice;
use super::instances::answer;
use super::model::{Instance, Place, Status};
use super::names::{check_instance, now, place_of, resource_id};
use super::query::Call;
use super::refusal::Refusal;
use super::state::{Held, State};
use super::tables::Table;
use super::xml::Tree;

/// What is not said is as it was when the snapshot was taken, but the network, which is the default one;
/// the key is the snapshot's.
pub(super) async fn create(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let id = call.needed("DBInstanceIdentifier")?.to_lowercase();
    check_instance("DBInstanceIdentifier", &id)?;
    let to = Place::new(&call.region, id);
    let name = call.needed("DBSnapshotIdentifier")?;
    let from =
        place_of(name, "snapshot").unwrap_or_else(|| Place::new(&call.region, name.to_lowercase()));
    let (mut instance, tables) = instance_of(&inner.state(), &from, &to)?;
    if let Some(key) = &instance.kms_key {
        inner.check_key(&call.region, key).await?;
    }
    if let Some(class) = call.text("DBInstanceClass") {
        class.clone_into(&mut instance.class);
    }
    let held = Held {
        instance,
        status: Status::Creating,
        created_at: now(),
        resource_id: resource_id(),
        replication: None,
        tags: call.tags(),
    };
    let mut state = inner.state();
    // Another request may have been first while the key was looked at.
    if state.held(&to).is_some() {
        return Err(Refusal::instance_exists(&to.id));
    }
    state.region(&to.region).instances.insert(to.id.clone(), held);
    let answer = answer(inner, &state, &to);
    drop(state);
    inner.spawn(finish(Arc::clone(inner), to, tables));
    answer
}

/// The instance as it begins with the tables that it will have, or the refusal.
fn instance_of(
    state: &State,
    from: &Place,
    to: &Place,
) -> Result<(Instance, Arc<Vec<Table>>), Refusal> {
    if state.held(to).is_some() {
        return Err(Refusal::instance_exists(&to.id));
    }
    let here = state.snapshot(from).filter(|_| from.region == to.region);
    let snapshot = here.ok_or_else(|| Refusal::no_snapshot(&from.id))?;
    if !snapshot.making.is_available() {
        let message = format!("The snapshot {} is not in available state.", from.id);
        return Err(Refusal::snapshot_state(message));
    }
    let (place, kms_key) = (to.clone(), snapshot.kms_key.clone());
    let instance = Instance { place, kms_key, source: None, ..snapshot.of.clone() };
    Ok((instance, Arc::clone(&snapshot.tables)))
}

/// It is created, then backed up, then given its parameters, and then there.
async fn finish(inner: Arc<Inner>, to: Place, tables: Arc<Vec<Table>>) {
    let restored = inner.outside.restore(&to, &tables).await;
    inner.pass(|pace| pace.restore_creating).await;
    let endpoint = match restored {
        Ok(endpoint) => endpoint,
        Err(error) => {
            inner.mishap(format!("restoring {}: {error:#}", to.id));
            inner.set(&to, Status::Failed);
            return;
        }
    };
    if let (Some(endpoint), Some(held)) = (endpoint, inner.state().held_mut(&to)) {
        held.instance.host = endpoint.host;
        held.instance.port = endpoint.port;
    }
    inner.set(&to, Status::BackingUp);
    inner.pass(|pace| pace.restore_backing_up).await;
    inner.set(&to, Status::Modifying);
    inner.pass(|pace| pace.restore_modifying).await;
    inner.set(&to, Status::Available);
    inner.tell_of_instance(&to, &Notice::instance_created()).await;
}
