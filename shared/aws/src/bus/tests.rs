use jiff::Timestamp;
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::outcome::{FORMAT, Happening};

use super::*;
use crate::replay::Wire;

fn announcement() -> Announcement {
    Announcement {
        format: FORMAT,
        happening: Happening::BackupVerified,
        system: SystemName::parse("controller").unwrap(),
        outcome: "done".to_owned(),
        reason: "every byte was read back".to_owned(),
        slot: Slot::parse("2026-11-21T00-00-00Z").ok(),
        term: None,
        at: "2026-11-21T00:05:00Z".parse::<Timestamp>().unwrap(),
        links: Vec::new(),
    }
}

#[tokio::test]
async fn an_announcement_goes_to_the_default_bus_under_our_name() {
    let wire = Wire::default().says(200, r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#);
    wire.live().announce(&announcement()).await.unwrap();
    let sent = wire.only();
    assert_eq!(sent.line, "POST https://events.us-west-2.amazonaws.com/");
    assert_eq!(sent.header("x-amz-target"), Some("AWSEvents.PutEvents"));
    let body: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
    let entry = &body["Entries"][0];
    assert_eq!(entry["Source"], "warmspare");
    assert_eq!(entry["DetailType"], "Backup Verified");
    assert_eq!(entry.get("EventBusName"), None);
    let detail: serde_json::Value =
        serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail["slot"], "2026-11-21T00-00-00Z");
    assert_eq!(detail["reason"], "every byte was read back");
}

/// The call itself succeeds.
#[tokio::test]
async fn what_the_bus_did_not_take_is_a_fault() {
    let body = r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException",
        "ErrorMessage":"slow down"}]}"#;
    let wire = Wire::default().says(200, body);
    let fault = wire.live().announce(&announcement()).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "announcing Backup Verified: the bus did not take it: ThrottlingException: slow down"
    );
}
