use warmspare_act::stream::Measured;
use warmspare_decide::name::{Region, SecretArn};

use super::*;
use crate::replay::https::Server;
use crate::replay::{Wire, s3_error};

const SECRET: &str = "arn:aws:secretsmanager:us-west-2:123456789012:secret:warmspare/minio-AbCdEf";

fn store() -> Store {
    Store {
        endpoint: None,
        bucket: "depot".to_owned(),
        prefix: String::new(),
        region: Some(Region::parse("us-east-1").unwrap()),
        secret: None,
        tls_pin: None,
    }
}

fn contents(key: &str, tag: &str, size: &str) -> String {
    format!("<Contents><Key>{key}</Key><ETag>{tag}</ETag><Size>{size}</Size></Contents>")
}

fn listing(is_truncated: bool, contents: &str) -> String {
    format!(
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{is_truncated}\
         </IsTruncated>{contents}</ListBucketResult>"
    )
}

/// C13: a bucket of AWS, in its own Region, a page after the key that was the last.
#[tokio::test]
async fn a_page_is_asked_for_after_a_key_and_its_keys_are_decoded() {
    let both = contents("a%2Bb+c/%C3%A9%01", "&quot;9b2cf-3&quot;", "7") + &contents("z", "t", "0");
    let wire = Wire::default().says(200, listing(true, &both)).says(200, listing(false, ""));
    let live = wire.live();
    let store = Store { prefix: "depot/".to_owned(), ..store() };
    let page = live.page(&store, Some("a b")).await.unwrap();
    let first = Listed { key: "a+b c/é\u{1}".into(), etag: "9b2cf-3".into(), size_bytes: 7 };
    let second = Listed { key: "z".into(), etag: "t".into(), size_bytes: 0 };
    assert_eq!(page, Page { objects: vec![first, second], is_last: false });
    assert_eq!(live.page(&store, None).await.unwrap(), Page { objects: vec![], is_last: true });
    let sent = wire.sent();
    let line = &sent[0].line;
    assert!(
        line.starts_with("GET https://depot.s3.us-east-1.amazonaws.com/?list-type=2"),
        "{line}"
    );
    for part in ["encoding-type=url", "max-keys=1000", "prefix=depot%2F", "start-after=a%20b"] {
        assert!(line.contains(part), "{line} has no {part}");
    }
    assert!(!sent[1].line.contains("start-after"), "{}", sent[1].line);
    assert!(sent[0].header("authorization").unwrap().contains("/us-east-1/s3/"));
}

#[tokio::test]
async fn a_listing_that_does_not_say_everything_is_a_fault() {
    for wrong in ["<Contents><Key>a</Key></Contents>", &contents("%FF", "t", "1")] {
        let wire = Wire::default().says(200, listing(false, wrong));
        let fault = wire.live().page(&store(), None).await.unwrap_err();
        assert!(fault.to_string().contains("the key, the ETag and the length"), "{fault}");
    }
    let wire = Wire::default().says(404, s3_error("NoSuchBucket", "no such bucket"));
    let fault = wire.live().page(&store(), None).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.to_string().starts_with("listing depot: it answered NoSuchBucket"), "{fault}");
}

/// FB1: what the answer says that it is counts, and not what was listed.
#[tokio::test]
async fn an_object_is_what_the_answer_says_that_it_is() {
    let wire = Wire::default()
        .with(200, &[("etag", "\"new\""), ("content-length", "9")], "123456789")
        .says(404, s3_error("NoSuchKey", "The specified key does not exist."))
        .says(404, s3_error("NoSuchBucket", ""))
        .says(403, s3_error("InvalidObjectState", "archived"));
    let live = wire.live();
    let Seen::Here((found, body)) = live.open_artifact(&store(), "a b/c.hart").await.unwrap()
    else {
        panic!("not there")
    };
    assert_eq!(found, Listed { key: "a b/c.hart".into(), etag: "new".into(), size_bytes: 9 });
    assert_eq!(Measured::new(body).drain().await.unwrap().crc64nvme, "rosUhgp5mIg=");
    assert!(matches!(live.open_artifact(&store(), "a").await.unwrap(), Seen::Absent));
    for code in ["NoSuchBucket", "InvalidObjectState"] {
        let fault = live.open_artifact(&store(), "a").await.unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent, "{fault}");
        assert!(fault.to_string().contains(code), "{fault}");
    }
    let sent = &wire.sent()[0];
    let asked = "GET https://depot.s3.us-east-1.amazonaws.com/a%20b/c.hart?x-id=GetObject";
    assert_eq!(sent.line, asked);
    assert_eq!(sent.header("x-amz-checksum-mode"), Some("ENABLED"));
}

/// FV8: nobody has asked for a range, so whoever answers with one has cut the object.
#[tokio::test]
async fn a_part_of_an_object_is_not_taken_for_it() {
    let headers = [("etag", "\"e\""), ("content-length", "4"), ("content-range", "bytes 0-3/9")];
    for headers in [&headers[..], &headers[..2]] {
        let wire = Wire::default().with(206, headers, "1234");
        let fault = wire.live().open_artifact(&store(), "core/a.hart").await.unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable, "{fault}");
        let sentence = "reading the artifact core/a.hart: it was asked for the whole of it, and \
                        answered 206, not 200";
        assert_eq!(fault.to_string(), sentence);
    }
}

/// C13: a MinIO, with keys of its own and a certificate that nobody but the plan believes.
#[tokio::test]
async fn another_store_is_asked_at_its_address_with_its_keys_and_by_its_pin() {
    let server =
        Server::answering("HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 9\r\n\r\n123456789")
            .await;
    let secret = "{\"SecretString\":\"{\\\"access_key_id\\\":\\\"minio\\\",\
                  \\\"secret_access_key\\\":\\\"of-ours\\\"}\"}";
    let wire = Wire::default().says(200, secret);
    let live = wire.live();
    let pinned = Store {
        endpoint: Some(server.url.clone()),
        region: None,
        secret: Some(SecretArn::parse(SECRET).unwrap()),
        tls_pin: Some(server.pin),
        ..store()
    };
    for _both_by_one_secret in 0..2 {
        let opened = live.open_artifact(&pinned, "core/a.hart").await.unwrap();
        let Seen::Here((_, body)) = opened else { panic!("not there") };
        assert_eq!(Measured::new(body).drain().await.unwrap().size_bytes, 9);
    }
    let request = &server.requests()[0];
    assert!(request.starts_with("GET /depot/core/a.hart?x-id=GetObject HTTP/1.1\r\n"), "{request}");
    let lower = request.to_ascii_lowercase();
    assert!(lower.contains("credential=minio/") && lower.contains("/us-east-1/s3/"), "{request}");
    assert!(!request.contains("of-ours"), "{request}");
    let _one = wire.only();
    let unpinned = Store { tls_pin: None, secret: None, ..pinned };
    let fault = live.open_artifact(&unpinned, "core/a.hart").await.unwrap_err();
    assert_eq!(fault.hope, Hope::Unreachable, "{fault}");
    assert!(fault.to_string().contains("certificate"), "{fault}");
}

#[tokio::test]
async fn a_secret_of_another_form_says_which_one_is_right() {
    let wire = Wire::default().says(200, "{\"SecretString\":\"{\\\"username\\\":\\\"a\\\"}\"}");
    let secret = Some(SecretArn::parse(SECRET).unwrap());
    let fault = wire.live().page(&Store { secret, ..store() }, None).await.unwrap_err();
    assert!(fault.to_string().contains("\"access_key_id\": …, \"secret_access_key\""), "{fault}");
}
