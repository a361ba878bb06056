//! What an appliance has pushed: which push each source of a backup is made from, and the object
//! that is made of it. Everything is read by its version, so a push that is replaced meanwhile is
//! adopted as it was, and the one that replaced it is the next backup's.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use warmspare_decide::inbox::{self, Adopted, Wanted};
use warmspare_decide::manifest::{Manifest, Upload};
use warmspare_decide::name::{Slot, SourceName, SystemName};
use warmspare_decide::plan::{From, Plan, Source};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault::{self, Located};
use warmspare_decide::verify::ObjectFacts;

use crate::documents;
use crate::fault::{Fault, Hope};
use crate::ports::{Inbox, Vault};
use crate::stream::Held;

/// A push that is to be adopted, as S3 describes it.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    upload: Upload,
    facts: ObjectFacts,
}

/// What was found in the inboxes of a plan.
#[derive(Debug)]
pub(super) enum Found {
    /// For each source that is pushed and not stored yet, what it is made from.
    All(BTreeMap<SourceName, Chosen>),
    /// One has nothing that can be adopted, and why; another one may have.
    Lacks {
        why: Refusal,
        /// How many others have something new.
        others: usize,
    },
}

/// Chooses a push for each source of the slot that is pushed. What a run before this one has stored
/// of the slot stays what it is.
pub(super) async fn look<P: Vault + Inbox>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
    again: Rejected,
) -> Result<Found, Fault> {
    let pushed: Vec<&Source> =
        plan.backup.sources.iter().filter(|source| source.from == From::Upload).collect();
    if pushed.is_empty() {
        return Ok(Found::All(BTreeMap::new()));
    }
    let held = held(ports, &plan.system, again).await?;
    let mut chosen = BTreeMap::new();
    let mut lacks = None;
    for source in pushed {
        if super::look(ports, &vault::object(&plan.system, slot, &source.name), None)
            .await?
            .is_some()
        {
            continue;
        }
        match choose(ports, plan, slot, &source.name, &held).await? {
            Ok(found) => {
                chosen.insert(source.name.clone(), found);
            }
            Err(refusal) => lacks = lacks.or(Some(refusal)),
        }
    }
    Ok(match lacks {
        Some(why) => Found::Lacks { why, others: chosen.len() },
        None => Found::All(chosen),
    })
}

/// Whether another push came within the second that this slot ends. It would have the name of a
/// backup that is stored, so the next second names it.
pub(super) async fn has_more<P: Vault + Inbox>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
) -> Result<bool, Fault> {
    Ok(match look(ports, plan, slot, Rejected::Count).await? {
        Found::All(chosen) => {
            chosen.values().all(|chosen| chosen.upload.written_at <= slot.instant())
        }
        Found::Lacks { .. } => false,
    })
}

/// Whether what a rejected backup holds counts as adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// A duplicate of the event would otherwise make the backup that was rejected again.
    Count,
    /// The push may be right, and what was made of it wrong: a schedule tries it again.
    MayBeTriedAgain,
}

/// Every push that a backup holds. Each manifest is read, because a backup of an earlier slot may
/// have been made later, of a later push.
async fn held<P: Vault>(
    ports: &P,
    system: &SystemName,
    again: Rejected,
) -> Result<Vec<(SourceName, Adopted)>, Fault> {
    let rejected = match again {
        Rejected::Count => Vec::new(),
        Rejected::MayBeTriedAgain => ports.list(&vault::receipts(system)).await?,
    };
    let mut held = Vec::new();
    for key in ports.list(&vault::backups(system)).await? {
        let Some(Located::Manifest(_, slot)) = Located::parse(&key) else { continue };
        if rejected.contains(&vault::rejected(system, slot)) {
            continue;
        }
        match documents::read_json::<Manifest, P>(ports, &key).await? {
            Seen::Here((manifest, _)) => {
                held.extend(manifest.objects.into_iter().filter_map(|stored| {
                    Some((stored.source, Adopted { upload: stored.upload?, slot }))
                }))
            }
            // Pruned between the two looks: a newer one stays.
            Seen::Absent => {}
            Seen::Unknown(why) => return Err(documents::unread(&key, why)),
        }
    }
    Ok(held)
}

async fn choose<P: Vault + Inbox>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
    source: &SourceName,
    held: &[(SourceName, Adopted)],
) -> Result<Result<Chosen, Refusal>, Fault> {
    let folder = vault::inbox(&plan.system, source);
    let adopted = inbox::last_adopted(source, held);
    let wanted = Wanted {
        inbox: &folder,
        slot,
        rpo_s: plan.objectives.rpo_s,
        key_arn: plan.backup.encryption.key_arn(),
        adopted: adopted.as_ref(),
    };
    let pushed = ports.pushed(&folder).await?;
    let push = match inbox::newest(&wanted, &pushed) {
        Ok(push) => push,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(facts) = super::look(ports, &push.key, None).await? else {
        let why = "it was listed a moment ago and is not there now";
        return Err(documents::unread(&push.key, why.to_owned()));
    };
    Ok(inbox::judge(&wanted, &push.key, &facts).map(|upload| Chosen { upload, facts }))
}

impl Chosen {
    /// Opens the push; what is read is held against what S3 says of it.
    pub(super) async fn open<P: Inbox>(&self, ports: &P) -> Result<Held<P::Body>, Fault> {
        let Upload { key, version_id, .. } = &self.upload;
        Ok(Held::new(ports.open_pushed(key, version_id).await?, key, &self.facts))
    }

    /// Which push it is.
    pub(super) fn push(&self) -> &Upload {
        &self.upload
    }
}

/// What an object says of itself: that of a run which ended before its manifest has to tell which
/// push it is.
pub(super) fn mark(upload: &Upload) -> Result<String, Fault> {
    let text = serde_json::to_vec(upload).map_err(|cause| {
        let why = cause.to_string();
        Fault::new(Hope::Permanent, "naming", &upload.key, why).because(cause)
    })?;
    Ok(URL_SAFE_NO_PAD.encode(text))
}

/// The push that a stored object says that it is.
pub(super) fn marked(key: &str, facts: &ObjectFacts) -> Result<Upload, Fault> {
    let mark = facts.mark.as_deref().and_then(|mark| URL_SAFE_NO_PAD.decode(mark).ok());
    mark.and_then(|text| serde_json::from_slice(&text).ok()).ok_or_else(|| {
        let why = "it does not say which push it is, so it was not stored by this function";
        Fault::new(Hope::Permanent, "adopting", key, why)
    })
}
