//! A role holds exactly what its function's ports name, both ways, on nothing wider than it has to be.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde_json::{Value, json};
use warmspare_act::permissions;

use crate::templates::template::{Template, list, referred, under};

/// What Lambda itself does in the name of every function's role.
const PLATFORM: [&str; 3] = ["logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"];

/// The actions for which there is nothing narrower to name; the template says why at each.
const WITHOUT_RESOURCE: [&str; 7] = [
    "autoscaling:DescribeAutoScalingGroups",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:PutMetricData",
    "rds:DescribeExportTasks",
    "rds:StartExportTask",
    "route53:GetChange",
];

/// Parameters that name what the template cannot know.
const SOURCE_KEYS: &str = "SourceKeyArns";
const BACKUP_KEYS: &str = "BackupKeyArns";
const GROUPS: &str = "SecurityGroupIds";

/// Which way every condition of the template comes out.
const BOTH: [bool; 2] = [true, false];

/// What an `If` of the template comes to; any other value is itself.
fn chosen(value: &Value, is_met: bool) -> Option<&Value> {
    let Some(branches) = value.get("Fn::If") else { return Some(value) };
    let branch = under(branches, if is_met { "/1" } else { "/2" });
    (referred(branch) != Some("AWS::NoValue")).then_some(branch)
}

/// The statements of a role: those in it, and those of policies that are attached to it.
fn statements<'t>(
    template: &'t Template,
    role: &str,
    is_met: bool,
) -> anyhow::Result<Vec<&'t Value>> {
    let own = template.resource(role)?.each("/Policies").iter();
    let own = own.flat_map(|policy| list(under(policy, "/PolicyDocument/Statement")));
    let attached = template.all("AWS::IAM::Policy").into_iter();
    let attached = attached
        .filter(|policy| policy.each("/Roles").iter().any(|named| referred(named) == Some(role)))
        .flat_map(|policy| policy.each("/PolicyDocument/Statement"));
    Ok(own.chain(attached).filter_map(|statement| chosen(statement, is_met)).collect())
}

fn actions(statement: &Value) -> Vec<&str> {
    let action = under(statement, "/Action");
    action.as_str().into_iter().chain(list(action).iter().filter_map(Value::as_str)).collect()
}

fn role_actions(template: &Template, role: &str, is_met: bool) -> anyhow::Result<BTreeSet<String>> {
    let statements = statements(template, role, is_met)?;
    let mut found = BTreeSet::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow", "{role}");
        found.extend(actions(statement).into_iter().map(str::to_owned));
    }
    Ok(found)
}

#[tokio::test]
async fn a_role_holds_what_its_function_names_and_no_more() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let functions = template.functions();
    assert_eq!(functions.len(), 6, "{functions:?}");
    for (function, id) in functions {
        let role = format!("{id}Role");
        assert_eq!(referred(template.resource(id)?.at("/Role")), Some(role.as_str()));
        let needed: BTreeSet<String> = permissions::of(&function)
            .iter()
            .chain(&PLATFORM)
            .map(|name| (*name).to_owned())
            .collect();
        for is_met in BOTH {
            let held = role_actions(&template, &role, is_met)?;
            assert_eq!(held, needed, "{function}: what its role holds, and what it needs");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_other_roles_hold_what_they_are_for() -> anyhow::Result<()> {
    let recovery = Template::read("recovery.yaml").await?;
    let primary = Template::read("primary.yaml").await?;
    let export = ["s3:DeleteObject*", "s3:GetBucketLocation", "s3:GetObject*", "s3:ListBucket"];
    let export: Vec<&str> = export.into_iter().chain(["s3:PutObject*"]).collect();
    let replication = vec![
        "kms:Decrypt",
        "kms:Encrypt",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionTagging",
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:ReplicateObject",
        "s3:ReplicateTags",
    ];
    for (template, role, needed) in [
        (&recovery, "RecoveryRole", vec!["kms:Decrypt", "s3:GetObjectVersion"]),
        (&recovery, "ExportRole", export),
        (&recovery, "ReplicationRole", replication),
        (&recovery, "SchedulerRole", vec!["lambda:InvokeFunction", "sqs:SendMessage"]),
        (&primary, "ForwardRole", vec!["events:PutEvents"]),
    ] {
        let held = role_actions(template, role, true)?;
        let needed: BTreeSet<String> = needed.into_iter().map(str::to_owned).collect();
        assert_eq!(held, needed, "{role}");
    }
    let others = recovery.all("AWS::IAM::Role").len() - recovery.functions().len();
    assert_eq!(others, 4, "a role that no test knows");
    let trusted = "/AssumeRolePolicyDocument/Statement/0/Principal/AWS";
    let verify_upload = recovery.resource("RecoveryRole")?.at(trusted);
    assert_eq!(referred(verify_upload), Some("VerifyUploadRole"));
    Ok(())
}

/// A19: who restores may use the vault's key.
#[tokio::test]
async fn the_role_that_restores_may_use_the_key() -> anyhow::Result<()> {
    let recovery = Template::read("recovery.yaml").await?;
    let is_meant = |statement: &&Value| {
        actions(statement).contains(&"kms:Decrypt")
            && referred(&statement["Resource"]) == Some("VaultKey")
    };
    assert_eq!(
        statements(&recovery, "RecoveryRole", true)?.into_iter().filter(is_meant).count(),
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_permission_names_its_resource_wherever_aws_allows() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let mut everywhere = BTreeSet::new();
    for role in template.all("AWS::IAM::Role") {
        for statement in statements(&template, role.id, true)? {
            let resource = &statement["Resource"];
            let is_everything = resource == "*" || list(resource).iter().any(|one| one == "*");
            let wide = actions(statement).into_iter().filter(|_| is_everything);
            everywhere.extend(wide.map(str::to_owned));
        }
    }
    let allowed: BTreeSet<String> = WITHOUT_RESOURCE.into_iter().map(str::to_owned).collect();
    assert_eq!(everywhere, allowed);
    Ok(())
}

/// The keys of others are named only where somebody has named them, and are lent to AWS alone.
#[tokio::test]
async fn the_keys_of_others_may_be_lent_only_if_there_are_any() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    for role in ["SnapshotExportRole", "FailoverPromotionRole"] {
        for keys in [SOURCE_KEYS, BACKUP_KEYS] {
            let is_meant = |one: &&Value| referred(&one["Resource"]) == Some(keys);
            let given = statements(&template, role, true)?.into_iter().find(is_meant);
            let given = given.with_context(|| format!("{role} has none of {keys}"))?;
            assert_eq!(actions(given), ["kms:CreateGrant", "kms:DescribeKey"], "{role}: {keys}");
            let is_for_aws = under(given, "/Condition/BoolIfExists/kms:GrantIsForAWSResource");
            assert_eq!(is_for_aws, true, "{role}: {keys}");
            assert_eq!(statements(&template, role, false)?.into_iter().find(is_meant), None);
        }
    }
    Ok(())
}

/// A key of another account is not among those of this one, and is described before it is used.
#[tokio::test]
async fn a_key_of_a_plan_may_be_described_by_whoever_encrypts_with_it() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    for role in ["ScheduledBackupRole", "VerifyUploadRole"] {
        let statements = statements(&template, role, true)?.into_iter();
        let meant: Vec<_> = statements
            .filter(|one| referred(&one["Resource"]) == Some(BACKUP_KEYS))
            .flat_map(actions)
            .collect();
        assert_eq!(meant, ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], "{role}");
    }
    Ok(())
}

/// Whoever talks to appliances and databases can be put where those are, and only then may it have
/// network interfaces; the others stay outside, where nothing but AWS is asked.
#[tokio::test]
async fn what_talks_to_sites_can_be_put_into_their_network() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let mut inside = Vec::new();
    for (function, id) in template.functions() {
        let network = template.resource(id)?.at("/VpcConfig");
        let role = template.resource(&format!("{id}Role"))?;
        let managed = role.at("/ManagedPolicyArns");
        assert_eq!(network.is_null(), managed.is_null(), "{function}");
        if network.is_null() {
            continue;
        }
        for value in [network, managed] {
            assert_eq!(under(value, "/Fn::If/0"), "HasVpc", "{function}");
            assert_eq!(chosen(value, false), None, "{function}");
        }
        for (field, parameter) in [("/SubnetIds", "SubnetIds"), ("/SecurityGroupIds", GROUPS)] {
            let given = chosen(network, true).map(|network| under(network, field));
            assert_eq!(given.and_then(referred), Some(parameter), "{function}");
        }
        let policies: Vec<_> = chosen(managed, true).into_iter().flat_map(list).collect();
        assert_eq!(policies.len(), 1, "{function}");
        let policy = under(policies[0], "/Fn::Sub").as_str().unwrap_or_default();
        assert!(policy.ends_with("/AWSLambdaVPCAccessExecutionRole"), "{function}: {policy}");
        inside.push(function);
    }
    assert_eq!(inside, ["failover-promotion", "health-probe", "scheduled-backup"]);
    Ok(())
}

/// P6: one role may delete backups, by their dates only, and none may delete a version: what is deleted
/// can be brought back until the vault's lifecycle removes what is tagged.
#[tokio::test]
async fn only_the_role_of_prune_backups_can_delete_a_backup_and_nobody_a_version()
-> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let mut deleting = BTreeMap::new();
    for role in template.all("AWS::IAM::Role") {
        for statement in statements(&template, role.id, true)? {
            let found = actions(statement);
            let is_all = |action: &&str| *action == "s3:*" || *action == "*";
            let deletes = |action: &&str| action.contains("Delete") || is_all(action);
            let deletes: Vec<&str> = found.into_iter().filter(deletes).collect();
            if !deletes.is_empty() {
                let resource = &statement["Resource"];
                let one = resource["Fn::Sub"].as_str().into_iter();
                let many = list(resource).iter().filter_map(|one| one["Fn::Sub"].as_str());
                deleting.insert(role.id, (deletes, one.chain(many).collect::<Vec<_>>()));
            }
        }
    }
    let dated = "${Vault.Arn}/backups/*/????-??-??T??-??-??Z/*";
    let wanted = [
        ("ExportRole", (vec!["s3:DeleteObject*"], vec!["${Vault.Arn}/exports/*"])),
        (
            "PruneBackupsRole",
            (vec!["s3:DeleteObject"], vec![dated, "${Vault.Arn}/receipts/*/pruned.json"]),
        ),
    ];
    assert_eq!(deleting, BTreeMap::from(wanted));
    Ok(())
}

/// Nothing in the vault goes by a clock but what appliances have pushed, pieces of inventories and the marks
/// of what was begun, which are no backups, and what prune-backups has tagged, and that not before the days in which it can be undone.
#[tokio::test]
async fn only_what_was_pruned_and_what_is_no_backup_expires() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let rules = template.resource("Vault")?.each("/LifecycleConfiguration/Rules");
    let expiring: Vec<&Value> =
        rules.iter().filter(|rule| rule.to_string().contains("Expiration")).collect();
    assert_eq!(expiring.len(), 4, "{expiring:?}");
    let (rule, pushes) = (expiring[0], expiring[1]);
    assert_eq!(
        (&expiring[2]["Prefix"], &expiring[3]["Prefix"]),
        (&json!("begun/"), &json!("pieces/"))
    );
    assert_eq!(pushes["Prefix"], "uploads/");
    for days in
        [&pushes["ExpirationInDays"], under(pushes, "/NoncurrentVersionExpiration/NoncurrentDays")]
    {
        assert_eq!(referred(days), Some("UploadDays"));
    }
    assert!(rule["Prefix"].is_null(), "{rule}");
    assert!(rule["ExpirationInDays"].is_null() && rule["Expiration"].is_null(), "{rule}");
    assert_eq!(rule["TagFilters"], json!([{ "Key": "warmspare", "Value": "pruned" }]));
    let days = &rule["NoncurrentVersionExpiration"]["NoncurrentDays"];
    assert_eq!(referred(days), Some("PruneUndoDays"));
    Ok(())
}

/// An acknowledgement and a pause are the word of a person: no function may write them, and the one
/// that acts on them may read them.
#[tokio::test]
async fn what_people_say_to_a_failover_no_role_may_write() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let of_people = ["acknowledgements/", "maintenance/"];
    let mut read = BTreeSet::new();
    for role in template.all("AWS::IAM::Role") {
        for statement in statements(&template, role.id, true)? {
            let resource = &statement["Resource"];
            let texts = list(resource).iter().chain([resource]);
            let texts = texts.filter_map(|one| one["Fn::Sub"].as_str().or(one.as_str()));
            for text in texts.filter_map(|text| text.strip_prefix("${Vault.Arn}/")) {
                for folder in of_people.iter().filter(|folder| covers(text, folder)) {
                    for action in actions(statement) {
                        assert_eq!(action, "s3:GetObject", "{} on {text}", role.id);
                        read.insert((role.id, *folder));
                    }
                }
            }
        }
    }
    let promotion = "FailoverPromotionRole";
    assert_eq!(read, of_people.map(|folder| (promotion, folder)).into_iter().collect());
    Ok(())
}

/// Whether a pattern of keys takes in anything of a folder.
fn covers(pattern: &str, folder: &str) -> bool {
    let fixed = pattern.split(['*', '?']).next().unwrap_or_default();
    fixed.starts_with(folder) || folder.starts_with(fixed)
}
