//! What is owed, as tables: what was seen, and whether it is paid, told, or waited for.

use jiff::SignedDuration;

use super::*;
use crate::database::DETACHED;
use crate::evidence::Sight;
use crate::failover::tests::capacity::{self, group};
use crate::failover::tests::{global, lost, now, plan, progress_of, replica, signal};
use crate::failover::{OpeningView, open};
use crate::journal::{End, Step};
use crate::plan::FenceDemand;

fn scaled() -> Plan {
    capacity::scaled(FenceDemand::Attempted)
}

fn unknown<T>() -> Seen<T> {
    Seen::Unknown("throttled".to_owned())
}

/// What came of it, in a few words: `paid: …`, `told: …` or `owed: …`.
fn said(payment: Result<Payment, String>) -> String {
    match payment {
        Ok(Payment::Paid(seen)) => format!("paid: {seen}"),
        Ok(Payment::Set { asg, region, desired }) => {
            format!("told: {asg} in {region} to have {desired}")
        }
        Ok(Payment::Stop(Placed { id, region })) => format!("told: {id} in {region} to stop"),
        Err(why) => format!("owed: {why}"),
    }
}

/// P2: silence alone is no fence.
#[test]
fn an_appliance_that_does_not_answer_is_fenced_only_if_nothing_of_its_site_runs() {
    let silent = |plan: &Plan, group: Seen<Group>| {
        said(unanswered(&plan.home, &group, "no answer".to_owned()))
    };
    assert_eq!(
        silent(&scaled(), Seen::Here(group(0, 0))),
        "paid: east does not answer, and controller-east has no instance"
    );
    let ends = Group { min: 1, ..group(0, 1) };
    for seen in [Seen::Here(group(1, 0)), Seen::Here(ends), Seen::Absent, unknown()] {
        assert_eq!(silent(&scaled(), seen.clone()), "owed: no answer", "{seen:?}");
    }
    for seen in [Seen::Here(group(0, 0)), Seen::Absent] {
        assert_eq!(silent(&plan(), seen), "owed: no answer", "the plan has no group for it");
    }
}

/// They are told to end once, and are paid when they are seen gone.
#[test]
fn the_instances_of_a_site_that_was_left_are_ended_and_seen_gone() {
    for (seen, expected) in [
        (Seen::Here(group(0, 0)), "paid: controller-east has no instance"),
        (Seen::Absent, "paid: controller-east does not exist"),
        (Seen::Here(group(1, 1)), "told: controller-east in us-east-1 to have 0"),
        (Seen::Here(group(1, 0)), "told: controller-east in us-east-1 to have 0"),
        (
            Seen::Here(group(0, 1)),
            "owed: controller-east has 1 instance(s), 1 of them in service, 0 desired",
        ),
        (
            Seen::Here(Group { min: 1, ..group(1, 1) }),
            "owed: the minimum size of controller-east is 1, and Auto Scaling refuses a desired \
             capacity of 0 below it",
        ),
        (unknown(), "owed: throttled"),
    ] {
        assert_eq!(said(end_instances(&scaled().home, &seen)), expected, "{seen:?}");
    }
    let without = said(end_instances(&plan().home, &unknown()));
    assert_eq!(without, "paid: the plan gives east no capacity any more");
}

/// Only what the move has set is put back, to what it was, when no run of it can start them again.
#[test]
fn only_what_the_move_has_started_is_put_back() {
    let at = |seconds: i64, before: u32, found: Seen<Group>| {
        let standby = vec![signal("internet", Sight::AsExpected)];
        let seen = Seen::Here(group(before, before));
        let view = OpeningView { standby, capacity: Some(seen), ..lost() };
        let opened = open(&scaled(), &view).unwrap();
        let mut given_up = progress_of(opened, &[], Some(Step::Fence));
        given_up.end = Some(End { at: now(), completed: false });
        let then = now() + SignedDuration::from_secs(seconds);
        said(put_back(&scaled().away, &given_up, then, &found))
    };
    let lit = || Seen::Here(group(2, 2));
    let early = "owed: a run of before may still start them, until 195 s after the end (194 s ago)";
    assert_eq!(at(194, 0, lit()), early);
    assert_eq!(at(195, 0, lit()), "told: controller-west in us-west-2 to have 0");
    assert_eq!(at(195, 1, lit()), "told: controller-west in us-west-2 to have 1");
    assert_eq!(at(195, 0, unknown()), "owed: throttled");
    for (before, found, what) in [
        (0, Seen::Absent, "it is gone"),
        (0, Seen::Here(group(0, 1)), "they are ending"),
        (0, Seen::Here(group(3, 3)), "a person wants more"),
        (0, Seen::Here(group(1, 1)), "a person wants fewer"),
        (0, Seen::Here(Group { min: 1, ..group(2, 2) }), "its bounds were changed"),
        (2, lit(), "so many ran before"),
        (3, lit(), "more ran before"),
    ] {
        let paid = at(195, before, found);
        assert!(paid.starts_with("paid: controller-west "), "{what}: {paid}");
    }
    let opened = open(&plan(), &lost()).unwrap();
    let without = put_back(&plan().away, &progress_of(opened, &[], None), now(), &lit());
    assert_eq!(said(without), "paid: the plan gives west no capacity any more");
}

fn instance(status: &str, replica_of: Option<&str>, replicas: &[&str]) -> Seen<Instance> {
    Seen::Here(Instance {
        status: status.to_owned(),
        replica_of: replica_of.map(str::to_owned),
        replicas: replicas.iter().map(|&id| id.to_owned()).collect(),
        ..replica()
    })
}

/// RDS refuses to stop an instance that has a replica, and one that is not available.
#[test]
fn an_instance_that_was_left_is_stopped_when_rds_lets_it() {
    let pair = Pair::of(&plan());
    for (seen, expected) in [
        (instance("available", None, &[]), "told: controller-db in us-east-1 to stop"),
        (instance("stopping", None, &[]), "paid: controller-db is stopping"),
        (instance("stopped", None, &["controller-db-west"]), "paid: controller-db is stopped"),
        (instance("available", None, &["a", "b"]), "owed: controller-db still has replicas: a, b"),
        (instance("backing-up", None, &[]), "owed: controller-db is backing-up"),
        (Seen::Absent, "paid: controller-db does not exist"),
        (unknown(), "owed: throttled"),
    ] {
        assert_eq!(said(retire(&plan(), pair.as_ref(), &seen)), expected, "{seen:?}");
    }
    let without = said(retire(&plan(), None, &unknown()));
    assert_eq!(without, "paid: the plan has no database any more");
}

/// Nothing is told to a cluster: it is fenced when its own Region says whom it replicates.
#[test]
fn a_cluster_that_was_left_is_paid_when_it_replicates_the_new_writer() {
    let pair = Pair::of(&global());
    let west = "arn:aws:rds:us-west-2:111122223333:cluster:controller-db-west";
    let other = "arn:aws:rds:us-west-2:111122223333:cluster:orders-db";
    let elsewhere = format!("owed: controller-db is available, and replicates {other}");
    for (seen, expected) in [
        (
            instance("available", Some(west), &[]),
            "paid: controller-db is available, and replicates controller-db-west",
        ),
        (instance("available", Some(other), &[]), elsewhere.as_str()),
        (
            instance("available", None, &[west]),
            "owed: controller-db is available, and replicates nothing yet",
        ),
        (
            instance("stopped", None, &[]),
            "owed: controller-db is stopped, and replicates nothing yet",
        ),
        (Seen::Absent, "paid: controller-db does not exist"),
        (unknown(), "owed: throttled"),
    ] {
        assert_eq!(said(retire(&global(), pair.as_ref(), &seen)), expected, "{seen:?}");
    }
}

/// RDS starts a stopped instance by itself after seven days, and Aurora lets a cluster be detached.
#[test]
fn a_database_that_may_write_again_is_owed_again() {
    let writer = Pair::of(&plan()).unwrap().writer;
    let again = |plan: &Plan, seen: &Seen<Instance>| owed_again(plan, &writer, seen);
    let started = Some("controller-db was stopped and is starting again".to_owned());
    assert_eq!(again(&plan(), &instance("starting", None, &[])), started);
    let detached =
        Some("controller-db was demoted, is detached, and replicates nothing".to_owned());
    assert_eq!(again(&global(), &instance(DETACHED, None, &[])), detached);
    for plan in [plan(), global()] {
        for seen in [
            instance("stopped", None, &[]),
            instance("stopping", None, &[]),
            instance("available", Some("controller-db-west"), &[]),
            Seen::Absent,
            unknown(),
        ] {
            assert_eq!(again(&plan, &seen), None, "{seen:?}");
        }
    }
}
