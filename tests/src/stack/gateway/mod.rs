//! The one endpoint that the functions know. It routes by the SigV4 credential scope, records every
//! call, and can fail, silence or hold a region, a service, an action or a single key. It changes
//! nothing on the way: signatures are checked behind it.

mod action;
mod call;
mod fault;
mod forward;
mod scope;
mod text;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use anyhow::Context;
use http::uri::Authority;
use tokio::sync::{mpsc, oneshot};

use call::Record;
pub use call::{Call, Match};
use fault::{Doing, Rules};
pub use fault::{Effect, Fault, Held, Moment, Trap};

/// Where calls go that no route names, and where those of some services go.
#[derive(Debug, Default)]
struct Routes {
    fallback: Option<Authority>,
    services: HashMap<String, Authority>,
}

/// What the two listeners share.
#[derive(Debug, Default)]
struct Shared {
    routes: RwLock<Routes>,
    rules: Arc<Rules>,
    record: Mutex<Record>,
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upstream(&self, service: &str) -> Option<Authority> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.services.get(service).or(routes.fallback.as_ref()).cloned()
    }
}

/// Two listeners on 127.0.0.1: one for the functions, where faults apply and calls are recorded,
/// and one for the test's own hands, where neither does. Both run on a thread of their own, so that
/// a test which blocks its runtime does not block the world.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    operator: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Starts listening; until [`Gateway::forward_to`] every call is answered with 502.
    ///
    /// # Errors
    /// When 127.0.0.1 cannot be listened on.
    pub fn start() -> anyhow::Result<Self> {
        let (functions, operator) = (listen()?, listen()?);
        let addresses = (functions.local_addr()?, operator.local_addr()?);
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("gateway".to_owned()).spawn(move || {
            runtime.block_on(forward::serve(serving, functions, operator, stopped));
        })?;
        Ok(Self {
            shared,
            address: addresses.0,
            operator: addresses.1,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The endpoint of the functions.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of that endpoint.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint of the test's own hands: the same world, without faults and unrecorded.
    pub fn operator_url(&self) -> String {
        format!("http://{}", self.operator)
    }

    /// Sends every call there that has no route of its own; `url` is `http://host:port`.
    ///
    /// # Errors
    /// When the address is not of that form.
    pub fn forward_to(&self, url: &str) -> anyhow::Result<()> {
        let upstream = authority(url)?;
        let mut routes = self.shared.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.fallback = Some(upstream);
        Ok(())
    }

    /// Sends the calls of one service, by its signing name, to a server of its own.
    ///
    /// # Errors
    /// When the address is not of the form `http://host:port`.
    pub fn route(&self, service: &str, url: &str) -> anyhow::Result<()> {
        let upstream = authority(url)?;
        let mut routes = self.shared.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.services.insert(service.to_owned(), upstream);
        Ok(())
    }

    /// Puts a fault in the way of the calls that `matching` means, until it is dropped.
    pub fn fault(&self, matching: Match, effect: Effect) -> Fault {
        self.fault_times(matching, effect, u64::MAX)
    }

    /// The same for the first `times` of them.
    pub fn fault_times(&self, matching: Match, effect: Effect, times: u64) -> Fault {
        self.add(matching, Doing::Effect(effect), times)
    }

    /// Holds the calls that `matching` means, until the trap is dropped.
    pub fn trap(&self, matching: Match, moment: Moment) -> Trap {
        self.trap_times(matching, moment, u64::MAX)
    }

    /// The same for the first `times` of them.
    pub fn trap_times(&self, matching: Match, moment: Moment, times: u64) -> Trap {
        let (catching, caught) = mpsc::unbounded_channel();
        Trap::new(self.add(matching, Doing::Hold(moment, catching), times), caught)
    }

    /// Ends every fault and every trap.
    pub fn heal_everything(&self) {
        self.shared.rules.clear();
    }

    /// The recorded calls that are meant, oldest first: of the last 100,000.
    pub fn calls(&self, matching: &Match) -> Vec<Call> {
        self.shared.record().meant_by(matching)
    }

    /// How many calls have been made so far; a later call has at least this number.
    pub fn calls_made(&self) -> u64 {
        self.shared.record().count()
    }

    fn add(&self, matching: Match, doing: Doing, times: u64) -> Fault {
        let rule = self.shared.rules.add(matching, doing, times);
        Fault::new(Arc::clone(&self.shared.rules), rule)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // What is silenced or held would keep its connection, not the thread; but nobody waits now.
        self.heal_everything();
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening on 127.0.0.1")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn authority(url: &str) -> anyhow::Result<Authority> {
    let address = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    address.parse().with_context(|| format!("`{url}` is not of the form http://host:port"))
}
