//! Copied snapshots, and RDS instances that are restored from them, in the recovery region.

use aws_sdk_rds::types::{DbInstance, DbSnapshot, Tag};
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Restores;
use warmspare_decide::database::{Copied, Origin, Placed, Restored};
use warmspare_decide::name::Region;
use warmspare_decide::plan::Restore;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::{code, fault};

/// A page has 100 snapshots, and RDS's quota of manual ones is 100 before it is raised.
const PAGES_MAX: usize = 100;

impl Restores for Live {
    /// Manual ones only, as those are that snapshot-export copies
    /// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html>).
    async fn copies(&self, region: &Region, of: &str) -> Result<Vec<Copied>, Fault> {
        const DURING: &str = "looking at the copied snapshots of";
        let client = self.clients().rds(region.as_str());
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        for _page in 0..PAGES_MAX {
            let asked = client
                .describe_db_snapshots()
                .db_instance_identifier(of)
                .snapshot_type("manual")
                .set_marker(marker.take())
                .send();
            let answer = match Box::pin(asked).await {
                Ok(answer) => answer,
                // Of an instance that is in another Region RDS may say that it does not know it.
                Err(error)
                    if matches!(
                        code(&error),
                        Some("DBInstanceNotFound" | "DBSnapshotNotFound")
                    ) =>
                {
                    return Ok(found);
                }
                Err(error) => return Err(fault(DURING, of, error)),
            };
            found.extend(answer.db_snapshots().iter().map(copied));
            marker = answer.marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                return Ok(found);
            }
        }
        let why = format!("there are more than {PAGES_MAX} pages of them");
        Err(Fault::new(Hope::Permanent, DURING, of, why))
    }

    async fn restored(&self, at: &Placed) -> Result<Seen<Restored>, Fault> {
        let found = self.described("looking at the restored database", &at.region, &at.id).await?;
        Ok(found.map_or(Seen::Absent, |found| Seen::Here(restored(&found))))
    }

    /// The tags are written by the same call, so that there is no instance without them
    /// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html>).
    async fn restore(&self, at: &Placed, how: &Restore, origin: &Origin) -> Result<bool, Fault> {
        let client = self.clients().rds(at.region.as_str());
        let tags = origin.tags().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let asked = client
            .restore_db_instance_from_db_snapshot()
            .db_instance_identifier(&at.id)
            .db_snapshot_identifier(&origin.snapshot)
            .db_instance_class(&how.class)
            .db_subnet_group_name(&how.subnet_group)
            .set_vpc_security_group_ids(Some(how.security_groups.clone()))
            .set_db_parameter_group_name(how.parameter_group.clone())
            .multi_az(how.multi_az)
            .publicly_accessible(false)
            .set_tags(Some(tags.to_vec()))
            .send();
        match Box::pin(asked).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("DBInstanceAlreadyExists") => Ok(false),
            Err(error) => Err(fault("restoring the database", &at.id, error)),
        }
    }
}

fn copied(found: &DbSnapshot) -> Copied {
    let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Copied {
        id: found.db_snapshot_identifier().unwrap_or_default().to_owned(),
        of: found.db_instance_identifier().unwrap_or_default().to_owned(),
        source_arn: said(found.source_db_snapshot_identifier()),
        status: found.status().unwrap_or("not known").to_owned(),
        // The time of the copy itself is later, and says nothing about its data.
        taken_at: found
            .original_snapshot_create_time()
            .and_then(|at| Timestamp::from_nanosecond(at.as_nanos()).ok()),
    }
}

fn restored(found: &DbInstance) -> Restored {
    let tags = found.tag_list().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    Restored {
        status: found.db_instance_status().unwrap_or("not known").to_owned(),
        replica_of: found
            .read_replica_source_db_instance_identifier()
            .filter(|source| !source.is_empty())
            .map(str::to_owned),
        origin: Origin::of(tags),
    }
}

#[cfg(test)]
mod tests;
