//! Which of an appliance's pushes a backup is made from: the newest whole object in the source's
//! folder of the inbox, if it came after the one that was adopted before. An old push is never
//! stored a second time in silence, and a new one is never passed over for an older.
//!
//! Pushes are in the order of S3's own clock, to the second, and then of their keys. An object that
//! was sent in several parts is dated by when its sending began, and is not there before its end
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>); so the order is
//! that in which the appliance took its data, and a large push that ends after a later small one was
//! adopted is older than that one.

use jiff::Timestamp;

use crate::encryption::Encryption;
use crate::manifest::Upload;
use crate::name::{KeyArn, Slot, SourceName};
use crate::plan::{From, Plan};
use crate::refusal::Refusal;
use crate::vault;
use crate::verify::ObjectFacts;

/// An object of the inbox as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its key.
    pub key: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// By S3's own clock; for several parts, when the first was announced.
    pub written_at: Timestamp,
}

/// The newest push of a source that any backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The push.
    pub upload: Upload,
    /// Whose backup's it is.
    pub slot: Slot,
}

/// What a source of a backup is to be made from.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The source's folder in the inbox.
    pub inbox: &'a str,
    /// The backup that is made.
    pub slot: Slot,
    /// How old a push may be at its slot, in seconds: what the plan agrees to lose.
    pub rpo_s: u64,
    /// The key under which everything of the vault is, where the plan names one. Where it does not, a
    /// push may be under any: what is made of it is encrypted as the plan says.
    pub key_arn: Option<&'a KeyArn>,
    /// What was adopted before, if anything was.
    pub adopted: Option<&'a Adopted>,
}

/// What is to be done about a push that tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Every source of the plan is pushed: a backup is made, as soon as each has something new.
    Backup,
    /// The plan's schedule reads the other sources, and takes this one with them.
    WithTheOthers,
    /// The key is a folder, and no push.
    Folder,
    /// Nothing of the plan takes it.
    Refuse(Refusal),
}

/// What a push under this key wakes.
pub fn woken_by(plan: &Plan, key: &str) -> Woken {
    if key.ends_with('/') {
        return Woken::Folder;
    }
    let pushed = || plan.backup.sources.iter().filter(|source| source.from == From::Upload);
    let folders: Vec<String> =
        pushed().map(|source| vault::inbox(&plan.system, &source.name)).collect();
    if !folders.iter().any(|folder| key.starts_with(folder)) {
        let wanted = match folders.as_slice() {
            [] => format!("none of its {} source(s) is of kind upload", plan.backup.sources.len()),
            some => format!("what it takes is {}<name>", some.join("<name> and ")),
        };
        return Woken::Refuse(Refusal::PushUnexpected { key: key.to_owned(), wanted });
    }
    if folders.len() == plan.backup.sources.len() { Woken::Backup } else { Woken::WithTheOthers }
}

/// The push to look at: the newest one that is not empty and not older than what was adopted.
/// Whether it IS what was adopted is not known before its version is.
///
/// # Errors
/// [`Refusal::NothingPushed`].
pub fn newest<'p>(wanted: &Wanted<'_>, pushed: &'p [Pushed]) -> Result<&'p Pushed, Refusal> {
    let is_since = |push: &&Pushed| {
        let before = wanted.adopted.map(|adopted| &adopted.upload);
        before.is_none_or(|before| place(push.written_at, &push.key) >= of(before))
    };
    let since = || pushed.iter().filter(|push| !is_folder(push)).filter(is_since);
    let whole = since().filter(|push| push.size_bytes > 0);
    whole.max_by_key(|push| place(push.written_at, &push.key)).ok_or_else(|| {
        let empty = since().filter(|push| push.size_bytes == 0).count();
        nothing(wanted, pushed.iter().filter(|push| !is_folder(push)).count(), empty)
    })
}

/// The push that this object is, by what S3 says of its current version: the listing may be older.
///
/// # Errors
/// [`Refusal::NothingPushed`] when it is no newer than what was adopted, or empty by now;
/// [`Refusal::PushTooOld`]; [`Refusal::PushUnusable`] when S3 did not store it as everything in the
/// vault is stored.
pub fn judge(wanted: &Wanted<'_>, key: &str, facts: &ObjectFacts) -> Result<Upload, Refusal> {
    let unusable = |why: String| Refusal::PushUnusable { key: key.to_owned(), why };
    let Some(written_at) = facts.written_at else {
        return Err(unusable("has no date that S3 names".to_owned()));
    };
    let upload = Upload { key: key.to_owned(), version_id: facts.version_id.clone(), written_at };
    if let Some(Adopted { upload: before, .. }) = wanted.adopted
        && (upload == *before || of(&upload) < of(before))
    {
        return Err(nothing(wanted, 1, 0));
    }
    if facts.size_bytes == 0 {
        return Err(nothing(wanted, 1, 1));
    }
    let differs = match (wanted.key_arn, &facts.algorithm) {
        (Some(key_arn), algorithm) => {
            Encryption::Key(key_arn.clone()).differs(algorithm.as_deref(), facts.key_arn.as_deref())
        }
        (None, Some(_)) => None,
        (None, None) => Some("is not said to be encrypted".to_owned()),
    };
    if let Some(clause) = differs {
        return Err(unusable(clause));
    }
    let age_s = before_slot_s(wanted.slot, written_at);
    if age_s > wanted.rpo_s {
        let rpo_s = wanted.rpo_s;
        return Err(Refusal::PushTooOld { key: key.to_owned(), written_at, age_s, rpo_s });
    }
    Ok(upload)
}

/// The newest push of a source among those that backups hold, in any order.
pub fn last_adopted(source: &SourceName, held: &[(SourceName, Adopted)]) -> Option<Adopted> {
    let of_source = held.iter().filter(|(name, _)| name == source).map(|(_, adopted)| adopted);
    of_source.max_by_key(|adopted| of(&adopted.upload)).cloned()
}

fn nothing(wanted: &Wanted<'_>, objects: usize, empty: usize) -> Refusal {
    let since = match wanted.adopted {
        Some(Adopted { upload, slot }) => format!(
            "{} ({} s before the slot), when what backup {slot} holds was pushed",
            upload.written_at,
            before_slot_s(wanted.slot, upload.written_at)
        ),
        None => "the beginning: no backup holds a push of it".to_owned(),
    };
    Refusal::NothingPushed { inbox: wanted.inbox.to_owned(), objects, empty, since }
}

fn before_slot_s(slot: Slot, written_at: Timestamp) -> u64 {
    let age_s = slot.instant().as_second().saturating_sub(written_at.as_second());
    u64::try_from(age_s).unwrap_or(0)
}

/// Some tools make such objects to show a folder.
fn is_folder(push: &Pushed) -> bool {
    push.key.ends_with('/')
}

/// The place of a push in the order of pushes. To the second, because that is all that a HEAD says.
fn place(written_at: Timestamp, key: &str) -> (i64, &str) {
    (written_at.as_second(), key)
}

fn of(upload: &Upload) -> (i64, &str) {
    place(upload.written_at, &upload.key)
}

#[cfg(test)]
mod tests;
