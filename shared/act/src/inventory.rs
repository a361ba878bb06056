//! Inventories of buckets as they are stored: read row by row, whatever their length.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use warmspare_decide::inventory::{
    FORMAT, Head, Listed, Object, Origin, Row, Through, Totals, is_unchanged,
};
use warmspare_decide::manifest::{Manifest, Stored};
use warmspare_decide::name::{Slot, SourceName, SystemName};
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents;
use crate::fault::{Fault, Hope};
use crate::ports::Vault;
use crate::stream::Chunks;

/// The longest row, in bytes: a key has 1,024 at most, and each may be escaped into six.
const ROW_BYTES_MAX: usize = 16 << 10;

/// A row as it is stored.
///
/// # Errors
/// None is known: a permanent fault that says what the encoder said.
pub fn written(row: &Row) -> Result<Vec<u8>, Fault> {
    let mut line = serde_json::to_vec(row).map_err(|cause| {
        let why = cause.to_string();
        Fault::new(Hope::Permanent, "writing", "a row of an inventory", why).because(cause)
    })?;
    line.push(b'\n');
    Ok(line)
}

/// How an inventory, or a piece of one, ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// A piece.
    Through(Through),
    /// A whole one.
    End(Totals),
}

/// An inventory, or a piece of one, that is read. What has no head, is out of order or has no end, or
/// more than one, is a permanent fault, as is one whose end does not say what was read.
#[derive(Debug)]
pub struct Rows<C> {
    inner: C,
    name: String,
    buffer: BytesMut,
    before: Option<String>,
    totals: Totals,
    tail: Option<Tail>,
}

impl<C: Chunks> Rows<C> {
    /// Reads the head.
    ///
    /// # Errors
    /// The stream's own fault, or a permanent one that names the object.
    pub async fn open(inner: C, name: &str) -> Result<(Head, Self), Fault> {
        let mut rows = Self {
            inner,
            name: name.to_owned(),
            buffer: BytesMut::new(),
            before: None,
            totals: Totals::default(),
            tail: None,
        };
        match rows.row().await? {
            Some(Row::Inventory(head)) if head.format == FORMAT => Ok((head, rows)),
            Some(Row::Inventory(head)) => {
                let found = head.format;
                let why = format!("it is of format {found}, and this code reads format {FORMAT}");
                Err(rows.wrong(why))
            }
            Some(Row::Object(_) | Row::Through(_) | Row::End(_)) | None => {
                Err(rows.wrong("it does not begin as an inventory"))
            }
        }
    }

    /// The next object; `None` once the end was read, and nothing follows it.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub async fn next(&mut self) -> Result<Option<Object>, Fault> {
        if self.tail.is_some() {
            return Ok(None);
        }
        let tail = match self.row().await? {
            Some(Row::Object(object)) => return self.in_order(object).map(Some),
            Some(Row::Through(through)) => Tail::Through(through),
            Some(Row::End(totals)) if totals == self.totals => Tail::End(totals),
            Some(Row::End(_)) => return Err(self.wrong("it lists another number than it says")),
            Some(Row::Inventory(_)) => return Err(self.wrong("it begins twice")),
            None => return Err(self.wrong("it has no end")),
        };
        if self.row().await?.is_some() {
            return Err(self.wrong("it goes on after its end"));
        }
        self.tail = Some(tail);
        Ok(None)
    }

    /// How it ends, once everything was read.
    pub fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// Reads what is left, and gives the end and the stream.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub async fn drain(mut self) -> Result<(Tail, C), Fault> {
        while self.next().await?.is_some() {}
        match self.tail.take() {
            Some(tail) => Ok((tail, self.inner)),
            None => Err(self.wrong("it has no end")),
        }
    }

    fn in_order(&mut self, object: Object) -> Result<Object, Fault> {
        if self.before.as_ref().is_some_and(|before| *before >= object.key) {
            return Err(self.wrong(format!("{:?} is not where it belongs", object.key)));
        }
        self.before = Some(object.key.clone());
        self.totals.add(&object);
        Ok(object)
    }

    async fn row(&mut self) -> Result<Option<Row>, Fault> {
        let Some(line) = self.line().await? else { return Ok(None) };
        // The parser's own words come with the place in the line, and never with a secret: there is none.
        let row = serde_json::from_slice(&line);
        row.map(Some).map_err(|cause| self.wrong(format!("a row is none: {cause}")).because(cause))
    }

    async fn line(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut looked = 0;
        loop {
            let end = self.buffer.iter().skip(looked).position(|byte| *byte == b'\n');
            let end = end.map(|end| looked + end);
            looked = self.buffer.len();
            if end.unwrap_or(looked) > ROW_BYTES_MAX {
                return Err(self.wrong(format!("a row is longer than {ROW_BYTES_MAX} bytes")));
            }
            if let Some(end) = end {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(1);
                return Ok(Some(line));
            }
            match self.inner.next().await? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(self.wrong("its last row is cut off")),
            }
        }
    }

    fn wrong(&self, why: impl Into<String>) -> Fault {
        Fault::new(Hope::Permanent, "reading the inventory", &self.name, why.into())
    }
}

/// An object of the vault that holds an inventory, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    key: String,
    /// The version that is meant, if one is.
    version_id: Option<String>,
}

impl Part {
    /// Whatever is there now.
    pub fn current(key: &str) -> Self {
        Self { key: key.to_owned(), version_id: None }
    }

    /// One version of it.
    pub fn version(key: &str, version_id: &str) -> Self {
        Self { key: key.to_owned(), version_id: Some(version_id.to_owned()) }
    }
}

/// Opens a stored inventory, or a piece of one; `None` when it is not there.
///
/// # Errors
/// The vault's fault, or that of what is not an inventory.
pub async fn open<P: Vault>(
    ports: &P,
    part: &Part,
) -> Result<Option<(Head, Rows<P::Body>)>, Fault> {
    let key = part.key.as_str();
    let facts = match ports.facts(key, part.version_id.as_deref()).await? {
        Seen::Here(facts) => facts,
        Seen::Absent => return Ok(None),
        Seen::Unknown(why) => return Err(documents::unread(key, why)),
    };
    let body = ports.read_back(key, &facts.version_id).await?;
    Rows::open(body, key).await.map(Some)
}

/// The inventory of a source that a backup holds, if there is one that can be read.
///
/// # Errors
/// The vault's fault, or a retryable one when it could not say whether the manifest is there.
pub async fn of_backup<P: Vault>(
    ports: &P,
    system: &SystemName,
    slot: Slot,
    source: &SourceName,
) -> Result<Option<Part>, Fault> {
    let key = vault::manifest(system, slot);
    let manifest = match documents::read_json::<Manifest, P>(ports, &key).await {
        Ok(Seen::Here((manifest, _))) => manifest,
        Ok(Seen::Absent) => return Ok(None),
        Ok(Seen::Unknown(why)) => return Err(documents::unread(&key, why)),
        // It may be of a later format, and right: nothing is taken over from it.
        Err(fault) if fault.hope == Hope::Permanent => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let is_its = |stored: &&Stored| &stored.source == source && stored.inventory.is_some();
    let stored = manifest.objects.iter().find(is_its);
    Ok(stored.map(|stored| Part::version(&stored.key, &stored.version_id)))
}

/// What earlier backups have copied: inventories, and pieces of those that were never finished. Asked in
/// the order of the keys, it reads each of them once.
pub struct Known<'a, P: Vault> {
    ports: &'a P,
    origin: &'a Origin,
    lists: Vec<List<P::Body>>,
    rows: u64,
}

/// One inventory, in as many objects as it has.
struct List<C> {
    parts: VecDeque<Part>,
    open: Option<Rows<C>>,
    object: Option<Object>,
}

impl<'a, P: Vault> Known<'a, P> {
    /// Of these lists, each in its objects in order; nothing is opened yet.
    pub fn new(ports: &'a P, origin: &'a Origin, lists: Vec<Vec<Part>>) -> Self {
        let list = |parts: Vec<Part>| List { parts: parts.into(), open: None, object: None };
        Self { ports, origin, lists: lists.into_iter().map(list).collect(), rows: 0 }
    }

    /// The object as it was copied before, if it was. Keys are asked for in order.
    ///
    /// # Errors
    /// The vault's retryable fault. What cannot be read for good is passed over: it costs a copy.
    pub async fn find(&mut self, listed: &Listed) -> Result<Option<Object>, Fault> {
        let mut found = None;
        for list in &mut self.lists {
            while list.object.as_ref().is_none_or(|object| object.key < listed.key) {
                list.object = match advance(self.ports, self.origin, list).await {
                    Ok(object) => object,
                    Err(fault) if fault.hope == Hope::Permanent => {
                        (list.parts, list.open) = (VecDeque::new(), None);
                        None
                    }
                    Err(fault) => return Err(fault),
                };
                if list.object.is_none() {
                    break;
                }
                self.rows += 1;
            }
            if found.is_none() {
                found = list.object.clone().filter(|object| is_unchanged(listed, object));
            }
        }
        Ok(found)
    }
}

impl<P: Vault> Known<'_, P> {
    /// Reads what is left, and gives how many objects the lists have, as far as they can be read.
    ///
    /// # Errors
    /// As [`Known::find`].
    pub async fn count(&mut self) -> Result<u64, Fault> {
        for list in &mut self.lists {
            loop {
                match advance(self.ports, self.origin, list).await {
                    Ok(Some(_)) => self.rows += 1,
                    Ok(None) => break,
                    Err(fault) if fault.hope == Hope::Permanent => break,
                    Err(fault) => return Err(fault),
                }
            }
        }
        Ok(self.rows)
    }
}

async fn advance<P: Vault>(
    ports: &P,
    origin: &Origin,
    list: &mut List<P::Body>,
) -> Result<Option<Object>, Fault> {
    loop {
        if let Some(rows) = &mut list.open {
            if let Some(object) = rows.next().await? {
                return Ok(Some(object));
            }
            list.open = None;
        }
        let Some(part) = list.parts.front().cloned() else { return Ok(None) };
        match open(ports, &part).await? {
            // Another origin's objects are others, and under another key they would depend on that.
            Some((head, _)) if head.origin != *origin => list.parts.clear(),
            Some((_, rows)) => list.open = Some(rows),
            // Pruned, or expired, between the two looks.
            None => {}
        }
        list.parts.pop_front();
    }
}
