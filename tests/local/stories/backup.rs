//! A backup: named by the scheduled instant, stored once whatever comes twice, encrypted under the
//! plan's key, whole or not there.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};
use warmspare_act::stream::sums_of;
use warmspare_tests::scene::{RECOVERY, STACK, SYSTEM, secret, until};
use warmspare_tests::stack::appliance::Trouble;
use warmspare_tests::stack::deliver::Outcome;
use warmspare_tests::stack::folders::Run;
use warmspare_tests::stack::functions::kill_9;
use warmspare_tests::stack::gateway::{Match, Moment};
use warmspare_tests::stack::ports;
use warmspare_tests::stack::postgres::{Cluster, Postgres, USER};

use crate::stories::own::{At, Own, Wanted};
use crate::stories::shared_scene::{
    PART_BYTES, WAIT_S_MAX, announced, dead_letter, outcomes, tell,
};

const WITHIN: std::time::Duration = std::time::Duration::from_secs(WAIT_S_MAX);

/// Seeds A3 and A9: the schedule brings the backup, and its instant names it. EventBridge Scheduler
/// delivers at least once, so the same instant may come three times: FB9, P4.
#[test]
fn an_instant_that_is_delivered_three_times_is_one_backup() -> Result<()> {
    tell(async |scene| {
        let at = At::minutes_ago(7);
        let schedule = format!("warmspare-backup-{SYSTEM}");
        let fired = scene.scheduler.fire(&schedule, at.instant, 3).await?;
        ensure!(fired.iter().all(|fired| fired.outcome == Outcome::Invoked), "{fired:?}");
        let said = until("three outcomes", WAIT_S_MAX, || async {
            let said = outcomes(scene, "scheduled-backup", &format!("backup {} ", at.slot)).await?;
            Ok((said.len() >= 3).then_some(said))
        })
        .await?;
        ensure!(said.iter().all(|(word, _)| word == "done"), "{said:?}");
        let new = said.iter().filter(|(_, sentence)| sentence.contains(" is stored: ")).count();
        ensure!(new == 1, "it was stored {new} times: {said:?}");
        announced(scene, "Backup Verified", |told| told["slot"] == at.slot.as_str()).await?;
        let key = format!("backups/{SYSTEM}/{}/", at.slot);
        let keys = scene.keys(&key).await?;
        let names = ["config", "database", "manifest.json"].map(|name| format!("{key}{name}"));
        ensure!(keys == names, "{keys:?}");
        for name in &names {
            let puts = Match::any().service("s3").action("PutObject").key_contains(name);
            let puts = scene.stack.gateway.calls(&puts);
            let stored = puts.iter().filter(|call| call.status == Some(200)).count();
            ensure!(stored == 1, "{name} was stored {stored} times");
        }
        // Told as often as it was asked for, and each time the same, word for word.
        let told = scene.told.of("Backup Stored").await?;
        let about: Vec<_> = told.iter().filter(|told| told["slot"] == at.slot.as_str()).collect();
        ensure!(!about.is_empty() && about.windows(2).all(|two| two[0] == two[1]), "{about:?}");
        Ok(())
    })
}

/// Seeds A6, B3: the first plan is backed up at once, and a later version of it is not. A11, B4: a
/// person may ask at any time, and the same request again is the same backup.
#[test]
fn the_first_plan_is_backed_up_at_once_and_a_person_may_ask_for_more() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "first-plan").await?;
        own.upload(&own.plan(&own.wanted()).replace("keep = 30", "keep = 29")).await?;
        until("the second plan is seen", WAIT_S_MAX, || async {
            let said = outcomes(scene, "scheduled-backup", "the plan of first-plan was changed");
            Ok((!said.await?.is_empty()).then_some(()))
        })
        .await?;
        let folder = "backups/first-plan/";
        let manifests = || async {
            let keys = scene.keys(folder).await?;
            anyhow::Ok(keys.iter().filter(|key| key.ends_with("/manifest.json")).count())
        };
        ensure!(manifests().await? == 1, "the second plan was backed up too");
        let at = At::minutes_ago(2);
        let event = json!({
            "action": "backup-now", "system": own.name, "scheduled": at.instant.to_string(),
            "reason": "before an upgrade",
        });
        for how in [" is stored: ", " was stored before: "] {
            let answer = scene.invoke("scheduled-backup", &event).await?;
            let reason = answer["reason"].as_str().unwrap_or_default();
            ensure!(answer["outcome"] == "done" && reason.contains(how), "{answer}");
        }
        ensure!(manifests().await? == 2, "one request, and one backup");
        own.proven(&at).await
    })
}

/// Seeds A15 to A17, C4: what is in the vault is encrypted under the plan's key, is what the sources
/// gave, and can be restored. A4, B1, B6, C9: into another database, by nothing but what lies there.
#[test]
fn what_is_stored_is_encrypted_and_can_be_restored() -> Result<()> {
    tell(async |scene| {
        let own = Own::new(scene, "restorable").await?;
        own.upload(&own.plan(&own.wanted())).await?;
        let slot = own.first_slot().await?;
        let names: Vec<String> = (0..20).map(|n| format!("switch-{n:02}")).collect();
        own.appliance.add_devices(&names).await?;
        let at = At::seconds_ahead(20);
        ensure!(at.slot > slot, "the next backup is named by a later instant");
        let archive = own.appliance.archive().await?;
        own.back_up(&at).await?;
        let manifest = own.manifest(&at).await?;
        let key_arn = scene.output("VaultKeyArn")?;
        ensure!(manifest["key_arn"] == key_arn, "{manifest}");
        for stored in manifest["objects"].as_array().context("no objects")? {
            let key = stored["key"].as_str().unwrap_or_default();
            let head = own.head(key).await?;
            ensure!(head["ServerSideEncryption"] == "aws:kms", "{key}: {head}");
            ensure!(head["SSEKMSKeyId"] == key_arn, "{key}: {head}");
            ensure!(head["ChecksumType"] == "FULL_OBJECT", "{key}: {head}");
            ensure!(head["ChecksumCRC64NVME"] == stored["sums"]["crc64nvme"], "{key}: {head}");
            ensure!(head["VersionId"] == stored["version_id"], "{key}: {head}");
            let body = own.object(key).await?;
            let digest = Sha256::digest(&body);
            let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            ensure!(stored["sums"]["sha256"] == sha256, "{key}: {stored}");
            ensure!(stored["sums"]["size_bytes"] == body.len(), "{key}: {stored}");
        }
        let config = own.object(&own.key(&at, "config")).await?;
        ensure!(config == archive, "the settings are not what the appliance gave");
        let dump = own.object(&own.key(&at, "database")).await?;
        let query = "SELECT name FROM devices WHERE name LIKE 'switch-%' ORDER BY name";
        let restored = scene.restored(&scene.east.cluster, &dump, query).await?;
        ensure!(restored == names, "the dump restores {restored:?}");
        own.proven(&at).await
    })
}

/// FB2: kill -9 before and after each of the three objects. No manifest, no backup; and the next
/// delivery of the same instant adopts what is whole, and goes on.
#[test]
fn a_run_that_is_killed_leaves_no_backup_and_the_next_delivery_makes_it_whole() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "killed").await?;
        let moments = [
            ("database", Moment::Before, &[][..]),
            ("database", Moment::After, &["database"][..]),
            ("config", Moment::Before, &["database"][..]),
            ("config", Moment::After, &["config", "database"][..]),
            ("manifest.json", Moment::Before, &["config", "database"][..]),
            ("manifest.json", Moment::After, &["config", "database", "manifest.json"][..]),
        ];
        for (minutes, (file, moment, left)) in (1..).zip(moments) {
            let at = At::minutes_ago(minutes);
            let put = Match::any().action("PutObject").key_contains(&own.key(&at, file));
            kill_at(&own, &at, put, moment).await?;
            let files = own.files(&at).await?;
            ensure!(files == left, "killed {moment:?} {file}: {files:?}");
            let answer = own.back_up(&at).await?;
            let how = if left.contains(&"manifest.json") {
                " was stored before: "
            } else {
                " is stored: "
            };
            let reason = answer["reason"].as_str().unwrap_or_default();
            ensure!(reason.contains(how), "killed {moment:?} {file}: {answer}");
            for name in ["database", "config", "manifest.json"] {
                let versions = own.versions(&own.key(&at, name)).await?;
                ensure!(versions == 1, "killed {moment:?} {file}: {versions} versions of {name}");
            }
            // What was whole is read back, and not asked for a second time.
            let sent = own.calls("PutObject", &own.key(&at, "database")).len();
            let sent_once = left.contains(&"database");
            ensure!(!sent_once || sent == 1, "killed {moment:?} {file}: sent {sent} times");
            announced(scene, "Backup Stored", own.is_about(&at)).await?;
            own.proven(&at).await?;
        }
        Ok(())
    })
}

/// Kills the process that makes a backup, at one of its calls. It was invoked so that Lambda does not
/// try it again.
pub(crate) async fn kill_at(own: &Own, at: &At, call: Match, moment: Moment) -> Result<()> {
    let stack = &own.scene.stack;
    let mut trap = stack.gateway.trap_times(call.service("s3"), moment, 1);
    let killing = async {
        let held = trap.caught(WITHIN).await?;
        kill_9(stack.caller(&format!("{STACK}-scheduled-backup"), &held.call)?)?;
        held.lose();
        anyhow::Ok(())
    };
    let (killed, answer) = tokio::join!(killing, own.back_up(at));
    killed?;
    let answer = answer?;
    ensure!(answer["errorType"] == "Runtime.ExitError", "it was not killed: {answer}");
    Ok(())
}

/// FB11: a dump that fails is a fault, tried again and then kept as a dead letter; no backup of that
/// instant is visible, until its cause is gone.
#[test]
fn a_dump_that_fails_is_no_backup() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "no-dump").await?;
        let wrong = json!({ "username": USER, "password": "not this one" }).to_string();
        let args = json!({ "Name": "warmspare/no-dump", "SecretString": wrong });
        scene.stack.aws.call(RECOVERY, "secretsmanager", "create_secret", args).await?;
        let good = own.wanted();
        let broken = [
            (
                Wanted { secret: "no-dump".to_owned(), ..good.clone() },
                "password authentication failed",
            ),
            (Wanted { port: ports::free()?, ..good.clone() }, "Connection refused"),
            (Wanted { secret: "nowhere".to_owned(), ..good.clone() }, &*secret("nowhere")),
        ];
        for (minutes, (wanted, why)) in (1..).zip(broken) {
            let at = At::minutes_ago(minutes);
            own.upload(&own.plan(&wanted)).await?;
            fails(&own, &at, why).await?;
            ensure!(own.files(&at).await?.is_empty(), "{why}: {:?}", own.files(&at).await?);
            own.upload(&own.plan(&good)).await?;
            heals(&own, &at).await?;
        }
        Ok(())
    })
}

/// A real server of PostgreSQL 18, dumped by the `pg_dump` of 16 that this stack has for a layer: refused at
/// once with both versions, and told.
#[test]
fn a_database_that_is_newer_than_pg_dump_is_refused_by_its_version() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "newer-server").await?;
        let venv = crate::stack::shared_venv().await?;
        let run = std::sync::Arc::new(Run::begin()?);
        let newer = Cluster::primary(&Postgres::newer(&venv, &run)?, "newer").await?;
        own.upload(&own.plan(&Wanted { port: newer.port(), ..own.wanted() })).await?;
        let at = At::minutes_ago(1);
        let answer = own.back_up(&at).await?;
        let reason = answer["reason"].as_str().unwrap_or_default();
        ensure!(answer["outcome"] == "refused", "{answer}");
        for part in ["runs PostgreSQL 18.", "pg_dump 16.", " does not dump that"] {
            ensure!(reason.contains(part), "{reason}");
        }
        let told = announced(scene, "Backup Refused", own.is_about(&at)).await?;
        ensure!(told["reason"] == reason, "{told}");
        ensure!(own.files(&at).await?.is_empty(), "{:?}", own.files(&at).await?);
        own.upload(&own.plan(&own.wanted())).await?;
        heals(&own, &at).await
    })
}

/// FB1: half an answer is none. What came before it stays, is no backup without a manifest, and is
/// adopted once the appliance is well.
#[test]
fn an_appliance_that_answers_badly_gives_no_backup() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "bad-answers").await?;
        let troubles = [
            (Trouble::Status(500), "it answered 500, where 200 was expected"),
            (Trouble::Status(302), "it answered 302, where 200 was expected"),
            (Trouble::CutBody(1000), "/export: "),
            (Trouble::WrongLength(1 << 20), "/export: "),
            (Trouble::AnswerLost, "it closed the connection before it had answered"),
            (Trouble::Refuse, "nothing listens there"),
        ];
        for (minutes, (trouble, why)) in (1..).zip(troubles) {
            let at = At::minutes_ago(minutes);
            own.appliance.answer("/export", trouble.clone()).await;
            fails(&own, &at, why).await?;
            let files = own.files(&at).await?;
            ensure!(files == ["database"], "{trouble:?}: {files:?}");
            own.appliance.heal().await?;
            heals(&own, &at).await?;
            let versions = own.versions(&own.key(&at, "database")).await?;
            ensure!(versions == 1, "{trouble:?}: the dump was not adopted");
        }
        Ok(())
    })
}

/// FB3: a source that breaks off after parts of it were stored: it has more than are on their way together.
/// The upload is aborted, and nothing of it is ever visible or paid for.
#[test]
fn a_large_source_that_breaks_off_leaves_no_parts() -> Result<()> {
    tell(async |scene| {
        let whole_bytes = 6 * PART_BYTES;
        let own = Own::with_archive(scene, "large", whole_bytes + (1 << 20)).await?;
        own.appliance.answer("/export", Trouble::CutBody(whole_bytes + (1 << 19))).await;
        own.upload(&own.plan(&own.wanted())).await?;
        let text = format!("{}/export", own.appliance.url());
        let (word, sentence) = until("the first backup fails", WAIT_S_MAX, || async {
            Ok(outcomes(scene, "scheduled-backup", &text).await?.into_iter().next())
        })
        .await?;
        ensure!(word == "failed", "{sentence}");
        let sent = own.calls("UploadPart", "backups/large/");
        ensure!(sent.iter().any(|call| call.status == Some(200)), "no part was stored: {sent:?}");
        let aborted = own.calls("AbortMultipartUpload", "backups/large/");
        ensure!(aborted.len() == 1 && aborted[0].status == Some(204), "{aborted:?}");
        let args = json!({ "Bucket": scene.vault(), "Prefix": "backups/large/" });
        let left = scene.stack.aws.call(RECOVERY, "s3", "list_multipart_uploads", args).await?;
        ensure!(left["Uploads"].as_array().is_none_or(Vec::is_empty), "{left}");
        let keys = scene.keys("backups/large/").await?;
        ensure!(keys.len() == 1 && keys[0].ends_with("/database"), "{keys:?}");
        Ok(())
    })
}

/// An appliance that accepts the connection, takes the request, and says nothing is waited for as long as the
/// plan says. It holds up nobody but this one backup, and nothing of it is stored.
#[test]
fn an_appliance_that_never_answers_gives_no_backup() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "silent").await?;
        let plan = own.plan(&own.wanted());
        own.upload(&plan.replace("/export\"", "/export\", timeout = \"2s\"")).await?;
        let at = At::minutes_ago(1);
        own.appliance.answer("/export", Trouble::Nothing).await;
        let answer = own.back_up(&at).await?;
        let why = answer["errorMessage"].as_str().unwrap_or_default();
        ensure!(why.contains("it took the request, and did not answer in time"), "{answer}");
        ensure!(answer["errorType"] == "Fault.Retryable", "{answer}");
        ensure!(own.files(&at).await? == ["database"], "{:?}", own.files(&at).await?);
        own.appliance.heal().await?;
        heals(&own, &at).await
    })
}

/// A bucket cannot know an appliance's settings from an apology that comes with 200. What the vault
/// holds is what the appliance gave, and the manifest says how much that was.
#[test]
fn what_an_appliance_gives_with_200_is_stored_as_it_is() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "garbage").await?;
        let at = At::minutes_ago(1);
        own.appliance.answer("/export", Trouble::Garbage).await;
        own.back_up(&at).await?;
        let manifest = own.manifest(&at).await?;
        let config = own.object(&own.key(&at, "config")).await?;
        ensure!(config.starts_with(b"<html>"), "{config:?}");
        ensure!(manifest["objects"][1]["sums"] == json!(sums_of(&config)), "{manifest}");
        own.proven(&at).await
    })
}

/// The event fails in all its tries, with a sentence that says why, and is kept; nobody is told of a
/// backup.
async fn fails(own: &Own, at: &At, why: &str) -> Result<()> {
    let event = own.backup_event(at);
    own.deliver_backup(at).await?;
    let letter =
        dead_letter(own.scene, "scheduled-backup", |letter| letter["requestPayload"] == event)
            .await?;
    let sentence = letter["responsePayload"]["errorMessage"].as_str().unwrap_or_default();
    ensure!(sentence.contains(why), "expected {why:?}: {letter}");
    let kind = letter["responsePayload"]["errorType"].as_str().unwrap_or_default();
    ensure!(kind.starts_with("Fault."), "{letter}");
    ensure!(!own.files(at).await?.contains(&"manifest.json".to_owned()), "{why}: a manifest");
    let told = own.scene.told.of("Backup Stored").await?;
    ensure!(!told.iter().any(own.is_about(at)), "{why}: it was told as stored");
    Ok(())
}

/// With its cause gone, the same event makes the backup, and it is proven.
async fn heals(own: &Own, at: &At) -> Result<()> {
    let answer = own.back_up(at).await?;
    let reason = answer["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains(" is stored: 2 object(s)"), "{answer}");
    own.proven(at).await
}
