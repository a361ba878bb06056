//! `kill -9` in the middle of an upload in several parts: nothing of it is visible, the next delivery makes the
//! backup, and the parts that nobody will complete are freed by the sweep.

use anyhow::{Result, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};
use warmspare_tests::scene::RECOVERY;
use warmspare_tests::stack::gateway::{Effect, Match, Moment};

use crate::stories::backup::kill_at;
use crate::stories::bucket;
use crate::stories::own::{At, Own};
use crate::stories::shared_scene::{PART_BYTES, tell};

/// Where it dies, how many parts it leaves to be freed, and whether the object is there.
type Death = (&'static str, Moment, usize, bool);

/// S3 may know nothing of it yet, have an upload without a part, with one, with all of them, or have
/// completed it although nobody was told.
const DEATHS: [Death; 6] = [
    ("CreateMultipartUpload", Moment::Before, 0, false),
    ("CreateMultipartUpload", Moment::After, 1, false),
    ("UploadPart", Moment::Before, 1, false),
    ("UploadPart", Moment::After, 1, false),
    ("CompleteMultipartUpload", Moment::Before, 1, false),
    ("CompleteMultipartUpload", Moment::After, 0, true),
];

/// FB2, FA6, I8. The sweep goes by S3's clock and by an hour: the gateway dates S3's answer back, which is all
/// that the function can see of an hour.
#[test]
fn an_upload_that_is_killed_leaves_nothing_visible_and_no_parts_once_it_is_swept() -> Result<()> {
    tell(async |scene| {
        let own = Own::with_archive(scene, "killed-upload", PART_BYTES + (1 << 16)).await?;
        own.upload(&own.plan(&own.wanted())).await?;
        own.first_slot().await?;
        let mut left = 0;
        for (minutes, (action, moment, leaves, is_there)) in (1..).zip(DEATHS) {
            let at = At::minutes_ago(minutes);
            let key = own.key(&at, "config");
            let during = format!("killed {moment:?} {action}");
            let call = Match::any().action(action).key_contains(&key);
            kill_at(&own, &at, call, moment).await?;
            let files = own.files(&at).await?;
            let wanted: &[&str] = if is_there { &["config", "database"] } else { &["database"] };
            ensure!(files == wanted, "{during}: {files:?}");
            ensure!(unfinished(&own, &key).await? == leaves, "{during}: parts of {key}");
            left += leaves;

            let answer = own.back_up(&at).await?;
            let reason = answer["reason"].as_str().unwrap_or_default();
            ensure!(reason.contains(" is stored: 2 object(s)"), "{during}: {answer}");
            let versions = own.versions(&key).await?;
            ensure!(versions == 1, "{during}: {versions} versions of {key}");
            own.proven(&at).await?;
        }
        let all = format!("backups/{}/", own.name);
        ensure!(unfinished(&own, &all).await? == left, "the retries have touched what was left");
        // Their runs might be alive for all that the sweep can know.
        ensure!(!sweep(&own).await?.contains("aborted"), "it aborts what is young");
        ensure!(unfinished(&own, &all).await? == left, "it aborts what is young");

        let listing = Match::any().service("s3").action("ListMultipartUploads").key_contains(&all);
        let by = SignedDuration::from_hours(1);
        let passed =
            scene.stack.gateway.fault(listing, Effect::Earlier { element: "Initiated", by });
        let said = sweep(&own).await?;
        let wanted = format!("{left} upload(s) that a killed run had left were aborted");
        ensure!(passed.met() == 1 && said.contains(&wanted), "{said}");
        ensure!(unfinished(&own, &all).await? == 0, "parts are left");
        println!(
            "killed at each of {} points; {left} uploads were left, and are freed",
            DEATHS.len()
        );
        Ok(())
    })
}

/// FB2, I8: the same of an artifact, which lies beside all backups, and is copied once.
#[test]
fn an_artifact_whose_copy_is_killed_leaves_no_parts_once_it_is_swept() -> Result<()> {
    tell(async |scene| {
        let own = Own::new(scene, "killed-artifact").await?;
        bucket::make_depot(&own).await?;
        bucket::put(&own, "core/small.hart", b"HART-1 small").await?;
        own.upload(&bucket::plan(&own)?).await?;
        own.first_slot().await?;
        let long = vec![7; usize::try_from(PART_BYTES)? + (1 << 16)];
        bucket::put(&own, "core/large.hart", &long).await?;

        let at = At::minutes_ago(1);
        let folder = format!("artifacts/{}/", own.name);
        let call = Match::any().action("UploadPart").key_contains(&folder);
        kill_at(&own, &at, call, Moment::After).await?;
        ensure!(unfinished(&own, &folder).await? == 1, "nothing was left");
        let answer = own.back_up(&at).await?;
        let reason = answer["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("with 2 artifact(s)"), "{answer}");
        own.proven(&at).await?;
        ensure!(scene.keys(&folder).await?.len() == 2, "an artifact was copied twice");

        ensure!(!sweep(&own).await?.contains("aborted"), "it aborts what is young");
        let listing = Match::any().service("s3").action("ListMultipartUploads");
        let listing = listing.key_contains(&folder);
        let by = SignedDuration::from_hours(1);
        let passed =
            scene.stack.gateway.fault(listing, Effect::Earlier { element: "Initiated", by });
        let said = sweep(&own).await?;
        let wanted = "1 upload(s) that a killed run had left were aborted";
        ensure!(passed.met() == 1 && said.contains(wanted), "{said}");
        ensure!(unfinished(&own, &folder).await? == 0, "parts are left");
        Ok(())
    })
}

/// How many uploads in parts S3 knows below a prefix.
async fn unfinished(own: &Own, prefix: &str) -> Result<usize> {
    let args = json!({ "Bucket": own.scene.vault(), "Prefix": prefix });
    let listed = own.scene.stack.aws.call(RECOVERY, "s3", "list_multipart_uploads", args).await?;
    Ok(listed["Uploads"].as_array().map_or(0, Vec::len))
}

/// What the sweep of this system says.
async fn sweep(own: &Own) -> Result<String> {
    let event = json!({ "action": "sweep", "system": own.name });
    let answer: Value = own.scene.invoke("verify-upload", &event).await?;
    Ok(answer["reason"].as_str().unwrap_or_default().to_owned())
}
