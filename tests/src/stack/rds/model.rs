//! What a test says to the RDS server: instances, durations, and what lies outside it.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::tables::Table;

/// A resource of one region, by its identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The region's name, such as `us-east-1`.
    pub region: String,
    /// The identifier, as given to AWS.
    pub id: String,
}

impl Place {
    /// A place from its two names.
    pub fn new(region: impl Into<String>, id: impl Into<String>) -> Self {
        Self { region: region.into(), id: id.into() }
    }
}

/// A DB instance as a test declares it; it is `available` from the start.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Where it is and what it is called.
    pub place: Place,
    /// The host that `Endpoint.Address` names.
    pub host: String,
    /// The port that `Endpoint.Port` names.
    pub port: u16,
    /// `DBName`: the database made at its creation.
    pub database: String,
    /// `MasterUsername`.
    pub user: String,
    /// The version of PostgreSQL, such as `16.9`.
    pub engine_version: String,
    /// `DBInstanceClass`.
    pub class: String,
    /// `AllocatedStorage`, in GiB.
    pub storage_gib: u32,
    /// The ARN of the key it is encrypted with; `None` is not encrypted.
    pub kms_key: Option<String>,
    /// The instance it replicates from; `None` is a primary.
    pub source: Option<Place>,
    /// `BackupRetentionPeriod`, in days; 0 is without automated backups.
    pub backup_retention_days: u32,
}

impl Instance {
    /// An unencrypted primary of PostgreSQL 16 with a week of automated backups.
    pub fn primary(place: Place, host: impl Into<String>, port: u16) -> Self {
        Self {
            place,
            host: host.into(),
            port,
            database: "postgres".to_owned(),
            user: "postgres".to_owned(),
            engine_version: "16.9".to_owned(),
            class: "db.t4g.micro".to_owned(),
            storage_gib: 20,
            kms_key: None,
            source: None,
            backup_retention_days: 7,
        }
    }

    /// A read replica of `source`, without automated backups, as AWS makes one.
    pub fn replica(place: Place, host: impl Into<String>, port: u16, source: Place) -> Self {
        let source = Some(source);
        Self { source, backup_retention_days: 0, ..Self::primary(place, host, port) }
    }
}

/// How long each transition takes. `Duration::MAX` is a transition that never ends.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A manual snapshot, from `creating` to `available`.
    pub snapshot: Duration,
    /// A copy of a snapshot, from `creating` to `available`.
    pub copy: Duration,
    /// An export, as long as it says `STARTING`.
    pub export_starting: Duration,
    /// An export, as long as it says `IN_PROGRESS`, without the time that writing takes.
    pub export_writing: Duration,
    /// A cancelled export, from `CANCELING` to `CANCELED`.
    pub export_canceling: Duration,
    /// A promotion, as long as it says `modifying`.
    pub promotion_modifying: Duration,
    /// A promotion, as long as it says `rebooting`.
    pub promotion_rebooting: Duration,
    /// From `stopping` to `stopped`.
    pub stop: Duration,
    /// From `starting` to `available`.
    pub start: Duration,
    /// The source of a new replica, as long as it says `modifying`.
    pub replica_modifying: Duration,
    /// A new replica, from then until `available`, without the time that copying takes.
    pub replica_creating: Duration,
    /// An instance that is restored, as long as it says `creating`, without the time that copying takes.
    pub restore_creating: Duration,
    /// The same, as long as it says `backing-up`.
    pub restore_backing_up: Duration,
    /// The same, as long as it says `modifying`.
    pub restore_modifying: Duration,
    /// Between two measurements of the lag of a replica that the server has made; 60 s on AWS.
    pub lag_every: Duration,
}

impl Default for Pace {
    /// A quarter of a second to a second each: seen by whoever polls, and short enough for a story.
    fn default() -> Self {
        let short = Duration::from_millis(250);
        let long = Duration::from_secs(1);
        Self {
            snapshot: long,
            copy: long,
            export_starting: short,
            export_writing: short,
            export_canceling: short,
            promotion_modifying: long,
            promotion_rebooting: short,
            stop: short,
            start: short,
            replica_modifying: short,
            replica_creating: long,
            restore_creating: long,
            restore_backing_up: short,
            restore_modifying: short,
            lag_every: long,
        }
    }
}

/// What becomes of an event on its way to EventBridge; RDS promises best effort only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives once.
    Arrives,
    /// It never arrives.
    Lost,
    /// It arrives this many times.
    Times(u32),
}

/// The state of a read replica, as `StatusInfos` shows it.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.Monitoring.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// It follows its source.
    Replicating,
    /// It cannot follow, and will try again.
    Error,
    /// It was stopped.
    Stopped,
    /// It will never follow again: its source is gone, or it was stopped for too long.
    Terminated,
}

/// Where an instance is in its life. AWS has more; these are the ones that our functions meet.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `available`
    Available,
    /// `backing-up`
    BackingUp,
    /// `creating`
    Creating,
    /// `failed`
    Failed,
    /// `modifying`
    Modifying,
    /// `rebooting`
    Rebooting,
    /// `starting`
    Starting,
    /// `stopped`
    Stopped,
    /// `stopping`
    Stopping,
}

impl Status {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::BackingUp => "backing-up",
            Self::Creating => "creating",
            Self::Failed => "failed",
            Self::Modifying => "modifying",
            Self::Rebooting => "rebooting",
            Self::Starting => "starting",
            Self::Stopped => "stopped",
            Self::Stopping => "stopping",
        }
    }
}

/// A file that an export writes.
#[derive(Clone, Debug)]
pub struct Object {
    /// The bucket named by the task.
    pub bucket: String,
    /// The whole key, prefix included.
    pub key: String,
    /// The content.
    pub body: Vec<u8>,
    /// The key that the object must be encrypted with.
    pub kms_key: String,
    /// The role that writes it.
    pub role: String,
}

/// A value for CloudWatch, in the namespace `AWS/RDS` with the dimension `DBInstanceIdentifier`.
#[derive(Clone, Debug, PartialEq)]
pub struct Datapoint {
    /// The instance that was measured.
    pub instance: Place,
    /// `ReplicaLag`.
    pub metric: &'static str,
    /// In `unit`.
    pub value: f64,
    /// `Seconds`.
    pub unit: &'static str,
}

/// Where a PostgreSQL listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The role of an export may not do what the export needs; [`Outside::put`] answers it.
#[derive(Debug, thiserror::Error)]
#[error("the role of the export may not do {0}")]
pub struct Forbidden(pub &'static str);

/// What the RDS server reaches outside itself. Each default is a world in which all is well.
pub trait Outside: Send + Sync + 'static {
    /// The tables of `instance` at this moment: a snapshot keeps them.
    fn read<'a>(&'a self, _instance: &'a Place) -> BoxFuture<'a, Result<Vec<Table>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Makes the PostgreSQL behind `instance` writable.
    fn promote<'a>(&'a self, _instance: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Stops the PostgreSQL behind `instance`.
    fn stop<'a>(&'a self, _instance: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Starts the PostgreSQL behind `instance`.
    fn start<'a>(&'a self, _instance: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Copies the PostgreSQL behind `source`, and lets the copy follow it as the one behind `replica`;
    /// where it listens, or nothing if there is no PostgreSQL.
    fn replicate<'a>(
        &'a self,
        _source: &'a Place,
        _replica: &'a Place,
    ) -> BoxFuture<'a, Result<Option<Endpoint>>> {
        Box::pin(async { Ok(None) })
    }

    /// Makes a PostgreSQL with these tables behind `instance`; where it listens, or nothing if there is no
    /// PostgreSQL.
    fn restore<'a>(
        &'a self,
        _instance: &'a Place,
        _tables: &'a [Table],
    ) -> BoxFuture<'a, Result<Option<Endpoint>>> {
        Box::pin(async { Ok(None) })
    }

    /// How many seconds `replica` is behind its source; nothing when replication is not active.
    fn lag<'a>(&'a self, _replica: &'a Place) -> BoxFuture<'a, Result<Option<f64>>> {
        Box::pin(async { Ok(Some(0.0)) })
    }

    /// Puts a file of an export into S3, in `region`.
    fn put<'a>(&'a self, region: &'a str, object: Object) -> BoxFuture<'a, Result<()>>;

    /// Takes an EventBridge event for the default bus of `region`.
    fn emit<'a>(&'a self, region: &'a str, event: Value) -> BoxFuture<'a, Result<()>>;

    /// Takes a value for CloudWatch.
    fn measure(&self, _datapoint: Datapoint) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether the KMS key exists in `region` and is enabled.
    fn is_key_usable<'a>(&'a self, region: &'a str, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(key.starts_with(&format!("arn:aws:kms:{region}:"))) })
    }

    /// Whether the bucket exists and is in `region`.
    fn is_bucket_here<'a>(
        &'a self,
        _region: &'a str,
        _bucket: &'a str,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(true) })
    }

    /// Whether the export service can assume the role.
    fn is_role_known<'a>(&'a self, _role: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(true) })
    }

    /// Whether the owner of `access_key` may do `action` (`rds:…`) in `region`, on `resource` (an ARN or
    /// `*`).
    fn is_allowed<'a>(
        &'a self,
        _region: &'a str,
        _access_key: &'a str,
        _action: &'a str,
        _resource: &'a str,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(true) })
    }
}
