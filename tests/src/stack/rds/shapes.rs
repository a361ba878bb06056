//! The shapes of the RDS model as XML. It decides nothing.

use serde_json::Value;

use super::model::{Instance, Place, Replication, Status};
use super::names::{arn, iso, now};
use super::state::{Held, Snapshot, State, Task};
use super::xml::Tree;

/// `DBInstance`.
pub(super) fn instance(state: &State, account: &str, held: &Held) -> Tree {
    described(&held.instance)
        .join(life(account, held))
        .join(replicated(state, account, held))
        .join(unchanging())
        .list("TagList", "Tag", held.tags.iter().map(tag))
}

/// Where an instance is in its life, and how it is backed up and encrypted.
fn life(account: &str, held: &Held) -> Tree {
    let instance = &held.instance;
    let restorable = (instance.backup_retention_days > 0).then(|| iso(now()));
    let database = instance.source.is_none().then_some(&instance.database);
    let endpoint = (held.status != Status::Creating).then(|| endpoint(instance));
    Tree::default()
        .put("DBInstanceStatus", held.status.word())
        .put_some("DBName", database)
        .branch_some("Endpoint", endpoint)
        .put("InstanceCreateTime", iso(held.created_at))
        .put("BackupRetentionPeriod", instance.backup_retention_days)
        .put_some("LatestRestorableTime", restorable)
        .put("AvailabilityZone", zone(instance))
        .put("StorageEncrypted", instance.kms_key.is_some())
        .put_some("KmsKeyId", instance.kms_key.as_ref())
        .put("DbiResourceId", &held.resource_id)
        .put("DBInstanceArn", arn(account, "db", &instance.place))
}

/// Its source and its replicas: those in its region by identifier, those elsewhere by ARN.
fn replicated(state: &State, account: &str, held: &Held) -> Tree {
    let (place, source) = (&held.instance.place, &held.instance.source);
    let name = |other: &Place| match other.region == place.region {
        true => other.id.clone(),
        false => arn(account, "db", other),
    };
    let replicas = state.replicas_of(place);
    let names = replicas.iter().map(name);
    let infos = state.replication(held).map(status_info);
    let item = "ReadReplicaDBInstanceIdentifier";
    Tree::default()
        .put_some("ReadReplicaSourceDBInstanceIdentifier", source.as_ref().map(name))
        .words("ReadReplicaDBInstanceIdentifiers", item, names)
        .list("StatusInfos", "DBInstanceStatusInfo", infos)
}

/// What is the same for all instances of this server.
fn unchanging() -> Tree {
    let (groups, group) = ("VpcSecurityGroups", "VpcSecurityGroupMembership");
    Tree::default()
        .put("PreferredBackupWindow", "03:00-03:30")
        .put("PreferredMaintenanceWindow", "sun:04:00-sun:04:30")
        .branch("DBSecurityGroups", Tree::default())
        .list(groups, group, [security_group()])
        .list("DBParameterGroups", "DBParameterGroup", [parameter_group()])
        .branch("PendingModifiedValues", Tree::default())
        .put("MultiAZ", false)
        .put("AutoMinorVersionUpgrade", true)
        .put("PubliclyAccessible", false)
        .put("DbInstancePort", 0)
        .put("CACertificateIdentifier", "rds-ca-rsa2048-g1")
        .branch("DomainMemberships", Tree::default())
        .put("CopyTagsToSnapshot", false)
        .put("MonitoringInterval", 0)
        .put("IAMDatabaseAuthenticationEnabled", false)
        .put("PerformanceInsightsEnabled", false)
        .put("DeletionProtection", true)
        .branch("AssociatedRoles", Tree::default())
        .put("CustomerOwnedIpEnabled", false)
        .put("NetworkType", "IPV4")
        .put("BackupTarget", "region")
}

fn described(instance: &Instance) -> Tree {
    Tree::default()
        .put("DBInstanceIdentifier", &instance.place.id)
        .put("DBInstanceClass", &instance.class)
        .put("Engine", "postgres")
        .put("EngineVersion", &instance.engine_version)
        .put("LicenseModel", "postgresql-license")
        .put("MasterUsername", &instance.user)
        .put("AllocatedStorage", instance.storage_gib)
        .put("StorageType", "gp3")
}

fn tag((key, value): &(String, String)) -> Tree {
    Tree::default().put("Key", key).put("Value", value)
}

fn endpoint(instance: &Instance) -> Tree {
    Tree::default()
        .put("Address", &instance.host)
        .put("Port", instance.port)
        .put("HostedZoneId", "Z2R2ITUGPM61AM")
}

fn security_group() -> Tree {
    Tree::default().put("VpcSecurityGroupId", "sg-0123456789abcdef0").put("Status", "active")
}

fn parameter_group() -> Tree {
    Tree::default()
        .put("DBParameterGroupName", "default.postgres16")
        .put("ParameterApplyStatus", "in-sync")
}

fn zone(instance: &Instance) -> String {
    format!("{}a", instance.place.region)
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstanceStatusInfo.html>
fn status_info(replication: Replication) -> Tree {
    let (status, message) = match replication {
        Replication::Replicating => ("replicating", None),
        Replication::Error => ("error", Some("Streaming replication has stopped.")),
        Replication::Stopped => ("stopped", Some("Replication is stopped.")),
        Replication::Terminated => ("terminated", Some("Replication has been terminated.")),
    };
    Tree::default()
        .put("StatusType", "read replication")
        .put("Normal", replication == Replication::Replicating)
        .put("Status", status)
        .put_some("Message", message)
}

/// `DBSnapshot`. While it is being created it has no times, as on AWS.
pub(super) fn snapshot(account: &str, region: &str, snapshot: &Snapshot) -> Tree {
    let of = &snapshot.of;
    let place = Place::new(region, &snapshot.id);
    let kind = if snapshot.automated { "automated" } else { "manual" };
    Tree::default()
        .put("DBSnapshotIdentifier", &snapshot.id)
        .put("DBInstanceIdentifier", &of.place.id)
        .put_some("SnapshotCreateTime", snapshot.taken_at.map(iso))
        .put("Engine", "postgres")
        .put("AllocatedStorage", of.storage_gib)
        .put("Status", snapshot.making.word())
        .put("Port", of.port)
        .put("AvailabilityZone", zone(of))
        .put("VpcId", "vpc-0123456789abcdef0")
        .put("InstanceCreateTime", iso(snapshot.of_created_at))
        .put("MasterUsername", &of.user)
        .put("EngineVersion", &of.engine_version)
        .put("LicenseModel", "postgresql-license")
        .put("SnapshotType", kind)
        .put("OptionGroupName", "default:postgres-16")
        .put("PercentProgress", snapshot.making.percent())
        .put_some("SourceRegion", snapshot.source_region.as_ref())
        .put_some("SourceDBSnapshotIdentifier", snapshot.copied_from.as_ref())
        .put("StorageType", "gp3")
        .put("Encrypted", snapshot.kms_key.is_some())
        .put_some("KmsKeyId", snapshot.kms_key.as_ref())
        .put("DBSnapshotArn", arn(account, "snapshot", &place))
        .put("IAMDatabaseAuthenticationEnabled", false)
        .branch("ProcessorFeatures", Tree::default())
        .put("DbiResourceId", &snapshot.resource_id)
        .list("TagList", "Tag", snapshot.tags.iter().map(tag))
        .put("SnapshotTarget", "region")
        .put_some("OriginalSnapshotCreateTime", snapshot.original_taken_at.map(iso))
        .put_some("SnapshotDatabaseTime", snapshot.original_taken_at.map(iso))
        .put("DedicatedLogVolume", false)
}

/// `ExportTask`.
pub(super) fn task(task: &Task) -> Tree {
    Tree::default()
        .put("ExportTaskIdentifier", &task.id)
        .put("SourceArn", &task.source_arn)
        .words("ExportOnly", "member", task.only.iter().cloned())
        .put_some("SnapshotTime", task.snapshot_taken_at.map(iso))
        .put_some("TaskStartTime", task.started_at.map(iso))
        .put_some("TaskEndTime", task.ended_at.map(iso))
        .put("S3Bucket", &task.bucket)
        .put("S3Prefix", &task.prefix)
        .put("IamRoleArn", &task.role)
        .put("KmsKeyId", &task.kms_key)
        .put("Status", task.progress.word())
        .put("PercentProgress", task.percent)
        .put("TotalExtractedDataInGB", 0)
        .put_some("FailureCause", task.failure.as_ref())
        .put_some("WarningMessage", task.warning.as_ref())
        .put("SourceType", "SNAPSHOT")
}

/// `Event` of DescribeEvents, from the event that went to EventBridge.
pub(super) fn event(event: &Value) -> Tree {
    let text = |name: &str| event.pointer(&format!("/detail/{name}")).and_then(Value::as_str);
    let categories = event.pointer("/detail/EventCategories").and_then(Value::as_array);
    let words = categories.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    Tree::default()
        .put_some("SourceIdentifier", text("SourceIdentifier"))
        .put_some("SourceType", source_type(event))
        .put_some("Message", text("Message"))
        .words("EventCategories", "EventCategory", words)
        .put_some("Date", text("Date"))
        .put_some("SourceArn", text("SourceArn"))
}

/// The API writes `db-snapshot` where the event says `SNAPSHOT`.
pub(super) fn source_type(event: &Value) -> Option<&'static str> {
    match event.pointer("/detail/SourceType").and_then(Value::as_str) {
        Some("SNAPSHOT") => Some("db-snapshot"),
        Some("DB_INSTANCE") => Some("db-instance"),
        Some(_) | None => None,
    }
}
