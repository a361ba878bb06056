use warmspare_act::ports::Vault as _;

use super::*;
use crate::replay::{Wire, s3_error};

const PREFIX: &str = "artifacts/controller/depot/";

fn version(name: &str, id: &str, is_latest: bool) -> String {
    format!(
        "<Version><Key>{PREFIX}{name}</Key><VersionId>{id}</VersionId><IsLatest>{is_latest}</IsLatest>\
         <ETag>e</ETag><Size>7</Size></Version>"
    )
}

fn page(contents: &str) -> String {
    format!("<ListVersionsResult>{contents}</ListVersionsResult>")
}

#[tokio::test]
async fn versions_are_listed_page_by_page_and_delete_markers_are_none() {
    let marker = format!(
        "<DeleteMarker><Key>{PREFIX}b</Key><VersionId>d</VersionId><IsLatest>true</IsLatest></DeleteMarker>"
    );
    let more = format!(
        "<IsTruncated>true</IsTruncated><NextKeyMarker>{PREFIX}b</NextKeyMarker>\
         <NextVersionIdMarker>2</NextVersionIdMarker>"
    );
    let first = page(&(more + &version("a", "1", true) + &marker + &version("b", "2", false)));
    let last = page("<IsTruncated>false</IsTruncated>");
    let wire = Wire::default().says(200, first).says(200, last);
    let live = wire.live();
    let found = live.versions(PREFIX, None).await.unwrap();
    let wanted = [("a", "1", true), ("b", "2", false)].map(|(name, id, is_current)| Version {
        key: format!("{PREFIX}{name}"),
        version_id: id.to_owned(),
        size_bytes: 7,
        is_current,
    });
    assert_eq!(found.versions, wanted);
    let next = found.next.unwrap();
    let wanted = Marker { key: format!("{PREFIX}b"), version_id: Some("2".to_owned()) };
    assert_eq!(next, wanted);
    assert_eq!(live.versions(PREFIX, Some(&next)).await.unwrap(), Versions::default());
    let sent = wire.sent();
    let asked = "GET https://warmspare-vault.s3.us-west-2.amazonaws.com/?versions";
    for request in &sent {
        assert!(request.line.starts_with(asked), "{}", request.line);
        assert!(
            request.line.contains("prefix=artifacts%2Fcontroller%2Fdepot%2F"),
            "{}",
            request.line
        );
    }
    assert!(!sent[0].line.contains("marker"), "{}", sent[0].line);
    let after = "key-marker=artifacts%2Fcontroller%2Fdepot%2Fb";
    assert!(sent[1].line.contains(after), "{}", sent[1].line);
    assert!(sent[1].line.contains("version-id-marker=2"), "{}", sent[1].line);
}

#[tokio::test]
async fn a_listing_of_versions_that_does_not_say_everything_is_a_fault() {
    let unsaid = page("<Version><Key>a</Key></Version>");
    let cut = page("<IsTruncated>true</IsTruncated>");
    for (answer, part) in
        [(unsaid, "the key, the version and the length"), (cut, "not after which")]
    {
        let wire = Wire::default().says(200, answer);
        let fault = wire.live().versions(PREFIX, None).await.unwrap_err();
        assert!(fault.to_string().contains(part), "{fault}");
    }
    let wire = Wire::default().says(403, s3_error("AccessDenied", "no"));
    let fault = wire.live().versions(PREFIX, None).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent, "{fault}");
}
