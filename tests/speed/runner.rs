//! One run of one client.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::json;

use crate::lambda::Lambda;
use crate::prepare::{Stage, here};
use crate::share::Share;
use crate::sink;

const BUCKET: &str = "race";
/// Where an object lies that is read.
const SOURCE: &str = "source";
/// Where the subject puts what it uploads.
const SUBJECT_KEY: &str = "backups/race/subject";
const PEER_KEY: &str = "peer";
const KEY_ARN: &str = "arn:aws:kms:us-west-2:111122223333:key/race";
const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "race")];

/// Who is raced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    Boto3,
    Awscli,
    S5cmd,
    Rclone,
    Curl,
    Warmspare,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Upload,
    UploadLong,
    Verify,
    Scrub,
    Sums,
}

/// What one run took.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Took {
    status: i32,
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) peak_bytes: u64,
}

impl Client {
    pub(crate) fn knows(self, task: Task) -> bool {
        match task {
            Task::Upload => true,
            Task::Verify => matches!(self, Self::Boto3 | Self::Curl | Self::Warmspare),
            Task::Scrub | Task::Sums | Task::UploadLong => self == Self::Warmspare,
        }
    }

    /// The name of a row.
    pub(crate) fn called(self, task: Task) -> String {
        let what = match (self, task) {
            (Self::Boto3, Task::Upload) => "boto3 upload_file",
            (Self::Boto3, _) => "boto3 get_object, SHA-256",
            (Self::Awscli, _) => "aws s3 cp",
            (Self::S5cmd, _) => "s5cmd cp",
            (Self::Rclone, _) => "rclone copyto",
            (Self::Curl, Task::Upload) => "curl, one PUT, no sums",
            (Self::Curl, _) => "curl, one GET, no sums",
            (Self::Warmspare, Task::Upload | Task::UploadLong) => {
                "warmspare upload, SHA-256 + CRC64NVME"
            }
            (Self::Warmspare, Task::Verify) => "warmspare verify, SHA-256 + CRC64NVME",
            (Self::Warmspare, Task::Scrub) => "warmspare read, CRC64NVME alone",
            (Self::Warmspare, Task::Sums) => "SHA-256 + CRC64NVME alone, in memory",
        };
        what.to_owned()
    }
}

/// Runs it, and holds what came against what was to come.
pub(crate) async fn run(
    stage: &Stage,
    client: Client,
    task: Task,
    mib: u32,
    memory_mb: u32,
    share: Option<&Share>,
) -> anyhow::Result<Took> {
    let length_bytes = u64::from(mib) << 20;
    stage.sink.objects.lay(SOURCE, length_bytes);
    stage.sink.objects.tally();
    let took = if client == Client::Warmspare {
        subject(stage, task, mib, memory_mb, share).await?
    } else {
        peer(stage, client, task, mib, share).await?
    };
    if matches!(task, Task::Upload | Task::UploadLong) {
        let key = if client == Client::Warmspare { SUBJECT_KEY } else { PEER_KEY };
        let taken = stage.sink.objects.taken(key).context("nothing has arrived")?;
        let (_, crc) = sums(mib);
        ensure!(
            (taken.length_bytes, taken.crc) == (length_bytes, crc),
            "{client:?} sent something else: {taken:?}"
        );
    }
    Ok(took)
}

async fn subject(
    stage: &Stage,
    task: Task,
    mib: u32,
    memory_mb: u32,
    share: Option<&Share>,
) -> anyhow::Result<Took> {
    let event = match task {
        Task::Upload => json!({"do": "upload", "path": stage.file(mib)?, "key_arn": KEY_ARN}),
        Task::UploadLong => json!({
            "do": "upload-long", "path": stage.file(1)?, "key_arn": KEY_ARN,
            "length_bytes": u64::from(mib) << 20,
        }),
        Task::Sums => json!({
            "do": "sums", "path": stage.file(1)?, "length_bytes": u64::from(mib) << 20,
        }),
        Task::Verify => json!({"do": "verify", "key": SOURCE}),
        Task::Scrub => json!({"do": "scrub", "key": SOURCE}),
    };
    let (took, answered) = function(stage, event.to_string(), memory_mb, share).await?;
    let is_done = match task {
        Task::Upload | Task::UploadLong | Task::Verify | Task::Sums => {
            answered.contains(&sums(mib).0)
        }
        Task::Scrub => answered.contains(&warmspare_act::stream::crc64nvme_text(sums(mib).1)),
    };
    ensure!(is_done, "the subject answered {answered:?}; it said {}", said(stage));
    Ok(took)
}

/// Starts our function with an event; what it took, and what it answered.
pub(crate) async fn function(
    stage: &Stage,
    event: String,
    memory_mb: u32,
    share: Option<&Share>,
) -> anyhow::Result<(Took, String)> {
    let lambda = Lambda::start(event).await?;
    let url = stage.sink.url();
    let memory = memory_mb.to_string();
    let mut command = measured(stage, share, &stage.subject);
    command
        .env_clear()
        .envs(CREDENTIALS)
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_LAMBDA_RUNTIME_API", &lambda.address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "subject")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
        .env("AWS_REGION", "us-west-2")
        .env("AWS_ENDPOINT_URL", url)
        .env("TLS_ROOTS_PEM", &stage.roots)
        .env("VAULT_BUCKET", BUCKET)
        .env("VAULT_KEY_ARN", KEY_ARN);
    let took = finished(command).await?;
    Ok((took, lambda.answered().unwrap_or_default()))
}

async fn peer(
    stage: &Stage,
    client: Client,
    task: Task,
    mib: u32,
    share: Option<&Share>,
) -> anyhow::Result<Took> {
    let url = stage.sink.url();
    let file = stage.file(mib)?;
    let mut command = match client {
        Client::Boto3 => {
            let mut command = boto3(stage, share);
            match task {
                Task::Upload => command.args(["upload", &url]).arg(file).args([BUCKET, PEER_KEY]),
                Task::UploadLong | Task::Verify | Task::Scrub | Task::Sums => {
                    command.args(["verify", &url, BUCKET, SOURCE])
                }
            };
            command
        }
        Client::Awscli => {
            let mut command = measured(stage, share, &stage.venv.join("python"));
            command.arg(stage.venv.join("aws")).args(["--endpoint-url", &url, "s3", "cp"]);
            command.arg("--no-progress").arg(file).arg(format!("s3://{BUCKET}/{PEER_KEY}"));
            command
        }
        Client::S5cmd => {
            let mut command = measured(stage, share, &stage.venv.join("s5cmd"));
            command.args(["--endpoint-url", &url, "cp", "-c", "8", "-p", "8"]);
            command.arg(file).arg(format!("s3://{BUCKET}/{PEER_KEY}"));
            command
        }
        Client::Rclone => rclone(stage, share, &url, &file),
        Client::Curl | Client::Warmspare => curl(stage, share, &url, task, &file),
    };
    command.envs(CREDENTIALS).env("AWS_DEFAULT_REGION", "us-west-2");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("SSL_CERT_FILE", &stage.roots);
    if client != Client::Rclone {
        command.env("AWS_CA_BUNDLE", &stage.roots);
    }
    let took = finished(command).await?;
    ensure!(took.status == 0, "{client:?} ended with {}; it said {}", took.status, said(stage));
    let is_sum_told = (client, task) == (Client::Boto3, Task::Verify);
    ensure!(!is_sum_told || said(stage).contains(&sums(mib).0), "boto3 read something else");
    Ok(took)
}

/// `peer.py`, without its arguments.
fn boto3(stage: &Stage, share: Option<&Share>) -> Command {
    let mut command = measured(stage, share, &stage.venv.join("python"));
    command.arg(here("peer.py"));
    command
}

/// Every object below a prefix, one after the other.
pub(crate) async fn copied_by_boto3(stage: &Stage, prefix: &str, to: &str) -> anyhow::Result<Took> {
    let mut command = boto3(stage, None);
    command.args(["copy", &stage.sink.url(), BUCKET, prefix, to]);
    command.envs(CREDENTIALS).env("AWS_DEFAULT_REGION", "us-west-2");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CA_BUNDLE", &stage.roots);
    let took = finished(command).await?;
    ensure!(took.status == 0, "boto3 ended with {}; it said {}", took.status, said(stage));
    Ok(took)
}

fn rclone(stage: &Stage, share: Option<&Share>, url: &str, file: &Path) -> Command {
    let mut command = measured(stage, share, Path::new("rclone"));
    command.env_remove("AWS_CA_BUNDLE");
    command.args(["copyto", "--config", "/dev/null", "--s3-provider", "Other", "--s3-env-auth"]);
    command.args(["--s3-endpoint", url, "--s3-region", "us-west-2", "--s3-no-check-bucket"]);
    command.args(["--s3-chunk-size", "8M", "--s3-upload-concurrency", "8", "--ca-cert"]);
    command.arg(&stage.roots).arg(file).arg(format!(":s3:{BUCKET}/{PEER_KEY}"));
    command
}

/// What TLS and the network cost alone.
fn curl(stage: &Stage, share: Option<&Share>, url: &str, task: Task, file: &Path) -> Command {
    let mut command = measured(stage, share, Path::new("curl"));
    command.args(["--silent", "--show-error", "--fail", "--http1.1", "--cacert"]).arg(&stage.roots);
    match task {
        Task::Upload => {
            command.arg("--upload-file").arg(file).arg(format!("{url}/{BUCKET}/{PEER_KEY}"))
        }
        Task::UploadLong | Task::Verify | Task::Scrub | Task::Sums => {
            command.args(["--output", "/dev/null"]).arg(format!("{url}/{BUCKET}/{SOURCE}"))
        }
    };
    command
}

fn measured(stage: &Stage, share: Option<&Share>, program: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg(here("measure.py")).arg(stage.home.join("log"));
    command.arg(share.map_or_else(|| "-".to_owned(), Share::folders)).arg(program);
    command
}

async fn finished(mut command: Command) -> anyhow::Result<Took> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout);
    let because = || format!("measure.py: {text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).with_context(because)
}

/// What the last program said.
pub(crate) fn said(stage: &Stage) -> String {
    std::fs::read_to_string(stage.home.join("log")).unwrap_or_default()
}

/// Of the object of this size; of long ones once.
fn sums(mib: u32) -> (String, u64) {
    use std::collections::HashMap;
    use std::sync::{Mutex, PoisonError};
    static SUMS: Mutex<Option<HashMap<u32, (String, u64)>>> = Mutex::new(None);
    let mut kept = SUMS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = kept.get_or_insert_default();
    known.entry(mib).or_insert_with(|| sink::sums(u64::from(mib))).clone()
}
