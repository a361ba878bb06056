use super::*;
use crate::database::{DETACHED, Instance, Pair};
use crate::failover::tests::{lost, plan, replica};
use crate::failover::{Kind, OpeningView, open};
use crate::journal::Step;
use crate::name::Term;

const SOURCE: &str = "arn:aws:rds:us-east-1:111122223333:cluster:controller-db";

fn global() -> Plan {
    let mut plan = plan();
    let global_cluster = "controller-global".to_owned();
    plan.database.as_mut().unwrap().kind = DatabaseKind::AuroraGlobal { global_cluster };
    plan
}

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
