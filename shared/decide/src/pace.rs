//! How much of a stream may pass now: in each second no more than the throttle allows in that second
//! (seed D19). What a second did not use is not saved for the next, so a source that stood still does
//! not burst afterwards.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::plan::Throttle;
use crate::plan::throttle::{Stretch, of_day};

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// So many bytes may pass, all at once.
    Pass {
        /// At least one.
        bytes_max: u64,
    },
    /// This second is used up; the next look is after so many seconds.
    Wait {
        /// In seconds.
        wait_s: u64,
        /// The limit of this second.
        bits_per_s: u64,
    },
}

/// What has passed, as far as it matters for what comes next.
#[derive(Clone, Debug)]
pub struct Pace {
    throttle: Option<Throttle>,
    /// Compiled for each day anew, because a zone's clock may be changed in between.
    day: Option<(Date, Vec<Stretch>)>,
    second: i64,
    passed_bytes: u64,
}

impl Pace {
    /// Nothing has passed yet. Without a throttle there is no limit (seed D17).
    pub fn new(throttle: Option<&Throttle>) -> Self {
        Self { throttle: throttle.cloned(), day: None, second: i64::MIN, passed_bytes: 0 }
    }

    /// How much may pass at this instant. A clock that is put back begins another second.
    pub fn next(&mut self, now: Timestamp) -> Next {
        if self.second != now.as_second() {
            (self.second, self.passed_bytes) = (now.as_second(), 0);
        }
        let Some(bits_per_s) = self.limit(now) else { return Next::Pass { bytes_max: u64::MAX } };
        // A plan's least limit is 6,400 bytes.
        match (bits_per_s / 8).saturating_sub(self.passed_bytes) {
            0 => Next::Wait { wait_s: 1, bits_per_s },
            bytes_max => Next::Pass { bytes_max },
        }
    }

    /// So many bytes pass, in the second of the last look.
    pub fn passed(&mut self, bytes: u64) {
        self.passed_bytes = self.passed_bytes.saturating_add(bytes);
    }

    /// In bits per second; none outside of every interval.
    fn limit(&mut self, now: Timestamp) -> Option<u64> {
        let throttle = self.throttle.as_ref()?;
        let date = now.to_zoned(TimeZone::UTC).date();
        let day = match self.day.take() {
            Some(day) if day.0 == date => day,
            Some(_) | None => (date, of_day(throttle, date)),
        };
        let (_, stretches) = self.day.insert(day);
        let is_now = |stretch: &&Stretch| stretch.from <= now && now < stretch.until;
        stretches.iter().find(is_now).map(|stretch| stretch.bits_per_s)
    }
}

#[cfg(test)]
mod tests;
