//! Whether a backup is what its manifest says: from what S3 says of each object, what KMS says of
//! the key, and what was read back. Nothing is concluded from a look that failed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::inventory::Object;
use crate::lock::{Locked, Protection};
use crate::manifest::{Checked, Manifest, Stored, Sums};
use crate::name::{KeyArn, Region, Slot, SystemName};
use crate::seen::Seen;
use crate::vault;

/// A key as KMS describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    /// Its own ARN, which is another one than was asked for when an alias was asked for.
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, `PendingImport`, `Unavailable`, …
    pub state: String,
    /// When it will be deleted, if that is scheduled.
    pub deleted_at: Option<Timestamp>,
    /// `ENCRYPT_DECRYPT` and symmetric: what S3 needs.
    pub encrypts: bool,
}

/// An object as S3 describes one version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectFacts {
    /// The version that is described.
    pub version_id: String,
    /// Its ETag. Not a digest of anything for an encrypted object.
    pub etag: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// `aws:kms`, `AES256`, … or nothing.
    pub algorithm: Option<String>,
    /// ARN of the key that encrypted it.
    pub key_arn: Option<String>,
    /// CRC-64/NVME in base64, if S3 keeps one.
    pub crc64nvme: Option<String>,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub checksum_type: Option<String>,
    /// The slot that it was marked with, for the copies in `latest/`.
    pub slot: Option<String>,
    /// When it was written, by S3's own clock; when that began, for several parts.
    pub written_at: Option<Timestamp>,
    /// The push that it was marked with, for an object of a backup that was pushed; as it was given.
    pub mark: Option<String>,
    /// Its lock, if S3 says that it has one, also one that is over.
    pub lock: Option<Locked>,
}

/// The version of every object that a bucket without versioning holds.
const NO_VERSION: &str = "null";

/// What is wrong with a key, as clauses that follow "it"; empty when it can protect a backup.
///
/// # Errors
/// Why nothing is known of it.
pub fn key_findings(wanted: &KeyArn, seen: &Seen<KeyFacts>) -> Result<Vec<String>, String> {
    let mut findings = lasting_findings(wanted, seen)?;
    findings.extend(outage(seen));
    Ok(findings)
}

/// Those of the findings that nobody can undo: it is not there any more, or never was the right one.
fn lasting_findings(wanted: &KeyArn, seen: &Seen<KeyFacts>) -> Result<Vec<String>, String> {
    let facts = match seen {
        Seen::Here(facts) => facts,
        Seen::Absent => return Ok(vec!["does not exist".to_owned()]),
        Seen::Unknown(why) => return Err(why.clone()),
    };
    let mut findings = Vec::new();
    if facts.arn != wanted.as_str() {
        findings.push(format!("stands for another one: KMS answers with {}", facts.arn));
    }
    if !facts.encrypts {
        findings.push("is not a symmetric key that encrypts and decrypts".to_owned());
    }
    Ok(findings)
}

/// What keeps a key from opening anything now, and may be over tomorrow: it is disabled, or on its way to
/// be deleted, which can be cancelled.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
pub fn outage(seen: &Seen<KeyFacts>) -> Option<String> {
    match seen {
        Seen::Here(facts) => match (facts.state.as_str(), facts.deleted_at) {
            ("Enabled", None) => None,
            (state, Some(at)) => Some(format!("is {state} and will be deleted at {at}")),
            (state, None) => Some(format!("is {state} and not Enabled")),
        },
        // That it is gone is a lasting finding, and a look that failed says nothing of its state.
        Seen::Absent | Seen::Unknown(_) => None,
    }
}

/// What is wrong with a stored object by what S3 itself says of it, a clause each.
pub fn storage_findings(wanted: &Protection, sums: &Sums, facts: &ObjectFacts) -> Vec<String> {
    let mut findings = Vec::new();
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html>:
    // the next write takes its place, and nothing is left of it.
    if facts.version_id == NO_VERSION {
        findings.push("S3 keeps no versions of it: the bucket's versioning is not enabled".into());
    }
    let Protection { encryption, lock } = wanted;
    if facts.algorithm.is_none() {
        let asked = encryption.algorithm();
        findings.push(format!("S3 does not say that it is encrypted, where {asked} was asked"));
    } else if let Some(clause) =
        encryption.differs(facts.algorithm.as_deref(), facts.key_arn.as_deref())
    {
        findings.push(format!("it {clause}"));
    }
    if let Some(clause) = lock.and_then(|lock| lock.differs(facts.lock.as_ref())) {
        findings.push(format!("it {clause}"));
    }
    if facts.size_bytes != sums.size_bytes {
        findings.push(format!(
            "it has {} bytes, and its source gave {}",
            facts.size_bytes, sums.size_bytes
        ));
    }
    match facts.crc64nvme.as_deref() {
        Some(found) if found == sums.crc64nvme => {}
        Some(found) => findings.push(format!(
            "its CRC-64/NVME at S3 is {found}, and that of its source was {}",
            sums.crc64nvme
        )),
        None => findings.push("S3 keeps no CRC-64/NVME of it".to_owned()),
    }
    match facts.checksum_type.as_deref() {
        Some("FULL_OBJECT") => {}
        Some(other) => findings.push(format!("its checksum at S3 is {other}, not FULL_OBJECT")),
        None => findings.push("S3 does not say what its checksum covers".to_owned()),
    }
    findings
}

/// Everything that a verdict is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The system in the manifest's key.
    pub system: SystemName,
    /// The slot in the manifest's key.
    pub slot: Slot,
    /// Where the vault is.
    pub region: Region,
    /// What was written down. Its objects are the records.
    pub manifest: Manifest,
    /// The manifest's key, as KMS describes it, if it has one.
    pub key: Option<Seen<KeyFacts>>,
    /// The manifest as an object, where it is to have a lock.
    pub commit: Option<Seen<ObjectFacts>>,
    /// Every key of the vault in the backup's folder.
    pub listed: Seen<Vec<String>>,
    /// What was seen of each record, in the manifest's order.
    pub objects: Vec<ObjectView>,
}

/// What was seen of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectView {
    /// What S3 says of the CURRENT version of its key.
    pub facts: Seen<ObjectFacts>,
    /// What came of reading the recorded version back as the role that will restore; Unknown until
    /// then.
    pub read: Seen<Sums>,
}

/// What is known of a backup, all together.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every byte was read back and equal, and nothing is wrong.
    Proven(Vec<Checked>),
    /// Something is wrong for certain, whatever else is not known.
    Rejected(Vec<Checked>),
    /// Nothing is known to be wrong, and nothing can be read before somebody gives the key back; the clause
    /// says what is with it. Once it is back, the backup is what it was.
    Unreadable(String),
    /// Nothing is known to be wrong, and not everything is known to be right.
    NotKnown(String),
}

/// Judges a backup. One certain finding rejects it; without any, one thing that is not known leaves
/// it unjudged: a verdict is written once, and for good.
pub fn verdict(view: &View) -> Verdict {
    let mut unknown = Vec::new();
    let manifest_key = vault::manifest(&view.system, view.slot);
    let findings = manifest_findings(view, &mut unknown);
    let mut checked = vec![Checked::new(manifest_key.clone(), findings)];
    for (position, stored) in view.manifest.objects.iter().enumerate() {
        let mut findings = record_findings(view, position, stored);
        match view.objects.get(position) {
            Some(seen) => {
                let asked = view.manifest.asked();
                let Stored { key, version_id, sums, .. } = stored;
                let record = Record { key, version_id, sums };
                object_findings(asked.as_ref(), record, seen, &mut findings, &mut unknown);
            }
            None => unknown.push(format!("{} was not looked at", stored.key)),
        }
        checked.push(Checked::new(stored.key.clone(), findings));
    }
    match &view.listed {
        Seen::Here(keys) => {
            let is_recorded = |key: &&String| view.manifest.objects.iter().any(|o| &o.key == *key);
            let strays = keys.iter().filter(|key| **key != manifest_key && !is_recorded(key));
            let unrecorded = || vec!["the manifest has no record of it".to_owned()];
            checked.extend(strays.map(|key| Checked::new(key.clone(), unrecorded())));
        }
        Seen::Absent => unknown.push("the backup's folder was not listed".to_owned()),
        Seen::Unknown(why) => {
            unknown.push(format!("the backup's folder could not be listed: {why}"))
        }
    }
    if checked.iter().any(|checked| !checked.findings.is_empty()) {
        Verdict::Rejected(checked)
    } else if let (Some(key_arn), Some(clause)) =
        (&view.manifest.key_arn, view.key.as_ref().and_then(outage))
    {
        Verdict::Unreadable(format!("its key {key_arn} {clause}"))
    } else if unknown.is_empty() {
        Verdict::Proven(checked)
    } else {
        Verdict::NotKnown(unknown.join("; "))
    }
}

fn manifest_findings(view: &View, unknown: &mut Vec<String>) -> Vec<String> {
    let manifest = &view.manifest;
    let mut findings = Vec::new();
    if manifest.system != view.system || manifest.slot != view.slot {
        findings.push(format!(
            "it says that it is of {}, {}, and it lies at {}, {}",
            manifest.system, manifest.slot, view.system, view.slot
        ));
    }
    let format = manifest.right_format();
    if manifest.format != format {
        let said = manifest.format;
        findings.push(format!("it says that it is of format {said}, and its records are {format}"));
    }
    if manifest.asked().is_none() {
        findings.push("it does not say how its objects were to be encrypted".to_owned());
    }
    if manifest.objects.is_empty() {
        findings.push("it records nothing".to_owned());
    }
    lock_of_manifest(view, &mut findings, unknown);
    if let Some(key_arn) = &manifest.key_arn {
        key_of_manifest(view, key_arn, &mut findings, unknown);
    }
    findings
}

/// Without its manifest a backup is none, so that is locked like the objects that it names.
fn lock_of_manifest(view: &View, findings: &mut Vec<String>, unknown: &mut Vec<String>) {
    let Some(lock) = view.manifest.lock else { return };
    match &view.commit {
        Some(Seen::Here(facts)) => {
            findings.extend(lock.differs(facts.lock.as_ref()).map(|clause| format!("it {clause}")));
        }
        Some(Seen::Absent) => findings.push("it is gone".to_owned()),
        Some(Seen::Unknown(why)) => unknown.push(format!("its lock could not be seen: {why}")),
        None => unknown.push("its lock was not looked at".to_owned()),
    }
}

fn key_of_manifest(
    view: &View,
    key_arn: &KeyArn,
    findings: &mut Vec<String>,
    unknown: &mut Vec<String>,
) {
    if key_arn.region() != view.region.as_str() {
        let (found, wanted) = (key_arn.region(), &view.region);
        findings.push(format!("its key {key_arn} is in {found}, and the vault is in {wanted}"));
    }
    let not_seen = Seen::Unknown("it was not looked at".to_owned());
    match lasting_findings(key_arn, view.key.as_ref().unwrap_or(&not_seen)) {
        Ok(clauses) => {
            findings.extend(clauses.iter().map(|clause| format!("its key {key_arn} {clause}")));
        }
        Err(why) => unknown.push(format!("the key {key_arn} could not be seen: {why}")),
    }
}

fn record_findings(view: &View, position: usize, stored: &Stored) -> Vec<String> {
    let mut findings = Vec::new();
    let wanted = vault::object(&view.system, view.slot, &stored.source);
    if stored.key != wanted {
        findings.push(format!("it is recorded as {}, whose place is {wanted}", stored.source));
    }
    let before = view.manifest.objects.iter().take(position);
    if before.into_iter().any(|other| other.key == stored.key) {
        findings.push("it is recorded twice".to_owned());
    }
    findings
}

/// What is wrong with one artifact that an inventory lists, and what is not known of it, a clause each.
pub fn artifact_findings(
    asked: &Protection,
    object: &Object,
    seen: &ObjectView,
) -> (Vec<String>, Vec<String>) {
    let (mut findings, mut unknown) = (Vec::new(), Vec::new());
    let Object { vault_key, version_id, sums, .. } = object;
    let record = Record { key: vault_key, version_id, sums };
    object_findings(Some(asked), record, seen, &mut findings, &mut unknown);
    (findings, unknown)
}

/// What a manifest, or an inventory, says of one object.
#[derive(Clone, Copy)]
struct Record<'a> {
    key: &'a str,
    version_id: &'a str,
    sums: &'a Sums,
}

fn object_findings(
    asked: Option<&Protection>,
    stored: Record<'_>,
    seen: &ObjectView,
    findings: &mut Vec<String>,
    unknown: &mut Vec<String>,
) {
    match &seen.facts {
        Seen::Here(facts) if facts.version_id == stored.version_id => {
            // A manifest that does not say it is a finding of its own.
            if let Some(asked) = asked {
                findings.extend(storage_findings(asked, stored.sums, facts));
            }
        }
        // The names of a backup are written once. Whoever wrote over one has touched the backup,
        // even though the version that the manifest means may still be there.
        Seen::Here(facts) => findings.push(format!(
            "it was written over: it is at version {}, and the manifest means {}",
            facts.version_id, stored.version_id
        )),
        Seen::Absent => findings.push("the manifest records it, and it is not there".to_owned()),
        Seen::Unknown(why) => unknown.push(format!("{} could not be seen: {why}", stored.key)),
    }
    match &seen.read {
        Seen::Here(read) if read == stored.sums => {}
        Seen::Here(read) if read.size_bytes != stored.sums.size_bytes => findings.push(format!(
            "{} bytes of it were read back, and its source gave {}",
            read.size_bytes, stored.sums.size_bytes
        )),
        Seen::Here(read) if read.sha256 != stored.sums.sha256 => findings.push(format!(
            "its SHA-256 when read back is {}, and that of its source was {}",
            read.sha256, stored.sums.sha256
        )),
        Seen::Here(read) => findings.push(format!(
            "its CRC-64/NVME when read back is {}, and that of its source was {}",
            read.crc64nvme, stored.sums.crc64nvme
        )),
        Seen::Absent => findings.push(format!("its version {} is gone", stored.version_id)),
        Seen::Unknown(why) => unknown.push(format!("{} could not be read: {why}", stored.key)),
    }
}

/// What is done about one copy in `latest/`, once a backup is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latest {
    /// Copy over exactly the object with this ETag, or over nothing.
    Copy {
        /// The ETag that was seen.
        over: Option<String>,
    },
    /// It is from this backup, or from a newer one.
    Leave {
        /// Its slot.
        slot: Slot,
    },
    /// Nothing is known of it.
    NotKnown(String),
}

/// What is done about one copy in `latest/` for a proven backup. A backup that is verified late
/// never takes the place of a newer one. A copy without a slot is not one that was made from a
/// proven backup, and gives way.
pub fn latest(slot: Slot, seen: &Seen<ObjectFacts>) -> Latest {
    match seen {
        Seen::Here(facts) => match facts.slot.as_deref().map(Slot::parse) {
            Some(Ok(found)) if found >= slot => Latest::Leave { slot: found },
            Some(_) | None => Latest::Copy { over: Some(facts.etag.clone()) },
        },
        Seen::Absent => Latest::Copy { over: None },
        Seen::Unknown(why) => Latest::NotKnown(why.clone()),
    }
}

/// Why the copies in `latest/` stay as they are, if one object is too large to be copied: some of one backup
/// and some of another would be a set that never was.
pub fn too_large_for_latest(manifest: &Manifest, copy_bytes_max: u64) -> Option<String> {
    let is_too_large = |stored: &&Stored| stored.sums.size_bytes > copy_bytes_max;
    manifest.objects.iter().find(is_too_large).map(|stored| {
        let (source, bytes) = (&stored.source, stored.sums.size_bytes);
        format!(
            "latest/ is left as it is: {source} has {bytes} bytes, and S3 copies at most \
             {copy_bytes_max}"
        )
    })
}

#[cfg(test)]
mod tests;
