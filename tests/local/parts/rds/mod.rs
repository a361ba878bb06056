//! The RDS server: held against botocore's model by boto3, and with real databases behind it.

mod check;
mod exports;
mod life;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use warmspare_tests::stack::aws::{Aws, AwsError};
use warmspare_tests::stack::folders::Run;
use warmspare_tests::stack::postgres::{Cluster, Postgres};
use warmspare_tests::stack::rds::{
    Column, Datapoint, Instance, Kind, Object, Outside, Place, RdsServer, Table, read_tables,
};
use warmspare_tests::stack::wait;

use crate::parts::{ACCOUNT, EAST, WEST};

const LONG: Duration = Duration::from_secs(90);
const WEST_KEY: &str =
    "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-4333-8444-555555555555";

/// Keeps what the server gives out, and has the databases that it asks for.
#[derive(Default)]
struct Recorder {
    objects: Mutex<Vec<Object>>,
    events: Mutex<Vec<Value>>,
    datapoints: Mutex<Vec<Datapoint>>,
    tables: Vec<Table>,
    cluster: Option<Cluster>,
    denied: Mutex<Option<String>>,
}

impl Recorder {
    fn event_ids(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let id = |event: &Value| event["detail"]["EventID"].as_str().unwrap().to_owned();
        events.iter().map(id).collect()
    }

    fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().iter().map(|object| object.key.clone()).collect()
    }

    fn json(&self, key: &str) -> Value {
        let objects = self.objects.lock().unwrap();
        let object = objects.iter().find(|object| object.key == key).unwrap();
        serde_json::from_slice(&object.body).unwrap()
    }
}

impl Outside for Recorder {
    fn read<'a>(&'a self, _: &'a Place) -> BoxFuture<'a, Result<Vec<Table>>> {
        Box::pin(async {
            match &self.cluster {
                Some(cluster) => read_tables(&cluster.url()).await,
                None => Ok(self.tables.clone()),
            }
        })
    }

    fn promote<'a>(&'a self, _: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            match &self.cluster {
                Some(cluster) => cluster.promote().await,
                None => Ok(()),
            }
        })
    }

    fn put<'a>(&'a self, _: &'a str, object: Object) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            ensure!(!object.key.contains("unwritable"), "access denied");
            self.objects.lock().unwrap().push(object);
            Ok(())
        })
    }

    fn emit<'a>(&'a self, region: &'a str, event: Value) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            ensure!(event["region"] == region, "an event of another region");
            self.events.lock().unwrap().push(event);
            Ok(())
        })
    }

    fn measure(&self, datapoint: Datapoint) -> BoxFuture<'_, Result<()>> {
        self.datapoints.lock().unwrap().push(datapoint);
        Box::pin(async { Ok(()) })
    }

    fn is_bucket_here<'a>(&'a self, _: &'a str, bucket: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(bucket != "missing") })
    }

    fn is_role_known<'a>(&'a self, role: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(!role.ends_with("missing")) })
    }

    fn is_allowed<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        action: &'a str,
        resource: &'a str,
    ) -> BoxFuture<'a, Result<bool>> {
        let denied = self.denied.lock().unwrap().clone();
        Box::pin(async move { Ok(denied != Some(format!("{action} {resource}"))) })
    }
}

fn place(region: &str, id: &str) -> Place {
    Place::new(region, id)
}

/// A server with four instances and a global database, what lies outside it, and boto3 to ask it with.
struct Rig {
    server: RdsServer,
    outside: Arc<Recorder>,
    aws: Aws,
    _run: Run,
}

impl Rig {
    async fn start(outside: Recorder) -> Result<Self> {
        let outside = Arc::new(outside);
        let server = RdsServer::start(ACCOUNT, outside.clone()).await?;
        let kms_key = Some(WEST_KEY.replace(WEST, EAST));
        let source = place(EAST, "controller-db");
        let host = "127.0.0.1";
        server.add(Instance { kms_key, ..Instance::primary(source.clone(), host, 5432) });
        server.add(Instance::replica(place(WEST, "controller-db-west"), host, 5433, source));
        server.add(Instance::primary(place(EAST, "alone"), host, 5434));
        let clusters = [place(EAST, "catalog-east"), place(WEST, "catalog-west")];
        let [writer, other] = clusters;
        server.add_global("catalog", writer, vec![other]);
        server.add(Instance::primary(place(WEST, "alone-west"), host, 5435));
        let run = Run::begin()?;
        let aws = Aws::start(&crate::parts::venv().await?, run.path(), &server.url()).await?;
        Ok(Self { server, outside, aws, _run: run })
    }

    async fn with_tables(names: &[&str]) -> Result<Self> {
        let tables = names.iter().map(|name| table(name)).collect();
        Self::start(Recorder { tables, ..Recorder::default() }).await
    }

    async fn with_cluster(cluster: Cluster) -> Result<Self> {
        Self::start(Recorder { cluster: Some(cluster), ..Recorder::default() }).await
    }

    fn cluster(&self) -> &Cluster {
        self.outside.cluster.as_ref().unwrap()
    }

    async fn call(&self, region: &str, operation: &str, args: Value) -> Result<Value, AwsError> {
        self.aws.call(region, "rds", operation, args).await
    }

    async fn code(&self, region: &str, operation: &str, args: Value) -> String {
        self.call(region, operation, args).await.unwrap_err().code
    }

    async fn snapshot(&self, id: &str) -> Result<()> {
        let asked = json!({ "DBSnapshotIdentifier": id });
        let create = json!({ "DBSnapshotIdentifier": id, "DBInstanceIdentifier": "alone-west" });
        self.call(WEST, "create_db_snapshot", create).await?;
        wait::until("the snapshot has ended", LONG, async || {
            let described = self.call(WEST, "describe_db_snapshots", asked.clone()).await?;
            Ok((described["DBSnapshots"][0]["Status"] != "creating").then_some(()))
        })
        .await
    }

    /// Starts an export of a snapshot and waits for its end.
    async fn export(&self, task: &str, snapshot: &str) -> Result<Value> {
        let start = json!({
            "ExportTaskIdentifier": task,
            "SourceArn": format!("arn:aws:rds:us-west-2:123456789012:snapshot:{snapshot}"),
            "S3BucketName": "vault",
            "S3Prefix": "exports/controller",
            "IamRoleArn": "arn:aws:iam::123456789012:role/export",
            "KmsKeyId": WEST_KEY,
        });
        self.call(WEST, "start_export_task", start).await?;
        let asked = json!({ "ExportTaskIdentifier": task });
        wait::until("the export has ended", LONG, async || {
            let described = self.call(WEST, "describe_export_tasks", asked.clone()).await?;
            let task = described["ExportTasks"][0].clone();
            let is_running = ["STARTING", "IN_PROGRESS"].iter().any(|word| task["Status"] == *word);
            Ok((!is_running).then_some(task))
        })
        .await
    }

    async fn told(&self, event: &str) -> Result<()> {
        wait::until(event, LONG, async || {
            Ok(self.outside.event_ids().iter().any(|id| id == event).then_some(()))
        })
        .await
    }
}

fn table(name: &str) -> Table {
    let column = |name: &str, original: &str, kind| Column {
        name: name.to_owned(),
        original: original.to_owned(),
        kind,
    };
    Table {
        database: "d42".to_owned(),
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: vec![column("id", "bigint", Kind::Int64), column("name", "text", Kind::Text)],
        rows: vec![vec![Some("1".to_owned()), None]],
    }
}

async fn postgres() -> Result<Postgres> {
    let run = Arc::new(Run::begin()?);
    Postgres::prepare(&crate::parts::venv().await?, &run)
}
