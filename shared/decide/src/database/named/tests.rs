use super::*;
use crate::failover::tests::{plan, replica};

fn writer(status: &str) -> Seen<Instance> {
    let instance = Instance { replica_of: None, replication: None, ..replica() };
    Seen::Here(Instance { status: status.to_owned(), ..instance })
}

fn of(source: &str) -> Seen<Instance> {
    Seen::Here(Instance { replica_of: Some(source.to_owned()), ..replica() })
}

fn unknown() -> Seen<Instance> {
    Seen::Unknown("no answer within 5 s".to_owned())
}

fn first() -> Pair {
    Pair::of(&plan()).unwrap()
}

/// West is active since term 1.
fn moved() -> Pair {
    first().after(&plan(), Term(1))
}

/// Home again since term 2.
fn home() -> Pair {
    moved().after(&plan(), Term(2))
}

fn of_writer(pair: &Pair, in_plan: Option<Seen<Instance>>) -> Option<String> {
    let named = named(&plan(), pair);
    let named = named.iter().find(|named| named.by_now == pair.writer)?;
    said(pair, Term(2), named, &Looked { in_plan, by_now: writer("available") })
}

fn of_replica(
    pair: &Pair,
    in_plan: Option<Seen<Instance>>,
    by_now: Seen<Instance>,
) -> Option<String> {
    said(pair, Term(2), named(&plan(), pair).last().unwrap(), &Looked { in_plan, by_now })
}

#[test]
fn a_plan_that_names_what_is_there_is_not_spoken_of() {
    assert_eq!(of_writer(&first(), None), None);
    assert_eq!(of_replica(&first(), None, of("controller-db")), None);
    let west = of("arn:aws:rds:us-west-2:111122223333:db:controller-db-west");
    assert_eq!(of_writer(&moved(), None), None, "what was the replica is named as the replica");
    let said = of_replica(&moved(), Some(writer("stopped")), west).unwrap();
    let words = "database.source of the plan names controller-db, which is stopped and replicates \
                 nothing: since term 2 controller-db-t1 is the replica, so name that";
    assert_eq!(said, words);
    let mut aurora = plan();
    aurora.database.as_mut().unwrap().kind =
        DatabaseKind::AuroraGlobal { global_cluster: "controller-global".to_owned() };
    assert_eq!(named(&aurora, &first()), []);
}

#[test]
fn a_plan_that_names_what_was_left_is_told_what_to_name() {
    let names = |in_plan| of_writer(&home(), Some(in_plan)).unwrap();
    let end = ": since term 2 controller-db-t1 is the writer, so name that";
    for (in_plan, is) in [
        (writer("stopped"), "which is stopped and replicates nothing"),
        (Seen::Absent, "which does not exist in us-east-1"),
        (unknown(), "of which nothing is known now (no answer within 5 s)"),
    ] {
        let words = format!("database.source of the plan names controller-db, {is}{end}");
        assert_eq!(names(in_plan), words);
    }
}

#[test]
fn a_replica_that_is_none_any_more_is_told_with_what_to_make() {
    let absent = of_replica(&home(), Some(writer("stopped")), Seen::Absent).unwrap();
    let words = "controller-db-t1 has no replica in us-west-2, so there is nothing to fail over to: make \
                 one, named controller-db-west-t2 (RUNBOOK.md, Planned moves) (database.replica of the \
                 plan names controller-db-west, which is stopped and replicates nothing; name \
                 controller-db-west-t2 once it is there)";
    assert_eq!(absent, words);
    let promoted = of_replica(&first(), None, writer("available")).unwrap();
    let words = "controller-db has no replica in us-west-2: controller-db-west, which is available and \
                 replicates nothing is there under the name of one";
    assert!(promoted.starts_with(words), "{promoted}");
    let other = of_replica(&first(), None, of("billing-db")).unwrap();
    assert!(other.contains("replicates billing-db"), "{other}");
    let silent = of_replica(&first(), None, unknown()).unwrap();
    let words = "it is not known whether controller-db has a replica controller-db-west in us-west-2 (no \
                 answer within 5 s)";
    assert_eq!(silent, words);
}

/// Where the plan has no replica, none is missing; the way home has one, which is.
#[test]
fn a_plan_without_a_replica_misses_none_where_it_would_be_restored() {
    let mut cold = plan();
    cold.database.as_mut().unwrap().restore = Some(crate::plan::Restore {
        class: "db.t4g.medium".to_owned(),
        subnet_group: "west".to_owned(),
        security_groups: vec!["sg-0123456789abcdef0".to_owned()],
        parameter_group: None,
        multi_az: false,
    });
    assert_eq!(named(&cold, &first()), []);
    let away = named(&cold, &moved());
    let [home] = away.as_slice() else { panic!("{away:?}") };
    assert_eq!((home.field, home.by_now.id.as_str()), ("database.source", "controller-db-t1"));
    let writer = named(&cold, &self::home());
    let [writer] = writer.as_slice() else { panic!("{writer:?}") };
    assert_eq!((writer.field, writer.by_now.id.as_str()), ("database.source", "controller-db-t1"));
}
