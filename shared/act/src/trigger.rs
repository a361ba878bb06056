//! What woke failover-promotion: an alarm in any of its three shapes, a request by hand, or the tick.
//!
//! Only the envelope is read. Real alarm events have fields that come and go with the kind of alarm
//! (metric, composite, metric math), and none of them is needed: the alarm itself is read again.

use jiff::Timestamp;
use serde_json::Value;
use warmspare_decide::failover::Kind;
use warmspare_decide::name::SystemName;
use warmspare_decide::refusal::Refusal;

use crate::documents;

/// Alarms of active sites are named `warmspare-primary-<system>`.
pub const ALARM_PREFIX: &str = "warmspare-primary-";

/// What is asked of failover-promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An alarm changed its state.
    Alarm {
        /// Its name.
        name: String,
        /// The system that the name tells.
        system: SystemName,
        /// Whether the event says ALARM; it is read again before it is believed.
        is_raised: bool,
    },
    /// A person asks.
    Request {
        /// For which system.
        system: SystemName,
        /// What.
        action: Action,
        /// Who they are, if they say so.
        who: Option<String>,
        /// Why, in their words.
        reason: String,
    },
    /// Go on with whatever is under way, and pay what is owed.
    Tick {
        /// Of this system only; `None` is every system, one after the other.
        system: Option<SystemName>,
    },
}

/// What a person may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fail over the active site, on the same evidence as an alarm.
    Failover,
    /// Move a system whose sites are both alive to the other one.
    Switchover,
    /// Move it home, after a failover.
    Failback {
        /// As of when home was restored, as the operator says.
        restored: Option<Timestamp>,
    },
    /// Decide whether a move of this kind would begin, and what each of its steps would come to; change
    /// nothing.
    Rehearse {
        /// Which kind.
        of: Kind,
        /// As of when home was restored, as the operator says.
        restored: Option<Timestamp>,
    },
    /// Give up the move that is under way, if nothing was promoted yet.
    Abort,
    /// Say where a failover stands.
    Status,
}

/// Reads an event.
///
/// # Errors
/// [`Refusal::NotOurs`] with what was found and what is allowed.
pub fn read(event: &[u8]) -> Result<Trigger, Refusal> {
    let event = documents::event(event)?;
    if let Some(record) = event.pointer("/Records/0") {
        return from_sns(record);
    }
    let source = text(&event, "/source");
    match (source, text(&event, "/action")) {
        (Some("aws.cloudwatch"), _) => from_cloudwatch(&event),
        (Some("aws.rds"), _) => Ok(Trigger::Tick { system: None }),
        (Some(other), _) => Err(not_ours(format!(
            "its source is {other:?}, and aws.cloudwatch and aws.rds are the ones taken"
        ))),
        (None, Some("tick")) => tick(&event),
        (None, Some(action)) => request(&event, action),
        (None, None) => {
            Err(not_ours("it has neither a source, nor an action, nor SNS records".to_owned()))
        }
    }
}

fn from_sns(record: &Value) -> Result<Trigger, Refusal> {
    let message = text(record, "/Sns/Message")
        .ok_or_else(|| not_ours("its first record has no Sns.Message".to_owned()))?;
    let alarm: Value = serde_json::from_str(message)
        .map_err(|_| not_ours("its SNS message is not the JSON of an alarm".to_owned()))?;
    alarm_of(text(&alarm, "/AlarmName"), text(&alarm, "/NewStateValue"))
}

/// The EventBridge event has `detail`, the direct Lambda action has `alarmData`
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html>).
fn from_cloudwatch(event: &Value) -> Result<Trigger, Refusal> {
    let body = if event.get("alarmData").is_some() { "/alarmData" } else { "/detail" };
    alarm_of(text(event, &format!("{body}/alarmName")), text(event, &format!("{body}/state/value")))
}

fn alarm_of(name: Option<&str>, state: Option<&str>) -> Result<Trigger, Refusal> {
    let (Some(name), Some(state)) = (name, state) else {
        return Err(not_ours("it names no alarm, or no state of it".to_owned()));
    };
    let system = name.strip_prefix(ALARM_PREFIX).map(SystemName::parse);
    match system {
        Some(Ok(system)) => {
            Ok(Trigger::Alarm { name: name.to_owned(), system, is_raised: state == "ALARM" })
        }
        Some(Err(misnamed)) => Err(not_ours(format!("its alarm is {name:?}, and {misnamed}"))),
        None => Err(not_ours(format!(
            "its alarm is {name:?}, and alarms of ours are named {ALARM_PREFIX}<system>"
        ))),
    }
}

/// What is not a name must not be passed over: it would wake every system.
fn tick(event: &Value) -> Result<Trigger, Refusal> {
    let system = documents::optional_text(event, "system", SystemName::WANTED)?;
    let system = system.map(SystemName::parse).transpose();
    system.map(|system| Trigger::Tick { system }).map_err(|wrong| not_ours(wrong.to_string()))
}

fn request(event: &Value, action: &str) -> Result<Trigger, Refusal> {
    let action = match action {
        "failover" => Action::Failover,
        "rehearse" => Action::Rehearse { of: of(event)?, restored: restored(event)? },
        "abort" => Action::Abort,
        "status" => Action::Status,
        "switchover" => Action::Switchover,
        "failback" => Action::Failback { restored: restored(event)? },
        other => {
            return Err(not_ours(format!(
                "its action is {other:?}, and failover, switchover, failback, rehearse, abort, \
                 status and tick are the ones taken"
            )));
        }
    };
    let system = text(event, "/system")
        .ok_or_else(|| not_ours("it has an action and no system".to_owned()))?;
    let system = SystemName::parse(system).map_err(|wrong| not_ours(wrong.to_string()))?;
    let reason = text(event, "/reason").unwrap_or_default().to_owned();
    let asks = match action {
        Action::Failover => Some("a failover"),
        Action::Switchover => Some("a switchover"),
        Action::Failback { .. } => Some("a failback"),
        Action::Abort => Some("an abort"),
        Action::Rehearse { .. } | Action::Status => None,
    };
    if let (Some(asks), true) = (asks, reason.is_empty()) {
        return Err(not_ours(format!("it asks for {asks} and gives no reason")));
    }
    let who = documents::optional_text(event, "who", "the name of whoever asks")?;
    let who = who.filter(|who| !who.is_empty()).map(str::to_owned);
    Ok(Trigger::Request { system, action, who, reason })
}

/// Which kind of move is to be rehearsed; a failover, unless the request says otherwise.
fn of(event: &Value) -> Result<Kind, Refusal> {
    let allowed = "failover, switchover or failback";
    match documents::optional_text(event, "of", allowed)? {
        None | Some("failover") => Ok(Kind::Failover),
        Some("switchover") => Ok(Kind::Switchover),
        Some("failback") => Ok(Kind::Failback),
        Some(other) => Err(documents::wrong("of", other, allowed)),
    }
}

fn restored(event: &Value) -> Result<Option<Timestamp>, Refusal> {
    match event.get("restored") {
        None => Ok(None),
        Some(_) => documents::instant(event, "restored").map(Some),
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn not_ours(why: String) -> Refusal {
    Refusal::NotOurs { why }
}

#[cfg(test)]
mod tests;
