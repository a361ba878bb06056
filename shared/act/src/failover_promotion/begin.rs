//! Looking at everything, and beginning a failover if the decision says so.

use jiff::{SignedDuration, Timestamp};
use warmspare_decide::database::lag_when_lost;
use warmspare_decide::dns;
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::failover::{Asked, Opened, OpeningView, open};
use warmspare_decide::journal::{Progress, What};
use warmspare_decide::name::{SiteName, Slot};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::fault::{Fault, or_unknown};
use crate::journal::{self, Terms};
use crate::signals;
use crate::trigger::ALARM_PREFIX;

use super::{Subject, World, announce, drive};

/// How long before a request by hand, or before an alarm whose window is not known, the site counts as
/// lost, in seconds: as long as the alarm of `system.yaml` needs to be raised.
const WINDOW_S: u64 = 180;
/// The oldest measurement that still tells how far the replica was behind, in seconds.
const LAG_AGE_S_MAX: u64 = 600;

/// Who asks for a failover.
#[derive(Debug)]
pub(super) enum Asking {
    /// The alarm of this name has just been raised.
    Alarm(String),
    /// The alarm of this name is still raised, and the failover was refused before. CloudWatch tells
    /// of a change only, so the tick asks again; it does so without announcing each refusal.
    Again(String),
    /// A person, and why.
    Operator(String),
}

/// Begins a failover of the active site, or joins the one that is under way.
pub(super) async fn failover<P: World>(
    ports: &P,
    subject: &Subject,
    asking: Asking,
) -> Result<Outcome, Fault> {
    let system = &subject.system;
    let terms = journal::terms(ports, system).await?;
    if let Some(open) = terms.newest().filter(|progress| progress.end.is_none()) {
        return drive::on(ports, subject, open.clone()).await;
    }
    let is_again = matches!(asking, Asking::Again(_));
    let opened = match decide(ports, subject, &terms, asking).await {
        Ok(opened) => opened,
        Err(refusal) => {
            if !is_again {
                let reason = refusal.to_string();
                announce(ports, system, Happening::FailoverRefused, None, "refused", reason).await;
            }
            return Ok(Outcome::Refused(refusal));
        }
    };
    let term = terms.next();
    let reason = format!(
        "{} is lost ({} path(s) say so): {} takes over",
        opened.from, opened.verdict.down, opened.to
    );
    let what = What::Opened(Box::new(opened));
    match journal::append(ports, system, term, 1, &subject.plan_version, what).await? {
        Some(entry) => {
            announce(ports, system, Happening::FailoverStarted, Some(term), "waiting", reason)
                .await;
            let progress = Progress::of(&[entry]).map_err(drive::impossible)?;
            drive::on(ports, subject, progress).await
        }
        // Another run has opened this very term a moment ago: there is one failover, and we join it.
        None => match journal::terms(ports, system).await?.newest() {
            Some(open) if open.end.is_none() => drive::on(ports, subject, open.clone()).await,
            _ => Ok(Outcome::Waiting(format!("term {term} was opened by another run"))),
        },
    }
}

/// Decides as a failover would, for the sake of the answer, and changes nothing.
pub(super) async fn rehearse<P: World>(
    ports: &P,
    subject: &Subject,
    reason: String,
) -> Result<Outcome, Fault> {
    let terms = journal::terms(ports, &subject.system).await?;
    if let Some(open) = terms.newest().filter(|progress| progress.end.is_none()) {
        let (term, since) = (open.term, open.opened_at);
        return Ok(Outcome::Refused(Refusal::InProgress { term, since }));
    }
    Ok(match decide(ports, subject, &terms, Asking::Operator(reason)).await {
        Ok(opened) => {
            let steps: Vec<&str> = opened.steps.iter().map(|step| step.words()).collect();
            Outcome::Done(format!(
                "a failover from {} to {} would begin as term {}: {}; nothing was changed",
                opened.from,
                opened.to,
                terms.next(),
                steps.join(", ")
            ))
        }
        Err(refusal) => Outcome::Refused(refusal),
    })
}

async fn decide<P: World>(
    ports: &P,
    subject: &Subject,
    terms: &Terms,
    asking: Asking,
) -> Result<Opened, Refusal> {
    let plan = &subject.plan;
    let (active, _) = terms.active(plan);
    open(plan, &look(ports, subject, terms, active, asking).await)
}

async fn look<P: World>(
    ports: &P,
    subject: &Subject,
    terms: &Terms,
    active: SiteName,
    asking: Asking,
) -> OpeningView {
    let plan = &subject.plan;
    let now = ports.now();
    // Also for a person the alarm tells since when the site is lost, if it is raised: how far the
    // replica was behind is asked for that moment, and not for the one in which the person asks.
    let name = match &asking {
        Asking::Alarm(name) | Asking::Again(name) => name.clone(),
        Asking::Operator(_) => format!("{ALARM_PREFIX}{}", subject.system),
    };
    let alarm = or_unknown(ports.alarm(&name).await);
    let lost_at = alarm
        .here()
        .filter(|alarm| alarm.state == AlarmState::Alarm)
        .map_or(before(now, WINDOW_S), |alarm| {
            before(alarm.since, alarm.window_s.unwrap_or(WINDOW_S))
        });
    let asked = match asking {
        Asking::Alarm(name) | Asking::Again(name) => {
            Asked::Alarm { name, state: alarm.map(|alarm| alarm.state) }
        }
        Asking::Operator(reason) => Asked::Operator { reason },
    };
    let (old, new) =
        if active == plan.home.name { (&plan.home, &plan.away) } else { (&plan.away, &plan.home) };
    let (primary, standby) = futures_util::future::join(
        signals::of_site(ports, plan, old),
        signals::of_new_site(ports, plan, new),
    )
    .await;
    let capacity = match &new.capacity {
        Some(capacity) => Some(or_unknown(ports.group(&new.region, &capacity.asg).await)),
        None => None,
    };
    let (mut replica, mut lag_s) = (None, None);
    if let Some(database) = &plan.database {
        replica = Some(or_unknown(ports.instance(&new.region, &database.replica).await));
        let from = before(lost_at, LAG_AGE_S_MAX);
        let points = ports.lag(&new.region, &database.replica, from, lost_at).await;
        lag_s = Some(match points {
            Ok(points) => lag_when_lost(&points, lost_at, LAG_AGE_S_MAX),
            Err(fault) => Seen::Unknown(fault.to_string()),
        });
    }
    let records = match ports.records(&plan.dns.zone, &dns::names(plan)).await {
        Ok(records) => Seen::Here(records),
        Err(fault) => Seen::Unknown(fault.to_string()),
    };
    let proven = proven(ports, subject).await;
    let past = terms.past();
    OpeningView {
        now,
        lost_at,
        asked,
        active,
        primary,
        standby,
        proven,
        capacity,
        replica,
        lag_s,
        records,
        past,
    }
}

/// The newest backup with a receipt (P1).
async fn proven<P: World>(ports: &P, subject: &Subject) -> Seen<Slot> {
    match ports.list(&vault::receipts(&subject.system)).await {
        Err(fault) => Seen::Unknown(fault.to_string()),
        Ok(keys) => vault::newest_proven(&keys).map_or(Seen::Absent, Seen::Here),
    }
}

fn before(instant: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    instant.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(instant)
}
