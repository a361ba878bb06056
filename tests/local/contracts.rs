//! Starts the servers against which shared/aws holds its S3 adapter (`shared/aws/src/vault/contract.rs` has the
//! cases and the table of what differs from AWS): MiniStack as it was published, MiniStack as the local stack
//! runs it, and moto. Each gets a versioned bucket, two keys, the role that restores, and a user who may only
//! read.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a field that JSON does not have reads as null, and what differs from AWS is told"
)]

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use warmspare_tests::stack::aws::Aws;
use warmspare_tests::stack::folders::Run;
use warmspare_tests::stack::functions::host_triple;
use warmspare_tests::stack::ministack::{ACCOUNT, MiniStack};
use warmspare_tests::stack::moto::Moto;
use warmspare_tests::stack::venv::Venv;
use warmspare_tests::stack::{self, preflight};

use crate::built_apart;

const REGION: &str = "us-west-2";
const BUCKET: &str = "warmspare-contract";

#[tokio::test]
async fn the_s3_adapter_is_held_against_two_emulators() -> Result<()> {
    let tell: stack::Tell = std::sync::Arc::new(|sentence| eprintln!("{sentence}"));
    let venv = stack::ready(preflight::RUN_BYTES, &tell).await?;
    let run = Run::begin()?;
    let [published_in, mended_in, moto_in] =
        ["published", "mended", "moto"].map(|name| run.folder(name));
    let (published_in, mended_in, moto_in) = (published_in?, mended_in?, moto_in?);
    let (published, mended, moto) = tokio::try_join!(
        MiniStack::start_as_published(&venv, &published_in),
        MiniStack::start(&venv, &mended_in, "", &[]),
        Moto::start(&venv, &moto_in),
    )?;
    let (published, mended, moto) = tokio::try_join!(
        prepared("MiniStack", published.url(), &published_in, &venv),
        prepared("MiniStack, mended", mended.url(), &mended_in, &venv),
        prepared("moto", moto.url(), &moto_in, &venv),
    )?;
    let servers = Value::from(vec![published, mended, moto]).to_string();
    let which = ["--package", "warmspare-aws", "--target", &host_triple()?];
    let told = ["--ignored", "--nocapture", "vault::contract::"];
    let beside = [("WARMSPARE_CONTRACT", servers.as_str())];
    println!("{}", built_apart::runs("contract", &which, &told, &beside).await?);
    Ok(())
}

/// What a server is told before it is asked anything, as the tests of shared/aws read it.
async fn prepared(name: &str, url: &str, folder: &Path, venv: &Venv) -> Result<Value> {
    let aws = Aws::start(venv, folder, url).await?;
    let make = async |service: &str, operation: &str, args: Value| {
        let made = aws.call(REGION, service, operation, args).await;
        made.with_context(|| format!("preparing {name}"))
    };
    let place = json!({ "LocationConstraint": REGION });
    make("s3", "create_bucket", json!({ "Bucket": BUCKET, "CreateBucketConfiguration": place }))
        .await?;
    let enabled = json!({ "Bucket": BUCKET, "VersioningConfiguration": { "Status": "Enabled" } });
    make("s3", "put_bucket_versioning", enabled).await?;
    let mut keys = Vec::new();
    for _ in ["vault", "plan"] {
        keys.push(make("kms", "create_key", json!({})).await?["KeyMetadata"]["Arn"].clone());
    }
    let principal = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:root") });
    let allows = |what: Value| json!({ "Version": "2012-10-17", "Statement": [what] }).to_string();
    let trust = allows(json!({
        "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole",
    }));
    let role = json!({ "RoleName": "recovery", "AssumeRolePolicyDocument": trust });
    let role = make("iam", "create_role", role).await?["Role"]["Arn"].clone();
    let read = |actions: Value| {
        allows(json!({
            "Effect": "Allow", "Action": actions, "Resource": "*",
        }))
    };
    let reads = read(json!(["s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt"]));
    make(
        "iam",
        "put_role_policy",
        json!({
            "RoleName": "recovery", "PolicyName": "read", "PolicyDocument": reads,
        }),
    )
    .await?;
    make("iam", "create_user", json!({ "UserName": "reader" })).await?;
    make("iam", "put_user_policy", json!({
        "UserName": "reader", "PolicyName": "read", "PolicyDocument": read(json!("s3:GetObject")),
    }))
    .await?;
    let key = make("iam", "create_access_key", json!({ "UserName": "reader" })).await?;
    let reader = [&key["AccessKey"]["AccessKeyId"], &key["AccessKey"]["SecretAccessKey"]];
    Ok(json!({
        "name": name, "url": url, "account": ACCOUNT, "region": REGION, "bucket": BUCKET,
        "vault_key": keys[0], "plan_key": keys[1], "recovery_role": role, "reader": reader,
    }))
}
