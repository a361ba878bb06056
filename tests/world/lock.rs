//! Object Lock in the simulated world: asked for when an object comes into being, held against what S3 says
//! of it, and respected when backups are pruned.

use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup::answer;
use warmspare_act::{prune_backups, verify_upload};
use warmspare_decide::lock::Locked;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::outcome::Outcome;

use crate::backup::{PLAN, store};
use crate::tries::Trial;
use crate::verification::written;
use crate::world::vault::{Version, current};
use crate::world::{Run, World, finish};

const SCHEDULED: &[u8] =
    br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
const FOLDER: &str = "backups/controller/2026-11-21T00-00-00Z";
const VERIFIED: &str = "receipts/controller/2026-11-21T00-00-00Z/verified.json";
const PRUNE: &[u8] = br#"{"system":"controller","action":"prune","reason":"room is needed"}"#;
const DRY: &[u8] = br#"{"system":"controller","action":"prune","dry_run":true}"#;
/// Of the slot, 30 days and one.
const UNTIL: &str = "2026-12-22T00:00:00Z";

/// A plan that keeps so many and locks for 30 days, in a vault that can.
fn planned(keep: u32) -> World {
    let lock = format!("keep = {keep}\nlock = {{ mode = \"governance\", days = 30 }}");
    let world = World::new();
    world.put("plans/controller.toml", PLAN.replace("keep = 3", &lock).as_bytes());
    world.set().beside.has_object_lock = true;
    world
}

fn verify(world: &World, slot: &str) -> Result<Outcome, Fault> {
    let key = format!("backups/controller/{slot}/manifest.json");
    finish(verify_upload::answer(&world.run(), &written(&key, "2026-11-21T00:01:00Z")))
}

fn lock_of(world: &World, key: &str) -> Option<Locked> {
    current(&world.state(), key).unwrap_or_else(|| panic!("{key} is not there")).lock.clone()
}

fn change(world: &World, key: &str, change: impl FnOnce(&mut Version)) {
    let mut state = world.set();
    change(state.objects.get_mut(key).unwrap().last_mut().unwrap());
}

fn until(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn governance(text: &str) -> Option<Locked> {
    Some(Locked { mode: "GOVERNANCE".to_owned(), until: Some(until(text)) })
}

/// What proves a backup is locked with it; what is only a copy of it is not.
#[test]
fn every_object_of_a_backup_its_manifest_and_its_receipt_are_locked() {
    let world = planned(3);
    assert!(matches!(finish(answer(&world.run(), SCHEDULED)).unwrap(), Outcome::Done(_)));
    assert!(matches!(verify(&world, "2026-11-21T00-00-00Z").unwrap(), Outcome::Done(_)));
    world.assert_promises("locked");
    for name in ["metadata", "manifest.json"] {
        assert_eq!(lock_of(&world, &format!("{FOLDER}/{name}")), governance(UNTIL), "{name}");
    }
    assert_eq!(lock_of(&world, VERIFIED), governance(UNTIL));
    assert_eq!(lock_of(&world, "backups/controller/latest/metadata"), None);
    let state = world.state();
    let manifest = &current(&state, &format!("{FOLDER}/manifest.json")).unwrap().body;
    let manifest: Manifest = serde_json::from_slice(manifest).unwrap();
    assert_eq!((manifest.format, manifest.lock.unwrap().until), (5, until(UNTIL)));
}

/// P1: a key that was away for longer than the lock holds does not keep a backup from its proof. There is
/// nothing left that the receipt could be locked for.
#[test]
fn what_is_proven_after_the_end_of_its_lock_has_a_receipt_without_one() {
    for (now, lock) in [
        ("2026-12-21T23:00:00Z", governance(UNTIL)),
        ("2026-12-21T23:59:00Z", None),
        ("2026-12-25T00:00:00Z", None),
    ] {
        let world = planned(3);
        finish(answer(&world.run(), SCHEDULED)).unwrap();
        world.set().keys.plan_key().state = "Disabled".into();
        verify(&world, "2026-11-21T00-00-00Z").unwrap_err();
        world.set().now = until(now);
        world.set().keys.plan_key().state = "Enabled".into();
        let said = verify(&world, "2026-11-21T00-00-00Z").unwrap().to_string();
        assert!(said.contains("is verified"), "{now}: {said}");
        assert_eq!(lock_of(&world, VERIFIED), lock, "{now}");
        world.assert_promises("proven late");
    }
}

/// FB7: before a byte is sent.
#[test]
fn a_vault_without_object_lock_is_refused() {
    let world = planned(3);
    world.set().beside.has_object_lock = false;
    let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome}") };
    assert_eq!(refusal.name(), "no-object-lock");
    assert!(!world.state().objects.keys().any(|key| key.starts_with("backups/")));
}

/// FB6: an object that S3 took without the lock, or with less of one, is never committed.
#[test]
fn less_of_a_lock_than_was_asked_is_never_committed() {
    let less: [(fn(&mut Version), &str); 3] = [
        (|version| version.lock = None, "is not said to be locked, where GOVERNANCE until"),
        (
            |version| version.lock = governance("2026-12-21T23:59:59Z"),
            "is locked (GOVERNANCE until 2026-12-21T23:59:59Z), where GOVERNANCE until",
        ),
        (
            |version| version.lock.as_mut().unwrap().mode = String::new(),
            "is locked ( until 2026-12-22",
        ),
    ];
    for (stores, part) in less {
        let world = planned(3);
        world.set().sources.stores = stores;
        let fault = finish(answer(&world.run(), SCHEDULED)).unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent);
        assert!(fault.to_string().contains(part), "{fault}");
        assert!(!world.state().objects.contains_key(&format!("{FOLDER}/manifest.json")));
    }
}

/// A lock that somebody has taken away or made shorter, of an object or of the manifest, is found when the
/// backup is verified; one that was made longer is no finding.
#[test]
fn a_lock_that_was_taken_away_is_a_finding() {
    for name in ["metadata", "manifest.json"] {
        for (now, is_less) in [
            (None, true),
            (governance("2026-11-22T00:00:00Z"), true),
            (governance("2027-11-22T00:00:00Z"), false),
        ] {
            let world = planned(3);
            finish(answer(&world.run(), SCHEDULED)).unwrap();
            change(&world, &format!("{FOLDER}/{name}"), |version| version.lock = now.clone());
            // What arrived had the lock that it has now: this world would take any change for damage.
            let mut state = world.set();
            let arrived = state.beside.arrived.get_mut(&format!("{FOLDER}/{name}")).unwrap();
            if !is_less {
                arrived[0].lock = now;
            }
            drop(state);
            let outcome = verify(&world, "2026-11-21T00-00-00Z").unwrap().to_string();
            assert_eq!(outcome.contains("is rejected"), is_less, "{name}: {outcome}");
            assert_eq!(outcome.contains("where GOVERNANCE until 2026-12-22"), is_less, "{outcome}");
            world.assert_promises("a lock was changed");
        }
    }
}

/// Backups of the 16th to the 20th, all verified.
fn five(world: &World) {
    for day in 16..=20 {
        world.set().now = format!("2026-11-{day}T00:00:30Z").parse().unwrap();
        store(world, &format!("2026-11-{day}T00:00:00Z"));
        verify(world, &format!("2026-11-{day}T00-00-00Z")).unwrap();
    }
}

fn manifests(world: &World) -> usize {
    world.state().objects.keys().filter(|key| key.ends_with("/manifest.json")).count()
}

fn prune(world: &World, event: &[u8]) -> String {
    let outcome = finish(prune_backups::answer(&world.run(), event)).unwrap().to_string();
    world.assert_promises("pruned");
    outcome
}

/// What is locked is there, and said to be; when its lock is over, it goes like any other.
#[test]
fn what_is_locked_stays_and_is_counted_until_its_lock_is_over() {
    let world = planned(3);
    five(&world);
    let said = prune(&world, DRY);
    assert!(said.contains("0 of 5 backup(s) would go"), "{said}");
    assert!(said.contains("(locked until 2026-12-17T00:00:00Z)"), "{said}");
    let said = prune(&world, PRUNE);
    assert_eq!(
        said,
        "no backup of controller is pruned; 2 are kept by their lock, the last until \
         2026-12-18T00:00:00Z"
    );
    assert_eq!(manifests(&world), 5);
    // The first lock of two is over.
    world.set().now = until("2026-12-17T00:00:00Z");
    let said = prune(&world, PRUNE);
    assert!(said.contains("1 backup(s) of controller are pruned: 2026-11-16"), "{said}");
    assert!(said.contains("1 are kept by their lock, the last until 2026-12-18"), "{said}");
    world.set().now = until("2026-12-18T00:00:00Z");
    prune(&world, PRUNE);
    assert_eq!(manifests(&world), 3);
}

/// The bucket's own default, or a person, may have locked what no plan did: no mark is left, nothing is said
/// to be deleted, and nothing fails.
#[test]
fn a_lock_of_which_no_manifest_knows_is_respected_too() {
    let world = World::new();
    world.put("plans/controller.toml", PLAN.as_bytes());
    five(&world);
    let key = "backups/controller/2026-11-16T00-00-00Z/manifest.json";
    let lock = governance("2026-12-24T00:00:00Z");
    change(&world, key, |version| version.lock = lock.clone());
    world.set().beside.arrived.get_mut(key).unwrap()[0].lock = lock;
    let said = prune(&world, PRUNE);
    assert!(said.contains("1 backup(s) of controller are pruned: 2026-11-17"), "{said}");
    let kept = "2026-11-16T00-00-00Z is kept by its lock, or by a policy (locked, GOVERNANCE until \
                2026-12-24T00:00:00Z)";
    assert!(said.contains(kept), "{said}");
    let mark = "receipts/controller/2026-11-16T00-00-00Z/pruned.json";
    assert!(!world.state().objects.contains_key(mark));
}

/// A backup under a lock, and what goes on with it.
pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a backup under a lock",
        new: || planned(3),
        act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
        go_on: |world: &World| {
            finish(answer(&world.run(), SCHEDULED)).unwrap();
            verify(world, "2026-11-21T00-00-00Z").unwrap();
        },
    }
}

/// The same of the verification, which writes its receipt under the lock.
fn trial_of_verification()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a verification under a lock",
        new: || {
            let world = planned(3);
            finish(answer(&world.run(), SCHEDULED)).unwrap();
            world
        },
        act: async |run: &Run<'_>| {
            let key = format!("{FOLDER}/manifest.json");
            verify_upload::answer(run, &written(&key, "2026-11-21T00:01:00Z")).await
        },
        go_on: |world: &World| drop(verify(world, "2026-11-21T00-00-00Z").unwrap()),
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_and_death_at_any_place_lead_to_the_same_locked_backup() {
    trial().meets_trouble_everywhere();
    trial().dies_everywhere();
    trial().wakes_up_late_everywhere();
    trial_of_verification().meets_trouble_everywhere();
    trial_of_verification().dies_everywhere();
    trial_of_verification().wakes_up_late_everywhere();
}
