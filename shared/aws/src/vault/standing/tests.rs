use warmspare_act::ports::Standing as _;
use warmspare_decide::tripwire::Bucket;

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

#[tokio::test]
async fn the_bucket_is_asked_for_its_versioning_its_policy_and_its_blocks() {
    let wire = Wire::default()
        .says(200, versioning("<Status>Enabled</Status>"))
        .says(200, POLICY)
        .says(200, blocks(true));
    let policy = Some(POLICY.to_owned());
    let versioning = Some("Enabled".to_owned());
    let wanted = Bucket { versioning, policy, blocks_public: true };
    assert_eq!(wire.live().bucket().await.unwrap(), wanted);
    let sent = wire.sent();
    let asked: Vec<&str> = sent.iter().map(|sent| sent.line.as_str()).collect();
    for (asked, wanted) in asked.iter().zip(["versioning", "policy", "publicAccessBlock"]) {
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
        .says(404, s3_error("NoSuchPublicAccessBlockConfiguration", "It was not found"));
    let wanted = Bucket { versioning: None, policy: None, blocks_public: false };
    assert_eq!(wire.live().bucket().await.unwrap(), wanted);
    let wire = Wire::default()
        .says(200, versioning("<Status>Suspended</Status>"))
        .says(200, POLICY)
        .says(200, blocks(false));
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
