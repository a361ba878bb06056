//! Looking at everything, and beginning a failover if the decision says so.

use jiff::{SignedDuration, Timestamp};
use warmspare_decide::database::lag_when_lost;
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::failover::{Asked, DECLINED_FORMAT, Declined, Opened, OpeningView, open};
use warmspare_decide::journal::{Progress, What};
use warmspare_decide::name::{SiteName, Slot};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents;
use crate::fault::{Fault, or_unknown};
use crate::journal::{self, Terms};
use crate::signals;
use crate::trigger::ALARM_PREFIX;

use super::{Subject, World, announce, drive, hand, records};

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
        Err(declined) => return Ok(Outcome::Refused(refuse(ports, *declined, is_again).await)),
    };
    let term = terms.next();
    let note = hand::said_of(subject, &opened);
    let reason = format!(
        "{} is lost ({} path(s) say so): {} takes over{note}",
        opened.from, opened.verdict.down, opened.to
    );
    let what = What::Opened(Box::new(opened));
    match journal::append(ports, system, term, 1, &subject.plan_version, what).await? {
        Some(entry) => {
            announce(ports, system, Happening::FailoverStarted, Some(term), "waiting", reason)
                .await;
            let progress = Progress::of(&[entry]).map_err(drive::impossible)?;
            drive::on(ports, subject, progress).await.map(|outcome| hand::noting(outcome, &note))
        }
        // Another run has opened this very term a moment ago: there is one failover, and we join it.
        None => match journal::terms(ports, system).await?.newest() {
            Some(open) if open.end.is_none() => drive::on(ports, subject, open.clone()).await,
            _ => Ok(Outcome::Waiting(format!("term {term} was opened by another run"))),
        },
    }
}

/// Tells everyone why nothing begins, and keeps what the decision saw. What is asked again every minute
/// is told and kept once for each refusal of one loss, so a new reason (an approval is missing now) is
/// never silent. It is kept only when it was told: a run that dies in between tells it twice, and not
/// never.
async fn refuse<P: World>(ports: &P, declined: Declined, is_again: bool) -> Refusal {
    let key = declined.key();
    let is_new = matches!(ports.read(&key).await, Ok(Seen::Absent));
    let why = declined.why.clone();
    let mut is_told = false;
    if is_new || !is_again {
        let (system, happening) = (&declined.system, Happening::FailoverRefused);
        is_told = announce(ports, system, happening, None, "refused", why.to_string()).await;
    }
    // The record is for whoever asks later; that it could not be written lifts no refusal.
    if is_new
        && is_told
        && let Err(fault) = documents::create_json(ports, &key, &declined).await
    {
        tracing::warn!("what refused the failover was not kept: {fault}");
    }
    why
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
                "a failover from {} to {} would begin as term {}: {}; nothing was changed{}",
                opened.from,
                opened.to,
                terms.next(),
                steps.join(", "),
                hand::said_of(subject, &opened)
            ))
        }
        Err(declined) => Outcome::Refused(declined.why),
    })
}

async fn decide<P: World>(
    ports: &P,
    subject: &Subject,
    terms: &Terms,
    asking: Asking,
) -> Result<Opened, Box<Declined>> {
    let (active, _) = terms.active(&subject.plan);
    let view = look(ports, subject, terms, active, asking).await;
    match open(&subject.plan, &view) {
        Ok(opened) => Ok(Opened { plan: subject.plan_text.clone(), ..opened }),
        Err(why) => Err(Box::new(Declined {
            format: DECLINED_FORMAT,
            system: subject.system.clone(),
            term: view.term(),
            at: view.now,
            why,
            plan_version: subject.plan_version.clone(),
            plan: subject.plan_text.clone(),
            view,
        })),
    }
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
    let records = records::of_plan(ports, plan).await;
    let proven = proven(ports, subject).await;
    let acknowledgements = hand::acknowledgements(ports, &subject.system).await;
    let pause = hand::pause(ports, &subject.system).await;
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
        acknowledgements,
        pause,
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
