//! Backups that are not made in one run: that they were begun is written down, and every few minutes the
//! newest of each system is gone on with, if nobody is at it.

use bytes::Bytes;
use warmspare_decide::inventory::{Begun, FORMAT, to_go_on};
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use super::artifacts::LEFT_S_MIN;
use super::request::Why;
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::ports::{
    Artifacts, Bus, Clock, Controllers, Document, Inbox, Keys, Sources, Vault, Written,
};

/// How long a run may be at it, in seconds: no invocation lives longer
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LIFE_S: i64 = 900;

/// Writes down that this run is at it. It saves others the same work, and nothing depends on it.
///
/// # Errors
/// The vault's fault; without the record no run would go on.
pub(super) async fn begin<P: Clock + Vault>(
    ports: &P,
    system: &SystemName,
    slot: Slot,
) -> Result<(), Fault> {
    let key = vault::begun(system, slot);
    let body = body(ports, system, slot, None)?;
    // Whoever was faster has written down that it was begun, and that is what is needed.
    let _or_conflict = match ports.read(&key).await? {
        Seen::Absent => ports.create(&key, body).await?,
        Seen::Here(before) => ports.replace(&key, &before.etag, body).await?,
        Seen::Unknown(why) => return Err(documents::unread(&key, why)),
    };
    Ok(())
}

fn body<P: Clock>(
    ports: &P,
    system: &SystemName,
    slot: Slot,
    refused: Option<String>,
) -> Result<Bytes, Fault> {
    let system = system.clone();
    let begun = Begun { format: FORMAT, system, slot, writer: ports.writer(), refused };
    let body = serde_json::to_vec_pretty(&begun).map_err(|cause| {
        let why = cause.to_string();
        Fault::new(Hope::Permanent, "writing", vault::begun(&begun.system, slot), why)
            .because(cause)
    })?;
    Ok(Bytes::from(body))
}

/// Goes on with what was begun and is not stored, one backup after the other.
///
/// # Errors
/// The first fault, once the others were tried.
pub(super) async fn go_on<P>(ports: &P) -> Result<Outcome, Fault>
where
    P: Clock + Keys + Sources + Controllers + Inbox + Artifacts + Bus,
{
    let keys = ports.list(vault::ALL_BEGUN).await?;
    let mut said = Vec::new();
    let mut first_fault = None;
    for (system, slot) in to_go_on(&keys, ports.now()) {
        let left_s = ports.left_s();
        if left_s < LEFT_S_MIN {
            said.push(format!("{left_s} s are left, and the next run looks at the others"));
            break;
        }
        match go_on_with(ports, &system, slot).await {
            Ok(Some(outcome)) => said.push(outcome.to_string()),
            Ok(None) => {}
            Err(fault) => {
                first_fault.get_or_insert(fault);
            }
        }
    }
    match first_fault {
        Some(fault) => Err(fault),
        None if said.is_empty() => Ok(Outcome::Done("no backup has to be gone on with".to_owned())),
        None => Ok(Outcome::Done(said.join("; "))),
    }
}

async fn go_on_with<P>(ports: &P, system: &SystemName, slot: Slot) -> Result<Option<Outcome>, Fault>
where
    P: Clock + Keys + Sources + Controllers + Inbox + Artifacts + Bus,
{
    for key in [vault::manifest(system, slot), vault::pruned(system, slot)] {
        match ports.read(&key).await? {
            Seen::Here(_) => return Ok(None),
            Seen::Absent => {}
            Seen::Unknown(why) => return Err(documents::unread(&key, why)),
        }
    }
    let key = vault::begun(system, slot);
    let (begun, document) = match documents::read_json::<Begun, P>(ports, &key).await? {
        Seen::Here(found) => found,
        Seen::Absent => return Ok(None),
        Seen::Unknown(why) => return Err(documents::unread(&key, why)),
    };
    if begun.refused.is_some() || is_at_it(&document) {
        return Ok(None);
    }
    let Written::New(etag) =
        ports.replace(&key, &document.etag, body(ports, system, slot, None)?).await?
    else {
        return Ok(None);
    };
    let outcome = match documents::load_plan(ports, system).await? {
        Ok((plan, version)) => super::make(ports, &plan, &version, slot, &Why::GoOn).await?,
        Err(refusal) => super::told::refuse(ports, system, Some(slot), refusal).await?,
    };
    // Told once: what stands against it does not go away by being asked every few minutes.
    if let Outcome::Refused(refusal) = &outcome {
        let refused = body(ports, system, slot, Some(refusal.to_string()))?;
        let _or_conflict = ports.replace(&key, &etag, refused).await?;
    }
    Ok(Some(outcome))
}

/// Whether the run that wrote this may be alive, by S3's own clock.
fn is_at_it(document: &Document) -> bool {
    let for_s = document.read_at.as_second().saturating_sub(document.written_at.as_second());
    for_s < LIFE_S
}
