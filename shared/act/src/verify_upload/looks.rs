//! The looks that a verdict needs. A look that failed is an answer of its own; the first fault is
//! kept, so that it can be told when nothing certain was found.

use std::collections::BTreeMap;

use warmspare_decide::manifest::{Manifest, Stored, Sums};
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::seen::Seen;
use warmspare_decide::tripwire::Measures;
use warmspare_decide::vault;
use warmspare_decide::verify::{ObjectView, Verdict, View};

use crate::documents;
use crate::entropy::{Counted, Counts};
use crate::fault::Fault;
use crate::ports::{Clock, Document, Keys, Vault};
use crate::stream::{Measured, sums_of};

/// An object is not read back with less time left, in seconds.
const LEFT_S_MIN: u64 = 10;

/// The looks of one verification.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) first_fault: Option<Fault>,
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
            listed,
            objects,
        }
    }

    /// Reads one record back as the role that will restore.
    pub(super) async fn read_back<P: Clock + Vault>(
        &mut self,
        ports: &P,
        stored: &Stored,
    ) -> Seen<Sums> {
        let left_s = ports.left_s();
        if left_s < LEFT_S_MIN {
            return Seen::Unknown(format!("{left_s} s are left, and {LEFT_S_MIN} s are the least"));
        }
        let mut counts = Counts::new();
        let read = async {
            let inner = ports.read_as_recovery(&stored.key, &stored.version_id).await?;
            Measured::new(Counted { inner, counts: &mut counts }).drain().await
        };
        let read = read.await;
        self.measures.insert(stored.key.clone(), counts.measures());
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
