use super::*;

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const INBOX: &str = "uploads/controller/config/";

type Change = fn(&mut ObjectFacts);

fn at(second: u32) -> Timestamp {
    format!("2026-11-21T00:00:{second:02}Z").parse().unwrap()
}

fn pushed(name: &str, second: u32, size_bytes: u64) -> Pushed {
    Pushed { key: format!("{INBOX}{name}"), size_bytes, written_at: at(second) }
}

fn adopted(name: &str, version_id: &str, second: u32) -> Adopted {
    let key = format!("{INBOX}{name}");
    let upload = Upload { key, version_id: version_id.into(), written_at: at(second) };
    Adopted { upload, slot: Slot::of(at(second)) }
}

fn facts(version_id: &str, second: u32) -> ObjectFacts {
    ObjectFacts {
        version_id: version_id.into(),
        etag: "e".into(),
        size_bytes: 9,
        algorithm: Some("aws:kms".into()),
        key_arn: Some(KEY.into()),
        crc64nvme: None,
        checksum_type: None,
        slot: None,
        written_at: Some(at(second)),
        mark: None,
        lock: None,
    }
}

fn with<T>(before: Option<&Adopted>, decide: impl FnOnce(&Wanted<'_>) -> T) -> T {
    let key_arn = KeyArn::parse(KEY).unwrap();
    let (inbox, slot) = (INBOX, Slot::of(at(59)));
    decide(&Wanted { inbox, slot, rpo_s: 58, key_arn: Some(&key_arn), adopted: before })
}

#[track_caller]
fn check(before: Option<&Adopted>, all: &[Pushed], wanted: Option<&str>) {
    let found = with(before, |asked| newest(asked, all).map(|push| push.key.clone()));
    let wanted = wanted.map(|name| format!("{INBOX}{name}"));
    assert_eq!(found.ok(), wanted);
}

#[test]
fn the_newest_whole_object_is_looked_at_and_none_that_is_older_than_what_was_adopted() {
    let before = adopted("b", "v1", 10);
    check(None, &[], None);
    check(None, &[pushed("a", 10, 1), pushed("b", 9, 1)], Some("a"));
    check(None, &[pushed("a", 10, 1), pushed("b", 10, 1)], Some("b"));
    check(None, &[pushed("a", 10, 1), pushed("b", 11, 0)], Some("a"));
    check(None, &[pushed("a", 10, 1), pushed("", 11, 0)], Some("a"));
    check(Some(&before), &[pushed("a", 10, 1)], None);
    check(Some(&before), &[pushed("a", 11, 1)], Some("a"));
    check(Some(&before), &[pushed("c", 10, 1)], Some("c"));
    check(Some(&before), &[pushed("c", 9, 1)], None);
    // Only its version says whether this one is the one that was adopted.
    check(Some(&before), &[pushed("b", 10, 1)], Some("b"));
}

#[test]
fn parts_of_a_second_make_no_order_because_a_head_does_not_say_them() {
    let before = adopted("b", "v1", 10);
    let mut later = pushed("a", 10, 1);
    later.written_at = "2026-11-21T00:00:10.9Z".parse().unwrap();
    check(Some(&before), &[later], None);
}

#[test]
fn what_is_empty_is_counted_if_it_came_since_and_folders_are_nothing() {
    let before = adopted("b", "v1", 10);
    let all = [pushed("a", 9, 0), pushed("c", 11, 0), pushed("", 12, 0), pushed("a", 5, 7)];
    let refusal = with(Some(&before), |asked| newest(asked, &all).unwrap_err());
    assert_eq!(
        refusal.to_string(),
        "nothing new lies in uploads/controller/config/ since 2026-11-21T00:00:10Z (49 s before the \
         slot), when what backup 2026-11-21T00-00-10Z holds was pushed: 3 object(s) were seen there, \
         and 1 that came since are empty"
    );
}

#[test]
fn a_version_is_adopted_once() {
    let before = adopted("b", "v1", 10);
    let judged = |name: &str, facts: &ObjectFacts| {
        with(Some(&before), |asked| judge(asked, &format!("{INBOX}{name}"), facts))
    };
    let is_nothing = |found: Result<Upload, Refusal>| {
        matches!(found, Err(Refusal::NothingPushed { empty: 0, .. }))
    };
    assert!(is_nothing(judged("b", &facts("v1", 10))));
    assert_eq!(judged("b", &facts("v2", 10)).unwrap().version_id, "v2");
    assert_eq!(judged("b", &facts("v2", 11)).unwrap().written_at, at(11));
    assert!(is_nothing(judged("b", &facts("v0", 9))));
    assert!(is_nothing(judged("a", &facts("v1", 10))));
    assert_eq!(judged("c", &facts("v1", 10)).unwrap().key, format!("{INBOX}c"));
}

#[test]
fn what_s3_says_of_a_push_is_held_against_the_plan() {
    let sentence = |change: Change| {
        let mut found = facts("v1", 10);
        change(&mut found);
        with(None, |asked| judge(asked, "k", &found)).unwrap_err().to_string()
    };
    let table: [(Change, &str); 7] = [
        (|facts| facts.algorithm = Some("AES256".into()), "AES256, not with aws:kms"),
        (|facts| facts.algorithm = None, "it is not said to be encrypted"),
        (|facts| facts.key_arn = None, "under no key that S3 names, not under arn"),
        (|facts| facts.key_arn = Some("other".into()), "under other, not under arn"),
        (|facts| facts.written_at = None, "it has no date that S3 names"),
        (|facts| facts.size_bytes = 0, "and 1 that came since are empty"),
        (
            |facts| facts.written_at = Some(at(0)),
            "is of 2026-11-21T00:00:00Z, 59 s before the slot, and 58 s is the most",
        ),
    ];
    for (change, part) in table {
        let sentence = sentence(change);
        assert!(sentence.contains(part), "{sentence} has no {part}");
    }
    let mut on_time = facts("v1", 1);
    assert!(with(None, |asked| judge(asked, "k", &on_time)).is_ok());
    // A slot before the push: two clocks differ, or the event was late.
    on_time.written_at = Some("2026-11-21T00:10:00Z".parse().unwrap());
    assert!(with(None, |asked| judge(asked, "k", &on_time)).is_ok());
}

#[test]
fn the_last_that_was_adopted_is_the_newest_push_and_not_the_newest_slot() {
    let name = |name: &str| SourceName::parse(name).unwrap();
    let mut late = adopted("b", "v2", 20);
    late.slot = Slot::of(at(5));
    let held = [
        (name("config"), adopted("b", "v1", 10)),
        (name("config"), late.clone()),
        (name("data"), adopted("b", "v3", 30)),
    ];
    assert_eq!(last_adopted(&name("config"), &held), Some(late));
    assert_eq!(last_adopted(&name("other"), &held), None);
}
