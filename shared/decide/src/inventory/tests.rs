use super::*;

fn listed(key: &str) -> Listed {
    Listed { key: key.to_owned(), etag: "e".to_owned(), size_bytes: 7 }
}

fn object(key: &str, etag: &str, size_bytes: u64) -> Object {
    Object {
        key: key.to_owned(),
        etag: etag.to_owned(),
        vault_key: "artifacts/builder/artifacts/n".to_owned(),
        version_id: "v1".to_owned(),
        sums: Sums { size_bytes, sha256: String::new(), crc64nvme: String::new() },
    }
}

fn origin() -> Origin {
    let key_arn = KeyArn::parse("arn:aws:kms:us-west-2:111122223333:key/k").unwrap();
    let (bucket, prefix) = ("b".to_owned(), "depot/".to_owned());
    Origin { endpoint: None, bucket, prefix, key_arn }
}

/// A listing says `"e"`, a header may say `W/"e"`, and some stores say `e`.
#[test]
fn an_etag_is_compared_without_its_dress() {
    for dressed in ["\"9b2cf-3\"", "9b2cf-3", "W/\"9b2cf-3\"", " \"9b2cf-3\" "] {
        assert_eq!(etag(dressed), "9b2cf-3", "{dressed}");
    }
}

/// C13: incremental by ETag and size.
#[test]
fn an_object_is_unchanged_by_its_key_its_etag_and_its_size() {
    assert!(is_unchanged(&listed("a"), &object("a", "e", 7)));
    for other in [object("b", "e", 7), object("a", "f", 7), object("a", "e", 8)] {
        assert!(!is_unchanged(&listed("a"), &other), "{other:?}");
    }
}

#[test]
fn a_listing_that_is_not_in_order_is_said_to_be_so() {
    let judge = |after: Option<&str>, keys: &[&str], is_last: bool| {
        let objects = keys.iter().map(|key| listed(key)).collect();
        judge_page(&origin(), after, &Page { objects, is_last })
    };
    assert_eq!(judge(None, &["depot/A", "depot/B", "depot/a", "depot/é"], false), Ok(()));
    assert_eq!(judge(Some("depot/A"), &[], true), Ok(()));
    let table = [
        (None, &["depot/b", "depot/a"][..], "lists \"depot/a\" after \"depot/b\""),
        (None, &["depot/a", "depot/a"], "lists \"depot/a\" after \"depot/a\""),
        (Some("depot/b"), &["depot/b"], "lists \"depot/b\" after \"depot/b\""),
        (None, &["depots"], "outside of its prefix"),
        (None, &[], "lists nothing, and says that there is more"),
    ];
    for (after, keys, part) in table {
        let why = judge(after, keys, false).unwrap_err();
        assert!(why.contains(part), "{why} has no {part}");
    }
}

/// A function of 512 MB holds one large object, or thirty-two small ones.
#[test]
fn what_is_copied_at_a_time_has_an_end() {
    let (small, large) = (100_000, 5 << 40);
    assert!(has_room(0, 0, large));
    assert!(!has_room(1, weight_bytes(large), small));
    assert!(!has_room(1, weight_bytes(small), large));
    assert!(has_room(7, 7 * COPY_BYTES_MAX, COPY_BYTES_MAX));
    assert!(!has_room(8, 8 * COPY_BYTES_MAX, 1));
    assert!(has_room(31, 31 * small, small));
    assert!(!has_room(32, 32 * small, small));
}

#[test]
fn the_newest_that_was_begun_is_gone_on_with() {
    let keys: Vec<String> = [
        "begun/a/2026-11-20T00-00-00Z.json",
        "begun/b/2026-11-20T01-00-00Z.json",
        "begun/b/2026-11-21T00-00-00Z.json",
        "begun/c/2026-11-19T00-00-00Z.json",
        "begun/c/not-a-slot.json",
        "begun/d/2026-11-20T06-00-00Z.json",
    ]
    .map(str::to_owned)
    .to_vec();
    let found = newest_begun(&keys);
    let found: Vec<String> =
        found.iter().map(|(system, slot)| format!("{system} {slot}")).collect();
    assert_eq!(
        found,
        [
            "a 2026-11-20T00-00-00Z",
            "b 2026-11-21T00-00-00Z",
            "c 2026-11-19T00-00-00Z",
            "d 2026-11-20T06-00-00Z"
        ]
    );
}

#[test]
fn what_nobody_was_at_for_longest_comes_first() {
    let at = |text: &str| Some(text.parse().unwrap());
    let begun = vec![
        (at("2026-11-20T00:20:00Z"), "a"),
        (at("2026-11-20T00:10:00Z"), "b"),
        (None, "c"),
        (at("2026-11-20T00:10:00Z"), "d"),
        (at("2026-11-19T00:00:00Z"), "e"),
    ];
    assert_eq!(longest_ago_first(begun), ["c", "e", "b", "d", "a"]);
}

/// A missed backup has one name, whoever looks and when; one that nobody would store any more has none.
#[test]
fn a_backup_that_nobody_has_begun_is_overdue_once_the_objective_is_broken() {
    let newest = Slot::parse("2026-11-20T00-00-00Z").unwrap();
    let (hour_s, day_s) = (3_600, 86_400);
    let table = [
        (day_s, "2026-11-20T00:00:00Z", None),
        (day_s, "2026-11-19T23:59:59Z", None),
        (day_s, "2026-11-21T00:19:59Z", None),
        (day_s, "2026-11-21T00:20:00Z", Some("2026-11-21T00-00-00Z")),
        (day_s, "2026-11-21T12:00:00Z", Some("2026-11-21T00-00-00Z")),
        (day_s, "2026-11-23T00:00:00Z", Some("2026-11-22T00-00-00Z")),
        (26 * hour_s, "2026-11-21T02:20:00Z", Some("2026-11-21T02-00-00Z")),
        // Older than a day, and so refused whoever asked for it; the next one is named in an hour.
        (26 * hour_s, "2026-11-22T03:00:00Z", None),
        (26 * hour_s, "2026-11-22T04:20:00Z", Some("2026-11-22T04-00-00Z")),
        (hour_s, "2026-11-20T05:30:00Z", Some("2026-11-20T05-00-00Z")),
        (0, "2026-11-21T00:20:00Z", None),
        (u64::MAX, "2026-11-21T00:20:00Z", None),
    ];
    for (rpo_s, now, wanted) in table {
        let found = overdue(newest, rpo_s, now.parse().unwrap()).map(|slot| slot.to_string());
        assert_eq!(found.as_deref(), wanted, "{rpo_s} s, {now}");
    }
}
