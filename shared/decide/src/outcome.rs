//! How an accepted event ended: done, waiting or refused. (That it failed is said by a fault, which
//! belongs to `shared/act`.) Each outcome reads as a sentence, and each is recorded.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{Slot, SystemName, Term};
use crate::refusal::Refusal;

/// The version of the announcements that this code makes.
pub const FORMAT: u32 = 1;

/// How an accepted event ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// What was asked for was done, now or before; the sentence says what and how.
    Done(String),
    /// It goes on later, by the next tick or event; the sentence says what is waited for.
    Waiting(String),
    /// It is not done, and why.
    Refused(Refusal),
}

impl Outcome {
    /// One word for logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Waiting(_) => "waiting",
            Self::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(sentence) | Self::Waiting(sentence) => f.write_str(sentence),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

/// What happened, as the bus names it: the `detail-type` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    /// A backup's manifest was written.
    #[serde(rename = "Backup Stored")]
    BackupStored,
    /// A backup was refused.
    #[serde(rename = "Backup Refused")]
    BackupRefused,
    /// Every byte of a backup was read back and equal.
    #[serde(rename = "Backup Verified")]
    BackupVerified,
    /// A backup is not to be trusted.
    #[serde(rename = "Backup Rejected")]
    BackupRejected,
    /// A backup is proven, and far from those before it.
    #[serde(rename = "Backup Suspicious")]
    BackupSuspicious,
    /// The vault or a key is not as it has to be, or not as it was.
    #[serde(rename = "Vault At Risk")]
    VaultAtRisk,
    /// Backups were deleted, or something stood against it.
    #[serde(rename = "Backups Pruned")]
    BackupsPruned,
    /// A snapshot lies in the recovery region under its key.
    #[serde(rename = "Snapshot Copied")]
    SnapshotCopied,
    /// Every table of a snapshot was exported.
    #[serde(rename = "Snapshot Exported")]
    SnapshotExported,
    /// An export left tables out.
    #[serde(rename = "Snapshot Exported Partial")]
    SnapshotPartial,
    /// A snapshot, its copy or its export failed for good, or was refused.
    #[serde(rename = "Snapshot Failed")]
    SnapshotFailed,
    /// A failover was asked for and does not begin, or ended before any promotion.
    #[serde(rename = "Failover Refused")]
    FailoverRefused,
    /// A failover began.
    #[serde(rename = "Failover Started")]
    FailoverStarted,
    /// A step of a failover was seen done.
    #[serde(rename = "Failover Step")]
    FailoverStep,
    /// A failover ended well.
    #[serde(rename = "Failover Completed")]
    FailoverCompleted,
    /// A failover met something that needs a person.
    #[serde(rename = "Failover Failed")]
    FailoverFailed,
    /// A failover goes on, and takes longer than its plan allows.
    #[serde(rename = "Failover Late")]
    FailoverLate,
    /// The old site was fenced at last.
    #[serde(rename = "Fence Paid")]
    FencePaid,
}

impl Happening {
    /// As the bus writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BackupStored => "Backup Stored",
            Self::BackupRefused => "Backup Refused",
            Self::BackupVerified => "Backup Verified",
            Self::BackupRejected => "Backup Rejected",
            Self::BackupSuspicious => "Backup Suspicious",
            Self::VaultAtRisk => "Vault At Risk",
            Self::BackupsPruned => "Backups Pruned",
            Self::SnapshotCopied => "Snapshot Copied",
            Self::SnapshotExported => "Snapshot Exported",
            Self::SnapshotPartial => "Snapshot Exported Partial",
            Self::SnapshotFailed => "Snapshot Failed",
            Self::FailoverRefused => "Failover Refused",
            Self::FailoverStarted => "Failover Started",
            Self::FailoverStep => "Failover Step",
            Self::FailoverCompleted => "Failover Completed",
            Self::FailoverFailed => "Failover Failed",
            Self::FailoverLate => "Failover Late",
            Self::FencePaid => "Fence Paid",
        }
    }
}

/// An event on the bus: source `warmspare`, `detail-type` from [`Happening`], this as its `detail`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// [`FORMAT`].
    pub format: u32,
    /// Not part of the detail: the `detail-type`.
    #[serde(skip, default = "Announcement::no_happening")]
    pub happening: Happening,
    /// Whose it is.
    pub system: SystemName,
    /// `done`, `waiting`, `refused` or `failed`.
    pub outcome: String,
    /// A sentence, with the reason and its numbers. It is written without quotation marks,
    /// backslashes and line breaks, because the rule that sends it to people puts it into a text as
    /// it is.
    #[serde(serialize_with = "plain")]
    pub reason: String,
    /// The backup or snapshot that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slot: Option<Slot>,
    /// The failover that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub term: Option<Term>,
    /// When.
    pub at: Timestamp,
    /// Keys of the vault where more is written.
    pub links: Vec<String>,
}

fn plain<S: serde::Serializer>(reason: &str, to: S) -> Result<S::Ok, S::Error> {
    let is_unfit = |c: char| c.is_control() || c == '\\';
    to.serialize_str(&reason.replace('"', "'").replace(is_unfit, " "))
}

impl Announcement {
    fn no_happening() -> Happening {
        Happening::FailoverStep
    }
}

#[cfg(test)]
mod tests;
