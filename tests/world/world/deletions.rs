//! What may be deleted, by what arrived and what is there now. This knows nothing of plans, marks are
//! all that it believes, and it is asked at every deletion.

use std::collections::BTreeMap;

use super::State;
use super::vault::{current, differences};

/// What is wrong with deleting this key now, each with the number of its promise.
pub(super) fn wrong(state: &State, key: &str) -> Vec<String> {
    let parts: Vec<&str> = key.split('/').collect();
    match parts.as_slice() {
        ["backups", system, slot, name] => of_backup(state, key, system, slot, name),
        ["receipts", system, slot, "pruned.json"] => {
            let folder = format!("backups/{system}/{slot}/");
            let is_partly_gone = state.beside.deleted.keys().any(|key| key.starts_with(&folder));
            let wrong = format!("P1: {key} was given back, and its backup is partly gone");
            is_partly_gone.then_some(wrong).into_iter().collect()
        }
        _ => vec![format!("P6: {key} was deleted")],
    }
}

fn of_backup(state: &State, key: &str, system: &str, slot: &str, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if current(state, &format!("receipts/{system}/{slot}/pruned.json")).is_none() {
        wrong.push(format!("P1: {key} was deleted while its backup counted"));
    }
    let manifest = format!("backups/{system}/{slot}/manifest.json");
    if name != "manifest.json" && current(state, &manifest).is_some() {
        wrong.push(format!("P1: {key} was deleted before its manifest"));
    }
    let hold = format!("holds/{system}/{slot}");
    if state.objects.keys().any(|key| key.starts_with(&hold)) {
        wrong.push(format!("P6: {key} was deleted, and it is held"));
    }
    let is_newer = proven(state, system).into_iter().any(|newer| newer.as_str() > slot);
    if !is_newer {
        wrong.push(format!("P6: {key} was deleted, and no newer backup is proven and whole"));
    }
    wrong
}

/// The slots that count, and of which everything is as it arrived.
pub(super) fn proven(state: &State, system: &str) -> Vec<String> {
    let receipts = receipts(state, system);
    let is_whole =
        |slot: &String| differences(state, &format!("backups/{system}/{slot}/")).is_empty();
    let counts = receipts.into_iter().filter(|(_, names)| names == &["verified.json"]);
    counts.map(|(slot, _)| slot).filter(is_whole).collect()
}

fn receipts(state: &State, system: &str) -> BTreeMap<String, Vec<String>> {
    let mut receipts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in state.objects.keys() {
        let parts: Vec<&str> = key.split('/').collect();
        if let ["receipts", of, slot, name] = parts.as_slice()
            && *of == system
            && !name.starts_with("swept-")
        {
            receipts.entry((*slot).to_owned()).or_default().push((*name).to_owned());
        }
    }
    receipts
}

/// P6: of the newest backup that was verified and not rejected, whatever is marked, nothing is deleted.
pub(super) fn broken_promises(state: &State) -> Vec<String> {
    if state.beside.deleted.is_empty() {
        return Vec::new();
    }
    let receipts = receipts(state, "controller");
    let is_good = |names: &Vec<String>| {
        let has = |name: &str| names.iter().any(|known| known == name);
        has("verified.json") && !has("rejected.json")
    };
    let newest = receipts.iter().rev().find(|(_, names)| is_good(names)).map(|(slot, _)| slot);
    let Some(newest) = newest else { return Vec::new() };
    let folder = format!("backups/controller/{newest}/");
    let gone = state.beside.deleted.keys().filter(|key| key.starts_with(&folder));
    gone.map(|key| format!("P6: {key} of the newest verified backup is deleted")).collect()
}
