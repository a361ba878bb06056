//! What S3 says of one object, compared by nobody here.

use aws_sdk_s3::types::ChecksumMode;
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::seen::Seen;
use warmspare_decide::verify::ObjectFacts;

use super::documents::timestamp;
use super::lock;
use super::upload::MARK;
use crate::Live;
use crate::fault::{fault, status};

/// The metadata under which a copy in `latest/` says which slot it is a copy of.
pub(super) const SLOT: &str = "warmspare-slot";

pub(super) async fn facts(
    live: &Live,
    key: &str,
    version_id: Option<&str>,
) -> Result<Seen<ObjectFacts>, Fault> {
    const DURING: &str = "looking at";
    let answer = live
        .clients()
        .s3()
        .head_object()
        .bucket(&live.config().vault_bucket)
        .key(key)
        .set_version_id(version_id.map(str::to_owned))
        .checksum_mode(ChecksumMode::Enabled)
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        // The answer to a HEAD has no body, so there is no code to tell a key from a bucket.
        Err(error) if status(&error) == Some(404) => return Ok(Seen::Absent),
        Err(error) => return Err(fault(DURING, key, error)),
    };
    let size = answer.content_length().and_then(|size| u64::try_from(size).ok());
    let Some(size_bytes) = size else {
        return Err(Fault::new(Hope::Permanent, DURING, key, "S3 did not say how long it is"));
    };
    Ok(Seen::Here(ObjectFacts {
        version_id: answer.version_id().unwrap_or("null").to_owned(),
        etag: answer.e_tag().unwrap_or_default().to_owned(),
        size_bytes,
        algorithm: answer.server_side_encryption().map(|found| found.as_str().to_owned()),
        key_arn: answer.ssekms_key_id().map(str::to_owned),
        crc64nvme: answer.checksum_crc64_nvme().map(str::to_owned),
        checksum_type: answer.checksum_type().map(|found| found.as_str().to_owned()),
        slot: answer.metadata().and_then(|metadata| metadata.get(SLOT)).cloned(),
        written_at: answer.last_modified().and_then(timestamp),
        lock: lock::locked(answer.object_lock_mode(), answer.object_lock_retain_until_date()),
        mark: answer.metadata().and_then(|metadata| metadata.get(MARK)).cloned(),
    }))
}
