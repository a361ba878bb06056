//! A disaster, lived through: data are written, backed up and proven; a region is lost; the functions
//! fail over by themselves; and every promise is held against what was seen from outside.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that JSON does not have reads as null, and never panics"
)]

mod show;

use std::collections::HashSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::scene::promises;
use crate::scene::{NAME, RECOVERY, SYSTEM, Scene, Setting, now, until};
use crate::stack::wait;

pub use self::show::Timeline;

/// How many devices are written before the disaster.
const DEVICES: usize = 100;
/// The longest that anything is waited for, in seconds.
const WAIT_S_MAX: u64 = 240;

/// How a drill ended.
pub struct Ended {
    /// Every promise that was broken, as a sentence.
    pub broken: Vec<String>,
}

/// Lives through the loss of the home region.
///
/// # Errors
/// What did not happen in time, or could not be done.
pub async fn disaster(scene: &Scene, timeline: &Timeline) -> Result<Ended> {
    let mut story = Story { scene, timeline, told: HashSet::new() };
    let written = story.write_data().await?;
    story.see_healthy().await?;
    let slot = story.see_a_proven_backup().await?;
    let before = scene.leads_to().await?;
    timeline.line("disaster", &format!("the whole of {} is gone", crate::scene::HOME));
    let lost_at = wait::now();
    scene.lose_home().await?;
    let failed_over = story.see_the_failover().await;
    let mut broken = promises::broken(scene, lost_at).await?;
    if let Err(error) = &failed_over {
        broken.push(format!("the failover did not end: {error:#}"));
    }
    if let Ok(took_s) = failed_over {
        story.compare_data(&written, &slot).await?;
        story.report(&before, took_s).await?;
    }
    timeline.end();
    Ok(Ended { broken })
}

/// Sets the scene for a drill.
///
/// # Errors
/// What could not be built, started or deployed.
pub async fn set(timeline: &Timeline, keep: bool) -> Result<Scene> {
    let shown = timeline.clone();
    let options = crate::stack::Options {
        keep,
        tell: std::sync::Arc::new(move |what| shown.waiting(what)),
        ..crate::stack::Options::default()
    };
    // Every minute, so that the drill waits for one, however long the deployment took.
    let backup_schedule = "cron(* * * * ? *)".to_owned();
    let scene = Scene::set(Setting { options, backup_schedule, ..Setting::default() }).await?;
    timeline.line(
        "stack",
        &format!("everything is deployed; its files are in {}", scene.stack.folder().display()),
    );
    Ok(scene)
}

struct Story<'s> {
    scene: &'s Scene,
    timeline: &'s Timeline,
    told: HashSet<String>,
}

impl Story<'_> {
    /// Real rows, through the appliance's own API, and copied by real streaming replication.
    async fn write_data(&self) -> Result<Vec<String>> {
        self.timeline.waiting("writing devices into the primary");
        let names: Vec<String> = (0..DEVICES).map(|n| format!("device-{n:04}")).collect();
        self.scene.east.appliance.add_devices(&names).await?;
        let found = self.scene.east.appliance.devices().await?;
        ensure!(
            found.len() == DEVICES,
            "{} devices were written, and {} are there",
            DEVICES,
            found.len()
        );
        self.timeline.line("primary", &format!("{DEVICES} devices were written through its API"));
        Ok(found)
    }

    async fn see_healthy(&self) -> Result<()> {
        let event = json!({ "action": "probe", "system": SYSTEM });
        let answer = self.scene.invoke("health-probe", &event).await?;
        let reason = answer["reason"].as_str().context("the probe gave no reason")?;
        ensure!(answer["outcome"] == "done", "the probe answered: {answer}");
        self.timeline.line("probe", reason);
        Ok(())
    }

    /// The scheduled backup, stored and then proven; its slot.
    async fn see_a_proven_backup(&mut self) -> Result<String> {
        let written = now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        self.timeline.waiting("waiting for the scheduled backup");
        loop {
            let verified =
                self.wait_for(&["Backup Verified"], &["Backup Rejected", "Backup Refused"]).await?;
            let slot = verified["slot"].as_str().context("a verified backup without a slot")?;
            // A new plan is backed up at once (seed A6), perhaps in the middle of the writing.
            if slot > written.as_str() {
                return Ok(slot.to_owned());
            }
        }
    }

    /// From the loss to the end of the failover, in seconds of the drill's own clock.
    async fn see_the_failover(&mut self) -> Result<f64> {
        let began_s = self.timeline.elapsed_s();
        self.timeline.waiting("waiting for the probe to notice, and for the alarm");
        let alarm = format!("warmspare-primary-{SYSTEM}");
        until("the alarm is raised", WAIT_S_MAX, || async {
            let args = json!({ "AlarmNames": [alarm] });
            let aws = &self.scene.stack.aws;
            let found = aws.call(RECOVERY, "cloudwatch", "describe_alarms", args).await?;
            Ok((found["MetricAlarms"][0]["StateValue"] == "ALARM").then_some(()))
        })
        .await?;
        self.timeline.line("alarm", &format!("{alarm} is in ALARM"));
        self.timeline.waiting("failing over");
        self.wait_for(&["Failover Completed"], &["Failover Failed"]).await?;
        Ok(self.timeline.elapsed_s() - began_s)
    }

    /// Shows every announcement as it comes, until one of these kinds comes.
    async fn wait_for(&mut self, wanted: &[&str], unwanted: &[&str]) -> Result<Value> {
        let (scene, timeline) = (self.scene, self.timeline);
        let told = std::cell::RefCell::new(&mut self.told);
        until(&format!("{} is announced", wanted.join(" or ")), WAIT_S_MAX, || async {
            let mut found = None;
            for event in scene.told.all().await? {
                let kind = event["detail-type"].as_str().unwrap_or_default().to_owned();
                let detail = &event["detail"];
                let id = event["id"].as_str().unwrap_or_default().to_owned();
                if !told.borrow_mut().insert(id) {
                    continue;
                }
                timeline.line(&kind.to_lowercase(), detail["reason"].as_str().unwrap_or_default());
                if unwanted.contains(&kind.as_str()) {
                    bail!("{kind}: {}", detail["reason"]);
                }
                if wanted.contains(&kind.as_str()) {
                    found = Some(detail.clone());
                }
            }
            Ok(found)
        })
        .await
    }

    /// What the standby holds now, and what the proven backup holds when it is restored, is what was
    /// written.
    async fn compare_data(&self, written: &[String], slot: &str) -> Result<()> {
        self.timeline.waiting("reading the data back");
        let on_standby = self.scene.west.appliance.devices().await?;
        ensure!(
            on_standby == written,
            "the standby holds {} devices, and {} were written",
            on_standby.len(),
            written.len()
        );
        let key = format!("backups/{SYSTEM}/{slot}/database");
        let dump = self.scene.stack.aws.object(RECOVERY, self.scene.vault(), &key).await?;
        let dump = dump.with_context(|| format!("{key} is not in the vault"))?;
        let (standby, query) = (&self.scene.west.cluster, "SELECT name FROM devices ORDER BY name");
        let restored = self.scene.restored(standby, &dump, query).await?;
        ensure!(
            restored == written,
            "the backup restores {} devices, and {} were written",
            restored.len(),
            written.len()
        );
        self.timeline.line(
            "data",
            &format!(
                "{} devices on the standby and {} restored from backup {slot}: both equal to what was written",
                on_standby.len(), restored.len()
            ),
        );
        Ok(())
    }

    async fn report(&self, before: &[String], took_s: f64) -> Result<()> {
        let entries = self.scene.journal(SYSTEM, 1).await?;
        let closing = entries.last().context("the journal is empty")?;
        let report = &closing["what"];
        let after = self.scene.leads_to().await?;
        let seconds = |field: &str| report[field].to_string();
        let show = |line: String| self.timeline.print(&line);
        show(String::new());
        show(format!(
            "RTO      {took_s:.1} s from the loss to records in sync, as this drill saw it"
        ));
        show(format!(
            "         {} s by the journal, which counts from when the alarm's window began ({} s agreed)",
            seconds("rto_s"),
            seconds("rto_s_max")
        ));
        for phase in report["phases"].as_array().into_iter().flatten() {
            let name = phase["name"].as_str().unwrap_or_default();
            show(format!("           {:>5} s  {name}", phase["took_s"].to_string()));
        }
        show(format!(
            "RPO      database: at most {} s behind when it was lost",
            seconds("rpo_database_s")
        ));
        show(format!(
            "         what only backups hold: {} s since {} ({} s agreed)",
            seconds("rpo_backup_s"),
            report["proven"].as_str().unwrap_or("?"),
            seconds("rpo_s_max")
        ));
        show(format!("DNS      {NAME} A {} -> {}", before.join(", "), after.join(", ")));
        show(format!("owed     {}", report["debts"]));
        show(format!(
            "journal  s3://{}/failovers/{SYSTEM}/000001/ ({} entries)",
            self.scene.vault(),
            entries.len()
        ));
        Ok(())
    }
}
