//! An Aviatrix controller, as far as a backup asks for one: its token, its login, the configuration of
//! its backup, and the backup that it writes into a bucket of its own. It answers 200 with
//! `return: false` to what it does not do, and forgets sessions.
//!
//! The calls are those of the vendor's own clients:
//! <https://github.com/AviatrixSystems/Controller-HA-for-AWS>.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::server::Identity;
use super::{bind, now};
use crate::stack::aws::{Aws, bytes};
use crate::stack::ports;

const TOKEN: &str = "dG9rZW4=";

/// How a controller is set up.
#[derive(Clone)]
pub struct Setup {
    /// Its hands on S3.
    pub aws: Arc<Aws>,
    /// The Region of its bucket.
    pub region: String,
    /// The private address that its files are named by.
    pub private_ip: String,
    /// The user that may log in.
    pub user: String,
    /// That user's password.
    pub password: String,
}

/// What a controller does, and has done.
#[derive(Clone, Debug, Default)]
pub struct Conduct {
    /// Its backup is switched on, and goes to this bucket.
    pub bucket: Option<String>,
    /// It keeps dated files too.
    pub multiple: bool,
    /// It closes the connection in place of the answer to an order.
    pub drops: bool,
    /// It takes an order and writes nothing.
    pub writes_nothing: bool,
    /// A session takes so many calls; without end when there is none.
    pub session_calls: Option<u32>,
    /// Every action that was asked for, in order.
    pub asked: Vec<String>,
    /// Every file that it has written, in order: the key, and what is in it.
    pub written: Vec<(String, Vec<u8>)>,
    session: Option<(String, u32)>,
}

/// A running controller. It is gone when it is dropped.
pub struct Aviatrix {
    inner: Arc<Inner>,
    address: SocketAddr,
    _running: JoinSet<()>,
}

struct Inner {
    setup: Setup,
    identity: Identity,
    conduct: Mutex<Conduct>,
}

impl Aviatrix {
    /// Starts a controller on a free port of 127.0.0.1 with a certificate of its own.
    ///
    /// # Errors
    /// When no port is free or no certificate can be made.
    pub async fn start(setup: Setup, conduct: Conduct) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let listener = bind(address).await?;
        let (identity, conduct) = (Identity::new()?, Mutex::new(conduct));
        let inner = Arc::new(Inner { setup, identity, conduct });
        let mut running = JoinSet::new();
        running.spawn(accept(Arc::clone(&inner), listener));
        Ok(Self { inner, address, _running: running })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The pin of its public key.
    pub fn pin(&self) -> String {
        self.inner.identity.pin()
    }

    /// What it does, to be looked at or changed.
    pub fn conduct(&self) -> MutexGuard<'_, Conduct> {
        self.inner.conduct()
    }
}

impl Inner {
    fn conduct(&self) -> MutexGuard<'_, Conduct> {
        self.conduct.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(inner: Arc<Inner>, listener: TcpListener) {
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
async fn respond(
    inner: &Inner,
    request: hyper::Request<Incoming>,
) -> io::Result<hyper::Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    let fields = fields(head.uri.query().unwrap_or_default(), &text);
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let key = head.headers.get("X-Access-Key").and_then(|key| key.to_str().ok());
    let action = field("action").to_owned();
    inner.conduct().asked.push(action.clone());
    let (status, answer) = match (head.uri.path(), action.as_str()) {
        ("/v2/api", "get_api_token") => {
            (200, json!({ "return": true, "results": { "api_token": TOKEN } }))
        }
        ("/v2/api", "login") if key != Some(TOKEN) => (403, json!({})),
        ("/v2/api", "login") => (200, login(inner, field("username"), field("password"))),
        ("/v1/api" | "/v2/api", _) if !is_open(inner, field("CID")) => {
            (200, no("CID is invalid or expired."))
        }
        ("/v2/api", "get_cloudn_backup_config") => (200, configuration(inner)),
        ("/v1/api", "enable_cloudn_backup_config") => {
            let answer = order(inner, &fields).await.map_err(io::Error::other)?;
            if inner.conduct().drops {
                return Err(io::Error::other("the connection is closed on purpose"));
            }
            (200, answer)
        }
        _ => (200, no("Valid action required.")),
    };
    hyper::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::from(answer.to_string()))
        .map_err(io::Error::other)
}

fn no(reason: &str) -> Value {
    json!({ "return": false, "reason": reason })
}

/// Of the query, and of a body that is JSON or a form.
fn fields(query: &str, body: &str) -> BTreeMap<String, String> {
    let form = |text: &str| {
        let pairs = form_urlencoded::parse(text.as_bytes());
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>()
    };
    let mut fields: BTreeMap<String, String> = form(query).into_iter().collect();
    match serde_json::from_str::<BTreeMap<String, String>>(body) {
        Ok(json) => fields.extend(json),
        Err(_) => fields.extend(form(body)),
    }
    fields
}

fn login(inner: &Inner, user: &str, password: &str) -> Value {
    let setup = &inner.setup;
    if (user, password) != (setup.user.as_str(), setup.password.as_str()) {
        return no("Invalid user name or password. Please try again.");
    }
    let mut conduct = inner.conduct();
    let cid = format!("cid/{}+{}", conduct.asked.len(), now().as_millisecond());
    conduct.session = Some((cid.clone(), 0));
    json!({ "return": true, "results": "User login:admin has been authorized successfully", "CID": cid })
}

fn is_open(inner: &Inner, cid: &str) -> bool {
    let mut conduct = inner.conduct();
    let most = conduct.session_calls.unwrap_or(u32::MAX);
    match &mut conduct.session {
        Some((open, calls)) if open == cid && *calls < most => {
            *calls += 1;
            true
        }
        _ => false,
    }
}

fn configuration(inner: &Inner) -> Value {
    let conduct = inner.conduct();
    let Some(bucket) = &conduct.bucket else {
        return json!({ "return": true, "results": { "enabled": "no" } });
    };
    let multiple = if conduct.multiple { "yes" } else { "no" };
    json!({ "return": true, "results": {
        "enabled": "yes", "acct_name": "aws", "cloud_type": "1", "bucket_name": bucket,
        "storage_name": "", "container_name": "", "region": inner.setup.region,
        "multiple_bkup": multiple,
    } })
}

/// Enabling makes a backup at once, and so does `now`; a second one without it is a mistake.
async fn order(inner: &Inner, fields: &BTreeMap<String, String>) -> Result<Value> {
    let has = |name: &str| fields.get(name).is_some_and(|value| value == "true");
    let (bucket, multiple, is_silent, count) = {
        let mut conduct = inner.conduct();
        if conduct.bucket.is_some() && !has("now") {
            return Ok(no("Backup is already enabled. Please disable it first."));
        }
        conduct.bucket = fields.get("bucket_name").cloned();
        conduct.multiple = has("multiple");
        let bucket = conduct.bucket.clone().unwrap_or_default();
        (bucket, conduct.multiple, conduct.writes_nothing, conduct.written.len())
    };
    if is_silent {
        return Ok(json!({ "return": true, "results": "Backup is enabled" }));
    }
    let setup = &inner.setup;
    let name = format!("CloudN_{}_save_cloudx_config", setup.private_ip);
    let dated = format!("{name}_{}.enc", now().strftime("%Y%m%d%H%M%S"));
    let content = format!("the configuration of {}, number {count}", setup.private_ip).into_bytes();
    for key in [multiple.then_some(dated), Some(format!("{name}.enc"))].into_iter().flatten() {
        let args = json!({ "Bucket": bucket, "Key": key, "Body": bytes(&content) });
        setup.aws.call(&setup.region, "s3", "put_object", args).await?;
        inner.conduct().written.push((key, content.clone()));
    }
    Ok(json!({ "return": true, "results": "Backup is enabled" }))
}
