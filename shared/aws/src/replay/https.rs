//! An HTTPS server on 127.0.0.1 with a certificate that it signed itself, as appliances have.

use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, PublicKeyData as _};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use warmspare_decide::plan::TlsPin;

/// A server that gives every connection the same bytes, and then closes it.
#[derive(Debug)]
pub(crate) struct Server {
    /// `https://127.0.0.1:<port>`
    pub(crate) url: String,
    /// Its certificate, which no authority has signed.
    pub(crate) certificate: CertificateDer<'static>,
    /// Of its public key.
    pub(crate) pin: TlsPin,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Every request so far, as it came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Answers with these bytes, HTTP and all.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(Some(answer)).await
    }

    /// Takes a request, and keeps the connection open without a word.
    pub(crate) async fn never_answering() -> Self {
        Self::start(None).await
    }

    async fn start(answer: Option<&'static str>) -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let pin = TlsPin(Sha256::digest(signing_key.subject_public_key_info()).into());
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
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A client that does not believe us ends the handshake: the next one may.
                let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                let mut request = Vec::new();
                while !is_whole(&request) {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                kept.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let Some(answer) = answer else { return std::future::pending().await };
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, certificate: cert.der().clone(), pin, requests }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
    });
    body.len() >= length.unwrap_or(0)
}
