//! Stores a backup: every source of the plan, in its order, and then the manifest, which is the
//! commit. Whether the backup can be restored is not known here: `verify-upload` proves it.
//!
//! A duplicate of the event names the same slot, so it finds the same keys taken and has no second
//! effect. Announcements are made of the manifest alone, so that a repeated one is the same, word
//! for word: of a backup that is stored nobody may hear nothing, and hearing it twice does no harm.

mod artifacts;
mod aviatrix;
mod begun;
mod inbox;
mod request;
mod store;
mod told;

use warmspare_decide::backup::{self, Next};
use warmspare_decide::inbox::{Woken, woken_by};
use warmspare_decide::lock::Protection;
use warmspare_decide::manifest::{self, Manifest};
use warmspare_decide::name::{SiteName, Slot, SystemName, Term};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::plan::{From, Plan};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents::{self, Created};
use crate::fault::{Fault, Hope};
use crate::journal;
use crate::pace::Pacer;
use crate::ports::{Artifacts, Bus, Clock, Controllers, Inbox, Keys, Locks, Sources, Vault};
use artifacts::Ended;
use inbox::{Found, Rejected};
use request::{Request, Why};
use store::{How, look};
use told::{refuse, stored};

/// The lock and the key are looked at once each, and then it is known.
const LOOKS_MAX: u32 = 3;

/// So many pushes of one second become backups of their own.
const PUSHES_A_SECOND_MAX: usize = 8;

/// Answers one event.
///
/// # Errors
/// Retryable: the vault, KMS, a source or the bus could not, or nothing is known of the key.
/// Permanent: what is stored under the backup's names is not what it should be.
pub async fn answer<P>(ports: &P, event: &[u8]) -> Result<Outcome, Fault>
where
    P: Clock + Keys + Locks + Sources + Controllers + Inbox + Artifacts + Bus,
{
    let request = match request::read(event) {
        Ok(Some(request)) => request,
        Ok(None) => return begun::go_on(ports).await,
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
    let Why::Pushed { key } = why else {
        return make(ports, &plan, &plan_version, *slot, why).await;
    };
    match woken_by(&plan, key) {
        Woken::Backup => made_of_pushes(ports, &plan, &plan_version, &request).await,
        Woken::WithTheOthers => Ok(Outcome::Waiting(format!(
            "{key} waits for the next scheduled backup of {system}, which reads its other sources too"
        ))),
        Woken::Folder => Ok(Outcome::Done(format!("{key} is a folder, and nothing to back up"))),
        Woken::Refuse(refusal) => refuse(ports, system, Some(*slot), refusal).await,
    }
}

/// A push within the same second as one that is adopted already has an event of the same time, so its
/// backup is named by the next second that is free.
async fn made_of_pushes<P>(
    ports: &P,
    plan: &Plan,
    plan_version: &str,
    request: &Request,
) -> Result<Outcome, Fault>
where
    P: Clock + Keys + Locks + Sources + Controllers + Inbox + Artifacts + Bus,
{
    let mut slot = request.slot;
    for _push in 0..PUSHES_A_SECOND_MAX {
        let outcome = make(ports, plan, plan_version, slot, &request.why).await?;
        let is_done = matches!(outcome, Outcome::Done(_));
        slot = slot.next();
        if !is_done || !inbox::has_more(ports, plan, slot).await? {
            return Ok(outcome);
        }
    }
    let why = format!(
        "more than {PUSHES_A_SECOND_MAX} pushes came within one second: the newest is adopted with \
         the next push"
    );
    Err(Fault::new(Hope::Permanent, "adopting what was pushed for", plan.system.as_str(), why))
}

/// Makes the backup of a slot, if it was not made before.
async fn make<P>(
    ports: &P,
    plan: &Plan,
    plan_version: &str,
    slot: Slot,
    why: &Why,
) -> Result<Outcome, Fault>
where
    P: Clock + Keys + Locks + Sources + Controllers + Inbox + Artifacts + Bus,
{
    let ended = attempt(ports, plan, plan_version, slot, why).await;
    match begun::settle(ports, &plan.system, slot, &ended).await {
        Err(fault) if ended.is_ok() => Err(fault),
        Ok(()) | Err(_) => ended,
    }
}

/// Makes it now. Once nothing stands against it, that it was begun is written down: what fails after that, or
/// dies, is caught up. What is pushed is begun only when there is something for every source.
async fn attempt<P>(
    ports: &P,
    plan: &Plan,
    plan_version: &str,
    slot: Slot,
    why: &Why,
) -> Result<Outcome, Fault>
where
    P: Clock + Keys + Locks + Sources + Controllers + Inbox + Artifacts + Bus,
{
    let system = &plan.system;
    let manifest_key = vault::manifest(system, slot);
    match documents::read_json::<Manifest, P>(ports, &manifest_key).await? {
        Seen::Here((manifest, _)) => return stored(ports, &manifest, "was stored before").await,
        Seen::Absent => {}
        Seen::Unknown(why) => return Err(documents::unread(&manifest_key, why)),
    }
    // A duplicate that comes late does not store under a name that was taken, and given up, before.
    let pruned_key = vault::pruned(system, slot);
    match ports.read(&pruned_key).await? {
        Seen::Here(_) => {
            let sentence = format!("backup {slot} of {system} was stored before, and pruned since");
            return Ok(Outcome::Done(sentence));
        }
        Seen::Absent => {}
        Seen::Unknown(why) => return Err(documents::unread(&pruned_key, why)),
    }
    let is_pulled = !plan.backup.sources.iter().any(|source| matches!(source.from, From::Upload));
    let is_early = *why == Why::Asked || is_pulled;
    let ready = ready(ports, plan, slot).await;
    if *why != Why::GoOn && is_early && !matches!(ready, Ok(Err(_))) {
        let begun = begun::begin(ports, system, slot).await;
        // What kept it from being ready says more than what kept it from being written down.
        if ready.is_ok() {
            begun?;
        }
    }
    let (site, term, protection) = match ready? {
        Ok(active) => active,
        Err(refusal) => return refuse(ports, system, Some(slot), refusal).await,
    };
    let rejected = if matches!(why, Why::Asked | Why::GoOn) {
        Rejected::MayBeTriedAgain
    } else {
        Rejected::Count
    };
    let pushed = match inbox::look(ports, plan, slot, rejected).await? {
        Found::All(pushed) => pushed,
        Found::Lacks { why: refusal, others } => {
            return lacks(ports, plan, slot, why, refusal, others).await;
        }
    };
    if *why != Why::GoOn && !is_early {
        begun::begin(ports, system, slot).await?;
    }
    let mut objects = Vec::new();
    let pacer = Pacer::new(ports, plan.backup.throttle.as_ref());
    let how = How { plan, slot, protection: &protection, pacer: &pacer };
    for source in &plan.backup.sources {
        let ended = match &source.from {
            From::S3(bucket) => {
                artifacts::store(ports, plan, slot, &source.name, bucket, &pacer).await.map(Ok)
            }
            From::Https(_) | From::Postgres { .. } | From::Aviatrix(_) | From::Upload => {
                let stored = how.store(ports, source, pushed.get(&source.name)).await;
                stored.map(|stored| stored.map(Ended::Stored))
            }
        };
        match ended {
            Ok(Ok(Ended::Stored(stored))) => objects.push(stored),
            Ok(Ok(Ended::Waiting(why))) => return Ok(Outcome::Waiting(why)),
            Ok(Ok(Ended::Refused(refusal))) => {
                return refuse(ports, system, Some(slot), refusal).await;
            }
            Ok(Err(refusal)) => return refuse(ports, system, Some(slot), refusal).await,
            Err(fault) => {
                return match fault.refusal {
                    Some(refusal) => refuse(ports, system, Some(slot), *refusal).await,
                    None => Err(fault),
                };
            }
        }
    }
    let (key_arn, word) = protection.encryption.written();
    let mut manifest = Manifest {
        format: manifest::FORMAT,
        system: system.clone(),
        slot,
        site,
        term,
        plan_version: plan_version.to_owned(),
        key_arn,
        encryption: word,
        lock: protection.lock,
        stored_at: ports.now(),
        objects,
    };
    manifest.format = manifest.right_format();
    let lock = manifest.lock.as_ref();
    match documents::create_json_under(ports, &manifest_key, &manifest, lock).await? {
        Created::New | Created::Ours => stored(ports, &manifest, "is stored").await,
        Created::Theirs(theirs) => stored(ports, &theirs, "was stored before").await,
    }
}

/// A source has nothing that can be adopted. A schedule is refused, and that is told: the appliance
/// should have pushed. A push, or a plan, that comes before there is something for every source is no
/// reason to wake anybody.
async fn lacks<P: Clock + Bus>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
    why: &Why,
    refusal: Refusal,
    others: usize,
) -> Result<Outcome, Fault> {
    let system = &plan.system;
    let is_nothing = matches!(refusal, Refusal::NothingPushed { empty: 0, .. });
    match why {
        Why::FirstPlan if is_nothing => Ok(Outcome::Waiting(format!(
            "the first backup of {system} comes with what is pushed first: {refusal}"
        ))),
        Why::Pushed { .. } if is_nothing && others > 0 => Ok(Outcome::Waiting(format!(
            "the backup of {system} waits until each of its sources is pushed: {refusal}"
        ))),
        Why::Pushed { key } if is_nothing => Ok(Outcome::Done(format!(
            "{key} is held by a backup of {system}, or is older than what is: {refusal}"
        ))),
        Why::Asked | Why::GoOn | Why::FirstPlan | Why::Pushed { .. } => {
            refuse(ports, system, Some(slot), refusal).await
        }
    }
}

/// The active site and its term, and how everything is protected, if the backup may begin.
async fn ready<P: Clock + Vault + Keys + Locks>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
) -> Result<Result<(SiteName, Term, Protection), Refusal>, Fault> {
    let protection = match admit(ports, plan, slot).await? {
        Ok(protection) => protection,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (site, term) = journal::active_site(ports, plan).await?;
    if site == plan.home.name {
        return Ok(Ok((site, term, protection)));
    }
    Ok(Err(Refusal::NotSupported {
        what: format!("a backup while {site} is active"),
        instead: format!(
            "the plan's sources are those of {}, which is fenced, and its data are not the system's \
             any more",
            plan.home.name
        ),
    }))
}

/// How everything of the backup is protected, or why it may not begin. A key of which nothing is known
/// is a fault: it may be right, and the retry will tell.
async fn admit<P: Clock + Vault + Keys + Locks>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
) -> Result<Result<Protection, Refusal>, Fault> {
    let (now, region) = (ports.now(), ports.region());
    let mut view = backup::View { now, region, has_object_lock: None, key: None };
    let mut subject = plan.system.to_string();
    for _look in 0..LOOKS_MAX {
        match backup::next(plan, slot, &view) {
            Next::LookAtObjectLock => view.has_object_lock = Some(ports.has_object_lock().await?),
            Next::LookAtKey(key_arn) => {
                view.key = Some(ports.key(&key_arn).await?);
                subject = key_arn.to_string();
            }
            Next::LookAtAwsS3 => {
                view.key = Some(ports.aws_s3_key().await?);
                subject = "alias/aws/s3".to_owned();
            }
            Next::Store(protection) => return Ok(Ok(protection)),
            Next::Refuse(refusal) => return Ok(Err(refusal)),
            Next::NotKnown(why) => {
                return Err(Fault::new(Hope::Retryable, "looking at the key", subject, why));
            }
        }
    }
    let why = "everything was looked at, and more is asked for";
    Err(Fault::new(Hope::Permanent, "beginning the backup of", subject, why))
}

async fn newest_backup<P: Vault>(ports: &P, system: &SystemName) -> Result<Option<Slot>, Fault> {
    let keys = ports.list(&vault::backups(system)).await?;
    Ok(keys.iter().filter_map(|key| vault::slot_of_manifest(key)).max())
}
