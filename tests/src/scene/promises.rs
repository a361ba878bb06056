//! The promises P1 to P7, held against what was seen from outside: the vault, the calls that went
//! through the gateway, the appliances' own records and the logs. Nothing here believes the functions.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that JSON does not have reads as null, and never panics"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{FUNCTIONS, HOME, RECOVERY, Scene, System};
use crate::stack::appliance::{Appliance, Asked};
use crate::stack::gateway::{Call, Match};

/// How often a function is woken once more, for lines of its log that came late.
const WAKES_MAX: u32 = 5;

/// One move of a system from one site to the other: what was done in it is held against itself.
#[derive(Clone, Copy)]
pub struct Move<'s> {
    /// Its number.
    pub term: u32,
    /// The appliance of the site that was left.
    pub old: &'s Appliance,
    /// The one that took over.
    pub new: &'s Appliance,
    /// The instance that was promoted.
    pub replica: &'s str,
    /// What the name leads to after it.
    pub address: &'s str,
    /// What was told to an appliance before this moment is not of this move.
    pub since: Timestamp,
}

/// From when, and until when, if it came back, the home region was away.
#[derive(Clone, Copy)]
pub struct Away {
    /// The moment of its loss.
    pub from: SystemTime,
    /// The moment of its return.
    pub until: Option<SystemTime>,
}

/// Everything that is broken in a scene, each a sentence that begins with the promise's number. Each
/// system is there with the moves that it was meant to make.
///
/// # Errors
/// When something could not be looked at.
pub async fn broken(
    scene: &Scene,
    systems: &[(System<'_>, Vec<Move<'_>>)],
    away: Option<Away>,
) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for (system, moves) in systems {
        broken.extend(of_moves(scene, *system, moves).await?);
    }
    one_outcome_each(scene, &mut broken).await?;
    nothing_deleted_but_pruned(scene, |_| true, &mut broken).await?;
    if let Some(away) = away {
        nothing_of_the_lost_region(scene, away, |_| true, &mut broken);
    }
    Ok(broken)
}

/// The same for the failover of one system among others. How a run ended (P5) is not told by system.
///
/// # Errors
/// When something could not be looked at.
pub async fn broken_for(
    scene: &Scene,
    system: System<'_>,
    lost_at: SystemTime,
) -> Result<Vec<String>> {
    broken_in(scene, system, &[system.failover()], Away { from: lost_at, until: None }).await
}

/// The same for the moves that it was meant to make, of which the first was made while home was away.
///
/// # Errors
/// When something could not be looked at.
pub async fn broken_in(
    scene: &Scene,
    system: System<'_>,
    moves: &[Move<'_>],
    away: Away,
) -> Result<Vec<String>> {
    let mut broken = of_moves(scene, system, moves).await?;
    let is_its = |call: &Call| names(call, system.name);
    nothing_deleted_but_pruned(scene, is_its, &mut broken).await?;
    nothing_of_the_lost_region(scene, away, is_its, &mut broken);
    Ok(broken)
}

async fn of_moves(scene: &Scene, system: System<'_>, moves: &[Move<'_>]) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    proven_or_not_counted(scene, system, &mut broken).await?;
    latest_is_proven(scene, system, &mut broken);
    for of in moves {
        never_two_writers(scene, system, *of, &mut broken).await?;
        dns_follows_health(scene, system, *of, &mut broken);
    }
    one_at_a_time(scene, system, moves, &mut broken).await?;
    the_last_backup_stays(scene, system, &mut broken).await?;
    Ok(broken)
}

fn calls(scene: &Scene, service: &str, action: &str) -> Vec<Call> {
    scene.stack.gateway.calls(&Match::any().service(service).action(action))
}

fn is_done(call: &Call) -> bool {
    call.status.is_some_and(|status| status < 300)
}

fn names(call: &Call, text: &str) -> bool {
    Match::any().key_contains(text).means(call)
}

fn is_proof(key: &str) -> bool {
    key.ends_with("/verified.json")
}

async fn manifest(scene: &Scene, system: System<'_>, slot: &str) -> Result<Value> {
    let key = format!("backups/{}/{slot}/manifest.json", system.name);
    Ok(scene.document(&key).await?.unwrap_or_default())
}

/// P1: whoever reads a receipt can count on it that every byte was read back before it was written,
/// by another role than the one that wrote it.
async fn proven_or_not_counted(
    scene: &Scene,
    system: System<'_>,
    broken: &mut Vec<String>,
) -> Result<()> {
    let puts = calls(scene, "s3", "PutObject");
    let gets = calls(scene, "s3", "GetObject");
    let find = |key: &str| puts.iter().find(|call| is_done(call) && call.path.contains(key));
    let keys = scene.keys(&format!("receipts/{}/", system.name)).await?;
    for key in &keys {
        let slot = key.split('/').nth(2).unwrap_or_default();
        let is_pruned = keys.contains(&key.replace("/verified.json", "/pruned.json"));
        if !is_proof(key) || is_pruned || system.proven_by_hand == Some(slot) {
            continue;
        }
        let Some(receipt) = find(key) else {
            broken.push(format!("P1: {key} is there, and no function has written it"));
            continue;
        };
        let manifest = manifest(scene, system, slot).await?;
        let objects = manifest["objects"].as_array().cloned().unwrap_or_default();
        if objects.is_empty() {
            broken.push(format!("P1: {key} is there, and there is no backup of that slot"));
        }
        for object in objects {
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
    Ok(())
}

/// P1: `latest/` moves only to what has a receipt by then.
fn latest_is_proven(scene: &Scene, system: System<'_>, broken: &mut Vec<String>) {
    let puts = calls(scene, "s3", "PutObject");
    let mut moves = calls(scene, "s3", "CopyObject");
    moves.extend(calls(scene, "s3", "CompleteMultipartUpload"));
    moves.extend(puts.iter().cloned());
    let latest = format!("/backups/{}/latest/", system.name);
    for moved in moves.iter().filter(|call| is_done(call) && call.path.contains(&latest)) {
        // The source of a copy: `<bucket>/backups/<system>/<slot>/<source>?versionId=…`
        let slot = moved.said.split('/').nth(3).unwrap_or_default();
        let receipt = format!("/receipts/{}/{slot}/verified.json", system.name);
        let is_proven = puts.iter().any(|call| {
            is_done(call) && call.path.contains(&receipt) && call.number < moved.number
        });
        let is_by_hand = !slot.is_empty() && system.proven_by_hand == Some(slot);
        if slot.is_empty() {
            broken.push(format!("P1: {} was written, and not copied from a backup", moved.path));
        } else if !is_proven && !is_by_hand {
            broken.push(format!("P1: {} was moved before its backup was verified", moved.path));
        }
    }
}

/// When an appliance accepted this mode for the first time since then.
fn told(asked: &[Asked], mode: &str, since: Timestamp) -> Option<Timestamp> {
    let body = format!("appliance_mode={mode}");
    let is_told = |asked: &&Asked| {
        asked.path == "/api/1.0/appliancemode/"
            && asked.body == body
            && asked.status == Some(200)
            && asked.at >= since
    };
    asked.iter().find(is_told).map(|asked| asked.at)
}

/// P2: before anything is promoted, the old appliance has accepted to be standby; or it was not there,
/// and the journal says that the fence is owed.
async fn never_two_writers(
    scene: &Scene,
    system: System<'_>,
    of: Move<'_>,
    broken: &mut Vec<String>,
) -> Result<()> {
    let of_database = promotions(scene, of.replica);
    let of_database = of_database.first().and_then(|call| Timestamp::try_from(call.at).ok());
    let of_appliance = told(&of.new.asked(), "production", of.since);
    let Some(promoted_at) = of_database.into_iter().chain(of_appliance).min() else {
        return Ok(());
    };
    let fenced_at = told(&of.old.asked(), "standby", of.since);
    if fenced_at.is_some_and(|at| at <= promoted_at) {
        return Ok(());
    }
    let owed_at = scene.journal(system.name, of.term).await?.iter().find_map(|entry| {
        let finding = &entry["what"]["finding"];
        let is_owed = entry["what"]["what"] == "confirmed"
            && finding["seen"] == "fence-attempted"
            && finding["debts"].as_array().is_some_and(|debts| !debts.is_empty());
        let at: Option<Timestamp> = entry["at"].as_str().and_then(|at| at.parse().ok());
        at.filter(|at| is_owed && *at <= promoted_at)
    });
    match owed_at {
        None => broken.push(
            "P2: the standby was promoted, and the primary was neither fenced nor is a fence owed"
                .to_owned(),
        ),
        Some(at) if of.old.is_there(at) => broken.push(
            "P2: the journal says that the primary could not be reached to be fenced, and it was there"
                .to_owned(),
        ),
        Some(_) => {}
    }
    Ok(())
}

/// The promotions of an instance that RDS has taken.
fn promotions(scene: &Scene, replica: &str) -> Vec<Call> {
    // Not a part of another one's name: a form ends a value with `&`, or with itself.
    let named = format!("DBInstanceIdentifier={replica}");
    let mut promotions = calls(scene, "rds", "PromoteReadReplica");
    promotions.retain(|call| is_done(call) && call.said.split('&').any(|field| field == named));
    promotions
}

/// The batches that Route 53 took and that change the system's name.
fn batches(scene: &Scene, system: System<'_>) -> Vec<Call> {
    let mut batches = calls(scene, "route53", "ChangeResourceRecordSets");
    batches.retain(|call| is_done(call) && names_record(&call.said, system));
    batches
}

fn names_record(said: &str, system: System<'_>) -> bool {
    let end = ["<", ".<"].map(|end| format!(">{}{end}", system.record));
    end.iter().any(|name| said.contains(name))
}

/// Whether a batch leads the system's name to an address.
fn leads_to(batch: &Call, system: System<'_>, address: &str) -> bool {
    batch.said.split("<Change>").any(|change| {
        !change.contains("<Action>DELETE<")
            && names_record(change, system)
            && change.contains(&format!(">{address}<"))
    })
}

/// P3: the records were moved only after the new appliance, told to be production, had answered that it
/// is healthy, and after the database was promoted.
fn dns_follows_health(scene: &Scene, system: System<'_>, of: Move<'_>, broken: &mut Vec<String>) {
    let asked = of.new.asked();
    let told_at = told(&asked, "production", of.since);
    let promotions = promotions(scene, of.replica);
    for moved in batches(scene, system).iter().filter(|it| leads_to(it, system, of.address)) {
        let moved_at = Timestamp::try_from(moved.at).unwrap_or_default();
        let is_healthy = asked.iter().any(|asked| {
            asked.path == "/healthstats/"
                && asked.status == Some(200)
                && asked.at < moved_at
                && told_at.is_some_and(|at| at < asked.at)
        });
        if !is_healthy {
            broken
                .push("P3: the records were moved before the new site was seen healthy".to_owned());
        }
        if !promotions.iter().any(|call| call.number < moved.number) {
            broken.push("P3: the records were moved before the database was promoted".to_owned());
        }
    }
}

/// P4: for each move one term, one promotion, and one batch that moves the records, which compares
/// before it swaps; and nothing of the kind besides.
async fn one_at_a_time(
    scene: &Scene,
    system: System<'_>,
    moves: &[Move<'_>],
    broken: &mut Vec<String>,
) -> Result<()> {
    let mut overwriting = calls(scene, "route53", "ChangeResourceRecordSets");
    overwriting.retain(|call| names_record(&call.said, system) && call.said.contains("UPSERT"));
    if !overwriting.is_empty() {
        broken.push(format!(
            "P4: {} batch(es) overwrite the records without looking (UPSERT), so a late run could \
             undo a newer one",
            overwriting.len()
        ));
    }
    let taken = batches(scene, system);
    for of in moves {
        let moved = taken.iter().filter(|batch| leads_to(batch, system, of.address)).count();
        if moved > 1 {
            broken.push(format!("P4: the records were moved to {} {moved} times", of.address));
        }
        let promoted = promotions(scene, of.replica).len();
        if promoted > 1 {
            broken.push(format!("P4: the database was promoted {promoted} times"));
        }
    }
    if moves.is_empty() && !(taken.is_empty() && promotions(scene, system.replica).is_empty()) {
        broken.push("P4: something was moved, and no failover was meant to be".to_owned());
    }
    let terms = scene.keys(&format!("failovers/{}/", system.name)).await?;
    // Beside the terms lies the switch, where clients are led by a health check.
    let is_meant = |key: &String| {
        key.ends_with("/switch.json")
            || moves.iter().any(|of| key.contains(&format!("/{:06}/", of.term)))
    };
    if !terms.iter().all(is_meant) {
        broken.push(match moves {
            [] => "P4: there was a failover, and none was meant to be".to_owned(),
            [_] => "P4: there was more than one failover".to_owned(),
            [_, _, ..] => format!("P4: there were more than {} moves", moves.len()),
        });
    }
    Ok(())
}

/// P5: every run that has ended has recorded its outcome.
async fn one_outcome_each(scene: &Scene, broken: &mut Vec<String>) -> Result<()> {
    for function in FUNCTIONS {
        let mut silent = silent(&scene.log(function).await?);
        for _ in 0..WAKES_MAX {
            if silent.is_empty() {
                break;
            }
            // MiniStack waits 50 ms for what a run has printed, and hands what comes later to the next
            // run of the same process: an event that is refused makes one.
            scene.invoke(function, &json!({})).await?;
            let still = self::silent(&scene.log(function).await?);
            silent.retain(|request| still.contains(request));
        }
        if !silent.is_empty() {
            broken.push(format!("P5: {function} ended without an outcome: {silent:?}"));
        }
    }
    Ok(())
}

/// The requests that have ended, and whose outcome is not in the log.
fn silent(lines: &[String]) -> BTreeSet<String> {
    let recorded = outcomes(lines);
    let ended = lines.iter().filter_map(|line| line.strip_prefix("REPORT RequestId: "));
    let ended = ended.filter_map(|rest| rest.split_whitespace().next());
    ended.filter(|request| !recorded.contains_key(*request)).map(str::to_owned).collect()
}

/// The outcomes that a function's log records, each with its sentence, by request.
pub fn outcomes(lines: &[String]) -> BTreeMap<String, (String, String)> {
    let recorded = lines.iter().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let said = |field: &str| line[field].as_str().map(str::to_owned);
        Some((said("request_id")?, (said("outcome")?, said("message").unwrap_or_default())))
    });
    recorded.collect()
}

/// P6: nothing was deleted but by prune-backups, which never deletes a version, and nothing of a backup
/// before it had marked it, so that it did not count any more.
async fn nothing_deleted_but_pruned(
    scene: &Scene,
    is_its: impl Fn(&Call) -> bool,
    broken: &mut Vec<String>,
) -> Result<()> {
    let pruner = scene.access_key("prune-backups").await?;
    let puts = calls(scene, "s3", "PutObject");
    let is_marked = |deletion: &Call| {
        let folder = deletion.path.split("/backups/").nth(1).unwrap_or_default();
        let place: Vec<&str> = folder.splitn(3, '/').take(2).collect();
        let mark = format!("/receipts/{}/pruned.json", place.join("/"));
        puts.iter().any(|call| {
            let is_before = call.number < deletion.number;
            is_done(call) && is_before && call.access_key == pruner && call.path.contains(&mark)
        })
    };
    for action in ["DeleteObject", "DeleteObjects"] {
        for call in calls(scene, "s3", action).iter().filter(|call| is_done(call) && is_its(call)) {
            let is_own_mark =
                call.path.contains("/receipts/") && call.path.contains("/pruned.json");
            if call.access_key != pruner || call.path.contains("versionId") {
                broken.push(format!("P6: somebody called {action}"));
            } else if !is_own_mark && !is_marked(call) {
                broken.push(format!("P6: {} was deleted while its backup counted", call.path));
            }
        }
    }
    Ok(())
}

/// P6: the newest verified backup is whole.
async fn the_last_backup_stays(
    scene: &Scene,
    system: System<'_>,
    broken: &mut Vec<String>,
) -> Result<()> {
    let receipts = scene.keys(&format!("receipts/{}/", system.name)).await?;
    let is_rejected = |key: &str| receipts.contains(&key.replace("/verified.", "/rejected."));
    let newest = receipts.iter().filter(|key| is_proof(key) && !is_rejected(key)).max();
    let Some(slot) = newest.and_then(|key| key.split('/').nth(2)) else { return Ok(()) };
    let manifest = manifest(scene, system, slot).await?;
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
fn nothing_of_the_lost_region(
    scene: &Scene,
    away: Away,
    is_its: impl Fn(&Call) -> bool,
    broken: &mut Vec<String>,
) {
    for call in scene.stack.gateway.calls(&Match::any().region(HOME)) {
        let is_fence = call.service == "rds"
            && ["DescribeDBInstances", "StopDBInstance"].contains(&call.action.as_str());
        // The sweep of exports goes on asking for snapshots of the database; no recovery waits for it.
        let is_export = call.action == "DescribeDBSnapshots";
        let is_meanwhile = call.at > away.from && away.until.is_none_or(|until| call.at < until);
        if is_meanwhile && !is_fence && !is_export && is_its(&call) {
            broken.push(format!("P7: {} {} needed {HOME}", call.service, call.action));
        }
    }
}

#[cfg(test)]
mod tests;
