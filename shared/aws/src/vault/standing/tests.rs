use warmspare_act::ports::Standing as _;
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::{Bucket, Replica, Replication};

use crate::replay::{Wire, s3_error};

const POLICY: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";

fn versioning(status: &str) -> String {
    format!(
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{status}\
         </VersioningConfiguration>"
    )
}

fn blocks(policy: bool) -> String {
    format!(
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
         <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>{policy}</BlockPublicPolicy>\
         <RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
    )
}

/// One that takes what is encrypted, one that does not, one that is off, and one that goes by a tag.
fn rules() -> String {
    let kms = "<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status>\
               </SseKmsEncryptedObjects></SourceSelectionCriteria>";
    let rule = |status: &str, criteria: &str, to: &str| {
        let filter = match to {
            "one" => "<Filter><Prefix>backups/</Prefix></Filter>",
            "four" => {
                "<Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>"
            }
            _ => "",
        };
        format!(
            "<Rule><ID>r</ID><Priority>1</Priority><Status>{status}</Status>{filter}{criteria}<Destination>\
             <Bucket>arn:aws:s3:::{to}</Bucket></Destination></Rule>"
        )
    };
    format!(
        "<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role>{}{}{}{}\
         </ReplicationConfiguration>",
        rule("Enabled", kms, "one"),
        rule("Enabled", "", "two"),
        rule("Disabled", kms, "three"),
        rule("Enabled", kms, "four")
    )
}

fn replicas() -> Vec<Replica> {
    let to = |name: &str, prefix: Option<&str>, takes_kms| Replica {
        bucket_arn: format!("arn:aws:s3:::{name}"),
        prefix: prefix.map(str::to_owned),
        takes_kms,
    };
    vec![to("one", Some("backups/"), true), to("two", Some(""), false), to("four", None, true)]
}

#[tokio::test]
async fn an_object_is_asked_for_its_replication() {
    let key = "backups/controller/2026-11-21T00-00-00Z/database";
    let wire = Wire::default().with(
        200,
        &[
            ("x-amz-replication-status", "PENDING"),
            ("last-modified", "Sat, 21 Nov 2026 11:30:00 GMT"),
            ("content-length", "9"),
        ],
        "",
    );
    let written_at = Some("2026-11-21T11:30:00Z".parse().unwrap());
    assert_eq!(
        wire.live().replication(key, Some("v1")).await.unwrap(),
        Seen::Here(Replication { status: Some("PENDING".to_owned()), written_at })
    );
    let sent = wire.only();
    let url = "https://warmspare-vault.s3.us-west-2.amazonaws.com/backups/controller";
    assert_eq!(sent.line, format!("HEAD {url}/2026-11-21T00-00-00Z/database?versionId=v1"));
    assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
    let wire = Wire::default().with(200, &[("content-length", "9")], "");
    let none = Replication { status: None, written_at: None };
    assert_eq!(wire.live().replication(key, None).await.unwrap(), Seen::Here(none));
    let wire = Wire::default().says(404, "");
    assert_eq!(wire.live().replication(key, None).await.unwrap(), Seen::Absent);
    let wire = Wire::default().says(403, "");
    assert!(wire.live().replication(key, None).await.is_err());
}

#[tokio::test]
async fn the_bucket_is_asked_for_its_versioning_its_policy_and_its_blocks() {
    let wire = Wire::default()
        .says(200, versioning("<Status>Enabled</Status>"))
        .says(200, POLICY)
        .says(200, blocks(true))
        .says(200, rules());
    let policy = Some(POLICY.to_owned());
    let versioning = Some("Enabled".to_owned());
    let wanted = Bucket { versioning, policy, blocks_public: true, replicas: replicas() };
    assert_eq!(wire.live().bucket().await.unwrap(), wanted);
    let sent = wire.sent();
    let asked: Vec<&str> = sent.iter().map(|sent| sent.line.as_str()).collect();
    for (asked, wanted) in
        asked.iter().zip(["versioning", "policy", "publicAccessBlock", "replication"])
    {
        let start = format!("GET https://warmspare-vault.s3.us-west-2.amazonaws.com/?{wanted}");
        assert!(asked.starts_with(&start), "{asked}");
    }
    let owner = Some("123456789012");
    assert!(sent.iter().all(|sent| sent.header("x-amz-expected-bucket-owner") == owner));
}

#[tokio::test]
async fn what_a_bucket_does_not_have_is_an_answer() {
    let wire = Wire::default()
        .says(200, versioning(""))
        .says(404, s3_error("NoSuchBucketPolicy", "The bucket policy does not exist"))
        .says(404, s3_error("NoSuchPublicAccessBlockConfiguration", "It was not found"))
        .says(404, s3_error("ReplicationConfigurationNotFoundError", "It was not found"));
    let replicas = Vec::new();
    let wanted = Bucket { versioning: None, policy: None, blocks_public: false, replicas };
    assert_eq!(wire.live().bucket().await.unwrap(), wanted);
    let wire = Wire::default()
        .says(200, versioning("<Status>Suspended</Status>"))
        .says(200, POLICY)
        .says(200, blocks(false))
        .says(404, s3_error("ReplicationConfigurationNotFoundError", "It was not found"));
    let bucket = wire.live().bucket().await.unwrap();
    assert_eq!(bucket.versioning.as_deref(), Some("Suspended"));
    assert!(!bucket.blocks_public, "one of the four is off");
}

#[tokio::test]
async fn what_s3_does_not_say_is_a_fault() {
    let denied = || s3_error("AccessDenied", "Access Denied");
    let wire = Wire::default().says(403, denied());
    let fault = wire.live().bucket().await.unwrap_err();
    assert!(
        fault.to_string().starts_with("looking at the versioning of warmspare-vault"),
        "{fault}"
    );
    let wire = Wire::default().says(200, versioning("")).says(403, denied());
    assert!(wire.live().bucket().await.is_err());
    let wire = Wire::default().says(200, versioning("")).says(200, POLICY).says(403, denied());
    assert!(wire.live().bucket().await.is_err());
}
