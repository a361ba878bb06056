//! Whether a long object is begun in what is left of a run, and whether it fits into one at all.
//!
//! An object is copied within one run or not at all, so one that is begun too late costs the run, and one
//! that is too long costs every run: neither may end in silence.

use serde::{Deserialize, Serialize};

/// Whoever copies stops with so much time left, in seconds: what was copied is still to be written down.
pub const STOP_LEFT_S: u64 = 30;

/// How fast long objects have passed in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speed {
    bytes: u64,
    took_s: u64,
}

impl Speed {
    /// With one object more, which took so many seconds.
    pub fn add(&mut self, bytes: u64, took_s: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.took_s = self.took_s.saturating_add(took_s.max(1));
    }

    /// How long so many bytes take, in seconds; `None` where nothing was measured.
    fn needed_s(self, size_bytes: u64) -> Option<u64> {
        let product = u128::from(size_bytes).saturating_mul(u128::from(self.took_s));
        let needed = product.checked_div(u128::from(self.bytes))?;
        Some(u64::try_from(needed).unwrap_or(u64::MAX).saturating_add(1))
    }
}

/// Why an object is left to the next run, if it is. Before anything long was copied in a run nothing is
/// known of its speed, and there is no better time to begin: such a run is fresh.
pub fn left_to_the_next(size_bytes: u64, speed: Speed, left_s: u64) -> Option<String> {
    let needed_s = speed.needed_s(size_bytes)?;
    (needed_s.saturating_add(STOP_LEFT_S) > left_s).then(|| {
        let Speed { bytes, took_s } = speed;
        format!(
            "its {size_bytes} bytes need {needed_s} s ({bytes} bytes of others took {took_s} s), and {left_s} s \
             are left"
        )
    })
}

/// An object that does not fit into one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TooLong {
    /// Its key in the bucket.
    pub key: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// So many of them passed …
    pub passed_bytes: u64,
    /// … in so many seconds.
    pub took_s: u64,
    /// A run has so many seconds for what it copies.
    pub run_s: u64,
}

impl TooLong {
    /// Why it does not fit, if it does not. One that had less than half of a run says nothing: it is
    /// begun again by the next one, as the first.
    pub fn judge(self) -> Option<Self> {
        let mut speed = Speed::default();
        speed.add(self.passed_bytes, self.took_s);
        let had_most = self.took_s.saturating_mul(2) >= self.run_s;
        let fits = speed
            .needed_s(self.size_bytes)
            .is_some_and(|needed_s| needed_s.saturating_add(STOP_LEFT_S) <= self.run_s);
        (had_most && !fits).then_some(self)
    }
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, size_bytes, passed_bytes, took_s, run_s } = self;
        write!(
            f,
            "the object {key:?} has {size_bytes} bytes, of which {passed_bytes} have passed in {took_s} s: it \
             does not fit into one run, which has {run_s} s"
        )
    }
}

#[cfg(test)]
mod tests;
