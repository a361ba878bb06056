//! FA6, FA13: `kill -9` of the bootstrap that drives a failover, at each entry of its journal, before
//! and after S3 has it. The next tick goes on from what is written, to the same end.

use anyhow::{Context, Result, ensure};
use futures_util::future::{join, try_join_all};
use serde_json::Value;
use warmspare_tests::scene::{Protected, STACK, Scene, Shape, now, promises};
use warmspare_tests::stack::functions::kill_9;
use warmspare_tests::stack::gateway::{Match, Moment};
use warmspare_tests::stack::wait;

use crate::failover::stage::{
    counts_as_dead, into_trap, play, sentence, systems, turn, wake, words,
};

/// How many entries the journal of a calm failover has; the test counts them again.
const ENTRIES: usize = 12;
const MOMENTS: [(Moment, &str); 2] = [(Moment::Before, "before"), (Moment::After, "after")];

#[test]
fn a_bootstrap_killed_at_any_entry_of_the_journal_is_gone_on_from_by_the_next_tick() -> Result<()> {
    play(async |scene| {
        let began = now();
        let names = (1..=ENTRIES)
            .flat_map(|n| MOMENTS.map(|(_, word)| format!("killed-{word}-{n:02}")))
            .chain(["calm".to_owned()]);
        let mut systems = systems(scene, names.map(|name| (name, Shape::Metric))).await?;
        println!("{} systems set up in {:#}", systems.len(), now() - began);
        let calm = systems.pop().context("no system")?;
        let points = (1..=ENTRIES).flat_map(|n| MOMENTS.map(|(moment, _)| (n, moment)));
        let killed = systems.iter().zip(points).map(async |(system, (n, moment))| {
            let killed = live_and_be_killed(scene, system, n, moment).await;
            killed.with_context(|| format!("{moment:?} entry {n}"))
        });
        let (calm, ends) = join(live(scene, &calm), try_join_all(killed)).await;
        let (calm, ends) = (calm?, ends?);
        ensure!(calm.len() == ENTRIES, "a calm failover writes {} entries: {calm:?}", calm.len());
        for (system, end) in systems.iter().zip(&ends) {
            ensure!(*end == calm, "{}: {end:?}, where calm is {calm:?}", system.name);
        }
        println!(
            "killed at each of {} points ({} entries, before and after); all in {:#}",
            ends.len(),
            calm.len(),
            now() - began
        );
        ensure!(ends.len() == calm.len() * MOMENTS.len());
        Ok(())
    })
}

/// A failover that nobody disturbs; what its journal says.
async fn live(scene: &Scene, system: &Protected) -> Result<Vec<String>> {
    system.lose_home(scene).await?;
    sentence(&wake(scene, system, &system.alarm()?).await?, "done")?;
    system.is_failed_over(scene).await?;
    Ok(words(&system.journal(scene).await?))
}

async fn live_and_be_killed(
    scene: &Scene,
    system: &Protected,
    n: usize,
    moment: Moment,
) -> Result<Vec<String>> {
    let lost_at = wait::now();
    system.lose_home(scene).await?;
    let key = format!("failovers/{}/000001/{n:06}.json", system.name);
    let entry = Match::any().service("s3").action("PutObject").key_contains(&key);
    let turn = turn(1).await?;
    let trap = scene.stack.gateway.trap_times(entry, moment, 1);
    let alarm = system.alarm()?;
    let ((), invoked) = into_trap(trap, system.wake(scene, &alarm), async |held| {
        let function = format!("{STACK}-failover-promotion");
        kill_9(scene.stack.caller(&function, &held.call)?)?;
        // What was held before S3 never gets there: its sender is dead.
        held.lose();
        Ok(())
    })
    .await?;
    drop(turn);
    let kind = invoked.answer.get("errorType").and_then(Value::as_str);
    ensure!(kind == Some("Runtime.ExitError"), "it was not killed: {invoked:?}");
    let written = system.journal(scene).await?.len();
    ensure!(written + usize::from(moment == Moment::Before) == n, "{written} entries");

    counts_as_dead(scene, system).await?;
    // After the last entry only what is owed is left to do.
    let outcome = if written == ENTRIES { "waiting" } else { "done" };
    sentence(&wake(scene, system, &system.tick()).await?, outcome)?;
    system.is_failed_over(scene).await?;
    let broken = promises::broken_for(scene, system.system(), lost_at).await?;
    ensure!(broken.is_empty(), "{broken:?}");
    Ok(words(&system.journal(scene).await?))
}
