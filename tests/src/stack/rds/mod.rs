//! An RDS server that takes its time, for what no emulator has: transitions, refusals, exports that
//! write files. It is for PostgreSQL instances, and for the clusters of Aurora global databases as far as
//! their writer moves; signatures are not checked.

mod actions;
mod clusters;
mod events;
mod exports;
mod files;
mod http;
mod instances;
mod model;
pub(in crate::stack) mod names;
mod query;
mod refusal;
mod replicas;
mod restores;
mod shapes;
mod snapshots;
mod state;
mod tables;
mod wired;
mod xml;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use self::events::Notice;
pub use self::model::{
    Datapoint, Endpoint, Fate, Forbidden, Instance, Object, Outside, Pace, Place, Replication,
    Status,
};
pub use self::tables::{Column, Kind, Table, read_tables};
pub use self::wired::Wired;

use self::clusters::Global;
use self::query::Call;
use self::refusal::Refusal;
use self::state::{Held, State};

/// One request that the server has answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// When it was answered.
    pub at: Timestamp,
    /// The region it was signed for.
    pub region: String,
    /// The action, such as `PromoteReadReplica`.
    pub action: String,
    /// The error code, or `None` when it succeeded.
    pub refused: Option<&'static str>,
}

/// A running RDS server for all regions of one account. It stops when it is dropped.
pub struct RdsServer {
    address: SocketAddr,
    inner: Arc<Inner>,
}

/// What the server's tasks share.
struct Inner {
    account: String,
    outside: Arc<dyn Outside>,
    state: Mutex<State>,
    answered: Mutex<Vec<Answered>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Drop for RdsServer {
    fn drop(&mut self) {
        lock(&self.inner.tasks).abort_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RdsServer {
    /// Starts a server without instances on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(account: &str, outside: Arc<dyn Outside>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("finding a port for the RDS server")?;
        let address = listener.local_addr().context("asking for the RDS server's port")?;
        let inner = Arc::new(Inner {
            account: account.to_owned(),
            outside,
            state: Mutex::default(),
            answered: Mutex::default(),
            tasks: Mutex::default(),
        });
        inner.spawn(http::accept(Arc::clone(&inner), listener));
        Ok(Self { address, inner })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint URL for an SDK.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an instance there, `available`, in place of one of the same name.
    pub fn add(&self, instance: Instance) {
        let held = Held {
            status: Status::Available,
            created_at: names::now(),
            resource_id: names::resource_id(),
            replication: None,
            tags: Vec::new(),
            instance,
        };
        let place = held.instance.place.clone();
        self.inner.state().region(&place.region).instances.insert(place.id, held);
    }

    /// Takes an instance away, as if it had been deleted; `false` if there is no such instance.
    pub fn remove(&self, place: &Place) -> bool {
        self.inner.state().region(&place.region).instances.remove(&place.id).is_some()
    }

    /// Puts a global database there, of clusters that are `available`: the one that writes, and others.
    pub fn add_global(&self, id: &str, writer: Place, others: Vec<Place>) {
        self.inner.state().globals.push(Global::new(id, writer, others));
    }

    /// Changes how long transitions take, for those that begin from now on.
    pub fn pace(&self, change: impl FnOnce(&mut Pace)) {
        change(&mut self.inner.state().pace);
    }

    /// Takes a region away: its replicas elsewhere stop following, copies from it fail, and its
    /// events are not sent. That no request reaches it is the gateway's part.
    pub fn lose(&self, region: &str) {
        self.inner.state().lost.insert(region.to_owned());
    }

    /// Brings a lost region back.
    pub fn restore(&self, region: &str) {
        self.inner.state().lost.remove(region);
    }

    /// Makes exports skip these tables, each `table`, `schema.table` or `database.schema.table`.
    pub fn skip_tables(&self, names: &[&str]) {
        self.inner.state().skipped = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// Makes exports fail with this cause from now on, or succeed again.
    pub fn fail_exports(&self, cause: Option<&str>) {
        self.inner.state().export_failure = cause.map(str::to_owned);
    }

    /// Says what becomes of the events with this id, such as `RDS-EVENT-0161`.
    pub fn set_fate(&self, event_id: &str, fate: Fate) {
        self.inner.state().fate.insert(event_id.to_owned(), fate);
    }

    /// Puts an instance into a state, as if AWS had done it; `false` if there is no such instance.
    pub fn set_status(&self, place: &Place, status: Status) -> bool {
        self.inner.set(place, status)
    }

    /// Where an instance is in its life.
    pub fn status(&self, place: &Place) -> Option<Status> {
        self.inner.state().held(place).map(|held| held.status)
    }

    /// Whether an instance replicates another one; `None` if there is no such instance.
    pub fn is_replica(&self, place: &Place) -> Option<bool> {
        self.inner.state().held(place).map(|held| held.instance.source.is_some())
    }

    /// Says how a replica replicates; `None` lets it follow whether its source's region is lost.
    pub fn set_replication(&self, place: &Place, replication: Option<Replication>) {
        if let Some(held) = self.inner.state().held_mut(place) {
            held.replication = replication;
        }
    }

    /// Measures `ReplicaLag` of a replica: one value for CloudWatch.
    ///
    /// # Errors
    /// What the outside says.
    pub async fn publish_replica_lag(&self, replica: &Place, lag_s: f64) -> Result<()> {
        let instance = replica.clone();
        let datapoint = Datapoint { instance, metric: "ReplicaLag", value: lag_s, unit: "Seconds" };
        self.inner.outside.measure(datapoint).await
    }

    /// Begins an automated snapshot and answers its name, `rds:<instance>-YYYY-MM-DD-hh-mm`.
    ///
    /// # Errors
    /// When the instance cannot be backed up now.
    pub async fn take_automated_snapshot(&self, of: &Place) -> Result<Place> {
        let minute = names::now().strftime("%Y-%m-%d-%H-%M");
        let place = Place::new(&of.region, format!("rds:{}-{minute}", of.id));
        snapshots::begin(&self.inner, of, &place, true, Vec::new())
            .map_err(|refusal| anyhow::anyhow!("{}: {}", refusal.code, refusal.message))?;
        let read = snapshots::read(&self.inner, of).await;
        let finish = snapshots::finish(Arc::clone(&self.inner), of.clone(), place.clone(), read);
        self.inner.spawn(finish);
        Ok(place)
    }

    /// Every request answered so far, in the order of the answers.
    pub fn answered(&self) -> Vec<Answered> {
        lock(&self.inner.answered).clone()
    }

    /// What background steps could not do. A test that expects no trouble looks that it is empty.
    pub fn mishaps(&self) -> Vec<String> {
        self.inner.state().mishaps.clone()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Lets the time of a transition pass.
    #[expect(clippy::disallowed_methods, reason = "a transition takes time, not a condition")]
    async fn pass(&self, which: impl FnOnce(&Pace) -> Duration) {
        let takes = which(&self.state().pace);
        tokio::time::sleep(takes).await;
    }

    fn set(&self, place: &Place, status: Status) -> bool {
        let mut state = self.state();
        let held = state.held_mut(place);
        held.map(|held| held.status = status).is_some()
    }

    fn mishap(&self, mishap: String) {
        self.state().mishaps.push(mishap);
    }

    fn record(&self, call: &Call, refusal: Option<&Refusal>) {
        lock(&self.answered).push(Answered {
            at: names::now(),
            region: call.region.clone(),
            action: call.action.clone(),
            refused: refusal.map(|refusal| refusal.code),
        });
    }

    async fn tell_of_snapshot(&self, place: &Place, notice: &Notice) {
        let event = notice.about_snapshot(&self.account, place);
        self.tell(place, notice, event).await;
    }

    async fn tell_of_instance(&self, place: &Place, notice: &Notice) {
        let event = notice.about_instance(&self.account, place);
        self.tell(place, notice, event).await;
    }

    async fn tell(&self, place: &Place, notice: &Notice, event: Value) {
        let times = {
            let mut state = self.state();
            state.region(&place.region).events.push(event.clone());
            match state.fate.get(notice.id) {
                _ if state.lost.contains(&place.region) => 0,
                None | Some(Fate::Arrives) => 1,
                Some(Fate::Lost) => 0,
                Some(Fate::Times(times)) => *times,
            }
        };
        for _ in 0..times {
            if let Err(error) = self.outside.emit(&place.region, event.clone()).await {
                self.mishap(format!("sending {}: {error:#}", notice.id));
            }
        }
    }

    async fn check_permission(
        &self,
        call: &Call,
        action: &str,
        resource: &str,
    ) -> Result<(), Refusal> {
        let action = format!("rds:{action}");
        match self.outside.is_allowed(&call.region, &call.access_key, &action, resource).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::denied(&call.access_key, &action, resource)),
            Err(error) => Err(Refusal::internal(format!("{error:#}"))),
        }
    }

    async fn check_key(&self, region: &str, key: &str) -> Result<(), Refusal> {
        match self.outside.is_key_usable(region, key).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::key(key)),
            Err(error) => Err(Refusal::internal(format!("{error:#}"))),
        }
    }

    async fn check_role(&self, role: &str) -> Result<(), Refusal> {
        match self.outside.is_role_known(role).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::no_role(role)),
            Err(error) => Err(Refusal::internal(format!("{error:#}"))),
        }
    }

    async fn check_bucket(&self, region: &str, bucket: &str) -> Result<(), Refusal> {
        match self.outside.is_bucket_here(region, bucket).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::bucket(bucket)),
            Err(error) => Err(Refusal::internal(format!("{error:#}"))),
        }
    }
}
