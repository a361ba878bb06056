//! FA1, FA2, FF2: the same alarm twice at the same time, as it comes when both of its ways work, in
//! every shape that an alarm has. One failover comes of it, and each run says what it did.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use futures_util::future::{join, try_join_all};
use serde_json::{Value, json};
use warmspare_tests::scene::{Protected, Scene, Shape, promises};
use warmspare_tests::stack::aws::Invoked;
use warmspare_tests::stack::wait;

use crate::failover::stage::{play, systems, turn};

const TIMES: usize = 20;
/// How often processes are woken once more, for lines of their log that came late.
const WAKES_MAX: u32 = 5;

#[test]
fn the_same_alarm_twice_at_once_is_one_failover_and_one_that_joins_it() -> Result<()> {
    play(async |scene| {
        let names = (0..TIMES).zip(Shape::ALL.into_iter().cycle());
        let names = names.map(|(n, shape)| (format!("twice-{n:02}"), shape));
        let systems = systems(scene, names).await?;
        let twice = systems.iter().map(async |system| {
            twice(scene, system).await.with_context(|| system.name.to_string())
        });
        let mut joined: BTreeMap<String, usize> = BTreeMap::new();
        for said in try_join_all(twice).await? {
            *joined.entry(said).or_default() += 1;
        }
        are_recorded(scene, &systems).await?;
        println!(
            "{TIMES} alarms, each twice at once, in {} shapes: {TIMES} failovers, and {joined:?}",
            Shape::ALL.len()
        );
        Ok(())
    })
}

/// Wakes the function twice; what the run that was too many said.
async fn twice(scene: &Scene, system: &Protected) -> Result<String> {
    let _turn = turn(2).await?;
    let lost_at = wait::now();
    system.lose_home(scene).await?;
    let alarm = system.alarm()?;
    let (one, other) = join(system.wake(scene, &alarm), system.wake(scene, &alarm)).await;
    let (one, other) = (answered(&one?)?, answered(&other?)?);
    let (done, joined) = if one.0 == "done" { (one, other) } else { (other, one) };
    ensure!(done.0 == "done", "neither has failed over: {done:?}, {joined:?}");
    ensure!(
        joined.0 == "waiting" || joined.0 == "refused",
        "both have failed over: {done:?}, {joined:?}"
    );
    ensure!(joined.1.contains("term 1"), "it does not say which failover it joins: {joined:?}");
    system.is_failed_over(scene).await?;
    let broken = promises::broken_for(scene, system.system(), lost_at).await?;
    ensure!(broken.is_empty(), "{broken:?}");
    // Without the seconds, which differ.
    Ok(joined.1.split(", which was seen").next().unwrap_or_default().to_owned())
}

/// Outcome and sentence of a run, as it answered.
fn answered(invoked: &Invoked) -> Result<(String, String)> {
    let said = |field: &str| {
        let said = invoked.answer.get(field).and_then(Value::as_str);
        said.map(str::to_owned).with_context(|| format!("no {field}: {invoked:?}"))
    };
    Ok((said("outcome")?, said("reason")?))
}

/// Every run is in the log: those that have failed over, which their journals name, and as many that
/// have joined them. MiniStack hands a line that came late to the next run of the same process, so
/// each process gets something to do.
async fn are_recorded(scene: &Scene, systems: &[Protected]) -> Result<()> {
    let mut drivers = Vec::new();
    for system in systems {
        let journal = system.journal(scene).await?;
        let writer = journal.last().and_then(|entry| entry.get("writer")).and_then(Value::as_str);
        let request = writer.and_then(|writer| writer.split('/').next());
        drivers.push(request.context("an entry without a writer")?.to_owned());
    }
    let mut are_recorded = false;
    for _ in 0..WAKES_MAX {
        let recorded = promises::outcomes(&scene.log("failover-promotion").await?);
        let have_driven = drivers
            .iter()
            .all(|request| recorded.get(request).is_some_and(|(outcome, _)| outcome == "done"));
        let joined = recorded.values().filter(|(_, said)| said.contains("driven by another run"));
        are_recorded = have_driven && joined.count() >= TIMES;
        if are_recorded {
            break;
        }
        let wakes = systems.iter().chain(systems).map(async |system| {
            let status = json!({ "action": "status", "system": system.name });
            system.wake(scene, &status).await
        });
        try_join_all(wakes).await?;
    }
    ensure!(are_recorded, "not every run has recorded its outcome");
    Ok(())
}
