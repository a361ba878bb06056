//! A Device42-shaped appliance with real state in its site's PostgreSQL. It is for what a failover
//! asks of one: its mode, its health, its devices, a settings archive. It discovers nothing.

mod answers;
mod archive;
mod aviatrix;
mod client;
mod database;
mod restore;
mod server;
mod trouble;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

pub use self::aviatrix::{Aviatrix, Conduct, Setup};
pub use self::client::Answered;
pub use self::restore::Lookup;
pub use self::trouble::Trouble;

use super::{ports, wait};

use self::restore::Restored;
use self::server::Identity;
use self::trouble::Troubles;

/// A restart needs the port it had, which somebody may hold for a moment.
const BIND_MAX: Duration = Duration::from_secs(10);

/// What the appliance runs for: one of a pair is in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Jobs run, writes are taken.
    Production,
    /// No jobs, no writes, no backups; it waits.
    Standby,
}

impl Mode {
    /// The value of `appliance_mode`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Standby => "standby",
        }
    }
}

/// What happens to the site's database together with the appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Stop it.
    Off,
    /// Start it.
    On,
}

/// Stops and starts the site's database.
pub type Switch = Arc<dyn Fn(Power) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// How an appliance is set up.
#[derive(Clone)]
pub struct Options {
    /// Its name, which its archive holds.
    pub name: String,
    /// The site's database, in libpq's form: `host=127.0.0.1 port=5432 user=postgres dbname=d42`. Empty
    /// for none: such an appliance has no devices, and is well without.
    pub database: String,
    /// The user of Basic authentication.
    pub user: String,
    /// The password of that user.
    pub password: String,
    /// The mode it starts in.
    pub mode: Mode,
    /// From a switch to production until it answers healthy.
    pub settles: Duration,
    /// The least size of its archive.
    pub archive_bytes: u64,
    /// The lines of `backup_status`: name of the job and what it says.
    pub backup_status: Vec<(String, String)>,
    /// What [`Appliance::gone`] and [`Appliance::back`] do to the database.
    pub switch: Option<Switch>,
}

impl Options {
    /// In standby, with user `admin`, two seconds to settle and an archive of 64 KiB.
    pub fn new(name: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            database: database.into(),
            user: "admin".to_owned(),
            password: "adm!nd42".to_owned(),
            mode: Mode::Standby,
            settles: Duration::from_secs(2),
            archive_bytes: 64 * 1024,
            backup_status: Vec::new(),
            switch: None,
        }
    }
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// When it arrived.
    pub at: Timestamp,
    /// `GET` or `POST`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The body: a form, or nothing.
    pub body: String,
    /// The HTTP status of the answer; `None` while there is none, or never.
    pub status: Option<u16>,
}

/// A running appliance. It is gone when it is dropped.
pub struct Appliance {
    inner: Arc<Inner>,
    address: SocketAddr,
    running: tokio::sync::Mutex<Running>,
}

/// What serves the port; or, while the port is closed, what keeps it from everybody else: a program that
/// took it would answer in the place of an appliance that is gone.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    kept: Option<TcpSocket>,
}

struct Inner {
    options: Options,
    identity: Identity,
    state: Mutex<State>,
}

struct State {
    mode: Mode,
    /// Before this moment it is not healthy.
    settled_at: Timestamp,
    jobs: Vec<Timestamp>,
    asked: Vec<Asked>,
    troubles: Troubles,
    /// From when until when its port was closed.
    absences: Vec<(Timestamp, Option<Timestamp>)>,
    restored: Option<Restored>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Appliance {
    /// Starts an appliance on a free port of 127.0.0.1 with a certificate of its own.
    ///
    /// # Errors
    /// When no port is free or no certificate can be made.
    pub async fn start(options: Options) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let listener = bind(address).await?;
        let state = State {
            mode: options.mode,
            settled_at: now(),
            jobs: Vec::new(),
            asked: Vec::new(),
            troubles: Troubles::default(),
            absences: Vec::new(),
            restored: None,
        };
        let identity = Identity::new()?;
        let inner = Arc::new(Inner { options, identity, state: Mutex::new(state) });
        let appliance = Self { inner, address, running: tokio::sync::Mutex::default() };
        appliance.run(listener).await;
        Ok(appliance)
    }

    async fn run(&self, listener: TcpListener) {
        let mut running = self.running.lock().await;
        running.tasks.spawn(server::accept(Arc::clone(&self.inner), listener));
        running.tasks.spawn(run_jobs(Arc::clone(&self.inner)));
    }

    /// Its base URL, `https://127.0.0.1:…`, which stays the same over restarts.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The pin of its public key as RFC 7469 computes it: `sha256/<base64>`.
    pub fn pin(&self) -> String {
        self.inner.identity.pin()
    }

    /// Its certificate, in DER.
    pub fn certificate(&self) -> Vec<u8> {
        self.inner.identity.certificate()
    }

    /// The secret that its API asks for, as JSON with `username` and `password`.
    pub fn secret(&self) -> serde_json::Value {
        let options = &self.inner.options;
        serde_json::json!({ "username": options.user, "password": options.password })
    }

    fn credentials(&self) -> String {
        let options = &self.inner.options;
        format!("{}:{}", options.user, options.password)
    }

    /// The mode it is in, from the inside.
    pub fn mode(&self) -> Mode {
        self.inner.state().mode
    }

    /// Puts it into a mode from the inside, as a person at its console would.
    pub fn set_mode(&self, mode: Mode) {
        answers::switch(&self.inner, mode);
    }

    /// The content of its archive now.
    ///
    /// # Errors
    /// When its database cannot be read.
    pub async fn archive(&self) -> Result<Vec<u8>> {
        let archive = archive::Archive::of(&self.inner).await?;
        Ok(archive.pieces().flatten().collect())
    }

    /// Closes the port and ends its jobs; the mode stays. A closed appliance may be stopped again.
    pub async fn stop(&self) {
        let mut running = self.running.lock().await;
        if !running.tasks.is_empty() {
            running.tasks.shutdown().await;
            running.kept = keep(self.address).ok();
            self.inner.state().absences.push((now(), None));
        }
    }

    /// Opens the port again, in the mode it had. Nothing happens if it is open.
    ///
    /// # Errors
    /// When somebody else took the port meanwhile.
    pub async fn start_again(&self) -> Result<()> {
        let mut running = self.running.lock().await;
        if !running.tasks.is_empty() {
            return Ok(());
        }
        running.kept = None;
        drop(running);
        let listener = bind(self.address).await?;
        if let Some((_, until)) = self.inner.state().absences.last_mut() {
            *until = Some(now());
        }
        self.run(listener).await;
        Ok(())
    }

    /// Whether its port was open at that moment.
    pub fn is_there(&self, at: Timestamp) -> bool {
        let state = self.inner.state();
        let was_closed = |(from, until): &(Timestamp, Option<Timestamp>)| {
            *from <= at && until.is_none_or(|until| at < until)
        };
        !state.absences.iter().any(was_closed)
    }

    /// Takes the whole machine away: the port is closed and the database is stopped.
    ///
    /// # Errors
    /// When the database cannot be stopped.
    pub async fn gone(&self) -> Result<()> {
        self.stop().await;
        self.power(Power::Off).await
    }

    /// Brings the machine back as it was, in the mode it had.
    ///
    /// # Errors
    /// When the database or the port does not come back.
    pub async fn back(&self) -> Result<()> {
        self.power(Power::On).await?;
        self.start_again().await
    }

    async fn power(&self, power: Power) -> Result<()> {
        match &self.inner.options.switch {
            Some(switch) => switch(power).await.context("switching the site's database"),
            None => Ok(()),
        }
    }

    /// From now on answers `path` with this trouble; `*` is every path. [`Trouble::Refuse`] closes
    /// the port, whichever the path, since a port has no paths.
    pub async fn answer(&self, path: &str, trouble: Trouble) {
        let refuses = trouble == Trouble::Refuse;
        self.inner.state().troubles.set(path, trouble);
        if refuses {
            self.stop().await;
        }
    }

    /// Ends all troubles, and opens the port if one had closed it.
    ///
    /// # Errors
    /// When the port does not come back.
    pub async fn heal(&self) -> Result<()> {
        let refused = self.inner.state().troubles.clear();
        if refused { self.start_again().await } else { Ok(()) }
    }

    /// Every request so far, in the order of arrival.
    pub fn asked(&self) -> Vec<Asked> {
        self.inner.state().asked.clone()
    }

    /// How many scheduled jobs it has run: one a second while it is in production.
    pub fn jobs_run(&self) -> usize {
        self.inner.state().jobs.len()
    }

    /// When each job ran. Two appliances whose jobs overlap were two writers.
    pub fn jobs(&self) -> Vec<Timestamp> {
        self.inner.state().jobs.clone()
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    let bind = async || Ok(TcpListener::bind(address).await.ok());
    wait::until("an appliance's port is free", BIND_MAX, bind).await
}

/// Holds a port on which nobody listens: a caller is refused, and nobody else may have it. That is so
/// because it does not share its address any more, once it has it.
fn keep(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The connections that were just ended still linger there.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.set_reuseaddr(false)?;
    Ok(socket)
}

/// The background scheduler, which standby disables.
async fn run_jobs(inner: Arc<Inner>) {
    let mut turns = tokio::time::interval(Duration::from_secs(1));
    turns.tick().await;
    loop {
        turns.tick().await;
        let mut state = inner.state();
        if state.mode == Mode::Production {
            state.jobs.push(now());
        }
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(wait::now()).unwrap_or_default()
}
