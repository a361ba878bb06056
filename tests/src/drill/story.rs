//! What the scenarios have in common: data, a disaster, what is announced, and the reckoning at the end.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that JSON does not have reads as null, and never panics"
)]

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Timeline;
use crate::scene::promises::{self, Away, Move};
use crate::scene::{HOME, NAME, Protected, RECOVERY, STACK, SYSTEM, Scene, now, until};
use crate::stack::wait;

/// How many devices are written before the disaster.
pub(super) const DEVICES: usize = 100;
/// The longest that anything is waited for, in seconds.
const WAIT_S_MAX: u64 = 240;
/// Between two ticks of a scenario that does not wait for the minute.
const TICK_EVERY: Duration = Duration::from_secs(4);
/// Between two looks at an alarm.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Whether a scenario waits for what comes by the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It waits, because the time is what it shows.
    AsOnAws,
    /// It asks by hand what would have come within the minute, because it shows something else.
    Hurried,
}

/// One drill, from its beginning to its reckoning.
pub(super) struct Story<'s> {
    pub(super) scene: &'s Scene,
    pub(super) timeline: &'s Timeline,
    /// Systems beside the scene's own one.
    pub(super) beside: Vec<Protected>,
    /// The moves that the scene's own system was meant to make.
    pub(super) moves: Vec<Move<'s>>,
    away: Option<Away>,
    /// What the name led to, from the beginning to now.
    led_to: Vec<String>,
    told: HashSet<String>,
}

impl<'s> Story<'s> {
    pub(super) async fn begin(scene: &'s Scene, timeline: &'s Timeline) -> Result<Self> {
        let led_to = vec![scene.leads_to().await?.join(", ")];
        Ok(Self {
            scene,
            timeline,
            beside: Vec::new(),
            moves: Vec::new(),
            away: None,
            led_to,
            told: HashSet::new(),
        })
    }

    /// Real rows, through the appliance's own API of the active site, and copied by real streaming
    /// replication; the names of these.
    pub(super) async fn write_data(&self, kind: &str, count: usize) -> Result<Vec<String>> {
        let active = if self.moves.is_empty() { &self.scene.east } else { &self.scene.west };
        let site = if self.moves.is_empty() { "primary" } else { "new primary" };
        self.timeline.waiting(&format!("writing devices into the {site}"));
        let before = active.appliance.devices().await?.len();
        let names: Vec<String> = (0..count).map(|n| format!("{kind}-{n:04}")).collect();
        active.appliance.add_devices(&names).await?;
        let found = active.appliance.devices().await?.split_off(before);
        ensure!(
            found == names,
            "{count} devices were written, and {} of them are there",
            found.len()
        );
        self.timeline.line(site, &format!("{count} devices were written through its API"));
        Ok(found)
    }

    pub(super) async fn see_healthy(&self) -> Result<()> {
        let reason = self.probe().await?;
        self.timeline.line("probe", &reason);
        Ok(())
    }

    async fn probe(&self) -> Result<String> {
        let event = json!({ "action": "probe", "system": SYSTEM });
        let answer = self.scene.invoke("health-probe", &event).await?;
        ensure!(answer["outcome"] == "done", "the probe answered: {answer}");
        Ok(answer["reason"].as_str().context("the probe gave no reason")?.to_owned())
    }

    /// A backup of what is there now, stored and then proven; its slot.
    pub(super) async fn see_a_proven_backup(&mut self, pace: Pace) -> Result<String> {
        let now = now();
        let written = now.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        match pace {
            Pace::AsOnAws => self.timeline.waiting("waiting for the scheduled backup"),
            Pace::Hurried => {
                self.timeline.waiting("asking for a backup now");
                let scheduled = now + jiff::SignedDuration::from_secs(1);
                let scheduled = scheduled.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let event = json!({
                    "action": "backup-now", "system": SYSTEM, "scheduled": scheduled,
                });
                let answer = self.scene.invoke("scheduled-backup", &event).await?;
                ensure!(answer["outcome"] == "done", "backup-now answered: {answer}");
            }
        }
        let ends = ["Backup Verified", "Backup Rejected", "Backup Refused"];
        // A new plan is backed up at once (seed A6), perhaps in the middle of the writing; and what was
        // refused before is no word about this one.
        let is_it = |told: &Value| {
            let slot = told["detail"]["slot"].as_str().unwrap_or_default();
            told["detail"]["system"] == SYSTEM && slot > written.as_str()
        };
        let told = self.wait_for_that(&ends, is_it).await?;
        ensure!(told["detail-type"] == "Backup Verified", "no proven backup: {told}");
        Ok(told["detail"]["slot"].as_str().unwrap_or_default().to_owned())
    }

    /// The whole region is gone, and a failover is meant to follow.
    pub(super) async fn lose_home(&mut self) -> Result<()> {
        self.timeline.line("disaster", &format!("the whole of {HOME} is gone"));
        self.away = Some(Away { from: wait::now(), until: None });
        self.moves.push(self.scene.own().failover());
        self.scene.lose_home().await
    }

    /// The region is back, as it was when it was lost.
    pub(super) async fn return_home(&mut self) -> Result<()> {
        if let Some(away) = &mut self.away {
            away.until = Some(wait::now());
        }
        self.scene.return_home().await?;
        self.timeline.line("returned", &format!("{HOME} is back, as it was when it was lost"));
        Ok(())
    }

    /// Waits until the alarm of the active site is raised.
    pub(super) async fn see_the_alarm(&self, pace: Pace) -> Result<()> {
        let alarm = format!("warmspare-primary-{SYSTEM}");
        match pace {
            Pace::AsOnAws => {
                self.timeline.waiting("waiting for the probe to notice, and for the alarm");
                self.until_alarm(&alarm, "ALARM", false).await
            }
            Pace::Hurried => {
                self.timeline.waiting("asking the probe at once, and not within the minute");
                self.until_alarm(&alarm, "ALARM", true).await
            }
        }
    }

    /// Has the active site looked at until an alarm is in this state.
    pub(super) async fn probe_until_alarm(&self, alarm: &str, state: &str) -> Result<()> {
        self.timeline.waiting(&format!("looking until {alarm} is in {state}"));
        self.until_alarm(alarm, state, true).await
    }

    async fn until_alarm(&self, alarm: &str, state: &str, is_hurried: bool) -> Result<()> {
        let mut turns = interval(LOOK_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let looking = async {
            loop {
                turns.tick().await;
                let said =
                    if is_hurried { format!(" ({})", self.probe().await?) } else { String::new() };
                let args = json!({ "AlarmNames": [alarm] });
                let aws = &self.scene.stack.aws;
                let found = aws.call(RECOVERY, "cloudwatch", "describe_alarms", args).await?;
                if found["MetricAlarms"][0]["StateValue"] == state {
                    return anyhow::Ok(said);
                }
            }
        };
        let said = timeout(Duration::from_secs(WAIT_S_MAX), looking).await;
        let said = said.with_context(|| format!("{alarm} is not in {state} yet"))??;
        self.timeline.line("alarm", &format!("{alarm} is in {state}{said}"));
        Ok(())
    }

    /// Loses home and waits for the end of the failover; the seconds from the loss, by the drill's own
    /// clock.
    pub(super) async fn lose_home_and_fail_over(&mut self, pace: Pace) -> Result<f64> {
        let began_s = self.timeline.elapsed_s();
        self.lose_home().await?;
        self.see_the_alarm(pace).await?;
        self.see_the_failover().await?;
        Ok(self.timeline.elapsed_s() - began_s)
    }

    /// Waits for the end of the failover.
    pub(super) async fn see_the_failover(&mut self) -> Result<()> {
        self.timeline.waiting("failing over");
        self.wait_for(&["Failover Completed"], &["Failover Failed"]).await?;
        Ok(())
    }

    /// Sends the tick of every system every few seconds, until so many announcements of these kinds
    /// have come.
    pub(super) async fn ticking(
        &mut self,
        what: &str,
        wanted: &[&str],
        count: usize,
    ) -> Result<()> {
        self.timeline.waiting(what);
        let scene = self.scene;
        let mut systems = vec![SYSTEM.to_owned()];
        systems.extend(self.beside.iter().map(|system| system.name.clone()));
        tokio::select! {
            found = self.wait_for_all(wanted, &["Failover Failed"], count) => found.map(|_| ()),
            ended = tick(scene, &systems) => ended,
        }
    }

    /// Shows every announcement as it comes, until one of these kinds comes: that event.
    pub(super) async fn wait_for(&mut self, wanted: &[&str], unwanted: &[&str]) -> Result<Value> {
        let found = self.wait_for_all(wanted, unwanted, 1).await?;
        found.into_iter().next_back().context("nothing was announced")
    }

    /// The same, until one of them is the one that is meant, whatever is announced beside it.
    pub(super) async fn wait_for_that(
        &mut self,
        wanted: &[&str],
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        loop {
            let found = self.wait_for_all(wanted, &[], 1).await?;
            if let Some(found) = found.into_iter().find(&is_it) {
                return Ok(found);
            }
        }
    }

    async fn wait_for_all(
        &mut self,
        wanted: &[&str],
        unwanted: &[&str],
        count: usize,
    ) -> Result<Vec<Value>> {
        let (scene, timeline) = (self.scene, self.timeline);
        let told = RefCell::new(&mut self.told);
        let found = RefCell::new(Vec::new());
        let is_many = !self.beside.is_empty();
        until(&format!("{} is announced", wanted.join(" or ")), WAIT_S_MAX, || async {
            for event in scene.told.all().await? {
                let kind = event["detail-type"].as_str().unwrap_or_default().to_owned();
                let detail = &event["detail"];
                let id = event["id"].as_str().unwrap_or_default().to_owned();
                if !told.borrow_mut().insert(id) {
                    continue;
                }
                let system = detail["system"].as_str().unwrap_or_default();
                let of = if is_many { format!("{system}: ") } else { String::new() };
                let reason = detail["reason"].as_str().unwrap_or_default();
                timeline.line(&kind.to_lowercase(), &format!("{of}{reason}"));
                if unwanted.contains(&kind.as_str()) {
                    bail!("{kind}: {}", detail["reason"]);
                }
                if wanted.contains(&kind.as_str()) {
                    found.borrow_mut().push(event.clone());
                }
            }
            Ok((found.borrow().len() >= count).then_some(()))
        })
        .await?;
        Ok(found.into_inner())
    }

    /// What the standby holds now, and what the proven backup holds when it is restored, is what was
    /// written.
    pub(super) async fn compare_data(&self, written: &[String], slot: &str) -> Result<()> {
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

    /// RTO and RPO of a move, by its journal, and by this drill's clock: so many seconds from what.
    pub(super) async fn report(&mut self, term: u32, took_s: f64, from: &str) -> Result<()> {
        self.follow_dns().await?;
        let entries = self.scene.journal(SYSTEM, term).await?;
        let closing = entries.iter().rfind(|entry| entry["what"]["what"] == "completed");
        let report = &closing.context("the journal has no report")?["what"];
        let is_planned = report["kind"] != "failover" && !report["kind"].is_null();
        let counted_from = if is_planned { "it was asked for" } else { "the alarm's window began" };
        let seconds = |field: &str| report[field].to_string();
        let show = |line: String| self.timeline.print(&line);
        show(String::new());
        show(format!(
            "RTO      {took_s:.1} s from {from} to records in sync, as this drill saw it"
        ));
        show(format!(
            "         {} s by the journal, which counts from when {counted_from} ({} s agreed)",
            seconds("rto_s"),
            seconds("rto_s_max")
        ));
        for phase in report["phases"].as_array().into_iter().flatten() {
            let name = phase["name"].as_str().unwrap_or_default();
            show(format!("           {:>5} s  {name}", phase["took_s"].to_string()));
        }
        if is_planned {
            show(format!("RPO      database: {} s lost", seconds("rpo_database_s")));
        } else {
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
        }
        show(format!("owed     {}", report["debts"]));
        Ok(())
    }

    async fn follow_dns(&mut self) -> Result<()> {
        let leads_to = self.scene.leads_to().await?.join(", ");
        if self.led_to.last() != Some(&leads_to) {
            self.led_to.push(leads_to);
        }
        Ok(())
    }

    /// Holds every promise against what was seen, and shows where the name leads and where to read on.
    pub(super) async fn end(&mut self) -> Result<Vec<String>> {
        self.timeline.waiting("holding the promises against what was seen");
        let mut systems = vec![(self.scene.own(), self.moves.clone())];
        let beside = self.beside.iter().map(|it| (it.system(), vec![it.system().failover()]));
        systems.extend(beside);
        let broken = promises::broken(self.scene, &systems, self.away).await?;
        self.follow_dns().await?;
        let led_to = match self.led_to.as_slice() {
            [only] => format!("{only}, before and after"),
            changed => changed.join(" -> "),
        };
        self.timeline.print(&format!("DNS      {NAME} A {led_to}"));
        let entries = self.scene.keys(&format!("failovers/{SYSTEM}/")).await?;
        let entries = entries.iter().filter(|key| !key.ends_with("alive.json")).count();
        let journal = format!("s3://{}/failovers/{SYSTEM}/", self.scene.vault());
        self.timeline.print(&format!("journal  {journal} ({entries} entries)"));
        Ok(broken)
    }
}

/// The system's own rule sends it every minute; here it is sent without waiting for what comes of it. It
/// ends when Lambda does not take it.
async fn tick(scene: &Scene, systems: &[String]) -> Result<()> {
    let function = format!("{STACK}-failover-promotion");
    let mut turns = interval(TICK_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        for system in systems {
            let event = json!({ "action": "tick", "system": system });
            scene.stack.aws.invoke(RECOVERY, &function, &event, false).await?;
        }
    }
}
