//! Least privilege, by what the functions were seen to ask for: MiniStack holds each of them to its
//! role, so an action that is missing shows as a denial, and one that is not needed as never used.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde_json::json;
use warmspare_act::permissions;
use warmspare_tests::scene::{FUNCTIONS, SYSTEM, Scene};
use warmspare_tests::stack::gateway::{Call, Match};

use crate::stories::own::{At, Own};
use crate::stories::shared_scene::tell;

/// What a service does in the name of whoever asked it for something else, and no gateway sees.
const IMPLIED: [&str; 4] =
    ["iam:PassRole", "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"];

/// That no function has asked for an action which its ports do not name, and that none was denied.
pub(crate) async fn kept(scene: &Scene) -> Result<()> {
    for (function, calls) in calls_by_function(scene).await? {
        for call in calls {
            let action = iam_action(&call);
            let is_named = permissions::of(function).contains(&action.as_str());
            ensure!(is_named, "{function} asked for {action}, which none of its ports names");
            ensure!(
                call.status != Some(403) || call.fault.is_some(),
                "{function} was denied {action}: {call:?}"
            );
        }
    }
    Ok(())
}

async fn calls_by_function(scene: &Scene) -> Result<BTreeMap<&'static str, Vec<Call>>> {
    let mut calls = BTreeMap::new();
    for function in FUNCTIONS {
        let key = scene.access_key(function).await?;
        calls.insert(function, scene.stack.gateway.calls(&Match::any().access_key(&key)));
    }
    Ok(calls)
}

/// A call as IAM names what it takes: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>.
fn iam_action(call: &Call) -> String {
    let action = match (call.service.as_str(), call.action.as_str()) {
        ("s3", "GetObject" | "HeadObject") if call.path.contains("versionId=") => {
            "GetObjectVersion"
        }
        ("s3", "HeadObject") => "GetObject",
        ("s3", "ListObjectsV2") => "ListBucket",
        ("s3", "GetBucketReplication") => "GetReplicationConfiguration",
        ("s3", "GetPublicAccessBlock") => "GetBucketPublicAccessBlock",
        ("s3", "ListMultipartUploads") => "ListBucketMultipartUploads",
        ("s3", "ListObjectVersions") => "ListBucketVersions",
        ("s3", "PutObjectTagging") if call.path.contains("versionId=") => "PutObjectVersionTagging",
        (
            "s3",
            "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload",
        ) => "PutObject",
        (_, same) => same,
    };
    let service = if call.service == "monitoring" { "cloudwatch" } else { &call.service };
    format!("{service}:{action}")
}

/// The functions' ordinary work needs what their ports name; what of it was never used by any story
/// so far is printed, and is for a person to judge.
#[test]
fn ordinary_work_needs_nothing_that_the_ports_do_not_name() -> Result<()> {
    tell(async |scene| {
        let own = Own::begin(scene, "privileges").await?;
        let at = At::minutes_ago(1);
        own.back_up(&at).await?;
        own.proven(&at).await?;
        for (function, event) in [
            ("snapshot-export", json!({ "action": "sweep" })),
            ("prune-backups", json!({ "action": "prune", "system": own.name })),
            ("health-probe", json!({ "action": "probe", "system": SYSTEM })),
            (
                "failover-promotion",
                json!({ "action": "rehearse", "system": SYSTEM, "reason": "a story" }),
            ),
        ] {
            let answer = scene.invoke(function, &event).await?;
            ensure!(answer["outcome"].is_string(), "{function} answered {answer}");
        }
        kept(scene).await?;
        for (function, calls) in calls_by_function(scene).await? {
            ensure!(!calls.is_empty(), "{function} was not seen to call anything");
            let used: BTreeSet<String> = calls.iter().map(iam_action).collect();
            let unused = permissions::of(function)
                .iter()
                .filter(|action| !used.contains(**action) && !IMPLIED.contains(action));
            let unused: Vec<&str> = unused.copied().collect();
            println!("{function}: {} action(s) used, not used so far: {unused:?}", used.len());
        }
        Ok(())
    })
}
