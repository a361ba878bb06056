//! Starts MiniStack, the AWS emulator, as nobody's but this run's: a private folder, a clean
//! environment, IAM enforced. What it emulates how is its own affair.
//!
//! How it runs a `provided.*` function (ministack/core/lambda_runtime.py, `ProvidedWorker`): each
//! execution environment is one `bootstrap`, a direct child of the MiniStack process, started at
//! the first invocation and kept for the next ones; concurrent invocations get more of them. It
//! inherits MiniStack's whole environment, then gets `AWS_LAMBDA_FUNCTION_NAME`,
//! `AWS_LAMBDA_RUNTIME_API`, `AWS_REGION`, the credentials of its role, then the function's own
//! variables, and last `AWS_ENDPOINT_URL` again. One that is killed fails its invocation with
//! `Runtime.ExitError` and is replaced at the next one. They die with the stack: all are
//! descendants of the keeper.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::keeper::{Kept, Order};
use super::venv::Venv;
use super::{folders, ports, postgres, wait};

/// The account that everything in the stack belongs to.
pub const ACCOUNT: &str = "123456789012";

/// A free port can be taken by somebody else before MiniStack has it.
const STARTS_MAX: u32 = 5;
const READY_MAX: Duration = Duration::from_secs(60);

/// A running MiniStack.
#[derive(Debug)]
pub struct MiniStack {
    process: Kept,
    url: String,
    log: PathBuf,
}

impl MiniStack {
    /// Starts it in `folder` and waits until it answers. The functions get `endpoint` as
    /// `AWS_ENDPOINT_URL` and, like MiniStack, the variables in `extra`. One bug is mended on the way
    /// (`tests/python/mended.py`).
    ///
    /// # Errors
    /// When it does not start, with where its log is.
    pub async fn start(
        venv: &Venv,
        folder: &Path,
        endpoint: &str,
        extra: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let mended = folders::python_file("mended.py").into_os_string();
        Self::start_by(&[mended], venv, folder, endpoint, extra).await
    }

    /// The same without the mend, for the tests that say what differs from AWS. No function lives in it.
    ///
    /// # Errors
    /// As [`MiniStack::start`].
    pub async fn start_as_published(venv: &Venv, folder: &Path) -> anyhow::Result<Self> {
        Self::start_by(&["-m".into(), "ministack".into()], venv, folder, "", &[]).await
    }

    async fn start_by(
        program: &[OsString],
        venv: &Venv,
        folder: &Path,
        endpoint: &str,
        extra: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let log = folder.join("ministack.log");
        for turn in 1..=STARTS_MAX {
            let port = ports::free()?;
            // Its answer to a health check holds this name: another MiniStack that took the port
            // between our look and its start is not mistaken for ours.
            let name = format!("warmspare-{}-{port}-{turn}", std::process::id());
            let order = Order::new(venv.python())
                .arg("-I")
                .args(program)
                .only_environment(environment(venv, folder, endpoint, port, &name, extra)?)
                .in_folder(folder)
                .log(&log);
            let process = Kept::start(&venv.python(), order).await?;
            let url = format!("http://127.0.0.1:{port}");
            if is_ready(&process, &url, &name).await.with_context(|| seen_in(&log))? {
                return Ok(Self { process, url, log });
            }
        }
        bail!("MiniStack ended at once in {STARTS_MAX} tries: {}", seen_in(&log));
    }

    /// Where it listens; functions and tests go through the gateway instead.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id: the parent of every bootstrap.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has printed, the functions' output among it.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

fn seen_in(log: &Path) -> String {
    format!("starting MiniStack (see {})", log.display())
}

/// All that MiniStack and the functions see of this machine's environment.
fn environment(
    venv: &Venv,
    folder: &Path,
    endpoint: &str,
    port: u16,
    name: &str,
    extra: &[(String, String)],
) -> anyhow::Result<Vec<(OsString, OsString)>> {
    // PostgreSQL's programs come first, in the place of the layer that brings them on AWS: pg_dump
    // must not be older than the server, and that of this machine may be.
    let mut path = postgres::programs(venv)?.into_os_string();
    path.push(":/usr/local/bin:/usr/bin:/bin");
    let mut pairs: Vec<(OsString, OsString)> = Vec::new();
    for (variable, below) in
        [("HOME", "home"), ("TMPDIR", "tmp"), ("STATE_DIR", "state"), ("S3_DATA_DIR", "s3")]
    {
        let path = folder.join(below);
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        pairs.push((variable.into(), path.into()));
    }
    pairs.push(("PATH".into(), path));
    let port = port.to_string();
    for (variable, value) in [
        ("LANG", "C.UTF-8"),
        ("GATEWAY_PORT", port.as_str()),
        ("BIND_HOST", "127.0.0.1"),
        // Without it the functions would call the real AWS.
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT),
        ("MINISTACK_VERSION", name),
        // Signatures are verified, and roles limited to what their policies allow.
        ("AUTH", "true"),
        ("LAMBDA_EXECUTOR", "local"),
        ("IOT_MTLS_ENABLED", "0"),
        ("SFTP_ENABLED", "0"),
        ("PERSIST_STATE", "0"),
    ] {
        pairs.push((variable.into(), value.into()));
    }
    pairs.extend(extra.iter().map(|(variable, value)| (variable.into(), value.into())));
    Ok(pairs)
}

/// True when it answers by its name; false when the process has ended instead.
async fn is_ready(process: &Kept, url: &str, name: &str) -> anyhow::Result<bool> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let address: http::Uri = format!("{url}/_ministack/health").parse()?;
    let named = format!("\"{name}\"");
    wait::until("MiniStack answers", READY_MAX, async || {
        if process.ended()?.is_some() {
            return Ok(Some(false));
        }
        let answer = asked(&client, &address).await.unwrap_or_default();
        Ok(answer.contains(&named).then_some(true))
    })
    .await
}

async fn asked(
    client: &Client<HttpConnector, Empty<Bytes>>,
    address: &http::Uri,
) -> anyhow::Result<String> {
    let response = client.get(address.clone()).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}
