//! The health probe in the simulated world: it changes nothing but the metrics.

use warmspare_act::fault::Fault;
use warmspare_act::health_probe::answer;
use warmspare_decide::outcome::Outcome;

use crate::failover::lost;
use crate::world::{Run, Trouble, finish};

const PROBE: &[u8] = br#"{"action":"probe","system":"controller"}"#;

/// The changes that a probe makes.
pub(crate) fn changes() -> Vec<&'static str> {
    let world = lost();
    let run = world.run();
    finish(answer(&run, PROBE)).unwrap();
    run.names()
}

async fn probe(run: &Run<'_>) -> Result<Outcome, Fault> {
    answer(run, PROBE).await
}

/// FA8, FA13: what could not be published is a fault, and the next minute publishes it.
#[test]
fn a_probe_that_is_not_answered_is_made_again() {
    for trouble in [Trouble::Before(0), Trouble::After(0)] {
        let world = lost();
        assert!(finish(probe(&world.run().meeting(trouble))).is_err(), "{trouble:?}");
        world.pass(60);
        finish(probe(&world.run())).unwrap();
        world.assert_promises("probe");
        let state = world.state();
        let (system, values) = state.sites.metrics.last().unwrap();
        assert_eq!(system, "controller");
        assert!(values.contains(&("PrimaryHealthy", 0.0)), "{values:?}");
    }
}

/// FA6: a probe that is killed before it publishes leaves nothing, and the next one is the same.
#[test]
fn a_probe_that_is_killed_leaves_nothing() {
    let world = lost();
    {
        let run = world.run().stopping_before(0);
        let mut killed = std::pin::pin!(probe(&run));
        assert!(crate::world::poll_once(killed.as_mut()).is_pending());
    }
    assert!(world.state().sites.metrics.is_empty());
    finish(probe(&world.run())).unwrap();
    assert_eq!(world.state().sites.metrics.len(), 1);
}
