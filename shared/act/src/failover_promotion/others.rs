//! How far the systems are that a system comes after.

use warmspare_decide::evidence::AlarmState;
use warmspare_decide::failover::Other;
use warmspare_decide::name::SystemName;
use warmspare_decide::plan::Plan;
use warmspare_decide::seen::Seen;

use crate::fault::or_unknown;
use crate::journal;
use crate::trigger::ALARM_PREFIX;

use super::World;

/// Each system that the plan names, in its order.
pub(super) async fn of<P: World>(ports: &P, plan: &Plan) -> Vec<(SystemName, Seen<Other>)> {
    let mut others = Vec::new();
    for system in &plan.after {
        others.push((system.clone(), look(ports, system).await));
    }
    others
}

/// A lost region raises many alarms, and not in the order in which systems come. So a system whose
/// alarm is raised is one that leaves, although its failover may not have begun yet.
async fn look<P: World>(ports: &P, system: &SystemName) -> Seen<Other> {
    let terms = match journal::terms(ports, system).await {
        Ok(terms) => terms,
        Err(fault) => return Seen::Unknown(fault.to_string()),
    };
    let ended = terms.newest().map(|progress| progress.end.clone());
    let ended_at = match ended {
        Some(None) => return Seen::Here(Other::UnderWay),
        Some(Some(end)) => end.completed.then_some(end.at),
        None => None,
    };
    match or_unknown(ports.alarm(&format!("{ALARM_PREFIX}{system}")).await) {
        Seen::Here(alarm) if alarm.state != AlarmState::Alarm => Seen::Here(Other::Settled),
        Seen::Here(alarm) if ended_at.is_some_and(|at| at >= alarm.since) => {
            Seen::Here(Other::Settled)
        }
        Seen::Here(_) => Seen::Here(Other::AboutToBegin),
        Seen::Absent => Seen::Here(Other::Settled),
        Seen::Unknown(why) => Seen::Unknown(why),
    }
}
