//! TLS in front of a server that speaks plainly, so that the adapter is asked as it is used.

use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A door with a certificate that it signed itself, until the runtime ends.
pub(super) struct Front {
    /// `https://127.0.0.1:<port>`
    pub(super) url: String,
    /// What a client has to believe.
    pub(super) certificate: CertificateDer<'static>,
}

impl Front {
    /// Carries every connection to `upstream`, an address such as `127.0.0.1:4566`.
    pub(super) async fn before(upstream: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let upstream = upstream.to_owned();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    let mut inside = acceptor.accept(socket).await.ok()?;
                    let mut outside = TcpStream::connect(upstream).await.ok()?;
                    copy_bidirectional(&mut inside, &mut outside).await.ok()
                });
            }
        });
        Self { url, certificate: cert.der().clone() }
    }
}
