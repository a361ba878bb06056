//! CloudWatch alarms and metrics of the recovery region.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, CompositeAlarm, Dimension, MetricAlarm, MetricDatum, StandardUnit, StateValue,
};
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Alarm, Monitoring};
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::fault;

const DURING: &str = "reading the alarm";

impl Monitoring for Live {
    async fn alarm(&self, name: &str) -> Result<Seen<Alarm>, Fault> {
        let client = self.clients().cloudwatch(self.config().region.as_str());
        let asked = client
            .describe_alarms()
            .alarm_names(name)
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .send();
        let answer = Box::pin(asked).await.map_err(|error| fault(DURING, name, error))?;
        let metric = answer.metric_alarms().iter().find(|found| found.alarm_name() == Some(name));
        let composite =
            answer.composite_alarms().iter().find(|found| found.alarm_name() == Some(name));
        match (metric, composite) {
            (Some(found), _) => of_metric(name, found).map(Seen::Here),
            (None, Some(found)) => of_composite(name, found).map(Seen::Here),
            (None, None) => Ok(Seen::Absent),
        }
    }

    async fn publish(
        &self,
        system: &str,
        at: Timestamp,
        metrics: &[(&'static str, f64)],
    ) -> Result<(), Fault> {
        let at = DateTime::from_secs(at.as_second());
        let data = metrics.iter().map(|(name, value)| {
            MetricDatum::builder()
                .metric_name(*name)
                .value(*value)
                .unit(StandardUnit::None)
                .timestamp(at)
                .dimensions(Dimension::builder().name("System").value(system).build())
                .build()
        });
        let client = self.clients().cloudwatch(self.config().region.as_str());
        let asked = client
            .put_metric_data()
            .namespace("Warmspare")
            .set_metric_data(Some(data.collect()))
            .send();
        Box::pin(asked)
            .await
            .map(|_| ())
            .map_err(|error| fault("publishing the metrics of", system, error))
    }
}

/// An alarm on an expression has its periods in the expression's metrics: it has no window of its
/// own.
fn of_metric(name: &str, found: &MetricAlarm) -> Result<Alarm, Fault> {
    let whole = |number: Option<i32>| number.and_then(|number| u64::try_from(number).ok());
    let since = found.state_transitioned_timestamp().or(found.state_updated_timestamp());
    Ok(Alarm {
        state: state(name, found.state_value())?,
        since: instant(name, since)?,
        window_s: whole(found.period())
            .zip(whole(found.evaluation_periods()))
            .map(|(period_s, periods)| period_s.saturating_mul(periods)),
    })
}

fn of_composite(name: &str, found: &CompositeAlarm) -> Result<Alarm, Fault> {
    let since = found.state_transitioned_timestamp().or(found.state_updated_timestamp());
    Ok(Alarm {
        state: state(name, found.state_value())?,
        since: instant(name, since)?,
        window_s: None,
    })
}

fn state(name: &str, found: Option<&StateValue>) -> Result<AlarmState, Fault> {
    match found {
        Some(StateValue::Ok) => Ok(AlarmState::Ok),
        Some(StateValue::Alarm) => Ok(AlarmState::Alarm),
        Some(StateValue::InsufficientData) => Ok(AlarmState::InsufficientData),
        found => {
            let said = found.map_or("nothing", StateValue::as_str);
            let why = format!("CloudWatch says that its state is {said}");
            Err(Fault::new(Hope::Permanent, DURING, name, why))
        }
    }
}

fn instant(name: &str, found: Option<&DateTime>) -> Result<Timestamp, Fault> {
    found.and_then(|at| Timestamp::from_nanosecond(at.as_nanos()).ok()).ok_or_else(|| {
        let why = "CloudWatch does not say since when it is in its state";
        Fault::new(Hope::Permanent, DURING, name, why)
    })
}

#[cfg(test)]
mod tests;
