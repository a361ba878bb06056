use warmspare_act::fault::Hope;
use warmspare_act::ports::{Locks as _, Uploaded, Vault as _, Written};
use warmspare_act::stream::Measured;
use warmspare_decide::encryption::{Encryption, Own};
use warmspare_decide::lock::Protection;
use warmspare_decide::seen::Seen;

use super::*;
use crate::replay::{Pieces, Sent, VAULT_KEY, Wire, s3_error};

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";

fn lock() -> Lock {
    Lock { mode: Mode::Compliance, until: "2026-12-22T00:00:00Z".parse().unwrap() }
}

fn asks_for_the_lock(sent: &Sent) {
    assert_eq!(sent.header(MODE), Some("COMPLIANCE"), "{}", sent.line);
    assert_eq!(sent.header(UNTIL), Some("2026-12-22T00:00:00Z"), "{}", sent.line);
}

/// In one request or in several, the lock is asked for when the object comes into being; S3 takes it only
/// with a checksum.
#[tokio::test]
async fn an_object_is_locked_when_it_is_created() {
    let encryption = Encryption::Own(Own::Aes256);
    let locked = Protection { encryption: encryption.clone(), lock: Some(lock()) };
    let own = [("x-amz-server-side-encryption", "AES256"), ("x-amz-version-id", "v1")];
    let wire = Wire::default().with(200, &own, "");
    let mut stream = Measured::new(Pieces::of(&["1234"]));
    let uploaded = wire.live().upload("a/b", &locked, &mut stream, None).await.unwrap();
    assert!(matches!(uploaded, Uploaded::New { .. }));
    let sent = wire.only();
    asks_for_the_lock(&sent);
    assert!(sent.header("x-amz-checksum-crc64nvme").is_some());

    let begun =
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    let wire = Wire::default().says(200, begun).says(204, "");
    let mut stream = Measured::new(Pieces::of(&["1234", "56789"]));
    // It does not say that it is encrypted, so it is aborted at once.
    wire.live().upload("a/b", &locked, &mut stream, None).await.unwrap_err();
    asks_for_the_lock(&wire.sent()[0]);

    let wire = Wire::default().with(200, &own, "");
    let mut stream = Measured::new(Pieces::of(&["1234"]));
    wire.live().upload("a/b", &encryption.into(), &mut stream, None).await.unwrap();
    assert_eq!((wire.only().header(MODE), wire.only().header(UNTIL)), (None, None));
}

#[tokio::test]
async fn a_small_object_is_locked_only_if_it_is_asked() {
    let said = [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", VAULT_KEY),
        ("etag", "\"e1\""),
    ];
    let wire = Wire::default().with(200, &said, "");
    let written = wire.live().create_locked("a/manifest.json", "{}".into(), &lock()).await;
    assert_eq!(written.unwrap(), Written::New("\"e1\"".to_owned()));
    let sent = wire.only();
    asks_for_the_lock(&sent);
    assert_eq!(sent.header("if-none-match"), Some("*"));
    assert!(sent.header("x-amz-checksum-crc64nvme").is_some());
    let wire = Wire::default().with(200, &said, "");
    wire.live().create("a/b.json", "{}".into()).await.unwrap();
    assert_eq!(wire.only().header(MODE), None);
}

#[tokio::test]
async fn a_lock_is_one_of_the_facts_if_s3_says_so() {
    let head = |more: &[(&'static str, &'static str)]| {
        let mut headers = vec![("content-length", "9"), ("x-amz-version-id", "v1")];
        headers.extend_from_slice(more);
        Wire::default().with(200, &headers, "")
    };
    let seen = async |wire: Wire| match wire.live().facts("a/b", None).await.unwrap() {
        Seen::Here(facts) => facts.lock,
        other @ (Seen::Absent | Seen::Unknown(_)) => panic!("{other:?}"),
    };
    let until = Some("2026-12-22T00:00:00Z".parse().unwrap());
    let both = head(&[(MODE, "GOVERNANCE"), (UNTIL, "2026-12-22T00:00:00.000Z")]);
    assert_eq!(seen(both).await, Some(Locked { mode: "GOVERNANCE".to_owned(), until }));
    let half = head(&[(MODE, "GOVERNANCE")]);
    assert_eq!(seen(half).await, Some(Locked { mode: "GOVERNANCE".to_owned(), until: None }));
    assert_eq!(seen(head(&[])).await, None);
}

/// FB7: that there is none is an answer; that nobody may look is a fault.
#[tokio::test]
async fn a_bucket_says_whether_it_can_lock() {
    let enabled = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                   </ObjectLockConfiguration>";
    let wire = Wire::default().says(200, enabled);
    assert!(wire.live().has_object_lock().await.unwrap());
    assert!(wire.only().line.contains("?object-lock"), "{}", wire.only().line);
    let none = s3_error(
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    );
    assert!(!Wire::default().says(404, none).live().has_object_lock().await.unwrap());
    let denied = Wire::default().says(403, s3_error("AccessDenied", "Access Denied"));
    let fault = denied.live().has_object_lock().await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent, "{fault}");
}
