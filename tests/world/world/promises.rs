//! What is promised, looked at after every change. Nothing here knows how the functions decide.

use warmspare_act::ports::ApplianceMode;
use warmspare_decide::journal::{Progress, Step};

use super::State;

/// The newest journal, folded.
pub(crate) fn newest_term(state: &State) -> Option<Progress> {
    let keys: Vec<&String> =
        state.objects.keys().filter(|key| key.starts_with("failovers/")).collect();
    let term = keys.iter().filter_map(|key| key.split('/').nth(2)).max()?;
    let entries: Vec<_> = keys
        .iter()
        .filter(|key| key.split('/').nth(2) == Some(term) && !key.ends_with("alive.json"))
        .map(|key| serde_json::from_slice(&state.objects[*key].last().unwrap().body).unwrap())
        .collect();
    Some(Progress::of(&entries).unwrap())
}

/// What is wrong with the world as it stands, each with the number of its promise.
pub(super) fn broken_promises(state: &mut State) -> Vec<String> {
    let mut broken = Vec::new();
    let now = state.now;
    let east = state.sites.by_name["east"].clone();
    let west = state.sites.by_name["west"].clone();
    if state.sites.leads_to() == ["203.0.113.20"] {
        let database = &state.sites.databases["controller-db-west"];
        if west.mode != ApplianceMode::Production || now < west.healthy_at || !database.is_writer()
        {
            broken.push("P3: the name leads to a standby that was not healthy".to_owned());
        }
    }
    let held = state.sites.term_held();
    if held < state.sites.highest_term {
        broken.push("I1: an older term acted on the records after a newer one".to_owned());
    }
    state.sites.highest_term = held;
    if west.mode == ApplianceMode::Production
        && east.mode == ApplianceMode::Production
        && !east.fence_was_tried
    {
        broken.push("P2: the standby was promoted and the primary was never fenced".to_owned());
    }
    let terms: std::collections::BTreeSet<&str> = state
        .objects
        .keys()
        .filter(|key| key.starts_with("failovers/"))
        .filter_map(|key| key.split('/').nth(2))
        .collect();
    if terms.len() > usize::try_from(held).unwrap() + 1 {
        broken.push(format!("P4: {} terms, and the records hold term {held}", terms.len()));
    }
    broken
}

/// An act without an intention in the journal is found here, at the moment of the act.
pub(super) fn is_intended(state: &mut State, step: Step) {
    let intended = newest_term(state).and_then(|progress| {
        // A run may be late with its fence: the way back is taken with that in mind.
        let was_intended = progress.first_intended_at.iter().any(|(known, _)| *known == step);
        let is_late_fence = step == Step::Fence && was_intended;
        if progress.is_done(step) || is_late_fence { Some(step) } else { progress.intended }
    });
    if intended != Some(step) {
        state.broken.push(format!("P5: {step:?} was taken, and {intended:?} was intended"));
    }
}
