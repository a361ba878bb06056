//! A verification: what was read back and is equal counts, everything else is a rejection with a
//! sentence or a fault that is tried again. `latest/` follows the receipt, never the other way.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use warmspare_act::stream::sums_of;
use warmspare_tests::scene::{RECOVERY, Scene, until};
use warmspare_tests::stack::aws::bytes;
use warmspare_tests::stack::gateway::{Effect, Held, Match, Moment};

use crate::stories::own::{At, Own, Wanted};
use crate::stories::shared_scene::{WAIT_S_MAX, announced, outcomes, tell, tell_alone};

const WITHIN: std::time::Duration = std::time::Duration::from_secs(WAIT_S_MAX);

/// Seed A10, P1: the receipt comes after the last byte was read back, `latest/` after the receipt,
/// and an older backup that is verified later does not take its place.
#[test]
fn latest_is_the_newest_that_is_verified() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "latest").await?;
        let newer = At::seconds_ahead(60);
        let begun = scene.stack.gateway.calls_made();
        own.back_up(&newer).await?;
        own.proven(&newer).await?;
        let of_newer = latest_of(&newer.slot);
        ensure!(own.latest().await? == of_newer, "{:?}", own.latest().await?);
        for file in ["config", "database"] {
            let copy = own.object(&format!("backups/{}/latest/{file}", own.name)).await?;
            let stored = own.object(&own.key(&newer, file)).await?;
            ensure!(copy == stored, "latest/{file} is not the file of {}", newer.slot);
        }
        in_order(&own, &newer, begun)?;
        let older = At::minutes_ago(5);
        own.back_up(&older).await?;
        own.proven(&older).await?;
        let sentence = verified_sentence(scene, &older).await?;
        let left = format!("latest/ is at {} and is left there", newer.slot);
        ensure!(sentence.contains(&left), "{sentence}");
        ensure!(own.latest().await? == of_newer, "{:?}", own.latest().await?);
        Ok(())
    })
}

/// By the order in which the gateway saw the calls since `begun`.
fn in_order(own: &Own, at: &At, begun: u64) -> Result<()> {
    let done = |action: &str, key: &str| {
        let calls = own.calls(action, key).into_iter().filter(|call| call.status == Some(200));
        let numbers = calls.map(|call| call.number).filter(|number| *number >= begun);
        numbers.collect::<Vec<u64>>()
    };
    let read = ["config", "database"].map(|file| done("GetObject", &own.key(at, file)));
    let receipt = format!("receipts/{}/{}/verified.json", own.name, at.slot);
    let receipt = done("PutObject", &receipt);
    let moved = done("CopyObject", &format!("backups/{}/latest/", own.name));
    let is_right = receipt.len() == 1
        && moved.len() == 2
        && read.iter().all(|read| !read.is_empty() && read.iter().max() < receipt.iter().min())
        && receipt.iter().max() < moved.iter().min();
    ensure!(is_right, "read {read:?}, receipt {receipt:?}, moved {moved:?}");
    Ok(())
}

async fn verified_sentence(scene: &Scene, at: &At) -> Result<String> {
    let text = format!("backup {} ", at.slot);
    until("the verification is over", WAIT_S_MAX, || async {
        Ok(outcomes(scene, "verify-upload", &text).await?.into_iter().next().map(|(_, said)| said))
    })
    .await
}

fn latest_of(slot: &str) -> Vec<(String, String)> {
    ["config", "database"].map(|file| (file.to_owned(), slot.to_owned())).to_vec()
}

/// What somebody does to a stored backup before it is verified.
type Harm = (&'static str, &'static str);

/// FV1, FV2, FV7, P1: whatever is done to the files between storing and verifying, while
/// verify-upload is held at its first call. Nothing of such a backup counts, and `latest/` stays.
#[test]
fn a_backup_that_was_touched_before_it_was_verified_is_rejected() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "touched").await?;
        let before = own.latest().await?;
        let harms: [Harm; 4] = [
            ("flip a byte", "it was written over: it is at version "),
            ("cut it short", "it was written over: it is at version "),
            ("delete it", "the manifest records it, and it is not there"),
            ("add a file", "the manifest has no record of it"),
        ];
        for (n, (harm, finding)) in (1..).zip(harms) {
            let at = At::seconds_ahead(n * 20);
            let held = held(&own, &at).await?;
            do_harm(&own, &at, harm).await?;
            held.release();
            is_rejected(&own, &at, finding).await.with_context(|| harm.to_owned())?;
        }
        ensure!(own.latest().await? == before, "latest/ was moved: {:?}", own.latest().await?);
        Ok(())
    })
}

async fn do_harm(own: &Own, at: &At, harm: &str) -> Result<()> {
    let key = own.key(at, "config");
    let mut body = own.object(&key).await?;
    match harm {
        "flip a byte" => {
            let middle = body.len() / 2;
            body[middle] ^= 1;
            put(own, &key, &body, json!({})).await?;
        }
        "cut it short" => {
            body.pop();
            put(own, &key, &body, json!({})).await?;
        }
        "delete it" => {
            let args = json!({ "Bucket": own.scene.vault(), "Key": key });
            own.scene.stack.aws.call(RECOVERY, "s3", "delete_object", args).await?;
        }
        _ => {
            put(own, &own.key(at, "config-2"), &body, json!({})).await?;
        }
    }
    Ok(())
}

/// Stores an object as root under the vault's key with a true checksum, or as `changed` says; its
/// version.
async fn put(own: &Own, key: &str, body: &[u8], changed: Value) -> Result<String> {
    let mut args = json!({
        "Bucket": own.scene.vault(),
        "Key": key,
        "Body": bytes(body),
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": own.scene.output("VaultKeyArn")?,
        "ChecksumCRC64NVME": sums_of(body).crc64nvme,
    });
    for (name, value) in changed.as_object().into_iter().flatten() {
        args[name] = value.clone();
    }
    let args = args.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let args = Value::Object(args.map(|(name, value)| (name.clone(), value.clone())).collect());
    let answer = own.scene.stack.aws.call(RECOVERY, "s3", "put_object", args).await?;
    Ok(answer["VersionId"].as_str().context("no version")?.to_owned())
}

/// Rejected, with this finding in the receipt and in what people are told; not verified.
async fn is_rejected(own: &Own, at: &At, finding: &str) -> Result<()> {
    let receipt = own.receives(at, "rejected").await?;
    ensure!(receipt["verified"] == false, "{receipt}");
    let objects = receipt["objects"].as_array().into_iter().flatten();
    let findings = objects.flat_map(|object| object["findings"].as_array().into_iter().flatten());
    let mut findings = findings.filter_map(Value::as_str);
    ensure!(findings.any(|found| found.contains(finding)), "no {finding:?} in {receipt}");
    let told = announced(own.scene, "Backup Rejected", own.is_about(at)).await?;
    let reason = told["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains(" is rejected: ") && reason.contains(finding), "{told}");
    ensure!(own.receipt(at, "verified").await?.is_none(), "it is verified too");
    Ok(())
}

/// FV4, FV5, FB6: a backup that was made by hand, with a manifest that lies about it in one point.
#[test]
fn a_manifest_that_lies_is_found_out() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "liar").await?;
        let before = own.latest().await?;
        let other = own.new_key(RECOVERY).await?;
        let true_body = b"the settings of an appliance".to_vec();
        let mut flipped = true_body.clone();
        flipped[3] ^= 1;
        let short = true_body[1..].to_vec();
        let nothing = json!({});
        let lies = [
            (&flipped, &nothing, "its CRC-64/NVME at S3 is "),
            (&short, &nothing, "it has 27 bytes, and its source gave 28"),
            (&true_body, &json!({ "SSEKMSKeyId": other }), "it is encrypted under "),
            (
                &true_body,
                &json!({ "ServerSideEncryption": "AES256", "SSEKMSKeyId": null }),
                "it is encrypted with AES256, not with aws:kms",
            ),
            (
                &true_body,
                &json!({ "ChecksumCRC64NVME": null, "ChecksumAlgorithm": "SHA256" }),
                "S3 keeps no CRC-64/NVME of it",
            ),
        ];
        for (n, (body, changed, finding)) in (1..).zip(lies) {
            let at = At::seconds_ahead(n * 20);
            let version = put(&own, &own.key(&at, "config"), body, changed.clone()).await?;
            commit(&own, &at, &version, &true_body).await?;
            is_rejected(&own, &at, finding).await.with_context(|| finding.to_owned())?;
        }
        // The same by hand, without a lie, is proven: what was found is the lie alone.
        let at = At::seconds_ahead(200);
        let version = put(&own, &own.key(&at, "config"), &true_body, nothing.clone()).await?;
        ensure!(own.latest().await? == before, "latest/ was moved: {:?}", own.latest().await?);
        commit(&own, &at, &version, &true_body).await?;
        own.proven(&at).await?;
        Ok(())
    })
}

/// A manifest by hand: one object of this version, with the sums of `body`.
async fn commit(own: &Own, at: &At, version: &str, body: &[u8]) -> Result<()> {
    let manifest = json!({
        "format": 1,
        "system": own.name,
        "slot": at.slot,
        "site": "east",
        "term": 0,
        "plan_version": "by hand",
        "key_arn": own.scene.output("VaultKeyArn")?,
        "stored_at": at.instant.to_string(),
        "objects": [{
            "source": "config",
            "key": own.key(at, "config"),
            "version_id": version,
            "sums": sums_of(body),
        }],
    });
    put(own, &own.key(at, "manifest.json"), manifest.to_string().as_bytes(), json!({})).await?;
    Ok(())
}

/// FV1, FV5: S3 says that all is well, and one bit is another when it is read back. Only SHA-256 over
/// what was read can know.
#[test]
fn a_bit_that_rots_behind_a_right_checksum_is_found() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "rotten").await?;
        let at = At::seconds_ahead(20);
        let mut rotten = own.appliance.archive().await?;
        let last = rotten.len() - 1;
        rotten[last] ^= 1;
        // The function that stores reads nothing back, so only the recovery role meets this.
        let read =
            Match::any().service("s3").action("GetObject").key_contains(&own.key(&at, "config"));
        let body = Bytes::from(rotten);
        let content_type = "application/octet-stream";
        let rot = Effect::Status { code: 200, body, content_type };
        let fault = scene.stack.gateway.fault(read, rot);
        own.back_up(&at).await?;
        is_rejected(&own, &at, "its SHA-256 when read back is ").await?;
        ensure!(fault.met() == 1, "it was read {} times", fault.met());
        Ok(())
    })
}

/// FV6, I9: a key that was disabled after the backup makes it unusable today, and says so; it is not rejected
/// for good, and is proven once the key is back.
#[test]
fn a_backup_whose_key_is_disabled_is_told_and_proven_once_it_is_back() -> Result<()> {
    tell_alone(async |scene| {
        let own = Own::begin(scene, "key-lost").await?;
        let at = At::seconds_ahead(20);
        let held = held(&own, &at).await?;
        let key = json!({ "KeyId": scene.output("VaultKeyArn")? });
        let aws = &scene.stack.aws;
        aws.call(RECOVERY, "kms", "disable_key", key.clone()).await?;
        held.release();
        let told = announced(own.scene, "Backup Rejected", own.is_about(&at)).await;
        aws.call(RECOVERY, "kms", "enable_key", key).await?;
        let told = told?;
        let reason = told["reason"].as_str().unwrap_or_default();
        ensure!(told["outcome"] == "failed" && reason.contains(" cannot be verified: "), "{told}");
        ensure!(own.receipt(&at, "rejected").await?.is_none(), "it is rejected for good");
        let event = json!({ "action": "verify", "system": own.name, "slot": at.slot });
        own.deliver("verify-upload", &event).await?;
        own.proven(&at).await
    })
}

/// I9, P1: what could not be seen or read leaves no verdict. Lambda tries the event again, and then
/// the backup is proven.
#[test]
fn a_look_that_fails_leaves_no_verdict_and_is_taken_again() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "unseen").await?;
        // A key of its own, so that no other story's look at the key fails.
        let key_arn = own.new_key(RECOVERY).await?;
        let key_id = key_arn.rsplit('/').next().unwrap_or_default().to_owned();
        own.upload(&own.plan(&Wanted { key_arn, ..own.wanted() })).await?;
        let s3 =
            |action: &str, key: &str| Match::any().service("s3").action(action).key_contains(key);
        let verify = scene.access_key("verify-upload").await?;
        let kms = Match::any().service("kms").access_key(&verify).key_contains(&key_id);
        for (n, look) in (1..).zip(["read back", "facts", "listing", "key"]) {
            let at = At::seconds_ahead(n * 20);
            let (looks, effect, said) = match look {
                "read back" => (s3("GetObject", &own.key(&at, "config")), Effect::Refuse, &at.slot),
                "facts" => (s3("HeadObject", &own.key(&at, "config")), Effect::Refuse, &at.slot),
                "listing" => (s3("ListObjectsV2", &own.key(&at, "")), broken(), &at.slot),
                _ => (kms.clone(), broken(), &key_id),
            };
            // The rule's own delivery is held until there is a fault.
            let held = held(&own, &at).await?;
            let fault = scene.stack.gateway.fault(looks, effect);
            held.release();
            let failed = until("the look fails", WAIT_S_MAX, || async {
                let failed = outcomes(scene, "verify-upload", "failed: ").await?;
                Ok(failed.into_iter().find(|(_, sentence)| sentence.contains(said.as_str())))
            });
            let (word, sentence) = failed.await.with_context(|| look.to_owned())?;
            ensure!(word == "failed" && fault.met() > 0, "{look}: {sentence}");
            for verdict in ["verified", "rejected"] {
                let receipt = own.receipt(&at, verdict).await?;
                ensure!(receipt.is_none(), "{look}: {verdict} without a look");
            }
            fault.heal();
            let event = json!({ "action": "verify", "system": own.name, "slot": at.slot });
            own.deliver("verify-upload", &event).await?;
            own.proven(&at).await.with_context(|| look.to_owned())?;
        }
        Ok(())
    })
}

fn broken() -> Effect {
    let body = Bytes::from_static(b"<Error><Code>InternalError</Code></Error>");
    Effect::Status { code: 500, body, content_type: "application/xml" }
}

/// Makes a backup, and holds its verification before it has looked at anything.
async fn held(own: &Own, at: &At) -> Result<Held> {
    let first = format!("receipts/{}/{}/rejected.json", own.name, at.slot);
    let first = Match::any().service("s3").action("GetObject").key_contains(&first);
    let mut trap = own.scene.stack.gateway.trap_times(first, Moment::Before, 1);
    own.back_up(at).await?;
    trap.caught(WITHIN).await
}
