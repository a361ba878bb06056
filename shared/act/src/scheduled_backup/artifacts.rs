//! A bucket as a source: what is new in it is copied into the vault, object by object, and the backup's
//! object is the inventory of all.
//!
//! The inventory is written in pieces, each create-only, so that a run whose time is over, or that dies,
//! costs what it had not written down, and the next one goes on after the last piece. What was copied
//! lies under a name that only this content can have, so a run that wakes up late overwrites nothing.

mod before;
mod copy;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use warmspare_decide::encryption::Encryption;
use warmspare_decide::fits::{Speed, TooLong};
use warmspare_decide::inventory::{FORMAT, Head, Origin, Row, Through, Totals};
use warmspare_decide::lock::Protection;
use warmspare_decide::manifest::{Stored, Sums};
use warmspare_decide::name::{Slot, SourceName, SystemName};
use warmspare_decide::plan::{Plan, Store};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::vault;
use warmspare_decide::verify::{ObjectFacts, storage_findings};

use crate::documents;
use crate::fault::{Fault, Hope};
use crate::inventory::{self, Known, Part, Rows, Tail, written};
use crate::pace::Pacer;
use crate::ports::{Artifacts, Clock, Uploaded, Vault};
use crate::stream::{Chunks, Measured, Whole};

/// Nothing is begun with less time left, in seconds: what is under way has to come to its end.
pub(super) const LEFT_S_MIN: u64 = 60;

/// Rows are handed on in chunks of about so many bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// How it ended with a bucket for now.
pub(super) enum Ended {
    /// Its inventory is stored.
    Stored(Stored),
    /// The time is over; a later run goes on.
    Waiting(String),
    /// Everything else is copied, and the backup is not whole.
    Refused(Refusal),
}

/// Stores one bucket, or goes on with it.
///
/// # Errors
/// Of the store, or of the vault; what was copied before is written down.
pub(super) async fn store<P>(
    ports: &P,
    plan: &Plan,
    slot: Slot,
    source: &SourceName,
    store: &Store,
    pacer: &Pacer<'_, P>,
) -> Result<Ended, Fault>
where
    P: Clock + Vault + Artifacts,
{
    // A plan with a bucket and without a key is not a right one: see `read`.
    let Some(key_arn) = plan.backup.encryption.key_arn() else {
        let why = "a bucket is copied under a kms_key, and the plan has none";
        return Err(Fault::new(Hope::Permanent, "storing", source.as_str(), why));
    };
    let origin = Origin {
        endpoint: store.endpoint.clone(),
        bucket: store.bucket.clone(),
        prefix: store.prefix.clone(),
        key_arn: key_arn.clone(),
    };
    let system = plan.system.clone();
    let head = Head { format: FORMAT, system, slot, source: source.clone(), origin };
    Task { ports, store, head, pacer, spoiled: RefCell::default(), speed: Cell::default() }
        .run()
        .await
}

/// How far the pieces of an inventory go.
struct Progress {
    pieces: usize,
    through: Option<String>,
    is_last: bool,
    left_out: Option<TooLong>,
}

impl Progress {
    /// How it ended, where nothing is left to copy.
    fn copied(self) -> Copied {
        self.left_out.map_or(Copied::All(self.pieces), Copied::AllBut)
    }
}

/// How it ended with the copying for now.
enum Copied {
    /// Everything is copied, and listed in so many pieces.
    All(usize),
    /// All but this, and what else does not fit into one run.
    AllBut(TooLong),
    /// Another run has written the piece that this one was about to write.
    Met,
    /// The time is over.
    Waiting(String),
}

/// The backup of one bucket.
struct Task<'a, P> {
    ports: &'a P,
    store: &'a Store,
    head: Head,
    pacer: &'a Pacer<'a, P>,
    /// Copies for which earlier backups were rejected.
    spoiled: RefCell<BTreeSet<String>>,
    /// Of the long objects that this run has copied.
    speed: Cell<Speed>,
}

impl<P: Clock + Vault + Artifacts> Task<'_, P> {
    fn system(&self) -> &SystemName {
        &self.head.system
    }

    fn source(&self) -> &SourceName {
        &self.head.source
    }

    fn asked(&self) -> Protection {
        Encryption::Key(self.head.origin.key_arn.clone()).into()
    }

    async fn run(&self) -> Result<Ended, Fault> {
        let key = vault::object(self.system(), self.head.slot, self.source());
        if let Some(facts) = super::look(self.ports, &key, None).await? {
            return self.recorded(&key, facts).await.map(Ended::Stored);
        }
        let pieces = loop {
            match self.copy().await? {
                Copied::All(pieces) => break pieces,
                Copied::AllBut(long) => {
                    return Ok(Ended::Refused(Refusal::ArtifactTooLong(long)));
                }
                // It is read, and gone on with. Each meeting is a piece more, so there is an end.
                Copied::Met => {}
                Copied::Waiting(why) => return Ok(Ended::Waiting(why)),
            }
        };
        if let Some(why) = self.is_over() {
            return Ok(Ended::Waiting(format!("everything of {} is copied: {why}", self.name())));
        }
        self.join(&key, pieces).await.map(Ended::Stored)
    }

    /// Why nothing more is begun, if nothing is.
    fn is_over(&self) -> Option<String> {
        let left_s = self.ports.left_s();
        (left_s < LEFT_S_MIN)
            .then(|| format!("{left_s} s are left, and {LEFT_S_MIN} s are the least to go on with"))
    }

    async fn copy(&self) -> Result<Copied, Fault> {
        let mut progress = self.progress().await?;
        if progress.is_last {
            return Ok(progress.copied());
        }
        let lists = self.lists().await?;
        let mut known = Known::new(self.ports, &self.head.origin, lists);
        loop {
            if let Some(why) = self.is_over() {
                let so_far = progress.through.as_deref().unwrap_or_default();
                let name = self.name();
                return Ok(Copied::Waiting(format!("{name} is copied up to {so_far:?}: {why}")));
            }
            let piece = self.piece(&mut known, progress.through.as_deref()).await?;
            if piece.is_last || piece.through > progress.through {
                let left_out = progress.left_out.or(piece.left_out.clone());
                if !self.write(progress.pieces, &piece, left_out.clone()).await? {
                    return Ok(Copied::Met);
                }
                let pieces = progress.pieces + 1;
                let (through, is_last) = (piece.through, piece.is_last);
                progress = Progress { pieces, through, is_last, left_out };
            }
            if let Some(why) = piece.postponed {
                return Ok(Copied::Waiting(format!("of {}, {why}", self.name())));
            }
            match piece.fault {
                // What was given up because the time is over, the next run goes on with.
                Some(fault) if fault.hope != Hope::Permanent && self.is_over().is_some() => {}
                Some(fault) => return Err(fault),
                None if progress.is_last => return Ok(progress.copied()),
                None => {}
            }
        }
    }

    async fn progress(&self) -> Result<Progress, Fault> {
        let keys = self.ports.list(&self.pieces()).await?;
        let Some(last) = keys.last() else {
            return Ok(Progress { pieces: 0, through: None, is_last: false, left_out: None });
        };
        let part = Part::current(last);
        let (head, rows) = inventory::open(self.ports, &part).await?.ok_or_else(|| gone(last))?;
        if head != self.head {
            let why = "it is of another bucket, or under another key: the plan was changed since \
                       this backup was begun, and the next one is made by it";
            return Err(Fault::new(Hope::Permanent, "going on after", last, why));
        }
        match rows.drain().await? {
            (Tail::Through(Through { key: through, is_last, left_out }), _) => {
                Ok(Progress { pieces: keys.len(), through, is_last, left_out })
            }
            (Tail::End(_), _) => {
                let why = "it is a whole inventory, where a piece of one should be";
                Err(Fault::new(Hope::Permanent, "going on after", last, why))
            }
        }
    }

    /// Writes a piece; `false` when another run has written it.
    async fn write(
        &self,
        n: usize,
        piece: &copy::Piece,
        left_out: Option<TooLong>,
    ) -> Result<bool, Fault> {
        let key = vault::piece(self.system(), self.head.slot, self.source(), n);
        let (key_through, is_last) = (piece.through.clone(), piece.is_last);
        let mut rows = written(&Row::Inventory(self.head.clone()))?;
        rows.extend_from_slice(&piece.rows);
        rows.extend(written(&Row::Through(Through { key: key_through, is_last, left_out }))?);
        let mut stream = Measured::new(Whole::of(rows));
        let uploaded = self.ports.upload(&key, &self.asked(), &mut stream, None).await?;
        Ok(matches!(uploaded, Uploaded::New { .. }))
    }

    /// Makes one inventory of its pieces.
    async fn join(&self, key: &str, pieces: usize) -> Result<Stored, Fault> {
        let totals = Cell::new(Totals::default());
        let keys = (0..pieces)
            .map(|n| vault::piece(self.system(), self.head.slot, self.source(), n))
            .collect();
        let mut stream = Measured::new(Joined {
            ports: self.ports,
            head: Some(&self.head),
            pieces: keys,
            open: None,
            totals: &totals,
            is_over: false,
        });
        match self.ports.upload(key, &self.asked(), &mut stream, None).await? {
            Uploaded::New { version_id, sums } => {
                let facts = super::look(self.ports, key, Some(&version_id)).await?;
                let facts = facts.ok_or_else(|| gone(key))?;
                self.checked(key, facts, sums, totals.get())
            }
            Uploaded::Exists => {
                let facts = super::look(self.ports, key, None).await?.ok_or_else(|| gone(key))?;
                self.recorded(key, facts).await
            }
        }
    }

    /// The inventory that a run of before, or beside this one, has stored whole.
    async fn recorded(&self, key: &str, facts: ObjectFacts) -> Result<Stored, Fault> {
        let body = self.ports.read_back(key, &facts.version_id).await?;
        let (head, rows) = Rows::open(Measured::new(body), key).await?;
        let (tail, measured) = rows.drain().await?;
        match tail {
            Tail::End(totals) if head == self.head => {
                self.checked(key, facts, measured.sums(), totals)
            }
            Tail::End(_) | Tail::Through(_) => {
                let why = "it is not the inventory of this backup, or the plan was changed since it \
                           was begun";
                Err(Fault::new(Hope::Permanent, "adopting", key, why))
            }
        }
    }

    fn checked(
        &self,
        key: &str,
        facts: ObjectFacts,
        sums: Sums,
        totals: Totals,
    ) -> Result<Stored, Fault> {
        let findings = storage_findings(&self.asked(), &sums, &facts);
        if !findings.is_empty() {
            return Err(Fault::new(Hope::Permanent, "checking", key, findings.join(" and ")));
        }
        Ok(Stored {
            source: self.source().clone(),
            key: key.to_owned(),
            version_id: facts.version_id,
            sums,
            upload: None,
            inventory: Some(totals),
        })
    }

    fn pieces(&self) -> String {
        vault::pieces(self.system(), self.head.slot, self.source())
    }

    fn name(&self) -> String {
        format!("{} of backup {} of {}", self.source(), self.head.slot, self.system())
    }
}

fn gone(key: &str) -> Fault {
    documents::unread(key, "it was there a moment ago and is not there now".to_owned())
}

/// The pieces of an inventory as one, piece by piece as they are stored.
struct Joined<'a, P: Vault> {
    ports: &'a P,
    head: Option<&'a Head>,
    pieces: VecDeque<String>,
    open: Option<Rows<P::Body>>,
    totals: &'a Cell<Totals>,
    is_over: bool,
}

impl<P: Vault> Chunks for Joined<'_, P> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.is_over {
            return Ok(None);
        }
        let mut chunk = match self.head.take() {
            Some(head) => written(&Row::Inventory(head.clone()))?,
            None => Vec::new(),
        };
        while chunk.len() < CHUNK_BYTES {
            if let Some(rows) = &mut self.open {
                if let Some(object) = rows.next().await? {
                    let mut totals = self.totals.get();
                    totals.add(&object);
                    self.totals.set(totals);
                    chunk.extend(written(&Row::Object(object))?);
                    continue;
                }
                self.open = None;
            }
            let Some(key) = self.pieces.pop_front() else {
                chunk.extend(written(&Row::End(self.totals.get()))?);
                self.is_over = true;
                break;
            };
            let opened = inventory::open(self.ports, &Part::current(&key)).await?;
            let (_, rows) = opened.ok_or_else(|| gone(&key))?;
            self.open = Some(rows);
        }
        Ok(Some(Bytes::from(chunk)))
    }
}
