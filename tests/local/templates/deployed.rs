//! The three templates, deployed on the emulator together as they would be on AWS, and taken down again.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use warmspare_tests::stack::ministack::ACCOUNT;
use warmspare_tests::stack::{Options, Stack, aws, wait};

use crate::templates::infra;
use crate::templates::patterns::{self, Place};
use crate::templates::template::{list, under};

const WEST: &str = "us-west-2";
const EAST: &str = "us-east-1";
const CAPABILITIES: [&str; 1] = ["CAPABILITY_IAM"];
const WITHIN: Duration = Duration::from_secs(90);

/// In the order in which they are taken down.
const STACKS: [(&str, &str); 3] =
    [(WEST, "warmspare-controller"), (WEST, "warmspare"), (EAST, "warmspare-primary")];

/// Deploys all three; the outputs of the recovery stack.
async fn deploy(stack: &Stack) -> anyhow::Result<BTreeMap<String, String>> {
    let code = json!({
        "Bucket": "code", "CreateBucketConfiguration": { "LocationConstraint": WEST },
    });
    stack.aws.call(WEST, "s3", "create_bucket", code).await?;
    // There are no zips: nothing is invoked here, and no schedule comes due.
    let recovery = [
        ("CodeBucket", "code"),
        ("PrimaryRegions", "us-east-1,eu-central-1"),
        ("HostedZones", "Z0123456789,ZABCDEF"),
    ];
    let recovery = stack
        .aws
        .deploy(WEST, "warmspare", &infra("recovery.yaml"), &recovery, &CAPABILITIES)
        .await?;
    let system = [
        ("System", "controller"),
        ("TimeZone", "Europe/Berlin"),
        ("ExportSchedule", "cron(30 0 * * ? *)"),
        ("ProbeRate", "rate(600 minutes)"),
        ("TickRate", "rate(24 hours)"),
    ];
    let template = infra("system.yaml");
    stack.aws.deploy(WEST, "warmspare-controller", &template, &system, &CAPABILITIES).await?;
    let primary = [("RecoveryRegion", WEST)];
    let template = infra("primary.yaml");
    stack.aws.deploy(EAST, "warmspare-primary", &template, &primary, &CAPABILITIES).await?;
    Ok(recovery)
}

/// The names that a stack gave its resources, by logical id.
async fn resources(
    stack: &Stack,
    region: &str,
    name: &str,
) -> anyhow::Result<BTreeMap<String, String>> {
    let args = json!({ "StackName": name });
    let answer = stack.aws.call(region, "cloudformation", "describe_stack_resources", args).await?;
    let resources = list(under(&answer, "/StackResources"));
    let text = |one: &Value, field: &str| under(one, field).as_str().unwrap_or_default().to_owned();
    Ok(resources
        .iter()
        .map(|one| (text(one, "/LogicalResourceId"), text(one, "/PhysicalResourceId")))
        .collect())
}

/// E9: what people are told by the rule for announcements is each of them, success and failure alike.
#[tokio::test]
async fn the_rules_take_what_they_should_and_nothing_else() -> anyhow::Result<()> {
    let stack = Stack::start(Options::default()).await?;
    let outputs = deploy(&stack).await?;
    let mut rules = BTreeMap::new();
    for (region, name) in STACKS {
        let named = resources(&stack, region, name).await?;
        rules.extend(named.into_iter().map(|(id, physical)| (id, (region, physical))));
    }
    let place = Place { account: ACCOUNT, vault: &outputs["VaultBucket"] };
    patterns::prove(&place, async |rule, event| {
        let (region, name) = rules.get(rule).with_context(|| format!("no rule {rule}"))?;
        let args = json!({ "Name": name });
        let deployed = stack.aws.call(region, "events", "describe_rule", args).await?;
        let args = json!({ "EventPattern": deployed["EventPattern"], "Event": event.to_string() });
        let answer = stack.aws.call(region, "events", "test_event_pattern", args).await?;
        Ok(answer["Result"] == true)
    })
    .await
}

/// The parameters that are lists are empty by default, and an empty list has to count as none.
#[tokio::test]
async fn without_a_network_and_keys_of_sources_no_role_may_have_any() -> anyhow::Result<()> {
    let stack = Stack::start(Options::default()).await?;
    deploy(&stack).await?;
    let roles = resources(&stack, WEST, "warmspare").await?;
    for id in ["ScheduledBackupRole", "FailoverPromotionRole", "HealthProbeRole"] {
        let args = json!({ "RoleName": roles[id] });
        let attached = stack.aws.call(WEST, "iam", "list_attached_role_policies", args).await?;
        assert!(list(under(&attached, "/AttachedPolicies")).is_empty(), "{id}: {attached}");
    }
    let args = json!({ "RoleName": roles["SnapshotExportRole"], "PolicyName": "acts" });
    let policy = stack.aws.call(WEST, "iam", "get_role_policy", args).await?;
    let statements = list(under(&policy, "/PolicyDocument/Statement"));
    let lends = |one: &&Value| one.to_string().contains("kms:CreateGrant");
    assert_eq!(statements.iter().filter(lends).count(), 1, "{policy}");
    Ok(())
}

#[tokio::test]
async fn taking_everything_down_leaves_the_backups_and_their_key() -> anyhow::Result<()> {
    let stack = Stack::start(Options::default()).await?;
    let outputs = deploy(&stack).await?;
    let (vault, key) = (&outputs["VaultBucket"], &outputs["VaultKeyArn"]);
    let put =
        json!({ "Bucket": vault, "Key": "plans/controller.toml", "Body": aws::bytes(b"plan") });
    stack.aws.call(WEST, "s3", "put_object", put).await?;
    for (region, name) in STACKS {
        let args = json!({ "StackName": name });
        stack.aws.call(region, "cloudformation", "delete_stack", args.clone()).await?;
        wait::until("the stack is gone", WITHIN, || async {
            let found =
                stack.aws.call(region, "cloudformation", "describe_stacks", args.clone()).await;
            Ok(found.is_err().then_some(()))
        })
        .await?;
    }
    let plan = stack.aws.object(WEST, vault, "plans/controller.toml").await?;
    assert_eq!(plan.as_deref(), Some(b"plan".as_slice()));
    let found = stack.aws.call(WEST, "kms", "describe_key", json!({ "KeyId": key })).await?;
    assert_eq!(found["KeyMetadata"]["KeyState"], "Enabled");
    Ok(())
}
