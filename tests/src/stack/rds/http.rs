//! The HTTP of the RDS server: one connection, one request, one answer. It decides nothing.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::actions::act;
use super::names::fresh_uuid;
use super::query::Call;
use super::refusal::Refusal;
use super::{Inner, xml};

pub(super) async fn accept(inner: Arc<Inner>, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        Arc::clone(&inner).spawn(serve(Arc::clone(&inner), stream));
    }
}

async fn serve(inner: Arc<Inner>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let inner = Arc::clone(&inner);
        async move { Ok::<_, Infallible>(respond(&inner, request).await) }
    });
    // A client that goes away is no concern of the server's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(inner: &Arc<Inner>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let request_id = fresh_uuid();
    let (status, body) = match answer(inner, request, &request_id).await {
        Ok(body) => (200, Ok(body)),
        Err(refusal) => (refusal.status, xml::error(&refusal, &request_id)),
    };
    let (status, body) = match body {
        Ok(body) => (status, body),
        Err(error) => (500, error.to_string().into_bytes()),
    };
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/xml")
        .header("x-amzn-RequestId", &request_id)
        .body(Full::from(body));
    response.unwrap_or_default()
}

async fn answer(
    inner: &Arc<Inner>,
    request: Request<Incoming>,
    request_id: &str,
) -> Result<Vec<u8>, Refusal> {
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    let authorization = authorization.as_ref().and_then(|value| value.to_str().ok());
    let body = request.into_body().collect().await;
    let body = body.map_err(|error| Refusal::value(error.to_string()))?.to_bytes();
    let call = Call::parse(authorization, &body)?;
    let acted = act(inner, &call).await;
    inner.record(&call, acted.as_ref().err());
    let result = acted?;
    xml::answer(&call.action, &result, request_id)
        .map_err(|error| Refusal::internal(error.to_string()))
}
