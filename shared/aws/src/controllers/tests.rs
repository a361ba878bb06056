use warmspare_act::stream::Measured;
use warmspare_decide::name::{Region, SecretArn};
use warmspare_decide::plan::Endpoint;

use super::*;
use crate::replay::https::Server;
use crate::replay::{Wire, s3_error};

const SECRET: &str = "arn:aws:secretsmanager:us-west-2:123456789012:secret:warmspare/avx";
const FILE: &str = "CloudN_10.0.0.5_save_cloudx_config.enc";

fn controller(url: &str) -> Controller {
    Controller {
        endpoint: Endpoint {
            url: url.to_owned(),
            secret: Some(SecretArn::parse(SECRET).unwrap()),
            tls_pin: None,
        },
        bucket: "avx-backups".to_owned(),
        region: Region::parse("us-east-1").unwrap(),
        prefix: String::new(),
        owner: None,
        private_ip: None,
        account: None,
    }
}

fn cid() -> Sealed {
    Sealed("a+b/c=".to_owned())
}

fn order(now: bool) -> Call {
    let order = Order {
        cloud_type: "1".to_owned(),
        account: "aws account".to_owned(),
        bucket: "avx-backups".to_owned(),
        region: "us-east-1".to_owned(),
        multiple: !now,
        now,
    };
    Call::Backup { cid: cid(), order }
}

/// What a controller that answers so was asked, and what was understood.
async fn exchange(wire: &Wire, call: &Call, answer: String) -> (String, Result<Said, Fault>) {
    let server = Server::answering(answer.leak()).await;
    let mut controller = controller(&server.url);
    controller.endpoint.tls_pin = Some(server.pin);
    let said = wire.live().call(&controller, call).await;
    (server.requests().pop().unwrap(), said)
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_token_is_asked_for_without_a_login() {
    let body = r#"{"return":true,"results":{"api_token":"Zm9v"}}"#;
    let (asked, said) = exchange(&Wire::default(), &Call::Token, ok(body)).await;
    assert!(asked.starts_with("GET /v2/api?action=get_api_token HTTP/1.1\r\n"), "{asked}");
    assert_eq!(said.unwrap().token, Some(Sealed("Zm9v".to_owned())));
    let old = r#"{"return":false,"reason":"Valid action required"}"#;
    let said = exchange(&Wire::default(), &Call::Token, ok(old)).await.1.unwrap();
    assert_eq!((said.is_done, said.token), (false, None));
}

#[tokio::test]
async fn a_login_brings_the_secret_and_the_token() {
    let body = r#"{"return":true,"results":"User login:admin has been authorized successfully","CID":"x"}"#;
    for token in [Some(Sealed("Zm9v".to_owned())), None] {
        let wire = Wire::default()
            .says(200, r#"{"SecretString":"{\"username\":\"admin\",\"password\":\"adm\\\"n\"}"}"#);
        let (asked, said) = exchange(&wire, &Call::Login { token: token.clone() }, ok(body)).await;
        assert!(asked.starts_with("POST /v2/api HTTP/1.1\r\n"), "{asked}");
        let (head, sent) = asked.split_once("\r\n\r\n").unwrap();
        let sent: Value = serde_json::from_str(sent).unwrap();
        assert_eq!(sent, json!({"action": "login", "username": "admin", "password": "adm\"n"}));
        assert_eq!(head.to_ascii_lowercase().contains("x-access-key: zm9v"), token.is_some());
        assert_eq!(said.unwrap().cid, Some(Sealed("x".to_owned())));
    }
}

#[tokio::test]
async fn a_configuration_is_read_whatever_its_values_are_written_as() {
    let call = Call::ReadConfig { cid: cid() };
    let body = r#"{"return":true,"results":{"enabled":"yes","acct_name":"aws","cloud_type":1,
        "bucket_name":"avx-backups","storage_name":"","container_name":"","region":"us-east-1",
        "multiple_bkup":"yes"}}"#;
    let (asked, said) = exchange(&Wire::default(), &call, ok(body)).await;
    let line = "GET /v2/api?action=get_cloudn_backup_config&CID=a%2Bb%2Fc%3D HTTP/1.1\r\n";
    assert!(asked.starts_with(line), "{asked}");
    let config = said.unwrap().config.unwrap();
    let wanted = Config {
        enabled: true,
        cloud_type: "1".to_owned(),
        account: "aws".to_owned(),
        bucket: "avx-backups".to_owned(),
        region: "us-east-1".to_owned(),
        multiple: true,
    };
    assert_eq!(config, wanted);
    let off = r#"{"return":true,"results":{"enabled":"no"}}"#;
    let said = exchange(&Wire::default(), &call, ok(off)).await.1.unwrap();
    assert_eq!(said.config, Some(Config::default()));
}

/// A11: the form of the vendor's own client for a backup now, and for enabling.
#[tokio::test]
async fn a_backup_is_asked_for_in_the_words_of_the_vendor() {
    let body = r#"{"return":true,"results":"Enabled cloudN backup config"}"#;
    let common = "action=enable_cloudn_backup_config&CID=a%2Bb%2Fc%3D&cloud_type=1\
                  &account_name=aws%20account&bucket_name=avx-backups&region=us-east-1";
    for (now, last) in [(true, "now"), (false, "multiple")] {
        let (asked, said) = exchange(&Wire::default(), &order(now), ok(body)).await;
        assert!(asked.starts_with("POST /v1/api HTTP/1.1\r\n"), "{asked}");
        assert!(
            asked.to_ascii_lowercase().contains("content-type: application/x-www-form-urlencoded")
        );
        assert!(asked.ends_with(&format!("\r\n\r\n{common}&{last}=true")), "{asked}");
        assert!(said.unwrap().is_done);
    }
}

/// 200 with `return: false` is an answer; anything that is not one is a fault that names no session.
#[tokio::test]
async fn what_is_no_answer_of_the_api_is_a_fault() {
    let declined = r#"{"return":false,"reason":"CID is invalid or expired."}"#;
    let said = exchange(&Wire::default(), &order(true), ok(declined)).await.1.unwrap();
    assert_eq!((said.is_done, said.reason.as_str()), (false, "CID is invalid or expired."));
    for (answer, hope) in [
        (ok("<html>Please wait</html>"), Hope::Retryable),
        (ok(r#"{"results":"no return"}"#), Hope::Retryable),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n".to_owned(), Hope::Retryable),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned(), Hope::Permanent),
        // It took the request, and closed the connection.
        (String::new(), Hope::Retryable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"return\":".to_owned(), Hope::Retryable),
    ] {
        let fault = exchange(&Wire::default(), &order(true), answer.clone()).await.1.unwrap_err();
        assert_eq!(fault.hope, hope, "{answer}: {fault}");
        assert!(!fault.to_string().contains("a+b") && !format!("{fault:?}").contains("a%2Bb"));
    }
    let fault = Wire::default().live().call(&controller("https://127.0.0.1:1"), &order(true)).await;
    assert_eq!(fault.unwrap_err().hope, Hope::Unreachable);
}

const PAGE: &str = r"<ListBucketResult><Name>avx-backups</Name><IsTruncated>false</IsTruncated>
    <Contents><Key>CloudN_10.0.0.5_save_cloudx_config.enc</Key>
    <LastModified>2026-11-21T00:00:20.000Z</LastModified><ETag>&quot;e1&quot;</ETag><Size>9</Size>
    </Contents></ListBucketResult>";

#[tokio::test]
async fn a_bucket_is_listed_in_its_own_region_and_dated_by_s3() {
    let wire = Wire::default().with(200, &[("date", "Sat, 21 Nov 2026 00:00:31 GMT")], PAGE);
    let listing = wire.live().written(&controller("https://avx")).await.unwrap();
    assert_eq!(listing.at.to_string(), "2026-11-21T00:00:31Z");
    let wanted = Written {
        key: FILE.to_owned(),
        etag: "\"e1\"".to_owned(),
        size_bytes: 9,
        written_at: "2026-11-21T00:00:20Z".parse().unwrap(),
    };
    assert_eq!(listing.files, [wanted]);
    let sent = wire.only();
    assert!(
        sent.line.starts_with("GET https://avx-backups.s3.us-east-1.amazonaws.com/?list-type=2"),
        "{}",
        sent.line
    );
    assert!(sent.line.contains("prefix=CloudN_"), "{}", sent.line);
    // A name that was given up can be another's by now.
    assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
}

#[tokio::test]
async fn only_the_files_of_the_address_are_listed_where_the_plan_names_it() {
    let wire = Wire::default().says(200, PAGE);
    let named = Controller {
        prefix: "avx/".to_owned(),
        private_ip: Some("10.0.0.5".parse().unwrap()),
        owner: Some("999999999999".to_owned()),
        ..controller("https://avx")
    };
    wire.live().written(&named).await.unwrap();
    let sent = wire.only();
    assert!(sent.line.contains("prefix=avx%2FCloudN_10.0.0.5_save_cloudx_config"), "{}", sent.line);
    assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("999999999999"));
}

#[tokio::test]
async fn exactly_the_file_that_was_listed_is_read() {
    let file = Written {
        key: FILE.to_owned(),
        etag: "\"e1\"".to_owned(),
        size_bytes: 9,
        written_at: "2026-11-21T00:00:20Z".parse().unwrap(),
    };
    let wire = Wire::default().with(200, &[("content-length", "9")], "123456789");
    let body = wire.live().open_written(&controller("https://avx"), &file).await.unwrap();
    assert_eq!(Measured::new(body).drain().await.unwrap().size_bytes, 9);
    let sent = wire.only();
    assert!(sent.line.contains(&format!("amazonaws.com/{FILE}")), "{}", sent.line);
    assert_eq!(sent.header("if-match"), Some("\"e1\""));
    for (status, code) in [(412, "PreconditionFailed"), (404, "NoSuchKey")] {
        let wire = Wire::default().says(status, s3_error(code, "gone"));
        let fault = wire.live().open_written(&controller("https://avx"), &file).await.unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable);
        assert!(fault.to_string().ends_with("it was replaced since it was listed"), "{fault}");
    }
    let wire = Wire::default().says(403, s3_error("AccessDenied", "Access Denied"));
    let fault = wire.live().open_written(&controller("https://avx"), &file).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent, "{fault}");
}
