//! Deleting so that it can be undone: a delete marker over exactly what was seen.

use aws_sdk_s3::types::{Tag, Tagging};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Deleted;
use warmspare_decide::verify::ObjectFacts;

use crate::Live;
use crate::fault::{code, fault, status};

/// The tag by which the vault's lifecycle knows the versions that it may remove.
const TAG: (&str, &str) = ("warmspare", "pruned");

/// The tag comes first. It does nothing by itself: the lifecycle's rule is only for versions that lie
/// behind something newer, so a run that dies between the two leaves the object as it was. Without the
/// tag a version would stay for ever; with a rule for every version, what an intruder has written over
/// would go as well. The marker names no version, and so removes none: `If-Match` holds it to the one
/// that was seen. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
pub(super) async fn delete(live: &Live, key: &str, seen: &ObjectFacts) -> Result<Deleted, Fault> {
    const DURING: &str = "deleting";
    let config = live.config();
    let built = Tag::builder().key(TAG.0).value(TAG.1).build();
    let tagging =
        built.and_then(|tag| Tagging::builder().tag_set(tag).build()).map_err(|error| {
            Fault::new(Hope::Permanent, DURING, key, "its tag cannot be written").because(error)
        })?;
    let tagged = live
        .clients()
        .s3()
        .put_object_tagging()
        .bucket(&config.vault_bucket)
        .key(key)
        .version_id(&seen.version_id)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .tagging(tagging)
        .send()
        .await;
    if let Err(error) = tagged {
        return ended(status(&error), code(&error))
            .map_or_else(|| Err(fault(DURING, key, error)), Ok);
    }
    let answer = live
        .clients()
        .s3()
        .delete_object()
        .bucket(&config.vault_bucket)
        .key(key)
        .if_match(&seen.etag)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .send()
        .await;
    match answer {
        Ok(_) => Ok(Deleted::New),
        Err(error) => {
            ended(status(&error), code(&error)).map_or_else(|| Err(fault(DURING, key, error)), Ok)
        }
    }
}

/// The answers that are no faults. A bucket that is gone is a 404 too, and is one.
fn ended(status: Option<u16>, code: Option<&str>) -> Option<Deleted> {
    match (status, code) {
        (Some(412), _) | (_, Some("NoSuchKey" | "NoSuchVersion")) => Some(Deleted::Conflict),
        (Some(403), Some(code @ ("AccessDenied" | "InvalidRequest"))) => {
            Some(Deleted::Denied(code.to_owned()))
        }
        _ => None,
    }
}
