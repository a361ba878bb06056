//! Invokes one target with one payload, and puts what cannot be delivered into its dead-letter queue.
//! Which target and why is decided elsewhere.

use anyhow::Result;
use serde_json::{Value, json};

use super::super::aws::{Aws, AwsError, bytes};
use super::text;

/// One target of one rule that matched an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// The rule's name.
    pub rule: String,
    /// The target's ARN.
    pub target: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The function has taken the event; what it makes of it is seen elsewhere.
    Invoked,
    /// The target does not take it; it lies in the dead-letter queue.
    DeadLettered {
        /// The queue's ARN.
        queue: String,
        /// The code of the target's error.
        code: String,
    },
    /// The target does not take it, and there is no dead-letter queue.
    Dropped {
        /// The code of the target's error.
        code: String,
    },
    /// A bus of another region took it; what its rules did stands beside.
    Forwarded {
        /// The other region.
        region: String,
    },
    /// A kind of target, or of input, that this deliverer does not know.
    Unknown,
}

/// Where an invocation comes from, for the attributes of a dead letter: the attribute's name
/// (`RULE_ARN` or `SCHEDULE_ARN`) and its value.
pub(super) struct Origin<'a>(pub(super) &'static str, pub(super) &'a str);

/// What the target receives: `Input`, the part that `InputPath` names, or the event.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html>
pub(super) fn payload(target: &Value, event: &Value) -> Option<String> {
    if target.get("InputTransformer").is_some_and(|it| !it.is_null()) {
        return None;
    }
    if let Some(input) = target.get("Input").and_then(Value::as_str) {
        return Some(input.to_owned());
    }
    let path = target.get("InputPath").and_then(Value::as_str).unwrap_or("$");
    let steps = path.strip_prefix('$')?.split('.').filter(|step| !step.is_empty());
    let mut part = event;
    for step in steps {
        part = part.get(step)?;
    }
    Some(part.to_string())
}

/// Hands `payload` to the target. A function that does not exist is not tried again: EventBridge
/// sends such an event to the dead-letter queue at once.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
pub(super) async fn invoke(
    aws: &Aws,
    from: &Origin<'_>,
    target: &Value,
    payload: Option<String>,
) -> Result<Outcome> {
    let arn = text(target, "Arn");
    let (Some(payload), Some(kind)) = (payload, kind_of(arn)) else {
        return Ok(Outcome::Unknown);
    };
    match hand_over(aws, kind, arn, &payload).await {
        Ok(()) => Ok(Outcome::Invoked),
        Err(error) => dead_letter(aws, from, target, &payload, &error).await,
    }
}

/// The kinds of targets that MiniStack can take.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Function,
    Queue,
    Topic,
}

pub(super) fn kind_of(arn: &str) -> Option<Kind> {
    match arn.split(':').nth(2)? {
        "lambda" => Some(Kind::Function),
        "sqs" => Some(Kind::Queue),
        "sns" => Some(Kind::Topic),
        _ => None,
    }
}

pub(super) async fn hand_over(
    aws: &Aws,
    kind: Kind,
    arn: &str,
    payload: &str,
) -> Result<(), AwsError> {
    let region = arn.split(':').nth(3).unwrap_or_default();
    match kind {
        Kind::Function => {
            let payload = bytes(payload.as_bytes());
            let args =
                json!({ "FunctionName": arn, "InvocationType": "Event", "Payload": payload });
            aws.call(region, "lambda", "invoke", args).await?;
        }
        Kind::Queue => send(aws, arn, payload, json!({})).await?,
        Kind::Topic => {
            let args = json!({ "TopicArn": arn, "Message": payload });
            aws.call(region, "sns", "publish", args).await?;
        }
    }
    Ok(())
}

async fn send(aws: &Aws, queue: &str, body: &str, attributes: Value) -> Result<(), AwsError> {
    let mut parts = queue.split(':').skip(3);
    let region = parts.next().unwrap_or_default();
    let name = parts.nth(1).unwrap_or_default();
    let found = aws.call(region, "sqs", "get_queue_url", json!({ "QueueName": name })).await?;
    let url = text(&found, "QueueUrl");
    let args = json!({ "QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes });
    aws.call(region, "sqs", "send_message", args).await?;
    Ok(())
}

pub(super) async fn dead_letter(
    aws: &Aws,
    from: &Origin<'_>,
    target: &Value,
    payload: &str,
    error: &AwsError,
) -> Result<Outcome> {
    let code = error.code.clone();
    let queue = target.pointer("/DeadLetterConfig/Arn").and_then(Value::as_str);
    let Some(queue) = queue else {
        return Ok(Outcome::Dropped { code });
    };
    let attribute = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let attributes = json!({
        from.0: attribute(from.1),
        "TARGET_ARN": attribute(text(target, "Arn")),
        "ERROR_CODE": attribute(&code),
        "ERROR_MESSAGE": attribute(&error.message),
        "RETRY_ATTEMPTS": attribute("0"),
    });
    send(aws, queue, payload, attributes).await?;
    Ok(Outcome::DeadLettered { queue: queue.to_owned(), code })
}
