//! The private virtual environment with the pinned software of `tests/requirements.txt`: made on
//! first use, by one process at a time, and never believed half-made. It is nobody else's Python.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::keeper::{Kept, Order};
use super::preflight::Machine;
use super::{Tell, folders};

/// Written last, so an environment without it is not one.
const COMPLETE_MARK: &str = "complete";
/// For everything to be fetched and installed over a slow line.
const INSTALL_MAX: Duration = Duration::from_secs(20 * 60);

/// A complete virtual environment.
#[derive(Debug, Clone)]
pub struct Venv {
    root: PathBuf,
}

impl Venv {
    /// Finds the environment of this repository's `tests/requirements.txt`, or makes it.
    ///
    /// # Errors
    /// When a package cannot be installed, with the last lines of pip.
    pub async fn ready(machine: &Machine, tell: &Tell) -> anyhow::Result<Self> {
        let requirements = folders::workspace().join("tests").join("requirements.txt");
        Self::ready_in(&folders::home(), &requirements, machine, tell).await
    }

    /// The same for another folder and another list of packages.
    ///
    /// # Errors
    /// As [`Venv::ready`].
    pub async fn ready_in(
        home: &Path,
        requirements: &Path,
        machine: &Machine,
        tell: &Tell,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(home)?;
        let list = fs::read(requirements)
            .with_context(|| format!("reading {}", requirements.display()))?;
        let venv = Self { root: home.join(format!("venv-{}", name_of(&list, machine))) };
        if venv.is_complete() {
            return Ok(venv);
        }
        let _lock = lock(venv.root.with_extension("lock"), tell).await?;
        // Whoever held the lock before us may have made it meanwhile.
        if !venv.is_complete() {
            tell("making the Python environment of the local stack (once, about a minute)");
            venv.make(requirements, machine).await?;
        }
        Ok(venv)
    }

    /// Its Python.
    pub fn python(&self) -> PathBuf {
        self.bin().join("python")
    }

    /// The folder of its programs: `ministack`, `cargo-lambda`, `cfn-lint`.
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Its folder of Python packages.
    ///
    /// # Errors
    /// When the environment has been damaged.
    pub fn packages(&self) -> anyhow::Result<PathBuf> {
        let lib = self.root.join("lib");
        let entries = fs::read_dir(&lib).with_context(|| format!("reading {}", lib.display()))?;
        entries
            .flatten()
            .map(|entry| entry.path().join("site-packages"))
            .find(|packages| packages.is_dir())
            .with_context(|| {
                format!("{} has no packages: remove {}", lib.display(), self.root.display())
            })
    }

    fn is_complete(&self) -> bool {
        // `exists` follows the link, so an interpreter that was removed since is noticed.
        self.root.join(COMPLETE_MARK).exists() && self.python().exists()
    }

    async fn make(&self, requirements: &Path, machine: &Machine) -> anyhow::Result<()> {
        if self.root.exists() {
            fs::remove_dir_all(&self.root)?;
        }
        let log = self.root.with_extension("log");
        fs::write(&log, "")?;
        let create = Order::new(&machine.python).args(["-m", "venv"]).arg(&self.root).log(&log);
        Kept::run(&machine.python, create, INSTALL_MAX).await.context("making the venv")?;
        let install = Order::new(self.python())
            .args(["-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--no-input"])
            .args(["--disable-pip-version-check", "--progress-bar=off", "--requirement"])
            .arg(requirements)
            .log(&log);
        Kept::run(&machine.python, install, INSTALL_MAX).await.with_context(|| {
            format!("installing tests/requirements.txt (see {})", log.display())
        })?;
        fs::write(self.root.join(COMPLETE_MARK), "")?;
        Ok(())
    }
}

/// The name of what is installed and for which Python: another list is another environment.
fn name_of(requirements: &[u8], machine: &Machine) -> String {
    let mut hash = Sha256::new();
    hash.update(requirements);
    hash.update(format!("\npython {}.{}", machine.version.0, machine.version.1));
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Waits until no other process makes the environment. The kernel frees the lock of a dead process.
async fn lock(path: PathBuf, tell: &Tell) -> anyhow::Result<File> {
    let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    tell("waiting for another process that is making the Python environment");
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    waiting.await?.with_context(|| format!("locking {}", path.display()))
}
