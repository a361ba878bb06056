//! The files that an export leaves in S3. It writes none: it says what they hold.
//!
//! Names: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.FileNames.html>.
//! AWS does not document the two JSON files and the empty `_SUCCESS`; their fields are those that
//! public readers of real exports parse.

use anyhow::Result;
use serde_json::{Value, json};

use super::names::{fresh_uuid, iso, now};
use super::state::Task;
use super::tables::{Column, Table};

/// The folder of a task inside its bucket, without a slash at the end.
pub(super) fn folder(task: &Task) -> String {
    match task.prefix.trim_end_matches('/') {
        "" => task.id.clone(),
        prefix => format!("{prefix}/{}", task.id),
    }
}

/// The files of one table, each with its key. A table without rows has no Parquet file, because a
/// partition without data is left out.
pub(super) fn of_table(task: &Task, table: &Table) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = folder(task);
    let base = format!("{folder}/{}/{}.{}/1", table.database, table.schema, table.name);
    let mut files = Vec::new();
    if !table.rows.is_empty() {
        let name = format!("{base}/part-00000-{}-c000.gz.parquet", fresh_uuid());
        files.push((name, table.to_parquet()?));
    }
    files.push((format!("{base}/_SUCCESS"), Vec::new()));
    Ok(files)
}

/// `export_info_<task>.json` and `export_tables_info_<task>_from_1_to_<n>.json`, written last.
pub(super) fn of_task(
    task: &Task,
    written: &[(&Table, usize)],
    skipped: &[String],
) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = folder(task);
    let mut tables: Vec<Value> = written.iter().map(|it| table_entry(task, *it)).collect();
    tables.extend(skipped.iter().map(|target| skipped_entry(target)));
    let count = tables.len();
    let size_bytes: usize = written.iter().map(|(_, size_bytes)| size_bytes).sum();
    let summary = json!({
        "exportTaskIdentifier": task.id,
        "sourceArn": task.source_arn,
        "exportOnly": task.only,
        "snapshotTime": task.snapshot_taken_at.map(iso),
        "taskStartTime": task.started_at.map(iso),
        "taskEndTime": iso(now()),
        "s3Bucket": task.bucket,
        "s3Prefix": task.prefix,
        "exportedFilesPath": folder,
        "iamRoleArn": task.role,
        "kmsKeyId": task.kms_key,
        "status": "COMPLETE",
        "percentProgress": 100,
        "totalExportedDataInGB": gigabytes(size_bytes),
    });
    let per_table = json!({ "perTableStatus": tables });
    let id = &task.id;
    Ok(vec![
        (
            format!("{folder}/export_tables_info_{id}_from_1_to_{count}.json"),
            serde_json::to_vec(&per_table)?,
        ),
        (format!("{folder}/export_info_{id}.json"), serde_json::to_vec(&summary)?),
    ])
}

/// `WarningMessage`: a JSON text with the lists of the documented example.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.Monitoring.html>
pub(super) fn warning(skipped: &[String]) -> Option<String> {
    let entry = |target: &String| json!({ "target": target, "reason": REASON });
    let entries: Vec<Value> = skipped.iter().map(entry).collect();
    (!entries.is_empty()).then(|| {
        json!({ "skippedTables": entries, "skippedObjectives": [], "general": [] }).to_string()
    })
}

/// The documented reason why tables of PostgreSQL are skipped.
const REASON: &str = "PERMISSIONS_DO_NOT_EXIST";

fn table_entry(task: &Task, (table, size_bytes): (&Table, usize)) -> Value {
    let columns: Vec<Value> = table.columns.iter().map(column_entry).collect();
    json!({
        "tableStatistics": {
            "extractionStartTime": task.started_at.map(iso),
            "extractionEndTime": iso(now()),
            "partitioningInfo": { "numberOfPartitions": 1, "numberOfCompletedPartitions": 1 },
        },
        "schemaMetadata": { "originalTypeMappings": columns },
        "status": "COMPLETE",
        "sizeGB": gigabytes(size_bytes),
        "target": table.target(),
    })
}

fn skipped_entry(target: &str) -> Value {
    json!({ "status": "SKIPPED", "target": target, "warningMessage": [{ "reason": REASON }] })
}

fn column_entry(column: &Column) -> Value {
    json!({
        "columnName": column.name,
        "originalType": column.original,
        "expectedExportedType": column.kind.word(),
        "originalCharMaxLength": 0,
        "originalNumPrecision": 0,
        "originalDateTimePrecision": 0,
    })
}

fn gigabytes(size_bytes: usize) -> f64 {
    f64::from(u32::try_from(size_bytes).unwrap_or(u32::MAX)) / f64::from(1u32 << 30)
}
