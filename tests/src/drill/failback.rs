//! After a failover home comes back and is fenced; a person restores its appliance and asks for the way
//! back. A replica of the now active database is made at home, and the system moves without a loss.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::returning_primary;
use super::story::{DEVICES, Pace, Story};
use crate::scene::{ADDRESSES, DatedBack, HOME, RECOVERY, SYSTEM, now};
use crate::stack::appliance::{Lookup, Mode};
use crate::stack::rds::{Place, Status};

/// The replica's name is computed: the plan's name at home, and the term that left it.
const REPLICA: &str = "controller-db-t1";
/// Devices that are written while the standby is active.
const MEANWHILE: usize = 50;

pub(super) async fn live(story: &mut Story<'_>) -> Result<()> {
    let (scene, timeline) = (story.scene, story.timeline);
    let mut written = story.write_data("device", DEVICES).await?;
    story.see_healthy().await?;
    let slot = story.see_a_proven_backup(Pace::Hurried).await?;
    let took_s = story.lose_home_and_fail_over(Pace::Hurried).await?;
    story.compare_data(&written, &slot).await?;
    story.report(1, took_s, "the loss").await?;
    timeline.print("");
    written.extend(story.write_data("meanwhile", MEANWHILE).await?);
    story.return_home().await?;
    returning_primary::pay(story).await?;

    let restored = restore(story).await?;
    let kept = let_the_cooldown_pass(story, restored).await?;
    let began_s = timeline.elapsed_s();
    let asked_at = now();
    story.moves.push(scene.own().failback(REPLICA, asked_at));
    let answer = ask(story, restored).await?;
    ensure!(field(&answer, "outcome") != "refused", "the failback was refused: {answer}");
    timeline.line("answer", field(&answer, "reason"));
    kept.undo(scene).await?;
    story.ticking("moving home", &["Failover Completed"], 1).await?;
    let took_s = timeline.elapsed_s() - began_s;
    see_home(story, &written).await?;
    story.ticking("paying what is owed", &["Fence Paid"], 1).await?;
    let left = scene.rds.status(&Place::new(RECOVERY, "controller-db-west"));
    let is_stopped = matches!(left, Some(Status::Stopping | Status::Stopped));
    ensure!(is_stopped, "the database that was left is {left:?}");
    protect_again(story).await?;
    story.report(2, took_s, "the request").await
}

/// What a person does by hand, because no appliance has a call for it: home's appliance is restored from
/// an archive of the active one. As of when is said in the request.
async fn restore(story: &Story<'_>) -> Result<Timestamp> {
    let scene = story.scene;
    let restored = now();
    let archive = scene.west.appliance.archive().await?;
    let wired = Arc::clone(&scene.wired);
    // The address of an instance follows from its name, so it can be set before the instance is there.
    let lookup: Lookup = Arc::new(move || Some(wired.cluster(&Place::new(HOME, REPLICA))?.url()));
    scene.east.appliance.restore(&archive, lookup).await?;
    let held = scene.east.appliance.devices().await?.len();
    let said = format!(
        "restores home's appliance by hand, as of {restored:.0}: it holds {held} devices, and waits"
    );
    story.timeline.line("operator", &said);
    Ok(restored)
}

async fn ask(story: &Story<'_>, restored: Timestamp) -> Result<Value> {
    let event = json!({
        "action": "failback", "system": SYSTEM, "reason": "home is well again",
        "restored": restored.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    story.timeline.line("operator", &format!("asks: {event}"));
    story.timeline.waiting("waiting for the answer");
    story.scene.invoke("failover-promotion", &event).await
}

/// The first request meets the cooldown, for which the drill does not wait.
async fn let_the_cooldown_pass(story: &Story<'_>, restored: Timestamp) -> Result<DatedBack> {
    let (scene, timeline) = (story.scene, story.timeline);
    let answer = ask(story, restored).await?;
    let is_cooldown = field(&answer, "reason").contains("s have to pass");
    ensure!(field(&answer, "outcome") == "refused" && is_cooldown, "no cooldown: {answer}");
    timeline.line("refused", field(&answer, "reason"));
    let begun = scene.keys(&format!("failovers/{SYSTEM}/000002/")).await?;
    ensure!(begun.is_empty(), "a term began: {begun:?}");
    let kept = scene.date_back(SYSTEM, 1).await?;
    timeline.line(
        "time",
        "the drill does not wait for that: until the way back begins, the last entry of the journal \
         says that it is an hour older",
    );
    Ok(kept)
}

/// Home has everything, takes writes, and is where the name leads.
async fn see_home(story: &Story<'_>, written: &[String]) -> Result<()> {
    let (scene, timeline) = (story.scene, story.timeline);
    let (east, west) = (&scene.east.appliance, &scene.west.appliance);
    ensure!(east.mode() == Mode::Production, "home's appliance is in standby");
    ensure!(west.mode() == Mode::Standby, "the appliance that was left is in production");
    let leads_to = scene.leads_to().await?;
    ensure!(leads_to == [ADDRESSES[0]], "the name leads to {leads_to:?}");
    let replica = Place::new(HOME, REPLICA);
    ensure!(scene.rds.is_replica(&replica) == Some(false), "{REPLICA} is a replica still");
    let found = east.devices().await?;
    ensure!(
        found == written,
        "home holds {} devices, and {} were written",
        found.len(),
        written.len()
    );
    timeline.line(
        "data",
        &format!(
            "home holds all {} devices, also the {MEANWHILE} that were written while it was away",
            found.len()
        ),
    );
    east.add_devices(&["home-again".to_owned()]).await?;
    timeline.line("home", "takes writes again");
    Ok(())
}

/// Backups and exports read the database that the plan names, which is another one now: the operator says
/// so there, and the next backup is proven.
async fn protect_again(story: &mut Story<'_>) -> Result<()> {
    let scene = story.scene;
    let new = scene.wired.cluster(&Place::new(HOME, REPLICA)).context("no cluster at home")?;
    let mut plan = crate::scene::plan(scene);
    let (old_port, new_port) = (scene.east.cluster.port(), new.port());
    for (old, new) in [
        (format!("port = {old_port},"), format!("port = {new_port},")),
        ("source = \"controller-db\"".to_owned(), format!("source = \"{REPLICA}\"")),
    ] {
        ensure!(plan.contains(&old), "the plan does not say {old}");
        plan = plan.replace(&old, &new);
    }
    scene.upload_plan(&plan).await?;
    story
        .timeline
        .line("operator", "names the new database in the plan: as its source, and of backups");
    let slot = story.see_a_proven_backup(Pace::Hurried).await?;
    story.timeline.line("protected", &format!("home is backed up again: {slot} is proven"));
    Ok(())
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
