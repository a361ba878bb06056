//! The world and the runs that act in it.
//!
//! A [`World`] holds the state of everything; a [`Run`] is one invocation of a function: it implements
//! every port, counts its calls and its changes, and meets the [`Trouble`] that a test has set for it.

mod alarms;
mod appliances;
mod databases;
pub(crate) mod keys;
pub(crate) mod promises;
mod records;
pub(crate) mod sites;
pub(crate) mod snapshots;
pub(crate) mod sources;
pub(crate) mod vault;

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Bus, Clock};
use warmspare_decide::outcome::Announcement;

pub(crate) use vault::Version;

/// The instant at which every world begins.
pub(crate) const START: &str = "2026-11-21T00:00:30Z";

/// What happens to one run, counted in its own changes (from 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Change `n` does not happen, and the run is told so.
    Before(usize),
    /// Change `n` happens, and its answer is lost.
    After(usize),
    /// Look `n`, counted in looks, is not answered.
    Look(usize),
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) objects: BTreeMap<String, Vec<Version>>,
    pub(crate) announcements: Vec<Announcement>,
    /// Appliances, databases, records and alarms.
    pub(crate) sites: sites::Sites,
    /// What the vault knows beside its objects.
    pub(crate) beside: vault::Beside,
    pub(crate) keys: keys::KeyRing,
    pub(crate) sources: sources::AllSources,
    pub(crate) rds: snapshots::Rds,
    /// Every promise that was seen broken, as a sentence that begins with its number.
    pub(crate) broken: Vec<String>,
}

/// The state of everything, shared by the runs.
#[derive(Debug)]
pub(crate) struct World(RefCell<State>);

impl World {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(State {
            now: START.parse().unwrap(),
            objects: BTreeMap::new(),
            announcements: Vec::new(),
            sites: sites::Sites::default(),
            beside: vault::Beside::default(),
            keys: keys::KeyRing::default(),
            sources: sources::AllSources::default(),
            rds: snapshots::Rds::default(),
            broken: Vec::new(),
        }))
    }

    pub(crate) fn state(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    pub(crate) fn set(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// A run that meets no trouble.
    pub(crate) fn run(&self) -> Run<'_> {
        Run {
            world: self,
            calls: Cell::new(0),
            changes: Cell::new(0),
            looks: Cell::new(0),
            trouble: None,
            stop_at: Cell::new(None),
            ends_at: self.state().now + SignedDuration::from_secs(180),
        }
    }

    /// Moves the clock, and lets the world do in that time what it does by itself.
    pub(crate) fn pass(&self, seconds: u64) {
        let mut state = self.set();
        state.now += SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        state.settle();
    }

    /// Puts an object, as an operator would.
    pub(crate) fn put(&self, key: &str, body: &[u8]) {
        let mut state = self.set();
        vault::put(&mut state, key, body);
    }

    /// Takes an object away, with all its versions.
    pub(crate) fn remove(&self, key: &str) {
        self.set().objects.remove(key);
    }

    /// Asserts that no promise was broken so far.
    pub(crate) fn assert_promises(&self, during: &str) {
        let broken = self.state().broken.clone();
        assert!(broken.is_empty(), "{during}: {}", broken.join("; "));
    }
}

impl State {
    /// What the world does by itself as time passes.
    fn settle(&mut self) {
        self.sites.settle_databases(self.now);
        snapshots::settle(self);
    }

    /// Looks whether a promise is broken now; called after every change.
    fn check(&mut self) {
        let found = promises::broken_promises(self);
        self.broken.extend(found);
        let found = vault::broken_promises(self);
        self.broken.extend(found);
    }
}

/// One invocation of a function.
#[derive(Debug)]
pub(crate) struct Run<'w> {
    pub(crate) world: &'w World,
    calls: Cell<usize>,
    changes: Cell<usize>,
    looks: Cell<usize>,
    trouble: Option<Trouble>,
    stop_at: Cell<Option<usize>>,
    ends_at: Timestamp,
}

impl Run<'_> {
    /// The same run, meeting this trouble.
    pub(crate) fn meeting(mut self, trouble: Trouble) -> Self {
        self.trouble = Some(trouble);
        self
    }

    /// The same run, stopping before call `n` (from 0) until [`Run::wake`].
    pub(crate) fn stopping_at(self, n: usize) -> Self {
        self.stop_at.set(Some(n));
        self
    }

    /// Lets a stopped run go on at its next poll.
    pub(crate) fn wake(&self) {
        self.stop_at.set(None);
    }

    /// Lets a run that is stopped make one more call; it stops before the next.
    pub(crate) fn step(&self) {
        self.stop_at.set(Some(self.calls.get()));
    }

    /// How many calls the run has made, looks and changes alike.
    pub(crate) fn calls(&self) -> usize {
        self.calls.get()
    }

    /// How many changes the run has tried.
    pub(crate) fn changes(&self) -> usize {
        self.changes.get()
    }

    /// How many looks the run has tried.
    pub(crate) fn looks(&self) -> usize {
        self.looks.get()
    }

    /// A look at the world: may be stopped at, and meets the run's trouble.
    pub(crate) async fn look<T>(
        &self,
        look: impl FnOnce(&State) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.reach().await;
        let n = self.looks.replace(self.looks.get() + 1);
        if self.trouble == Some(Trouble::Look(n)) {
            return Err(Fault::new(Hope::Retryable, "looking", format!("(look {n})"), "no answer"));
        }
        look(&self.world.state())
    }

    /// A change of the world: may be stopped at, and meets the run's trouble.
    pub(crate) async fn change<T>(
        &self,
        what: &'static str,
        change: impl FnOnce(&mut State) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.reach().await;
        let n = self.changes.replace(self.changes.get() + 1);
        let trouble = |why: &str| Fault::new(Hope::Retryable, what, format!("(change {n})"), why);
        if self.trouble == Some(Trouble::Before(n)) {
            return Err(trouble("it was not carried out"));
        }
        let answer = {
            let mut state = self.world.set();
            let answer = change(&mut state);
            state.check();
            answer
        };
        if self.trouble == Some(Trouble::After(n)) {
            return Err(trouble("the answer was lost"));
        }
        answer
    }

    async fn reach(&self) {
        let n = self.calls.replace(self.calls.get() + 1);
        std::future::poll_fn(|_| match self.stop_at.get() {
            Some(stop) if stop == n => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
    }
}

impl Bus for Run<'_> {
    async fn announce(&self, announcement: &Announcement) -> Result<(), Fault> {
        self.change("announcing", |state| {
            state.announcements.push(announcement.clone());
            Ok(())
        })
        .await
    }
}

impl Clock for Run<'_> {
    fn now(&self) -> Timestamp {
        self.world.state().now
    }

    fn left_s(&self) -> u64 {
        let left = self.ends_at.as_second() - self.world.state().now.as_second();
        u64::try_from(left).unwrap_or(0)
    }

    async fn pause(&self, wait_s: u64) {
        self.reach().await;
        self.world.pass(wait_s);
    }

    fn writer(&self) -> String {
        format!("run-{:p}", std::ptr::from_ref(self))
    }
}

/// Polls a future once: in a world that never waits it is either done or stopped.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future to its end.
pub(crate) fn finish<F: Future>(future: F) -> F::Output {
    match poll_once(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the run waits for something that is not in the world"),
    }
}
