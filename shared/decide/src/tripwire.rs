//! What is suspicious although nothing is wrong with a byte: a backup that is far from those before it,
//! and a vault that is not as it was. A suspicion rejects nothing; it is told.
//!
//! Ten backups are compared, by their median and by their median absolute deviation, because one odd
//! backup among ten moves neither. What is far from the median is far by a plain factor, so that it can
//! be said in a sentence, and also by several deviations, so that a system whose backups are of all
//! sizes anyway tells nobody.

mod changes;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::SystemName;
use crate::vault;

pub use changes::{Changes, judge_changes};

/// So many backups before one are what it is compared with.
pub const BEFORE_MAX: usize = 10;
/// With fewer nothing is known of what is usual.
pub const BEFORE_MIN: usize = 5;
/// Less than the median divided by this, or more than the median times this, is far.
const FACTOR: u64 = 2;
/// So far from the median is far, in thousandths of a bit per byte. Text has 4,000 to 5,000, what is
/// compressed 7,900, what is encrypted 8,000.
const ENTROPY_MBITS: u64 = 500;
/// And at least so many median absolute deviations.
const DEVIATIONS: u64 = 4;
/// For so many seconds an object may be on its way to its replica before it is told. S3 copies most in
/// 15 minutes, and promises nothing.
pub const PENDING_S_MAX: i64 = 21_600;
/// The entropy of less than this says little: few bytes cannot have all 256 values evenly.
const ENTROPY_BYTES_MIN: u64 = 4_096;

/// What was measured of one object when it was read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Entropy of its bytes, each taken by itself, in thousandths of a bit: 0 for one value only, 8,000
    /// for all 256 evenly.
    pub entropy_mbits: u64,
}

/// What is to be thought of a backup beside those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// There are too few to say what is usual.
    Unknown,
    /// It is like them.
    Usual,
    /// It is not, as clauses with both numbers.
    Suspicious(Vec<String>),
}

/// Holds what was measured of one source against the same source of earlier backups, the newest
/// [`BEFORE_MAX`] of them.
pub fn judge(source: &str, now: Measures, before: &[Measures]) -> Judged {
    if before.len() < BEFORE_MIN {
        return Judged::Unknown;
    }
    let (count, mut clauses) = (before.len(), Vec::new());
    let (median, deviation) = spread(before.iter().map(|it| it.size_bytes).collect());
    let size = now.size_bytes;
    let is_far = size.saturating_mul(FACTOR) < median || size > median.saturating_mul(FACTOR);
    if is_far && size.abs_diff(median) > deviation.saturating_mul(DEVIATIONS) {
        clauses.push(format!(
            "{source} has {size} bytes, and the median of the {count} before it is {median}"
        ));
    }
    clauses.extend(judge_entropy(source, now, before));
    if clauses.is_empty() { Judged::Usual } else { Judged::Suspicious(clauses) }
}

/// What is far from what is usual in how even the bytes are.
fn judge_entropy(source: &str, now: Measures, before: &[Measures]) -> Option<String> {
    let long = before.iter().filter(|it| it.size_bytes >= ENTROPY_BYTES_MIN);
    let entropies: Vec<u64> = long.map(|it| it.entropy_mbits).collect();
    if entropies.len() < BEFORE_MIN || now.size_bytes < ENTROPY_BYTES_MIN {
        return None;
    }
    let (count, entropy) = (entropies.len(), now.entropy_mbits);
    let (median, deviation) = spread(entropies);
    let off = entropy.abs_diff(median);
    let is_far = off > ENTROPY_MBITS && off > deviation.saturating_mul(DEVIATIONS);
    is_far.then(|| {
        let what = if entropy > median {
            "as if it were encrypted or compressed now"
        } else {
            "as if most of it were empty now"
        };
        format!(
            "{source} has {} bits of entropy in each byte, and the median of the {count} before it is {}, \
             {what}",
            in_bits(entropy),
            in_bits(median)
        )
    })
}

fn in_bits(mbits: u64) -> String {
    format!("{}.{:03}", mbits / 1_000, mbits % 1_000)
}

/// The median, and the median of the distances from it.
fn spread(values: Vec<u64>) -> (u64, u64) {
    let middle = |mut values: Vec<u64>| {
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    let median = middle(values.clone());
    (median, middle(values.into_iter().map(|value| value.abs_diff(median)).collect()))
}

/// Entropy of bytes of which `counts` has how often each value came, in thousandths of a bit; 0 for no
/// bytes. In whole numbers, so that it is the same everywhere, to a thousandth.
pub fn entropy_mbits(counts: &[u64; 256]) -> u64 {
    let total: u64 = counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
    if total == 0 {
        return 0;
    }
    // H = log2(N) - sum(n * log2(n)) / N, in 1/65,536.
    let sum: u128 = counts
        .iter()
        .map(|count| u128::from(*count).saturating_mul(u128::from(log2_q16(*count))))
        .fold(0, u128::saturating_add);
    let entropy = u128::from(log2_q16(total)).saturating_sub(sum / u128::from(total));
    u64::try_from((entropy.saturating_mul(1_000) + (1 << 15)) >> 16).unwrap_or(8_000).min(8_000)
}

/// The logarithm to the base of 2, in 1/65,536, by squaring; 0 for 0.
fn log2_q16(value: u64) -> u64 {
    let Some(whole) = value.checked_ilog2() else { return 0 };
    let mut logarithm = u64::from(whole) << 16;
    // From 1 to 2, in 1/2^63.
    let mut rest = u128::from(value) << (63 - whole);
    for bit in (0..16).rev() {
        rest = (rest * rest) >> 63;
        if rest >= 1 << 64 {
            rest >>= 1;
            logarithm |= 1 << bit;
        }
    }
    logarithm
}

/// How the vault's bucket is set up, as S3 says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// `Enabled`, `Suspended`, or nothing where it never was.
    pub versioning: Option<String>,
    /// Its policy as a text; none where it has none.
    pub policy: Option<String>,
    /// Whether all four blocks of public access are on.
    pub blocks_public: bool,
    /// Where its objects are replicated to; empty where nobody has asked for it.
    pub replicas: Vec<Replica>,
}

/// A rule by which the vault's objects are replicated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The ARN of the other bucket.
    pub bucket_arn: String,
    /// What the keys that it takes begin with; none where it goes by tags, which nothing here has.
    pub prefix: Option<String>,
    /// Whether what is encrypted under a KMS key is replicated too. S3 leaves it out unless it is asked.
    pub takes_kms: bool,
}

/// What S3 says of the replication of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replication {
    /// `PENDING`, `COMPLETED`, `FAILED`, `REPLICA`, or nothing: no rule took it when it was written.
    pub status: Option<String>,
    /// When it was written, by S3's own clock.
    pub written_at: Option<Timestamp>,
}

/// How the vault was when it was looked at last: `systems/_vault.json`. No system has that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSeen {
    /// 1.
    pub format: u32,
    /// `vault`: what is about no system of anybody's is told under this name.
    pub system: SystemName,
    /// SHA-256 of its policy, lowercase hexadecimal; none where it had none.
    pub policy_sha256: Option<String>,
}

/// What is dangerous about the bucket as it stands, a clause each; empty when nothing is. It is told for
/// as long as it is so.
pub fn dangers(bucket: &Bucket) -> Vec<String> {
    let mut clauses = Vec::new();
    match bucket.versioning.as_deref() {
        Some("Enabled") => {}
        found => clauses.push(format!(
            "its versioning is {} and not Enabled, so whatever is deleted or written over is gone",
            found.unwrap_or("off")
        )),
    }
    for replica in bucket.replicas.iter().filter(|replica| !replica.takes_kms) {
        clauses.push(format!(
            "it is replicated to {} by a rule that leaves out what is encrypted under a KMS key, which \
             is every backup",
            replica.bucket_arn
        ));
    }
    let left_out: Vec<&str> =
        vault::NEEDED.into_iter().filter(|it| !is_taken(bucket, it)).collect();
    if !bucket.replicas.is_empty() && !left_out.is_empty() {
        clauses.push(format!(
            "it is replicated without {}, and a restore needs every one of {}",
            left_out.join(", "),
            vault::NEEDED.join(", ")
        ));
    }
    if !bucket.blocks_public {
        clauses.push("it does not block all public access any more".to_owned());
    }
    clauses
}

fn is_taken(bucket: &Bucket, folder: &str) -> bool {
    let prefixes = bucket.replicas.iter().filter_map(|replica| replica.prefix.as_deref());
    prefixes.into_iter().any(|prefix| folder.starts_with(prefix))
}

/// That the policy is another one than it was; nothing to say where nobody has looked before. It is told
/// once, because a person may have meant it.
pub fn policy_changed(before: Option<&VaultSeen>, now: &VaultSeen) -> Option<String> {
    let before = before.filter(|before| before.policy_sha256 != now.policy_sha256)?;
    let shown = |sha256: &Option<String>| -> String {
        sha256.as_deref().map_or_else(
            || "none".to_owned(),
            |text| format!("the one with the SHA-256 {}", text.get(..12).unwrap_or(text)),
        )
    };
    Some(format!(
        "its policy is {} now, and was {} when it was looked at before",
        shown(&now.policy_sha256),
        shown(&before.policy_sha256)
    ))
}

/// What is to be told of an object that has no replica, where the vault has one: nothing while it may be
/// on its way still.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>
pub fn unreplicated(key: &str, seen: &Replication, now: Timestamp) -> Option<String> {
    match seen.status.as_deref() {
        Some("COMPLETED" | "REPLICA") => None,
        Some("PENDING") => {
            let waited_s = now.as_second() - seen.written_at?.as_second();
            (waited_s > PENDING_S_MAX).then(|| {
                format!(
                    "{key} is on its way to its replica for {waited_s} s (PENDING), and \
                     {PENDING_S_MAX} s is the most that is waited without a word"
                )
            })
        }
        Some("FAILED") => {
            Some(format!("{key} has no replica (FAILED), and S3 does not try again by itself"))
        }
        Some(other) => Some(format!("the replication of {key} is {other}")),
        None => Some(format!("{key} has no replica: no rule took it when it was written")),
    }
}

#[cfg(test)]
mod tests;
