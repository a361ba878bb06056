//! What a planned move needs besides: both sites well, and nothing that is not known.

use crate::plan::{Method, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::switch;

use super::guards::not_healthy;
use super::open::OpeningView;
use super::step::{cannot_end, no_capacity};
use super::{Asked, Kind};

/// There is another site to move to.
pub(super) fn is_elsewhere(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let site = view.active.clone();
    if view.kind == Kind::Failback && site == plan.home.name {
        return Err(Refusal::AlreadyActive { site });
    }
    Ok(())
}

/// The active site answers on every signal, and a person has asked. The plan's mode is about alarms,
/// so it holds nobody back here.
pub(super) fn is_well(_plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    if !view.kind.is_planned() {
        return Ok(());
    }
    if let Asked::Alarm { .. } = &view.asked {
        let why = "an alarm asks for a planned move, and only a person may".to_owned();
        return Err(Refusal::NotOurs { why });
    }
    let site = view.active.clone();
    not_healthy(&view.primary).map_or(Ok(()), |why| Err(Refusal::ActiveNotHealthy { site, why }))
}

/// The instances of the active site can end, and end there: that is its fence. What stands in their way
/// is mended before anybody is told anything.
pub(super) fn can_end(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let site = plan.other(&plan.other(&view.active).name);
    let (Some(capacity), Some(leaving)) = (&site.capacity, &view.leaving) else { return Ok(()) };
    let not_known = |why: String| {
        Err(Refusal::ActiveNotHealthy {
            site: site.name.clone(),
            why: format!("its Auto Scaling group is not known: {why}"),
        })
    };
    match leaving {
        Seen::Here(group) if !group.takes(0) => {
            let (group, min, max) = (capacity.asg.clone(), group.min, group.max);
            Err(Refusal::CapacityOutOfBounds { group, desired: 0, min, max })
        }
        Seen::Here(group) => match cannot_end(capacity, group) {
            Some(why) => Err(Refusal::ActiveNotHealthy { site: site.name.clone(), why }),
            None => Ok(()),
        },
        Seen::Absent => Err(no_capacity(capacity, site)),
        Seen::Unknown(why) => not_known(why.clone()),
    }
}

/// The appliance of home stood still since the system was moved away, and nothing can ask it what it
/// holds: a person says as of when it was restored. That has to be after the move, and no longer ago
/// than the data may be old.
pub(super) fn is_restored(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    if view.kind_of_move(plan) != Kind::Failback {
        return Ok(());
    }
    let left_at = view.past.iter().find(|past| past.completed).map(|past| past.ended_at);
    let rpo_s = plan.objectives.rpo_s;
    let is_since = |restored| left_at.is_none_or(|left_at| restored >= left_at);
    let is_within = |restored: jiff::Timestamp| {
        let age_s = view.now.as_second().saturating_sub(restored.as_second());
        u64::try_from(age_s).is_ok_and(|age_s| age_s <= rpo_s)
    };
    match view.restored {
        Some(restored) if is_since(restored) && is_within(restored) => Ok(()),
        restored => Err(Refusal::StandbyNotRestored {
            site: plan.home.name.clone(),
            restored: restored.map_or("not said".to_owned(), |restored| restored.to_string()),
            left_at: left_at.map_or("not known".to_owned(), |left_at| left_at.to_string()),
            rpo_s,
        }),
    }
}

/// The records can be looked at. A failover does not wait for that, and a planned move can; where a
/// health check leads clients, what is looked at is in the recovery region, and leads to the active
/// site now.
pub(super) fn is_known(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    if let Method::HealthCheck { .. } = plan.dns.method {
        return if view.kind.is_planned() { is_led(plan, view) } else { Ok(()) };
    }
    match &view.records {
        Seen::Unknown(why) if view.kind.is_planned() => {
            Err(Refusal::RecordsUnknown { why: why.clone() })
        }
        Seen::Absent if view.kind.is_planned() => {
            Err(Refusal::RecordsUnknown { why: "there are none".to_owned() })
        }
        Seen::Here(_) | Seen::Absent | Seen::Unknown(_) => Ok(()),
    }
}

fn is_led(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let unknown = |why: String| Err(Refusal::RecordsUnknown { why });
    let Some(leads) = &view.leads else { return unknown("it was not looked at".to_owned()) };
    if let Seen::Unknown(why) = &leads.switch {
        return unknown(format!("the switch could not be read: {why}"));
    }
    let (name, active) = (switch::alarm_name(&plan.system), &view.active);
    match &leads.alarm {
        // An alarm that is not there has a refusal of its own.
        Seen::Absent => Ok(()),
        Seen::Here(state) if switch::led_to(plan, *state) == Some(active) => Ok(()),
        Seen::Here(state) => {
            unknown(format!("the alarm {name} is {state}, which does not lead to {active}"))
        }
        Seen::Unknown(why) => unknown(format!("CloudWatch could not be asked for {name}: {why}")),
    }
}

#[cfg(test)]
mod tests;
