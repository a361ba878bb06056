//! Every reason for which something is not done. Each is a full clause with its numbers, and has a
//! section of its name in `infra/RUNBOOK.md`.

mod name;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::evidence::Verdict;
use crate::fits::TooLong;
use crate::lock::Mode;
use crate::name::{KeyArn, Region, SiteName, Slot, SourceName, Term};

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(tag = "refusal", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the sentence above each variant says what its numbers are")]
pub enum Refusal {
    /// The plan has problems.
    #[error("the plan has {count} problem(s): {problems}")]
    PlanInvalid {
        count: usize,
        /// Each with line, field, found and allowed.
        problems: String,
    },
    /// There is no plan of that name.
    #[error("there is no plan for the system {system:?} in the vault; its place is {key}")]
    UnknownSystem {
        system: String,
        /// Where its plan would be.
        key: String,
    },
    /// The event is not one of ours.
    #[error("the event is not one that this function takes: {why}")]
    NotOurs {
        /// What was found and what is allowed.
        why: String,
    },
    /// The key is not one to encrypt with.
    #[error("the key {key_arn} cannot protect a backup: it {why}")]
    KeyUnusable {
        key_arn: KeyArn,
        /// A clause that follows "it".
        why: String,
    },
    /// The key is not where the vault is.
    #[error(
        "the key {key_arn} is in {found}, and the vault is in {wanted}: S3 takes a key of its own Region only"
    )]
    KeyElsewhere { key_arn: KeyArn, found: String, wanted: Region },
    /// The plan asks for a lock that the vault cannot keep.
    #[error(
        "the plan locks each backup for {days} day(s) ({mode}), and the vault's bucket has no Object Lock: S3 \
         would not take it"
    )]
    NoObjectLock { mode: Mode, days: u32 },
    /// The slot is in the future, or too old to be backed up now.
    #[error(
        "the slot {slot} is {off_s} s away from now, and {off_s_max} s is the most: what is stored is named by when it was made"
    )]
    SlotFarFromNow { slot: Slot, off_s: u64, off_s_max: u64 },
    /// Nothing was stored under that name.
    #[error("there is no backup {slot} in the vault: {key} does not exist")]
    NoBackup {
        slot: Slot,
        /// Where its manifest would be.
        key: String,
    },
    /// An appliance has pushed nothing that no backup holds.
    #[error(
        "nothing new lies in {inbox} since {since}: {objects} object(s) were seen there, and {empty} that \
         came since are empty"
    )]
    NothingPushed {
        /// The source's folder.
        inbox: String,
        objects: usize,
        empty: usize,
        /// When the last push was that a backup holds, as a clause.
        since: String,
    },
    /// What an appliance has pushed is older than what may be lost.
    #[error(
        "the newest push {key} is of {written_at}, {age_s} s before the slot, and {rpo_s} s is the most \
         that may be lost"
    )]
    PushTooOld { key: String, written_at: Timestamp, age_s: u64, rpo_s: u64 },
    /// What an appliance has pushed is not stored as the vault stores.
    #[error("what was pushed as {key} is not adopted: it {why}")]
    PushUnusable {
        key: String,
        /// A clause that follows "it".
        why: String,
    },
    /// An appliance has pushed where nobody looks.
    #[error("nothing of the plan takes what was pushed as {key}: {wanted}")]
    PushUnexpected {
        key: String,
        /// What it takes, as a clause.
        wanted: String,
    },
    /// A source does not fit into an invocation at the rate that its plan allows.
    #[error(
        "{passed_bytes} bytes of the source {source_name} have passed in {took_s} s at the {bits_per_s} bit/s \
         that backup.throttle allows at this hour, and it is not over: it does not fit into one run"
    )]
    ThrottleTooSlow { source_name: SourceName, passed_bytes: u64, took_s: u64, bits_per_s: u64 },
    /// Something is not read to its end in an invocation.
    #[error(
        "{passed_bytes} bytes of {what} were read in {took_s} s ({} in a second), and it is not over: it does \
         not fit into one run",
        passed_bytes / took_s.max(&1)
    )]
    DoesNotFit { what: String, passed_bytes: u64, took_s: u64 },
    /// A source is longer than the plan takes.
    #[error(
        "the source {source_name} has {bytes} bytes or more, and its max_bytes allows {bytes_max}"
    )]
    SourceTooLong { source_name: String, bytes: u64, bytes_max: u64 },
    /// The database is newer than the dump tool, or too old for it.
    #[error(
        "the server {server_name} runs PostgreSQL {server}, and pg_dump {tool} does not dump that: the layer \
         needs a pg_dump of the server's own major version, or a later one"
    )]
    PgDumpVersion { server_name: String, server: String, tool: String },
    /// An object of a bucket does not fit into one run.
    #[error("{0}")]
    ArtifactTooLong(TooLong),
    /// A controller writes its backups somewhere else than the plan says.
    #[error(
        "the controller {url} writes its backups to the bucket {found}, and the plan says {wanted}: a \
         request from here would not come to where it is looked for"
    )]
    ControllerWritesElsewhere { url: String, found: String, wanted: String },
    /// A controller makes no backups, and the plan does not say with which account it should.
    #[error(
        "the backup of the controller {url} is switched off, and the plan names no account with which it \
         could be enabled for {bucket}"
    )]
    ControllerBackupOff { url: String, bucket: String },
    /// Nobody can say which of several controllers was asked.
    #[error(
        "{count} controllers ({addresses}) have written to {bucket} since {since}, and the plan does not \
         say by private_ip which of them is asked"
    )]
    TwoControllers {
        bucket: String,
        count: usize,
        /// The private addresses in the files' names.
        addresses: String,
        since: Timestamp,
    },
    /// There is nothing that the function could export.
    #[error("the plan has no [database] with an export, so there is nothing to export")]
    NoExport {},
    /// This kind of source, appliance or database is planned, and not built yet.
    #[error("{what} is not supported by this version: {instead}")]
    NotSupported { what: String, instead: String },
    /// The alarm is not in alarm any more.
    #[error(
        "the alarm {alarm} was read again and is {state}: only one that is in ALARM begins a failover"
    )]
    AlarmNotRaised { alarm: String, state: String },
    /// The active site answers.
    #[error(
        "the active site {site} answers on {} of its paths, {} say that it is down, and {down_min} \
         would have to",
        verdict.up, verdict.down
    )]
    PrimaryHealthy { site: SiteName, verdict: Verdict, down_min: u32 },
    /// Not enough signals say that the active site is down.
    #[error(
        "{} independent path(s) say that {site} is down and {} cannot tell; {down_min} have to say so, \
         and what cannot tell does not count",
        verdict.down, verdict.unknown
    )]
    NotEnoughSignals { site: SiteName, verdict: Verdict, down_min: u32 },
    /// The standby is not known to be able to take over.
    #[error("the standby {site} is not known to be ready: {why}")]
    StandbyNotReady { site: SiteName, why: String },
    /// No backup is proven.
    #[error(
        "no backup of the system is proven restorable, so there is nothing to fall back on: {why}"
    )]
    NoProvenBackup { why: String },
    /// The newest proven backup is too old.
    #[error(
        "the newest proven backup {slot} is {age_s} s old, and {rpo_s} s is the most that may be lost"
    )]
    BackupTooOld { slot: Slot, age_s: u64, rpo_s: u64 },
    /// The replica was too far behind.
    #[error(
        "the replica was {lag_s} s behind when its source was lost, and {lag_s_max} s is the most"
    )]
    TooFarBehind { lag_s: u64, lag_s_max: u64 },
    /// Nobody can say how far behind the replica was.
    #[error("it is not known how far the replica was behind when its source was lost: {why}")]
    LagUnknown { why: String },
    /// The last failover ended too recently.
    #[error(
        "the last failover (term {term}) ended {since_s} s ago, and {cooldown_s} s have to pass"
    )]
    Cooldown { term: Term, since_s: u64, cooldown_s: u64 },
    /// There were enough failovers today.
    #[error("there were {count} failover(s) in the last 24 hours, and {per_day} is the most")]
    DailyLimit { count: u32, per_day: u32 },
    /// The fence could not be confirmed.
    #[error("the old site {site} could not be fenced in {tried_s} s, and {demand}: {why}")]
    FenceUnconfirmed {
        site: SiteName,
        tried_s: u64,
        /// What the plan demands, as a clause.
        demand: String,
        why: String,
        #[serde(default)]
        up: u32,
    },
    /// An earlier failover still owes a fence, or the end of one.
    #[error(
        "term {term} still owes {debts}: until that is paid, nobody knows what its sites run and write"
    )]
    FenceOwed { term: Term, debts: String },
    /// Somebody changed a record.
    #[error(
        "{record} holds {found}, where the plan says {wanted}: somebody changed it, and it is left alone"
    )]
    DnsDrift { record: String, found: String, wanted: String },
    /// Only an operator may begin.
    #[error("the plan's mode is {mode}, so an alarm alone does not begin a failover")]
    ModeIsNotAutomatic { mode: String },
    /// Everything says that a failover should begin, and a person has to approve it.
    #[error(
        "the plan's mode is approve, and all that term {term} needs to begin is an approval: an object \
         {key} that holds {object}"
    )]
    ApprovalMissing {
        term: Term,
        /// Where the approval is to be put.
        key: String,
        /// What it is to hold.
        object: String,
    },
    /// Something was put there to lift a refusal, and does not.
    #[error("{of}; what was acknowledged does not lift that: {found}")]
    AcknowledgementInvalid {
        of: Box<Refusal>,
        /// Each object that was found, with what is wrong with it and what is allowed.
        found: String,
    },
    /// A person has paused automatic failovers.
    #[error("{who} has paused automatic failovers from {from} until {until}: {reason}")]
    Paused { who: String, reason: String, from: Timestamp, until: Timestamp },
    /// Nobody can say whether automatic failovers are paused.
    #[error("it is not clear whether automatic failovers are paused, so none begins: {key} {why}")]
    PauseUnclear {
        /// Where the pause would be.
        key: String,
        /// A clause that follows the key.
        why: String,
    },
    /// A person has given the move up.
    #[error("{who} has aborted the move ({reason}); {site} stays the active site, and {told}")]
    Aborted {
        site: SiteName,
        who: String,
        reason: String,
        /// What the site was told, as a clause.
        told: String,
    },
    /// A failover cannot be given up any more.
    #[error(
        "term {term} cannot be aborted: since {since} it may {step}, and from there it only goes forward; \
         {reason:?} was given as the reason"
    )]
    AbortTooLate {
        term: Term,
        /// The first promotion, as a clause.
        step: String,
        since: Timestamp,
        reason: String,
    },
    /// There is no failover to give up.
    #[error(
        "no failover and no planned move of {system} is under way, so there is nothing to abort: {newest}"
    )]
    NothingToAbort {
        system: String,
        /// How the last one ended, as a clause.
        newest: String,
    },
    /// A failover is under way.
    #[error("term {term} is under way since {since}")]
    InProgress { term: Term, since: Timestamp },
    /// Systems that this one comes after are still being failed over.
    #[error(
        "{systems} are to be failed over before anything of this one is promoted; that was waited for \
         {waited_s} s, and is said after {waited_s_max} s"
    )]
    OthersUnderWay {
        /// Each, with how far it is.
        systems: String,
        waited_s: u64,
        waited_s_max: u64,
    },
    /// A newer failover has acted.
    #[error(
        "what holds the term beside the records holds {newer}, which is not earlier than {term}: a newer \
         failover has acted, or the journal of one was lost, and nothing is changed"
    )]
    Superseded { term: Term, newer: Term },
    /// The primary came back before anything was promoted.
    #[error("the old site {site} answers again ({} path(s) up), and nothing was promoted yet", verdict.up)]
    PrimaryReturned { site: SiteName, verdict: Verdict },
    /// The primary came back, was to be given its mode back, and is gone again.
    #[error(
        "{site} came back and is gone again ({} path(s) down) before it could be told to be \
         production: it may be in standby, and is told so when it answers; the failover is given up \
         before any promotion",
        verdict.down
    )]
    WayBackLost { site: SiteName, verdict: Verdict },
    /// There is no Auto Scaling group of that name.
    #[error("there is no Auto Scaling group {group} in {region}, so there is no capacity to start")]
    NoCapacity {
        group: String,
        /// Where it should be.
        region: Region,
    },
    /// Auto Scaling would refuse what the plan wants.
    #[error(
        "{group} is to have {desired} instance(s), and Auto Scaling takes {min} to {max}, its minimum \
         and maximum size"
    )]
    CapacityOutOfBounds { group: String, desired: u32, min: u32, max: u32 },
    /// The replica replicates something else than the plan says.
    #[error("{replica} replicates {found} and not {wanted}, so it is not ours to promote")]
    NotOurReplica { replica: String, found: String, wanted: String },
    /// A promotion does not end.
    #[error(
        "{replica} was told to be promoted {since_s} s ago and is {status}; {since_s_max} s is the most \
         that is waited without a word"
    )]
    PromotionStuck { replica: String, status: String, since_s: u64, since_s_max: u64 },
    /// There is no copied snapshot to restore the database from.
    #[error(
        "there is no replica of {source_db}, and no copied snapshot of it in {region} that could be restored: \
         {why}"
    )]
    NoSnapshot {
        source_db: String,
        /// Where the copies are.
        region: Region,
        why: String,
    },
    /// The newest copied snapshot is too old.
    #[error(
        "the newest copied snapshot {snapshot} was {age_s} s old when its database was lost, and {rpo_s} s \
         is the most that may be lost"
    )]
    SnapshotTooOld { snapshot: String, age_s: u64, rpo_s: u64 },
    /// Something else has the name of the instance that is restored.
    #[error("there is an instance {instance} that {found}, and {wanted} is needed there")]
    NotOurInstance { instance: String, found: String, wanted: String },
    /// RDS could not restore the database.
    #[error(
        "{instance} was to be restored from {snapshot} and is {status}, a state that it does not leave by \
         itself"
    )]
    RestoreFailed { instance: String, snapshot: String, status: String },
    /// A restore does not end.
    #[error(
        "{instance} is restored from {snapshot} since {since_s} s and is {status}; {since_s_max} s is the \
         most that is waited without a word"
    )]
    RestoreStuck {
        instance: String,
        snapshot: String,
        status: String,
        since_s: u64,
        since_s_max: u64,
    },
    /// The site to move to is the active one.
    #[error("{site} is the active site already, so there is nothing to move")]
    AlreadyActive { site: SiteName },
    /// A planned move needs both sites, and the active one is not well.
    #[error(
        "a planned move needs both sites, and the active site {site} is not seen healthy: {why}"
    )]
    ActiveNotHealthy { site: SiteName, why: String },
    /// Nobody has said that the appliance of home holds what the active site holds.
    #[error(
        "as of when the appliance of {site} was restored is {restored}; that has to be after it was left \
         ({left_at}), and at most {rpo_s} s ago"
    )]
    StandbyNotRestored {
        site: SiteName,
        /// As of when, as the request said.
        restored: String,
        left_at: String,
        rpo_s: u64,
    },
    /// A planned move does not begin while the records cannot be looked at.
    #[error("it is not known what the records hold, and a planned move waits until it is: {why}")]
    RecordsUnknown { why: String },
    /// The replica did not catch up in time, so a planned move was taken back.
    #[error(
        "the replica {replica} was not seen caught up {waited_s} s after the fence, and {waited_s_max} s \
         is the most: {why}"
    )]
    NotCaughtUp { replica: String, waited_s: u64, waited_s_max: u64, why: String },
    /// There is no alarm that could lead clients to the other site.
    #[error(
        "there is no alarm {alarm} in the recovery region, which the health check of the records reads: \
         no client would be led to the new site"
    )]
    NoSwitch { alarm: String },
    /// The replica is gone.
    #[error("the replica {replica} does not exist in {region}, so there is no database to promote")]
    NoReplica {
        replica: String,
        /// Where it should be.
        region: Region,
    },
}
