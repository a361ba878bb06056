//! For how long nobody can delete the objects of a backup: as a plan asks for it, as a manifest pins it,
//! and as S3 says it. A lock is of a version: a delete marker can be laid over one that is locked, and
//! takes nothing away. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::encryption::Encryption;
use crate::name::Slot;
use crate::plan::{Calendar, Keep};

const DAY_S: u64 = 86_400;
/// Longer than a run tries to write something, and than clocks differ, in seconds.
const AHEAD_S_MIN: i64 = 1_800;

/// Who may take a lock away before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// Whoever has `s3:BypassGovernanceRetention`.
    Governance,
    /// Nobody, not even the account's root.
    Compliance,
}

/// What a plan asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who may take it away.
    pub mode: Mode,
    /// For so many days at least.
    pub days: u32,
}

/// The lock of every object of one backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Who may take it away.
    pub mode: Mode,
    /// Until then.
    pub until: Timestamp,
}

/// What S3 says of the lock of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// Until when, if S3 says so. It says so also when that is over.
    pub until: Option<Timestamp>,
}

/// How every object of one backup is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// How it is encrypted.
    pub encryption: Encryption,
    /// Its lock, if it is to have one.
    pub lock: Option<Lock>,
}

impl Mode {
    /// As S3 names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Asked {
    /// The lock of the backup of this slot: the same for each object, and for a run that comes again. A
    /// slot may be a day old when it is stored, so that a day is added.
    pub fn lock(self, slot: Slot) -> Lock {
        let days = i64::from(self.days).saturating_add(1);
        let until = slot.instant().checked_add(SignedDuration::from_hours(days.saturating_mul(24)));
        Lock { mode: self.mode, until: until.unwrap_or(Timestamp::MAX) }
    }
}

impl Lock {
    /// Whether something that is written now can be put under it: S3 refuses a date that is over. A little
    /// before its end counts as over, because S3 decides by its own clock, and later.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        self.until.as_second().saturating_sub(now.as_second()) > AHEAD_S_MIN
    }

    /// What is less than this lock in what S3 says, as a clause that follows "it"; `None` when nothing is.
    /// One that ends later, or that nobody can take away, is not less.
    pub fn differs(&self, found: Option<&Locked>) -> Option<String> {
        let Self { mode, until } = self;
        let asked = format!("where {mode} until {until} was asked");
        let Some(Locked { mode: found, until: Some(found_until) }) = found else {
            return Some(format!("is not said to be locked, {asked}"));
        };
        let is_as_strong = [mode.as_str(), Mode::Compliance.as_str()].contains(&found.as_str());
        (!is_as_strong || found_until < until)
            .then(|| format!("is locked ({found} until {found_until}), {asked}"))
    }
}

impl Locked {
    /// What holds now, as a clause; `None` when it is over.
    pub fn holds(&self, now: Timestamp) -> Option<String> {
        let until = self.until.filter(|until| *until > now)?;
        Some(format!("locked, {} until {until}", self.mode))
    }
}

impl From<Encryption> for Protection {
    /// Without a lock.
    fn from(encryption: Encryption) -> Self {
        Self { encryption, lock: None }
    }
}

/// For how many days retention keeps a backup, if one is made every `rpo_s` seconds, which is the longest
/// that a plan accepts between two. A lock that is shorter protects only some of what is kept.
pub fn kept_days(keep: &Keep, rpo_s: u64) -> u64 {
    let backups = |count: u32| u64::from(count).saturating_mul(rpo_s);
    let days = |count: u32, each: u64| u64::from(count).saturating_mul(each * DAY_S);
    let kept_s = match keep {
        Keep::Overwrite => backups(1),
        Keep::Newest(count) => backups(count.get()),
        Keep::Calendar(Calendar { last, daily, weekly, monthly, yearly, .. }) => {
            let longest = [
                backups(*last),
                days(*daily, 1),
                days(*weekly, 7),
                days(*monthly, 31),
                days(*yearly, 366),
            ];
            longest.into_iter().max().unwrap_or_default()
        }
    };
    kept_s.div_ceil(DAY_S)
}

#[cfg(test)]
mod tests;
