//! Route 53 in a failover: looking at every zone, submitting a batch for each, and coming back later
//! when Route 53 asks for that.
//!
//! Route 53 limits the requests of an account, and answers `Throttling` or `PriorRequestNotComplete`
//! (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/throttling-api-requests.html>). Each call
//! is tried again by the SDK first; after that the waits here grow, each with a jitter, within the time
//! of the invocation. A batch is a compare-and-swap, so one that was carried out although its answer was
//! lost is never carried out a second time.

use std::collections::BTreeMap;

use warmspare_decide::dns::{self, Change};
use warmspare_decide::failover::{ZoneView, stranded};
use warmspare_decide::journal::Progress;
use warmspare_decide::plan::Plan;
use warmspare_decide::seen::Seen;

use crate::fault::{Fault, Hope};
use crate::ports::Clock;

use super::World;

/// The first wait, in seconds; each is twice the one before.
const WAIT_S_MIN: u64 = 3;
/// The longest, in seconds, before the jitter of at most half of it.
const WAIT_S_MAX: u64 = 24;

/// What a run remembers of Route 53 between two turns.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// The id of the change that this run submitted last, by zone.
    changes: BTreeMap<String, String>,
    waited: u32,
}

impl Moves {
    /// How long to wait before the next look, in seconds.
    pub(super) fn wait_s<C: Clock>(&mut self, ports: &C) -> u64 {
        let grown_s = WAIT_S_MIN.saturating_mul(2_u64.saturating_pow(self.waited));
        let wait_s = grown_s.min(WAIT_S_MAX);
        self.waited = self.waited.saturating_add(1);
        wait_s.saturating_add(ports.jitter_s(wait_s / 2))
    }

    /// Something went well, so that the waits grow from the beginning.
    pub(super) fn is_calm(&mut self) {
        self.waited = 0;
    }

    /// This change moves the records of this zone.
    pub(super) fn submitted(&mut self, zone: &str, change: String) {
        self.changes.insert(zone.to_owned(), change);
    }

    fn change(&self, progress: &Progress, zone: &str) -> Option<String> {
        let known = self.changes.get(zone).map(String::as_str);
        known.or(progress.change_id(zone)).map(str::to_owned)
    }
}

/// The records of the plan and of the term in every zone; unknown when one zone cannot be asked.
pub(super) async fn of_plan<P: World>(
    ports: &P,
    plan: &Plan,
) -> Seen<Vec<warmspare_decide::dns::RecordSet>> {
    let mut all = Vec::new();
    for zone in dns::zones(plan) {
        match ports.records(zone, &dns::names(plan, zone)).await {
            Ok(records) => all.extend(records),
            Err(fault) => return Seen::Unknown(fault.to_string()),
        }
    }
    Seen::Here(all)
}

/// Every zone with its records.
pub(super) async fn seen<P: World>(
    ports: &P,
    plan: &Plan,
    progress: &Progress,
    moves: &Moves,
) -> Vec<ZoneView> {
    let mut views = Vec::new();
    for zone in dns::zones(plan) {
        let mut view = ZoneView::of(zone, moves.change(progress, zone));
        look(ports, plan, &mut view).await;
        views.push(view);
    }
    views
}

/// Every zone with how far its change has come; where the change is lost, with its records too.
pub(super) async fn followed<P: World>(
    ports: &P,
    plan: &Plan,
    progress: &Progress,
    moves: &Moves,
) -> (Vec<ZoneView>, bool) {
    let (mut views, mut is_lost) = (Vec::new(), false);
    for zone in dns::zones(plan) {
        let mut view = ZoneView::of(zone, moves.change(progress, zone));
        view.in_sync = match &view.change {
            None => Seen::Absent,
            Some(change) => match ports.is_in_sync(change).await {
                Ok(in_sync) => in_sync,
                Err(fault) => Seen::Unknown(fault.to_string()),
            },
        };
        if let Some(why) = stranded(progress, &view, ports.now()) {
            tracing::warn!("{}: {why}; it is submitted again", plan.system);
            look(ports, plan, &mut view).await;
            is_lost = true;
        }
        views.push(view);
    }
    (views, is_lost)
}

async fn look<P: World>(ports: &P, plan: &Plan, view: &mut ZoneView) {
    view.records = match ports.records(&view.zone, &dns::names(plan, &view.zone)).await {
        Ok(records) => Seen::Here(records),
        Err(fault) => Seen::Unknown(fault.to_string()),
    };
}

/// Whether these changes do something else than what was intended before. What is intended has to be
/// written down before it is done; that a term's record is touched changes nothing.
pub(super) fn is_new(progress: &Progress, changes: &[Change]) -> bool {
    !dns::is_touch(changes) && !changes.iter().all(|change| progress.batch.contains(change))
}

/// Submits the changes of each zone in one batch; answers with why it is to be tried again, if it is.
///
/// # Errors
/// A permanent fault of one zone, after the others have had their turn.
pub(super) async fn submit<P: World>(
    ports: &P,
    changes: &[Change],
    moves: &mut Moves,
) -> Result<Option<String>, Fault> {
    let (mut again, mut permanent) = (None, None);
    for (zone, batch) in dns::by_zone(changes) {
        match ports.change(zone, &batch).await {
            // Somebody was faster: the next look tells who.
            Ok(None) => {}
            Ok(Some(id)) => {
                moves.submitted(zone, id);
            }
            Err(fault) if fault.hope == Hope::Permanent => permanent = permanent.or(Some(fault)),
            Err(fault) => again = again.or(Some(fault.to_string())),
        }
    }
    if let Some(fault) = permanent {
        return Err(fault);
    }
    if again.is_some() {
        let wait_s = moves.wait_s(ports);
        ports.pause(wait_s).await;
    }
    Ok(again)
}
