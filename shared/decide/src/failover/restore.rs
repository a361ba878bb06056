//! What a failover needs whose database is restored from a copied snapshot.

use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::open::OpeningView;

/// A planned move loses nothing, and what is restored lacks everything that is newer than its snapshot.
/// The way home is another thing: that begins with a replica of the active site's database.
pub(super) fn is_supported(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let to = &plan.other(&view.active).name;
    if view.kind.is_planned() && plan.restore_at(to).is_some() {
        return Err(Refusal::NotSupported {
            what: format!("a planned move to {to} of a database that would be restored there"),
            instead:
                "what is newer than its snapshot would be lost; a replica in the plan is what a \
                      planned move needs"
                    .to_owned(),
        });
    }
    Ok(())
}

/// There is a copy to restore from, and nothing has the name of what it would be restored as.
pub(super) fn is_restorable(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let to = plan.other(&view.active);
    let (Some(_), Some(pair), false) =
        (plan.restore_at(&to.name), view.pair(plan), view.kind.is_planned())
    else {
        return Ok(());
    };
    let not_ready = |why: String| Err(Refusal::StandbyNotReady { site: to.name.clone(), why });
    let Some(seen) = &view.restore else {
        return not_ready("its copied snapshots were not looked at".to_owned());
    };
    let (id, region) = (pair.replica.id, pair.replica.region);
    match &seen.instance {
        Seen::Absent => {}
        Seen::Here(found) => {
            let wanted = "nothing of that name".to_owned();
            return Err(Refusal::NotOurInstance { instance: id, found: found.words(), wanted });
        }
        Seen::Unknown(why) => {
            return not_ready(format!("it is not known whether there is an instance {id}: {why}"));
        }
    }
    match &seen.copy {
        Seen::Here(_) => Ok(()),
        Seen::Absent => {
            let why = "none that was made by snapshot-export is available".to_owned();
            Err(Refusal::NoSnapshot { source_db: pair.writer.id, region, why })
        }
        Seen::Unknown(why) => not_ready(format!("its copied snapshots are not known: {why}")),
    }
}

/// What is newer than the copy is lost, and that is no more than was agreed.
pub(super) fn is_recent(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let copy = view.restore.as_ref().and_then(|seen| seen.copy.here());
    let Some(copy) = copy else { return Ok(()) };
    let (age_s, rpo_s) = (copy.age_s(view.lost_at), plan.objectives.rpo_s);
    if age_s <= rpo_s {
        return Ok(());
    }
    Err(Refusal::SnapshotTooOld { snapshot: copy.snapshot.clone(), age_s, rpo_s })
}
