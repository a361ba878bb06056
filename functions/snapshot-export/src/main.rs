//! Copies a snapshot to the recovery region and exports it.
//! Only the wiring: see `warmspare_act::snapshot_export`.

use std::process::ExitCode;

fn main() -> ExitCode {
    warmspare_aws::serve("snapshot-export", async |live, event| {
        warmspare_act::snapshot_export::answer(live, event).await
    })
}
