//! A slot that was missed is caught up by the next ticks, once, whatever its sources are. Names in capitals
//! are the rows of the fault matrix and the seed behaviours that a test stands for.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::Poll;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde_json::Value;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup::answer;
use warmspare_decide::outcome::{Happening, Outcome};

use crate::backup::{PLAN, calm, store};
use crate::tries::Trial;
use crate::world::vault::{current, push};
use crate::world::{Run, World, finish, poll_once};
use crate::{aviatrix, inbox};

const SCHEDULED: &[u8] =
    br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
const TICK: &[u8] = br#"{"action":"go-on"}"#;
const NOTHING: &str = "no backup has to be gone on with";
const MANIFEST: &str = "backups/controller/2026-11-21T00-00-00Z/manifest.json";
const BEGUN: &str = "begun/controller/2026-11-21T00-00-00Z.json";

fn tick(world: &World) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), TICK));
    world.assert_promises("a tick");
    outcome
}

fn said(world: &World) -> String {
    tick(world).unwrap().to_string()
}

fn has(world: &World, key: &str) -> bool {
    world.state().objects.contains_key(key)
}

fn told(world: &World, happening: Happening) -> usize {
    world.state().announcements.iter().filter(|told| told.happening == happening).count()
}

/// A world, what is down in it, and how it is mended.
struct Down {
    what: &'static str,
    world: World,
    mend: fn(&World),
}

/// Each kind of source, and KMS, down at midnight.
fn all_that_may_be_down() -> Vec<Down> {
    let pulled = calm();
    pulled.set().sources.breaks_after = Some(3);
    let controller = World::new();
    controller.put("plans/controller.toml", aviatrix::plan("").as_bytes());
    controller.set().aviatrix.takes_s = None;
    let pushed = World::new();
    pushed.put("plans/controller.toml", inbox::plan(&["config", "page"]).as_bytes());
    push(&mut pushed.set(), "uploads/controller/config/settings", b"settings");
    pushed.set().sources.breaks_after = Some(0);
    let keys = calm();
    keys.set().keys.is_silent = true;
    vec![
        Down {
            what: "postgres and https",
            world: pulled,
            mend: |world| world.set().sources.breaks_after = None,
        },
        Down {
            what: "aviatrix",
            world: controller,
            mend: |world| world.set().aviatrix.takes_s = Some(25),
        },
        Down {
            what: "upload beside https",
            world: pushed,
            mend: |world| world.set().sources.breaks_after = None,
        },
        Down { what: "KMS", world: keys, mend: |world| world.set().keys.is_silent = false },
    ]
}

/// I9, P5: down at midnight, for longer than Lambda tries, and well at twenty past: stored once, and told once.
#[test]
fn what_was_down_at_midnight_is_backed_up_by_the_next_tick_and_once() {
    for Down { what, world, mend } in all_that_may_be_down() {
        for _try in 0..3 {
            let fault = finish(answer(&world.run(), SCHEDULED)).unwrap_err();
            assert_ne!(fault.hope, Hope::Permanent, "{what}: {fault}");
            world.pass(60);
        }
        assert!(has(&world, BEGUN), "{what}");
        assert_eq!(said(&world), NOTHING, "{what}: the last try may be alive");
        world.pass(900);
        // Still down: that is a fault of this tick, and not the end of it.
        assert_ne!(tick(&world).unwrap_err().hope, Hope::Permanent, "{what}");
        mend(&world);
        assert_eq!(said(&world), NOTHING, "{what}: that tick may be alive");
        world.pass(900);
        let sentence = said(&world);
        assert!(
            sentence.contains("2026-11-21T00-00-00Z of controller is stored"),
            "{what}: {sentence}"
        );
        for _tick in 0..5 {
            world.pass(900);
            assert_eq!(said(&world), NOTHING, "{what}");
        }
        assert_eq!(told(&world, Happening::BackupStored), 1, "{what}");
        assert_eq!(told(&world, Happening::BackupRefused), 0, "{what}");
        let state = world.state();
        assert_eq!(state.objects[MANIFEST].len(), 1, "{what}");
    }
}

/// FB5: a controller locks the account of who asks it too often, so what no retry changes is written down and
/// not tried again before the next slot.
#[test]
fn what_no_retry_changes_is_written_down_and_not_tried_again() {
    let world = World::new();
    world.put("plans/controller.toml", aviatrix::plan("").as_bytes());
    world.set().aviatrix.refuses = Some(("login", "Invalid user name or password"));
    let fault = finish(answer(&world.run(), SCHEDULED)).unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent, "{fault}");
    let logins = world.state().aviatrix.logins;
    for _tick in 0..20 {
        world.pass(900);
        assert_eq!(said(&world), NOTHING);
    }
    assert_eq!(world.state().aviatrix.logins, logins);
    let begun: Value =
        serde_json::from_slice(&current(&world.state(), BEGUN).unwrap().body).unwrap();
    assert!(begun["over"].as_str().unwrap().contains("Invalid user name"), "{begun}");
    // The next slot is a new try, for it may be mended by then.
    world.set().aviatrix.refuses = None;
    world.set().now = "2026-11-22T00:00:30Z".parse().unwrap();
    store(&world, "2026-11-22T00:00:00Z");
}

/// What is refused is told once, by the run that was asked or by the tick that took it over, and then never
/// again.
#[test]
fn what_is_refused_while_it_is_caught_up_is_told_once() {
    let world = calm();
    world.set().sources.breaks_after = Some(0);
    finish(answer(&world.run(), SCHEDULED)).unwrap_err();
    world.pass(900);
    world.set().keys.plan_key().state = "Disabled".into();
    assert!(said(&world).contains("is Disabled and not Enabled"));
    for _tick in 0..5 {
        world.pass(900);
        assert_eq!(said(&world), NOTHING);
    }
    assert_eq!(told(&world, Happening::BackupRefused), 1);
}

/// A tick of a system that has nothing to catch up asks for a list, and for two objects.
#[test]
fn a_tick_without_anything_to_catch_up_costs_three_looks() {
    let world = calm();
    finish(answer(&world.run(), SCHEDULED)).unwrap();
    let run = world.run();
    assert_eq!(finish(answer(&run, TICK)).unwrap().to_string(), NOTHING);
    assert_eq!((run.calls(), run.changes()), (3, 0));
}

/// Yesterday's backup is stored, and today's is asked for and dies, or meets trouble; nothing comes after it
/// but ticks.
fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a backup that only ticks go on with",
        new: || {
            let world = calm();
            world.set().now = "2026-11-20T00:00:30Z".parse().unwrap();
            store(&world, "2026-11-20T00:00:00Z");
            world.set().now = "2026-11-21T00:00:30Z".parse().unwrap();
            world
        },
        act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
        go_on: |world: &World| {
            for _tick in 0..4 {
                world.pass(900);
                tick(world).unwrap();
            }
            assert_eq!(told_slots(world).len(), 2, "{:?}", told_slots(world));
        },
    }
}

/// FA1, FA6: a tick that dies or fails anywhere is followed by others, and stores once. One that has slept until
/// another took over has no time left to read anything: backups have late wake-ups of their own.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_tick_that_dies_or_fails_anywhere_leads_to_the_same_end() {
    trial_of_catching_up().meets_trouble_everywhere();
    trial_of_catching_up().dies_everywhere();
    trial_of_catching_up().is_mixed_in_any_order(200);
}

/// The tick itself, where a backup of midnight has failed.
pub(crate) fn trial_of_catching_up()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a tick that catches up",
        new: || {
            let world = calm();
            world.set().sources.breaks_after = Some(3);
            finish(answer(&world.run(), SCHEDULED)).unwrap_err();
            world.set().sources.breaks_after = None;
            world.pass(900);
            world
        },
        act: async |run: &Run<'_>| answer(run, TICK).await,
        go_on: |world: &World| {
            for _tick in 0..2 {
                world.pass(900);
                tick(world).unwrap();
            }
            assert_eq!(world.state().objects[MANIFEST].len(), 1);
        },
    }
}

/// FB2, FA6: an event that dies at any call, or meets any trouble, and is never tried again: a tick stores its
/// backup. What dies before it is written down that it was begun is missed, and found by the plan's objective.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_event_that_dies_anywhere_is_caught_up_by_ticks_alone() {
    trial().dies_everywhere();
    trial().meets_trouble_everywhere();
}

/// The slots of which it was told that they are stored, each once.
fn told_slots(world: &World) -> BTreeSet<Timestamp> {
    let state = world.state();
    let stored = state.announcements.iter().filter(|t| t.happening == Happening::BackupStored);
    stored.map(|told| told.slot.unwrap().instant()).collect()
}

/// The instants of a daily schedule at midnight, as EventBridge Scheduler has them: one that does not exist
/// because clocks go forward is skipped, and one that exists twice comes once.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time>
fn midnights(zone: &str, from: &str, days: usize) -> Vec<Timestamp> {
    let zone = TimeZone::get(zone).unwrap();
    let from: Date = from.parse().unwrap();
    let all = from.series(jiff::Span::new().days(1)).take(days);
    all.filter_map(|day| {
        let at = zone.to_ambiguous_timestamp(day.to_datetime(Time::midnight()));
        let is_skipped = matches!(at.offset(), AmbiguousOffset::Gap { .. });
        (!is_skipped).then(|| at.compatible().unwrap())
    })
    .collect()
}

/// A6: daily at midnight where clocks change at midnight. The schedule skips a day in spring, and the plan's
/// objective does not: no two backups are further from each other than it says.
#[test]
fn a_day_without_a_midnight_has_a_backup_all_the_same() {
    let springs = [
        ("Africa/Cairo", "2026-04-22", "2026-04-24"),
        ("America/Havana", "2026-03-06", "2026-03-08"),
    ];
    let autumns = [("Africa/Cairo", "2026-10-28", ""), ("America/Havana", "2026-10-30", "")];
    for (zone, from, without) in springs.into_iter().chain(autumns) {
        for (rpo, rpo_s) in [("24h", 86_400), ("26h", 93_600)] {
            let world = World::new();
            let plan = PLAN.replace("rpo = \"24h\"", &format!("rpo = \"{rpo}\""));
            world.put("plans/controller.toml", plan.as_bytes());
            let scheduled = midnights(zone, from, 5);
            assert_eq!(scheduled.len(), if without.is_empty() { 5 } else { 4 }, "{zone}");
            let mut due = scheduled.iter().peekable();
            world.set().now = scheduled[0];
            let end = *scheduled.last().unwrap();
            while world.state().now <= end {
                world.pass(30);
                while let Some(at) = due.next_if(|at| **at <= world.state().now) {
                    store(&world, &at.to_string());
                }
                tick(&world).unwrap();
                world.pass(570);
            }
            let slots: Vec<Timestamp> = told_slots(&world).into_iter().collect();
            let gaps_s: Vec<i64> =
                slots.windows(2).map(|pair| pair[1].as_second() - pair[0].as_second()).collect();
            assert!(gaps_s.iter().all(|gap_s| *gap_s <= rpo_s), "{zone}, {rpo}: {slots:?}");
            let caught_up = slots.iter().filter(|slot| !scheduled.contains(slot)).count();
            // In autumn a day has 25 hours, and a backup more where that is longer than was agreed.
            let is_long = !without.is_empty() || rpo_s < 90_000;
            assert_eq!(caught_up, usize::from(is_long), "{zone}, {rpo}, from {from}: {slots:?}");
        }
    }
}

/// A system whose schedule never came, because its event expired or its stack was gone; and one that has
/// no plan any more, or whose appliance alone says when.
#[test]
fn a_slot_that_nobody_was_woken_for_is_found_by_the_objective() {
    let world = calm();
    store(&world, "2026-11-21T00:00:00Z");
    world.pass(86_400 + 1_100);
    assert_eq!(said(&world), NOTHING);
    world.pass(100);
    let plan = current(&world.state(), "plans/controller.toml").unwrap().body.clone();
    world.remove("plans/controller.toml");
    assert_eq!(said(&world), NOTHING);
    world.put("plans/controller.toml", inbox::plan(&["config"]).as_bytes());
    assert_eq!(said(&world), NOTHING);
    world.put("plans/controller.toml", &plan);
    // Refused, told once, and written down: the next tick does not ask again.
    world.set().keys.plan_key().state = "Disabled".into();
    assert!(said(&world).contains("is Disabled and not Enabled"));
    assert_eq!(said(&world), NOTHING);
    world.set().keys.plan_key().state = "Enabled".into();
    world.pass(86_400);
    assert!(said(&world).contains("2026-11-23T00-00-00Z of controller is stored"));
    assert_eq!(said(&world), NOTHING);
}

/// A world in which these systems were down at midnight, so that ticks have to go on with them.
fn with_down(systems: &[&str]) -> World {
    let world = calm();
    world.set().sources.breaks_after = Some(0);
    for system in systems {
        let plan = PLAN.replace("system = \"controller\"", &format!("system = \"{system}\""));
        world.put(&format!("plans/{system}.toml"), plan.as_bytes());
        let event = String::from_utf8(SCHEDULED.to_vec()).unwrap().replace("controller", system);
        finish(answer(&world.run(), event.as_bytes())).unwrap_err();
    }
    world.pass(900);
    world
}

/// A tick whose first backup takes 80 s more.
fn slow_tick(world: &World, at_call: usize) -> Result<Outcome, Fault> {
    let run = world.run().stopping_at(at_call);
    let mut ticking = pin!(answer(&run, TICK));
    assert!(poll_once(ticking.as_mut()).is_pending());
    world.pass(80);
    run.wake();
    let Poll::Ready(outcome) = poll_once(ticking.as_mut()) else { panic!("it is not over") };
    world.assert_promises("a slow tick");
    outcome
}

/// Two systems were down at midnight, and the first takes most of a run: the second has a run of its own, and is
/// not refused for what was left of this one.
#[test]
fn a_tick_that_has_taken_long_leaves_the_others_to_the_next() {
    let world = with_down(&["controller", "other"]);
    world.set().sources.breaks_after = None;
    let outcome = slow_tick(&world, 3).unwrap();
    let sentence = outcome.to_string();
    assert!(sentence.contains("of controller is stored"), "{sentence}");
    assert!(
        sentence.ends_with("100 s are left, and the next run looks at the others"),
        "{sentence}"
    );
    assert!(said(&world).contains("of other is stored"));
    assert_eq!(told(&world, Happening::BackupRefused), 0);
}

/// Three systems, each of which takes more of a tick than leaves room for another, and fails: whoever comes
/// after them by name has its turn once each of them had one.
#[test]
fn systems_that_take_long_do_not_starve_the_ones_behind_them() {
    let systems = ["a1", "a2", "a3", "controller", "z"];
    let world = with_down(&systems);
    let tries_of = |world: &World| -> Vec<usize> {
        let state = world.state();
        let tries = |system: &&str| {
            let key = format!("begun/{system}/2026-11-21T00-00-00Z.json");
            state.objects[&key].len() - 1
        };
        systems.iter().map(tries).collect()
    };
    for turn in 1..=10 {
        // Every five minutes: a run of before counts as alive for longer than that.
        world.pass(300);
        let before: usize = tries_of(&world).iter().sum();
        // The list and five records are read, and the first record is written anew.
        slow_tick(&world, 7).unwrap_err();
        let tries = tries_of(&world);
        assert_eq!(tries.iter().sum::<usize>(), before + 1, "turn {turn}: {tries:?}");
        let (least, most) = (tries.iter().min().unwrap(), tries.iter().max().unwrap());
        assert!(most - least <= 1, "turn {turn}: {tries:?}");
    }
    world.set().sources.breaks_after = None;
    world.pass(900);
    let sentence = said(&world);
    for system in systems {
        assert!(sentence.contains(&format!("of {system} is stored")), "{system}: {sentence}");
    }
}
