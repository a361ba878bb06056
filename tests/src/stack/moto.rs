//! Starts moto's server: the second opinion on S3, for the contract tests alone. No function meets it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpStream;

use super::keeper::{Kept, Order};
use super::venv::Venv;
use super::{ports, wait};

/// A free port can be taken by somebody else before moto has it.
const STARTS_MAX: u32 = 5;
const READY_MAX: Duration = Duration::from_secs(60);

/// A running moto.
#[derive(Debug)]
pub struct Moto {
    url: String,
    _process: Kept,
}

impl Moto {
    /// Starts it and waits until it listens; its log is in `folder`.
    ///
    /// # Errors
    /// When it does not start, with where its log is.
    pub async fn start(venv: &Venv, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("moto.log");
        for _ in 0..STARTS_MAX {
            let port = ports::free()?.to_string();
            let order = Order::new(venv.python())
                .args(["-I", "-m", "moto.server", "-H", "127.0.0.1", "-p", &port])
                .only_environment([("HOME", folder.as_os_str())])
                .in_folder(folder)
                .log(&log);
            let process = Kept::start(&venv.python(), order).await?;
            let address = format!("127.0.0.1:{port}");
            let listens = wait::until("moto listens", READY_MAX, async || {
                if process.ended()?.is_some() {
                    return Ok(Some(false));
                }
                Ok(TcpStream::connect(&address).await.is_ok().then_some(true))
            });
            if listens.await.with_context(|| format!("starting moto (see {})", log.display()))? {
                return Ok(Self { url: format!("http://{address}"), _process: process });
            }
        }
        bail!("moto ended at once in {STARTS_MAX} tries (see {})", log.display());
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}
