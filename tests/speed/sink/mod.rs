//! An S3 that keeps nothing but lengths and checksums, over HTTPS: it is no bottleneck, and over plain
//! HTTP every SDK would sign its payloads, which none does on AWS.

mod chunked;
mod objects;
mod pattern;
mod requests;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::crypto::ring::cipher_suite::{
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) use objects::{Objects, Tally};
pub(crate) use pattern::{block, sums};

/// The sink, for as long as the runtime lives.
#[derive(Debug)]
pub(crate) struct Sink {
    address: SocketAddr,
    /// What it has.
    pub(crate) objects: Arc<Objects>,
}

impl Sink {
    /// Starts it, and writes its certificate to `roots`.
    ///
    /// # Errors
    /// When nothing can listen on 127.0.0.1.
    pub(crate) async fn start(roots: &Path) -> anyhow::Result<Self> {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        std::fs::write(roots, cert.pem())?;
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())
            .map_err(|why| anyhow::anyhow!("the key of the sink: {why}"))?;
        let mut provider = ring::default_provider();
        // What S3 chooses first, whatever the client likes best.
        provider.cipher_suites = vec![
            TLS13_AES_128_GCM_SHA256,
            TLS13_AES_256_GCM_SHA384,
            TLS13_CHACHA20_POLY1305_SHA256,
        ];
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        config.ignore_client_order = true;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening")?;
        let address = listener.local_addr()?;
        let objects = Arc::new(Objects::default());
        let kept = Arc::clone(&objects);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), socket, Arc::clone(&kept)));
            }
        });
        Ok(Self { address, objects })
    }

    /// `https://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// One connection. What goes wrong on it is the client's to tell.
async fn serve(acceptor: TlsAcceptor, socket: TcpStream, objects: Arc<Objects>) {
    let _ = socket.set_nodelay(true);
    let Ok(stream) = acceptor.accept(socket).await else { return };
    let service = service_fn(move |request| {
        let objects = Arc::clone(&objects);
        async move { requests::answer(&objects, request).await }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
