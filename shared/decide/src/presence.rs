//! Whether what inventories list is still there, and which of it is read again today.
//!
//! A version of an object cannot change, so a listing of versions says of each artifact that nobody has
//! deleted it or written over it. Only bytes that rot at rest are not seen in a listing: some are read.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::inventory::{Object, Totals};

/// So many artifacts are held against one pass over the listing: 18 MiB of memory. More take more passes.
pub const EXPECTED_MAX: usize = 2 << 20;

/// Everything is read again once in so many days, where a day's share of it is not too much.
const DAYS_MIN: u64 = 30;
/// A day's share, in bytes.
pub const SHARE_BYTES: u64 = 4 << 30;
/// A day's share, in artifacts.
pub const SHARE_OBJECTS: u64 = 5_000;

/// The least that is expected of reading, in bytes per second …
const READ_BYTES_PER_S: u64 = 45_000_000;
/// … and what is left afterwards, in seconds.
const READ_LEFT_S: u64 = 60;

/// One version of an object of the vault, as S3 lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its key.
    pub key: String,
    /// Its version.
    pub version_id: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// No other version, and no delete marker, was laid over it.
    pub is_current: bool,
}

/// Where a listing of versions goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// After this key …
    pub key: String,
    /// … or after this version of it.
    pub version_id: Option<String>,
}

/// Some versions that follow one another, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// A thousand at most.
    pub versions: Vec<Version>,
    /// Where the next ones begin, if there are any.
    pub next: Option<Marker>,
}

/// The artifacts that a listing should have, of which only a print of eight bytes is kept: they may be
/// millions.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    prints: Vec<u64>,
    is_seen: Vec<bool>,
}

impl Expected {
    /// One artifact more, before anything is [seen](Self::see).
    pub fn add(&mut self, object: &Object) {
        let Object { vault_key, version_id, sums, .. } = object;
        self.prints.push(print(vault_key, version_id, sums.size_bytes));
    }

    /// No other artifact has room.
    pub fn is_full(&self) -> bool {
        self.prints.len() >= EXPECTED_MAX
    }

    /// Nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.prints.is_empty()
    }

    /// Everything was added.
    pub fn close(&mut self) {
        self.prints.sort_unstable();
        self.prints.dedup();
        self.is_seen = vec![false; self.prints.len()];
    }

    /// A version that is listed. One that something was laid over is not there for whoever restores by
    /// the key, and somebody was at it.
    pub fn see(&mut self, version: &Version) {
        let Version { key, version_id, size_bytes, is_current } = version;
        let place = self.prints.binary_search(&print(key, version_id, *size_bytes));
        if let (true, Ok(place)) = (*is_current, place)
            && let Some(is_seen) = self.is_seen.get_mut(place)
        {
            *is_seen = true;
        }
    }

    /// How many artifacts were not listed as they should be.
    pub fn missing(&self) -> usize {
        self.is_seen.iter().filter(|is_seen| !**is_seen).count()
    }

    /// Whether this artifact is one of them.
    pub fn is_missing(&self, object: &Object) -> bool {
        let Object { vault_key, version_id, sums, .. } = object;
        let place = self.prints.binary_search(&print(vault_key, version_id, sums.size_bytes));
        place.is_ok_and(|place| self.is_seen.get(place) == Some(&false))
    }
}

/// The same within one run, which is as long as it is kept.
fn print(key: &str, version_id: &str, size_bytes: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, version_id, size_bytes).hash(&mut hasher);
    hasher.finish()
}

/// In how many days everything of an inventory is read again.
pub fn days(totals: Totals) -> u64 {
    let by_bytes = totals.size_bytes.div_ceil(SHARE_BYTES);
    by_bytes.max(totals.objects.div_ceil(SHARE_OBJECTS)).max(DAYS_MIN)
}

/// Whether an artifact is read again on this day, counted from any first one. Names of artifacts are
/// digests, so their first digits spread them over the days, and each comes once in [`days`].
pub fn is_due(vault_key: &str, day: u64, days: u64) -> bool {
    let name = vault_key.rsplit('/').next().unwrap_or_default();
    let digits = name.get(..15).unwrap_or_default();
    let place = u64::from_str_radix(digits, 16).unwrap_or_default();
    let days = days.max(1);
    place % days == day % days
}

/// Whether an artifact is read again in what is left of a run: at half the speed at which one is usually read
/// back, and with a minute for the rest. What is too long for any run is not.
pub fn has_time(size_bytes: u64, left_s: u64) -> bool {
    size_bytes / READ_BYTES_PER_S + READ_LEFT_S <= left_s
}

#[cfg(test)]
mod tests;
