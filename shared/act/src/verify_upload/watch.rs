//! Looks, with each sweep, at what all backups rest on: the vault's bucket, and the key of each plan.

use std::collections::{BTreeMap, BTreeSet};

use warmspare_decide::encryption::Choice;
use warmspare_decide::name::{KeyArn, SystemName};
use warmspare_decide::outcome::{self, Announcement, Happening};
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::{self, Bucket, VaultSeen};
use warmspare_decide::vault;
use warmspare_decide::verify::key_findings;

use crate::documents;
use crate::fault::{Fault, Hope, or_unknown};
use crate::ports::{Bus, Clock, Keys, Standing, Vault};
use crate::stream::sums_of;

/// What is about no system of anybody's is told under this name.
const VAULT: &str = "vault";

/// What was seen of all that backups rest on.
pub(super) struct Watched {
    /// Whether the vault has a replica.
    pub(super) is_replicated: Seen<()>,
    /// The first fault, once the others were looked at. What could not be looked at is neither safe nor
    /// dangerous.
    pub(super) fault: Option<Fault>,
}

/// Tells what is dangerous for as long as it is so, and what was changed once.
pub(super) async fn look<P>(ports: &P, systems: &[SystemName]) -> Watched
where
    P: Clock + Vault + Standing + Keys + Bus,
{
    let seen = ports.bucket().await;
    let of_keys = keys(ports, systems).await;
    let bucket = match seen {
        Ok(bucket) => bucket,
        Err(fault) => {
            let is_replicated = Seen::Unknown(fault.to_string());
            return Watched { is_replicated, fault: Some(fault) };
        }
    };
    let is_replicated = if bucket.replicas.is_empty() { Seen::Absent } else { Seen::Here(()) };
    let fault = judge(ports, bucket).await.and(of_keys).err();
    Watched { is_replicated, fault }
}

async fn judge<P: Clock + Vault + Bus>(ports: &P, bucket: Bucket) -> Result<(), Fault> {
    let system = vault_name()?;
    for danger in tripwire::dangers(&bucket) {
        tell(ports, system.clone(), format!("the vault is in danger: {danger}")).await?;
    }
    let policy_sha256 = bucket.policy.map(|policy| sums_of(policy.as_bytes()).sha256);
    let now = VaultSeen { format: 1, system, policy_sha256 };
    let before = match documents::read_json::<VaultSeen, P>(ports, vault::SEEN).await? {
        Seen::Here((before, _)) if before == now => return Ok(()),
        Seen::Here(before) => Some(before),
        Seen::Absent => None,
        Seen::Unknown(why) => return Err(documents::unread(vault::SEEN, why)),
    };
    // Told first: once it is written down, no sweep comes back to it.
    if let Some(changed) = tripwire::policy_changed(before.as_ref().map(|(seen, _)| seen), &now) {
        let reason = format!(
            "{changed}: whoever administers this account has to know why; it is taken for the one that \
             is meant from now on"
        );
        tell(ports, now.system.clone(), format!("the vault was changed: {reason}")).await?;
    }
    // Where another sweep was faster, what it saw is looked at by the next one.
    match before {
        Some((_, document)) => {
            let body = serde_json::to_vec_pretty(&now).map_err(|cause| {
                let why = cause.to_string();
                Fault::new(Hope::Permanent, "writing", vault::SEEN, why).because(cause)
            })?;
            let _written = ports.replace(vault::SEEN, &document.etag, body.into()).await?;
        }
        None => {
            let _created = documents::create_json(ports, vault::SEEN, &now).await?;
        }
    }
    Ok(())
}

async fn keys<P: Clock + Vault + Keys + Bus>(
    ports: &P,
    systems: &[SystemName],
) -> Result<(), Fault> {
    let mut by_key: BTreeMap<String, (KeyArn, BTreeSet<SystemName>)> = BTreeMap::new();
    let mut first_fault = None;
    for system in systems {
        match documents::load_plan(ports, system).await {
            Ok(Ok((plan, _))) => {
                // The others have no key that somebody could lose.
                let Choice::Key(key_arn) = plan.backup.encryption else { continue };
                let name = key_arn.as_str().to_owned();
                let (_, systems) = by_key.entry(name).or_insert((key_arn, BTreeSet::new()));
                systems.insert(system.clone());
            }
            // Whoever acts under such a plan tells it.
            Ok(Err(_refusal)) => {}
            Err(fault) => {
                first_fault.get_or_insert(fault);
            }
        }
    }
    for (key_arn, systems) in by_key.into_values() {
        let clauses = match key_findings(&key_arn, &or_unknown(ports.key(&key_arn).await)) {
            Ok(clauses) => clauses,
            Err(why) => {
                let fault = || {
                    Fault::new(Hope::Retryable, "looking at the key", key_arn.as_str(), why.clone())
                };
                first_fault.get_or_insert_with(fault);
                continue;
            }
        };
        if clauses.is_empty() {
            continue;
        }
        let why = clauses.join(" and ");
        for system in systems {
            let reason = format!("the key {key_arn} of every backup of {system} {why}");
            tell(ports, system, reason).await?;
        }
    }
    first_fault.map_or(Ok(()), Err)
}

fn vault_name() -> Result<SystemName, Fault> {
    SystemName::parse(VAULT)
        .map_err(|wrong| Fault::new(Hope::Permanent, "naming", VAULT, wrong.to_string()))
}

async fn tell<P: Clock + Bus>(ports: &P, system: SystemName, reason: String) -> Result<(), Fault> {
    let announcement = Announcement {
        format: outcome::FORMAT,
        happening: Happening::VaultAtRisk,
        system,
        outcome: "failed".to_owned(),
        reason,
        slot: None,
        term: None,
        at: ports.now(),
        links: Vec::new(),
    };
    ports.announce(&announcement).await
}
