//! CloudWatch of the simulated world.

use warmspare_act::fault::Fault;
use warmspare_act::ports::{Alarm, Monitoring};
use warmspare_decide::seen::Seen;

use super::Run;

impl Monitoring for Run<'_> {
    async fn alarm(&self, _name: &str) -> Result<Seen<Alarm>, Fault> {
        Run::look(self, |state| Ok(state.sites.alarm.clone())).await
    }

    async fn publish(&self, system: &str, metrics: &[(&'static str, f64)]) -> Result<(), Fault> {
        self.change("Monitoring::publish", |state| {
            state.sites.metrics.push((system.to_owned(), metrics.to_vec()));
            Ok(())
        })
        .await
    }
}
