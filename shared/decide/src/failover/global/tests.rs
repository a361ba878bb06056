use super::*;
use crate::acknowledgement::{Accepted, Acknowledgement};
use crate::database::{DETACHED, Instance, Pair};
use crate::failover::tests::{global, lost, now, plan, progress_of, replica};
use crate::failover::{Kind, Opened, OpeningView, as_if_open, open};
use crate::journal::Step;
use crate::name::Term;

const SOURCE: &str = "arn:aws:rds:us-east-1:111122223333:cluster:controller-db";

fn view() -> OpeningView {
    let replica = Instance { replica_of: Some(SOURCE.to_owned()), ..replica() };
    OpeningView { replica: Some(Seen::Here(replica)), ..lost() }
}

#[test]
fn a_failover_of_a_global_database_has_the_same_steps_and_the_same_refusals() {
    let opened = open(&global(), &view()).unwrap();
    assert!(opened.steps.contains(&Step::PromoteDatabase), "{:?}", opened.steps);
    let detached = Instance { status: DETACHED.to_owned(), replica_of: None, ..replica() };
    let refused = |change: fn(&mut OpeningView)| {
        let mut view = view();
        change(&mut view);
        open(&global(), &view).unwrap_err()
    };
    let view = OpeningView { replica: Some(Seen::Here(detached)), ..view() };
    let detached = open(&global(), &view).unwrap_err();
    assert!(detached.to_string().contains("is detached, and replicates nothing"), "{detached}");
    let behind = refused(|view| view.lag_s = Some(Seen::Here(31)));
    assert_eq!(behind, Refusal::TooFarBehind { lag_s: 31, lag_s_max: 30 });
    let unknown = refused(|view| view.lag_s = Some(Seen::Unknown("no answer".to_owned())));
    assert!(matches!(unknown, Refusal::LagUnknown { .. }), "{unknown}");
    let moving = refused(|view| {
        let found = view.replica.take().unwrap().here().unwrap().clone();
        view.replica = Some(Seen::Here(Instance { status: "switching-over".to_owned(), ..found }));
    });
    assert!(matches!(moving, Refusal::StandbyNotReady { .. }), "{moving}");
}

#[test]
fn the_clusters_keep_their_names_and_nothing_is_made_like_what_was_left() {
    let plan = global();
    let first = Pair::of(&plan).unwrap();
    let second = first.clone().after(&plan, Term(1));
    assert_eq!((&second.writer, &second.replica), (&first.replica, &first.writer));
    assert_eq!(second.left, None);
    assert_eq!(second.after(&plan, Term(2)), first);
}

/// A cluster is named by its ARN from its own Region too, and not only by one of an instance.
#[test]
fn a_cluster_is_known_by_its_arn() {
    let pair = Pair::of(&global()).unwrap();
    assert!(pair.writer.is_named(SOURCE));
    for other in [
        "arn:aws:rds:us-west-2:111122223333:cluster:controller-db",
        "arn:aws:rds:us-east-1:111122223333:cluster:controller-db-west",
        "arn:aws:rds:us-east-1:111122223333:cluster-snapshot:controller-db",
    ] {
        assert!(!pair.writer.is_named(other), "{other}");
    }
}

#[test]
fn a_planned_move_waits_for_no_lag_and_seeds_nothing() {
    let planned = OpeningView { kind: Kind::Switchover, replica: Some(Seen::Absent), ..view() };
    assert!(!planned.is_to_be_seeded());
    let steps = crate::failover::as_if_open(&global(), &planned).steps;
    assert!(!steps.contains(&Step::CatchUp) && !steps.contains(&Step::SeedDatabase), "{steps:?}");
    assert!(crate::failover::as_if_open(&plan(), &planned).steps.contains(&Step::CatchUp));
}

fn accepted(refusal: Refusal) -> Accepted {
    let (who, reason) = ("Ada".to_owned(), "they wait".to_owned());
    let by = Acknowledgement {
        format: 1,
        who,
        refusal: refusal.name().to_owned(),
        until: now(),
        reason,
    };
    Accepted { refusal, by }
}

/// FF6: Aurora is told that it may lose data where that was agreed for this very failover: by the plan, or
/// by a person who has accepted the lag, and not by one who has accepted something else.
#[test]
fn the_writer_is_moved_with_a_loss_only_where_one_was_agreed() {
    let decided = |kind: Kind, lag_s: Option<Seen<u64>>, accepted: Vec<Accepted>| {
        let view = OpeningView { kind, lag_s, ..view() };
        let opened = Opened { accepted, ..as_if_open(&global(), &view) };
        promotion(&global(), &progress_of(opened, &[], None))
    };
    let unknown = || Some(Seen::Unknown("no answer".to_owned()));
    let behind = || accepted(Refusal::TooFarBehind { lag_s: 31, lag_s_max: 30 });
    let blind = || accepted(Refusal::LagUnknown { why: "no answer".to_owned() });
    let other = || accepted(Refusal::NoProvenBackup { why: "none".to_owned() });
    let told = |may_lose| Some(Next::Do(Act::MoveWriter { may_lose }));
    use Kind::{Failback, Failover, Switchover};
    for (kind, lag_s, accepted, expected) in [
        (Failover, Some(Seen::Here(30)), vec![], told(true)),
        (Failover, Some(Seen::Here(31)), vec![], None),
        (Failover, Some(Seen::Here(31)), vec![other()], None),
        (Failover, Some(Seen::Here(31)), vec![behind()], told(true)),
        (Failover, unknown(), vec![], None),
        (Failover, unknown(), vec![other(), blind()], told(true)),
        (Failover, Some(Seen::Absent), vec![], None),
        (Failover, None, vec![], None),
        (Switchover, Some(Seen::Here(31)), vec![behind()], told(false)),
        (Failback, unknown(), vec![], told(false)),
    ] {
        let next = decided(kind, lag_s.clone(), accepted);
        match expected {
            Some(expected) => assert_eq!(next, expected, "{kind:?}, {lag_s:?}"),
            None => assert!(
                matches!(next, Next::Stop(Refusal::LagUnknown { .. })),
                "{kind:?}, {lag_s:?}: {next:?}"
            ),
        }
    }
    // An instance is promoted, which needs no such word.
    let instance = promotion(&plan(), &progress_of(as_if_open(&plan(), &lost()), &[], None));
    assert_eq!(instance, Next::Do(Act::PromoteDatabase));
}
