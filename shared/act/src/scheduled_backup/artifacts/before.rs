//! What earlier backups of a bucket have copied, as far as it is to be trusted.

use jiff::Timestamp;
use warmspare_decide::backup::is_all_after;
use warmspare_decide::manifest::Receipt;
use warmspare_decide::name::Slot;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use super::Task;
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::inventory::{self, Part};
use crate::ports::{Artifacts, Clock, Vault};

/// At most so many stored backups are looked at for an inventory to go by.
const EARLIER_MAX: usize = 10;

impl<P: Clock + Vault + Artifacts> Task<'_, P> {
    /// The newest inventory that is stored, and the pieces of what was begun after it and never finished.
    pub(super) async fn lists(&self) -> Result<Vec<Vec<Part>>, Fault> {
        let (system, source) = (self.system(), self.source());
        let receipts = self.ports.list(&vault::receipts(system)).await?;
        let keys = self.ports.list(&vault::backups(system)).await?;
        let mut slots: Vec<Slot> = keys
            .iter()
            .filter_map(|key| vault::slot_of_manifest(key))
            .filter(|slot| *slot != self.head.slot)
            .collect();
        slots.sort_by(|a, b| b.cmp(a));
        let mut lists = Vec::new();
        let mut newest = None;
        let mut rejected_at: Option<Timestamp> = None;
        for slot in slots.into_iter().take(EARLIER_MAX) {
            let rejected = vault::rejected(system, slot);
            if receipts.contains(&rejected) {
                // Somebody was at the copies themselves, and older lists name them too: each is held
                // against what the bucket gives, and sent only where it does not lie there any more.
                if let Some((spoiled, at)) = self.spoiled(&rejected).await? {
                    newest = newest.or(Some(slot));
                    rejected_at = rejected_at.max(Some(at));
                    self.spoiled.borrow_mut().extend(spoiled);
                }
                continue;
            }
            if newest.is_some() {
                continue;
            }
            if let Some(part) = inventory::of_backup(self.ports, system, slot, source).await? {
                lists.push(vec![part]);
                newest = Some(slot);
                break;
            }
        }
        let begun = self.ports.list(vault::ALL_BEGUN).await?;
        let mut begun: Vec<Slot> = begun
            .iter()
            .filter_map(|key| vault::begun_of(key))
            .filter(|(of, slot)| {
                of == system
                    && *slot != self.head.slot
                    && newest.is_none_or(|newest| *slot > newest)
                    // A rejection names the first copy that is wrong, and what was begun before it has taken
                    // over the others too.
                    && rejected_at.is_none_or(|at| is_all_after(*slot, at))
            })
            .map(|(_, slot)| slot)
            .collect();
        begun.sort_by(|a, b| b.cmp(a));
        for slot in begun.into_iter().take(EARLIER_MAX) {
            let pieces = self.ports.list(&vault::pieces(system, slot, source)).await?;
            lists.push(pieces.iter().map(|key| Part::current(key)).collect());
        }
        Ok(lists)
    }

    /// The copies for which a backup was rejected, if any are, and when. One that is rotten looks right until it
    /// is read.
    async fn spoiled(&self, receipt_key: &str) -> Result<Option<(Vec<String>, Timestamp)>, Fault> {
        let folder = vault::artifacts(self.system(), self.source());
        let receipt = match documents::read_json::<Receipt, P>(self.ports, receipt_key).await {
            Ok(Seen::Here((receipt, _))) => receipt,
            Ok(Seen::Absent) => return Ok(None),
            Ok(Seen::Unknown(why)) => return Err(documents::unread(receipt_key, why)),
            // It may be of a later format. What it rejects is not proven by what is older either.
            Err(fault) if fault.hope == Hope::Permanent => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let wrong = receipt.objects.into_iter().filter(|checked| !checked.findings.is_empty());
        let keys = wrong.map(|checked| checked.key).filter(|key| key.starts_with(&folder));
        let keys: Vec<String> = keys.collect();
        Ok((!keys.is_empty()).then_some((keys, receipt.at)))
    }
}
