//! Bodies of objects, as they are read.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

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
    /// It is counted while it is read.
    pub(crate) reading: Option<Reading>,
}

/// How many bytes are read at once, at most and now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings(Rc<Cell<(usize, usize)>>);

/// One body that is read.
#[derive(Debug)]
pub(crate) struct Reading(Readings, usize);

impl Readings {
    pub(crate) fn most_bytes(&self) -> usize {
        self.0.get().0
    }

    pub(crate) fn begin(&self, bytes: usize) -> Reading {
        let (most, now) = self.0.get();
        self.0.set((most.max(now + bytes), now + bytes));
        Reading(self.clone(), bytes)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let (most, now) = self.0.0.get();
        self.0.0.set((most, now - self.1));
    }
}

impl Pieces {
    pub(crate) fn of(body: &Bytes) -> Self {
        // A long one comes in fifty pieces: each of them is a call.
        let rest = body.chunks(PIECE_BYTES.max(body.len() / 50));
        let rest = rest.map(Bytes::copy_from_slice).collect();
        Self { rest, breaks: None, falls_silent: false, reading: None }
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
