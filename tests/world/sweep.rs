//! The daily sweep in the simulated world: proven backups are read again (FV1, FV6, FV7, I9).

use std::pin::pin;

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::verify_upload::answer;
use warmspare_act::{prune_backups, scheduled_backup};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::sweep::Unfinished;
use warmspare_decide::verify::KeyFacts;

use crate::backup::{PLAN, store};
use crate::tries::{Trial, standing};
use crate::verification::written;
use crate::world::keys::PLAN_KEY;
use crate::world::vault::{VAULT_KEY, current};
use crate::world::{Run, World, finish, poll_once};

const SWEEP: &[u8] = br#"{"action":"sweep"}"#;
const OF_ONE: &[u8] = br#"{"action":"sweep","system":"controller","reason":"after the storm"}"#;

fn receipt(day: &str, name: &str) -> String {
    format!("receipts/controller/2026-11-{day}T00-00-00Z/{name}.json")
}

fn object(day: &str, name: &str) -> String {
    format!("backups/controller/2026-11-{day}T00-00-00Z/{name}")
}

/// Verified backups of four days; the clock stands at the last one's.
fn four() -> World {
    thread_local! {
        static FOUR: World = {
            let world = World::new();
            world.put("plans/controller.toml", PLAN.as_bytes());
            for day in ["17", "18", "19", "20"] {
                world.set().now = format!("2026-11-{day}T00:00:30Z").parse().unwrap();
                store(&world, &format!("2026-11-{day}T00:00:00Z"));
                let event = written(&object(day, "manifest.json"), "2026-11-21T00:00:30Z");
                finish(answer(&world.run(), &event)).unwrap();
            }
            world
        };
    }
    FOUR.with(World::copied)
}

/// Killed runs have left parts of an object of the newest backup and of an artifact, and another run is at
/// work on one.
fn left_over() -> World {
    let world = damaged();
    let inventory = object("20", "artifacts");
    let artifact = "artifacts/controller/depot/0123".to_owned();
    for (id, key, begun_at) in [
        ("left-1", &inventory, "19T22:00:00Z"),
        ("left-2", &inventory, "19T23:00:30Z"),
        ("left-3", &artifact, "19T23:00:30Z"),
        ("alive", &artifact, "20T00:00:00Z"),
    ] {
        let begun_at = format!("2026-11-{begun_at}").parse().unwrap();
        let key = key.clone();
        world.set().beside.unfinished.push(Unfinished { key, id: id.to_owned(), begun_at });
    }
    world
}

fn unfinished(world: &World) -> Vec<String> {
    world.state().beside.unfinished.iter().map(|upload| upload.id.clone()).collect()
}

fn sweep(world: &World) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), SWEEP));
    world.assert_promises("swept");
    outcome
}

fn said(world: &World) -> String {
    sweep(world).unwrap().to_string()
}

fn has(world: &World, key: &str) -> bool {
    world.state().objects.contains_key(key)
}

fn rejections(world: &World) -> Vec<String> {
    let state = world.state();
    let told = state.announcements.iter().filter(|t| t.happening == Happening::BackupRejected);
    told.map(|told| format!("{}: {}", told.outcome, told.reason)).collect()
}

fn damaged() -> World {
    let world = four();
    let key = object("20", "metadata");
    let mut state = world.set();
    let version = state.objects.get_mut(&key).unwrap().last_mut().unwrap();
    let mut body = version.body.to_vec();
    body[3] ^= 1;
    version.body = body.into();
    drop(state);
    world
}

pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a sweep that demotes",
        new: left_over,
        act: async |run: &Run<'_>| answer(run, SWEEP).await,
        go_on: |world: &World| {
            // Once the newest is demoted, the next one is the newest, and is read too.
            for _hour in 0..3 {
                sweep(world).unwrap();
            }
            for day in ["17", "18", "19"] {
                assert!(has(world, &receipt(day, "swept-2026-11-20")), "{day}");
            }
            assert_eq!(unfinished(world), ["alive"]);
        },
    }
}

/// A manifest that is none any more is one notice of each sweep, and not one of the look and one of the
/// sweep.
#[test]
fn a_manifest_that_cannot_be_read_is_told_once_by_each_sweep() {
    let world = four();
    world.put(&object("20", "manifest.json"), b"garbage");
    for sweeps in 1..3 {
        let fault = sweep(&world).unwrap_err();
        assert!(fault.to_string().contains("manifest.json"), "{fault}");
        let told = rejections(&world);
        assert_eq!(told.len(), sweeps, "{told:?}");
        assert!(told[sweeps - 1].contains("was verified, and cannot be read today"), "{told:?}");
    }
}

/// Every day the newest, and two of the others, the ones that were read longest ago first.
#[test]
fn each_day_the_newest_is_read_again_and_some_of_the_others() {
    let world = four();
    assert_eq!(said(&world), "3 backup(s) of 1 system(s) were read again: 3 equal");
    for (day, is_read) in [("17", true), ("18", true), ("19", false), ("20", true)] {
        assert_eq!(has(&world, &receipt(day, "swept-2026-11-20")), is_read, "{day}");
    }
    // Later on that day there is nothing left to do.
    assert_eq!(said(&world), "nothing of 1 system(s) is left to be read again today");
    world.pass(86_400);
    let again = finish(answer(&world.run(), OF_ONE)).unwrap().to_string();
    assert_eq!(again, "3 backup(s) of 1 system(s) were read again: 3 equal");
    for (day, is_read) in [("17", true), ("18", false), ("19", true), ("20", true)] {
        assert_eq!(has(&world, &receipt(day, "swept-2026-11-21")), is_read, "{day}");
    }
    assert_eq!(rejections(&world), [""; 0]);
}

/// FV1, I4: what was right once and is not any more is demoted and told, and the older one counts.
#[test]
fn a_backup_that_does_not_verify_any_more_is_demoted() {
    let world = damaged();
    assert_eq!(said(&world), "3 backup(s) of 1 system(s) were read again: 2 equal, 1 rejected");
    assert!(has(&world, &receipt("20", "rejected")) && has(&world, &receipt("20", "verified")));
    let [told] = rejections(&world).try_into().unwrap();
    assert!(
        told.starts_with("done: backup 2026-11-20T00-00-00Z of controller is rejected"),
        "{told}"
    );
    let keys: Vec<String> = world.state().objects.keys().cloned().collect();
    let newest = warmspare_decide::vault::newest_proven(&keys).unwrap();
    assert_eq!(newest.to_string(), "2026-11-19T00-00-00Z");
    // FV7: deleted, by whomever.
    for name in ["manifest.json", "artifacts"] {
        let world = four();
        world.remove(&object("20", name));
        sweep(&world).unwrap();
        assert!(has(&world, &receipt("20", "rejected")), "{name}");
    }
}

/// FV6: under a key that is disabled, or about to be deleted, a backup is no use today. It is told at
/// once and again each hour, and not rejected: with the key, it is as it was.
#[test]
fn a_backup_whose_key_is_disabled_is_told_and_not_rejected() {
    for pending in [false, true] {
        let world = four();
        {
            let mut state = world.set();
            let key = state.keys.by_arn.get_mut(PLAN_KEY).unwrap();
            key.state = if pending { "PendingDeletion".into() } else { "Disabled".into() };
            key.deleted_at = pending.then(|| "2026-12-20T00:00:00Z".parse().unwrap());
        }
        let fault = finish(answer(&world.run(), SWEEP)).unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent);
        let told = rejections(&world);
        assert_eq!(told.len(), 3, "{told:?}");
        for told in told {
            assert!(told.starts_with("failed: backup 2026-11-"), "{told}");
            assert!(told.contains(" was verified, and cannot be read today: "), "{told}");
            assert!(told.contains(if pending { "2026-12-20" } else { "Disabled" }), "{told}");
        }
        assert!(!has(&world, &receipt("20", "rejected")));
        let mut state = world.set();
        let key = state.keys.by_arn.get_mut(PLAN_KEY).unwrap();
        (key.state, key.deleted_at) = ("Enabled".into(), None);
        drop(state);
        assert_eq!(said(&world), "3 backup(s) of 1 system(s) were read again: 3 equal");
    }
}

/// FV1: a key that is gone opens nothing ever again. What is under it counts no longer, and what is under
/// another does.
#[test]
fn a_backup_whose_key_is_gone_is_demoted() {
    let world = four();
    let key = world.set().keys.by_arn.remove(PLAN_KEY).unwrap();
    assert_eq!(said(&world), "3 backup(s) of 1 system(s) were read again: 3 rejected");
    assert!(has(&world, &receipt("20", "rejected")));
    let told = rejections(&world);
    assert!(told[0].starts_with("done: ") && told[0].contains("does not exist"), "{told:?}");
    // That KMS does not answer says nothing of a key.
    let world = four();
    world.set().keys.is_silent = true;
    sweep(&world).unwrap_err();
    assert!(!has(&world, &receipt("20", "rejected")));
    // One that is another key now, and disabled, may be enabled: it is told first.
    let world = four();
    let other = KeyFacts { arn: VAULT_KEY.to_owned(), state: "Disabled".into(), ..key };
    world.set().keys.by_arn.insert(PLAN_KEY.to_owned(), other);
    sweep(&world).unwrap_err();
    assert!(!has(&world, &receipt("20", "rejected")));
}

/// What is too large for `latest/` is told once, and not again with each daily reading.
#[test]
fn a_backup_that_is_too_large_for_latest_is_told_once() {
    let world = four();
    world.set().beside.copy_bytes_max = Some(1);
    world.set().now = "2026-11-21T00:00:30Z".parse().unwrap();
    store(&world, "2026-11-21T00:00:00Z");
    let event = written(&object("21", "manifest.json"), "2026-11-21T00:00:30Z");
    finish(answer(&world.run(), &event)).unwrap();
    for _day in 0..3 {
        world.pass(86_400);
        sweep(&world).unwrap();
    }
    assert!(has(&world, &receipt("21", "swept-2026-11-24")));
    let state = world.state();
    let told = state.announcements.iter().filter(|told| {
        told.happening == Happening::BackupVerified && told.reason.contains("2026-11-21T00-00-00Z")
    });
    assert_eq!(told.count(), 1);
}

/// A backup of which nobody has verified anything, an hour and more after it was stored.
fn unjudged() -> World {
    let world = four();
    world.set().now = "2026-11-20T12:00:30Z".parse().unwrap();
    // What is due today is read, so that what is left is the one without a verdict.
    sweep(&world).unwrap();
    store(&world, "2026-11-20T12:00:00Z");
    world.pass(3_700);
    world
}

/// P5: what one system has without a verdict takes all of a run, and what is due of the others was read.
#[test]
fn a_system_whose_backup_takes_all_of_a_run_holds_up_no_other() {
    let world = four();
    let other = PLAN.replace("system = \"controller\"", "system = \"appliance\"");
    world.put("plans/appliance.toml", other.as_bytes());
    let event = br#"{"action":"backup","system":"appliance","scheduled":"2026-11-20T00:00:00Z"}"#;
    finish(scheduled_backup::answer(&world.run(), event)).unwrap();
    world.set().beside.silent = Some("backups/appliance/");
    world.pass(7_200);
    let said = said(&world);
    assert!(said.contains("3 equal, 1 too long for any run"), "{said}");
    assert!(has(&world, &receipt("20", "swept-2026-11-20")));
}

const NOON: &str = "2026-11-20T12-00-00Z";

/// I9, P1: the way from storing to proving was away for longer than Lambda tries; the sweep goes it.
#[test]
fn a_backup_whose_verification_died_is_verified_by_the_sweep() {
    let world = four();
    world.set().now = "2026-11-20T12:00:30Z".parse().unwrap();
    // An hour late, so that its own event is at work when the sweep comes.
    store(&world, "2026-11-20T11:00:00Z");
    sweep(&world).unwrap();
    assert!(!has(&world, "receipts/controller/2026-11-20T11-00-00Z/verified.json"));
    world.pass(3_700);
    assert_eq!(said(&world), "1 backup(s) of 1 system(s) were read again: 1 judged late");
    assert!(has(&world, "receipts/controller/2026-11-20T11-00-00Z/verified.json"));
    let told = world.state().announcements.last().unwrap().clone();
    assert_eq!(told.happening, Happening::BackupVerified);
    // It has its verdict now; and as the newest it is read again this day, as any.
    assert!(!said(&world).contains("judged late"));
    assert_eq!(rejections(&world), [""; 0]);
}

/// FV6: a key that is away is told with each sweep, for what was never verified too; and when it is back,
/// what waits is proven without anybody's asking.
#[test]
fn a_backup_that_waits_for_its_key_is_told_each_hour_and_proven_when_it_is_back() {
    let world = unjudged();
    world.set().keys.plan_key().state = "Disabled".into();
    for sweeps in 1..3 {
        finish(answer(&world.run(), SWEEP)).unwrap_err();
        let told = rejections(&world);
        let of_noon: Vec<_> = told.iter().filter(|told| told.contains(NOON)).collect();
        assert_eq!(of_noon.len(), sweeps, "{told:?}");
        assert!(of_noon[0].contains(" cannot be verified: "), "{told:?}");
        world.pass(3_600);
    }
    world.set().keys.plan_key().state = "Enabled".into();
    sweep(&world).unwrap();
    assert!(has(&world, &format!("receipts/controller/{NOON}/verified.json")));
    assert!(!has(&world, &format!("receipts/controller/{NOON}/rejected.json")));
}

pub(crate) fn trial_of_a_late_verdict()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a sweep that verifies what was never verified",
        new: unjudged,
        act: async |run: &Run<'_>| answer(run, SWEEP).await,
        go_on: |world: &World| {
            for _hour in 0..2 {
                sweep(world).unwrap();
            }
            assert!(has(world, &format!("receipts/controller/{NOON}/verified.json")));
            let state = world.state();
            let latest = current(&state, "backups/controller/latest/metadata").unwrap();
            assert_eq!(latest.slot.as_deref(), Some(NOON));
        },
    }
}

/// What cannot be read does not keep the others from being read.
#[test]
fn one_that_cannot_be_read_does_not_hold_up_the_others() {
    let world = four();
    world.put(&object("17", "manifest.json"), b"{\"format\":99}");
    let fault = finish(answer(&world.run(), SWEEP)).unwrap_err();
    assert!(fault.to_string().contains("it is of format 99"), "{fault}");
    assert!(has(&world, &receipt("20", "swept-2026-11-20")));
    assert!(has(&world, &receipt("18", "swept-2026-11-20")));
    assert!(!has(&world, &receipt("17", "rejected")), "it may be right, and of a later format");
    // A role that may not read says nothing about the backups.
    let world = four();
    world.set().beside.recovery_is_denied = true;
    assert_eq!(finish(answer(&world.run(), SWEEP)).unwrap_err().hope, Hope::Permanent);
    assert!(!has(&world, &receipt("20", "rejected")));
}

/// FB2, I8: what a killed upload has left is freed, once its run is certainly over.
#[test]
fn what_a_killed_upload_has_left_is_aborted_once_its_run_is_over() {
    let world = left_over();
    let said = said(&world);
    assert!(said.ends_with("; 3 upload(s) that a killed run had left were aborted"), "{said}");
    assert_eq!(unfinished(&world), ["alive"]);
    world.pass(3_600);
    // Another system's are not looked for.
    let other = br#"{"action":"sweep","system":"other"}"#;
    finish(answer(&world.run(), other)).unwrap();
    assert_eq!(unfinished(&world), ["alive"]);
    sweep(&world).unwrap();
    assert_eq!(unfinished(&world), [""; 0]);
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_place_leads_to_the_same_end() {
    trial().meets_trouble_everywhere();
    trial_of_a_late_verdict().meets_trouble_everywhere();
}

/// FA6, FV9.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_end() {
    trial().dies_everywhere();
    trial_of_a_late_verdict().dies_everywhere();
}

/// FA1.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_does_no_harm() {
    trial().wakes_up_late_everywhere();
    trial_of_a_late_verdict().wakes_up_late_everywhere();
}

#[test]
#[ignore = "optimised: cargo prove"]
fn three_runs_at_once_in_any_order_write_one_receipt_each() {
    trial().is_mixed_in_any_order(50);
    trial_of_a_late_verdict().is_mixed_in_any_order(50);
}

/// What is pruned while it is read again is not accused of what is missing.
#[test]
fn what_is_pruned_meanwhile_is_not_rejected() {
    let calls = {
        let world = four();
        let run = world.run();
        finish(answer(&run, SWEEP)).unwrap();
        run.calls()
    };
    for n in 0..calls {
        let world = four();
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, SWEEP));
        assert!(poll_once(late.as_mut()).is_pending());
        let prune = br#"{"system":"controller","action":"prune"}"#;
        finish(prune_backups::answer(&world.run(), prune)).unwrap();
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready());
        world.assert_promises(&format!("call {n}"));
        assert_eq!(rejections(&world).iter().filter(|told| told.starts_with("done")).count(), 0);
        assert!(!has(&world, &receipt("17", "rejected")), "call {n}");
    }
    println!("a pruning at each of {calls} calls of a sweep");
}

/// FA5: what does not fit into one run is left to the next.
#[test]
fn a_run_whose_time_is_over_leaves_the_rest_to_the_next() {
    let world = four();
    let run = world.run();
    world.pass(130);
    let Outcome::Waiting(said) = finish(answer(&run, SWEEP)).unwrap() else { panic!("it is done") };
    assert!(said.ends_with("the next sweep goes on: 50 s are left"), "{said}");
    let before = standing(&world);
    assert_eq!(
        said.contains("nothing of 1 system(s)"),
        !before.iter().any(|k| k.contains("swept"))
    );
    sweep(&world).unwrap();
    // A backup that is made meanwhile needs no sweep before tomorrow: it was read to be verified.
    let scheduled =
        br#"{"action":"backup","system":"controller","scheduled":"2026-11-20T00:02:00Z"}"#;
    finish(scheduled_backup::answer(&world.run(), scheduled)).unwrap();
}
