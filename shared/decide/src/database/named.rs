//! What the plan names as its database, against what the database is made of since the last move. Nothing
//! is decided by it: a person is told what to name, and what to make.

use crate::name::Term;
use crate::plan::{DatabaseKind, Plan};
use crate::seen::Seen;

use super::{Instance, Pair, Placed};

/// The instances of one Region: what the plan names there, and what is meant there by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The field of the plan.
    pub field: &'static str,
    /// What it names.
    pub in_plan: Placed,
    /// The writer or the replica, as the newest completed term left them.
    pub by_now: Placed,
}

/// What was seen of both; not looked at twice where they are the same instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// What the plan names; none where that is what is meant by now.
    pub in_plan: Option<Seen<Instance>>,
    /// What is meant by now.
    pub by_now: Seen<Instance>,
}

/// That of the writer, where the plan names another, and that of the replica. Clusters keep their names, so
/// of a global database there is nothing to say.
pub fn named(plan: &Plan, pair: &Pair) -> Vec<Named> {
    let Some(database) = plan.database.as_ref().filter(|found| found.kind == DatabaseKind::Rds)
    else {
        return Vec::new();
    };
    let of = |by_now: &Placed| {
        let (field, id) = if by_now.region == plan.home.region {
            ("database.source", &database.source)
        } else {
            ("database.replica", &database.replica)
        };
        let in_plan = Placed { id: id.clone(), region: by_now.region.clone() };
        Named { field, in_plan, by_now: by_now.clone() }
    };
    let writer = Some(of(&pair.writer)).filter(|writer| writer.in_plan != writer.by_now);
    // What is restored is there when it is needed, under whatever name the journal says.
    let is_said =
        |named: &Named| database.restore.is_none() || named.by_now.region != plan.away.region;
    writer.into_iter().chain([of(&pair.replica)]).filter(is_said).collect()
}

/// What a person has to be told of one Region, as a clause; none where all is as the plan says. `since` is
/// the newest completed term, and the instances are as they were seen: what could not be looked at is said
/// to be unknown.
pub fn said(pair: &Pair, since: Term, named: &Named, looked: &Looked) -> Option<String> {
    let Named { field, in_plan, by_now } = named;
    let (id, region, writer) = (&by_now.id, &by_now.region, &pair.writer.id);
    let in_plan = looked.in_plan.as_ref().map(|seen| shown(in_plan, seen));
    let renamed = |role: &str| {
        in_plan.as_ref().map(|shown| {
            format!(
                "{field} of the plan names {shown}: since term {since} {id} is {role}, so name that"
            )
        })
    };
    if by_now == &pair.writer {
        return renamed("the writer");
    }
    let besides = in_plan.as_ref().map_or(String::new(), |shown| {
        format!(" ({field} of the plan names {shown}; name {id} once it is there)")
    });
    match &looked.by_now {
        Seen::Here(found) if found.replicates(&pair.writer) => renamed("the replica"),
        Seen::Here(_) => Some(format!(
            "{writer} has no replica in {region}: {} is there under the name of one, so nothing can be \
             failed over to it; delete it, and make a replica of that name (RUNBOOK.md, Planned \
             moves){besides}",
            shown(by_now, &looked.by_now)
        )),
        Seen::Absent => Some(format!(
            "{writer} has no replica in {region}, so there is nothing to fail over to: make one, named \
             {id} (RUNBOOK.md, Planned moves){besides}"
        )),
        Seen::Unknown(why) => Some(format!(
            "it is not known whether {writer} has a replica {id} in {region} ({why}){besides}"
        )),
    }
}

fn shown(placed: &Placed, seen: &Seen<Instance>) -> String {
    let Placed { id, region } = placed;
    match seen {
        Seen::Here(found) => {
            let of = found.replica_of.as_deref().unwrap_or("nothing");
            format!("{id}, which is {} and replicates {of}", found.status)
        }
        Seen::Absent => format!("{id}, which does not exist in {region}"),
        Seen::Unknown(why) => format!("{id}, of which nothing is known now ({why})"),
    }
}

#[cfg(test)]
mod tests;
