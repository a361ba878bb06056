//! Child processes that cannot outlive this one. Each is started by a small Python process
//! (`tests/python/keeper.py`) that holds the other end of a pipe: when we end, in whatever way, the
//! pipe closes, and it kills the child with all its descendants. It restarts nothing.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
pub use rustix::process::Signal;
use serde::Deserialize;
use serde_json::json;

use super::{folders, wait};

/// What is to be started, and how it is to end.
#[derive(Debug, Clone)]
pub struct Order {
    program: PathBuf,
    args: Vec<OsString>,
    environment: Option<Vec<(OsString, OsString)>>,
    folder: Option<PathBuf>,
    log: Option<PathBuf>,
    user: Option<String>,
    ending: Signal,
    grace: Duration,
}

impl Order {
    /// Runs `program` with our environment; it is killed at once when the time comes.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            environment: None,
            folder: None,
            log: None,
            user: None,
            ending: Signal::KILL,
            grace: Duration::ZERO,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Gives the child these variables and no others.
    #[must_use]
    pub fn only_environment<K, V>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        self.environment =
            Some(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect());
        self
    }

    /// Starts the child in this folder.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Appends what the child prints to this file; otherwise it comes out of [`Kept::output`].
    #[must_use]
    pub fn log(mut self, file: impl Into<PathBuf>) -> Self {
        self.log = Some(file.into());
        self
    }

    /// Runs the child as another user, for which we must be root.
    #[must_use]
    pub fn as_user(mut self, user: Option<&str>) -> Self {
        self.user = user.map(str::to_owned);
        self
    }

    /// Ends the child with this signal, and with SIGKILL what is left after `grace`.
    #[must_use]
    pub fn ends_by(mut self, signal: Signal, grace: Duration) -> Self {
        self.ending = signal;
        self.grace = grace;
        self
    }

    fn as_json(&self) -> anyhow::Result<String> {
        let mut command = vec![text(self.program.as_os_str())?];
        for arg in &self.args {
            command.push(text(arg)?);
        }
        Ok(json!({
            "command": command,
            "user": self.user,
            "signal": self.ending.as_raw(),
            "grace_s": self.grace.as_secs_f64(),
            "log": self.log,
            "folder": self.folder,
        })
        .to_string())
    }
}

fn text(argument: &std::ffi::OsStr) -> anyhow::Result<String> {
    argument.to_str().map(str::to_owned).ok_or_else(|| anyhow!("{argument:?} is not UTF-8"))
}

/// The keeper's first line.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Started {
    Pid(u32),
    Refused(String),
}

/// A child that ends, with everything that it started, when this is dropped or this process ends.
#[derive(Debug)]
pub struct Kept {
    keeper: Mutex<Child>,
    leash: Option<ChildStdin>,
    pid: u32,
}

impl Kept {
    /// Starts what `order` says, with the keeper run by `python` (any 3.10: it needs no package).
    ///
    /// # Errors
    /// A sentence, when the program cannot be started, or not as that user.
    pub async fn start(python: &Path, order: Order) -> anyhow::Result<Self> {
        let python = python.to_owned();
        tokio::task::spawn_blocking(move || Self::start_here(&python, &order)).await?
    }

    /// The same for a caller outside of a runtime; blocks for some 30 ms.
    ///
    /// # Errors
    /// As [`Kept::start`].
    pub fn start_here(python: &Path, order: &Order) -> anyhow::Result<Self> {
        let mut command = Command::new(python);
        command.arg("-IS").arg(folders::python_file("keeper.py")).arg(order.as_json()?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(if order.log.is_some() { Stdio::inherit() } else { Stdio::piped() });
        // A group of its own: Ctrl-C and a test runner's kill reach us, and the keeper sees us end.
        command.process_group(0);
        if let Some(pairs) = &order.environment {
            command.env_clear().envs(pairs.iter().map(|(name, value)| (name, value)));
        }
        let mut keeper =
            command.spawn().with_context(|| format!("starting {}", python.display()))?;
        let leash = keeper.stdin.take();
        let mut first = String::new();
        if let Some(stdout) = keeper.stdout.take() {
            BufReader::new(stdout).read_line(&mut first)?;
        }
        match serde_json::from_str(&first) {
            Ok(Started::Pid(pid)) => Ok(Self { keeper: Mutex::new(keeper), leash, pid }),
            Ok(Started::Refused(sentence)) => {
                keeper.wait()?;
                Err(anyhow!(sentence))
            }
            Err(error) => {
                let _ = keeper.kill();
                keeper.wait()?;
                Err(anyhow!(error).context(format!("reading the keeper's first line `{first}`")))
            }
        }
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started, or fails: then with the end of its log.
    pub async fn run(python: &Path, order: Order, within: Duration) -> anyhow::Result<()> {
        let name = order.program.display().to_string();
        let log = order.log.clone();
        let kept = Self::start(python, order).await?;
        let status = kept.finished(within).await.with_context(|| format!("running {name}"))?;
        if status.success() {
            return Ok(());
        }
        let said = log.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        bail!("{name} ended with {status}: {}", last_lines(&said, 5));
    }

    /// The child's process id; the leader of its group and session.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What the child prints on both its outputs, if no log file was named; once.
    pub fn output(&self) -> Option<ChildStderr> {
        self.keeper().stderr.take()
    }

    /// How the child ended, or `None` while it runs. 128 + n stands for a death by signal n.
    ///
    /// # Errors
    /// When the keeper cannot be asked.
    pub fn ended(&self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.keeper().try_wait()?)
    }

    /// Waits for the child to end by itself.
    ///
    /// # Errors
    /// When it has not ended after `within`; it goes on running.
    pub async fn finished(&self, within: Duration) -> anyhow::Result<ExitStatus> {
        wait::until("the process has ended", within, async || self.ended()).await
    }

    /// Ends the child and everything it started, and waits until nothing is left.
    pub fn end(mut self) {
        self.let_go();
    }

    fn keeper(&self) -> MutexGuard<'_, Child> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_go(&mut self) {
        drop(self.leash.take());
        // The keeper bounds its own time, so this wait is bounded too.
        let _ = self.keeper().wait();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let mut lines: Vec<&str> = text.lines().rev().take(count).map(str::trim).collect();
    lines.reverse();
    lines.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn a_failed_command_is_quoted_by_its_last_lines() {
        assert_eq!(last_lines("a\nb\n c \nd\n", 2), "c / d");
        assert_eq!(last_lines("", 2), "");
    }
}
