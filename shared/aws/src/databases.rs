//! RDS instances, in any Region.

use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::DbInstance;
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Databases;
use warmspare_decide::database::{Instance, LagPoint, Replication};
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::{code, fault};

/// RDS publishes `ReplicaLag` once a minute.
const LAG_PERIOD_S: i32 = 60;

impl Databases for Live {
    async fn instance(&self, region: &Region, id: &str) -> Result<Seen<Instance>, Fault> {
        const DURING: &str = "looking at the database";
        let client = self.clients().rds(region.as_str());
        let asked = client.describe_db_instances().db_instance_identifier(id).send();
        let answer = match Box::pin(asked).await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("DBInstanceNotFound") => return Ok(Seen::Absent),
            Err(error) => return Err(fault(DURING, id, error)),
        };
        match answer.db_instances() {
            [] => Ok(Seen::Absent),
            [found] => Ok(Seen::Here(instance(found))),
            [_, _, ..] => {
                let why = format!("RDS answered {} of that name", answer.db_instances().len());
                Err(Fault::new(Hope::Permanent, DURING, id, why))
            }
        }
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

    async fn lag(
        &self,
        region: &Region,
        id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault> {
        let client = self.clients().cloudwatch(region.as_str());
        let asked = client
            .get_metric_statistics()
            .namespace("AWS/RDS")
            .metric_name("ReplicaLag")
            .dimensions(Dimension::builder().name("DBInstanceIdentifier").value(id).build())
            .start_time(DateTime::from_secs(from.as_second()))
            .end_time(DateTime::from_secs(to.as_second()))
            .period(LAG_PERIOD_S)
            .statistics(Statistic::Maximum)
            .send();
        let answer = Box::pin(asked)
            .await
            .map_err(|error| fault("reading ReplicaLag of the database", id, error))?;
        let mut points: Vec<LagPoint> = answer
            .datapoints()
            .iter()
            .filter_map(|point| {
                let at = Timestamp::from_nanosecond(point.timestamp()?.as_nanos()).ok()?;
                Some(LagPoint { at, lag_s: point.maximum()? })
            })
            .collect();
        points.sort_by_key(|point| point.at);
        Ok(points)
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
