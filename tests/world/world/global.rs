//! The global database of the simulated world, as Aurora runs it: its members are the databases of a world
//! whose plan says so.

use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Databases, GlobalDatabases};
use warmspare_decide::database::{DETACHED, Instance, LagPoint, Placed, Replication};
use warmspare_decide::journal::Step;
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use super::promises::{is_fenced, is_intended, newest_term};
use super::sites::{Sites, after, gone};
use super::{Run, State};

/// What the members have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Global {
    moving: Option<Moving>,
    /// A writer that was left while its Region could not be reached: it takes itself for one.
    left: Option<String>,
    /// A cluster that a person has taken out.
    pub(crate) detached: Option<String>,
    /// Every change of the writer is refused, as with clusters of different versions.
    pub(crate) refuses: bool,
    /// How often a change was begun that may lose something.
    pub(crate) failovers: u32,
}

/// A change of the writer that is under way.
#[derive(Clone, Debug)]
struct Moving {
    to: String,
    due: Timestamp,
    may_lose: bool,
}

/// How a cluster is named to another.
pub(crate) fn arn(id: &str) -> String {
    format!("arn:aws:rds:{}:111122223333:cluster:{id}", region_of(id))
}

fn region_of(id: &str) -> Region {
    Region::parse(if id.ends_with("-west") { "us-west-2" } else { "us-east-1" }).unwrap()
}

impl Sites {
    /// Makes clusters of the databases.
    pub(crate) fn as_clusters(&mut self) {
        let replica = self.databases.get_mut("controller-db-west").unwrap();
        replica.replica_of = Some(arn("controller-db"));
    }

    /// What Aurora does by itself as time passes.
    pub(super) fn settle_global(&mut self, now: Timestamp) {
        if let Some(moving) = self.global.moving.take_if(|moving| now >= moving.due) {
            let old = self.databases.keys().find(|id| **id != moving.to).unwrap().clone();
            let is_reached = !self.is_region_lost(&region_of(&old));
            // What it lacks comes from the old writer: without that one a switchover is cancelled.
            if moving.may_lose || is_reached {
                let new = self.databases.get_mut(&moving.to).unwrap();
                (new.replica_of, new.replication, new.replicas) = (None, None, vec![arn(&old)]);
                self.held_until = if moving.may_lose { self.held_until } else { now };
                self.global.left = Some(old);
            }
        }
        let Some(left) = self.global.left.take() else { return };
        if self.is_region_lost(&region_of(&left)) {
            self.global.left = Some(left);
            return;
        }
        let new = self.databases.keys().find(|id| **id != left).unwrap().clone();
        let old = self.databases.get_mut(&left).unwrap();
        (old.replica_of, old.replicas) = (Some(arn(&new)), vec![]);
        old.replication = Some(Replication { normal: true, status: "connected".to_owned() });
    }

    fn member(&self, id: &str) -> Option<Instance> {
        let mut found = self.databases.get(id)?.clone();
        if self.global.detached.as_deref() == Some(id) {
            return Some(Instance { status: DETACHED.to_owned(), replica_of: None, ..found });
        }
        if let Some(moving) = &self.global.moving {
            let status = if moving.may_lose { "failing-over" } else { "switching-over" };
            status.clone_into(&mut found.status);
        }
        Some(found)
    }

    /// Begins to make it the writer, unless it is.
    fn move_writer(&mut self, id: &str, may_lose: bool, now: Timestamp) -> Result<(), Fault> {
        let refused = |why| Err(Fault::new(Hope::Retryable, "making the writer", id, why));
        let Some(member) = self.databases.get(id) else {
            return Err(Fault::new(Hope::Permanent, "making the writer", id, "DBClusterNotFound"));
        };
        if self.global.detached.as_deref() == Some(id) || self.global.refuses {
            return refused("InvalidDBClusterStateFault");
        }
        if self.global.moving.is_some() || member.status != "available" {
            return refused("InvalidGlobalClusterStateFault");
        }
        if member.replica_of.is_none() {
            return Ok(());
        }
        let due = after(now, self.promotion_s);
        self.global.moving = Some(Moving { to: id.to_owned(), due, may_lose });
        self.promotions += 1;
        self.global.failovers += u32::from(may_lose);
        Ok(())
    }
}

/// What one move told is not to undo another.
fn is_of_newest(state: &mut State, id: &str) {
    let pair = newest_term(state).and_then(|newest| newest.opened.view.pair);
    if pair.is_none_or(|pair| pair.replica.id != id) {
        state.breaks(format!("P4: {id} was made the writer, and a newer move had left it"));
    }
}

impl GlobalDatabases for Run<'_> {
    async fn member(&self, _global: &str, cluster: &Placed) -> Result<Seen<Instance>, Fault> {
        Run::look(self, |state| {
            if state.sites.is_region_lost(&cluster.region) {
                return Err(gone("looking at", &cluster.id));
            }
            Ok(state.sites.member(&cluster.id).map_or(Seen::Absent, Seen::Here))
        })
        .await
    }

    async fn member_lag(
        &self,
        cluster: &Placed,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault> {
        self.lag(&cluster.region, &cluster.id, from, to).await
    }

    async fn fail_over(&self, _global: &str, cluster: &Placed) -> Result<(), Fault> {
        let cluster = cluster.clone();
        self.send("GlobalDatabases::fail_over", move |state| {
            is_intended(state, Step::PromoteDatabase);
            is_fenced(state);
            is_of_newest(state, &cluster.id);
            if newest_term(state).is_some_and(|newest| newest.opened.kind.is_planned()) {
                state.breaks("P2: a planned move may lose something".to_owned());
            }
            if state.sites.is_region_lost(&cluster.region) {
                return Err(gone("making the writer", &cluster.id));
            }
            let now = state.now;
            state.sites.move_writer(&cluster.id, true, now)
        })
        .await
    }

    async fn switch_over(
        &self,
        _global: &str,
        writer: &Placed,
        cluster: &Placed,
    ) -> Result<(), Fault> {
        let (writer, cluster) = (writer.clone(), cluster.clone());
        self.send("GlobalDatabases::switch_over", move |state| {
            is_intended(state, Step::PromoteDatabase);
            is_fenced(state);
            is_of_newest(state, &cluster.id);
            for region in [&writer.region, &cluster.region] {
                if state.sites.is_region_lost(region) {
                    return Err(gone("making the writer", &cluster.id));
                }
            }
            let now = state.now;
            state.sites.move_writer(&cluster.id, false, now)
        })
        .await
    }
}
