//! Bodies of objects, as they are read.

use std::collections::VecDeque;

use bytes::Bytes;
use warmspare_act::fault::Fault;
use warmspare_act::stream::Chunks;

/// Reads come in pieces of so many bytes.
const PIECE_BYTES: usize = 7;

/// A body that is read piece by piece.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) rest: VecDeque<Bytes>,
    /// What the stream ends in when it is not whole.
    pub(crate) breaks: Option<Fault>,
    /// Whether nothing ever comes after the last piece, not even its end.
    pub(crate) falls_silent: bool,
}

impl Pieces {
    pub(crate) fn of(body: &Bytes) -> Self {
        // A long one comes in fifty pieces: each of them is a call.
        let rest = body.chunks(PIECE_BYTES.max(body.len() / 50));
        let rest = rest.map(Bytes::copy_from_slice).collect();
        Self { rest, breaks: None, falls_silent: false }
    }
}

impl Chunks for Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match (self.rest.pop_front(), self.breaks.take()) {
            (Some(piece), breaks) => {
                self.breaks = breaks;
                Ok(Some(piece))
            }
            (None, None) if self.falls_silent => std::future::pending().await,
            (None, Some(fault)) => Err(fault),
            (None, None) => Ok(None),
        }
    }
}
