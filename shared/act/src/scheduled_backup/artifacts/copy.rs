//! One piece of an inventory: what is listed next is held against what was copied before, and what is new
//! or has changed is copied, several at a time.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use warmspare_decide::inventory::{
    Listed, Object, Origin, Page, Row, has_room, judge_page, weight_bytes,
};
use warmspare_decide::manifest::Sums;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;
use warmspare_decide::verify::storage_findings;

use super::{LEFT_S_MIN, Task, gone};
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::inventory::{Known, written};
use crate::ports::{Artifacts, Clock, Uploaded, Vault};
use crate::stream::{Held, Measured, sums_of};

/// A piece is written once it has so many objects: some megabytes.
const OBJECTS_MAX: usize = 10_000;

/// Or after so many seconds: what a run that dies has not written down is looked at again.
const PIECE_S: i64 = 120;

/// An object that is longer is looked for in the vault before it is read: a run that died may have copied
/// it, and not written it down.
const LOOK_FIRST_BYTES: u64 = 8 << 20;

/// Some objects that follow one another, all of them copied.
pub(super) struct Piece {
    /// A row each.
    pub(super) rows: Vec<u8>,
    /// The key up to which everything is copied.
    pub(super) through: Option<String>,
    /// Nothing comes after it.
    pub(super) is_last: bool,
    /// Why it goes no further.
    pub(super) fault: Option<Fault>,
}

/// What became of one object.
enum Fate {
    /// It is in the vault.
    Kept(Object),
    /// It was deleted since it was listed.
    Gone,
    Failed(Fault),
}

impl<P: Clock + Vault + Artifacts> Task<'_, P> {
    /// The next piece after a key. A fault ends it, and loses nothing that was copied before.
    pub(super) async fn piece(
        &self,
        known: &mut Known<'_, P>,
        after: Option<&str>,
    ) -> Result<Piece, Fault> {
        let begun = self.ports.now();
        let through = after.map(str::to_owned);
        let mut piece = Piece { rows: Vec::new(), through, is_last: false, fault: None };
        let mut objects = 0;
        loop {
            let page = match self.page(piece.through.as_deref()).await {
                Ok(page) => page,
                Err(fault) => {
                    piece.fault = Some(fault);
                    return Ok(piece);
                }
            };
            objects += page.objects.len();
            let is_whole = self.add(&mut piece, known, &page).await?;
            if !is_whole {
                return Ok(piece);
            }
            piece.is_last = page.is_last;
            if page.is_last || objects >= OBJECTS_MAX || self.is_due(begun) {
                return Ok(piece);
            }
        }
    }

    async fn page(&self, after: Option<&str>) -> Result<Page, Fault> {
        let page = self.ports.page(self.store, after).await?;
        judge_page(&self.head.origin, after, &page)
            .map_err(|why| Fault::new(Hope::Permanent, "listing", &self.store.bucket, why))?;
        Ok(page)
    }

    fn is_due(&self, begun: Timestamp) -> bool {
        let for_s = self.ports.now().as_second().saturating_sub(begun.as_second());
        for_s >= PIECE_S || self.ports.left_s() < LEFT_S_MIN
    }

    /// Adds a page to a piece, up to the first object that is not copied; whether all of them are.
    async fn add(
        &self,
        piece: &mut Piece,
        known: &mut Known<'_, P>,
        page: &Page,
    ) -> Result<bool, Fault> {
        let mut fates: Vec<Option<Fate>> = Vec::with_capacity(page.objects.len());
        for listed in &page.objects {
            fates.push(known.find(listed).await?.map(Fate::Kept));
        }
        self.copy_all(&page.objects, &mut fates).await;
        for (listed, fate) in page.objects.iter().zip(fates) {
            match fate {
                Some(Fate::Kept(object)) => piece.rows.extend(written(&Row::Object(object))?),
                Some(Fate::Gone) => {}
                Some(Fate::Failed(fault)) => {
                    piece.fault = Some(fault);
                    return Ok(false);
                }
                None => return Ok(false),
            }
            piece.through = Some(listed.key.clone());
        }
        Ok(true)
    }

    /// Copies what has no fate yet. After a fault, or when the time is over, nothing more is begun, and
    /// what is under way comes to its end.
    async fn copy_all(&self, listed: &[Listed], fates: &mut [Option<Fate>]) {
        let mut queue = listed
            .iter()
            .enumerate()
            .filter(|(at, _)| fates.get(*at).is_some_and(Option::is_none))
            .collect::<Vec<_>>()
            .into_iter()
            .peekable();
        let mut copies = FuturesUnordered::new();
        let mut copies_bytes = 0;
        let mut is_ending = false;
        loop {
            while !is_ending && let Some((_, next)) = queue.peek() {
                if self.ports.left_s() < LEFT_S_MIN {
                    is_ending = true;
                } else if !has_room(copies.len(), copies_bytes, next.size_bytes) {
                    break;
                } else if let Some((at, listed)) = queue.next() {
                    copies_bytes += weight_bytes(listed.size_bytes);
                    copies.push(Box::pin(async move { (at, listed, self.copy_one(listed).await) }));
                }
            }
            let Some((at, listed, copied)) = copies.next().await else { return };
            copies_bytes -= weight_bytes(listed.size_bytes);
            let fate = match copied {
                Ok(Some(object)) => Fate::Kept(object),
                Ok(None) => Fate::Gone,
                Err(fault) => {
                    is_ending = true;
                    Fate::Failed(fault)
                }
            };
            if let Some(place) = fates.get_mut(at) {
                *place = Some(fate);
            }
        }
    }

    /// Copies one object as it is now; `None` when it is gone.
    async fn copy_one(&self, listed: &Listed) -> Result<Option<Object>, Fault> {
        if listed.size_bytes > LOOK_FIRST_BYTES
            && let Some(object) = self.adopt(listed).await?
        {
            return Ok(Some(object));
        }
        let (found, stream) = match self.ports.open_artifact(self.store, &listed.key).await? {
            Seen::Here(opened) => opened,
            Seen::Absent => return Ok(None),
            Seen::Unknown(why) => return Err(documents::unread(&listed.key, why)),
        };
        let vault_key = self.vault_key(&found);
        let stream = Held::of_length(stream, &found.key, found.size_bytes);
        let mut stream = Measured::new(self.pacer.paced(stream, self.source()));
        match self.ports.upload(&vault_key, &self.asked(), &mut stream, None).await? {
            Uploaded::New { version_id, sums } => {
                Ok(Some(object(found, vault_key, version_id, sums)))
            }
            // It was copied before, by a run that did not come to write it down, or by one beside this.
            Uploaded::Exists => self.adopt(&found).await?.ok_or_else(|| gone(&vault_key)).map(Some),
        }
    }

    /// What is in the vault under the name of this content, by reading it back.
    async fn adopt(&self, found: &Listed) -> Result<Option<Object>, Fault> {
        let vault_key = self.vault_key(found);
        let Some(facts) = super::super::look(self.ports, &vault_key, None).await? else {
            return Ok(None);
        };
        let (facts, sums) = super::super::adopt(self.ports, &vault_key, facts).await?;
        let mut findings = storage_findings(&self.asked(), &sums, &facts);
        if sums.size_bytes != found.size_bytes {
            let (is, was) = (sums.size_bytes, found.size_bytes);
            findings.push(format!("it has {is} bytes, and what it is named after has {was}"));
        }
        if !findings.is_empty() {
            return Err(Fault::new(Hope::Permanent, "checking", vault_key, findings.join(" and ")));
        }
        Ok(Some(object(found.clone(), vault_key, facts.version_id, sums)))
    }

    fn vault_key(&self, found: &Listed) -> String {
        let name = name(&self.head.origin, found);
        vault::artifact(self.system(), self.source(), &name)
    }
}

fn object(found: Listed, vault_key: String, version_id: String, sums: Sums) -> Object {
    let Listed { key, etag, size_bytes: _ } = found;
    Object { key, etag, vault_key, version_id, sums }
}

/// The name of a content: nothing else that a bucket ever gives has the same. A digest, because a key of
/// a bucket may be as long as one of the vault. An object that was written over has another ETag.
fn name(origin: &Origin, found: &Listed) -> String {
    let endpoint = origin.endpoint.as_deref().unwrap_or_default();
    let size = found.size_bytes.to_string();
    let parts = [endpoint, &origin.bucket, origin.key_arn.as_str(), &found.key, &found.etag, &size];
    let named: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    sums_of(named.as_bytes()).sha256
}
