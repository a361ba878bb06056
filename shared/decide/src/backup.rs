//! Whether a backup may begin. What is refused is refused before a byte is sent.

use jiff::Timestamp;

use crate::encryption::{Choice, Encryption};
use crate::lock::{Asked, Protection};
use crate::name::{KeyArn, Region, Slot};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::verify::{KeyFacts, key_findings};

/// The oldest slot that is still backed up, in seconds: a retried event may be late.
pub const SLOT_AGE_S_MAX: u64 = 86_400;

/// How far a slot may lie in the future, in seconds: two clocks may differ.
pub const SLOT_AHEAD_S_MAX: u64 = 300;

/// What is known when a backup is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// By this machine's clock.
    pub now: Timestamp,
    /// Where the vault is.
    pub region: Region,
    /// Whether the vault has Object Lock, once that was looked at.
    pub has_object_lock: Option<bool>,
    /// The plan's key, or the one that AWS manages for S3, once it was looked at.
    pub key: Option<Seen<KeyFacts>>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Look whether the vault has Object Lock, and ask again.
    LookAtObjectLock,
    /// Look at this key, and ask again.
    LookAtKey(KeyArn),
    /// Look at the key that AWS manages for S3 in the vault's Region, and ask again.
    LookAtAwsS3,
    /// Store every source, so protected.
    Store(Protection),
    /// It is not done, and why.
    Refuse(Refusal),
    /// The key was looked at, and nothing is known of it: neither stored nor refused.
    NotKnown(String),
}

/// Decides whether the backup of this slot may begin.
pub fn next(plan: &Plan, slot: Slot, view: &View) -> Next {
    if let Some(refusal) = far_from_now(slot, view.now).or_else(|| elsewhere(plan, view)) {
        return Next::Refuse(refusal);
    }
    match (plan.backup.lock, view.has_object_lock) {
        (Some(_), None) => return Next::LookAtObjectLock,
        (Some(Asked { mode, days }), Some(false)) => {
            return Next::Refuse(Refusal::NoObjectLock { mode, days });
        }
        (Some(_), Some(true)) | (None, _) => {}
    }
    match encrypted(plan, view) {
        Ok(encryption) => {
            let lock = plan.backup.lock.map(|asked| asked.lock(slot));
            Next::Store(Protection { encryption, lock })
        }
        Err(next) => next,
    }
}

/// How everything is encrypted, or what comes before that is known.
fn encrypted(plan: &Plan, view: &View) -> Result<Encryption, Next> {
    match (&plan.backup.encryption, &view.key) {
        (Choice::Own(own), _) => Ok(Encryption::Own(*own)),
        (Choice::AwsS3, None) => Err(Next::LookAtAwsS3),
        (Choice::AwsS3, Some(key)) => aws_s3(key),
        (Choice::Key(key_arn), None) => Err(Next::LookAtKey(key_arn.clone())),
        (Choice::Key(key_arn), Some(key)) => usable(key_arn, key, Encryption::Key(key_arn.clone())),
    }
}

/// The alias is looked up once, and what it stood for then is what every object is held to.
fn aws_s3(seen: &Seen<KeyFacts>) -> Result<Encryption, Next> {
    let arn = match seen {
        Seen::Here(facts) => KeyArn::parse(&facts.arn),
        Seen::Absent => return Err(Next::NotKnown("KMS knows no alias/aws/s3".to_owned())),
        Seen::Unknown(why) => return Err(Next::NotKnown(why.clone())),
    };
    match arn {
        Ok(key_arn) => usable(&key_arn.clone(), seen, Encryption::AwsS3(key_arn)),
        Err(_) => Err(Next::NotKnown("KMS did not say what alias/aws/s3 stands for".to_owned())),
    }
}

fn usable(
    key_arn: &KeyArn,
    seen: &Seen<KeyFacts>,
    encryption: Encryption,
) -> Result<Encryption, Next> {
    match key_findings(key_arn, seen) {
        Ok(clauses) if clauses.is_empty() => Ok(encryption),
        Ok(clauses) => Err(Next::Refuse(Refusal::KeyUnusable {
            key_arn: key_arn.clone(),
            why: clauses.join(" and "),
        })),
        Err(why) => Err(Next::NotKnown(why)),
    }
}

/// Why this slot is not one to be made now, if it is not.
pub fn far_from_now(slot: Slot, now: Timestamp) -> Option<Refusal> {
    let ahead_s = slot.instant().as_second().saturating_sub(now.as_second());
    let off_s_max = if ahead_s > 0 { SLOT_AHEAD_S_MAX } else { SLOT_AGE_S_MAX };
    let off_s = ahead_s.unsigned_abs();
    (off_s > off_s_max).then_some(Refusal::SlotFarFromNow { slot, off_s, off_s_max })
}

/// A run that has begun before an instant is over so many seconds after it, whatever its clock says.
const RUN_S_MAX: u64 = 900;

/// Whether every run of a backup has begun after that instant, and after the end of each run that was at work
/// then.
pub fn is_all_after(slot: Slot, at: Timestamp) -> bool {
    let after_s = slot.instant().as_second().saturating_sub(at.as_second());
    u64::try_from(after_s).is_ok_and(|after_s| after_s > SLOT_AHEAD_S_MAX + RUN_S_MAX)
}

/// Seed A18: the key and the bucket must be in the same Region.
fn elsewhere(plan: &Plan, view: &View) -> Option<Refusal> {
    let key_arn = plan.backup.encryption.key_arn()?;
    (key_arn.region() != view.region.as_str()).then(|| Refusal::KeyElsewhere {
        key_arn: key_arn.clone(),
        found: key_arn.region().to_owned(),
        wanted: view.region.clone(),
    })
}

#[cfg(test)]
mod tests;
