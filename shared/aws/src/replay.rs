//! Stand-ins for the other ends of our wires, for tests: AWS, which is given its answers
//! beforehand, and an HTTPS server with a certificate that it signed itself.

pub(crate) mod https;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use warmspare_act::fault::Fault;
use warmspare_act::stream::Chunks;

use crate::clients::Clients;
use crate::clock::Invocation;
use crate::config::Config;
use crate::live::{Live, Process};
use crate::tls::Roots;
use crate::web::Web;

pub(crate) const KEY: &str = "arn:aws:kms:us-west-2:123456789012:key/of-the-plan";
pub(crate) const VAULT_KEY: &str = "arn:aws:kms:us-west-2:123456789012:key/of-the-vault";
pub(crate) const OTHER_KEY: &str = "arn:aws:kms:us-west-2:123456789012:key/of-somebody";

/// The configuration of a function that was set up well. Parts are eight bytes long.
pub(crate) fn config() -> Config {
    let mut config = Config::parse(&|variable| {
        let value = match variable {
            "AWS_REGION" => "us-west-2",
            "AWS_ACCESS_KEY_ID" => "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY" => "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "VAULT_BUCKET" => "warmspare-vault",
            "VAULT_KEY_ARN" => VAULT_KEY,
            "VAULT_OWNER" => "123456789012",
            "RECOVERY_ROLE_ARN" => "arn:aws:iam::123456789012:role/recovery",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap();
    config.part_bytes = Some(8);
    config
}

/// A file that goes away with this.
#[derive(Debug)]
pub(crate) struct File {
    /// Where it is.
    pub(crate) path: String,
}

impl File {
    /// With this content. A name is used once in a process.
    pub(crate) fn of(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("warmspare-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self { path: path.to_str().unwrap().to_owned() }
    }

    /// What is in it now.
    pub(crate) fn content(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// An error as S3 writes it.
pub(crate) fn s3_error(code: &str, message: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
}

/// An error as RDS, Route 53 and STS write it.
pub(crate) fn query_error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
         </Error></ErrorResponse>"
    )
}

/// A request as it would have left.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// `PUT https://…`
    pub(crate) line: String,
    headers: BTreeMap<String, String>,
    /// As text; every body in these tests but one is.
    pub(crate) body: String,
}

impl Sent {
    /// The value of a header, by its lowercase name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Clone, Debug)]
enum Answer {
    Whole { status: u16, headers: Vec<(&'static str, String)>, body: Bytes },
    Lost,
    Late,
}

/// AWS at the other end: gives the answers that it was told, in order, and keeps every request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Wire {
    /// The next answer, with a body.
    pub(crate) fn says(self, status: u16, body: impl Into<Bytes>) -> Self {
        self.with(status, &[], body)
    }

    /// The next answers, all the same: one for each of the SDK's tries.
    pub(crate) fn keeps_saying(self, times: u32, status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        (0..times).fold(self, |wire, _| wire.says(status, body.clone()))
    }

    /// The next answer, with headers and a body.
    pub(crate) fn with(
        self,
        status: u16,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.queue(Answer::Whole { status, headers, body: body.into() })
    }

    /// The next request arrives, and its answer does not.
    pub(crate) fn loses_the_answer(self) -> Self {
        self.queue(Answer::Lost)
    }

    /// The next request is not answered within the time limit.
    pub(crate) fn answers_too_late(self) -> Self {
        self.queue(Answer::Late)
    }

    fn queue(self, answer: Answer) -> Self {
        self.answers.lock().unwrap().push_back(answer);
        self
    }

    /// Every request so far; fails if an answer is left over.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        assert_eq!(self.answers.lock().unwrap().len(), 0, "an answer was not asked for");
        self.sent.lock().unwrap().clone()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Sent {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.into_iter().next().unwrap()
    }

    /// An invocation that speaks to this.
    pub(crate) fn live(&self) -> Live {
        self.live_with(config())
    }

    /// An invocation with this configuration that speaks to this.
    pub(crate) fn live_with(&self, config: Config) -> Live {
        live(config, SharedHttpClient::new(self.clone()))
    }
}

/// An invocation that speaks to AWS over this.
pub(crate) fn live_over(http: SharedHttpClient) -> Live {
    live(config(), http)
}

/// The same, where AWS is somewhere else.
pub(crate) fn live_at(url: &str, http: SharedHttpClient) -> Live {
    let mut config = config();
    config.endpoint_url = Some(url.to_owned());
    live(config, http)
}

fn live(config: Config, http: SharedHttpClient) -> Live {
    let process = Process {
        clients: Clients::over(&config, http, Duration::from_millis(1)),
        config,
        web: Web::new(Roots::CompiledIn),
        recovery: Default::default(),
    };
    Live::new(Rc::new(process), Invocation::begin("8d5c4e4c", u64::from(u32::MAX) * 1000))
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = request.body().bytes().expect("a body that is in memory, and not chunked");
        let line = format!("{} {}", request.method(), request.uri());
        let body = String::from_utf8_lossy(body).into_owned();
        self.sent.lock().unwrap().push(Sent { line: line.clone(), headers, body });
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| panic!("no answer was told for {line}"));
        HttpConnectorFuture::ready(match answer {
            Answer::Whole { status, headers, body } => {
                let status = status.try_into().unwrap();
                let mut answer = HttpResponse::new(status, SdkBody::from(body));
                for (name, value) in headers {
                    answer.headers_mut().insert(name, value);
                }
                Ok(answer)
            }
            Answer::Lost => Err(ConnectorError::io("connection reset by peer".into())),
            Answer::Late => Err(ConnectorError::timeout("timed out".into())),
        })
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// A stream of these pieces.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Result<Bytes, Fault>>,
    length_bytes: Option<u64>,
    stands_still: bool,
}

impl Pieces {
    /// Ends well.
    pub(crate) fn of(pieces: &[&'static str]) -> Self {
        let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Self { pieces, ..Self::default() }
    }

    /// Ends in a fault.
    pub(crate) fn then(mut self, fault: Fault) -> Self {
        self.pieces.push_back(Err(fault));
        self
    }

    /// Does not end.
    pub(crate) fn then_nothing(self) -> Self {
        Self { stands_still: true, ..self }
    }

    /// Says that it is so long, whatever it is.
    pub(crate) fn saying(self, length_bytes: u64) -> Self {
        Self { length_bytes: Some(length_bytes), ..self }
    }
}

impl Chunks for Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.pieces.is_empty() && self.stands_still {
            return std::future::pending().await;
        }
        self.pieces.pop_front().transpose()
    }

    fn length_bytes(&self) -> Option<u64> {
        self.length_bytes
    }
}
