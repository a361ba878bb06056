use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::sync::oneshot;
use warmspare_act::fault::Hope;
use warmspare_decide::encryption::{Encryption, Own};
use warmspare_decide::name::KeyArn;

use super::*;
use crate::replay::{KEY, OTHER_KEY, Pieces, Sent, Wire, live_over, s3_error};

const OBJECT: &str = "backups/controller/2026-11-21T00-00-00Z/config";
/// CRC-64/NVME of "123456789", of its first eight bytes, and of its ninth.
const WHOLE: &str = "rosUhgp5mIg=";
const BEGUN: &str =
    "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";
const COMPLETED: &str =
    "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>";

fn encrypted(key_arn: &str) -> [(&'static str, &str); 3] {
    [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", key_arn),
        ("x-amz-version-id", "v1"),
    ]
}

fn held<'a>(length: &'a str, crc64nvme: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut headers = encrypted(KEY).to_vec();
    headers.push(("content-length", length));
    headers.push(("x-amz-checksum-crc64nvme", crc64nvme));
    headers.push(("x-amz-checksum-type", "FULL_OBJECT"));
    headers
}

/// An upload that was begun and has sent its two parts.
fn two_parts_sent() -> Wire {
    Wire::default().with(200, &encrypted(KEY), BEGUN).with(200, &[("etag", "\"p1\"")], "").with(
        200,
        &[("etag", "\"p2\"")],
        "",
    )
}

async fn stored(wire: &Wire, pieces: Pieces) -> Result<Uploaded, Fault> {
    let asked = Encryption::Key(KeyArn::parse(KEY).unwrap()).into();
    let target = Target { key: OBJECT, asked: &asked, mark: None };
    Box::pin(upload(&wire.live(), target, &mut Measured::new(pieces))).await
}

fn nine_bytes() -> Pieces {
    Pieces::of(&["1234", "56789"])
}

fn new_with(crc64nvme: &str, uploaded: Uploaded) {
    let Uploaded::New { version_id, sums } = uploaded else { panic!("{uploaded:?}") };
    assert_eq!((version_id.as_str(), sums.crc64nvme.as_str()), ("v1", crc64nvme));
}

fn shown(sent: &[Sent]) -> Vec<String> {
    let place = format!("https://warmspare-vault.s3.us-west-2.amazonaws.com/{OBJECT}");
    sent.iter().map(|sent| sent.line.replace(&place, "").replace("&x-id=UploadPart", "")).collect()
}

#[tokio::test]
async fn what_fits_into_one_part_is_one_request() {
    let wire = Wire::default().with(200, &encrypted(KEY), "");
    let uploaded = stored(&wire, Pieces::of(&["1234", "5678"])).await.unwrap();
    let sent = wire.only();
    let crc64nvme = sent.header("x-amz-checksum-crc64nvme").unwrap();
    new_with(crc64nvme, uploaded);
    assert_eq!(sent.body, "12345678");
    assert_eq!(sent.header("if-none-match"), Some("*"));
    assert_eq!(sent.header("x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(sent.header("x-amz-server-side-encryption-aws-kms-key-id"), Some(KEY));
    assert_eq!(sent.header("x-amz-server-side-encryption-bucket-key-enabled"), Some("true"));
    assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
    assert_eq!(sent.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    assert_eq!(sent.header("x-amz-trailer"), None);
    assert_eq!(sent.header("content-length"), Some("8"));
}

#[tokio::test]
async fn an_empty_stream_is_an_empty_object() {
    let wire = Wire::default().with(200, &encrypted(KEY), "");
    new_with("AAAAAAAAAAA=", stored(&wire, Pieces::of(&[])).await.unwrap());
    assert_eq!(wire.only().body, "");
}

#[tokio::test]
async fn a_key_that_is_taken_stays_as_it_is() {
    let wire = Wire::default().says(412, s3_error("PreconditionFailed", ""));
    assert_eq!(stored(&wire, Pieces::of(&["a"])).await.unwrap(), Uploaded::Exists);
}

#[tokio::test]
async fn a_200_with_another_key_is_a_fault() {
    let wire = Wire::default().with(200, &encrypted(OTHER_KEY), "");
    let fault = stored(&wire, Pieces::of(&["a"])).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.why.contains(OTHER_KEY) && fault.why.contains(KEY), "{fault}");
}

/// FA15: never more than a part of it is held, however long it is.
#[tokio::test]
async fn a_longer_stream_is_sent_in_parts_and_looked_at_afterwards() {
    let wire = two_parts_sent().with(200, &[("x-amz-version-id", "v1")], COMPLETED).with(
        200,
        &held("9", WHOLE),
        "",
    );
    new_with(WHOLE, stored(&wire, nine_bytes()).await.unwrap());
    let sent = wire.sent();
    assert_eq!(
        shown(&sent),
        [
            "POST ?uploads",
            "PUT ?x-id=UploadPart&partNumber=1&uploadId=u1",
            "PUT ?x-id=UploadPart&partNumber=2&uploadId=u1",
            "POST ?uploadId=u1",
            "HEAD ?versionId=v1",
        ]
    );
    assert_eq!(sent[0].header("x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(sent[0].header("x-amz-server-side-encryption-aws-kms-key-id"), Some(KEY));
    assert_eq!(sent[0].header("x-amz-server-side-encryption-bucket-key-enabled"), Some("true"));
    assert_eq!(sent[0].header("x-amz-checksum-algorithm"), Some("CRC64NVME"));
    assert_eq!(sent[0].header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    for (sent, body) in [(&sent[1], "12345678"), (&sent[2], "9")] {
        assert_eq!(sent.body, body);
        assert!(sent.header("x-amz-checksum-crc64nvme").is_some());
        assert_eq!(sent.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
        assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
    }
    assert_ne!(
        sent[1].header("x-amz-checksum-crc64nvme"),
        sent[2].header("x-amz-checksum-crc64nvme")
    );
    assert_eq!(sent[3].header("if-none-match"), Some("*"));
    assert_eq!(sent[3].header("x-amz-checksum-crc64nvme"), Some(WHOLE));
    assert_eq!(sent[3].header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(sent[3].header("x-amz-mp-object-size"), Some("9"));
    assert!(sent[3].body.contains("<ETag>&quot;p2&quot;</ETag>"), "{}", sent[3].body);
    assert!(sent[3].body.contains("<PartNumber>2</PartNumber>"), "{}", sent[3].body);
}

#[tokio::test]
async fn an_upload_that_was_begun_with_another_key_is_aborted_before_a_byte_is_sent() {
    let wire = Wire::default().with(200, &encrypted(OTHER_KEY), BEGUN).says(204, "");
    let fault = stored(&wire, nine_bytes()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert_eq!(shown(&wire.sent())[1..], ["DELETE ?x-id=AbortMultipartUpload&uploadId=u1"]);
}

#[tokio::test]
async fn a_stream_that_breaks_off_leaves_nothing() {
    let wire = Wire::default()
        .with(200, &encrypted(KEY), BEGUN)
        .with(200, &[("etag", "\"p1\"")], "")
        .says(204, "");
    let broken = Fault::new(Hope::Retryable, "reading the source", "db", "pg_dump ended with 1");
    let fault = stored(&wire, Pieces::of(&["123456789"]).then(broken)).await.unwrap_err();
    assert_eq!(fault.why, "pg_dump ended with 1");
    let sent = shown(&wire.sent());
    assert_eq!(sent.last().unwrap(), "DELETE ?x-id=AbortMultipartUpload&uploadId=u1");
    assert!(!sent.contains(&"POST ?uploadId=u1".to_owned()), "{sent:?}");
    // And before the first part is full, nothing is even begun.
    let wire = Wire::default();
    let broken = Fault::new(Hope::Retryable, "reading the source", "db", "pg_dump ended with 1");
    stored(&wire, Pieces::of(&["1234"]).then(broken)).await.unwrap_err();
    assert!(wire.sent().is_empty());
}

/// FB3: the answers of the parts may come in any order, so what is told is told to all of them.
#[tokio::test]
async fn a_part_that_fails_once_is_sent_again() {
    let failed = s3_error("InternalError", "We encountered an internal error. Please try again.");
    let wire = Wire::default()
        .with(200, &encrypted(KEY), BEGUN)
        .says(500, failed)
        .with(200, &[("etag", "\"p\"")], "")
        .with(200, &[("etag", "\"p\"")], "")
        .with(200, &[("x-amz-version-id", "v1")], COMPLETED)
        .with(200, &held("9", WHOLE), "");
    new_with(WHOLE, stored(&wire, nine_bytes()).await.unwrap());
    let sent = wire.sent();
    let bodies = |of: &str| sent.iter().filter(|sent| sent.body == of).count();
    assert_eq!((bodies("12345678"), bodies("9")), (2, 1));
    let completed = &sent[4].body;
    let (first, last) = (completed.find("<PartNumber>1<"), completed.find("<PartNumber>2<"));
    assert!(first.unwrap() < last.unwrap(), "{completed}");
}

/// FB3.
#[tokio::test]
async fn a_part_that_fails_again_and_again_ends_the_upload() {
    let failed = s3_error("SlowDown", "Please reduce your request rate.");
    let wire = Wire::default()
        .with(200, &encrypted(KEY), BEGUN)
        .keeps_saying(3, 503, failed)
        .says(204, "");
    // The second part never comes, so that the first alone is on its way.
    let fault = stored(&wire, Pieces::of(&["123456789"]).then_nothing()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(fault.why.contains("SlowDown"), "{fault}");
    assert_eq!(
        shown(&wire.sent()).last().unwrap(),
        "DELETE ?x-id=AbortMultipartUpload&uploadId=u1"
    );
}

#[tokio::test]
async fn parts_are_sent_side_by_side_and_completed_in_their_order() {
    let wire = Crossed::default();
    let live = live_over(SharedHttpClient::new(wire.clone()));
    let asked = Encryption::Key(KeyArn::parse(KEY).unwrap()).into();
    let target = Target { key: OBJECT, asked: &asked, mark: None };
    let mut stream = Measured::new(Pieces::of(&["12345678"; 9]));
    let fault = Box::pin(upload(&live, target, &mut stream)).await.unwrap_err();
    // It has no answer to a HEAD.
    assert_eq!(fault.during, "looking at");
    let seen = wire.0.lock().unwrap();
    assert_eq!(seen.waiting_max, 4);
    let places: Vec<usize> = (1..=9)
        .map(|number| seen.completed.find(&format!("<PartNumber>{number}</PartNumber>")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{}", seen.completed);
    assert!(seen.completed.contains("<ETag>&quot;p7&quot;</ETag>"), "{}", seen.completed);
}

/// An S3 that answers parts four at a time, the last first.
#[derive(Clone, Debug, Default)]
struct Crossed(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    waiting: Vec<(String, oneshot::Sender<HttpResponse>)>,
    waiting_max: usize,
    completed: String,
}

impl HttpConnector for Crossed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut seen = self.0.lock().unwrap();
        let uri = request.uri().to_owned();
        let answer = |status: u16, body: &'static str| {
            let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
            for (name, value) in encrypted(KEY) {
                answer.headers_mut().insert(name, value.to_owned());
            }
            answer
        };
        if uri.ends_with("?uploads") {
            return HttpConnectorFuture::ready(Ok(answer(200, BEGUN)));
        }
        let Some((_, number)) = uri.split_once("partNumber=") else {
            if request.method() == "POST" {
                let body = request.body().bytes().unwrap();
                seen.completed = String::from_utf8_lossy(body).into_owned();
                return HttpConnectorFuture::ready(Ok(answer(200, COMPLETED)));
            }
            return HttpConnectorFuture::ready(Ok(answer(403, "")));
        };
        let number = number.split('&').next().unwrap().to_owned();
        let (tell, told) = oneshot::channel();
        seen.waiting.push((number.clone(), tell));
        seen.waiting_max = seen.waiting_max.max(seen.waiting.len());
        if seen.waiting.len() == 4 || number == "9" {
            while let Some((number, tell)) = seen.waiting.pop() {
                let mut answer = answer(200, "");
                answer.headers_mut().insert("etag", format!("\"p{number}\""));
                tell.send(answer).unwrap();
            }
        }
        HttpConnectorFuture::new(async move { Ok(told.await.unwrap()) })
    }
}

impl HttpClient for Crossed {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[tokio::test]
async fn what_is_longer_than_can_be_sent_is_not_begun() {
    let wire = Wire::default();
    let stream = Pieces::of(&["1"]).saying(10_000 * 32 * 1024 * 1024 + 1);
    let fault = stored(&wire, stream).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.why.starts_with("it has 335544320001 bytes, and 335544320000 are"), "{fault}");
    assert!(wire.sent().is_empty());
}

#[tokio::test]
async fn a_part_that_fails_for_good_ends_the_upload() {
    let body =
        s3_error("BadDigest", "The CRC64NVME you specified did not match the calculated checksum.");
    let wire = Wire::default().with(200, &encrypted(KEY), BEGUN).says(400, body).says(204, "");
    let fault = stored(&wire, nine_bytes()).await.unwrap_err();
    assert!(fault.why.starts_with("it answered BadDigest: "), "{fault}");
    assert!(shown(&wire.sent())[2].starts_with("DELETE "));
}

/// FB4: S3 can say 200, and then that it failed.
#[tokio::test]
async fn a_completion_that_failed_after_its_200_is_decided_by_what_s3_holds() {
    let failed = s3_error("InternalError", "We encountered an internal error. Please try again.");
    let again = || two_parts_sent().keeps_saying(3, 200, failed.clone());
    let wire = again().with(200, &held("9", WHOLE), "").with(200, &held("9", WHOLE), "");
    new_with(WHOLE, stored(&wire, nine_bytes()).await.unwrap());
    wire.sent();

    let wire = again().says(404, "").says(204, "");
    let fault = stored(&wire, nine_bytes()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(fault.why.contains("InternalError"), "{fault}");
    assert!(shown(&wire.sent()).last().unwrap().starts_with("DELETE "));
}

/// FB4: the first try worked and its answer was lost; the second is told that there is no such upload.
#[tokio::test]
async fn a_lost_answer_to_the_completion_is_not_a_failure() {
    let gone = s3_error("NoSuchUpload", "The specified upload does not exist.");
    let wire = two_parts_sent()
        .loses_the_answer()
        .says(404, gone)
        .with(200, &held("9", WHOLE), "")
        .with(200, &held("9", WHOLE), "");
    new_with(WHOLE, stored(&wire, nine_bytes()).await.unwrap());
    wire.sent();
}

/// The same answers, and somebody else's object.
#[tokio::test]
async fn what_s3_holds_is_not_ours_when_its_checksum_is_another() {
    let gone = Bytes::from(s3_error("NoSuchUpload", ""));
    let wire = two_parts_sent()
        .says(404, gone.clone())
        .with(200, &held("9", "AAAAAAAAAAA="), "")
        .says(404, gone);
    assert_eq!(stored(&wire, nine_bytes()).await.unwrap(), Uploaded::Exists);
}

#[tokio::test]
async fn a_key_that_was_taken_meanwhile_stays_as_it_is() {
    let wire = two_parts_sent().says(412, s3_error("PreconditionFailed", "")).says(204, "");
    assert_eq!(stored(&wire, nine_bytes()).await.unwrap(), Uploaded::Exists);
    assert!(shown(&wire.sent()).last().unwrap().starts_with("DELETE "));
}

#[tokio::test]
async fn a_completion_that_s3_holds_otherwise_is_a_fault() {
    let complete = || two_parts_sent().with(200, &[("x-amz-version-id", "v1")], COMPLETED);
    let wire = complete().with(200, &held("8", WHOLE), "");
    let fault = stored(&wire, nine_bytes()).await.unwrap_err();
    assert_eq!(
        fault.why,
        "S3 holds 8 bytes with the checksum rosUhgp5mIg=, where 9 bytes with rosUhgp5mIg= were sent"
    );
    let mut with_other_key = held("9", WHOLE);
    with_other_key[1].1 = OTHER_KEY;
    let wire = complete().with(200, &with_other_key, "");
    let fault = stored(&wire, nine_bytes()).await.unwrap_err();
    assert!(fault.why.contains(OTHER_KEY), "{fault}");
}

/// A16, FB6: under keys of S3's own no key is named, and the vault's default, which is its key, does not
/// pass for them.
#[tokio::test]
async fn keys_of_s3s_own_are_asked_for_by_name_and_held_to() {
    for own in [Own::None, Own::Aes256] {
        let asked = Encryption::Own(own).into();
        let target = Target { key: OBJECT, asked: &asked, mark: None };
        let own = [("x-amz-server-side-encryption", "AES256"), ("x-amz-version-id", "v1")];
        let wire = Wire::default().with(200, &own, "");
        let mut stream = Measured::new(Pieces::of(&["1234"]));
        Box::pin(upload(&wire.live(), target, &mut stream)).await.unwrap();
        let sent = wire.only();
        assert_eq!(sent.header("x-amz-server-side-encryption"), Some("AES256"));
        assert_eq!(sent.header("x-amz-server-side-encryption-aws-kms-key-id"), None);
        assert_eq!(sent.header("x-amz-server-side-encryption-bucket-key-enabled"), None);
        let wire = Wire::default().with(200, &encrypted(KEY), "");
        let mut stream = Measured::new(Pieces::of(&["1234"]));
        let fault = Box::pin(upload(&wire.live(), target, &mut stream)).await.unwrap_err();
        assert!(fault.to_string().ends_with("with aws:kms, where AES256 was asked"), "{fault}");
    }
}
