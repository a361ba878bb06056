//! What a rehearsal takes for done, and what it says of each step.

use super::*;
use crate::database::{Restorable, RestoreView};
use crate::dns::Change;
use capacity::{group, scaled};

fn words(next: Next) -> String {
    told(&next)
}

#[test]
fn a_rehearsal_says_what_each_step_would_come_to() {
    let turn =
        |over: Option<&str>| words(Next::Do(Act::TurnSwitch { over: over.map(str::to_owned) }));
    let (old, new) = (record("203.0.113.10"), record("203.0.113.20"));
    let batch = vec![Change::Delete(old), Change::Create(new)];
    let refusal = || Refusal::Cooldown { term: Term(1), since_s: 1, cooldown_s: 2 };
    let why = refusal().to_string();
    for (said, expected) in [
        (
            words(Next::Do(Act::Repoint(batch))),
            "would submit DELETE controller.example.com A 203.0.113.10, CREATE \
             controller.example.com A 203.0.113.20",
        ),
        (turn(None), "would turn the switch, over nothing"),
        (turn(Some("e")), "would turn the switch, over what the last move left"),
        (
            words(Next::Do(Act::RestoreDatabase { snapshot: "copy-1".to_owned() })),
            "would restore the database from a copied snapshot copy-1",
        ),
        (words(Next::Do(Act::Fence)), "would fence the old site"),
        (
            words(Next::Confirm(Step::PromoteDatabase, Finding::Writable)),
            "would be seen done at once",
        ),
        (words(Next::Wait("it runs".to_owned())), "would wait, because it runs"),
        (words(Next::Later("it runs".to_owned())), "would wait, because it runs"),
        (words(Next::Stop(refusal())), &format!("would be refused, because {why}")),
        (words(Next::Abandon(refusal(), vec![])), &format!("would be given up, because {why}")),
    ] {
        assert_eq!(said, expected);
    }
    let kinds = [Kind::Failover, Kind::Switchover, Kind::Failback].map(Kind::words);
    assert_eq!(kinds, ["failover", "switchover", "failback"]);
}

/// Each step is decided as if those before it were done five minutes ago, whatever they are.
#[test]
fn every_step_is_rehearsed_as_if_those_before_it_were_done_a_while_ago() {
    let mut opened = opened();
    let copy = Restorable { snapshot: "copy-1".to_owned(), taken_at: ago(7_200) };
    opened.view.restore = Some(RestoreView { instance: Seen::Absent, copy: Seen::Here(copy) });
    let first = [Step::SeedDatabase, Step::Fence, Step::CatchUp, Step::StopCapacity];
    let then = [Step::StartCapacity, Step::RestoreDatabase, Step::PromoteDatabase];
    opened.steps = [&first[..], &then[..], &opened.steps[2..]].concat();
    for (done, step) in opened.steps.iter().enumerate() {
        let progress = as_if_done(&plan(), &opened, Term(7), done, now()).unwrap();
        assert_eq!((progress.term, progress.next_step()), (Term(7), Some(*step)));
        assert!(progress.past.iter().all(|past| past.at == ago(300)), "{step:?}");
    }
    let whole = as_if_done(&plan(), &opened, Term(7), opened.steps.len(), now()).unwrap();
    assert_eq!(whole.next_step(), None);
    let found = |step| {
        whole.past.iter().find(|past| past.step == step).map(|past| past.finding.clone()).unwrap()
    };
    let replica = "controller-db-west".to_owned();
    assert_eq!(found(Step::SeedDatabase), Finding::Seeded { replica: replica.clone(), lag_s: 0 });
    let restored = Finding::Restored {
        instance: replica,
        snapshot: "copy-1".to_owned(),
        taken_at: ago(7_200),
    };
    assert_eq!(found(Step::RestoreDatabase), restored);
    let fenced = as_if_done(&plan(), &opened, Term(7), 2, now()).unwrap();
    assert_eq!(fenced.debts, [Debt::Appliance, Debt::Database], "nothing of it was paid");
    assert_eq!(whole.debts, [], "its instances are gone");
}

/// A rehearsal starts nothing, so it decides the fence of a planned move as if the new site were well, and
/// nothing else: what a failover would meet is what it shows.
#[test]
fn only_a_planned_fence_is_rehearsed_as_if_the_new_site_ran() {
    let plan = scaled(FenceDemand::Attempted);
    let of = |kind: Kind, seen: Option<Seen<crate::capacity::Group>>| {
        as_if_open(&plan, &OpeningView { kind, capacity: seen, ..lost() })
    };
    let (dark, lit) = (|| Some(Seen::Here(group(0, 0))), || Some(Seen::Here(group(2, 2))));
    let unknown = || Some(Seen::Unknown("throttled".to_owned()));
    let is_well = |opened: &Opened, step: Step| {
        let ill = View { new: vec![signal("internet", silent())], ..view() };
        let seen = as_if_running(&plan, opened, step, ill.clone());
        assert_eq!(View { new: ill.new.clone(), ..seen.clone() }, ill, "nothing else is changed");
        not_healthy(&seen.new).is_none()
    };
    for (opened, is_dark, is_planned) in [
        (of(Kind::Switchover, dark()), true, true),
        (of(Kind::Failover, dark()), true, false),
        (of(Kind::Switchover, lit()), false, true),
        (of(Kind::Switchover, unknown()), false, true),
        (of(Kind::Switchover, None), false, true),
    ] {
        assert_eq!(is_unlit(&plan, &opened), is_dark, "{:?}", opened.view.capacity);
        assert_eq!(is_well(&opened, Step::Fence), is_dark && is_planned);
        assert!(!is_well(&opened, Step::StopCapacity));
    }
}
