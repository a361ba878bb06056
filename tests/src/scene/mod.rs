//! One protected system on the local stack: two sites with appliances and real PostgreSQL, the
//! functions as cargo-lambda builds them, the templates as they would go to AWS.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that JSON does not have reads as null, and never panics"
)]

mod plan;
pub mod promises;
mod restore;
mod system;
mod time;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::plan::{Address, plan, secret, text};
pub use self::system::{Protected, Shape, System};
pub use self::time::DatedBack;
pub use self::told::Told;

use crate::stack::appliance::{self, Appliance, Mode, Power};
use crate::stack::aws::Aws;
use crate::stack::deliver::schedules::Scheduler;
use crate::stack::deliver::{AlarmWatcher, Deliverer};
use crate::stack::functions::{Progress, access_key, build};
use crate::stack::gateway::{Effect, Fault, Match};
use crate::stack::postgres::{Cluster, PASSWORD, Stop, USER};
use crate::stack::rds::{Instance, Pace, Place, RdsServer, Wired};
use crate::stack::{self, Options, Stack};

/// Where the system lives when nothing has happened. Not us-east-1: Route 53's control plane is there,
/// and losing both at once is a story of its own.
pub const HOME: &str = "us-east-2";
/// Where the vault, the functions and the standby live.
pub const RECOVERY: &str = "us-west-2";
/// The account of the local stack.
pub const ACCOUNT: &str = "123456789012";
/// Name of the stack of recovery.yaml.
pub const STACK: &str = "warmspare";
/// The system that is protected.
pub const SYSTEM: &str = "controller";
/// The name that leads to the active site.
pub const NAME: &str = "controller.example.com";
/// What the name leads to while home is active, and while the other site is.
pub const ADDRESSES: [&str; 2] = ["203.0.113.10", "203.0.113.20"];
/// The bucket that controllers write to, and that sources may be read from.
pub const SOURCE_BUCKET: &str = "avx-backups";
/// The binaries, in the order in which they are built.
pub const FUNCTIONS: [&str; 6] = [
    "scheduled-backup",
    "verify-upload",
    "prune-backups",
    "snapshot-export",
    "failover-promotion",
    "health-probe",
];

/// A place where the system can live.
pub struct Site {
    /// The appliance.
    pub appliance: Appliance,
    /// Its database.
    pub cluster: Arc<Cluster>,
}

/// What is set up, and how.
#[derive(Clone)]
pub struct Setting {
    /// Of the local stack.
    pub options: Options,
    /// When the system is backed up, as system.yaml takes it.
    pub backup_schedule: String,
    /// How long RDS takes for things.
    pub pace: Pace,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            options: Options::default(),
            backup_schedule: "cron(0 0 * * ? *)".to_owned(),
            pace: Pace::default(),
        }
    }
}

/// A protected system, and everything around it. Dropping it ends every process of it.
pub struct Scene {
    // Dropped first: what still calls.
    /// Delivers alarm changes to EventBridge, as MiniStack does not.
    pub watcher: AlarmWatcher,
    /// Fires schedules with their scheduled time, as MiniStack does not.
    pub scheduler: Scheduler,
    /// Home.
    pub east: Site,
    /// The standby.
    pub west: Site,
    /// The RDS of both regions.
    pub rds: RdsServer,
    /// The clusters behind its instances.
    pub wired: Arc<Wired>,
    /// Hands events to the rules that match them.
    pub deliverer: Deliverer,
    /// What the functions have announced.
    pub told: Told,
    /// Outputs of the stack of recovery.yaml.
    pub outputs: BTreeMap<String, String>,
    /// Id of the hosted zone.
    pub zone: String,
    /// The local stack.
    pub stack: Stack,
    lost: std::sync::Mutex<Option<Fault>>,
}

impl Scene {
    /// Builds the functions, starts everything, deploys the templates, and uploads the plan.
    ///
    /// # Errors
    /// What could not be built, started or deployed, and why.
    pub async fn set(setting: Setting) -> Result<Self> {
        let tell = Arc::clone(&setting.options.tell);
        tell("starting the local stack");
        let stack = Stack::start(setting.options.clone()).await?;
        tell("building the functions with cargo-lambda");
        let (zips, (east, west)) = tokio::try_join!(zips(&stack, &tell), sites(&stack))?;
        let deliverer = Deliverer::new(Arc::clone(&stack.aws));
        let (rds, wired) = databases(&stack, &east, &west, setting.pace).await?;
        tell("deploying infra/recovery.yaml, infra/system.yaml and infra/primary.yaml");
        let zone = zone(&stack.aws).await?;
        let outputs = deploy(&stack, &zips, &zone, &setting.backup_schedule).await?;
        hold_to_roles(&stack.aws, &wired).await?;
        let told = Told::listen(Arc::clone(&stack.aws), RECOVERY).await?;
        let scheduler = Scheduler::start(Arc::clone(&stack.aws), RECOVERY).await?;
        let watcher = AlarmWatcher::start(&deliverer, RECOVERY).await?;
        let lost = std::sync::Mutex::default();
        let scene = Self {
            watcher,
            scheduler,
            east,
            west,
            rds,
            wired,
            deliverer,
            told,
            outputs,
            zone,
            stack,
            lost,
        };
        scene.secrets().await?;
        scene.upload_plan(&plan(&scene)).await?;
        Ok(scene)
    }

    /// One of the outputs of recovery.yaml.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn output(&self, name: &str) -> Result<&str> {
        let found = self.outputs.get(name).map(String::as_str);
        found.with_context(|| format!("recovery.yaml has no output {name}"))
    }

    /// The vault's bucket.
    pub fn vault(&self) -> &str {
        self.outputs.get("VaultBucket").map(String::as_str).unwrap_or_default()
    }

    /// Invokes a function by hand and waits for its answer: `{"outcome", "reason"}`, or an error.
    ///
    /// # Errors
    /// When it could not be invoked.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value> {
        let name = format!("{STACK}-{function}");
        Ok(self.stack.aws.invoke(RECOVERY, &name, event, true).await?.answer)
    }

    /// Puts a plan where the operator puts it.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn upload_plan(&self, text: &str) -> Result<()> {
        let key = format!("plans/{SYSTEM}.toml");
        self.put(&key, text.as_bytes()).await
    }

    /// Puts an object into the vault as the operator.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn put(&self, key: &str, body: &[u8]) -> Result<()> {
        let args = json!({ "Bucket": self.vault(), "Key": key, "Body": stack::aws::bytes(body) });
        self.stack.aws.call(RECOVERY, "s3", "put_object", args).await?;
        Ok(())
    }

    /// A stored JSON document of the vault, if it is there.
    ///
    /// # Errors
    /// What S3 says, or that it is not JSON.
    pub async fn document(&self, key: &str) -> Result<Option<Value>> {
        let found = self.stack.aws.object(RECOVERY, self.vault(), key).await?;
        found.map(|body| serde_json::from_slice(&body).context(key.to_owned())).transpose()
    }

    /// Every key of the vault under a prefix.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        Ok(self.stack.aws.objects(RECOVERY, self.vault(), prefix).await?)
    }

    /// The entries of a failover's journal, in order.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn journal(&self, system: &str, term: u32) -> Result<Vec<Value>> {
        let prefix = format!("failovers/{system}/{term:06}/");
        let mut entries = Vec::new();
        for key in self.keys(&prefix).await? {
            if !key.ends_with("alive.json") {
                entries.extend(self.document(&key).await?);
            }
        }
        Ok(entries)
    }

    /// What the name leads to now.
    ///
    /// # Errors
    /// What Route 53 says.
    pub async fn leads_to(&self) -> Result<Vec<String>> {
        self.values(NAME, "A").await
    }

    /// Takes the whole home region away: every call to it fails, its appliance and its database are
    /// gone, and the replica elsewhere says that it receives nothing.
    ///
    /// # Errors
    /// When the database could not be killed.
    pub async fn lose_home(&self) -> Result<()> {
        let fault = self.stack.gateway.fault(Match::any().region(HOME), Effect::Refuse);
        *self.lost.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(fault);
        self.rds.lose(HOME);
        self.east.appliance.gone().await
    }

    /// Brings the home region back as it was when it was lost.
    ///
    /// # Errors
    /// When its database or appliance did not start.
    pub async fn return_home(&self) -> Result<()> {
        self.lost.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        self.rds.restore(HOME);
        self.east.appliance.back().await
    }

    /// The access key that a function calls with.
    ///
    /// # Errors
    /// What Lambda says.
    pub async fn access_key(&self, function: &str) -> Result<String> {
        let args = json!({ "FunctionName": format!("{STACK}-{function}") });
        let aws = &self.stack.aws;
        let found = aws.call(RECOVERY, "lambda", "get_function_configuration", args).await?;
        let text = |name: &str| found[name].as_str().unwrap_or_default();
        Ok(access_key(text("FunctionArn"), text("Role")))
    }

    /// The lines of a function's log, oldest first.
    ///
    /// # Errors
    /// What CloudWatch Logs says.
    pub async fn log(&self, function: &str) -> Result<Vec<String>> {
        let name = format!("{STACK}-{function}");
        Ok(self.stack.aws.printed(RECOVERY, &name).await?)
    }

    async fn secrets(&self) -> Result<()> {
        let postgres = json!({ "username": USER, "password": PASSWORD });
        for (name, secret) in [
            ("east", self.east.appliance.secret()),
            ("west", self.west.appliance.secret()),
            ("east-postgres", postgres),
        ] {
            let args = json!({
                "Name": format!("warmspare/{name}"), "SecretString": secret.to_string(),
            });
            self.stack.aws.call(RECOVERY, "secretsmanager", "create_secret", args).await?;
        }
        Ok(())
    }
}

async fn zips(stack: &Stack, tell: &stack::Tell) -> Result<Vec<PathBuf>> {
    let mut shown = 0;
    build(&stack.venv, &FUNCTIONS, |progress| {
        if let Progress::Building { done, total } = progress
            && done >= shown + 25
        {
            shown = done;
            tell(&format!("building the functions: {done} of {total} crates"));
        }
    })
    .await
}

async fn sites(stack: &Stack) -> Result<(Site, Site)> {
    let east = Arc::new(Cluster::primary(&stack.postgres, "east").await?);
    let west = Arc::new(Cluster::replica_of(&stack.postgres, "west", &east).await?);
    Ok((site("east", east, Mode::Production).await?, site("west", west, Mode::Standby).await?))
}

async fn site(name: &str, cluster: Arc<Cluster>, mode: Mode) -> Result<Site> {
    let switched = Arc::clone(&cluster);
    let options = appliance::Options {
        mode,
        switch: Some(Arc::new(move |power| {
            let cluster = Arc::clone(&switched);
            Box::pin(async move {
                match power {
                    Power::Off => cluster.stop(Stop::Kill).await,
                    Power::On => cluster.start().await,
                }
            })
        })),
        ..appliance::Options::new(name, cluster.url())
    };
    Ok(Site { appliance: Appliance::start(options).await?, cluster })
}

async fn databases(
    stack: &Stack,
    east: &Site,
    west: &Site,
    pace: Pace,
) -> Result<(RdsServer, Arc<Wired>)> {
    let source = Place::new(HOME, "controller-db");
    let replica = Place::new(RECOVERY, "controller-db-west");
    let wired = Arc::new(Wired::new(Arc::clone(&stack.aws)).making_replicas(&stack.postgres));
    wired.back(source.clone(), Arc::clone(&east.cluster));
    wired.back(replica.clone(), Arc::clone(&west.cluster));
    let rds = RdsServer::start(ACCOUNT, Arc::<Wired>::clone(&wired)).await?;
    rds.pace(|known| *known = pace);
    rds.add(Instance::primary(source.clone(), "127.0.0.1", east.cluster.port()));
    rds.add(Instance::replica(replica, "127.0.0.1", west.cluster.port(), source));
    stack.gateway.route("rds", &rds.url())?;
    system::measure_the_past(&stack.aws, "controller-db-west").await?;
    Ok((rds, wired))
}

async fn zone(aws: &Aws) -> Result<String> {
    let args = json!({ "Name": "example.com", "CallerReference": "scene" });
    let made = aws.call("us-east-1", "route53", "create_hosted_zone", args).await?;
    let id = made["HostedZone"]["Id"].as_str().context("a hosted zone without an id")?;
    let zone = id.trim_start_matches("/hostedzone/").to_owned();
    system::create_record(aws, &zone, NAME).await?;
    Ok(zone)
}

async fn deploy(
    stack: &Stack,
    zips: &[PathBuf],
    zone: &str,
    schedule: &str,
) -> Result<BTreeMap<String, String>> {
    let aws = &stack.aws;
    let code = format!("code-{ACCOUNT}");
    let place = json!({ "LocationConstraint": RECOVERY });
    let args = json!({ "Bucket": code, "CreateBucketConfiguration": place });
    aws.call(RECOVERY, "s3", "create_bucket", args).await?;
    for (function, zip) in FUNCTIONS.iter().zip(zips) {
        let body = std::fs::read(zip).with_context(|| format!("reading {}", zip.display()))?;
        let key = format!("{function}.zip");
        let args = json!({ "Bucket": code, "Key": key, "Body": stack::aws::bytes(&body) });
        aws.call(RECOVERY, "s3", "put_object", args).await?;
    }
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let pg_dump = stack.postgres.bin().join("pg_dump");
    let source_buckets = format!("arn:aws:s3:::{SOURCE_BUCKET},arn:aws:s3:::{SOURCE_BUCKET}/*");
    let params = [
        ("CodeBucket", code.as_str()),
        ("Architecture", architecture),
        ("PgDumpPath", pg_dump.to_str().context("a path that is not UTF-8")?),
        ("PrimaryRegions", HOME),
        ("HostedZones", zone),
        ("SourceBucketArns", &source_buckets),
    ];
    let recovery = template("recovery.yaml");
    let capabilities = ["CAPABILITY_IAM"];
    let outputs = aws.deploy(RECOVERY, STACK, &recovery, &params, &capabilities).await?;
    let params = [
        ("RecoveryStack", STACK),
        ("System", SYSTEM),
        ("TimeZone", "UTC"),
        ("BackupSchedule", schedule),
        ("ExportSchedule", "cron(0 3 * * ? *)"),
    ];
    let name = format!("{STACK}-{SYSTEM}");
    aws.deploy(RECOVERY, &name, &template("system.yaml"), &params, &[]).await?;
    let params = [("RecoveryRegion", RECOVERY)];
    let name = format!("{STACK}-primary");
    aws.deploy(HOME, &name, &template("primary.yaml"), &params, &capabilities).await?;
    Ok(outputs)
}

/// The RDS server is not MiniStack's, so it is told whose keys are whose: it then holds every function
/// to its role, as MiniStack does for everything else.
async fn hold_to_roles(aws: &Aws, wired: &Wired) -> Result<()> {
    for function in FUNCTIONS {
        let args = json!({ "FunctionName": format!("{STACK}-{function}") });
        let found = aws.call(RECOVERY, "lambda", "get_function_configuration", args).await?;
        let arn = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        let (function, role) = (arn("FunctionArn"), arn("Role"));
        wired.hold_to_role(&access_key(&function, &role), &role);
    }
    Ok(())
}

fn template(name: &str) -> PathBuf {
    Path::new(&stack::folders::workspace()).join("infra").join(name)
}

/// The time of day.
pub fn now() -> Timestamp {
    Timestamp::try_from(stack::wait::now()).unwrap_or_default()
}

/// Waits for a condition of the scene, for at most so many seconds.
///
/// # Errors
/// What was waited for, or the asking's own error.
pub async fn until<T, Answer>(what: &str, within_s: u64, ask: impl FnMut() -> Answer) -> Result<T>
where
    Answer: Future<Output = Result<Option<T>>>,
{
    stack::wait::until(what, Duration::from_secs(within_s), ask).await
}
