//! The HTTPS of an appliance, and how it is broken. What is answered is decided elsewhere.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, PublicKeyData};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::answers::{self, Answer, Content, Request};
use super::trouble::Trouble;
use super::{Asked, Inner, now};

type Body = BoxBody<Bytes, io::Error>;
type Response = hyper::Response<Body>;

/// A key of its own and a certificate that it signed itself, for `127.0.0.1` and `localhost`.
pub(super) struct Identity {
    acceptor: TlsAcceptor,
    certificate: Vec<u8>,
    public_key: Vec<u8>,
}

impl Identity {
    pub(super) fn new() -> Result<Self> {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(names).context("making a certificate")?;
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: cert.der().to_vec(),
            public_key: signing_key.subject_public_key_info(),
        })
    }

    pub(super) fn pin(&self) -> String {
        format!("sha256/{}", STANDARD.encode(Sha256::digest(&self.public_key)))
    }

    /// The stream behind TLS. A client that refuses the certificate is no concern of the server's.
    pub(super) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await.ok()
    }

    pub(super) fn certificate(&self) -> Vec<u8> {
        self.certificate.clone()
    }
}

/// Takes connections until it is aborted, and ends those it has with itself.
pub(super) async fn accept(inner: Arc<Inner>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(Arc::clone(&inner), stream));
    }
}

async fn serve(inner: Arc<Inner>, stream: TcpStream) {
    let Some(stream) = inner.identity.accept(stream).await else { return };
    let service = service_fn(move |request| {
        let inner = Arc::clone(&inner);
        async move { respond(&inner, request).await }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The error closes the connection without an answer.
async fn respond(inner: &Inner, request: hyper::Request<Incoming>) -> io::Result<Response> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let header = head.headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        authorization: header.map(str::to_owned),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let number = record(inner, &request);
    let trouble = inner.state().troubles.at(&request.path);
    let response = match trouble {
        None => whole(answers::answer(inner, &request).await),
        Some(Trouble::Status(status)) => whole(Answer::trouble(status, "broken on purpose")),
        Some(Trouble::Garbage) => garbage(),
        Some(Trouble::Nothing) => std::future::pending().await,
        Some(Trouble::AnswerLost) => {
            answers::answer(inner, &request).await;
            Err(io::Error::other("the answer is lost on purpose"))
        }
        Some(Trouble::Refuse) => Err(io::Error::other("the port is closed on purpose")),
        Some(Trouble::CutBody(after_bytes)) => {
            cut(answers::answer(inner, &request).await, after_bytes)
        }
        Some(Trouble::WrongLength(claimed_bytes)) => {
            let answer = answers::answer(inner, &request).await;
            let (status, kind, _, pieces) = parts(answer);
            build(status, kind, claimed_bytes, stream::iter(pieces.map(Ok)).chain(abrupt_end()))
        }
    };
    if let (Ok(response), Some(asked)) = (&response, inner.state().asked.get_mut(number)) {
        asked.status = Some(response.status().as_u16());
    }
    response
}

fn record(inner: &Inner, request: &Request) -> usize {
    let mut state = inner.state();
    state.asked.push(Asked {
        at: now(),
        method: request.method.clone(),
        path: request.path.clone(),
        body: request.body.clone(),
        status: None,
    });
    state.asked.len() - 1
}

type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send + Sync>;

/// Status, type, length and pieces of the body.
fn parts(answer: Answer) -> (u16, &'static str, u64, Pieces) {
    match answer.content {
        Content::Json(body) => {
            let body = body.to_string().into_bytes();
            let length = u64::try_from(body.len()).unwrap_or_default();
            (answer.status, "application/json", length, Box::new(std::iter::once(body)))
        }
        Content::Archive(archive) => {
            let pieces = Box::new(archive.pieces());
            (answer.status, "application/octet-stream", archive.length(), pieces)
        }
    }
}

fn whole(answer: Answer) -> io::Result<Response> {
    let (status, kind, length, pieces) = parts(answer);
    build(status, kind, length, stream::iter(pieces.map(Ok)))
}

fn garbage() -> io::Result<Response> {
    let body = b"<html>\xff\xfe\0{\"it works\": ".to_vec();
    let length = u64::try_from(body.len()).unwrap_or_default();
    build(200, "application/json", length, stream::iter([Ok(body)]))
}

/// The error after the last piece makes hyper close the connection. It has to come late: what hyper
/// has not flushed by then is lost, and the client would see less than it was promised to.
const CUT_AFTER: Duration = Duration::from_millis(50);

fn cut(answer: Answer, after_bytes: u64) -> io::Result<Response> {
    let (status, kind, length, pieces) = parts(answer);
    let mut left = usize::try_from(after_bytes).unwrap_or(usize::MAX);
    let first = pieces.map_while(move |mut piece| {
        piece.truncate(left);
        left -= piece.len();
        (!piece.is_empty()).then_some(Ok(piece))
    });
    build(status, kind, length, stream::iter(first).chain(abrupt_end()))
}

#[expect(clippy::disallowed_methods, reason = "nothing tells when hyper has flushed")]
fn abrupt_end() -> impl Stream<Item = io::Result<Vec<u8>>> + Send + Sync {
    stream::once(async {
        tokio::time::sleep(CUT_AFTER).await;
        Err(io::Error::other("the body is cut on purpose"))
    })
}

fn build(
    status: u16,
    kind: &str,
    length: u64,
    pieces: impl Stream<Item = io::Result<Vec<u8>>> + Send + Sync + 'static,
) -> io::Result<Response> {
    let body = StreamBody::new(pieces.map_ok(|piece| Frame::data(Bytes::from(piece))));
    hyper::Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CONTENT_LENGTH, length)
        .body(BodyExt::boxed(body))
        .map_err(io::Error::other)
}
