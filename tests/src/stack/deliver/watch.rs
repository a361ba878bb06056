//! Looks at the alarms of a region and tells their changes as AWS does: to EventBridge rules, and to
//! the functions that are their actions. Topics are MiniStack's own affair.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::super::rds::names::now;
use super::alarms::{AlarmChange, AlarmState, AlarmValue, Metric, Threshold, Watched};
use super::targets::{Kind, hand_over, kind_of};
use super::{Delivered, Deliverer, list, text};

/// Between two looks. An alarm that changes there and back in between goes unnoticed.
const PERIOD: Duration = Duration::from_secs(1);

/// A change that was told, and to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The alarm's name.
    pub alarm: String,
    /// Its new state.
    pub value: AlarmValue,
    /// The targets of the rules that matched.
    pub delivered: Vec<Delivered>,
    /// The functions invoked as actions of the alarm, by ARN, each with its error code if it failed.
    pub invoked: Vec<(String, Option<String>)>,
}

/// Watches a region's alarms until it is dropped.
pub struct AlarmWatcher {
    shared: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    told: Vec<Told>,
    mishaps: Vec<String>,
}

impl Drop for AlarmWatcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl AlarmWatcher {
    /// Begins to watch. The states that alarms have now are no changes.
    ///
    /// # Errors
    /// When the alarms cannot be listed.
    pub async fn start(deliverer: &Deliverer, region: &str) -> Result<Self> {
        let mut known = BTreeMap::new();
        for alarm in alarms(deliverer, region).await? {
            known.insert(alarm.name.clone(), alarm.state);
        }
        let shared = Arc::<Mutex<Seen>>::default();
        let watch = watch(deliverer.clone(), region.to_owned(), known, Arc::clone(&shared));
        Ok(Self { shared, task: tokio::spawn(watch) })
    }

    /// Every change told so far.
    pub fn told(&self) -> Vec<Told> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).told.clone()
    }

    /// What went wrong while looking or telling.
    pub fn mishaps(&self) -> Vec<String> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).mishaps.clone()
    }
}

async fn watch(
    deliverer: Deliverer,
    region: String,
    mut known: BTreeMap<String, AlarmState>,
    shared: Arc<Mutex<Seen>>,
) {
    let mut turns = tokio::time::interval(PERIOD);
    loop {
        turns.tick().await;
        let looked = look(&deliverer, &region, &mut known).await;
        let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
        match looked {
            Ok(told) => seen.told.extend(told),
            Err(error) => seen.mishaps.push(format!("alarms of {region}: {error:#}")),
        }
    }
}

async fn look(
    deliverer: &Deliverer,
    region: &str,
    known: &mut BTreeMap<String, AlarmState>,
) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    for mut alarm in alarms(deliverer, region).await? {
        let previous = known.get(&alarm.name).cloned().unwrap_or_else(new_alarm);
        if previous.value == alarm.state.value {
            known.insert(alarm.name, alarm.state);
            continue;
        }
        alarm.previous = previous;
        told.push(tell(deliverer, &alarm).await?);
        // Known only now: what could not be told is told at the next look.
        known.insert(alarm.name, alarm.state);
    }
    Ok(told)
}

async fn tell(deliverer: &Deliverer, alarm: &AlarmChange) -> Result<Told> {
    let delivered = deliverer.deliver(&alarm.event()).await?;
    let payload = alarm.invocation().to_string();
    let mut invoked = Vec::new();
    for action in &alarm.actions {
        if let Some(Kind::Function) = kind_of(action) {
            let taken = hand_over(&deliverer.aws, Kind::Function, action, &payload).await;
            invoked.push((action.clone(), taken.err().map(|error| error.code)));
        }
    }
    Ok(Told { alarm: alarm.name.clone(), value: alarm.state.value, delivered, invoked })
}

/// An alarm begins without data: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html>.
fn new_alarm() -> AlarmState {
    AlarmState {
        value: AlarmValue::InsufficientData,
        reason: "Unchecked: Initial alarm creation".to_owned(),
        reason_data: None,
        at: now(),
    }
}

/// All alarms of a region as they are. Their previous state is yet to be filled in.
async fn alarms(deliverer: &Deliverer, region: &str) -> Result<Vec<AlarmChange>> {
    let asked = json!({ "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
    let found = deliverer.aws.pages(region, "cloudwatch", "describe_alarms", asked).await?;
    let all = list(&found, "MetricAlarms").into_iter().chain(list(&found, "CompositeAlarms"));
    Ok(all.filter_map(|alarm| described(region, &alarm)).collect())
}

fn described(region: &str, alarm: &Value) -> Option<AlarmChange> {
    let value = AlarmValue::of(text(alarm, "StateValue"))?;
    let actions = match value {
        AlarmValue::Ok => "OKActions",
        AlarmValue::Alarm => "AlarmActions",
        AlarmValue::InsufficientData => "InsufficientDataActions",
    };
    let is_enabled = alarm.get("ActionsEnabled").and_then(Value::as_bool).unwrap_or(true);
    let actions = if is_enabled { list(alarm, actions) } else { Vec::new() };
    let some = |name: &str| Some(text(alarm, name).to_owned()).filter(|it| !it.is_empty());
    let at: Option<Timestamp> = text(alarm, "StateUpdatedTimestamp").parse().ok();
    Some(AlarmChange {
        account: text(alarm, "AlarmArn").split(':').nth(4)?.to_owned(),
        region: region.to_owned(),
        name: text(alarm, "AlarmName").to_owned(),
        description: some("AlarmDescription"),
        watched: watched(alarm),
        previous: new_alarm(),
        state: AlarmState {
            value,
            reason: text(alarm, "StateReason").to_owned(),
            reason_data: some("StateReasonData"),
            at: at.unwrap_or_else(now),
        },
        actions: actions.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

fn watched(alarm: &Value) -> Watched {
    if let Some(rule) = alarm.get("AlarmRule").and_then(Value::as_str) {
        let suppressor = alarm.get("ActionsSuppressor").and_then(Value::as_str);
        return Watched::Composite {
            rule: rule.to_owned(),
            suppressor: suppressor.filter(|it| !it.is_empty()).map(str::to_owned),
        };
    }
    let threshold = Threshold {
        value: alarm.get("Threshold").and_then(Value::as_f64).unwrap_or_default(),
        comparison: text(alarm, "ComparisonOperator").to_owned(),
        evaluation_periods: number(alarm, "EvaluationPeriods"),
        missing_data: text(alarm, "TreatMissingData").to_owned(),
    };
    let queries = list(alarm, "Metrics");
    let Some(math) = queries.iter().find(|query| query.get("Expression").is_some()) else {
        return Watched::Metric(
            metric(alarm, number(alarm, "Period"), alarm, "Statistic"),
            threshold,
        );
    };
    let stats = queries.iter().filter_map(|query| query.get("MetricStat"));
    let of = |stat: &Value| {
        let watched = stat.get("Metric").unwrap_or(&Value::Null);
        metric(watched, number(stat, "Period"), stat, "Stat")
    };
    Watched::Math {
        expression: text(math, "Expression").to_owned(),
        label: text(math, "Label").to_owned(),
        metrics: stats.map(of).collect(),
        threshold,
    }
}

fn metric(named: &Value, period_s: u64, counted: &Value, statistic: &str) -> Metric {
    let dimension = |it: &Value| (text(it, "Name").to_owned(), text(it, "Value").to_owned());
    Metric {
        namespace: text(named, "Namespace").to_owned(),
        name: text(named, "MetricName").to_owned(),
        dimensions: list(named, "Dimensions").iter().map(dimension).collect(),
        period_s,
        statistic: text(counted, statistic).to_owned(),
    }
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}
