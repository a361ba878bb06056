//! Backups that one run did not make: that each was begun is written down, and every few minutes the newest of
//! each system is gone on with, if it is not stored and nobody is at it. With none begun for longer than the
//! plan's objective, the one that was missed is begun here.

use bytes::Bytes;
use futures_util::future::join_all;
use warmspare_decide::backup::far_from_now;
use warmspare_decide::inventory::{
    BEGUN_FORMAT, Begun, COPIES_MAX, longest_ago_first, newest_begun, overdue,
};
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::plan::{From, Plan};
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use super::artifacts::LEFT_S_MIN;
use super::request::Why;
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::ports::{
    Artifacts, Bus, Clock, Controllers, Document, Inbox, Keys, Locks, Sources, Vault, Written,
};

/// How long a run may be at it, in seconds: no invocation lives longer
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LIFE_S: i64 = 900;

/// A tick that has taken longer than this, in seconds, takes over no other backup: one that was begun late
/// would be refused for not fitting into a run, and a refusal is not tried again.
const SPENT_S_MAX: u64 = 60;

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
    over: Option<String>,
) -> Result<Bytes, Fault> {
    let system = system.clone();
    let begun = Begun { format: BEGUN_FORMAT, system, slot, writer: ports.writer(), over };
    let body = serde_json::to_vec_pretty(&begun).map_err(|cause| {
        let why = cause.to_string();
        Fault::new(Hope::Permanent, "writing", vault::begun(&begun.system, slot), why)
            .because(cause)
    })?;
    Ok(Bytes::from(body))
}

/// Writes down that nobody goes on with it, if this run was at it: it is stored and that was told, or its end
/// is one that no retry changes (a controller locks the account of who asks it too often).
///
/// # Errors
/// The vault's fault.
pub(super) async fn settle<P: Clock + Vault>(
    ports: &P,
    system: &SystemName,
    slot: Slot,
    ended: &Result<Outcome, Fault>,
) -> Result<(), Fault> {
    let why = match ended {
        Ok(Outcome::Done(sentence)) => sentence.clone(),
        Ok(Outcome::Refused(refusal)) => refusal.to_string(),
        Err(fault) if fault.hope == Hope::Permanent => fault.to_string(),
        Ok(Outcome::Waiting(_)) | Err(_) => return Ok(()),
    };
    let key = vault::begun(system, slot);
    let (begun, document) = match documents::read_json::<Begun, P>(ports, &key).await? {
        Seen::Here(found) => found,
        Seen::Absent => return Ok(()),
        Seen::Unknown(why) => return Err(documents::unread(&key, why)),
    };
    if begun.over.is_none() && begun.writer == ports.writer() {
        let over = body(ports, system, slot, Some(why))?;
        let _or_conflict = ports.replace(&key, &document.etag, over).await?;
    }
    Ok(())
}

/// Goes on with what was begun and is not stored, one backup after the other, and begins what was missed. The
/// one that nobody was at for longest is the first.
///
/// # Errors
/// The first fault, once the others were tried.
pub(super) async fn go_on<P>(ports: &P) -> Result<Outcome, Fault>
where
    P: Clock + Keys + Locks + Sources + Controllers + Inbox + Artifacts + Bus,
{
    let keys = ports.list(vault::ALL_BEGUN).await?;
    let mut said = Vec::new();
    let fresh_s = ports.left_s();
    let (looks, mut first_fault) = look_at_all(ports, newest_begun(&keys)).await;
    for look in looks {
        let left_s = ports.left_s();
        if left_s < LEFT_S_MIN || fresh_s.saturating_sub(left_s) > SPENT_S_MAX {
            said.push(format!("{left_s} s are left, and the next run looks at the others"));
            break;
        }
        match catch_up(ports, look).await {
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

/// The newest backup of a system that was begun, and its record, if there is one that still counts.
struct Look {
    system: SystemName,
    newest: Slot,
    record: Option<(Begun, Document)>,
}

/// Reads all records, many at a time, and puts them into the order in which they are gone on with; and the
/// first fault of those that could not be read.
async fn look_at_all<P: Clock + Vault>(
    ports: &P,
    newest: Vec<(SystemName, Slot)>,
) -> (Vec<Look>, Option<Fault>) {
    let mut looks = Vec::new();
    let mut first_fault = None;
    for few in newest.chunks(COPIES_MAX) {
        for read in join_all(few.iter().map(|(system, slot)| look(ports, system, *slot))).await {
            match read {
                Ok(look) => {
                    let written_at = look.record.as_ref().map(|(_, document)| document.written_at);
                    looks.push((written_at, look));
                }
                Err(fault) => {
                    first_fault.get_or_insert(fault);
                }
            }
        }
    }
    (longest_ago_first(looks), first_fault)
}

async fn look<P: Clock + Vault>(
    ports: &P,
    system: &SystemName,
    newest: Slot,
) -> Result<Look, Fault> {
    let look = Look { system: system.clone(), newest, record: None };
    if far_from_now(newest, ports.now()).is_some() {
        return Ok(look);
    }
    let key = vault::begun(system, newest);
    match documents::read_json::<Begun, P>(ports, &key).await? {
        Seen::Here(record) => Ok(Look { record: Some(record), ..look }),
        Seen::Absent => Ok(look),
        Seen::Unknown(why) => Err(documents::unread(&key, why)),
    }
}

/// What the newest backup of a system that was begun has come to.
enum Found {
    /// It is stored and that was told, or it was given up.
    Over,
    /// Another run may be at it.
    Another,
    /// This run goes on with it now.
    Ours,
}

async fn catch_up<P>(ports: &P, look: Look) -> Result<Option<Outcome>, Fault>
where
    P: Clock + Keys + Locks + Sources + Controllers + Inbox + Artifacts + Bus,
{
    let (system, newest) = (&look.system, look.newest);
    let slot = match take_over(ports, &look).await? {
        Found::Ours => newest,
        Found::Another => return Ok(None),
        Found::Over => match missed(ports, system, newest).await? {
            Some(slot) => slot,
            None => return Ok(None),
        },
    };
    let outcome = match documents::load_plan(ports, system).await? {
        Ok((plan, version)) => super::make(ports, &plan, &version, slot, &Why::GoOn).await?,
        Err(refusal) => {
            // Told once: what stands against it does not go away by being asked every few minutes.
            let refused = super::told::refuse(ports, system, Some(slot), refusal).await;
            settle(ports, system, slot, &refused).await?;
            refused?
        }
    };
    Ok(Some(outcome))
}

/// By the record as it was read: whoever has written it since is another, and is found by its ETag.
async fn take_over<P: Clock + Vault>(ports: &P, look: &Look) -> Result<Found, Fault> {
    let Some((begun, document)) = &look.record else { return Ok(Found::Over) };
    if begun.over.is_some() {
        return Ok(Found::Over);
    }
    if is_at_it(document) {
        return Ok(Found::Another);
    }
    let body = body(ports, &look.system, look.newest, None)?;
    let key = vault::begun(&look.system, look.newest);
    Ok(match ports.replace(&key, &document.etag, body).await? {
        Written::New(_) => Found::Ours,
        Written::Conflict => Found::Another,
    })
}

/// Begins the backup that was missed, if one was and no other run has begun it.
async fn missed<P: Clock + Vault>(
    ports: &P,
    system: &SystemName,
    newest: Slot,
) -> Result<Option<Slot>, Fault> {
    // A system whose plan is gone, or is none, misses nothing; its schedule says so.
    let Ok((plan, _)) = documents::load_plan(ports, system).await? else { return Ok(None) };
    if is_all_pushed(&plan) {
        return Ok(None);
    }
    let Some(slot) = overdue(newest, plan.objectives.rpo_s, ports.now()) else { return Ok(None) };
    let body = body(ports, system, slot, None)?;
    Ok(match ports.create(&vault::begun(system, slot), body).await? {
        Written::New(_) => Some(slot),
        Written::Conflict => None,
    })
}

/// Whether the appliance alone says when there is a backup.
pub(super) fn is_all_pushed(plan: &Plan) -> bool {
    plan.backup.sources.iter().all(|source| matches!(source.from, From::Upload))
}

/// Whether the run that wrote this may be alive, by S3's own clock.
fn is_at_it(document: &Document) -> bool {
    let for_s = document.read_at.as_second().saturating_sub(document.written_at.as_second());
    for_s < LIFE_S
}
