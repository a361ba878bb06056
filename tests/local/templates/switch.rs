//! The alarm that leads clients, and the health check that reads it, as the code takes them to be.

use serde_json::json;
use warmspare_decide::name::SystemName;
use warmspare_decide::switch::{METRIC, alarm_name};

use crate::templates::template::{Template, referred};

/// Route 53 copies an alarm without `DatapointsToAlarm` and `TreatMissingData`
/// (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_CloudWatchAlarmConfiguration.html>), so
/// the alarm must mean the same without them; and what is missing must flip nothing, in either.
#[tokio::test]
async fn the_health_check_follows_the_alarm_and_keeps_what_it_knows() -> anyhow::Result<()> {
    let template = Template::read("system.yaml").await?;
    let alarm = template.resource("AwayAlarm")?;
    let system = SystemName::parse("controller")?;
    let named = alarm.at("/AlarmName/Fn::Sub").as_str().unwrap_or_default();
    assert_eq!(named.replace("${System}", "controller"), alarm_name(&system));
    assert_eq!(alarm.at("/MetricName"), METRIC);
    assert_eq!(alarm.at("/DatapointsToAlarm"), alarm.at("/EvaluationPeriods"));
    assert_eq!(alarm.at("/EvaluationPeriods"), 2);
    assert_eq!(alarm.at("/TreatMissingData"), "ignore");
    assert_eq!(alarm.at("/Statistic"), "Maximum");
    assert_eq!(alarm.at("/Period"), 60, "high-resolution metrics are not supported");
    let judged = [alarm.at("/ComparisonOperator"), alarm.at("/Threshold")];
    assert_eq!(judged, [&json!("GreaterThanThreshold"), &json!(0)]);

    let check = template.resource("HealthCheck")?;
    let config = check.at("/HealthCheckConfig");
    assert_eq!(config["Type"], "CLOUDWATCH_METRIC");
    assert_eq!(referred(&config["AlarmIdentifier"]["Name"]), Some("AwayAlarm"));
    assert_eq!(referred(&config["AlarmIdentifier"]["Region"]), Some("AWS::Region"));
    assert_eq!(config["InsufficientDataHealthStatus"], "LastKnownStatus");
    assert!(config["Inverted"].is_null());
    assert_eq!(template.default("DnsMethod"), "rewrite");
    Ok(())
}
