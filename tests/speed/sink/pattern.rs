//! What every object contains: one block of noise, again and again. So nothing has to be kept.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum, checksum_combine};
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

const BLOCK_BYTES: u64 = 1 << 20;

/// The block: 1 MiB.
pub(crate) fn block() -> Bytes {
    static BLOCK: OnceLock<Bytes> = OnceLock::new();
    BLOCK.get_or_init(|| Bytes::from(noise())).clone()
}

/// Xorshift: the same in every run, and nothing that could be compressed.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..BLOCK_BYTES / 8)
        .flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .collect()
}

/// The SHA-256 and the CRC-64/NVME of an object of so many MiB.
pub(crate) fn sums(mib: u64) -> (String, u64) {
    let block = block();
    let mut sha256 = Sha256::new();
    let one = checksum(CrcAlgorithm::Crc64Nvme, &block);
    let mut crc = 0;
    for _ in 0..mib {
        sha256.update(&block);
        crc = checksum_combine(CrcAlgorithm::Crc64Nvme, crc, one, BLOCK_BYTES);
    }
    let text = sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    (text, crc)
}

/// A stretch of an object, as the body of an answer.
#[derive(Debug)]
pub(super) struct Stretch {
    from: u64,
    to: u64,
}

impl Stretch {
    /// Without the byte at `to`.
    pub(super) fn new(from: u64, to: u64) -> Self {
        Self { from, to }
    }
}

impl Body for Stretch {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = self.to.saturating_sub(self.from);
        if left == 0 {
            return Poll::Ready(None);
        }
        let place = self.from % BLOCK_BYTES;
        let length = left.min(BLOCK_BYTES - place);
        self.from += length;
        let index = |place: u64| usize::try_from(place).unwrap_or_default();
        let piece = block().slice(index(place)..index(place + length));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.to.saturating_sub(self.from))
    }
}
