//! The name of the API action that a request asks for, as IAM and CloudTrail would write it. Enough
//! of the protocols for the services that warmspare calls; for others `METHOD path`.

use http::{HeaderMap, Method};

use super::text::query_value;

/// What of a request names its action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// The body, if it was small enough to be read.
    pub(super) body: &'a str,
}

pub(super) fn name(service: &str, parts: Parts<'_>) -> String {
    target(parts)
        .or_else(|| operation(parts))
        .or_else(|| query_value(parts.query, "Action").map(str::to_owned))
        .or_else(|| form_action(parts))
        .or_else(|| rest(service, parts).map(str::to_owned))
        .unwrap_or_else(|| format!("{} {}", parts.method, parts.path))
}

/// The JSON protocols: `X-Amz-Target: AWSEvents.PutEvents`.
fn target(parts: Parts<'_>) -> Option<String> {
    let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
    target.rsplit('.').next().map(str::to_owned)
}

/// Smithy RPC v2 CBOR, which newer SDKs use for CloudWatch: `/service/X/operation/PutMetricData`.
fn operation(parts: Parts<'_>) -> Option<String> {
    let (before, operation) = parts.path.split_once("/operation/")?;
    before.starts_with("/service/").then(|| operation.to_owned())
}

/// The query protocols: `Action=…` in a form. Not any body: a Lambda payload may hold the same
/// words.
fn form_action(parts: Parts<'_>) -> Option<String> {
    let kind = parts.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    kind.starts_with("application/x-www-form-urlencoded")
        .then(|| query_value(parts.body, "Action").map(str::to_owned))
        .flatten()
}

fn rest(service: &str, parts: Parts<'_>) -> Option<&'static str> {
    match service {
        "s3" => Some(s3(parts)),
        "route53" => route53(parts),
        "lambda" => lambda(parts),
        _ => None,
    }
}

fn s3(parts: Parts<'_>) -> &'static str {
    let mut segments = parts.path.trim_start_matches('/').splitn(2, '/');
    let bucket = segments.next().unwrap_or_default();
    let key = segments.next().unwrap_or_default();
    if bucket.is_empty() {
        "ListBuckets"
    } else if key.is_empty() {
        s3_bucket(parts)
    } else {
        s3_object(parts)
    }
}

fn s3_object(parts: Parts<'_>) -> &'static str {
    let asks = |name| query_value(parts.query, name).is_some();
    let copies = parts.headers.contains_key("x-amz-copy-source");
    match parts.method.as_str() {
        "PUT" if asks("partNumber") && copies => "UploadPartCopy",
        "PUT" if asks("partNumber") => "UploadPart",
        "PUT" if asks("tagging") => "PutObjectTagging",
        "PUT" if asks("retention") => "PutObjectRetention",
        "PUT" if asks("legal-hold") => "PutObjectLegalHold",
        "PUT" if asks("acl") => "PutObjectAcl",
        "PUT" if copies => "CopyObject",
        "PUT" => "PutObject",
        "POST" if asks("uploads") => "CreateMultipartUpload",
        "POST" if asks("uploadId") => "CompleteMultipartUpload",
        "POST" if asks("restore") => "RestoreObject",
        "POST" => "PostObject",
        "DELETE" if asks("uploadId") => "AbortMultipartUpload",
        "DELETE" if asks("tagging") => "DeleteObjectTagging",
        "DELETE" => "DeleteObject",
        "HEAD" => "HeadObject",
        _ if asks("uploadId") => "ListParts",
        _ if asks("attributes") => "GetObjectAttributes",
        _ if asks("tagging") => "GetObjectTagging",
        _ if asks("retention") => "GetObjectRetention",
        _ if asks("legal-hold") => "GetObjectLegalHold",
        _ if asks("acl") => "GetObjectAcl",
        _ => "GetObject",
    }
}

/// What a bucket can be asked for or told by a query of that name.
const S3_SUBRESOURCES: [(&str, &str, &str); 10] = [
    ("versioning", "GetBucketVersioning", "PutBucketVersioning"),
    ("encryption", "GetBucketEncryption", "PutBucketEncryption"),
    ("object-lock", "GetObjectLockConfiguration", "PutObjectLockConfiguration"),
    ("notification", "GetBucketNotificationConfiguration", "PutBucketNotificationConfiguration"),
    ("policy", "GetBucketPolicy", "PutBucketPolicy"),
    ("lifecycle", "GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration"),
    ("replication", "GetBucketReplication", "PutBucketReplication"),
    ("tagging", "GetBucketTagging", "PutBucketTagging"),
    ("publicAccessBlock", "GetPublicAccessBlock", "PutPublicAccessBlock"),
    ("location", "GetBucketLocation", "CreateBucket"),
];

fn s3_bucket(parts: Parts<'_>) -> &'static str {
    let asks = |name| query_value(parts.query, name).is_some();
    let about = S3_SUBRESOURCES.iter().find(|(name, _, _)| asks(name));
    match (parts.method.as_str(), about) {
        ("PUT", Some((_, _, put))) => put,
        ("PUT", None) => "CreateBucket",
        ("POST", _) if asks("delete") => "DeleteObjects",
        ("POST", _) => "PostObject",
        ("DELETE", None) => "DeleteBucket",
        ("DELETE", Some(_)) => "DeleteBucketConfiguration",
        ("HEAD", _) => "HeadBucket",
        (_, Some((_, get, _))) => get,
        (_, None) if asks("list-type") => "ListObjectsV2",
        (_, None) if asks("versions") => "ListObjectVersions",
        (_, None) if asks("uploads") => "ListMultipartUploads",
        (_, None) => "ListObjects",
    }
}

/// Below `/2013-04-01/`.
fn route53(parts: Parts<'_>) -> Option<&'static str> {
    let path = parts.path.trim_matches('/');
    let mut segments = path.split('/').skip(1);
    let (what, id, below) = (segments.next()?, segments.next(), segments.next());
    Some(match (parts.method.as_str(), what, id, below) {
        ("POST", "hostedzone", Some(_), Some("rrset")) => "ChangeResourceRecordSets",
        ("GET", "hostedzone", Some(_), Some("rrset")) => "ListResourceRecordSets",
        ("GET", "hostedzone", Some(_), None) => "GetHostedZone",
        ("DELETE", "hostedzone", Some(_), None) => "DeleteHostedZone",
        ("GET", "hostedzone", None, None) => "ListHostedZones",
        ("POST", "hostedzone", None, None) => "CreateHostedZone",
        ("GET", "hostedzonesbyname", None, None) => "ListHostedZonesByName",
        ("GET", "change", Some(_), None) => "GetChange",
        ("GET", "testdnsanswer", None, None) => "TestDNSAnswer",
        ("GET", "healthcheck", Some(_), None) => "GetHealthCheck",
        ("GET", "healthcheck", Some(_), Some("status")) => "GetHealthCheckStatus",
        ("POST", "healthcheck", Some(_), None) => "UpdateHealthCheck",
        ("POST", "healthcheck", None, None) => "CreateHealthCheck",
        _ => return None,
    })
}

/// Below `/2015-03-31/functions`.
fn lambda(parts: Parts<'_>) -> Option<&'static str> {
    let path = parts.path.trim_matches('/');
    let mut segments = path.split('/').skip(1);
    let (what, name, below) = (segments.next()?, segments.next(), segments.next());
    Some(match (parts.method.as_str(), what, name, below) {
        ("POST", "functions", Some(_), Some("invocations")) => "Invoke",
        ("GET", "functions", Some(_), None) => "GetFunction",
        ("GET", "functions", Some(_), Some("configuration")) => "GetFunctionConfiguration",
        ("GET", "functions", None, None) => "ListFunctions",
        ("POST", "functions", None, None) => "CreateFunction",
        ("PUT", "functions", Some(_), Some("code")) => "UpdateFunctionCode",
        ("PUT", "functions", Some(_), Some("configuration")) => "UpdateFunctionConfiguration",
        _ => return None,
    })
}
