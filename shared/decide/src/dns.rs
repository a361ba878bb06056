//! The records that lead to the active site, and the change batches that move them: one for each
//! hosted zone.
//!
//! A batch DELETEs exactly the sets that were seen and CREATEs each with nothing but its answer
//! exchanged, so that set identifiers, weights, health checks and the TTL survive; and in the same
//! batch it swaps a TXT record that holds the term. Route 53 applies a batch whole or not at all, and
//! a DELETE must match everything that the set was created with
//! (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>), so
//! the batch is a compare-and-swap: a run that wakes up late, with an older term, changes nothing.
//!
//! There is no batch over several zones. Each zone has a record of the term of its own and is decided
//! for itself, so a run that was cut short between two zones has left a step to be finished, and not a
//! drift.

mod batch;
mod pair;
mod record;

pub use batch::{CHARACTERS_MAX, Change, ELEMENTS_MAX, Size, by_zone, is_touch};
pub use pair::{are_pairs, pair_stale_s};
pub use record::{Alias, RecordSet, Routing};

use serde::{Deserialize, Serialize};

use crate::name::{SiteName, SystemName, Term};
use crate::plan::{Method, Plan, Record, Target};
use crate::refusal::Refusal;
use record::label;

/// An alias of a load balancer is answered with this time to live, in seconds, whatever the record says
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html>).
const ALIAS_S: u32 = 60;

/// What is to be done about the records of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// The records name the new site, and the TXT record holds our term.
    Already,
    /// Nobody has changed them: this batch moves them, all together or not at all.
    Batch(Vec<Change>),
    /// The TXT record holds a later term: a newer failover has acted, and this run is too late.
    Superseded(Term),
    /// A record is neither what the plan says for the old site nor for the new one.
    Drift(Drift),
}

/// A record that somebody changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The record's name, type and set identifier.
    pub record: String,
    /// What Route 53 holds.
    pub found: String,
    /// What the plan says for the site that is active.
    pub wanted: String,
}

impl From<Drift> for Refusal {
    fn from(drift: Drift) -> Self {
        Self::DnsDrift { record: drift.record, found: drift.found, wanted: drift.wanted }
    }
}

/// The hosted zones of the plan's records, in the plan's order.
pub fn zones(plan: &Plan) -> Vec<&str> {
    let mut zones: Vec<&str> = Vec::new();
    for record in &plan.dns.records {
        if !zones.contains(&record.zone.as_str()) {
            zones.push(&record.zone);
        }
    }
    zones
}

/// The name of the TXT record that holds the term in a zone: `_warmspare.<system>` under the first
/// record that the plan has in it.
pub fn term_record_name(system: &SystemName, plan: &Plan, zone: &str) -> String {
    let first = plan.dns.records.iter().find(|record| record.zone == zone);
    let below = first.map(|record| record.name.as_str()).unwrap_or_default();
    format!("_warmspare.{system}.{below}")
}

/// Name and type of every record set of a zone that a failover of this plan reads, and moves where its
/// method is to rewrite them.
pub fn names(plan: &Plan, zone: &str) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    for record in plan.dns.records.iter().filter(|record| record.zone == zone) {
        let name = (record.name.clone(), record.kind.clone());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // Nothing is swapped where nothing is rewritten: the switch holds the term.
    if plan.dns.method == Method::Rewrite {
        names.push((term_record_name(&plan.system, plan, zone), "TXT".to_owned()));
    }
    names
}

/// What the plan says that a record answers while this site is active.
pub fn answer<'p>(plan: &Plan, record: &'p Record, site: &SiteName) -> &'p Target {
    if &plan.home.name == site { &record.home } else { &record.away }
}

/// Decides what moves the records of `zone` from the other site to `to`, under `term`. Sets of other
/// zones in `seen` are passed over.
pub fn decide(plan: &Plan, to: &SiteName, term: Term, zone: &str, seen: &[RecordSet]) -> Move {
    let from = &plan.other(to).name;
    let seen: Vec<&RecordSet> =
        seen.iter().filter(|set| set.zone == zone || set.zone.is_empty()).collect();
    let term_name = term_record_name(&plan.system, plan, zone);
    let holder = seen.iter().copied().find(|set| set.name == term_name && set.kind == "TXT");
    let held = holder.and_then(held_term);
    if let Some(held) = held.filter(|held| *held > term) {
        return Move::Superseded(held);
    }
    if let Some(holder) = holder.filter(|_| held.is_none()) {
        let wanted = term_record(plan, zone, term);
        return Move::Drift(Drift {
            record: wanted.label(),
            found: holder.shown(),
            wanted: wanted.shown(),
        });
    }
    let (mut changes, mut moved) = (Vec::new(), Vec::new());
    let records = plan.dns.records.iter().filter(|record| record.zone == zone);
    for record in records.clone() {
        let set = match found(record, &seen) {
            Ok(set) => set,
            Err(found) => return Move::Drift(drift(plan, record, from, found)),
        };
        if answers(set, answer(plan, record, to)) {
            moved.push((record, set));
        } else if answers(set, answer(plan, record, from)) {
            changes.push(Change::Delete(set.clone()));
            changes.push(Change::Create(exchanged(plan, set, answer(plan, record, to))));
        } else {
            return Move::Drift(drift(plan, record, from, set.shown()));
        }
    }
    if held == Some(term) && changes.is_empty() {
        return Move::Already;
    }
    // All records of a zone move in one batch, so a mixture of old and new is somebody else's work.
    if let Some((record, set)) = moved.first().filter(|_| !changes.is_empty()) {
        return Move::Drift(drift(plan, record, from, set.shown()));
    }
    Move::Batch(with_term(plan, zone, term, holder, changes))
}

/// The batch that swaps the term's TXT record of a zone with itself and nothing else. Its change id
/// tells when everything before it has reached all of Route 53's servers, for a run that lost the
/// answer to its own batch, or whose change was lost by Route 53.
pub fn touch(plan: &Plan, term: Term, zone: &str, seen: &[RecordSet]) -> Vec<Change> {
    let term_name = term_record_name(&plan.system, plan, zone);
    let is_holder = |set: &&RecordSet| {
        (set.zone == zone || set.zone.is_empty()) && set.name == term_name && set.kind == "TXT"
    };
    with_term(plan, zone, term, seen.iter().find(is_holder), Vec::new())
}

/// For how long after a batch resolvers may still answer what it deleted, in seconds.
pub fn stale_s(batch: &[Change]) -> u32 {
    batch
        .iter()
        .filter_map(|change| match change {
            Change::Delete(set) if batch::is_of_term(set) => None,
            Change::Delete(set) => Some(set.ttl_s.unwrap_or(ALIAS_S)),
            Change::Create(_) => None,
        })
        .max()
        .unwrap_or(0)
}

/// The one set that a record of the plan means, or what there is instead. A record without a set
/// identifier means a simple set, which stands alone under its name and type.
fn found<'s>(record: &Record, seen: &[&'s RecordSet]) -> Result<&'s RecordSet, String> {
    let of_name: Vec<&RecordSet> = seen
        .iter()
        .copied()
        .filter(|set| set.name == record.name && set.kind == record.kind)
        .collect();
    let is_foreign = |set: &RecordSet| match &set.routing {
        Some(Routing::Foreign { .. }) => true,
        Some(
            Routing::Weighted { .. }
            | Routing::Failover { .. }
            | Routing::Latency { .. }
            | Routing::Geolocation { .. }
            | Routing::Geoproximity { .. }
            | Routing::Cidr { .. }
            | Routing::MultiValue { .. },
        )
        | None => false,
    };
    let mut meant = of_name
        .iter()
        .filter(|set| !is_foreign(set) && set.identifier() == record.set_identifier.as_deref());
    match (meant.next(), meant.next()) {
        (Some(set), None) => Ok(set),
        _ if of_name.is_empty() => Err("nothing".to_owned()),
        _ => Err(of_name.iter().map(|set| set.shown()).collect::<Vec<_>>().join("; ")),
    }
}

fn answers(set: &RecordSet, target: &Target) -> bool {
    match (target, &set.alias) {
        (Target::Values(wanted), None) => {
            let sorted = |values: &[String]| {
                let mut values = values.to_vec();
                values.sort();
                values
            };
            sorted(wanted) == sorted(&set.values)
        }
        (Target::Alias(wanted), Some(alias)) => wanted == alias,
        (Target::Values(_), Some(_)) | (Target::Alias(_), None) => false,
    }
}

/// The same set with another answer. An alias has no TTL, so a set that was one gets the plan's.
fn exchanged(plan: &Plan, set: &RecordSet, target: &Target) -> RecordSet {
    match target {
        Target::Values(values) => RecordSet {
            values: values.clone(),
            alias: None,
            ttl_s: set.ttl_s.or(Some(plan.dns.ttl_s)),
            ..set.clone()
        },
        Target::Alias(alias) => {
            RecordSet { values: Vec::new(), alias: Some(alias.clone()), ttl_s: None, ..set.clone() }
        }
    }
}

fn with_term(
    plan: &Plan,
    zone: &str,
    term: Term,
    holder: Option<&RecordSet>,
    mut changes: Vec<Change>,
) -> Vec<Change> {
    changes.extend(holder.cloned().map(Change::Delete));
    changes.push(Change::Create(term_record(plan, zone, term)));
    changes
}

fn term_record(plan: &Plan, zone: &str, term: Term) -> RecordSet {
    let name = term_record_name(&plan.system, plan, zone);
    RecordSet::simple(zone, &name, "TXT", plan.dns.ttl_s, vec![format!("\"term={term}\"")])
}

fn held_term(set: &RecordSet) -> Option<Term> {
    if set.routing.is_some() || set.alias.is_some() {
        return None;
    }
    match set.values.as_slice() {
        [value] => value.strip_prefix("\"term=")?.strip_suffix('"')?.parse().ok().map(Term),
        _ => None,
    }
}

fn drift(plan: &Plan, record: &Record, from: &SiteName, found: String) -> Drift {
    let wanted = match answer(plan, record, from) {
        Target::Values(values) => values.join(", "),
        Target::Alias(alias) => format!("alias of {} in {}", alias.name, alias.zone),
    };
    Drift {
        record: label(&record.name, &record.kind, record.set_identifier.as_deref()),
        found,
        wanted,
    }
}

#[cfg(test)]
mod tests;
