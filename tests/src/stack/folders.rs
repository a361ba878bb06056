//! Where the local stack keeps its files: everything under `target/local-stack` of this workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::wait;

/// Written into the folder of a run that is to stay: after a panic, or because it was asked for.
const KEPT_MARK: &str = "kept";
/// How long a kept folder of a process that is gone stays for somebody to read, in hours.
const KEPT_H_MAX: u64 = 24;

static RUNS: AtomicU32 = AtomicU32::new(0);

/// The root of this repository.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// What outlives a run: the virtual environment and the folders of the runs.
pub fn home() -> PathBuf {
    workspace().join("target").join("local-stack")
}

/// Whether functions have been built here before, so that a build is not the first one.
pub fn is_built() -> bool {
    workspace().join("target").join("lambda").is_dir()
}

/// A Python file of the tests, by its name.
pub fn python_file(name: &str) -> PathBuf {
    workspace().join("tests").join("python").join(name)
}

/// The private folder of one run; removed when dropped, unless it is to be kept.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    kept: AtomicBool,
}

impl Run {
    /// Makes the folder of a new run, and clears away those of processes that are gone.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn begin() -> anyhow::Result<Self> {
        let runs = home().join("runs");
        sweep(&runs);
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        let path = runs.join(format!("{}-{number}", std::process::id()));
        // A folder of this name is from an earlier process that had our number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path, kept: AtomicBool::new(false) })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(path)
    }

    /// Lets the folder stay after the run, for at least a day, also if nobody drops this.
    pub fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
        let _ = fs::write(self.path.join(KEPT_MARK), "");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Relaxed) || std::thread::panicking() {
            let _ = fs::write(self.path.join(KEPT_MARK), "");
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes the folders of runs whose process is gone: those of a process that was killed at once,
/// and kept ones after a day. What cannot be removed now is tried again by the next run.
fn sweep(runs: &Path) {
    let Ok(entries) = fs::read_dir(runs) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split_once('-')).map(|(pid, _)| pid);
        let Some(owner) = owner else { continue };
        let alive = Path::new("/proc").join(owner).exists();
        if !alive && !is_kept(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_kept(run: &Path) -> bool {
    let age = fs::metadata(run.join(KEPT_MARK))
        .and_then(|mark| mark.modified())
        .ok()
        .and_then(|written| wait::now().duration_since(written).ok());
    age.is_some_and(|age| age < Duration::from_secs(KEPT_H_MAX * 3600))
}
