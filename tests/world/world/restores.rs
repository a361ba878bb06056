//! Restoring in the simulated world: copied snapshots, and instances that are made of them.

use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Restores;
use warmspare_decide::database::{Copied, Instance, Origin, Placed, Restored};
use warmspare_decide::export::slot_of_snapshot;
use warmspare_decide::journal::Step;
use warmspare_decide::name::Region;
use warmspare_decide::plan::Restore;
use warmspare_decide::seen::Seen;

use super::promises::{is_fenced, is_intended};
use super::sites::{Sites, after, gone};
use super::{Run, State};

impl Sites {
    /// An instance is created, backed up, and given its parameters; then it is available.
    pub(super) fn settle_restores(&mut self, now: Timestamp) {
        let (restore_s, ends_as) = (self.restore_s, self.restores_to.unwrap_or("available"));
        for (id, since) in &self.restoring {
            let Some(instance) = self.databases.get_mut(id) else { continue };
            let status = match now {
                now if now >= after(*since, restore_s) => ends_as,
                now if now >= after(*since, restore_s * 3 / 4) => "modifying",
                now if now >= after(*since, restore_s / 2) => "backing-up",
                _ => "creating",
            };
            instance.status = status.to_owned();
        }
        self.restoring.retain(|(_, since)| now < after(*since, restore_s));
    }
}

/// Every snapshot of the recovery region.
fn copies(state: &State) -> Vec<Copied> {
    let ours = state.rds.snapshots.iter().filter(|((region, _), _)| region == "us-west-2");
    let ours = ours.filter_map(|((_, id), (snapshot, _))| {
        let (of, _) = slot_of_snapshot(id)?;
        Some(Copied {
            id: id.clone(),
            of: of.to_owned(),
            source_arn: Some(format!("arn:aws:rds:us-east-1:111122223333:snapshot:{id}")),
            status: snapshot.status.clone(),
            taken_at: snapshot.taken_at,
        })
    });
    ours.chain(state.rds.strangers.iter().cloned()).collect()
}

impl Restores for Run<'_> {
    async fn copies(&self, region: &Region, of: &str) -> Result<Vec<Copied>, Fault> {
        Run::look(self, |state| {
            if state.sites.is_region_lost(region) {
                return Err(gone("looking at the snapshots of", of));
            }
            Ok(copies(state).into_iter().filter(|copy| copy.of == of).collect())
        })
        .await
    }

    async fn restored(&self, at: &Placed) -> Result<Seen<Restored>, Fault> {
        Run::look(self, |state| {
            if state.sites.is_region_lost(&at.region) {
                return Err(gone("looking at", &at.id));
            }
            let found = state.sites.databases.get(&at.id).map(|instance| Restored {
                status: instance.status.clone(),
                replica_of: instance.replica_of.clone(),
                origin: state.sites.origins.get(&at.id).cloned(),
            });
            Ok(found.map_or(Seen::Absent, Seen::Here))
        })
        .await
    }

    async fn restore(&self, at: &Placed, _how: &Restore, origin: &Origin) -> Result<bool, Fault> {
        let (at, origin) = (at.clone(), origin.clone());
        self.send("Restores::restore", move |state| {
            is_intended(state, Step::RestoreDatabase);
            is_fenced(state);
            if state.sites.is_region_lost(&at.region) {
                return Err(gone("restoring", &at.id));
            }
            if state.sites.databases.contains_key(&at.id) {
                return Ok(false);
            }
            let found = copies(state).into_iter().find(|copy| copy.id == origin.snapshot);
            if !found.is_some_and(|copy| copy.is_available()) {
                let why = "DBSnapshotNotFound, or InvalidDBSnapshotState";
                return Err(Fault::new(Hope::Retryable, "restoring", &at.id, why));
            }
            let instance = Instance {
                status: "creating".to_owned(),
                replica_of: None,
                replicas: Vec::new(),
                replication: None,
            };
            state.sites.databases.insert(at.id.clone(), instance);
            state.sites.origins.insert(at.id.clone(), origin);
            let now = state.now;
            state.sites.restoring.push((at.id, now));
            state.sites.restores += 1;
            Ok(true)
        })
        .await
    }
}
