//! Buckets of other stores in the simulated world.

use std::collections::BTreeMap;

use bytes::Bytes;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Artifacts;
use warmspare_decide::inventory::{Listed, Page};
use warmspare_decide::plan::Store;
use warmspare_decide::seen::Seen;

use super::Run;
use super::vault::Pieces;

/// What lies in a bucket, and how its store behaves.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) objects: BTreeMap<String, Bytes>,
    /// So many objects are on a page.
    pub(crate) page: usize,
    /// How long a page takes, in seconds.
    pub(crate) page_s: u64,
    /// Happens once, right after the next page was listed.
    pub(crate) meanwhile: Option<fn(&mut BTreeMap<String, Bytes>)>,
    /// This object may not be read.
    pub(crate) denied: Option<String>,
    /// This object breaks off, though the store says how long it is.
    pub(crate) broken: Option<String>,
    /// Of this object a part is answered, as if it were all.
    pub(crate) cut: Option<String>,
    /// How often any object was opened, and a page listed.
    pub(crate) opened: usize,
    pub(crate) listed: usize,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            page: 3,
            page_s: 0,
            meanwhile: None,
            denied: None,
            broken: None,
            cut: None,
            opened: 0,
            listed: 0,
        }
    }
}

impl Bucket {
    /// With these objects, in pages of three.
    pub(crate) fn of(objects: &[(&str, &str)]) -> Self {
        let objects = objects
            .iter()
            .map(|(key, body)| ((*key).to_owned(), Bytes::copy_from_slice(body.as_bytes())));
        Self { objects: objects.collect(), ..Self::default() }
    }
}

fn listed(key: &str, body: &Bytes) -> Listed {
    let etag = warmspare_act::stream::crc64nvme_of(body);
    Listed { key: key.to_owned(), etag, size_bytes: u64::try_from(body.len()).unwrap() }
}

impl Artifacts for Run<'_> {
    type Artifact = Pieces;

    async fn page(&self, store: &Store, after: Option<&str>) -> Result<Page, Fault> {
        let page = self
            .look(|state| {
                let bucket = &state.buckets;
                let all = bucket.objects.iter().filter(|(key, _)| {
                    key.starts_with(&store.prefix) && after.is_none_or(|after| key.as_str() > after)
                });
                let mut objects: Vec<Listed> =
                    all.map(|(key, body)| listed(key, body)).take(bucket.page + 1).collect();
                let is_last = objects.len() <= bucket.page;
                objects.truncate(bucket.page);
                Ok(Page { objects, is_last })
            })
            .await?;
        let page_s = {
            let mut state = self.world.set();
            state.buckets.listed += 1;
            if let Some(meanwhile) = state.buckets.meanwhile.take() {
                meanwhile(&mut state.buckets.objects);
            }
            state.buckets.page_s
        };
        if page_s > 0 {
            self.world.pass(page_s);
        }
        Ok(page)
    }

    async fn open_artifact(
        &self,
        _store: &Store,
        key: &str,
    ) -> Result<Seen<(Listed, Pieces)>, Fault> {
        let opened = self
            .look(|state| {
                let bucket = &state.buckets;
                if bucket.denied.as_deref() == Some(key) {
                    return Err(Fault::new(
                        Hope::Permanent,
                        "reading",
                        key,
                        "it answered AccessDenied",
                    ));
                }
                let Some(body) = bucket.objects.get(key) else { return Ok(Seen::Absent) };
                let mut pieces = Pieces::of(body);
                if bucket.broken.as_deref() == Some(key) {
                    pieces.rest.pop_back();
                }
                let mut found = listed(key, body);
                if bucket.cut.as_deref() == Some(key) {
                    let part = body.slice(..body.len() / 2);
                    found.size_bytes = u64::try_from(part.len()).unwrap();
                    pieces = Pieces::of(&part);
                }
                Ok(Seen::Here((found, pieces)))
            })
            .await?;
        self.world.set().buckets.opened += 1;
        Ok(opened)
    }
}
