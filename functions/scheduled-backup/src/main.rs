//! Stores a backup of the active site in the vault.
//! Only the wiring: see `warmspare_act::scheduled_backup`.

use std::process::ExitCode;

fn main() -> ExitCode {
    warmspare_aws::serve("scheduled-backup", async |live, event| {
        warmspare_act::scheduled_backup::answer(live, event).await
    })
}
