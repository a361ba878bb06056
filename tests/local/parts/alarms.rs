//! The three shapes of an alarm, field by field as documented.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use warmspare_tests::stack::deliver::alarms::{AlarmChange, Metric, Threshold, Watched};

use crate::parts::{ACCOUNT, EAST};

fn metric(name: &str) -> Metric {
    Metric {
        namespace: "warmspare".to_owned(),
        name: name.to_owned(),
        dimensions: BTreeMap::from([("System".to_owned(), "controller".to_owned())]),
        period_s: 60,
        statistic: "Minimum".to_owned(),
    }
}

fn threshold() -> Threshold {
    Threshold {
        value: 1.0,
        comparison: "LessThanThreshold".to_owned(),
        evaluation_periods: 3,
        missing_data: "missing".to_owned(),
    }
}

fn raised(watched: Watched) -> AlarmChange {
    AlarmChange::raised(ACCOUNT, EAST, "controller-down", watched)
}

fn single() -> AlarmChange {
    raised(Watched::Metric(metric("PrimaryHealthy"), threshold()))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn an_event_has_the_documented_fields() {
    let event = single().event();
    let envelope = [
        "account",
        "detail",
        "detail-type",
        "id",
        "region",
        "resources",
        "source",
        "time",
        "version",
    ];
    assert_eq!(keys(&event), envelope);
    assert_eq!(event["source"], "aws.cloudwatch");
    assert_eq!(event["detail-type"], "CloudWatch Alarm State Change");
    assert_eq!(
        event["resources"][0],
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:controller-down"
    );
    let detail = &event["detail"];
    assert_eq!(keys(detail), ["alarmName", "configuration", "previousState", "state"]);
    assert_eq!(detail["state"]["value"], "ALARM");
    assert_eq!(detail["previousState"]["value"], "OK");
    assert_eq!(keys(&detail["state"]), ["reason", "reasonData", "timestamp", "value"]);
    assert!(detail["state"]["timestamp"].as_str().unwrap().ends_with("+0000"));
    let stat = &detail["configuration"]["metrics"][0]["metricStat"];
    assert_eq!(stat["metric"]["dimensions"], json!({ "System": "controller" }));
    assert_eq!((&stat["period"], &stat["stat"]), (&json!(60), &json!("Minimum")));
    let data: Value =
        serde_json::from_str(detail["state"]["reasonData"].as_str().unwrap()).unwrap();
    assert_eq!(data["threshold"], 1.0);
}

#[test]
fn an_alarm_on_an_expression_names_each_metric() {
    let metrics = vec![metric("PrimaryHealthy"), metric("StandbyHealthy")];
    let math = Watched::Math {
        expression: "m1 + m2".to_owned(),
        label: "both".to_owned(),
        metrics,
        threshold: threshold(),
    };
    let change = raised(math);
    let event = change.event();
    let ids: Vec<&Value> = event["detail"]["configuration"]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|query| &query["id"])
        .collect();
    assert_eq!(ids, ["e1", "m1", "m2"]);
    let notification = change.notification("arn:aws:sns:us-east-1:123456789012:alarms");
    let message = notification["Records"][0]["Sns"]["Message"].as_str().unwrap();
    let message: Value = serde_json::from_str(message).unwrap();
    assert_eq!(message["Trigger"]["Metrics"][0]["Expression"], "m1 + m2");
    assert!(message["Trigger"].get("MetricName").is_none());
}

#[test]
fn a_composite_alarm_has_a_rule_and_no_metrics() {
    let change = raised(Watched::Composite {
        rule: "ALARM(\"one\") AND ALARM(two)".to_owned(),
        suppressor: Some("maintenance".to_owned()),
    });
    let configuration = &change.event()["detail"]["configuration"];
    let fields = [
        "actionsSuppressor",
        "actionsSuppressorExtensionPeriod",
        "actionsSuppressorWaitPeriod",
        "alarmRule",
    ];
    assert_eq!(keys(configuration), fields);
    let reason = change.event()["detail"]["state"]["reason"].as_str().unwrap().to_owned();
    let child = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:one transitioned to ALARM at ";
    assert!(reason.starts_with(child), "{reason}");
}

#[test]
fn the_three_shapes_tell_the_same() {
    let change = single();
    let invocation = change.invocation();
    let fields = ["accountId", "alarmArn", "alarmData", "region", "source", "time"];
    assert_eq!(keys(&invocation), fields);
    assert_eq!(invocation["alarmData"]["state"], change.event()["detail"]["state"]);
    let notification = change.notification("arn:aws:sns:us-east-1:123456789012:alarms");
    let record = &notification["Records"][0];
    assert_eq!(record["EventSource"], "aws:sns");
    assert_eq!(record["Sns"]["Subject"], "ALARM: \"controller-down\" in US East (N. Virginia)");
    let message: Value = serde_json::from_str(record["Sns"]["Message"].as_str().unwrap()).unwrap();
    assert_eq!(message["NewStateValue"], "ALARM");
    assert_eq!(message["OldStateValue"], "OK");
    assert_eq!(message["NewStateReason"], invocation["alarmData"]["state"]["reason"]);
    assert_eq!(message["AlarmArn"], invocation["alarmArn"]);
    assert_eq!(message["Trigger"]["MetricName"], "PrimaryHealthy");
    assert_eq!(message["Trigger"]["Statistic"], "MINIMUM");
}
