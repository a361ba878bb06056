//! RDS instances, in any Region.

use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::DbInstance;
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Databases;
use warmspare_decide::database::{Instance, LagPoint, Placed, Replication};
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::{code, fault};

/// RDS publishes `ReplicaLag` once a minute.
const LAG_PERIOD_S: i32 = 60;

impl Databases for Live {
    async fn instance(&self, region: &Region, id: &str) -> Result<Seen<Instance>, Fault> {
        let found = self.described("looking at the database", region, id).await?;
        Ok(found.map_or(Seen::Absent, |found| Seen::Here(instance(&found))))
    }

    async fn promote(&self, region: &Region, id: &str) -> Result<(), Fault> {
        let client = self.clients().rds(region.as_str());
        Box::pin(client.promote_read_replica().db_instance_identifier(id).send())
            .await
            .map(|_| ())
            .map_err(|error| fault("promoting the replica", id, error))
    }

    async fn stop(&self, region: &Region, id: &str) -> Result<(), Fault> {
        let client = self.clients().rds(region.as_str());
        Box::pin(client.stop_db_instance().db_instance_identifier(id).send())
            .await
            .map(|_| ())
            .map_err(|error| fault("stopping the database", id, error))
    }

    /// The call goes to the Region that the replica is for; the ARN tells RDS where the source is. A
    /// presigned URL is asked for in AWS GovCloud and China only
    /// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>).
    async fn seed(&self, writer: &Placed, replica: &Placed, like: &Placed) -> Result<bool, Fault> {
        const DURING: &str = "making the replica";
        let source = self.needed(DURING, writer).await?;
        let like = self.needed(DURING, like).await?;
        let groups = like.vpc_security_groups().iter();
        let groups: Vec<String> =
            groups.filter_map(|group| group.vpc_security_group_id().map(str::to_owned)).collect();
        let subnets = like.db_subnet_group().and_then(|group| group.db_subnet_group_name());
        let asked = self
            .clients()
            .rds(replica.region.as_str())
            .create_db_instance_read_replica()
            .db_instance_identifier(&replica.id)
            .set_source_db_instance_identifier(source.db_instance_arn().map(str::to_owned))
            .set_db_instance_class(like.db_instance_class().map(str::to_owned))
            .set_db_subnet_group_name(subnets.map(str::to_owned))
            .set_vpc_security_group_ids((!groups.is_empty()).then_some(groups))
            .set_kms_key_id(like.kms_key_id().map(str::to_owned))
            .set_multi_az(like.multi_az())
            .set_publicly_accessible(like.publicly_accessible())
            .set_deletion_protection(like.deletion_protection())
            .set_port(like.endpoint().and_then(|endpoint| endpoint.port()))
            .send();
        match Box::pin(asked).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("DBInstanceAlreadyExists") => Ok(false),
            Err(error) => Err(fault(DURING, &replica.id, error)),
        }
    }

    async fn lag(
        &self,
        region: &Region,
        id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault> {
        const DURING: &str = "reading ReplicaLag of the database";
        let metric = ("ReplicaLag", "DBInstanceIdentifier", id);
        let minutes = self.minutes(DURING, region, metric, (from, to)).await?;
        Ok(minutes.into_iter().map(|(at, lag_s)| LagPoint { at, lag_s }).collect())
    }
}

impl Live {
    /// The highest value of each minute of a metric of RDS, oldest first: its name, its one dimension, and
    /// the value of that.
    pub(crate) async fn minutes(
        &self,
        during: &'static str,
        region: &Region,
        (metric, dimension, id): (&str, &str, &str),
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<(Timestamp, f64)>, Fault> {
        let client = self.clients().cloudwatch(region.as_str());
        let asked = client
            .get_metric_statistics()
            .namespace("AWS/RDS")
            .metric_name(metric)
            .dimensions(Dimension::builder().name(dimension).value(id).build())
            .start_time(DateTime::from_secs(from.as_second()))
            .end_time(DateTime::from_secs(to.as_second()))
            .period(LAG_PERIOD_S)
            .statistics(Statistic::Maximum)
            .send();
        let answer = Box::pin(asked).await.map_err(|error| fault(during, id, error))?;
        let mut minutes: Vec<(Timestamp, f64)> = answer
            .datapoints()
            .iter()
            .filter_map(|point| {
                let at = Timestamp::from_nanosecond(point.timestamp()?.as_nanos()).ok()?;
                Some((at, point.maximum()?))
            })
            .collect();
        minutes.sort_by_key(|(at, _)| *at);
        Ok(minutes)
    }

    pub(crate) async fn described(
        &self,
        during: &'static str,
        region: &Region,
        id: &str,
    ) -> Result<Option<DbInstance>, Fault> {
        let client = self.clients().rds(region.as_str());
        let asked = client.describe_db_instances().db_instance_identifier(id).send();
        let answer = match Box::pin(asked).await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("DBInstanceNotFound") => return Ok(None),
            Err(error) => return Err(fault(during, id, error)),
        };
        match answer.db_instances() {
            [] => Ok(None),
            [found] => Ok(Some(found.clone())),
            [_, _, ..] => {
                let why = format!("RDS answered {} of that name", answer.db_instances().len());
                Err(Fault::new(Hope::Permanent, during, id, why))
            }
        }
    }

    async fn needed(&self, during: &'static str, placed: &Placed) -> Result<DbInstance, Fault> {
        let found = self.described(during, &placed.region, &placed.id).await?;
        let why = || format!("there is no such instance in {}", placed.region);
        found.ok_or_else(|| Fault::new(Hope::Permanent, during, &placed.id, why()))
    }
}

fn instance(found: &DbInstance) -> Instance {
    let replication =
        found.status_infos().iter().find(|info| info.status_type() == Some("read replication"));
    Instance {
        status: found.db_instance_status().unwrap_or("not known").to_owned(),
        replica_of: found
            .read_replica_source_db_instance_identifier()
            .filter(|source| !source.is_empty())
            .map(str::to_owned),
        replicas: found.read_replica_db_instance_identifiers().to_vec(),
        replication: replication.map(|info| Replication {
            // Where RDS does not judge, the word decides.
            normal: info.normal().unwrap_or(info.status() == Some("replicating")),
            status: info.status().unwrap_or("not known").to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
