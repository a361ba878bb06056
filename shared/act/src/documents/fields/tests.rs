use super::*;

fn sentence<T: fmt::Debug>(answer: Result<T, Refusal>) -> String {
    answer.unwrap_err().to_string()
}

#[test]
fn says_what_was_found_and_what_is_allowed() {
    let table: &[(&[u8], &str)] = &[
        (b"", "EOF while parsing a value"),
        (b"\xff\xfe", "expected value"),
        (b"{\"system\":\"a\xff\"}", "invalid unicode code point"),
        (b"[1, 2]", "it is a list of 2, and a JSON object is taken"),
        (b"\"backup\"", "it is \"backup\", and a JSON object is taken"),
        (b"null", "it is null, and a JSON object is taken"),
        (b"{\"a\": 1} x", "trailing characters"),
        (b"{\"system\": \"a\", \"system\": \"b\"}", "the key \"system\" comes twice"),
        (b"{\"detail\": {\"key\": 1, \"key\": 2}}", "the key \"key\" comes twice"),
    ];
    for (bytes, part) in table {
        let sentence = sentence(event(bytes));
        assert!(sentence.contains(part), "{sentence} has no {part}");
    }
    let deep = "[".repeat(100_000);
    assert!(sentence(event(deep.as_bytes())).contains("recursion limit"));
}

#[test]
fn reads_a_field_or_says_why_not() {
    let event = event(
        br#"{"system":"Big_Controller","scheduled":"<aws.scheduler.scheduled-time>","at":"noon",
            "slot":"2026-11-21","n":7,"detail":{"object":{"key":"plans/a.toml"}},"none":null}"#,
    )
    .unwrap();
    assert_eq!(text(&event, "detail.object.key", "a key").unwrap(), "plans/a.toml");
    assert_eq!(optional_text(&event, "detail.object.version-id", "an id").unwrap(), None);
    assert_eq!(optional_text(&event, "none", "an id").unwrap(), None);
    let table = [
        (sentence(text(&event, "n", "a text")), "`n` is 7, but must be a text"),
        (sentence(text(&event, "detail", "a text")), "`detail` is an object, but must be a text"),
        (
            sentence(text(&event, "detail.key", "a key")),
            "`detail.key` is missing; it must be a key",
        ),
        (
            sentence(system(&event)),
            "`system` is \"Big_Controller\", but must be the name of a system",
        ),
        (sentence(instant(&event, "at")), "`at` is \"noon\", but must be an instant"),
        (sentence(instant(&event, "scheduled")), "only EventBridge Scheduler fills in"),
        (sentence(slot(&event)), "`slot` is \"2026-11-21\", but must be a slot"),
        (sentence(only(&event, &["system", "at"])), "it has a field \"detail\", and this action"),
    ];
    for (sentence, part) in table {
        assert!(sentence.contains(part), "{sentence} has no {part}");
    }
}

#[test]
fn does_not_repeat_a_payload_of_a_megabyte() {
    let big = format!("{{\"system\":\"{}\"}}", "é".repeat(500_000));
    let event = event(big.as_bytes()).unwrap();
    assert!(sentence(system(&event)).chars().count() < 500);
}

#[test]
fn takes_a_slot_written_in_either_way() {
    for written in ["2026-11-21T00-00-00Z", "2026-11-21T00:00:00Z"] {
        let event = serde_json::json!({ "slot": written });
        assert_eq!(slot(&event).unwrap().to_string(), "2026-11-21T00-00-00Z");
    }
}
