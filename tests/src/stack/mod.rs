//! The local stack: other people's software behind one gateway of ours, on 127.0.0.1, gone when it
//! ends. It knows nothing of warmspare's functions but their names.

pub mod appliance;
pub mod aws;
pub mod deliver;
pub mod folders;
pub mod functions;
pub mod gateway;
pub mod keeper;
pub mod ministack;
pub mod moto;
pub mod ports;
pub mod postgres;
pub mod preflight;
pub mod rds;
pub mod venv;
pub mod wait;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use self::aws::Aws;
use self::folders::Run;
use self::gateway::{Call, Gateway};
use self::ministack::MiniStack;
use self::postgres::Postgres;
use self::venv::Venv;

/// Told, in a sentence, of what takes long.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// How a stack is to be started.
#[derive(Clone)]
pub struct Options {
    /// Leaves the folder of the run, with all logs, where it is.
    pub keep: bool,
    /// Further variables for MiniStack and so for every function.
    pub environment: Vec<(String, String)>,
    /// Hears what takes long.
    pub tell: Tell,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep: false, environment: Vec::new(), tell: Arc::new(|_| ()) }
    }
}

/// A running stack; dropping it ends every process of it. PostgreSQL servers are started by whoever
/// needs them: [`postgres::Cluster`].
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order: the hands first, then the world, then the way to it, then its files.
    /// The test's own hands.
    pub aws: Arc<Aws>,
    /// The emulator.
    pub ministack: MiniStack,
    /// The endpoint of the functions.
    pub gateway: Gateway,
    /// For starting databases.
    pub postgres: Postgres,
    /// The pinned software.
    pub venv: Venv,
    /// The files of this run.
    pub run: Arc<Run>,
}

impl Stack {
    /// Checks the machine, makes what is missing, and starts everything.
    ///
    /// # Errors
    /// What the machine lacks, or what did not start.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let needed_bytes =
            if folders::is_built() { preflight::RUN_BYTES } else { preflight::FIRST_BUILD_BYTES };
        let venv = ready(needed_bytes, &options.tell).await?;
        let run = Arc::new(Run::begin()?);
        if options.keep {
            run.keep();
        }
        let gateway = Gateway::start()?;
        let (endpoint, operator) = (gateway.url(), gateway.operator_url());
        let (ministack, aws) = tokio::try_join!(
            MiniStack::start(&venv, run.path(), &endpoint, &options.environment),
            Aws::start(&venv, run.path(), &operator),
        )?;
        gateway.forward_to(ministack.url())?;
        let postgres = Postgres::prepare(&venv, &run)?;
        Ok(Self { aws: Arc::new(aws), ministack, gateway, postgres, venv, run })
    }

    /// The folder of this run: logs and the databases' files.
    pub fn folder(&self) -> &Path {
        self.run.path()
    }

    /// The processes that run a function now.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn bootstraps(&self, function: &str) -> anyhow::Result<Vec<u32>> {
        functions::bootstraps(self.ministack.pid(), function)
    }

    /// The process of a function that made this call and still has its connection.
    ///
    /// # Errors
    /// When `/proc` cannot be read, or nobody has it any more.
    pub fn caller(&self, function: &str, call: &Call) -> anyhow::Result<u32> {
        let found =
            functions::caller(call.caller, self.gateway.address(), &self.bootstraps(function)?)?;
        found.with_context(|| format!("no bootstrap of {function} holds {}", call.caller))
    }
}

/// The virtual environment, on a machine that can hold it.
///
/// # Errors
/// What the machine lacks, or why a package could not be installed.
pub async fn ready(needed_bytes: u64, tell: &Tell) -> anyhow::Result<Venv> {
    let home = folders::home();
    let checked =
        tokio::task::spawn_blocking(move || preflight::check(&home, needed_bytes)).await?;
    Venv::ready(&checked?, tell).await
}
