//! How even the bytes of a stream are, counted while they pass.

use bytes::Bytes;
use warmspare_decide::tripwire::{Measures, entropy_mbits};

use crate::fault::Fault;
use crate::stream::Chunks;

/// Counters side by side: one alone would wait for itself wherever a byte follows its like.
const LANES: usize = 4;

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

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.size_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        for few in bytes.chunks(LANES) {
            for (counts, byte) in self.lanes.iter_mut().zip(few) {
                if let Some(count) = counts.get_mut(usize::from(*byte)) {
                    *count += 1;
                }
            }
        }
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

    #[test]
    fn what_is_counted_does_not_depend_on_the_pieces() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| (n % 251).to_le_bytes()[0]).collect();
        let measured = |piece: usize| {
            let mut counts = Counts::new();
            bytes.chunks(piece).for_each(|piece| counts.add(piece));
            counts.measures()
        };
        for piece in [1, 3, 4, 7, 4_096, 10_000] {
            assert_eq!(measured(piece), Measures { size_bytes: 10_000, entropy_mbits: 7_971 });
        }
        assert_eq!(Counts::new().measures(), Measures { size_bytes: 0, entropy_mbits: 0 });
    }
}
