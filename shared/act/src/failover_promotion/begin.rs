//! Looking at everything, and beginning a failover if the decision says so.

use jiff::{SignedDuration, Timestamp};
use warmspare_decide::database::{Pair, lag_when_lost};
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::failover::{
    Asked, DECLINED_FORMAT, Declined, Kind, Opened, OpeningView, open,
};
use warmspare_decide::journal::{Progress, What};
use warmspare_decide::name::{SiteName, Slot};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::databases;
use crate::documents;
use crate::fault::{Fault, or_unknown};
use crate::journal::{self, Terms};
use crate::signals;
use crate::switch;
use crate::trigger::ALARM_PREFIX;

use super::{Subject, World, announce, drive, hand, records, restore};

/// How long before a request by hand, or before an alarm whose window is not known, the site counts as
/// lost, in seconds: as long as the alarm of `system.yaml` needs to be raised.
const WINDOW_S: u64 = 180;
/// The oldest measurement that still tells how far the replica was behind, in seconds.
const LAG_AGE_S_MAX: u64 = 600;
/// The same for a planned move, which asks how far it is behind now.
const LAG_NOW_AGE_S_MAX: u64 = 180;

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
    /// A person who plans a move: of which kind, why, and as of when home was restored, for one home.
    Planned(Kind, String, Option<Timestamp>),
}

impl Asking {
    fn kind(&self) -> Kind {
        match self {
            Self::Alarm(_) | Self::Again(_) | Self::Operator(_) => Kind::Failover,
            Self::Planned(kind, ..) => *kind,
        }
    }
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
        // A planned move joins only what it may have begun itself.
        if asking.kind().is_planned() && !open.opened.kind.is_planned() {
            let (term, since) = (open.term, open.opened_at);
            return Ok(Outcome::Refused(Refusal::InProgress { term, since }));
        }
        return drive::on(ports, subject, open.clone()).await;
    }
    let is_again = matches!(asking, Asking::Again(_));
    let opened = match decide(ports, subject, &terms, asking).await {
        Ok(opened) => opened,
        Err(declined) => return Ok(Outcome::Refused(refuse(ports, *declined, is_again).await)),
    };
    let term = terms.next();
    let note = hand::said_of(subject, &opened);
    let reason = match opened.kind {
        Kind::Failover => format!(
            "{} is lost ({} path(s) say so): {} takes over",
            opened.from, opened.verdict.down, opened.to
        ),
        Kind::Switchover | Kind::Failback => format!(
            "a {} was asked for: {} takes over from {}",
            opened.kind.words(),
            opened.to,
            opened.from
        ),
    };
    let reason = format!("{reason}{note}");
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

pub(super) async fn look<P: World>(
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
        Asking::Operator(_) | Asking::Planned(..) => {
            format!("{ALARM_PREFIX}{}", subject.system)
        }
    };
    let alarm = or_unknown(ports.alarm(&name).await);
    let kind = asking.kind();
    // A planned move loses nothing that was there when it was asked for, or it does not begin.
    let lost_at = alarm
        .here()
        .filter(|_| !kind.is_planned())
        .filter(|alarm| alarm.state == AlarmState::Alarm)
        .map_or(if kind.is_planned() { now } else { before(now, WINDOW_S) }, |alarm| {
            before(alarm.since, alarm.window_s.unwrap_or(WINDOW_S))
        });
    let restored = match &asking {
        Asking::Planned(_, _, restored) => *restored,
        Asking::Alarm(_) | Asking::Again(_) | Asking::Operator(_) => None,
    };
    let asked = match asking {
        Asking::Alarm(name) | Asking::Again(name) => {
            Asked::Alarm { name, state: alarm.map(|alarm| alarm.state) }
        }
        Asking::Operator(reason) | Asking::Planned(_, reason, _) => Asked::Operator { reason },
    };
    let (old, new) =
        if active == plan.home.name { (&plan.home, &plan.away) } else { (&plan.away, &plan.home) };
    let pair = terms.pair(plan);
    // What the replica says of its source is evidence of a loss; for a planned move its lag counts.
    let primary = async {
        match kind {
            Kind::Failover => signals::of_site(ports, plan, pair.as_ref(), old).await,
            Kind::Switchover | Kind::Failback => signals::of_new_site(ports, plan, old).await,
        }
    };
    let standby = signals::of_new_site(ports, plan, new);
    let (primary, standby) = futures_util::future::join(primary, standby).await;
    let capacity = match &new.capacity {
        Some(capacity) => Some(or_unknown(ports.group(&new.region, &capacity.asg).await)),
        None => None,
    };
    let leaving = match &old.capacity {
        Some(capacity) if kind.is_planned() => {
            Some(or_unknown(ports.group(&old.region, &capacity.asg).await))
        }
        Some(_) | None => None,
    };
    let (mut replica, mut lag_s) = (None, None);
    let (pair, restore) = restore::look(ports, subject, (kind, new), terms.next(), pair).await;
    if let (Some(Pair { replica: placed, .. }), None) = (&pair, &restore) {
        replica = Some(databases::seen(ports, plan, placed).await);
        let age_s_max = if kind.is_planned() { LAG_NOW_AGE_S_MAX } else { LAG_AGE_S_MAX };
        let from = before(lost_at, age_s_max);
        let points = databases::lag(ports, plan, placed, from, lost_at).await;
        lag_s = Some(match points {
            Ok(points) => lag_when_lost(&points, lost_at, age_s_max),
            Err(fault) => Seen::Unknown(fault.to_string()),
        });
    }
    let records = records::of_plan(ports, plan).await;
    let leads = switch::leads(ports, plan).await;
    let proven = proven(ports, subject).await;
    let acknowledgements = hand::acknowledgements(ports, &subject.system).await;
    let pause = hand::pause(ports, &subject.system).await;
    let past = terms.past();
    OpeningView {
        kind,
        pair,
        restored,
        now,
        lost_at,
        asked,
        active,
        primary,
        standby,
        proven,
        capacity,
        leaving,
        replica,
        lag_s,
        restore,
        records,
        leads,
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
