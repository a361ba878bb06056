//! What can be done to a call on its way, for as long as a test says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use jiff::SignedDuration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::call::{Call, Match};

/// What happens to a call that a fault means.
#[derive(Debug, Clone)]
pub enum Effect {
    /// The connection is closed without an answer; nothing reaches the service.
    Refuse,
    /// No answer for as long as the fault lasts. When it is healed, what the caller still waits for
    /// is let through, late, as after a network partition.
    Silence,
    /// This answer, and nothing reaches the service.
    Status {
        /// The HTTP status.
        code: u16,
        /// The body.
        body: Bytes,
        /// Its content type.
        content_type: &'static str,
    },
    /// The service does what it was asked to, and the connection is closed in place of its answer.
    LoseReply,
    /// The service answers, and each instant in this element of its XML is so much earlier: the service's
    /// own clock is out of reach, so its past is moved instead.
    Earlier {
        /// The element's name: `Initiated`.
        element: &'static str,
        /// By how much.
        by: SignedDuration,
    },
}

/// Where a trap holds a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before anything has reached the service.
    Before,
    /// After the service has done it, and before the caller knows.
    After,
}

/// How a held call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Release,
    Lose,
}

#[derive(Debug, Clone)]
pub(super) enum Doing {
    Effect(Effect),
    Hold(Moment, mpsc::UnboundedSender<Held>),
}

impl Doing {
    /// How the record of calls names it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Effect(Effect::Refuse) => "refused",
            Self::Effect(Effect::Silence) => "silenced",
            Self::Effect(Effect::Status { .. }) => "answered by a fault",
            Self::Effect(Effect::LoseReply) => "reply lost",
            Self::Effect(Effect::Earlier { .. }) => "dated back",
            Self::Hold(Moment::Before, _) => "held before",
            Self::Hold(Moment::After, _) => "held after",
        }
    }
}

#[derive(Debug)]
pub(super) struct Rule {
    matching: Match,
    doing: Doing,
    /// How often it still applies; changed only under the lock of the rules.
    left: AtomicU64,
    met: AtomicU64,
    lasting: watch::Sender<bool>,
}

impl Rule {
    /// What it does.
    pub(super) fn doing(&self) -> &Doing {
        &self.doing
    }

    /// Waits until the rule is gone.
    pub(super) async fn healed(&self) {
        // An error would mean that the sender is gone, and we hold it.
        let _ = self.lasting.subscribe().wait_for(|lasting| !lasting).await;
    }

    fn applies(&self, call: &Call, text: &str) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 || !self.matching.means_now(call, text) {
            return false;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        self.met.fetch_add(1, Ordering::Relaxed);
        true
    }
}

/// The rules that are in force; the newest that means a call decides.
#[derive(Debug, Default)]
pub(super) struct Rules(Mutex<Vec<Arc<Rule>>>);

impl Rules {
    pub(super) fn add(&self, matching: Match, doing: Doing, times: u64) -> Arc<Rule> {
        let (left, met) = (AtomicU64::new(times), AtomicU64::new(0));
        let rule = Arc::new(Rule { matching, doing, left, met, lasting: watch::Sender::new(true) });
        self.locked().push(Arc::clone(&rule));
        rule
    }

    pub(super) fn meeting(&self, call: &Call, text: &str) -> Option<Arc<Rule>> {
        self.locked().iter().rev().find(|rule| rule.applies(call, text)).cloned()
    }

    fn remove(&self, gone: &Arc<Rule>) {
        self.locked().retain(|rule| !Arc::ptr_eq(rule, gone));
        gone.lasting.send_replace(false);
    }

    pub(super) fn clear(&self) {
        for rule in std::mem::take(&mut *self.locked()) {
            rule.lasting.send_replace(false);
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Rule>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fault in force; healed when dropped.
#[derive(Debug)]
#[must_use = "a fault is healed when this is dropped"]
pub struct Fault {
    rules: Arc<Rules>,
    rule: Arc<Rule>,
}

impl Fault {
    pub(super) fn new(rules: Arc<Rules>, rule: Arc<Rule>) -> Self {
        Self { rules, rule }
    }

    /// How many calls have met it.
    pub fn met(&self) -> u64 {
        self.rule.met.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub fn heal(self) {}
}

impl Drop for Fault {
    fn drop(&mut self) {
        self.rules.remove(&self.rule);
    }
}

/// Holds calls until the test says how they go on; sets free what it still holds when dropped.
#[derive(Debug)]
pub struct Trap {
    fault: Fault,
    caught: mpsc::UnboundedReceiver<Held>,
}

impl Trap {
    pub(super) fn new(fault: Fault, caught: mpsc::UnboundedReceiver<Held>) -> Self {
        Self { fault, caught }
    }

    /// The next call that is held.
    ///
    /// # Errors
    /// When none has come after `within`.
    pub async fn caught(&mut self, within: Duration) -> anyhow::Result<Held> {
        let next = timeout(within, self.caught.recv()).await;
        let next =
            next.with_context(|| format!("no call was caught in {} s", within.as_secs_f64()));
        next?.context("the gateway has ended")
    }

    /// How many calls have been caught so far.
    pub fn met(&self) -> u64 {
        self.fault.met()
    }
}

/// A call that waits in a trap. Dropping it releases it.
#[derive(Debug)]
pub struct Held {
    /// The call; after the service has answered, with its status.
    pub call: Call,
    verdict: Option<oneshot::Sender<Verdict>>,
}

impl Held {
    pub(super) fn new(call: Call) -> (Self, oneshot::Receiver<Verdict>) {
        let (verdict, given) = oneshot::channel();
        (Self { call, verdict: Some(verdict) }, given)
    }

    /// Lets the call go on as if nothing had happened.
    pub fn release(mut self) {
        self.give(Verdict::Release);
    }

    /// Closes the caller's connection without an answer. What was held before the service never
    /// reaches it; what was held after has happened.
    pub fn lose(mut self) {
        self.give(Verdict::Lose);
    }

    /// Whether the caller has given up meanwhile, or is dead.
    pub fn is_abandoned(&self) -> bool {
        self.verdict.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn give(&mut self, verdict: Verdict) {
        if let Some(waiting) = self.verdict.take() {
            // A caller that is gone needs no verdict.
            let _ = waiting.send(verdict);
        }
    }
}
