//! What S3 can answer besides yes, by the rows of the fault matrix.

use warmspare_act::stream::Measured;

use super::*;
use crate::replay::Pieces;

const OBJECT: &str = "backups/controller/2026-11-21T00-00-00Z/config";

async fn stores(wire: &Wire) -> Result<Uploaded, Fault> {
    let mut stream = Measured::new(Pieces::of(&["1234"]));
    wire.live()
        .upload(OBJECT, &Encryption::Key(KeyArn::parse(KEY).unwrap()).into(), &mut stream, None)
        .await
}

/// FB5: a key that KMS does not lend is a fault, which names what KMS said. Each try asks for the same key:
/// nothing is ever stored in another way. Being throttled is no verdict about the key.
#[tokio::test]
async fn what_kms_refuses_is_never_stored_in_another_way() {
    let table = [
        (400, "KMS.DisabledException", Hope::Permanent),
        (400, "KMS.KMSInvalidStateException", Hope::Permanent),
        (400, "KMS.NotFoundException", Hope::Permanent),
        (403, "AccessDenied", Hope::Permanent),
        (503, "SlowDown", Hope::Retryable),
    ];
    for (status, said, hope) in table {
        let tries = if hope == Hope::Permanent { 1 } else { 3 };
        let wire = Wire::default().keeps_saying(tries, status, s3_error(said, "not with this key"));
        let fault = stores(&wire).await.unwrap_err();
        assert_eq!(fault.hope, hope, "{fault}");
        let sentence = format!("uploading {OBJECT}: it answered {said}: not with this key");
        assert_eq!(fault.to_string(), sentence);
        for sent in wire.sent() {
            asks_for_encryption(&sent, KEY);
        }
    }
}

/// FB6, FB7: a bucket whose policy refuses, one that is gone, one of another Region, one of another account.
#[tokio::test]
async fn a_bucket_that_is_not_ours_to_write_is_a_fault_that_says_which() {
    let table = [
        (403, "AccessDenied", "User is not authorized to perform s3:PutObject: explicit deny"),
        (404, "NoSuchBucket", "The specified bucket does not exist"),
        (301, "PermanentRedirect", "The bucket must be addressed by another endpoint"),
    ];
    for (status, said, why) in table {
        let wire = Wire::default().says(status, s3_error(said, why));
        let fault = stores(&wire).await.unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent, "{fault}");
        assert_eq!(fault.to_string(), format!("uploading {OBJECT}: it answered {said}: {why}"));
        // Nobody is followed elsewhere: a backup goes where it was told to.
        wire.only();
    }
}

/// FV7: there, and not to be read: in an archive, or a delete marker.
#[tokio::test]
async fn what_cannot_be_read_back_says_why() {
    let table = [
        (403, "InvalidObjectState", "The operation is not valid for the object's storage class"),
        (405, "MethodNotAllowed", "The specified method is not allowed against this resource"),
        (404, "NoSuchVersion", "The specified version does not exist"),
    ];
    for (status, said, why) in table {
        let wire = Wire::default().says(status, s3_error(said, why));
        let fault = wire.live().read_back(OBJECT, "v1").await.unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent, "{fault}");
        assert_eq!(fault.to_string(), format!("reading back {OBJECT}: it answered {said}: {why}"));
    }
}
