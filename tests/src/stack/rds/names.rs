//! Identifiers, ARNs and times in the forms that AWS gives them.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::wait;
use super::model::Place;
use super::refusal::Refusal;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The moment, for what RDS dates.
pub(in crate::stack) fn now() -> Timestamp {
    Timestamp::try_from(wait::now()).unwrap_or_default()
}

/// Sixteen bytes that no other call in this or another run has got.
fn fresh() -> [u8; 16] {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let moment = now().as_nanosecond();
    let digest = Sha256::digest(format!("{} {moment} {count}", process::id()));
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    bytes
}

/// A fresh identifier in the form of a UUID of version 4.
pub(in crate::stack) fn fresh_uuid() -> String {
    let [a, b, c, d, e, f, g, h, i, j, rest @ ..] = fresh();
    let (g, i) = (g & 0x0f | 0x40, i & 0x3f | 0x80);
    let head = format!("{a:02x}{b:02x}{c:02x}{d:02x}-{e:02x}{f:02x}-{g:02x}{h:02x}");
    format!("{head}-{i:02x}{j:02x}-{}", hex(&rest))
}

/// A fresh identifier of 16 hex digits.
pub(in crate::stack) fn fresh_hex() -> String {
    let [a, b, c, d, e, f, g, h, ..] = fresh();
    hex(&[a, b, c, d, e, f, g, h])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A resource identifier of 26 upper-case characters, as `DbiResourceId` has it.
pub(super) fn resource_id() -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('2'..='7').collect();
    let letter = |byte: &u8| alphabet.get(usize::from(byte % 32)).copied().unwrap_or('A');
    let (one, two) = (fresh(), fresh());
    format!("db-{}", one.iter().chain(&two).take(26).map(letter).collect::<String>())
}

/// ISO 8601 in UTC with milliseconds, as RDS writes times.
pub(in crate::stack) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// ISO 8601 in UTC with whole seconds, as EventBridge writes the time of an event.
pub(in crate::stack) fn iso_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The ARN of an RDS resource; `kind` is `db` or `snapshot`.
pub(super) fn arn(account: &str, kind: &str, place: &Place) -> String {
    format!("arn:aws:rds:{}:{account}:{kind}:{}", place.region, place.id)
}

/// The place that an ARN of `kind` names, of whichever account.
pub(super) fn place_of(arn: &str, kind: &str) -> Option<Place> {
    let mut parts = arn.splitn(7, ':');
    let head = [parts.next()?, parts.next()?, parts.next()?];
    let (region, _account) = (parts.next()?, parts.next()?);
    let is_ours = head == ["arn", "aws", "rds"] && parts.next()? == kind;
    is_ours.then_some(Place::new(region, parts.next()?))
}

/// The rule for the names of snapshots and of export tasks:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html>.
pub(super) fn check(parameter: &str, id: &str) -> Result<(), Refusal> {
    check_length(parameter, id, 255)
}

/// The same rule for the names of instances, which may have 63 characters:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html>.
pub(super) fn check_instance(parameter: &str, id: &str) -> Result<(), Refusal> {
    check_length(parameter, id, 63)
}

fn check_length(parameter: &str, id: &str, length_max: usize) -> Result<(), Refusal> {
    let starts = id.starts_with(|first: char| first.is_ascii_alphabetic());
    let contains = id.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
    let ends = !id.ends_with('-') && !id.contains("--");
    if starts && contains && ends && id.len() <= length_max {
        return Ok(());
    }
    Err(Refusal::value(format!(
        "The parameter {parameter} is not a valid identifier. Identifiers must begin with a \
         letter; must contain only ASCII letters, digits, and hyphens; and must not end with a \
         hyphen or contain two consecutive hyphens."
    )))
}
