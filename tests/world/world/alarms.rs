//! CloudWatch of the simulated world: the alarm of the active site, which tests raise, and the alarm of
//! the switch, which evaluates what is published, by its date.

use jiff::Timestamp;
use warmspare_act::fault::Fault;
use warmspare_act::ports::{Alarm, Monitoring};
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::seen::Seen;
use warmspare_decide::switch::METRIC;

use super::sites::Sites;
use super::{Bent, Run, State};

impl Monitoring for Run<'_> {
    async fn alarm(&self, name: &str) -> Result<Seen<Alarm>, Fault> {
        let is_switch = name.starts_with("warmspare-away-");
        Run::look(self, |state| {
            let since = state.now;
            Ok(if is_switch {
                let state = state.sites.switch_alarm.clone();
                state.map(|state| Alarm { state, since, window_s: Some(120) })
            } else {
                state.sites.alarm.clone()
            })
        })
        .await
    }

    async fn publish(
        &self,
        system: &str,
        at: Timestamp,
        metrics: &[(&'static str, f64)],
    ) -> Result<(), Fault> {
        let (system, metrics) = (system.to_owned(), metrics.to_vec());
        self.send("Monitoring::publish", move |state| {
            take_in(state, at, &metrics);
            state.sites.metrics.push((system, metrics));
            Ok(())
        })
        .await
    }
}

/// CloudWatch keeps a value under its date, whenever it arrives; the alarm takes the maximum of each
/// minute.
fn take_in(state: &mut State, at: Timestamp, metrics: &[(&'static str, f64)]) {
    let is_bent = state.bent == Some(Bent::DatedOnArrival);
    let minute = if is_bent { state.now } else { at }.as_second() / 60;
    for (_, value) in metrics.iter().filter(|(name, _)| *name == METRIC) {
        let known = state.sites.away.entry(minute).or_insert(*value);
        *known = known.max(*value);
        state.sites.evaluate();
    }
}

impl Sites {
    /// Two minutes in a row say so, or it is not so; what is missing changes nothing. The health check
    /// follows the same data.
    fn evaluate(&mut self) {
        let newest: Vec<f64> = self.away.values().rev().take(2).copied().collect();
        let is_away = match newest.as_slice() {
            [one, before] => *one >= 1.0 && *before >= 1.0,
            _ => return,
        };
        if let Seen::Here(state) = &mut self.switch_alarm {
            *state = if is_away { AlarmState::Alarm } else { AlarmState::Ok };
            self.moves += u32::from(self.leads_away != is_away);
            self.leads_away = is_away;
        }
    }
}
