//! What the functions need of the world, at the level of our own nouns. `shared/aws` gives it on AWS;
//! the simulated world of the tests gives it with troubles.
//!
//! Each method names the IAM actions that it needs, and each function lists its own in
//! [`crate::permissions`]; a test holds those lists against the roles in `infra/`.

#![expect(
    async_fn_in_trait,
    reason = "everything runs on one current-thread runtime: no future has to be Send"
)]

use bytes::Bytes;
use jiff::Timestamp;
use warmspare_decide::aviatrix::{self, Call, Listing, Said};
use warmspare_decide::capacity::Group;
use warmspare_decide::database::{Copied, Instance, LagPoint, Origin, Placed, Restored};
use warmspare_decide::dns::{Change, RecordSet};
use warmspare_decide::encryption::Encryption;
use warmspare_decide::evidence::{AlarmState, Sight};
use warmspare_decide::export::{ExportTask, Snapshot};
use warmspare_decide::inbox::Pushed;
use warmspare_decide::inventory::{Listed, Page};
use warmspare_decide::lock::{Lock, Protection};
use warmspare_decide::manifest::Sums;
use warmspare_decide::name::{KeyArn, Region, Slot};
use warmspare_decide::outcome::Announcement;
use warmspare_decide::plan::{
    Appliance, Check, Controller, Database, From, Plan, Problems, Restore, Store,
};
use warmspare_decide::presence::{Marker, Versions};
use warmspare_decide::seen::Seen;
use warmspare_decide::sweep::Unfinished;
use warmspare_decide::tripwire::{Bucket, Replication};
use warmspare_decide::verify::{KeyFacts, ObjectFacts};

use crate::fault::Fault;
use crate::plan_text;
use crate::stream::{Chunks, Measured};

/// The time, and how much of it is left.
pub trait Clock {
    /// Now, by this machine's clock. Never compared with another machine's except through a bound.
    fn now(&self) -> Timestamp;
    /// Seconds until this invocation is ended from outside, less a margin for a last record.
    fn left_s(&self) -> u64;
    /// Waits between two looks, in seconds. Never in place of a look.
    async fn pause(&self, wait_s: u64);
    /// A number of seconds from 0 to `s_max`, another one for another run: runs that were refused
    /// together because they were too many should not come back together.
    fn jitter_s(&self, s_max: u64) -> u64;
    /// Names this run in what it writes, so that it can tell its own first try from another's.
    fn writer(&self) -> String;
}

/// A small object of the vault, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub body: Bytes,
    /// For [`Vault::replace`].
    pub etag: String,
    /// The version that was read.
    pub version_id: String,
    /// When it was written, by S3's own clock.
    pub written_at: Timestamp,
    /// The time of the answer, by S3's own clock.
    pub read_at: Timestamp,
}

/// What came of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was written now; its ETag.
    New(String),
    /// Something was there that the condition excludes; nothing was written. It may be our own first
    /// try: read it back before believing that it is another's.
    Conflict,
}

/// What came of storing a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// Stored now, as this version, with these sums of what passed.
    New {
        /// The version that was written.
        version_id: String,
        /// Of the whole stream.
        sums: Sums,
    },
    /// The key exists already; nothing was written.
    Exists,
}

/// The vault: one bucket in the recovery region.
pub trait Vault {
    /// What reads an object piece by piece.
    type Body: Chunks;

    /// A small object, whole (at most 1 MiB). `s3:GetObject`, `s3:ListBucket` (so that absence is a 404).
    async fn read(&self, key: &str) -> Result<Seen<Document>, Fault>;
    /// Writes a small object if the key is free (`If-None-Match: *`). `s3:PutObject`.
    async fn create(&self, key: &str, body: Bytes) -> Result<Written, Fault>;
    /// The same under this lock. `s3:PutObject`, `s3:PutObjectRetention`.
    async fn create_locked(&self, key: &str, body: Bytes, lock: &Lock) -> Result<Written, Fault>;
    /// Writes a small object over exactly the one with this ETag (`If-Match`). `s3:PutObject`.
    async fn replace(&self, key: &str, etag: &str, body: Bytes) -> Result<Written, Fault>;
    /// Every key under a prefix, in order. `s3:ListBucket`.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault>;
    /// The versions of all objects under a prefix, in order, after a marker or from the first one on: a
    /// thousand at most. `s3:ListBucketVersions`.
    async fn versions(&self, prefix: &str, after: Option<&Marker>) -> Result<Versions, Fault>;
    /// Streams into a key that must be free, so protected, with a full-object checksum;
    /// in bounded memory; a stream that ends in a fault leaves nothing visible behind. The mark, in
    /// ASCII and at most 2 KB, is kept beside the object, and is one of its facts.
    /// `s3:PutObject`, `s3:PutObjectRetention`, `s3:AbortMultipartUpload`, `kms:GenerateDataKey`,
    /// `kms:Decrypt`.
    async fn upload<C: Chunks>(
        &self,
        key: &str,
        protection: &Protection,
        stream: &mut Measured<C>,
        mark: Option<&str>,
    ) -> Result<Uploaded, Fault>;
    /// What S3 says of one version, or of the current one; of its lock only to who may see that.
    /// `s3:GetObjectVersion`, `s3:GetObjectRetention`, `kms:Decrypt`.
    async fn facts(&self, key: &str, version_id: Option<&str>) -> Result<Seen<ObjectFacts>, Fault>;
    /// Reads one version with the function's own credentials, as [`Vault::read_as_recovery`] does with
    /// the recovery role's. `s3:GetObjectVersion`, `kms:Decrypt`.
    async fn read_back(&self, key: &str, version_id: &str) -> Result<Self::Body, Fault>;
    /// Reads one version with the credentials of the role that will restore.
    /// `sts:AssumeRole`; the role: `s3:GetObjectVersion`, `kms:Decrypt`.
    async fn read_as_recovery(&self, key: &str, version_id: &str) -> Result<Self::Body, Fault>;
    /// ARN of the role that [`Vault::read_as_recovery`] takes on.
    fn recovery_role(&self) -> String;
    /// Copies one version to `to`, so encrypted, marked with the slot, over exactly the
    /// object with the ETag `over` or over nothing. `s3:GetObjectVersion`, `s3:PutObject`,
    /// `kms:GenerateDataKey`, `kms:Decrypt`.
    async fn copy(
        &self,
        from: (&str, &str),
        to: &str,
        over: Option<&str>,
        encryption: &Encryption,
        slot: Slot,
    ) -> Result<Written, Fault>;
    /// The most that [`Vault::copy`] copies, in bytes: 5 GiB.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
    fn copy_bytes_max(&self) -> u64 {
        5 << 30
    }
    /// The Region in which the vault, and every function, lives.
    fn region(&self) -> Region;
    /// The plan that a text of this vault says. A vault that is asked for the same text a million times,
    /// as the simulated one is, may remember what it says; one that is asked once a minute need not.
    ///
    /// # Errors
    /// All [`Problems`] of the text, as [`plan_text::parse`] finds them.
    fn plan(&self, text: &str) -> Result<Plan, Problems> {
        plan_text::parse(text)
    }
}

/// What appliances push into the vault. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>:
/// what is sent in several parts is nowhere to be seen before it is completed.
pub trait Inbox: Vault {
    /// Every object under a prefix, in order of their keys. `s3:ListBucket`.
    async fn pushed(&self, prefix: &str) -> Result<Vec<Pushed>, Fault>;
    /// Reads one version of a push. It ends in a fault when it is not what S3 keeps as its checksum,
    /// whichever that is. `s3:GetObjectVersion`, `kms:Decrypt`.
    async fn open_pushed(&self, key: &str, version_id: &str) -> Result<Self::Body, Fault>;
}

/// What came of deleting an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone: a delete marker lies over the version that was seen.
    New,
    /// It is not what was seen any more, or gone already; nothing was deleted.
    Conflict,
    /// S3 does not allow it: a lock, or a policy. The clause says what it answered.
    Denied(String),
}

/// Deleting from the vault. A trait of its own: a function that does not ask for it cannot delete.
pub trait Deletion {
    /// Deletes the current version of a key if it has this ETag, and so that it can be undone: its
    /// version stays behind a delete marker, with a tag by which the vault's lifecycle removes it days
    /// later. `s3:DeleteObject`, `s3:PutObjectVersionTagging`, `s3:GetObject`.
    async fn delete(&self, key: &str, seen: &ObjectFacts) -> Result<Deleted, Fault>;
}

/// Uploads in parts that are under way, or were left by a run that was killed.
pub trait Uploads {
    /// Those of the keys under a prefix, a thousand at most. `s3:ListBucketMultipartUploads`.
    async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, Fault>;
    /// Frees the parts of one; also when it is gone already. `s3:AbortMultipartUpload`.
    async fn abort(&self, upload: &Unfinished) -> Result<(), Fault>;
}

/// How the vault's bucket is set up.
pub trait Standing {
    /// Everything that a sweep looks at. `s3:GetBucketVersioning`, `s3:GetBucketPolicy`,
    /// `s3:GetBucketPublicAccessBlock`, `s3:GetReplicationConfiguration`.
    async fn bucket(&self) -> Result<Bucket, Fault>;
    /// What S3 says of the replication of one version, or of the current one. `s3:GetObjectVersion`,
    /// `s3:GetObject`, `kms:Decrypt`.
    async fn replication(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Seen<Replication>, Fault>;
}

/// Whether the vault can lock.
pub trait Locks {
    /// Whether its bucket has Object Lock. `s3:GetBucketObjectLockConfiguration`.
    async fn has_object_lock(&self) -> Result<bool, Fault>;
}

/// KMS keys.
pub trait Keys {
    /// State and place of a key. `kms:DescribeKey`.
    async fn key(&self, key_arn: &KeyArn) -> Result<Seen<KeyFacts>, Fault>;
    /// The key that AWS manages for S3 in the vault's Region, behind `alias/aws/s3`. KMS makes it when it
    /// is asked for the first time. `kms:DescribeKey`.
    async fn aws_s3_key(&self) -> Result<Seen<KeyFacts>, Fault>;
}

/// What a backup reads.
pub trait Sources {
    /// What reads a source piece by piece. It ends in a fault unless the source said that it was whole.
    type Stream: Chunks;
    /// Opens a source. `secretsmanager:GetSecretValue`.
    async fn open(&self, from: &From) -> Result<Self::Stream, Fault>;
}

/// Aviatrix controllers, and the buckets that they write their backups to.
pub trait Controllers {
    /// What reads one of their files piece by piece.
    type File: Chunks;
    /// Makes one call. A `return: false` is an answer, and no fault. `secretsmanager:GetSecretValue`.
    async fn call(&self, controller: &Controller, call: &Call) -> Result<Said, Fault>;
    /// What could be backups in the controller's bucket, and S3's time. `s3:ListBucket`.
    async fn written(&self, controller: &Controller) -> Result<Listing, Fault>;
    /// Reads exactly this file; it ends in a fault when it was replaced since, or is not as long as
    /// was listed. `s3:GetObject`.
    async fn open_written(
        &self,
        controller: &Controller,
        file: &aviatrix::Written,
    ) -> Result<Self::File, Fault>;
}

/// Buckets of stores that speak S3, of which a backup keeps every object by itself.
pub trait Artifacts {
    /// What reads an object piece by piece. It ends in a fault unless it was as long as the store said.
    type Artifact: Chunks;
    /// The objects that follow a key, in the order of their keys, and at most a thousand.
    /// `secretsmanager:GetSecretValue`, `s3:ListBucket`.
    async fn page(&self, store: &Store, after: Option<&str>) -> Result<Page, Fault>;
    /// Opens one object as it is now, which may be another one than was listed: the store says what it
    /// gives. `secretsmanager:GetSecretValue`, `s3:GetObject`.
    async fn open_artifact(
        &self,
        store: &Store,
        key: &str,
    ) -> Result<Seen<(Listed, Self::Artifact)>, Fault>;
}

/// Dumps of databases, as they lie in the vault.
pub trait Dumps {
    /// Gives the rows of one table of a dump by `pg_dump -Fc`, as `pg_restore` writes them, in pieces as they
    /// come. The dump is read to its end. `Unknown` when `pg_restore` could not be started, was not content
    /// with the dump or did not end; the clause says what it said. No IAM action: it runs beside the function,
    /// and asks nobody.
    ///
    /// # Errors
    /// Those of the dump's own stream alone.
    async fn table<C: Chunks>(
        &self,
        dump: &mut C,
        schema: &str,
        table: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Seen<()>, Fault>;
}

/// Databases, in any Region.
pub trait Databases {
    /// One instance. `rds:DescribeDBInstances`.
    async fn instance(&self, region: &Region, id: &str) -> Result<Seen<Instance>, Fault>;
    /// Makes a replica a writer of its own; cannot be undone. `rds:PromoteReadReplica`.
    async fn promote(&self, region: &Region, id: &str) -> Result<(), Fault>;
    /// Stops an instance. `rds:StopDBInstance`.
    async fn stop(&self, region: &Region, id: &str) -> Result<(), Fault>;
    /// Begins to make the instance `replica` a replica of `writer`, in its own Region, with the class, the
    /// network and the key of `like`, which stood there before; one of that name is answered as
    /// `Ok(false)`. `rds:CreateDBInstanceReadReplica`, `rds:DescribeDBInstances`, `kms:CreateGrant`,
    /// `kms:DescribeKey`.
    async fn seed(&self, writer: &Placed, replica: &Placed, like: &Placed) -> Result<bool, Fault>;
    /// `ReplicaLag` of a replica, in its own Region. `cloudwatch:GetMetricStatistics`.
    async fn lag(
        &self,
        region: &Region,
        id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault>;
}

/// Databases that are restored from copied snapshots, in the recovery region.
pub trait Restores {
    /// Every copied snapshot of the instances of this identifier, whoever made it. `rds:DescribeDBSnapshots`.
    async fn copies(&self, region: &Region, of: &str) -> Result<Vec<Copied>, Fault>;
    /// What has the name of the instance that is restored, with what its tags say.
    /// `rds:DescribeDBInstances`.
    async fn restored(&self, at: &Placed) -> Result<Seen<Restored>, Fault>;
    /// Begins to restore the snapshot that `origin` names as the instance `at`, and writes `origin` into its
    /// tags; one of that name is answered as `Ok(false)`. `rds:RestoreDBInstanceFromDBSnapshot`,
    /// `rds:AddTagsToResource`, `kms:CreateGrant`, `kms:DescribeKey`.
    async fn restore(&self, at: &Placed, how: &Restore, origin: &Origin) -> Result<bool, Fault>;
}

/// Aurora global databases: clusters in several Regions, of which one writes.
pub trait GlobalDatabases {
    /// One cluster, as its own Region sees it, and its part in the global database; one that is no member
    /// is [`warmspare_decide::database::DETACHED`]. `rds:DescribeGlobalClusters`,
    /// `rds:DescribeDBClusters`.
    async fn member(&self, global: &str, cluster: &Placed) -> Result<Seen<Instance>, Fault>;
    /// `AuroraGlobalDBRPOLag` of a cluster that does not write, in its own Region; where the engine
    /// is too old for it, `AuroraGlobalDBReplicationLag`. `cloudwatch:GetMetricStatistics`.
    async fn member_lag(
        &self,
        cluster: &Placed,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault>;
    /// Makes this cluster the writer without what it has not received, and needs its Region alone.
    /// Aurora keeps the old writer from writing as far as it can, and takes it back as a secondary when
    /// its Region is there again. A cluster that is the writer already is left as it is, and so is a
    /// global database that is changing its writer. `rds:FailoverGlobalCluster`,
    /// `rds:DescribeGlobalClusters`.
    async fn fail_over(&self, global: &str, cluster: &Placed) -> Result<(), Fault>;
    /// The same once it has received everything, told to the Region of the cluster that writes now.
    /// `rds:SwitchoverGlobalCluster`, `rds:DescribeGlobalClusters`.
    async fn switch_over(
        &self,
        global: &str,
        writer: &Placed,
        cluster: &Placed,
    ) -> Result<(), Fault>;
}

/// Auto Scaling groups, in any Region.
pub trait Capacity {
    /// One group. `autoscaling:DescribeAutoScalingGroups`.
    async fn group(&self, region: &Region, name: &str) -> Result<Seen<Group>, Fault>;
    /// Sets how many instances a group is to have, whatever it was. Auto Scaling refuses what is
    /// outside the group's minimum and maximum. `autoscaling:SetDesiredCapacity`.
    async fn set_desired(&self, region: &Region, name: &str, desired: u32) -> Result<(), Fault>;
}

/// Snapshots of databases, their copies and their exports.
pub trait Snapshots {
    /// A snapshot in a Region. `rds:DescribeDBSnapshots`.
    async fn snapshot(&self, region: &Region, id: &str) -> Result<Seen<Snapshot>, Fault>;
    /// Begins a snapshot; one of that name is a conflict, answered as `Ok(false)`. `rds:CreateDBSnapshot`.
    async fn take_snapshot(&self, database: &Database, id: &str) -> Result<bool, Fault>;
    /// Begins a copy of a snapshot into the recovery region, under a key there, with the same id; one
    /// of that name is answered as `Ok(false)`. `rds:CopyDBSnapshot`, `kms:CreateGrant`, `kms:DescribeKey`.
    async fn copy_snapshot(
        &self,
        source: &Snapshot,
        from: &Region,
        id: &str,
        key_arn: &KeyArn,
    ) -> Result<bool, Fault>;
    /// An export task in the recovery region. `rds:DescribeExportTasks`.
    async fn export_task(&self, id: &str) -> Result<Seen<ExportTask>, Fault>;
    /// Begins an export; one of that name is answered as `Ok(false)`, too many at once as a retryable
    /// fault. `prefix` has no `/` at its end, and the files lie in `<prefix>/<id>/`.
    /// `rds:StartExportTask`, `iam:PassRole`, `kms:CreateGrant`, `kms:DescribeKey`.
    async fn start_export(
        &self,
        id: &str,
        snapshot: &Snapshot,
        database: &Database,
        prefix: &str,
        key_arn: &KeyArn,
    ) -> Result<bool, Fault>;
}

/// Route 53, whose control plane lives in us-east-1.
pub trait Dns {
    /// Every set of these names and types. `route53:ListResourceRecordSets`.
    async fn records(
        &self,
        zone: &str,
        names: &[(String, String)],
    ) -> Result<Vec<RecordSet>, Fault>;
    /// Submits one batch, whole or not at all; the id of the change, or `None` when the records are no
    /// longer what the batch deletes. `route53:ChangeResourceRecordSets`.
    async fn change(&self, zone: &str, batch: &[Change]) -> Result<Option<String>, Fault>;
    /// Whether a change has reached all of Route 53's servers; absent when Route 53 does not know the
    /// change. `route53:GetChange`.
    async fn is_in_sync(&self, change_id: &str) -> Result<Seen<bool>, Fault>;
}

/// The mode of an appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplianceMode {
    /// It runs its jobs and writes.
    Production,
    /// It runs nothing and writes nothing.
    Standby,
}

/// Appliances.
pub trait Appliances {
    /// Sets the mode, whatever it was (seed E15, E16). An answer other than success is a fault: it is
    /// not known what the appliance did. `secretsmanager:GetSecretValue`.
    async fn set_mode(&self, appliance: &Appliance, mode: ApplianceMode) -> Result<(), Fault>;
}

/// Health signals that travel over HTTP or TCP. What RDS says of its replication comes from
/// [`Databases`].
pub trait Signals {
    /// Looks once, for a few seconds at most.
    async fn look(&self, check: &Check) -> Sight;
}

/// An alarm of CloudWatch, and since when it is in its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The state.
    pub state: AlarmState,
    /// Since when.
    pub since: Timestamp,
    /// For how long the metric had to be out of bounds before the alarm said so, in seconds, where it
    /// is a metric alarm.
    pub window_s: Option<u64>,
}

/// CloudWatch alarms and metrics.
pub trait Monitoring {
    /// An alarm of the recovery region, metric or composite. `cloudwatch:DescribeAlarms`.
    async fn alarm(&self, name: &str) -> Result<Seen<Alarm>, Fault>;
    /// Publishes values in the namespace `Warmspare` under the dimension `System`, as values of that
    /// instant: one that is over by now is taken too. `cloudwatch:PutMetricData`.
    async fn publish(
        &self,
        system: &str,
        at: Timestamp,
        metrics: &[(&'static str, f64)],
    ) -> Result<(), Fault>;
}

/// The event bus.
pub trait Bus {
    /// Tells everyone how something ended. `events:PutEvents`.
    async fn announce(&self, announcement: &Announcement) -> Result<(), Fault>;
}
