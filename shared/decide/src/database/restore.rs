//! A database that is restored from a copied snapshot: which copy, and how what came of it is known.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Placed;
use crate::export::{slot_of_snapshot, snapshot_id};
use crate::name::{SystemName, Term};
use crate::seen::Seen;

/// A snapshot in the recovery region, as `DescribeDBSnapshots` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its identifier.
    pub id: String,
    /// The instance whose data it holds, by its identifier.
    pub of: String,
    /// ARN of the snapshot that it was copied from, in the Region of the source.
    pub source_arn: Option<String>,
    /// `available`, `copying`, `failed`, …
    pub status: String,
    /// When the data were frozen: the time of the snapshot that was copied, which is not that of the copy.
    pub taken_at: Option<Timestamp>,
}

impl Copied {
    /// What it is to a failover of `writer`; none when it is not a copy that we have made of a snapshot
    /// of this very instance. A name alone would not do: another Region may have an instance of the
    /// same name, whose snapshots are copied here too.
    fn restorable(&self, writer: &Placed) -> Option<Restorable> {
        let (_, slot) = slot_of_snapshot(&self.id)?;
        let of: Vec<&str> = self.source_arn.as_deref()?.splitn(7, ':').collect();
        let is_copied = match of.as_slice() {
            ["arn", _, "rds", region, _, "snapshot", id] => {
                *region == writer.region.as_str() && *id == self.id
            }
            _ => false,
        };
        let is_ours = is_copied && self.of == writer.id && self.id == snapshot_id(&writer.id, slot);
        // A snapshot is taken after the instant that it is named by, so this errs on the older side.
        let taken_at = self.taken_at.unwrap_or(slot.instant());
        is_ours.then(|| Restorable { snapshot: self.id.clone(), taken_at })
    }

    /// Whether it can be restored from now.
    pub fn is_available(&self) -> bool {
        self.status == "available"
    }
}

/// A copied snapshot that can be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restorable {
    /// Its identifier in the recovery region.
    pub snapshot: String,
    /// When the data were frozen; everything later is lost.
    pub taken_at: Timestamp,
}

impl Restorable {
    /// What is lost of a database that was lost at that instant, in seconds.
    pub fn age_s(&self, lost_at: Timestamp) -> u64 {
        let age_s = lost_at.as_second().saturating_sub(self.taken_at.as_second());
        u64::try_from(age_s).unwrap_or(0)
    }
}

/// The copy with the newest data that can be restored now; absent when there is none. What is still
/// being copied is not waited for: nobody knows for how long, and its source may be gone.
pub fn newest_copy(copies: &[Copied], writer: &Placed) -> Seen<Restorable> {
    let available = copies.iter().filter(|copy| copy.is_available());
    let ours = available.filter_map(|copy| copy.restorable(writer));
    let newest = ours
        .max_by(|one, other| (one.taken_at, &one.snapshot).cmp(&(other.taken_at, &other.snapshot)));
    newest.map_or(Seen::Absent, Seen::Here)
}

/// Which failover has restored an instance, and from what. RDS does not say what an instance was
/// restored from, so it is written into tags by the very call that restores it
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html>).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whose failover.
    pub system: SystemName,
    /// Which failover.
    pub term: Term,
    /// Identifier of the snapshot.
    pub snapshot: String,
}

impl Origin {
    const SYSTEM: &'static str = "warmspare:system";
    const TERM: &'static str = "warmspare:term";
    const SNAPSHOT: &'static str = "warmspare:snapshot";

    /// The tags that say so.
    pub fn tags(&self) -> [(&'static str, String); 3] {
        [
            (Self::SYSTEM, self.system.to_string()),
            (Self::TERM, self.term.to_string()),
            (Self::SNAPSHOT, self.snapshot.clone()),
        ]
    }

    /// What these tags say; none when one of them is missing or is none of ours.
    pub fn of<'t>(tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Option<Self> {
        let (mut system, mut term, mut snapshot) = (None, None, None);
        for (key, value) in tags {
            match key {
                Self::SYSTEM => system = SystemName::parse(value).ok(),
                Self::TERM => term = value.parse().ok().map(Term),
                Self::SNAPSHOT => snapshot = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(Self { system: system?, term: term?, snapshot: snapshot? })
    }

    /// As a clause.
    pub fn words(&self) -> String {
        format!("was restored by term {} of {} from {}", self.term, self.system, self.snapshot)
    }
}

/// An instance that may have been restored, as `DescribeDBInstances` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// `creating`, `backing-up`, `modifying`, `available`, `failed`, …
    pub status: String,
    /// The instance that it replicates, if it is a replica.
    pub replica_of: Option<String>,
    /// What its tags say; none when they do not say it.
    pub origin: Option<Origin>,
}

impl Restored {
    /// Whether a failover of this system has restored it. One that begins now has not, so what has done it
    /// was given up: what a completed one has restored is the writer since, and not to be restored.
    pub fn is_left_by(&self, system: &SystemName) -> bool {
        self.origin.as_ref().is_some_and(|origin| &origin.system == system)
    }

    /// What it is, as a clause that follows its name.
    pub fn words(&self) -> String {
        match (&self.origin, &self.replica_of) {
            (_, Some(source)) => format!("replicates {source}"),
            (Some(origin), None) => origin.words(),
            (None, None) => "has no tags that say what it was restored from".to_owned(),
        }
    }
}

/// What the decision to begin sees of a database that would be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreView {
    /// What has the name of the instance that would be restored; absent when the name is free.
    pub instance: Seen<Restored>,
    /// The copy that would be restored from; absent when there is none.
    pub copy: Seen<Restorable>,
}
