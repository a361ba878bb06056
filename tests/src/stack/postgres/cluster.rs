//! One PostgreSQL server: made, started, asked, promoted, stopped.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{Place, Postgres};
use crate::stack::functions::signal;
use crate::stack::keeper::{Kept, Order, Signal};
use crate::stack::{ports, wait};

/// The superuser of every cluster.
pub const USER: &str = "warmspare";
/// Its password: everything listens on 127.0.0.1 only.
pub const PASSWORD: &str = "local-stack";
/// The database of every cluster.
pub const DATABASE: &str = "postgres";

const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(30);
const STARTS_MAX: u32 = 3;

/// What every server is told. Nothing survives a power failure here, so nothing waits for a disk; a
/// commit is still a commit when the server alone is stopped.
const SETTINGS: [&str; 12] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=40",
    "wal_level=replica",
    "max_wal_senders=8",
    "wal_keep_size=256MB",
    "hot_standby=on",
    "wal_receiver_status_interval=1s",
    "jit=off",
];

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, everything is written: what an operator does.
    Fast,
    /// At once, without a checkpoint: the next start recovers.
    Immediate,
    /// SIGKILL to the server and all its processes: the machine is gone.
    Kill,
}

/// A PostgreSQL server of ours; stopped when dropped.
#[derive(Debug)]
pub struct Cluster {
    name: String,
    folder: PathBuf,
    port: Mutex<u16>,
    place: Arc<Place>,
    process: Mutex<Option<Kept>>,
}

impl Cluster {
    /// Makes and starts an empty server; `name` names its folder.
    ///
    /// # Errors
    /// When it cannot be made or started, with the end of its log.
    pub async fn primary(postgres: &Postgres, name: &str) -> anyhow::Result<Self> {
        let cluster = Self::place(postgres, name)?;
        let password = cluster.folder.join("password");
        fs::write(&password, PASSWORD)?;
        cluster.give_away(&password)?;
        let make = cluster
            .program("initdb")
            .args(["--username", USER, "--auth", "scram-sha-256", "--pwfile"])
            .arg(&password)
            .args(["--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions", "-D"])
            .arg(cluster.data());
        Kept::run(&cluster.place.python, make, READY_MAX).await?;
        cluster.start_somewhere().await?;
        Ok(cluster)
    }

    /// Copies `primary` as it runs, and starts the copy as its streaming replica.
    ///
    /// # Errors
    /// As [`Cluster::primary`].
    pub async fn replica_of(
        postgres: &Postgres,
        name: &str,
        primary: &Self,
    ) -> anyhow::Result<Self> {
        let cluster = Self::place(postgres, name)?;
        let from = format!(
            "host=127.0.0.1 port={} user={USER} password={PASSWORD} dbname={DATABASE} \
             application_name={name}",
            primary.port()
        );
        let copy = cluster
            .program("pg_basebackup")
            .args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"])
            .args(["--no-sync", "-d", from.as_str(), "-D"])
            .arg(cluster.data());
        Kept::run(&cluster.place.python, copy, READY_MAX).await?;
        cluster.start_somewhere().await?;
        Ok(cluster)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its port on 127.0.0.1; the same for as long as it lives.
    pub fn port(&self) -> u16 {
        *self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How `pg_dump` and others reach it.
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{DATABASE}", self.port())
    }

    /// What it has printed.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Whether its process runs.
    ///
    /// # Errors
    /// When its keeper cannot be asked.
    pub fn is_running(&self) -> anyhow::Result<bool> {
        match self.process().as_ref() {
            Some(process) => Ok(process.ended()?.is_none()),
            None => Ok(false),
        }
    }

    /// Starts a server that was stopped, on the port it had.
    ///
    /// # Errors
    /// When it does not start, with the end of its log.
    pub async fn start(&self) -> anyhow::Result<()> {
        ensure!(!self.is_running()?, "{} runs already", self.name);
        let mut order = self.program("postgres").arg("-D").arg(self.data());
        for setting in SETTINGS {
            order = order.args(["-c", setting]);
        }
        order = order
            .args(["-c", &format!("port={}", self.port())])
            .args(["-c", &format!("cluster_name={}", self.name)])
            // Whatever happens to us: at once, and its processes with it.
            .ends_by(Signal::QUIT, Duration::from_secs(2));
        let process = Kept::start(&self.place.python, order).await?;
        let pid = process.pid();
        *self.process() = Some(process);
        wait::until("the server accepts connections", READY_MAX, async || {
            ensure!(self.is_running()?, "it ended at once: {}", self.complaint());
            Ok(accepts_connections(&self.data(), pid).then_some(()))
        })
        .await
        .with_context(|| format!("starting PostgreSQL `{}`", self.name))
    }

    /// Stops it; one that is stopped already stays so.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop(&self, how: Stop) -> anyhow::Result<()> {
        let Some(process) = self.process().take() else {
            return Ok(());
        };
        let by = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
            Stop::Kill => Signal::KILL,
        };
        signal(process.pid(), by)?;
        process
            .finished(STOP_MAX)
            .await
            .with_context(|| format!("stopping PostgreSQL `{}`", self.name))?;
        Ok(())
    }

    /// Makes a replica a server of its own, and waits until it takes writes.
    ///
    /// # Errors
    /// When it is no replica, or does not become writable in 30 s.
    pub async fn promote(&self) -> anyhow::Result<()> {
        let done = self.value("SELECT pg_promote(true, 30)").await?;
        ensure!(done.as_deref() == Some("t"), "{} was not promoted in 30 s", self.name);
        Ok(())
    }

    /// Whether it is a replica, and so refuses writes.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn is_in_recovery(&self) -> anyhow::Result<bool> {
        Ok(self.value("SELECT pg_is_in_recovery()").await?.as_deref() == Some("t"))
    }

    /// How many seconds it is behind its primary, as RDS counts; `None` when nobody can say,
    /// because nothing streams.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn lag_s(&self) -> anyhow::Result<Option<f64>> {
        let lag = "SELECT CASE WHEN NOT EXISTS \
                   (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN NULL \
                   WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
                   ELSE EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp()) END";
        self.value(lag).await?.map(|text| text.parse().context("reading the lag")).transpose()
    }

    /// Runs one or more statements, and returns the rows of all as text; `None` is NULL.
    ///
    /// # Errors
    /// What the server says.
    pub async fn sql(&self, text: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let client = self.connect().await?;
        let answers = client.simple_query(text).await;
        let answers = answers.with_context(|| format!("asking {}: {text}", self.name))?;
        let mut rows = Vec::new();
        for answer in &answers {
            if let SimpleQueryMessage::Row(row) = answer {
                rows.push((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect());
            }
        }
        Ok(rows)
    }

    /// The first value of the first row.
    ///
    /// # Errors
    /// As [`Cluster::sql`].
    pub async fn value(&self, text: &str) -> anyhow::Result<Option<String>> {
        let rows = self.sql(text).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// A connection, as the superuser; it is closed when the client is dropped.
    ///
    /// # Errors
    /// When the server does not take it.
    pub async fn connect(&self) -> anyhow::Result<Client> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port()).user(USER).password(PASSWORD).dbname(DATABASE);
        config.connect_timeout(Duration::from_secs(5));
        let connected = config.connect(NoTls).await;
        let (client, connection) =
            connected.with_context(|| format!("connecting to PostgreSQL `{}`", self.name))?;
        tokio::spawn(async move {
            // Its error is the server's end, which the next statement reports.
            let _ = connection.await;
        });
        Ok(client)
    }

    fn place(postgres: &Postgres, name: &str) -> anyhow::Result<Self> {
        let place = Arc::clone(&postgres.shared);
        let folder = place.clusters.join(name);
        fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        let cluster = Self {
            name: name.to_owned(),
            folder,
            port: Mutex::new(ports::free()?),
            place,
            process: Mutex::new(None),
        };
        cluster.give_away(&cluster.folder)?;
        Ok(cluster)
    }

    /// Starts a new server, on another port if the one it was given is taken meanwhile.
    async fn start_somewhere(&self) -> anyhow::Result<()> {
        for _ in 1..STARTS_MAX {
            match self.start().await {
                Ok(()) => return Ok(()),
                Err(_) if self.complaint().contains("Address already in use") => {
                    *self.port.lock().unwrap_or_else(PoisonError::into_inner) = ports::free()?;
                }
                Err(error) => return Err(error),
            }
        }
        self.start().await
    }

    /// Hands a file or folder to the user that the server runs as.
    fn give_away(&self, path: &Path) -> anyhow::Result<()> {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        let Some(user) = self.place.user else {
            return Ok(());
        };
        let (uid, gid) = ids_of(user)?;
        chown(path, Some(uid), Some(gid)).with_context(|| format!("giving {} away", path.display()))
    }

    fn program(&self, name: &str) -> Order {
        Order::new(self.place.bin.join(name))
            .as_user(self.place.user)
            .in_folder(&self.folder)
            .only_environment([("LANG", "C"), ("LC_ALL", "C"), ("PATH", "/usr/bin:/bin")])
            .log(self.log())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn complaint(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(3).collect();
        format!("{} (see {})", lines.join(" / "), self.log().display())
    }

    fn process(&self) -> MutexGuard<'_, Option<Kept>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// PostgreSQL's own word: the first line of this file is its process id, the eighth its state.
fn accepts_connections(data: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines();
    let ours = lines.next().is_some_and(|line| line.trim() == pid.to_string());
    ours && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

fn ids_of(user: &str) -> anyhow::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    for line in users.lines() {
        let mut fields = line.split(':');
        if fields.next() == Some(user) {
            let (uid, gid) = (fields.nth(1).unwrap_or_default(), fields.next().unwrap_or_default());
            return Ok((uid.parse()?, gid.parse()?));
        }
    }
    bail!("there is no user `{user}` on this machine to run PostgreSQL as: run as an ordinary user")
}
