//! Requests are named as IAM names them, whatever the protocol.

use http::{HeaderMap, HeaderValue, Method};

use super::action::{self, Parts};
use super::call::Record;
use super::scope::Scope;
use super::*;

const CREDENTIAL: &str = "AWS4-HMAC-SHA256 Credential=ASIA1/20261121/us-west-2/s3/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=abc";

fn named(
    service: &str,
    request: &str,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> String {
    let (method, whole) = request.split_once(' ').unwrap();
    let (path, query) = whole.split_once('?').unwrap_or((whole, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_static(value));
    }
    let method: Method = method.parse().unwrap();
    action::name(service, Parts { method: &method, headers: &map, path, query, body })
}

#[test]
fn the_scope_is_read_from_the_header_and_from_a_presigned_url() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static(CREDENTIAL));
    let scope = Scope::of(&headers, "");
    assert_eq!(
        (scope.access_key.as_str(), scope.region.as_str(), scope.service.as_str()),
        ("ASIA1", "us-west-2", "s3")
    );
    let presigned = "X-Amz-Credential=test%2F20261121%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=x";
    assert_eq!(Scope::of(&HeaderMap::new(), presigned).region, "us-east-1");
    assert_eq!(Scope::of(&HeaderMap::new(), "a=b"), Scope::default());
}

#[test]
fn json_query_and_cbor_protocols_name_their_action() {
    let json = [("x-amz-target", "AWSEvents.PutEvents")];
    assert_eq!(named("events", "POST /", &json, "{}"), "PutEvents");
    let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let body = "Action=PromoteReadReplica&Version=2014-10-31&DBInstanceIdentifier=db";
    assert_eq!(named("rds", "POST /", &form, body), "PromoteReadReplica");
    let cbor = "POST /service/GraniteServiceVersion20100801/operation/PutMetricData";
    assert_eq!(named("monitoring", cbor, &[], ""), "PutMetricData");
    assert_eq!(named("sts", "GET /?Action=GetCallerIdentity", &[], ""), "GetCallerIdentity");
}

#[test]
fn a_payload_that_looks_like_a_form_is_not_one() {
    let invoke = "POST /2015-03-31/functions/probe/invocations";
    assert_eq!(named("lambda", invoke, &[], "Action=PutObject"), "Invoke");
}

#[test]
fn s3_is_named_by_method_query_and_headers() {
    let copy = [("x-amz-copy-source", "/b/k")];
    for (request, headers, action) in [
        ("PUT /b/k?x-id=PutObject", &[][..], "PutObject"),
        ("PUT /b/k", &copy[..], "CopyObject"),
        ("PUT /b/k?partNumber=2&uploadId=u", &[][..], "UploadPart"),
        ("PUT /b/k?partNumber=2&uploadId=u", &copy[..], "UploadPartCopy"),
        ("POST /b/k?uploads", &[][..], "CreateMultipartUpload"),
        ("POST /b/k?uploadId=u", &[][..], "CompleteMultipartUpload"),
        ("DELETE /b/k?uploadId=u", &[][..], "AbortMultipartUpload"),
        ("DELETE /b/k", &[][..], "DeleteObject"),
        ("HEAD /b/k", &[][..], "HeadObject"),
        ("GET /b/k?x-id=GetObject", &[][..], "GetObject"),
        ("GET /b/k?attributes", &[][..], "GetObjectAttributes"),
        ("GET /b?list-type=2&prefix=a%2Fb", &[][..], "ListObjectsV2"),
        ("GET /b/?list-type=2", &[][..], "ListObjectsV2"),
        ("GET /b?versions", &[][..], "ListObjectVersions"),
        ("POST /b?delete", &[][..], "DeleteObjects"),
        ("PUT /b", &[][..], "CreateBucket"),
        ("PUT /b?versioning", &[][..], "PutBucketVersioning"),
        ("HEAD /b", &[][..], "HeadBucket"),
        ("GET /", &[][..], "ListBuckets"),
    ] {
        assert_eq!(named("s3", request, headers, ""), action, "{request}");
    }
}

#[test]
fn route53_is_named_by_method_and_path() {
    for (request, action) in [
        ("POST /2013-04-01/hostedzone/Z1/rrset/", "ChangeResourceRecordSets"),
        ("GET /2013-04-01/hostedzone/Z1/rrset?name=a", "ListResourceRecordSets"),
        ("GET /2013-04-01/change/C1", "GetChange"),
        ("GET /2013-04-01/hostedzone/Z1", "GetHostedZone"),
        ("GET /2013-04-01/hostedzone", "ListHostedZones"),
    ] {
        assert_eq!(named("route53", request, &[], ""), action, "{request}");
    }
    assert_eq!(
        named("route53", "GET /2013-04-01/geolocation", &[], ""),
        "GET /2013-04-01/geolocation"
    );
}

fn a_call(service: &str, path: &str) -> Call {
    Call {
        number: 0,
        at: std::time::UNIX_EPOCH,
        region: "us-east-1".to_owned(),
        service: service.to_owned(),
        action: "GetObject".to_owned(),
        path: path.to_owned(),
        said: "Action=PromoteReadReplica&DBInstanceIdentifier=db".to_owned(),
        access_key: "ASIA1".to_owned(),
        caller: ([127, 0, 0, 1], 40_000).into(),
        status: None,
        fault: None,
    }
}

#[test]
fn a_match_needs_every_field_that_is_filled() {
    let call = a_call("s3", "/vault/backups/controller/2026%3D1");
    assert!(Match::any().means(&call));
    assert!(
        Match::any()
            .region("us-east-1")
            .service("s3")
            .key_contains("controller/2026=1")
            .means(&call)
    );
    assert!(Match::any().key_contains("Identifier=db").means(&call));
    assert!(!Match::any().region("us-west-2").means(&call));
    assert!(!Match::any().action("PutObject").means(&call));
    assert!(!Match::any().access_key("AKIA2").means(&call));
    assert!(!Match::any().key_contains("receipts/").means(&call));
}

#[test]
fn the_loss_of_a_region_can_spare_what_only_signs_for_it() {
    let lost = Match::any().region("us-east-1").sparing("route53");
    assert!(lost.means(&a_call("rds", "/")));
    assert!(!lost.means(&a_call("route53", "/")));
}

#[test]
fn the_record_forgets_the_oldest_and_still_finds_the_rest() {
    let mut record = Record::default();
    for _ in 0..100_001 {
        record.add(&mut a_call("s3", "/"));
    }
    record.answered(0, Some(500), None);
    record.answered(100_000, Some(200), Some("held after"));
    let calls = record.meant_by(&Match::any());
    assert_eq!((calls.len(), calls.first().unwrap().number), (100_000, 1));
    let last = calls.last().unwrap();
    assert_eq!((last.number, last.status, last.fault), (100_000, Some(200), Some("held after")));
    assert_eq!(calls.iter().filter(|call| call.status.is_some()).count(), 1);
}

#[test]
fn the_past_of_a_service_is_moved_and_nothing_else() {
    let xml = "<L><At>2026-11-21T12:00:00.000Z</At><Key>At</Key><At>never</At><At>2026-11-21T00:30:00Z</At></L>";
    let moved = text::dated_back(xml, "At", jiff::SignedDuration::from_hours(1));
    assert_eq!(
        moved,
        "<L><At>2026-11-21T11:00:00Z</At><Key>At</Key><At>never</At><At>2026-11-20T23:30:00Z</At></L>"
    );
    assert_eq!(text::dated_back("<L/>", "At", jiff::SignedDuration::from_hours(1)), "<L/>");
}
