//! Delivers what AWS delivers and MiniStack does not: events of `aws.*` sources to the rules that
//! match them, alarms to EventBridge and to functions, schedules with their context attributes.

pub mod alarms;
pub mod schedules;
mod targets;
pub mod times;
mod watch;

use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

pub use self::targets::{Delivered, Outcome};
pub use self::watch::AlarmWatcher;

use self::targets::Origin;
use super::aws::Aws;

/// A bus forwards to a bus in another region; what arrives there is not forwarded once more.
const HOPS_MAX: u32 = 1;

/// Hands EventBridge events to the targets of the rules that match them. Cheap to clone.
#[derive(Clone)]
pub struct Deliverer {
    aws: Arc<Aws>,
}

impl Deliverer {
    /// A deliverer that asks MiniStack for its rules through `aws`.
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Delivers `event` to the default bus of the region that it names, as AWS would, and answers
    /// one entry for each target of each rule that matched.
    ///
    /// # Errors
    /// When MiniStack does not answer; that a target fails is an [`Outcome`].
    pub async fn deliver(&self, event: &Value) -> Result<Vec<Delivered>> {
        let region = event.get("region").and_then(Value::as_str);
        let region = region.context("an event without a region")?;
        self.on_bus(region, "default", event, 0).await
    }

    /// Boxed, because a bus may forward to another one.
    fn on_bus<'a>(
        &'a self,
        region: &'a str,
        bus: &'a str,
        event: &'a Value,
        hops: u32,
    ) -> BoxFuture<'a, Result<Vec<Delivered>>> {
        Box::pin(async move {
            let mut delivered = Vec::new();
            for rule in self.matching(region, bus, event).await? {
                let name = text(&rule, "Name").to_owned();
                let asked = json!({ "Rule": name, "EventBusName": bus });
                let found = self.aws.pages(region, "events", "list_targets_by_rule", asked).await?;
                for target in list(&found, "Targets") {
                    let outcome = match forward(&target).filter(|_| hops < HOPS_MAX) {
                        Some((elsewhere, bus)) => {
                            let there = self.on_bus(elsewhere, bus, event, hops + 1).await?;
                            delivered.extend(there);
                            Outcome::Forwarded { region: elsewhere.to_owned() }
                        }
                        None => {
                            let payload = targets::payload(&target, event);
                            let from = Origin("RULE_ARN", text(&rule, "Arn"));
                            targets::invoke(&self.aws, &from, &target, payload).await?
                        }
                    };
                    let target = text(&target, "Arn").to_owned();
                    delivered.push(Delivered { rule: name.clone(), target, outcome });
                }
            }
            Ok(delivered)
        })
    }

    /// The enabled rules whose pattern matches, by MiniStack's own judgement.
    async fn matching(&self, region: &str, bus: &str, event: &Value) -> Result<Vec<Value>> {
        let asked = json!({ "EventBusName": bus });
        let rules = self.aws.pages(region, "events", "list_rules", asked).await?;
        let mut matching = Vec::new();
        for rule in list(&rules, "Rules") {
            let pattern = text(&rule, "EventPattern");
            if text(&rule, "State") == "DISABLED" || pattern.is_empty() {
                continue;
            }
            let asked = json!({ "EventPattern": pattern, "Event": event.to_string() });
            let tested = self.aws.call(region, "events", "test_event_pattern", asked).await;
            let tested = tested.with_context(|| format!("testing the pattern {pattern}"))?;
            if tested.get("Result").and_then(Value::as_bool) == Some(true) {
                matching.push(rule);
            }
        }
        Ok(matching)
    }
}

/// Region and name of the bus that a target is, if it is one:
/// `arn:aws:events:us-west-2:123456789012:event-bus/default`.
fn forward(target: &Value) -> Option<(&str, &str)> {
    let mut parts = text(target, "Arn").splitn(6, ':');
    let is_event =
        (parts.next(), parts.next(), parts.next()) == (Some("arn"), Some("aws"), Some("events"));
    let (region, _account) = (parts.next()?, parts.next()?);
    let bus = parts.next()?.strip_prefix("event-bus/")?;
    is_event.then_some((region, bus))
}

/// A text field, empty if there is none.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list field, empty if there is none.
fn list(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}
