//! Deletes the backups that the plan does not ask for any more.
//! Only the wiring: see `warmspare_act::prune_backups`.

use std::process::ExitCode;

fn main() -> ExitCode {
    warmspare_aws::serve("prune-backups", async |live, event| {
        warmspare_act::prune_backups::answer(live, event).await
    })
}
