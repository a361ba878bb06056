//! CloudWatch speaks CBOR (RFC 8949): `cbor` writes as much of it as these answers need.

use serde_json::{Value, json};
use warmspare_act::fault::Fault;

use super::*;
use crate::replay::{Sent, Wire};

/// A number under the key `…Timestamp` gets the tag of an instant.
fn cbor(value: &Value) -> Vec<u8> {
    let head = |major: u8, length: usize| {
        let length = u16::try_from(length).unwrap().to_be_bytes();
        vec![major << 5 | 25, length[0], length[1]]
    };
    match value {
        Value::String(text) => [head(3, text.len()), text.as_bytes().to_vec()].concat(),
        Value::Array(items) => {
            [head(4, items.len()), items.iter().flat_map(cbor).collect()].concat()
        }
        Value::Object(entries) => {
            let mut bytes = head(5, entries.len());
            for (key, value) in entries {
                bytes.extend(cbor(&json!(key)));
                if key.ends_with("Timestamp") {
                    bytes.push(0xc1);
                }
                bytes.extend(cbor(value));
            }
            bytes
        }
        Value::Number(number) => match number.as_u64() {
            Some(whole) => [vec![27], whole.to_be_bytes().to_vec()].concat(),
            None => [vec![251], number.as_f64().unwrap().to_be_bytes().to_vec()].concat(),
        },
        Value::Null | Value::Bool(_) => panic!("{value} is not needed here"),
    }
}

async fn read(answer: Value) -> (Result<Seen<Alarm>, Fault>, Sent) {
    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let wire = Wire::default().with(200, &headers, cbor(&answer));
    let alarm = wire.live().alarm("controller-down").await;
    (alarm, wire.only())
}

/// 2026-11-21T12:00:00Z
const NOON: u64 = 1_795_262_400;

#[tokio::test]
async fn a_metric_alarm_has_its_window() {
    let (alarm, sent) = read(json!({ "MetricAlarms": [{
        "AlarmName": "controller-down",
        "StateValue": "ALARM",
        "StateUpdatedTimestamp": NOON + 600,
        "StateTransitionedTimestamp": NOON,
        "Period": 60,
        "EvaluationPeriods": 3,
    }]}))
    .await;
    let expected = Alarm {
        state: AlarmState::Alarm,
        since: "2026-11-21T12:00:00Z".parse().unwrap(),
        window_s: Some(180),
    };
    assert_eq!(alarm.unwrap(), Seen::Here(expected));
    assert!(sent.line.ends_with("/operation/DescribeAlarms"), "{}", sent.line);
    assert!(sent.body.contains("MetricAlarm") && sent.body.contains("CompositeAlarm"));
    assert!(sent.body.contains("controller-down"));
}

/// The periods of a metric-math alarm are in its metrics, each with its own.
#[tokio::test]
async fn an_alarm_on_an_expression_has_no_window() {
    let (alarm, _) = read(json!({ "MetricAlarms": [{
        "AlarmName": "controller-down",
        "StateValue": "OK",
        "StateUpdatedTimestamp": NOON,
        "EvaluationPeriods": 3,
        "Metrics": [{ "Id": "e1", "Expression": "m1 + m2", "Label": "both" }],
    }]}))
    .await;
    let Seen::Here(alarm) = alarm.unwrap() else { panic!() };
    assert_eq!((alarm.state, alarm.window_s), (AlarmState::Ok, None));
    assert_eq!(alarm.since.to_string(), "2026-11-21T12:00:00Z");
}

#[tokio::test]
async fn a_composite_alarm_has_no_window() {
    let (alarm, _) = read(json!({ "CompositeAlarms": [{
        "AlarmName": "controller-down",
        "AlarmRule": "ALARM(a) AND ALARM(b)",
        "StateValue": "INSUFFICIENT_DATA",
        "StateUpdatedTimestamp": NOON,
    }]}))
    .await;
    let Seen::Here(alarm) = alarm.unwrap() else { panic!() };
    assert_eq!((alarm.state, alarm.window_s), (AlarmState::InsufficientData, None));
}

#[tokio::test]
async fn an_alarm_that_is_not_there_is_absent() {
    let (alarm, _) = read(json!({ "MetricAlarms": [], "CompositeAlarms": [] })).await;
    assert_eq!(alarm.unwrap(), Seen::Absent);
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_a_fault() {
    let (alarm, _) = read(json!({ "MetricAlarms": [{
        "AlarmName": "controller-down", "StateValue": "PONDERING", "StateUpdatedTimestamp": NOON,
    }]}))
    .await;
    assert_eq!(
        alarm.unwrap_err().to_string(),
        "reading the alarm controller-down: CloudWatch says that its state is PONDERING"
    );
}

#[tokio::test]
async fn metrics_are_published_under_the_system() {
    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let wire = Wire::default().with(200, &headers, cbor(&json!({})));
    let metrics = [("PrimaryHealthy", 1.0), ("BackupAgeSeconds", 3600.0)];
    // The date is the caller's: what is said late is said of then.
    let at = "2026-11-21T00:00:58Z".parse().unwrap();
    wire.live().publish("controller", at, &metrics).await.unwrap();
    let sent = wire.only();
    assert!(sent.line.ends_with("/operation/PutMetricData"), "{}", sent.line);
    for text in ["Warmspare", "System", "controller", "PrimaryHealthy", "BackupAgeSeconds"] {
        assert!(sent.body.contains(text), "{text}");
    }
}

#[tokio::test]
async fn the_lag_comes_in_order_of_time() {
    use warmspare_act::ports::Databases as _;
    use warmspare_decide::name::Region;

    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let body = cbor(&json!({ "Label": "ReplicaLag", "Datapoints": [
        { "Timestamp": NOON + 60, "Maximum": 7.0 },
        { "Timestamp": NOON, "Maximum": 2.0 },
        { "Timestamp": NOON + 120 },
    ]}));
    let wire = Wire::default().with(200, &headers, body);
    let (from, to) =
        ("2026-11-21T12:00:00Z".parse().unwrap(), "2026-11-21T12:30:00Z".parse().unwrap());
    let region = Region::parse("us-west-2").unwrap();
    let points = wire.live().lag(&region, "controller-db-west", from, to).await.unwrap();
    let shown: Vec<_> = points.iter().map(|point| (point.at.as_second(), point.lag_s)).collect();
    let noon = i64::try_from(NOON).unwrap();
    assert_eq!(shown, [(noon, 2.0), (noon + 60, 7.0)]);
    let sent = wire.only();
    assert!(sent.line.ends_with("/operation/GetMetricStatistics"), "{}", sent.line);
    for text in ["AWS/RDS", "ReplicaLag", "DBInstanceIdentifier", "controller-db-west", "Maximum"] {
        assert!(sent.body.contains(text), "{text}");
    }
}

#[tokio::test]
async fn the_lag_of_a_cluster_comes_in_seconds_and_by_the_older_metric_where_there_is_no_other() {
    use warmspare_act::ports::GlobalDatabases as _;
    use warmspare_decide::database::Placed;
    use warmspare_decide::name::Region;

    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let none = cbor(&json!({ "Label": "AuroraGlobalDBRPOLag", "Datapoints": [] }));
    let some = cbor(&json!({ "Label": "AuroraGlobalDBReplicationLag", "Datapoints": [
        { "Timestamp": NOON + 60, "Maximum": -1.0 },
        { "Timestamp": NOON, "Maximum": 1250.0 },
    ]}));
    let wire = Wire::default().with(200, &headers, none).with(200, &headers, some);
    let (from, to) =
        ("2026-11-21T12:00:00Z".parse().unwrap(), "2026-11-21T12:30:00Z".parse().unwrap());
    let cluster =
        Placed { id: "controller-db-west".to_owned(), region: Region::parse("us-west-2").unwrap() };
    let points = wire.live().member_lag(&cluster, from, to).await.unwrap();
    assert!((points[0].lag_s - 1.25).abs() < f64::EPSILON, "{points:?}");
    assert!(points[1].lag_s < 0.0, "{points:?}");
    let sent = wire.sent();
    for (sent, metric) in sent.iter().zip(["AuroraGlobalDBRPOLag", "AuroraGlobalDBReplicationLag"])
    {
        assert!(sent.line.contains("monitoring.us-west-2."), "{}", sent.line);
        for text in ["AWS/RDS", metric, "DBClusterIdentifier", "controller-db-west", "Maximum"] {
            assert!(sent.body.contains(text), "{text}");
        }
    }
}
