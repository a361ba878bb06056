//! A client of an appliance's own API, which trusts its certificate alone. Functions have their own.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::Appliance;

/// An answer that arrived whole.
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Length`, in bytes.
    pub length: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answered {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{self:?} is not JSON"))
    }
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        write!(out, "{} with {} bytes: {start}", self.status, self.body.len())
    }
}

/// One connection to an appliance, for any number of requests; closed when it is dropped.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    host: String,
    authorization: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    pub(super) async fn open(appliance: &Appliance, credentials: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(appliance.certificate()))?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(appliance.address()).await.context("the port is closed")?;
        let name = ServerName::try_from("127.0.0.1")?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await?;
        // How the connection ends is told by the request that it ends under.
        let driver = tokio::spawn(async {
            let _ = driver.await;
        });
        Ok(Self {
            sender,
            driver: driver.abort_handle(),
            host: appliance.address().to_string(),
            authorization: format!("Basic {}", STANDARD.encode(credentials)),
        })
    }

    pub(super) async fn ask(&mut self, method: &str, path: &str, form: &str) -> Result<Answered> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("authorization", &self.authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form.to_owned())))?;
        // A moment after an answer the connection may not be ready for the next request.
        self.sender.ready().await.context("no answer")?;
        let answer = self.sender.send_request(request).await.context("no answer")?;
        let status = answer.status().as_u16();
        let length = answer.headers().get("content-length");
        let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
        let body = answer.into_body().collect().await.context("the body is cut")?;
        Ok(Answered { status, length, body: body.to_bytes().to_vec() })
    }
}

impl Appliance {
    /// Asks its API as the user that it knows. A form is `name=value&…`, or nothing.
    ///
    /// # Errors
    /// When no whole answer arrives: `the port is closed`, `no answer`, `the body is cut`.
    pub async fn ask(&self, method: &str, path: &str, form: &str) -> Result<Answered> {
        Connection::open(self, &self.credentials()).await?.ask(method, path, form).await
    }

    /// The same as somebody else, `user:password`.
    ///
    /// # Errors
    /// As [`Appliance::ask`].
    pub async fn ask_as(
        &self,
        credentials: &str,
        method: &str,
        path: &str,
        form: &str,
    ) -> Result<Answered> {
        Connection::open(self, credentials).await?.ask(method, path, form).await
    }

    /// Adds devices through its API, one after the other.
    ///
    /// # Errors
    /// With the first that it did not take.
    pub async fn add_devices(&self, names: &[String]) -> Result<()> {
        let mut connection = Connection::open(self, &self.credentials()).await?;
        for name in names {
            let form: String =
                form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
            let answer = connection.ask("POST", "/api/1.0/devices/", &form).await?;
            ensure!(answer.status == 200, "adding the device {name}: {answer:?}");
        }
        Ok(())
    }

    /// The names of its devices, as its API lists them: in the order in which they were added.
    ///
    /// # Errors
    /// When it does not list them.
    pub async fn devices(&self) -> Result<Vec<String>> {
        let answer = self.ask("GET", "/api/1.0/devices/", "").await?;
        ensure!(answer.status == 200, "listing the devices: {answer:?}");
        let listed = answer.json()?;
        let listed = listed.get("Devices").and_then(Value::as_array).context("no Devices")?;
        let name = |device: &Value| device.get("name").and_then(Value::as_str).map(str::to_owned);
        listed.iter().map(|device| name(device).context("a device without a name")).collect()
    }
}
