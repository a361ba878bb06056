//! How even the bytes of a stream are, counted while they pass: 4 KiB of each 64 KiB, because to count
//! every byte would cost as much as to hash it, and what is encrypted or empty is so everywhere.

use bytes::Bytes;
use warmspare_decide::tripwire::{Measures, entropy_mbits};

use crate::fault::Fault;
use crate::stream::Chunks;

/// Counters side by side: one alone would wait for itself wherever a byte follows its like.
const LANES: usize = 4;

/// So many bytes are counted …
const SAMPLE_BYTES: u64 = 4_096;
/// … of every so many.
const EVERY_BYTES: u64 = 65_536;

/// How often each value of a byte came.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    lanes: Box<[[u64; 256]; LANES]>,
    size_bytes: u64,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self { lanes: Box::new([[0; 256]; LANES]), size_bytes: 0 }
    }

    /// Which bytes are counted goes by where they are in the stream, and not by how it comes in pieces.
    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let within = self.size_bytes % EVERY_BYTES;
            let is_counted = within < SAMPLE_BYTES;
            let alike = if is_counted { SAMPLE_BYTES - within } else { EVERY_BYTES - within };
            let alike = usize::try_from(alike).unwrap_or(usize::MAX).min(bytes.len());
            let (piece, rest) = bytes.split_at(alike);
            if is_counted {
                self.count(piece);
            }
            self.size_bytes += u64::try_from(alike).unwrap_or(u64::MAX);
            bytes = rest;
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        for few in bytes.chunks(LANES) {
            for (counts, byte) in self.lanes.iter_mut().zip(few) {
                if let Some(count) = counts.get_mut(usize::from(*byte)) {
                    *count += 1;
                }
            }
        }
    }

    /// With what was counted in another stream.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (counts, others) in self.lanes.iter_mut().zip(other.lanes.iter()) {
            for (count, other) in counts.iter_mut().zip(others) {
                *count += other;
            }
        }
        self.size_bytes += other.size_bytes;
    }

    pub(crate) fn measures(&self) -> Measures {
        let mut all = [0_u64; 256];
        for counts in self.lanes.iter() {
            for (sum, count) in all.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        Measures { size_bytes: self.size_bytes, entropy_mbits: entropy_mbits(&all) }
    }
}

/// A stream whose bytes are counted.
#[derive(Debug)]
pub(crate) struct Counted<'a, C> {
    pub(crate) inner: C,
    pub(crate) counts: &'a mut Counts,
}

impl<C: Chunks> Chunks for Counted<'_, C> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = self.inner.next().await?;
        if let Some(bytes) = &piece {
            self.counts.add(bytes);
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(bytes: &[u8], piece: usize) -> Measures {
        let mut counts = Counts::new();
        bytes.chunks(piece).for_each(|piece| counts.add(piece));
        counts.measures()
    }

    #[test]
    fn what_is_counted_does_not_depend_on_the_pieces() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251).to_le_bytes()[0]).collect();
        for piece in [1, 3, 4, 7, 4_096, 10_000, 65_536, 200_000] {
            let expected = Measures { size_bytes: 200_000, entropy_mbits: 7_971 };
            assert_eq!(measured(&bytes, piece), expected, "in pieces of {piece}");
        }
        assert_eq!(Counts::new().measures(), Measures { size_bytes: 0, entropy_mbits: 0 });
    }

    /// Text that was encrypted from its tenth megabyte on is half way between the two.
    #[test]
    fn a_sample_tells_text_from_noise_wherever_it_begins() {
        let text = b"INSERT INTO device VALUES (17, 'rack-4', NULL);\n".repeat(200_000);
        let mut noise = 1_u64;
        let noisy = text.iter().enumerate().map(|(n, byte)| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if n < text.len() / 2 { *byte } else { noise.to_le_bytes()[7] }
        });
        let noisy: Vec<u8> = noisy.collect();
        let (before, now) = (measured(&text, 8_192), measured(&noisy, 8_192));
        assert!((4_000..5_000).contains(&before.entropy_mbits), "{before:?}");
        assert!(now.entropy_mbits > before.entropy_mbits + 1_000, "{now:?}");
    }
}
