//! Looking at what a database would be restored from, and as what.

use warmspare_decide::database::{Pair, Placed, RestoreView, newest_copy};
use warmspare_decide::failover::Kind;
use warmspare_decide::name::Term;
use warmspare_decide::plan::Site;
use warmspare_decide::seen::Seen;

use crate::fault::or_unknown;

use super::{Subject, World};

/// What a failover to this site would restore, and the instances that it would be about; nothing where
/// it has a replica, or where the move is a planned one.
pub(super) async fn look<P: World>(
    ports: &P,
    subject: &Subject,
    (kind, to): (Kind, &Site),
    term: Term,
    pair: Option<Pair>,
) -> (Option<Pair>, Option<RestoreView>) {
    let is_restored = !kind.is_planned() && subject.plan.restore_at(&to.name).is_some();
    let Some(mut pair) = pair.clone().filter(|_| is_restored) else { return (pair, None) };
    let mut instance = or_unknown(ports.restored(&pair.replica).await);
    // What a failover that was given up has left there is nobody's, and does not stand in the way.
    if instance.here().is_some_and(|found| found.is_left_by(&subject.system)) {
        pair.replica = pair.replica.of_term(term);
        instance = or_unknown(ports.restored(&pair.replica).await);
    }
    let copy = match ports.copies(&pair.replica.region, &pair.writer.id).await {
        Ok(copies) => newest_copy(&copies, &pair.writer),
        Err(fault) => Seen::Unknown(fault.to_string()),
    };
    (Some(pair), Some(RestoreView { instance, copy }))
}

/// Whether the copy that a failover began with can still be restored.
pub(super) async fn is_available<P: World>(ports: &P, pair: &Pair, snapshot: &str) -> Seen<()> {
    let Placed { region, .. } = &pair.replica;
    match ports.copies(region, &pair.writer.id).await {
        Err(fault) => Seen::Unknown(fault.to_string()),
        Ok(copies) => {
            let found = copies.iter().find(|copy| copy.id == snapshot && copy.is_available());
            found.map_or(Seen::Absent, |_copy| Seen::Here(()))
        }
    }
}
