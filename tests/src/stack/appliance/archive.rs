//! The settings archive that a backup fetches: its content follows from the state alone, so that two
//! archives of one state are equal. It is no archive that a real appliance could read.

use anyhow::Result;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Inner, database};

/// The size of a piece of the body: many digests, so that a large archive is not made bit by bit.
const PIECE_BYTES: u64 = 64 * 1024;

/// An archive that is not written out yet.
pub(super) struct Archive {
    head: Vec<u8>,
    seed: [u8; 32],
    length: u64,
}

impl Archive {
    /// The archive of an appliance as it is now.
    pub(super) async fn of(inner: &Inner) -> Result<Self> {
        let options = &inner.options;
        let devices = database::list(&inner.database()?).await?;
        let names: Vec<String> = devices.into_iter().map(|device| device.name).collect();
        let settings = json!({
            "appliance": options.name,
            "format": "device42-settings",
            "version": "19.05.00",
            "devices": names,
        });
        let mut head = serde_json::to_vec_pretty(&settings)?;
        head.push(b'\n');
        let seed = Sha256::digest(&head).into();
        let length = options.archive_bytes.max(u64::try_from(head.len())?);
        Ok(Self { head, seed, length })
    }

    /// Its size in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The settings, then noise that follows from them, which no compression makes smaller.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + Send + 'static + use<> {
        let seed = self.seed;
        let noise_bytes = self.length - u64::try_from(self.head.len()).unwrap_or(self.length);
        let noise = (0..noise_bytes.div_ceil(PIECE_BYTES)).map(move |piece| {
            let left = noise_bytes - piece * PIECE_BYTES;
            noise(&seed, piece, left.min(PIECE_BYTES))
        });
        std::iter::once(self.head.clone()).chain(noise)
    }
}

fn noise(seed: &[u8; 32], piece: u64, size_bytes: u64) -> Vec<u8> {
    let size = usize::try_from(size_bytes).unwrap_or_default();
    let mut bytes = Vec::with_capacity(size + 32);
    let mut block = piece * PIECE_BYTES;
    while bytes.len() < size {
        let digest = Sha256::new().chain_update(seed).chain_update(block.to_be_bytes());
        bytes.extend_from_slice(&digest.finalize());
        block += 1;
    }
    bytes.truncate(size);
    bytes
}
