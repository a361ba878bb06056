use super::*;
use crate::replay::{KEY, Wire};

async fn key(wire: &Wire) -> Seen<KeyFacts> {
    wire.live().key(&KeyArn::parse(KEY).unwrap()).await.unwrap()
}

fn metadata(rest: &str) -> String {
    format!("{{\"KeyMetadata\":{{\"KeyId\":\"1\",\"Arn\":\"{KEY}\",{rest}}}}}")
}

#[tokio::test]
async fn a_key_is_asked_for_by_its_arn_in_its_own_region() {
    let rest = r#""KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT","KeySpec":"SYMMETRIC_DEFAULT""#;
    let wire = Wire::default().says(200, metadata(rest));
    let elsewhere = KEY.replace("us-west-2", "eu-central-1");
    let seen = wire.live().key(&KeyArn::parse(&elsewhere).unwrap()).await.unwrap();
    let facts = KeyFacts {
        arn: KEY.to_owned(),
        state: "Enabled".to_owned(),
        deleted_at: None,
        encrypts: true,
    };
    assert_eq!(seen, Seen::Here(facts));
    let sent = wire.only();
    assert_eq!(sent.line, "POST https://kms.eu-central-1.amazonaws.com/");
    assert_eq!(sent.header("x-amz-target"), Some("TrentService.DescribeKey"));
    assert_eq!(sent.body, format!("{{\"KeyId\":\"{elsewhere}\"}}"));
}

#[tokio::test]
async fn a_key_that_will_be_deleted_says_when() {
    let rest = r#""KeyState":"PendingDeletion","DeletionDate":1795262400.0,
        "KeyUsage":"ENCRYPT_DECRYPT","KeySpec":"SYMMETRIC_DEFAULT""#;
    let wire = Wire::default().says(200, metadata(rest));
    let Seen::Here(facts) = key(&wire).await else { panic!() };
    assert_eq!(facts.state, "PendingDeletion");
    assert_eq!(facts.deleted_at.unwrap().to_string(), "2026-11-21T12:00:00Z");
}

#[tokio::test]
async fn a_key_for_something_else_does_not_encrypt() {
    for rest in [
        r#""KeyState":"Enabled","KeyUsage":"SIGN_VERIFY","KeySpec":"RSA_2048""#,
        r#""KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT","KeySpec":"RSA_2048""#,
        r#""KeyState":"Enabled""#,
    ] {
        let wire = Wire::default().says(200, metadata(rest));
        let Seen::Here(facts) = key(&wire).await else { panic!() };
        assert!(!facts.encrypts, "{rest}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_absent() {
    let body = r#"{"__type":"NotFoundException","message":"Key 'of-the-plan' does not exist"}"#;
    let wire = Wire::default().says(400, body);
    assert_eq!(key(&wire).await, Seen::Absent);
}

/// A16: by the name that AWS gives it, in the vault's Region; what it stands for is in the answer.
#[tokio::test]
async fn the_key_that_aws_manages_for_s3_is_asked_for_by_its_name() {
    let rest = r#""KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT","KeySpec":"SYMMETRIC_DEFAULT""#;
    let wire = Wire::default().says(200, metadata(rest));
    let Seen::Here(facts) = wire.live().aws_s3_key().await.unwrap() else { panic!() };
    assert_eq!((facts.arn.as_str(), facts.encrypts), (KEY, true));
    let sent = wire.only();
    assert_eq!(sent.line, "POST https://kms.us-west-2.amazonaws.com/");
    assert_eq!(sent.body, "{\"KeyId\":\"alias/aws/s3\"}");
}
