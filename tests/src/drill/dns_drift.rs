//! Somebody has edited the record before the disaster. The failover does not write over it: it is refused
//! with both answers named, and begins by itself when the record is mended.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::story::{DEVICES, Pace, Story};
use crate::scene::{ADDRESSES, NAME, RECOVERY, SYSTEM, Scene};
use crate::stack::appliance::Mode;
use crate::stack::gateway::Match;
use crate::stack::rds::Place;

/// What somebody has put there.
const EDITED: &str = "198.51.100.99";

pub(super) async fn live(story: &mut Story<'_>) -> Result<()> {
    let (scene, timeline) = (story.scene, story.timeline);
    let written = story.write_data("device", DEVICES).await?;
    story.see_healthy().await?;
    let slot = story.see_a_proven_backup(Pace::Hurried).await?;
    edit(scene, EDITED).await?;
    timeline.line("somebody", &format!("edits the record: {NAME} A {EDITED}"));
    story.lose_home().await?;
    story.see_the_alarm(Pace::Hurried).await?;
    timeline.waiting("waiting for the refusal");
    let refused = story.wait_for(&["Failover Refused"], &["Failover Started"]).await?;
    let reason = refused
        .pointer("/detail/reason")
        .and_then(|reason| reason.as_str())
        .context("no reason")?;
    for named in [NAME, EDITED, ADDRESSES[0]] {
        ensure!(reason.contains(named), "the refusal does not name {named}: {reason}");
    }
    nothing_was_done(scene).await?;
    timeline.line("unchanged", "the edit stays, nothing was told or promoted, and no term began");
    edit(scene, ADDRESSES[0]).await?;
    timeline.line("operator", &format!("mends the record: {NAME} A {}", ADDRESSES[0]));
    timeline.waiting("waiting for the tick to ask again, while the alarm is raised");
    let began_s = timeline.elapsed_s();
    story.see_the_failover().await?;
    let took_s = timeline.elapsed_s() - began_s;
    story.compare_data(&written, &slot).await?;
    story.report(1, took_s, "the mended record").await
}

/// As a person does it in the console: whatever was there is written over.
async fn edit(scene: &Scene, address: &str) -> Result<()> {
    let set = json!({
        "Name": NAME, "Type": "A", "TTL": 60, "ResourceRecords": [{ "Value": address }],
    });
    let change = json!({ "Action": "UPSERT", "ResourceRecordSet": set });
    let args = json!({ "HostedZoneId": scene.zone, "ChangeBatch": { "Changes": [change] } });
    scene.stack.aws.call("us-east-1", "route53", "change_resource_record_sets", args).await?;
    Ok(())
}

async fn nothing_was_done(scene: &Scene) -> Result<()> {
    let leads_to = scene.leads_to().await?;
    ensure!(leads_to == [EDITED], "the name leads to {leads_to:?}");
    let begun = scene.keys(&format!("failovers/{SYSTEM}/")).await?;
    ensure!(begun.is_empty(), "a term began: {begun:?}");
    let replica = Place::new(RECOVERY, "controller-db-west");
    ensure!(scene.rds.is_replica(&replica) == Some(true), "the replica was promoted");
    ensure!(scene.west.appliance.mode() == Mode::Standby, "the standby was told to be production");
    for action in ["ChangeResourceRecordSets", "PromoteReadReplica", "StopDBInstance"] {
        let made = scene.stack.gateway.calls(&Match::any().action(action)).len();
        ensure!(made == 0, "{action} was called {made} times");
    }
    Ok(())
}
