//! Which events a rule takes, and which it must leave alone; proven by asking whoever matches events.
//!
//! [`prove`] only needs an answer to "would this rule take this event?", so that it can be asked on any
//! stack that has the rules.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::templates::{announcements, infra, read};

/// Where the rules are deployed: the example events are moved there.
pub(crate) struct Place<'p> {
    /// The account.
    pub(crate) account: &'p str,
    /// The name of the vault.
    pub(crate) vault: &'p str,
}

/// An event, the rule (by its logical id), and whether the rule takes it.
struct Case {
    rule: &'static str,
    called: String,
    event: Value,
    is_taken: bool,
}

/// An example event of `infra/events`, by its file's name without `.json`.
pub(crate) fn event(name: &str) -> anyhow::Result<Value> {
    of(infra("events").join(format!("{name}.json")))
}

fn of(file: PathBuf) -> anyhow::Result<Value> {
    serde_json::from_str(&read(&file)?).with_context(|| format!("reading {}", file.display()))
}

/// Asks about every case, and says which ones came out wrong.
pub(crate) async fn prove(
    place: &Place<'_>,
    takes: impl AsyncFn(&str, &Value) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for case in cases(place)? {
        let is_taken = takes(case.rule, &case.event).await?;
        if is_taken != case.is_taken {
            let verb = if is_taken { "takes" } else { "does not take" };
            wrong.push(format!("{} {verb} {}", case.rule, case.called));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

fn cases(place: &Place<'_>) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut add = |rule, called: &str, mut event: Value, is_taken| {
        if let Some(account) = event.get_mut("account").filter(|one| *one == "111122223333") {
            *account = json!(place.account);
        }
        if let Some(bucket) =
            event.pointer_mut("/detail/bucket/name").filter(|_| called != "foreign")
        {
            *bucket = json!(place.vault);
        }
        cases.push(Case { rule, called: called.to_owned(), event, is_taken });
    };
    for (rule, name, is_taken) in EXAMPLES {
        add(rule, name, event(name)?, is_taken);
    }
    for file in announcements::examples()? {
        add("Announcements", &file.display().to_string(), of(file)?, true);
    }
    let manifest = event("verify-upload")?;
    for key in [
        "backups/controller/2026-11-21T00-00-00Z/config",
        "backups/controller/2026-11-21T00-00-00Z/config.json",
        "backups/controller/latest/config",
        "receipts/controller/2026-11-21T00-00-00Z/verified.json",
        "exports/controller/backups/manifest.json",
    ] {
        add("ManifestWritten", key, with(&manifest, "/detail/object/key", key), false);
        add("PlanWritten", key, with(&manifest, "/detail/object/key", key), false);
        add("UploadWritten", key, with(&manifest, "/detail/object/key", key), false);
    }
    add("ManifestWritten", "foreign", manifest, false);
    let alarm = event("failover-promotion")?;
    for (pointer, value) in [
        ("/detail/state/value", "OK"),
        ("/detail/state/value", "INSUFFICIENT_DATA"),
        ("/detail/alarmName", "warmspare-backup-age-controller"),
        ("/account", "444455556666"),
    ] {
        add("PrimaryAlarm", value, with(&alarm, pointer, value), false);
    }
    let started = with(&event("snapshot-export.copied")?, "/detail/EventID", "RDS-EVENT-0059");
    add("SnapshotEvents", "RDS-EVENT-0059", started, false);
    Ok(cases)
}

fn with(event: &Value, pointer: &str, value: &str) -> Value {
    let mut event = event.clone();
    if let Some(found) = event.pointer_mut(pointer) {
        *found = json!(value);
    }
    event
}

/// The rule, the example event, and whether the rule takes it.
const EXAMPLES: [(&str, &str, bool); 26] = [
    ("ManifestWritten", "verify-upload", true),
    ("ManifestWritten", "scheduled-backup.first-plan", false),
    ("PlanWritten", "scheduled-backup.first-plan", true),
    ("PlanWritten", "verify-upload", false),
    ("PlanWritten", "scheduled-backup.pushed", false),
    ("UploadWritten", "scheduled-backup.pushed", true),
    ("UploadWritten", "scheduled-backup.first-plan", false),
    ("UploadWritten", "verify-upload", false),
    ("BackupVerified", "prune-backups", true),
    ("BackupVerified", "announcements/backup-rejected", false),
    ("BackupVerified", "announcements/backups-pruned", false),
    ("PrimaryAlarm", "failover-promotion", true),
    ("PrimaryAlarm", "failover-promotion.math", true),
    ("PrimaryAlarm", "failover-promotion.composite", true),
    ("PrimaryAlarm", "snapshot-export.copied", false),
    ("SnapshotEvents", "snapshot-export.created", true),
    ("SnapshotEvents", "snapshot-export.copied", true),
    ("SnapshotEvents", "snapshot-export.exported", true),
    ("SnapshotEvents", "failover-promotion.restarted", false),
    ("DatabaseRestarted", "failover-promotion.restarted", true),
    ("DatabaseRestarted", "snapshot-export.exported", false),
    ("Announcements", "verify-upload", false),
    ("Announcements", "failover-promotion", false),
    ("ForwardRdsEvents", "snapshot-export.created", true),
    ("ForwardRdsEvents", "failover-promotion.restarted", true),
    ("ForwardRdsEvents", "verify-upload", false),
];
