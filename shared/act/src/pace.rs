//! What a backup reads passes no faster than its plan allows.
//!
//! It is the reading that is held back: what a site sends is what its line feels, and what is not read
//! waits there. How it goes on from here to S3 is within AWS.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use warmspare_decide::name::SourceName;
use warmspare_decide::pace::{Next, Pace};
use warmspare_decide::plan::Throttle;
use warmspare_decide::refusal::Refusal;

use crate::fault::Fault;
use crate::in_time::{END_S, InTime};
use crate::ports::Clock;
use crate::stream::Chunks;

/// The pace of one run, over all that it reads.
#[derive(Debug)]
pub(crate) struct Pacer<'p, P> {
    ports: &'p P,
    pace: RefCell<Pace>,
    opened: Cell<u32>,
    run_s: Cell<u64>,
}

impl<'p, P: Clock> Pacer<'p, P> {
    pub(crate) fn new(ports: &'p P, throttle: Option<&Throttle>) -> Self {
        let run_s = Cell::new(ports.left_s());
        Self { ports, pace: RefCell::new(Pace::new(throttle)), opened: Cell::new(0), run_s }
    }

    /// How long this run is for what it reads, in seconds: what was left of it when it opened the first stream.
    /// What was stored before is read back ahead of that, and by every run anew.
    pub(crate) fn run_s(&self) -> u64 {
        self.run_s.get()
    }

    /// A stream of a source, held back.
    pub(crate) fn paced<'a, C>(&'a self, inner: C, source: &'a SourceName) -> Paced<'a, 'p, C, P> {
        self.of(inner, source, true)
    }

    /// The same of one that crosses no line of the site: it is only held to the time of the run.
    pub(crate) fn unpaced<'a, C>(
        &'a self,
        inner: C,
        source: &'a SourceName,
    ) -> Paced<'a, 'p, C, P> {
        self.of(inner, source, false)
    }

    fn of<'a, C>(&'a self, inner: C, source: &'a SourceName, paced: bool) -> Paced<'a, 'p, C, P> {
        let left_s = self.ports.left_s();
        if self.opened.get() == 0 {
            self.run_s.set(left_s);
        }
        self.opened.set(self.opened.get().saturating_add(1));
        let inner = InTime::new(self.ports, inner, source.as_str());
        Paced { inner, rest: Bytes::new(), paced, pacer: self, source, passed_bytes: 0, left_s }
    }

    /// A source that was not the first of its run finds the others stored when the event is tried again, and
    /// has more time then: nothing is refused yet.
    fn hoped(&self, fault: Fault) -> Fault {
        if fault.refusal.is_none() || self.opened.get() == 1 { fault } else { fault.may_pass() }
    }
}

/// A stream of which no more passes in a second than is allowed.
#[derive(Debug)]
pub(crate) struct Paced<'a, 'p, C, P> {
    inner: InTime<'p, C, P>,
    /// Was read, and may not pass yet.
    rest: Bytes,
    paced: bool,
    pacer: &'a Pacer<'p, P>,
    source: &'a SourceName,
    passed_bytes: u64,
    /// What was left of the run when it was opened, in seconds.
    left_s: u64,
}

impl<C, P: Clock> Paced<'_, '_, C, P> {
    fn pass(&mut self, bytes_max: u64) -> Bytes {
        let length = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(self.rest.len());
        let piece = self.rest.split_to(length);
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        self.passed_bytes = self.passed_bytes.saturating_add(bytes);
        self.pacer.pace.borrow_mut().passed(bytes);
        piece
    }

    /// Ends the stream while the run can still say so.
    fn give_up(&self, bits_per_s: u64) -> Fault {
        let refusal = Refusal::ThrottleTooSlow {
            source_name: self.source.clone(),
            passed_bytes: self.passed_bytes,
            took_s: self.left_s.saturating_sub(self.pacer.ports.left_s()),
            bits_per_s,
        };
        self.pacer.hoped(Fault::refused("reading", self.source.as_str(), refusal))
    }
}

impl<C: Chunks, P: Clock> Chunks for Paced<'_, '_, C, P> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        while self.rest.is_empty() {
            match self.inner.next().await.map_err(|fault| self.pacer.hoped(fault))? {
                Some(piece) if !self.paced => return Ok(Some(piece)),
                Some(piece) => self.rest = piece,
                None => return Ok(None),
            }
        }
        loop {
            let now = self.pacer.ports.now();
            let next = self.pacer.pace.borrow_mut().next(now);
            match next {
                Next::Pass { bytes_max } => return Ok(Some(self.pass(bytes_max))),
                // Each turn takes time of the run, of which there is an end.
                Next::Wait { wait_s, bits_per_s } => {
                    if self.pacer.ports.left_s() <= END_S.saturating_add(wait_s) {
                        return Err(self.give_up(bits_per_s));
                    }
                    self.pacer.ports.pause(wait_s).await;
                }
            }
        }
    }

    fn length_bytes(&self) -> Option<u64> {
        self.inner.length_bytes()
    }
}
