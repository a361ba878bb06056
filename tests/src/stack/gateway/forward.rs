//! Carries requests and answers, streaming, and does on the way what a rule says.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Shared;
use super::action;
use super::call::Call;
use super::fault::{Doing, Effect, Held, Moment, Rule, Verdict};
use super::scope::Scope;
use super::text::{dated_back, decoded};
use crate::stack::wait;

/// A body of at most this many bytes is read before it is sent on, for what it says of the action.
const READ_BYTES_MAX: u64 = 1 << 20;
/// The record keeps what a call said up to this many bytes: a batch of records of a group is that long.
const KEPT_BYTES_MAX: usize = 64 << 10;

type Body = UnsyncBoxBody<Bytes, hyper::Error>;
type Upstream = Client<HttpConnector, Body>;

/// The connection ends here without an answer.
#[derive(Debug, Error)]
#[error("the connection was cut")]
struct Cut;

/// Serves both listeners until `stopped`.
pub(super) async fn serve(
    shared: Arc<Shared>,
    functions: StdListener,
    operator: StdListener,
    stopped: oneshot::Receiver<()>,
) {
    let client = Client::builder(TokioExecutor::new()).set_host(false).build_http();
    let listeners = async {
        tokio::join!(
            accept(&shared, &client, functions, true),
            accept(&shared, &client, operator, false),
        )
    };
    tokio::select! {
        _ = stopped => {}
        _ = listeners => {}
    }
}

async fn accept(shared: &Arc<Shared>, client: &Upstream, listener: StdListener, faulty: bool) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, caller)) = listener.accept().await else {
            // That of one connection that is gone already, or too many open files: others go on.
            tokio::task::yield_now().await;
            continue;
        };
        let (shared, client) = (Arc::clone(shared), client.clone());
        let service = service_fn(move |request| {
            let (shared, client) = (Arc::clone(&shared), client.clone());
            Box::pin(
                async move { Carrier { shared, client, faulty }.answer(request, caller).await },
            )
        });
        let _ = stream.set_nodelay(true);
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Its error is the caller's leaving, or our cutting it off.
            let _ = connection.await;
        });
    }
}

/// A request that was understood as far as rules and records need it.
struct Asked {
    parts: Parts,
    body: Body,
    call: Call,
}

#[derive(Clone)]
struct Carrier {
    shared: Arc<Shared>,
    client: Upstream,
    faulty: bool,
}

impl Carrier {
    async fn answer(
        self,
        request: Request<Incoming>,
        caller: SocketAddr,
    ) -> Result<Response<Body>, Cut> {
        let (mut asked, text) = read(request, caller).await.map_err(|_| Cut)?;
        if !self.faulty {
            return Ok(self.forward(asked).await);
        }
        self.shared.record().add(&mut asked.call);
        match self.shared.rules.meeting(&asked.call, &text) {
            None => Ok(self.forward(asked).await),
            Some(rule) => {
                let number = asked.call.number;
                self.shared.record().answered(number, None, Some(rule.doing().name()));
                self.harm(&rule, asked).await
            }
        }
    }

    async fn harm(self, rule: &Rule, asked: Asked) -> Result<Response<Body>, Cut> {
        match rule.doing() {
            Doing::Effect(Effect::Refuse) => Err(Cut),
            Doing::Effect(Effect::Silence) => {
                rule.healed().await;
                Ok(self.forward(asked).await)
            }
            Doing::Effect(Effect::Status { code, body, content_type }) => {
                self.shared.record().answered(asked.call.number, Some(*code), None);
                Ok(made_up(*code, content_type, body.clone()))
            }
            Doing::Effect(Effect::LoseReply) => {
                self.let_it_happen(asked).await;
                Err(Cut)
            }
            Doing::Effect(Effect::Earlier { element, by }) => {
                let (mut parts, body) = self.forward(asked).await.into_parts();
                let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
                let earlier = dated_back(&String::from_utf8_lossy(&body), element, *by);
                // The new one is as long as its body, and says so.
                parts.headers.remove(CONTENT_LENGTH);
                Ok(Response::from_parts(parts, full(Bytes::from(earlier))))
            }
            Doing::Hold(Moment::Before, trap) => {
                let (held, verdict) = Held::new(asked.call.clone());
                // Without a trap any more the call is free.
                if trap.send(held).is_ok() && verdict.await == Ok(Verdict::Lose) {
                    return Err(Cut);
                }
                Ok(self.forward(asked).await)
            }
            Doing::Hold(Moment::After, trap) => {
                let mut call = asked.call.clone();
                let response = self.forward(asked).await;
                call.status = Some(response.status().as_u16());
                let (held, verdict) = Held::new(call);
                if trap.send(held).is_ok() && verdict.await == Ok(Verdict::Lose) {
                    return Err(Cut);
                }
                Ok(response)
            }
        }
    }

    /// Forwards to the very end, also if the caller leaves meanwhile.
    async fn let_it_happen(self, asked: Asked) {
        let happening = tokio::spawn(async move {
            let _ = self.forward(asked).await.into_body().collect().await;
        });
        let _ = happening.await;
    }

    async fn forward(&self, asked: Asked) -> Response<Body> {
        let Asked { parts, body, call } = asked;
        let response = match self.shared.upstream(&call.service) {
            Some(upstream) => self.carry(upstream, parts, body).await,
            None => unreachable(&call.service, "it has not been started"),
        };
        if self.faulty {
            let status = response.status().as_u16();
            self.shared.record().answered(call.number, Some(status), None);
        }
        response
    }

    async fn carry(&self, upstream: Authority, mut parts: Parts, body: Body) -> Response<Body> {
        let name = upstream.to_string();
        let mut target = parts.uri.into_parts();
        target.scheme = Some(Scheme::HTTP);
        target.authority = Some(upstream);
        parts.uri = match Uri::from_parts(target) {
            Ok(uri) => uri,
            Err(error) => return unreachable(&name, &error.to_string()),
        };
        // Of this connection only; everything else goes on as it came, Host too: it is signed.
        parts.headers.remove(CONNECTION);
        // AWS is spoken to over TLS only, and a bucket policy may demand it: MiniStack, behind a gateway
        // that speaks plainly on 127.0.0.1, is told so as a load balancer would tell it.
        parts.headers.insert("x-forwarded-proto", http::HeaderValue::from_static("https"));
        match self.client.request(Request::from_parts(parts, body)).await {
            Ok(mut response) => {
                response.headers_mut().remove(CONNECTION);
                response.map(BodyExt::boxed_unsync)
            }
            Err(error) => unreachable(&name, &error.to_string()),
        }
    }
}

/// Reads what names the call. Second: everything in it that a rule may look for.
async fn read(
    request: Request<Incoming>,
    caller: SocketAddr,
) -> Result<(Asked, String), hyper::Error> {
    let (parts, incoming) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let path = parts.uri.path().to_owned();
    let scope = Scope::of(&parts.headers, &query);
    let (body, said) = if worth_reading(&parts, &scope.service) {
        let bytes = incoming.collect().await?.to_bytes();
        let said = String::from_utf8_lossy(&bytes).into_owned();
        (full(bytes), said)
    } else {
        (incoming.boxed_unsync(), String::new())
    };
    let naming = action::Parts {
        method: &parts.method,
        headers: &parts.headers,
        path: &path,
        query: &query,
        body: &said,
    };
    let action = action::name(&scope.service, naming);
    let whole = parts.uri.path_and_query().map_or_else(|| path.clone(), ToString::to_string);
    // A form writes a space as a plus; other bodies are there as they came.
    let form = decoded(&said.replace('+', " "));
    let text = format!("{whole}\n{}\n{said}\n{form}", decoded(&whole));
    let copied = parts.headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok());
    let said = if said.len() <= KEPT_BYTES_MAX { form } else { String::new() };
    let said = copied.map_or(said, decoded);
    let call = Call {
        number: 0,
        at: wait::now(),
        region: scope.region,
        service: scope.service,
        action,
        path: whole,
        said,
        access_key: scope.access_key,
        caller,
        status: None,
        fault: None,
    };
    Ok((Asked { parts, body, call }, text))
}

/// An object's bytes are carried, never read: they say nothing of the call, and may be many.
fn worth_reading(parts: &Parts, service: &str) -> bool {
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|value| value.parse().ok());
    let small = length.is_some_and(|length: u64| length > 0 && length <= READ_BYTES_MAX);
    small && !(service == "s3" && parts.method == Method::PUT)
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn made_up(code: u16, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

fn unreachable(who: &str, why: &str) -> Response<Body> {
    let sentence = format!("the gateway of the local stack does not reach `{who}`: {why}\n");
    made_up(502, "text/plain", Bytes::from(sentence))
}
