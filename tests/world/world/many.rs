//! What is promised to each of many systems that share two sites, looked at after every change.

use std::collections::BTreeMap;

use warmspare_act::ports::ApplianceMode;
use warmspare_decide::dns::{Change, RecordSet};
use warmspare_decide::journal::{Progress, Step};

use super::State;
use super::promises::{term, terms};

/// The newest journal of a system, folded.
pub(crate) fn newest_of(state: &State, system: &str) -> Option<Progress> {
    let prefix = format!("failovers/{system}/");
    let folder = terms(state).into_iter().rfind(|folder| folder.starts_with(&prefix))?.to_owned();
    term(state, &folder).map(|progress| (*progress).clone())
}

/// The system and the term that a record of a term names.
fn held(set: &RecordSet) -> Option<(&str, u32)> {
    let system = set.name.strip_prefix("_warmspare.")?.split('.').next()?;
    Some((system, set.values[0].trim_matches('"').strip_prefix("term=")?.parse().ok()?))
}

/// A batch moves nobody's records who has not intended it in the journal of that very term, and swaps
/// the term of everybody whose records it moves.
pub(super) fn consented(state: &mut State, batch: &[Change]) {
    if !state.many {
        return;
    }
    let created = batch.iter().filter_map(|change| match change {
        Change::Create(set) => Some(set),
        Change::Delete(_) => None,
    });
    let (terms, names): (Vec<&RecordSet>, Vec<&RecordSet>) =
        created.partition(|set| held(set).is_some());
    let mut broken = Vec::new();
    for (system, number) in terms.iter().filter_map(|set| held(set)) {
        let is_consent = newest_of(state, system).is_some_and(|progress| {
            progress.term.0 == number
                && (progress.intended == Some(Step::Repoint) || progress.is_done(Step::Repoint))
        });
        if !is_consent && newest_of(state, system).is_none_or(|p| p.term.0 == number) {
            broken.push(format!("P5: the records of {system} are moved, and it did not intend it"));
        }
    }
    for set in names {
        let system = set.name.split('.').next().unwrap();
        if !terms.iter().filter_map(|set| held(set)).any(|(known, _)| known == system) {
            broken.push(format!("I1: {} moves without its term", set.name));
        }
    }
    for sentence in broken {
        state.breaks(sentence);
    }
}

pub(super) fn broken_promises(state: &mut State) -> Vec<String> {
    let mut broken = Vec::new();
    let west = &state.sites.by_name["west"];
    let is_well = west.mode == ApplianceMode::Production && state.now >= west.healthy_at;
    let leads_west = |set: &&RecordSet| set.values.iter().any(|value| value == "203.0.113.20");
    if !is_well && !west.was_healthy && state.sites.zone.iter().any(|set| leads_west(&set)) {
        broken.push("P3: a name leads to a standby that was not healthy".to_owned());
    }
    let mut names: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for set in &state.sites.zone {
        *names.entry((&set.zone, &set.name, &set.kind)).or_default() += 1;
    }
    for ((_, name, kind), count) in names.iter().filter(|(_, count)| **count != 1) {
        broken.push(format!("I3: {name} {kind} has {count} sets"));
    }
    if is_well {
        state.sites.site("west").was_healthy = true;
    }
    broken
}
