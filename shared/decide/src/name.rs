//! The names of things. A name is parsed once; from then on it cannot be wrong.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not the name that it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{found:?} is not {wanted}")]
pub struct Misnamed {
    /// The text as it was found, whole.
    pub found: String,
    /// What would have been right, as a noun phrase.
    pub wanted: &'static str,
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $is_right:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What a text must be to be this name, as a noun phrase.
            pub const WANTED: &'static str = $wanted;

            /// Takes the text as this name.
            ///
            /// # Errors
            /// [`Misnamed`] with the text and what is allowed.
            pub fn parse(text: &str) -> Result<Self, Misnamed> {
                let is_right: fn(&str) -> bool = $is_right;
                if is_right(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Misnamed { found: text.to_owned(), wanted: Self::WANTED })
                }
            }

            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Misnamed;
            fn try_from(text: String) -> Result<Self, Misnamed> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

/// Lowercase letters, digits and single hyphens, a letter first, no hyphen last: legal in an S3 key, a
/// DNS label, a CloudWatch dimension and an RDS identifier alike.
fn is_label(text: &str, length_max: usize) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    letters
        && text.len() <= length_max
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
}

fn is_arn_of(text: &str, service: &str, resource_prefix: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, found, region, account, resource] => {
            (*partition == "aws" || partition.starts_with("aws-"))
                && *found == service
                && if service == "iam" { region.is_empty() } else { Region::parse(region).is_ok() }
                && resource.bytes().all(|b| b.is_ascii_graphic())
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && resource.len() > resource_prefix.len()
                && resource.starts_with(resource_prefix)
        }
        _ => false,
    }
}

fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

text_name! {
    /// What is protected: one controller and everything that moves with it.
    SystemName,
    "the name of a system: 1 to 40 lowercase letters, digits and single hyphens, a letter first",
    |text| is_label(text, 40)
}
text_name! {
    /// Systems whose records move together.
    GroupName,
    "the name of a group: 1 to 40 lowercase letters, digits and single hyphens, a letter first",
    |text| is_label(text, 40)
}
text_name! {
    /// A place where a system can live.
    SiteName,
    "the name of a site: 1 to 20 lowercase letters, digits and single hyphens, a letter first",
    |text| is_label(text, 20)
}
text_name! {
    /// One thing that a backup reads; also the last part of its object's key.
    SourceName,
    "the name of a source: 1 to 40 lowercase letters, digits and single hyphens, a letter first, \
     and neither `manifest` nor `latest`",
    |text| is_label(text, 40) && text != "manifest" && text != "latest"
}
text_name! {
    /// An AWS Region's code.
    Region,
    "a Region's code, such as us-west-2",
    |text| {
        let parts: Vec<&str> = text.split('-').collect();
        is_label(text, 20)
            && parts.len() >= 3
            && parts.last().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    }
}
text_name! {
    /// The ARN of a KMS key. Never an alias and never a bare id: an alias can be pointed elsewhere
    /// between the upload and now, and a bare id means another key in another account.
    KeyArn,
    "the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>), not an alias or an id",
    |text| is_arn_of(text, "kms", "key/")
}
text_name! {
    /// The ARN of a secret in Secrets Manager.
    SecretArn,
    "the ARN of a secret (arn:aws:secretsmanager:<region>:<account>:secret:<name>)",
    |text| is_arn_of(text, "secretsmanager", "secret:")
}
text_name! {
    /// The ARN of an IAM role.
    RoleArn,
    "the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)",
    |text| is_arn_of(text, "iam", "role/")
}

impl KeyArn {
    /// The Region in which the key lives; S3 accepts only a key of the bucket's Region.
    pub fn region(&self) -> &str {
        region_of(&self.0)
    }
}

/// The scheduled instant that names a backup, to the second, in UTC: `2026-11-21T00-00-00Z`.
/// It comes from the event that asked for the backup, never from a clock, so that a duplicate of the
/// event means the same backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot(Timestamp);

impl Slot {
    /// The slot of a scheduled instant; parts of a second are dropped.
    pub fn of(scheduled: Timestamp) -> Self {
        Self(Timestamp::from_second(scheduled.as_second()).unwrap_or(scheduled))
    }

    /// Takes the text as a slot.
    ///
    /// # Errors
    /// [`Misnamed`] when it is not an instant written as `2026-11-21T00-00-00Z`.
    pub fn parse(text: &str) -> Result<Self, Misnamed> {
        let wrong = || Misnamed { found: text.to_owned(), wanted: "a slot (2026-11-21T00-00-00Z)" };
        let (day, time) = text.split_once('T').ok_or_else(wrong)?;
        let instant: Timestamp =
            format!("{day}T{}", time.replace('-', ":")).parse().map_err(|_| wrong())?;
        let slot = Self::of(instant);
        if slot.to_string() == text { Ok(slot) } else { Err(wrong()) }
    }

    /// The slot one second later.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(SignedDuration::from_secs(1)).unwrap_or(self.0))
    }

    /// The instant itself.
    pub fn instant(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.strftime("%Y-%m-%dT%H-%M-%SZ").to_string())
    }
}

impl TryFrom<String> for Slot {
    type Error = Misnamed;
    fn try_from(text: String) -> Result<Self, Misnamed> {
        Self::parse(&text)
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

/// The number of a failover of one system, from 1, growing by one; also the fencing epoch that the
/// DNS record `_warmspare.<system>` holds. Term 0 is the time before the first failover.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Term(pub u32);

impl Term {
    /// The term that follows this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As in keys of the vault: six digits, so that a listing is in order.
    pub fn padded(self) -> String {
        format!("{:06}", self.0)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests;
