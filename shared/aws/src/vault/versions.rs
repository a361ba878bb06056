//! What S3 lists of the versions of objects: whether the one that an inventory means is still there, and
//! nothing was laid over it (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>).

use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::presence::{Marker, Version, Versions};

use crate::Live;
use crate::fault::fault;

const DURING: &str = "listing the versions below";

/// Delete markers are listed apart from versions: a version below one is not the latest.
pub(super) async fn versions(
    live: &Live,
    prefix: &str,
    after: Option<&Marker>,
) -> Result<Versions, Fault> {
    let answer = live
        .clients()
        .s3()
        .list_object_versions()
        .bucket(&live.config().vault_bucket)
        .prefix(prefix)
        .set_key_marker(after.map(|after| after.key.clone()))
        .set_version_id_marker(after.and_then(|after| after.version_id.clone()))
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .send()
        .await
        .map_err(|error| fault(DURING, prefix, error))?;
    let unsaid = |why: &str| Fault::new(Hope::Permanent, DURING, prefix, why);
    let mut versions = Vec::new();
    for version in answer.versions() {
        let size = version.size().and_then(|size| u64::try_from(size).ok());
        let (Some(key), Some(version_id), Some(size_bytes), Some(is_current)) =
            (version.key(), version.version_id(), size, version.is_latest())
        else {
            return Err(unsaid("S3 did not say the key, the version and the length of an object"));
        };
        let (key, version_id) = (key.to_owned(), version_id.to_owned());
        versions.push(Version { key, version_id, size_bytes, is_current });
    }
    let next = match (answer.is_truncated(), answer.next_key_marker()) {
        (Some(true), Some(key)) => {
            let version_id = answer.next_version_id_marker().map(str::to_owned);
            Some(Marker { key: key.to_owned(), version_id })
        }
        (Some(true), None) => {
            return Err(unsaid("S3 said that there are more, and not after which"));
        }
        (Some(false) | None, _) => None,
    };
    Ok(Versions { versions, next })
}

#[cfg(test)]
mod tests;
