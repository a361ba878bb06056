//! An Aviatrix controller: it is asked for a backup unless there is one of the slot, and the file that
//! it writes into its own bucket is waited for, and read.
//!
//! Nothing is written down about the request, because the bucket tells: see
//! [`warmspare_decide::aviatrix`].

use warmspare_decide::aviatrix::{Call, Next, State, Written, next};
use warmspare_decide::manifest::Upload;
use warmspare_decide::name::{Slot, SourceName};
use warmspare_decide::plan::{Controller, Keep, Plan};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::verify::ObjectFacts;

use super::inbox;
use super::store::How;
use crate::fault::{Fault, Hope};
use crate::ports::{Clock, Controllers, Uploaded, Vault};
use crate::stream::{Held, Measured};

const DURING: &str = "asking for the backup of";
/// More turns than the calls and the looks of one run.
const TURNS_MAX: usize = 200;

/// Stores the file of the slot under `key`, once it is there; or says why that cannot be done as the
/// plan has it.
///
/// # Errors
/// Retryable: no file came in time, or it was replaced while it was read. Permanent: the controller did
/// not accept the login.
pub(super) async fn upload<P: Clock + Controllers + Vault>(
    how: &How<'_, P>,
    ports: &P,
    controller: &Controller,
    source: &SourceName,
    key: &str,
) -> Result<Result<Uploaded, Refusal>, Fault> {
    let file = match find(ports, how.plan, how.slot, controller).await? {
        Ok(file) => file,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // The name holds the private address of the controller, which a restore by hand needs to know.
    let mark = inbox::mark(&Upload {
        key: format!("s3://{}/{}", controller.bucket, file.key),
        version_id: file.etag.clone(),
        written_at: file.written_at,
    })?;
    let body = ports.open_written(controller, &file).await?;
    let body = Held::new(body, &file.key, &facts(&file));
    let mut stream = Measured::new(how.pacer.unpaced(body, source));
    ports.upload(key, how.protection, &mut stream, Some(&mark)).await.map(Ok)
}

/// What the listing says of a file: that it is so long.
fn facts(file: &Written) -> ObjectFacts {
    ObjectFacts {
        version_id: String::new(),
        etag: file.etag.clone(),
        size_bytes: file.size_bytes,
        algorithm: None,
        key_arn: None,
        crc64nvme: None,
        checksum_type: None,
        slot: None,
        written_at: Some(file.written_at),
        mark: None,
        lock: None,
    }
}

/// Looks for the file of the slot, and asks the controller for it where there is none.
async fn find<P: Clock + Controllers>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
    controller: &Controller,
) -> Result<Result<Written, Refusal>, Fault> {
    let fault = |hope: Hope, why: String| Fault::new(hope, DURING, &controller.endpoint.url, why);
    let multiple = plan.backup.keep != Keep::Overwrite;
    let mut listing = ports.written(controller).await?;
    let mut state = State::begin(listing.at);
    for _turn in 0..TURNS_MAX {
        match next(controller, slot, multiple, &state, &listing, ports.left_s()) {
            Next::Take(file) => return Ok(Ok(file)),
            Next::Refuse(refusal) => return Ok(Err(refusal)),
            Next::GiveUp(why) => return Err(fault(Hope::Retryable, why)),
            Next::Wait(wait_s) => ports.pause(wait_s).await,
            Next::Call(call) => match ports.call(controller, &call).await {
                Ok(said) => state.hear(&call, said, listing.at).map_err(|declined| {
                    let hope = if declined.is_final { Hope::Permanent } else { Hope::Retryable };
                    fault(hope, declined.why)
                })?,
                // It may have begun: controllers close the connection of what takes them long. The
                // bucket will tell.
                Err(lost) if is_order(&call) && lost.hope == Hope::Retryable => {
                    state.lose(lost.why, listing.at);
                }
                Err(met) => return Err(met),
            },
        }
        listing = ports.written(controller).await?;
    }
    Err(fault(Hope::Retryable, format!("it was not done in {TURNS_MAX} turns")))
}

fn is_order(call: &Call) -> bool {
    match call {
        Call::Backup { .. } => true,
        Call::Token | Call::Login { .. } | Call::ReadConfig { .. } => false,
    }
}
