//! Proves what an inventory lists: each artifact is where it says, encrypted as it should be, and was read
//! back as the role that will restore, for this backup or for an earlier one that is verified.
//!
//! There may be millions, so what is proven is written down every two minutes, and the sweep goes on.

mod presence;

use std::cell::{Cell, RefCell};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use warmspare_decide::inventory::{FORMAT, Listed, Object, ProvenThrough, has_room, weight_bytes};
use warmspare_decide::manifest::{Checked, Manifest, Stored};
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::Changes;
use warmspare_decide::vault;
use warmspare_decide::verify::{self, ObjectView};

use super::Verification;
use crate::documents;
use crate::entropy::{Counted, Counts};
use crate::fault::{Fault, Hope};
use crate::in_time::{END_S, drained};
use crate::inventory::{self, Known, Part, Rows, Tail};
use crate::ports::{Bus, Clock, Keys, Vault};

/// So many rows are looked at together.
const ROWS_MAX: usize = 1_000;
/// What is proven is written down after so many seconds.
const RECORD_S: i64 = 120;
/// Nothing is begun with less time left, in seconds.
const LEFT_S_MIN: u64 = 60;

/// What is known of the artifacts of a backup.
pub(super) enum Proof {
    /// Each is proven.
    Whole,
    /// One is not what it should be, and what is wrong with it.
    Wrong(Checked),
    /// The time is over, and nothing wrong was found so far.
    Waiting(String),
}

/// The proof of one inventory.
struct Proving<'a, P> {
    of: &'a Verification<'a, P>,
    manifest: &'a Manifest,
    stored: &'a Stored,
    /// Of the artifacts that were read.
    counts: RefCell<Counts>,
    changes: Cell<Option<Changes>>,
}

impl<P: Clock + Vault + Keys + Bus> Verification<'_, P> {
    /// Proves what every inventory of a backup lists; of a backup without any there is nothing to prove.
    /// What has changed since an earlier backup is written beside what was found of the inventory.
    pub(super) async fn prove_artifacts(
        &self,
        manifest: &Manifest,
        objects: &mut [Checked],
    ) -> Result<Proof, Fault> {
        for stored in manifest.objects.iter().filter(|stored| stored.inventory.is_some()) {
            let proving = Proving::of(self, manifest, stored);
            match proving.run().await? {
                Proof::Whole => {}
                other @ (Proof::Wrong(_) | Proof::Waiting(_)) => return Ok(other),
            }
            for checked in objects.iter_mut().filter(|checked| checked.key == stored.key) {
                checked.changes = proving.changes.get();
            }
            // What an earlier backup has proven is read no more, and may be gone since.
            match proving.look_for_all(false).await? {
                Proof::Whole => {}
                other @ (Proof::Wrong(_) | Proof::Waiting(_)) => return Ok(other),
            }
        }
        Ok(Proof::Whole)
    }
}

impl<'a, P: Clock + Vault + Keys + Bus> Proving<'a, P> {
    fn of(of: &'a Verification<'a, P>, manifest: &'a Manifest, stored: &'a Stored) -> Self {
        let counts = RefCell::new(Counts::new());
        Self { of, manifest, stored, counts, changes: Cell::default() }
    }

    async fn run(&self) -> Result<Proof, Fault> {
        let ports = self.of.ports;
        let (mut recorded, through) = self.progress().await?;
        let Stored { key, version_id, .. } = self.stored;
        let (head, mut rows) =
            match Rows::open(ports.read_as_recovery(key, version_id).await?, key).await {
                Ok(opened) => opened,
                Err(fault) => return self.unreadable(fault),
            };
        let is_its = head.system == self.of.system
            && head.slot == self.of.slot
            && head.source == self.stored.source
            && Some(&head.origin.key_arn) == self.manifest.key_arn.as_ref();
        if !is_its {
            return Ok(self.wrong("it is the inventory of another backup, or under another key"));
        }
        let mut known = Known::new(ports, &head.origin, self.proven_before().await?);
        let began_after = through.clone();
        let mut through = through;
        let mut begun = ports.now();
        let mut kept = 0;
        loop {
            let mut batch = Vec::new();
            while batch.len() < ROWS_MAX {
                match rows.next().await {
                    Ok(Some(object)) if through.as_ref().is_none_or(|key| object.key > *key) => {
                        batch.push(object);
                    }
                    Ok(Some(object)) => {
                        kept += u64::from(known.find(&listed(&object)).await?.is_some());
                    }
                    Ok(None) => break,
                    Err(fault) => return self.unreadable(fault),
                }
            }
            let is_last = batch.len() < ROWS_MAX;
            let checked = self.check(&mut known, &batch).await?;
            kept += checked.kept;
            if let Some(wrong) = checked.wrong {
                return Ok(Proof::Wrong(wrong));
            }
            let is_whole = checked.proven == batch.len();
            if is_whole && is_last {
                let (before, new) = (known.count().await?, self.counts.borrow().measures());
                self.changes.set(Some(Changes { before, kept, new }));
                return Ok(match (rows.tail(), self.stored.inventory) {
                    (Some(Tail::End(totals)), Some(said)) if *totals == said => Proof::Whole,
                    (_, _) => self.wrong("it lists another number than the manifest says"),
                });
            }
            if let Some(last) = checked.proven.checked_sub(1).and_then(|last| batch.get(last)) {
                through = Some(last.key.clone());
            }
            let for_s = ports.now().as_second().saturating_sub(begun.as_second());
            if !is_whole || for_s >= RECORD_S {
                self.record(recorded, through.clone()).await?;
                (recorded, begun) = (recorded + 1, ports.now());
            }
            // An artifact that was read when the time was over is read by the next run, which has more of it.
            if let Some(fault) = checked.fault
                && (ports.left_s() > END_S || through == began_after)
            {
                return Err(fault);
            }
            if !is_whole {
                let (name, up_to) = (&self.stored.key, through.unwrap_or_default());
                let left_s = ports.left_s();
                return Ok(Proof::Waiting(format!(
                    "what {name} lists is proven up to {up_to:?}, and the sweep goes on: {left_s} s are left"
                )));
            }
        }
    }

    /// How many records there are of what is proven, and how far it is. The first record is made at once, so
    /// that the sweep finds a verification that died.
    async fn progress(&self) -> Result<(usize, Option<String>), Fault> {
        let ports = self.of.ports;
        let proofs = vault::proofs(&self.of.system, self.of.slot, &self.stored.source);
        let keys = ports.list(&proofs).await?;
        let Some(last) = keys.last() else {
            self.record(0, None).await?;
            return Ok((1, None));
        };
        match documents::read_json::<ProvenThrough, P>(ports, last).await? {
            Seen::Here((proven, _)) => Ok((keys.len(), proven.through)),
            Seen::Absent => Ok((keys.len(), None)),
            Seen::Unknown(why) => Err(documents::unread(last, why)),
        }
    }

    async fn record(&self, n: usize, through: Option<String>) -> Result<(), Fault> {
        let (system, slot) = (self.of.system.clone(), self.of.slot);
        let source = self.stored.source.clone();
        let key = vault::proven_through(&system, slot, &source, n);
        let record = ProvenThrough { format: FORMAT, system, slot, source, through };
        // Another run that has written its own of this number has proven as much as it says.
        let _new_or_theirs = documents::create_json(self.of.ports, &key, &record).await?;
        Ok(())
    }

    /// The inventory of the newest other backup that is verified: what it lists was read back then.
    async fn proven_before(&self) -> Result<Vec<Vec<Part>>, Fault> {
        let (ports, system) = (self.of.ports, &self.of.system);
        let mut receipts = ports.list(&vault::receipts(system)).await?;
        while let Some(slot) = vault::newest_proven(&receipts) {
            let source = &self.stored.source;
            if let Some(part) = inventory::of_backup(ports, system, slot, source).await? {
                return Ok(vec![vec![part]]);
            }
            let verified = vault::verified(system, slot);
            receipts.retain(|receipt| *receipt != verified);
        }
        Ok(Vec::new())
    }

    async fn check(&self, known: &mut Known<'_, P>, batch: &[Object]) -> Result<Batch, Fault> {
        let folder = vault::artifacts(&self.of.system, &self.stored.source);
        let mut is_proven = vec![false; batch.len()];
        let mut kept = 0;
        for (object, is_proven) in batch.iter().zip(&mut is_proven) {
            if !object.vault_key.starts_with(&folder) {
                return Ok(Batch::wrong(object, vec![format!("it is not in {folder}")]));
            }
            let before = known.find(&listed(object)).await?;
            kept += u64::from(before.is_some());
            *is_proven = before.as_ref() == Some(object);
        }
        let mut queue = batch
            .iter()
            .enumerate()
            .filter(|(at, _)| is_proven.get(*at) == Some(&false))
            .collect::<Vec<_>>()
            .into_iter()
            .peekable();
        let mut reads = FuturesUnordered::new();
        // Long ones are read alone, as they were copied: side by side, none might be over in time.
        let mut reads_bytes = 0;
        let mut fault = None;
        loop {
            while fault.is_none()
                && self.of.ports.left_s() >= LEFT_S_MIN
                && let Some((at, object)) = queue
                    .next_if(|(_, next)| has_room(reads.len(), reads_bytes, next.sums.size_bytes))
            {
                reads_bytes += weight_bytes(object.sums.size_bytes);
                reads.push(Box::pin(async move { (at, object, self.look_at(object).await) }));
            }
            let Some((at, object, looked)) = reads.next().await else { break };
            reads_bytes -= weight_bytes(object.sums.size_bytes);
            match looked {
                Ok(findings) if findings.is_empty() => {
                    if let Some(place) = is_proven.get_mut(at) {
                        *place = true;
                    }
                }
                Ok(findings) => return Ok(Batch::wrong(object, findings)),
                Err(met) => {
                    fault.get_or_insert(met);
                }
            }
        }
        let proven = is_proven.iter().take_while(|is_proven| **is_proven).count();
        Ok(Batch { proven, kept, wrong: None, fault })
    }

    /// What is wrong with one artifact. It is not read back when what S3 says of it is enough.
    async fn look_at(&self, object: &Object) -> Result<Vec<String>, Fault> {
        let ports = self.of.ports;
        let read = Seen::Unknown("it was not read back yet".to_owned());
        let facts = ports.facts(&object.vault_key, None).await?;
        let mut seen = ObjectView { facts, read };
        let Some(asked) = self.manifest.asked() else {
            return Ok(vec!["its manifest does not say how it is encrypted".to_owned()]);
        };
        let (findings, _) = verify::artifact_findings(&asked, object, &seen);
        if !findings.is_empty() {
            return Ok(findings);
        }
        let body = ports.read_as_recovery(&object.vault_key, &object.version_id).await?;
        let mut counts = Counts::new();
        let counted = Counted { inner: body, counts: &mut counts };
        let read = drained(ports, counted, &object.vault_key).await?;
        self.counts.borrow_mut().merge(&counts);
        seen.read = Seen::Here(read);
        match verify::artifact_findings(&asked, object, &seen) {
            (findings, unknown) if unknown.is_empty() || !findings.is_empty() => Ok(findings),
            (_, unknown) => {
                let why = unknown.join("; ");
                Err(Fault::new(Hope::Retryable, "verifying", &object.vault_key, why))
            }
        }
    }

    /// What cannot be read as an inventory was stored so; a fault of reading it may pass.
    fn unreadable(&self, fault: Fault) -> Result<Proof, Fault> {
        if fault.hope != Hope::Permanent || fault.during != "reading the inventory" {
            return Err(fault);
        }
        Ok(self.wrong(&fault.why))
    }

    fn wrong(&self, why: &str) -> Proof {
        let findings = vec![why.to_owned()];
        Proof::Wrong(Checked::new(self.stored.key.clone(), findings))
    }
}

/// What came of some rows.
struct Batch {
    /// So many of them, from the first on, are proven.
    proven: usize,
    /// So many of them are what they were for an earlier backup.
    kept: u64,
    wrong: Option<Checked>,
    fault: Option<Fault>,
}

impl Batch {
    fn wrong(object: &Object, findings: Vec<String>) -> Self {
        let key = object.vault_key.clone();
        Self { proven: 0, kept: 0, wrong: Some(Checked::new(key, findings)), fault: None }
    }
}

fn listed(object: &Object) -> Listed {
    let (key, etag) = (object.key.clone(), object.etag.clone());
    Listed { key, etag, size_bytes: object.sums.size_bytes }
}
