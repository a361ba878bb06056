use warmspare_act::ports::{Inbox as _, Vault as _};
use warmspare_act::stream::{Chunks as _, Measured};
use warmspare_decide::encryption::Encryption;
use warmspare_decide::name::KeyArn;
use warmspare_decide::seen::Seen;

use super::*;
use crate::replay::{KEY, Pieces, Wire, s3_error};

const PREFIX: &str = "uploads/controller/config/";

fn page(contents: &str, more: &str) -> String {
    format!("<ListBucketResult><KeyCount>1</KeyCount>{more}{contents}</ListBucketResult>")
}

fn object(name: &str, at: &str, size: &str) -> String {
    format!(
        "<Contents><Key>{PREFIX}{name}</Key><LastModified>{at}</LastModified><ETag>e</ETag>\
         <Size>{size}</Size></Contents>"
    )
}

#[tokio::test]
async fn what_was_pushed_is_listed_with_its_length_and_its_date_over_every_page() {
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
    let wire = Wire::default()
        .says(200, page(&object("a b.enc", "2026-11-21T00:00:10.000Z", "7"), more))
        .says(200, page(&object("c", "2026-11-21T00:00:20.000Z", "0"), ""));
    let all = wire.live().pushed(PREFIX).await.unwrap();
    let wanted = [("a b.enc", "2026-11-21T00:00:10Z", 7), ("c", "2026-11-21T00:00:20Z", 0)];
    let wanted = wanted.map(|(name, at, size_bytes)| Pushed {
        key: format!("{PREFIX}{name}"),
        size_bytes,
        written_at: at.parse().unwrap(),
    });
    assert_eq!(all, wanted);
    let sent = wire.sent();
    let asked = "https://warmspare-vault.s3.us-west-2.amazonaws.com/?list-type=2";
    assert!(sent[0].line.starts_with(&format!("GET {asked}")), "{}", sent[0].line);
    assert!(sent[0].line.contains("prefix=uploads%2Fcontroller%2Fconfig%2F"), "{}", sent[0].line);
    assert!(sent[1].line.contains("continuation-token=t"), "{}", sent[1].line);
    assert_eq!(sent[0].header("x-amz-expected-bucket-owner"), Some("123456789012"));
}

#[tokio::test]
async fn a_listing_that_is_not_whole_is_a_fault() {
    let wire = Wire::default().says(200, page(&object("a", "yesterday", "7"), ""));
    assert!(wire.live().pushed(PREFIX).await.is_err());
    let wire =
        Wire::default().says(200, page("<Contents><Key>a</Key><Size>7</Size></Contents>", ""));
    let fault = wire.live().pushed(PREFIX).await.unwrap_err();
    assert!(fault.to_string().contains("the length and the date of an object"), "{fault}");
    let wire = Wire::default().says(403, s3_error("AccessDenied", "Access Denied"));
    assert_eq!(wire.live().pushed(PREFIX).await.unwrap_err().hope, Hope::Permanent);
}

async fn read(headers: &[(&'static str, &str)]) -> (Result<usize, Fault>, Wire) {
    let wire = Wire::default().with(200, headers, "123456789");
    let mut body = wire.live().open_pushed("uploads/c/s/a b", "v1").await.unwrap();
    let mut length = 0;
    loop {
        match body.next().await {
            Ok(Some(piece)) => length += piece.len(),
            Ok(None) => return (Ok(length), wire),
            Err(fault) => return (Err(fault), wire),
        }
    }
}

/// The checksum may be any of S3's: that of boto3 is a CRC32, that of the AWS CLI a CRC64NVME.
#[tokio::test]
async fn a_push_is_read_by_its_version_and_held_against_the_checksum_that_s3_keeps() {
    for right in [
        ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
        ("x-amz-checksum-crc32", "y/Q5Jg=="),
        ("x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        // One of its parts says nothing of the whole.
        ("x-amz-checksum-crc32", "AAAAAA==-2"),
    ] {
        let (length, wire) = read(&[right]).await;
        assert_eq!(length.unwrap(), 9, "{right:?}");
        let sent = wire.only();
        assert!(
            sent.line.contains("/uploads/c/s/a%20b?x-id=GetObject&versionId=v1"),
            "{}",
            sent.line
        );
        assert_eq!(sent.header("x-amz-checksum-mode"), Some("ENABLED"));
        assert!(sent.header("authorization").unwrap().contains("Credential=AKIAIOSFODNN7EXAMPLE/"));
    }
    for wrong in [
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ] {
        let (length, _) = read(&[wrong]).await;
        let fault = length.unwrap_err();
        assert!(fault.to_string().starts_with("reading back uploads/c/s/a b: "), "{fault}");
    }
}

/// In one request or in several, the object says which push it is.
#[tokio::test]
async fn an_object_is_stored_with_its_mark_and_the_mark_is_one_of_its_facts() {
    let asked = Encryption::Key(KeyArn::parse(KEY).unwrap()).into();
    let begun =
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    for (pieces, wire) in [
        (&["1234"][..], Wire::default().says(403, s3_error("AccessDenied", ""))),
        // It does not say that it is encrypted, so it is aborted at once.
        (&["1234", "56789"][..], Wire::default().says(200, begun).says(204, "")),
    ] {
        let mut stream = Measured::new(Pieces::of(pieces));
        let fault = wire.live().upload("a/b", &asked, &mut stream, Some("abc")).await.unwrap_err();
        let sent = &wire.sent()[0];
        let mark = sent.header("x-amz-meta-warmspare-upload");
        assert_eq!(mark, Some("abc"), "{}: {fault}", sent.line);
    }
    let headers = [
        ("content-length", "9"),
        ("last-modified", "Sat, 21 Nov 2026 11:30:00 GMT"),
        ("x-amz-meta-warmspare-upload", "abc"),
    ];
    let wire = Wire::default().with(200, &headers, "");
    let Seen::Here(facts) = wire.live().facts("a/b", None).await.unwrap() else { panic!() };
    assert_eq!(facts.mark.as_deref(), Some("abc"));
    assert_eq!(facts.written_at, Some("2026-11-21T11:30:00Z".parse().unwrap()));
}
