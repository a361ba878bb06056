//! What a backup reads. A stream ends in `None` only when the source itself said that it was whole.

mod dumps;
mod https;
mod postgres;

use bytes::Bytes;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Sources;
use warmspare_act::stream::Chunks;
use warmspare_decide::plan::From;

use crate::Live;

const DURING: &str = "reading the source";

/// A source that was opened.
#[derive(Debug)]
pub struct SourceStream {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Https(https::Answer),
    Postgres(Box<postgres::Dump>),
}

impl Sources for Live {
    type Stream = SourceStream;

    async fn open(&self, from: &From) -> Result<SourceStream, Fault> {
        let inner = match from {
            From::Https(download) => Inner::Https(Box::pin(https::open(self, download)).await?),
            From::Postgres { host, port, database, secret, tls, packages: _ } => {
                let target = postgres::Target { host, port: *port, database, tls: *tls };
                Inner::Postgres(Box::new(Box::pin(postgres::open(self, target, secret)).await?))
            }
            // Copied object by object; see `Artifacts`.
            From::S3(store) => return Err(not_built(&store.bucket, "a bucket as one stream")),
            // Asked, and its file read from where it writes; see `Controllers`.
            From::Aviatrix(controller) => {
                return Err(not_built(&controller.endpoint.url, "an Aviatrix controller"));
            }
            // Adopted from the vault itself; see `Inbox`.
            From::Upload => return Err(not_built("uploads/", "an inbox")),
        };
        Ok(SourceStream { inner })
    }
}

impl Chunks for SourceStream {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match &mut self.inner {
            Inner::Https(download) => download.next().await,
            Inner::Postgres(dump) => Box::pin(dump.next()).await,
        }
    }

    fn length_bytes(&self) -> Option<u64> {
        match &self.inner {
            Inner::Https(download) => download.length_bytes(),
            Inner::Postgres(_) => None,
        }
    }
}

fn not_built(subject: &str, what: &str) -> Fault {
    let why = format!("{what} as a source is not supported by this version");
    Fault::new(Hope::Permanent, DURING, subject, why)
}

/// A program of a test is run with this held. A file cannot be run while it is open for writing, and a process
/// that another test starts at that moment has it open.
#[cfg(test)]
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
