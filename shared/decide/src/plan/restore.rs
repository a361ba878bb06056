//! What a database is restored as, where the plan keeps no replica: a cheaper, colder standby.

use crate::name::SiteName;

use super::{DatabaseKind, Plan};

/// What `RestoreDBInstanceFromDBSnapshot` is told beside the snapshot and the instance. What AWS would
/// otherwise choose by itself has to be said: the class of the source may not exist in the other Region,
/// and the default network and security group let nobody in, or everybody
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// Class of the instance, such as `db.t4g.medium`.
    pub class: String,
    /// Name of the subnet group in the other site's Region.
    pub subnet_group: String,
    /// Ids of VPC security groups there; at least one.
    pub security_groups: Vec<String>,
    /// Name of the parameter group there; RDS's default of the engine when the plan does not say.
    pub parameter_group: Option<String>,
    /// Whether it gets a standby of its own in another Availability Zone.
    pub multi_az: bool,
}

impl Plan {
    /// How a failover to this site gets its database, where it is restored from a copied snapshot.
    /// Snapshots are copied to the recovery region only, so home never restores.
    pub fn restore_at(&self, site: &SiteName) -> Option<&Restore> {
        let database = self.database.as_ref()?;
        let is_there = database.kind == DatabaseKind::Rds && site == &self.away.name;
        database.restore.as_ref().filter(|_| is_there)
    }
}
