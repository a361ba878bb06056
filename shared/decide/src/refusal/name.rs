//! The name of each refusal, as in journals, keys and the runbook; and whether a person may accept it.

use super::Refusal;

/// No invocation of a function lives longer, in seconds
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>).
const INVOCATION_S_MAX: u64 = 900;
/// For how long a fence is tried before a person may accept that it is not confirmed, in seconds: a
/// single try may have met a trouble of ours.
const FENCE_TRIED_S_MIN: u64 = 60;

macro_rules! names {
    ($($variant:ident = $name:literal),* $(,)?) => {
        impl Refusal {
            /// Every name, in the order of the variants.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Its name: the tag under which it is stored, and the title of its runbook section.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name),*
                }
            }
        }
    };
}

names! {
    PlanInvalid = "plan-invalid",
    UnknownSystem = "unknown-system",
    NotOurs = "not-ours",
    KeyUnusable = "key-unusable",
    KeyElsewhere = "key-elsewhere",
    NoObjectLock = "no-object-lock",
    SlotFarFromNow = "slot-far-from-now",
    NoBackup = "no-backup",
    NothingPushed = "nothing-pushed",
    PushTooOld = "push-too-old",
    PushUnusable = "push-unusable",
    PushUnexpected = "push-unexpected",
    ThrottleTooSlow = "throttle-too-slow",
    DoesNotFit = "does-not-fit",
    SourceTooLong = "source-too-long",
    PgDumpVersion = "pg-dump-version",
    ArtifactTooLong = "artifact-too-long",
    ControllerWritesElsewhere = "controller-writes-elsewhere",
    ControllerBackupOff = "controller-backup-off",
    TwoControllers = "two-controllers",
    NoExport = "no-export",
    NotSupported = "not-supported",
    AlarmNotRaised = "alarm-not-raised",
    PrimaryHealthy = "primary-healthy",
    NotEnoughSignals = "not-enough-signals",
    StandbyNotReady = "standby-not-ready",
    NoProvenBackup = "no-proven-backup",
    BackupTooOld = "backup-too-old",
    TooFarBehind = "too-far-behind",
    LagUnknown = "lag-unknown",
    Cooldown = "cooldown",
    DailyLimit = "daily-limit",
    FenceUnconfirmed = "fence-unconfirmed",
    FenceOwed = "fence-owed",
    DnsDrift = "dns-drift",
    ModeIsNotAutomatic = "mode-is-not-automatic",
    ApprovalMissing = "approval-missing",
    AcknowledgementInvalid = "acknowledgement-invalid",
    Paused = "paused",
    PauseUnclear = "pause-unclear",
    Aborted = "aborted",
    AbortTooLate = "abort-too-late",
    NothingToAbort = "nothing-to-abort",
    InProgress = "in-progress",
    OthersUnderWay = "others-under-way",
    Superseded = "superseded",
    PrimaryReturned = "primary-returned",
    WayBackLost = "way-back-lost",
    NoCapacity = "no-capacity",
    CapacityOutOfBounds = "capacity-out-of-bounds",
    NotOurReplica = "not-our-replica",
    PromotionStuck = "promotion-stuck",
    NoSnapshot = "no-snapshot",
    SnapshotTooOld = "snapshot-too-old",
    NotOurInstance = "not-our-instance",
    RestoreFailed = "restore-failed",
    RestoreStuck = "restore-stuck",
    AlreadyActive = "already-active",
    ActiveNotHealthy = "active-not-healthy",
    StandbyNotRestored = "standby-not-restored",
    RecordsUnknown = "records-unknown",
    NotCaughtUp = "not-caught-up",
    NoReplica = "no-replica",
    NoSwitch = "no-switch",
}

impl Refusal {
    /// Whether a person may accept it for one term.
    ///
    /// A person may accept a LOSS that is theirs to accept, and stand in for EVIDENCE that machines
    /// could not get. Nobody can accept a second writer (P2), a standby that cannot take over (P3), a
    /// second failover at a time (P4), or a change that was not made from a state that was seen: those
    /// are not judgements. So:
    ///
    /// - Loss: no proven backup (P1), one that is too old, a replica too far behind or not known how
    ///   far, a copied snapshot that is too old. It goes into the report, with who accepted it.
    /// - Evidence: too few signals, but only while no path answers; a fence that was not confirmed, but
    ///   only while no path answers, and after it was tried for a minute. The fence is then an attempted
    ///   one, and its debt is kept and paid like every other (P2).
    /// - Pace: the daily limit, an approval; the cooldown only once nothing that the last failover sent
    ///   can still be on its way.
    ///
    /// # Errors
    /// Why not, as a clause.
    pub fn acknowledgeable(&self) -> Result<(), &'static str> {
        match self {
            Self::NoProvenBackup { .. }
            | Self::BackupTooOld { .. }
            | Self::TooFarBehind { .. }
            | Self::LagUnknown { .. }
            | Self::SnapshotTooOld { .. }
            | Self::DailyLimit { .. }
            | Self::ApprovalMissing { .. } => Ok(()),
            Self::NotEnoughSignals { verdict, .. } if verdict.up == 0 => Ok(()),
            Self::FenceUnconfirmed { up: 0, tried_s, .. } if *tried_s >= FENCE_TRIED_S_MIN => {
                Ok(())
            }
            Self::FenceUnconfirmed { up: 0, .. } => Err(
                "the fence has to be tried for 60 s first, and may still be accepted by the site",
            ),
            Self::NotEnoughSignals { .. } | Self::FenceUnconfirmed { .. } => {
                Err("a path to the old site answers, so clients may be writing there")
            }
            Self::Cooldown { since_s, .. } if *since_s >= INVOCATION_S_MAX => Ok(()),
            Self::Cooldown { .. } => {
                Err("what the last failover has sent may still arrive, for 900 s after its end")
            }
            Self::PrimaryHealthy { .. } | Self::PrimaryReturned { .. } => {
                Err("the site works, and two writers cannot be accepted: stop it first")
            }
            Self::FenceOwed { .. } => {
                Err("the site that it would go to may still write: pay the debt by fencing it")
            }
            Self::StandbyNotReady { .. }
            | Self::NoReplica { .. }
            | Self::NoSnapshot { .. }
            | Self::NoCapacity { .. } => Err("there would be nothing to move to"),
            Self::NoSwitch { .. } => {
                Err("nobody would be led to the new site: make the alarm first")
            }
            Self::NotOurReplica { .. } => Err(
                "it would give the system somebody else's data: correct the plan or the replica",
            ),
            Self::NotOurInstance { .. } => Err(
                "nobody knows what is in it: rename or delete it, or give the plan another name",
            ),
            Self::RestoreFailed { .. } => {
                Err("there is no database in it: delete the instance, and it is restored anew")
            }
            Self::PromotionStuck { .. } | Self::RestoreStuck { .. } => {
                Err("nothing is refused: it is said that it takes long, and it is gone on with")
            }
            Self::CapacityOutOfBounds { .. } => {
                Err("Auto Scaling refuses it whoever accepts it: change one of the numbers")
            }
            Self::DnsDrift { .. } | Self::Superseded { .. } => {
                Err("records are changed only from a state that was seen")
            }
            Self::AlarmNotRaised { .. } | Self::ModeIsNotAutomatic { .. } => {
                Err("a request by hand is the way past it")
            }
            Self::Paused { .. } | Self::PauseUnclear { .. } => {
                Err("whoever wants no pause takes the maintenance object away")
            }
            Self::AcknowledgementInvalid { .. } => {
                Err("it is the one around which it lies that counts")
            }
            Self::OthersUnderWay { .. } => {
                Err("take the system out of `after` in the plan, if it is not needed")
            }
            Self::InProgress { .. }
            | Self::WayBackLost { .. }
            | Self::Aborted { .. }
            | Self::AbortTooLate { .. }
            | Self::NothingToAbort { .. } => {
                Err("there is one failover at a time, and it has its own way")
            }
            Self::AlreadyActive { .. } => Err("it is there already"),
            Self::ActiveNotHealthy { .. }
            | Self::StandbyNotRestored { .. }
            | Self::RecordsUnknown { .. }
            | Self::NotCaughtUp { .. } => Err(
                "a planned move has time, and no excuse: whatever is not well or not known is mended",
            ),
            Self::PlanInvalid { .. }
            | Self::UnknownSystem { .. }
            | Self::NotOurs { .. }
            | Self::NotSupported { .. }
            | Self::KeyUnusable { .. }
            | Self::KeyElsewhere { .. }
            | Self::NoObjectLock { .. }
            | Self::SlotFarFromNow { .. }
            | Self::NoBackup { .. }
            | Self::NothingPushed { .. }
            | Self::PushTooOld { .. }
            | Self::PushUnusable { .. }
            | Self::PushUnexpected { .. }
            | Self::ThrottleTooSlow { .. }
            | Self::DoesNotFit { .. }
            | Self::SourceTooLong { .. }
            | Self::PgDumpVersion { .. }
            | Self::ArtifactTooLong(_)
            | Self::ControllerWritesElsewhere { .. }
            | Self::ControllerBackupOff { .. }
            | Self::TwoControllers { .. }
            | Self::NoExport { .. } => {
                Err("it is not a judgement: what was asked for cannot be done")
            }
        }
    }
}
