//! Says what this machine lacks before anything is started on it. It installs nothing.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

#[cfg(test)]
mod tests;

/// The oldest Python that every pinned package runs on.
pub const PYTHON_MIN: (u32, u32) = (3, 10);
/// What the first build of the functions and of the virtual environment takes, in bytes.
pub const FIRST_BUILD_BYTES: u64 = 6_000_000_000;
/// What a run takes when everything is built, in bytes.
pub const RUN_BYTES: u64 = 500_000_000;

/// One thing that this machine lacks: a sentence with the remedy in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Missing {
    /// The functions are Linux binaries, and are run as they are.
    #[error(
        "this machine runs {found}, and the functions are Linux binaries that the local stack \
         runs as they are: use Linux, or a Linux container"
    )]
    Linux {
        /// The name of the operating system found.
        found: &'static str,
    },
    /// No `python3`.
    #[error(
        "there is no python3 on the PATH: install Python {}.{} or newer (Debian: apt-get install \
         python3 python3-venv)", PYTHON_MIN.0, PYTHON_MIN.1
    )]
    Python,
    /// A `python3` that is too old.
    #[error(
        "python3 is {}.{}, and the local stack needs at least {}.{}: install a newer Python and \
         put it first on the PATH", found.0, found.1, PYTHON_MIN.0, PYTHON_MIN.1
    )]
    NewerPython {
        /// Major and minor version found.
        found: (u32, u32),
    },
    /// A Python without `venv` or `ensurepip`, as Debian installs it.
    #[error(
        "python3 cannot make a virtual environment here: install its venv module (Debian: apt-get \
         install python3-venv)"
    )]
    VenvModule,
    /// No C compiler, which Rust links with and `ring` is partly written for.
    #[error(
        "there is no C compiler (cc) on the PATH, and Rust links with one: install gcc or clang \
         (Debian: apt-get install build-essential)"
    )]
    Compiler,
    /// Too little room for what has to be built or written.
    #[error(
        "{folder} has {} free, and {} are needed: make room, or put the repository on a \
         larger disk",
        gigabytes(*free_bytes), gigabytes(*needed_bytes)
    )]
    Disk {
        /// Where.
        folder: String,
        /// What is free, in bytes.
        free_bytes: u64,
        /// What is needed, in bytes.
        needed_bytes: u64,
    },
    /// Nothing can listen on 127.0.0.1.
    #[error(
        "127.0.0.1 cannot be listened on ({why}): bring the loopback interface up, and run where \
         listening is allowed"
    )]
    Loopback {
        /// What the kernel said.
        why: String,
    },
}

/// All that is missing at once, one sentence a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", lines(.0))]
pub struct NotReady(pub Vec<Missing>);

/// What was seen of a machine.
#[derive(Debug, Clone)]
struct Seen {
    system: &'static str,
    python: Option<(u32, u32)>,
    can_make_venv: bool,
    compiles: bool,
    free_bytes: u64,
    loopback: Result<(), String>,
}

/// A machine that the local stack can run on.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The Python that makes the virtual environment.
    pub python: PathBuf,
    /// Its major and minor version.
    pub version: (u32, u32),
}

/// Looks at this machine; `folder` is where things will be built, `needed_bytes` how much room it
/// takes.
///
/// # Errors
/// Everything that is missing, together.
pub fn check(folder: &Path, needed_bytes: u64) -> Result<Machine, NotReady> {
    let python = PathBuf::from("python3");
    let seen = look(&python, folder);
    let missing = decide(&seen, folder, needed_bytes);
    match (missing.is_empty(), seen.python) {
        (true, Some(version)) => Ok(Machine { python, version }),
        (true | false, _) => Err(NotReady(missing)),
    }
}

fn decide(seen: &Seen, folder: &Path, needed_bytes: u64) -> Vec<Missing> {
    let mut missing = Vec::new();
    if seen.system != "linux" {
        missing.push(Missing::Linux { found: seen.system });
    }
    match seen.python {
        None => missing.push(Missing::Python),
        Some(found) if found < PYTHON_MIN => missing.push(Missing::NewerPython { found }),
        Some(_) if !seen.can_make_venv => missing.push(Missing::VenvModule),
        Some(_) => {}
    }
    if !seen.compiles {
        missing.push(Missing::Compiler);
    }
    if seen.free_bytes < needed_bytes {
        let folder = folder.display().to_string();
        missing.push(Missing::Disk { folder, free_bytes: seen.free_bytes, needed_bytes });
    }
    if let Err(why) = &seen.loopback {
        missing.push(Missing::Loopback { why: why.clone() });
    }
    missing
}

fn look(python: &Path, folder: &Path) -> Seen {
    Seen {
        system: std::env::consts::OS,
        python: python_version(python),
        can_make_venv: succeeds(Command::new(python).args(["-c", "import ensurepip, venv"])),
        compiles: succeeds(Command::new("cc").arg("--version")),
        free_bytes: free_bytes(folder),
        loopback: TcpListener::bind("127.0.0.1:0").map(drop).map_err(|error| error.to_string()),
    }
}

fn python_version(python: &Path) -> Option<(u32, u32)> {
    let print = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", print]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What is free on the disk of `folder`, which need not exist yet. A disk that cannot be asked
/// counts as large enough: the build will say more about it than we could.
fn free_bytes(folder: &Path) -> u64 {
    folder
        .ancestors()
        .find_map(|place| rustix::fs::statvfs(place).ok())
        .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn gigabytes(bytes: u64) -> String {
    format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10)
}

fn lines(missing: &[Missing]) -> String {
    missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("\n")
}
