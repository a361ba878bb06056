//! The promises P1 to P7, held against what was seen from outside: the vault, the calls that went
//! through the gateway, the appliances' own records and the logs. Nothing here believes the functions.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that JSON does not have reads as null, and never panics"
)]

use std::time::SystemTime;

use anyhow::Result;
use serde_json::Value;

use super::{ADDRESSES, FUNCTIONS, HOME, RECOVERY, SYSTEM, Scene};
use crate::stack::appliance::Asked;
use crate::stack::gateway::{Call, Effect, Fault, Match};

/// What has to be watched from the beginning, because afterwards it cannot be seen any more.
pub struct Watch {
    upserts: Fault,
}

impl Watch {
    /// Begins to watch: a batch of records that overwrites without looking is counted and refused.
    pub fn begin(scene: &Scene) -> Self {
        let upsert = Match::any().service("route53").key_contains("UPSERT");
        Self { upserts: scene.stack.gateway.fault(upsert, Effect::Refuse) }
    }
}

/// Everything that is broken, each a sentence that begins with the promise's number.
///
/// # Errors
/// When something could not be looked at.
pub async fn broken(scene: &Scene, watch: &Watch, lost_at: SystemTime) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    proven_or_not_counted(scene, &mut broken).await?;
    never_two_writers(scene, &mut broken).await?;
    dns_follows_health(scene, &mut broken);
    one_failover(scene, watch, &mut broken).await?;
    one_outcome_each(scene, &mut broken).await?;
    the_last_backup_stays(scene, &mut broken).await?;
    nothing_of_the_lost_region(scene, lost_at, &mut broken);
    Ok(broken)
}

fn calls(scene: &Scene, service: &str, action: &str) -> Vec<Call> {
    scene.stack.gateway.calls(&Match::any().service(service).action(action))
}

fn is_done(call: &Call) -> bool {
    call.status.is_some_and(|status| status < 300)
}

/// P1: whoever reads a receipt can count on it that every byte was read back before it was written,
/// by another role than the one that wrote it; and `latest/` moved only after that.
async fn proven_or_not_counted(scene: &Scene, broken: &mut Vec<String>) -> Result<()> {
    let puts = calls(scene, "s3", "PutObject");
    let gets = calls(scene, "s3", "GetObject");
    let find = |key: &str| puts.iter().find(|call| is_done(call) && call.path.contains(key));
    for key in scene.keys(&format!("receipts/{SYSTEM}/")).await? {
        if !key.ends_with("verified.json") {
            continue;
        }
        let slot = key.split('/').nth(2).unwrap_or_default();
        let Some(receipt) = find(&key) else { continue };
        let manifest = scene.document(&format!("backups/{SYSTEM}/{slot}/manifest.json")).await?;
        let manifest = manifest.unwrap_or_default();
        for object in manifest["objects"].as_array().into_iter().flatten() {
            let key = object["key"].as_str().unwrap_or_default();
            let writer = find(key).map(|call| call.access_key.clone()).unwrap_or_default();
            let is_read = gets.iter().any(|call| {
                let is_before = call.number < receipt.number;
                is_done(call)
                    && is_before
                    && call.path.contains(key)
                    && call.access_key != writer
                    && call.access_key != receipt.access_key
            });
            if !is_read {
                broken.push(format!("P1: {key} has a receipt, and nobody had read it back"));
            }
        }
    }
    let mut moves = calls(scene, "s3", "CopyObject");
    moves.extend(puts.iter().cloned());
    let is_latest = |call: &&Call| is_done(call) && call.path.contains("/latest/");
    for moved in moves.iter().filter(is_latest) {
        let is_proven = puts.iter().any(|call| {
            is_done(call) && call.path.contains("/verified.json") && call.number < moved.number
        });
        if !is_proven {
            broken.push(format!("P1: {} was moved before its backup was verified", moved.path));
        }
    }
    Ok(())
}

fn told(asked: &[Asked], mode: &str) -> Option<jiff::Timestamp> {
    let body = format!("appliance_mode={mode}");
    asked
        .iter()
        .find(|asked| asked.path == "/api/1.0/appliancemode/" && asked.body == body)
        .map(|asked| asked.at)
}

/// P2: before anything is promoted, the old appliance was told to be standby, or the journal says that
/// it could not be reached and that the fence is owed.
async fn never_two_writers(scene: &Scene, broken: &mut Vec<String>) -> Result<()> {
    let Some(promoted_at) = told(&scene.west.appliance.asked(), "production") else {
        return Ok(());
    };
    let fenced_at = told(&scene.east.appliance.asked(), "standby");
    if fenced_at.is_some_and(|at| at <= promoted_at) {
        return Ok(());
    }
    let is_owed = scene.journal(SYSTEM, 1).await?.iter().any(|entry| {
        let what = &entry["what"];
        let at: Option<jiff::Timestamp> = entry["at"].as_str().and_then(|at| at.parse().ok());
        what["what"] == "confirmed"
            && what["finding"]["seen"] == "fence-attempted"
            && what["finding"]["debts"].as_array().is_some_and(|debts| !debts.is_empty())
            && at.is_some_and(|at| at <= promoted_at)
    });
    if !is_owed {
        broken.push(
            "P2: the standby was promoted, and the primary was neither fenced nor is a fence owed"
                .to_owned(),
        );
    }
    Ok(())
}

/// P3: the records were moved only after the new appliance, told to be production, had answered that it
/// is healthy, and after the database was promoted.
fn dns_follows_health(scene: &Scene, broken: &mut Vec<String>) {
    let moves = calls(scene, "route53", "ChangeResourceRecordSets");
    let Some(moved) = moves.iter().find(|call| is_done(call)) else { return };
    let moved_at = jiff::Timestamp::try_from(moved.at).unwrap_or_default();
    let asked = scene.west.appliance.asked();
    let promoted_at = told(&asked, "production");
    let is_healthy = asked.iter().any(|asked| {
        asked.path == "/healthstats/"
            && asked.status == Some(200)
            && asked.at < moved_at
            && promoted_at.is_some_and(|at| at < asked.at)
    });
    if !is_healthy {
        broken.push("P3: the records were moved before the new site was seen healthy".to_owned());
    }
    let promotions = calls(scene, "rds", "PromoteReadReplica");
    if !promotions.iter().any(|call| is_done(call) && call.number < moved.number) {
        broken.push("P3: the records were moved before the database was promoted".to_owned());
    }
}

/// P4: one term, one promotion, and one batch that moves the records, which compares before it swaps.
async fn one_failover(scene: &Scene, watch: &Watch, broken: &mut Vec<String>) -> Result<()> {
    if watch.upserts.met() > 0 {
        broken.push(format!(
            "P4: {} batch(es) would have overwritten the records without looking (UPSERT), so a late \
             run could undo a newer one",
            watch.upserts.met()
        ));
    }
    let terms = scene.keys(&format!("failovers/{SYSTEM}/")).await?;
    if terms.iter().any(|key| !key.contains("/000001/")) {
        broken.push("P4: there was more than one failover".to_owned());
    }
    let promotions = calls(scene, "rds", "PromoteReadReplica");
    let done = promotions.iter().filter(|call| is_done(call)).count();
    if done > 1 {
        broken.push(format!("P4: the database was promoted {done} times"));
    }
    Ok(())
}

/// P5: as many outcomes in the log as invocations that began and were not killed.
async fn one_outcome_each(scene: &Scene, broken: &mut Vec<String>) -> Result<()> {
    for function in FUNCTIONS {
        let lines = scene.log(function).await?;
        let ended = lines.iter().filter(|line| line.starts_with("REPORT")).count();
        let outcomes = lines.iter().filter(|line| outcome_of(line).is_some()).count();
        if outcomes < ended {
            broken.push(format!(
                "P5: {function} ended {ended} time(s) and recorded {outcomes} outcome(s)"
            ));
        }
    }
    Ok(())
}

/// The outcome that a log line records, if it records one.
pub fn outcome_of(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let outcome = line.get("outcome").or_else(|| line.pointer("/fields/outcome"))?;
    Some(outcome.as_str()?.to_owned())
}

/// P6: nothing of a backup was deleted, and the newest verified one is whole.
async fn the_last_backup_stays(scene: &Scene, broken: &mut Vec<String>) -> Result<()> {
    for action in ["DeleteObject", "DeleteObjects"] {
        if calls(scene, "s3", action).iter().any(is_done) {
            broken.push(format!("P6: somebody called {action}"));
        }
    }
    let receipts = scene.keys(&format!("receipts/{SYSTEM}/")).await?;
    let newest = receipts.iter().filter(|key| key.ends_with("/verified.json")).max();
    let Some(slot) = newest.and_then(|key| key.split('/').nth(2)) else { return Ok(()) };
    let manifest = scene.document(&format!("backups/{SYSTEM}/{slot}/manifest.json")).await?;
    let manifest = manifest.unwrap_or_default();
    for object in manifest["objects"].as_array().into_iter().flatten() {
        let key = object["key"].as_str().unwrap_or_default();
        let found = scene.stack.aws.object(RECOVERY, scene.vault(), key).await?;
        let size = found.and_then(|body| u64::try_from(body.len()).ok());
        if size != object["sums"]["size_bytes"].as_u64() {
            broken.push(format!("P6: {key} of the newest verified backup is not as it was"));
        }
    }
    Ok(())
}

/// P7: after the loss, the lost region was asked for nothing but to be fenced.
fn nothing_of_the_lost_region(scene: &Scene, lost_at: SystemTime, broken: &mut Vec<String>) {
    for call in scene.stack.gateway.calls(&Match::any().region(HOME)) {
        let is_fence = call.service == "rds"
            && ["DescribeDBInstances", "StopDBInstance"].contains(&call.action.as_str());
        // The sweep of exports goes on asking for snapshots of the database; no recovery waits for it.
        let is_export = call.action == "DescribeDBSnapshots";
        if call.at > lost_at && !is_fence && !is_export {
            broken.push(format!("P7: {} {} needed {HOME}", call.service, call.action));
        }
    }
}

/// Whether the name leads to the standby now.
///
/// # Errors
/// What Route 53 says.
pub async fn leads_to_the_standby(scene: &Scene) -> Result<bool> {
    Ok(scene.leads_to().await? == [ADDRESSES[1]])
}
