//! Copying a verified object to `latest/`, inside S3.

use aws_sdk_s3::types::{ChecksumAlgorithm, MetadataDirective};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use warmspare_act::fault::Fault;
use warmspare_act::ports::Written;
use warmspare_decide::encryption::Encryption;
use warmspare_decide::name::Slot;

use super::documents::Over;
use super::encryption;
use super::facts::SLOT;
use crate::Live;
use crate::clients::patient;
use crate::fault::{fault, status};

/// What may stand as it is in `x-amz-copy-source`.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// One request: S3 copies at most 5 GiB so.
pub(super) async fn copy(
    live: &Live,
    (from, version_id): (&str, &str),
    to: &str,
    over: Option<&str>,
    asked: &Encryption,
    slot: Slot,
) -> Result<Written, Fault> {
    const DURING: &str = "copying to";
    let config = live.config();
    let over = over.map_or(Over::Nothing, Over::Exactly);
    let (if_none_match, if_match) = over.headers();
    let (algorithm, key_id, bucket_key) = encryption::headers(asked);
    let source = format!(
        "{}/{}?versionId={}",
        config.vault_bucket,
        utf8_percent_encode(from, PLAIN),
        utf8_percent_encode(version_id, PLAIN)
    );
    let answer = live
        .clients()
        .s3()
        .copy_object()
        .bucket(&config.vault_bucket)
        .key(to)
        .copy_source(source)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .set_expected_source_bucket_owner(config.vault_owner.clone())
        .set_if_none_match(if_none_match)
        .set_if_match(if_match)
        .server_side_encryption(algorithm)
        .set_ssekms_key_id(key_id)
        .set_bucket_key_enabled(bucket_key)
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .metadata_directive(MetadataDirective::Replace)
        .metadata(SLOT, slot.to_string())
        .customize()
        .config_override(patient())
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        // A 404 is not taken for a conflict: it could be about what is read or about what is
        // replaced.
        Err(error) if status(&error) == Some(412) => return Ok(Written::Conflict),
        Err(error) => return Err(fault(DURING, to, error)),
    };
    encryption::confirm(
        DURING,
        to,
        answer.server_side_encryption(),
        answer.ssekms_key_id(),
        asked,
    )?;
    let etag = answer.copy_object_result().and_then(|result| result.e_tag()).unwrap_or_default();
    Ok(Written::New(etag.to_owned()))
}
