//! A stream into a key that must be free: in one request when it fits into one part, else in
//! several.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use warmspare_act::fault::Fault;
use warmspare_act::ports::Uploaded;
use warmspare_act::stream::{Chunks, Measured};
use warmspare_decide::manifest::Sums;
use warmspare_decide::name::KeyArn;

use super::documents::{Over, is_conflict};
use super::parts::Parts;
use super::{encryption, multipart};
use crate::Live;
use crate::clients::patient;
use crate::fault::{code, fault, status};

pub(super) async fn upload<C: Chunks>(
    live: &Live,
    key: &str,
    key_arn: &KeyArn,
    stream: &mut Measured<C>,
) -> Result<Uploaded, Fault> {
    let mut parts = Parts::new(stream, live.config().part_bytes);
    let first = parts.next().await?;
    if first.is_last {
        let sums = parts.stream().sums();
        put(live, key, key_arn, first.bytes, sums).await
    } else {
        multipart::upload(live, key, key_arn, first, parts).await
    }
}

/// S3 compares the checksum with what it received before anything becomes visible.
async fn put(
    live: &Live,
    key: &str,
    key_arn: &KeyArn,
    body: Bytes,
    sums: Sums,
) -> Result<Uploaded, Fault> {
    const DURING: &str = "uploading";
    let (if_none_match, _) = Over::Nothing.headers();
    let answer = live
        .clients()
        .s3()
        .put_object()
        .bucket(&live.config().vault_bucket)
        .key(key)
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .set_if_none_match(if_none_match)
        .server_side_encryption(encryption::ALGORITHM)
        .ssekms_key_id(key_arn.as_str())
        .bucket_key_enabled(true)
        .checksum_crc64_nvme(&sums.crc64nvme)
        .body(ByteStream::from(body))
        .customize()
        .config_override(patient())
        .disable_payload_signing()
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if is_conflict(Over::Nothing, status(&error), code(&error)) => {
            return Ok(Uploaded::Exists);
        }
        Err(error) => return Err(fault(DURING, key, error)),
    };
    encryption::confirm(
        DURING,
        key,
        answer.server_side_encryption(),
        answer.ssekms_key_id(),
        key_arn.as_str(),
    )?;
    let version_id = answer.version_id().unwrap_or("null").to_owned();
    Ok(Uploaded::New { version_id, sums })
}

#[cfg(test)]
mod tests;
