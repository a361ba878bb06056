//! Why an alarm is in its state, in CloudWatch's words, for changes that a test makes up.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{AlarmValue, Watched, stamp};

/// The sentence of a threshold that was crossed, or of a child that changed.
pub(super) fn sentence(
    watched: &Watched,
    region: &str,
    account: &str,
    value: AlarmValue,
    at: Timestamp,
) -> String {
    let threshold = match watched {
        Watched::Metric(_, threshold) | Watched::Math { threshold, .. } => threshold,
        Watched::Composite { rule, .. } => {
            let child =
                format!("arn:aws:cloudwatch:{region}:{account}:alarm:{}", first_child(rule));
            let day = at.strftime("%A %d %B, %Y %H:%M:%S UTC");
            return format!("{child} transitioned to {} at {day}", value.word());
        }
    };
    let moment = at.strftime("%d/%m/%y %H:%M:%S");
    let limit = threshold.value;
    let (word, datum, change) = match value {
        AlarmValue::Alarm => ("was", 0.0, "OK -> ALARM"),
        AlarmValue::Ok | AlarmValue::InsufficientData => ("was not", limit, "ALARM -> OK"),
    };
    format!(
        "Threshold Crossed: 1 out of the last 1 datapoints [{datum:?} ({moment})] {word} {} the \
         threshold ({limit:?}) (minimum 1 datapoint for {change} transition).",
        compared(&threshold.comparison)
    )
}

fn compared(comparison: &str) -> &'static str {
    match comparison {
        "GreaterThanThreshold" => "greater than",
        "GreaterThanOrEqualToThreshold" => "greater than or equal to",
        "LessThanOrEqualToThreshold" => "less than or equal to",
        _ => "less than",
    }
}

pub(super) fn data(
    watched: &Watched,
    region: &str,
    account: &str,
    value: AlarmValue,
    at: Timestamp,
) -> String {
    let data = match watched {
        Watched::Metric(metric, threshold) => json!({
            "version": "1.0",
            "queryDate": stamp(at),
            "startDate": stamp(at - SignedDuration::from_mins(1)),
            "statistic": metric.statistic,
            "period": metric.period_s,
            "recentDatapoints": [0.0],
            "threshold": threshold.value,
        }),
        Watched::Math { metrics, threshold, .. } => json!({
            "version": "1.0",
            "queryDate": stamp(at),
            "startDate": stamp(at - SignedDuration::from_mins(1)),
            "period": metrics.first().map(|metric| metric.period_s),
            "recentDatapoints": [0.0],
            "threshold": threshold.value,
        }),
        Watched::Composite { rule, .. } => {
            let child =
                format!("arn:aws:cloudwatch:{region}:{account}:alarm:{}", first_child(rule));
            let state = json!({ "value": value.word(), "timestamp": stamp(at) });
            json!({ "triggeringAlarms": [{ "arn": child, "state": state }] })
        }
    };
    data.to_string()
}

/// The first alarm that a composite rule names, quoted or not.
fn first_child(rule: &str) -> &str {
    let inside = rule.split_once('(').map_or(rule, |(_, inside)| inside);
    inside.split(')').next().unwrap_or(inside).trim_matches('"')
}
