//! The looks that the decision needs. One that fails is the end of the run: what cannot be seen might
//! be the backup on whose account another one goes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::name::{Slot, SystemName, Term};
use warmspare_decide::prune::{self, Commit, View};
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents;
use crate::fault::Fault;
use crate::journal;
use crate::ports::{Clock, Vault};

/// Everything that the decision about a system sees.
///
/// # Errors
/// The vault's fault, or that of a journal that cannot be read.
pub(super) async fn view<P: Clock + Vault>(ports: &P, system: &SystemName) -> Result<View, Fault> {
    let backups = ports.list(&vault::backups(system)).await?;
    let mut slots = prune::slots(&backups);
    let keys: BTreeSet<&str> = backups.iter().map(String::as_str).collect();
    for (slot, seen) in &mut slots {
        let key = vault::manifest(system, *slot);
        if keys.contains(key.as_str()) {
            (seen.commit, seen.locked_until) = commit(ports, system, *slot, &key, &keys).await?;
        }
    }
    let in_use = in_use(ports, system).await?;
    let holds = ports.list(&vault::holds(system)).await?;
    // The receipts last: a rejection, or a mark of another run, is to be as new as it can be.
    prune::add_receipts(&mut slots, &ports.list(&vault::receipts(system)).await?);
    Ok(View { now: ports.now(), slots, holds, in_use })
}

async fn commit<P: Vault>(
    ports: &P,
    system: &SystemName,
    slot: Slot,
    key: &str,
    keys: &BTreeSet<&str>,
) -> Result<(Commit, Option<Timestamp>), Fault> {
    let document = match ports.read(key).await? {
        Seen::Here(document) => document,
        // Another run has deleted it since the listing.
        Seen::Absent => return Ok((Commit::Absent, None)),
        Seen::Unknown(why) => return Err(documents::unread(key, why)),
    };
    let Ok(manifest) = documents::parse_json::<Manifest>(key, &document.body) else {
        return Ok((Commit::Unreadable, None));
    };
    if &manifest.system != system || manifest.slot != slot || manifest.objects.is_empty() {
        return Ok((Commit::Unreadable, None));
    }
    let is_missing = |key: &str| !keys.contains(key);
    let commit = match manifest.objects.iter().filter(|stored| is_missing(&stored.key)).count() {
        0 => Commit::Whole,
        missing => Commit::Lacks(missing),
    };
    Ok((commit, manifest.lock.map(|lock| lock.until)))
}

/// The backup that an open failover names in its opening.
async fn in_use<P: Clock + Vault>(
    ports: &P,
    system: &SystemName,
) -> Result<Option<(Term, Slot)>, Fault> {
    let terms = journal::terms(ports, system).await?;
    let open = terms.newest().filter(|progress| progress.end.is_none());
    Ok(open.and_then(|progress| match &progress.opened.view.proven {
        Seen::Here(slot) => Some((progress.term, *slot)),
        // It began without one, by an operator's word: there is none to keep for it.
        Seen::Absent | Seen::Unknown(_) => None,
    }))
}
