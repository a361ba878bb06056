//! Aurora global databases, in any Region.

use aws_sdk_rds::types::{DbCluster, GlobalCluster, GlobalClusterMember};
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::GlobalDatabases;
use warmspare_decide::database::{DETACHED, Instance, LagPoint, Placed, Replication};
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::{code, fault};

/// Once a minute, in the Region of a cluster that does not write, under its identifier. The first is how far it is behind
/// for what users have written, in milliseconds; old versions of Aurora MySQL have the second one alone
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html>).
const LAGS: [&str; 2] = ["AuroraGlobalDBRPOLag", "AuroraGlobalDBReplicationLag"];

const READING: &str = "reading the lag of the database";
const DURING: &str = "making the writer of the global database";

impl GlobalDatabases for Live {
    async fn member(&self, global: &str, cluster: &Placed) -> Result<Seen<Instance>, Fault> {
        let Some(found) = self.cluster(cluster).await? else { return Ok(Seen::Absent) };
        let global = self.global("looking at the global database", &cluster.region, global).await?;
        Ok(Seen::Here(member(&found, global.as_ref())))
    }

    async fn member_lag(
        &self,
        cluster: &Placed,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault> {
        for metric in LAGS {
            let metric = (metric, "DBClusterIdentifier", cluster.id.as_str());
            let minutes = self.minutes(READING, &cluster.region, metric, (from, to)).await?;
            if !minutes.is_empty() {
                let point =
                    |(at, lag_ms): (Timestamp, f64)| LagPoint { at, lag_s: lag_ms / 1_000.0 };
                return Ok(minutes.into_iter().map(point).collect());
            }
        }
        Ok(Vec::new())
    }

    /// The call goes to the Region of the cluster that takes over
    /// (<https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html>,
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverGlobalCluster.html>).
    async fn fail_over(&self, global: &str, cluster: &Placed) -> Result<(), Fault> {
        let Some(arn) = self.to_be_told(global, &cluster.region, cluster).await? else {
            return Ok(());
        };
        let asked = self
            .clients()
            .rds(cluster.region.as_str())
            .failover_global_cluster()
            .global_cluster_identifier(global)
            .target_db_cluster_identifier(arn)
            .allow_data_loss(true)
            .send();
        Box::pin(asked).await.map(|_| ()).map_err(|error| fault(DURING, &cluster.id, error))
    }

    /// The call goes to the Region of the cluster that writes
    /// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_SwitchoverGlobalCluster.html>).
    async fn switch_over(
        &self,
        global: &str,
        writer: &Placed,
        cluster: &Placed,
    ) -> Result<(), Fault> {
        let Some(arn) = self.to_be_told(global, &writer.region, cluster).await? else {
            return Ok(());
        };
        let asked = self
            .clients()
            .rds(writer.region.as_str())
            .switchover_global_cluster()
            .global_cluster_identifier(global)
            .target_db_cluster_identifier(arn)
            .send();
        Box::pin(asked).await.map(|_| ()).map_err(|error| fault(DURING, &cluster.id, error))
    }
}

impl Live {
    async fn cluster(&self, cluster: &Placed) -> Result<Option<DbCluster>, Fault> {
        let client = self.clients().rds(cluster.region.as_str());
        let asked = client.describe_db_clusters().db_cluster_identifier(&cluster.id).send();
        match Box::pin(asked).await {
            Ok(answer) => Ok(answer.db_clusters().first().cloned()),
            Err(error) if code(&error) == Some("DBClusterNotFoundFault") => Ok(None),
            Err(error) => Err(fault("looking at the database", &cluster.id, error)),
        }
    }

    /// The global database as this Region knows it.
    async fn global(
        &self,
        during: &'static str,
        region: &Region,
        id: &str,
    ) -> Result<Option<GlobalCluster>, Fault> {
        let client = self.clients().rds(region.as_str());
        let asked = client.describe_global_clusters().global_cluster_identifier(id).send();
        match Box::pin(asked).await {
            Ok(answer) => Ok(answer.global_clusters().first().cloned()),
            Err(error) if code(&error) == Some("GlobalClusterNotFoundFault") => Ok(None),
            Err(error) => Err(fault(during, id, error)),
        }
    }

    /// The last look before a request that takes no condition: the ARN of the cluster that is to write, if
    /// there is anything to tell.
    async fn to_be_told(
        &self,
        id: &str,
        region: &Region,
        cluster: &Placed,
    ) -> Result<Option<String>, Fault> {
        let global = self.global(DURING, region, id).await?;
        let members =
            global.as_ref().map(GlobalCluster::global_cluster_members).unwrap_or_default();
        let found = members.iter().find(|member| cluster.is_named(arn_of(member)));
        let Some(member) = found else {
            let why = format!("it is no member of the global database {id}");
            return Err(Fault::new(Hope::Permanent, DURING, &cluster.id, why));
        };
        let is_moving = global.as_ref().and_then(moving).is_some();
        Ok((!writes(member) && !is_moving).then(|| arn_of(member).to_owned()))
    }
}

fn arn_of(member: &GlobalClusterMember) -> &str {
    member.db_cluster_arn().unwrap_or_default()
}

fn writes(member: &GlobalClusterMember) -> bool {
    member.is_writer() == Some(true)
}

/// What a change of the writer that is under way is called.
fn moving(global: &GlobalCluster) -> Option<&str> {
    global.failover_state()?.status().map(aws_sdk_rds::types::FailoverStatus::as_str)
}

/// A cluster and its part. What does not write replicates what does, and if nothing is said to write, it
/// is no writer for that.
fn member(cluster: &DbCluster, global: Option<&GlobalCluster>) -> Instance {
    let members = global.map(GlobalCluster::global_cluster_members).unwrap_or_default();
    let own = members.iter().find(|member| member.db_cluster_arn() == cluster.db_cluster_arn());
    let Some((own, global)) = own.zip(global) else {
        return Instance {
            status: DETACHED.to_owned(),
            replica_of: None,
            replicas: Vec::new(),
            replication: None,
        };
    };
    let others = members.iter().map(arn_of).filter(|arn| *arn != arn_of(own));
    let writer = members.iter().find(|member| writes(member)).map_or("no cluster", arn_of);
    let is_writer = writes(own);
    let of_cluster = cluster.status().unwrap_or("not known");
    // That the others are being rebuilt after a failover keeps a writer from nothing.
    let of_global = global.status().filter(|status| !is_writer && *status != "available");
    let synchronized = own.synchronization_status().filter(|_| !is_writer);
    Instance {
        status: moving(global).or(of_global).unwrap_or(of_cluster).to_owned(),
        replica_of: (!is_writer).then(|| writer.to_owned()),
        replicas: if is_writer { others.map(str::to_owned).collect() } else { Vec::new() },
        replication: synchronized.map(|status| Replication {
            normal: status.as_str() == "connected",
            status: status.as_str().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
