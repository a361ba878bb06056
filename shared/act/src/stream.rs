//! Streams of bytes, and what is computed of them while they pass.

#![expect(
    async_fn_in_trait,
    reason = "everything runs on one current-thread runtime: no future has to be Send"
)]

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use sha2::{Digest, Sha256};
use warmspare_decide::manifest::Sums;
use warmspare_decide::verify::ObjectFacts;

use crate::fault::{Fault, Hope};

/// A stream of bytes, read piece by piece.
pub trait Chunks {
    /// The next piece; `None` when the stream is whole and over. A stream that breaks off ends in a
    /// fault, never in `None`.
    async fn next(&mut self) -> Result<Option<Bytes>, Fault>;

    /// How long the stream is in all, in bytes, as its source says. It is held to nothing.
    fn length_bytes(&self) -> Option<u64> {
        None
    }
}

/// A stream that has to be what S3 says of it; else it ends in a fault, like one that breaks off, so
/// that nothing is stored of it.
#[derive(Debug)]
pub struct Held<C> {
    inner: C,
    key: String,
    wanted_bytes: u64,
    wanted_crc: Option<String>,
    size_bytes: u64,
    crc: Crc,
}

impl<C: Chunks> Held<C> {
    /// The body of the object `key`, which is to be as these facts say. S3 may keep another checksum
    /// than CRC-64/NVME, if the object was sent with another one: then only its length is compared.
    pub fn new(inner: C, key: &str, facts: &ObjectFacts) -> Self {
        let is_whole = facts.checksum_type.as_deref() != Some("COMPOSITE");
        Self {
            inner,
            key: key.to_owned(),
            wanted_bytes: facts.size_bytes,
            wanted_crc: facts.crc64nvme.clone().filter(|_| is_whole),
            size_bytes: 0,
            crc: Crc::new(CrcAlgorithm::Crc64Nvme),
        }
    }

    /// A body that is to be so long, and of which nothing else was said.
    pub fn of_length(inner: C, key: &str, wanted_bytes: u64) -> Self {
        Self {
            inner,
            key: key.to_owned(),
            wanted_bytes,
            wanted_crc: None,
            size_bytes: 0,
            crc: Crc::new(CrcAlgorithm::Crc64Nvme),
        }
    }

    fn confirm(&self) -> Result<(), Fault> {
        let differs = |why: String| Err(Fault::new(Hope::Retryable, "reading", &self.key, why));
        if self.size_bytes != self.wanted_bytes {
            let (read, said) = (self.size_bytes, self.wanted_bytes);
            return differs(format!(
                "{read} bytes of it were read, and it was said to have {said}"
            ));
        }
        let read = crc64nvme_text(self.crc.finalize());
        match &self.wanted_crc {
            Some(said) if *said != read => differs(format!(
                "its CRC-64/NVME when read is {read}, and S3 says that it is {said}"
            )),
            Some(_) | None => Ok(()),
        }
    }
}

impl<C: Chunks> Chunks for Held<C> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = self.inner.next().await?;
        match &piece {
            Some(bytes) => {
                self.size_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.crc.update(bytes);
            }
            None => self.confirm()?,
        }
        Ok(piece)
    }

    fn length_bytes(&self) -> Option<u64> {
        Some(self.wanted_bytes)
    }
}

/// A stream whose size and digests are computed while it passes.
#[derive(Debug)]
pub struct Measured<C> {
    inner: C,
    size_bytes: u64,
    sha256: Sha256,
    crc: Crc,
}

impl<C: Chunks> Measured<C> {
    /// Measures from the first byte on.
    pub fn new(inner: C) -> Self {
        let crc = Crc::new(CrcAlgorithm::Crc64Nvme);
        Self { inner, size_bytes: 0, sha256: Sha256::new(), crc }
    }

    /// The sums of what has passed so far; of the whole stream once `next` has given `None`.
    pub fn sums(&self) -> Sums {
        Sums {
            size_bytes: self.size_bytes,
            sha256: hexadecimal(&self.sha256.clone().finalize()),
            crc64nvme: crc64nvme_text(self.crc.finalize()),
        }
    }

    /// Reads to the end and gives the sums.
    ///
    /// # Errors
    /// The stream's own fault.
    pub async fn drain(mut self) -> Result<Sums, Fault> {
        while self.next().await?.is_some() {}
        Ok(self.sums())
    }
}

impl<C: Chunks> Chunks for Measured<C> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = self.inner.next().await?;
        if let Some(bytes) = &piece {
            self.size_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.sha256.update(bytes);
            self.crc.update(bytes);
        }
        Ok(piece)
    }

    fn length_bytes(&self) -> Option<u64> {
        self.inner.length_bytes()
    }
}

/// Bytes that are all there, as a stream.
#[derive(Debug)]
pub struct Whole(Option<Bytes>);

impl Whole {
    /// Of these.
    pub fn of(bytes: impl Into<Bytes>) -> Self {
        Self(Some(bytes.into()))
    }
}

impl Chunks for Whole {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(self.0.take())
    }
}

/// The sums of bytes that are all there.
pub fn sums_of(bytes: &[u8]) -> Sums {
    Sums {
        size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256: hexadecimal(&Sha256::digest(bytes)),
        crc64nvme: crc64nvme_of(bytes),
    }
}

/// The CRC-64/NVME of bytes that are all there, as S3 writes it.
pub fn crc64nvme_of(bytes: &[u8]) -> String {
    let mut crc = Crc::new(CrcAlgorithm::Crc64Nvme);
    crc.update(bytes);
    crc64nvme_text(crc.finalize())
}

/// A CRC-64/NVME as S3 writes it: big-endian, in base64.
pub fn crc64nvme_text(crc: u64) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, crc.to_be_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
