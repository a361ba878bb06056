//! The deliverer, the alarm watcher and the scheduler, against MiniStack and a function of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::try_join;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::process::Command;
use warmspare_tests::stack::aws::{Aws, bytes};
use warmspare_tests::stack::deliver::alarms::{
    AlarmChange, AlarmValue, Metric, Threshold, Watched,
};
use warmspare_tests::stack::deliver::schedules::Scheduler;
use warmspare_tests::stack::deliver::{AlarmWatcher, Deliverer, Outcome};
use warmspare_tests::stack::rds::{Notice, Place};
use warmspare_tests::stack::{Stack, wait};

use crate::parts::{ACCOUNT, EAST, WEST};

const LONG: Duration = Duration::from_secs(60);
/// What the function is given only so that it runs.
const NUDGE: &str = "nudge";

/// A running stack with a function `echo` in us-west-2 that prints what it gets.
pub(crate) struct Rig {
    pub(crate) aws: Arc<Aws>,
    pub(crate) stack: Stack,
}

impl Rig {
    pub(crate) async fn start() -> Result<Self> {
        let stack = crate::parts::stack().await?;
        let aws = Arc::clone(&stack.aws);
        let role = json!({
            "RoleName": "echo",
            "AssumeRolePolicyDocument": json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" },
                "Action": "sts:AssumeRole",
            }] })
            .to_string(),
        });
        let role = aws.call(WEST, "iam", "create_role", role).await?["Role"]["Arn"].clone();
        let function = json!({
            "FunctionName": "echo",
            "Runtime": "python3.12",
            "Handler": "echo.main",
            "Role": role,
            "Code": { "ZipFile": bytes(&zip(&stack.venv.python()).await?) },
        });
        aws.call(WEST, "lambda", "create_function", function).await?;
        Ok(Self { aws, stack })
    }

    pub(crate) async fn call(&self, service: &str, operation: &str, args: Value) -> Result<Value> {
        Ok(self.aws.call(WEST, service, operation, args).await?)
    }

    /// A queue, with its URL and its ARN.
    async fn queue(&self, name: &str) -> Result<(Value, Value)> {
        let made = self.call("sqs", "create_queue", json!({ "QueueName": name })).await?;
        let url = made["QueueUrl"].clone();
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
        let found = self.call("sqs", "get_queue_attributes", asked).await?;
        Ok((url, found["Attributes"]["QueueArn"].clone()))
    }

    async fn message(&self, url: &Value) -> Result<Value> {
        let asked = json!({
            "QueueUrl": url, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 1,
        });
        let found = self.call("sqs", "receive_message", asked).await?;
        Ok(found["Messages"][0].clone())
    }

    pub(crate) async fn rule(
        &self,
        region: &str,
        name: &str,
        pattern: Value,
        target: Value,
    ) -> Result<()> {
        let rule = json!({ "Name": name, "EventPattern": pattern.to_string() });
        self.aws.call(region, "events", "put_rule", rule).await?;
        let targets = json!({ "Rule": name, "Targets": [target] });
        self.aws.call(region, "events", "put_targets", targets).await?;
        Ok(())
    }

    /// What the function has got so far, in no order. MiniStack hands a line that came late to the next
    /// run of the same process, so each gets something to do.
    async fn echoes(&self) -> Result<Vec<Value>> {
        let nudge = json!({ NUDGE: true });
        let nudged = || self.aws.invoke(WEST, "echo", &nudge, true);
        try_join(nudged(), nudged()).await?;
        let asked = json!({ "logGroupName": "/aws/lambda/echo" });
        let found = match self.aws.call(WEST, "logs", "filter_log_events", asked).await {
            Ok(found) => found,
            Err(error) if error.code == "ResourceNotFoundException" => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let lines = found["events"].as_array().unwrap().iter();
        let lines = lines.filter_map(|line| line["message"].as_str()?.trim().strip_prefix("GOT "));
        let got = lines.map(|line| serde_json::from_str(line).unwrap());
        Ok(got.filter(|got: &Value| got.get(NUDGE).is_none()).collect())
    }

    pub(crate) async fn echoed(&self, count: usize) -> Result<Vec<Value>> {
        wait::until("the function has got everything", LONG, async || {
            let echoes = self.echoes().await?;
            Ok((echoes.len() >= count).then_some(echoes))
        })
        .await
    }
}

pub(crate) fn function(name: &str) -> String {
    format!("arn:aws:lambda:{WEST}:{ACCOUNT}:function:{name}")
}

async fn zip(python: &Path) -> Result<Vec<u8>> {
    let make = "import io, sys, zipfile\n\
        code = 'import json\\ndef main(event, _):\\n    print(\"GOT \" + json.dumps(event))\\n'\n\
        body = io.BytesIO()\n\
        with zipfile.ZipFile(body, 'w') as file:\n    file.writestr('echo.py', code)\n\
        sys.stdout.buffer.write(body.getvalue())";
    let output = Command::new(python).args(["-I", "-c", make]).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

fn alarm(name: &str) -> AlarmChange {
    let metric = Metric {
        namespace: "warmspare".to_owned(),
        name: "PrimaryHealthy".to_owned(),
        dimensions: [("System".to_owned(), "controller".to_owned())].into(),
        period_s: 60,
        statistic: "Minimum".to_owned(),
    };
    let threshold = Threshold {
        value: 1.0,
        comparison: "LessThanThreshold".to_owned(),
        evaluation_periods: 3,
        missing_data: "missing".to_owned(),
    };
    AlarmChange::raised(ACCOUNT, WEST, name, Watched::Metric(metric, threshold))
}

/// Rules of which three reach the function, two do not match, and two have nobody to reach.
async fn make_rules(rig: &Rig, dead: &Value) -> Result<()> {
    let down = json!({
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": { "alarmName": [{ "prefix": "controller-" }], "state": { "value": ["ALARM"] } },
    });
    let up = json!({ "source": ["aws.cloudwatch"], "detail": { "state": { "value": ["OK"] } } });
    let (echo, missing) = (function("echo"), function("missing"));
    let whole = json!({ "Id": "1", "Arn": echo });
    let lost = json!({ "Id": "1", "Arn": missing, "DeadLetterConfig": { "Arn": dead } });
    let rules = [
        ("whole", &down, whole.clone()),
        ("input", &down, json!({ "Id": "1", "Arn": echo, "Input": "{\"fixed\":1}" })),
        ("part", &down, json!({ "Id": "1", "Arn": echo, "InputPath": "$.detail.state" })),
        ("other", &up, whole.clone()),
        ("off", &down, whole),
        ("lost", &down, lost),
        ("silent", &down, json!({ "Id": "1", "Arn": missing })),
    ];
    for (name, pattern, target) in rules {
        rig.rule(WEST, name, pattern.clone(), target).await?;
    }
    rig.call("events", "disable_rule", json!({ "Name": "off" })).await?;
    Ok(())
}

#[tokio::test]
async fn an_event_reaches_exactly_the_targets_whose_rule_matches() -> Result<()> {
    let rig = Rig::start().await?;
    let (dead_url, dead) = rig.queue("dead").await?;
    make_rules(&rig, &dead).await?;
    let event = alarm("controller-down").event();
    let delivered = Deliverer::new(Arc::clone(&rig.aws)).deliver(&event).await?;
    let mut outcomes: Vec<(&str, &Outcome)> =
        delivered.iter().map(|it| (it.rule.as_str(), &it.outcome)).collect();
    outcomes.sort_by_key(|(rule, _)| *rule);
    let code = "ResourceNotFoundException".to_owned();
    let dropped = Outcome::Dropped { code: code.clone() };
    let queue = dead.as_str().unwrap().to_owned();
    let expected = [
        ("input", &Outcome::Invoked),
        ("lost", &Outcome::DeadLettered { queue, code }),
        ("part", &Outcome::Invoked),
        ("silent", &dropped),
        ("whole", &Outcome::Invoked),
    ];
    assert_eq!(outcomes, expected);

    let echoes = rig.echoed(3).await?;
    assert_eq!(echoes.len(), 3);
    for expected in [&event, &json!({ "fixed": 1 }), &event["detail"]["state"]] {
        assert!(echoes.contains(expected), "{expected} is not in {echoes:?}");
    }
    let letter = rig.message(&dead_url).await?;
    let body: Value = serde_json::from_str(letter["Body"].as_str().unwrap())?;
    assert_eq!(body, event);
    let attribute = |name: &str| letter["MessageAttributes"][name]["StringValue"].clone();
    assert_eq!(attribute("ERROR_CODE"), "ResourceNotFoundException");
    assert_eq!(attribute("RULE_ARN"), format!("arn:aws:events:{WEST}:{ACCOUNT}:rule/lost"));
    assert_eq!(attribute("TARGET_ARN"), function("missing"));
    Ok(())
}

#[tokio::test]
async fn an_event_is_forwarded_to_the_bus_of_another_region_once() -> Result<()> {
    let rig = Rig::start().await?;
    let finished = json!({
        "source": ["aws.rds"], "detail": { "EventID": ["RDS-EVENT-0042", "RDS-EVENT-0161"] },
    });
    let bus = |region: &str| format!("arn:aws:events:{region}:{ACCOUNT}:event-bus/default");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/echo");
    let forward = json!({ "Id": "1", "Arn": bus(WEST), "RoleArn": role });
    rig.rule(EAST, "forward", finished.clone(), forward).await?;
    let back = json!({ "Id": "1", "Arn": bus(EAST), "RoleArn": role });
    rig.rule(WEST, "back", finished.clone(), back).await?;
    rig.rule(WEST, "here", finished, json!({ "Id": "1", "Arn": function("echo") })).await?;
    let event = Notice::manual_snapshot_created().about_snapshot(ACCOUNT, &Place::new(EAST, "one"));
    let delivered = Deliverer::new(Arc::clone(&rig.aws)).deliver(&event).await?;
    let outcomes: Vec<(&str, &Outcome)> =
        delivered.iter().map(|it| (it.rule.as_str(), &it.outcome)).collect();
    let forwarded = Outcome::Forwarded { region: WEST.to_owned() };
    assert!(outcomes.contains(&("forward", &forwarded)), "{outcomes:?}");
    assert!(outcomes.contains(&("here", &Outcome::Invoked)), "{outcomes:?}");
    assert!(outcomes.contains(&("back", &Outcome::Unknown)), "{outcomes:?}");
    assert_eq!(outcomes.len(), 3);
    // It still says where it comes from.
    assert_eq!(rig.echoed(1).await?, [event]);
    Ok(())
}

/// An alarm like the probe's, whose action is the function.
async fn put_alarm(rig: &Rig) -> Result<()> {
    let put = json!({
        "AlarmName": "controller-down",
        "AlarmDescription": "the primary is not healthy",
        "Namespace": "warmspare",
        "MetricName": "PrimaryHealthy",
        "Dimensions": [{ "Name": "System", "Value": "controller" }],
        "Statistic": "Minimum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
        "AlarmActions": [function("echo")],
    });
    rig.call("cloudwatch", "put_metric_alarm", put).await?;
    Ok(())
}

async fn put_unhealthy(rig: &Rig) -> Result<()> {
    let datum = json!({
        "Namespace": "warmspare",
        "MetricData": [{
            "MetricName": "PrimaryHealthy", "Value": 0.0,
            "Dimensions": [{ "Name": "System", "Value": "controller" }],
        }],
    });
    rig.call("cloudwatch", "put_metric_data", datum).await?;
    Ok(())
}

#[tokio::test]
async fn an_alarm_that_changes_is_told_to_rules_and_to_functions() -> Result<()> {
    let rig = Rig::start().await?;
    let pattern = json!({ "source": ["aws.cloudwatch"] });
    rig.rule(WEST, "alarms", pattern, json!({ "Id": "1", "Arn": function("echo") })).await?;
    put_alarm(&rig).await?;
    let deliverer = Deliverer::new(Arc::clone(&rig.aws));
    let watcher = AlarmWatcher::start(&deliverer, WEST).await?;
    put_unhealthy(&rig).await?;
    let echoes = rig.echoed(2).await?;
    let event = echoes.iter().find(|it| it.get("detail").is_some()).unwrap();
    let direct = echoes.iter().find(|it| it.get("alarmData").is_some()).unwrap();
    assert_eq!(event["detail"]["alarmName"], "controller-down");
    assert_eq!(event["detail"]["state"]["value"], "ALARM");
    assert_eq!(event["detail"]["previousState"]["value"], "INSUFFICIENT_DATA");
    let configuration = &event["detail"]["configuration"];
    assert_eq!(configuration["description"], "the primary is not healthy");
    let stat = &configuration["metrics"][0]["metricStat"];
    assert_eq!(stat["metric"]["dimensions"], json!({ "System": "controller" }));
    assert_eq!(direct["alarmData"]["state"], event["detail"]["state"]);
    assert_eq!(direct["alarmArn"], event["resources"][0]);

    let name = "controller-down";
    let state = json!({ "AlarmName": name, "StateValue": "OK", "StateReason": "by hand" });
    rig.call("cloudwatch", "set_alarm_state", state).await?;
    let echoes = rig.echoed(3).await?;
    let fine = echoes.iter().find(|it| it["detail"]["state"]["value"] == "OK").unwrap();
    assert_eq!(fine["detail"]["state"]["reason"], "by hand");
    let told = watcher.told();
    let told: Vec<(AlarmValue, usize, usize)> =
        told.iter().map(|it| (it.value, it.delivered.len(), it.invoked.len())).collect();
    assert_eq!(told, [(AlarmValue::Alarm, 1, 1), (AlarmValue::Ok, 1, 0)]);
    assert_eq!(watcher.mishaps(), Vec::<String>::new());
    Ok(())
}

/// All context attributes there are.
fn attributes(name: &str) -> Value {
    json!({
        "name": name,
        "at": "<aws.scheduler.scheduled-time>",
        "execution": "<aws.scheduler.execution-id>",
        "attempt": "<aws.scheduler.attempt-number>",
        "arn": "<aws.scheduler.schedule-arn>",
    })
}

fn schedule(name: &str, expression: &str, target: &str, input: &Value) -> Value {
    json!({
        "Name": name,
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": {
            "Arn": function(target),
            "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/echo"),
            "Input": input.to_string(),
        },
    })
}

fn schedule_arn(name: &str) -> String {
    format!("arn:aws:scheduler:{WEST}:{ACCOUNT}:schedule/default/{name}")
}

impl Rig {
    async fn schedule(&self, schedule: Value) -> Result<()> {
        self.call("scheduler", "create_schedule", schedule).await?;
        Ok(())
    }
}

const NIGHTLY: &str = "cron(0 2 * * ? *)";

#[tokio::test]
async fn a_schedule_with_context_attributes_is_taken_over_as_it_is() -> Result<()> {
    let rig = Rig::start().await?;
    rig.schedule(schedule("plain", NIGHTLY, "echo", &json!({ "name": "plain" }))).await?;
    rig.schedule(schedule("nightly", NIGHTLY, "echo", &attributes("nightly"))).await?;
    let get =
        async |name: &str| rig.call("scheduler", "get_schedule", json!({ "Name": name })).await;
    let before = get("nightly").await?;
    let scheduler = Scheduler::start(Arc::clone(&rig.aws), WEST).await?;
    assert_eq!(scheduler.taken(), ["nightly"]);
    let mut after = get("nightly").await?;
    assert_eq!((&before["State"], &after["State"]), (&json!("ENABLED"), &json!("DISABLED")));
    after["State"] = json!("ENABLED");
    after["LastModificationDate"] = before["LastModificationDate"].clone();
    assert_eq!(before, after);
    assert_eq!(get("plain").await?["State"], "ENABLED");
    rig.schedule(schedule("later", NIGHTLY, "echo", &attributes("later"))).await?;
    rig.call("scheduler", "delete_schedule", json!({ "Name": "nightly" })).await?;
    wait::until("the new one is taken, the old one forgotten", LONG, async || {
        Ok((scheduler.taken() == ["later"]).then_some(()))
    })
    .await?;
    assert_eq!(scheduler.mishaps(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_slot_can_be_fired_more_than_once() -> Result<()> {
    let rig = Rig::start().await?;
    let (dead_url, dead) = rig.queue("dead").await?;
    rig.schedule(schedule("plain", NIGHTLY, "echo", &json!({ "name": "plain" }))).await?;
    rig.schedule(schedule("nightly", NIGHTLY, "echo", &attributes("nightly"))).await?;
    let mut lost = schedule("lost", NIGHTLY, "missing", &attributes("lost"));
    lost["Target"]["DeadLetterConfig"] = json!({ "Arn": dead });
    rig.schedule(lost).await?;
    let scheduler = Scheduler::start(Arc::clone(&rig.aws), WEST).await?;
    let slot: Timestamp = "2026-11-21T01:00:00Z".parse()?;
    let fired = scheduler.fire("nightly", slot, 3).await?;
    assert!(fired.iter().all(|it| it.outcome == Outcome::Invoked && it.scheduled_at == slot));
    let echoes = rig.echoed(3).await?;
    let ids: BTreeSet<&str> = echoes.iter().map(|it| it["execution"].as_str().unwrap()).collect();
    assert_eq!(ids, fired.iter().map(|it| it.execution_id.as_str()).collect());
    assert!(ids.len() == 3 && ids.iter().all(|id| id.len() == 16), "{ids:?}");
    for echo in &echoes {
        assert_eq!(echo["at"], "2026-11-21T01:00:00Z");
        assert_eq!(echo["attempt"], "1");
        assert_eq!(echo["arn"], schedule_arn("nightly"));
    }
    assert!(scheduler.fire("plain", slot, 1).await.is_err(), "it is not ours");

    let code = "ResourceNotFoundException".to_owned();
    let queue = dead.as_str().unwrap().to_owned();
    let outcome = Outcome::DeadLettered { queue, code };
    assert_eq!(scheduler.fire("lost", slot, 1).await?[0].outcome, outcome);
    let letter = rig.message(&dead_url).await?;
    let attribute = &letter["MessageAttributes"]["SCHEDULE_ARN"]["StringValue"];
    assert_eq!(*attribute, schedule_arn("lost"));
    Ok(())
}

#[tokio::test]
async fn schedules_fire_by_the_clock() -> Result<()> {
    let rig = Rig::start().await?;
    rig.schedule(schedule("often", "rate(2 seconds)", "echo", &attributes("often"))).await?;
    let soon = Timestamp::try_from(wait::now())? + SignedDuration::from_secs(4);
    let soon = soon.to_zoned(jiff::tz::TimeZone::get("Europe/Berlin")?);
    let at = soon.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string();
    let mut once = schedule("once", &at, "echo", &attributes("once"));
    once["ActionAfterCompletion"] = json!("DELETE");
    rig.schedule(once).await?;
    let scheduler = Scheduler::start(Arc::clone(&rig.aws), WEST).await?;
    let echoes = wait::until("three often and one once", LONG, async || {
        let echoes = rig.echoes().await?;
        let count = |name: &str| echoes.iter().filter(|it| it["name"] == name).count();
        Ok((count("often") >= 3 && count("once") >= 1).then_some(echoes))
    })
    .await?;
    let of = |name: &str| -> Vec<Timestamp> {
        let of = echoes.iter().filter(|it| it["name"] == name);
        let mut times: Vec<Timestamp> =
            of.map(|it| it["at"].as_str().unwrap().parse().unwrap()).collect();
        times.sort();
        times
    };
    let often = of("often");
    assert!(often.windows(2).all(|it| it[1].duration_since(it[0]).as_secs() == 2), "{often:?}");
    let second = soon.timestamp().as_second();
    assert_eq!(of("once").iter().map(|it| it.as_second()).collect::<Vec<_>>(), [second]);
    wait::until("a schedule that is over is deleted", LONG, async || {
        Ok((scheduler.taken() == ["often"]).then_some(()))
    })
    .await?;
    assert_eq!(scheduler.mishaps(), Vec::<String>::new());
    Ok(())
}
