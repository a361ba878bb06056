//! Whether what was read again has reached the vault's replica, where the vault has one.

use warmspare_decide::manifest::Manifest;
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::unreplicated;
use warmspare_decide::vault;

use super::Verification;
use crate::documents;
use crate::fault::Fault;
use crate::ports::{Bus, Clock, Keys, Standing, Vault};

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
            match self.ports.replication(key, version_id).await? {
                Seen::Here(seen) if seen.status.is_some() || is_known => {
                    clauses.extend(unreplicated(key, &seen, self.ports.now()));
                }
                // It was read a moment ago; the next sweep finds what that means.
                Seen::Here(_) | Seen::Absent => {}
                Seen::Unknown(why) => return Err(documents::unread(key, why)),
            }
        }
        Ok(clauses)
    }
}
