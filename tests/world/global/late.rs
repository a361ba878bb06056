//! Runs that are late: what they tell a global database has no condition, so it must not be told.

use super::*;
use crate::world::Bent;

/// FF3: the run sleeps at every call while ticks finish the move, then wakes: no further effect.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_does_no_harm() {
    for scene in &SCENES {
        for n in 0..calls_of(scene) {
            let world = (scene.new)();
            let event = (scene.ask)(&world);
            let run = world.run().stopping_at(n);
            let mut late = pin!(answer(&run, &event));
            assert!(poll_once(late.as_mut()).is_pending(), "call {n}");
            if newest_term(&world.state()).is_none_or(|newest| newest.term.0 < scene.term) {
                finish(answer(&world.run(), &event)).unwrap();
            }
            // As late as an invocation can be: longer than that it does not live.
            for _tick in 0..2 {
                world.pass(60);
                let _recorded_by_the_runtime = finish(answer(&world.run(), TICK));
            }
            run.wake();
            assert!(poll_once(late.as_mut()).is_ready(), "call {n}");
            assert_one_of_its_ends(&world, scene, &format!("woken at call {n}"));
        }
    }
}

/// The window that is left. A run of the failover sleeps at each of its calls while the system fails over
/// and goes home again, which takes longer than Lambda lets a run live; here it lives on. It goes on with
/// nothing, but for the one call after its last look at the journal: the request itself. That is what the
/// least cooldown of a plan is for.
#[test]
#[ignore = "optimised: cargo prove"]
fn only_a_run_that_outlives_a_whole_cooldown_on_its_last_call_can_undo_a_failback() {
    let mut undone = Vec::new();
    let calls = calls_of(&SCENES[0]);
    for n in 0..calls {
        let world = lost();
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, ALARM));
        assert!(poll_once(late.as_mut()).is_pending(), "call {n}");
        if newest_term(&world.state()).is_none() {
            continue;
        }
        tick_until_paid(&world);
        world.pass(1_860);
        let event = failback(&world);
        finish(answer(&world.run(), &event)).unwrap();
        tick_until_paid(&world);
        assert_writes(&world, "east", &format!("home, while call {n} sleeps"));
        world.set().bent = Some(Bent::RunsOutliveTheirTime);
        run.wake();
        let _outcome = poll_once(late.as_mut());
        world.pass(60);
        // What such a run does to the appliances is shown elsewhere.
        let state = world.state();
        let is_found =
            state.broken.iter().any(|broken| broken.contains("a newer move had left it"));
        assert_eq!(is_found, !state.sites.databases["controller-db"].is_writer(), "call {n}");
        if is_found {
            undone.push(n);
        }
    }
    assert_eq!(undone.len(), 1, "{undone:?} of {calls} calls");
}
