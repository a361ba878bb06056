//! Whether a zip is still the one that was made of the binary that is there now.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::stack::folders;

/// What a zip was made of lies beside it.
const MADE_OF: &str = "made-of";

/// Whether neither the binary nor the zip has changed since the zip was made. Somebody may have
/// built another one in its place, for another machine.
pub(super) fn is_fresh(zips: &Path, host: &str, name: &str) -> bool {
    let made_of = fs::read_to_string(zips.join(name).join(MADE_OF)).ok();
    made_of.is_some() && made_of == identity(zips, host, name)
}

/// The zip of a function, with a note of what it was made of.
pub(super) fn made(zips: &Path, host: &str, name: &str) -> anyhow::Result<PathBuf> {
    let zip = zips.join(name).join("bootstrap.zip");
    ensure!(zip.is_file(), "cargo lambda build left no {}", zip.display());
    // Without a binary where it is expected nothing is noted, and the zip is made again next time.
    if let Some(identity) = identity(zips, host, name) {
        fs::write(zips.join(name).join(MADE_OF), identity)?;
    }
    Ok(zip)
}

/// Times and sizes of the binary and of the zip: nobody makes another of both in the same nanosecond.
fn identity(zips: &Path, host: &str, name: &str) -> Option<String> {
    let binary = folders::workspace().join("target").join(host).join("debug").join(name);
    let of = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some(format!("{:?} {}\n", found.modified().ok()?, found.len()))
    };
    Some(of(&binary)? + &of(&zips.join(name).join("bootstrap.zip"))?)
}
