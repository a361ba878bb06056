//! What lies outside the RDS server in the local stack: MiniStack's S3, KMS, IAM, CloudWatch and rules,
//! and the PostgreSQL clusters. A test that wants another world writes its own [`Outside`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::super::aws::{Aws, AwsError, bytes};
use super::super::deliver::Deliverer;
use super::super::postgres::{Cluster, Postgres, Stop};
use super::model::{Datapoint, Endpoint, Forbidden, Object, Outside, Place};
use super::names::now;
use super::tables::{Table, read_tables, written};

/// Who must be able to assume the role of an export.
const EXPORTER: &str = "export.rds.amazonaws.com";

/// The local stack as the RDS server's outside.
pub struct Wired {
    aws: Arc<Aws>,
    deliverer: Deliverer,
    clusters: Mutex<BTreeMap<Place, Arc<Cluster>>>,
    roles: Mutex<BTreeMap<String, String>>,
    postgres: Option<Postgres>,
}

impl Wired {
    /// Without clusters, and with everybody allowed everything.
    pub fn new(aws: Arc<Aws>) -> Self {
        let deliverer = Deliverer::new(Arc::clone(&aws));
        let (clusters, roles) = (Mutex::default(), Mutex::default());
        Self { aws, deliverer, clusters, roles, postgres: None }
    }

    /// With this PostgreSQL, replicas of instances that have a cluster get clusters of their own.
    #[must_use]
    pub fn making_replicas(self, postgres: &Postgres) -> Self {
        Self { postgres: Some(postgres.clone()), ..self }
    }

    /// Puts a cluster behind an instance: it is snapshot, promoted, stopped and started.
    pub fn back(&self, instance: Place, cluster: Arc<Cluster>) {
        lock(&self.clusters).insert(instance, cluster);
    }

    /// Holds the owner of an access key to the policies of a role, from now on.
    pub fn hold_to_role(&self, access_key: &str, role_arn: &str) {
        lock(&self.roles).insert(access_key.to_owned(), role_arn.to_owned());
    }

    /// The cluster behind an instance, if there is one.
    pub fn cluster(&self, instance: &Place) -> Option<Arc<Cluster>> {
        lock(&self.clusters).get(instance).cloned()
    }

    /// MiniStack's own evaluation of the role's policies. The region that the question is signed for is
    /// what it takes for `aws:RequestedRegion`.
    async fn may(&self, region: &str, role: &str, action: &str, resource: &str) -> Result<bool> {
        let asked = json!({
            "PolicySourceArn": role, "ActionNames": [action], "ResourceArns": [resource],
        });
        let found = self.aws.call(region, "iam", "simulate_principal_policy", asked).await?;
        let decision = found.pointer("/EvaluationResults/0/EvalDecision").and_then(Value::as_str);
        Ok(decision == Some("allowed"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` for what is not there; any other error stays one.
fn found(answer: Result<Value, AwsError>) -> Result<Option<Value>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code.starts_with("NoSuch") || error.code.contains("NotFound") => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

impl Outside for Wired {
    fn read<'a>(&'a self, instance: &'a Place) -> BoxFuture<'a, Result<Vec<Table>>> {
        Box::pin(async move {
            match self.cluster(instance) {
                Some(cluster) => read_tables(&cluster.url()).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn promote<'a>(&'a self, instance: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.cluster(instance) {
                Some(cluster) => cluster.promote().await,
                None => Ok(()),
            }
        })
    }

    fn stop<'a>(&'a self, instance: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.cluster(instance) {
                Some(cluster) => cluster.stop(Stop::Fast).await,
                None => Ok(()),
            }
        })
    }

    fn start<'a>(&'a self, instance: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.cluster(instance) {
                Some(cluster) => cluster.start().await,
                None => Ok(()),
            }
        })
    }

    fn replicate<'a>(
        &'a self,
        source: &'a Place,
        replica: &'a Place,
    ) -> BoxFuture<'a, Result<Option<Endpoint>>> {
        Box::pin(async move {
            let (Some(primary), Some(postgres)) = (self.cluster(source), &self.postgres) else {
                return Ok(None);
            };
            let copy = Cluster::replica_of(postgres, &replica.id, &primary).await?;
            let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port: copy.port() };
            self.back(replica.clone(), Arc::new(copy));
            Ok(Some(endpoint))
        })
    }

    fn restore<'a>(
        &'a self,
        instance: &'a Place,
        tables: &'a [Table],
    ) -> BoxFuture<'a, Result<Option<Endpoint>>> {
        Box::pin(async move {
            // What had no tables had no PostgreSQL behind it.
            let Some(postgres) = self.postgres.as_ref().filter(|_| !tables.is_empty()) else {
                return Ok(None);
            };
            let cluster = Cluster::primary(postgres, &instance.id).await?;
            cluster.sql(&written(tables)).await?;
            let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port: cluster.port() };
            self.back(instance.clone(), Arc::new(cluster));
            Ok(Some(endpoint))
        })
    }

    fn lag<'a>(&'a self, replica: &'a Place) -> BoxFuture<'a, Result<Option<f64>>> {
        Box::pin(async move {
            match self.cluster(replica) {
                Some(cluster) => cluster.lag_s().await,
                None => Ok(Some(0.0)),
            }
        })
    }

    fn put<'a>(&'a self, region: &'a str, object: Object) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let resource = format!("arn:aws:s3:::{}/{}", object.bucket, object.key);
            if !self.may(region, &object.role, "s3:PutObject", &resource).await? {
                return Err(Forbidden("s3:PutObject").into());
            }
            let put = json!({
                "Bucket": object.bucket,
                "Key": object.key,
                "Body": bytes(&object.body),
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": object.kms_key,
            });
            self.aws.call(region, "s3", "put_object", put).await?;
            Ok(())
        })
    }

    fn emit<'a>(&'a self, _region: &'a str, event: Value) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.deliverer.deliver(&event).await?;
            Ok(())
        })
    }

    fn measure(&self, datapoint: Datapoint) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let dimension =
                json!({ "Name": "DBInstanceIdentifier", "Value": datapoint.instance.id });
            let datum = json!({
                "MetricName": datapoint.metric,
                "Dimensions": [dimension],
                "Timestamp": now().to_string(),
                "Value": datapoint.value,
                "Unit": datapoint.unit,
            });
            let put = json!({ "Namespace": "AWS/RDS", "MetricData": [datum] });
            let region = &datapoint.instance.region;
            self.aws.call(region, "cloudwatch", "put_metric_data", put).await?;
            Ok(())
        })
    }

    fn is_key_usable<'a>(&'a self, region: &'a str, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if key.starts_with("arn:") && key.split(':').nth(3) != Some(region) {
                return Ok(false);
            }
            let asked = self.aws.call(region, "kms", "describe_key", json!({ "KeyId": key })).await;
            let state = found(asked)?;
            let state = state.as_ref().and_then(|it| it.pointer("/KeyMetadata/KeyState")?.as_str());
            Ok(state == Some("Enabled"))
        })
    }

    fn is_bucket_here<'a>(
        &'a self,
        region: &'a str,
        bucket: &'a str,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let asked = json!({ "Bucket": bucket });
            let location = self.aws.call(region, "s3", "get_bucket_location", asked).await;
            Ok(found(location)?.is_some_and(|it| {
                // A bucket in us-east-1 has no location constraint.
                let place = it.get("LocationConstraint").and_then(Value::as_str);
                place.unwrap_or("us-east-1") == region
            }))
        })
    }

    fn is_role_known<'a>(&'a self, role: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let name = role.rsplit('/').next().context("a role without a name")?;
            let asked = json!({ "RoleName": name });
            let role = self.aws.call("us-east-1", "iam", "get_role", asked).await;
            Ok(found(role)?.is_some_and(|it| {
                let trust = it.pointer("/Role/AssumeRolePolicyDocument");
                trust.is_some_and(|trust| trust.to_string().contains(EXPORTER))
            }))
        })
    }

    fn is_allowed<'a>(
        &'a self,
        region: &'a str,
        access_key: &'a str,
        action: &'a str,
        resource: &'a str,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let role = lock(&self.roles).get(access_key).cloned();
            match role {
                Some(role) => self.may(region, &role, action, resource).await,
                None => Ok(true),
            }
        })
    }
}
