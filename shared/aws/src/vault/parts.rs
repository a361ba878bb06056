//! A stream cut into parts, of which one is held here at a time.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, Digest};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::stream::{Chunks, Measured, crc64nvme_text};
use warmspare_decide::parts::{Cut, TooLong};

/// One part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// From 1 on.
    pub(super) number: u32,
    /// As long as [`Cut`] says, unless it is the last.
    pub(super) bytes: Bytes,
    /// Its own checksum, as S3 writes it.
    pub(super) crc64nvme: String,
    /// Nothing comes after it. The last part of an empty stream is empty.
    pub(super) is_last: bool,
    /// How many parts, this one included, may be sent at a time while the next is read.
    pub(super) concurrency: u64,
}

/// Memory of parts that were sent, for those that come: fresh memory has to be zeroed by the kernel,
/// page by page, which costs more than the copy into it.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Rc<RefCell<Vec<BytesMut>>>);

impl Buffers {
    /// Takes back what nobody reads any more; what somebody does is left to them.
    pub(super) fn give_back(&self, sent: Bytes) {
        if let Ok(mut buffer) = sent.try_into_mut() {
            buffer.clear();
            self.0.borrow_mut().push(buffer);
        }
    }

    fn take(&self, length: usize) -> BytesMut {
        let mut kept = self.0.borrow_mut();
        // Parts have grown: what is too small for them would lie here unused until the end.
        kept.retain(|buffer| buffer.capacity() >= length);
        let kept = kept.pop();
        // Untouched pages of a large buffer cost nothing.
        kept.unwrap_or_else(|| BytesMut::with_capacity(length))
    }
}

/// Cuts a stream into parts.
#[derive(Debug)]
pub(super) struct Parts<'a, C> {
    stream: &'a mut Measured<C>,
    key: &'a str,
    cut: Cut,
    buffers: Buffers,
    given: u32,
    rest: Bytes,
    over: bool,
}

impl<'a, C: Chunks> Parts<'a, C> {
    pub(super) fn new(stream: &'a mut Measured<C>, key: &'a str, cut: Cut) -> Self {
        let buffers = Buffers::default();
        Self { stream, key, cut, buffers, given: 0, rest: Bytes::new(), over: false }
    }

    /// The stream, whose sums are those of the whole once the last part was given.
    pub(super) fn stream(&self) -> &Measured<C> {
        self.stream
    }

    /// Where the parts have their memory from.
    pub(super) fn buffers(&self) -> Buffers {
        self.buffers.clone()
    }

    /// The next part. It looks one piece further than it gives, so that the last part is known to
    /// be the last.
    ///
    /// # Errors
    /// The stream's own fault; or it is longer than can be sent.
    pub(super) async fn next(&mut self) -> Result<Part, Fault> {
        let number = self.given.saturating_add(1);
        let portion = self.cut.part(number).map_err(|why| too_long(self.key, why))?;
        let length = usize::try_from(portion.part_bytes).unwrap_or(usize::MAX);
        let mut buffer = self.buffers.take(length);
        let mut crc = Digest::new(CrcAlgorithm::Crc64Nvme);
        loop {
            if self.rest.is_empty() && !self.over {
                match self.stream.next().await? {
                    Some(piece) => self.rest = piece,
                    None => self.over = true,
                }
                continue;
            }
            let is_last = self.over && self.rest.is_empty();
            if is_last || buffer.len() == length {
                self.given = number;
                let bytes = buffer.freeze();
                let crc64nvme = crc64nvme_text(crc.finalize());
                let concurrency = portion.concurrency;
                return Ok(Part { number, bytes, crc64nvme, is_last, concurrency });
            }
            let free = length.saturating_sub(buffer.len());
            let taken = self.rest.split_to(free.min(self.rest.len()));
            // Of a piece that was just read, which is still near the processor.
            crc.update(&taken);
            buffer.extend_from_slice(&taken);
        }
    }
}

/// The fault of a stream that is longer than can be sent.
pub(super) fn too_long(key: &str, why: TooLong) -> Fault {
    Fault::new(Hope::Permanent, "uploading", key, why.to_string())
}

#[cfg(test)]
mod tests;
