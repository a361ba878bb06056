//! Proves that what was stored can be restored.
//! Only the wiring: see `warmspare_act::verify_upload`.

use std::process::ExitCode;

fn main() -> ExitCode {
    warmspare_aws::serve("verify-upload", async |live, event| {
        warmspare_act::verify_upload::answer(live, event).await
    })
}
