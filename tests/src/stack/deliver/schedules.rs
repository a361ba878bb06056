//! Fires those EventBridge schedules whose input has context attributes, which MiniStack leaves as
//! they stand. All others stay with MiniStack.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::super::aws::Aws;
use super::super::rds::names::{fresh_hex, iso_seconds, now};
use super::targets::{Kind, Origin, dead_letter, hand_over, kind_of};
use super::times::Expression;
use super::{Outcome, list, text};

/// How every context attribute begins.
const MARK: &str = "<aws.scheduler.";

/// Between two looks at the schedules and at the clock.
const PERIOD: Duration = Duration::from_millis(500);

/// A target that fails is tried this often again at most, whatever the schedule says: AWS goes on
/// for a day.
const RETRIES_MAX: u64 = 2;

/// A time that was missed for longer than this is not made up for.
const LATE_S_MAX: i64 = 60;

/// The fields of a schedule that an update must repeat, because it replaces all of them.
const KEPT: [&str; 10] = [
    "Name",
    "GroupName",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "FlexibleTimeWindow",
    "Target",
    "ActionAfterCompletion",
    "Description",
    "StartDate",
    "EndDate",
];

/// One invocation that was handed to a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// The schedule's name.
    pub schedule: String,
    /// The time it was scheduled for.
    pub scheduled_at: Timestamp,
    /// `<aws.scheduler.execution-id>`.
    pub execution_id: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Fires the schedules of a region until it is dropped.
pub struct Scheduler {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

struct Inner {
    aws: Arc<Aws>,
    region: String,
    state: Mutex<State>,
    /// Held while schedules are taken over, so that none is taken twice.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// By group and name.
    taken: BTreeMap<(String, String), Taken>,
    fired: Vec<Fired>,
    mishaps: Vec<String>,
}

/// A schedule that is ours now.
#[derive(Clone)]
struct Taken {
    schedule: Value,
    expression: Arc<Expression>,
    anchor: Timestamp,
    due: Option<Timestamp>,
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scheduler {
    /// Takes over what there is now in `region`, and from then on whatever comes.
    ///
    /// # Errors
    /// When the schedules cannot be listed or taken over.
    pub async fn start(aws: Arc<Aws>, region: &str) -> Result<Self> {
        let inner = Arc::new(Inner {
            aws,
            region: region.to_owned(),
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        });
        inner.take_over().await?;
        let task = tokio::spawn(run(Arc::clone(&inner)));
        Ok(Self { inner, task })
    }

    /// The names of the schedules that are ours now.
    pub fn taken(&self) -> Vec<String> {
        self.inner.state().taken.keys().map(|(_, name)| name.clone()).collect()
    }

    /// Everything fired so far, duplicates on demand among it.
    pub fn fired(&self) -> Vec<Fired> {
        self.inner.state().fired.clone()
    }

    /// What went wrong.
    pub fn mishaps(&self) -> Vec<String> {
        self.inner.state().mishaps.clone()
    }

    /// Fires a schedule of ours as if `scheduled_at` had come, `times` times: EventBridge Scheduler
    /// promises at least once. Each is an execution of its own, with the same scheduled time.
    ///
    /// # Errors
    /// When no schedule of this name is ours.
    pub async fn fire(
        &self,
        schedule: &str,
        scheduled_at: Timestamp,
        times: u32,
    ) -> Result<Vec<Fired>> {
        self.inner.take_over().await?;
        let found = {
            let state = self.inner.state();
            let mut all = state.taken.iter();
            all.find(|((_, name), _)| name == schedule).map(|(_, taken)| taken.clone())
        };
        let taken = found.with_context(|| format!("no schedule {schedule} is ours"))?;
        let mut fired = Vec::new();
        for _ in 0..times {
            fired.push(self.inner.invoke(&taken.schedule, scheduled_at).await?);
        }
        Ok(fired)
    }
}

async fn run(inner: Arc<Inner>) {
    let mut turns = tokio::time::interval(PERIOD);
    loop {
        turns.tick().await;
        if let Err(error) = inner.take_over().await {
            inner.mishap(format!("schedules of {}: {error:#}", inner.region));
        }
        if let Err(error) = inner.fire_what_is_due().await {
            inner.mishap(format!("firing in {}: {error:#}", inner.region));
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mishap(&self, mishap: String) {
        self.state().mishaps.push(mishap);
    }

    async fn call(&self, operation: &str, args: Value) -> Result<Value> {
        Ok(self.aws.call(&self.region, "scheduler", operation, args).await?)
    }

    /// Disables in MiniStack what we fire. One that is enabled again was changed, by an update of
    /// its stack perhaps, and is taken anew; one that is deleted is ours no longer.
    async fn take_over(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        let listed = self.aws.pages(&self.region, "scheduler", "list_schedules", json!({})).await?;
        let mut there = Vec::new();
        for entry in list(&listed, "Schedules") {
            let key = (text(&entry, "GroupName").to_owned(), text(&entry, "Name").to_owned());
            if text(&entry, "State") == "ENABLED" {
                let asked = json!({ "GroupName": key.0, "Name": key.1 });
                let schedule = self.call("get_schedule", asked).await?;
                self.take(&key, &schedule).await?;
            }
            there.push(key);
        }
        self.state().taken.retain(|key, _| there.contains(key));
        Ok(())
    }

    async fn take(&self, key: &(String, String), schedule: &Value) -> Result<()> {
        let input = schedule.pointer("/Target/Input").and_then(Value::as_str);
        let target = schedule.pointer("/Target/Arn").and_then(Value::as_str);
        let is_function = matches!(target.and_then(kind_of), Some(Kind::Function));
        if !is_function || !input.is_some_and(|input| input.contains(MARK)) {
            return Ok(());
        }
        let expression = text(schedule, "ScheduleExpression");
        let zone = text(schedule, "ScheduleExpressionTimezone");
        let expression =
            Expression::parse(expression, zone).with_context(|| format!("schedule {}", key.1))?;
        let mut args = json!({ "State": "DISABLED" });
        if let Some(args) = args.as_object_mut() {
            let kept = KEPT.iter().filter_map(|name| {
                let value = schedule.get(*name)?;
                let is_empty = value.is_null() || value.as_str() == Some("");
                (!is_empty).then(|| ((*name).to_owned(), value.clone()))
            });
            args.extend(kept);
        }
        self.call("update_schedule", args).await?;
        let date = |name: &str| text(schedule, name).parse::<Timestamp>().ok();
        let created = date("LastModificationDate").or(date("CreationDate")).unwrap_or_else(now);
        let anchor = date("StartDate").unwrap_or(created);
        // A rate without a start date fires at once: its anchor must lie after this moment.
        let after = created.min(anchor) - SignedDuration::from_secs(1);
        let due = expression.next(after, anchor)?;
        let expression = Arc::new(expression);
        let taken = Taken { schedule: schedule.clone(), expression, anchor, due };
        self.state().taken.insert(key.clone(), taken);
        Ok(())
    }

    async fn fire_what_is_due(&self) -> Result<()> {
        let moment = now();
        let due: Vec<((String, String), Taken)> = {
            let state = self.state();
            let is_due = |taken: &Taken| taken.due.is_some_and(|due| due <= moment);
            let due = state.taken.iter().filter(|(_, taken)| is_due(taken));
            due.map(|(key, taken)| (key.clone(), taken.clone())).collect()
        };
        for (key, taken) in due {
            let Some(at) = taken.due else { continue };
            let end: Option<Timestamp> = text(&taken.schedule, "EndDate").parse().ok();
            let has_ended = end.is_some_and(|end| at > end);
            if !has_ended && moment.duration_since(at).as_secs() <= LATE_S_MAX {
                self.invoke(&taken.schedule, at).await?;
            }
            let next = match has_ended {
                true => None,
                false => taken.expression.next(at, taken.anchor)?,
            };
            if next.is_none() {
                self.complete(&key, &taken).await?;
            }
            if let Some(ours) = self.state().taken.get_mut(&key) {
                ours.due = next;
            }
        }
        Ok(())
    }

    /// A schedule that will never fire again is deleted if it says so.
    async fn complete(&self, key: &(String, String), taken: &Taken) -> Result<()> {
        if text(&taken.schedule, "ActionAfterCompletion") == "DELETE" {
            let args = json!({ "GroupName": key.0, "Name": key.1 });
            self.call("delete_schedule", args).await?;
        }
        Ok(())
    }

    /// Hands one execution to the target, again if it is not taken, and at last to the dead-letter
    /// queue.
    async fn invoke(&self, schedule: &Value, scheduled_at: Timestamp) -> Result<Fired> {
        let target = schedule.get("Target").unwrap_or(&Value::Null);
        let (arn, input) = (text(target, "Arn"), text(target, "Input"));
        let retries = target.pointer("/RetryPolicy/MaximumRetryAttempts").and_then(Value::as_u64);
        let attempts_max = retries.unwrap_or(RETRIES_MAX).min(RETRIES_MAX) + 1;
        for attempt in 1..=attempts_max {
            let execution_id = fresh_hex();
            let payload = substitute(input, schedule, scheduled_at, &execution_id, attempt);
            let taken = hand_over(&self.aws, Kind::Function, arn, &payload).await;
            let outcome = match taken {
                Ok(()) => Outcome::Invoked,
                Err(error)
                    if attempt == attempts_max || error.code == "ResourceNotFoundException" =>
                {
                    let origin = Origin("SCHEDULE_ARN", text(schedule, "Arn"));
                    dead_letter(&self.aws, &origin, target, &payload, &error).await?
                }
                Err(_) => continue,
            };
            let schedule = text(schedule, "Name").to_owned();
            let fired = Fired { schedule, scheduled_at, execution_id, outcome };
            self.state().fired.push(fired.clone());
            return Ok(fired);
        }
        bail!("a schedule without an attempt")
    }
}

/// The input with its context attributes filled in.
fn substitute(
    input: &str,
    schedule: &Value,
    scheduled_at: Timestamp,
    execution_id: &str,
    attempt: u64,
) -> String {
    input
        .replace("<aws.scheduler.schedule-arn>", text(schedule, "Arn"))
        .replace("<aws.scheduler.scheduled-time>", &iso_seconds(scheduled_at))
        .replace("<aws.scheduler.execution-id>", execution_id)
        .replace("<aws.scheduler.attempt-number>", &attempt.to_string())
}
