//! The look before each turn.

use jiff::{SignedDuration, Timestamp};
use warmspare_decide::capacity::Group;
use warmspare_decide::database::{LagPoint, Pair};
use warmspare_decide::failover::{Attempt, View, holds_up};
use warmspare_decide::journal::{Progress, Step};
use warmspare_decide::plan::{Method, Plan, Site};
use warmspare_decide::seen::Seen;
use warmspare_decide::switch::{Held, SwitchView};

use crate::databases;
use crate::failover_promotion::{others, records, restore};
use crate::fault::or_unknown;
use crate::signals;
use crate::switch;

use super::super::hand;
use super::{Memory, Subject, World, sites};

/// How far back the lag of a replica is looked at, in seconds.
const LAG_S: i64 = 900;

/// Looks at what the next step needs, and at nothing else: a failover depends on the old site only
/// where it fences it (P7).
pub(super) async fn look<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    memory: &Memory,
) -> View {
    let plan = &subject.plan;
    let (old, new) = sites(subject, progress);
    let not_looked = || "it was not looked at".to_owned();
    let mut view = View {
        now: ports.now(),
        old: Vec::new(),
        new: Vec::new(),
        attempt: memory.attempt.clone(),
        group: Seen::Unknown(not_looked()),
        told_at: memory.told_at,
        replica: Seen::Unknown(not_looked()),
        restored: Seen::Unknown(not_looked()),
        copy: Seen::Unknown(not_looked()),
        others: Vec::new(),
        lag: Seen::Unknown(not_looked()),
        zones: Vec::new(),
        switch: SwitchView::default(),
        acknowledgements: Seen::Unknown(not_looked()),
    };
    let pair = progress.opened.pair(plan);
    let both = async || {
        futures_util::future::join(
            signals::of_site(ports, plan, pair.as_ref(), old),
            signals::of_new_site(ports, plan, new),
        )
        .await
    };
    if progress.intended == Some(Step::Unfence) {
        (view.old, view.new) = both().await;
        return view;
    }
    if progress.next_step().is_some_and(|step| holds_up(progress, step)) {
        view.others = others::of(ports, plan).await;
    }
    match progress.next_step() {
        Some(Step::Fence | Step::Unfence | Step::StopCapacity) => {
            (view.old, view.new) = both().await;
            let is_stopping = progress.next_step() == Some(Step::StopCapacity);
            if is_stopping {
                view.group = group(ports, old).await;
                // What cannot be taken back is not begun before what follows it can be.
                if let (Some(pair), true) = (&pair, progress.opened.kind.is_planned()) {
                    view.replica = databases::seen(ports, plan, &pair.replica).await;
                }
            }
            if is_stopping
                || matches!(view.attempt, Some(Attempt::Unreachable(_) | Attempt::Unclear(_)))
            {
                view.acknowledgements = hand::acknowledgements(ports, &subject.system).await;
            }
        }
        Some(Step::StartCapacity) => {
            view.group = group(ports, new).await;
            if progress.opened.kind.is_planned() {
                (view.old, view.new) = both().await;
            }
        }
        Some(Step::SeedDatabase) => {
            (view.old, view.new) = both().await;
            if let Some(pair) = &pair {
                view.replica = databases::seen(ports, plan, &pair.replica).await;
                view.lag = lag(ports, plan, pair, view.now).await;
            }
        }
        Some(Step::CatchUp) => {
            if let Some(pair) = &pair {
                view.lag = lag(ports, plan, pair, view.now).await;
            }
        }
        Some(Step::RestoreDatabase) => {
            (view.old, view.new) = both().await;
            if let Some(pair) = &pair {
                view.restored = or_unknown(ports.restored(&pair.replica).await);
                let seen = progress.opened.view.restore.as_ref();
                if let (Seen::Absent, Some(copy)) =
                    (&view.restored, seen.and_then(|seen| seen.copy.here()))
                {
                    view.copy = restore::is_available(ports, pair, &copy.snapshot).await;
                }
            }
        }
        Some(Step::PromoteDatabase) => {
            if let Some(pair) = &pair {
                view.replica = databases::seen(ports, plan, &pair.replica).await;
            }
        }
        Some(Step::SeeHealthy) => view.new = signals::of_new_site(ports, plan, new).await,
        Some(Step::Repoint | Step::SeeInSync) if plan.dns.method != Method::Rewrite => {
            // The signals last, as below: what they say must still hold when the switch is turned.
            view.switch = switch::look(ports, &subject.system, memory.published_at).await;
            let is_ours = |held: &Held| held.switch.term == progress.term;
            if !view.switch.held.here().is_some_and(is_ours) {
                view.new = signals::of_new_site(ports, plan, new).await;
            }
        }
        Some(Step::Repoint) => {
            // The signals last: what they say must still hold when the records move.
            view.zones = records::seen(ports, plan, progress, &memory.moves).await;
            view.new = signals::of_new_site(ports, plan, new).await;
        }
        Some(Step::SeeInSync) => {
            let is_lost;
            (view.zones, is_lost) = records::followed(ports, plan, progress, &memory.moves).await;
            if is_lost {
                view.new = signals::of_new_site(ports, plan, new).await;
            }
        }
        Some(Step::PromoteAppliance) | None => {}
    }
    view
}

/// The Auto Scaling group of a site; absent too where the plan gives it none.
pub(in crate::failover_promotion) async fn group<P: World>(ports: &P, site: &Site) -> Seen<Group> {
    match &site.capacity {
        Some(capacity) => or_unknown(ports.group(&site.region, &capacity.asg).await),
        None => Seen::Absent,
    }
}

async fn lag<P: World>(ports: &P, plan: &Plan, pair: &Pair, now: Timestamp) -> Seen<Vec<LagPoint>> {
    let from = now.checked_sub(SignedDuration::from_secs(LAG_S)).unwrap_or(now);
    match databases::lag(ports, plan, &pair.replica, from, now).await {
        Ok(points) => Seen::Here(points),
        Err(fault) => Seen::Unknown(fault.to_string()),
    }
}
