//! A key that cannot protect a backup is refused before a byte is sent (seeds A16 to A18, FB5).

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde_json::json;
use warmspare_tests::scene::{ACCOUNT, HOME, RECOVERY};
use warmspare_tests::stack::gateway::{Effect, Match};

use crate::stories::own::{At, Own, Wanted};
use crate::stories::shared_scene::{announced, tell};

/// The plan's key, and what the refusal says of it: in any of these states nothing is sent, and
/// people are told why.
#[test]
fn a_key_that_cannot_protect_is_refused_before_a_byte_is_sent() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "bad-keys").await?;
        let aws = &scene.stack.aws;
        let disabled = own.new_key(RECOVERY).await?;
        aws.call(RECOVERY, "kms", "disable_key", json!({ "KeyId": disabled })).await?;
        let deleted = own.new_key(RECOVERY).await?;
        let args = json!({ "KeyId": deleted, "PendingWindowInDays": 7 });
        aws.call(RECOVERY, "kms", "schedule_key_deletion", args).await?;
        let missing =
            format!("arn:aws:kms:{RECOVERY}:{ACCOUNT}:key/00000000-0000-4000-8000-000000000000");
        let keys = [
            (disabled, "it is Disabled and not Enabled"),
            (deleted, "it is PendingDeletion and will be deleted at "),
            (missing, "it does not exist"),
        ];
        for (minutes, (key_arn, why)) in (1..).zip(keys) {
            let at = At::minutes_ago(minutes);
            own.upload(&own.plan(&Wanted { key_arn: key_arn.clone(), ..own.wanted() })).await?;
            let answer = own.back_up(&at).await?;
            let reason = answer["reason"].as_str().unwrap_or_default();
            ensure!(answer["outcome"] == "refused", "{key_arn}: {answer}");
            ensure!(reason.contains(&key_arn) && reason.contains(why), "{key_arn}: {answer}");
            let told = announced(scene, "Backup Refused", own.is_about(&at)).await?;
            ensure!(told["reason"] == reason, "{key_arn}: {told}");
            nothing_was_sent(&own, &at).await?;
        }
        Ok(())
    })
}

/// Seed A18, and aliases, which can be pointed elsewhere between the backup and the disaster: what
/// is wrong with a key's name is a problem of the plan.
#[test]
fn a_key_whose_name_is_wrong_is_a_problem_of_the_plan() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "key-names").await?;
        let alias = format!("arn:aws:kms:{RECOVERY}:{ACCOUNT}:alias/warmspare-vault");
        let elsewhere = own.new_key(HOME).await?;
        let names = [
            (alias.as_str(), "an alias"),
            ("alias/warmspare-vault", "an alias"),
            (elsewhere.as_str(), "must be a key in us-west-2"),
        ];
        for (minutes, (named, why)) in (1..).zip(names) {
            let at = At::minutes_ago(minutes);
            let key_arn = named.to_owned();
            own.upload(&own.plan(&Wanted { key_arn, ..own.wanted() })).await?;
            let answer = own.back_up(&at).await?;
            let sentence = answer["errorMessage"].as_str().context("it was not refused")?;
            ensure!(sentence.starts_with("the plan has 1 problem(s): "), "{answer}");
            ensure!(sentence.contains(named) && sentence.contains(why), "{answer}");
            nothing_was_sent(&own, &at).await?;
        }
        Ok(())
    })
}

/// Seed A16: keys of S3's own are asked for, S3 says that it took them, and the backup is proven and copied
/// to `latest/` so.
#[test]
fn a_plan_may_choose_keys_of_s3s_own() -> Result<()> {
    tell(async |scene| {
        let own = Own::new(scene, "keys-of-s3").await?;
        let wanted = own.wanted();
        let key_line = format!("kms_key = \"{}\"", wanted.key_arn);
        own.upload(&own.plan(&wanted).replace(&key_line, "encryption = \"aes256\"")).await?;
        let slot = own.first_slot().await?;
        for folder in [slot.as_str(), "latest"] {
            for source in ["database", "config"] {
                let key = format!("backups/{}/{folder}/{source}", own.name);
                let head = own.head(&key).await?;
                ensure!(head["ServerSideEncryption"] == "AES256", "{key}: {head}");
                ensure!(head["SSEKMSKeyId"].is_null(), "{key}: {head}");
            }
        }
        Ok(())
    })
}

/// KMS that does not answer says nothing of the key: neither a refusal nor a backup, and the retry
/// of the same event makes it.
#[test]
fn a_key_of_which_nothing_is_known_is_neither_refused_nor_used() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "unknown-key").await?;
        let key_arn = own.new_key(RECOVERY).await?;
        own.upload(&own.plan(&Wanted { key_arn: key_arn.clone(), ..own.wanted() })).await?;
        let id = key_arn.rsplit('/').next().unwrap_or_default();
        let broken = Effect::Status {
            code: 500,
            body: Bytes::from_static(
                b"{\"__type\":\"KMSInternalException\",\"message\":\"broken\"}",
            ),
            content_type: "application/x-amz-json-1.1",
        };
        let asked = Match::any().service("kms").action("DescribeKey").key_contains(id);
        let fault = scene.stack.gateway.fault(asked, broken);
        let at = At::minutes_ago(1);
        let answer = own.back_up(&at).await?;
        ensure!(answer["errorType"] == "Fault.Retryable", "{answer}");
        let sentence = answer["errorMessage"].as_str().unwrap_or_default();
        ensure!(sentence.contains("looking at the key"), "{answer}");
        nothing_was_sent(&own, &at).await?;
        fault.heal();
        let answer = own.back_up(&at).await?;
        ensure!(answer["outcome"] == "done", "{answer}");
        own.proven(&at).await
    })
}

/// By what went over the wire: no call that stores anything, below this backup's name.
async fn nothing_was_sent(own: &Own, at: &At) -> Result<()> {
    let folder = own.key(at, "");
    for action in ["PutObject", "CreateMultipartUpload", "UploadPart", "CopyObject"] {
        let calls = own.calls(action, &folder);
        ensure!(calls.is_empty(), "{action} was called: {calls:?}");
    }
    ensure!(own.files(at).await?.is_empty(), "{:?}", own.files(at).await?);
    Ok(())
}
