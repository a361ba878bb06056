//! Stores a backup: every source of the plan, in its order, and then the manifest, which is the
//! commit. Whether the backup can be restored is not known here: `verify-upload` proves it.
//!
//! A duplicate of the event names the same slot, so it finds the same keys taken and has no second
//! effect. Announcements are made of the manifest alone, so that a repeated one is the same, word
//! for word: of a backup that is stored nobody may hear nothing, and hearing it twice does no harm.

mod request;

use jiff::Timestamp;
use warmspare_decide::backup::{self, Next};
use warmspare_decide::manifest::{FORMAT, Manifest, Stored, Sums};
use warmspare_decide::name::{KeyArn, Slot, SystemName};
use warmspare_decide::outcome::{self, Announcement, Happening, Outcome};
use warmspare_decide::plan::{Plan, Source};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault::{self, Located};
use warmspare_decide::verify::{ObjectFacts, storage_findings};

use crate::documents::{self, Created};
use crate::fault::{Fault, Hope};
use crate::journal;
use crate::ports::{Bus, Clock, Keys, Sources, Uploaded, Vault};
use crate::stream::Measured;
use request::{Request, Why};

/// A source is not begun with less time left, in seconds. What was stored before it stays, and the
/// retry of the event goes on from there.
const LEFT_S_MIN: u64 = 10;

/// Answers one event.
///
/// # Errors
/// Retryable: the vault, KMS, a source or the bus could not, or nothing is known of the key.
/// Permanent: what is stored under the backup's names is not what it should be.
pub async fn answer<P>(ports: &P, event: &[u8]) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Keys + Sources + Bus,
{
    let request = match request::read(event) {
        Ok(request) => request,
        Err((Some(system), refusal)) => return refuse(ports, &system, None, refusal).await,
        // Without a system there is nobody to tell: the outcome says it.
        Err((None, refusal)) => return Ok(Outcome::Refused(refusal)),
    };
    let Request { system, slot, why } = &request;
    let (plan, plan_version) = match documents::load_plan(ports, system).await? {
        Ok(found) => found,
        Err(refusal) => return refuse(ports, system, Some(*slot), refusal).await,
    };
    if *why == Why::FirstPlan
        && let Some(before) = newest_backup(ports, system).await?
    {
        return Ok(Outcome::Done(format!(
            "the plan of {system} was changed, and backup {before} was stored before: the next \
             one comes with its schedule"
        )));
    }
    let manifest_key = vault::manifest(system, *slot);
    match documents::read_json::<Manifest, P>(ports, &manifest_key).await? {
        Seen::Here((manifest, _)) => return stored(ports, &manifest, "was stored before").await,
        Seen::Absent => {}
        Seen::Unknown(why) => return Err(documents::unread(&manifest_key, why)),
    }
    // A duplicate that comes late does not store under a name that was taken, and given up, before.
    let pruned_key = vault::pruned(system, *slot);
    match ports.read(&pruned_key).await? {
        Seen::Here(_) => {
            let sentence = format!("backup {slot} of {system} was stored before, and pruned since");
            return Ok(Outcome::Done(sentence));
        }
        Seen::Absent => {}
        Seen::Unknown(why) => return Err(documents::unread(&pruned_key, why)),
    }
    if let Some(refusal) = admit(ports, &plan, *slot).await? {
        return refuse(ports, system, Some(*slot), refusal).await;
    }
    let (site, term) = journal::active_site(ports, &plan).await?;
    if site != plan.home.name {
        let refusal = Refusal::NotSupported {
            what: format!("a backup while {site} is active"),
            instead: format!(
                "the plan's sources are those of {}, which is fenced, and its data are not the \
                 system's any more",
                plan.home.name
            ),
        };
        return refuse(ports, system, Some(*slot), refusal).await;
    }
    let mut objects = Vec::new();
    for source in &plan.backup.sources {
        objects.push(store(ports, &plan, *slot, source).await?);
    }
    let manifest = Manifest {
        format: FORMAT,
        system: system.clone(),
        slot: *slot,
        site,
        term,
        plan_version,
        key_arn: plan.backup.kms_key.clone(),
        stored_at: ports.now(),
        objects,
    };
    match documents::create_json(ports, &manifest_key, &manifest).await? {
        Created::New | Created::Ours => stored(ports, &manifest, "is stored").await,
        Created::Theirs(theirs) => stored(ports, &theirs, "was stored before").await,
    }
}

/// Why the backup may not begin, if it may not. A key of which nothing is known is a fault: it may
/// be right, and the retry will tell.
async fn admit<P: Clock + Vault + Keys>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
) -> Result<Option<Refusal>, Fault> {
    let key_arn = &plan.backup.kms_key;
    let mut view = backup::View { now: ports.now(), region: ports.region(), key: None };
    if backup::next(plan, slot, &view) == Next::LookAtKey {
        view.key = Some(ports.key(key_arn).await?);
    }
    let unknown =
        |why: String| Fault::new(Hope::Retryable, "looking at the key", key_arn.as_str(), why);
    match backup::next(plan, slot, &view) {
        Next::Store => Ok(None),
        Next::Refuse(refusal) => Ok(Some(refusal)),
        Next::NotKnown(why) => Err(unknown(why)),
        Next::LookAtKey => Err(unknown("it was looked at, and is asked for again".to_owned())),
    }
}

/// Stores one source, or adopts what an earlier run has stored of it, and holds it against what S3
/// says.
async fn store<P>(ports: &P, plan: &Plan, slot: Slot, source: &Source) -> Result<Stored, Fault>
where
    P: Clock + Vault + Sources,
{
    let key = vault::object(&plan.system, slot, &source.name);
    let key_arn = &plan.backup.kms_key;
    let left_s = ports.left_s();
    if left_s < LEFT_S_MIN {
        let why =
            format!("{left_s} s are left, and {LEFT_S_MIN} s are the least to begin a source with");
        return Err(Fault::new(Hope::Retryable, "storing", key, why));
    }
    let (facts, sums) = match look(ports, &key, None).await? {
        Some(facts) => adopt(ports, &key, facts).await?,
        None => upload(ports, source, &key, key_arn).await?,
    };
    let findings = storage_findings(key_arn, &sums, &facts);
    if !findings.is_empty() {
        // No manifest: what S3 says of it already is what verification would reject.
        return Err(Fault::new(Hope::Permanent, "checking", key, findings.join(" and ")));
    }
    Ok(Stored { source: source.name.clone(), key, version_id: facts.version_id, sums })
}

async fn upload<P: Vault + Sources>(
    ports: &P,
    source: &Source,
    key: &str,
    key_arn: &KeyArn,
) -> Result<(ObjectFacts, Sums), Fault> {
    let mut stream = Measured::new(ports.open(&source.from).await?);
    let gone =
        || documents::unread(key, "it was there a moment ago and is not there now".to_owned());
    match ports.upload(key, key_arn, &mut stream).await? {
        Uploaded::New { version_id, sums } => {
            let facts = look(ports, key, Some(&version_id)).await?.ok_or_else(gone)?;
            Ok((facts, sums))
        }
        // Another run of this slot was faster. Both read the same source; its object is the one.
        Uploaded::Exists => {
            let facts = look(ports, key, None).await?.ok_or_else(gone)?;
            adopt(ports, key, facts).await
        }
    }
}

/// Takes over the object of a run that ended before its manifest, by reading it back.
///
/// That is right because an object becomes visible only when its source has said that it was whole,
/// and S3 has held it against the CRC of what was streamed: a stream that breaks off leaves
/// nothing. Sources are read in the plan's order also across runs, so what is adopted is older than
/// what follows it, which is the direction that can be repaired (seed C7).
async fn adopt<P: Vault>(
    ports: &P,
    key: &str,
    facts: ObjectFacts,
) -> Result<(ObjectFacts, Sums), Fault> {
    let body = ports.read_back(key, &facts.version_id).await?;
    let sums = Measured::new(body).drain().await?;
    Ok((facts, sums))
}

async fn look<P: Vault>(
    ports: &P,
    key: &str,
    version_id: Option<&str>,
) -> Result<Option<ObjectFacts>, Fault> {
    match ports.facts(key, version_id).await? {
        Seen::Here(facts) => Ok(Some(facts)),
        Seen::Absent => Ok(None),
        Seen::Unknown(why) => Err(documents::unread(key, why)),
    }
}

async fn newest_backup<P: Vault>(ports: &P, system: &SystemName) -> Result<Option<Slot>, Fault> {
    let keys = ports.list(&vault::backups(system)).await?;
    let slots = keys.iter().filter_map(|key| match Located::parse(key)? {
        Located::Manifest(_, slot) => Some(slot),
        Located::Object(..)
        | Located::Verified(..)
        | Located::ExportIntended(..)
        | Located::Exported(..)
        | Located::Entry(..) => None,
    });
    Ok(slots.max())
}

async fn stored<P: Bus>(ports: &P, manifest: &Manifest, how: &str) -> Result<Outcome, Fault> {
    let Manifest { system, slot, .. } = manifest;
    let bytes: u64 = manifest.objects.iter().map(|stored| stored.sums.size_bytes).sum();
    let what = format!("{} object(s), {bytes} bytes", manifest.objects.len());
    let reason = format!("backup {slot} of {system} is stored: {what}");
    let happening = Happening::BackupStored;
    let announcement = announcement(happening, system, Some(*slot), reason, manifest.stored_at);
    let links = vec![vault::manifest(system, *slot)];
    ports.announce(&Announcement { links, ..announcement }).await?;
    Ok(Outcome::Done(format!("backup {slot} of {system} {how}: {what}")))
}

async fn refuse<P: Clock + Bus>(
    ports: &P,
    system: &SystemName,
    slot: Option<Slot>,
    refusal: Refusal,
) -> Result<Outcome, Fault> {
    let (happening, reason) = (Happening::BackupRefused, refusal.to_string());
    ports.announce(&announcement(happening, system, slot, reason, ports.now())).await?;
    Ok(Outcome::Refused(refusal))
}

fn announcement(
    happening: Happening,
    system: &SystemName,
    slot: Option<Slot>,
    reason: String,
    at: Timestamp,
) -> Announcement {
    let outcome = if happening == Happening::BackupStored { "done" } else { "refused" };
    Announcement {
        format: outcome::FORMAT,
        happening,
        system: system.clone(),
        outcome: outcome.to_owned(),
        reason,
        slot,
        term: None,
        at,
        links: Vec::new(),
    }
}
