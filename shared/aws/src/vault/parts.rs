//! A stream cut into parts of one size, without holding more than one of them.

use bytes::{Buf, Bytes, BytesMut};
use warmspare_act::fault::Fault;
use warmspare_act::stream::{Chunks, Measured};

/// One part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// All parts but the last are equally long.
    pub(super) bytes: Bytes,
    /// Nothing comes after it. The last part of an empty stream is empty.
    pub(super) is_last: bool,
}

/// Cuts a stream into parts.
#[derive(Debug)]
pub(super) struct Parts<'a, C> {
    stream: &'a mut Measured<C>,
    part_bytes: usize,
    rest: Bytes,
    over: bool,
}

impl<'a, C: Chunks> Parts<'a, C> {
    pub(super) fn new(stream: &'a mut Measured<C>, part_bytes: usize) -> Self {
        Self { stream, part_bytes, rest: Bytes::new(), over: false }
    }

    /// The stream, whose sums are those of the whole once the last part was given.
    pub(super) fn stream(&self) -> &Measured<C> {
        self.stream
    }

    /// The next part. It looks one piece further than it gives, so that the last part is known to
    /// be the last.
    ///
    /// # Errors
    /// The stream's own fault.
    pub(super) async fn next(&mut self) -> Result<Part, Fault> {
        // Untouched pages of a large buffer cost nothing.
        let mut buffer = BytesMut::with_capacity(self.part_bytes);
        loop {
            if self.rest.is_empty() && !self.over {
                match self.stream.next().await? {
                    Some(piece) => self.rest = piece,
                    None => self.over = true,
                }
                continue;
            }
            let is_last = self.over && self.rest.is_empty();
            if is_last || buffer.len() == self.part_bytes {
                return Ok(Part { bytes: buffer.freeze(), is_last });
            }
            let free = self.part_bytes.saturating_sub(buffer.len());
            let taken = self.rest.copy_to_bytes(free.min(self.rest.len()));
            buffer.extend_from_slice(&taken);
        }
    }
}

#[cfg(test)]
mod tests;
