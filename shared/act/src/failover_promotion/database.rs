//! What `status` says of the database: whether the plan still names what it is made of.

use futures_util::future::join_all;
use warmspare_decide::database::{Looked, Named, Placed, named, said};
use warmspare_decide::seen::Seen;

use crate::fault::or_unknown;
use crate::journal::Terms;
use crate::ports::Databases;

use super::{Subject, World};

/// What a person has to name or to make, each with a semicolon before it; empty when all is as the plan
/// says. While a move is under way the roles are about to change, and nothing is said.
pub(super) async fn said_of<P: World>(ports: &P, subject: &Subject, terms: &Terms) -> String {
    let plan = &subject.plan;
    let Some(pair) = terms.pair(plan) else { return String::new() };
    if terms.newest().is_some_and(|newest| newest.end.is_none()) {
        return String::new();
    }
    let (_, since) = terms.active(plan);
    let looks = named(plan, &pair).into_iter().map(async |named| {
        let looked = look(ports, &named).await;
        said(&pair, since, &named, &looked)
    });
    let told = join_all(looks).await;
    told.into_iter().flatten().map(|clause| format!("; {clause}")).collect()
}

async fn look<P: Databases>(ports: &P, named: &Named) -> Looked {
    let at = async |placed: &Placed| or_unknown(ports.instance(&placed.region, &placed.id).await);
    let by_now = at(&named.by_now).await;
    let in_plan: Option<Seen<_>> =
        if named.in_plan == named.by_now { None } else { Some(at(&named.in_plan).await) };
    Looked { in_plan, by_now }
}
