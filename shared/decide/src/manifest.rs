//! What is written down about a backup: the manifest that commits it, and the receipt that proves it.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::encryption::{Encryption, Word};
use crate::inventory::Totals;
use crate::lock::{Lock, Protection};
use crate::name::{KeyArn, SiteName, Slot, SourceName, SystemName, Term};
use crate::tripwire::{Changes, Measures};

/// The version of the stored formats in this module that this code writes.
pub const FORMAT: u32 = 1;

/// The version of a manifest in which an object was pushed. A reader that does not know of pushes
/// says so, instead of passing over where the object is from; every other manifest is [`FORMAT`], so
/// that it can be read by the versions before this one.
pub const FORMAT_WITH_UPLOADS: u32 = 2;

/// The version of a manifest in which an object is the inventory of a bucket: whoever does not know that
/// would take the list for what it lists.
pub const FORMAT_WITH_INVENTORIES: u32 = 3;

/// The version of a manifest whose objects are not under a key that somebody made.
pub const FORMAT_WITH_ENCRYPTION: u32 = 4;

/// The version of a manifest whose objects are locked.
pub const FORMAT_WITH_LOCK: u32 = 5;

/// The versions of a manifest that this code reads.
pub const MANIFEST_FORMATS: RangeInclusive<u32> = FORMAT..=FORMAT_WITH_LOCK;

/// The version of a receipt that says what was measured, and what is suspicious. A reader that does not
/// know of either says so; every other receipt is [`FORMAT`].
pub const FORMAT_WITH_MEASURES: u32 = 2;

/// The versions of a receipt that this code reads.
pub const RECEIPT_FORMATS: RangeInclusive<u32> = FORMAT..=FORMAT_WITH_MEASURES;

/// Size and digests of a stream, as computed while it passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Length of the stream in bytes.
    pub size_bytes: u64,
    /// SHA-256, lowercase hexadecimal.
    pub sha256: String,
    /// CRC-64/NVME of the whole object in base64, as S3 writes it (`x-amz-checksum-crc64nvme`).
    pub crc64nvme: String,
}

/// The push of an appliance from which an object was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Its key in the inbox; with `s3://` and the bucket before it, where the appliance wrote it into a
    /// bucket of its own.
    pub key: String,
    /// The version of that key which was read; its ETag in a bucket of the appliance's own, which
    /// need not have versions.
    pub version_id: String,
    /// When it was pushed, by S3's own clock; for several parts, when that began.
    pub written_at: Timestamp,
}

/// One object of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// The source that gave it.
    pub source: SourceName,
    /// Its key in the vault.
    pub key: String,
    /// The version of that key which this manifest means.
    pub version_id: String,
    /// Computed from the source's own stream.
    pub sums: Sums,
    /// The push that it is, where the appliance pushed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
    /// What it lists, where it is the inventory of a bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Totals>,
}

/// The commit of a backup. What it does not name is not part of the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// One of [`MANIFEST_FORMATS`]; see [`Manifest::right_format`].
    pub format: u32,
    /// Whose backup it is.
    pub system: SystemName,
    /// Which one.
    pub slot: Slot,
    /// The site that was active, and was read.
    pub site: SiteName,
    /// The newest completed term when it was read.
    pub term: Term,
    /// Version id of the plan under which it was made.
    pub plan_version: String,
    /// The key under which every object was asked to be encrypted, if it was a key of KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<KeyArn>,
    /// What was asked for where it was no key that somebody made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Word>,
    /// The lock of every object, and of the manifest itself, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// When the manifest was written.
    pub stored_at: Timestamp,
    /// In the plan's order: metadata first, artifacts last (seed C7).
    pub objects: Vec<Stored>,
}

impl Manifest {
    /// How every object was asked to be kept; `None` if it says nothing that was ever written.
    pub fn asked(&self) -> Option<Protection> {
        let encryption = Encryption::read(self.key_arn.as_ref(), self.encryption)?;
        Some(Protection { encryption, lock: self.lock })
    }

    /// What people are told of every backup like this one, a clause each.
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings: Vec<&str> =
            self.asked().and_then(|asked| asked.encryption.warning()).into_iter().collect();
        if !self.objects.is_empty() && self.objects.iter().all(|stored| stored.inventory.is_some())
        {
            warnings.push(
                "each of its sources is a bucket: whatever keeps account of what lies there (a database) \
                 is not backed up with it",
            );
        }
        warnings
    }

    /// The version of a manifest that records this.
    pub fn right_format(&self) -> u32 {
        if self.lock.is_some() {
            FORMAT_WITH_LOCK
        } else if self.encryption.is_some() {
            FORMAT_WITH_ENCRYPTION
        } else if self.objects.iter().any(|stored| stored.inventory.is_some()) {
            FORMAT_WITH_INVENTORIES
        } else if self.objects.iter().any(|stored| stored.upload.is_some()) {
            FORMAT_WITH_UPLOADS
        } else {
            FORMAT
        }
    }
}

/// What became of one object under verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Its key in the vault.
    pub key: String,
    /// What is wrong with it, a clause each; empty when it is proven.
    pub findings: Vec<String>,
    /// What was measured when it was read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// What has changed in the bucket whose inventory it is. A reader that does not know of it has less to
    /// compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

impl Checked {
    /// What is said of a key, with nothing measured.
    pub fn new(key: String, findings: Vec<String>) -> Self {
        Self { key, findings, measures: None, changes: None }
    }
}

/// The proof of a backup, or the proof against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// One of [`RECEIPT_FORMATS`]; see [`Receipt::format_of`].
    pub format: u32,
    /// Whose backup it is.
    pub system: SystemName,
    /// Which one.
    pub slot: Slot,
    /// Every object was read back, decrypted and equal.
    pub verified: bool,
    /// When the last byte had been read.
    pub at: Timestamp,
    /// ARN of the role whose credentials read it: the role that will restore.
    pub read_as: String,
    /// A verdict per object, also for those that have no record.
    pub objects: Vec<Checked>,
    /// What is not as it usually is, a clause each, although every byte is right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicions: Vec<String>,
}

impl Receipt {
    /// The version of a receipt that holds these.
    pub fn format_of(objects: &[Checked], suspicions: &[String]) -> u32 {
        let is_measured = objects.iter().any(|checked| checked.measures.is_some());
        if is_measured || !suspicions.is_empty() { FORMAT_WITH_MEASURES } else { FORMAT }
    }
}
