//! The tests' own hands on the emulated AWS: boto3 behind a line of JSON, with the root's
//! credentials, past the gateway's faults. Not for what a function does.

mod deploy;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::oneshot;

use super::folders;
use super::venv::Venv;

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{service} {operation} in {region}: {code}: {message}")]
pub struct AwsError {
    /// Where it was made.
    pub region: String,
    /// boto3's name of the service.
    pub service: String,
    /// boto3's name of the operation.
    pub operation: String,
    /// The service's code (`NoSuchKey`), or the name of the Python exception.
    pub code: String,
    /// What it said.
    pub message: String,
}

/// What an invocation came to.
#[derive(Debug, Clone)]
pub struct Invoked {
    /// 200 for a synchronous call, 202 for an event that was taken.
    pub status: u64,
    /// `Unhandled` and the like when the function failed.
    pub function_error: Option<String>,
    /// What it answered, as JSON; null for an event.
    pub answer: Value,
    /// The end of its log.
    pub log: String,
}

/// One record set of a hosted zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// With its final dot.
    pub name: String,
    /// `A`, `TXT`, …
    pub kind: String,
    /// In seconds; `None` for an alias.
    pub ttl_s: Option<u64>,
    /// As Route 53 writes them: a TXT value keeps its quotes.
    pub values: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    id: Option<u64>,
    ok: Option<Value>,
    error: Option<Told>,
}

#[derive(Debug, Deserialize)]
struct Told {
    code: String,
    message: String,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, Told>>>>>;

/// boto3, in a process of its own that ends with this one.
#[derive(Debug)]
pub struct Aws {
    process: Mutex<Child>,
    requests: Mutex<Option<ChildStdin>>,
    waiting: Waiting,
    asked: AtomicU64,
}

impl Aws {
    /// Starts it against `endpoint`, the gateway's operator; its complaints go to a file in
    /// `folder`.
    ///
    /// # Errors
    /// When Python cannot be started.
    pub async fn start(venv: &Venv, folder: &Path, endpoint: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(venv.python());
        command.arg("-I").arg(folders::python_file("aws.py")).arg(endpoint);
        command.env_clear().env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(folder.join("aws.log"))?);
        // Ctrl-C reaches only us; it ends because its standard input does.
        command.process_group(0);
        let mut process = command.spawn().context("starting boto3")?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        let waiting = Waiting::default();
        let (ready, is_ready) = oneshot::channel();
        if let Some(answers) = answers {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name("aws".to_owned())
                .spawn(move || listen(answers, &waiting, ready))?;
        }
        let aws = Self {
            process: Mutex::new(process),
            requests: Mutex::new(requests),
            waiting,
            asked: AtomicU64::new(0),
        };
        let log = folder.join("aws.log");
        is_ready.await.with_context(|| format!("starting boto3 (see {})", log.display()))?;
        Ok(aws)
    }

    /// Calls `operation` (boto3's name: `put_object`) with boto3's arguments. Bytes are made
    /// by [`bytes()`].
    ///
    /// # Errors
    /// The service's code and message.
    pub async fn call(
        &self,
        region: &str,
        service: &str,
        operation: &str,
        args: Value,
    ) -> Result<Value, AwsError> {
        self.ask((region, service, operation), args, false).await
    }

    /// The same for a listing, followed to its last page.
    ///
    /// # Errors
    /// The service's code and message.
    pub async fn pages(
        &self,
        region: &str,
        service: &str,
        operation: &str,
        args: Value,
    ) -> Result<Value, AwsError> {
        self.ask((region, service, operation), args, true).await
    }

    /// The bytes of an object, or `None` if there is none.
    ///
    /// # Errors
    /// As [`Aws::call`].
    pub async fn object(
        &self,
        region: &str,
        bucket: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, AwsError> {
        let found =
            self.call(region, "s3", "get_object", json!({ "Bucket": bucket, "Key": key })).await;
        match found {
            Ok(answer) => Ok(Some(from_bytes(at(&answer, "Body")))),
            Err(error) if error.code == "NoSuchKey" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The keys that begin with `prefix`, in order.
    ///
    /// # Errors
    /// As [`Aws::call`].
    pub async fn objects(
        &self,
        region: &str,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<String>, AwsError> {
        let args = json!({ "Bucket": bucket, "Prefix": prefix });
        let listing = self.pages(region, "s3", "list_objects_v2", args).await?;
        Ok(each(at(&listing, "Contents")).map(|object| text(at(object, "Key"))).collect())
    }

    /// Invokes a function: waits for its answer, or hands it the event and returns. An event is
    /// tried again and ends in a queue as the function's configuration says; MiniStack does so for
    /// this and for S3's own notifications, not for what a rule or an SNS topic delivers: that gets
    /// one try.
    ///
    /// # Errors
    /// As [`Aws::call`]; a function that fails is no error here.
    pub async fn invoke(
        &self,
        region: &str,
        function: &str,
        payload: &Value,
        wait: bool,
    ) -> Result<Invoked, AwsError> {
        let args = json!({
            "FunctionName": function,
            "InvocationType": if wait { "RequestResponse" } else { "Event" },
            "LogType": if wait { "Tail" } else { "None" },
            "Payload": bytes(payload.to_string().as_bytes()),
        });
        let answer = self.call(region, "lambda", "invoke", args).await?;
        let log = STANDARD.decode(text(at(&answer, "LogResult"))).unwrap_or_default();
        Ok(Invoked {
            status: at(&answer, "StatusCode").as_u64().unwrap_or_default(),
            function_error: at(&answer, "FunctionError").as_str().map(str::to_owned),
            answer: serde_json::from_slice(&from_bytes(at(&answer, "Payload"))).unwrap_or_default(),
            log: String::from_utf8_lossy(&log).into_owned(),
        })
    }

    /// The record sets of a hosted zone.
    ///
    /// # Errors
    /// As [`Aws::call`].
    pub async fn records(&self, zone: &str) -> Result<Vec<DnsRecord>, AwsError> {
        let args = json!({ "HostedZoneId": zone });
        let listing = self.pages("us-east-1", "route53", "list_resource_record_sets", args).await?;
        let record = |set: &Value| DnsRecord {
            name: text(at(set, "Name")),
            kind: text(at(set, "Type")),
            ttl_s: at(set, "TTL").as_u64(),
            values: each(at(set, "ResourceRecords"))
                .map(|record| text(at(record, "Value")))
                .collect(),
        };
        Ok(each(at(&listing, "ResourceRecordSets")).map(record).collect())
    }

    /// What a function has printed so far, line by line, with Lambda's own START, END and REPORT;
    /// nothing if it has not run yet.
    ///
    /// # Errors
    /// As [`Aws::call`].
    pub async fn printed(&self, region: &str, function: &str) -> Result<Vec<String>, AwsError> {
        let args = json!({ "logGroupName": format!("/aws/lambda/{function}") });
        match self.pages(region, "logs", "filter_log_events", args).await {
            Ok(found) => Ok(each(at(&found, "events"))
                .map(|event| text(at(event, "message")).trim_end().to_owned())
                .collect()),
            Err(error) if error.code == "ResourceNotFoundException" => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn ask(
        &self,
        (region, service, operation): (&str, &str, &str),
        args: Value,
        pages: bool,
    ) -> Result<Value, AwsError> {
        let id = self.asked.fetch_add(1, Ordering::Relaxed);
        let request = json!({
            "id": id, "region": region, "service": service, "operation": operation,
            "args": args, "pages": pages,
        });
        let (answer, answered) = oneshot::channel();
        locked(&self.waiting).insert(id, answer);
        let gone = || Told { code: "Gone".to_owned(), message: "boto3 has ended".to_owned() };
        let answer = if self.send(&request).is_ok() {
            answered.await.unwrap_or_else(|_| Err(gone()))
        } else {
            locked(&self.waiting).remove(&id);
            Err(gone())
        };
        answer.map_err(|told| AwsError {
            region: region.to_owned(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            code: told.code,
            message: told.message,
        })
    }

    fn send(&self, request: &Value) -> anyhow::Result<()> {
        let mut requests = locked(&self.requests);
        let pipe = requests.as_mut().context("it has ended")?;
        pipe.write_all(format!("{request}\n").as_bytes())?;
        Ok(pipe.flush()?)
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        drop(locked(&self.requests).take());
        let _ = locked(&self.process).wait();
    }
}

/// Hands each answer to whoever waits for it; when the process ends, nobody is left waiting.
fn listen(answers: ChildStdout, waiting: &Waiting, ready: oneshot::Sender<()>) {
    let mut ready = Some(ready);
    for line in BufReader::new(answers).lines().map_while(Result::ok) {
        let Ok(answer) = serde_json::from_str::<Answer>(&line) else {
            continue;
        };
        match answer.id.and_then(|id| locked(waiting).remove(&id)) {
            Some(asker) => {
                let _ = asker.send(answer.error.map_or(Ok(answer.ok.unwrap_or_default()), Err));
            }
            None => {
                let _ = ready.take().map(|ready| ready.send(()));
            }
        }
    }
    locked(waiting).clear();
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes as an argument of a call.
pub fn bytes(content: &[u8]) -> Value {
    json!({ "$bytes": STANDARD.encode(content) })
}

/// The bytes of an answer; none if there are none.
pub fn from_bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(text(at(value, "$bytes"))).unwrap_or_default()
}

/// A field of an object; null if there is none.
pub fn at<'a>(object: &'a Value, field: &str) -> &'a Value {
    object.get(field).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
