//! An upload in several parts. Nothing of it is visible before its completion, and the completion
//! is believed only when S3 was seen to hold what was sent.

use std::pin::pin;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, ServerSideEncryption,
};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Uploaded;
use warmspare_act::stream::Chunks;
use warmspare_decide::lock::Protection;
use warmspare_decide::manifest::Sums;
use warmspare_decide::seen::Seen;
use warmspare_decide::verify::ObjectFacts;

use super::documents::Over;
use super::parts::{Buffers, Part, Parts};
use super::upload::Target;
use super::{encryption, facts, lock, unfinished};
use crate::Live;
use crate::clients::patient;
use crate::fault::{code, fault, status};

const DURING: &str = "uploading";

/// An upload that was begun and has an id.
struct Upload<'a> {
    live: &'a Live,
    key: &'a str,
    asked: &'a Protection,
    id: String,
}

/// Sends `first` and everything that follows. On any fault, the stream's own included, the upload
/// is aborted, and nothing was ever visible.
pub(super) async fn upload<C: Chunks>(
    live: &Live,
    target: Target<'_>,
    first: Part,
    mut parts: Parts<'_, C>,
) -> Result<Uploaded, Fault> {
    let upload = Upload::begin(live, target).await?;
    match upload.send_all(first, &mut parts).await {
        Ok(sent) => upload.complete(sent, parts.stream().sums()).await,
        Err(fault) => {
            upload.abort().await;
            Err(fault)
        }
    }
}

impl<'a> Upload<'a> {
    async fn begin(live: &'a Live, target: Target<'a>) -> Result<Self, Fault> {
        let Target { key, asked, .. } = target;
        let (algorithm, key_id, bucket_key) = encryption::headers(&asked.encryption);
        let (mode, until) = lock::headers(asked.lock.as_ref());
        let answer = live
            .clients()
            .s3()
            .create_multipart_upload()
            .bucket(&live.config().vault_bucket)
            .key(key)
            .set_expected_bucket_owner(live.config().vault_owner.clone())
            .server_side_encryption(algorithm)
            .set_ssekms_key_id(key_id)
            .set_bucket_key_enabled(bucket_key)
            .set_object_lock_mode(mode)
            .set_object_lock_retain_until_date(until)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .set_metadata(target.metadata())
            .send()
            .await
            .map_err(|error| fault(DURING, key, error))?;
        let Some(id) = answer.upload_id().map(str::to_owned) else {
            return Err(Fault::new(Hope::Permanent, DURING, key, "S3 gave the upload no id"));
        };
        let upload = Self { live, key, asked, id };
        let algorithm = answer.server_side_encryption();
        match upload.confirm_encryption(algorithm, answer.ssekms_key_id()) {
            Ok(()) => Ok(upload),
            Err(fault) => {
                upload.abort().await;
                Err(fault)
            }
        }
    }

    /// Some parts are sent while the next is read: so many are in memory, whatever the length of the
    /// stream. The first fault drops the requests that are on their way.
    async fn send_all<C: Chunks>(
        &self,
        first: Part,
        parts: &mut Parts<'_, C>,
    ) -> Result<Vec<CompletedPart>, Fault> {
        let buffers = parts.buffers();
        let mut on_their_way = FuturesUnordered::new();
        let mut sent = Vec::new();
        let mut part = first;
        loop {
            let Part { is_last, concurrency, .. } = part;
            on_their_way.push(self.send(part, &buffers));
            if is_last {
                break;
            }
            part = {
                let mut next = pin!(parts.next());
                loop {
                    tokio::select! {
                        biased;
                        Some(done) = on_their_way.next() => sent.push(done?),
                        next = &mut next => break next?,
                    }
                }
            };
            while u64::try_from(on_their_way.len()).is_ok_and(|number| number >= concurrency) {
                sent.extend(on_their_way.next().await.transpose()?);
            }
        }
        while let Some(done) = on_their_way.next().await {
            sent.push(done?);
        }
        sent.sort_unstable_by_key(CompletedPart::part_number);
        Ok(sent)
    }

    async fn send(&self, part: Part, buffers: &Buffers) -> Result<CompletedPart, Fault> {
        let number = i32::try_from(part.number).ok();
        let answer = self
            .live
            .clients()
            .s3()
            .upload_part()
            .bucket(&self.live.config().vault_bucket)
            .key(self.key)
            .set_expected_bucket_owner(self.live.config().vault_owner.clone())
            .upload_id(&self.id)
            .set_part_number(number)
            .checksum_crc64_nvme(&part.crc64nvme)
            .body(ByteStream::from(part.bytes.clone()))
            .customize()
            .config_override(patient())
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| fault(DURING, self.key, error))?;
        buffers.give_back(part.bytes);
        Ok(CompletedPart::builder()
            .set_part_number(number)
            .set_e_tag(answer.e_tag().map(str::to_owned))
            .checksum_crc64_nvme(part.crc64nvme)
            .build())
    }

    async fn complete(&self, sent: Vec<CompletedPart>, sums: Sums) -> Result<Uploaded, Fault> {
        let (if_none_match, _) = Over::Nothing.headers();
        let answer = self
            .live
            .clients()
            .s3()
            .complete_multipart_upload()
            .bucket(&self.live.config().vault_bucket)
            .key(self.key)
            .set_expected_bucket_owner(self.live.config().vault_owner.clone())
            .upload_id(&self.id)
            .set_if_none_match(if_none_match)
            .checksum_type(ChecksumType::FullObject)
            .checksum_crc64_nvme(&sums.crc64nvme)
            .set_mpu_object_size(i64::try_from(sums.size_bytes).ok())
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(sent)).build())
            .customize()
            .config_override(patient())
            .send()
            .await;
        match answer {
            Ok(answer) => self.believe(answer.version_id(), sums).await,
            Err(error) if status(&error) == Some(412) => {
                self.abort().await;
                Ok(Uploaded::Exists)
            }
            Err(error) if may_have_happened(&error) => {
                self.resolve(fault(DURING, self.key, error), sums).await
            }
            Err(error) => {
                self.abort().await;
                Err(fault(DURING, self.key, error))
            }
        }
    }

    /// S3 said that it is complete: look at what it holds.
    async fn believe(&self, version_id: Option<&str>, sums: Sums) -> Result<Uploaded, Fault> {
        let wrong = |why: String| Fault::new(Hope::Permanent, DURING, self.key, why);
        match facts::facts(self.live, self.key, version_id).await? {
            Seen::Here(held) => {
                let algorithm = held.algorithm.as_deref().map(ServerSideEncryption::from);
                self.confirm_encryption(algorithm.as_ref(), held.key_arn.as_deref())?;
                if !is_same(&held, &sums) {
                    return Err(wrong(format!(
                        "S3 holds {} bytes with the checksum {}, where {} bytes with {} were sent",
                        held.size_bytes,
                        held.crc64nvme.as_deref().unwrap_or("none"),
                        sums.size_bytes,
                        sums.crc64nvme
                    )));
                }
                Ok(Uploaded::New { version_id: held.version_id, sums })
            }
            Seen::Absent => {
                Err(wrong("S3 said that it is complete, and does not hold it".to_owned()))
            }
            Seen::Unknown(why) => Err(Fault::new(Hope::Unreachable, DURING, self.key, why)),
        }
    }

    /// It is not known whether it was completed: the answer was lost, or came after an earlier try
    /// that worked. What S3 holds now decides.
    async fn resolve(&self, unclear: Fault, sums: Sums) -> Result<Uploaded, Fault> {
        match facts::facts(self.live, self.key, None).await {
            Ok(Seen::Here(held)) if is_same(&held, &sums) => {
                self.believe(Some(&held.version_id), sums).await
            }
            Ok(Seen::Here(_)) => {
                self.abort().await;
                Ok(Uploaded::Exists)
            }
            Ok(Seen::Absent | Seen::Unknown(_)) | Err(_) => {
                self.abort().await;
                Err(unclear)
            }
        }
    }

    /// Best effort: what stays is invisible, and the hourly sweep aborts it.
    async fn abort(&self) {
        if let Err(fault) = unfinished::abort(self.live, self.key, &self.id).await {
            tracing::warn!(object.key = %self.key, upload.id = %self.id, "{fault}");
        }
    }

    fn confirm_encryption(
        &self,
        algorithm: Option<&ServerSideEncryption>,
        key_arn: Option<&str>,
    ) -> Result<(), Fault> {
        encryption::confirm(DURING, self.key, algorithm, key_arn, &self.asked.encryption)
    }
}

/// No answer, an answer that S3 could not finish, or "no such upload", which is also what a second
/// try is told after a first one that worked.
fn may_have_happened(error: &SdkError<CompleteMultipartUploadError, HttpResponse>) -> bool {
    match status(error) {
        None => true,
        Some(status) => !(300..500).contains(&status) || code(error) == Some("NoSuchUpload"),
    }
}

fn is_same(held: &ObjectFacts, sums: &Sums) -> bool {
    held.size_bytes == sums.size_bytes
        && held.crc64nvme.as_deref() == Some(sums.crc64nvme.as_str())
        && held.checksum_type.as_deref() == Some(ChecksumType::FullObject.as_str())
}
