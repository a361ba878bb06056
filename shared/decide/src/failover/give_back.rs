//! Giving an old site back its mode after its failover was given up.

use crate::dns::{self, Move, RecordSet, is_touch};
use crate::journal::Progress;
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

/// Whether the site that is owed its mode may be told to be production: while its records lead to it. The
/// site may be away for weeks, and a person who has moved the system meanwhile, by hand and without a
/// term, has moved its records. Unknown waits.
///
/// # Errors
/// Why it is not told now, as a clause.
pub fn give_back(
    plan: &Plan,
    progress: &Progress,
    records: &Seen<Vec<RecordSet>>,
) -> Result<(), String> {
    let site = &progress.opened.from;
    let records = match records {
        Seen::Here(records) => records,
        Seen::Absent => return Err("there are no records that lead to it".to_owned()),
        Seen::Unknown(why) => return Err(format!("its records are not known: {why}")),
    };
    for zone in dns::zones(plan) {
        match dns::decide(plan, site, progress.term, zone, records) {
            Move::Already => {}
            Move::Batch(batch) if is_touch(&batch) => {}
            Move::Batch(_) => return Err(format!("the records of zone {zone} lead elsewhere")),
            Move::Superseded(newer) => return Err(format!("term {newer} has moved the records")),
            Move::Drift(drift) => return Err(Refusal::from(drift).to_string()),
        }
    }
    Ok(())
}
