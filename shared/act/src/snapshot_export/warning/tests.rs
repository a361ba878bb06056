use super::*;

#[test]
fn every_list_of_a_warning_counts_and_an_empty_one_does_not() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        ("  \n", &[]),
        (r#"{"skippedTables":[],"skippedObjectives":[],"general":[]}"#, &[]),
        (
            r#"{"skippedTables":[{"tableName":"a.logs","reason":"PERMISSIONS_DO_NOT_EXIST"}]}"#,
            &["skippedTables: a.logs (PERMISSIONS_DO_NOT_EXIST)"],
        ),
        (
            r#"{"skippedTables":[{"target":"d.public.logs","reason":"TOO_LARGE"}]}"#,
            &["skippedTables: d.public.logs (TOO_LARGE)"],
        ),
        (
            r#"{"skippedTables":[{"relation":"logs","reason":"TOO_LARGE"}]}"#,
            &[r#"skippedTables: {"reason":"TOO_LARGE","relation":"logs"}"#],
        ),
        (
            r#"{"general":[{"reason":"FAILED_TO_EXTRACT_TABLES_LIST_FOR_DATABASE"}]}"#,
            &["general: FAILED_TO_EXTRACT_TABLES_LIST_FOR_DATABASE"],
        ),
        (
            r#"{"skippedTables":["public.a","public.b"]}"#,
            &["skippedTables: public.a", "skippedTables: public.b"],
        ),
        (r#"{"ofNextYear":[{"column":"é"}]}"#, &[r#"ofNextYear: {"column":"é"}"#]),
        (r#"{"skippedTables":"all"}"#, &["skippedTables: all"]),
        ("table t was skipped", &["RDS warns: table t was skipped"]),
        ("[]", &["RDS warns: []"]),
        (r#"{"skippedTables":[{"#, &[r#"RDS warns: {"skippedTables":[{"#]),
    ];
    for (warning, wanted) in table {
        assert_eq!(clauses(warning), *wanted, "{warning}");
    }
}

#[test]
fn a_warning_of_a_thousand_tables_stays_readable() {
    let items: Vec<String> = (0..1000).map(|n| format!("{{\"tableName\":\"t{n}\"}}")).collect();
    let found = clauses(&format!("{{\"skippedTables\":[{}]}}", items.join(",")));
    assert_eq!(found.len(), CLAUSES_MAX + 1);
    assert_eq!(found.last().unwrap(), "and 950 more");
    assert!(clauses(&"é".repeat(10_000)).concat().chars().count() < 400);
}
