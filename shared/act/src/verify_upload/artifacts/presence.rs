//! Whether what an inventory lists is still there, by a listing of the vault's versions, a thousand in each
//! request; and a day's share of it read again. Nothing of it is written down: a run that dies costs itself.

use std::cell::Cell;

use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};
use warmspare_decide::inventory::{COPIES_MAX, Object};
use warmspare_decide::manifest::{Checked, Manifest, Stored};
use warmspare_decide::presence::{
    Expected, Marker, SHARE_BYTES, SHARE_OBJECTS, Versions, days, has_time, is_due,
};
use warmspare_decide::vault;

use super::{LEFT_S_MIN, Proof, Proving};
use crate::fault::{Fault, Hope};
use crate::inventory::Rows;
use crate::ports::{Bus, Clock, Keys, Vault};
use crate::verify_upload::Verification;

/// So many that are not listed are looked at, for one of which it can be said what became of it.
const LOOKS_MAX: usize = 100;
/// What names of artifacts begin with: digests.
const DIGITS: &str = "0123456789abcdef";
const DAY_S: i64 = 86_400;

impl<P: Clock + Vault + Keys + Bus> Verification<'_, P> {
    /// Holds what every inventory of a proven backup lists against what is there; and reads this day's
    /// share of it again, if `is_read`.
    pub(in crate::verify_upload) async fn look_for_artifacts(
        &self,
        manifest: &Manifest,
        is_read: bool,
    ) -> Result<Proof, Fault> {
        for stored in manifest.objects.iter().filter(|stored| stored.inventory.is_some()) {
            let proving = Proving::of(self, manifest, stored);
            match proving.look_for_all(is_read).await? {
                Proof::Whole => {}
                other @ (Proof::Wrong(_) | Proof::Waiting(_)) => return Ok(other),
            }
        }
        Ok(Proof::Whole)
    }
}

impl<P: Clock + Vault + Keys + Bus> Proving<'_, P> {
    /// Holds every row against the listing, so many at a time as there is memory for.
    pub(super) async fn look_for_all(&self, is_read: bool) -> Result<Proof, Fault> {
        let mut share = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut expected = Expected::default();
            let mut last = None;
            let mut rows = self.rows().await?;
            while !expected.is_full()
                && let Some(object) = rows.next().await?
            {
                if after.as_ref().is_some_and(|after| object.key <= *after) {
                    continue;
                }
                expected.add(&object);
                last = Some(object.key.clone());
                if is_read && self.is_of_today(&object, share.len()) {
                    share.push(object);
                }
            }
            // No connection is held open while something else is asked.
            drop(rows);
            if expected.is_empty() {
                return self.read_again(share).await;
            }
            expected.close();
            if let Some(why) = self.list(&mut expected).await? {
                return Ok(Proof::Waiting(why));
            }
            if expected.missing() > 0 {
                return self.wrong_one(&expected).await.map(Proof::Wrong);
            }
            after = last;
        }
    }

    async fn rows(&self) -> Result<Rows<P::Body>, Fault> {
        let Stored { key, version_id, .. } = self.stored;
        let body = self.of.ports.read_as_recovery(key, version_id).await?;
        Rows::open(body, key).await.map(|(_, rows)| rows)
    }

    /// Lists everything that is there. A few artifacts take one request; of many, those whose names begin
    /// with each digit are listed side by side. Why it goes no further, if the time is over.
    async fn list(&self, expected: &mut Expected) -> Result<Option<String>, Fault> {
        let ports = self.of.ports;
        let folder = vault::artifacts(&self.of.system, &self.stored.source);
        let page = ports.versions(&folder, None).await?;
        page.versions.iter().for_each(|version| expected.see(version));
        if page.next.is_none() {
            return Ok(None);
        }
        let mut pages: FuturesUnordered<_> = DIGITS
            .chars()
            .map(|digit| Box::pin(self.page(format!("{folder}{digit}"), None)))
            .collect();
        while let Some(answer) = pages.next().await {
            let (prefix, page) = answer?;
            page.versions.iter().for_each(|version| expected.see(version));
            if page.next.is_some() {
                let left_s = ports.left_s();
                if left_s < LEFT_S_MIN {
                    let why = format!("{folder} is not listed to its end: {left_s} s are left");
                    return Ok(Some(why));
                }
                pages.push(Box::pin(self.page(prefix, page.next)));
            }
        }
        Ok(None)
    }

    async fn page(
        &self,
        prefix: String,
        after: Option<Marker>,
    ) -> Result<(String, Versions), Fault> {
        let page = self.of.ports.versions(&prefix, after.as_ref()).await?;
        Ok((prefix, page))
    }

    /// What became of the first one that is not listed as it should be. What S3 says of it by itself is the
    /// finding, and not that a listing is silent.
    async fn wrong_one(&self, expected: &Expected) -> Result<Checked, Fault> {
        let (count, mut looks, mut rows) = (expected.missing(), 0, self.rows().await?);
        while looks < LOOKS_MAX
            && let Some(object) = rows.next().await?
        {
            if !expected.is_missing(&object) {
                continue;
            }
            looks += 1;
            let mut findings = self.look_at(&object).await?;
            if !findings.is_empty() {
                findings.push(format!(
                    "it is the first of {count} artifact(s) that are not listed as they should be"
                ));
                return Ok(Checked::new(object.vault_key, findings));
            }
        }
        let why = format!(
            "{count} artifact(s) that it lists are not in S3's own listing, and are there when asked for"
        );
        Err(Fault::new(Hope::Retryable, "looking for what is in", &self.stored.key, why))
    }

    fn is_of_today(&self, object: &Object, so_far: usize) -> bool {
        let (day, totals) = (self.of.ports.now().as_second() / DAY_S, self.stored.inventory);
        let (Ok(day), Some(totals), Ok(so_far)) =
            (u64::try_from(day), totals, u64::try_from(so_far))
        else {
            return false;
        };
        so_far < 2 * SHARE_OBJECTS && is_due(&object.vault_key, day, days(totals))
    }

    /// Reads a day's share again. What there is no time for today comes again, like everything.
    async fn read_again(&self, share: Vec<Object>) -> Result<Proof, Fault> {
        let read_bytes = Cell::new(0_u64);
        let is_begun = |object: &Object| {
            let size_bytes = object.sums.size_bytes;
            let is_begun =
                read_bytes.get() < 2 * SHARE_BYTES && has_time(size_bytes, self.of.ports.left_s());
            read_bytes.set(read_bytes.get().saturating_add(if is_begun { size_bytes } else { 0 }));
            std::future::ready(is_begun)
        };
        let mut reads = stream::iter(share)
            .filter(is_begun)
            .map(|object| Box::pin(async move { (self.look_at(&object).await, object.vault_key) }))
            .buffer_unordered(COPIES_MAX);
        while let Some((findings, vault_key)) = reads.next().await {
            let findings = findings?;
            if !findings.is_empty() {
                return Ok(Proof::Wrong(Checked::new(vault_key, findings)));
            }
        }
        Ok(Proof::Whole)
    }
}
