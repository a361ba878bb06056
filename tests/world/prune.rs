//! Pruning in the simulated world. Names in capitals are the rows of the fault matrix and the seed
//! behaviours that a test stands for. The world itself holds every deletion against what arrived.

use std::pin::pin;

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::prune_backups::answer;
use warmspare_act::{scheduled_backup, verify_upload};
use warmspare_decide::outcome::{Happening, Outcome};

use crate::backup::{PLAN, store};
use crate::tries::{Dice, Trial, seeds, standing};
use crate::verification::written;
use crate::world::{Run, Trouble, World, finish, poll_once};

const DAYS: [&str; 6] = ["16", "17", "18", "19", "20", "21"];
/// Longer than any run lives, in seconds.
const RUN_S: u64 = 901;
const VERIFIED: &[u8] = br#"{"version":"0","id":"a","source":"warmspare",
    "detail-type":"Backup Verified","detail":{"format":1,"system":"controller","outcome":"done",
    "reason":"it is","at":"2026-11-21T00:00:55Z","links":[]}}"#;
const BY_HAND: &[u8] = br#"{"system":"controller","action":"prune","reason":"room is needed"}"#;
const DRY: &[u8] = br#"{"system":"controller","action":"prune","dry_run":true}"#;

fn slot(day: &str) -> String {
    format!("2026-11-{day}T00-00-00Z")
}

fn manifest(day: &str) -> String {
    format!("backups/controller/{}/manifest.json", slot(day))
}

fn receipt(day: &str, name: &str) -> String {
    format!("receipts/controller/{}/{name}.json", slot(day))
}

/// Goes on to a day, and backs up.
fn back_up(world: &World, day: &str) {
    world.set().now = format!("2026-11-{day}T00:00:30Z").parse().unwrap();
    store(world, &format!("2026-11-{day}T00:00:00Z"));
}

fn verify(world: &World, day: &str) {
    let event = written(&manifest(day), "2026-11-21T00:00:30Z");
    finish(verify_upload::answer(&world.run(), &event)).unwrap();
}

/// A plan that keeps so much, and no backup yet.
fn planned(keep: &str) -> World {
    let world = World::new();
    let plan = PLAN.replace("keep = 3", &format!("keep = {keep}"));
    world.put("plans/controller.toml", plan.as_bytes());
    world
}

/// Backups of the first so many days, all verified.
fn days(keep: &str, count: usize) -> World {
    let world = planned(keep);
    for day in &DAYS[..count] {
        back_up(&world, day);
        verify(&world, day);
    }
    world
}

fn five() -> World {
    thread_local! {
        static FIVE: World = days("3", 5);
    }
    FIVE.with(World::copied)
}

fn prune(world: &World) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), VERIFIED));
    world.assert_promises("pruned");
    outcome
}

/// The days of which anything is there.
fn left(world: &World) -> Vec<String> {
    let state = world.state();
    let mut days: Vec<String> = state
        .objects
        .keys()
        .filter_map(|key| key.strip_prefix("backups/controller/2026-11-"))
        .map(|rest| rest[..2].to_owned())
        .collect();
    days.dedup();
    days
}

fn told(world: &World) -> Vec<String> {
    let state = world.state();
    let pruned = state.announcements.iter().filter(|t| t.happening == Happening::BackupsPruned);
    pruned.map(|told| told.slot.unwrap().to_string()).collect()
}

fn has(world: &World, key: &str) -> bool {
    world.state().objects.contains_key(key)
}

fn go_on(world: &World) {
    world.pass(RUN_S);
    prune(world).unwrap();
    assert_eq!(left(world), ["18", "19", "20"]);
}

pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a pruning",
        new: five,
        act: async |run: &Run<'_>| answer(run, VERIFIED).await,
        go_on,
    }
}

/// A8, A13: three stay. Their receipts stay too, and every one that went was told.
#[test]
fn three_verified_backups_stay_and_each_that_goes_is_told() {
    let world = five();
    let Outcome::Done(sentence) = prune(&world).unwrap() else { panic!("not done") };
    assert_eq!(
        sentence,
        "2 backup(s) of controller are pruned: 2026-11-16T00-00-00Z, 2026-11-17T00-00-00Z"
    );
    assert_eq!(left(&world), ["18", "19", "20"]);
    assert_eq!(told(&world), [slot("16"), slot("17")]);
    for day in ["16", "17"] {
        assert!(has(&world, &receipt(day, "verified")) && has(&world, &receipt(day, "pruned")));
    }
    // What was deleted can be brought back: its versions are there.
    assert_eq!(world.state().beside.deleted.len(), 6);
    let again = prune(&world).unwrap().to_string();
    assert_eq!(again, "no backup of controller is pruned");
    assert_eq!(told(&world).len(), 2);
}

/// A12, B5: one stays.
#[test]
fn overwrite_keeps_the_newest() {
    let world = days("\"overwrite\"", 3);
    prune(&world).unwrap();
    assert_eq!(left(&world), ["18"]);
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_place_leads_to_the_same_end() {
    trial().meets_trouble_everywhere();
}

/// FA6.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_end() {
    trial().dies_everywhere();
}

/// FA1.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_does_no_harm() {
    trial().wakes_up_late_everywhere();
}

#[test]
#[ignore = "optimised: cargo prove"]
fn three_runs_at_once_in_any_order_prune_once() {
    trial().is_mixed_in_any_order(100);
}

/// A deletion that is sent, not answered, and arrives while the run is still alive or just before it
/// ends.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_deletion_that_arrives_late_does_no_harm() {
    let changes = {
        let world = five();
        let run = world.run();
        finish(answer(&run, VERIFIED)).unwrap();
        run.names()
    };
    for (n, name) in changes.iter().enumerate().filter(|(_, name)| **name == "Deletion::delete") {
        for seconds in [5, 60, 600] {
            let world = five();
            let run = world.run().meeting(Trouble::Late(n, seconds));
            let fault = finish(answer(&run, VERIFIED)).unwrap_err();
            assert_eq!(fault.hope, Hope::Unreachable, "{name} {n}");
            // Lambda tries the same request again.
            let _retried = finish(answer(&world.again(run.request()), VERIFIED));
            go_on(&world);
        }
    }
    assert_eq!(changes.iter().filter(|name| **name == "Deletion::delete").count(), 6);
}

/// FB10: retention runs while a backup is stored and two are verified, in any order, and some die.
#[test]
#[ignore = "optimised: cargo prove"]
fn while_backups_are_stored_and_verified_the_newest_verified_one_stays() {
    let begin = days("\"overwrite\"", 3);
    back_up(&begin, "19");
    for seed in seeds(100) {
        let mut dice = Dice::new(seed);
        let world = begin.copied();
        world.set().now = "2026-11-20T00:00:30Z".parse().unwrap();
        let event = written(&manifest("19"), "2026-11-21T00:00:30Z");
        let scheduled =
            br#"{"action":"backup","system":"controller","scheduled":"2026-11-20T00:00:00Z"}"#;
        let newest = written(&manifest("20"), "2026-11-21T00:00:30Z");
        {
            let runs = [(); 5].map(|()| world.run().stopping_at(0));
            let [first, second, third, fourth, fifth] = &runs;
            type Act<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Outcome, Fault>> + 'a>>;
            let mut acts: [Option<Act<'_>>; 5] = [
                Some(Box::pin(answer(first, VERIFIED))),
                Some(Box::pin(verify_upload::answer(second, &event))),
                Some(Box::pin(scheduled_backup::answer(third, scheduled))),
                Some(Box::pin(verify_upload::answer(fourth, &newest))),
                Some(Box::pin(answer(fifth, BY_HAND))),
            ];
            while acts.iter().any(Option::is_some) {
                let n = dice.below(acts.len());
                let Some(act) = acts[n].as_mut() else { continue };
                let is_over = poll_once(pin!(act.as_mut())).is_ready() || dice.below(80) == 0;
                runs[n].step();
                if is_over {
                    acts[n] = None;
                }
            }
        }
        world.assert_promises(&format!("seed {seed}"));
        store(&world, "2026-11-20T00:00:00Z");
        verify(&world, "20");
        world.pass(RUN_S);
        prune(&world).unwrap();
        assert_eq!(left(&world), ["20"], "seed {seed}");
    }
}

/// FB10: newer ones that were not verified, or are rejected, never count.
#[test]
fn with_only_failed_newer_backups_nothing_goes() {
    let world = days("\"overwrite\"", 1);
    for day in ["17", "18", "19"] {
        back_up(&world, day);
    }
    world.put(&receipt("18", "rejected"), b"{}");
    prune(&world).unwrap();
    assert_eq!(left(&world), ["16", "17", "18", "19"]);
    // A newer one is verified: what is rejected goes, what may still be verified stays.
    verify(&world, "19");
    prune(&world).unwrap();
    assert_eq!(left(&world), ["17", "19"]);
    world.pass(2 * 86_400);
    prune(&world).unwrap();
    assert_eq!(left(&world), ["19"]);
}

/// P6: the newest is rejected while a run is anywhere in the middle. What the run had not looked at for
/// the last time by then stays, and counts again.
#[test]
fn a_newest_backup_that_is_rejected_meanwhile_is_nobodys_reason_to_go() {
    let begin = days("\"overwrite\"", 2);
    let calls = {
        let world = begin.copied();
        let run = world.run();
        finish(answer(&run, VERIFIED)).unwrap();
        run.calls()
    };
    let (mut saved, mut late) = (0, 0);
    for (n, dies) in (0..calls).flat_map(|n| [(n, false), (n, true)]) {
        let world = begin.copied();
        let is_marked = {
            let run = world.run().stopping_at(n);
            let mut act = pin!(answer(&run, VERIFIED));
            assert!(poll_once(act.as_mut()).is_pending(), "call {n}");
            let is_marked = has(&world, &receipt("16", "pruned"));
            world.put(&receipt("17", "rejected"), b"{}");
            if !dies {
                run.wake();
                assert!(poll_once(act.as_mut()).is_ready());
            }
            is_marked
        };
        let is_deleted = |key: &String| key.starts_with("backups/");
        if world.state().beside.deleted.keys().any(is_deleted) {
            // It came after the last look: then a person brings the older one back (RUNBOOK).
            assert!(is_marked, "call {n}: it was seen, and deleted all the same");
            late += 1;
            continue;
        }
        world.pass(RUN_S);
        prune(&world).unwrap();
        assert_eq!(left(&world), ["16", "17"], "call {n}");
        assert!(!has(&world, &receipt("16", "pruned")), "call {n}: it counts again");
        saved += 1;
    }
    println!("the newest was rejected at each of {calls} calls: {saved} in time, {late} late");
    assert!(saved > late, "{saved} of {calls}");
}

/// A hold is heeded up to the last look before the first deletion.
#[test]
fn a_hold_stays_whoever_put_it_there_and_however_it_is_written() {
    for hold in [slot("16"), format!("{}/reason.txt", slot("16"))] {
        let world = five();
        world.put(&format!("holds/controller/{hold}"), b"not JSON");
        prune(&world).unwrap();
        assert_eq!(left(&world), ["16", "18", "19", "20"], "{hold}");
    }
    let world = five();
    world.put("holds/controller/everything of november", b"");
    prune(&world).unwrap();
    assert_eq!(left(&world).len(), 5);
    // Of another system, and of the folder itself: nobody's.
    world.remove("holds/controller/everything of november");
    world.put("holds/controller/", b"");
    world.put(&format!("holds/other/{}", slot("16")), b"");
    prune(&world).unwrap();
    assert_eq!(left(&world), ["18", "19", "20"]);
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_backup_that_a_killed_run_has_half_deleted_never_counts_again() {
    let world = five();
    let run = world.run();
    finish(answer(&run, VERIFIED)).unwrap();
    let calls = run.calls();
    for n in 0..calls {
        let world = five();
        {
            let run = world.run().stopping_at(n);
            let _died = poll_once(pin!(answer(&run, VERIFIED)).as_mut());
        }
        let state = world.state();
        let keys: Vec<String> = state.objects.keys().cloned().collect();
        let is_touched = |day: &str| {
            let folder = format!("backups/controller/{}/", slot(day));
            state.beside.deleted.keys().any(|key| key.starts_with(&folder))
        };
        for day in ["16", "17"].into_iter().filter(|day| is_touched(day)) {
            let mark = receipt(day, "pruned");
            assert!(keys.contains(&mark), "call {n}: {day} is half gone, and counts");
        }
        drop(state);
        // Then somebody holds it: what is left stays, and does not count.
        world.put(&format!("holds/controller/{}", slot("16")), b"");
        let is_half_gone = has(&world, &receipt("16", "pruned")) && !has(&world, &manifest("16"));
        world.pass(RUN_S);
        prune(&world).unwrap();
        assert_eq!(has(&world, &receipt("16", "pruned")), is_half_gone, "call {n}");
    }
}

/// What an open failover has chosen to fall back on stays, however old it is.
#[test]
fn what_an_open_failover_falls_back_on_stays() {
    let world = five();
    let golden = include_str!("../../shared/decide/src/journal/golden/format-1.json");
    let entries: Vec<serde_json::Value> = serde_json::from_str(golden).unwrap();
    let opening = entries[0].to_string();
    assert!(opening.contains(r#""proven":{"here":"2026-11-20T12-00-00Z"}"#), "{opening}");
    let opening = opening.replace("2026-11-20T12-00-00Z", &slot("16"));
    world.put("failovers/controller/000001/000001.json", opening.as_bytes());
    prune(&world).unwrap();
    assert_eq!(left(&world), ["16", "18", "19", "20"]);
    // Without its journal nobody knows what it falls back on: nothing goes.
    let world = five();
    world.put("failovers/controller/000001/000001.json", b"{\"format\":99}");
    let fault = prune(&world).unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert_eq!(left(&world).len(), 5);
}

/// A lock, or a policy, is expected: said, and no failure. What nothing was deleted of counts as before.
#[test]
fn what_is_kept_by_its_lock_is_said_and_counts_as_before() {
    let world = five();
    world.set().beside.locked = Some("manifest.json");
    let Outcome::Done(sentence) = prune(&world).unwrap() else { panic!("not done") };
    assert_eq!(
        sentence,
        "no backup of controller is pruned; 2026-11-16T00-00-00Z is kept by its lock, or by a policy \
         (AccessDenied); 2026-11-17T00-00-00Z is kept by its lock, or by a policy (AccessDenied)"
    );
    assert_eq!(left(&world).len(), 5);
    assert!(!has(&world, &receipt("16", "pruned")));
    world.set().beside.locked = Some("/artifacts");
    let sentence = prune(&world).unwrap().to_string();
    assert!(sentence.contains("2026-11-16T00-00-00Z is kept by its lock"), "{sentence}");
    assert!(has(&world, &receipt("16", "pruned")), "it is half gone");
    world.set().beside.locked = None;
    world.pass(RUN_S);
    go_on(&world);
}

/// A dry run says what would go and why the others stay, and changes nothing.
#[test]
fn a_dry_run_changes_nothing_and_says_the_worst() {
    let world = five();
    let before = standing(&world);
    let run = world.run();
    let sentence = finish(answer(&run, DRY)).unwrap().to_string();
    assert_eq!(run.changes(), 0);
    assert_eq!(standing(&world), before);
    for part in [
        "a dry run for controller: 2 of 5 backup(s) would go",
        "goes: 2026-11-16T00-00-00Z, 2026-11-17T00-00-00Z (proven, and not asked for any more)",
        "the newest proven one is 30 s old, and the longest time between two that stay is 86400 s",
    ] {
        assert!(sentence.contains(part), "{sentence} has no {part}");
    }
}

/// A duplicate of an old event neither stores nor verifies what is pruned.
#[test]
fn what_is_pruned_is_neither_stored_nor_verified_again() {
    let world = days("1", 2);
    prune(&world).unwrap();
    let event = written(&manifest("16"), "2026-11-21T00:00:30Z");
    let said = finish(verify_upload::answer(&world.run(), &event)).unwrap().to_string();
    assert!(said.contains("was pruned before it was verified: proven"), "{said}");
    let scheduled =
        br#"{"action":"backup","system":"controller","scheduled":"2026-11-16T00:00:00Z"}"#;
    let said = finish(scheduled_backup::answer(&world.run(), scheduled)).unwrap().to_string();
    assert!(said.ends_with("was stored before, and pruned since"), "{said}");
    assert_eq!(left(&world), ["17"]);
}

/// A manifest that this code cannot read may be of a later format, and right: it stays.
#[test]
fn a_backup_whose_manifest_cannot_be_read_stays() {
    let world = five();
    world.put(&manifest("16"), b"{\"format\":2}");
    prune(&world).unwrap();
    assert_eq!(left(&world), ["16", "18", "19", "20"]);
    // A proven one that lost an object does not count: three others stay.
    let world = five();
    world.remove(&format!("backups/controller/{}/metadata", slot("19")));
    prune(&world).unwrap();
    assert_eq!(left(&world), ["17", "18", "19", "20"]);
}

/// FA5: what does not fit is left to the next run.
#[test]
fn a_run_whose_time_is_over_begins_no_other_backup() {
    let world = five();
    let run = world.run();
    world.pass(170);
    let Outcome::Waiting(said) = finish(answer(&run, VERIFIED)).unwrap() else { panic!("done") };
    assert!(said.contains("10 s are left, and 20 s are the least"), "{said}");
    assert_eq!(left(&world).len(), 5);
    go_on(&world);
}
