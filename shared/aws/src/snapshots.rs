//! Snapshots of RDS instances, their copies in the recovery region, and their exports.

use aws_sdk_rds::types::{DbSnapshot, ExportTask as SdkExportTask};
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Snapshots;
use warmspare_decide::export::{ExportTask, Snapshot};
use warmspare_decide::name::{KeyArn, Region};
use warmspare_decide::plan::Database;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::{code, fault};

impl Snapshots for Live {
    async fn snapshot(&self, region: &Region, id: &str) -> Result<Seen<Snapshot>, Fault> {
        let client = self.clients().rds(region.as_str());
        let asked = client.describe_db_snapshots().db_snapshot_identifier(id).send();
        match Box::pin(asked).await {
            Ok(answer) => Ok(answer
                .db_snapshots()
                .first()
                .map_or(Seen::Absent, |found| Seen::Here(snapshot(found)))),
            Err(error) if code(&error) == Some("DBSnapshotNotFound") => Ok(Seen::Absent),
            Err(error) => Err(fault("looking at the snapshot", id, error)),
        }
    }

    async fn take_snapshot(&self, database: &Database, id: &str) -> Result<bool, Fault> {
        let client = self.clients().rds(database.region.as_str());
        let asked = client
            .create_db_snapshot()
            .db_instance_identifier(&database.source)
            .db_snapshot_identifier(id)
            .send();
        match Box::pin(asked).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("DBSnapshotAlreadyExists") => Ok(false),
            Err(error) => Err(fault("taking the snapshot", id, error)),
        }
    }

    /// The call goes to the Region that the copy is for; the ARN tells RDS where the source is.
    async fn copy_snapshot(
        &self,
        source: &Snapshot,
        from: &Region,
        id: &str,
        key_arn: &KeyArn,
    ) -> Result<bool, Fault> {
        const DURING: &str = "copying the snapshot";
        if source.arn.split(':').nth(3) != Some(from.as_str()) {
            let why = format!("its ARN {} is not one of {from}", source.arn);
            return Err(Fault::new(Hope::Permanent, DURING, id, why));
        }
        let client = self.clients().rds(self.config().region.as_str());
        let asked = client
            .copy_db_snapshot()
            .source_db_snapshot_identifier(&source.arn)
            .target_db_snapshot_identifier(id)
            .kms_key_id(key_arn.as_str())
            .send();
        match Box::pin(asked).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("DBSnapshotAlreadyExists") => Ok(false),
            Err(error) => Err(fault(DURING, id, error)),
        }
    }

    async fn export_task(&self, id: &str) -> Result<Seen<ExportTask>, Fault> {
        let client = self.clients().rds(self.config().region.as_str());
        let asked = client.describe_export_tasks().export_task_identifier(id).send();
        match Box::pin(asked).await {
            Ok(answer) => Ok(answer
                .export_tasks()
                .first()
                .map_or(Seen::Absent, |found| Seen::Here(export_task(found)))),
            Err(error) if code(&error) == Some("ExportTaskNotFound") => Ok(Seen::Absent),
            Err(error) => Err(fault("looking at the export", id, error)),
        }
    }

    async fn start_export(
        &self,
        id: &str,
        snapshot: &Snapshot,
        database: &Database,
        prefix: &str,
        key_arn: &KeyArn,
    ) -> Result<bool, Fault> {
        const DURING: &str = "starting the export";
        let Some(export) = &database.export else {
            let why = "the plan's [database] has no export";
            return Err(Fault::new(Hope::Permanent, DURING, id, why));
        };
        let client = self.clients().rds(self.config().region.as_str());
        let asked = client
            .start_export_task()
            .export_task_identifier(id)
            .source_arn(&snapshot.arn)
            .s3_bucket_name(&self.config().vault_bucket)
            // RDS puts its own slash behind it.
            .s3_prefix(prefix.trim_end_matches('/'))
            .iam_role_arn(export.role.as_str())
            .kms_key_id(key_arn.as_str())
            .send();
        match Box::pin(asked).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("ExportTaskAlreadyExists") => Ok(false),
            Err(error) => Err(fault(DURING, id, error)),
        }
    }
}

fn snapshot(found: &DbSnapshot) -> Snapshot {
    Snapshot {
        id: found.db_snapshot_identifier().unwrap_or_default().to_owned(),
        arn: found.db_snapshot_arn().unwrap_or_default().to_owned(),
        status: found.status().unwrap_or("not known").to_owned(),
        progress_percent: percent(found.percent_progress()),
        // A copy was made later than what it holds.
        taken_at: found
            .original_snapshot_create_time()
            .or(found.snapshot_create_time())
            .and_then(|at| Timestamp::from_nanosecond(at.as_nanos()).ok()),
        key_arn: found.kms_key_id().map(str::to_owned),
    }
}

fn export_task(found: &SdkExportTask) -> ExportTask {
    let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    ExportTask {
        id: found.export_task_identifier().unwrap_or_default().to_owned(),
        status: found.status().unwrap_or("not known").to_owned(),
        progress_percent: percent(found.percent_progress()),
        failure: said(found.failure_cause()),
        warning: said(found.warning_message()),
        source_arn: found.source_arn().unwrap_or_default().to_owned(),
    }
}

fn percent(found: Option<i32>) -> u32 {
    found.and_then(|percent| u32::try_from(percent).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
