//! Snapshot, copy to the recovery region, export from the copy: one step at a time, each seen done
//! before the next. An export is Parquet, for analysis; it cannot be restored, and never counts as
//! a backup.
//!
//! Nothing is waited for. RDS's events wake the function, and as they may be lost or come twice, a
//! sweep looks at every export that was asked for and has not ended.

mod advance;
mod request;
mod warning;

use warmspare_decide::backup;
use warmspare_decide::export::{
    End, Exported, FORMAT, Intended, WAIT_S_MAX, slot_of_snapshot, snapshot_id, task_id,
};
use warmspare_decide::name::{KeyArn, Slot, SystemName};
use warmspare_decide::outcome::{self, Announcement, Happening, Outcome};
use warmspare_decide::plan::{Database, DatabaseKind, Export, Plan};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault::{self, Located};
use warmspare_decide::verify::key_findings;

use crate::documents::{self, Created};
use crate::fault::{Fault, Hope};
use crate::journal;
use crate::ports::{Bus, Clock, Keys, Snapshots, Vault};
use advance::{Progress, advance};
use request::Request;

/// A sweep begins no other export with less time left, in seconds; the next sweep takes it.
const LEFT_S_MIN: u64 = 10;

/// Answers one event.
///
/// # Errors
/// Retryable: something could not be seen, and absence is never concluded from it. Permanent: a
/// record in the vault cannot be read, or RDS refuses for good.
pub async fn answer<P>(ports: &P, event: &[u8]) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Keys + Snapshots + Bus,
{
    match request::read(event) {
        Ok(Request::Export { system, slot }) => export(ports, &system, slot).await,
        Ok(Request::Event { snapshot }) => woken(ports, &snapshot).await,
        Ok(Request::Sweep { system }) => sweep(ports, system.as_ref()).await,
        Err((Some(system), refusal)) => refuse(ports, &system, None, refusal).await,
        Err((None, refusal)) => Ok(Outcome::Refused(refusal)),
    }
}

/// Begins an export, or goes on with it when it was begun before.
async fn export<P>(ports: &P, system: &SystemName, slot: Slot) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Keys + Snapshots + Bus,
{
    let key = vault::export_intended(system, slot);
    let intended = match documents::read_json::<Intended, P>(ports, &key).await? {
        Seen::Here((intended, _)) => intended,
        Seen::Unknown(why) => return Err(documents::unread(&key, why)),
        Seen::Absent => {
            let intended = match admit(ports, system, slot).await? {
                Ok(intended) => intended,
                Err(refusal) => return refuse(ports, system, Some(slot), refusal).await,
            };
            match documents::create_json(ports, &key, &intended).await? {
                Created::New | Created::Ours => intended,
                Created::Theirs(theirs) => theirs,
            }
        }
    };
    go_on(ports, &intended).await
}

/// What is intended, or why the export may not begin.
async fn admit<P>(
    ports: &P,
    system: &SystemName,
    slot: Slot,
) -> Result<Result<Intended, Refusal>, Fault>
where
    P: Clock + Vault + Keys,
{
    let (plan, plan_version) = match documents::load_plan(ports, system).await? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (database, export) = match exported_database(&plan) {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(refusal) = backup::far_from_now(slot, ports.now()) {
        return Ok(Err(refusal));
    }
    if let Some(refusal) = impossible(ports, &plan, database).await? {
        return Ok(Err(refusal));
    }
    Ok(Ok(Intended {
        format: FORMAT,
        system: system.clone(),
        slot,
        asked_at: ports.now(),
        plan_version,
        snapshot: snapshot_id(&database.source, slot),
        task: task_id(system, slot),
        folder: format!("{}{system}", export.prefix),
    }))
}

/// Why nothing of this plan can be exported now, if nothing can.
async fn impossible<P>(
    ports: &P,
    plan: &Plan,
    database: &Database,
) -> Result<Option<Refusal>, Fault>
where
    P: Clock + Vault + Keys,
{
    let (site, term) = journal::active_site(ports, plan).await?;
    if site != plan.home.name {
        return Ok(Some(Refusal::NotSupported {
            what: format!(
                "an export of {} while {site} is active since term {term}",
                database.source
            ),
            instead: "it is fenced, and what it holds is old; exports go on after the failback"
                .into(),
        }));
    }
    let key_arn = match key_of(plan) {
        Ok(key_arn) => key_arn,
        Err(refusal) => return Ok(Some(refusal)),
    };
    if key_arn.region() != ports.region().as_str() {
        return Ok(Some(Refusal::KeyElsewhere {
            key_arn: key_arn.clone(),
            found: key_arn.region().to_owned(),
            wanted: ports.region(),
        }));
    }
    match key_findings(key_arn, &ports.key(key_arn).await?) {
        Ok(clauses) if clauses.is_empty() => Ok(None),
        Ok(clauses) => {
            Ok(Some(Refusal::KeyUnusable { key_arn: key_arn.clone(), why: clauses.join(" and ") }))
        }
        Err(why) => Err(Fault::new(Hope::Retryable, "looking at the key", key_arn.as_str(), why)),
    }
}

/// The database of a plan and how it is exported, or why this version exports none.
fn exported_database(plan: &Plan) -> Result<(&Database, &Export), Refusal> {
    let database = plan.database.as_ref().ok_or(Refusal::NoExport {})?;
    let export = database.export.as_ref().ok_or(Refusal::NoExport {})?;
    match database.kind {
        DatabaseKind::Rds => Ok((database, export)),
        DatabaseKind::AuroraGlobal { .. } => Err(Refusal::NotSupported {
            what: "the export of an Aurora global database".to_owned(),
            instead: "this version exports instances of kind rds".to_owned(),
        }),
    }
}

/// The key under which snapshots are copied. A plan without one that exports is not a right one.
fn key_of(plan: &Plan) -> Result<&KeyArn, Refusal> {
    plan.backup.encryption.key_arn().ok_or_else(|| Refusal::NotSupported {
        what: "an export without a kms_key in [backup]".to_owned(),
        instead: "RDS copies a snapshot into another Region only under a key that can be lent"
            .to_owned(),
    })
}

/// RDS says that something happened to a snapshot. What it says is not believed, only that it is
/// worth a look: events may be old, doubled, or out of order.
async fn woken<P>(ports: &P, snapshot: &str) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Snapshots + Bus,
{
    let foreign = || Ok(Outcome::Done(format!("the snapshot {snapshot} is none of ours")));
    let Some((_, slot)) = slot_of_snapshot(snapshot) else { return foreign() };
    let mut ended = Ended::default();
    for (system, slot) in unfinished(ports, None, Some(slot)).await? {
        let outcome = match intended(ports, &system, slot).await {
            Ok(intended) if intended.snapshot != snapshot => continue,
            Ok(intended) => go_on(ports, &intended).await,
            Err(fault) => Err(fault),
        };
        ended.add(&system, slot, outcome);
    }
    ended.outcome().unwrap_or_else(foreign)
}

/// Looks at every export that has not ended, of one system or of all.
async fn sweep<P>(ports: &P, system: Option<&SystemName>) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Snapshots + Bus,
{
    let mut ended = Ended::default();
    for (system, slot) in unfinished(ports, system, None).await? {
        if ports.left_s() < LEFT_S_MIN {
            let later = format!("the export {slot} of {system} is left to the next sweep");
            ended.add(&system, slot, Ok(Outcome::Waiting(later)));
        } else {
            let outcome = match intended(ports, &system, slot).await {
                Ok(intended) => go_on(ports, &intended).await,
                Err(fault) => Err(fault),
            };
            ended.add(&system, slot, outcome);
        }
    }
    ended.outcome().unwrap_or_else(|| Ok(Outcome::Done("no export is unfinished".to_owned())))
}

/// How the exports that one event was about ended. One that fails must not hold up the others.
#[derive(Default)]
struct Ended {
    sentences: Vec<String>,
    is_waiting: bool,
    first_fault: Option<Fault>,
}

impl Ended {
    fn add(&mut self, system: &SystemName, slot: Slot, outcome: Result<Outcome, Fault>) {
        match outcome {
            Ok(Outcome::Done(sentence)) => self.sentences.push(sentence),
            Ok(Outcome::Waiting(sentence)) => {
                self.is_waiting = true;
                self.sentences.push(sentence);
            }
            Ok(Outcome::Refused(refusal)) => {
                self.is_waiting = true;
                self.sentences.push(format!("the export {slot} of {system} waits: {refusal}"));
            }
            Err(fault) => {
                tracing::warn!(export.slot = %slot, system = %system, "{fault}");
                self.first_fault.get_or_insert(fault);
            }
        }
    }

    /// `None` when there was nothing.
    fn outcome(self) -> Option<Result<Outcome, Fault>> {
        let sentence = self.sentences.join("; ");
        match self.first_fault {
            Some(fault) => Some(Err(fault)),
            None if self.sentences.is_empty() => None,
            None if self.is_waiting => Some(Ok(Outcome::Waiting(sentence))),
            None => Some(Ok(Outcome::Done(sentence))),
        }
    }
}

/// The exports that were asked for and have not ended.
async fn unfinished<P: Vault>(
    ports: &P,
    system: Option<&SystemName>,
    slot: Option<Slot>,
) -> Result<Vec<(SystemName, Slot)>, Fault> {
    let prefix = system.map_or_else(|| vault::ALL_EXPORTS.to_owned(), vault::exports);
    let (mut intended, mut ended) = (Vec::new(), Vec::new());
    for key in ports.list(&prefix).await? {
        match Located::parse(&key) {
            Some(Located::ExportIntended(system, slot)) => intended.push((system, slot)),
            Some(Located::Exported(system, slot)) => ended.push((system, slot)),
            // The files of the exports lie there too.
            Some(
                Located::Manifest(..)
                | Located::Object(..)
                | Located::Verified(..)
                | Located::Entry(..),
            )
            | None => {}
        }
    }
    intended.retain(|export| !ended.contains(export) && slot.is_none_or(|slot| slot == export.1));
    Ok(intended)
}

async fn intended<P: Vault>(ports: &P, system: &SystemName, slot: Slot) -> Result<Intended, Fault> {
    let key = vault::export_intended(system, slot);
    match documents::read_json::<Intended, P>(ports, &key).await? {
        Seen::Here((intended, _)) => Ok(intended),
        Seen::Absent => Err(documents::unread(&key, "it was listed and is not there".into())),
        Seen::Unknown(why) => Err(documents::unread(&key, why)),
    }
}

async fn go_on<P>(ports: &P, intended: &Intended) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Snapshots + Bus,
{
    let (system, slot) = (&intended.system, intended.slot);
    let key = vault::exported(system, slot);
    match documents::read_json::<Exported, P>(ports, &key).await? {
        Seen::Here((ended, _)) => {
            let sentence = advance::sentence(&ended);
            return Ok(Outcome::Done(format!("{sentence}; that was recorded before")));
        }
        Seen::Absent => {}
        Seen::Unknown(why) => return Err(documents::unread(&key, why)),
    }
    let plan = match documents::load_plan(ports, system).await? {
        Ok((plan, _)) => plan,
        Err(refusal) => return without_plan(ports, intended, refusal).await,
    };
    let database = match exported_database(&plan) {
        Ok((database, _)) => database,
        Err(refusal) => return without_plan(ports, intended, refusal).await,
    };
    let key_arn = match key_of(&plan) {
        Ok(key_arn) => key_arn,
        Err(refusal) => return without_plan(ports, intended, refusal).await,
    };
    match advance(ports, database, key_arn, intended).await? {
        Progress::Waiting(sentence) => {
            Ok(Outcome::Waiting(format!("the export {slot} of {system} waits: {sentence}")))
        }
        Progress::Ended(end) => close(ports, intended, end).await,
    }
}

/// A plan that is being edited is no end: the export goes on once it is whole again, within its
/// time.
async fn without_plan<P: Clock + Vault + Bus>(
    ports: &P,
    intended: &Intended,
    refusal: Refusal,
) -> Result<Outcome, Fault> {
    if advance::asked_s(ports, intended) <= WAIT_S_MAX {
        return Ok(Outcome::Refused(refusal));
    }
    close(ports, intended, End::Failed { why: refusal.to_string() }).await
}

/// Tells how an export ended, and records it. In that order: once the record is there no sweep
/// looks again, so a run that died between the two would leave silence. Told twice is the lesser
/// evil.
async fn close<P: Clock + Vault + Bus>(
    ports: &P,
    intended: &Intended,
    end: End,
) -> Result<Outcome, Fault> {
    let ended = Exported {
        format: FORMAT,
        system: intended.system.clone(),
        slot: intended.slot,
        snapshot: intended.snapshot.clone(),
        task: intended.task.clone(),
        prefix: intended.prefix(),
        end,
        at: ports.now(),
    };
    ports.announce(&advance::announcement(&ended)).await?;
    let key = vault::exported(&ended.system, ended.slot);
    let ended = match documents::create_json(ports, &key, &ended).await? {
        Created::New | Created::Ours => ended,
        Created::Theirs(theirs) => theirs,
    };
    Ok(Outcome::Done(advance::sentence(&ended)))
}

async fn refuse<P: Clock + Bus>(
    ports: &P,
    system: &SystemName,
    slot: Option<Slot>,
    refusal: Refusal,
) -> Result<Outcome, Fault> {
    let announcement = Announcement {
        format: outcome::FORMAT,
        happening: Happening::SnapshotFailed,
        system: system.clone(),
        outcome: "refused".to_owned(),
        reason: refusal.to_string(),
        slot,
        term: None,
        at: ports.now(),
        links: Vec::new(),
    };
    ports.announce(&announcement).await?;
    Ok(Outcome::Refused(refusal))
}
