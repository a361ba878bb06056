use super::*;
use crate::failover::tests::{now, opened, progress_of};
use crate::journal::End;
use jiff::SignedDuration;

/// What is owed, what was paid, how it ended, and what a tick does about it in that minute.
#[test]
fn a_tick_drives_pays_or_looks_again() {
    let newest = |end: Option<bool>, debts: &[Debt], paid: &[Debt]| {
        let mut progress = progress_of(opened(), &[], None);
        progress.end = end.map(|completed| End { at: now(), completed });
        (progress.debts, progress.paid) = (debts.to_vec(), paid.to_vec());
        progress
    };
    let quarter = now() + SignedDuration::from_mins(5);
    let (database, mode) = (&[Debt::Database][..], &[Debt::Mode][..]);
    for (end, debts, paid, expected) in [
        (None, database, &[][..], Duty::Drive),
        (Some(true), database, &[], Duty::Pay { may_begin: false }),
        (Some(false), mode, &[], Duty::Pay { may_begin: true }),
        (Some(true), &[], database, Duty::LookAgain),
        (Some(false), &[], mode, Duty::Nothing),
        (Some(true), &[], &[], Duty::Nothing),
    ] {
        assert_eq!(duty(&newest(end, debts, paid), quarter), expected, "{end:?}, {debts:?}");
    }
    let other = quarter + SignedDuration::from_mins(1);
    assert_eq!(duty(&newest(Some(true), &[], database), other), Duty::Nothing, "not each minute");
}
