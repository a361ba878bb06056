//! How the objects of a backup are encrypted by S3: exactly one of four ways (seed A16), written out in
//! the plan, pinned in the manifest, and held against what S3 says of each object.
//!
//! S3 stores nothing unencrypted since 5 January 2023
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html>): what is asked
//! to have none has `AES256`, under keys of S3's own. It is asked for by name all the same, because a
//! request without a word of it gets the default of the bucket, which in the vault is its key.

use serde::{Deserialize, Serialize};

use crate::name::KeyArn;

/// What a plan chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Keys of S3's own.
    Own(Own),
    /// The key that AWS manages for S3 in the vault's Region.
    AwsS3,
    /// A key of KMS that somebody made.
    Key(KeyArn),
}

/// Under keys of S3's own: `AES256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Own {
    /// Asked to be none at all, which is warned about.
    #[serde(rename = "none")]
    None,
    /// Asked for.
    #[serde(rename = "aes256")]
    Aes256,
}

/// What was chosen where it is no key that somebody made, as a manifest writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// [`Own::None`].
    #[serde(rename = "none")]
    None,
    /// [`Own::Aes256`].
    #[serde(rename = "aes256")]
    Aes256,
    /// [`Choice::AwsS3`].
    #[serde(rename = "aws/s3")]
    AwsS3,
}

/// What is asked of S3 for every object of one backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Under keys of S3's own.
    Own(Own),
    /// Under this key, for which the plan has `aws/s3`: looked up once, because AWS says what the alias
    /// stands for.
    AwsS3(KeyArn),
    /// Under this key.
    Key(KeyArn),
}

impl Choice {
    /// The key that somebody made, if that is what was chosen.
    pub fn key_arn(&self) -> Option<&KeyArn> {
        match self {
            Self::Key(key_arn) => Some(key_arn),
            Self::Own(_) | Self::AwsS3 => None,
        }
    }
}

impl Encryption {
    /// As a manifest keeps it: the key, and the word where it is no key that somebody made.
    pub fn written(&self) -> (Option<KeyArn>, Option<Word>) {
        match self {
            Self::Own(Own::None) => (None, Some(Word::None)),
            Self::Own(Own::Aes256) => (None, Some(Word::Aes256)),
            Self::AwsS3(key_arn) => (Some(key_arn.clone()), Some(Word::AwsS3)),
            Self::Key(key_arn) => (Some(key_arn.clone()), None),
        }
    }

    /// What a manifest has kept; `None` for what [`Encryption::written`] never gives.
    pub fn read(key_arn: Option<&KeyArn>, word: Option<Word>) -> Option<Self> {
        match (key_arn, word) {
            (None, Some(Word::None)) => Some(Self::Own(Own::None)),
            (None, Some(Word::Aes256)) => Some(Self::Own(Own::Aes256)),
            (Some(key_arn), Some(Word::AwsS3)) => Some(Self::AwsS3(key_arn.clone())),
            (Some(key_arn), None) => Some(Self::Key(key_arn.clone())),
            (None, None | Some(Word::AwsS3)) | (Some(_), Some(Word::None | Word::Aes256)) => None,
        }
    }

    /// The key of KMS, if it is under one.
    pub fn key_arn(&self) -> Option<&KeyArn> {
        match self {
            Self::AwsS3(key_arn) | Self::Key(key_arn) => Some(key_arn),
            Self::Own(_) => None,
        }
    }

    /// As S3 names it.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::AwsS3(_) | Self::Key(_) => "aws:kms",
            Self::Own(_) => "AES256",
        }
    }

    /// What differs from it in what S3 says, as a clause that follows "it"; `None` when nothing does.
    pub fn differs(&self, algorithm: Option<&str>, key_arn: Option<&str>) -> Option<String> {
        let wanted = self.algorithm();
        let Some(found) = algorithm else {
            return Some(format!("is not said to be encrypted, where {wanted} was asked"));
        };
        if found != wanted {
            return Some(format!("is encrypted with {found}, not with {wanted}"));
        }
        match (self.key_arn(), key_arn) {
            (Some(wanted), Some(found)) if found == wanted.as_str() => None,
            (Some(wanted), found) => {
                let found = found.unwrap_or("no key that S3 names");
                Some(format!("is encrypted under {found}, not under {wanted}"))
            }
            (None, Some(found)) => {
                Some(format!("is encrypted under {found}, and no key was asked for"))
            }
            (None, None) => None,
        }
    }

    /// What people are told of every backup that is so encrypted, if it is anything.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Own(Own::None) => Some(
                "backup.encryption is none: S3 encrypts it all the same, with keys of its own (AES256), \
                 and whoever may read the vault can read it",
            ),
            Self::Own(Own::Aes256) | Self::AwsS3(_) | Self::Key(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
