//! What is suspicious although every byte is right, and a vault that is not as it was, in the simulated
//! world.

use warmspare_act::fault::Fault;
use warmspare_act::verify_upload::answer;
use warmspare_decide::manifest::Receipt;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::tripwire::{Bucket, Replica};

use crate::artifacts;
use crate::backup::{PLAN, store};
use crate::tries::Trial;
use crate::verification::written;
use crate::world::keys::PLAN_KEY;
use crate::world::vault::{bucket, current, undo};
use crate::world::{Run, World, finish};

const SWEEP: &[u8] = br#"{"action":"sweep"}"#;
const SEEN: &str = "systems/_vault.json";

fn manifest_of(day: u32) -> Vec<u8> {
    let key = format!("backups/controller/2026-11-{day:02}T00-00-00Z/manifest.json");
    written(&key, "2026-11-21T00:00:30Z")
}

fn receipt_key(day: u32) -> String {
    format!("receipts/controller/2026-11-{day:02}T00-00-00Z/verified.json")
}

fn receipt(world: &World, day: u32) -> Receipt {
    serde_json::from_slice(&current(&world.state(), &receipt_key(day)).unwrap().body).unwrap()
}

/// Stores the backup of a day, in which each source gives so many bytes.
fn stored(world: &World, day: u32, body_bytes: usize) {
    world.set().now = format!("2026-11-{day:02}T00:00:30Z").parse().unwrap();
    world.set().sources.body_bytes = Some(body_bytes);
    store(world, &format!("2026-11-{day:02}T00:00:00Z"));
}

fn verified(world: &World, day: u32, body_bytes: usize) {
    stored(world, day, body_bytes);
    finish(answer(&world.run(), &manifest_of(day))).unwrap();
    world.assert_promises("verified");
}

/// Verified backups of the first so many days of a month, of 10,000 bytes each.
fn days(count: u32) -> World {
    let world = World::new();
    world.put("plans/controller.toml", PLAN.as_bytes());
    for day in 1..=count {
        verified(&world, day, 10_000 + usize::try_from(day).unwrap());
    }
    world
}

fn told(world: &World, happening: Happening) -> Vec<String> {
    let state = world.state();
    let told = state.announcements.iter().filter(|told| told.happening == happening);
    told.map(|told| told.reason.clone()).collect()
}

#[test]
fn a_backup_far_from_those_before_it_is_proven_and_told() {
    let world = days(10);
    assert_eq!(told(&world, Happening::BackupSuspicious), [""; 0]);
    assert_eq!(receipt(&world, 10).format, 2);
    verified(&world, 11, 40);
    let [reason] = &told(&world, Happening::BackupSuspicious)[..] else { panic!("not told once") };
    assert_eq!(
        reason,
        "backup 2026-11-11T00-00-00Z of controller is verified, and somebody should look at it: \
         metadata has 40 bytes, and the median of the 10 before it is 10006; artifacts has 40 bytes, \
         and the median of the 10 before it is 10006"
    );
    let receipt = receipt(&world, 11);
    assert!(receipt.verified, "it counts: its bytes are those of its source");
    assert_eq!(receipt.suspicions.len(), 2);
    assert_eq!(told(&world, Happening::BackupVerified).len(), 11);
    // A duplicate says the same, of the receipt alone.
    finish(answer(&world.run(), &manifest_of(11))).unwrap();
    let twice = told(&world, Happening::BackupSuspicious);
    assert_eq!((twice.len(), &twice[0]), (2, &twice[1]));
}

/// Fewer than five say nothing of what is usual; a receipt of an older version says nothing of sizes.
#[test]
fn with_few_receipts_nobody_is_told() {
    let world = days(4);
    verified(&world, 5, 40);
    assert_eq!(told(&world, Happening::BackupSuspicious), [""; 0]);
    let world = days(5);
    let mut old = receipt(&world, 3);
    old.format = 1;
    old.objects.iter_mut().for_each(|checked| checked.measures = None);
    world.put(&receipt_key(3), &serde_json::to_vec(&old).unwrap());
    verified(&world, 6, 40);
    assert_eq!(told(&world, Happening::BackupSuspicious), [""; 0]);
}

/// One that is rejected was not usual, one that cannot be read keeps nothing from being proven, and
/// one that was pruned counts still.
#[test]
fn what_a_backup_is_compared_with_was_proven() {
    let world = days(6);
    let beside = |day: u32, name: &str| receipt_key(day).replace("verified", name);
    world.put(&receipt_key(1), b"garbage");
    world.put(&beside(2, "pruned"), b"{}");
    verified(&world, 7, 40);
    assert_eq!(told(&world, Happening::BackupSuspicious).len(), 1, "five are left");
    let world = days(6);
    for day in [1, 2] {
        world.put(&beside(day, "rejected"), b"{}");
    }
    verified(&world, 7, 40);
    assert_eq!(told(&world, Happening::BackupSuspicious), [""; 0]);
}

fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    thread_local! {
        static SIX: World = {
            let world = days(6);
            stored(&world, 7, 40);
            world
        };
    }
    Trial {
        what: "a verification of what is suspicious",
        new: || SIX.with(World::copied),
        act: async |run: &Run<'_>| answer(run, &manifest_of(7)).await,
        go_on: |world: &World| {
            finish(answer(&world.run(), &manifest_of(7))).unwrap();
            assert_eq!(receipt(world, 7).suspicions.len(), 2);
        },
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_suspicion_is_told_whatever_happens() {
    trial().meets_trouble_everywhere();
    trial().dies_everywhere();
    trial().wakes_up_late_everywhere();
    trial().is_mixed_in_any_order(200);
}

fn sweep(world: &World) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), SWEEP));
    world.assert_promises("swept");
    outcome
}

fn at_risk(world: &World) -> Vec<String> {
    told(world, Happening::VaultAtRisk)
}

/// At once, with its date, and with every sweep until somebody has cancelled it; although every backup
/// was read already today.
#[test]
fn a_key_that_will_be_deleted_is_told_with_its_date() {
    let world = days(1);
    sweep(&world).unwrap();
    assert_eq!(at_risk(&world), [""; 0]);
    {
        let mut state = world.set();
        state.keys.plan_key().state = "PendingDeletion".to_owned();
        state.keys.plan_key().deleted_at = Some("2026-12-01T00:00:00Z".parse().unwrap());
    }
    for times in 1..3 {
        sweep(&world).unwrap();
        let told = at_risk(&world);
        assert_eq!(told.len(), times);
        assert_eq!(
            told[0],
            format!(
                "the key {PLAN_KEY} of every backup of controller is PendingDeletion and will be \
                 deleted at 2026-12-01T00:00:00Z"
            )
        );
    }
    let mut state = world.set();
    state.keys.plan_key().state = "Enabled".to_owned();
    state.keys.plan_key().deleted_at = None;
    drop(state);
    sweep(&world).unwrap();
    assert_eq!(at_risk(&world).len(), 2);
}

/// A look that failed is neither safe nor dangerous: it is tried again.
#[test]
fn what_cannot_be_looked_at_is_not_told_as_a_danger() {
    let world = days(1);
    world.set().keys.is_silent = true;
    sweep(&world).unwrap_err();
    world.set().keys.is_silent = false;
    world.set().beside.blind_to = Some(SEEN);
    sweep(&world).unwrap_err();
    assert_eq!(at_risk(&world), [""; 0]);
}

#[test]
fn a_vault_without_versions_is_told_for_as_long_as_it_is_so() {
    let world = days(1);
    let suspended = || Some("Suspended".to_owned());
    let bent = Bucket { versioning: suspended(), blocks_public: false, ..bucket() };
    world.set().beside.bucket = Some(bent);
    for sweeps in 1..3 {
        sweep(&world).unwrap();
        assert_eq!(at_risk(&world).len(), 2 * sweeps);
    }
    let told = at_risk(&world);
    assert!(
        told[0].starts_with("the vault is in danger: its versioning is Suspended and"),
        "{told:?}"
    );
    assert!(told[1].contains("it does not block all public access"), "{told:?}");
    world.set().beside.bucket = None;
    sweep(&world).unwrap();
    assert_eq!(at_risk(&world).len(), 4);
}

fn changed() -> World {
    let world = days(1);
    sweep(&world).unwrap();
    let policy = Some("Everybody".to_owned());
    world.set().beside.bucket = Some(Bucket { policy, ..bucket() });
    world
}

#[test]
fn a_policy_that_was_changed_is_told_once_and_taken_for_the_one_that_is_meant() {
    let world = changed();
    assert_eq!(at_risk(&world), [""; 0], "the first look has nothing to compare with");
    for _sweep in 0..3 {
        sweep(&world).unwrap();
    }
    let [reason] = &at_risk(&world)[..] else { panic!("not told once") };
    assert!(reason.starts_with("the vault was changed: its policy is the one with the SHA-256 "));
    assert!(reason.contains("whoever administers this account has to know why"), "{reason}");
    // One that is taken away is a change as well.
    world.set().beside.bucket = Some(Bucket { policy: None, ..bucket() });
    sweep(&world).unwrap();
    assert!(at_risk(&world)[1].starts_with("the vault was changed: its policy is none now"));
    // What was recorded is lost: nothing to compare with, and nobody is told.
    undo(&mut world.set(), SEEN);
    sweep(&world).unwrap();
    assert_eq!(at_risk(&world).len(), 2);
}

fn trial_of_a_change()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    thread_local! {
        static CHANGED: World = changed();
    }
    Trial {
        what: "a sweep that sees a changed policy",
        new: || CHANGED.with(World::copied),
        act: async |run: &Run<'_>| answer(run, SWEEP).await,
        go_on: |world: &World| {
            sweep(world).unwrap();
            assert!(!at_risk(world).is_empty());
        },
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_change_is_told_whatever_happens() {
    trial_of_a_change().meets_trouble_everywhere();
    trial_of_a_change().dies_everywhere();
    trial_of_a_change().wakes_up_late_everywhere();
    trial_of_a_change().is_mixed_in_any_order(200);
}

/// A vault with a replica, and a backup that was not read again yet.
fn replicated() -> World {
    let world = days(1);
    has_replica(&world);
    world
}

pub(crate) fn has_replica(world: &World) {
    let (bucket_arn, prefix) = ("arn:aws:s3:::replica".to_owned(), Some(String::new()));
    let replicas = vec![Replica { bucket_arn, prefix, takes_kms: true }];
    world.set().beside.bucket = Some(Bucket { replicas, ..bucket() });
}

#[test]
fn what_does_not_reach_the_replica_is_told_once_a_day_and_kept() {
    let of = |status: Option<&'static str>, hours: u64| {
        let world = replicated();
        world.set().beside.replication = Some(("/artifacts", status));
        world.pass(hours * 3_600);
        for _hour in 0..3 {
            sweep(&world).unwrap();
        }
        let key = receipt_key(1).replace("verified", "swept-2026-11-01");
        let swept: Receipt =
            serde_json::from_slice(&current(&world.state(), &key).unwrap().body).unwrap();
        let told = told(&world, Happening::BackupSuspicious);
        assert_eq!(told.len(), swept.suspicions.len());
        told.first().cloned().unwrap_or_default()
    };
    assert_eq!(of(Some("COMPLETED"), 7), "");
    assert_eq!(of(Some("PENDING"), 6), "", "it may be on its way");
    assert!(of(Some("PENDING"), 7).contains("for 25200 s (PENDING), and 21600 s is the most"));
    assert!(
        of(Some("FAILED"), 1).contains("/artifacts has no replica (FAILED), and S3 does not try")
    );
    assert!(of(None, 1).contains("no rule took it when it was written"));
}

/// C5, C19: what a bucket has given is asked for too, of each backup what is new in it, and some of them
/// are named.
#[test]
fn artifacts_that_do_not_reach_the_replica_are_told() {
    let world = artifacts::builder();
    artifacts::store(&world, artifacts::FIRST);
    artifacts::verify(&world, artifacts::FIRST).unwrap();
    has_replica(&world);
    sweep(&world).unwrap();
    assert_eq!(told(&world, Happening::BackupSuspicious), [""; 0], "all of them are there");
    artifacts::store(&world, artifacts::SECOND);
    artifacts::verify(&world, artifacts::SECOND).unwrap();
    world.set().beside.replication = Some(("artifacts/", Some("FAILED")));
    world.pass(86_400);
    sweep(&world).unwrap();
    let told = told(&world, Happening::BackupSuspicious);
    let [reason] = &told[..] else { panic!("{told:?}") };
    assert!(reason.starts_with("backup 2026-11-20T12-00-00Z of controller"), "{reason}");
    assert_eq!(reason.matches(" has no replica (FAILED)").count(), 3, "{reason}");
    assert!(reason.ends_with("so it is with 4 more artifact(s) of artifacts"), "{reason}");
}

#[test]
fn without_a_replica_nobody_is_told_and_a_rule_that_leaves_out_backups_is_a_danger() {
    let world = replicated();
    world.set().beside.replication = Some(("", None));
    world.set().beside.bucket = None;
    sweep(&world).unwrap();
    assert_eq!(told(&world, Happening::BackupSuspicious), [""; 0]);
    let world = replicated();
    world.set().beside.bucket.as_mut().unwrap().replicas[0].takes_kms = false;
    sweep(&world).unwrap();
    let [reason] = &at_risk(&world)[..] else { panic!("not told once") };
    assert!(reason.contains("leaves out what is encrypted under a KMS key"), "{reason}");
    let world = replicated();
    let only_backups = Some("backups/".to_owned());
    world.set().beside.bucket.as_mut().unwrap().replicas[0].prefix = only_backups;
    sweep(&world).unwrap();
    let [reason] = &at_risk(&world)[..] else { panic!("not told once") };
    assert!(reason.contains("replicated without artifacts/, failovers/, plans/"), "{reason}");
}

fn trial_of_a_replica()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    thread_local! {
        static FAILED: World = {
            let world = replicated();
            world.set().beside.replication = Some(("/artifacts", Some("FAILED")));
            world
        };
    }
    Trial {
        what: "a sweep that sees a failed replication",
        new: || FAILED.with(World::copied),
        act: async |run: &Run<'_>| answer(run, SWEEP).await,
        go_on: |world: &World| {
            sweep(world).unwrap();
            assert!(!told(world, Happening::BackupSuspicious).is_empty());
        },
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_failed_replication_is_told_whatever_happens() {
    trial_of_a_replica().meets_trouble_everywhere();
    trial_of_a_replica().dies_everywhere();
    trial_of_a_replica().wakes_up_late_everywhere();
    trial_of_a_replica().is_mixed_in_any_order(200);
}
