//! What a failover owes that was given up, and what the next one makes of it.

use super::*;
use crate::dns::RecordSet;
use crate::journal::{Abort, End};

/// The failover before, which was given up and owes the site its mode.
fn owing() -> PastTerm {
    PastTerm { completed: false, debts: vec![Debt::Mode], ..past(7_200) }
}

/// A failover that has taken that over.
fn inheriting(intended: Option<Step>) -> Progress {
    let mut view = lost();
    view.past = vec![owing()];
    progress_of(open(&plan(), &view).unwrap(), &[], intended)
}

/// A site may be owed its mode and be lost: a failover takes the debt over, a planned move waits. Only
/// the newest term counts: the one after it has taken over what an older one still owes.
#[test]
fn a_failover_takes_over_what_the_last_one_owes_and_a_planned_move_waits_for_it() {
    assert!(inheriting(None).has_inherited());
    let mut older = lost();
    older.past = vec![PastTerm { debts: vec![], ..owing() }, owing()];
    let later = progress_of(open(&plan(), &older).unwrap(), &[], None);
    assert!(!later.has_inherited() && !later.is_touched());
    let mut planned = lost();
    planned.kind = Kind::Switchover;
    planned.asked = Asked::Operator { reason: "maintenance".to_owned() };
    planned.primary = vec![signal("internet", Sight::AsExpected)];
    let refused = |past: Vec<PastTerm>| {
        let refusal = open(&plan(), &OpeningView { past, ..planned.clone() });
        refusal.err().map(|refusal| refusal.to_string()).unwrap_or_default()
    };
    let said = refused(vec![owing()]);
    assert!(said.contains("term 1 still owes the old site given back its mode"), "{said}");
    let said = refused(older.past.clone());
    assert!(!said.contains("still owes"), "{said}");
}

/// P2: a run that still pays what the last failover owed may tell the site to be production until it is
/// dead; no answer to a fence counts before that, whatever it is.
#[test]
fn a_fence_counts_only_when_nothing_that_was_owed_can_arrive() {
    let begun = inheriting(Some(Step::Fence));
    let told = |attempt: Attempt, seconds: i64| {
        after(
            |view| {
                view.now = now() + SignedDuration::from_secs(300);
                view.told_at = Some(now() + SignedDuration::from_secs(seconds));
                view.attempt = Some(attempt);
            },
            &begun,
        )
    };
    for attempt in [Attempt::Accepted, Attempt::Unreachable("no answer".to_owned())] {
        let early = told(attempt.clone(), 194);
        assert!(matches!(&early, Next::Wait(why) if why.contains("195 s")), "{early:?}");
        let late = told(attempt, 195);
        assert!(matches!(late, Next::Confirm(Step::Fence, _)), "{late:?}");
    }
    assert_eq!(after(|_| {}, &begun), Next::Do(Act::Fence), "it is told at once all the same");
    // One that has inherited nothing believes the first answer.
    let accepted = |view: &mut View| view.attempt = Some(Attempt::Accepted);
    let next = after(accepted, &progress(&[], Some(Step::Fence)));
    assert!(matches!(next, Next::Confirm(Step::Fence, _)), "{next:?}");
}

/// I11: a site that is owed its mode is given it back even if this failover has told it nothing yet.
#[test]
fn a_site_that_is_owed_its_mode_is_never_taken_for_untouched() {
    assert_eq!(after(up, &inheriting(None)), Next::Do(Act::Unfence));
    let mut aborted = inheriting(None);
    aborted.abort = Some(Abort { who: "Ada".to_owned(), reason: "it is back".to_owned() });
    assert_eq!(after(up, &aborted), Next::Do(Act::Unfence));
}

/// An abort ends with what the site was told; one that could not be told is owed it.
#[test]
fn an_abort_owes_what_it_could_not_tell() {
    let mut aborted = progress(&[], Some(Step::Unfence));
    aborted.first_intended_at.push((Step::Fence, now()));
    aborted.abort = Some(Abort { who: "Ada".to_owned(), reason: "it is back".to_owned() });
    let end = |attempt: Attempt, seconds: i64| {
        after(
            |view| {
                view.told_at = Some(now() + SignedDuration::from_secs(seconds));
                view.attempt = Some(attempt);
            },
            &aborted,
        )
    };
    let gone = || Attempt::Unreachable("no answer".to_owned());
    for (attempt, owed) in [(Attempt::Accepted, vec![]), (gone(), vec![Debt::Mode])] {
        assert!(matches!(end(attempt.clone(), 194), Next::Later(_)), "{attempt:?}");
        let next = end(attempt.clone(), 195);
        let Next::Abandon(Refusal::Aborted { .. }, debts) = &next else { panic!("{next:?}") };
        assert_eq!(debts, &owed, "{attempt:?}");
    }
    // Up on some path, and silent to its appliance's call: it is told again at once.
    let next = after(
        |view| {
            up(view);
            view.attempt = Some(gone());
        },
        &aborted,
    );
    assert!(matches!(next, Next::Wait(_)), "{next:?}");
}

/// It is told to be production while its records lead to it, and only then.
#[test]
fn a_site_is_given_back_its_mode_while_its_records_lead_to_it() {
    let progress = progress(&[], Some(Step::Unfence));
    let held = |term: u32| {
        let name = "_warmspare.controller.controller.example.com";
        RecordSet::simple("Z1", name, "TXT", 60, vec![format!("\"term={term}\"")])
    };
    let told = |records| give_back(&plan(), &progress, &records, None);
    let here = |address: &str| Seen::Here(vec![record(address)]);
    assert_eq!(told(here("203.0.113.10")), Ok(()));
    assert_eq!(told(Seen::Here(vec![record("203.0.113.10"), held(1)])), Ok(()));
    for (records, part) in [
        (here("203.0.113.20"), "lead elsewhere"),
        (here("192.0.2.9"), "somebody changed it"),
        (Seen::Here(vec![record("203.0.113.10"), held(2)]), "term 2 has moved"),
        (Seen::Absent, "no records"),
        (Seen::Unknown("throttled".to_owned()), "not known: throttled"),
    ] {
        let why = told(records).unwrap_err();
        assert!(why.contains(part), "{part}: {why}");
    }
}

/// A site that is up on its paths, and whose appliance does not take the call, is not given up.
#[test]
fn the_way_back_is_lost_only_when_the_site_is_down() {
    let next = after(
        |view| {
            up(view);
            view.told_at = Some(now() + SignedDuration::from_secs(900));
            view.attempt = Some(Attempt::Unreachable("no answer".to_owned()));
        },
        &progress(&[], Some(Step::Unfence)),
    );
    assert!(matches!(next, Next::Wait(_)), "{next:?}");
}

/// What the guards of the next one go by: whether this one moved the system, told its site anything, was
/// wanted by a person to end, and put instances back.
#[test]
fn a_failover_that_has_ended_says_what_the_next_one_has_to_know() {
    let of = |kind: Kind, intended: Option<Step>, completed: bool, is_aborted: bool| {
        let opened = Opened { kind, ..opened() };
        let mut progress = progress_of(opened, &[], intended);
        progress.end = Some(End { at: ago(60), completed });
        let (who, reason) = ("Ada".to_owned(), "not today".to_owned());
        progress.abort = is_aborted.then_some(Abort { who, reason });
        progress
    };
    use Kind::{Failover, Switchover};
    let fence = Some(Step::Fence);
    for (kind, intended, completed, is_aborted, untouched) in [
        (Failover, None, false, false, true),
        (Failover, None, false, true, false),
        (Failover, fence, false, false, false),
        (Failover, None, true, false, false),
        (Failover, fence, true, false, false),
        (Switchover, None, false, true, true),
        (Switchover, fence, false, true, false),
    ] {
        let during = format!("{kind:?}, {intended:?}, {completed}, {is_aborted}");
        let past = PastTerm::of(&of(kind, intended, completed, is_aborted), now()).unwrap();
        assert_eq!((past.kind, past.completed), (kind, completed), "{during}");
        assert_eq!(past.untouched, untouched, "{during}");
        assert_eq!((past.ended_at, past.put_back), (now(), false), "with its last entry");
    }
    assert_eq!(PastTerm::of(&progress(&[], None), now()), None, "it is open");
    let mut owing = of(Switchover, None, false, false);
    owing.debts = vec![Debt::Mode, Debt::PilotLight];
    let past = PastTerm::of(&owing, now()).unwrap();
    assert_eq!((past.debts, past.put_back), (owing.debts.clone(), true), "they are put back");
    (owing.debts, owing.paid) = (vec![], vec![Debt::PilotLight]);
    let past = PastTerm::of(&owing, now()).unwrap();
    assert_eq!((past.debts, past.put_back), (vec![], true), "they were put back");
}
