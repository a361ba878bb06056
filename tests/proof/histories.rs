//! The explorer, started on as many threads as there are cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::explore::{Count, history};
use crate::world::Bent;

/// Failovers that are lived through when nobody asks for more.
const FAILOVERS_MIN: u64 = 100_000;
/// Histories after which the explorer gives up to find as many failovers.
const HISTORIES_MAX: u64 = 1_000_000;

/// What the environment asks for: one seed to replay, or more failovers than usual.
fn asked(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is replayed by its seed")]
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// Histories from this seed on until enough failovers were seen, or a promise was broken.
pub(crate) fn explore(
    first: u64,
    failovers: u64,
    histories: u64,
    bent: Option<Bent>,
) -> (Count, Option<(u64, String)>) {
    let next = AtomicU64::new(first);
    let total = Mutex::new((Count::default(), None::<(u64, String)>));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _thread in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    {
                        let total = total.lock().unwrap();
                        if total.1.is_some()
                            || total.0.failovers >= failovers
                            || seed >= first + histories
                        {
                            return;
                        }
                    }
                    let found = history(seed, bent);
                    let mut total = total.lock().unwrap();
                    match found {
                        Ok(count) => total.0.add(&count),
                        Err(broken) => total.1 = total.1.take().or(Some((seed, broken))),
                    }
                }
            });
        }
    });
    total.into_inner().unwrap()
}

/// FA1, FA2, FA5, FA6, FA8, FA12, FA13, FF1, FF2, FF3, FF5, FF9, FF10, FF11, FF14: mixtures of all of
/// them. `WARMSPARE_SEED` replays one history, `WARMSPARE_COUNT` asks for more failovers.
#[test]
fn thousands_of_failovers_keep_every_promise() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time is printed, and nothing is decided by it"
    )]
    let begun = std::time::Instant::now();
    let one = asked("WARMSPARE_SEED").filter(|_| asked("WARMSPARE_COUNT").is_none());
    let first = asked("WARMSPARE_SEED").unwrap_or(1);
    let failovers = asked("WARMSPARE_COUNT").unwrap_or(FAILOVERS_MIN);
    let histories = if one.is_some() { 1 } else { HISTORIES_MAX.max(failovers * 10) };
    let (count, broken) = explore(first, failovers, histories, None);
    let took = begun.elapsed();
    println!("{count:#?} in {} s, from seed {first}", took.as_secs());
    if let Some((seed, broken)) = broken {
        panic!("seed {seed}: {broken}\nreplay it: WARMSPARE_SEED={seed} cargo explore");
    }
    if one.is_some() {
        return;
    }
    let share = |part: u64, per_mille: u64| part * 1000 >= count.failovers * per_mille;
    assert!(count.failovers >= failovers, "too few failovers");
    assert!(share(count.completed, 400), "too few were completed");
    assert!(share(count.abandoned, 20), "too few were abandoned");
    assert!(share(count.open, 10), "too few were still open");
    assert!(share(count.refused, 5), "too few were refused");
    assert!(share(count.paid, 100), "too few debts were paid");
    assert!(share(count.killed, 500) && share(count.woken_late, 500), "too few were killed");
    assert!(count.changes > count.failovers * 20, "too few changes");
}
