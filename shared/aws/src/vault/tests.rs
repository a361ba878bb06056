mod answers;

use jiff::Timestamp;
use warmspare_act::fault::Hope;
use warmspare_act::stream::Chunks as _;
use warmspare_decide::encryption::Own;
use warmspare_decide::name::KeyArn;

use super::*;
use crate::replay::{KEY, OTHER_KEY, Sent, VAULT_KEY, Wire, s3_error};

const ENTRY: &str = "failovers/controller/000001/000002.json";
const ENTRY_URL: &str =
    "https://warmspare-vault.s3.us-west-2.amazonaws.com/failovers/controller/000001/000002.json";
fn no_such_key() -> String {
    s3_error("NoSuchKey", "The specified key does not exist.")
}

fn precondition_failed() -> String {
    s3_error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

fn encrypted_with(key_arn: &str) -> [(&'static str, &str); 4] {
    [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", key_arn),
        ("x-amz-version-id", "v1"),
        ("etag", "\"e1\""),
    ]
}

/// What every request has that stores something.
fn asks_for_encryption(sent: &Sent, key_arn: &str) {
    assert_eq!(sent.header("x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(sent.header("x-amz-server-side-encryption-aws-kms-key-id"), Some(key_arn));
    assert_eq!(sent.header("x-amz-server-side-encryption-bucket-key-enabled"), Some("true"));
    assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
}

fn slot() -> Slot {
    Slot::parse("2026-11-21T00-00-00Z").unwrap()
}

#[tokio::test]
async fn a_document_comes_with_both_times_by_s3s_own_clock() {
    let wire = Wire::default().with(
        200,
        &[
            ("date", "Sat, 21 Nov 2026 11:30:45 GMT"),
            ("last-modified", "Sat, 21 Nov 2026 11:30:00 GMT"),
            ("etag", "\"e1\""),
            ("x-amz-version-id", "v1"),
        ],
        "{}",
    );
    let Seen::Here(document) = wire.live().read(ENTRY).await.unwrap() else { panic!() };
    assert_eq!(document.body, Bytes::from_static(b"{}"));
    assert_eq!(document.etag, "\"e1\"");
    assert_eq!(document.version_id, "v1");
    assert_eq!(document.written_at, "2026-11-21T11:30:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(document.read_at, "2026-11-21T11:30:45Z".parse::<Timestamp>().unwrap());
    let sent = wire.only();
    assert_eq!(sent.line, format!("GET {ENTRY_URL}?x-id=GetObject"));
    assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
}

#[tokio::test]
async fn a_missing_key_is_absent_and_a_missing_bucket_is_a_fault() {
    let wire = Wire::default().says(404, no_such_key());
    assert_eq!(wire.live().read(ENTRY).await.unwrap(), Seen::Absent);
    let wire =
        Wire::default().says(404, s3_error("NoSuchBucket", "The specified bucket does not exist"));
    let fault = wire.live().read(ENTRY).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert_eq!(
        fault.to_string(),
        format!("reading {ENTRY}: it answered NoSuchBucket: The specified bucket does not exist")
    );
}

#[tokio::test]
async fn a_document_that_is_too_long_is_not_taken() {
    let wire = Wire::default().with(
        200,
        &[("last-modified", "Sat, 21 Nov 2026 11:30:00 GMT"), ("etag", "\"e1\"")],
        vec![b' '; 1024 * 1024 + 1],
    );
    let fault = wire.live().read(ENTRY).await.unwrap_err();
    assert_eq!(fault.to_string(), format!("reading {ENTRY}: it is longer than 1048576 bytes"));
}

#[tokio::test]
async fn creating_asks_for_a_free_key_our_encryption_and_a_checksum() {
    let wire = Wire::default().with(200, &encrypted_with(VAULT_KEY), "");
    let written = wire.live().create(ENTRY, Bytes::from_static(b"123456789")).await.unwrap();
    assert_eq!(written, Written::New("\"e1\"".to_owned()));
    let sent = wire.only();
    assert_eq!(sent.line, format!("PUT {ENTRY_URL}?x-id=PutObject"));
    assert_eq!(sent.body, "123456789");
    assert_eq!(sent.header("if-none-match"), Some("*"));
    assert_eq!(sent.header("if-match"), None);
    // The check value of CRC-64/NVME is AE8B14860A799888.
    assert_eq!(sent.header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert_eq!(sent.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    asks_for_encryption(&sent, VAULT_KEY);
}

#[tokio::test]
async fn replacing_names_the_etag_that_may_be_replaced() {
    let wire = Wire::default().with(200, &encrypted_with(VAULT_KEY), "");
    wire.live().replace(ENTRY, "\"e0\"", Bytes::from_static(b"{}")).await.unwrap();
    let sent = wire.only();
    assert_eq!(sent.header("if-match"), Some("\"e0\""));
    assert_eq!(sent.header("if-none-match"), None);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_conflict_and_not_a_fault() {
    let wire = Wire::default().says(412, precondition_failed());
    assert_eq!(wire.live().create(ENTRY, Bytes::new()).await.unwrap(), Written::Conflict);
    for (status, body) in [(412, precondition_failed()), (404, no_such_key())] {
        let wire = Wire::default().says(status, body);
        let written = wire.live().replace(ENTRY, "\"e0\"", Bytes::new()).await.unwrap();
        assert_eq!(written, Written::Conflict);
    }
}

/// "409 ConditionalRequestConflict": two writes met, and nobody knows yet which one stays.
#[tokio::test]
async fn two_writes_that_met_are_to_be_tried_again() {
    let body = s3_error(
        "ConditionalRequestConflict",
        "A conflicting conditional operation is currently in progress against this resource.",
    );
    let wire = Wire::default().says(409, body);
    let fault = wire.live().create(ENTRY, Bytes::new()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable, "{fault}");
    wire.only();
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let wire = Wire::default().loses_the_answer().says(412, precondition_failed());
    assert_eq!(wire.live().create(ENTRY, Bytes::new()).await.unwrap(), Written::Conflict);
    assert_eq!(wire.sent().len(), 2);
}

#[tokio::test]
async fn a_200_is_not_enough_when_the_encryption_is_another() {
    let wire = Wire::default().with(200, &encrypted_with(OTHER_KEY), "");
    let fault = wire.live().create(ENTRY, Bytes::new()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert_eq!(
        fault.to_string(),
        format!(
            "writing {ENTRY}: S3 says that it encrypted it with {OTHER_KEY}, where {VAULT_KEY} \
             was asked"
        )
    );
    let wire = Wire::default().with(200, &[("x-amz-server-side-encryption", "AES256")], "");
    let fault = wire.live().create(ENTRY, Bytes::new()).await.unwrap_err();
    assert!(fault.why.contains("encrypted it with AES256, where aws:kms was asked"), "{fault}");
    let wire = Wire::default().with(200, &[("etag", "\"e1\"")], "");
    let fault = wire.live().create(ENTRY, Bytes::new()).await.unwrap_err();
    assert!(fault.why.contains("does not say that it encrypted it"), "{fault}");
}

#[tokio::test]
async fn a_listing_goes_on_to_its_last_page() {
    let page = |key: &str, more: &str| {
        format!("<ListBucketResult><Contents><Key>{key}</Key></Contents>{more}</ListBucketResult>")
    };
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>";
    let wire = Wire::default().says(200, page("a/1", more)).says(200, page("a/2", ""));
    assert_eq!(wire.live().list("a/").await.unwrap(), ["a/1", "a/2"]);
    let sent = wire.sent();
    assert!(sent[0].line.ends_with("/?list-type=2&prefix=a%2F"), "{}", sent[0].line);
    assert!(sent[1].line.contains("continuation-token=next"), "{}", sent[1].line);
}

/// FB2: one without a date is left to the lifecycle rule; aborting what is gone is no fault.
#[tokio::test]
async fn unfinished_uploads_are_listed_with_their_dates_and_aborted_by_their_ids() {
    let upload = |id: &str, initiated: &str| {
        format!("<Upload><Key>backups/a/b</Key><UploadId>{id}</UploadId>{initiated}</Upload>")
    };
    let dated = upload("u1", "<Initiated>2026-11-21T00:00:00.000Z</Initiated>");
    let all = format!(
        "<ListMultipartUploadsResult>{dated}{}</ListMultipartUploadsResult>",
        upload("u2", "")
    );
    let wire = Wire::default()
        .says(200, all)
        .says(204, "")
        .says(404, s3_error("NoSuchUpload", "The specified upload does not exist."))
        .says(403, s3_error("AccessDenied", "Access Denied"));
    let live = wire.live();
    let [found] = live.unfinished("backups/a/").await.unwrap().try_into().unwrap();
    assert_eq!((found.key.as_str(), found.id.as_str()), ("backups/a/b", "u1"));
    assert_eq!(found.begun_at, "2026-11-21T00:00:00Z".parse::<Timestamp>().unwrap());
    live.abort(&found).await.unwrap();
    live.abort(&found).await.unwrap();
    let fault = live.abort(&found).await.unwrap_err();
    let said = "aborting the upload of backups/a/b: it answered AccessDenied: Access Denied";
    assert_eq!(fault.to_string(), said);
    let sent = wire.sent();
    assert!(sent[0].line.ends_with("/?uploads&prefix=backups%2Fa%2F"), "{}", sent[0].line);
    assert!(sent[1].line.starts_with("DELETE ") && sent[1].line.ends_with("uploadId=u1"));
    assert!(sent.iter().all(|it| it.header("x-amz-expected-bucket-owner").is_some()));
}

#[tokio::test]
async fn facts_are_what_s3_says_of_one_version() {
    let mut headers = encrypted_with(KEY).to_vec();
    headers.extend([
        ("content-length", "9"),
        ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
        ("x-amz-checksum-type", "FULL_OBJECT"),
        ("x-amz-meta-warmspare-slot", "2026-11-21T00-00-00Z"),
    ]);
    let wire = Wire::default().with(200, &headers, "");
    let Seen::Here(facts) = wire.live().facts("a/b", Some("v1")).await.unwrap() else { panic!() };
    assert_eq!(
        facts,
        ObjectFacts {
            version_id: "v1".to_owned(),
            etag: "\"e1\"".to_owned(),
            size_bytes: 9,
            algorithm: Some("aws:kms".to_owned()),
            key_arn: Some(KEY.to_owned()),
            crc64nvme: Some("rosUhgp5mIg=".to_owned()),
            checksum_type: Some("FULL_OBJECT".to_owned()),
            slot: Some("2026-11-21T00-00-00Z".to_owned()),
            written_at: None,
            mark: None,
            lock: None,
        }
    );
    let sent = wire.only();
    assert!(sent.line.starts_with("HEAD ") && sent.line.contains("/a/b?versionId=v1"));
    assert_eq!(sent.header("x-amz-checksum-mode"), Some("ENABLED"));
    let wire = Wire::default().says(404, "");
    assert_eq!(wire.live().facts("a/b", None).await.unwrap(), Seen::Absent);
}

#[tokio::test]
async fn a_copy_names_the_version_the_condition_the_key_and_the_slot() {
    let body = "<CopyObjectResult><ETag>\"e2\"</ETag></CopyObjectResult>";
    let wire = Wire::default().with(200, &encrypted_with(KEY), body);
    let asked = Encryption::Key(KeyArn::parse(KEY).unwrap());
    let written = wire
        .live()
        .copy(("backups/c/s/config file", "v+1"), "backups/c/latest/config", None, &asked, slot())
        .await
        .unwrap();
    assert_eq!(written, Written::New("\"e2\"".to_owned()));
    let sent = wire.only();
    assert_eq!(
        sent.header("x-amz-copy-source"),
        Some("warmspare-vault/backups/c/s/config%20file?versionId=v%2B1")
    );
    assert_eq!(sent.header("if-none-match"), Some("*"));
    assert_eq!(sent.header("x-amz-metadata-directive"), Some("REPLACE"));
    assert_eq!(sent.header("x-amz-meta-warmspare-slot"), Some("2026-11-21T00-00-00Z"));
    assert_eq!(sent.header("x-amz-checksum-algorithm"), Some("CRC64NVME"));
    assert_eq!(sent.header("x-amz-source-expected-bucket-owner"), Some("123456789012"));
    asks_for_encryption(&sent, KEY);

    let wire = Wire::default().says(412, precondition_failed());
    let written = wire.live().copy(("a", "v1"), "b", Some("\"e1\""), &asked, slot()).await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(wire.only().header("if-match"), Some("\"e1\""));
}

/// A16: the copy is encrypted as what it is a copy of.
#[tokio::test]
async fn a_copy_under_keys_of_s3s_own_names_no_key() {
    let body = "<CopyObjectResult><ETag>\"e2\"</ETag></CopyObjectResult>";
    let wire = Wire::default().with(200, &[("x-amz-server-side-encryption", "AES256")], body);
    let asked = Encryption::Own(Own::Aes256);
    wire.live().copy(("a", "v1"), "b", None, &asked, slot()).await.unwrap();
    let sent = wire.only();
    assert_eq!(sent.header("x-amz-server-side-encryption"), Some("AES256"));
    assert_eq!(sent.header("x-amz-server-side-encryption-aws-kms-key-id"), None);
}

/// S3 answers a copy with 200 before it has copied, and can still fail.
#[tokio::test]
async fn a_copy_that_failed_after_its_200_is_a_fault() {
    let body = s3_error("InternalError", "We encountered an internal error. Please try again.");
    let wire = Wire::default().keeps_saying(3, 200, body);
    let asked = Encryption::Key(KeyArn::parse(KEY).unwrap());
    let fault = wire.live().copy(("a", "v1"), "b", None, &asked, slot()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable, "{fault}");
    assert_eq!(wire.sent().len(), 3);
}

fn role_until(expiration: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <Credentials><AccessKeyId>ASIARECOVERY</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>session-of-recovery</SessionToken><Expiration>{expiration}</Expiration>\
         </Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
}

/// A14: whoever restores gives credentials of their own, a bucket and a name.
#[tokio::test]
async fn reading_back_is_done_with_the_recovery_roles_credentials_until_they_end() {
    let wire = Wire::default()
        .says(200, role_until("2999-01-01T00:00:00Z"))
        .says(200, "123456789")
        .says(200, "");
    let live = wire.live();
    let mut body = live.read_as_recovery("a/b", "v1").await.unwrap();
    assert_eq!(body.next().await.unwrap(), Some(Bytes::from_static(b"123456789")));
    assert_eq!(body.next().await.unwrap(), None);
    live.read_as_recovery("a/c", "v2").await.unwrap();
    let sent = wire.sent();
    assert_eq!(sent[0].line, "POST https://sts.us-west-2.amazonaws.com/");
    assert!(sent[0].body.contains("Action=AssumeRole"), "{}", sent[0].body);
    assert!(sent[0].body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Frecovery"));
    for (sent, version) in [(&sent[1], "versionId=v1"), (&sent[2], "versionId=v2")] {
        assert!(sent.line.contains(version), "{}", sent.line);
        assert_eq!(sent.header("x-amz-security-token"), Some("session-of-recovery"));
        assert!(sent.header("authorization").unwrap().contains("Credential=ASIARECOVERY/"));
    }
}

#[tokio::test]
async fn credentials_that_are_about_to_end_are_not_used_again() {
    let wire = Wire::default()
        .says(200, role_until("2020-01-01T00:00:00Z"))
        .says(200, "")
        .says(200, role_until("2020-01-01T00:00:00Z"))
        .says(200, "");
    let live = wire.live();
    live.read_as_recovery("a/b", "v1").await.unwrap();
    live.read_as_recovery("a/b", "v1").await.unwrap();
    let asked = wire.sent().iter().filter(|sent| sent.body.contains("AssumeRole")).count();
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn an_object_is_also_read_back_with_the_functions_own_credentials() {
    let wire = Wire::default().says(200, "123456789");
    let mut body = wire.live().read_back("a/b", "v1").await.unwrap();
    assert_eq!(body.next().await.unwrap(), Some(Bytes::from_static(b"123456789")));
    let sent = wire.only();
    assert!(sent.line.contains("/a/b?x-id=GetObject&versionId=v1"), "{}", sent.line);
    assert!(sent.header("authorization").unwrap().contains("Credential=AKIAIOSFODNN7EXAMPLE/"));
}

#[tokio::test]
async fn without_a_recovery_role_nothing_is_read_in_its_name() {
    let wire = Wire::default();
    let mut config = crate::replay::config();
    config.recovery_role = None;
    let live = wire.live_with(config);
    let fault = live.read_as_recovery("a/b", "v1").await.unwrap_err();
    assert_eq!(fault.to_string(), "taking on the recovery role: RECOVERY_ROLE_ARN is not set");
    assert!(wire.sent().is_empty());
}

const CONFIG: &str = "backups/controller/2026-11-21T00-00-00Z/config";

fn seen() -> ObjectFacts {
    ObjectFacts {
        version_id: "v1".to_owned(),
        etag: "\"e1\"".to_owned(),
        size_bytes: 1,
        algorithm: None,
        key_arn: None,
        crc64nvme: None,
        checksum_type: None,
        slot: None,
        written_at: None,
        mark: None,
        lock: None,
    }
}

/// P6: a marker over exactly the version that was seen, which is tagged before, and never removed.
#[tokio::test]
async fn deleting_tags_the_version_and_lays_a_marker_over_exactly_that_one() {
    let wire = Wire::default().says(200, "").says(204, "");
    assert_eq!(wire.live().delete(CONFIG, &seen()).await.unwrap(), Deleted::New);
    let sent = wire.sent();
    let [tag, delete] = sent.as_slice() else { panic!("{sent:?}") };
    assert!(tag.line.starts_with("PUT ") && tag.line.contains("?tagging"), "{}", tag.line);
    assert!(tag.line.contains("versionId=v1"), "{}", tag.line);
    assert!(tag.body.contains("<Key>warmspare</Key><Value>pruned</Value>"), "{}", tag.body);
    assert!(delete.line.starts_with("DELETE ") && !delete.line.contains("versionId"));
    assert_eq!(delete.header("if-match"), Some("\"e1\""));
    for sent in [tag, delete] {
        assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
    }
}

#[tokio::test]
async fn what_is_not_what_was_seen_is_not_deleted_and_a_lock_is_no_fault() {
    for (status, body, wanted) in [
        (412, precondition_failed(), Deleted::Conflict),
        (404, no_such_key(), Deleted::Conflict),
        (403, s3_error("AccessDenied", "Access Denied"), Deleted::Denied("AccessDenied".into())),
    ] {
        let wire = Wire::default().says(200, "").says(status, body);
        assert_eq!(wire.live().delete(CONFIG, &seen()).await.unwrap(), wanted);
    }
    let wire = Wire::default().says(404, s3_error("NoSuchVersion", "It does not exist"));
    assert_eq!(wire.live().delete(CONFIG, &seen()).await.unwrap(), Deleted::Conflict);
    let wire =
        Wire::default().says(200, "").says(404, s3_error("NoSuchBucket", "It does not exist"));
    let fault = wire.live().delete(CONFIG, &seen()).await.unwrap_err();
    assert!(fault.to_string().starts_with(&format!("deleting {CONFIG}: it answered NoSuchBucket")));
}
