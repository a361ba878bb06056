//! Reading a stored object back, piece by piece: as the function itself, or as the role that will
//! restore it. What only the writer can read is not a backup.

use aws_credential_types::Credentials;
use aws_sdk_s3::config::ResponseChecksumValidation;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::stream::Chunks;

use super::documents::timestamp;
use crate::fault::{fault, innermost};
use crate::{Live, clock};

/// A read uses its credentials when it begins, so that short ones do. The least that STS gives.
const SESSION_S: i32 = 900;
/// Credentials that end sooner are not used any more.
const LEFT_S_MIN: i64 = 120;

const DURING: &str = "reading back";

/// S3 in the name of the recovery role, until its credentials end.
#[derive(Clone, Debug)]
pub(crate) struct RecoveryRole {
    s3: aws_sdk_s3::Client,
    ends_at: Timestamp,
}

/// The body of an object, read piece by piece.
#[derive(Debug)]
pub struct ObjectBody {
    during: &'static str,
    key: String,
    body: ByteStream,
}

impl ObjectBody {
    /// What S3 answers of this object; `during` says what it is read for.
    pub(crate) fn of(during: &'static str, key: &str, body: ByteStream) -> Self {
        Self { during, key: key.to_owned(), body }
    }
}

impl Chunks for ObjectBody {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match self.body.next().await {
            None => Ok(None),
            Some(Ok(piece)) => Ok(Some(piece)),
            Some(Err(error)) => {
                let why = format!("the answer broke off: {}", innermost(&error));
                Err(Fault::new(Hope::Unreachable, self.during, &self.key, why).because(error))
            }
        }
    }
}

/// With the function's own credentials.
pub(super) async fn read_back(
    live: &Live,
    key: &str,
    version_id: &str,
) -> Result<ObjectBody, Fault> {
    get(live, &live.clients().s3(), key, version_id, Checks::Ours).await
}

/// What an appliance has pushed may have any of S3's checksums, and damage is no finding here: it
/// ends the stream, so that nothing is stored of it.
pub(super) async fn open_pushed(
    live: &Live,
    key: &str,
    version_id: &str,
) -> Result<ObjectBody, Fault> {
    get(live, &live.clients().s3(), key, version_id, Checks::OfS3).await
}

/// With those of the role that will restore.
pub(super) async fn read_as_recovery(
    live: &Live,
    key: &str,
    version_id: &str,
) -> Result<ObjectBody, Fault> {
    get(live, &as_recovery(live).await?, key, version_id, Checks::Ours).await
}

/// What holds a body against its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checks {
    /// Whoever reads computes the sums and compares them with the manifest, so that damage is a
    /// finding. The SDK's own comparison is left out on purpose: it would end a damaged object in a
    /// fault of the stream.
    Ours,
    /// The SDK compares with the checksum that S3 keeps, if it is one of the whole object
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html>).
    OfS3,
}

async fn get(
    live: &Live,
    s3: &aws_sdk_s3::Client,
    key: &str,
    version_id: &str,
    checks: Checks,
) -> Result<ObjectBody, Fault> {
    let (mode, validation) = match checks {
        Checks::Ours => (None, ResponseChecksumValidation::WhenRequired),
        Checks::OfS3 => (Some(ChecksumMode::Enabled), ResponseChecksumValidation::WhenSupported),
    };
    let answer = s3
        .get_object()
        .bucket(&live.config().vault_bucket)
        .key(key)
        .version_id(version_id)
        .set_checksum_mode(mode)
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .customize()
        .config_override(
            aws_sdk_s3::config::Builder::new().response_checksum_validation(validation),
        )
        .send()
        .await
        .map_err(|error| fault(DURING, key, error))?;
    Ok(ObjectBody::of(DURING, key, answer.body))
}

async fn as_recovery(live: &Live) -> Result<aws_sdk_s3::Client, Fault> {
    let kept = live.recovery().borrow().clone();
    let left_s =
        |role: &RecoveryRole| role.ends_at.as_second().saturating_sub(clock::now().as_second());
    if let Some(role) = kept.filter(|role| left_s(role) > LEFT_S_MIN) {
        return Ok(role.s3);
    }
    let role = take_on(live).await?;
    let s3 = role.s3.clone();
    live.recovery().replace(Some(role));
    Ok(s3)
}

async fn take_on(live: &Live) -> Result<RecoveryRole, Fault> {
    const DURING: &str = "taking on";
    let Some(role) = &live.config().recovery_role else {
        let why = "RECOVERY_ROLE_ARN is not set";
        return Err(Fault::new(Hope::Permanent, DURING, "the recovery role", why));
    };
    let answer = live
        .clients()
        .sts()
        .assume_role()
        .role_arn(role.as_str())
        .role_session_name("warmspare")
        .duration_seconds(SESSION_S)
        .send()
        .await
        .map_err(|error| fault(DURING, role.as_str(), error))?;
    let given = answer.credentials();
    let ends_at = given.and_then(|given| timestamp(given.expiration()));
    let (Some(given), Some(ends_at)) = (given, ends_at) else {
        let why = "STS answered without credentials";
        return Err(Fault::new(Hope::Permanent, DURING, role.as_str(), why));
    };
    let credentials = Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        None,
        "recovery role",
    );
    Ok(RecoveryRole { s3: live.clients().s3_as(credentials), ends_at })
}
