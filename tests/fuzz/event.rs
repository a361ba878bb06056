//! Whatever bytes a function is woken with: it answers with a sentence or a fault, breaks no promise, and
//! acts on no system that has no plan.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warmspare_act::fault::Fault;
use warmspare_act::{
    failover_promotion, health_probe, prune_backups, scheduled_backup, snapshot_export,
    verify_upload,
};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::vault;

use world::{Run, World, finish};

#[allow(dead_code, reason = "shared with tests/world, which needs more of it")]
#[path = "../world/world/mod.rs"]
mod world;

const PLAN: &str = include_str!("../world/failover_plan.toml");

async fn answer(function: u8, run: &Run<'_>, event: &[u8]) -> Result<Outcome, Fault> {
    match function {
        0 => failover_promotion::answer(run, event).await,
        1 => health_probe::answer(run, event).await,
        2 => prune_backups::answer(run, event).await,
        3 => scheduled_backup::answer(run, event).await,
        4 => snapshot_export::answer(run, event).await,
        _ => verify_upload::answer(run, event).await,
    }
}

fuzz_target!(|event: &[u8]| {
    for function in 0..6 {
        let world = World::new();
        world.put("plans/controller.toml", PLAN.as_bytes());
        let said = match finish(answer(function, &world.run(), event)) {
            Ok(outcome) => outcome.to_string(),
            Err(fault) => fault.to_string(),
        };
        assert!(!said.is_empty());
        world.assert_promises(&said);
        let state = world.state();
        // What is noted of the vault itself is about no system.
        let is_strange = |key: &&String| !key.contains("controller") && *key != vault::SEEN;
        let stranger = state.objects.keys().find(is_strange);
        assert!(stranger.is_none(), "{stranger:?} was written: {said}");
    }
});
