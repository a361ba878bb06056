//! Planned moves between Auto Scaling groups.

use super::*;
use crate::capacity::Group;
use crate::failover::tests::capacity::{self, group};
use crate::journal::{Entry, FORMAT, What};
use crate::name::SystemName;

fn scaled() -> Plan {
    capacity::scaled(FenceDemand::Attempted)
}

/// West is a pilot light.
fn unlit() -> OpeningView {
    OpeningView {
        standby: vec![signal("internet", Sight::Otherwise("it answered 503".to_owned()))],
        capacity: Some(Seen::Here(group(0, 0))),
        leaving: Some(Seen::Here(group(1, 1))),
        ..calm()
    }
}

fn begun(done: &[(Step, Finding)], intended: Option<Step>) -> Progress {
    progress_of(open(&scaled(), &unlit()).unwrap(), done, intended)
}

fn started() -> (Step, Finding) {
    (Step::StartCapacity, Finding::InService { group: group(2, 2) })
}

/// Everything before the old instances end.
fn caught_up() -> [(Step, Finding); 3] {
    let fenced = Finding::Fenced { debts: vec![Debt::Capacity, Debt::Database] };
    let caught_up = (Step::CatchUp, Finding::CaughtUp { measured_at: now() });
    [started(), (Step::Fence, fenced), caught_up]
}

fn decided(progress: &Progress, change: impl FnOnce(&mut View)) -> Next {
    after_under(&scaled(), well(), change, progress)
}

fn later(seconds: i64) -> jiff::Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

#[test]
fn what_may_fail_comes_first_and_what_cannot_be_taken_back_comes_last() {
    use Step::*;
    let first = [StartCapacity, Fence, CatchUp, StopCapacity, PromoteDatabase, PromoteAppliance];
    assert_eq!(open(&scaled(), &unlit()).unwrap().steps[..6], first);
    let home = OpeningView { standby: calm().standby, leaving: None, ..away() };
    let steps = open(&scaled(), &home).unwrap().steps;
    assert_eq!(
        steps[..3],
        [SeedDatabase, StartCapacity, Fence],
        "a replica takes hours to be made"
    );
    let mut without = scaled();
    without.database = None;
    let view = OpeningView { replica: None, lag_s: None, pair: None, ..unlit() };
    let steps = open(&without, &view).unwrap().steps;
    assert_eq!(steps[..4], [StartCapacity, Fence, StopCapacity, PromoteAppliance]);
}

/// What keeps the instances of the active site from ending is said before anything begins.
#[test]
fn a_planned_move_begins_only_where_the_old_instances_can_end() {
    let refused = |leaving: Seen<Group>| {
        let refusal = open(&scaled(), &OpeningView { leaving: Some(leaving), ..unlit() });
        refusal.unwrap_err()
    };
    let bound = refused(Seen::Here(Group { min: 1, ..group(1, 1) }));
    assert!(matches!(bound, Refusal::CapacityOutOfBounds { desired: 0, min: 1, .. }), "{bound}");
    let kept = refused(Seen::Here(Group { protected: 1, ..group(1, 1) }));
    assert!(kept.to_string().contains("1 protected from scale-in"), "{kept}");
    let suspended = vec!["Terminate".to_owned()];
    let kept = refused(Seen::Here(Group { suspended, ..group(1, 1) }));
    assert!(kept.to_string().contains("suspended: Terminate"), "{kept}");
    let suspended = vec!["AZRebalance".to_owned()];
    let fine = Seen::Here(Group { suspended, ..group(1, 1) });
    assert!(open(&scaled(), &OpeningView { leaving: Some(fine), ..unlit() }).is_ok());
    assert!(matches!(refused(Seen::Absent), Refusal::NoCapacity { .. }));
    let unknown = refused(Seen::Unknown("throttled".to_owned()));
    assert!(matches!(unknown, Refusal::ActiveNotHealthy { .. }), "{unknown}");
}

/// In service and well, for as long as a quarter of an hour; then nobody was told anything.
#[test]
fn the_new_site_runs_and_is_well_before_anybody_is_told() {
    let told = begun(&[], Some(Step::StartCapacity));
    let at = |seconds: i64, group: Seen<Group>, is_well: bool, progress: &Progress| {
        decided(progress, |view| {
            view.now = later(seconds);
            view.group = group;
            if !is_well {
                view.new[0].sight = silent();
            }
        })
    };
    let dark = || Seen::Here(group(0, 0));
    let lit = || Seen::Here(group(2, 2));
    let untold = begun(&[], None);
    assert_eq!(at(0, dark(), false, &untold), Next::Do(Act::StartCapacity { desired: 2 }));
    let finding = Finding::InService { group: group(2, 2) };
    assert_eq!(at(0, lit(), true, &told), Next::Confirm(Step::StartCapacity, finding));
    for group in [lit(), Seen::Here(group(2, 1)), Seen::Unknown("throttled".to_owned())] {
        assert!(matches!(at(899, group.clone(), false, &told), Next::Wait(_)), "{group:?}");
        let given_up = at(900, group.clone(), false, &told);
        let Next::Abandon(Refusal::StandbyNotReady { .. }, debts) = given_up else { panic!() };
        assert_eq!(debts, [Debt::PilotLight], "{group:?}");
    }
    let Next::Abandon(_, debts) = at(900, lit(), false, &untold) else { panic!() };
    assert_eq!(debts, [], "nothing was started");
    let bound = at(0, Seen::Here(Group { max: 1, ..group(0, 0) }), false, &told);
    assert!(matches!(bound, Next::Abandon(Refusal::CapacityOutOfBounds { .. }, _)), "{bound:?}");
    let lost = decided(&told, |view| {
        view.group = lit();
        view.old = ["a", "b"].map(|path| signal(path, silent())).to_vec();
    });
    let Next::Abandon(Refusal::ActiveNotHealthy { .. }, debts) = lost else { panic!("{lost:?}") };
    assert_eq!(debts, [], "the failover that follows needs what was started");
}

/// What is found ill in the last look before the fence puts the instances back, unless the active site
/// is lost.
#[test]
fn the_last_look_before_the_fence_knows_what_was_started() {
    let progress = {
        let mut entries = vec![What::Opened(Box::new(open(&scaled(), &unlit()).unwrap()))];
        entries.push(What::Intended { step: Step::StartCapacity, batch: vec![] });
        let (step, finding) = started();
        entries.push(What::Confirmed { step, finding });
        folded(entries)
    };
    let owed = |change: fn(&mut View)| {
        let next = decided(&progress, change);
        let Next::Abandon(_, debts) = next else { panic!("{next:?}") };
        debts
    };
    assert_eq!(owed(|view| view.new[0].sight = silent()), [Debt::PilotLight]);
    assert_eq!(owed(|view| view.old[0].sight = silent()), [Debt::PilotLight], "ailing");
    let lost = |view: &mut View| view.old = ["a", "b"].map(|path| signal(path, silent())).to_vec();
    assert_eq!(owed(lost), [], "lost");
}

fn folded(whats: Vec<What>) -> Progress {
    let entries: Vec<Entry> = whats
        .into_iter()
        .zip(1..)
        .map(|(what, n)| Entry {
            format: FORMAT,
            system: SystemName::parse("controller").unwrap(),
            term: Term(1),
            n,
            at: now(),
            writer: "test".to_owned(),
            plan_version: "v1".to_owned(),
            what,
        })
        .collect();
    Progress::of(&entries).unwrap()
}

/// Until it is intended to end the old instances, whatever is not as it has to be afterwards is waited for,
/// and then gone back from.
#[test]
fn the_old_instances_end_when_nothing_after_that_can_fail_by_what_is_known() {
    let open = begun(&caught_up(), None);
    let running = |view: &mut View| view.group = Seen::Here(group(1, 1));
    assert_eq!(decided(&open, running), Next::Do(Act::StopCapacity));
    let kept = Group { suspended: vec!["Terminate".to_owned()], ..group(0, 0) };
    for gone in [group(0, 0), kept] {
        let next = decided(&open, |view| view.group = Seen::Here(gone.clone()));
        let finding = Finding::Stopped { debts: vec![Debt::Database], group: gone };
        assert_eq!(next, Next::Confirm(Step::StopCapacity, finding), "by whomever");
    }
    let table: [fn(&mut View); 5] = [
        |view| view.group = Seen::Here(Group { min: 1, ..group(1, 1) }),
        |view| view.group = Seen::Here(Group { protected: 1, ..group(1, 1) }),
        |view| view.group = Seen::Unknown("throttled".to_owned()),
        |view| view.group = Seen::Absent,
        |view| {
            view.group = Seen::Here(group(1, 1));
            view.replica = Seen::Here(Instance { status: "modifying".to_owned(), ..replica() });
        },
    ];
    for (place, change) in table.into_iter().enumerate() {
        for (seconds, is_over) in [(599, false), (600, true)] {
            let next = decided(&open, |view| {
                change(view);
                view.now = later(seconds);
            });
            assert_eq!(next == Next::Do(Act::Unfence), is_over, "{place}, {seconds} s: {next:?}");
        }
    }
    let lost = decided(&open, |view| {
        running(view);
        view.replica = Seen::Absent;
    });
    assert_eq!(lost, Next::Do(Act::Unfence), "there is nothing to wait for");
}

/// P2: from the intention on it only goes forward, and not before they are seen gone, whatever the plan
/// demands of a failover.
#[test]
fn instances_that_are_ending_are_waited_for_and_said_after_ten_minutes() {
    let told = begun(&caught_up(), Some(Step::StopCapacity));
    assert!(told.is_past_return);
    type Change = fn(&mut View);
    let table: [(Change, &str); 5] = [
        (|view| view.group = Seen::Here(group(0, 1)), "controller-east still has 1 instance(s)"),
        (
            |view| view.group = Seen::Here(Group { min: 1, ..group(1, 1) }),
            "the minimum size of controller-east is 1",
        ),
        (|view| view.group = Seen::Unknown("throttled".to_owned()), "looked at: throttled"),
        (|view| view.group = Seen::Absent, "there is no Auto Scaling group controller-east"),
        (
            |view| {
                view.group = Seen::Here(group(1, 1));
                view.attempt = Some(Attempt::Unclear("AccessDenied".to_owned()));
            },
            "AccessDenied",
        ),
    ];
    for demand in [FenceDemand::Attempted, FenceDemand::Confirmed] {
        let mut plan = scaled();
        plan.failover.fence = demand;
        for (change, part) in table {
            let at = |seconds: i64| {
                let late = |view: &mut View| {
                    change(view);
                    view.now = later(seconds);
                };
                after_under(&plan, well(), late, &told)
            };
            let waits = at(599);
            assert!(matches!(&waits, Next::Wait(why) if why.contains(part)), "{part}: {waits:?}");
            let said = at(600);
            let Next::Stop(refusal @ Refusal::FenceUnconfirmed { .. }) = said else {
                panic!("{demand:?}, {part}: {said:?}")
            };
            assert!(refusal.to_string().contains(part), "{part}: {refusal}");
        }
    }
    let again = decided(&told, |view| view.group = Seen::Here(group(1, 1)));
    assert_eq!(again, Next::Do(Act::StopCapacity), "told before, and not seen to end");
    let replica_is_gone = decided(&told, |view| {
        view.group = Seen::Here(group(0, 0));
        view.replica = Seen::Absent;
    });
    assert!(matches!(replica_is_gone, Next::Confirm(..)), "there is no way back any more");
}

/// Given up after its fence, or by a person at any time, the instances are put back with the mode.
#[test]
fn the_way_back_puts_the_instances_back_too() {
    let mut whats = vec![
        What::Opened(Box::new(open(&scaled(), &unlit()).unwrap())),
        What::Intended { step: Step::StartCapacity, batch: vec![] },
    ];
    let abort = What::AbortAsked { who: "Ada".to_owned(), reason: "not today".to_owned() };
    let mut aborted = whats.clone();
    aborted.push(abort);
    let Next::Abandon(Refusal::Aborted { .. }, debts) = decided(&folded(aborted), |_| {}) else {
        panic!()
    };
    assert_eq!(debts, [Debt::PilotLight]);
    whats.extend(caught_up().map(|(step, finding)| What::Confirmed { step, finding }));
    whats.push(What::Intended { step: Step::Unfence, batch: vec![] });
    let told = decided(&folded(whats), |view| {
        view.now = later(195);
        view.told_at = Some(view.now);
        view.attempt = Some(Attempt::Accepted);
    });
    let Next::Abandon(why @ Refusal::StandbyNotReady { .. }, debts) = told else {
        panic!("{told:?}")
    };
    assert!(why.to_string().contains("the last look before the instances of east"), "{why}");
    assert_eq!(debts, [Debt::PilotLight]);
}

/// A run that puts instances back has no condition, so it may end what a newer term has started: that is
/// started again, and believed when such a run must be dead.
#[test]
fn started_instances_are_believed_when_nothing_that_was_owed_can_end_them() {
    let inheriting = |past: PastTerm| OpeningView { past: vec![past], ..unlit() };
    let paid_s_ago =
        |seconds| PastTerm { completed: false, untouched: true, put_back: true, ..past(seconds) };
    let owing = PastTerm { debts: vec![Debt::PilotLight], ..paid_s_ago(7_200) };
    assert_eq!(refused(inheriting(owing.clone()), |_| {}), "FenceOwed", "a planned move waits");
    let lost_again = |past: PastTerm| OpeningView {
        capacity: Some(Seen::Here(group(2, 2))),
        past: vec![past],
        ..lost()
    };
    let fenced = [
        (Step::Fence, Finding::Fenced { debts: vec![Debt::Capacity, Debt::Database] }),
        (Step::StopCapacity, Finding::Stopped { debts: vec![Debt::Database], group: group(0, 0) }),
    ];
    let at = |past: PastTerm, intended: Option<Step>, seconds: i64, found: Group| {
        let progress = progress_of(open(&scaled(), &lost_again(past)).unwrap(), &fenced, intended);
        decided(&progress, |view| {
            view.now = later(seconds);
            view.group = Seen::Here(found);
        })
    };
    let start = Some(Step::StartCapacity);
    for past in [owing, paid_s_ago(194)] {
        let told = Next::Do(Act::StartCapacity { desired: 2 });
        assert_eq!(at(past.clone(), None, 0, group(2, 2)), told, "its intention is the measure");
        assert!(matches!(at(past.clone(), start, 194, group(2, 2)), Next::Wait(_)));
        assert_eq!(at(past.clone(), start, 100, group(0, 0)), told, "it was ended meanwhile");
        assert!(matches!(at(past, start, 195, group(2, 2)), Next::Confirm(..)));
    }
    let dead = at(paid_s_ago(195), None, 0, group(2, 2));
    assert!(matches!(dead, Next::Confirm(..)), "{dead:?}");
}
