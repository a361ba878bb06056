//! A bucket as a backup knows it: the list of what lies in it, and where in the vault each of it is kept.
//!
//! A bucket may hold millions of objects, so nothing here holds all of them: lists are read and written
//! row by row, in the order of the keys, and two of them are compared as one walks through both.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::backup::far_from_now;
use crate::fits::TooLong;
use crate::manifest::Sums;
use crate::name::{KeyArn, Slot, SourceName, SystemName};
use crate::vault;

/// The version of [`Begun`] that this code writes. Format 1 says `refused` for [`Begun::over`], and is silent
/// about what is stored.
pub const BEGUN_FORMAT: u32 = 2;

/// The version of [`Row`] that this code writes and reads.
pub const FORMAT: u32 = 1;

/// How many objects are copied at a time. Small ones wait for answers most of their time.
pub const COPIES_MAX: usize = 32;

/// How many bytes are copied at a time, as [`weight_bytes`] counts them: what a function's memory holds.
pub const COPIES_BYTES_MAX: u64 = 128 << 20;

/// A longer object, in bytes, is copied alone: it may be sent in parts, which fill half of the memory by
/// themselves (16 MiB is the least that a part has).
pub const COPY_BYTES_MAX: u64 = 16 << 20;

/// An object of a bucket, as its listing or its answer says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its ETag, as [`etag`] writes it.
    pub etag: String,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// Some objects of a bucket, which follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order of their keys.
    pub objects: Vec<Listed>,
    /// Nothing comes after them.
    pub is_last: bool,
}

/// Where the objects of an inventory are from, and what keeps them: another origin has other objects,
/// whatever their keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The store's address, when it is not AWS.
    pub endpoint: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// Only keys that start so.
    pub prefix: String,
    /// The key under which the vault keeps them.
    pub key_arn: KeyArn,
}

/// The first row of an inventory, and of each piece of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose it is.
    pub system: SystemName,
    /// Of which backup.
    pub slot: Slot,
    /// Of which source.
    pub source: SourceName,
    /// Where the objects are from.
    pub origin: Origin,
}

/// One object of a bucket, and where the vault keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Its key in the bucket.
    pub key: String,
    /// Its ETag there.
    pub etag: String,
    /// Its key in the vault.
    pub vault_key: String,
    /// The version of that key which is meant.
    pub version_id: String,
    /// Computed from what the bucket gave.
    pub sums: Sums,
}

/// How many objects an inventory lists, and how long they are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// How many.
    pub objects: u64,
    /// The sum of their lengths in bytes.
    pub size_bytes: u64,
}

impl Totals {
    /// With one object more.
    pub fn add(&mut self, object: &Object) {
        self.objects = self.objects.saturating_add(1);
        self.size_bytes = self.size_bytes.saturating_add(object.sums.size_bytes);
    }
}

/// How far a piece of an inventory goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Through {
    /// Everything up to this key is listed; `None` when nothing is.
    pub key: Option<String>,
    /// And nothing comes after it.
    pub is_last: bool,
    /// The first object up to there that is left out, because it does not fit into one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<TooLong>,
}

/// A row of an inventory: JSON on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// The first.
    Inventory(Head),
    /// Any other but the last.
    Object(Object),
    /// The last of a piece.
    Through(Through),
    /// The last of a whole inventory.
    End(Totals),
}

/// `begun/<system>/<slot>.json`: a backup was begun, so that a later run goes on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// [`BEGUN_FORMAT`].
    pub format: u32,
    /// Whose backup it is.
    pub system: SystemName,
    /// Which one.
    pub slot: Slot,
    /// The run that was the last to begin or to go on.
    pub writer: String,
    /// Why nobody goes on with it by itself any more: it is stored and that was told, it was refused, or it
    /// failed so that no retry helps.
    #[serde(default, alias = "refused", skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
}

/// `receipts/<system>/<slot>/artifacts-<source>.<n>.json`: how far an inventory is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenThrough {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose it is.
    pub system: SystemName,
    /// Of which backup.
    pub slot: Slot,
    /// Of which source.
    pub source: SourceName,
    /// Every artifact up to this key was read back and equal; `None` when none was yet.
    pub through: Option<String>,
}

/// An ETag as it is compared: a listing, and a header, write it with quotation marks or without, and a
/// proxy that has compressed something on the way marks it as weak.
pub fn etag(text: &str) -> String {
    let text = text.trim();
    text.strip_prefix("W/").unwrap_or(text).trim_matches('"').to_owned()
}

/// Whether an object that was copied before is what is listed now.
pub fn is_unchanged(listed: &Listed, object: &Object) -> bool {
    listed.key == object.key
        && listed.etag == object.etag
        && listed.size_bytes == object.sums.size_bytes
}

/// Why what a store gives is not the object that it says it is, if it is not: one ETag is of one content,
/// so where another length comes with the same one, somebody on the way has cut it.
pub fn cut(listed: &Listed, found: &Listed) -> Option<String> {
    let is_cut = listed.etag == found.etag && listed.size_bytes != found.size_bytes;
    let (was, is) = (listed.size_bytes, found.size_bytes);
    is_cut.then(|| {
        format!("it was listed with {was} bytes, and is answered with {is}, under the same ETag")
    })
}

/// Why a page is not what was asked for, if it is not. What is listed out of order would be compared
/// with the wrong rows, and some of it never be seen.
///
/// # Errors
/// A clause with the keys.
pub fn judge_page(origin: &Origin, after: Option<&str>, page: &Page) -> Result<(), String> {
    let mut before = after;
    for listed in &page.objects {
        if before.is_some_and(|before| before >= listed.key.as_str()) {
            let before = before.unwrap_or_default();
            return Err(format!("it lists {:?} after {before:?}, which is no order", listed.key));
        }
        if !listed.key.starts_with(&origin.prefix) {
            return Err(format!("it lists {:?}, which is outside of its prefix", listed.key));
        }
        before = Some(&listed.key);
    }
    if page.objects.is_empty() && !page.is_last {
        return Err("it lists nothing, and says that there is more".to_owned());
    }
    Ok(())
}

/// Whether an object of this length is copied alone.
pub fn is_alone(size_bytes: u64) -> bool {
    size_bytes > COPY_BYTES_MAX
}

/// What copying an object of this length takes of [`COPIES_BYTES_MAX`].
pub fn weight_bytes(size_bytes: u64) -> u64 {
    if is_alone(size_bytes) { COPIES_BYTES_MAX } else { size_bytes }
}

/// Whether one more is copied beside so many, which take so many bytes. The first always is.
pub fn has_room(copies: usize, copies_bytes: u64, size_bytes: u64) -> bool {
    copies == 0
        || copies < COPIES_MAX
            && copies_bytes.saturating_add(weight_bytes(size_bytes)) <= COPIES_BYTES_MAX
}

/// The newest backup of each system that was begun, from the keys below `begun/`. What an older one has
/// copied, the newer one takes over.
pub fn newest_begun(keys: &[String]) -> Vec<(SystemName, Slot)> {
    let mut newest: Vec<(SystemName, Slot)> = Vec::new();
    let mut begun: Vec<_> = keys.iter().filter_map(|key| vault::begun_of(key)).collect();
    begun.sort_by(|(a, a_slot), (b, b_slot)| a.cmp(b).then(b_slot.cmp(a_slot)));
    for (system, slot) in begun {
        let is_older = newest.last().is_some_and(|(before, _)| *before == system);
        if !is_older {
            newest.push((system, slot));
        }
    }
    newest
}

/// In which order those that were begun are looked at, each with the instant at which its record was written,
/// if there is one: longest ago first. Whoever goes on with one writes its record anew, so that one which
/// takes long waits behind all the others, and none of them waits for ever.
pub fn longest_ago_first<T>(mut begun: Vec<(Option<Timestamp>, T)>) -> Vec<T> {
    begun.sort_by_key(|(written_at, _)| *written_at);
    begun.into_iter().map(|(_, which)| which).collect()
}

/// A backup that nobody has begun is missed after so many seconds: longer than any run lives, and than a
/// schedule takes to arrive on a good day.
pub const OVERDUE_S: u64 = 1_200;

/// The backup that should have been begun by now, if none was: with the newest so old, the plan's objective
/// is broken. A schedule that was skipped (where clocks change at midnight), or was lost on its way, is
/// found by that, whatever it says. Its name comes of the newest's, and of no clock, so that each run that
/// looks means the same backup.
pub fn overdue(newest: Slot, rpo_s: u64, now: Timestamp) -> Option<Slot> {
    let since = now.as_second().saturating_sub(newest.instant().as_second());
    let since_s = u64::try_from(since).ok()?;
    let times = since_s.checked_sub(OVERDUE_S)?.checked_div(rpo_s)?;
    let after_s = i64::try_from(times.checked_mul(rpo_s)?).ok()?;
    let due = newest.instant().checked_add(SignedDuration::from_secs(after_s)).ok()?;
    (times > 0).then(|| Slot::of(due)).filter(|slot| far_from_now(*slot, now).is_none())
}

#[cfg(test)]
mod tests;
