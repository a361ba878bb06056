//! A rehearsal on a well system: it says what every step would come to, and changes nothing. That is
//! compared from outside, and every call that it made was one that only reads.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::story::{DEVICES, Pace, Story};
use crate::scene::{HOME, RECOVERY, SYSTEM, Scene};
use crate::stack::gateway::Match;
use crate::stack::rds::Place;

/// Where a failover or a planned move would leave something in the vault.
const FOLDERS: [&str; 6] =
    ["failovers/", "refusals/", "groups/", "acknowledgements/", "maintenance/", "plans/"];

/// What a call begins with that changes nothing.
const READS: [&str; 4] = ["Describe", "Get", "Head", "List"];

pub(super) async fn live(story: &mut Story<'_>) -> Result<()> {
    story.write_data("device", DEVICES).await?;
    story.see_healthy().await?;
    story.see_a_proven_backup(Pace::Hurried).await?;
    let before = seen(story.scene).await?;
    let calls = rehearse(story, "failover", "would be refused").await?
        + rehearse(story, "switchover", "would begin as term 1").await?;
    let after = seen(story.scene).await?;
    for ((what, before), (_, after)) in before.iter().zip(&after) {
        ensure!(before == after, "{what} changed: {before}, and now {after}");
        story.timeline.line("unchanged", &format!("{what}: {after}"));
    }
    let reads = format!("all {calls} calls of the rehearsals were ones that only read");
    story.timeline.line("unchanged", &reads);
    Ok(())
}

/// Asks for a rehearsal and shows each step; how many calls it made.
async fn rehearse(story: &Story<'_>, of: &str, expected: &str) -> Result<usize> {
    let (scene, timeline) = (story.scene, story.timeline);
    timeline.waiting(&format!("rehearsing a {of}"));
    let calls = Match::any().access_key(&scene.access_key("failover-promotion").await?);
    let made_before = scene.stack.gateway.calls_made();
    let event = json!({ "action": "rehearse", "system": SYSTEM, "of": of });
    let answer = scene.invoke("failover-promotion", &event).await?;
    let said = answer.get("reason").and_then(Value::as_str).context("no reason")?;
    let is_done = answer.get("outcome").and_then(Value::as_str) == Some("done");
    ensure!(is_done && said.contains(expected), "not {expected:?}, but: {answer}");
    for (n, step) in said.split("; ").enumerate() {
        timeline.line(if n == 0 { "rehearsal" } else { "" }, step);
    }
    let mut made = scene.stack.gateway.calls(&calls);
    made.retain(|call| call.number >= made_before);
    let writes = made.iter().filter(|call| !READS.iter().any(|it| call.action.starts_with(it)));
    let writes: Vec<&str> = writes.map(|call| call.action.as_str()).collect();
    ensure!(writes.is_empty(), "the rehearsal called {writes:?}");
    Ok(made.len())
}

/// What a move would change, from outside.
async fn seen(scene: &Scene) -> Result<Vec<(&'static str, String)>> {
    let records = scene.stack.aws.records(&scene.zone).await?;
    let records: Vec<String> = records
        .iter()
        .filter(|record| ["A", "TXT"].contains(&record.kind.as_str()))
        .map(|record| format!("{} {} {}", record.name, record.kind, record.values.join(" ")))
        .collect();
    let mut kept = Vec::new();
    for folder in FOLDERS {
        kept.extend(scene.keys(folder).await?);
    }
    let role = |place: Place| {
        let is_replica = scene.rds.is_replica(&place) == Some(true);
        let status = scene.rds.status(&place).map_or("gone", |status| status.word());
        format!("{} is a {}, {status}", place.id, if is_replica { "replica" } else { "writer" })
    };
    let databases =
        [role(Place::new(HOME, "controller-db")), role(Place::new(RECOVERY, "controller-db-west"))];
    let is_replica = scene.west.cluster.is_in_recovery().await?;
    let sites = [("east", &scene.east), ("west", &scene.west)];
    let told = |site: &&(&str, &crate::scene::Site)| {
        let asked = site.1.appliance.asked();
        let told = asked.iter().filter(|asked| asked.path.contains("appliancemode")).count();
        format!("{} in {}, told {told} times", site.0, site.1.appliance.mode().word())
    };
    let modes: Vec<String> = sites.iter().map(|site| told(&site)).collect();
    Ok(vec![
        ("records", records.join(", ")),
        ("vault", format!("{} in {}", kept.join(", "), FOLDERS.join(" "))),
        ("databases", format!("{}; PostgreSQL says replica: {is_replica}", databases.join(", "))),
        ("appliances", modes.join(", ")),
    ])
}
