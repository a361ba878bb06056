use super::*;
use crate::name::{Region, SystemName, Term};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn point(time: &str, lag_s: f64) -> LagPoint {
    LagPoint { at: at(time), lag_s }
}

const LOST: &str = "2026-11-21T00:10:00Z";

#[test]
fn the_newest_measurement_before_the_loss_counts_and_not_what_grew_after_it() {
    let points = [
        point("2026-11-21T00:09:00Z", 2.0),
        point("2026-11-21T00:08:00Z", 9.0),
        point("2026-11-21T00:11:00Z", 62.0),
    ];
    assert_eq!(lag_when_lost(&points, at(LOST), 600), Seen::Here(2));
}

#[test]
fn a_measurement_counts_until_it_is_older_than_it_may_be() {
    let points = [point("2026-11-21T00:00:00Z", 2.0)];
    assert_eq!(lag_when_lost(&points, at(LOST), 600), Seen::Here(2));
    assert!(matches!(lag_when_lost(&points, at(LOST), 599), Seen::Unknown(_)));
}

#[test]
fn a_part_of_a_second_counts_as_a_second() {
    for (lag_s, expected) in [(0.0, 0), (0.2, 1), (1.0, 1), (30.0, 30), (30.001, 31), (61.5, 62)] {
        let points = [point("2026-11-21T00:09:30Z", lag_s)];
        assert_eq!(lag_when_lost(&points, at(LOST), 600), Seen::Here(expected), "{lag_s}");
    }
}

#[test]
fn no_measurement_an_old_one_and_a_negative_one_are_unknown() {
    for points in [
        vec![],
        vec![point("2026-11-21T00:11:00Z", 1.0)],
        vec![point("2026-11-20T23:00:00Z", 1.0)],
        vec![point("2026-11-21T00:09:00Z", -1.0)],
        vec![point("2026-11-21T00:09:00Z", f64::NAN)],
    ] {
        let lag = lag_when_lost(&points, at(LOST), 600);
        assert!(matches!(lag, Seen::Unknown(_)), "{points:?}: {lag:?}");
    }
}

#[test]
fn a_replica_is_no_writer_before_it_replicates_nothing_and_is_available() {
    let mut instance = Instance {
        status: "available".to_owned(),
        replica_of: Some("db".to_owned()),
        replicas: vec![],
        replication: None,
    };
    assert!(!instance.is_writer());
    instance.replica_of = None;
    assert!(instance.is_writer());
    instance.status = "rebooting".to_owned();
    assert!(!instance.is_writer());
}

fn copied(id: &str, status: &str, taken_at: &str) -> Copied {
    Copied {
        id: id.to_owned(),
        of: "controller-db".to_owned(),
        source_arn: Some(format!("arn:aws:rds:us-east-1:111122223333:snapshot:{id}")),
        status: status.to_owned(),
        taken_at: Some(taken_at.parse().unwrap()),
    }
}

/// The newest data that can be restored now, and only of the very instance: never what somebody else
/// has copied, also under a name like ours.
#[test]
fn the_newest_available_copy_of_our_own_is_chosen() {
    let writer =
        Placed { id: "controller-db".to_owned(), region: Region::parse("us-east-1").unwrap() };
    let day = |day: u32| format!("warmspare-controller-db-2026-11-{day}t00-00-00z");
    let at = |day: u32| format!("2026-11-{day}T00:10:00Z");
    let of = |day_of: u32, status: &str| copied(&day(day_of), status, &at(day_of));
    let ours = [of(18, "available"), of(20, "available"), of(19, "available"), of(21, "copying")];
    let Seen::Here(newest) = newest_copy(&ours, &writer) else { panic!() };
    assert_eq!((newest.snapshot, newest.taken_at.to_string()), (day(20), at(20)));

    let region = "arn:aws:rds:eu-west-1:111122223333:snapshot:".to_owned() + &day(22);
    let other_name = "warmspare-orders-db-2026-11-22t00-00-00z";
    let strangers = [
        Copied { of: "orders-db".to_owned(), ..of(22, "available") },
        Copied { source_arn: Some(region), ..of(22, "available") },
        Copied { source_arn: None, ..of(22, "available") },
        copied(other_name, "available", &at(22)),
        copied("before-the-upgrade", "available", &at(22)),
        copied("rds:controller-db-2026-11-22-00-10", "available", &at(22)),
    ];
    assert_eq!(newest_copy(&strangers, &writer), Seen::Absent);
    assert_eq!(newest_copy(&[], &writer), Seen::Absent);
    // A copy whose time RDS does not say counts as old as its name.
    let unsaid = [Copied { taken_at: None, ..of(20, "available") }];
    let Seen::Here(newest) = newest_copy(&unsaid, &writer) else { panic!() };
    assert_eq!(newest.taken_at.to_string(), "2026-11-20T00:00:00Z");
}

#[test]
fn an_origin_is_read_back_from_its_tags_or_not_at_all() {
    let origin = Origin {
        system: SystemName::parse("controller").unwrap(),
        term: Term(7),
        snapshot: "warmspare-controller-db-2026-11-20t00-00-00z".to_owned(),
    };
    let tags = origin.tags();
    let all: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let more = all.iter().copied().chain([("Name", "west")]);
    assert_eq!(Origin::of(more), Some(origin));
    for missing in 0..all.len() {
        let some = all.iter().enumerate().filter(|(n, _)| *n != missing).map(|(_, tag)| *tag);
        assert_eq!(Origin::of(some), None, "without {}", all[missing].0);
    }
    let mut wrong = all.clone();
    wrong[1].1 = "seven";
    assert_eq!(Origin::of(wrong), None);
}
