//! Giving an old site back its mode after its failover was given up.

use crate::dns::{self, Move, RecordSet, is_touch};
use crate::journal::Progress;
use crate::plan::{Method, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::switch::{Leads, alarm_name, led_to};

/// Whether the site that is owed its mode may be told to be production: while its records lead to it. The
/// site may be away for weeks, and a person who has moved the system meanwhile, by hand and without a
/// term, has moved its records. Unknown waits. Where clients are led by a health check, `leads` says where
/// to, and the records say nothing.
///
/// # Errors
/// Why it is not told now, as a clause.
pub fn give_back(
    plan: &Plan,
    progress: &Progress,
    records: &Seen<Vec<RecordSet>>,
    leads: Option<&Leads>,
) -> Result<(), String> {
    let site = &progress.opened.from;
    match plan.dns.method {
        Method::Rewrite => {}
        Method::HealthCheck { .. } => return are_led(plan, progress, leads),
    }
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

fn are_led(plan: &Plan, progress: &Progress, leads: Option<&Leads>) -> Result<(), String> {
    let Some(leads) = leads else { return Err("it was not looked where clients are led".into()) };
    let site = &progress.opened.from;
    match &leads.switch {
        Seen::Here(switch) if switch.term > progress.term => {
            return Err(format!("term {} has turned the switch", switch.term));
        }
        Seen::Here(_) | Seen::Absent => {}
        Seen::Unknown(why) => return Err(format!("the switch could not be read: {why}")),
    }
    let name = alarm_name(&plan.system);
    match &leads.alarm {
        Seen::Here(state) if led_to(plan, *state) == Some(site) => Ok(()),
        Seen::Here(state) => {
            Err(format!("the alarm {name} is {state}, and does not lead to {site}"))
        }
        Seen::Absent => Err(format!("there is no alarm {name}")),
        Seen::Unknown(why) => Err(format!("the alarm {name} is not known: {why}")),
    }
}
