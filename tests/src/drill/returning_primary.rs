//! The lost primary comes back after the failover, in production and with a database that takes writes.
//! Nobody is led to it, and it is fenced within ticks.

use anyhow::{Result, ensure};

use super::story::{DEVICES, Pace, Story};
use crate::scene::{HOME, SYSTEM};
use crate::stack::appliance::Mode;
use crate::stack::rds::{Place, Status};

pub(super) async fn live(story: &mut Story<'_>) -> Result<()> {
    let written = story.write_data("device", DEVICES).await?;
    story.see_healthy().await?;
    let slot = story.see_a_proven_backup(Pace::Hurried).await?;
    let took_s = story.lose_home_and_fail_over(Pace::Hurried).await?;
    story.compare_data(&written, &slot).await?;
    let debt = format!("warmspare-fence-debt-{SYSTEM}");
    story.probe_until_alarm(&debt, "ALARM").await?;
    let leads_to = story.scene.leads_to().await?;
    story.return_home().await?;
    pay(story).await?;
    story.probe_until_alarm(&debt, "OK").await?;
    let now = story.scene.leads_to().await?;
    ensure!(now == leads_to, "the name led to {leads_to:?}, and leads to {now:?}");
    story.timeline.line("dns", &format!("the name still leads to {}", now.join(", ")));
    story.report(1, took_s, "the loss").await
}

/// Sees that what came back is a second writer, and that it is fenced by the ticks.
pub(super) async fn pay(story: &mut Story<'_>) -> Result<()> {
    let (scene, timeline) = (story.scene, story.timeline);
    let returned_s = timeline.elapsed_s();
    let database = Place::new(HOME, "controller-db");
    let old = &scene.east;
    ensure!(old.appliance.mode() == Mode::Production, "it came back in standby");
    ensure!(!old.cluster.is_in_recovery().await?, "its database came back as a replica");
    timeline.line("returned", "its appliance is in production, and its database takes writes");
    story.ticking("paying what is owed", &["Fence Paid"], 2).await?;
    let took_s = timeline.elapsed_s() - returned_s;
    ensure!(old.appliance.mode() == Mode::Standby, "the old appliance is still in production");
    let status = scene.rds.status(&database);
    let is_stopped = matches!(status, Some(Status::Stopping | Status::Stopped));
    ensure!(is_stopped, "the old database is {status:?}");
    crate::scene::until("the old database is stopped", 60, || async {
        let is_stopped = scene.rds.status(&database) == Some(Status::Stopped);
        Ok((is_stopped && !old.cluster.is_running()?).then_some(()))
    })
    .await?;
    timeline.line(
        "fenced",
        &format!(
            "{took_s:.1} s after its return: the old appliance is in standby, and its database is \
             stopped (a tick every few seconds here, every minute on AWS)"
        ),
    );
    Ok(())
}
