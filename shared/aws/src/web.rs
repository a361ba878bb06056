//! HTTPS to the addresses of a plan: appliances, sources, health signals. Every connection is new,
//! so that a look never meets the remains of an earlier one; no redirect is followed; no proxy is
//! used.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::inventory::COPIES_MAX;
use warmspare_decide::plan::{Endpoint, TlsPin};

use crate::Live;
use crate::fault::{chain, innermost};
use crate::secrets;
use crate::tls::Roots;

/// A connection that takes longer than this is to a place that is not there.
const CONNECT: Duration = Duration::from_secs(3);
/// For how long an answer may stand still before it counts as broken off.
const STALL: Duration = Duration::from_secs(60);

/// One client for each way of believing a server.
#[derive(Debug)]
pub(crate) struct Web {
    roots: Roots,
    /// Those of stores keep their connections: a bucket has a million objects, and no look is made there.
    stores: RefCell<BTreeMap<Option<[u8; 32]>, Client>>,
    clients: RefCell<BTreeMap<Option<[u8; 32]>, Client>>,
}

impl Web {
    pub(crate) fn new(roots: Roots) -> Self {
        Self { roots, stores: RefCell::default(), clients: RefCell::default() }
    }

    /// The client that believes this pin alone, or the authorities.
    pub(crate) fn client(&self, pin: Option<TlsPin>) -> Result<Client, Fault> {
        self.kept(&self.clients, pin, 0)
    }

    /// The same for one that may be silent for so long, which is the plan's to say.
    pub(crate) fn source(&self, pin: Option<TlsPin>, silence: Duration) -> Result<Client, Fault> {
        self.new_client(pin, 0, silence)
    }

    /// The same for a store that speaks S3.
    pub(crate) fn store(&self, pin: Option<TlsPin>) -> Result<Client, Fault> {
        self.kept(&self.stores, pin, COPIES_MAX)
    }

    fn kept(
        &self,
        clients: &RefCell<BTreeMap<Option<[u8; 32]>, Client>>,
        pin: Option<TlsPin>,
        idle_max: usize,
    ) -> Result<Client, Fault> {
        let key = pin.map(|pin| pin.0);
        let kept = clients.borrow().get(&key).cloned();
        if let Some(client) = kept {
            return Ok(client);
        }
        let client = self.new_client(pin, idle_max, STALL)?;
        clients.borrow_mut().insert(key, client.clone());
        Ok(client)
    }

    fn new_client(
        &self,
        pin: Option<TlsPin>,
        idle_max: usize,
        silence: Duration,
    ) -> Result<Client, Fault> {
        let fault = |why: String| Fault::new(Hope::Permanent, "preparing", "TLS", why);
        let tls = self.roots.for_plan(pin).map_err(|error| fault(error.to_string()))?;
        Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .read_timeout(silence)
            .redirect(Policy::none())
            .pool_max_idle_per_host(idle_max)
            .no_proxy()
            .user_agent("warmspare")
            .build()
            .map_err(|error| fault(innermost(&error)))
    }
}

/// Adds the user name and the password of the endpoint's secret, if it has one.
pub(crate) async fn authenticated(
    live: &Live,
    endpoint: &Endpoint,
    request: RequestBuilder,
) -> Result<RequestBuilder, Fault> {
    let Some(secret) = &endpoint.secret else { return Ok(request) };
    let login = secrets::login(live, secret).await?;
    Ok(request.basic_auth(login.username, Some(login.password)))
}

/// What became of a request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The host says that nothing listens there.
    Refused,
    /// Nothing came: the clause says what was waited for.
    Silence(String),
    /// Something is there, and did not speak as it should: the clause says how.
    Garbled(String),
    /// It could not even be tried from here: the clause says why.
    NotTried(String),
}

impl NoAnswer {
    /// What a request met, from the whole chain of its causes.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            return Self::NotTried(innermost(error));
        }
        let mut ios = chain(error).filter_map(|link| link.downcast_ref::<std::io::Error>());
        if let Some(met) = ios.find_map(Self::of_io) {
            return met;
        }
        let is_timeout = error.is_timeout();
        match (is_timeout, error.is_connect()) {
            (true, true) => Self::Silence("no connection within the time limit".to_owned()),
            // It spoke TLS with us, so it lives, and may do what it was asked: nobody knows.
            (true, false) => {
                Self::Garbled("it took the request, and did not answer in time".to_owned())
            }
            (false, true) if is_about_tls(error) => {
                Self::Garbled(format!("its certificate is not believed: {}", innermost(error)))
            }
            (false, true) => Self::Silence(format!("no connection: {}", innermost(error))),
            (false, false) => Self::Garbled(innermost(error)),
        }
    }

    /// What an operation on a socket met; `None` when its kind says nothing.
    pub(crate) fn of_io(error: &std::io::Error) -> Option<Self> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "std adds kinds; those that are not named say nothing about who is there"
        )]
        match error.kind() {
            ErrorKind::ConnectionRefused => Some(Self::Refused),
            ErrorKind::TimedOut => {
                Some(Self::Silence("no answer within the time limit".to_owned()))
            }
            ErrorKind::HostUnreachable => Some(Self::Silence("no route to the host".to_owned())),
            ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable
            | ErrorKind::PermissionDenied => Some(Self::NotTried(innermost(error))),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => {
                Some(Self::Garbled("it closed the connection before it had answered".to_owned()))
            }
            _ => None,
        }
    }

    /// The same as a fault.
    pub(crate) fn fault(self, during: &'static str, subject: &str) -> Fault {
        let (hope, why) = match self {
            Self::Refused => (Hope::Unreachable, "nothing listens there".to_owned()),
            Self::Silence(why) => (Hope::Unreachable, why),
            Self::Garbled(why) | Self::NotTried(why) => (Hope::Retryable, why),
        };
        Fault::new(hope, during, subject, why)
    }
}

/// A request that got no answer, as a fault. The address is named without its query, which can hold
/// what nobody should read in a log.
pub(crate) fn fault(during: &'static str, url: &str, error: reqwest::Error) -> Fault {
    let error = error.without_url();
    NoAnswer::of(&error).fault(during, without_query(url)).because(error)
}

/// An address up to its query.
pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

fn is_about_tls(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|link| link.downcast_ref::<rustls::Error>().is_some())
}
