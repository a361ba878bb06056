//! What an export leaves in S3.

use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;

const FOLDER: &str = "exports/controller/task";

/// Tables of many kinds, some of which no export takes.
const MAKE: &str = "create table devices (id bigint, name text, up boolean, \
    load double precision, raw bytea, small smallint, price numeric, at timestamptz); \
    insert into devices values (1, 'eins', true, 0.5, '\\xff00', 7, 12.30, \
    '2026-11-21 00:00:00+00'), (2, null, null, null, null, null, null, null); \
    create table empty (id int); create unlogged table scratch (id int); create schema app; \
    create table app.\"A b\" (\"x y\" int); insert into app.\"A b\" values (3)";

#[tokio::test]
async fn an_export_holds_exactly_what_the_snapshot_held() -> Result<()> {
    let cluster = Cluster::primary(&postgres().await?, "alone").await?;
    cluster.sql(MAKE).await?;
    let rig = Rig::with_cluster(cluster).await?;
    rig.snapshot("one").await?;
    rig.cluster().sql("insert into devices (id) values (3)").await?;
    let task = rig.export("task", "one").await?;
    assert_eq!(task["Status"], "COMPLETE", "{task} {:?}", rig.server.mishaps());
    assert_eq!(task.get("WarningMessage"), None);

    let keys = rig.outside.keys();
    let parquet: Vec<&String> = keys.iter().filter(|it| it.ends_with(".gz.parquet")).collect();
    assert_eq!(parquet.len(), 2, "{keys:?}");
    assert!(parquet[0].starts_with(&format!("{FOLDER}/postgres/app.A b/1/part-00000-")));
    assert!(parquet[1].starts_with(&format!("{FOLDER}/postgres/public.devices/1/part-00000-")));
    let body = {
        let objects = rig.outside.objects.lock().unwrap();
        assert!(objects.iter().all(|it| it.kms_key == WEST_KEY && it.bucket == "vault"));
        objects.iter().find(|it| it.key == *parquet[1]).unwrap().body.clone()
    };
    let file = SerializedFileReader::new(bytes::Bytes::from(body))?;
    let rows: Vec<String> = file.get_row_iter(None)?.map(|it| it.unwrap().to_string()).collect();
    let first = "{id: 1, name: \"eins\", up: true, load: 0.5, raw: [255, 0], small: 7, \
        price: \"12.30\", at: \"2026-11-21 00:00:00+00\"}";
    let second = "{id: 2, name: null, up: null, load: null, raw: null, small: null, price: null, \
        at: null}";
    assert_eq!(rows, [first, second]);
    let devices = check_summaries(&rig.outside);
    let mapping = &devices["schemaMetadata"]["originalTypeMappings"][3];
    assert_eq!(mapping["originalType"], "double precision");
    assert_eq!(mapping["expectedExportedType"], "double");
    Ok(())
}

/// The two JSON files, written last; answers what they say of the table of devices.
fn check_summaries(outside: &Recorder) -> Value {
    let keys = outside.keys();
    let [.., tables, task] = keys.as_slice() else { panic!("no files: {keys:?}") };
    assert_eq!(*tables, format!("{FOLDER}/export_tables_info_task_from_1_to_3.json"));
    assert_eq!(*task, format!("{FOLDER}/export_info_task.json"));
    let summary = outside.json(task);
    assert_eq!(summary["status"], "COMPLETE");
    assert_eq!(summary["exportedFilesPath"], FOLDER);
    let tables = outside.json(tables);
    let tables = tables["perTableStatus"].as_array().unwrap();
    let devices = tables.iter().find(|it| it["target"] == "postgres.public.devices");
    devices.unwrap().clone()
}

#[tokio::test]
async fn an_export_that_cannot_be_written_fails_and_says_so() -> Result<()> {
    let rig = Rig::with_tables(&["devices", "unwritable"]).await?;
    rig.snapshot("one").await?;
    let task = rig.export("task", "one").await?;
    assert_eq!(task["Status"], "FAILED");
    assert_eq!(task["FailureCause"], "An unknown internal error occurred.");
    assert_eq!(rig.server.mishaps().len(), 1);
    let cause = "KMS key check failed. Check the credentials on your KMS key and try again.";
    rig.server.fail_exports(Some(cause));
    let task = rig.export("again", "one").await?;
    assert_eq!(task["Status"], "FAILED");
    assert_eq!(task["FailureCause"], cause);
    let failed = rig.outside.event_ids().into_iter().filter(|id| id == "RDS-EVENT-0159");
    assert_eq!(failed.count(), 2);
    assert!(!rig.outside.keys().iter().any(|key| key.contains("export_info")));
    Ok(())
}
