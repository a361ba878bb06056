//! The databases of a plan, whichever service runs them.

use jiff::Timestamp;
use warmspare_decide::database::{Instance, LagPoint, Placed};
use warmspare_decide::plan::{Database, DatabaseKind, Plan};
use warmspare_decide::seen::Seen;

use crate::fault::{Fault, or_unknown};
use crate::ports::{Databases, GlobalDatabases};

/// The global database of a plan; none where its database is something else.
pub fn global_of(plan: &Plan) -> Option<&str> {
    match &plan.database {
        Some(Database { kind: DatabaseKind::AuroraGlobal { global_cluster }, .. }) => {
            Some(global_cluster)
        }
        Some(Database { kind: DatabaseKind::Rds, .. }) | None => None,
    }
}

/// An instance, or a cluster of the plan's global database.
pub async fn seen<P: Databases + GlobalDatabases>(
    ports: &P,
    plan: &Plan,
    placed: &Placed,
) -> Seen<Instance> {
    or_unknown(match global_of(plan) {
        Some(global) => ports.member(global, placed).await,
        None => ports.instance(&placed.region, &placed.id).await,
    })
}

/// How far behind it was in that time, as CloudWatch in its own Region says.
///
/// # Errors
/// CloudWatch's fault.
pub async fn lag<P: Databases + GlobalDatabases>(
    ports: &P,
    plan: &Plan,
    replica: &Placed,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<LagPoint>, Fault> {
    match global_of(plan) {
        Some(_) => ports.member_lag(replica, from, to).await,
        None => ports.lag(&replica.region, &replica.id, from, to).await,
    }
}
