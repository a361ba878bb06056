//! The looks that a verdict needs. A look that failed is an answer of its own; the first fault is
//! kept, so that it can be told when nothing certain was found.

use std::collections::BTreeMap;

use jiff::civil::Date;
use warmspare_decide::manifest::{Checked, Manifest, Receipt, Stored, Sums};
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::Measures;
use warmspare_decide::vault;
use warmspare_decide::verify::{ObjectView, Verdict, View};

use super::Verification;
use crate::documents;
use crate::entropy::{Counted, Counts};
use crate::fault::{Fault, Hope};
use crate::in_time::{END_S, InTime};
use crate::ports::{Bus, Clock, Document, Keys, Vault};
use crate::stream::{Measured, sums_of};

/// An object is not read back with less time left, in seconds.
const LEFT_S_MIN: u64 = 30;
/// What took so many seconds to be read back is written down, so that another run need not read it again.
/// Of smaller ones a run reads all that a plan may have.
const RECORD_S: u64 = 30;

/// The looks of one verification.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) first_fault: Option<Fault>,
    /// The time was over before everything was read back.
    pub(super) is_over: bool,
    /// So many objects were read back by this run and written down.
    pub(super) recorded: usize,
    /// What was measured of each object that was read back, by its key.
    measures: BTreeMap<String, Measures>,
}

impl Looks {
    /// Everything but the reading back.
    pub(super) async fn view<P: Vault + Keys>(
        &mut self,
        ports: &P,
        system: &SystemName,
        slot: Slot,
        manifest: &Manifest,
    ) -> View {
        let key = match &manifest.key_arn {
            Some(key_arn) => Some(self.seen(ports.key(key_arn).await)),
            None => None,
        };
        let commit = match &manifest.lock {
            Some(_) => {
                let key = vault::manifest(system, slot);
                Some(self.seen(ports.facts(&key, None).await))
            }
            None => None,
        };
        let listed = self.seen(ports.list(&vault::backup(system, slot)).await.map(Seen::Here));
        let mut objects = Vec::new();
        for stored in &manifest.objects {
            let facts = self.seen(ports.facts(&stored.key, None).await);
            let read = Seen::Unknown("it was not read back yet".to_owned());
            objects.push(ObjectView { facts, read });
        }
        View {
            system: system.clone(),
            slot,
            region: ports.region(),
            manifest: manifest.clone(),
            key,
            commit,
            listed,
            objects,
        }
    }

    /// Reads one record back as the role that will restore, unless an earlier run of the same verification
    /// has; `again_on` is the day of a verification that is made again.
    pub(super) async fn read_back<P: Clock + Vault + Keys + Bus>(
        &mut self,
        of: &Verification<'_, P>,
        stored: &Stored,
        again_on: Option<Date>,
    ) -> Seen<Sums> {
        let ports = of.ports;
        let place = vault::read_back(&of.system, of.slot, &stored.source, again_on);
        let receipt = match of.receipt(&place).await {
            Ok(receipt) => receipt,
            // It is only the reading again that it would spare.
            Err(fault) if fault.hope == Hope::Permanent => None,
            Err(fault) => return self.seen(Err(fault)),
        };
        if let Some(found) = receipt.as_ref().and_then(|receipt| proof_of(receipt, stored)) {
            self.measures.extend(found.measures.map(|found| (stored.key.clone(), found)));
            return Seen::Here(stored.sums.clone());
        }
        let left_s = ports.left_s();
        if left_s < LEFT_S_MIN {
            self.is_over = true;
            return Seen::Unknown(format!("{left_s} s are left, and {LEFT_S_MIN} s are the least"));
        }
        let mut counts = Counts::new();
        let read = async {
            let inner = ports.read_as_recovery(&stored.key, &stored.version_id).await?;
            let inner = InTime::new(ports, inner, &stored.key);
            Measured::new(Counted { inner, counts: &mut counts }).drain().await
        };
        let read = read.await;
        self.is_over |= read.is_err() && ports.left_s() <= END_S;
        let measures = counts.measures();
        self.measures.insert(stored.key.clone(), measures);
        let took_s = left_s.saturating_sub(ports.left_s());
        if took_s >= RECORD_S && read.as_ref().is_ok_and(|sums| *sums == stored.sums) {
            let proof =
                Checked { measures: Some(measures), ..Checked::new(exactly(stored), Vec::new()) };
            let receipt = of.receipt_of(true, vec![proof], Vec::new());
            match documents::create_json(ports, &place, &receipt).await {
                Ok(_new_or_there) => self.recorded += 1,
                Err(fault) => drop(self.first_fault.get_or_insert(fault)),
            }
        }
        self.seen(read.map(Seen::Here))
    }

    /// The verdict, with what was measured where it is a proof.
    pub(super) fn measured(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Proven(mut objects) => {
                for checked in &mut objects {
                    checked.measures = self.measures.get(&checked.key).copied();
                }
                Verdict::Proven(objects)
            }
            other @ (Verdict::Rejected(_) | Verdict::Unreadable(_) | Verdict::NotKnown(_)) => other,
        }
    }

    fn seen<T>(&mut self, look: Result<Seen<T>, Fault>) -> Seen<T> {
        look.unwrap_or_else(|fault| {
            let why = fault.to_string();
            self.first_fault.get_or_insert(fault);
            Seen::Unknown(why)
        })
    }
}

/// What was read, to the version and the digest: no other bytes are proven by it.
fn exactly(stored: &Stored) -> String {
    format!("{}?versionId={}#{}", stored.key, stored.version_id, stored.sums.sha256)
}

fn proof_of<'r>(receipt: &'r Receipt, stored: &Stored) -> Option<&'r Checked> {
    let is_its = |checked: &&Checked| checked.key == exactly(stored) && checked.findings.is_empty();
    receipt.objects.iter().find(is_its).filter(|_| receipt.verified)
}

/// Why a document is not what S3 has stored, if it is not. Nobody keeps sums of a manifest but S3.
pub(super) async fn changed<P: Vault>(
    ports: &P,
    key: &str,
    document: &Document,
) -> Result<Option<String>, Fault> {
    let facts = match ports.facts(key, Some(&document.version_id)).await? {
        Seen::Here(facts) => facts,
        Seen::Absent => return Ok(Some("its version went away while it was read".to_owned())),
        Seen::Unknown(why) => return Err(documents::unread(key, why)),
    };
    let sums = sums_of(&document.body);
    Ok(match facts.crc64nvme {
        Some(wanted) if wanted != sums.crc64nvme => Some(format!(
            "its CRC-64/NVME when read is {}, and at S3 it is {wanted}",
            sums.crc64nvme
        )),
        Some(_) | None => None,
    })
}
