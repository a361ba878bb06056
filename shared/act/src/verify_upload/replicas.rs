//! Whether what was read again has reached the vault's replica, where the vault has one.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use warmspare_decide::inventory::{COPIES_MAX, Listed};
use warmspare_decide::manifest::{Manifest, Stored};
use warmspare_decide::name::SourceName;
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::unreplicated;
use warmspare_decide::vault;

use super::Verification;
use crate::documents;
use crate::fault::Fault;
use crate::inventory::{self, Known, Part, Rows};
use crate::ports::{Bus, Clock, Keys, Standing, Vault};

/// So many artifacts of a backup are asked for, of those that no backup before it lists: a request each,
/// and a first backup may list a million.
const ARTIFACTS_MAX: usize = 1_000;
/// The most of them that a notice names.
const SHOWN_MAX: usize = 3;
/// None is asked for with less time left, in seconds.
const LEFT_S_MIN: u64 = 60;

impl<P: Clock + Vault + Standing + Keys + Bus> Verification<'_, P> {
    /// What has no replica, a clause each. Where it is not known whether the vault has one, an object that
    /// is in no replica says nothing, and one that failed does.
    pub(super) async fn without_replica(
        &self,
        manifest: &Manifest,
        is_replicated: &Seen<()>,
    ) -> Result<Vec<String>, Fault> {
        let is_known = match is_replicated {
            Seen::Here(()) => true,
            Seen::Absent => return Ok(Vec::new()),
            Seen::Unknown(_) => false,
        };
        let manifest_key = vault::manifest(&self.system, self.slot);
        let objects = manifest.objects.iter();
        let objects = objects.map(|it| (it.key.as_str(), Some(it.version_id.as_str())));
        let mut clauses = Vec::new();
        for (key, version_id) in objects.chain([(manifest_key.as_str(), None)]) {
            clauses.extend(self.of_object(key, version_id, is_known).await?);
        }
        for stored in manifest.objects.iter().filter(|stored| stored.inventory.is_some()) {
            let mut of_artifacts = self.of_artifacts(stored, is_known).await?;
            let more = of_artifacts.len().saturating_sub(SHOWN_MAX);
            of_artifacts.truncate(SHOWN_MAX);
            clauses.extend(of_artifacts);
            if more > 0 {
                clauses.push(format!("so it is with {more} more artifact(s) of {}", stored.source));
            }
        }
        Ok(clauses)
    }

    async fn of_object(
        &self,
        key: &str,
        version_id: Option<&str>,
        is_known: bool,
    ) -> Result<Option<String>, Fault> {
        match self.ports.replication(key, version_id).await? {
            Seen::Here(seen) if seen.status.is_some() || is_known => {
                Ok(unreplicated(key, &seen, self.ports.now()))
            }
            // It was read a moment ago; the next sweep finds what that means.
            Seen::Here(_) | Seen::Absent => Ok(None),
            Seen::Unknown(why) => Err(documents::unread(key, why)),
        }
    }

    /// The same of the artifacts that are new in this backup, several at a time.
    async fn of_artifacts(&self, stored: &Stored, is_known: bool) -> Result<Vec<String>, Fault> {
        let mut queue = self.new_artifacts(stored).await?;
        let mut looks = FuturesUnordered::new();
        let mut clauses = Vec::new();
        loop {
            while looks.len() < COPIES_MAX
                && self.ports.left_s() >= LEFT_S_MIN
                && let Some((key, version_id)) = queue.pop_front()
            {
                looks.push(Box::pin(async move {
                    self.of_object(&key, Some(&version_id), is_known).await
                }));
            }
            let Some(looked) = looks.next().await else { return Ok(clauses) };
            clauses.extend(looked?);
        }
    }

    /// Keys and versions of what the backup before this one does not list.
    async fn new_artifacts(&self, stored: &Stored) -> Result<VecDeque<(String, String)>, Fault> {
        let Stored { key, version_id, source, .. } = stored;
        let body = self.ports.read_as_recovery(key, version_id).await?;
        let (head, mut rows) = Rows::open(body, key).await?;
        let mut known = Known::new(self.ports, &head.origin, self.list_before(source).await?);
        let mut new = VecDeque::new();
        while new.len() < ARTIFACTS_MAX
            && let Some(object) = rows.next().await?
        {
            let (key, etag) = (object.key.clone(), object.etag.clone());
            let listed = Listed { key, etag, size_bytes: object.sums.size_bytes };
            if known.find(&listed).await?.as_ref() != Some(&object) {
                new.push_back((object.vault_key, object.version_id));
            }
        }
        Ok(new)
    }

    /// The inventory of the newest proven backup before this one, if there is one.
    async fn list_before(&self, source: &SourceName) -> Result<Vec<Vec<Part>>, Fault> {
        let mut receipts = self.ports.list(&vault::receipts(&self.system)).await?;
        receipts.retain(|key| vault::slot_of(key).is_some_and(|(slot, _)| slot < self.slot));
        let Some(slot) = vault::newest_proven(&receipts) else { return Ok(Vec::new()) };
        let part = inventory::of_backup(self.ports, &self.system, slot, source).await?;
        Ok(part.into_iter().map(|part| vec![part]).collect())
    }
}
