//! The connections below every AWS client: hyper over rustls, as the SDK's own client has them, and
//! made for large bodies. rustls asks a socket for 4 KiB at a time, which would be five system calls
//! for each record of 16 KiB, and a fifth of what it costs to read a backup back.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper::Uri;
use hyper_util::client::legacy::connect::{
    CaptureConnection, Connected, Connection, HttpConnector as Tcp, capture_connection,
};
use hyper_util::client::legacy::{Client, Error as HyperUtilError};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lambda_runtime::Service;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fault::chain;

/// What is read from a socket at a time, in bytes.
const READ_BYTES: usize = 128 * 1024;
/// What is encrypted before it is written, in bytes: one system call for so many.
const WRITE_BYTES: usize = 256 * 1024;

type Cause = Box<dyn Error + Send + Sync>;

/// Over HTTP/1.1. A connection, TLS and all, that takes longer than `connect_max` is given up.
pub(crate) fn http_client(tls: ClientConfig, connect_max: Duration) -> SharedHttpClient {
    let mut tcp = Tcp::new();
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let connect = Connect { tcp, tls: TlsConnector::from(Arc::new(tls)), connect_max };
    let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connect);
    SharedHttpClient::new(Connections(client))
}

#[derive(Clone, Debug)]
struct Connections(Client<Connect, SdkBody>);

impl HttpClient for Connections {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let connection = capture_connection(&mut request);
        if let Some(asked) = request.extensions().get::<CaptureSmithyConnection>() {
            asked.set_connection_retriever(move || about(&connection));
        }
        let answering = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answering.await.map_err(fault)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// By which the SDK keeps a connection from being used again on which something went wrong.
fn about(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let poison = move || {
        if let Some(connected) = connection.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

/// What the SDK's rules of retrying have to know of a request that got no answer.
fn fault(error: HyperUtilError) -> ConnectorError {
    let links = || chain(&error);
    let io = links().find_map(|link| link.downcast_ref::<io::Error>());
    let http = links().find_map(|link| link.downcast_ref::<hyper::Error>());
    if io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        || http.is_some_and(hyper::Error::is_timeout)
    {
        return ConnectorError::timeout(error.into());
    }
    match http {
        Some(http) if http.is_user() => ConnectorError::user(error.into()),
        Some(http) if http.is_incomplete_message() => {
            ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
        }
        Some(http) if http.is_closed() || http.is_canceled() => ConnectorError::io(error.into()),
        _ if io.is_some() || error.is_connect() => ConnectorError::io(error.into()),
        _ => ConnectorError::other(error.into(), None),
    }
}

/// Makes connections.
#[derive(Clone)]
struct Connect {
    tcp: Tcp,
    tls: TlsConnector,
    connect_max: Duration,
}

impl Service<Uri> for Connect {
    type Response = TokioIo<Stream>;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, Cause>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Service::<Uri>::poll_ready(&mut self.tcp, context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (tcp, tls) = (self.tcp.call(uri.clone()), self.tls.clone());
        let connecting = async move {
            let socket = tcp.await?.into_inner();
            if uri.scheme_str() == Some("http") {
                return Ok(TokioIo::new(Stream::over(Inner::Plain(socket))));
            }
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let buffered = BufReader::with_capacity(READ_BYTES, socket);
            let larger = |connection: &mut rustls::ClientConnection| {
                connection.set_buffer_limit(Some(WRITE_BYTES));
            };
            let stream = tls.connect_with(ServerName::try_from(host)?, buffered, larger).await?;
            Ok(TokioIo::new(Stream::over(Inner::Tls(Box::new(stream)))))
        };
        let connect_max = self.connect_max;
        Box::pin(async move {
            tokio::time::timeout(connect_max, connecting).await.unwrap_or_else(|_| {
                let why = format!("no connection within {} s", connect_max.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, why).into())
            })
        })
    }
}

/// A connection.
struct Stream {
    inner: Inner,
    /// What went wrong when something had been read already.
    late: Option<io::Error>,
}

/// With TLS or, on a local stack, without.
enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<BufReader<TcpStream>>>),
}

/// What both of them can read and write with.
trait Both: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

impl Stream {
    fn over(inner: Inner) -> Self {
        Self { inner, late: None }
    }

    fn inner(self: Pin<&mut Self>) -> Pin<&mut dyn Both> {
        match &mut self.get_mut().inner {
            Inner::Plain(socket) => Pin::new(socket),
            Inner::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match &self.inner {
            Inner::Plain(socket) => socket.connected(),
            Inner::Tls(stream) => stream.get_ref().0.get_ref().connected(),
        }
    }
}

impl AsyncRead for Stream {
    /// As much as there is and fits: TLS alone would give one record at a time, and each piece costs
    /// hyper a task's wake-up.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(error) = self.late.take() {
            return Poll::Ready(Err(error));
        }
        let before = buffer.filled().len();
        loop {
            let so_far = buffer.filled().len();
            match self.as_mut().inner().poll_read(context, buffer) {
                Poll::Ready(Ok(())) => {
                    if buffer.filled().len() == so_far || buffer.remaining() == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Ready(Err(error)) if so_far > before => {
                    self.late = Some(error);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if so_far > before => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
