//! Pruning: as many verified backups stay as the plan says, a hold holds, and a person can bring back
//! what went.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use warmspare_tests::scene::{RECOVERY, now, until};
use warmspare_tests::stack::gateway::Match;

use crate::stories::own::{At, Own};
use crate::stories::shared_scene::{WAIT_S_MAX, announced, tell};

/// The object versions and the delete markers of a backup's folder.
async fn versions(own: &Own, folder: &str) -> Result<(Vec<Value>, Vec<Value>)> {
    let args = json!({ "Bucket": own.scene.vault(), "Prefix": folder });
    let found = own.scene.stack.aws.call(RECOVERY, "s3", "list_object_versions", args).await?;
    let list = |name: &str| found[name].as_array().cloned().unwrap_or_default();
    Ok((list("Versions"), list("DeleteMarkers")))
}

/// Seeds A8, A13, P6: five backups, of which three stay, and one that is held.
#[test]
fn of_five_backups_three_stay_and_one_that_is_held() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "pruned").await?;
        let older: Vec<At> = [5, 4, 3, 2].map(At::hours_ago).into();
        for at in &older {
            own.back_up(at).await?;
            own.proven(at).await?;
        }
        let [held, goes, third, second] = older.as_slice() else { return Ok(()) };
        scene.put(&format!("holds/{}/{}", own.name, held.slot), b"").await?;
        own.upload(&own.plan(&own.wanted()).replace("keep = 30", "keep = 3")).await?;

        // A dry run says so, and changes nothing.
        let dry = json!({ "system": own.name, "action": "prune", "dry_run": true });
        let answer = scene.invoke("prune-backups", &dry).await?;
        let said = answer["reason"].as_str().unwrap_or_default().to_owned();
        ensure!(
            answer["outcome"] == "done" && said.contains("1 of 5 backup(s) would go"),
            "{said}"
        );
        ensure!(said.contains(&format!("goes: {} (proven,", goes.slot)), "{said}");
        ensure!(said.contains(&format!("{} (held by holds/", held.slot)), "{said}");
        ensure!(own.files(goes).await?.len() == 3, "a dry run deleted something");

        // Being told of a verified backup is enough.
        let verify = json!({ "system": own.name, "action": "verify", "slot": second.slot });
        scene.invoke("verify-upload", &verify).await?;
        let is_ours = |told: &Value| told["system"] == own.name.as_str();
        let told = announced(scene, "Backups Pruned", is_ours).await?;
        ensure!(told["slot"] == goes.slot.as_str(), "{told}");
        until("it is gone", WAIT_S_MAX, || async {
            Ok(own.files(goes).await?.is_empty().then_some(()))
        })
        .await?;
        for at in [held, third, second] {
            ensure!(own.files(at).await?.len() == 3, "{} is not whole", at.slot);
        }
        let manifests = scene.keys(&format!("backups/{}/2", own.name)).await?;
        let manifests = manifests.iter().filter(|key| key.ends_with("/manifest.json")).count();
        ensure!(manifests == 4, "{manifests} backups are left");

        // Asked again, nothing more goes; and what is pruned is not verified again.
        let again = json!({ "system": own.name, "action": "prune" });
        let answer = scene.invoke("prune-backups", &again).await?;
        let said = answer["reason"].as_str().unwrap_or_default();
        ensure!(said == format!("no backup of {} is pruned", own.name), "{answer}");
        let verify = json!({ "system": own.name, "action": "verify", "slot": goes.slot });
        let answer = scene.invoke("verify-upload", &verify).await?;
        let said = answer["reason"].as_str().unwrap_or_default();
        ensure!(said.contains("was pruned before it was verified"), "{answer}");

        bring_back(&own, goes).await
    })
}

/// As the runbook says: hold it, remove the markers, and then the mark.
async fn bring_back(own: &Own, at: &At) -> Result<()> {
    let (scene, aws) = (own.scene, &own.scene.stack.aws);
    let folder = own.key(at, "");
    let (kept, markers) = versions(own, &folder).await?;
    ensure!(kept.len() == 3 && markers.len() == 3, "{kept:?} {markers:?}");
    // By the calls: MiniStack does not show the tags of what lies behind a delete marker.
    let tagged = Match::any().service("s3").action("PutObjectTagging").key_contains(&folder);
    let tagged = scene.stack.gateway.calls(&tagged);
    for version in &kept {
        let id = format!("versionId={}", version["VersionId"].as_str().unwrap_or_default());
        let is_tagged =
            tagged.iter().any(|call| call.status == Some(200) && call.path.contains(&id));
        ensure!(is_tagged, "{version} was not tagged: {tagged:?}");
    }
    scene.put(&format!("holds/{}/{}", own.name, at.slot), b"").await?;
    for marker in &markers {
        let args = json!({
            "Bucket": scene.vault(), "Key": marker["Key"], "VersionId": marker["VersionId"],
        });
        aws.call(RECOVERY, "s3", "delete_object", args).await?;
    }
    let mark = format!("receipts/{}/{}/pruned.json", own.name, at.slot);
    let args = json!({ "Bucket": scene.vault(), "Key": mark });
    aws.call(RECOVERY, "s3", "delete_object", args).await?;
    let files = own.files(at).await?;
    ensure!(files.len() == 3, "{files:?}");
    let dry = json!({ "system": own.name, "action": "prune", "dry_run": true });
    let answer = scene.invoke("prune-backups", &dry).await?;
    let said = answer["reason"].as_str().context("a reason")?;
    ensure!(said.starts_with("a dry run for pruned: 0 of 5 backup(s) would go"), "{said}");
    Ok(())
}

/// FV1: what was proven is read again once a day, and one that is damaged is demoted.
#[test]
fn a_proven_backup_is_read_again_and_one_that_is_damaged_is_demoted() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "swept").await?;
        let at = At::hours_ago(1);
        own.back_up(&at).await?;
        own.proven(&at).await?;
        let sweep = json!({ "system": own.name, "action": "sweep" });
        let said = async || {
            let answer = scene.invoke("verify-upload", &sweep).await?;
            anyhow::Ok(answer["reason"].as_str().unwrap_or_default().to_owned())
        };
        let first = said().await?;
        ensure!(first == "2 backup(s) of 1 system(s) were read again: 2 equal", "{first}");
        let today = now().strftime("%Y-%m-%d").to_string();
        ensure!(
            own.receipt(&at, &format!("swept-{today}")).await?.is_some(),
            "no receipt of {today}"
        );
        let again = said().await?;
        ensure!(again == "nothing of 1 system(s) is left to be read again today", "{again}");

        let damaged = At::minutes_ago(30);
        own.back_up(&damaged).await?;
        own.proven(&damaged).await?;
        scene.put(&own.key(&damaged, "config"), b"not what the appliance gave").await?;
        let third = said().await?;
        ensure!(third == "1 backup(s) of 1 system(s) were read again: 1 rejected", "{third}");
        let is_its = |told: &Value| {
            told["system"] == own.name.as_str() && told["slot"] == damaged.slot.as_str()
        };
        let told = announced(scene, "Backup Rejected", is_its).await?;
        let reason = told["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("it was written over"), "{told}");
        ensure!(own.receipt(&damaged, "rejected").await?.is_some(), "it was not demoted");
        Ok(())
    })
}
