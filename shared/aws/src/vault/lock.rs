//! Object Lock: as it is asked for, and as S3 says it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockEnabled, ObjectLockMode};
use warmspare_act::fault::Fault;
use warmspare_decide::lock::{Lock, Locked, Mode};

use super::documents::timestamp;
use crate::Live;
use crate::fault::{code, fault};

/// What a request asks for: `x-amz-object-lock-mode` and `x-amz-object-lock-retain-until-date`; nothing where
/// no lock is asked for, and then the bucket's own default counts. S3 takes a lock only with a checksum, which
/// every request has.
pub(super) fn headers(lock: Option<&Lock>) -> (Option<ObjectLockMode>, Option<DateTime>) {
    let mode = lock.map(|lock| match lock.mode {
        Mode::Governance => ObjectLockMode::Governance,
        Mode::Compliance => ObjectLockMode::Compliance,
    });
    (mode, lock.map(|lock| DateTime::from_secs(lock.until.as_second())))
}

/// What S3 says of a version; it says so only to who has `s3:GetObjectRetention`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
pub(super) fn locked(mode: Option<&ObjectLockMode>, until: Option<&DateTime>) -> Option<Locked> {
    let mode = mode?.as_str().to_owned();
    Some(Locked { mode, until: until.and_then(timestamp) })
}

/// That there is no configuration is an answer.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html>
pub(super) async fn has_object_lock(live: &Live) -> Result<bool, Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .get_object_lock_configuration()
        .bucket(&config.vault_bucket)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let enabled =
                answer.object_lock_configuration().and_then(|it| it.object_lock_enabled());
            Ok(enabled == Some(&ObjectLockEnabled::Enabled))
        }
        Err(error) if code(&error) == Some("ObjectLockConfigurationNotFoundError") => Ok(false),
        Err(error) => Err(fault("looking at the Object Lock of", &config.vault_bucket, error)),
    }
}

#[cfg(test)]
mod tests;
