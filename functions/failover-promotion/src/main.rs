//! Moves a system to its standby, and says how it went.
//! Only the wiring: see `warmspare_act::failover_promotion`.

use std::process::ExitCode;

fn main() -> ExitCode {
    warmspare_aws::serve("failover-promotion", async |live, event| {
        warmspare_act::failover_promotion::answer(live, event).await
    })
}
