//! The move of the records, and seeing it everywhere.

use crate::dns::{self, Move};
use crate::failover::guards::not_healthy;
use crate::journal::{Finding, Progress, Step};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::{Act, Next, View};

/// The records move only while the new site is seen healthy in this very turn: a run that goes on from
/// the journal does not believe what another run saw.
pub(super) fn repoint(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let records = match &view.records {
        Seen::Here(records) => records,
        Seen::Absent => return Next::Wait("the zone has no records at all".to_owned()),
        Seen::Unknown(why) => return Next::Wait(format!("Route 53 could not be asked: {why}")),
    };
    let term = progress.term;
    let moved = dns::decide(plan, &progress.opened.to, term, records);
    if let (Move::Already, Some(change_id)) = (&moved, &view.change_id) {
        let records = records.clone();
        let finding = Finding::Moved { change_id: change_id.clone(), records };
        return Next::Confirm(Step::Repoint, finding);
    }
    if let Some(why) = not_healthy(&view.new) {
        return Next::Wait(format!("the new site is not healthy any more: {why}"));
    }
    match moved {
        Move::Already => Next::Do(Act::Repoint(dns::touch(plan, term, records))),
        Move::Batch(batch) => Next::Do(Act::Repoint(batch)),
        Move::Superseded(newer) => Next::Stop(Refusal::Superseded { term, newer }),
        Move::Drift(drift) => Next::Stop(Refusal::DnsDrift {
            record: drift.record,
            found: drift.found,
            wanted: drift.wanted,
        }),
    }
}

pub(super) fn see_in_sync(view: &View) -> Next {
    match &view.in_sync {
        Seen::Here(true) => Next::Confirm(Step::SeeInSync, Finding::InSync),
        Seen::Here(false) => Next::Wait("the records have not reached every server yet".to_owned()),
        Seen::Absent => Next::Wait("Route 53 does not know the change".to_owned()),
        Seen::Unknown(why) => Next::Wait(format!("Route 53 could not be asked: {why}")),
    }
}
