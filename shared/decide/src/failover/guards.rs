//! What may stand in the way of a failover, one function each.

use jiff::SignedDuration;

use crate::acknowledgement;
use crate::dns::{self, Move};
use crate::evidence::{AlarmState, Reading, Sight, Signal, Verdict, proves_way_out, verdict};
use crate::maintenance::pause_of;
use crate::name::Term;
use crate::plan::{Appliance, Method, Mode, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::switch;
use crate::vault;

use super::open::{Asked, OpeningView};
use super::planned;
use super::restore;
use super::step::{no_capacity, out_of_bounds};

const DAY_S: i64 = 86_400;
/// How long an approval is proposed to hold, in seconds.
const APPROVAL_S: i64 = 3_600;

/// One thing that may stand in the way. Each has one refusal, or several of which never two apply, so
/// that what is accepted lifts one of them and hides none.
pub(super) type Guard = fn(&Plan, &OpeningView) -> Result<(), Refusal>;

/// In the order in which a person would want to hear it. The approval is asked for last: what it
/// begins would begin.
pub(super) const ALL: [Guard; 21] = [
    is_supported,
    is_for_alarms,
    is_not_paused,
    is_raised,
    is_lost,
    planned::is_elsewhere,
    planned::is_well,
    planned::can_end,
    is_cool,
    is_within_the_day,
    is_unowed,
    is_ready,
    restore::is_restorable,
    planned::is_restored,
    is_close_behind,
    restore::is_recent,
    is_proven,
    is_within_loss,
    planned::is_known,
    is_unmoved,
    is_approved,
];

/// What this version cannot finish is not begun.
fn is_supported(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let not_yet = |what: String, instead: &str| {
        Err(Refusal::NotSupported { what, instead: instead.to_owned() })
    };
    for site in [&plan.home, &plan.away] {
        match &site.appliance {
            Appliance::Device42(_) | Appliance::Http { .. } => {}
            Appliance::Aviatrix(_) | Appliance::HabitatBuilder(_) => {
                let what = format!("a failover of the kind of appliance at {}", site.name);
                return not_yet(what, "device42 and http appliances are");
            }
        }
    }
    restore::is_supported(plan, view)
}

/// An alarm begins nothing where only a person may.
fn is_for_alarms(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    match (&view.asked, plan.failover.mode) {
        (Asked::Alarm { .. }, Mode::Manual) => {
            Err(Refusal::ModeIsNotAutomatic { mode: "manual".to_owned() })
        }
        (Asked::Alarm { .. }, Mode::Automatic | Mode::Approve) | (Asked::Operator { .. }, _) => {
            Ok(())
        }
    }
}

/// A pause holds what an alarm would begin, and no person.
fn is_not_paused(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    match &view.asked {
        Asked::Alarm { .. } => pause_of(&plan.system, view.now, &view.pause).map_or(Ok(()), Err),
        Asked::Operator { .. } => Ok(()),
    }
}

/// The alarm, read again.
fn is_raised(_plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let Asked::Alarm { name, state } = &view.asked else { return Ok(()) };
    let state = match state {
        Seen::Here(AlarmState::Alarm) => return Ok(()),
        Seen::Here(state @ (AlarmState::Ok | AlarmState::InsufficientData)) => state.to_string(),
        Seen::Absent => "gone".to_owned(),
        Seen::Unknown(why) => format!("unknown ({why})"),
    };
    Err(Refusal::AlarmNotRaised { alarm: name.clone(), state })
}

pub(super) fn verdict_of(plan: &Plan, view: &OpeningView) -> Verdict {
    verdict(&view.primary, plan.failover.signals, proves_way_out(&view.standby))
}

/// The evidence: enough independent signals. A planned move needs none, and asks for the contrary.
fn is_lost(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    if view.kind.is_planned() {
        return Ok(());
    }
    let verdict = verdict_of(plan, view);
    let site = view.active.clone();
    let down_min = plan.failover.signals.down;
    match verdict.site {
        Reading::Down => Ok(()),
        Reading::Up => Err(Refusal::PrimaryHealthy { site, verdict, down_min }),
        Reading::Unknown => Err(Refusal::NotEnoughSignals { site, verdict, down_min }),
    }
}

/// Anti-flapping: the cooldown counts from the END of the last failover, abandoned ones included, if
/// anything was told to the site that it would have left, or a person has aborted it.
fn is_cool(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let last = view.past.iter().find(|past| !past.untouched);
    let Some(last) = last else { return Ok(()) };
    let since_s = view.now.as_second().saturating_sub(last.ended_at.as_second());
    let since_s = u64::try_from(since_s).unwrap_or(0);
    let cooldown_s = plan.failover.cooldown_s;
    if since_s < cooldown_s {
        return Err(Refusal::Cooldown { term: last.term, since_s, cooldown_s });
    }
    Ok(())
}

/// Against moving to and fro by itself: planned moves neither count nor are counted.
fn is_within_the_day(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let day_ago_s = view.now.as_second().saturating_sub(DAY_S);
    let today = view.past.iter().filter(|past| {
        past.completed && !past.kind.is_planned() && past.opened_at.as_second() > day_ago_s
    });
    let count = u32::try_from(today.count()).unwrap_or(u32::MAX);
    if count >= plan.failover.per_day && !view.kind.is_planned() {
        return Err(Refusal::DailyLimit { count, per_day: plan.failover.per_day });
    }
    Ok(())
}

/// Nothing that may still write is given the system. A site that is owed its mode may be lost, so a
/// failover takes that over; a planned move waits until it is paid.
fn is_unowed(_plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let newest = view.past.first().filter(|_| view.kind.is_planned());
    let owing = view.past.iter().filter(|past| past.completed).chain(newest);
    let owing = owing.into_iter().find(|past| !past.debts.is_empty());
    match owing {
        Some(past) => Err(Refusal::FenceOwed {
            term: past.term,
            debts: past.debts.iter().map(|debt| debt.words()).collect::<Vec<_>>().join(", "),
        }),
        None => Ok(()),
    }
}

/// The standby answers on every signal, and has a database to promote.
fn is_ready(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let site = plan.other(&view.active).name.clone();
    let not_ready = |why: String| Refusal::StandbyNotReady { site: site.clone(), why };
    let is_pilot_light = is_pilot_light(plan, view)?;
    if let Some(why) = not_healthy(&view.standby).filter(|_| !is_pilot_light) {
        return Err(not_ready(why));
    }
    let (Some(pair), Some(replica)) = (view.pair(plan), &view.replica) else { return Ok(()) };
    match replica {
        // A planned move leaves a writer behind: what does not replicate it is not its replica.
        Seen::Here(replica) if view.kind.is_planned() && replica.is_writer() => {
            Err(not_ready(format!("its database {} is a writer already", pair.replica.id)))
        }
        Seen::Here(replica) if replica.is_promotable_from(&pair.writer) => Ok(()),
        Seen::Here(replica) => Err(not_ready(format!(
            "its database is {}, and replicates {}",
            replica.status,
            replica.replica_of.as_deref().unwrap_or("nothing")
        ))),
        Seen::Absent if view.is_to_be_seeded() => Ok(()),
        Seen::Absent => {
            let (replica, region) = (pair.replica.id, pair.replica.region);
            Err(Refusal::NoReplica { replica, region })
        }
        Seen::Unknown(why) => Err(not_ready(format!("its database is not known: {why}"))),
    }
}

/// Whether the standby has yet to be started, and can be: then its health is no condition, and is seen
/// once it runs.
fn is_pilot_light(plan: &Plan, view: &OpeningView) -> Result<bool, Refusal> {
    let site = plan.other(&view.active);
    let Some(capacity) = &site.capacity else { return Ok(false) };
    match &view.capacity {
        Some(Seen::Here(group)) if group.has(capacity.desired) => Ok(false),
        Some(Seen::Here(group)) if group.desired >= capacity.desired => Ok(true),
        Some(Seen::Here(group)) if group.takes(capacity.desired) => Ok(true),
        Some(Seen::Here(group)) => Err(out_of_bounds(capacity, group)),
        Some(Seen::Absent) => Err(no_capacity(capacity, site)),
        Some(Seen::Unknown(why)) => Err(Refusal::StandbyNotReady {
            site: site.name.clone(),
            why: format!("its Auto Scaling group is not known: {why}"),
        }),
        // A view of a version that did not look.
        None => Ok(false),
    }
}

/// The database would lose no more than was agreed.
fn is_close_behind(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    // A replica that is a writer already has lost what it has lost: no measurement decides about it.
    let is_writer =
        view.replica.as_ref().and_then(Seen::here).is_some_and(|replica| replica.is_writer());
    // What is to be seeded has no lag yet; it is measured before the fence.
    let is_exempt = is_writer || view.is_to_be_seeded();
    let (Some(database), Some(lag_s), false) = (&plan.database, &view.lag_s, is_exempt) else {
        return Ok(());
    };
    let lag_s_max = database.lag_s_max;
    match lag_s {
        Seen::Here(lag_s) if *lag_s <= lag_s_max => Ok(()),
        Seen::Here(lag_s) => Err(Refusal::TooFarBehind { lag_s: *lag_s, lag_s_max }),
        Seen::Absent => Err(Refusal::LagUnknown { why: "CloudWatch has no lag of it".to_owned() }),
        Seen::Unknown(why) => Err(Refusal::LagUnknown { why: why.clone() }),
    }
}

/// There is something to fall back on (P1).
fn is_proven(_plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    match &view.proven {
        Seen::Here(_) => Ok(()),
        Seen::Absent => {
            Err(Refusal::NoProvenBackup { why: "there is no receipt in the vault".to_owned() })
        }
        Seen::Unknown(why) => Err(Refusal::NoProvenBackup { why: why.clone() }),
    }
}

/// What only backups hold would lose no more than was agreed. Whether there is one was asked before.
fn is_within_loss(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let Some(slot) = view.proven.here().copied() else { return Ok(()) };
    let age_s = view.lost_at.as_second().saturating_sub(slot.instant().as_second());
    let age_s = u64::try_from(age_s).unwrap_or(0);
    let rpo_s = plan.objectives.rpo_s;
    if age_s > rpo_s { Err(Refusal::BackupTooOld { slot, age_s, rpo_s }) } else { Ok(()) }
}

/// Nobody has changed the records. That Route 53's control plane cannot be asked is no reason not to
/// begin: the records are looked at again before they are moved.
fn is_unmoved(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    let (to, term) = (&plan.other(&view.active).name, view.term());
    if let Method::HealthCheck { id } = &plan.dns.method {
        return is_switchable(plan, id, view, term);
    }
    let Seen::Here(records) = &view.records else { return Ok(()) };
    for zone in dns::zones(plan) {
        match dns::decide(plan, to, term, zone, records) {
            Move::Already | Move::Batch(_) => {}
            Move::Superseded(newer) => return Err(Refusal::Superseded { term, newer }),
            Move::Drift(drift) => return Err(drift.into()),
        }
    }
    Ok(())
}

/// The same where clients are led by a health check: there is an alarm for it to read, no later move
/// has turned the switch, and the records are pairs, if they can be looked at. That needs the control
/// plane, on which nothing of this method rests, so a look that fails refuses nothing, not even a
/// planned move: it may be the one that leaves a Region in time.
fn is_switchable(plan: &Plan, id: &str, view: &OpeningView, term: Term) -> Result<(), Refusal> {
    if let Some(leads) = &view.leads {
        if let Seen::Here(switch) = &leads.switch
            && switch.term >= term
        {
            return Err(Refusal::Superseded { term, newer: switch.term });
        }
        if leads.alarm == Seen::Absent {
            return Err(Refusal::NoSwitch { alarm: switch::alarm_name(&plan.system) });
        }
    }
    match &view.records {
        Seen::Here(records) => dns::are_pairs(plan, id, records).map_err(Refusal::from),
        Seen::Absent | Seen::Unknown(_) => Ok(()),
    }
}

/// In the mode `approve` an alarm begins nothing that a person has not approved. The approval is an
/// acknowledgement of this very refusal, so it names the term, has an end, and is kept in the journal.
fn is_approved(plan: &Plan, view: &OpeningView) -> Result<(), Refusal> {
    match (&view.asked, plan.failover.mode) {
        (Asked::Operator { .. }, _) | (Asked::Alarm { .. }, Mode::Automatic | Mode::Manual) => {
            return Ok(());
        }
        (Asked::Alarm { .. }, Mode::Approve) => {}
    }
    let term = view.term();
    let until = view.now.checked_add(SignedDuration::from_secs(APPROVAL_S)).unwrap_or(view.now);
    let (format, name) = (acknowledgement::FORMAT, "approval-missing");
    // Without a name and a reason it holds nothing: it has to be filled in.
    let object = format!(
        r#"{{"format": {format}, "who": "", "refusal": "{name}", "until": "{until}", "reason": ""}}"#
    );
    let key = vault::acknowledgement(&plan.system, term, name);
    Err(Refusal::ApprovalMissing { term, key, object })
}

/// Why these signals do not show a healthy site; `None` when every one of them answers as expected.
pub fn not_healthy(signals: &[Signal]) -> Option<String> {
    let wrong: Vec<String> = signals
        .iter()
        .filter_map(|signal| {
            let why = match &signal.sight {
                Sight::AsExpected => return None,
                Sight::Otherwise(how) => how.clone(),
                Sight::Refused => "nothing listens there".to_owned(),
                Sight::Silent(why) => format!("no answer ({why})"),
                Sight::Broken(how) => how.clone(),
                Sight::NotTaken(why) => format!("not looked at ({why})"),
            };
            Some(format!("{}: {why}", signal.name))
        })
        .collect();
    if signals.is_empty() {
        return Some("it has no signal that could say so".to_owned());
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}
