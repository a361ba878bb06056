//! Backups come and go: older ones are pruned as the plan says, one that was damaged counts no longer, and
//! the newest that is still proven restores what was there when it was made.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::story::{Pace, Story};
use crate::scene::{RECOVERY, SYSTEM, plan, until};

/// Devices that are written before each backup.
const DEVICES: usize = 20;

/// A proven backup, and what was there when it was made.
struct Made {
    slot: String,
    devices: Vec<String>,
}

impl Made {
    fn key(&self, file: &str) -> String {
        format!("backups/{SYSTEM}/{}/{file}", self.slot)
    }
}

pub(super) async fn live(story: &mut Story<'_>) -> Result<()> {
    let (scene, timeline) = (story.scene, story.timeline);
    let keeps_two = plan(scene).replace("keep = 30", "keep = 2");
    ensure!(keeps_two.contains("keep = 2\n"), "the plan keeps another number");
    scene.upload_plan(&keeps_two).await?;
    timeline.line("operator", "the plan keeps two verified backups");
    let first = back_up(story, 1, Vec::new()).await?;
    let second = back_up(story, 2, first.devices.clone()).await?;
    let third = back_up(story, 3, second.devices.clone()).await?;
    see_pruned(story, &first).await?;
    see_rejected(story, &third).await?;
    see_what_counts(story, &second).await?;

    let dump = scene.stack.aws.object(RECOVERY, scene.vault(), &second.key("database")).await?;
    let dump = dump.context("the older backup is not in the vault")?;
    let query = "SELECT name FROM devices ORDER BY device_id";
    let restored = scene.restored(&scene.east.cluster, &dump, query).await?;
    ensure!(
        restored == second.devices,
        "{} devices were restored, and {} were there",
        restored.len(),
        second.devices.len()
    );
    timeline.line(
        "restored",
        &format!(
            "{} of the {} devices of now: all that were there when {} was made",
            restored.len(),
            third.devices.len(),
            second.slot
        ),
    );
    Ok(())
}

async fn back_up(story: &mut Story<'_>, round: usize, mut devices: Vec<String>) -> Result<Made> {
    devices.extend(story.write_data(&format!("round-{round}"), DEVICES).await?);
    let slot = story.see_a_proven_backup(Pace::Hurried).await?;
    Ok(Made { slot, devices })
}

/// The oldest goes when the third is proven; its versions stay for 30 days.
async fn see_pruned(story: &mut Story<'_>, gone: &Made) -> Result<()> {
    story.timeline.waiting("waiting for the oldest to be pruned");
    let is_it = |told: &Value| {
        told.pointer("/detail/slot").and_then(Value::as_str) == Some(gone.slot.as_str())
    };
    story.wait_for_that(&["Backups Pruned"], is_it).await?;
    let scene = story.scene;
    until("it is gone", 60, || async {
        Ok(scene.keys(&gone.key("")).await?.is_empty().then_some(()))
    })
    .await?;
    let args = json!({ "Bucket": scene.vault(), "Prefix": gone.key("") });
    let found = scene.stack.aws.call(RECOVERY, "s3", "list_object_versions", args).await?;
    let kept = found.get("Versions").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(kept >= 3, "{kept} versions of {} are left to be brought back", gone.slot);
    let said = format!("{} is gone; {kept} versions can be brought back for 30 days", gone.slot);
    story.timeline.line("pruned", &said);
    Ok(())
}

/// A proven backup is written over, and the daily sweep finds it.
async fn see_rejected(story: &mut Story<'_>, damaged: &Made) -> Result<()> {
    let scene = story.scene;
    scene.put(&damaged.key("database"), b"not what the database gave").await?;
    story.timeline.line("somebody", &format!("writes over {}", damaged.key("database")));
    story.timeline.waiting("asking for the sweep, which comes once a day");
    let sweep = json!({ "system": SYSTEM, "action": "sweep" });
    let answer = scene.invoke("verify-upload", &sweep).await?;
    story.timeline.line("sweep", answer.get("reason").and_then(Value::as_str).unwrap_or_default());
    let told = story.wait_for(&["Backup Rejected"], &[]).await?;
    let slot = told.pointer("/detail/slot").and_then(Value::as_str);
    ensure!(slot == Some(damaged.slot.as_str()), "another one was rejected: {told}");
    Ok(())
}

/// The older one is what counts now, and no pruning would take it.
async fn see_what_counts(story: &Story<'_>, counts: &Made) -> Result<()> {
    let dry = json!({ "system": SYSTEM, "action": "prune", "dry_run": true });
    let answer = story.scene.invoke("prune-backups", &dry).await?;
    let said = answer.get("reason").and_then(Value::as_str).context("no reason")?;
    for clause in said.split("; ") {
        story.timeline.line("dry run", clause);
    }
    ensure!(said.contains(": 0 of "), "something would go: {said}");
    let whole = story.scene.keys(&counts.key("")).await?;
    ensure!(whole.len() == 3, "{} is not whole: {whole:?}", counts.slot);
    Ok(())
}
