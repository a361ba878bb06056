//! The check by boto3, action by action and refusal by refusal.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::process::Command;

use super::*;

/// Every action, each of which the check has to see succeed.
const ACTIONS: [&str; 18] = [
    "CancelExportTask",
    "CopyDBSnapshot",
    "CreateDBInstanceReadReplica",
    "CreateDBSnapshot",
    "DeleteDBSnapshot",
    "DescribeDBClusters",
    "DescribeDBInstances",
    "DescribeDBSnapshots",
    "DescribeEvents",
    "DescribeExportTasks",
    "DescribeGlobalClusters",
    "FailoverGlobalCluster",
    "PromoteReadReplica",
    "RestoreDBInstanceFromDBSnapshot",
    "StartDBInstance",
    "StartExportTask",
    "StopDBInstance",
    "SwitchoverGlobalCluster",
];

/// The refusals that the check has to see.
const REFUSALS: [&str; 22] = [
    "DBClusterNotFoundFault",
    "DBInstanceAlreadyExists",
    "DBInstanceNotFound",
    "DBSnapshotAlreadyExists",
    "DBSnapshotNotFound",
    "ExportTaskAlreadyExists",
    "ExportTaskLimitReachedFault",
    "ExportTaskNotFound",
    "GlobalClusterNotFoundFault",
    "IamRoleNotFound",
    "InvalidAction",
    "InvalidDBClusterStateFault",
    "InvalidDBInstanceState",
    "InvalidDBSnapshotState",
    "InvalidExportOnly",
    "InvalidExportSourceState",
    "InvalidExportTaskStateFault",
    "InvalidGlobalClusterStateFault",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "InvalidS3BucketFault",
    "KMSKeyNotAccessibleFault",
];

#[tokio::test]
async fn boto3_reads_every_answer_and_every_refusal() -> Result<()> {
    let rig = Rig::with_tables(&["devices", "audit"]).await?;
    rig.server.skip_tables(&["public.audit"]);
    rig.server.pace(|pace| {
        pace.snapshot = Duration::from_millis(600);
        pace.export_starting = Duration::from_secs(3);
        pace.export_writing = Duration::from_millis(600);
    });
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("local/parts/rds/check.py");
    let mut python = Command::new(crate::parts::venv().await?.python());
    let output = python.arg("-I").arg(check).arg(rig.server.url()).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout)?;
    eprintln!("boto3 read {seen}");
    assert_eq!(rig.server.mishaps(), Vec::<String>::new());
    let answered = rig.server.answered();
    let refused: Vec<&str> = answered.iter().filter_map(|it| it.refused).collect();
    assert_eq!(Some(u64::try_from(refused.len())?), seen["refusals"].as_u64());
    assert_eq!(BTreeSet::from_iter(refused), BTreeSet::from(REFUSALS));
    let done = answered.iter().filter(|it| it.refused.is_none());
    let done: BTreeSet<&str> = done.map(|it| it.action.as_str()).collect();
    assert_eq!(done, BTreeSet::from(ACTIONS));
    assert!(rig.outside.event_ids().contains(&"RDS-EVENT-0161".to_owned()));
    Ok(())
}
