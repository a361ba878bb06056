use warmspare_decide::name::RoleArn;
use warmspare_decide::plan::{DatabaseKind, Export};

use super::*;
use crate::replay::{KEY, Wire, query_error};

const EAST_ARN: &str = "arn:aws:rds:us-east-1:123456789012:snapshot:controller-2026";
fn exists() -> String {
    query_error(
        "DBSnapshotAlreadyExists",
        "Cannot create the snapshot because one with this identifier already exists.",
    )
}

fn database() -> Database {
    Database {
        kind: DatabaseKind::Rds,
        source: "controller-db".to_owned(),
        region: Region::parse("us-east-1").unwrap(),
        replica: "controller-db-west".to_owned(),
        restore: None,
        lag_s_max: 30,
        export: Some(Export {
            role: RoleArn::parse("arn:aws:iam::123456789012:role/export").unwrap(),
            prefix: "exports/controller/".to_owned(),
        }),
    }
}

fn east() -> Snapshot {
    Snapshot {
        id: "controller-2026".to_owned(),
        arn: EAST_ARN.to_owned(),
        status: "available".to_owned(),
        progress_percent: 100,
        taken_at: None,
        key_arn: None,
    }
}

#[tokio::test]
async fn a_snapshot_is_taken_once_where_the_database_is() {
    let wire = Wire::default()
        .says(200, "<CreateDBSnapshotResponse><CreateDBSnapshotResult/></CreateDBSnapshotResponse>")
        .says(400, exists());
    let live = wire.live();
    assert!(live.take_snapshot(&database(), "controller-2026").await.unwrap());
    assert!(!live.take_snapshot(&database(), "controller-2026").await.unwrap());
    let sent = wire.sent();
    assert_eq!(sent[0].line, "POST https://rds.us-east-1.amazonaws.com/");
    assert_eq!(
        sent[0].body,
        "Action=CreateDBSnapshot&Version=2014-10-31&DBSnapshotIdentifier=controller-2026\
         &DBInstanceIdentifier=controller-db"
    );
}

#[tokio::test]
async fn a_copy_is_asked_for_in_the_recovery_region_under_its_key() {
    let wire = Wire::default()
        .says(200, "<CopyDBSnapshotResponse><CopyDBSnapshotResult/></CopyDBSnapshotResponse>")
        .says(400, exists());
    let live = wire.live();
    let (key_arn, from) = (KeyArn::parse(KEY).unwrap(), Region::parse("us-east-1").unwrap());
    assert!(live.copy_snapshot(&east(), &from, "controller-2026", &key_arn).await.unwrap());
    assert!(!live.copy_snapshot(&east(), &from, "controller-2026", &key_arn).await.unwrap());
    let sent = wire.sent();
    assert_eq!(sent[0].line, "POST https://rds.us-west-2.amazonaws.com/");
    assert_eq!(
        sent[0].body,
        "Action=CopyDBSnapshot&Version=2014-10-31\
         &SourceDBSnapshotIdentifier=\
         arn%3Aaws%3Ards%3Aus-east-1%3A123456789012%3Asnapshot%3Acontroller-2026\
         &TargetDBSnapshotIdentifier=controller-2026\
         &KmsKeyId=arn%3Aaws%3Akms%3Aus-west-2%3A123456789012%3Akey%2Fof-the-plan"
    );
}

#[tokio::test]
async fn a_copy_from_a_region_that_the_arn_does_not_name_is_not_asked_for() {
    let wire = Wire::default();
    let (key_arn, from) = (KeyArn::parse(KEY).unwrap(), Region::parse("eu-west-1").unwrap());
    let fault =
        wire.live().copy_snapshot(&east(), &from, "controller-2026", &key_arn).await.unwrap_err();
    assert_eq!(fault.why, format!("its ARN {EAST_ARN} is not one of eu-west-1"));
    assert!(wire.sent().is_empty());
}

#[tokio::test]
async fn a_copy_is_as_old_as_what_it_holds() {
    let body = format!(
        "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot>\
         <DBSnapshotIdentifier>controller-2026</DBSnapshotIdentifier>\
         <DBSnapshotArn>{EAST_ARN}</DBSnapshotArn><Status>creating</Status>\
         <PercentProgress>40</PercentProgress><KmsKeyId>{KEY}</KmsKeyId>\
         <SnapshotCreateTime>2026-11-21T00:10:00Z</SnapshotCreateTime>\
         <OriginalSnapshotCreateTime>2026-11-21T00:00:00Z</OriginalSnapshotCreateTime>\
         </DBSnapshot></DBSnapshots></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>"
    );
    let wire = Wire::default().says(200, body);
    let region = Region::parse("us-west-2").unwrap();
    let seen = wire.live().snapshot(&region, "controller-2026").await.unwrap();
    let Seen::Here(found) = seen else { panic!("{seen:?}") };
    assert_eq!((found.status.as_str(), found.progress_percent), ("creating", 40));
    assert_eq!(found.taken_at.unwrap().to_string(), "2026-11-21T00:00:00Z");
    assert_eq!(found.key_arn.as_deref(), Some(KEY));
    let gone = query_error("DBSnapshotNotFound", "DBSnapshot not found");
    let wire = Wire::default().says(404, gone);
    assert_eq!(wire.live().snapshot(&region, "controller-2026").await.unwrap(), Seen::Absent);
}

#[tokio::test]
async fn an_export_is_started_once_into_the_vault() {
    let exists = query_error(
        "ExportTaskAlreadyExists",
        "You can't start an export task that's already running.",
    );
    let wire = Wire::default()
        .says(200, "<StartExportTaskResponse><StartExportTaskResult/></StartExportTaskResponse>")
        .says(400, exists);
    let live = wire.live();
    let key_arn = KeyArn::parse(KEY).unwrap();
    let database = database();
    for is_first in [true, false] {
        let started = live
            .start_export("controller-2026", &east(), &database, "exports/controller/", &key_arn)
            .await
            .unwrap();
        assert_eq!(started, is_first);
    }
    let sent = wire.sent();
    assert_eq!(sent[0].line, "POST https://rds.us-west-2.amazonaws.com/");
    assert_eq!(
        sent[0].body,
        "Action=StartExportTask&Version=2014-10-31&ExportTaskIdentifier=controller-2026\
         &SourceArn=arn%3Aaws%3Ards%3Aus-east-1%3A123456789012%3Asnapshot%3Acontroller-2026\
         &S3BucketName=warmspare-vault\
         &IamRoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fexport\
         &KmsKeyId=arn%3Aaws%3Akms%3Aus-west-2%3A123456789012%3Akey%2Fof-the-plan\
         &S3Prefix=exports%2Fcontroller"
    );
}

#[tokio::test]
async fn an_export_says_what_it_left_out() {
    let body = format!(
        "<DescribeExportTasksResponse><DescribeExportTasksResult><ExportTasks><ExportTask>\
         <ExportTaskIdentifier>controller-2026</ExportTaskIdentifier>\
         <SourceArn>{EAST_ARN}</SourceArn><Status>COMPLETE</Status>\
         <PercentProgress>100</PercentProgress><FailureCause></FailureCause>\
         <WarningMessage>{{\"skippedTables\":[\"public.big\"]}}</WarningMessage>\
         </ExportTask></ExportTasks></DescribeExportTasksResult></DescribeExportTasksResponse>"
    );
    let wire = Wire::default().says(200, body);
    let seen = wire.live().export_task("controller-2026").await.unwrap();
    let Seen::Here(found) = seen else { panic!("{seen:?}") };
    assert_eq!(found.status, "COMPLETE");
    assert_eq!(found.failure, None);
    assert_eq!(found.warning.as_deref(), Some("{\"skippedTables\":[\"public.big\"]}"));
    let gone = query_error("ExportTaskNotFound", "no");
    let wire = Wire::default().says(404, gone);
    assert_eq!(wire.live().export_task("controller-2026").await.unwrap(), Seen::Absent);
}
