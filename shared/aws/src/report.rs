//! How an invocation ended, told three times: one line for people, one line of metrics, one answer
//! to Lambda.

use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::json;
use tracing::{error, info, warn};
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::clock::{self, Invocation};
use crate::fault::{chain, fragment};
use crate::log::Log;

/// Every word that an invocation can end in; each is a metric that is 1 or 0.
const WORDS: [(&str, &str); 4] =
    [("done", "Done"), ("waiting", "Waiting"), ("refused", "Refused"), ("failed", "Failed")];

/// What Lambda gets from an invocation that ended in an outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    outcome: &'static str,
    reason: String,
}

/// What Lambda gets from an invocation whose event must not be lost: Lambda tries it again, and
/// then gives it to the dead-letter queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: String,
    sentence: String,
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind, error_message: failure.sentence }
    }
}

/// Tells how it ended, everywhere but to Lambda, and gives what Lambda is to be answered.
pub(crate) fn tell(
    log: &Log,
    function: &'static str,
    invocation: &Invocation,
    result: &Result<Outcome, Fault>,
) -> Result<Answer, Failure> {
    say(function, invocation, result);
    let word = result.as_ref().map_or("failed", Outcome::word);
    log.say(format!("{}\n", metrics(function, word, invocation.duration_ms())).into_bytes());
    log.flush();
    answer(result)
}

fn say(function: &'static str, invocation: &Invocation, result: &Result<Outcome, Fault>) {
    let request_id = invocation.request_id.as_str();
    let duration_ms = invocation.duration_ms();
    match result {
        Ok(outcome @ (Outcome::Done(_) | Outcome::Waiting(_))) => {
            let word = outcome.word();
            info!(function, request_id, outcome = word, duration_ms, "{outcome}");
        }
        Ok(outcome @ Outcome::Refused(refusal)) => {
            let (word, refusal) = (outcome.word(), name(refusal));
            warn!(function, request_id, outcome = word, refusal, duration_ms, "{outcome}");
        }
        Err(fault) => {
            let (hope, causes) = (format!("{:?}", fault.hope), causes(fault).join(": "));
            let outcome = "failed";
            error!(function, request_id, outcome, hope, causes, duration_ms, "failed: {fault}");
        }
    }
}

/// Outcomes are answers. The exceptions are refusals of an event that nobody has taken: whoever
/// sent it is not listening, so the event itself has to be kept.
fn answer(result: &Result<Outcome, Fault>) -> Result<Answer, Failure> {
    match result {
        Ok(Outcome::Refused(refusal)) if keeps_the_event(refusal) => Err(Failure {
            kind: format!("Refused.{}", name(refusal)),
            sentence: refusal.to_string(),
        }),
        Ok(outcome) => Ok(Answer { outcome: outcome.word(), reason: outcome.to_string() }),
        Err(fault) => {
            let mut sentences = vec![fault.to_string()];
            sentences.extend(causes(fault));
            let hope = match fault.hope {
                Hope::Unreachable => "Unreachable",
                Hope::Retryable => "Retryable",
                Hope::Permanent => "Permanent",
            };
            Err(Failure { kind: format!("Fault.{hope}"), sentence: sentences.join(": ") })
        }
    }
}

fn keeps_the_event(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::NotOurs { .. }
            | Refusal::UnknownSystem { .. }
            | Refusal::PlanInvalid { .. }
            | Refusal::NoBackup { .. }
    )
}

/// A refusal's name as the runbook has it, from the one place where it is written down: the tag of
/// its stored form, which is the variant's name in kebab case.
fn name(refusal: &Refusal) -> String {
    let stored = serde_json::to_value(refusal).unwrap_or_default();
    let tag = stored.get("refusal").and_then(serde_json::Value::as_str).unwrap_or_default();
    tag.split('-')
        .filter_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}

/// What a fault came of, link by link, without what was said before.
fn causes(fault: &Fault) -> Vec<String> {
    let mut said = vec![fault.to_string()];
    for cause in chain(fault).skip(1) {
        let text = fragment(&cause.to_string());
        if !text.is_empty() && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said.split_off(1)
}

/// One line in CloudWatch's embedded metric format.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn metrics(function: &str, word: &str, duration_ms: u64) -> serde_json::Value {
    let mut definitions = vec![json!({ "Name": "DurationMs", "Unit": "Milliseconds" })];
    let mut line = json!({ "Function": function, "DurationMs": duration_ms });
    for (of, metric) in WORDS {
        definitions.push(json!({ "Name": metric, "Unit": "Count" }));
        if let Some(line) = line.as_object_mut() {
            line.insert(metric.to_owned(), json!(u8::from(of == word)));
        }
    }
    if let Some(line) = line.as_object_mut() {
        let directive = json!({
            "Namespace": "Warmspare",
            "Dimensions": [["Function"]],
            "Metrics": definitions,
        });
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": clock::now().as_millisecond(),
                "CloudWatchMetrics": [directive],
            }),
        );
    }
    line
}

#[cfg(test)]
mod tests;
