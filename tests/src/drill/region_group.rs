//! Several systems share a group and lose their region together. Each fails over by its own journal, and
//! their records move in merged batches.

use anyhow::{Result, ensure};
use futures_util::future::{join_all, try_join_all};

use super::story::{DEVICES, Pace, Story};
use crate::scene::{NAME, Protected, Shape, plan};
use crate::stack::gateway::Match;

/// Systems of the group beside the scene's own one.
const BESIDE: usize = 5;
const GROUP: &str = "branches";

pub(super) async fn live(story: &mut Story<'_>) -> Result<()> {
    let (scene, timeline) = (story.scene, story.timeline);
    let written = story.write_data("device", DEVICES).await?;
    story.see_healthy().await?;
    let slot = story.see_a_proven_backup(Pace::Hurried).await?;
    timeline.waiting("setting up the other systems of the group");
    scene.upload_plan(&in_group(&plan(scene))).await?;
    let beside = (1..=BESIDE).map(async |n| {
        let name = format!("branch-{n}");
        let system = Protected::set(scene, &name, Shape::Metric).await?;
        let key = format!("plans/{name}.toml");
        scene.put(&key, in_group(&system.plan(scene)).as_bytes()).await?;
        anyhow::Ok(system)
    });
    story.beside = try_join_all(beside).await?;
    let systems = BESIDE + 1;
    timeline.line("group", &format!("{systems} systems name the group {GROUP} in their plans"));

    let calls_before = scene.stack.gateway.calls_made();
    story.lose_home().await?;
    join_all(story.beside.iter().map(|system| system.east.stop())).await;
    story.see_the_alarm(Pace::Hurried).await?;
    try_join_all(story.beside.iter().map(|system| system.raise_alarm(scene))).await?;
    timeline.line("alarm", "the alarms of the others are raised");
    let began_s = timeline.elapsed_s();
    story.ticking("failing over", &["Failover Completed"], systems).await?;
    let took_s = timeline.elapsed_s() - began_s;
    try_join_all(story.beside.iter().map(|system| system.is_failed_over(scene))).await?;
    story.compare_data(&written, &slot).await?;
    story.report(1, took_s, "the last alarm").await?;
    count(story, calls_before, systems)?;
    for system in &story.beside {
        let leads_to = system.leads_to(scene).await?.join(", ");
        timeline.print(&format!("         {} A {leads_to}", system.record));
    }
    Ok(())
}

fn in_group(plan: &str) -> String {
    format!("group = \"{GROUP}\"\n{plan}")
}

/// What the failovers asked of Route 53, which limits an account to five requests a second.
fn count(story: &Story<'_>, since: u64, systems: usize) -> Result<()> {
    let made = |action: &str| {
        let calls =
            story.scene.stack.gateway.calls(&Match::any().service("route53").action(action));
        calls.iter().filter(|call| call.number >= since).count()
    };
    let batches = made("ChangeResourceRecordSets");
    let (lists, changes) = (made("ListResourceRecordSets"), made("GetChange"));
    story.timeline.print(&format!(
        "Route 53 {batches} batch(es) of changes for {systems} systems, where one for each would be \
         {systems}; besides {lists} reads of records and {changes} of changes"
    ));
    ensure!(
        batches < systems,
        "{batches} batches moved the records of {systems} systems ({NAME} among them): nothing was \
         merged"
    );
    Ok(())
}
