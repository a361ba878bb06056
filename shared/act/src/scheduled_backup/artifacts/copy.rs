//! One piece of an inventory: what is listed next is held against what was copied before, and what is new
//! or has changed is copied, several at a time.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use warmspare_decide::fits::{STOP_LEFT_S, TooLong, left_to_the_next};
use warmspare_decide::inventory::{
    Listed, Object, Origin, Page, Row, cut, has_room, is_alone, judge_page, weight_bytes,
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
#[derive(Default)]
pub(super) struct Piece {
    /// A row each.
    pub(super) rows: Vec<u8>,
    /// The key up to which everything is copied.
    pub(super) through: Option<String>,
    /// Nothing comes after it.
    pub(super) is_last: bool,
    /// Why it goes no further.
    pub(super) fault: Option<Fault>,
    /// The first object that is left out of it, because it does not fit into one run.
    pub(super) left_out: Option<TooLong>,
    /// Why the object after it is left to the next run.
    pub(super) postponed: Option<String>,
}

/// What became of one object.
enum Fate {
    /// It is in the vault.
    Kept(Object),
    /// It was deleted since it was listed.
    Gone,
    /// It does not fit into one run.
    LeftOut(TooLong),
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
        let mut piece = Piece { through, ..Piece::default() };
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
            let is_whole = self.add(&mut piece, known, &page, begun).await?;
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

    /// Adds a page to a piece, up to the first object that is not copied, or to a long one after which the
    /// piece is due: a run that dies does not copy that again. Whether all of the page is in it.
    async fn add(
        &self,
        piece: &mut Piece,
        known: &mut Known<'_, P>,
        page: &Page,
        begun: Timestamp,
    ) -> Result<bool, Fault> {
        let mut rest = page.objects.as_slice();
        while !rest.is_empty() {
            let mut fates: Vec<Option<Fate>> = Vec::new();
            for listed in rest {
                let known = known.find(listed).await?;
                let known = known.filter(|object| !self.is_spoiled(&object.vault_key));
                let ends = known.is_none() && is_alone(listed.size_bytes);
                fates.push(known.map(Fate::Kept));
                if ends {
                    break;
                }
            }
            let (few, others) = rest.split_at(fates.len());
            self.copy_all(few, &mut fates).await;
            for (listed, fate) in few.iter().zip(fates) {
                match fate {
                    Some(Fate::Kept(object)) => piece.rows.extend(written(&Row::Object(object))?),
                    Some(Fate::Gone) => {}
                    Some(Fate::LeftOut(long)) => drop(piece.left_out.get_or_insert(long)),
                    Some(Fate::Failed(fault)) => {
                        piece.fault = Some(fault);
                        return Ok(false);
                    }
                    None => {
                        piece.postponed = self.postponed(listed);
                        return Ok(false);
                    }
                }
                piece.through = Some(listed.key.clone());
            }
            rest = others;
            if !rest.is_empty() && self.is_due(begun) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Why an object is left to the next run, if it is.
    fn postponed(&self, listed: &Listed) -> Option<String> {
        if !is_alone(listed.size_bytes) {
            return None;
        }
        let why = left_to_the_next(listed.size_bytes, self.speed.get(), self.ports.left_s())?;
        Some(format!("{:?} is begun by the next run: {why}", listed.key))
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
                if self.ports.left_s() < LEFT_S_MIN || self.postponed(next).is_some() {
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
                Ok(fate) => fate,
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

    /// Copies one object as it is now.
    async fn copy_one(&self, listed: &Listed) -> Result<Fate, Fault> {
        let mut free: Option<(Listed, u32)> = None;
        for _turn in 0..TURNS_MAX {
            let (found, stream) = match self.ports.open_artifact(self.store, &listed.key).await? {
                Seen::Here(opened) => opened,
                Seen::Absent => return Ok(Fate::Gone),
                Seen::Unknown(why) => return Err(documents::unread(&listed.key, why)),
            };
            if let Some(why) = cut(listed, &found) {
                return Err(Fault::new(Hope::Retryable, "reading", &listed.key, why));
            }
            let n = free.take().filter(|(of, _)| *of == found).map_or(1, |(_, n)| n);
            let vault_key = self.vault_key(&found, n);
            let stream = Held::of_length(stream, &found.key, found.size_bytes);
            let stream = self.pacer.paced(stream, self.source());
            let stream = InTime { inner: stream, ports: self.ports, key: &listed.key };
            let mut stream = Measured::new(stream);
            let begun = self.ports.now();
            let sent = self.send(&vault_key, &found, &mut stream).await;
            let sums = stream.sums();
            match sent {
                Err(fault) => return self.too_long(&found, sums.size_bytes, begun).ok_or(fault),
                Ok(Uploaded::New { version_id, sums }) => {
                    self.measured(&sums, begun);
                    return Ok(Fate::Kept(object(found, vault_key, version_id, sums)));
                }
                Ok(Uploaded::Exists) => {
                    self.measured(&sums, begun);
                    match self.look_for(&found, sums).await? {
                        Ok(object) => return Ok(Fate::Kept(object)),
                        Err(n) => free = Some((found, n)),
                    }
                }
            }
        }
        let why =
            format!("the names of what was read of it were taken {TURNS_MAX} times meanwhile");
        Err(Fault::new(Hope::Retryable, "copying", &listed.key, why))
    }

    /// Long objects are copied alone, so what they took is their own.
    fn measured(&self, sums: &Sums, begun: Timestamp) {
        if is_alone(sums.size_bytes) {
            let mut speed = self.speed.get();
            speed.add(sums.size_bytes, self.took_s(begun));
            self.speed.set(speed);
        }
    }

    fn took_s(&self, begun: Timestamp) -> u64 {
        let took_s = self.ports.now().as_second().saturating_sub(begun.as_second());
        u64::try_from(took_s).unwrap_or_default()
    }

    /// Whether what was stopped for want of time does not fit into one run.
    fn too_long(&self, found: &Listed, passed_bytes: u64, begun: Timestamp) -> Option<Fate> {
        if !is_alone(found.size_bytes) || self.ports.left_s() >= STOP_LEFT_S {
            return None;
        }
        let (key, size_bytes) = (found.key.clone(), found.size_bytes);
        let (took_s, run_s) = (self.took_s(begun), self.pacer.run_s());
        TooLong { key, size_bytes, passed_bytes, took_s, run_s }.judge().map(Fate::LeftOut)
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
        if self.is_spoiled(vault_key) {
            return Ok(Place::Closed);
        }
        match super::super::look(self.ports, vault_key, None).await {
            Ok(Some(facts)) => Ok(Place::Taken(Box::new(facts))),
            Ok(None) => Ok(Place::Free),
            Err(fault) if fault.hope == Hope::Permanent => Ok(Place::Closed),
            Err(fault) => Err(fault),
        }
    }

    /// Whether a backup was rejected for this copy.
    fn is_spoiled(&self, vault_key: &str) -> bool {
        self.spoiled.borrow().contains(vault_key)
    }

    fn vault_key(&self, found: &Listed, n: u32) -> String {
        let name = name(&self.head.origin, found);
        vault::artifact(self.system(), self.source(), &name, n)
    }
}

/// A stream that ends in a fault while there is time to write down what was copied before it.
struct InTime<'a, C, P> {
    inner: C,
    ports: &'a P,
    key: &'a str,
}

impl<C: Chunks, P: Clock> Chunks for InTime<'_, C, P> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let left_s = self.ports.left_s();
        if left_s < STOP_LEFT_S {
            let why = format!("it is not over, and {left_s} s are left of this run");
            return Err(Fault::new(Hope::Retryable, "copying", self.key, why));
        }
        self.inner.next().await
    }

    fn length_bytes(&self) -> Option<u64> {
        self.inner.length_bytes()
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
