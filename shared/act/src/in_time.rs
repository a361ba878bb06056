//! A stream that is read no longer than its run can still say how that ended.
//!
//! A source that drips, or a line that is slower than it was, would otherwise be read until Lambda ends the
//! process: nobody would abort what was begun, and nobody would be told.

use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use warmspare_decide::manifest::Sums;
use warmspare_decide::refusal::Refusal;

use crate::fault::{Fault, Hope};
use crate::ports::Clock;
use crate::stream::{Chunks, Measured};

/// Nothing is read with less time left, in seconds: what is on its way is sent and completed, or aborted,
/// and the end is told.
pub(crate) const END_S: u64 = 20;

/// What had less time than this may do better in another run: it was begun late.
const REFUSED_S_MIN: u64 = 30;

/// A stream that ends in a refusal when the time of its run is over.
#[derive(Debug)]
pub(crate) struct InTime<'p, C, P> {
    inner: C,
    ports: &'p P,
    what: String,
    passed_bytes: u64,
    /// What was left of the run when it was opened, in seconds.
    left_s: u64,
}

impl<'p, C, P: Clock> InTime<'p, C, P> {
    /// Of what is named so.
    pub(crate) fn new(ports: &'p P, inner: C, what: &str) -> Self {
        let left_s = ports.left_s();
        Self { inner, ports, what: what.to_owned(), passed_bytes: 0, left_s }
    }

    fn over(&self) -> Fault {
        let took_s = self.left_s.saturating_sub(self.ports.left_s());
        let (what, passed_bytes) = (self.what.clone(), self.passed_bytes);
        if took_s < REFUSED_S_MIN {
            let why =
                format!("the time of the run is over: {passed_bytes} bytes came in {took_s} s");
            return Fault::new(Hope::Retryable, "reading", what, why);
        }
        Fault::refused("reading", &self.what, Refusal::DoesNotFit { what, passed_bytes, took_s })
    }
}

/// Reads what the vault holds to its end. What was stored in time can be read in time, by another run that
/// has more of it: nothing is refused.
///
/// # Errors
/// The stream's own fault, or a retryable one when the time is over.
pub(crate) async fn drained<C: Chunks, P: Clock>(
    ports: &P,
    inner: C,
    key: &str,
) -> Result<Sums, Fault> {
    let read = Measured::new(InTime::new(ports, inner, key)).drain().await;
    read.map_err(|fault| if fault.refusal.is_some() { fault.may_pass() } else { fault })
}

impl<C: Chunks, P: Clock> Chunks for InTime<'_, C, P> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let may_take_s = self.ports.left_s().saturating_sub(END_S);
        if may_take_s == 0 {
            return Err(self.over());
        }
        let read = {
            let piece = pin!(self.inner.next());
            match select(piece, pin!(self.ports.pause(may_take_s))).await {
                Either::Left((piece, _)) => Some(piece?),
                Either::Right(((), _)) => None,
            }
        };
        let Some(piece) = read else { return Err(self.over()) };
        let length = piece.as_ref().map_or(0, Bytes::len);
        self.passed_bytes += u64::try_from(length).unwrap_or(u64::MAX);
        Ok(piece)
    }

    fn length_bytes(&self) -> Option<u64> {
        self.inner.length_bytes()
    }
}
