//! A throttle that is obeyed, what is measured of a backup, and a vault that is not as it was, on the
//! local stack.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use warmspare_tests::scene::{RECOVERY, Scene, now};

use crate::stories::own::{At, Own};
use crate::stories::shared_scene::{announced, tell, tell_alone};

/// Of the throttle below.
const BYTES_A_SECOND: u64 = 25_000;

const THROTTLE: &str = "\n[backup.throttle]\ntimezone = \"Asia/Kolkata\"\n\
    [[backup.throttle.interval]]\n\
    days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
    start = \"00:00\"\nend = \"23:59\"\nmbps = 0.2\n";

/// D18, D19: a backup takes as long as its bytes do at the rate of its plan; and its receipt says what
/// was measured when it was read back, which is not held back.
#[test]
fn a_throttled_backup_takes_its_time_and_its_verification_says_what_was_measured() -> Result<()> {
    tell(async |scene| {
        let own = Own::with_archive(scene, "throttled", 128 * 1024).await?;
        let plan = own.plan(&own.wanted());
        // Only the appliance's settings, whose length is known.
        let (before, rest) = plan.split_once("[[backup.source]]").context("a source")?;
        let (_, settings) = rest.split_once("[[backup.source]]").context("a second source")?;
        own.upload(&format!("{before}[[backup.source]]{settings}{THROTTLE}")).await?;
        own.first_slot().await?;
        let at = At::minutes_ago(4);
        let begun = now();
        own.back_up(&at).await?;
        let took_ms = now().as_millisecond() - begun.as_millisecond();
        let manifest = own.manifest(&at).await?;
        let bytes = manifest["objects"][0]["sums"]["size_bytes"].as_u64().context("a size")?;
        // All of the first second may pass at once, and so may all of the last one.
        let least_ms = i64::try_from((bytes / BYTES_A_SECOND).saturating_sub(1) * 1_000)?;
        println!("{bytes} bytes at {BYTES_A_SECOND} a second took {took_ms} ms");
        ensure!(least_ms >= 3_000, "{bytes} bytes are too few to tell");
        ensure!(took_ms >= least_ms, "{took_ms} ms for {bytes} bytes");
        own.proven(&at).await?;
        let receipt = own.receipt(&at, "verified").await?.context("a receipt")?;
        let measures = &receipt["objects"][1]["measures"];
        let entropy = measures["entropy_mbits"].as_u64().context("an entropy")?;
        ensure!(receipt["format"] == 2 && measures["size_bytes"] == bytes, "{receipt}");
        ensure!((1..=8_000).contains(&entropy), "{receipt}");
        ensure!(receipt["suspicions"].is_null(), "nothing is known of what is usual: {receipt}");
        Ok(())
    })
}

async fn bucket(scene: &Scene, call: &str, mut args: Value) -> Result<Value> {
    args["Bucket"] = json!(scene.vault());
    Ok(scene.stack.aws.call(RECOVERY, "s3", call, args).await?)
}

async fn at_risk(scene: &Scene, part: &str) -> Result<usize> {
    let told = scene.told.of("Vault At Risk").await?;
    let is_it = |told: &&Value| told["reason"].as_str().is_some_and(|reason| reason.contains(part));
    Ok(told.iter().filter(is_it).count())
}

/// A vault that keeps no versions is told by each sweep, and a policy that was changed once.
#[test]
fn a_vault_that_is_not_as_it_was_is_told_by_verification() -> Result<()> {
    tell_alone(async |scene| {
        let own = Own::begin(scene, "watched").await?;
        let sweep = async || {
            let event = json!({ "system": own.name, "action": "sweep" });
            scene.invoke("verify-upload", &event).await
        };
        sweep().await?;
        ensure!(at_risk(scene, "").await? == 0, "the vault is as infra/ makes it");

        let policy = bucket(scene, "get_bucket_policy", json!({})).await?;
        let policy = policy["Policy"].as_str().context("a policy")?.to_owned();
        let mut odd: Value = serde_json::from_str(&policy)?;
        let more = json!({
            "Sid": "Odd", "Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketWebsite",
            "Resource": format!("arn:aws:s3:::{}", scene.vault()),
        });
        odd["Statement"].as_array_mut().context("statements")?.push(more);
        bucket(scene, "put_bucket_policy", json!({ "Policy": odd.to_string() })).await?;
        sweep().await?;
        sweep().await?;
        let changed =
            |told: &Value| told["reason"].as_str().is_some_and(|it| it.contains("policy"));
        announced(scene, "Vault At Risk", changed).await?;
        ensure!(at_risk(scene, "its policy is the one").await? == 1, "told once");
        bucket(scene, "put_bucket_policy", json!({ "Policy": policy })).await?;

        let versioning = |status: &str| json!({ "VersioningConfiguration": { "Status": status } });
        bucket(scene, "put_bucket_versioning", versioning("Suspended")).await?;
        let answer = sweep().await;
        bucket(scene, "put_bucket_versioning", versioning("Enabled")).await?;
        answer?;
        let suspended =
            |told: &Value| told["reason"].as_str().is_some_and(|it| it.contains("Suspended"));
        announced(scene, "Vault At Risk", suspended).await?;
        Ok(())
    })
}
