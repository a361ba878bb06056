//! Systems that come after others.

use super::*;

const BEFORE: &str = "database";

fn seen(other: Seen<Other>, waited_s: i64) -> Next {
    let begun = progress(&[fenced()], None);
    let since = begun.past.last().unwrap().at;
    let change = |view: &mut View| {
        view.now = since + SignedDuration::from_secs(waited_s);
        view.others = vec![(SystemName::parse(BEFORE).unwrap(), other)];
    };
    after(change, &begun)
}

#[test]
fn nothing_is_promoted_while_a_system_that_comes_before_is_failed_over() {
    let settled = Seen::Here(Other::Settled);
    assert_eq!(seen(settled, 0), Next::Do(Act::PromoteDatabase));
    assert_eq!(seen(Seen::Absent, 0), Next::Do(Act::PromoteDatabase));
    for (other, part) in [
        (Seen::Here(Other::UnderWay), "database (under way)"),
        (Seen::Here(Other::AboutToBegin), "database (its alarm is raised)"),
        // What is not known is no reason to go first.
        (Seen::Unknown("403".to_owned()), "database (not known: 403)"),
    ] {
        let Next::Wait(why) = seen(other.clone(), 600) else { panic!("{part}") };
        assert!(why.contains(part), "{why}");
        let Next::Stop(refusal) = seen(other, 601) else { panic!("{part}") };
        assert!(matches!(refusal, Refusal::OthersUnderWay { .. }), "{refusal}");
        let sentence = refusal.to_string();
        assert!(sentence.contains(part), "{sentence}");
        assert!(sentence.contains("601 s") && sentence.contains("600 s"), "{sentence}");
    }
}

/// Only the first promotion waits: what was intended may have happened, and goes forward.
#[test]
fn what_was_intended_waits_for_nobody() {
    let others = |view: &mut View| {
        let under_way = Seen::Here(Other::UnderWay);
        view.others = vec![(SystemName::parse(BEFORE).unwrap(), under_way)];
    };
    let intended = progress(&[fenced()], Some(Step::PromoteDatabase));
    assert_eq!(after(others, &intended), Next::Do(Act::PromoteDatabase));
    let second = progress(&[fenced(), (Step::PromoteDatabase, Finding::Writable)], None);
    assert_eq!(after(others, &second), Next::Do(Act::PromoteAppliance));
}
