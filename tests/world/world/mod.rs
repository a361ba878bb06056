//! The world and the runs that act in it.
//!
//! A [`World`] holds the state of everything; a [`Run`] is one invocation of a function: it implements
//! every port, counts its calls and its changes, and meets the [`Trouble`] that a test has set for it.

mod alarms;
mod appliances;
pub(crate) mod artifacts;
pub(crate) mod capacity;
pub(crate) mod controllers;
mod databases;
mod deletions;
pub(crate) mod global;
pub(crate) mod keys;
pub(crate) mod many;
mod pieces;
pub(crate) mod promises;
pub(crate) mod records;
mod restores;
pub(crate) mod sites;
pub(crate) mod snapshots;
pub(crate) mod sources;
pub(crate) mod vault;
mod versions;

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

/// How long an invocation lives at most, in seconds: `Timeout` of failover-promotion.
const LIFE_S: i64 = 180;

/// What happens to one run, counted in its own changes (from 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Change `n` does not happen, and the run is told so.
    Before(usize),
    /// Change `n` happens, and its answer is lost.
    After(usize),
    /// Change `n` is denied: a permission is missing.
    Denied(usize),
    /// Look `n`, counted in looks, is not answered.
    Look(usize),
    /// Change `n` is sent and not answered, and happens so many seconds later: perhaps when the run has
    /// ended, and never when its invocation can not be alive any more.
    Late(usize, u64),
}

/// A mistake that is planted in what lies behind the ports. Each takes away one thing on which a promise
/// rests, or one on which none may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bent {
    /// A batch of records overwrites whatever it finds.
    RecordsAreOverwritten,
    /// Creating an object overwrites the one that is there.
    CreateOverwrites,
    /// The signals of a site answer as expected before it is healthy.
    HealthIsBelieved,
    /// An appliance is said to have accepted its mode before it was asked.
    ModeIsBelieved,
    /// A database is said to be a writer as soon as it was told.
    WriterIsBelieved,
    /// A look that could not be made counts as silence.
    UnknownIsSilence,
    /// A run may wake up after Lambda has ended it.
    RunsOutliveTheirTime,
    /// The switch is turned over whatever lies there.
    SwitchIsOverwritten,
    /// A value is taken as one of the moment in which it arrives, whatever its date.
    DatedOnArrival,
    /// The lease is given to everyone: no promise may rest on it.
    LeaseForAll,
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
    /// An Aviatrix controller, where the plan has one.
    pub(crate) aviatrix: controllers::Aviatrix,
    /// The bucket of every source of kind s3.
    pub(crate) buckets: artifacts::Bucket,
    pub(crate) rds: snapshots::Rds,
    /// What was sent and has not happened yet.
    in_flight: Vec<InFlight>,
    /// The journals, folded as far as they were looked at.
    pub(crate) folded: promises::Folded,
    /// Requests and runs so far; both are numbered, so that a seed leads to the same world again.
    requests: usize,
    runs: usize,
    /// There are many systems, and not only `controller`: what is asked of each is in `many`.
    pub(crate) many: bool,
    /// How this world is bent, on purpose, to show that it would be found.
    pub(crate) bent: Option<Bent>,
    /// Every promise that was seen broken, as a sentence that begins with its number.
    pub(crate) broken: Vec<String>,
}

/// A change that was sent, and what it does when it arrives.
struct InFlight {
    due: Timestamp,
    arrive: Box<dyn FnOnce(&mut State)>,
}

impl std::fmt::Debug for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "something that arrives at {}", self.due)
    }
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
            aviatrix: controllers::Aviatrix::default(),
            buckets: artifacts::Bucket::default(),
            rds: snapshots::Rds::default(),
            in_flight: Vec::new(),
            folded: promises::Folded::default(),
            bent: None,
            requests: 0,
            runs: 0,
            many: false,
            broken: Vec::new(),
        }))
    }

    /// Another world that is like this one, in which nothing is on its way.
    pub(crate) fn copied(&self) -> Self {
        let state = self.state();
        Self(RefCell::new(State {
            now: state.now,
            objects: state.objects.clone(),
            announcements: state.announcements.clone(),
            sites: state.sites.clone(),
            beside: state.beside.clone(),
            keys: state.keys.clone(),
            sources: state.sources.clone(),
            aviatrix: state.aviatrix.clone(),
            buckets: state.buckets.clone(),
            rds: state.rds.clone(),
            in_flight: Vec::new(),
            folded: state.folded.clone(),
            bent: state.bent,
            requests: state.requests,
            runs: state.runs,
            many: state.many,
            broken: state.broken.clone(),
        }))
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.state().in_flight.is_empty()
    }

    pub(crate) fn state(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    pub(crate) fn set(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// A run that meets no trouble.
    pub(crate) fn run(&self) -> Run<'_> {
        let mut state = self.set();
        state.requests += 1;
        state.runs += 1;
        Run {
            world: self,
            writer: (state.requests, state.runs),
            calls: Cell::new(0),
            changes: Cell::new(0),
            looks: Cell::new(0),
            troubles: Vec::new(),
            skew: SignedDuration::ZERO,
            stop_at: Cell::new(None),
            is_beside_others: false,
            stop_before: Cell::new(None),
            names: RefCell::default(),
            ends_at: Cell::new(state.now + SignedDuration::from_secs(LIFE_S)),
            wakers: RefCell::default(),
            latency: SignedDuration::ZERO,
            ends: RefCell::default(),
        }
    }

    /// A run for the same request as another: Lambda tries again what has failed.
    pub(crate) fn again(&self, request: usize) -> Run<'_> {
        let run = self.run();
        Run { writer: (request, run.writer.1), ..run }
    }

    /// Moves the clock, and lets the world do in that time what it does by itself.
    pub(crate) fn pass(&self, seconds: u64) {
        let mut state = self.set();
        let now = state.now + SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        // What is on its way arrives one by one, each at its time.
        while let Some(due) = state.in_flight.iter().map(|sent| sent.due).min()
            && due < now
        {
            state.now = due.max(state.now);
            state.settle();
        }
        state.now = now;
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
        while let Some(at) = self.in_flight.iter().position(|sent| sent.due <= self.now) {
            let sent = self.in_flight.remove(at);
            (sent.arrive)(self);
            self.check();
        }
        self.sites.settle_databases(self.now);
        self.sites.settle_restores(self.now);
        self.sites.settle_groups(self.now);
        snapshots::settle(self);
        controllers::settle(self);
    }

    /// Notes that a promise was seen broken.
    pub(crate) fn breaks(&mut self, broken: String) {
        if !self.broken.contains(&broken) {
            self.broken.push(broken);
        }
    }

    /// Looks whether a promise is broken now; called after every change.
    fn check(&mut self) {
        let mut found =
            if self.many { many::broken_promises(self) } else { promises::broken_promises(self) };
        found.extend(vault::broken_promises(self));
        found.extend(deletions::broken_promises(self));
        for broken in found {
            self.breaks(broken);
        }
    }
}

/// One invocation of a function.
#[derive(Debug)]
pub(crate) struct Run<'w> {
    pub(crate) world: &'w World,
    /// The request that it answers, and itself.
    writer: (usize, usize),
    calls: Cell<usize>,
    changes: Cell<usize>,
    looks: Cell<usize>,
    troubles: Vec<Trouble>,
    /// By how much its clock is ahead of S3's.
    skew: SignedDuration,
    stop_at: Cell<Option<usize>>,
    /// Its pauses end when the clock says so, and do not move it.
    is_beside_others: bool,
    stop_before: Cell<Option<usize>>,
    /// The changes that it has tried, by the names of their ports.
    names: RefCell<Vec<&'static str>>,
    ends_at: Cell<Timestamp>,
    /// What waits for the run to be woken: a run that does several things at once polls only what was.
    wakers: RefCell<Vec<Waker>>,
    /// How long each call takes, and when those end that are under way.
    latency: SignedDuration,
    ends: RefCell<Vec<Timestamp>>,
}

impl Run<'_> {
    /// The same run, meeting this trouble too.
    pub(crate) fn meeting(mut self, trouble: Trouble) -> Self {
        self.troubles.push(trouble);
        self
    }

    /// The same run, by a clock that is so many seconds ahead.
    pub(crate) fn skewed(mut self, seconds: i64) -> Self {
        self.skew = SignedDuration::from_secs(seconds);
        self
    }

    /// The same run, each of whose calls takes so many milliseconds: see [`Run::live_through`].
    pub(crate) fn slowed(mut self, milliseconds: i64) -> Self {
        self.latency = SignedDuration::from_millis(milliseconds);
        self
    }

    /// Lives through what this run does, with the clock at the end of the next call each time that all of
    /// them are under way.
    pub(crate) fn live_through<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = poll_once(future.as_mut()) {
                return output;
            }
            let now = self.world.state().now;
            self.ends.borrow_mut().retain(|end| *end > now);
            let next = self.ends.borrow().iter().min().copied();
            self.world.set().now = next.unwrap();
            self.rouse();
        }
    }

    /// The same run, one of several at once: in its pauses the others go on.
    pub(crate) fn beside_others(mut self) -> Self {
        self.is_beside_others = true;
        self
    }

    /// The request that it answers.
    pub(crate) fn request(&self) -> usize {
        self.writer.0
    }

    /// Whether Lambda has ended it by now.
    pub(crate) fn is_over(&self) -> bool {
        self.world.state().now >= self.ends_at.get()
    }

    /// Begins its life now, and not when it was made.
    pub(crate) fn begins_now(&self) {
        self.ends_at.set(self.world.state().now + SignedDuration::from_secs(LIFE_S));
    }

    /// The changes that it has tried, in order, by the names of their ports.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.names.borrow().clone()
    }

    /// The same run, stopping before call `n` (from 0) until [`Run::wake`].
    pub(crate) fn stopping_at(self, n: usize) -> Self {
        self.stop_at.set(Some(n));
        self
    }

    /// The same run, stopping before change `n` (from 0) until [`Run::wake`].
    pub(crate) fn stopping_before(self, n: usize) -> Self {
        self.stop_before.set(Some(n));
        self
    }

    /// Lets a stopped run go on at its next poll.
    pub(crate) fn wake(&self) {
        self.stop_at.set(None);
        self.stop_before.set(None);
        self.rouse();
    }

    /// Lets a run that is stopped make one more call; it stops before the next.
    pub(crate) fn step(&self) {
        self.stop_at.set(Some(self.calls.get()));
        self.rouse();
    }

    fn rouse(&self) {
        self.wakers.take().into_iter().for_each(Waker::wake);
    }

    fn waits(&self, context: &Context<'_>) -> Poll<()> {
        self.wakers.borrow_mut().push(context.waker().clone());
        Poll::Pending
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
        if self.troubles.contains(&Trouble::Look(n)) {
            return Err(Fault::new(Hope::Retryable, "looking", format!("(look {n})"), "no answer"));
        }
        look(&self.world.state())
    }

    /// A change of the world under the name of its port's method: may be stopped at, and meets the
    /// run's troubles.
    pub(crate) async fn change<T>(
        &self,
        name: &'static str,
        change: impl FnOnce(&mut State) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let n = self.begin(name).await?;
        let answer = {
            let mut state = self.world.set();
            let answer = change(&mut state);
            state.check();
            answer
        };
        if self.troubles.contains(&Trouble::After(n)) {
            return Err(troubled(name, n, "the answer was lost"));
        }
        answer
    }

    /// A change that can also arrive late, after everything that it needs was sent.
    pub(crate) async fn send<T>(
        &self,
        name: &'static str,
        change: impl FnOnce(&mut State) -> Result<T, Fault> + 'static,
    ) -> Result<T, Fault> {
        let n = self.changes.get();
        let late = self.troubles.iter().find_map(|trouble| match trouble {
            Trouble::Late(late, seconds) if *late == n => Some(*seconds),
            _ => None,
        });
        let Some(seconds) = late else { return self.change(name, change).await };
        let n = self.begin(name).await?;
        let arrive = Box::new(move |state: &mut State| {
            let _lost = change(state);
        });
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        let mut state = self.world.set();
        let due = (state.now + seconds).min(self.ends_at.get());
        state.in_flight.push(InFlight { due, arrive });
        let why = "no answer within 5 s";
        Err(Fault::new(Hope::Unreachable, name, format!("(change {n})"), why))
    }

    /// Counts a change; it may not be carried out.
    async fn begin(&self, name: &'static str) -> Result<usize, Fault> {
        self.reach().await;
        let n = self.changes.replace(self.changes.get() + 1);
        std::future::poll_fn(|context| match self.stop_before.get() {
            Some(stop) if stop == n => self.waits(context),
            _ => Poll::Ready(()),
        })
        .await;
        self.names.borrow_mut().push(name);
        if self.troubles.contains(&Trouble::Denied(n)) {
            return Err(Fault::new(Hope::Permanent, name, format!("(change {n})"), "AccessDenied"));
        }
        if self.troubles.contains(&Trouble::Before(n)) {
            return Err(troubled(name, n, "it was not carried out"));
        }
        Ok(n)
    }

    async fn reach(&self) {
        let n = self.calls.replace(self.calls.get() + 1);
        std::future::poll_fn(|context| match self.stop_at.get() {
            Some(stop) if stop == n => self.waits(context),
            _ => Poll::Ready(()),
        })
        .await;
        if !self.latency.is_zero() {
            let end = self.world.state().now + self.latency;
            self.ends.borrow_mut().push(end);
            std::future::poll_fn(|context| match self.world.state().now >= end {
                true => Poll::Ready(()),
                false => self.waits(context),
            })
            .await;
        }
    }
}

fn troubled(name: &'static str, n: usize, why: &str) -> Fault {
    Fault::new(Hope::Retryable, name, format!("(change {n})"), why)
}

impl Bus for Run<'_> {
    async fn announce(&self, announcement: &Announcement) -> Result<(), Fault> {
        self.change("Bus::announce", |state| {
            state.announcements.push(announcement.clone());
            Ok(())
        })
        .await
    }
}

impl Clock for Run<'_> {
    fn now(&self) -> Timestamp {
        self.world.state().now + self.skew
    }

    fn left_s(&self) -> u64 {
        let left = self.ends_at.get().as_second() - self.world.state().now.as_second();
        u64::try_from(left).unwrap_or(0)
    }

    async fn pause(&self, wait_s: u64) {
        self.reach().await;
        if !self.is_beside_others {
            return self.world.pass(wait_s);
        }
        let until = sites::after(self.world.state().now, i64::try_from(wait_s).unwrap());
        std::future::poll_fn(|_| match self.world.state().now >= until {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    fn jitter_s(&self, s_max: u64) -> u64 {
        u64::try_from(self.calls.get()).unwrap() % (s_max + 1)
    }

    fn writer(&self) -> String {
        let (request, run) = self.writer;
        format!("request-{request}/run-{run}")
    }
}

/// Polls a future once: in a world that never waits it is either done or stopped.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future to its end.
pub(crate) fn finish<F: Future>(future: F) -> F::Output {
    match poll_once(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the run waits for something that is not in the world"),
    }
}
