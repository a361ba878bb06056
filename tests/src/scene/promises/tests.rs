//! What is not broken on the local stack on purpose: a run that ends without a word.

use super::{outcomes, silent};

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

const DONE: &str = r#"{"level":"INFO","message":"well","request_id":"r-1","outcome":"done"}"#;
const WARNED: &str = r#"{"level":"WARN","message":"outcome","request_id":"r-2"}"#;

#[test]
fn an_outcome_is_a_field_of_a_line_and_not_a_word_in_it() {
    let found = outcomes(&lines(&["START RequestId: r-1", DONE, WARNED, "END RequestId: outcome"]));
    let said = |(outcome, sentence): &(String, String)| (outcome == "done", sentence == "well");
    assert_eq!(found.get("r-1").map(said), Some((true, true)));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_run_that_ends_without_an_outcome_breaks_p5() {
    let (first, second) =
        ("REPORT RequestId: r-1\tDuration: 2 ms", "REPORT RequestId: r-2\tDuration");
    assert!(silent(&lines(&[DONE, first])).is_empty());
    let ended = lines(&[DONE, first, WARNED, second]);
    assert_eq!(silent(&ended).into_iter().collect::<Vec<_>>(), ["r-2"]);
}
