//! An appliance that pushes: it has a schedule of its own, and needs none of ours.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use warmspare_act::stream::sums_of;
use warmspare_tests::scene::{self, Address, RECOVERY, until};
use warmspare_tests::stack::aws::bytes;

use crate::stories::own::{At, Own};
use crate::stories::shared_scene::{WAIT_S_MAX, announced, outcomes, tell};

const KEY: &str = "uploads/pusher/config/backup of today.enc";

fn plan(own: &Own) -> Result<String> {
    let (east, west) = (&own.appliance, &own.scene.west.appliance);
    let address = [east, west].map(|site| Address { url: site.url(), pin: site.pin() });
    let source = "[[backup.source]]\nname = \"config\"\nfrom = { kind = \"upload\" }\n";
    let key_arn = own.scene.output("VaultKeyArn")?;
    let (name, zone) = (format!("{}.example.com", own.name), &own.scene.zone);
    Ok(scene::text(&own.name, &name, key_arn, source, "", zone, address))
}

/// As the appliance pushes. It names the key, as MiniStack drops the bucket's default encryption.
async fn push(own: &Own, key: &str, body: &[u8]) -> Result<String> {
    let args = json!({
        "Bucket": own.scene.vault(), "Key": key, "Body": bytes(body),
        "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": own.scene.output("VaultKeyArn")?,
    });
    let put = own.scene.stack.aws.call(RECOVERY, "s3", "put_object", args).await?;
    Ok(put["VersionId"].as_str().context("a push without a version")?.to_owned())
}

/// Waits until this version of the push is adopted and proven; its record in the manifest.
async fn adopted(own: &Own, version_id: &str) -> Result<Value> {
    let record = until("the push is adopted", WAIT_S_MAX, || async {
        for key in own.scene.keys(&format!("backups/{}/", own.name)).await? {
            if !key.ends_with("/manifest.json") {
                continue;
            }
            let manifest = own.scene.document(&key).await?.unwrap_or_default();
            if manifest["objects"][0]["upload"]["version_id"] == version_id {
                return Ok(Some((manifest["slot"].clone(), manifest["objects"][0].clone())));
            }
        }
        Ok(None)
    });
    let (slot, record) = record.await?;
    announced(own.scene, "Backup Verified", |told| {
        told["system"] == own.name.as_str() && told["slot"] == slot
    })
    .await?;
    own.verification_is_over(slot.as_str().unwrap_or_default()).await?;
    Ok(record)
}

/// E1, E6, A12: what is pushed to S3, and pushed over itself, is adopted by its version, proven as the recovery
/// role, and never stored a second time.
#[test]
fn what_an_appliance_pushes_is_adopted_once_and_proven() -> Result<()> {
    tell(async |scene| {
        let own = Own::new(scene, "pusher").await?;
        own.upload(&plan(&own)?).await?;
        until("the first plan waits", WAIT_S_MAX, || async {
            let text = "the first backup of pusher comes with what is pushed first";
            let said = outcomes(scene, "scheduled-backup", text).await?;
            Ok(said.iter().any(|(word, _)| word == "waiting").then_some(()))
        })
        .await?;
        for body in ["the settings of today", "and the settings of an hour later"] {
            let version_id = push(&own, KEY, body.as_bytes()).await?;
            let record = adopted(&own, &version_id).await?;
            ensure!(record["upload"]["key"] == KEY, "{record}");
            ensure!(record["sums"] == json!(sums_of(body.as_bytes())), "{record}");
            let key = record["key"].as_str().context("a record without a key")?;
            ensure!(own.object(key).await? == body.as_bytes(), "{key} is something else");
            let head = own.head(key).await?;
            ensure!(head["SSEKMSKeyId"] == scene.output("VaultKeyArn")?, "{head}");
        }
        let latest = own.object("backups/pusher/latest/config").await?;
        ensure!(latest == b"and the settings of an hour later", "{latest:?}");
        let answer = own.back_up(&At::seconds_ahead(5)).await?;
        let reason = answer["reason"].as_str().unwrap_or_default();
        ensure!(answer["outcome"] == "refused", "{answer}");
        ensure!(
            reason.starts_with("nothing new lies in uploads/pusher/config/ since "),
            "{answer}"
        );
        push(&own, "uploads/pusher/notes.txt", b"beside").await?;
        push(&own, "uploads/nobody/config/backup.enc", b"a stranger's").await?;
        for part in ["pushed as uploads/pusher/notes.txt", "no plan for the system \"nobody\""] {
            until(part, WAIT_S_MAX, || async {
                let said = outcomes(scene, "scheduled-backup", part).await?;
                Ok(said.iter().any(|(word, _)| word == "refused").then_some(()))
            })
            .await?;
        }
        let manifests = scene.keys("backups/pusher/").await?;
        let count = manifests.iter().filter(|key| key.ends_with("/manifest.json")).count();
        ensure!(count == 2, "{manifests:?}");
        Ok(())
    })
}
