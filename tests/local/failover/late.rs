//! FF3: a run that is frozen in the middle, as Lambda freezes what it has no use for, while another run
//! finishes the failover. It wakes up with what it knew then, and changes nothing any more.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use warmspare_tests::scene::{Protected, STACK, Scene, Shape, promises};
use warmspare_tests::stack::functions::signal;
use warmspare_tests::stack::gateway::{Match, Moment};
use warmspare_tests::stack::keeper::Signal;
use warmspare_tests::stack::wait;

use crate::failover::stage::{counts_as_dead, into_trap, play, sentence, systems, wake};

/// After which entries it is frozen: the opening, and each intention. It is about to act.
const ABOUT_TO: [(usize, &str); 5] = [
    (1, "begin"),
    (2, "fence"),
    (4, "promote the database"),
    (6, "promote the appliance"),
    (9, "repoint"),
];

#[test]
fn a_run_that_wakes_up_after_the_failover_is_over_changes_nothing() -> Result<()> {
    play(async |scene| {
        let names = ABOUT_TO.map(|(n, _)| (format!("late-{n:02}"), Shape::Metric));
        let systems = systems(scene, names).await?;
        let late = systems.iter().zip(ABOUT_TO).map(async |(system, (n, about_to))| {
            let said = sleep_through(scene, system, n).await;
            said.with_context(|| format!("frozen when it was about to {about_to}"))
        });
        for (said, (_, about_to)) in try_join_all(late).await?.iter().zip(ABOUT_TO) {
            println!("woken when about to {about_to}: {said}");
        }
        Ok(())
    })
}

/// What can be seen of a system from outside.
#[derive(Debug, PartialEq)]
struct Seen {
    journal: Vec<serde_json::Value>,
    leads_to: Vec<String>,
    modes: [String; 2],
    promotions: usize,
}

async fn seen(scene: &Scene, system: &Protected) -> Result<Seen> {
    let named = format!("DBInstanceIdentifier={}", system.replica.id);
    let promotions = Match::any().action("PromoteReadReplica").key_contains(&named);
    let promotions = scene.stack.gateway.calls(&promotions);
    Ok(Seen {
        journal: system.journal(scene).await?,
        leads_to: system.leads_to(scene).await?,
        modes: [&system.east, &system.west].map(|site| site.mode().word().to_owned()),
        promotions: promotions.iter().filter(|call| call.status == Some(200)).count(),
    })
}

async fn sleep_through(scene: &Scene, system: &Protected, n: usize) -> Result<String> {
    let lost_at = wait::now();
    system.lose_home(scene).await?;
    let key = format!("failovers/{}/000001/{n:06}.json", system.name);
    let entry = Match::any().service("s3").action("PutObject").key_contains(&key);
    let trap = scene.stack.gateway.trap_times(entry, Moment::After, 1);
    let alarm = system.alarm()?;
    // The one that sleeps takes nobody's turn.
    let (before, late) = into_trap(trap, system.wake(scene, &alarm), async |held| {
        let asleep = scene.stack.caller(&format!("{STACK}-failover-promotion"), &held.call)?;
        signal(asleep, Signal::STOP)?;
        held.release();
        counts_as_dead(scene, system).await?;
        sentence(&wake(scene, system, &system.tick()).await?, "done")?;
        system.is_failed_over(scene).await?;
        let before = seen(scene, system).await?;
        signal(asleep, Signal::CONT)?;
        Ok(before)
    })
    .await?;
    let said = sentence(&late, "waiting")?;
    let after = seen(scene, system).await?;
    ensure!(before == after, "it changed something: {before:?}, and now {after:?}");
    system.is_failed_over(scene).await?;
    let broken = promises::broken_for(scene, system.system(), lost_at).await?;
    ensure!(broken.is_empty(), "{broken:?}");
    Ok(said)
}
