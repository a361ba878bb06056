//! Whether a package builder's metadata and its artifacts agree: rows of a dump that have no artifact in the
//! inventory of the same backup. A restore would show such a package, and have nothing to install.
//!
//! Memory does not grow with the rows, which are read as they come: of each artifact eight bytes of a digest
//! are kept, and of what is missing as many commands as [`LINES_BYTES_MAX`] holds.

mod copy_text;
mod package;
mod words;

pub use copy_text::{CopyText, Field, Row};
pub use package::Package;
pub use words::heading;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{Slot, SourceName, SystemName};

/// The version of [`Skew`] and [`Attempt`] that this code writes and reads.
pub const FORMAT: u32 = 1;

/// The schema in which a builder keeps its packages.
pub const SCHEMA: &str = "public";

/// The table in which it has a row for each.
pub const TABLE: &str = "origin_packages";

/// The most artifacts that are compared: nine bytes each, so 36 MiB of the function's 512.
pub const ARTIFACTS_MAX: u64 = 4 << 20;

/// The most bytes of commands that are kept. What is more than some thousand missing packages is no skew,
/// and not repaired by uploading them one by one.
pub const LINES_BYTES_MAX: usize = 512 << 10;

/// So many runs begin a comparison. One that ends none of them, by the memory that it takes, would end as
/// many more, and every sweep with them.
pub const ATTEMPTS_MAX: usize = 5;

/// `receipts/<system>/<slot>/skew-<source>.<n>.json`: a run has begun to compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose it is.
    pub system: SystemName,
    /// Of which backup.
    pub slot: Slot,
    /// The source whose rows are compared.
    pub source: SourceName,
    /// The run.
    pub writer: String,
}

/// `receipts/<system>/<slot>/skew-<source>.json`: what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skew {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose it is.
    pub system: SystemName,
    /// Of which backup.
    pub slot: Slot,
    /// The source whose rows were compared.
    pub source: SourceName,
    /// The source whose inventory they were compared with, where the plan names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<SourceName>,
    /// When.
    pub at: Timestamp,
    /// What was found.
    pub found: Found,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Every row was read.
    Compared(Counts),
    /// Nothing is known, and why.
    Unknown {
        /// A clause.
        why: String,
    },
}

/// What rows and artifacts have to do with each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Rows of the dump.
    pub rows: u64,
    /// Rows whose artifact would not lie below the bucket's prefix.
    pub outside: u64,
    /// Rows without an artifact.
    pub missing: u64,
    /// The first of them, as `<ident> for <target>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// So many of them have their command in the list beside this.
    pub listed: u64,
    /// Rows of which nothing could be an artifact: without an ident of four parts, or without a target.
    pub odd: u64,
    /// Artifacts without a row: they were uploaded after the dump, or their package was deleted.
    pub without_row: u64,
}

/// The keys of all artifacts, as they are read from an inventory.
#[derive(Debug, Default)]
pub struct Artifacts {
    digests: Vec<u64>,
}

impl Artifacts {
    /// Of so many objects, or why so many are not compared.
    ///
    /// # Errors
    /// A clause with both numbers.
    pub fn of(objects: u64) -> Result<Self, String> {
        let count = usize::try_from(objects.min(ARTIFACTS_MAX)).unwrap_or_default();
        if objects > ARTIFACTS_MAX {
            return Err(format!(
                "the inventory lists {objects} objects, and {ARTIFACTS_MAX} are the most that are compared"
            ));
        }
        Ok(Self { digests: Vec::with_capacity(count) })
    }

    /// Adds an object of the bucket; what is no artifact is passed over.
    pub fn add(&mut self, key: &str) {
        if key.ends_with(".hart") {
            self.digests.push(digest(key));
        }
    }
}

/// Of four million artifacts one has the digest of a row that has none, which then goes unseen, once in four
/// million million such rows.
fn digest(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish()
}

/// A comparison that is under way.
#[derive(Debug)]
pub struct Comparison {
    digests: Vec<u64>,
    has_row: Vec<bool>,
    prefix: String,
    url: String,
    counts: Counts,
    lines: String,
}

impl Comparison {
    /// With these artifacts, of a bucket of which only keys that start with `prefix` are copied. What is
    /// missing is to be uploaded to the builder at `url`.
    pub fn new(artifacts: Artifacts, prefix: &str, url: &str) -> Self {
        let mut digests = artifacts.digests;
        digests.sort_unstable();
        digests.dedup();
        Self {
            has_row: vec![false; digests.len()],
            digests,
            prefix: prefix.to_owned(),
            url: url.to_owned(),
            counts: Counts::default(),
            lines: String::new(),
        }
    }

    /// Looks for the artifact of a row.
    pub fn row(&mut self, row: &Row) {
        self.counts.rows += 1;
        let Some(package) = Package::of(row) else {
            self.counts.odd += 1;
            return;
        };
        let key = package.key();
        if !key.starts_with(&self.prefix) {
            self.counts.outside += 1;
            return;
        }
        if let Ok(at) = self.digests.binary_search(&digest(&key)) {
            if let Some(has_row) = self.has_row.get_mut(at) {
                *has_row = true;
            }
            return;
        }
        self.counts.missing += 1;
        self.counts.first.get_or_insert_with(|| package.to_string());
        if let Some(hart) = package.hart() {
            let line = format!("hab pkg upload {hart} -u {} --force\n", self.url);
            if self.lines.len().saturating_add(line.len()) <= LINES_BYTES_MAX {
                self.lines.push_str(&line);
                self.counts.listed += 1;
            }
        }
    }

    /// What came of it, and the commands, a line each.
    pub fn end(mut self) -> (Found, String) {
        let without_row = self.has_row.iter().filter(|has_row| !**has_row).count();
        self.counts.without_row = u64::try_from(without_row).unwrap_or(u64::MAX);
        let Counts { rows, outside, odd, .. } = self.counts;
        if outside > 0 && rows == outside.saturating_add(odd) {
            let why = format!(
                "no row of {rows} is about a key that starts with the prefix {} of the bucket",
                self.prefix
            );
            return (Found::Unknown { why }, String::new());
        }
        (Found::Compared(self.counts), self.lines)
    }
}

/// How far the comparisons of one backup are, by the names of the receipts beside its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// So many runs have begun it.
    pub attempts: usize,
    /// What came of it is written down.
    pub is_over: bool,
}

/// Reads the names of receipts, each the last part of its key.
pub fn progress<'k>(names: impl Iterator<Item = &'k str>) -> BTreeMap<SourceName, Progress> {
    let mut all: BTreeMap<SourceName, Progress> = BTreeMap::new();
    for name in names {
        let Some(rest) = name.strip_prefix("skew-").and_then(|rest| rest.strip_suffix(".json"))
        else {
            continue;
        };
        let (source, attempt) = rest.split_once('.').map_or((rest, None), |(s, n)| (s, Some(n)));
        let Ok(source) = SourceName::parse(source) else { continue };
        let progress = all.entry(source).or_default();
        match attempt {
            Some(_) => progress.attempts += 1,
            None => progress.is_over = true,
        }
    }
    all
}

#[cfg(test)]
mod tests;
