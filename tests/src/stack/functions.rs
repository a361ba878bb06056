//! The functions as files and as processes: builds their zips with cargo-lambda, and finds and
//! kills the bootstraps that MiniStack runs. It does not know what they do.

mod build;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use rustix::process::{Pid, kill_process};
use sha2::{Digest, Sha256};

pub use build::{Progress, build, cargo_environment, host_triple};

use super::keeper::Signal;

/// The processes that run the function `name` now, in the MiniStack with the process id
/// `ministack`; idle execution environments are among them.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn bootstraps(ministack: u32, name: &str) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("reading /proc")?.flatten() {
        let pid = entry.file_name().to_str().and_then(|pid| pid.parse().ok());
        let Some(pid) = pid else { continue };
        // What a function starts inherits its environment, but has another parent.
        if lives_below(&entry.path(), ministack) && runs(&entry.path(), name) {
            found.push(pid);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A process that has ended meanwhile is no longer below anyone.
fn lives_below(process: &Path, parent: u32) -> bool {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    // The name before it is in brackets, and may hold anything.
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return false;
    };
    let mut fields = fields.split_whitespace();
    let state = fields.next();
    let ppid = fields.next().and_then(|ppid| ppid.parse().ok());
    state != Some("Z") && ppid == Some(parent)
}

fn runs(process: &Path, name: &str) -> bool {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    let wanted = format!("AWS_LAMBDA_FUNCTION_NAME={name}");
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// Which of these processes has this end of a connection to `to`; `None` when it is gone, or nobody's
/// among them. Of several bootstraps of a function, the one that waits in a trap is found by it.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn caller(from: SocketAddr, to: SocketAddr, among: &[u32]) -> anyhow::Result<Option<u32>> {
    let table = fs::read_to_string("/proc/net/tcp").context("reading /proc/net/tcp")?;
    let Some(inode) = table.lines().skip(1).find_map(|line| inode(line, from, to)) else {
        return Ok(None);
    };
    let wanted = format!("socket:[{inode}]");
    let holds = |pid: &&u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.filter_map(|file| fs::read_link(file.path()).ok())
            .any(|file| file.as_os_str() == wanted.as_str())
    };
    Ok(among.iter().find(holds).copied())
}

/// The inode of a line of `/proc/net/tcp`, if it is of this connection.
fn inode(line: &str, from: SocketAddr, to: SocketAddr) -> Option<&str> {
    let mut fields = line.split_whitespace().skip(1);
    let ends = (hex(from)?, hex(to)?);
    (fields.next()? == ends.0 && fields.next()? == ends.1).then(|| fields.nth(6))?
}

/// `127.0.0.1:8080` is `0100007F:1F90` there: the address as this machine holds it in memory.
fn hex(end: SocketAddr) -> Option<String> {
    let SocketAddr::V4(end) = end else { return None };
    let address = u32::from_ne_bytes(end.ip().octets());
    Some(format!("{address:08X}:{:04X}", end.port()))
}

/// Ends a process without a word to it. One that is gone already is no error.
///
/// # Errors
/// When it is not ours to end.
pub fn kill_9(pid: u32) -> anyhow::Result<()> {
    signal(pid, Signal::KILL)
}

/// Sends a signal: SIGSTOP freezes a function as Lambda does between invocations, SIGCONT thaws it.
/// A process that is gone already is no error.
///
/// # Errors
/// When it is not ours to signal.
pub fn signal(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let process = Pid::from_raw(i32::try_from(pid)?).context("0 is no process")?;
    match kill_process(process, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("signalling process {pid}")),
    }
}

/// The access key that MiniStack gives to a function for its role, always the same one: by it the
/// gateway's record and its rules know who calls.
pub fn access_key(function_arn: &str, role_arn: &str) -> String {
    let hash = Sha256::digest(format!("{function_arn}:{role_arn}"));
    let digits: String = hash.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
    format!("ASIA{digits}")
}
