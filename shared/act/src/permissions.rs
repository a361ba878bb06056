//! What each function may do: the IAM actions that its ports name, and no more. Tests hold these
//! lists against the roles in `infra/`, both ways.

/// The IAM actions of a function, by the name of its binary, in alphabetical order; none for a name
/// that no function has.
pub fn of(function: &str) -> &'static [&'static str] {
    match function {
        "failover-promotion" => &FAILOVER_PROMOTION,
        "health-probe" => &HEALTH_PROBE,
        "prune-backups" => &PRUNE_BACKUPS,
        "scheduled-backup" => &SCHEDULED_BACKUP,
        "snapshot-export" => &SNAPSHOT_EXPORT,
        "verify-upload" => &VERIFY_UPLOAD,
        _ => &[],
    }
}

const FAILOVER_PROMOTION: [&str; 28] = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:SetDesiredCapacity",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:PutMetricData",
    "events:PutEvents",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "rds:AddTagsToResource",
    "rds:CreateDBInstanceReadReplica",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "rds:DescribeDBSnapshots",
    "rds:DescribeGlobalClusters",
    "rds:FailoverGlobalCluster",
    "rds:PromoteReadReplica",
    "rds:RestoreDBInstanceFromDBSnapshot",
    "rds:StopDBInstance",
    "rds:SwitchoverGlobalCluster",
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
    "route53:ListResourceRecordSets",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
];

const HEALTH_PROBE: [&str; 5] = [
    "cloudwatch:PutMetricData",
    "kms:Decrypt",
    "rds:DescribeDBInstances",
    "s3:GetObject",
    "s3:ListBucket",
];

const PRUNE_BACKUPS: [&str; 9] = [
    "events:PutEvents",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:GetObjectRetention",
    "s3:ListBucket",
    "s3:PutObject",
    "s3:PutObjectVersionTagging",
];

const SCHEDULED_BACKUP: [&str; 13] = [
    "events:PutEvents",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "s3:AbortMultipartUpload",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetObject",
    "s3:GetObjectRetention",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:PutObject",
    "s3:PutObjectRetention",
    "secretsmanager:GetSecretValue",
];

const SNAPSHOT_EXPORT: [&str; 14] = [
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
];

const VERIFY_UPLOAD: [&str; 18] = [
    "events:PutEvents",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "s3:AbortMultipartUpload",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketVersioning",
    "s3:GetObject",
    "s3:GetObjectRetention",
    "s3:GetObjectVersion",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:PutObject",
    "s3:PutObjectRetention",
    "sts:AssumeRole",
];

#[cfg(test)]
mod tests;
