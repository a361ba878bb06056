//! The small objects of the vault: plans, journals, manifests, receipts. Read whole, written under
//! a condition.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use bytes::{Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, checksum};
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Document, Written};
use warmspare_act::stream::crc64nvme_text;
use warmspare_decide::encryption::Encryption;
use warmspare_decide::lock::Lock;
use warmspare_decide::seen::Seen;

use super::{encryption, lock};
use crate::fault::{code, fault, innermost, status};
use crate::{Live, clock};

/// A document is small: a larger one is not what it was taken for.
const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// A listing that is longer was asked for by mistake.
pub(super) const KEYS_MAX: usize = 100_000;

/// What a write may replace.
#[derive(Clone, Copy, Debug)]
pub(super) enum Over<'a> {
    /// The key has to be free.
    Nothing,
    /// Only the object with this ETag.
    Exactly(&'a str),
}

impl Over<'_> {
    /// The two headers that say so: `If-None-Match` and `If-Match`.
    pub(super) fn headers(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Nothing => (Some("*".to_owned()), None),
            Self::Exactly(etag) => (None, Some(etag.to_owned())),
        }
    }
}

/// Whether S3 refused because the condition does not hold. Where something specific was to be
/// replaced, finding nothing says the same. A 409 does not: two writes met, and either may have
/// won.
pub(super) fn is_conflict(over: Over<'_>, status: Option<u16>, code: Option<&str>) -> bool {
    match over {
        Over::Nothing => status == Some(412),
        Over::Exactly(_) => status == Some(412) || code == Some("NoSuchKey"),
    }
}

pub(super) async fn read(live: &Live, key: &str) -> Result<Seen<Document>, Fault> {
    const DURING: &str = "reading";
    let answered = AnswerTime::default();
    let answer = live
        .clients()
        .s3()
        .get_object()
        .bucket(&live.config().vault_bucket)
        .key(key)
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .customize()
        .interceptor(answered.clone())
        .send()
        .await;
    let mut answer = match answer {
        Ok(answer) => answer,
        // A bucket that is gone is a 404 too, and says nothing about the key.
        Err(error) if code(&error) == Some("NoSuchKey") => return Ok(Seen::Absent),
        Err(error) => return Err(fault(DURING, key, error)),
    };
    let body = whole(key, std::mem::take(&mut answer.body)).await?;
    document(key, &answer, body, answered.at().unwrap_or_else(clock::now)).map(Seen::Here)
}

fn document(
    key: &str,
    answer: &GetObjectOutput,
    body: Bytes,
    read_at: Timestamp,
) -> Result<Document, Fault> {
    let missing =
        |what: &str| Fault::new(Hope::Permanent, "reading", key, format!("S3 did not say {what}"));
    Ok(Document {
        body,
        etag: answer.e_tag().ok_or_else(|| missing("its ETag"))?.to_owned(),
        version_id: answer.version_id().unwrap_or("null").to_owned(),
        written_at: answer
            .last_modified()
            .and_then(timestamp)
            .ok_or_else(|| missing("when it was written"))?,
        read_at,
    })
}

async fn whole(key: &str, mut body: ByteStream) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            let why = format!("the answer broke off: {}", innermost(&error));
            Fault::new(Hope::Unreachable, "reading", key, why).because(error)
        })?;
        if whole.len().saturating_add(piece.len()) > DOCUMENT_BYTES_MAX {
            let why = format!("it is longer than {DOCUMENT_BYTES_MAX} bytes");
            return Err(Fault::new(Hope::Permanent, "reading", key, why));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

pub(super) async fn write(
    live: &Live,
    key: &str,
    over: Over<'_>,
    body: Bytes,
    lock: Option<&Lock>,
) -> Result<Written, Fault> {
    const DURING: &str = "writing";
    let config = live.config();
    let (if_none_match, if_match) = over.headers();
    // Small objects are always under the vault's own key, whatever a plan chooses for its backups.
    let asked = Encryption::Key(config.vault_key.clone());
    let (algorithm, key_id, bucket_key) = encryption::headers(&asked);
    let (mode, until) = lock::headers(lock);
    let answer = live
        .clients()
        .s3()
        .put_object()
        .bucket(&config.vault_bucket)
        .key(key)
        .set_expected_bucket_owner(config.vault_owner.clone())
        .set_if_none_match(if_none_match)
        .set_if_match(if_match)
        .server_side_encryption(algorithm)
        .set_ssekms_key_id(key_id)
        .set_bucket_key_enabled(bucket_key)
        .set_object_lock_mode(mode)
        .set_object_lock_retain_until_date(until)
        .checksum_crc64_nvme(crc64nvme_text(checksum(CrcAlgorithm::Crc64Nvme, &body)))
        .body(ByteStream::from(body))
        .customize()
        .disable_payload_signing()
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if is_conflict(over, status(&error), code(&error)) => {
            return Ok(Written::Conflict);
        }
        Err(error) => return Err(fault(DURING, key, error)),
    };
    encryption::confirm(
        DURING,
        key,
        answer.server_side_encryption(),
        answer.ssekms_key_id(),
        &asked,
    )?;
    let etag = answer.e_tag().unwrap_or_default().to_owned();
    Ok(Written::New(etag))
}

pub(super) async fn list(live: &Live, prefix: &str) -> Result<Vec<String>, Fault> {
    const DURING: &str = "listing";
    let mut pages = live
        .clients()
        .s3()
        .list_objects_v2()
        .bucket(&live.config().vault_bucket)
        .prefix(prefix)
        .set_expected_bucket_owner(live.config().vault_owner.clone())
        .into_paginator()
        .send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| fault(DURING, prefix, error))?;
        keys.extend(page.contents().iter().filter_map(|object| object.key()).map(str::to_owned));
        if keys.len() > KEYS_MAX {
            let why = format!("there are more than {KEYS_MAX} keys");
            return Err(Fault::new(Hope::Permanent, DURING, prefix, why));
        }
    }
    Ok(keys)
}

/// An instant of S3's, if it is one that can be written down.
pub(crate) fn timestamp(instant: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(instant.as_nanos()).ok()
}

/// Takes the time of the answer from S3's own `Date` header, which the SDK reads past.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnswerTime(Arc<Mutex<Option<Timestamp>>>);

impl AnswerTime {
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.0.lock().ok().and_then(|at| *at)
    }
}

impl Intercept for AnswerTime {
    fn name(&self) -> &'static str {
        "AnswerTime"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let instant = date.and_then(|date| {
            DateTime::from_str(date, DateTimeFormat::HttpDate).ok().as_ref().and_then(timestamp)
        });
        if let Ok(mut at) = self.0.lock() {
            *at = instant;
        }
        Ok(())
    }
}
