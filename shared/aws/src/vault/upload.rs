//! A stream into a key that must be free: in one request when it fits into one part, else in
//! several.

use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use warmspare_act::fault::Fault;
use warmspare_act::ports::Uploaded;
use warmspare_act::stream::{Chunks, Measured};
use warmspare_decide::lock::Protection;
use warmspare_decide::manifest::Sums;
use warmspare_decide::parts::Cut;

use super::documents::{Over, is_conflict};
use super::parts::{Parts, too_long};
use super::{encryption, lock, multipart};
use crate::Live;
use crate::clients::patient;
use crate::fault::{code, fault, status};

/// The metadata under which an object of a backup says which push it is.
pub(super) const MARK: &str = "warmspare-upload";

/// What a stream becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) key: &'a str,
    pub(super) asked: &'a Protection,
    pub(super) mark: Option<&'a str>,
}

impl Target<'_> {
    /// The metadata of the object.
    pub(super) fn metadata(self) -> Option<HashMap<String, String>> {
        self.mark.map(|mark| HashMap::from([(MARK.to_owned(), mark.to_owned())]))
    }
}

pub(super) async fn upload<C: Chunks>(
    live: &Live,
    target: Target<'_>,
    stream: &mut Measured<C>,
) -> Result<Uploaded, Fault> {
    let config = live.config();
    let cut = Cut::of(config.memory_bytes, config.part_bytes, stream.length_bytes())
        .map_err(|why| too_long(target.key, why))?;
    let mut parts = Parts::new(stream, target.key, cut);
    let first = parts.next().await?;
    if first.is_last {
        let sums = parts.stream().sums();
        put(live, target, first.bytes, sums).await
    } else {
        multipart::upload(live, target, first, parts).await
    }
}

/// S3 compares the checksum with what it received before anything becomes visible.
async fn put(live: &Live, target: Target<'_>, body: Bytes, sums: Sums) -> Result<Uploaded, Fault> {
    let Target { key, asked, .. } = target;
    const DURING: &str = "uploading";
    let (if_none_match, _) = Over::Nothing.headers();
    let (algorithm, key_id, bucket_key) = encryption::headers(&asked.encryption);
    let (mode, until) = lock::headers(asked.lock.as_ref());
    let answer = live
        .clients()
        .s3()
        .put_object()
        .bucket(&live.config().vault_bucket)
        .key(key)
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .set_if_none_match(if_none_match)
        .server_side_encryption(algorithm)
        .set_ssekms_key_id(key_id)
        .set_bucket_key_enabled(bucket_key)
        .set_object_lock_mode(mode)
        .set_object_lock_retain_until_date(until)
        .checksum_crc64_nvme(&sums.crc64nvme)
        .set_metadata(target.metadata())
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
        &asked.encryption,
    )?;
    let version_id = answer.version_id().unwrap_or("null").to_owned();
    Ok(Uploaded::New { version_id, sums })
}

#[cfg(test)]
mod tests;
