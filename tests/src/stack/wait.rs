//! Waiting for a condition, with a deadline. The one place in the stack that lets time pass or
//! reads a clock: nothing sleeps in place of a condition.

use std::time::{Duration, SystemTime};

use anyhow::bail;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks until the answer is there, for at most `within`; an error ends the waiting at once.
///
/// # Errors
/// What was waited for and for how many seconds, or the error of the asking itself.
pub async fn until<T, Answer>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> Answer,
) -> anyhow::Result<T>
where
    // Not AsyncFnMut: what waits with that cannot be spawned.
    Answer: Future<Output = anyhow::Result<Option<T>>>,
{
    let asking = async {
        let mut turns = interval(PAUSE);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            if let Some(found) = ask().await? {
                return Ok(found);
            }
        }
    };
    match timeout(within, asking).await {
        Ok(found) => found,
        Err(_) => bail!("{what}: not so after {} s", within.as_secs_f64()),
    }
}

/// The time of day, for a person who reads a record of what happened.
#[expect(clippy::disallowed_methods, reason = "the clock of the tests: what they watch is real")]
pub fn now() -> SystemTime {
    SystemTime::now()
}
