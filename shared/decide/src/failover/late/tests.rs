use jiff::SignedDuration;

use super::*;
use crate::failover::Kind;
use crate::failover::tests::{now, opened, plan, progress_of};
use crate::journal::End;

fn at(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// Seconds that count, seconds after `now` at which it is asked.
fn without(progress: &Progress, asked_at: i64) -> Option<u64> {
    late(&plan(), progress, at(asked_at), "the database is modifying").map(|late| late.without_s)
}

#[test]
fn a_failover_counts_from_the_loss_and_may_take_what_was_agreed() {
    let mut opened = opened();
    opened.view.lost_at = at(-100);
    let rto_s = i64::try_from(plan().objectives.rto_s).unwrap();
    let mut progress = progress_of(opened, &[], Some(Step::Fence));
    assert_eq!(without(&progress, rto_s - 100), None);
    assert_eq!(without(&progress, rto_s - 99), Some(plan().objectives.rto_s + 1));
    progress.end = Some(End { at: now(), completed: true });
    assert_eq!(without(&progress, rto_s * 2), None, "it has ended");
}

/// While a replica is made for it, for hours, the system is where it was.
#[test]
fn a_planned_move_counts_from_its_fence() {
    let mut opened = opened();
    opened.kind = Kind::Switchover;
    opened.view.lost_at = at(-100);
    let rto_s = i64::try_from(plan().objectives.rto_s).unwrap();
    let before = progress_of(opened.clone(), &[], None);
    assert_eq!(without(&before, 100_000), None);
    let mut fenced = progress_of(opened, &[], Some(Step::Fence));
    fenced.first_intended_at = vec![(Step::SeedDatabase, at(10)), (Step::Fence, at(5_000))];
    assert_eq!(without(&fenced, 5_000 + rto_s), None);
    assert_eq!(without(&fenced, 5_001 + rto_s), Some(plan().objectives.rto_s + 1));
}

#[test]
fn it_says_what_it_waits_for_with_both_numbers() {
    let mut opened = opened();
    opened.view.lost_at = at(0);
    let progress = progress_of(opened, &[], None);
    let late = late(&plan(), &progress, at(1_023), "the database is modifying since 700 s");
    let said = late.unwrap().to_string();
    assert!(
        said.starts_with("controller is unavailable for 1023 s, and 900 s were agreed:"),
        "{said}"
    );
    assert!(said.ends_with("waits: the database is modifying since 700 s"), "{said}");
}
