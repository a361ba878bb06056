//! One piece of an inventory: what is listed next is held against what was copied before, and what is new
//! or has changed is copied, several at a time.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use warmspare_decide::inventory::{
    Listed, Object, Origin, Page, Row, cut, has_room, judge_page, weight_bytes,
};
use warmspare_decide::manifest::Sums;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;
use warmspare_decide::verify::{ObjectFacts, storage_findings};

use super::{LEFT_S_MIN, Task};
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::inventory::{Known, written};
use crate::ports::{Artifacts, Clock, Uploaded, Vault};
use crate::stream::{Chunks, Held, Measured, sums_of};

/// A piece is written once it has so many objects: some megabytes.
const OBJECTS_MAX: usize = 10_000;

/// Or after so many seconds: what a run that dies has not written down is looked at again.
const PIECE_S: i64 = 120;

/// An object that is longer is looked for in the vault before it is sent: a run that died may have copied
/// it, and not written it down. Then it is only read.
const LOOK_FIRST_BYTES: u64 = 8 << 20;

/// A content has so many names at most: one more is taken when what lies under the others is not it.
const NAMES_MAX: u32 = 100;

/// So often an object is read until there is a copy of it.
const TURNS_MAX: u32 = 3;

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
        let mut free: Option<(Listed, u32)> = None;
        for _turn in 0..TURNS_MAX {
            let (found, stream) = match self.ports.open_artifact(self.store, &listed.key).await? {
                Seen::Here(opened) => opened,
                Seen::Absent => return Ok(None),
                Seen::Unknown(why) => return Err(documents::unread(&listed.key, why)),
            };
            if let Some(why) = cut(listed, &found) {
                return Err(Fault::new(Hope::Retryable, "reading", &listed.key, why));
            }
            let n = free.take().filter(|(of, _)| *of == found).map_or(1, |(_, n)| n);
            let vault_key = self.vault_key(&found, n);
            let stream = Held::of_length(stream, &found.key, found.size_bytes);
            let mut stream = Measured::new(self.pacer.paced(stream, self.source()));
            match self.send(&vault_key, &found, &mut stream).await? {
                Uploaded::New { version_id, sums } => {
                    return Ok(Some(object(found, vault_key, version_id, sums)));
                }
                Uploaded::Exists => match self.look_for(&found, stream.sums()).await? {
                    Ok(object) => return Ok(Some(object)),
                    Err(n) => free = Some((found, n)),
                },
            }
        }
        let why =
            format!("the names of what was read of it were taken {TURNS_MAX} times meanwhile");
        Err(Fault::new(Hope::Retryable, "copying", &listed.key, why))
    }

    /// Sends what is read to a name, if it is free; what is long is only read where it is not.
    async fn send<C: Chunks>(
        &self,
        vault_key: &str,
        found: &Listed,
        stream: &mut Measured<C>,
    ) -> Result<Uploaded, Fault> {
        if found.size_bytes > LOOK_FIRST_BYTES
            && !matches!(self.place(vault_key).await?, Place::Free)
        {
            while stream.next().await?.is_some() {}
            return Ok(Uploaded::Exists);
        }
        self.ports.upload(vault_key, &self.asked(), stream, None).await
    }

    /// The copy of what the bucket gave just now, by its sums, or the first number that is free for one:
    /// it was copied before, by a run that did not come to write it down, or by one beside this. What
    /// lies there and is something else was put there by somebody, so it is left as it is, and is no
    /// copy of anything (P1).
    async fn look_for(&self, found: &Listed, sums: Sums) -> Result<Result<Object, u32>, Fault> {
        for n in 1..=NAMES_MAX {
            let vault_key = self.vault_key(found, n);
            match self.place(&vault_key).await? {
                Place::Free => return Ok(Err(n)),
                Place::Taken(facts)
                    if storage_findings(&self.asked(), &sums, &facts).is_empty() =>
                {
                    return Ok(Ok(object(found.clone(), vault_key, facts.version_id, sums)));
                }
                Place::Taken(_) | Place::Closed => {}
            }
        }
        let why = format!(
            "what lies under its {NAMES_MAX} names in the vault, from {} on, is not what the bucket gives",
            self.vault_key(found, 1)
        );
        Err(Fault::new(Hope::Permanent, "copying", &found.key, why))
    }

    async fn place(&self, vault_key: &str) -> Result<Place, Fault> {
        if self.spoiled.borrow().contains(vault_key) {
            return Ok(Place::Closed);
        }
        match super::super::look(self.ports, vault_key, None).await {
            Ok(Some(facts)) => Ok(Place::Taken(Box::new(facts))),
            Ok(None) => Ok(Place::Free),
            Err(fault) if fault.hope == Hope::Permanent => Ok(Place::Closed),
            Err(fault) => Err(fault),
        }
    }

    fn vault_key(&self, found: &Listed, n: u32) -> String {
        let name = name(&self.head.origin, found);
        vault::artifact(self.system(), self.source(), &name, n)
    }
}

/// What is in the place of a copy.
enum Place {
    /// Nothing.
    Free,
    /// Something, of which S3 says this.
    Taken(Box<ObjectFacts>),
    /// Something for which a backup was rejected, or that this function may not even look at.
    Closed,
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
