//! The database in a failover: promotions that take long, that are not possible now or at all, and an
//! old database that RDS starts again.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::ports::Clock;
use warmspare_decide::journal::{Debt, Step};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::failover::{ALARM, TICK, alarm, assert_failed_over, lost, refusal, tick_until_over};
use crate::world::promises::newest_term;
use crate::world::{Trouble, World, finish, poll_once};

/// More ticks than a promotion of two hours needs.
const TICKS_MAX: u32 = 60;

/// One run of a tick, which ends before it is ended from outside.
fn tick_in_time(world: &World) -> Outcome {
    let run = world.run();
    let outcome = finish(answer(&run, TICK)).unwrap();
    assert!(run.left_s() > 0, "the run lived until its deadline: {outcome}");
    outcome
}

fn is_over(world: &World) -> bool {
    newest_term(&world.state()).is_some_and(|progress| progress.end.is_some())
}

/// A promotion that takes 40 minutes is waited for by many runs, each of which ends in time, and is sent
/// once.
#[test]
fn a_promotion_of_forty_minutes_is_gone_on_with_by_the_ticks() {
    let world = lost();
    world.set().sites.promotion_s = 40 * 60;
    let run = world.run();
    let first = finish(answer(&run, ALARM)).unwrap();
    assert!(run.left_s() > 0, "{first}");
    assert!(first.to_string().contains("the database is modifying since"), "{first}");
    let mut ticks = 0;
    while !is_over(&world) {
        assert!(ticks < TICKS_MAX, "the failover did not end");
        world.pass(60);
        let outcome = tick_in_time(&world);
        assert!(!matches!(outcome, Outcome::Refused(_)), "40 minutes are no reason to say no");
        ticks += 1;
    }
    assert_failed_over(&world, "40 minutes");
    let progress = newest_term(&world.state()).unwrap();
    let promoted = progress.past.iter().find(|past| past.step == Step::PromoteDatabase).unwrap();
    let took_s = promoted.at.as_second() - progress.opened_at.as_second();
    assert!(took_s >= 40 * 60, "{took_s}");
    assert!(ticks > 5, "{ticks} ticks went on with it");
}

/// FF7: a promotion that does not end is said with its numbers, and gone on with if it ends after all.
#[test]
fn a_promotion_that_is_stuck_is_said_with_its_numbers() {
    let world = lost();
    world.set().sites.promotion_s = 100 * 60;
    alarm(&world);
    let mut said = None;
    for _tick in 0..TICKS_MAX {
        world.pass(60);
        let sentence = tick_in_time(&world).to_string();
        if sentence.contains("3600 s is the most") {
            said = Some(sentence);
            break;
        }
    }
    let said = said.unwrap();
    assert!(said.contains("controller-db-west was told to be promoted 3"), "{said}");
    assert!(said.contains("ago and is modifying"), "{said}");
    assert!(!is_over(&world), "it stays open");
    world.pass(3600);
    tick_until_over(&world);
    assert_failed_over(&world, "stuck, and promoted after all");
}

/// FF7: RDS does not promote a replica that is being backed up, modified or rebooted. It is waited for.
#[test]
fn a_replica_that_cannot_be_promoted_now_is_waited_for() {
    for status in ["backing-up", "modifying", "rebooting"] {
        let world = lost();
        let set = |status: &str| {
            let mut state = world.set();
            let replica = state.sites.databases.get_mut("controller-db-west").unwrap();
            replica.status = status.to_owned();
        };
        set(status);
        let first = alarm(&world).to_string();
        assert!(first.contains(&format!("the database is {status}")), "{first}");
        assert_eq!(world.state().sites.promotions, 0, "{status}");
        set("available");
        tick_until_over(&world);
        assert_failed_over(&world, status);
    }
}

/// A failover whose run died when the fence was confirmed and the promotion not yet intended.
fn killed_before_the_promotion() -> World {
    for n in 0..100 {
        let world = lost();
        {
            let run = world.run().stopping_at(n);
            let mut killed = pin!(answer(&run, ALARM));
            assert!(poll_once(killed.as_mut()).is_pending(), "call {n}");
        }
        let newest = newest_term(&world.state());
        if newest.is_some_and(|progress| progress.next_step() == Some(Step::PromoteDatabase)) {
            return world;
        }
    }
    panic!("the fence was never confirmed")
}

/// FF7: what is a writer already is adopted: nothing is promoted a second time.
#[test]
fn a_replica_that_is_promoted_already_is_adopted() {
    let world = killed_before_the_promotion();
    {
        let mut state = world.set();
        let replica = state.sites.databases.get_mut("controller-db-west").unwrap();
        (replica.replica_of, replica.replication) = (None, None);
    }
    tick_until_over(&world);
    world.assert_promises("adopted");
    assert_eq!(world.state().sites.promotions, 0);
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.20"]);
}

/// FF7: a replica of somebody else's database is not promoted: not before the failover begins, and not
/// when it was swapped in the middle.
#[test]
fn a_replica_of_another_database_is_not_promoted() {
    let swap = |world: &World| {
        let mut state = world.set();
        let replica = state.sites.databases.get_mut("controller-db-west").unwrap();
        replica.replica_of = Some("arn:aws:rds:us-east-1:111122223333:db:orders-db".to_owned());
    };
    let world = lost();
    swap(&world);
    let refused = refusal(&world, ALARM);
    assert!(matches!(refused, Refusal::StandbyNotReady { .. }), "{refused}");

    let world = killed_before_the_promotion();
    swap(&world);
    world.pass(60);
    let said = tick_in_time(&world).to_string();
    let words = "replicates arn:aws:rds:us-east-1:111122223333:db:orders-db and not controller-db";
    assert!(said.contains(words), "{said}");
    assert_eq!(world.state().sites.promotions, 0);
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.10"], "DNS untouched");
}

/// A failover that is over, with its fence paid.
fn paid() -> World {
    let world = lost();
    alarm(&world);
    world.set().sites.site("east").lost = false;
    for _tick in 0..4 {
        world.pass(60);
        finish(answer(&world.run(), TICK)).unwrap();
    }
    assert_eq!(newest_term(&world.state()).unwrap().debts, []);
    assert_eq!(status(&world), "stopped");
    world
}

fn status(world: &World) -> String {
    world.state().sites.databases["controller-db"].status.clone()
}

fn start_again(world: &World) {
    let mut state = world.set();
    state.sites.databases.get_mut("controller-db").unwrap().status = "available".to_owned();
}

/// Ticks for a little longer than the time between two looks at the old database.
fn ticks(world: &World, count: u32) {
    for _tick in 0..count {
        world.pass(60);
        let _recorded_by_the_runtime = finish(answer(&world.run(), TICK));
    }
}

/// E21, FF11: RDS starts a stopped instance again after seven days. It is seen, owed again, and stopped
/// again.
#[test]
fn an_old_database_that_rds_starts_again_is_stopped_again() {
    let world = paid();
    let entries = newest_term(&world.state()).unwrap().entries;
    ticks(&world, 40);
    assert_eq!(
        newest_term(&world.state()).unwrap().entries,
        entries,
        "nothing is written for nothing"
    );
    for _week in 0..2 {
        world.pass(7 * 86_400);
        start_again(&world);
        ticks(&world, 18);
        assert_eq!(status(&world), "stopped");
        assert_eq!(newest_term(&world.state()).unwrap().debts, []);
    }
    assert_eq!(newest_term(&world.state()).unwrap().entries, entries + 4, "owed and paid, twice");
    world.assert_promises("two weeks");
    // A rebuilt replica is the way home, and writes nothing.
    {
        let mut state = world.set();
        let old = state.sites.databases.get_mut("controller-db").unwrap();
        (old.status, old.replica_of) =
            ("available".to_owned(), Some("controller-db-west".to_owned()));
    }
    ticks(&world, 18);
    assert_eq!(status(&world), "available");
    assert_eq!(newest_term(&world.state()).unwrap().entries, entries + 4);
}

/// FA13, FA6: trouble, death and a late wake-up of the run that finds the old database running again.
#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_with_a_database_that_runs_again_leads_to_the_same_end() {
    // The world begins in the middle of a minute, so this minute of the clock is one of those.
    let due = |world: &World| {
        start_again(world);
        while (world.state().now.as_second() / 60) % 15 != 0 {
            world.pass(60);
        }
    };
    let calm = paid();
    due(&calm);
    let run = calm.run();
    finish(answer(&run, TICK)).unwrap();
    assert_eq!(newest_term(&calm.state()).unwrap().debts, [Debt::Database], "told, not seen yet");
    let (changes, calls) = (run.changes(), run.calls());
    assert!(changes >= 2, "an entry and a stop");
    let assert_end = |world: &World, during: &str| {
        ticks(world, 18);
        assert_eq!(status(world), "stopped", "{during}");
        assert_eq!(newest_term(&world.state()).unwrap().debts, [], "{during}");
        world.assert_promises(during);
    };
    for n in 0..changes {
        for trouble in [Trouble::Before(n), Trouble::After(n)] {
            let world = paid();
            due(&world);
            let _recorded_by_the_runtime = finish(answer(&world.run().meeting(trouble), TICK));
            assert_end(&world, &format!("{trouble:?}"));
        }
    }
    for n in 0..calls {
        let world = paid();
        due(&world);
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, TICK));
        assert!(poll_once(late.as_mut()).is_pending(), "call {n}");
        assert_end(&world, &format!("killed at call {n}"));
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready(), "call {n}");
        assert_end(&world, &format!("woken at call {n}"));
    }
    println!("{} trouble points, {calls} deaths and late wake-ups", changes * 2);
}
