//! Buckets of any store that speaks S3: AWS's own, MinIO, or another. What is on AWS is asked over the
//! connections of the vault; any other store over connections that believe what the plan says.

mod over_web;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Artifacts;
use warmspare_decide::inventory::{Listed, Page, etag};
use warmspare_decide::plan::Store;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::{code, fault};
use crate::secrets;
use crate::vault::ObjectBody;
use over_web::OverWeb;

/// S3's own limit (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>).
const PAGE_OBJECTS: i32 = 1_000;
/// What MinIO takes requests to be signed for when it was not told another Region.
const REGION_OF_OTHERS: &str = "us-east-1";
const LISTING: &str = "listing";
const READING: &str = "reading the artifact";
/// The status of an answer that is the whole object.
const WHOLE: u16 = 200;

/// What opens a store.
#[derive(Deserialize)]
struct AccessKey {
    access_key_id: String,
    secret_access_key: String,
}

impl Artifacts for Live {
    type Artifact = ObjectBody;

    async fn page(&self, store: &Store, after: Option<&str>) -> Result<Page, Fault> {
        Box::pin(page(self, store, after)).await
    }

    async fn open_artifact(
        &self,
        store: &Store,
        key: &str,
    ) -> Result<Seen<(Listed, ObjectBody)>, Fault> {
        Box::pin(open(self, store, key)).await
    }
}

/// Keys may hold what XML cannot, so they are asked for in the encoding of addresses.
async fn page(live: &Live, store: &Store, after: Option<&str>) -> Result<Page, Fault> {
    let prefix = Some(store.prefix.clone()).filter(|prefix| !prefix.is_empty());
    let answer = client(live, store)
        .await?
        .list_objects_v2()
        .bucket(&store.bucket)
        .set_prefix(prefix)
        .set_start_after(after.map(str::to_owned))
        .max_keys(PAGE_OBJECTS)
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .map_err(|error| fault(LISTING, &store.bucket, error))?;
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let mut objects = Vec::new();
    for object in answer.contents() {
        let key =
            object.key().and_then(|key| if is_encoded { decoded(key) } else { Some(key.into()) });
        let size = object.size().and_then(|size| u64::try_from(size).ok());
        let (Some(key), Some(tag), Some(size_bytes)) = (key, object.e_tag(), size) else {
            let why = "the store did not say the key, the ETag and the length of an object";
            return Err(Fault::new(Hope::Permanent, LISTING, &store.bucket, why));
        };
        objects.push(Listed { key, etag: etag(tag), size_bytes });
    }
    Ok(Page { objects, is_last: answer.is_truncated() != Some(true) })
}

/// As a form encodes it: a blank is a plus sign.
fn decoded(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8().ok().map(Into::into)
}

/// The answer says which object it is, so one that was written over since it was listed is read as what
/// it is now. Where the store keeps a checksum of the whole object, the SDK holds the body against it
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html>).
async fn open(live: &Live, store: &Store, key: &str) -> Result<Seen<(Listed, ObjectBody)>, Fault> {
    let said = Status::default();
    let client = client(live, store).await?;
    let request = client.get_object().bucket(&store.bucket).key(key);
    let answer = match request.customize().interceptor(said.clone()).send().await {
        Ok(answer) => answer,
        // A bucket that is gone is a 404 too, and says nothing about the key.
        Err(error) if code(&error) == Some("NoSuchKey") => return Ok(Seen::Absent),
        Err(error) => return Err(fault(READING, key, error)),
    };
    let status = said.0.load(Ordering::Relaxed);
    if status != WHOLE {
        let why = format!("it was asked for the whole of it, and answered {status}, not {WHOLE}");
        return Err(Fault::new(Hope::Retryable, READING, key, why));
    }
    let size = answer.content_length().and_then(|size| u64::try_from(size).ok());
    let (Some(tag), Some(size_bytes)) = (answer.e_tag(), size) else {
        let why = "the store did not say its ETag and its length";
        return Err(Fault::new(Hope::Permanent, READING, key, why));
    };
    let found = Listed { key: key.to_owned(), etag: etag(tag), size_bytes };
    Ok(Seen::Here((found, ObjectBody::of(READING, key, answer.body))))
}

/// The status of an answer. The SDK takes any of 200 to 299 for a success, and 206 is a part of an object,
/// whoever on the way has cut it (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>).
#[derive(Clone, Debug, Default)]
struct Status(Arc<AtomicU16>);

impl Intercept for Status {
    fn name(&self) -> &'static str {
        "Status"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(context.response().status().as_u16(), Ordering::Relaxed);
        Ok(())
    }
}

/// The client of a store, kept for the length of an invocation: a rotated secret counts from the next.
async fn client(live: &Live, store: &Store) -> Result<Client, Fault> {
    let kept =
        live.stores().borrow().iter().find(|(of, _)| of == store).map(|(_, kept)| kept.clone());
    if let Some(client) = kept {
        return Ok(client);
    }
    let client = built(live, store).await?;
    live.stores().borrow_mut().push((store.clone(), client.clone()));
    Ok(client)
}

async fn built(live: &Live, store: &Store) -> Result<Client, Fault> {
    let credentials = match &store.secret {
        Some(secret) => {
            let form = "{\"access_key_id\": …, \"secret_access_key\": …}";
            let AccessKey { access_key_id, secret_access_key } =
                secrets::read(live, secret, form).await?;
            Credentials::new(access_key_id, secret_access_key, None, None, "secret")
        }
        None => live.config().credentials.clone(),
    };
    let region = store.region.as_ref().map(|region| region.as_str());
    let Some(endpoint) = &store.endpoint else {
        let region = region.unwrap_or(live.config().region.as_str());
        return Ok(live.clients().s3_in(region, credentials));
    };
    let http = OverWeb::client(live.web().store(store.tls_pin)?);
    let region = region.unwrap_or(REGION_OF_OTHERS);
    let config = live.clients().s3_config(region, credentials);
    let config = config.http_client(http).endpoint_url(endpoint).force_path_style(true);
    Ok(Client::from_conf(config.build()))
}

#[cfg(test)]
mod tests;
