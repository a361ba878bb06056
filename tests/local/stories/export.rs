//! An export: snapshot at home, copy to the recovery region, Parquet files from the copy. Told apart:
//! all tables, some tables, none. Events of RDS may be lost or come twice.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use warmspare_tests::scene::{HOME, RECOVERY, SYSTEM, Scene, until};
use warmspare_tests::stack::deliver::Outcome;
use warmspare_tests::stack::rds::Fate;

use crate::stories::own::{At, Own, Wanted};
use crate::stories::shared_scene::{WAIT_S_MAX, announced, tell};

/// There is one RDS for all systems, and what it does to exports and events it does to all of them.
static RDS: Mutex<()> = Mutex::const_new(());

/// What RDS says on the way: snapshot made, copy made, export done.
const EVENTS: [&str; 3] = ["RDS-EVENT-0042", "RDS-EVENT-0060", "RDS-EVENT-0161"];

/// The schedule begins an export and the events of RDS carry it to its end, in both regions. The
/// same instant twice is one export (FR2).
#[test]
fn the_schedule_brings_every_table_to_the_vault_as_parquet() -> Result<()> {
    tell(async |scene| {
        let _rds = RDS.lock().await;
        let table = "CREATE TABLE racks (id int PRIMARY KEY, name text); \
                     INSERT INTO racks SELECT n, 'rack ' || n FROM generate_series(1, 30) n";
        scene.east.cluster.sql(table).await?;
        let at = At::hours_ago(1);
        let schedule = format!("warmspare-export-{SYSTEM}");
        let fired = scene.scheduler.fire(&schedule, at.instant, 2).await?;
        ensure!(fired.iter().all(|fired| fired.outcome == Outcome::Invoked), "{fired:?}");
        let is_it = |told: &Value| told["system"] == SYSTEM && told["slot"] == at.slot.as_str();
        announced(scene, "Snapshot Copied", is_it).await?;
        announced(scene, "Snapshot Exported", is_it).await?;
        let exported = ended(scene, SYSTEM, &at).await?;
        ensure!(exported["end"]["word"] == "exported", "{exported}");
        // One of each, in the region where it belongs.
        let snapshot = exported["snapshot"].as_str().context("no snapshot")?;
        for (region, encrypted_by) in [(HOME, None), (RECOVERY, scene.outputs.get("VaultKeyArn"))] {
            let args = json!({ "DBSnapshotIdentifier": snapshot });
            let aws = &scene.stack.aws;
            let found = aws.call(region, "rds", "describe_db_snapshots", args).await?;
            let found = &found["DBSnapshots"][0];
            ensure!(found["Status"] == "available", "{region}: {found}");
            let key_arn = found["KmsKeyId"].as_str();
            ensure!(key_arn == encrypted_by.map(String::as_str), "{region}: {found}");
        }
        let prefix = exported["prefix"].as_str().context("no prefix")?;
        let files = scene.keys(prefix).await?;
        let files: Vec<_> = files.iter().filter(|key| key.ends_with(".parquet")).collect();
        ensure!(exported["end"]["files"] == files.len(), "{exported}: {files:?}");
        ensure!(rows(scene, &files, "racks").await? == 30, "{files:?}");
        scene.east.cluster.sql("DROP TABLE racks").await?;
        Ok(())
    })
}

/// How many rows the Parquet files of a table hold.
async fn rows(scene: &Scene, files: &[&String], table: &str) -> Result<i64> {
    let mut rows = 0;
    let of_table = files.iter().filter(|key| key.contains(table));
    for key in of_table {
        let body = scene.stack.aws.object(RECOVERY, scene.vault(), key).await?;
        let body = Bytes::from(body.with_context(|| format!("{key} is gone"))?);
        rows += SerializedFileReader::new(body)?.metadata().file_metadata().num_rows();
    }
    Ok(rows)
}

/// How an export ended, once it has.
async fn ended(scene: &Scene, system: &str, at: &At) -> Result<Value> {
    let key = format!("exports/{system}/{}/exported.json", at.slot);
    until(&format!("{key} is written"), WAIT_S_MAX, || scene.document(&key)).await
}

/// A system whose database is exported.
async fn exporting(scene: &'static Scene, name: &str) -> Result<Own> {
    let own = Own::new(scene, name).await?;
    own.upload(&own.plan(&Wanted { is_exported: true, ..own.wanted() })).await?;
    own.first_slot().await?;
    Ok(own)
}

async fn begin(own: &Own, at: &At) -> Result<()> {
    let event =
        json!({ "action": "export", "system": own.name, "scheduled": at.instant.to_string() });
    own.deliver("snapshot-export", &event).await
}

/// RDS calls an export COMPLETE that left tables out. We do not: it names them.
#[test]
fn an_export_that_skipped_tables_is_partial() -> Result<()> {
    tell(async |scene| {
        let _rds = RDS.lock().await;
        let own = exporting(scene, "partial").await?;
        scene.east.cluster.sql("CREATE TABLE audit (n int); CREATE TABLE kept (n int)").await?;
        scene.rds.skip_tables(&["public.audit"]);
        let at = At::hours_ago(2);
        begin(&own, &at).await?;
        let told = announced(scene, "Snapshot Exported Partial", own.is_about(&at)).await;
        scene.rds.skip_tables(&[]);
        scene.east.cluster.sql("DROP TABLE audit; DROP TABLE kept").await?;
        let told = told?;
        let reason = told["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("left something out") && reason.contains("public.audit"), "{told}");
        let exported = ended(scene, &own.name, &at).await?;
        ensure!(exported["end"]["word"] == "partial", "{exported}");
        let whole = scene.told.of("Snapshot Exported").await?;
        ensure!(!whole.iter().any(own.is_about(&at)), "it was told as whole too");
        Ok(())
    })
}

/// FR6: nothing of what RDS says arrives, as it may. The sweep goes on with the export all the same.
#[test]
fn an_export_of_which_no_event_speaks_is_found_by_the_sweep() -> Result<()> {
    tell(async |scene| {
        let _rds = RDS.lock().await;
        let own = exporting(scene, "unheard").await?;
        set_fate(scene, Fate::Lost);
        let at = At::hours_ago(3);
        let swept = sweep_to_the_end(&own, &at).await;
        set_fate(scene, Fate::Arrives);
        swept?;
        announced(scene, "Snapshot Exported", own.is_about(&at)).await?;
        Ok(())
    })
}

async fn sweep_to_the_end(own: &Own, at: &At) -> Result<()> {
    begin(own, at).await?;
    let intended = format!("exports/{}/{}/intended.json", own.name, at.slot);
    until("the export is intended", WAIT_S_MAX, || own.scene.document(&intended)).await?;
    let sweep = json!({ "action": "sweep", "system": own.name });
    until("a sweep finds the end", WAIT_S_MAX, || async {
        let answer = own.scene.invoke("snapshot-export", &sweep).await?;
        let reason = answer["reason"].as_str().unwrap_or_default();
        ensure!(
            ["waiting", "done"].contains(&answer["outcome"].as_str().unwrap_or("")),
            "{answer}"
        );
        Ok((reason.contains(" is whole: ") || reason.contains("no export is unfinished"))
            .then_some(()))
    })
    .await?;
    let exported = ended(own.scene, &own.name, at).await?;
    ensure!(exported["end"]["word"] == "exported", "{exported}");
    Ok(())
}

fn set_fate(scene: &Scene, fate: Fate) {
    for event in EVENTS {
        scene.rds.set_fate(event, fate);
    }
}

/// Every event three times, at the same time: one snapshot, one copy, one task, one record.
#[test]
fn events_that_come_three_times_do_no_harm() -> Result<()> {
    tell(async |scene| {
        let _rds = RDS.lock().await;
        let own = exporting(scene, "thrice").await?;
        let before = scene.rds.answered().len();
        set_fate(scene, Fate::Times(3));
        let at = At::hours_ago(4);
        begin(&own, &at).await?;
        let exported = ended(scene, &own.name, &at).await;
        set_fate(scene, Fate::Arrives);
        let exported = exported?;
        ensure!(exported["end"]["word"] == "exported", "{exported}");
        let answered = scene.rds.answered();
        for action in ["CreateDBSnapshot", "CopyDBSnapshot", "StartExportTask"] {
            let done = answered.iter().skip(before).filter(|it| it.action == action);
            let done = done.filter(|it| it.refused.is_none()).count();
            ensure!(done == 1, "{action} was done {done} times");
        }
        let mishaps = scene.rds.mishaps();
        ensure!(mishaps.is_empty(), "{mishaps:?}");
        Ok(())
    })
}

/// FR4, FR5: an export that RDS gives up is told with the cause that RDS gives, and is over.
#[test]
fn an_export_that_fails_says_why() -> Result<()> {
    tell(async |scene| {
        let _rds = RDS.lock().await;
        let own = exporting(scene, "failing").await?;
        let cause = "The KMS key is not accessible.";
        scene.rds.fail_exports(Some(cause));
        let at = At::hours_ago(5);
        begin(&own, &at).await?;
        let told = announced(scene, "Snapshot Failed", own.is_about(&at)).await;
        scene.rds.fail_exports(None);
        let told = told?;
        ensure!(told["outcome"] == "failed", "{told}");
        ensure!(told["reason"].as_str().unwrap_or_default().contains(cause), "{told}");
        let exported = ended(scene, &own.name, &at).await?;
        ensure!(exported["end"]["word"] == "failed", "{exported}");
        Ok(())
    })
}
