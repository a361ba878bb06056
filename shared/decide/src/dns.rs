//! The records that lead to the active site, and the one change batch that moves them.
//!
//! The batch DELETEs exactly what was seen and CREATEs what should be, and in the same batch swaps a
//! TXT record that holds the term. Route 53 applies a batch whole or not at all, and a DELETE must
//! match every value and the TTL
//! (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>), so
//! the batch is a compare-and-swap: a run that wakes up late, with an older term, changes nothing.

use serde::{Deserialize, Serialize};

use crate::name::{SiteName, SystemName, Term};
use crate::plan::Plan;

/// A record set as Route 53 lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Lowercase, without the last dot.
    pub name: String,
    /// `A`, `AAAA`, `CNAME`, `TXT`, …
    pub kind: String,
    /// Time to live in seconds; an alias has none.
    pub ttl_s: Option<u32>,
    /// In the order in which Route 53 gave them; a TXT value has its quotes.
    pub values: Vec<String>,
    /// Names the routing (weighted, failover, latency, alias, health check) when it is not simple.
    pub routing: Option<String>,
}

impl RecordSet {
    fn is_same_as(&self, other: &Self) -> bool {
        let sorted = |set: &Self| {
            let mut values = set.values.clone();
            values.sort();
            values
        };
        self.name == other.name && self.kind == other.kind && sorted(self) == sorted(other)
    }
}

/// One change of a batch. There is no third kind: what overwrites without looking is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Exactly this set, or the whole batch fails.
    Delete(RecordSet),
    /// Exactly this set, or the whole batch fails if one of that name and type exists.
    Create(RecordSet),
}

/// What is to be done about the records of a zone.
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
    /// The record's name and type.
    pub record: String,
    /// What Route 53 holds.
    pub found: String,
    /// What the plan says for the site that is active.
    pub wanted: String,
}

/// The name of the TXT record that holds the term: `_warmspare.<system>` under the first record of the
/// plan, which lies in the plan's zone.
pub fn term_record_name(system: &SystemName, plan: &Plan) -> String {
    let below = plan.dns.records.first().map(|record| record.name.as_str()).unwrap_or_default();
    format!("_warmspare.{system}.{below}")
}

/// The names of every record set that a failover of this plan reads and moves.
pub fn names(plan: &Plan) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> =
        plan.dns.records.iter().map(|r| (r.name.clone(), r.kind.clone())).collect();
    names.push((term_record_name(&plan.system, plan), "TXT".to_owned()));
    names
}

/// What the plan says that the records are while this site is active.
pub fn wanted(plan: &Plan, site: &SiteName) -> Vec<RecordSet> {
    let of_home = &plan.home.name == site;
    plan.dns
        .records
        .iter()
        .map(|record| RecordSet {
            name: record.name.clone(),
            kind: record.kind.clone(),
            ttl_s: Some(plan.dns.ttl_s),
            values: if of_home { record.home.clone() } else { record.away.clone() },
            routing: None,
        })
        .collect()
}

/// Decides what moves the records from the other site to `to`, under `term`.
pub fn decide(plan: &Plan, to: &SiteName, term: Term, seen: &[RecordSet]) -> Move {
    let from = &plan.other(to).name;
    let term_name = term_record_name(&plan.system, plan);
    let holder = seen.iter().find(|set| set.name == term_name && set.kind == "TXT");
    let held = holder.and_then(held_term);
    if let Some(held) = held.filter(|held| *held > term) {
        return Move::Superseded(held);
    }
    if holder.is_some() && held.is_none() {
        return Move::Drift(drift(holder, &term_record(plan, term)));
    }
    let mut changes = Vec::new();
    for (old, new) in wanted(plan, from).into_iter().zip(wanted(plan, to)) {
        let mut sets = seen.iter().filter(|set| set.name == new.name && set.kind == new.kind);
        let found = sets.next();
        match (found, sets.next()) {
            (Some(set), None) if set.routing.is_none() && set.is_same_as(&new) => {}
            (Some(set), None) if set.routing.is_none() && set.is_same_as(&old) => {
                changes.push(Change::Delete(set.clone()));
                changes.push(Change::Create(new));
            }
            (found, _) => return Move::Drift(drift(found, &old)),
        }
    }
    if held == Some(term) && changes.is_empty() {
        return Move::Already;
    }
    // All records move in one batch, so a mixture of old and new is somebody else's work.
    let moved = changes.len() / 2;
    if moved != plan.dns.records.len() && moved != 0 {
        let old = wanted(plan, from);
        let stray = old.iter().find(|set| {
            !changes.iter().any(|change| match change {
                Change::Delete(gone) => gone.name == set.name && gone.kind == set.kind,
                Change::Create(_) => false,
            })
        });
        if let Some(stray) = stray {
            let found = seen.iter().find(|set| set.name == stray.name && set.kind == stray.kind);
            return Move::Drift(drift(found, stray));
        }
    }
    Move::Batch(with_term(plan, term, holder, changes))
}

/// The batch that swaps the term's TXT record with itself and nothing else. Its change id tells when
/// everything before it has reached all of Route 53's servers, for a run that lost the answer to its
/// own batch.
pub fn touch(plan: &Plan, term: Term, seen: &[RecordSet]) -> Vec<Change> {
    let term_name = term_record_name(&plan.system, plan);
    let holder = seen.iter().find(|set| set.name == term_name && set.kind == "TXT");
    with_term(plan, term, holder, Vec::new())
}

fn with_term(
    plan: &Plan,
    term: Term,
    holder: Option<&RecordSet>,
    mut changes: Vec<Change>,
) -> Vec<Change> {
    changes.extend(holder.cloned().map(Change::Delete));
    changes.push(Change::Create(term_record(plan, term)));
    changes
}

fn term_record(plan: &Plan, term: Term) -> RecordSet {
    RecordSet {
        name: term_record_name(&plan.system, plan),
        kind: "TXT".to_owned(),
        ttl_s: Some(plan.dns.ttl_s),
        values: vec![format!("\"term={term}\"")],
        routing: None,
    }
}

fn held_term(set: &RecordSet) -> Option<Term> {
    match set.values.as_slice() {
        [value] => value
            .strip_prefix("\"term=")?
            .strip_suffix('"')?
            .parse()
            .ok()
            .map(Term)
            .filter(|_| set.routing.is_none()),
        _ => None,
    }
}

fn drift(found: Option<&RecordSet>, wanted: &RecordSet) -> Drift {
    let shown = |set: &RecordSet| match &set.routing {
        Some(routing) => format!("{} ({routing})", set.values.join(", ")),
        None => set.values.join(", "),
    };
    Drift {
        record: format!("{} {}", wanted.name, wanted.kind),
        found: found.map_or_else(|| "nothing".to_owned(), shown),
        wanted: shown(wanted),
    }
}

#[cfg(test)]
mod tests;
