//! Asks each site's health signals, and publishes what they say.
//! Only the wiring: see `warmspare_act::health_probe`.

use std::process::ExitCode;

fn main() -> ExitCode {
    warmspare_aws::serve("health-probe", async |live, event| {
        warmspare_act::health_probe::answer(live, event).await
    })
}
