//! The RDS server in its place: behind the gateway, with MiniStack and a database around it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use warmspare_tests::stack::aws::AwsError;
use warmspare_tests::stack::postgres::Cluster;
use warmspare_tests::stack::rds::{Instance, Outside, Place, RdsServer, Status, Wired};
use warmspare_tests::stack::wait;

use crate::parts::deliver::{Rig, function};
use crate::parts::{ACCOUNT, EAST, WEST};

const LONG: Duration = Duration::from_secs(90);

/// A stack in which `rds` is our server, with one instance on a cluster in us-west-2.
struct World {
    rig: Rig,
    server: RdsServer,
    wired: Arc<Wired>,
    kms_key: String,
}

impl World {
    async fn start() -> Result<Self> {
        let rig = Rig::start().await?;
        let cluster = Cluster::primary(&rig.stack.postgres, "controller").await?;
        cluster.sql("create table devices (name text); insert into devices values ('one')").await?;
        let wired = Arc::new(Wired::new(Arc::clone(&rig.aws)).making_replicas(&rig.stack.postgres));
        let server = RdsServer::start(ACCOUNT, wired.clone()).await?;
        let place = Place::new(WEST, "controller-db");
        server.add(Instance::primary(place.clone(), "127.0.0.1", cluster.port()));
        wired.back(place, Arc::new(cluster));
        rig.stack.gateway.route("rds", &server.url())?;
        let here = json!({ "LocationConstraint": WEST });
        let vault = json!({ "Bucket": "vault", "CreateBucketConfiguration": here });
        rig.call("s3", "create_bucket", vault).await?;
        rig.aws.call(EAST, "s3", "create_bucket", json!({ "Bucket": "elsewhere" })).await?;
        let key = rig.call("kms", "create_key", json!({})).await?;
        let kms_key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
        make_role(&rig, "exporter", "export.rds.amazonaws.com", "s3:PutObject", "vault/exports/*")
            .await?;
        Ok(Self { rig, server, wired, kms_key })
    }

    async fn snapshot(&self, id: &str) -> Result<()> {
        let create = json!({ "DBSnapshotIdentifier": id, "DBInstanceIdentifier": "controller-db" });
        self.rig.call("rds", "create_db_snapshot", create).await?;
        let asked = json!({ "DBSnapshotIdentifier": id });
        wait::until("a snapshot", LONG, async || {
            let described = self.rig.call("rds", "describe_db_snapshots", asked.clone()).await?;
            Ok((described["DBSnapshots"][0]["Status"] == "available").then_some(()))
        })
        .await
    }

    async fn start_export(&self, changed: Value) -> Result<Value, AwsError> {
        let mut start = json!({
            "ExportTaskIdentifier": "task",
            "SourceArn": format!("arn:aws:rds:{WEST}:{ACCOUNT}:snapshot:one"),
            "S3BucketName": "vault",
            "S3Prefix": "exports",
            "IamRoleArn": role_arn("exporter"),
            "KmsKeyId": self.kms_key,
        });
        for (name, value) in changed.as_object().unwrap() {
            start[name] = value.clone();
        }
        self.rig.aws.call(WEST, "rds", "start_export_task", start).await
    }

    async fn ended(&self, task: &str) -> Result<Value> {
        let asked = json!({ "ExportTaskIdentifier": task });
        wait::until("an export", LONG, async || {
            let described = self.rig.call("rds", "describe_export_tasks", asked.clone()).await?;
            let task = described["ExportTasks"][0].clone();
            Ok((!task["TaskEndTime"].is_null()).then_some(task))
        })
        .await
    }
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

async fn make_role(rig: &Rig, name: &str, who: &str, action: &str, what: &str) -> Result<()> {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": who }, "Action": "sts:AssumeRole",
    }] });
    let role = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
    rig.call("iam", "create_role", role).await?;
    let what = if what.contains("arn:") { what.to_owned() } else { format!("arn:aws:s3:::{what}") };
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": action, "Resource": what,
    }] });
    let put =
        json!({ "RoleName": name, "PolicyName": "may", "PolicyDocument": policy.to_string() });
    rig.call("iam", "put_role_policy", put).await?;
    Ok(())
}

#[tokio::test]
async fn an_export_goes_from_the_database_to_the_bucket_and_is_told() -> Result<()> {
    let world = World::start().await?;
    let rig = &world.rig;
    let done = json!({ "source": ["aws.rds"], "detail": { "EventID": ["RDS-EVENT-0161"] } });
    rig.rule(WEST, "exported", done, json!({ "Id": "1", "Arn": function("echo") })).await?;
    world.snapshot("one").await?;
    world.start_export(json!({})).await?;
    assert_eq!(world.ended("task").await?["Status"], "COMPLETE", "{:?}", world.server.mishaps());
    let event = &rig.echoed(1).await?[0];
    assert_eq!(event["detail"]["SourceIdentifier"], "one");
    let keys = rig.aws.objects(WEST, "vault", "exports/task/").await?;
    let parquet = keys.iter().find(|key| key.ends_with(".parquet")).unwrap();
    let head = json!({ "Bucket": "vault", "Key": parquet });
    let head = rig.call("s3", "head_object", head).await?;
    assert_eq!(head["ServerSideEncryption"], "aws:kms");
    assert_eq!(head["SSEKMSKeyId"], world.kms_key);
    let body = rig.aws.object(WEST, "vault", parquet).await?.unwrap();
    assert!(body.starts_with(b"PAR1") && body.ends_with(b"PAR1"));
    assert_eq!(world.server.mishaps(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn what_ministack_does_not_have_is_refused() -> Result<()> {
    let world = World::start().await?;
    world.snapshot("one").await?;
    let refused = async |changed: Value| world.start_export(changed).await.unwrap_err().code;
    let bucket = "InvalidS3BucketFault";
    assert_eq!(refused(json!({ "S3BucketName": "nowhere" })).await, bucket);
    assert_eq!(refused(json!({ "S3BucketName": "elsewhere" })).await, bucket);
    assert_eq!(refused(json!({ "IamRoleArn": role_arn("nobody") })).await, "IamRoleNotFound");
    // This one exists, but only Lambda may assume it.
    assert_eq!(refused(json!({ "IamRoleArn": role_arn("echo") })).await, "IamRoleNotFound");
    let elsewhere = world.kms_key.replace(WEST, EAST);
    let key = "KMSKeyNotAccessibleFault";
    assert_eq!(refused(json!({ "KmsKeyId": elsewhere })).await, key);
    let disable = json!({ "KeyId": world.kms_key });
    world.rig.call("kms", "disable_key", disable.clone()).await?;
    assert_eq!(refused(json!({})).await, key);
    world.rig.call("kms", "enable_key", disable).await?;

    world.start_export(json!({ "S3Prefix": "not-ours" })).await?;
    let failed = world.ended("task").await?;
    assert_eq!(failed["Status"], "FAILED");
    let cause = failed["FailureCause"].as_str().unwrap();
    assert!(cause.contains("isn't authorized to call [s3:PutObject]"), "{cause}");
    assert_eq!(world.rig.aws.objects(WEST, "vault", "").await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_caller_is_held_to_the_policies_of_its_role() -> Result<()> {
    let world = World::start().await?;
    let service = "lambda.amazonaws.com";
    let resource = format!("arn:aws:rds:{WEST}:{ACCOUNT}:db:controller-db");
    make_role(&world.rig, "reader", service, "rds:DescribeDBInstances", &resource).await?;
    world.wired.hold_to_role("ASIA1", &role_arn("reader"));
    let may = async |key: &str, action: &str, resource: &str| {
        world.wired.is_allowed(WEST, key, action, resource).await.unwrap()
    };
    assert!(may("ASIA1", "rds:DescribeDBInstances", &resource).await);
    assert!(!may("ASIA1", "rds:PromoteReadReplica", &resource).await);
    assert!(!may("ASIA1", "rds:DescribeDBInstances", &resource.replace(WEST, EAST)).await);
    assert!(may("test", "rds:PromoteReadReplica", &resource).await);
    // A role can be held to a region where an action has no resource that names one.
    let only_west = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "rds:StartExportTask", "Resource": "*",
        "Condition": { "StringEquals": { "aws:RequestedRegion": WEST } },
    }] });
    let put = json!({
        "RoleName": "reader", "PolicyName": "only-west", "PolicyDocument": only_west.to_string(),
    });
    world.rig.call("iam", "put_role_policy", put).await?;
    for (region, is_allowed) in [(WEST, true), (EAST, false)] {
        let asked = world.wired.is_allowed(region, "ASIA1", "rds:StartExportTask", "*").await?;
        assert_eq!(asked, is_allowed, "{region}");
    }
    // The very server asks too: boto3 signs with the key `test`.
    world.wired.hold_to_role("test", &role_arn("reader"));
    let promote = json!({ "DBInstanceIdentifier": "controller-db" });
    let refused = world.rig.aws.call(WEST, "rds", "promote_read_replica", promote).await;
    assert_eq!(refused.unwrap_err().code, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn a_replica_in_another_region_follows_for_real_is_measured_and_is_promoted() -> Result<()> {
    let world = World::start().await?;
    let (source, replica) =
        (Place::new(WEST, "controller-db"), Place::new(EAST, "controller-db-t1"));
    let create = json!({
        "DBInstanceIdentifier": replica.id,
        "SourceDBInstanceIdentifier": format!("arn:aws:rds:{WEST}:{ACCOUNT}:db:controller-db"),
    });
    world.rig.aws.call(EAST, "rds", "create_db_instance_read_replica", create).await?;
    let available = async |what: &str, is_replica: bool| {
        wait::until(what, LONG, async || {
            let is_so = world.server.status(&replica) == Some(Status::Available)
                && world.server.is_replica(&replica) == Some(is_replica);
            Ok(is_so.then_some(()))
        })
        .await
    };
    available("a replica", true).await?;
    let from = world.wired.cluster(&source).unwrap();
    let to = world.wired.cluster(&replica).unwrap();
    // Written when the copy was there already: only replication brings it.
    from.sql("insert into devices values ('two')").await?;
    wait::until("what was written later", LONG, async || {
        let count = to.value("select count(*) from devices").await?;
        Ok((count.as_deref() == Some("2")).then_some(()))
    })
    .await?;
    wait::until("a measurement", LONG, async || {
        let asked = json!({ "Namespace": "AWS/RDS", "MetricName": "ReplicaLag" });
        let listed = world.rig.aws.call(EAST, "cloudwatch", "list_metrics", asked).await?;
        let dimensions = json!([{ "Name": "DBInstanceIdentifier", "Value": replica.id }]);
        Ok((listed["Metrics"][0]["Dimensions"] == dimensions).then_some(()))
    })
    .await?;
    let promote = json!({ "DBInstanceIdentifier": replica.id });
    world.rig.aws.call(EAST, "rds", "promote_read_replica", promote).await?;
    available("a writer", false).await?;
    to.sql("insert into devices values ('three')").await?;
    assert_eq!(world.server.mishaps(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_lag_of_a_replica_is_a_metric() -> Result<()> {
    let world = World::start().await?;
    let replica = Place::new(WEST, "controller-db");
    world.server.publish_replica_lag(&replica, 61.0).await?;
    let asked = json!({ "Namespace": "AWS/RDS", "MetricName": "ReplicaLag" });
    let listed = world.rig.call("cloudwatch", "list_metrics", asked).await?;
    let dimensions = json!([{ "Name": "DBInstanceIdentifier", "Value": "controller-db" }]);
    assert_eq!(listed["Metrics"][0]["Dimensions"], dimensions);
    Ok(())
}
