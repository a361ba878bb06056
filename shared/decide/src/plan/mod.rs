//! The plan of one system: what was agreed, in types in which a wrong value cannot be held.
//!
//! [`read`] makes a [`Plan`] of a [`tree::Tree`], which `shared/act` makes of the TOML text; it
//! reports every problem at once.

pub mod throttle;
pub mod tree;

mod controller;
mod download;
mod packages;
mod problem;
mod read;
mod records;
mod restore;
mod schema;
mod store;

pub use controller::Controller;
pub use download::{BYTES_MAX, Download, TIMEOUT_S};
pub use packages::Packages;
pub use problem::{Found, Problem, Problems};
pub use read::read;
pub use records::{Dns, Method, Record, Target};
pub use restore::Restore;
pub use schema::schema;
pub use store::Store;

use std::num::NonZeroU32;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::encryption::Choice;
use crate::lock;
use crate::name::{GroupName, Region, RoleArn, SecretArn, SiteName, SourceName, SystemName};

/// One system's plan, as its operator wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What is protected.
    pub system: SystemName,
    /// The systems whose records move together with these, when they are failed over together.
    pub group: Option<GroupName>,
    /// Nothing is promoted while one of these is being failed over.
    pub after: Vec<SystemName>,
    /// What was promised about data and time.
    pub objectives: Objectives,
    /// What is backed up, and how.
    pub backup: Backup,
    /// The database that moves with the system, if it has one.
    pub database: Option<Database>,
    /// The site where the system lives when nothing has happened: the first one in the plan.
    pub home: Site,
    /// The other site.
    pub away: Site,
    /// The records that lead to the active site.
    pub dns: Dns,
    /// When and how the system may be failed over.
    pub failover: Failover,
}

impl Plan {
    /// The site of this name, if the plan has one.
    pub fn site(&self, name: &SiteName) -> Option<&Site> {
        [&self.home, &self.away].into_iter().find(|site| &site.name == name)
    }

    /// The site that is not this one.
    pub fn other(&self, name: &SiteName) -> &Site {
        if &self.home.name == name { &self.away } else { &self.home }
    }
}

/// What was promised: how much data may be lost, and for how long the system may be away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objectives {
    /// Recovery point objective, in seconds.
    pub rpo_s: u64,
    /// Recovery time objective, in seconds.
    pub rto_s: u64,
}

/// What is backed up, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// How many verified backups stay.
    pub keep: Keep,
    /// How every object of a backup is encrypted.
    pub encryption: Choice,
    /// For how long nobody can delete it, where the plan asks for that.
    pub lock: Option<lock::Asked>,
    /// What a backup reads, in this order.
    pub sources: Vec<Source>,
    /// How fast it may read, when that is limited.
    pub throttle: Option<Throttle>,
}

/// How many verified backups stay.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    /// The newest so many (seed A8: three).
    Newest(NonZeroU32),
    /// Only the newest (seed A12).
    Overwrite,
    /// The newest few, and the newest of so many days, weeks, months and years.
    Calendar(Calendar),
}

/// Which verified backups stay by the calendar: those that any of the counts asks for. A day without
/// a backup is not counted, so a system that was silent for a month loses nothing by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// The newest so many.
    pub last: u32,
    /// The newest of each of the newest so many days.
    pub daily: u32,
    /// The same of weeks, which begin on Monday (ISO 8601).
    pub weekly: u32,
    /// The same of months.
    pub monthly: u32,
    /// The same of years.
    pub yearly: u32,
    /// Where days begin; UTC when the plan does not say.
    pub timezone: TimeZone,
}

/// One thing that a backup reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Also the last part of the object's key.
    pub name: SourceName,
    /// Where it is read from.
    pub from: From,
}

/// A `sha256/<base64>` pin of a server's public key (RFC 7469, section 2.4): 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TlsPin(pub [u8; 32]);

/// An `https` address with the secret that opens it and how its certificate is believed: by the
/// compiled-in roots, or by the pin alone when there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Absolute, `https`, without user, password or fragment. Where paths are appended to it (every
    /// appliance), also without query or last `/`.
    pub url: String,
    /// Holds `{"username": …, "password": …}`, sent as HTTP basic authentication.
    pub secret: Option<SecretArn>,
    /// The only public key that is believed, if the operator gave one.
    pub tls_pin: Option<TlsPin>,
}

/// Where a source is read from.
#[derive(Clone, Debug, PartialEq)]
pub enum From {
    /// One GET of an address.
    Https(Download),
    /// A bucket of any store that speaks S3.
    S3(Store),
    /// A dump by `pg_dump -Fc`.
    Postgres {
        /// Name or address of the server.
        host: String,
        /// Its port.
        port: u16,
        /// The database's name.
        database: String,
        /// Holds `{"username": …, "password": …}`.
        secret: SecretArn,
        /// Whether the connection is encrypted and its certificate verified (`verify-full`). Off is
        /// accepted only for a loopback address, where a tunnel ends.
        tls: bool,
        /// The artifacts that its rows are about, where it is a package builder's.
        packages: Option<Packages>,
    },
    /// The controller writes its own backup into a bucket of its own when told to, and that file is
    /// copied.
    Aviatrix(Controller),
    /// The appliance pushes into the vault's inbox by itself, and its newest push is adopted.
    Upload,
}

/// How fast uploads may go, by the AWS Backup gateway's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Throttle {
    /// In which the intervals were written.
    pub timezone: TimeZone,
    /// None overlaps another, and [`throttle::compile`] makes at most 20 of them.
    pub intervals: Vec<Interval>,
}

/// One weekly interval of a throttle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The days on which it starts.
    pub days: Vec<Weekday>,
    /// From the start of this minute.
    pub start: Time,
    /// To the END of this minute (seed D25); on the next day when it is earlier than the start.
    pub end: Time,
    /// Bits per second, averaged over each second.
    pub bits_per_s: u64,
}

/// The database that moves with the system.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Which service moves it.
    pub kind: DatabaseKind,
    /// Identifier of the writer at home: an instance, or a cluster of a global database.
    pub source: String,
    /// The Region of the source.
    pub region: Region,
    /// Identifier of the instance in the recovery region: of the replica, or of what is restored.
    pub replica: String,
    /// How it is restored from the newest copied snapshot, where there is no replica.
    pub restore: Option<Restore>,
    /// The most that the replica may have been behind when the source was lost, in seconds.
    pub lag_s_max: u64,
    /// How snapshots are exported for analysis, if they are. An export is never a recovery copy.
    pub export: Option<Export>,
}

/// Which service moves the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// An RDS instance with a cross-Region read replica, or with copied snapshots.
    Rds,
    /// An Aurora global database, with one cluster at each site.
    AuroraGlobal {
        /// Identifier of the global database, under which each Region knows it.
        global_cluster: String,
    },
}

/// How snapshots are exported to Parquet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The role that RDS takes on to write the files.
    pub role: RoleArn,
    /// Where in the vault they go; ends in `/`.
    pub prefix: String,
}

/// A place where the system can live.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// As used by the records.
    pub name: SiteName,
    /// Where it is.
    pub region: Region,
    /// The appliance that runs there.
    pub appliance: Appliance,
    /// What tells whether it is healthy; at least one.
    pub health: Vec<Health>,
    /// What is started or stopped to give it capacity.
    pub capacity: Option<Capacity>,
}

/// An appliance, and how it is told to be production or standby.
#[derive(Clone, Debug, PartialEq)]
pub enum Appliance {
    /// `POST /api/1.0/appliancemode/` (seed E15, E16).
    Device42(Endpoint),
    /// An Aviatrix controller.
    Aviatrix(Endpoint),
    /// A Habitat Builder, which has no mode of its own.
    HabitatBuilder(Endpoint),
    /// Any other appliance: each call is given.
    Http {
        /// Where, and how it is opened.
        endpoint: Endpoint,
        /// Makes it production.
        promote: Box<Call>,
        /// Makes it standby.
        fence: Box<Call>,
    },
}

impl Appliance {
    /// Where the appliance is, and how it is opened.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Device42(endpoint)
            | Self::Aviatrix(endpoint)
            | Self::HabitatBuilder(endpoint)
            | Self::Http { endpoint, .. } => endpoint,
        }
    }
}

/// One HTTP call that a plan spells out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path and query, appended to the appliance's address; starts with `/`.
    pub path: String,
    /// Sent as it is.
    pub body: String,
    /// Of `body`, when there is one.
    pub content_type: String,
    /// The status that means success.
    pub expect: u16,
}

/// One health signal of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is looked at.
    pub check: Check,
    /// The path on which the look travels. Two signals that share a path count once.
    pub path: String,
}

/// What a health signal looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A GET that should answer with a status.
    Https {
        /// Absolute, `https`.
        url: String,
        /// The only status that means healthy.
        expect: u16,
        /// The only public key that is believed, if the operator gave one.
        tls_pin: Option<TlsPin>,
    },
    /// A TCP connection that should be accepted.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Whether the plan's replica still receives from its source, as RDS says in the recovery
    /// region.
    Replication,
}

/// What is started or stopped to give a site capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Name of an Auto Scaling group in the site's Region.
    pub asg: String,
    /// How many instances it is to have while the site is active.
    pub desired: u32,
}

/// When and how the system may be failed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Who decides.
    pub mode: Mode,
    /// How sure the fence has to be.
    pub fence: FenceDemand,
    /// How many signals have to say that the active site is down.
    pub signals: Quorum,
    /// Counted from the END of the last failover, in seconds.
    pub cooldown_s: u64,
    /// The most failovers in 24 hours.
    pub per_day: u32,
}

/// Who decides that a failover begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The alarm, if the evidence agrees.
    Automatic,
    /// The alarm, once an operator has acknowledged it.
    Approve,
    /// Only an operator's request.
    Manual,
}

/// How sure the fence of the old site has to be before the standby is promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceDemand {
    /// The old site was seen fenced.
    Confirmed,
    /// It was tried; if the old site cannot be reached by any path, go on and keep the debt.
    Attempted,
}

/// So many signals of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// At least so many independent signals must say down.
    pub down: u32,
    /// Of so many that the active site has.
    pub of: u32,
}

#[cfg(test)]
mod tests;
