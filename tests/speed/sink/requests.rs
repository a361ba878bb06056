//! The requests that a transfer, or a backup of a bucket, is made of. Whatever else is asked is answered
//! with 501.

mod listing;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, RANGE};
use hyper::{Method, Request, Response, StatusCode};

use super::chunked::Chunked;
use super::objects::{Kept, Objects, Passed};
use super::pattern::Stretch;

type Body = Either<Full<Bytes>, Stretch>;

/// Headers that an object keeps, and gives back.
const KEPT: [&str; 3] = [
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-meta-md5chksum",
];
const CRC64NVME: &str = "x-amz-checksum-crc64nvme";
/// What the vault's small objects begin with. They are read again, so their content is kept.
const DOCUMENTS: [&str; 5] = ["backups/", "begun/", "pieces/", "plans/", "receipts/"];
const DESCRIBED_KEY: &str = r#"{"KeyMetadata":{"Arn":"arn:aws:kms:us-west-2:111122223333:key/race",
"KeyId":"race","KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT","KeySpec":"SYMMETRIC_DEFAULT"}}"#;
const DOCUMENT_BYTES_MAX: u64 = 8 << 20;

pub(super) async fn answer(
    objects: &Objects,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    later(objects.pause()).await;
    let query = request.uri().query().unwrap_or_default();
    let query: HashMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let key = request.uri().path().split('/').skip(2).collect::<Vec<_>>().join("/");
    let method = request.method().clone();
    objects.count(matches!(method, Method::PUT | Method::POST));
    let id = query.get("uploadId");
    let service = header(request.headers(), "x-amz-target").map(str::to_owned);
    Ok(match (method, id) {
        (Method::POST, None) if service.is_some() => of_service(&service.unwrap_or_default()),
        (Method::GET, None) if query.contains_key("list-type") => {
            said(StatusCode::OK, &[], &listing::of(objects, &query))
        }
        (Method::POST, None) if query.contains_key("uploads") => {
            let headers = kept(request.headers());
            let id = objects.begin(headers.clone());
            said(
                StatusCode::OK,
                &headers,
                &format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ),
            )
        }
        (Method::POST, Some(id)) => complete(objects, &key, &id.clone(), request).await?,
        (Method::PUT, id) => {
            let id = id.cloned();
            let number = query.get("partNumber").and_then(|number| number.parse().ok());
            put(objects, &key, id.zip(number), request).await?
        }
        (Method::GET, None) => get(objects, &key, request.headers()),
        (Method::HEAD, None) => head(objects, &key),
        (Method::DELETE, Some(_)) => said(StatusCode::NO_CONTENT, &[], ""),
        _ => said(StatusCode::NOT_IMPLEMENTED, &[], ""),
    })
}

/// S3 thinks before it answers.
#[expect(clippy::disallowed_methods, reason = "it is the time that passes, and not a condition")]
async fn later(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

async fn put(
    objects: &Objects,
    key: &str,
    part: Option<(String, u32)>,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let headers = request.headers().clone();
    // As S3 has it: only where there is nothing (`If-None-Match: *`).
    if header(&headers, "if-none-match").is_some() && objects.find(key).is_some() {
        passed(request, None).await?;
        let error = "<Error><Code>PreconditionFailed</Code></Error>";
        return Ok(said(StatusCode::PRECONDITION_FAILED, &[], error));
    }
    let mut body = (part.is_none() && is_document(key, &headers)).then(Vec::new);
    let passed = passed(request, body.as_mut()).await?;
    if differs(&headers, passed) {
        return Ok(said(StatusCode::BAD_REQUEST, &[], "<Error><Code>BadDigest</Code></Error>"));
    }
    let is_known = match part {
        Some((id, number)) => objects.part(&id, number, passed),
        None => {
            let (headers, body) = (kept(&headers), body.map(Bytes::from));
            objects.keep(key, Kept { passed, headers, body, ..Kept::default() });
            true
        }
    };
    if !is_known {
        return Ok(said(StatusCode::NOT_FOUND, &[], "<Error><Code>NoSuchUpload</Code></Error>"));
    }
    let mut answer = said(StatusCode::OK, &kept(&headers), "");
    set(&mut answer, ETAG.as_str(), &etag(passed));
    set(&mut answer, "x-amz-version-id", "v1");
    Ok(answer)
}

async fn complete(
    objects: &Objects,
    key: &str,
    id: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let headers = request.headers().clone();
    request.into_body().collect().await?;
    let Some(upload) = objects.complete(id) else {
        return Ok(said(StatusCode::NOT_FOUND, &[], "<Error><Code>NoSuchUpload</Code></Error>"));
    };
    let size = header(&headers, "x-amz-mp-object-size").and_then(|size| size.parse::<u64>().ok());
    if differs(&headers, upload.passed)
        || size.is_some_and(|size| size != upload.passed.length_bytes)
    {
        return Ok(said(StatusCode::BAD_REQUEST, &[], "<Error><Code>BadDigest</Code></Error>"));
    }
    let etag = etag(upload.passed).replace('"', "&quot;");
    objects.keep(key, upload);
    let mut answer = said(
        StatusCode::OK,
        &[],
        &format!(
            "<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
        ),
    );
    set(&mut answer, "x-amz-version-id", "v1");
    Ok(answer)
}

fn get(objects: &Objects, key: &str, headers: &HeaderMap) -> Response<Body> {
    let Some(kept) = objects.find(key) else {
        return said(StatusCode::NOT_FOUND, &[], "<Error><Code>NoSuchKey</Code></Error>");
    };
    let length = kept.passed.length_bytes;
    let range = header(headers, RANGE.as_str())
        .and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
        .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().unwrap_or(u64::MAX))));
    let (from, to) = range.unwrap_or((0, u64::MAX));
    let to = to.saturating_add(1).min(length);
    if let (Some(body), None) = (&kept.body, range) {
        let answer = Response::new(Either::Left(Full::new(body.clone())));
        return described(answer, &kept);
    }
    let mut answer = Response::new(Either::Right(Stretch::new(from, to)));
    if range.is_some() {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = to.saturating_sub(1);
        set(&mut answer, CONTENT_RANGE.as_str(), &format!("bytes {from}-{last}/{length}"));
    }
    described(answer, &kept)
}

fn head(objects: &Objects, key: &str) -> Response<Body> {
    let Some(kept) = objects.find(key) else { return said(StatusCode::NOT_FOUND, &[], "") };
    let mut answer = described(said(StatusCode::OK, &[], ""), &kept);
    set(&mut answer, CONTENT_LENGTH.as_str(), &kept.passed.length_bytes.to_string());
    set(&mut answer, CRC64NVME, &text(kept.passed.crc));
    // A sum of another kind is not known here.
    set(&mut answer, "x-amz-checksum-type", "FULL_OBJECT");
    answer
}

fn described(mut answer: Response<Body>, kept: &Kept) -> Response<Body> {
    for (name, value) in &kept.headers {
        set(&mut answer, name, value);
    }
    set(&mut answer, ETAG.as_str(), &etag(kept.passed));
    set(&mut answer, "x-amz-version-id", "v1");
    set(&mut answer, "last-modified", "Mon, 30 Nov 2026 00:00:00 GMT");
    answer
}

/// Reads a body to its end, without the frame that an SDK may have put around it.
async fn passed(
    request: Request<Incoming>,
    mut kept: Option<&mut Vec<u8>>,
) -> Result<Passed, hyper::Error> {
    let is_framed = header(request.headers(), "x-amz-content-sha256")
        .is_some_and(|sum| sum.starts_with("STREAMING-"));
    let mut body = request.into_body();
    let mut frame = Chunked::default();
    let mut crc = Digest::new(CrcAlgorithm::Crc64Nvme);
    let mut length_bytes = 0;
    let mut take = |bytes: &[u8]| {
        crc.update(bytes);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(bytes);
        }
        length_bytes += u64::try_from(bytes.len()).unwrap_or_default();
    };
    while let Some(piece) = body.frame().await.transpose()? {
        match piece.into_data() {
            Ok(bytes) if is_framed => frame.feed(&bytes, &mut take),
            Ok(bytes) => take(&bytes),
            Err(_) => {}
        }
    }
    Ok(Passed { length_bytes, crc: crc.finalize() })
}

fn is_document(key: &str, headers: &HeaderMap) -> bool {
    let length = header(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    DOCUMENTS.iter().any(|prefix| key.starts_with(prefix))
        && length.is_some_and(|length: u64| length <= DOCUMENT_BYTES_MAX)
}

/// What a backup asks of other services: whether the key is fit, and to tell that it is stored.
fn of_service(target: &str) -> Response<Body> {
    match target {
        "TrentService.DescribeKey" => said(StatusCode::OK, &[], DESCRIBED_KEY),
        "AWSEvents.PutEvents" => {
            said(StatusCode::OK, &[], "{\"FailedEntryCount\":0,\"Entries\":[]}")
        }
        _ => said(StatusCode::NOT_IMPLEMENTED, &[], ""),
    }
}

fn differs(headers: &HeaderMap, passed: Passed) -> bool {
    header(headers, CRC64NVME).is_some_and(|said| said != text(passed.crc))
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let found = |name: &&str| Some(((*name).to_owned(), header(headers, name)?.to_owned()));
    KEPT.iter().filter_map(found).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A CRC as S3 writes it: big-endian, in base64.
fn text(crc: u64) -> String {
    warmspare_act::stream::crc64nvme_text(crc)
}

fn etag(passed: Passed) -> String {
    format!("\"{:032x}-1\"", passed.crc)
}

fn said(status: StatusCode, headers: &[(String, String)], body: &str) -> Response<Body> {
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from(body.to_owned()))));
    *answer.status_mut() = status;
    for (name, value) in headers {
        set(&mut answer, name, value);
    }
    answer
}

fn set(answer: &mut Response<Body>, name: &str, value: &str) {
    let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, value.parse()) {
        answer.headers_mut().insert(name, value);
    }
}
