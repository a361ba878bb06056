//! Moves of a system whose database is an Aurora global database: one cluster at each site, which change
//! their roles and keep their names. Names in capitals are the rows of the fault matrix.

mod changed_by_hand;
mod late;

use std::collections::BTreeSet;
use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::ports::ApplianceMode;
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::journal::{Debt, Progress, Step};
use warmspare_decide::name::Term;
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::failover::{ALARM, PLAN, TICK, calm, refusal};
use crate::planned::{SWITCHOVER, failback};
use crate::world::promises::newest_term;
use crate::world::{Run, Trouble, World, finish, poll_once};

const ABORT: &[u8] =
    br#"{"system":"controller","action":"abort","who":"Ada","reason":"not today"}"#;
/// More ticks than any move here needs.
const TICKS_MAX: u32 = 40;

/// The plan of the other tests, with clusters.
fn plan() -> String {
    PLAN.replace(
        "kind = \"rds\"",
        "kind = \"aurora-global\"\nglobal_cluster = \"controller-global\"",
    )
    .replace("{ replication = true }", "{ tcp = \"east.example.com:443\", path = \"vpc\" }")
}

fn clusters() -> World {
    let world = calm(&plan());
    world.set().sites.as_clusters();
    world
}

fn lost() -> World {
    let world = clusters();
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world
}

/// A failover is over, home is back, fenced, a secondary, and the cooldown has passed.
fn returned() -> World {
    let world = lost();
    finish(answer(&world.run(), ALARM)).unwrap();
    come_back(&world);
    tick_until_paid(&world);
    world.pass(1_860);
    world
}

fn come_back(world: &World) {
    let mut state = world.set();
    let now = state.now;
    state.sites.site("east").lost = false;
    state.sites.site("east").healthy_at = now;
    state.sites.alarm = state.sites.alarm.clone().map(|mut alarm| {
        alarm.state = AlarmState::Ok;
        alarm
    });
}

/// Where a world stands, and what moves it.
struct Scene {
    what: &'static str,
    new: fn() -> World,
    ask: fn(&World) -> Vec<u8>,
    /// The site that it leads to.
    to: &'static str,
    term: u32,
}

const SCENES: [Scene; 3] = [
    Scene { what: "failover", new: lost, ask: |_| ALARM.to_vec(), to: "west", term: 1 },
    Scene { what: "switchover", new: clusters, ask: |_| SWITCHOVER.to_vec(), to: "west", term: 1 },
    Scene { what: "failback", new: returned, ask: failback, to: "east", term: 2 },
];

/// Ticks until the newest term has ended and owes nothing, a minute apart; the old site comes back when it
/// has ended.
fn tick_until_paid(world: &World) -> Progress {
    for _tick in 0..TICKS_MAX {
        world.pass(60);
        let _recorded_by_the_runtime = finish(answer(&world.run(), TICK));
        let Some(progress) = newest_term(&world.state()).filter(|term| term.end.is_some()) else {
            continue;
        };
        if progress.debts.is_empty() {
            return progress;
        }
        come_back(world);
    }
    panic!("it did not end: {:?}", newest_term(&world.state()));
}

/// Each cluster has its part, once, under the name that it always had.
fn assert_writes(world: &World, site: &str, during: &str) {
    let state = world.state();
    let (writer, replica) = match site {
        "east" => ("controller-db", "controller-db-west"),
        _ => ("controller-db-west", "controller-db"),
    };
    assert!(state.sites.databases[writer].is_writer(), "{during}: {writer} does not write");
    let of = state.sites.databases[replica].replica_of.as_deref();
    assert_eq!(of, Some(crate::world::global::arn(writer).as_str()), "{during}");
    let address = if site == "east" { "203.0.113.10" } else { "203.0.113.20" };
    assert_eq!(state.sites.leads_to(), [address], "{during}");
    for (name, found) in &state.sites.by_name {
        let is_active = *name == site;
        assert_eq!(found.mode == ApplianceMode::Production, is_active, "{during}: {name}");
    }
    assert_eq!((state.sites.databases.len(), state.sites.seeds), (2, 0), "{during}");
}

/// The system lives at the other site, or as if nothing had been asked for. Whether it has moved.
fn assert_one_of_its_ends(world: &World, scene: &Scene, during: &str) -> bool {
    let during = &format!("{}: {during}", scene.what);
    if newest_term(&world.state()).is_none_or(|newest| newest.term.0 < scene.term) {
        let event = (scene.ask)(world);
        finish(answer(&world.run(), &event)).unwrap();
    }
    let progress = tick_until_paid(world);
    world.assert_promises(during);
    assert_eq!(progress.term, Term(scene.term), "{during}");
    let has_moved = progress.end.is_some_and(|end| end.completed);
    let from = if scene.to == "east" { "west" } else { "east" };
    assert_writes(world, if has_moved { scene.to } else { from }, during);
    let moves = if has_moved { scene.term } else { scene.term - 1 };
    let state = world.state();
    assert_eq!((state.sites.promotions, state.sites.moves), (moves, moves), "{during}: once each");
    has_moved
}

/// What the moves change: each of these calls is broken by the tests below.
pub(crate) fn changes() -> Vec<&'static str> {
    let names = SCENES.iter().flat_map(|scene| {
        let world = (scene.new)();
        let event = (scene.ask)(&world);
        let run = world.run();
        finish(answer(&run, &event)).unwrap();
        run.names()
    });
    names.collect()
}

/// FF1, FF11, E20: there with what was agreed to be lost, and home with nothing lost, by the names that
/// the plan has.
#[test]
fn a_failover_moves_the_writer_and_a_failback_moves_it_home() {
    let world = lost();
    let Outcome::Done(sentence) = finish(answer(&world.run(), ALARM)).unwrap() else { panic!() };
    assert!(sentence.contains("west took over from east"), "{sentence}");
    assert!(sentence.contains("the database loses at most 2 s"), "{sentence}");
    let progress = newest_term(&world.state()).unwrap();
    assert_eq!(progress.debts, [Debt::Appliance, Debt::Database]);
    world.pass(600);
    let owed = finish(answer(&world.run(), TICK)).unwrap().to_string();
    assert!(owed.contains("the old database stopped or demoted"), "{owed}");
    come_back(&world);
    tick_until_paid(&world);
    assert_writes(&world, "west", "there");
    assert_eq!(world.state().sites.global.failovers, 1);
    let paid: Vec<String> =
        world.state().announcements.iter().map(|told| told.reason.clone()).collect();
    let seen = "controller-db is available, and replicates controller-db-west";
    assert!(paid.iter().any(|reason| reason.contains(seen)), "{paid:?}");

    world.pass(1_860);
    let event = failback(&world);
    let Outcome::Done(sentence) = finish(answer(&world.run(), &event)).unwrap() else { panic!() };
    assert!(sentence.starts_with("failback: east took over from west"), "{sentence}");
    assert!(sentence.contains("the database loses at most 0 s"), "{sentence}");
    let progress = tick_until_paid(&world);
    assert!(!progress.opened.steps.contains(&Step::SeedDatabase), "nothing is seeded");
    assert!(!progress.opened.steps.contains(&Step::CatchUp), "Aurora waits for it by itself");
    assert_writes(&world, "east", "home");
    assert_eq!(world.state().sites.global.failovers, 1, "home by a switchover");
    world.assert_promises("there and home");
}

/// FA13, FF1: every change fails before and after, is denied, or arrives late.
#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_change_leads_to_one_of_its_ends() {
    let mut names = BTreeSet::new();
    for scene in &SCENES {
        let world = (scene.new)();
        let event = (scene.ask)(&world);
        let run = world.run();
        finish(answer(&run, &event)).unwrap();
        let (changes, mut moved) = (run.changes(), 0);
        names.extend(run.names());
        for n in 0..changes {
            for trouble in
                [Trouble::Before(n), Trouble::After(n), Trouble::Denied(n), Trouble::Late(n, 20)]
            {
                let world = (scene.new)();
                let event = (scene.ask)(&world);
                let _recorded = finish(answer(&world.run().meeting(trouble), &event));
                let during = format!("{trouble:?}");
                moved += usize::from(assert_one_of_its_ends(&world, scene, &during));
            }
        }
        println!("{}: {} points of trouble, {moved} moved", scene.what, changes * 4);
        assert!(moved > changes * 2, "{}: {moved}", scene.what);
    }
    for name in ["GlobalDatabases::fail_over", "GlobalDatabases::switch_over"] {
        assert!(names.contains(name), "{names:?}");
    }
}

/// FA6, FF1: the run is killed at every call, and the ticks go on from the journal.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_one_of_its_ends() {
    for scene in &SCENES {
        let (calls, mut moved) = (calls_of(scene), 0);
        for n in 0..calls {
            let world = (scene.new)();
            let event = (scene.ask)(&world);
            {
                let run = world.run().stopping_at(n);
                let _killed = poll_once(pin!(answer(&run, &event)).as_mut());
            }
            let during = format!("killed at call {n}");
            moved += usize::from(assert_one_of_its_ends(&world, scene, &during));
        }
        println!("{}: killed at each of {calls} calls, {moved} moved", scene.what);
        assert!(moved * 2 > calls, "{}: {moved}", scene.what);
    }
}

fn calls_of(scene: &Scene) -> usize {
    let world = (scene.new)();
    let event = (scene.ask)(&world);
    let run = world.run();
    finish(answer(&run, &event)).unwrap();
    run.calls()
}

/// FA1, FF2: twenty of the same at once are one move.
#[test]
#[ignore = "optimised: cargo prove"]
fn twenty_requests_at_once_are_one_move() {
    for scene in &SCENES {
        for stagger in [1, 3, 8, 21] {
            let world = (scene.new)();
            let event = (scene.ask)(&world);
            let runs: Vec<Run<'_>> =
                (0..20).map(|i| world.run().stopping_at(i * stagger % 60)).collect();
            let mut acts: Vec<_> = runs.iter().map(|run| Box::pin(answer(run, &event))).collect();
            let open: Vec<usize> =
                (0..20).filter(|i| poll_once(acts[*i].as_mut()).is_pending()).collect();
            for i in open {
                runs[i].wake();
                assert!(poll_once(acts[i].as_mut()).is_ready(), "stuck");
            }
            drop(acts);
            assert!(assert_one_of_its_ends(&world, scene, &format!("stagger {stagger}")));
        }
    }
}

/// FF5: the old site comes back at any moment of a failover.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_primary_that_returns_is_given_back_or_left_for_good() {
    let scene = &SCENES[0];
    let (calls, mut moved) = (calls_of(scene), 0);
    for n in 0..calls {
        let world = lost();
        {
            let run = world.run().stopping_at(n);
            let mut stopped = pin!(answer(&run, ALARM));
            assert!(poll_once(stopped.as_mut()).is_pending());
            come_back(&world);
            run.wake();
            let _outcome = poll_once(stopped.as_mut());
        }
        if newest_term(&world.state()).is_none() {
            continue;
        }
        moved += usize::from(assert_one_of_its_ends(&world, scene, &format!("back at call {n}")));
    }
    assert!(moved > 0 && moved < calls, "{moved} of {calls}");
}

/// An abort is asked for at every call of a switchover: nothing moves, or it was too late.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_abort_gives_the_site_back_or_comes_too_late() {
    let scene = &SCENES[1];
    let (mut aborted, mut refused) = (0, 0);
    for n in 0..calls_of(scene) {
        let world = clusters();
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, SWITCHOVER));
        if poll_once(late.as_mut()).is_ready() || newest_term(&world.state()).is_none() {
            continue;
        }
        let answered = finish(answer(&world.run(), ABORT)).unwrap();
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready());
        let is_late = matches!(
            answered,
            Outcome::Refused(Refusal::AbortTooLate { .. } | Refusal::NothingToAbort { .. })
        );
        let has_moved = assert_one_of_its_ends(&world, scene, &format!("abort at call {n}"));
        assert_eq!(has_moved, is_late, "abort at call {n}: {answered}");
        if is_late { refused += 1 } else { aborted += 1 }
    }
    assert!(aborted > 0 && refused > 0, "{aborted} aborted, {refused} refused");
}

/// FF6: what it loses is held against the plan, and who accepts more has to say so.
#[test]
fn a_lag_that_is_too_long_or_unknown_refuses_a_failover_until_it_is_accepted() {
    type Change = fn(&World);
    let table: [(&str, Change); 2] = [
        ("too-far-behind", |world| {
            for point in &mut world.set().sites.lag {
                point.lag_s = 31.0;
            }
        }),
        ("lag-unknown", |world| world.set().sites.lag.clear()),
    ];
    for (name, change) in table {
        let world = lost();
        change(&world);
        assert_eq!(refusal(&world, ALARM).name(), name);
        assert_eq!(world.state().sites.promotions, 0);
        let until = world.state().now + jiff::SignedDuration::from_hours(1);
        let text = format!(
            r#"{{"format":1,"who":"Ada","refusal":"{name}","until":"{until}","reason":"better than nothing"}}"#
        );
        world.put(&format!("acknowledgements/controller/000001/{name}.json"), text.as_bytes());
        finish(answer(&world.run(), ALARM)).unwrap();
        tick_until_paid(&world);
        assert_writes(&world, "west", name);
        assert_eq!(world.state().sites.global.failovers, 1);
        world.assert_promises(name);
    }
}
