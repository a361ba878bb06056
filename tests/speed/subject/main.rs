//! What `cargo race` measures of warmspare: a function like the others, built like them and started
//! like them, whose event says what is to be moved through the adapters.

use std::fs::File;
use std::io::Read as _;
use std::process::ExitCode;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use serde::Deserialize;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Uploaded, Vault};
use warmspare_act::scheduled_backup;
use warmspare_act::stream::{Chunks, Measured, crc64nvme_text};
use warmspare_decide::encryption::Encryption;
use warmspare_decide::lock::Protection;
use warmspare_decide::name::KeyArn;
use warmspare_decide::outcome::Outcome;

/// What one read of a source gives at most, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// An object, so that the runs of a race do not stand in each other's way.
const KEY: &str = "backups/race/subject";

/// What is to be done, once.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Work {
    /// What scheduled-backup does with this event.
    Backup { event: String },
    #[serde(untagged)]
    Transfer(Transfer),
}

/// One object that is moved.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Transfer {
    /// A file into the vault, with every sum of it.
    Upload { path: String, key_arn: String },
    /// The content of a file again and again, as a stream of unknown length.
    UploadLong { path: String, key_arn: String, length_bytes: u64 },
    /// The sums alone, of what lies in memory.
    Sums { path: String, length_bytes: u64 },
    /// An object out of the vault, with every sum of it.
    Verify { key: String },
    /// The same, with its CRC alone.
    Scrub { key: String },
}

fn main() -> ExitCode {
    warmspare_aws::serve("subject", async |live, event| {
        let work = serde_json::from_slice(event)
            .map_err(|error| fault("the event", &error.to_string()))?;
        match work {
            Work::Backup { event } => scheduled_backup::answer(live, event.as_bytes()).await,
            Work::Transfer(transfer) => Ok(Outcome::Done(done(live, transfer).await?)),
        }
    })
}

/// The sum by which the race tells that it was done.
async fn done<P: Vault>(ports: &P, transfer: Transfer) -> Result<String, Fault> {
    match transfer {
        Transfer::Upload { path, key_arn } => upload(ports, &key_arn, open(&path)?).await,
        Transfer::UploadLong { path, key_arn, length_bytes } => {
            upload(ports, &key_arn, Again::of(&path, length_bytes)?).await
        }
        Transfer::Sums { path, length_bytes } => {
            Ok(Measured::new(Again::of(&path, length_bytes)?).drain().await?.sha256)
        }
        Transfer::Verify { key } => {
            let body = ports.read_back(&key, "v1").await?;
            Ok(Measured::new(body).drain().await?.sha256)
        }
        Transfer::Scrub { key } => {
            let mut body = ports.read_back(&key, "v1").await?;
            let mut crc = Digest::new(CrcAlgorithm::Crc64Nvme);
            while let Some(piece) = body.next().await? {
                crc.update(&piece);
            }
            Ok(crc64nvme_text(crc.finalize()))
        }
    }
}

async fn upload<P: Vault, C: Chunks>(ports: &P, key_arn: &str, stream: C) -> Result<String, Fault> {
    let key_arn = KeyArn::parse(key_arn).map_err(|error| fault("the key", &error.to_string()))?;
    let protection = Protection { encryption: Encryption::Key(key_arn), lock: None };
    match ports.upload(KEY, &protection, &mut Measured::new(stream), None).await? {
        Uploaded::New { sums, .. } => Ok(sums.sha256),
        Uploaded::Exists => Err(fault(KEY, "it exists")),
    }
}

fn open(path: &str) -> Result<FromFile, Fault> {
    let file = File::open(path).map_err(|error| fault(path, &error.to_string()))?;
    Ok(FromFile { file, path: path.to_owned() })
}

fn fault(subject: &str, why: &str) -> Fault {
    Fault::new(Hope::Permanent, "racing with", subject, why)
}

/// A file, piece by piece.
struct FromFile {
    file: File,
    path: String,
}

impl Chunks for FromFile {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let limit = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let read = self.file.by_ref().take(limit).read_to_end(&mut piece);
        read.map_err(|error| fault(&self.path, &error.to_string()))?;
        Ok(Some(Bytes::from(piece)).filter(|piece| !piece.is_empty()))
    }

    fn length_bytes(&self) -> Option<u64> {
        self.file.metadata().ok().map(|about| about.len())
    }
}

/// The same block again and again.
struct Again {
    block: Bytes,
    left_bytes: u64,
}

impl Again {
    fn of(path: &str, length_bytes: u64) -> Result<Self, Fault> {
        let block = std::fs::read(path).map_err(|error| fault(path, &error.to_string()))?;
        Ok(Self { block: Bytes::from(block), left_bytes: length_bytes })
    }
}

impl Chunks for Again {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let left = usize::try_from(self.left_bytes).unwrap_or(usize::MAX);
        let piece = self.block.slice(..left.min(self.block.len()));
        self.left_bytes = self.left_bytes.saturating_sub(u64::try_from(piece.len()).unwrap_or(0));
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }
}
