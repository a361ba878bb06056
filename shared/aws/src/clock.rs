//! The one place that reads the clocks and waits.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use warmspare_act::ports::Clock;

use crate::Live;

/// Kept back from an invocation's time, so that its last record and its answer are still made.
const MARGIN_S: u64 = 3;

/// One invocation: what it is called, and when it has to have ended.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Lambda's own name of it; a retry of the same event has the same.
    pub(crate) request_id: String,
    started: Instant,
    started_at: Timestamp,
    length: Duration,
}

impl Invocation {
    /// Begins now, and ends at `deadline_ms` of the Unix epoch. The wall clock is read only here: a
    /// step of it during the invocation does not change how much time is left.
    pub(crate) fn begin(request_id: &str, deadline_ms: u64) -> Self {
        let deadline = UNIX_EPOCH.checked_add(Duration::from_millis(deadline_ms));
        let (wall, started) = wall_and_monotonic();
        let length = deadline.and_then(|end| end.duration_since(wall).ok()).unwrap_or_default();
        Self { request_id: request_id.to_owned(), started, started_at: timestamp(wall), length }
    }

    /// How long it may still take until it is given up, a second before it is ended from outside.
    pub(crate) fn left(&self) -> Duration {
        self.length.saturating_sub(self.started.elapsed()).saturating_sub(Duration::from_secs(1))
    }

    /// Milliseconds since its beginning.
    pub(crate) fn duration_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Clock for Live {
    fn now(&self) -> Timestamp {
        now()
    }

    fn left_s(&self) -> u64 {
        let invocation = self.invocation();
        invocation
            .length
            .saturating_sub(invocation.started.elapsed())
            .as_secs()
            .saturating_sub(MARGIN_S)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the Clock port is where a wait between two looks is made"
    )]
    async fn pause(&self, wait_s: u64) {
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
    }

    /// From the nanoseconds of this instant, which no two runs share.
    fn jitter_s(&self, s_max: u64) -> u64 {
        let nanoseconds = u64::try_from(now().subsec_nanosecond()).unwrap_or(0);
        nanoseconds.checked_rem(s_max.saturating_add(1)).unwrap_or(0)
    }

    /// `<request>/<run>`. The request id alone would not do: Lambda can deliver one event twice at
    /// the same time, under the same request id, to two processes that even have the same number.
    /// The instant at which this invocation began, to the nanosecond, tells them apart.
    fn writer(&self) -> String {
        let invocation = self.invocation();
        format!(
            "{}/{}.{}",
            invocation.request_id,
            std::process::id(),
            invocation.started_at.as_nanosecond()
        )
    }
}

/// Now, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    timestamp(wall_and_monotonic().0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the Clock port is made of these two, and of nothing else"
)]
fn wall_and_monotonic() -> (SystemTime, Instant) {
    (SystemTime::now(), Instant::now())
}

/// A wall clock before 1970 is read as 1970.
fn timestamp(wall: SystemTime) -> Timestamp {
    let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since_epoch.as_nanos())
        .ok()
        .and_then(|ns| Timestamp::from_nanosecond(ns).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
