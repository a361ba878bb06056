//! What is promised, looked at after every change. Nothing here knows how the functions decide.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use warmspare_act::ports::ApplianceMode;
use warmspare_decide::journal::{Progress, Step};
use warmspare_decide::switch::Switch;

use super::State;

/// Journals as far as they were folded: every entry is read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded(RefCell<BTreeMap<String, (Vec<String>, Rc<Progress>)>>);

/// The folders of all terms, oldest first.
pub(crate) fn terms(state: &State) -> Vec<&str> {
    let mut all: Vec<&str> = folders(state).collect();
    all.dedup();
    all
}

/// The folder of each object of a term, oldest first. Beside the terms lies the switch.
fn folders(state: &State) -> impl DoubleEndedIterator<Item = &str> {
    let all = (Bound::Included("failovers/"), Bound::Excluded("failovers0"));
    let ours = state.objects.range::<str, _>(all).map(|(key, _)| key);
    let folders = ours.filter_map(|key| key.rsplit_once('/').map(|(folder, _)| folder));
    folders.filter(|folder| folder.rsplit('/').next().is_some_and(is_entry))
}

/// One journal, folded; none before its first entry.
pub(crate) fn term(state: &State, folder: &str) -> Option<Rc<Progress>> {
    let prefix = format!("{folder}/");
    let all = state.objects.range(prefix.clone()..);
    let entries: Vec<_> = all
        .take_while(|(key, _)| key.starts_with(&prefix))
        .filter(|(key, _)| key.rsplit('/').next().is_some_and(is_entry))
        .filter_map(|(_, versions)| versions.last())
        .collect();
    let mut known = state.folded.0.borrow_mut();
    let is_known = known.get(folder).is_some_and(|(etags, _)| {
        let now = entries.iter().map(|entry| entry.etag.as_str());
        etags.len() <= entries.len() && etags.iter().map(String::as_str).eq(now.take(etags.len()))
    });
    if !is_known {
        let first = serde_json::from_slice(&entries.first()?.body).unwrap();
        let folded = (vec![entries[0].etag.clone()], Rc::new(Progress::of(&[first]).unwrap()));
        known.insert(folder.to_owned(), folded);
    }
    let (etags, progress) = known.get_mut(folder)?;
    for entry in &entries[etags.len()..] {
        Rc::make_mut(progress).follow(&serde_json::from_slice(&entry.body).unwrap()).unwrap();
        etags.push(entry.etag.clone());
    }
    Some(Rc::clone(progress))
}

fn is_entry(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// The newest journal, folded.
pub(crate) fn newest_term(state: &State) -> Option<Progress> {
    newest(state).map(|newest| (*newest).clone())
}

fn newest(state: &State) -> Option<Rc<Progress>> {
    term(state, folders(state).next_back()?)
}

/// What is wrong with the world as it stands, each with the number of its promise.
pub(super) fn broken_promises(state: &mut State) -> Vec<String> {
    let mut broken = Vec::new();
    let now = state.now;
    for site in state.sites.by_name.values_mut() {
        let is_healthy = !site.lost && !site.ill && now >= site.healthy_at;
        site.was_healthy |= is_healthy && site.mode == ApplianceMode::Production;
    }
    let names = state.sites.ours().len();
    if names != 1 {
        broken.push(format!("I3: the name has {names} record sets"));
        return broken;
    }
    let leads_to = state.sites.leads_to();
    let newest = newest(state);
    let is_planned = newest.as_ref().is_some_and(|progress| progress.opened.kind.is_planned());
    if !is_planned && state.sites.leads_to_standby() {
        let (west, database) =
            (&state.sites.by_name["west"], &state.sites.databases["controller-db-west"]);
        if west.mode != ApplianceMode::Production || !west.was_healthy || !database.is_writer() {
            broken.push("P3: the name leads to a standby that was not healthy".to_owned());
        }
    }
    // A record that a test has changed by hand leads to no site.
    let led_to = ["203.0.113.10", "203.0.113.20"].into_iter().find(|known| leads_to == [*known]);
    let name = if led_to == Some("203.0.113.10") { "east" } else { "west" };
    if led_to.is_some() && leads_to != state.sites.led_to {
        if !is_well(state, name, newest.as_deref()) {
            broken.push("P3: the name leads to a standby that was not healthy".to_owned());
        }
        state.sites.led_to = leads_to;
    }
    let east = &state.sites.by_name["east"];
    let west = &state.sites.by_name["west"];
    let is_two = west.mode == ApplianceMode::Production && state.sites.may_write("east");
    if is_two && east.fence_tried_in.is_none() {
        broken.push("P2: the standby was promoted and the primary was never fenced".to_owned());
    }
    if is_two && demands_fence(state) {
        broken.push("P2: two sites are in production, and the plan demands a fence".to_owned());
    }
    let switch = switch(state);
    let held = state.sites.term_held().max(switch.as_ref().map_or(0, |switch| switch.term.0));
    if held < state.sites.highest_term {
        broken.push("I1: an older term acted on the records after a newer one".to_owned());
    }
    state.sites.highest_term = held;
    let switched_to = switch.map(|switch| switch.site.to_string());
    if switched_to != state.sites.switched_to {
        if let Some(name) = &switched_to
            && !is_well(state, name, newest.as_deref())
        {
            broken.push("P3: the switch leads to a standby that was not healthy".to_owned());
        }
        state.sites.switched_to = switched_to;
    }
    if is_two && is_planned {
        broken.push("P2: two sites are in production, and the move was planned".to_owned());
    }
    let is_completed = newest
        .as_ref()
        .is_some_and(|progress| progress.end.as_ref().is_some_and(|end| end.completed));
    if is_two && is_completed && newest.is_some_and(|progress| progress.debts.is_empty()) {
        broken.push("P2: two sites are in production, and nothing is owed".to_owned());
    }
    broken.extend(terms_at_once(state));
    broken
}

/// Whether this site was promoted, and seen healthy since.
fn is_well(state: &State, name: &str, newest: Option<&Progress>) -> bool {
    let site = &state.sites.by_name[name];
    let pair = newest.and_then(|term| term.opened.view.pair.as_ref());
    let is_writer = pair.is_none_or(|pair| {
        state.sites.databases.get(&pair.replica.id).is_some_and(|found| found.is_writer())
    });
    site.mode == ApplianceMode::Production && site.was_healthy && is_writer
}

fn switch(state: &State) -> Option<Switch> {
    let versions = state.objects.get("failovers/controller/switch.json")?;
    serde_json::from_slice(&versions.last()?.body).ok()
}

/// By how much the clocks of two runs may differ, in seconds: what a run writes is dated by its own.
const SKEW_S: i64 = 15;

/// One failover at a time: every term but the newest has ended, and the next began after it.
fn terms_at_once(state: &State) -> Vec<String> {
    let folders = terms(state);
    let all: Vec<Rc<Progress>> = folders.iter().filter_map(|folder| term(state, folder)).collect();
    let mut broken = Vec::new();
    for pair in all.windows(2) {
        match &pair[0].end {
            None => broken.push(format!("P4: term {} is open, and another one too", pair[0].term)),
            Some(end) if end.at.as_second() > pair[1].opened_at.as_second() + SKEW_S => {
                broken.push(format!("P4: term {} began before the last one ended", pair[1].term));
            }
            Some(_) => {}
        }
    }
    broken
}

/// Whether the plan demands that a fence is confirmed, and no person has accepted that it is not.
fn demands_fence(state: &State) -> bool {
    let is_accepted = terms(state).last().is_some_and(|folder| {
        let folder = folder.replacen("failovers/", "acknowledgements/", 1);
        state.objects.contains_key(&format!("{folder}/fence-unconfirmed.json"))
    });
    if is_accepted {
        return false;
    }
    let plan = state.objects.get("plans/controller.toml").and_then(|versions| versions.last());
    let text = plan.and_then(|plan| std::str::from_utf8(&plan.body).ok());
    text.is_some_and(|text| text.contains("fence = \"confirmed\""))
}

/// A promotion before the site that is left was told to be standby in this very term is found here,
/// at the moment of the promotion.
pub(super) fn is_fenced(state: &mut State) {
    if state.many {
        return;
    }
    let Some(newest) = newest(state) else { return };
    let Some(old) = state.sites.by_name.get(newest.opened.from.as_str()) else { return };
    if old.fence_tried_in != Some(newest.term.0) {
        state.breaks("P2: a promotion came before the fence".to_owned());
    } else if state.sites.may_write(newest.opened.from.as_str())
        && (demands_fence(state) || newest.opened.kind.is_planned())
    {
        state.breaks("P2: a promotion came before the fence that the plan demands".to_owned());
    }
}

/// A planned move that promotes a replica which lacks something is found here: what was written before
/// the site that is left was told to be standby has to be on it.
pub(super) fn is_whole(state: &mut State) {
    let Some(newest) = newest_term(state).filter(|term| term.opened.kind.is_planned()) else {
        return;
    };
    let Some(old) = state.sites.by_name.get(newest.opened.from.as_str()) else { return };
    if old.quiet_since.is_none_or(|since| state.sites.held_until < since) {
        let (held, since) = (state.sites.held_until, old.quiet_since);
        state.breaks(format!("P2: a planned move promoted a replica of {held}, fenced {since:?}"));
    }
}

/// Whether any term has ever intended this step.
pub(super) fn was_ever_intended(state: &State, step: Step) -> bool {
    terms(state)
        .into_iter()
        .filter_map(|folder| term(state, folder))
        .any(|progress| progress.first_intended_at.iter().any(|(known, _)| *known == step))
}

/// An act without an intention in the journal is found here, at the moment of the act.
pub(super) fn is_intended(state: &mut State, step: Step) {
    if state.many {
        return;
    }
    let intended = newest(state).and_then(|progress| {
        // A run may be late with its fence: the way back is taken with that in mind.
        let was_intended = progress.first_intended_at.iter().any(|(known, _)| *known == step);
        let is_late_fence = step == Step::Fence && was_intended;
        // Nobody writes to what is restored, so that a late one only leaves something behind.
        let is_late_restore = step == Step::RestoreDatabase && was_intended;
        // A run may still pay what the term before owed; this term's fence does not count before that.
        let is_late_payment =
            step == Step::Unfence && progress.has_inherited() && !progress.is_done(Step::Fence);
        if progress.is_done(step) || is_late_fence || is_late_restore || is_late_payment {
            Some(step)
        } else {
            progress.intended
        }
    });
    if intended != Some(step) {
        state.breaks(format!("P5: {step:?} was taken, and {intended:?} was intended"));
    }
}
