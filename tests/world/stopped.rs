//! Why a failover stands, or takes longer than was agreed, is told once, and not with every tick that meets it.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::failover::{ALARM, PLAN, alarm, lost};
use crate::hand::{TICK_OF, acknowledge, lost_under};
use crate::world::promises::newest_term;
use crate::world::{Trouble, World, finish, poll_once};

/// Its fence is demanded, and nothing answers.
fn unfenced() -> World {
    lost_under(&PLAN.replace("fence = \"attempted\"", "fence = \"confirmed\""))
}

fn told(world: &World) -> Vec<String> {
    told_of(world, Happening::FailoverFailed)
}

fn told_of(world: &World, happening: Happening) -> Vec<String> {
    let state = world.state();
    let told = state.announcements.iter().filter(|told| told.happening == happening);
    told.map(|told| told.reason.clone()).collect()
}

fn tick(world: &World) -> Outcome {
    world.pass(60);
    let outcome = finish(answer(&world.run(), TICK_OF)).unwrap();
    world.assert_promises("a tick");
    outcome
}

#[test]
fn a_reason_is_told_once_and_the_next_reason_too() {
    let world = unfenced();
    assert!(matches!(alarm(&world), Outcome::Refused(Refusal::FenceUnconfirmed { .. })));
    for _tick in 0..5 {
        let outcome = tick(&world);
        assert!(matches!(outcome, Outcome::Refused(Refusal::FenceUnconfirmed { .. })), "{outcome}");
        assert_eq!(told(&world).len(), 1, "{:?}", told(&world));
    }
    let key = "failovers/controller/000001/stopped-000002-fence-unconfirmed.json";
    assert!(world.state().objects.contains_key(key));
    world.set().sites.edit("192.0.2.99");
    acknowledge(&world, 1, "fence-unconfirmed");
    for _tick in 0..5 {
        tick(&world);
    }
    let told_by_now = told(&world);
    assert_eq!(told_by_now.len(), 2, "{told_by_now:?}");
    assert!(told_by_now[1].contains("192.0.2.99"), "{told_by_now:?}");
    world.set().sites.undo_edit();
    tick(&world);
    assert!(newest_term(&world.state()).unwrap().end.is_some_and(|end| end.completed));
}

/// Whatever fails before it is told and recorded, it is told, and at most once more.
#[test]
fn trouble_never_keeps_the_reason_from_being_told() {
    let world = unfenced();
    let run = world.run();
    let _stops = finish(answer(&run, ALARM)).unwrap();
    let of_changes = (0..run.changes()).flat_map(|n| [Trouble::Before(n), Trouble::After(n)]);
    for trouble in of_changes.chain((0..run.looks()).map(Trouble::Look)) {
        let world = unfenced();
        let _recorded_by_the_runtime = finish(answer(&world.run().meeting(trouble), ALARM));
        for _tick in 0..4 {
            tick(&world);
        }
        let told = told(&world);
        assert!((1..=2).contains(&told.len()), "{trouble:?}: {told:?}");
    }
    for n in 0..run.calls() {
        let world = unfenced();
        {
            let run = world.run().stopping_at(n);
            assert!(poll_once(pin!(answer(&run, ALARM)).as_mut()).is_pending(), "call {n}");
        }
        for _tick in 0..4 {
            tick(&world);
        }
        let told = told(&world);
        assert!((1..=2).contains(&told.len()), "killed at call {n}: {told:?}");
    }
}

/// A promotion of 40 minutes, where 15 were agreed.
fn slow() -> World {
    let world = lost();
    world.set().sites.promotion_s = 40 * 60;
    world
}

#[test]
fn a_failover_that_takes_longer_than_was_agreed_says_so_once() {
    let world = slow();
    alarm(&world);
    let mut minutes = 0;
    while newest_term(&world.state()).unwrap().end.is_none() {
        assert!(minutes < 60, "it does not end");
        tick(&world);
        minutes += 1;
        let late = told_of(&world, Happening::FailoverLate);
        let lost_at = newest_term(&world.state()).unwrap().opened.view.lost_at;
        let without_s = world.state().now.as_second() - lost_at.as_second();
        assert_eq!(late.len(), usize::from(without_s > 900), "minute {minutes}: {late:?}");
    }
    let late = told_of(&world, Happening::FailoverLate).remove(0);
    assert!(
        late.contains("and 900 s were agreed: term 1 is about to promote the database"),
        "{late}"
    );
    assert!(late.contains("the database is modifying since"), "{late}");
    assert_eq!(told(&world), Vec::<String>::new(), "nothing has failed");
}

/// Whatever fails before it is told and recorded, it is told, and at most once more.
#[test]
fn trouble_never_keeps_it_from_being_said() {
    let late = || {
        let world = slow();
        alarm(&world);
        world.pass(900);
        world
    };
    let world = late();
    let run = world.run();
    let _waits = finish(answer(&run, TICK_OF)).unwrap();
    let of_changes = (0..run.changes()).flat_map(|n| [Trouble::Before(n), Trouble::After(n)]);
    for trouble in of_changes.chain((0..run.looks()).map(Trouble::Look)) {
        let world = late();
        let _recorded_by_the_runtime = finish(answer(&world.run().meeting(trouble), TICK_OF));
        for _tick in 0..2 {
            tick(&world);
        }
        let told = told_of(&world, Happening::FailoverLate);
        assert!((1..=2).contains(&told.len()), "{trouble:?}: {told:?}");
    }
}
