//! An alarm's change of state, in the three shapes in which AWS tells it: the EventBridge event, the
//! SNS notification, the direct invocation. It tells nobody.
//!
//! Event: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>.
//! Direct: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html>.
//! SNS envelope: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>; the message inside it is
//! not specified, its fields are those of real notifications.

mod notification;
mod reason;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::super::rds::names::{fresh_uuid, iso_seconds, now};

/// The words of `StateValue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmValue {
    /// `OK`
    Ok,
    /// `ALARM`
    Alarm,
    /// `INSUFFICIENT_DATA`
    InsufficientData,
}

impl AlarmValue {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// From the word of the API.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "OK" => Some(Self::Ok),
            "ALARM" => Some(Self::Alarm),
            "INSUFFICIENT_DATA" => Some(Self::InsufficientData),
            _ => None,
        }
    }
}

/// A state of an alarm, with why it is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmState {
    /// The state.
    pub value: AlarmValue,
    /// The sentence that CloudWatch gives as the reason.
    pub reason: String,
    /// The reason as JSON text; some states have none.
    pub reason_data: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// A metric that an alarm watches.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// The period in seconds.
    pub period_s: u64,
    /// `Average`, `Minimum`, …
    pub statistic: String,
}

/// When the watched value is bad.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The threshold.
    pub value: f64,
    /// `LessThanThreshold`, …
    pub comparison: String,
    /// `EvaluationPeriods`.
    pub evaluation_periods: u64,
    /// `missing`, `breaching`, …
    pub missing_data: String,
}

/// What an alarm watches.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    /// One metric.
    Metric(Metric, Threshold),
    /// An expression over metrics, which are called m1, m2, …
    Math {
        /// The expression, such as `m1 + m2`.
        expression: String,
        /// What it is called.
        label: String,
        /// The metrics.
        metrics: Vec<Metric>,
        /// When its value is bad.
        threshold: Threshold,
    },
    /// Other alarms.
    Composite {
        /// The rule, such as `ALARM(one) AND ALARM(two)`.
        rule: String,
        /// The alarm that suppresses its actions, if any.
        suppressor: Option<String>,
    },
}

/// An alarm that changed its state.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmChange {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The alarm's name.
    pub name: String,
    /// The alarm's description.
    pub description: Option<String>,
    /// What it watches.
    pub watched: Watched,
    /// The state it had.
    pub previous: AlarmState,
    /// The state it has.
    pub state: AlarmState,
    /// The ARNs of what it does in the new state.
    pub actions: Vec<String>,
}

impl AlarmChange {
    /// From OK to ALARM now, with reasons like CloudWatch's.
    pub fn raised(account: &str, region: &str, name: &str, watched: Watched) -> Self {
        let at = now();
        let before = at - SignedDuration::from_mins(9);
        let state = |value, at| AlarmState {
            value,
            reason: reason::sentence(&watched, region, account, value, at),
            reason_data: Some(reason::data(&watched, region, account, value, at)),
            at,
        };
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
            description: None,
            previous: state(AlarmValue::Ok, before),
            state: state(AlarmValue::Alarm, at),
            watched,
            actions: Vec::new(),
        }
    }

    /// The alarm's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:cloudwatch:{}:{}:alarm:{}", self.region, self.account, self.name)
    }

    /// The EventBridge event `CloudWatch Alarm State Change`.
    pub fn event(&self) -> Value {
        json!({
            "version": "0",
            "id": fresh_uuid(),
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": self.account,
            "time": iso_seconds(self.state.at),
            "region": self.region,
            "resources": [self.arn()],
            "detail": self.detail(),
        })
    }

    /// What a function gets whose ARN is an action of the alarm.
    pub fn invocation(&self) -> Value {
        json!({
            "source": "aws.cloudwatch",
            "alarmArn": self.arn(),
            "accountId": self.account,
            "time": stamp(self.state.at),
            "region": self.region,
            "alarmData": self.detail(),
        })
    }

    fn detail(&self) -> Value {
        json!({
            "alarmName": self.name,
            "configuration": self.configuration(),
            "previousState": told(&self.previous),
            "state": told(&self.state),
        })
    }

    fn configuration(&self) -> Value {
        let mut configuration = Map::new();
        if let Some(description) = &self.description {
            configuration.insert("description".to_owned(), json!(description));
        }
        let mut add = |name: &str, value: Value| configuration.insert(name.to_owned(), value);
        match &self.watched {
            Watched::Metric(metric, _) => {
                let id = fresh_uuid();
                add("metrics", json!([queried(metric, &id, true)]));
            }
            Watched::Math { expression, label, metrics, .. } => {
                let mut queries = vec![json!({
                    "expression": expression, "id": "e1", "label": label, "returnData": true,
                })];
                queries.extend(
                    metrics
                        .iter()
                        .zip(1..)
                        .map(|(metric, number)| queried(metric, &format!("m{number}"), false)),
                );
                add("metrics", json!(queries));
            }
            Watched::Composite { rule, suppressor } => {
                add("alarmRule", json!(rule));
                if let Some(suppressor) = suppressor {
                    add("actionsSuppressor", json!(suppressor));
                    add("actionsSuppressorWaitPeriod", json!(120));
                    add("actionsSuppressorExtensionPeriod", json!(180));
                }
            }
        }
        Value::Object(configuration)
    }
}

/// CloudWatch's time stamp, such as `2019-10-02T17:04:40.989+0000`.
fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

fn told(state: &AlarmState) -> Value {
    let mut told = json!({
        "reason": state.reason,
        "timestamp": stamp(state.at),
        "value": state.value.word(),
    });
    if let (Some(data), Some(told)) = (&state.reason_data, told.as_object_mut()) {
        told.insert("reasonData".to_owned(), json!(data));
    }
    told
}

fn queried(metric: &Metric, id: &str, returns: bool) -> Value {
    json!({
        "id": id,
        "metricStat": {
            "metric": {
                "dimensions": metric.dimensions,
                "name": metric.name,
                "namespace": metric.namespace,
            },
            "period": metric.period_s,
            "stat": metric.statistic,
        },
        "returnData": returns,
    })
}
