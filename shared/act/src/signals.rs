//! Looking at the health signals of a site.

use futures_util::future::join_all;
use warmspare_decide::database::{Pair, Placed};
use warmspare_decide::evidence::{Sight, Signal};
use warmspare_decide::plan::{Check, Health, Plan, Site};
use warmspare_decide::seen::Seen;

use crate::databases;
use crate::fault::or_unknown;
use crate::ports::{Databases, Signals};

/// Looks at every signal of a site at the same time. `pair` names the instances of the database as of now.
pub async fn of_site<P: Signals + Databases>(
    ports: &P,
    plan: &Plan,
    pair: Option<&Pair>,
    site: &Site,
) -> Vec<Signal> {
    let replica = pair.map(|pair| &pair.replica);
    join_all(site.health.iter().map(|health| one(ports, plan, replica, health))).await
}

/// Looks at the signals of a site that takes over: what its replica says of the other site is left out.
pub async fn of_new_site<P: Signals + Databases>(
    ports: &P,
    plan: &Plan,
    site: &Site,
) -> Vec<Signal> {
    let own = site.health.iter().filter(|health| health.check != Check::Replication);
    join_all(own.map(|health| one(ports, plan, None, health))).await
}

async fn one<P: Signals + Databases>(
    ports: &P,
    plan: &Plan,
    replica: Option<&Placed>,
    health: &Health,
) -> Signal {
    let (name, sight) = match &health.check {
        Check::Https { url, .. } => (url.clone(), ports.look(&health.check).await),
        Check::Tcp { host, port } => (format!("{host}:{port}"), ports.look(&health.check).await),
        Check::Replication => {
            let name = replica.map_or("nothing", |replica| replica.id.as_str());
            (format!("replication of {name}"), replication(ports, plan, replica).await)
        }
    };
    Signal { name, path: health.path.clone(), sight }
}

/// What the replica says of its source, asked in the recovery region: it needs nothing of the other.
async fn replication<P: Databases>(ports: &P, plan: &Plan, replica: Option<&Placed>) -> Sight {
    let Some(Placed { id: replica, region }) = replica else {
        return Sight::NotTaken("the plan has no database".to_owned());
    };
    if region != &plan.away.region {
        return Sight::NotTaken(format!("{replica} is not in the recovery region"));
    }
    if databases::global_of(plan).is_some() {
        return Sight::NotTaken(format!("{replica} does not say whether its source answers"));
    }
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
