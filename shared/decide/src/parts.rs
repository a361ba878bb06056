//! How a stream is cut into the parts of an upload. Limits:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
//!
//! Requests cost more than the processor's time for what is in them, so parts are as large as the
//! memory of the function allows, up to 32 MiB. A stream of which nobody knows the length begins with
//! these, and its parts grow, so that it does not run out of numbers.

use std::fmt;

/// The most parts that an upload may have.
pub const PARTS_MAX: u32 = 10_000;
/// The least size of a part that is not the last, in bytes.
pub const PART_BYTES_MIN: u64 = 5 * MIB;
/// The largest size of a part, in bytes.
pub const PART_BYTES_MAX: u64 = 5 * 1024 * MIB;
/// The most parts that are sent at a time. More of them cost memory, and save no time.
pub const CONCURRENCY_MAX: u64 = 4;

const MIB: u64 = 1024 * 1024;
/// The sizes between which the memory of the function decides, if nothing else does.
const USUAL_BYTES: (u64, u64) = (16 * MIB, 32 * MIB);
/// After so many parts, those of a stream of unknown length become twice as long.
const PARTS_OF_ONE_SIZE: u32 = 1_000;

/// How one stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    first_bytes: u64,
    largest_bytes: u64,
    held_bytes_max: u64,
    grows: bool,
}

/// What holds for one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Its length in bytes, unless it is the last.
    pub part_bytes: u64,
    /// How many parts may be sent at a time while the next one is read.
    pub concurrency: u64,
}

/// A stream that cannot be uploaded, because of its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Its length in bytes, where it is known.
    pub length_bytes: Option<u64>,
    /// The most that can be uploaded, in bytes.
    pub length_bytes_max: u64,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length_bytes {
            Some(length_bytes) => write!(f, "it has {length_bytes} bytes")?,
            None => f.write_str("it has more bytes than can be sent")?,
        }
        let Self { length_bytes_max, .. } = self;
        write!(
            f,
            ", and {length_bytes_max} are the most that a function with this memory can send in \
             {PARTS_MAX} parts"
        )
    }
}

impl std::error::Error for TooLong {}

impl Cut {
    /// For a stream of `length_bytes`, where that is known, in a function with `memory_bytes`. Half of
    /// them is for parts; what is left is for the function itself, and for where the stream comes
    /// from. `wanted_bytes` is a size of parts that somebody asked for.
    ///
    /// # Errors
    /// Where the length is known, and is more than can be sent.
    pub fn of(
        memory_bytes: u64,
        wanted_bytes: Option<u64>,
        length_bytes: Option<u64>,
    ) -> Result<Self, TooLong> {
        let held_bytes_max = memory_bytes / 2;
        let (least, most) = USUAL_BYTES;
        let by_memory = held_bytes_max / (CONCURRENCY_MAX + 1) / MIB * MIB;
        let usual_bytes = wanted_bytes.unwrap_or_else(|| by_memory.clamp(least, most));
        // One is sent while the next is read.
        let largest_bytes =
            (held_bytes_max / 2).clamp(usual_bytes, PART_BYTES_MAX.max(usual_bytes));
        let Some(length_bytes) = length_bytes else {
            let first_bytes = usual_bytes;
            return Ok(Self { first_bytes, largest_bytes, held_bytes_max, grows: true });
        };
        let least_bytes = length_bytes.div_ceil(u64::from(PARTS_MAX));
        let length_bytes_max = largest_bytes * u64::from(PARTS_MAX);
        if length_bytes > length_bytes_max {
            return Err(TooLong { length_bytes: Some(length_bytes), length_bytes_max });
        }
        let first_bytes = usual_bytes.max(least_bytes);
        Ok(Self { first_bytes, largest_bytes, held_bytes_max, grows: false })
    }

    /// What holds for the part with this number, from 1 on.
    ///
    /// # Errors
    /// There is no such number.
    pub fn part(&self, number: u32) -> Result<Portion, TooLong> {
        if number > PARTS_MAX {
            let length_bytes_max = self.length_bytes_max();
            return Err(TooLong { length_bytes: None, length_bytes_max });
        }
        let part_bytes = self.part_bytes(number);
        let held = self.held_bytes_max.checked_div(part_bytes).unwrap_or_default();
        Ok(Portion { part_bytes, concurrency: held.saturating_sub(1).clamp(1, CONCURRENCY_MAX) })
    }

    /// The longest stream that can be cut so, in bytes.
    pub fn length_bytes_max(&self) -> u64 {
        (1..=PARTS_MAX).map(|number| self.part_bytes(number)).sum()
    }

    fn part_bytes(&self, number: u32) -> u64 {
        if !self.grows {
            return self.first_bytes;
        }
        let doublings = number.saturating_sub(1) / PARTS_OF_ONE_SIZE;
        self.first_bytes.saturating_mul(1 << doublings.min(32)).min(self.largest_bytes)
    }
}

#[cfg(test)]
mod tests;
