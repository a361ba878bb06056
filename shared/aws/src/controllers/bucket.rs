//! The bucket that a controller writes to, in its own Region. What is there is whole: S3 shows
//! nothing of an object before all of it has arrived
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>).

use aws_sdk_s3::types::{ChecksumMode, Object};
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::aviatrix::{Listing, Written};
use warmspare_decide::plan::Controller;

use crate::fault::{fault, status};
use crate::vault::{AnswerTime, ObjectBody, timestamp};
use crate::{Live, clock};

/// A bucket with more pages of files than this is none of a controller.
const PAGES_MAX: usize = 50;

/// Every object that could be a file of the controller, and S3's time when that was asked first.
pub(super) async fn written(live: &Live, controller: &Controller) -> Result<Listing, Fault> {
    const DURING: &str = "listing the bucket of the controller";
    let subject = format!("s3://{}/{}", controller.bucket, controller.files());
    let s3 = live.clients().s3_at(controller.region.as_str());
    let (mut files, mut at, mut token) = (Vec::new(), None, None);
    for _page in 0..PAGES_MAX {
        let answered = AnswerTime::default();
        let page = s3
            .list_objects_v2()
            .bucket(&controller.bucket)
            .prefix(controller.files())
            .set_continuation_token(token)
            .set_expected_bucket_owner(owner(live, controller))
            .customize()
            .interceptor(answered.clone())
            .send()
            .await
            .map_err(|error| fault(DURING, &subject, error))?;
        let page_at = answered.at().unwrap_or_else(clock::now);
        for object in page.contents() {
            files.push(file(object).ok_or_else(|| {
                let why = "S3 did not say the key, the ETag, the length and the date of an object";
                Fault::new(Hope::Permanent, DURING, &subject, why)
            })?);
        }
        let at = *at.get_or_insert(page_at);
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            return Ok(Listing { files, at });
        }
    }
    let why = format!("there are more than {PAGES_MAX} pages of objects");
    Err(Fault::new(Hope::Permanent, DURING, subject, why))
}

fn file(object: &Object) -> Option<Written> {
    Some(Written {
        key: object.key()?.to_owned(),
        etag: object.e_tag()?.to_owned(),
        size_bytes: u64::try_from(object.size()?).ok()?,
        written_at: object.last_modified().and_then(timestamp)?,
    })
}

/// Exactly the file that was listed. The SDK compares what is read with the checksum that S3 keeps of
/// it, if it is one of the whole object.
pub(super) async fn open(
    live: &Live,
    controller: &Controller,
    file: &Written,
) -> Result<ObjectBody, Fault> {
    const DURING: &str = "reading the file of the controller";
    let subject = format!("s3://{}/{}", controller.bucket, file.key);
    let answer = live
        .clients()
        .s3_at(controller.region.as_str())
        .get_object()
        .bucket(&controller.bucket)
        .key(&file.key)
        .if_match(&file.etag)
        .checksum_mode(ChecksumMode::Enabled)
        .set_expected_bucket_owner(owner(live, controller))
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(ObjectBody::of(DURING, &subject, answer.body)),
        Err(error) if matches!(status(&error), Some(404 | 412)) => {
            let why = "it was replaced since it was listed";
            Err(Fault::new(Hope::Retryable, DURING, subject, why))
        }
        Err(error) => Err(fault(DURING, subject, error)),
    }
}

/// A bucket whose name was given up can be made anew by anyone: whose it has to be is said.
fn owner(live: &Live, controller: &Controller) -> Option<String> {
    controller.owner.clone().or_else(|| live.config().vault_owner.clone())
}
