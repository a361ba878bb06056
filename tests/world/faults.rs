//! Every change of every way through a failover, broken on either side, late, killed before and slept
//! through: to the new site, back to the old one, and the payment of what is owed.

use std::collections::BTreeSet;
use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::ports::ApplianceMode;

use crate::failover::{ALARM, TICK, alarm, assert_failed_over, lost, tick_until_over};
use crate::world::promises::newest_term;
use crate::world::{Run, Trouble, World, finish, poll_once};

/// A world in the middle of something, and the event that goes on with it.
pub(crate) struct Way {
    pub(crate) what: &'static str,
    pub(crate) new: fn() -> World,
    pub(crate) event: &'static [u8],
    assert_end: fn(&World, &str),
}

/// Every way through a failover.
pub(crate) const WAYS: [Way; 3] = [
    Way { what: "to the new site", new: lost, event: ALARM, assert_end: has_moved },
    Way { what: "back to the old site", new: returned, event: TICK, assert_end: was_given_back },
    Way { what: "paying", new: owing, event: TICK, assert_end: has_paid },
];

/// The old site may have been fenced, and is back.
fn returned() -> World {
    let world = lost();
    {
        let run = world.run().stopping_at(0);
        let mut died = pin!(answer(&run, ALARM));
        while !has_tried(&world) {
            assert!(poll_once(died.as_mut()).is_pending());
            run.step();
        }
        // It dies here, and nobody knows whether the old site is standby.
    }
    world.set().sites.site("east").lost = false;
    world.pass(60);
    world
}

fn has_tried(world: &World) -> bool {
    world.state().sites.by_name["east"].fence_tried_in.is_some()
}

/// The failover is completed, and the old site is back and owes.
fn owing() -> World {
    let world = lost();
    alarm(&world);
    world.pass(60);
    world.set().sites.site("east").lost = false;
    world
}

fn has_moved(world: &World, during: &str) {
    if newest_term(&world.state()).is_none() {
        alarm(world);
    }
    tick_until_over(world);
    assert_failed_over(world, during);
}

fn was_given_back(world: &World, during: &str) {
    let end = tick_until_over(world).end.unwrap();
    world.assert_promises(during);
    let state = world.state();
    assert!(!end.completed, "{during}");
    assert_eq!(state.sites.by_name["east"].mode, ApplianceMode::Production, "{during}");
    assert_eq!(state.sites.leads_to(), ["203.0.113.10"], "{during}");
    assert_eq!((state.sites.promotions, state.sites.moves), (0, 0), "{during}");
}

fn has_paid(world: &World, during: &str) {
    for _tick in 0..5 {
        world.pass(60);
        finish(answer(&world.run(), TICK)).unwrap();
    }
    assert_failed_over(world, during);
    let state = world.state();
    assert_eq!(newest_term(&state).unwrap().debts, [], "{during}");
    assert_eq!(state.sites.by_name["east"].mode, ApplianceMode::Standby, "{during}");
    assert_eq!(state.sites.databases["controller-db"].status, "stopped", "{during}");
}

impl Way {
    /// The changes of the next run when all is calm.
    pub(crate) fn changes(&self) -> Vec<&'static str> {
        let world = (self.new)();
        let run = world.run();
        finish(answer(&run, self.event)).unwrap();
        run.names()
    }

    /// Goes through with the first run made so, and one that sleeps is woken in the end.
    fn go(&self, during: &str, make: impl for<'w> Fn(Run<'w>) -> Run<'w>, is_woken: bool) {
        let world = (self.new)();
        let run = make(world.run());
        let mut act = Box::pin(answer(&run, self.event));
        let sleeps = poll_once(act.as_mut()).is_pending();
        if sleeps && is_woken {
            // As long as it can live, and no longer.
            world.pass(60);
            let _recorded_by_the_runtime = finish(answer(&world.run(), self.event));
            run.wake();
            assert!(poll_once(act.as_mut()).is_ready(), "{}: {during}", self.what);
        }
        drop(act);
        (self.assert_end)(&world, &format!("{}: {during}", self.what));
    }
}

/// FA5, FA6, FA10, FA13, FF1, FF3, FF13: each change of each way, in each manner; the end is the same.
#[test]
#[ignore = "optimised: cargo prove"]
fn every_change_of_every_way_can_be_broken() {
    let mut points = 0;
    let mut names = BTreeSet::new();
    for way in WAYS {
        let changes = way.changes();
        for (n, name) in changes.iter().enumerate() {
            for trouble in [Trouble::Before(n), Trouble::After(n), Trouble::Late(n, 20)] {
                way.go(&format!("{name}, {trouble:?}"), |run| run.meeting(trouble), false);
            }
            let denied = Trouble::Denied(n);
            way.go(&format!("{name}, {denied:?}"), |run| run.meeting(denied), false);
            for is_woken in [false, true] {
                let during = format!("{name}, stopped before change {n}, woken: {is_woken}");
                way.go(&during, |run| run.stopping_before(n), is_woken);
            }
            points += 6;
            names.insert(*name);
        }
        println!("{}: {} changes", way.what, changes.len());
    }
    println!("{points} points of trouble, at {names:?}");
    assert!(points > 200, "{points}");
}

/// FF12: a failover that is over is not gone on with, however old it is.
#[test]
fn a_failover_of_before_is_never_gone_on_with() {
    let world = owing();
    has_paid(&world, "before");
    for days in [1, 2, 40] {
        world.pass(days * 86_400);
        world.set().sites.alarm = warmspare_decide::seen::Seen::Absent;
        let run = world.run();
        let outcome = finish(answer(&run, TICK)).unwrap().to_string();
        assert!(outcome.contains("no failover"), "{outcome}");
        assert_eq!(run.changes(), 0, "after {days} days");
    }
}
