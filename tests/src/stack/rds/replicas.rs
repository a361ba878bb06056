//! Making a read replica of an instance, here or in another region, and measuring how far it is behind.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>,
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.XRgn.html>

use std::sync::Arc;

use super::Inner;
use super::events::Notice;
use super::instances::{answer, place};
use super::model::{Datapoint, Instance, Place, Status};
use super::names::{check_instance, now, resource_id};
use super::query::Call;
use super::refusal::Refusal;
use super::state::{Held, State};
use super::xml::Tree;

/// Called in the region that the replica is for; from elsewhere the source is named by its ARN. What is
/// not said is inherited from the source; backups are off.
pub(super) async fn create(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    let id = call.needed("DBInstanceIdentifier")?.to_lowercase();
    check_instance("DBInstanceIdentifier", &id)?;
    let to = Place::new(&call.region, id);
    let from = place(call, call.needed("SourceDBInstanceIdentifier")?);
    let key = call.text("KmsKeyId");
    if let Some(key) = key {
        inner.check_key(&call.region, key).await?;
    }
    let mut state = inner.state();
    let mut replica = replica_of(&state, &from, &to, key)?;
    if let Some(class) = call.text("DBInstanceClass") {
        class.clone_into(&mut replica.class);
    }
    let held = Held {
        instance: replica,
        status: Status::Creating,
        created_at: now(),
        resource_id: resource_id(),
        replication: None,
        tags: call.tags(),
    };
    state.region(&to.region).instances.insert(to.id.clone(), held);
    if let Some(source) = state.held_mut(&from) {
        source.status = Status::Modifying;
    }
    let answer = answer(inner, &state, &to);
    drop(state);
    inner.spawn(finish(Arc::clone(inner), from, to));
    answer
}

/// The replica as it begins, or the refusal.
fn replica_of(
    state: &State,
    from: &Place,
    to: &Place,
    key: Option<&str>,
) -> Result<Instance, Refusal> {
    if state.held(to).is_some() {
        return Err(Refusal::instance_exists(&to.id));
    }
    let is_across = from.region != to.region;
    // What is in a region that is gone cannot be found from elsewhere.
    let source = state.held(from).filter(|_| !is_across || !state.lost.contains(&from.region));
    let source = source.ok_or_else(|| Refusal::no_instance(&from.id))?;
    if source.status != Status::Available {
        let message = format!("Source DB instance {} is not in available state.", from.id);
        return Err(Refusal::instance_state(message));
    }
    if source.instance.backup_retention_days == 0 {
        return Err(Refusal::instance_state(
            "Automated backups are not enabled for this database instance. To enable automated \
             backups, use ModifyDBInstance to set the backup retention period to a non-zero value.",
        ));
    }
    let kms_key = match (&source.instance.kms_key, key, is_across) {
        (None, Some(_), _) => {
            let message =
                "You can't create an encrypted read replica from an unencrypted DB instance";
            return Err(Refusal::combination(message));
        }
        (Some(_), Some(_), false) => {
            let message = "Your request does not require the KMS key parameter. Please remove the \
                           KMS key parameter and try your request again.";
            return Err(Refusal::combination(message));
        }
        (Some(_), None, true) => {
            let message = "KmsKeyId must be given for an encrypted read replica in another region";
            return Err(Refusal::combination(message));
        }
        (Some(_), Some(key), true) => Some(key.to_owned()),
        (source, None, _) => source.clone(),
    };
    let place = to.clone();
    let source_place = Some(from.clone());
    Ok(Instance {
        place,
        kms_key,
        source: source_place,
        backup_retention_days: 0,
        ..source.instance.clone()
    })
}

/// The source is `modifying` while it is made a source, then its data are copied, then it is followed.
async fn finish(inner: Arc<Inner>, from: Place, to: Place) {
    inner.pass(|pace| pace.replica_modifying).await;
    if let Some(source) = inner.state().held_mut(&from)
        && source.status == Status::Modifying
    {
        source.status = Status::Available;
    }
    let copied = inner.outside.replicate(&from, &to).await;
    inner.pass(|pace| pace.replica_creating).await;
    let is_cut_off = from.region != to.region && inner.state().lost.contains(&from.region);
    let copied = match copied {
        Ok(_) if is_cut_off => Err(anyhow::anyhow!("{} was lost meanwhile", from.region)),
        copied => copied,
    };
    match copied {
        Ok(endpoint) => {
            if let Some(held) = inner.state().held_mut(&to) {
                if let Some(endpoint) = endpoint {
                    held.instance.host = endpoint.host;
                    held.instance.port = endpoint.port;
                }
                held.status = Status::Available;
            }
            inner.tell_of_instance(&to, &Notice::instance_created()).await;
            inner.spawn(measure(Arc::clone(&inner), to));
        }
        Err(error) => {
            inner.mishap(format!("making the replica {}: {error:#}", to.id));
            inner.set(&to, Status::Failed);
        }
    }
}

/// Measures a replica that was made here for as long as it is one, as RDS does once a minute. Those that
/// a test has declared are measured by the test.
async fn measure(inner: Arc<Inner>, replica: Place) {
    while inner.state().held(&replica).is_some_and(|held| held.instance.source.is_some()) {
        if !inner.state().lost.contains(&replica.region) {
            let measured = match inner.outside.lag(&replica).await {
                // RDS says -1 of a replication that is not active.
                Ok(lag_s) => {
                    let (value, instance) = (lag_s.unwrap_or(-1.0), replica.clone());
                    let datapoint =
                        Datapoint { instance, metric: "ReplicaLag", value, unit: "Seconds" };
                    inner.outside.measure(datapoint).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = measured {
                inner.mishap(format!("measuring the lag of {}: {error:#}", replica.id));
            }
        }
        inner.pass(|pace| pace.lag_every).await;
    }
}
