//! Uploads in parts that were begun and not ended.

use aws_sdk_s3::types::MultipartUpload;
use warmspare_act::fault::Fault;
use warmspare_decide::sweep::Unfinished;

use super::documents::timestamp;
use crate::Live;
use crate::fault::{code, fault};

/// One page of them, which is a thousand: aborting those makes room for the next.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
pub(super) async fn list(live: &Live, prefix: &str) -> Result<Vec<Unfinished>, Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .list_multipart_uploads()
        .bucket(&config.vault_bucket)
        .prefix(prefix)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await
        .map_err(|error| fault("listing the unfinished uploads of", prefix, error))?;
    Ok(answer.uploads().iter().filter_map(begun).collect())
}

/// One of which S3 does not say what it is and since when is left to the vault's lifecycle rule.
fn begun(upload: &MultipartUpload) -> Option<Unfinished> {
    Some(Unfinished {
        key: upload.key()?.to_owned(),
        id: upload.upload_id()?.to_owned(),
        begun_at: timestamp(upload.initiated()?)?,
    })
}

/// One that is gone was aborted before, or completed.
pub(super) async fn abort(live: &Live, key: &str, id: &str) -> Result<(), Fault> {
    let config = live.config();
    let answer = live
        .clients()
        .s3()
        .abort_multipart_upload()
        .bucket(&config.vault_bucket)
        .key(key)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .upload_id(id)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("NoSuchUpload") => Ok(()),
        Err(error) => Err(fault("aborting the upload of", key, error)),
    }
}
