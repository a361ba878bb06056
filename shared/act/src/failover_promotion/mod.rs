//! Failover: from an alarm to records that lead to the new site, in steps that are written down before
//! and after, so that a crash, a timeout, a duplicate and a normal continuation are the same path.

mod abort;
mod begin;
mod database;
mod debts;
mod drive;
mod global;
mod group;
mod hand;
mod others;
mod records;
mod rehearse;
mod restore;
mod told;

use warmspare_decide::evidence::AlarmState;
use warmspare_decide::failover::{Duty, Kind, duty};
use warmspare_decide::journal::Progress;
use warmspare_decide::name::{SystemName, Term};
use warmspare_decide::outcome::{Announcement, FORMAT, Happening, Outcome};
use warmspare_decide::plan::Plan;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents;
use crate::fault::{Fault, or_unknown};
use crate::journal;
use crate::ports::{
    Appliances, Bus, Capacity, Clock, Databases, Dns, GlobalDatabases, Monitoring, Restores,
    Signals, Vault,
};
use crate::switch;
use crate::trigger::{self, Action, Trigger};

/// Everything that a failover touches.
pub trait World:
    Clock
    + Vault
    + Databases
    + GlobalDatabases
    + Restores
    + Capacity
    + Dns
    + Appliances
    + Signals
    + Monitoring
    + Bus
{
}

impl<T> World for T where
    T: Clock
        + Vault
        + Databases
        + Restores
        + GlobalDatabases
        + Capacity
        + Dns
        + Appliances
        + Signals
        + Monitoring
        + Bus
{
}

/// A system under its plan.
#[derive(Debug)]
struct Subject {
    system: SystemName,
    plan: Plan,
    plan_version: String,
    plan_text: String,
}

/// Answers one event.
///
/// # Errors
/// A fault that stopped the run; what it had written down is gone on from by the next tick.
pub async fn answer<P: World>(ports: &P, event: &[u8]) -> Result<Outcome, Fault> {
    match trigger::read(event) {
        Err(refusal) => Ok(Outcome::Refused(refusal)),
        Ok(Trigger::Tick { system: None }) => tick(ports).await,
        Ok(Trigger::Tick { system: Some(system) }) => tick_of(ports, system).await,
        Ok(Trigger::Alarm { name, is_raised: false, .. }) => {
            Ok(Outcome::Done(format!("the alarm {name} is over, and nothing is to be done")))
        }
        Ok(Trigger::Alarm { name, system, is_raised: true }) => {
            let subject = match subject(ports, system).await? {
                Ok(subject) => subject,
                Err(refusal) => return Ok(Outcome::Refused(refusal)),
            };
            begin::failover(ports, &subject, begin::Asking::Alarm(name)).await
        }
        Ok(Trigger::Request { system, action, who, reason }) => {
            let subject = match subject(ports, system).await? {
                Ok(subject) => subject,
                Err(refusal) => return Ok(Outcome::Refused(refusal)),
            };
            match action {
                Action::Failover => {
                    begin::failover(ports, &subject, begin::Asking::Operator(reason)).await
                }
                Action::Switchover | Action::Failback { .. } => {
                    begin::failover(ports, &subject, asking(action, reason)).await
                }
                Action::Rehearse { .. } => {
                    rehearse::rehearse(ports, &subject, asking(action, reason)).await
                }
                Action::Abort => abort::abort(ports, &subject, who, reason).await,
                Action::Status => status(ports, &subject).await,
            }
        }
    }
}

fn asking(action: Action, reason: String) -> begin::Asking {
    match action {
        Action::Switchover | Action::Rehearse { of: Kind::Switchover, .. } => {
            begin::Asking::Planned(Kind::Switchover, reason, None)
        }
        Action::Failback { restored } | Action::Rehearse { of: Kind::Failback, restored } => {
            begin::Asking::Planned(Kind::Failback, reason, restored)
        }
        Action::Failover
        | Action::Abort
        | Action::Status
        | Action::Rehearse { of: Kind::Failover, .. } => begin::Asking::Operator(reason),
    }
}

async fn subject<P: World>(
    ports: &P,
    system: SystemName,
) -> Result<Result<Subject, Refusal>, Fault> {
    let plan = documents::load_plan_and_text(ports, &system).await?;
    Ok(plan.map(|(plan, plan_version, plan_text)| Subject {
        system,
        plan,
        plan_version,
        plan_text,
    }))
}

/// What became of a failover that was begun before.
enum Resumed {
    /// There is nothing to go on with.
    Nothing,
    /// It was gone on with, and that was this run's work.
    Done(Outcome),
    /// It was given up and still owes something. Another one may begin, and takes that over.
    Owing(String),
}

/// Goes on with every failover that is open, and pays what is owed. One system's trouble does not keep
/// the next one from its turn.
async fn tick<P: World>(ports: &P) -> Result<Outcome, Fault> {
    let keys = ports.list("failovers/").await?;
    let mut systems: Vec<SystemName> =
        keys.iter().filter_map(|key| SystemName::parse(key.split('/').nth(1)?).ok()).collect();
    systems.dedup();
    let (mut waiting, mut done, mut fault) = (Vec::new(), Vec::new(), None);
    for system in systems {
        match resume(ports, system.clone()).await {
            Ok(Resumed::Nothing) => {}
            Ok(Resumed::Done(Outcome::Done(said))) => done.push(format!("{system}: {said}")),
            Ok(Resumed::Done(other)) => waiting.push(format!("{system}: {other}")),
            Ok(Resumed::Owing(why)) => waiting.push(format!("{system}: {why}")),
            Err(found) => {
                tracing::warn!("{system}: {found}");
                fault = fault.or(Some(found));
            }
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None if !waiting.is_empty() => Ok(Outcome::Waiting(waiting.join("; "))),
        None if !done.is_empty() => Ok(Outcome::Done(done.join("; "))),
        None => Ok(Outcome::Done("no failover is under way, and nothing is owed".to_owned())),
    }
}

/// The same for one system; what it is not under way with is said by its name.
async fn tick_of<P: World>(ports: &P, system: SystemName) -> Result<Outcome, Fault> {
    if let Err(refusal) = subject(ports, system.clone()).await? {
        return Ok(Outcome::Refused(refusal));
    }
    match resume(ports, system.clone()).await? {
        Resumed::Nothing => ask_again(ports, system, None).await,
        Resumed::Owing(why) => ask_again(ports, system, Some(why)).await,
        Resumed::Done(outcome) => Ok(outcome),
    }
}

/// CloudWatch tells of a change of an alarm once. A failover that was refused then, because of one
/// unlucky look or a cooldown, is asked for again while the alarm is raised.
async fn ask_again<P: World>(
    ports: &P,
    system: SystemName,
    owing: Option<String>,
) -> Result<Outcome, Fault> {
    let name = format!("{}{system}", trigger::ALARM_PREFIX);
    match or_unknown(ports.alarm(&name).await) {
        Seen::Here(alarm) if alarm.state == AlarmState::Alarm => {
            match subject(ports, system).await? {
                Ok(subject) => begin::failover(ports, &subject, begin::Asking::Again(name)).await,
                Err(refusal) => Ok(Outcome::Refused(refusal)),
            }
        }
        Seen::Here(_) | Seen::Absent => {
            let paused = hand::said_of_pause(ports, &system).await;
            Ok(match owing {
                Some(owing) => Outcome::Waiting(format!("{owing}{paused}")),
                None => Outcome::Done(format!(
                    "no failover of {system} is under way, nothing is owed, and {name} is not \
                     raised{paused}"
                )),
            })
        }
        Seen::Unknown(why) => Ok(Outcome::Waiting(format!(
            "no failover of {system} is under way, and it is not known whether {name} is raised: \
             {why}{}",
            owing.map_or(String::new(), |owing| format!("; {owing}"))
        ))),
    }
}

async fn resume<P: World>(ports: &P, system: SystemName) -> Result<Resumed, Fault> {
    let terms = journal::terms(ports, &system).await?;
    let Some(progress) = terms.newest().cloned() else { return Ok(Resumed::Nothing) };
    let duty = duty(&progress, ports.now());
    if duty == Duty::Nothing {
        return Ok(Resumed::Nothing);
    }
    let subject = match subject(ports, system).await? {
        Ok(subject) => subject,
        Err(refusal) => return Ok(Resumed::Done(Outcome::Refused(refusal))),
    };
    let outcome = match duty {
        Duty::Nothing => return Ok(Resumed::Nothing),
        Duty::Drive => drive::on(ports, &subject, progress).await?,
        Duty::LookAgain => match debts::look_again(ports, &subject, progress).await? {
            Some(outcome) => outcome,
            None => return Ok(Resumed::Nothing),
        },
        Duty::Pay { may_begin } => match debts::pay(ports, &subject, progress).await? {
            Outcome::Waiting(owing) if may_begin => return Ok(Resumed::Owing(owing)),
            outcome @ (Outcome::Done(_) | Outcome::Waiting(_) | Outcome::Refused(_)) => outcome,
        },
    };
    Ok(Resumed::Done(outcome))
}

async fn status<P: World>(ports: &P, subject: &Subject) -> Result<Outcome, Fault> {
    let terms = journal::terms(ports, &subject.system).await?;
    let (active, _) = terms.active(&subject.plan);
    let sentence = match terms.newest() {
        None => format!("{active} is active, and there was no failover yet"),
        Some(progress) => match (&progress.end, progress.next_step()) {
            (Some(end), _) => format!(
                "{active} is active; term {} {} at {}; owed: {}",
                progress.term,
                if end.completed { "was completed" } else { "was abandoned" },
                end.at,
                owed(progress)
            ),
            (None, step) => format!(
                "{active} is active; term {} is under way since {}, and is about to {}",
                progress.term,
                progress.opened_at,
                step.map_or("close", |step| step.words())
            ),
        },
    };
    Ok(Outcome::Done(format!(
        "{sentence}; the next failover would be term {}{}{}{}",
        terms.next(),
        database::said_of(ports, subject, &terms).await,
        switch::said(ports, &subject.plan).await,
        hand::said_of_pause(ports, &subject.system).await
    )))
}

fn owed(progress: &Progress) -> String {
    let owed: Vec<&str> = progress.debts.iter().map(|debt| debt.words()).collect();
    if owed.is_empty() { "nothing".to_owned() } else { owed.join(", ") }
}

/// Tells everyone, and says whether it could. That nobody could be told does not stop a failover: the
/// journal is the record.
async fn announce<P: World>(
    ports: &P,
    system: &SystemName,
    happening: Happening,
    term: Option<Term>,
    outcome: &str,
    reason: String,
) -> bool {
    let announcement = Announcement {
        format: FORMAT,
        happening,
        system: system.clone(),
        outcome: outcome.to_owned(),
        reason,
        slot: None,
        term,
        at: ports.now(),
        links: term.map(|term| vault::journal(system, term)).into_iter().collect(),
    };
    let told = ports.announce(&announcement).await;
    if let Err(fault) = &told {
        tracing::warn!("{} of {system} was not announced: {fault}", happening.as_str());
    }
    told.is_ok()
}
