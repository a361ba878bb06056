//! Planned moves between Auto Scaling groups: the new site runs before anybody is told anything, the old
//! one's instances end before anything is promoted, and what is given up is put back.

use super::*;
use crate::capacity;
use crate::world::capacity::Scaled;

/// East runs one instance, and west is a pilot light.
pub(super) fn lit() -> World {
    capacity::scaled("confirmed")
}

/// The same after a failover: home is a pilot light now.
pub(super) fn returned() -> World {
    let world = returned_to(capacity::lost());
    assert!(world.state().sites.groups["east"].group.is_gone());
    world
}

fn desired(world: &World, site: &str) -> u32 {
    world.state().sites.groups[site].group.desired
}

fn told(world: &World) -> [u32; 2] {
    ["east", "west"].map(|site| world.state().sites.groups[site].told)
}

/// Nothing was told to the active site, and what was started is ended again.
fn assert_untouched(world: &World, during: &str) {
    assert_given_back(world, &SCENES[2], during);
    let state = world.state();
    assert_eq!(state.sites.by_name["east"].fence_tried_in, None, "{during}");
    assert_eq!(state.sites.groups["east"].told, 0, "{during}");
}

#[test]
fn a_pilot_light_runs_before_anybody_is_told_and_the_old_instances_end_before_any_promotion() {
    let world = lit();
    ask(&world, SWITCHOVER);
    let progress = tick_until_paid(&world);
    assert_moved(&world, &SCENES[2], "calm");
    let steps: Vec<Step> = progress.past.iter().map(|past| past.step).collect();
    let first = [Step::StartCapacity, Step::Fence, Step::CatchUp, Step::StopCapacity];
    assert_eq!((&steps[..4], steps[4]), (&first[..], Step::PromoteDatabase));
    assert_eq!((told(&world), desired(&world, "west")), ([1, 1], 2), "each is told once");
    assert_eq!(report(&world, 1).debts, [Debt::Database], "its instances are no debt");
    // What runs already is not told anything; and home is left as a pilot light all the same.
    let hot = lit();
    hot.set().sites.groups.insert("west", Scaled::of("controller-west", 2));
    ask(&hot, SWITCHOVER);
    tick_until_paid(&hot);
    assert_moved(&hot, &SCENES[2], "a hot standby");
    assert_eq!(told(&hot), [1, 0]);
}

/// In service is not healthy: it is waited for, and given up after a quarter of an hour. No cooldown
/// comes of it, and the next move begins as soon as its instances are put back.
#[test]
fn a_pilot_light_that_does_not_get_well_is_put_back_and_nobody_was_told_anything() {
    let world = lit();
    world.set().sites.site("west").ill = true;
    let Outcome::Waiting(sentence) = ask(&world, SWITCHOVER) else { panic!("not waiting") };
    assert!(sentence.contains("west runs, and is not seen healthy yet"), "{sentence}");
    let progress = tick_until_over(&world);
    assert_eq!(progress.debts, [Debt::PilotLight]);
    assert_eq!(desired(&world, "west"), 2, "a run of before may still start them");
    let why = abandoned(&world);
    assert!(matches!(why, Refusal::StandbyNotReady { .. }), "{why}");
    let refused = refusal(&world, SWITCHOVER);
    assert!(refused.to_string().contains("the instances of the standby put back"), "{refused}");
    world.set().sites.site("west").ill = false;
    tick_until_paid(&world);
    assert_untouched(&world, "it did not get well");
    ask(&world, SWITCHOVER);
    assert!(tick_until_paid(&world).end.unwrap().completed);
    world.assert_promises("asked again");
}

/// A site that is lost while the standby is started leaves it started: the failover that follows begins at
/// once, and needs it.
#[test]
fn a_site_that_is_lost_while_the_standby_is_started_is_failed_over_to_it_at_once() {
    let world = lit();
    world.set().sites.site("west").ill = true;
    ask(&world, SWITCHOVER);
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world.set().sites.site("east").lost = false;
    world.set().sites.site("east").dark = true;
    world.set().sites.site("west").ill = false;
    let refused = refusal(&world, OWN_TICK);
    assert!(matches!(refused, Refusal::ActiveNotHealthy { .. }), "{refused}");
    assert_eq!((newest_term(&world.state()).unwrap().debts, desired(&world, "west")), (vec![], 2));
    alarm(&world);
    let progress = tick_until_over(&world);
    assert_eq!((progress.term, progress.end.unwrap().completed), (Term(2), true));
    assert_eq!(told(&world)[1], 1, "it ran already");
    world.assert_promises("lost while the standby was started");
}

/// What would keep the old instances from ending is told before anything begins.
#[test]
fn a_planned_move_does_not_begin_where_the_old_instances_could_not_end() {
    type Change = fn(&mut Scaled);
    let there: [(&str, Change); 3] = [
        ("CapacityOutOfBounds", |east| east.group.min = 1),
        ("ActiveNotHealthy", |east| east.group.protected = 1),
        ("ActiveNotHealthy", |east| east.group.suspended = vec!["Terminate".to_owned()]),
    ];
    for (name, change) in there {
        let world = lit();
        change(world.set().sites.groups.get_mut("east").unwrap());
        let refused = refusal(&world, SWITCHOVER);
        assert!(format!("{refused:?}").starts_with(name), "{name}: {refused:?}");
        assert!(newest_term(&world.state()).is_none(), "{name}: nothing begins");
    }
    let world = lit();
    world.set().sites.groups.remove("east");
    assert!(matches!(refusal(&world, SWITCHOVER), Refusal::NoCapacity { .. }));
}

/// The same when it comes up after the fence: the active site is given back, with its instances.
#[test]
fn what_comes_up_before_the_old_instances_end_gives_the_site_back() {
    type Change = fn(&World);
    let there: [Change; 3] = [
        |world| world.set().sites.groups.get_mut("east").unwrap().group.min = 1,
        |world| world.set().sites.groups.get_mut("east").unwrap().group.protected = 1,
        |world| {
            world.set().sites.databases.remove("controller-db-west");
        },
    ];
    for change in there {
        let world = lit();
        {
            let run = world.run().stopping_at(0);
            let mut asked = pin!(answer(&run, SWITCHOVER));
            while newest_term(&world.state()).is_none_or(|p| !p.is_done(Step::CatchUp)) {
                if poll_once(asked.as_mut()).is_ready() {
                    break;
                }
                run.step();
            }
        }
        while newest_term(&world.state()).is_none_or(|p| !p.is_done(Step::CatchUp)) {
            world.pass(15);
            let run = world.run().stopping_at(0);
            let mut ticked = pin!(answer(&run, TICK));
            while newest_term(&world.state()).is_none_or(|p| !p.is_done(Step::CatchUp)) {
                if poll_once(ticked.as_mut()).is_ready() {
                    break;
                }
                run.step();
            }
        }
        change(&world);
        tick_until_paid(&world);
        assert_given_back(&world, &SCENES[2], "before its instances end");
        assert_eq!(told(&world)[0], 0);
        let why = abandoned(&world);
        assert!(matches!(why, Refusal::StandbyNotReady { .. }), "{why}");
    }
}

/// The request sleeps at every call while the abort is asked for, and wakes: it is moved, or both sites
/// have what they had.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_abort_before_the_instances_end_puts_back_both_sites() {
    let scene = &SCENES[2];
    let (mut untold, mut told_back, mut refused) = (0, 0, 0);
    for n in 0..count(&lit(), scene, |run| run.calls()) {
        let during = format!("abort at call {n}");
        let world = lit();
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, SWITCHOVER));
        if poll_once(late.as_mut()).is_ready() || newest_term(&world.state()).is_none() {
            continue;
        }
        let answered = ask(&world, ABORT);
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready(), "{during}");
        tick_until_paid(&world);
        if let Outcome::Refused(Refusal::AbortTooLate { .. } | Refusal::NothingToAbort { .. }) =
            answered
        {
            assert_moved(&world, scene, &during);
            refused += 1;
            continue;
        }
        assert_given_back(&world, scene, &during);
        assert_eq!(told(&world)[0], 0, "{during}");
        match abandoned(&world) {
            Refusal::Aborted { told, .. } if told.contains("never told") => untold += 1,
            Refusal::Aborted { .. } => told_back += 1,
            why => panic!("{during}: {why}"),
        }
    }
    println!("{untold} aborts before the fence, {told_back} after it, {refused} refused");
    assert!(untold > 0 && told_back > 0 && refused > 0, "{untold}, {told_back}, {refused}");
}

/// A failover that a person aborts while a pilot light is started owes both: to the site that it would
/// have left its mode, and to the standby its instances.
#[test]
fn an_aborted_failover_puts_back_the_instances_that_it_has_started() {
    let west = "[sites.west]\ncapacity = { asg = \"controller-west\", desired = 2 }\n";
    let world = calm(&PLAN.replace("[sites.west]\n", west));
    let now = world.state().now;
    world.set().sites.groups.insert("west", Scaled::of("controller-west", 0));
    world.set().sites.lose_home(now);
    {
        let run = world.run().stopping_at(0);
        let mut begun = pin!(answer(&run, ALARM));
        while newest_term(&world.state()).is_none_or(|p| p.intended != Some(Step::StartCapacity)) {
            assert!(poll_once(begun.as_mut()).is_pending());
            run.step();
        }
        assert!(poll_once(begun.as_mut()).is_pending());
    }
    world.pass(60);
    ask(&world, ABORT);
    let aborted = tick_until_over(&world);
    assert_eq!(aborted.debts, [Debt::Mode, Debt::PilotLight]);
    world.set().sites.site("east").lost = false;
    world.set().sites.alarm = warmspare_decide::seen::Seen::Absent;
    tick_until_paid(&world);
    world.assert_promises("aborted");
    assert_eq!((mode(&world, "east"), desired(&world, "west")), (ApplianceMode::Production, 0));
}

/// Given up, and its instances are owed: a payment may be made from now on.
fn owing() -> World {
    let world = lit();
    world.set().sites.site("west").ill = true;
    ask(&world, SWITCHOVER);
    assert_eq!(tick_until_over(&world).debts, [Debt::PilotLight]);
    world.set().sites.site("west").ill = false;
    world.pass(240);
    world
}

fn lose_east(world: &World) {
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world.set().sites.site("east").lost = false;
    world.set().sites.site("east").dark = true;
}

/// A run that puts the instances back sleeps at each call while the active site is lost and failed over to
/// them, before they were put back and after; then it wakes: the new site keeps what it has.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_late_payment_never_ends_the_instances_of_a_newer_failover() {
    for is_paid in [false, true] {
        let calm = owing();
        let run = calm.run();
        let _waits = finish(answer(&run, OWN_TICK)).unwrap();
        for n in 0..run.calls() {
            let during = format!("asleep at call {n}, paid by another: {is_paid}");
            let world = owing();
            let run = world.run().stopping_at(n);
            let mut late = pin!(answer(&run, OWN_TICK));
            assert!(poll_once(late.as_mut()).is_pending(), "{during}");
            if is_paid {
                ask(&world, OWN_TICK);
                world.pass(20);
                ask(&world, OWN_TICK);
                assert_eq!(newest_term(&world.state()).unwrap().debts, [], "{during}");
            }
            lose_east(&world);
            // It wakes when the instances are believed to run; or as late as a run can be alive.
            let since = world.state().now;
            let other = world.run().stopping_at(0);
            let mut failover = pin!(answer(&other, ALARM));
            let mut is_over = false;
            while !is_over {
                is_over = poll_once(failover.as_mut()).is_ready();
                let newest = newest_term(&world.state()).unwrap();
                let is_started = newest.term == Term(2) && newest.is_done(Step::StartCapacity);
                if is_started || (world.state().now - since).get_seconds() > 140 {
                    break;
                }
                other.step();
            }
            run.wake();
            let _late = poll_once(late.as_mut());
            world.assert_promises(&during);
            other.wake();
            let _is_over = is_over || poll_once(failover.as_mut()).is_ready();
            tick_until_over(&world);
            world.assert_promises(&during);
            let progress = newest_term(&world.state()).unwrap();
            let is_completed = progress.end.is_some_and(|end| end.completed);
            assert!(is_completed && desired(&world, "west") == 2, "{during}");
        }
    }
}

/// Mixtures of everything with aborts, and sites and bounds that come and go. `WARMSPARE_SEED` replays
/// one.
#[test]
#[ignore = "optimised: cargo prove"]
fn mixtures_of_troubles_in_planned_moves_with_instances_keep_every_promise() {
    let (mut moved, mut others) = (0, 0);
    for seed in seeds(60) {
        let mut dice = Dice::new(seed);
        let scene = &SCENES[2 + dice.below(2)];
        let world = (scene.new)();
        for event in 0..14 {
            let asked = (scene.ask)(&world);
            let event: &[u8] = match dice.below(7) {
                _ if event == 0 => &asked,
                0 => &asked,
                1 => ALARM,
                2 if dice.below(3) == 0 => ABORT,
                _ => OWN_TICK,
            };
            mixed(&world, &mut dice, event, OWN_TICK);
            {
                let what = dice.below(16);
                let mut state = world.set();
                state.sites.site("east").dark = what == 0;
                state.sites.site("west").dark = what == 1;
                state.sites.site("west").ill = what == 2;
                state.sites.dns_answers = what != 3;
                for site in ["east", "west"] {
                    let is_bound = dice.below(10) == 0;
                    let group = &mut state.sites.groups.get_mut(site).unwrap().group;
                    group.min = u32::from(is_bound && group.desired > 0);
                }
            }
            world.pass(u64::try_from(dice.below(120)).unwrap());
            world.assert_promises(&format!("seed {seed}"));
        }
        let newest = newest_term(&world.state());
        let is_moved = newest.is_some_and(|progress| {
            progress.term.0 >= scene.term && progress.end.is_some_and(|end| end.completed)
        });
        if is_moved { moved += 1 } else { others += 1 }
    }
    println!("{moved} mixtures were moved, {others} were not (yet)");
    assert!(moved + others == 1 || moved > 10, "{moved}: too harsh to prove anything");
}
