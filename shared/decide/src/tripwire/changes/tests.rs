use super::*;

fn changes(before: u64, changed: u64, entropy_mbits: u64) -> Changes {
    let new = Measures { size_bytes: changed * 10_000, entropy_mbits };
    Changes { before, kept: before - changed, new }
}

fn days(shares: &[u64]) -> Vec<Changes> {
    shares.iter().map(|changed| changes(1_000, *changed, 5_000)).collect()
}

#[test]
fn a_bucket_of_which_most_has_changed_is_told() {
    let calm = days(&[0, 3, 1, 0, 7, 2]);
    assert_eq!(judge_changes("depot", changes(1_000, 9, 5_000), &calm), Judged::Usual);
    assert_eq!(judge_changes("depot", changes(1_000, 249, 5_000), &calm), Judged::Usual);
    let Judged::Suspicious(clauses) = judge_changes("depot", changes(1_000, 1_000, 7_999), &calm)
    else {
        panic!("not suspicious")
    };
    assert_eq!(
        clauses,
        ["1000 of the 1000 objects that depot had have other contents now or are gone, 1000 in a \
             thousand, and the median of the 6 before it is 2",]
    );
}

/// What is encrypted is told by its entropy too, where something new came often enough to know.
#[test]
fn new_artifacts_that_look_encrypted_are_told() {
    let calm = days(&[3, 3, 1, 2, 7, 2]);
    let Judged::Suspicious(clauses) = judge_changes("depot", changes(1_000, 9, 7_999), &calm)
    else {
        panic!("not suspicious")
    };
    let [clause] = &clauses[..] else { panic!("{clauses:?}") };
    assert!(clause.starts_with("what is new in depot has 7.999 bits of entropy"), "{clause}");
}

#[test]
fn a_bucket_that_changes_every_day_or_of_which_little_is_known_is_not_told() {
    let busy = days(&[900, 1_000, 950, 1_000, 980]);
    assert_eq!(judge_changes("depot", changes(1_000, 1_000, 5_000), &busy), Judged::Usual);
    let calm = days(&[0, 0, 0, 0]);
    assert_eq!(judge_changes("depot", changes(1_000, 1_000, 5_000), &calm), Judged::Unknown);
    let few: Vec<Changes> = (0..6).map(|_| changes(9, 0, 5_000)).collect();
    assert_eq!(judge_changes("depot", changes(9, 9, 5_000), &few), Judged::Usual);
    let first = Changes::default();
    assert_eq!(judge_changes("depot", first, &days(&[0; 6])), Judged::Usual);
}
