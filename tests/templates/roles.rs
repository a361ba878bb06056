//! A role holds exactly what its function's ports name, both ways, on nothing wider than it has to be.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::template::{Template, list, referred, under};

/// What the ports of each function name. To be taken from the functions themselves.
fn permissions_of(function: &str) -> &'static [&'static str] {
    match function {
        "scheduled-backup" => &[
            "events:PutEvents",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
            "s3:AbortMultipartUpload",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:ListBucket",
            "s3:PutObject",
            "secretsmanager:GetSecretValue",
        ],
        "verify-upload" => &[
            "events:PutEvents",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:ListBucket",
            "s3:PutObject",
            "sts:AssumeRole",
        ],
        "snapshot-export" => &[
            "events:PutEvents",
            "iam:PassRole",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
            "rds:CopyDBSnapshot",
            "rds:CreateDBSnapshot",
            "rds:DescribeDBSnapshots",
            "rds:DescribeExportTasks",
            "rds:StartExportTask",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:PutObject",
        ],
        "failover-promotion" => &[
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricStatistics",
            "events:PutEvents",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "rds:DescribeDBInstances",
            "rds:PromoteReadReplica",
            "rds:StopDBInstance",
            "route53:ChangeResourceRecordSets",
            "route53:GetChange",
            "route53:ListResourceRecordSets",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:PutObject",
            "secretsmanager:GetSecretValue",
        ],
        "health-probe" => &[
            "cloudwatch:PutMetricData",
            "kms:Decrypt",
            "rds:DescribeDBInstances",
            "s3:GetObject",
            "s3:ListBucket",
        ],
        _ => &[],
    }
}

/// What Lambda itself does in the name of every function's role.
const PLATFORM: [&str; 3] = ["logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"];

/// The actions for which there is nothing narrower to name; the template says why at each.
const WITHOUT_RESOURCE: [&str; 6] = [
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:PutMetricData",
    "rds:DescribeExportTasks",
    "rds:StartExportTask",
    "route53:GetChange",
];

/// The statements of a role: those in it, and those of policies that are attached to it.
fn statements<'t>(template: &'t Template, role: &str) -> anyhow::Result<Vec<&'t Value>> {
    let own = template.resource(role)?.each("/Policies").iter();
    let own = own.flat_map(|policy| list(under(policy, "/PolicyDocument/Statement")));
    let attached = template.all("AWS::IAM::Policy").into_iter();
    let attached = attached
        .filter(|policy| policy.each("/Roles").iter().any(|named| referred(named) == Some(role)))
        .flat_map(|policy| policy.each("/PolicyDocument/Statement"));
    Ok(own.chain(attached).collect())
}

fn actions(statement: &Value) -> Vec<&str> {
    let action = under(statement, "/Action");
    action.as_str().into_iter().chain(list(action).iter().filter_map(Value::as_str)).collect()
}

fn role_actions(template: &Template, role: &str) -> anyhow::Result<BTreeSet<String>> {
    let statements = statements(template, role)?;
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
    assert_eq!(functions.len(), 5, "{functions:?}");
    for (function, id) in functions {
        let role = format!("{id}Role");
        assert_eq!(referred(template.resource(id)?.at("/Role")), Some(role.as_str()));
        let held = role_actions(&template, &role)?;
        let needed: BTreeSet<String> = permissions_of(&function)
            .iter()
            .chain(&PLATFORM)
            .map(|name| (*name).to_owned())
            .collect();
        assert_eq!(held, needed, "{function}: what its role holds, and what it needs");
    }
    Ok(())
}

#[tokio::test]
async fn the_other_roles_hold_what_they_are_for() -> anyhow::Result<()> {
    let recovery = Template::read("recovery.yaml").await?;
    let primary = Template::read("primary.yaml").await?;
    let export = ["s3:DeleteObject*", "s3:GetBucketLocation", "s3:GetObject*", "s3:ListBucket"];
    let export: Vec<&str> = export.into_iter().chain(["s3:PutObject*"]).collect();
    for (template, role, needed) in [
        (&recovery, "RecoveryRole", vec!["kms:Decrypt", "s3:GetObjectVersion"]),
        (&recovery, "ExportRole", export),
        (&recovery, "SchedulerRole", vec!["lambda:InvokeFunction", "sqs:SendMessage"]),
        (&primary, "ForwardRole", vec!["events:PutEvents"]),
    ] {
        let held = role_actions(template, role)?;
        let needed: BTreeSet<String> = needed.into_iter().map(str::to_owned).collect();
        assert_eq!(held, needed, "{role}");
    }
    let others = recovery.all("AWS::IAM::Role").len() - recovery.functions().len();
    assert_eq!(others, 3, "a role that no test knows");
    let trusted = "/AssumeRolePolicyDocument/Statement/0/Principal/AWS";
    let verify_upload = recovery.resource("RecoveryRole")?.at(trusted);
    assert_eq!(referred(verify_upload), Some("VerifyUploadRole"));
    Ok(())
}

#[tokio::test]
async fn a_permission_names_its_resource_wherever_aws_allows() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let mut everywhere = BTreeSet::new();
    for role in template.all("AWS::IAM::Role") {
        for statement in statements(&template, role.id)? {
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

/// Nobody's schedule, retention or clock deletes a backup (P6): there is no role that could.
#[tokio::test]
async fn no_role_can_delete_a_backup() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let mut deleting = Vec::new();
    for role in template.all("AWS::IAM::Role") {
        for statement in statements(&template, role.id)? {
            if actions(statement)
                .iter()
                .any(|action| action.contains("Delete") || *action == "s3:*")
            {
                deleting.push((role.id, statement["Resource"]["Fn::Sub"].as_str()));
            }
        }
    }
    assert_eq!(deleting, [("ExportRole", Some("${Vault.Arn}/exports/*"))]);
    Ok(())
}
