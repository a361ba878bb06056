use super::problem::{nearest, one_of, quoted};
use super::{Found, Problem, Problems};

#[test]
fn the_nearest_name_is_the_one_that_was_probably_meant() {
    let names = ["keep", "kms_key", "source", "throttle"];
    for (key, meant) in [
        ("kepe", Some("keep")),
        ("KEEP", Some("keep")),
        ("kee", Some("keep")),
        ("kmskey", Some("kms_key")),
        ("kms-key", Some("kms_key")),
        ("sources", Some("source")),
        ("trothle", Some("throttle")),
        ("name", None),
        ("", None),
        ("k", None),
    ] {
        assert_eq!(nearest(key, names), meant, "{key}");
    }
    assert_eq!(nearest(&"keep".repeat(1_000), names), None);
    assert_eq!(nearest("keep", []), None);
    // Two letters swapped are one slip, in a word that may have no second one.
    assert_eq!(nearest("fo", ["down", "of"]), Some("of"));
}

#[test]
fn what_was_found_is_quoted_and_shortened() {
    assert_eq!(quoted("a\n\"b\"\u{7}"), "\"a\\n\\\"b\\\"\\u{7}\"");
    assert_eq!(quoted(&"ä".repeat(81)), format!("\"{}…\"", "ä".repeat(80)));
    assert_eq!(quoted(&"ä".repeat(80)), format!("\"{}\"", "ä".repeat(80)));
    assert_eq!(one_of(["a"]), "a");
    assert_eq!(one_of(["a", "b", "c"]), "a, b or c");
}

#[test]
fn problems_are_in_the_order_of_their_lines_and_there_is_at_least_one() {
    let problem = |line, field: &str| Problem {
        line,
        field: field.to_owned(),
        found: Found::Value("1".to_owned()),
        allowed: "2".to_owned(),
    };
    assert_eq!(Problems::gather(Vec::new()), None);
    let problems =
        Problems::gather(vec![problem(9, "a"), problem(2, "b"), problem(9, "c")]).unwrap();
    assert_eq!(
        problems.to_string(),
        "3 problems in the plan\nline 2: b is 1, but must be 2\nline 9: a is 1, but must be 2\n\
         line 9: c is 1, but must be 2"
    );
    assert_eq!(
        Problems::from(problem(1, "")).to_string(),
        "1 problem in the plan\nline 1: the plan is 1, but must be 2"
    );
}
