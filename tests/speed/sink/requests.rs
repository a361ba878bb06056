//! The requests that a transfer is made of. Whatever else is asked is answered with 501.

use std::collections::HashMap;

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
const KEPT: [&str; 4] = [
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-checksum-type",
    "x-amz-meta-md5chksum",
];
const CRC64NVME: &str = "x-amz-checksum-crc64nvme";

pub(super) async fn answer(
    objects: &Objects,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let query = request.uri().query().unwrap_or_default();
    let query: HashMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let key = request.uri().path().split('/').skip(2).collect::<Vec<_>>().join("/");
    let method = request.method().clone();
    objects.count(matches!(method, Method::PUT | Method::POST));
    let id = query.get("uploadId");
    Ok(match (method, id) {
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

async fn put(
    objects: &Objects,
    key: &str,
    part: Option<(String, u32)>,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let headers = request.headers().clone();
    let passed = passed(request).await?;
    if differs(&headers, passed) {
        return Ok(said(StatusCode::BAD_REQUEST, &[], "<Error><Code>BadDigest</Code></Error>"));
    }
    let is_known = match part {
        Some((id, number)) => objects.part(&id, number, passed),
        None => {
            objects.keep(key, Kept { passed, headers: kept(&headers), ..Kept::default() });
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
async fn passed(request: Request<Incoming>) -> Result<Passed, hyper::Error> {
    let is_framed = header(request.headers(), "x-amz-content-sha256")
        .is_some_and(|sum| sum.starts_with("STREAMING-"));
    let mut body = request.into_body();
    let mut frame = Chunked::default();
    let mut crc = Digest::new(CrcAlgorithm::Crc64Nvme);
    let mut length_bytes = 0;
    let mut take = |bytes: &[u8]| {
        crc.update(bytes);
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
