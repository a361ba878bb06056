//! The records: when they move, when they have moved, and when every server of Route 53 knows.

use jiff::Timestamp;

use super::{Act, Next, View};
use crate::dns::{self, Change, Move, RecordSet};
use crate::failover::guards::not_healthy;
use crate::journal::{Finding, Progress, Step, ZoneChange};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;

/// A change reaches every server within so many seconds under normal conditions
/// (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>); one
/// that takes longer is said with its numbers.
const PENDING_S_SAID: i64 = 60;

/// A change that has not reached every server after so many seconds counts as lost by Route 53, and is
/// submitted again. It costs nothing when it was only slow: what is submitted is a compare-and-swap.
const PENDING_S_MAX: i64 = 300;

/// What was seen of one hosted zone in this turn. What was not looked at is Unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneView {
    /// Its id.
    pub zone: String,
    /// The records of the plan and of the term in it.
    pub records: Seen<Vec<RecordSet>>,
    /// The id of the change that was submitted last for it and had an answer: by this run, else by
    /// the journal.
    pub change: Option<String>,
    /// Whether that change has reached every server; absent when Route 53 does not know it.
    pub in_sync: Seen<bool>,
}

impl ZoneView {
    /// Of a zone that was not looked at yet.
    pub fn of(zone: &str, change: Option<String>) -> Self {
        let not_looked = || "it was not looked at".to_owned();
        Self {
            zone: zone.to_owned(),
            records: Seen::Unknown(not_looked()),
            change,
            in_sync: Seen::Unknown(not_looked()),
        }
    }
}

/// What there is to do in all zones together.
#[derive(Default)]
struct Sum {
    batch: Vec<Change>,
    moved: Vec<ZoneChange>,
    records: Vec<RecordSet>,
    drift: Option<Refusal>,
    waiting: Vec<String>,
}

/// The records move only while the new site is seen healthy in this very turn: a run that goes on from
/// the journal does not believe what another run saw. One zone's drift or silence does not keep the
/// others where they lead to a lost site, but the step is done only when every zone has moved.
pub(super) fn repoint(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let sum = match sum(plan, progress, view.zones.iter()) {
        Ok(sum) => sum,
        Err(superseded) => return Next::Stop(superseded),
    };
    if !sum.batch.is_empty() {
        return submit(view, sum.batch);
    }
    match (sum.drift, sum.waiting.is_empty()) {
        (Some(drift), _) => Next::Stop(drift),
        (None, false) => Next::Wait(sum.waiting.join("; ")),
        (None, true) => {
            let (changes, records) = (sum.moved, sum.records);
            Next::Confirm(Step::Repoint, Finding::Moved { change_id: None, changes, records })
        }
    }
}

/// Every change is followed until it is in sync. One that Route 53 has lost is submitted again: an
/// impaired control plane may accept a change and never carry it out, and asks for that
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/accelerated-recovery.html>).
pub(super) fn see_in_sync(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let is_resubmitted =
        |zone: &&ZoneView| zone.change.as_deref() != progress.change_id(&zone.zone);
    if view.zones.iter().any(|zone| is_resubmitted(&zone)) {
        let changes = view.zones.iter().filter_map(|zone| {
            Some(ZoneChange { zone: zone.zone.clone(), id: zone.change.clone()? })
        });
        let records = moved_to(progress);
        let finding = Finding::Moved { change_id: None, changes: changes.collect(), records };
        return Next::Confirm(Step::Repoint, finding);
    }
    let lost: Vec<&ZoneView> =
        view.zones.iter().filter(|zone| stranded(progress, zone, view.now).is_some()).collect();
    if !lost.is_empty() {
        return resubmit(plan, progress, view, &lost);
    }
    let pending: Vec<String> =
        view.zones.iter().filter_map(|zone| pending(progress, zone, view.now)).collect();
    if pending.is_empty() {
        Next::Confirm(Step::SeeInSync, Finding::InSync)
    } else {
        Next::Wait(pending.join("; "))
    }
}

/// Why the change of this zone counts as lost, if it does.
pub fn stranded(progress: &Progress, zone: &ZoneView, now: Timestamp) -> Option<String> {
    let since_s = since_moved_s(progress, now);
    let change = zone.change.as_deref().unwrap_or("of which there is no id");
    match &zone.in_sync {
        Seen::Here(true) | Seen::Unknown(_) => None,
        Seen::Here(false) if since_s < PENDING_S_MAX => None,
        Seen::Here(false) => Some(format!(
            "change {change} of zone {} is pending for {since_s} s, and counts as lost after \
             {PENDING_S_MAX} s",
            zone.zone
        )),
        Seen::Absent => Some(format!("Route 53 does not know change {change} of {}", zone.zone)),
    }
}

fn pending(progress: &Progress, zone: &ZoneView, now: Timestamp) -> Option<String> {
    let since_s = since_moved_s(progress, now);
    match &zone.in_sync {
        Seen::Here(true) => None,
        Seen::Here(false) if since_s <= PENDING_S_SAID => {
            Some("the records have not reached every server yet".to_owned())
        }
        Seen::Here(false) => Some(format!(
            "the records of zone {} have not reached every server after {since_s} s, which takes \
             {PENDING_S_SAID} s as a rule; the change is submitted again after {PENDING_S_MAX} s",
            zone.zone
        )),
        Seen::Absent => Some(format!("Route 53 does not know the change of zone {}", zone.zone)),
        Seen::Unknown(why) => Some(format!("Route 53 could not be asked: {why}")),
    }
}

/// What a lost change has left is looked at anew, and so is the new site.
fn resubmit(plan: &Plan, progress: &Progress, view: &View, lost: &[&ZoneView]) -> Next {
    let without_change: Vec<ZoneView> =
        lost.iter().map(|zone| ZoneView { change: None, ..(*zone).clone() }).collect();
    let sum = match sum(plan, progress, without_change.iter()) {
        Ok(sum) => sum,
        Err(superseded) => return Next::Stop(superseded),
    };
    match (sum.batch.is_empty(), sum.drift) {
        (false, _) => submit(view, sum.batch),
        (true, Some(drift)) => Next::Stop(drift),
        (true, None) => Next::Wait(sum.waiting.join("; ")),
    }
}

fn submit(view: &View, batch: Vec<Change>) -> Next {
    match not_healthy(&view.new) {
        Some(why) => Next::Wait(format!("the new site is not healthy any more: {why}")),
        None => Next::Do(Act::Repoint(batch)),
    }
}

/// # Errors
/// The refusal of a run that is too late: a newer failover has acted.
fn sum<'z>(
    plan: &Plan,
    progress: &Progress,
    zones: impl Iterator<Item = &'z ZoneView>,
) -> Result<Sum, Refusal> {
    let (term, to) = (progress.term, &progress.opened.to);
    let mut sum = Sum::default();
    for view in zones {
        let zone = view.zone.as_str();
        let records = match &view.records {
            Seen::Here(records) => records,
            Seen::Absent => {
                sum.waiting.push(format!("zone {zone} has no records at all"));
                continue;
            }
            Seen::Unknown(why) => {
                sum.waiting.push(format!("Route 53 could not be asked: {why}"));
                continue;
            }
        };
        match (dns::decide(plan, to, term, zone, records), &view.change) {
            (Move::Already, Some(id)) => {
                sum.moved.push(ZoneChange { zone: zone.to_owned(), id: id.clone() });
                sum.records.extend(records.iter().cloned());
            }
            (Move::Already, None) => sum.batch.extend(dns::touch(plan, term, zone, records)),
            (Move::Batch(batch), _) => sum.batch.extend(batch),
            (Move::Superseded(newer), _) => return Err(Refusal::Superseded { term, newer }),
            (Move::Drift(drift), _) => sum.drift = sum.drift.or(Some(drift.into())),
        }
    }
    Ok(sum)
}

fn moved(progress: &Progress) -> impl Iterator<Item = (&Finding, Timestamp)> {
    let moves = progress.past.iter().filter(|past| past.step == Step::Repoint);
    moves.map(|past| (&past.finding, past.at))
}

/// Since when the newest change is on its way, in seconds.
fn since_moved_s(progress: &Progress, now: Timestamp) -> i64 {
    let last = moved(progress).last();
    last.map_or(0, |(_, at)| now.as_second().saturating_sub(at.as_second()))
}

fn moved_to(progress: &Progress) -> Vec<RecordSet> {
    match moved(progress).last() {
        Some((Finding::Moved { records, .. }, _)) => records.clone(),
        Some(_) | None => Vec::new(),
    }
}
