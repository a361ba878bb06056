//! A failover whose clients are led by a health check, by the binaries that AWS would run. What Route 53
//! makes of the alarm is not here: MiniStack keeps health checks and answers no name. What the functions
//! do is: they read the pair, swap the switch in S3, publish with their own roles, and see the alarm.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use warmspare_tests::scene::{ADDRESSES, Protected, RECOVERY, Scene, Shape, promises, until};
use warmspare_tests::stack::appliance::Mode;
use warmspare_tests::stack::gateway::{Effect, Match};
use warmspare_tests::stack::wait;

use crate::failover::stage::{play, sentence, systems, wake, words};

const NAME: &str = "switched";
/// The longest that the probe's value is waited for, in seconds.
const WAIT_S_MAX: u64 = 60;

/// FF9, I14, P7: Route 53 does not answer, from before the loss until after the end.
#[test]
fn a_failover_by_health_check_is_completed_while_route_53_is_silent() -> Result<()> {
    play(async |scene| {
        let systems = systems(scene, [(NAME.to_owned(), Shape::Metric)]).await?;
        let system = systems.first().context("no system")?;
        led_by_health_check(scene, system).await?;
        let probe = json!({ "action": "probe", "system": NAME });
        let said = scene.invoke("health-probe", &probe).await?.to_string();
        ensure!(said.contains("clients are led to east"), "{said}");
        until("the alarm leads home", WAIT_S_MAX, async || {
            Ok((state(scene).await? == "OK").then_some(()))
        })
        .await?;
        // While it answers, the pair is read, as the plan says that it is.
        let rehearse = json!({ "system": NAME, "action": "rehearse", "of": "switchover" });
        let said = sentence(&wake(scene, system, &rehearse).await?, "done")?;
        ensure!(said.contains("would turn the switch, over nothing"), "{said}");

        let lost_at = wait::now();
        let about = Match::any().service("route53").key_contains(&system.record);
        let silence = scene.stack.gateway.fault(about, Effect::Silence);
        system.lose_home(scene).await?;
        let done = sentence(&wake(scene, system, &system.alarm()?).await?, "done")?;
        let asked = silence.met();
        silence.heal();
        ensure!(asked <= 2, "Route 53 was asked {asked} times: more than the look and its retry");
        println!("{done}");

        let journal = words(&system.journal(scene).await?);
        ensure!(journal.last().map(String::as_str) == Some("completed"), "{journal:?}");
        let switch = scene.document(&format!("failovers/{NAME}/switch.json")).await?;
        let wanted = json!({ "format": 1, "system": NAME, "term": 1, "site": "west" });
        ensure!(switch == Some(wanted), "the switch is {switch:?}");
        ensure!(state(scene).await? == "ALARM", "the alarm does not lead away");
        ensure!(system.west.mode() == Mode::Production && system.writer(scene), "not promoted");
        let again = scene.invoke("health-probe", &probe).await?.to_string();
        ensure!(again.contains("clients are led to west"), "{again}");
        let broken = promises::broken_for(scene, system.system(), lost_at).await?;
        ensure!(broken.is_empty(), "{broken:?}");
        Ok(())
    })
}

/// Its plan, its pair of records, and its alarm as system.yaml makes it.
async fn led_by_health_check(scene: &Scene, system: &Protected) -> Result<()> {
    let aws = &scene.stack.aws;
    let alarm = json!({
        "AlarmName": alarm_name(), "Namespace": "Warmspare", "MetricName": "AwayActive",
        "Dimensions": [{ "Name": "System", "Value": NAME }], "Statistic": "Maximum", "Period": 60,
        "EvaluationPeriods": 2, "DatapointsToAlarm": 2, "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "ignore",
    });
    aws.call(RECOVERY, "cloudwatch", "put_metric_alarm", alarm).await?;
    let check = json!({
        "CallerReference": NAME,
        "HealthCheckConfig": {
            "Type": "CLOUDWATCH_METRIC",
            "AlarmIdentifier": { "Name": alarm_name(), "Region": RECOVERY },
            "InsufficientDataHealthStatus": "LastKnownStatus",
        },
    });
    let made = aws.call("us-east-1", "route53", "create_health_check", check).await?;
    let id = made.pointer("/HealthCheck/Id").and_then(Value::as_str).context("no id")?;

    let [home, away] = ADDRESSES;
    let set = |more: Value, address: &str| {
        let mut set = json!({
            "Name": system.record, "Type": "A", "TTL": 60,
            "ResourceRecords": [{ "Value": address }],
        });
        if let (Some(set), Some(more)) = (set.as_object_mut(), more.as_object()) {
            set.extend(more.clone());
        }
        set
    };
    let primary = json!({ "SetIdentifier": "east", "Failover": "PRIMARY", "HealthCheckId": id });
    let secondary = json!({ "SetIdentifier": "west", "Failover": "SECONDARY" });
    let changes = [
        ("DELETE", set(json!({}), home)),
        ("CREATE", set(primary, home)),
        ("CREATE", set(secondary, away)),
    ]
    .map(|(action, set)| json!({ "Action": action, "ResourceRecordSet": set }));
    let batch = json!({ "HostedZoneId": scene.zone, "ChangeBatch": { "Changes": changes } });
    aws.call("us-east-1", "route53", "change_resource_record_sets", batch).await?;

    let method = format!("ttl = 60\nmethod = \"health-check\"\nhealth_check = \"{id}\"\n");
    let plan = system.plan(scene).replace("ttl = 60\n", &method);
    scene.put(&format!("plans/{NAME}.toml"), plan.as_bytes()).await
}

fn alarm_name() -> String {
    format!("warmspare-away-{NAME}")
}

async fn state(scene: &Scene) -> Result<String> {
    let args = json!({ "AlarmNames": [alarm_name()] });
    let found = scene.stack.aws.call(RECOVERY, "cloudwatch", "describe_alarms", args).await?;
    let state = found.pointer("/MetricAlarms/0/StateValue").and_then(Value::as_str);
    Ok(state.unwrap_or_default().to_owned())
}
