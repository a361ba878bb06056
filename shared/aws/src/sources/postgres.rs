//! A dump by `pg_dump -Fc`. Its output is whole only when it also ended with success: a dump tool
//! that fails has often written most of its output before.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::name::SecretArn;
use warmspare_decide::refusal::Refusal;

use super::DURING;
use crate::Live;
use crate::config::Config;
use crate::secrets::{self, Login};

/// For how long a dump may give nothing. It waits for locks no longer than `LOCK_WAIT`.
const STALL: Duration = Duration::from_secs(120);
/// After its output has ended, a dump has to end too.
const END: Duration = Duration::from_secs(30);
const LOCK_WAIT: &str = "--lock-wait-timeout=60s";
pub(super) const PIECE_BYTES: usize = 64 * 1024;
/// How much of its complaints is kept: the last of them say why.
const COMPLAINT_BYTES_MAX: usize = 2048;

/// What is dumped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) tls: bool,
}

/// A dump that runs. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Dump {
    subject: String,
    child: Child,
    output: ChildStdout,
    complaints: JoinHandle<String>,
    password: String,
    over: bool,
}

pub(super) async fn open(
    live: &Live,
    target: Target<'_>,
    secret: &SecretArn,
) -> Result<Dump, Fault> {
    let login = secrets::login(live, secret).await?;
    Dump::begin(live.config(), target, login)
}

impl Dump {
    /// Starts `pg_dump` with an environment of its own: the function's credentials are none of its
    /// business, and the password is nowhere but there.
    fn begin(config: &Config, target: Target<'_>, login: Login) -> Result<Self, Fault> {
        let subject = format!("{} at {}:{}", target.database, target.host, target.port);
        let mut command = Command::new(&config.pg_dump);
        command
            .args(["--format=custom", "--no-password", LOCK_WAIT])
            .args(["--host", target.host, "--port", &target.port.to_string()])
            .args(["--username", &login.username, "--dbname", target.database])
            .env_clear()
            .env("PGPASSWORD", &login.password)
            .env("PGSSLMODE", if target.tls { "verify-full" } else { "disable" })
            .env("PGSSLROOTCERT", &config.pg_roots)
            .env("PGGSSENCMODE", "disable")
            .env("PGCONNECT_TIMEOUT", "10")
            .env("LC_ALL", "C")
            .envs(config.library_path.iter().map(|path| ("LD_LIBRARY_PATH", path)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            let why = format!("{} cannot be started: {error}", config.pg_dump);
            Fault::new(Hope::Permanent, DURING, &subject, why).because(error)
        })?;
        let (Some(output), Some(complaints)) = (child.stdout.take(), child.stderr.take()) else {
            let why = "pg_dump was started without its pipes";
            return Err(Fault::new(Hope::Permanent, DURING, subject, why));
        };
        let complaints = tokio::spawn(last_of(complaints));
        Ok(Self { subject, child, output, complaints, password: login.password, over: false })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.over {
            return Ok(None);
        }
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let read = timeout(STALL, self.output.read_buf(&mut piece)).await.map_err(|_| {
            let why = format!("pg_dump gave nothing for {} s", STALL.as_secs());
            Fault::new(Hope::Retryable, DURING, &self.subject, why)
        })?;
        let length = read.map_err(|error| {
            let why = format!("the output of pg_dump broke off: {error}");
            Fault::new(Hope::Retryable, DURING, &self.subject, why).because(error)
        })?;
        if length > 0 {
            return Ok(Some(piece.freeze()));
        }
        let ended = timeout(END, self.child.wait()).await.map_err(|_| {
            let why = format!("pg_dump had not ended {} s after its output", END.as_secs());
            Fault::new(Hope::Retryable, DURING, &self.subject, why)
        })?;
        let status = ended.map_err(|error| {
            let why = format!("nobody knows how pg_dump ended: {error}");
            Fault::new(Hope::Retryable, DURING, &self.subject, why).because(error)
        })?;
        if !status.success() {
            return Err(self.failed(status).await);
        }
        self.over = true;
        Ok(None)
    }

    async fn failed(&mut self, status: ExitStatus) -> Fault {
        let complaints = match timeout(END, &mut self.complaints).await {
            Ok(Ok(complaints)) => complaints,
            // What it wrote cannot be had; that it failed is known all the same.
            Ok(Err(_)) | Err(_) => String::new(),
        };
        let said = if self.password.is_empty() {
            complaints
        } else {
            complaints.replace(&self.password, "…")
        };
        if let Some((server, tool)) = version_mismatch(&said) {
            let (server_name, server, tool) =
                (self.subject.clone(), server.to_owned(), tool.to_owned());
            let refusal = Refusal::PgDumpVersion { server_name, server, tool };
            return Fault::refused(DURING, &self.subject, refusal);
        }
        let said = crate::fault::fragment(&said);
        let ended = status.code().map_or_else(
            || "pg_dump was ended from outside".to_owned(),
            |code| format!("pg_dump ended with {code}"),
        );
        let why = if said.is_empty() { ended } else { format!("{ended}: {said}") };
        Fault::new(hope_of(&said), DURING, &self.subject, why)
    }
}

/// The versions of the server and of the tool, where that is why it ended: what `_check_database_version`
/// of PostgreSQL's `pg_backup_db.c` says in every version since 9, on one line, before or after
/// "aborting because of server version mismatch".
fn version_mismatch(said: &str) -> Option<(&str, &str)> {
    if !said.contains("aborting because of server version mismatch") {
        return None;
    }
    let (_, rest) = said.split_once("server version: ")?;
    let (server, rest) = rest.split_once("; pg_dump version: ")?;
    Some((server.trim(), rest.lines().next()?.trim()))
}

/// What a server says to a login that it does not take, or that may not read what is to be dumped. It
/// says so in English unless its `lc_messages` is another language; then a dump is tried in vain as
/// often as any that failed.
const DENIALS: [&str; 9] = [
    "password authentication failed",
    "no password supplied",
    "is not permitted to log in",
    "not currently accepting connections",
    "permission denied for",
    "no pg_hba.conf entry",
    "server does not support SSL",
    "certificate verify failed",
    "root certificate file",
];

fn hope_of(said: &str) -> Hope {
    let is_denied = DENIALS.iter().any(|denial| said.contains(denial));
    // A database or a role; a table that is not there any more is only an ERROR, and passes.
    let is_unknown = said.contains("FATAL:") && said.contains("does not exist");
    if is_denied || is_unknown { Hope::Permanent } else { Hope::Retryable }
}

/// Reads to the end, so that the writer never waits, and keeps the last of it.
pub(super) async fn last_of(complaints: ChildStderr) -> String {
    let mut complaints = BufReader::new(complaints);
    let mut kept = BytesMut::new();
    // A pipe that breaks has no more to say than one that ends.
    while let Ok(1..) = complaints.read_buf(&mut kept).await {
        let excess = kept.len().saturating_sub(COMPLAINT_BYTES_MAX);
        drop(kept.split_to(excess));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests;
