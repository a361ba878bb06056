use super::*;

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
