//! What implements every port on AWS: what a process keeps between invocations, and one invocation.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use warmspare_act::fault::Fault;
use warmspare_decide::plan::Store;

use crate::clients::Clients;
use crate::clock::Invocation;
use crate::config::Config;
use crate::tls::Roots;
use crate::vault::RecoveryRole;
use crate::web::Web;

/// What is kept from one invocation to the next: configuration, connections, clients.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) web: Web,
    pub(crate) recovery: RefCell<Option<RecoveryRole>>,
}

impl Process {
    /// Over real connections; none is opened yet.
    pub(crate) fn begin(config: Config) -> Result<Self, Fault> {
        let roots = Roots::load(config.tls_roots_pem.as_deref())?;
        let clients = Clients::new(&config, &roots)?;
        Ok(Self { config, clients, web: Web::new(roots), recovery: RefCell::default() })
    }
}

/// AWS, and everything else outside, for the length of one invocation.
pub struct Live {
    process: Rc<Process>,
    invocation: Invocation,
    stores: RefCell<Vec<(Store, aws_sdk_s3::Client)>>,
}

impl Live {
    pub(crate) fn new(process: Rc<Process>, invocation: Invocation) -> Self {
        Self { process, invocation, stores: RefCell::default() }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.process.config
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.process.clients
    }

    pub(crate) fn web(&self) -> &Web {
        &self.process.web
    }

    pub(crate) fn recovery(&self) -> &RefCell<Option<RecoveryRole>> {
        &self.process.recovery
    }

    pub(crate) fn stores(&self) -> &RefCell<Vec<(Store, aws_sdk_s3::Client)>> {
        &self.stores
    }

    pub(crate) fn invocation(&self) -> &Invocation {
        &self.invocation
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("invocation", &self.invocation).finish_non_exhaustive()
    }
}
