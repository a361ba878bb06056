//! Builds function zips with cargo-lambda, from within `cargo test` or `cargo run` as from a shell.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::mpsc;

use crate::stack::folders;
use crate::stack::keeper::{Kept, Order};
use crate::stack::venv::Venv;

mod zip;

#[cfg(test)]
mod tests;

/// The SDKs take 6 minutes cold on 2 idle cores.
const BUILD_MAX: Duration = Duration::from_secs(60 * 60);
/// How much of cargo's output an error quotes.
const QUOTED_LINES: usize = 30;

/// What cargo says while it builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The progress bar.
    Building {
        /// Crates that are built.
        done: u32,
        /// All of them.
        total: u32,
    },
    /// A line.
    Said(String),
}

/// Builds the functions `names` for this machine, unoptimised, and returns their zips in that
/// order. `progress` hears cargo as it goes.
///
/// # Errors
/// When the build fails, with the end of what cargo said.
pub async fn build(
    venv: &Venv,
    names: &[&str],
    mut progress: impl FnMut(Progress),
) -> anyhow::Result<Vec<PathBuf>> {
    let zips = folders::workspace().join("target").join("lambda");
    // cargo-lambda zips at every call what has not changed, which takes longer than all the rest: so
    // cargo is asked first, in the same words, whether there is anything new.
    let host = host_triple()?;
    let order = Order::new("cargo").args(["build", "--target", &host]);
    run(venv, order, names, &mut progress).await?;
    let is_fresh = |name: &&str| zip::is_fresh(&zips, &host, name);
    if !names.iter().all(is_fresh) {
        let order = Order::new(venv.bin().join("cargo-lambda"))
            // Without zig: what this machine links runs on this machine.
            .args(["lambda", "build", "--compiler", "cargo", "--output-format", "zip"])
            .arg("--lambda-dir")
            .arg(&zips);
        run(venv, order, names, &mut progress).await?;
    }
    names.iter().map(|name| zip::made(&zips, &host, name)).collect()
}

async fn run(
    venv: &Venv,
    mut order: Order,
    names: &[&str],
    progress: &mut impl FnMut(Progress),
) -> anyhow::Result<()> {
    for name in names {
        order = order.args(["--package", name]);
    }
    let order = order.only_environment(cargo_environment(venv)?).in_folder(folders::workspace());
    let cargo = Kept::start(&venv.python(), order).await?;
    let mut said = cargo.output().map(listen).context("cargo has no output")?;
    let mut quoted = VecDeque::new();
    while let Some(line) = said.recv().await {
        let heard = understood(&line);
        if let Progress::Said(line) = &heard {
            quoted.push_back(line.clone());
            if quoted.len() > QUOTED_LINES {
                quoted.pop_front();
            }
        }
        progress(heard);
    }
    let status = cargo.finished(BUILD_MAX).await?;
    if !status.success() {
        bail!("building the functions failed:\n{}", quoted.make_contiguous().join("\n"));
    }
    Ok(())
}

/// The triple that cargo-lambda builds for without zig: that of this compiler.
///
/// # Errors
/// When there is no compiler, or it does not name its host.
pub fn host_triple() -> anyhow::Result<String> {
    let asked = Command::new("rustc").arg("-vV").current_dir(folders::workspace()).output();
    let said = String::from_utf8(asked.context("asking rustc for its host")?.stdout)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.with_context(|| format!("rustc does not name its host: {said}"))?.to_owned())
}

/// Reads what cargo prints; the progress bar overwrites itself with a carriage return.
fn listen(mut output: ChildStderr) -> mpsc::UnboundedReceiver<String> {
    let (line, lines) = mpsc::unbounded_channel();
    tokio::task::spawn_blocking(move || {
        let mut unfinished = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut chunk) {
            for byte in chunk.iter().take(length) {
                if *byte != b'\n' && *byte != b'\r' {
                    unfinished.push(*byte);
                    continue;
                }
                let text = String::from_utf8_lossy(&unfinished).trim().to_owned();
                unfinished.clear();
                if !text.is_empty() && line.send(text).is_err() {
                    return;
                }
            }
        }
    });
    lines
}

/// `Building [=====>    ] 12/345: some, crates`
fn understood(line: &str) -> Progress {
    let counted = || {
        let (_, counts) = line.strip_prefix("Building [")?.split_once("] ")?;
        let (done, rest) = counts.split_once('/')?;
        let total = rest.split(':').next()?.trim();
        Some(Progress::Building { done: done.trim().parse().ok()?, total: total.parse().ok()? })
    };
    counted().unwrap_or_else(|| Progress::Said(line.to_owned()))
}

/// Our environment without what cargo adds for the program that it runs: with those variables the
/// build scripts of `ring` and others would believe that something has changed, and everything
/// above them would be built again, in turn here and in a shell.
///
/// # Errors
/// When a folder of the path cannot be in a path.
pub fn cargo_environment(venv: &Venv) -> anyhow::Result<Vec<(OsString, OsString)>> {
    let built_in = std::env::current_exe().ok().and_then(|program| {
        // target/debug/deps/stack-0123 or target/debug/drill
        program.ancestors().nth(2).map(Path::to_owned)
    });
    let mut pairs = Vec::new();
    for (name, value) in std::env::vars_os() {
        let kept = match name.to_str() {
            Some("PATH") => Some(with_programs_of(venv, &value)?),
            Some("LD_LIBRARY_PATH") => libraries_of_the_user(&value, built_in.as_deref())?,
            Some(text) if is_of_cargo(text) => None,
            Some(_) | None => Some(value),
        };
        pairs.extend(kept.map(|value| (name, value)));
    }
    for (name, value) in [
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_TERM_PROGRESS_WHEN", "always"),
        ("CARGO_TERM_PROGRESS_WIDTH", "80"),
    ] {
        pairs.push((name.into(), value.into()));
    }
    Ok(pairs)
}

fn with_programs_of(venv: &Venv, path: &std::ffi::OsStr) -> anyhow::Result<OsString> {
    let folders = [venv.bin()].into_iter().chain(std::env::split_paths(path));
    Ok(std::env::join_paths(folders)?)
}

/// Whether cargo or nextest sets this variable for what it runs. What a user sets to change a build
/// (CARGO_HOME, CARGO_TARGET_DIR, CARGO_PROFILE_…, RUSTFLAGS) is not among them.
fn is_of_cargo(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "CARGO",
        "CARGO_MAKEFLAGS",
        "CARGO_TARGET_TMPDIR",
        "HOST",
        "NUM_JOBS",
        "OUT_DIR",
        "RUST_RECURSION_COUNT",
        "TARGET",
    ];
    const PREFIXES: [&str; 8] = [
        "CARGO_BIN_",
        "CARGO_CFG_",
        "CARGO_CRATE_",
        "CARGO_FEATURE_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PRIMARY_",
        "NEXTEST",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The folders that are not cargo's: it puts its own in front of the user's.
fn libraries_of_the_user(
    value: &std::ffi::OsStr,
    built_in: Option<&Path>,
) -> anyhow::Result<Option<OsString>> {
    let of_cargo = |folder: &Path| {
        built_in.is_some_and(|target| folder.starts_with(target))
            || folder
                .components()
                .any(|part| part.as_os_str() == "rustlib" || part.as_os_str() == "toolchains")
    };
    let left: Vec<PathBuf> = std::env::split_paths(value)
        .filter(|folder| !folder.as_os_str().is_empty() && !of_cargo(folder))
        .collect();
    Ok(if left.is_empty() { None } else { Some(std::env::join_paths(left)?) })
}
