//! The databases of the simulated world, as RDS runs them.

use jiff::{SignedDuration, Timestamp};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Databases;
use warmspare_decide::database::{Instance, LagPoint, Placed, Replication};
use warmspare_decide::journal::Step;
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use super::promises::{is_fenced, is_intended, is_whole};
use super::sites::{Sites, after, gone};
use super::{Bent, Run};

/// How long a new replica takes, in seconds: longer than an invocation lives.
const SEED_S: i64 = 400;

impl Sites {
    /// What RDS does by itself as time passes.
    pub(super) fn settle_databases(&mut self, now: Timestamp) {
        self.settle_global(now);
        let is_due = self.promoted_at.is_some_and(|at| now >= after(at, self.promotion_s));
        if is_due {
            self.promoted_at = None;
            let replica = self.databases.get_mut(&self.promoted).unwrap();
            replica.status = "available".to_owned();
            let source = replica.replica_of.take().unwrap();
            replica.replication = None;
            if let Some(source) = self.databases.get_mut(&source) {
                source.replicas.retain(|id| *id != self.promoted);
            }
        }
        for (id, _) in self.seeded.extract_if(.., |(_, at)| now >= *at) {
            self.databases.get_mut(&id).unwrap().status = "available".to_owned();
        }
        let behind_s = SignedDuration::from_secs_f64(self.behind_s);
        self.held_until = self.held_until.max(now - behind_s);
        let is_due = self.lag.iter().all(|point| now >= after(point.at, 60));
        let is_measured = self.databases.values().any(|found| {
            found.status == "available" && found.replication.as_ref().is_some_and(|r| r.normal)
        });
        if is_due && is_measured {
            self.lag.push(LagPoint { at: now, lag_s: self.behind_s });
        }
        for database in self.databases.values_mut() {
            if database.status == "stopping" {
                database.status = "stopped".to_owned();
            }
        }
    }

    /// An instance as RDS describes it, which for a moment is as it was before it was told to change.
    fn described(&self, id: &str, now: Timestamp, bent: Option<Bent>) -> Option<Instance> {
        let mut instance = self.databases.get(id)?.clone();
        let is_late = self.promoted_at.is_some_and(|at| now < after(at, self.described_late_s));
        if bent == Some(Bent::WriterIsBelieved) && instance.status == "modifying" {
            return Some(Instance { status: "available".to_owned(), replica_of: None, ..instance });
        }
        if is_late && instance.status == "modifying" {
            instance.status = "available".to_owned();
        }
        Some(instance)
    }

    pub(super) fn is_region_lost(&self, region: &Region) -> bool {
        let site = if region.as_str() == "us-east-1" { "east" } else { "west" };
        self.by_name.get(site).is_some_and(|site| site.lost)
    }
}

impl Databases for Run<'_> {
    async fn instance(&self, region: &Region, id: &str) -> Result<Seen<Instance>, Fault> {
        Run::look(self, |state| {
            if state.sites.is_region_lost(region) {
                return Err(gone("looking at", id));
            }
            let found = state.sites.described(id, state.now, state.bent);
            Ok(found.map_or(Seen::Absent, Seen::Here))
        })
        .await
    }

    async fn promote(&self, region: &Region, id: &str) -> Result<(), Fault> {
        let (region, id) = (region.clone(), id.to_owned());
        self.send("Databases::promote", move |state| {
            let (region, id) = (&region, id.as_str());
            is_intended(state, Step::PromoteDatabase);
            is_fenced(state);
            is_whole(state);
            if state.sites.is_region_lost(region) {
                return Err(gone("promoting", id));
            }
            let now = state.now;
            let Some(instance) = state.sites.databases.get_mut(id) else {
                return Err(Fault::new(Hope::Permanent, "promoting", id, "DBInstanceNotFound"));
            };
            if instance.replica_of.is_none() || instance.status != "available" {
                let why = format!("InvalidDBInstanceState: it is {}", instance.status);
                return Err(Fault::new(Hope::Retryable, "promoting", id, why));
            }
            instance.status = "modifying".to_owned();
            state.sites.promoted_at = Some(now);
            state.sites.promoted = id.to_owned();
            state.sites.promotions += 1;
            Ok(())
        })
        .await
    }

    async fn stop(&self, region: &Region, id: &str) -> Result<(), Fault> {
        let (region, id) = (region.clone(), id.to_owned());
        self.send("Databases::stop", move |state| {
            let (region, id) = (&region, id.as_str());
            if state.sites.is_region_lost(region) {
                return Err(gone("stopping", id));
            }
            let instance = state.sites.databases.get_mut(id).unwrap();
            if !instance.replicas.is_empty() || instance.replica_of.is_some() {
                let why = "InvalidDBInstanceState: it has or is a read replica";
                return Err(Fault::new(Hope::Retryable, "stopping", id, why));
            }
            instance.status = "stopping".to_owned();
            Ok(())
        })
        .await
    }

    async fn seed(&self, writer: &Placed, replica: &Placed, like: &Placed) -> Result<bool, Fault> {
        let (writer, replica, like) = (writer.clone(), replica.clone(), like.clone());
        self.send("Databases::seed", move |state| {
            is_intended(state, Step::SeedDatabase);
            if state.sites.is_region_lost(&replica.region)
                || state.sites.is_region_lost(&writer.region)
            {
                return Err(gone("seeding", &replica.id));
            }
            if state.sites.databases.contains_key(&replica.id) {
                return Ok(false);
            }
            assert!(state.sites.databases.contains_key(&like.id), "nothing to be like");
            let source = state.sites.databases.get_mut(&writer.id).unwrap();
            if !source.is_writer() {
                let why = "InvalidDBInstanceState";
                return Err(Fault::new(Hope::Retryable, "seeding", &replica.id, why));
            }
            source.replicas.push(replica.id.clone());
            let instance = Instance {
                status: "creating".to_owned(),
                replica_of: Some(writer.id.clone()),
                replicas: Vec::new(),
                replication: Some(Replication { normal: true, status: "replicating".to_owned() }),
            };
            let at = after(state.now, SEED_S);
            state.sites.seeded.push((replica.id.clone(), at));
            state.sites.databases.insert(replica.id, instance);
            state.sites.seeds += 1;
            state.sites.held_until = Timestamp::MIN;
            Ok(true)
        })
        .await
    }

    async fn lag(
        &self,
        _region: &Region,
        _id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault> {
        Run::look(self, |state| {
            let until = to.min(after(state.now, -60 * state.sites.measured_late_min));
            if state.sites.unmeasured {
                return Err(gone("reading the lag", "of it"));
            }
            let points = state.sites.lag.iter().copied();
            Ok(points.filter(|point| point.at >= from && point.at <= until).collect())
        })
        .await
    }
}
