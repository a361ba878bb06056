//! What is suspicious about a backup that is proven: it is held against the receipts of those before it.
//! A suspicion is kept in the receipt, and told of it alone.

use std::collections::{BTreeMap, BTreeSet};

use warmspare_decide::manifest::{Checked, Receipt};
use warmspare_decide::name::Slot;
use warmspare_decide::outcome::Happening;
use warmspare_decide::tripwire::{BEFORE_MAX, Changes, Judged, Measures, judge, judge_changes};
use warmspare_decide::vault;

use super::Verification;
use crate::fault::{Fault, Hope};
use crate::ports::{Bus, Clock, Keys, Vault};

/// Of one source, the newest first.
type Before = (Vec<Measures>, Vec<Changes>);

/// The source of an object's key.
fn source(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

impl<P: Clock + Vault + Keys + Bus> Verification<'_, P> {
    /// What is far from what is usual, a clause each. With too few backups before it nothing is known,
    /// and nothing is said.
    pub(super) async fn suspicions(&self, objects: &[Checked]) -> Result<Vec<String>, Fault> {
        let before = self.before().await?;
        let mut clauses = Vec::new();
        for checked in objects {
            let source = source(&checked.key);
            let (measures, changes) = before.get(source).cloned().unwrap_or_default();
            let size = checked.measures.map(|now| judge(source, now, &measures));
            let changed = checked.changes.map(|now| judge_changes(source, now, &changes));
            for judged in [size, changed].into_iter().flatten() {
                match judged {
                    Judged::Suspicious(more) => clauses.extend(more),
                    Judged::Unknown | Judged::Usual => {}
                }
            }
        }
        Ok(clauses)
    }

    /// What was measured, and what had changed, of each source of the newest backups before this one that are proven. One that
    /// was pruned since was proven; one that was rejected since was not.
    async fn before(&self) -> Result<BTreeMap<String, Before>, Fault> {
        let receipts = self.ports.list(&vault::receipts(&self.system)).await?;
        let of = |name: &'static str| -> BTreeSet<Slot> {
            let all = receipts.iter().filter_map(|key| vault::slot_of(key));
            all.filter(|(slot, it)| *it == name && *slot < self.slot)
                .map(|(slot, _)| slot)
                .collect()
        };
        let rejected = of("rejected.json");
        let mut before: BTreeMap<String, Before> = BTreeMap::new();
        let proven = of("verified.json").into_iter().rev().filter(|slot| !rejected.contains(slot));
        for slot in proven.take(BEFORE_MAX) {
            let receipt = match self.receipt(&vault::verified(&self.system, slot)).await {
                Ok(Some(receipt)) => receipt,
                Ok(None) => continue,
                // One that cannot be read is no reason to leave this backup unproven.
                Err(fault) if fault.hope == Hope::Permanent => continue,
                Err(fault) => return Err(fault),
            };
            for checked in receipt.objects {
                let Checked { key, measures, changes, .. } = checked;
                let of_it = before.entry(source(&key).to_owned()).or_default();
                of_it.0.extend(measures);
                of_it.1.extend(changes);
            }
        }
        Ok(before)
    }

    /// Tells what a receipt says is suspicious, if it does; told again, it is the same word for word.
    pub(super) async fn tell_suspicions(&self, receipt: &Receipt) -> Result<(), Fault> {
        if receipt.suspicions.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "{} is verified, and somebody should look at it: {}",
            self.name(),
            receipt.suspicions.join("; ")
        );
        self.tell(Happening::BackupSuspicious, receipt, reason).await
    }
}
