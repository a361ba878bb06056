use super::*;

fn raised() -> Trigger {
    Trigger::Alarm {
        name: "warmspare-primary-controller".to_owned(),
        system: SystemName::parse("controller").unwrap(),
        is_raised: true,
    }
}

#[test]
fn an_alarm_is_read_in_all_three_shapes_and_in_all_three_kinds() {
    let metric = r#"{"version":"0","id":"1","detail-type":"CloudWatch Alarm State Change",
        "source":"aws.cloudwatch","detail":{"alarmName":"warmspare-primary-controller",
        "state":{"value":"ALARM","reason":"r","timestamp":"2026-11-21T00:00:00.000+0000"},
        "configuration":{"metrics":[{"id":"m1","metricStat":{"period":60}}]}}}"#;
    let composite = r#"{"source":"aws.cloudwatch","detail-type":"CloudWatch Alarm State Change",
        "detail":{"alarmName":"warmspare-primary-controller","state":{"value":"ALARM",
        "reasonData":"{\"triggeringAlarms\":[]}","actionsSuppressedBy":"WaitPeriod"},
        "configuration":{"alarmRule":"ALARM(a) OR ALARM(b)"}}}"#;
    let metric_math = r#"{"source":"aws.cloudwatch","detail":{"alarmName":
        "warmspare-primary-controller","state":{"value":"ALARM"},"configuration":{"metrics":
        [{"id":"e1","expression":"m1/m2","label":"x","returnData":true}]}}}"#;
    let direct = r#"{"source":"aws.cloudwatch","alarmArn":"arn:aws:cloudwatch:us-west-2:1:alarm:x",
        "accountId":"111122223333","alarmData":{"alarmName":"warmspare-primary-controller",
        "state":{"value":"ALARM"}}}"#;
    let sns = serde_json::json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message":
        r#"{"AlarmName":"warmspare-primary-controller","NewStateValue":"ALARM","Trigger":{}}"#}}]})
    .to_string();
    for event in [metric, composite, metric_math, direct, &sns] {
        assert_eq!(read(event.as_bytes()), Ok(raised()), "{event}");
    }
}

#[test]
fn a_tick_is_of_every_system_or_of_one() {
    let controller = SystemName::parse("controller").unwrap();
    for (event, system) in [
        (r#"{"action":"tick"}"#, None),
        (r#"{"source":"aws.rds","detail":{}}"#, None),
        (r#"{"action":"tick","system":"controller"}"#, Some(controller)),
    ] {
        assert_eq!(read(event.as_bytes()), Ok(Trigger::Tick { system }), "{event}");
    }
}

#[test]
fn what_is_not_ours_is_refused_with_what_was_found() {
    for (event, part) in [
        ("", "JSON"),
        ("[1,2]", ""),
        (r#"{"source":"aws.s3"}"#, "\"aws.s3\""),
        (r#"{"action":"reboot","system":"controller"}"#, "\"reboot\""),
        (r#"{"action":"failover"}"#, "no system"),
        (r#"{"action":"failover","system":"controller"}"#, "no reason"),
        (r#"{"action":"failover","system":"../x","reason":"r"}"#, "../x"),
        (r#"{"action":"abort","system":"controller"}"#, "an abort and gives no reason"),
        (r#"{"action":"abort","system":"controller","reason":"r","who":7}"#, "`who` is 7"),
        (r#"{"action":"switchover","system":"controller"}"#, "a switchover and gives no reason"),
        (r#"{"action":"failback","system":"controller"}"#, "a failback and gives no reason"),
        (
            r#"{"action":"failback","system":"controller","reason":"x","restored":"now"}"#,
            "an instant",
        ),
        (r#"{"action":"tick","system":"No Name"}"#, "No Name"),
        (r#"{"action":"tick","system":7}"#, "`system` is 7"),
        (r#"{"source":"aws.cloudwatch","detail":{}}"#, "names no alarm"),
        (
            r#"{"source":"aws.cloudwatch","detail":{"alarmName":"cpu","state":{"value":"ALARM"}}}"#,
            "\"cpu\"",
        ),
        (r#"{"Records":[{"Sns":{"Message":"hello"}}]}"#, "not the JSON of an alarm"),
        (r#"{"Records":[{}]}"#, "no Sns.Message"),
    ] {
        let refusal = read(event.as_bytes()).unwrap_err().to_string();
        assert!(refusal.contains(part), "{event}: {refusal}");
    }
}

#[test]
fn an_abort_says_who_and_why() {
    let event = r#"{"action":"abort","system":"controller","who":"Ada","reason":"it is back"}"#;
    let (system, action) = (SystemName::parse("controller").unwrap(), Action::Abort);
    let (who, reason) = (Some("Ada".to_owned()), "it is back".to_owned());
    assert_eq!(read(event.as_bytes()), Ok(Trigger::Request { system, action, who, reason }));
}
