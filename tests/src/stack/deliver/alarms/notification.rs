//! The SNS notification of an alarm as a subscribed function gets it. Of the other shapes it knows
//! nothing.

use serde_json::{Value, json};

use super::super::super::rds::names::{fresh_uuid, iso};
use super::{AlarmChange, Metric, Threshold, Watched, stamp};

impl AlarmChange {
    /// What a function gets that subscribes to the topic which is an action of the alarm.
    pub fn notification(&self, topic: &str) -> Value {
        let subject =
            format!("{}: \"{}\" in {}", self.state.value.word(), self.name, self.region());
        let at = "https://sns.us-east-1.amazonaws.com/";
        json!({ "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": format!("{topic}:{}", fresh_uuid()),
            "Sns": {
                "Type": "Notification",
                "MessageId": fresh_uuid(),
                "TopicArn": topic,
                "Subject": subject,
                "Message": self.message().to_string(),
                "Timestamp": iso(self.state.at),
                "SignatureVersion": "1",
                "Signature": "EXAMPLE",
                "SigningCertUrl": format!("{at}SimpleNotificationService-0000000000000000.pem"),
                "UnsubscribeUrl": format!("{at}?Action=Unsubscribe"),
                "MessageAttributes": {},
            },
        }] })
    }

    /// The `Message` of the notification, before it is made a text.
    fn message(&self) -> Value {
        let mut message = json!({
            "AlarmName": self.name,
            "AlarmDescription": self.description,
            "AWSAccountId": self.account,
            "AlarmConfigurationUpdatedTimestamp": stamp(self.previous.at),
            "NewStateValue": self.state.value.word(),
            "NewStateReason": self.state.reason,
            "StateChangeTime": stamp(self.state.at),
            "Region": self.region(),
            "AlarmArn": self.arn(),
            "OldStateValue": self.previous.value.word(),
            "OKActions": [],
            "AlarmActions": self.actions,
            "InsufficientDataActions": [],
        });
        let (name, value) = match &self.watched {
            Watched::Metric(metric, threshold) => ("Trigger", trigger(metric, threshold)),
            Watched::Math { expression, label, metrics, threshold } => {
                ("Trigger", math_trigger(expression, label, metrics, threshold))
            }
            Watched::Composite { rule, .. } => ("AlarmRule", json!(rule)),
        };
        if let Some(message) = message.as_object_mut() {
            message.insert(name.to_owned(), value);
        }
        message
    }

    /// SNS spells the region out.
    fn region(&self) -> &str {
        match self.region.as_str() {
            "us-east-1" => "US East (N. Virginia)",
            "us-east-2" => "US East (Ohio)",
            "us-west-1" => "US West (N. California)",
            "us-west-2" => "US West (Oregon)",
            "eu-central-1" => "EU (Frankfurt)",
            "eu-west-1" => "EU (Ireland)",
            other => other,
        }
    }
}

fn dimensions(metric: &Metric) -> Vec<Value> {
    let dimension = |(name, value)| json!({ "value": value, "name": name });
    metric.dimensions.iter().map(dimension).collect()
}

fn trigger(metric: &Metric, threshold: &Threshold) -> Value {
    json!({
        "MetricName": metric.name,
        "Namespace": metric.namespace,
        "StatisticType": "Statistic",
        "Statistic": metric.statistic.to_uppercase(),
        "Unit": null,
        "Dimensions": dimensions(metric),
        "Period": metric.period_s,
        "EvaluationPeriods": threshold.evaluation_periods,
        "ComparisonOperator": threshold.comparison,
        "Threshold": threshold.value,
        "TreatMissingData": threshold.missing_data,
        "EvaluateLowSampleCountPercentile": "",
    })
}

fn math_trigger(expression: &str, label: &str, metrics: &[Metric], threshold: &Threshold) -> Value {
    let mut queries = vec![json!({
        "Expression": expression, "Id": "e1", "Label": label, "ReturnData": true,
    })];
    queries.extend(metrics.iter().zip(1..).map(|(metric, number)| {
        json!({
            "Id": format!("m{number}"),
            "MetricStat": {
                "Metric": {
                    "Dimensions": dimensions(metric),
                    "MetricName": metric.name,
                    "Namespace": metric.namespace,
                },
                "Period": metric.period_s,
                "Stat": metric.statistic,
            },
            "ReturnData": false,
        })
    }));
    json!({
        "Period": metrics.first().map(|metric| metric.period_s),
        "EvaluationPeriods": threshold.evaluation_periods,
        "ComparisonOperator": threshold.comparison,
        "Threshold": threshold.value,
        "TreatMissingData": threshold.missing_data,
        "EvaluateLowSampleCountPercentile": "",
        "Metrics": queries,
    })
}
