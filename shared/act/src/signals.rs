//! Looking at the health signals of a site.

use futures_util::future::join_all;
use warmspare_decide::evidence::{Sight, Signal};
use warmspare_decide::name::Region;
use warmspare_decide::plan::{Check, Health, Plan, Site};
use warmspare_decide::seen::Seen;

use crate::fault::or_unknown;
use crate::ports::{Databases, Signals};

/// Looks at every signal of a site at the same time.
pub async fn of_site<P: Signals + Databases>(ports: &P, plan: &Plan, site: &Site) -> Vec<Signal> {
    let region = &plan.away.region;
    join_all(site.health.iter().map(|health| one(ports, plan, region, health))).await
}

/// Looks at the signals of a site that takes over: what its replica says of the other site is left out.
pub async fn of_new_site<P: Signals + Databases>(
    ports: &P,
    plan: &Plan,
    site: &Site,
) -> Vec<Signal> {
    let own = site.health.iter().filter(|health| health.check != Check::Replication);
    join_all(own.map(|health| one(ports, plan, &plan.away.region, health))).await
}

async fn one<P: Signals + Databases>(
    ports: &P,
    plan: &Plan,
    recovery: &Region,
    health: &Health,
) -> Signal {
    let (name, sight) = match &health.check {
        Check::Https { url, .. } => (url.clone(), ports.look(&health.check).await),
        Check::Tcp { host, port } => (format!("{host}:{port}"), ports.look(&health.check).await),
        Check::Replication => {
            let replica = plan.database.as_ref().map(|database| database.replica.as_str());
            let name = format!("replication of {}", replica.unwrap_or("nothing"));
            (name, replication(ports, recovery, replica).await)
        }
    };
    Signal { name, path: health.path.clone(), sight }
}

/// What the replica says of its source, asked in the recovery region: it needs nothing of the other.
async fn replication<P: Databases>(ports: &P, region: &Region, replica: Option<&str>) -> Sight {
    let Some(replica) = replica else {
        return Sight::NotTaken("the plan has no database".to_owned());
    };
    match or_unknown(ports.instance(region, replica).await) {
        Seen::Here(instance) => match (&instance.replica_of, instance.replication) {
            (None, _) => Sight::NotTaken(format!("{replica} is no replica any more")),
            (Some(_), None) => Sight::NotTaken(format!("RDS says nothing of {replica}'s source")),
            (Some(_), Some(state)) if state.normal && state.status == "replicating" => {
                Sight::AsExpected
            }
            (Some(_), Some(state)) if state.normal => {
                Sight::NotTaken(format!("replication is {} and counts as normal", state.status))
            }
            (Some(_), Some(state)) => Sight::Broken(format!("replication is {}", state.status)),
        },
        Seen::Absent => Sight::NotTaken(format!("{replica} does not exist")),
        Seen::Unknown(why) => Sight::NotTaken(why),
    }
}
