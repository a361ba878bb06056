use super::*;

#[test]
fn an_announcement_reads_as_a_plain_sentence_whatever_it_quotes() {
    let announcement = Announcement {
        format: FORMAT,
        happening: Happening::BackupRefused,
        system: SystemName::parse("controller").unwrap(),
        outcome: "refused".to_owned(),
        reason: "line 3: \"x\" is wrong\nline 4: C:\\path".to_owned(),
        slot: None,
        term: None,
        at: "2026-11-21T00:00:00Z".parse().unwrap(),
        links: vec![],
    };
    let detail = serde_json::to_value(&announcement).unwrap();
    assert_eq!(detail["reason"], "line 3: 'x' is wrong line 4: C: path");
    assert!(detail.get("happening").is_none(), "it is the detail-type");
}
