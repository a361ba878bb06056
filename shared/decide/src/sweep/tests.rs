use std::collections::BTreeSet;

use jiff::ToSpan;

use super::*;
use crate::name::SystemName;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn slot(day: Date) -> Slot {
    Slot::parse(&format!("{day}T00-00-00Z")).unwrap()
}

fn system() -> SystemName {
    SystemName::parse("controller").unwrap()
}

#[test]
fn the_newest_and_the_older_ones_that_were_read_longest_ago_are_due() {
    let today = date("2026-11-21");
    let days: Vec<Date> = (0..5).map(|ago| today.checked_sub(ago.days()).unwrap()).collect();
    let slots: Vec<Slot> = days.iter().copied().map(slot).collect();
    let mut keys: Vec<String> =
        slots.iter().map(|slot| vault::verified(&system(), *slot)).collect();
    assert_eq!(due(&keys, today), [slots[0], slots[4], slots[3]]);
    keys.push(vault::swept(&system(), slots[4], days[1]));
    keys.push(vault::swept(&system(), slots[3], days[2]));
    keys.push(vault::swept(&system(), slots[3], days[4]));
    assert_eq!(due(&keys, today), [slots[0], slots[2], slots[1]]);
    // What was read today is not read again, and one older one less is due.
    keys.push(vault::swept(&system(), slots[0], today));
    keys.push(vault::swept(&system(), slots[2], today));
    assert_eq!(due(&keys, today), [slots[1]]);
    keys.push(vault::swept(&system(), slots[1], today));
    assert_eq!(due(&keys, today), []);
    // What does not count is not read.
    keys.push(vault::rejected(&system(), slots[0]));
    keys.push(vault::pruned(&system(), slots[4]));
    let tomorrow = today.checked_add(1.day()).unwrap();
    assert_eq!(due(&keys, tomorrow), [slots[1], slots[3], slots[2]]);
    assert_eq!(due(&[], today), []);
}

/// With any number of backups that stay, and a new one each day, none is left out for long.
#[test]
fn every_backup_comes_round() {
    for keep in 2..12_usize {
        let (mut keys, mut verified) = (Vec::new(), Vec::new());
        let mut read: BTreeSet<Slot> = BTreeSet::new();
        for n in 0..60 {
            let today = date("2026-01-01").checked_add(n.days()).unwrap();
            verified.push(slot(today));
            keys.push(vault::verified(&system(), slot(today)));
            if verified.len() > keep {
                let gone = verified.remove(0);
                let age = keep.div_ceil(OLDER_PER_DAY);
                assert!(
                    age > keep || read.contains(&gone),
                    "{gone} of {keep} was never read again"
                );
                keys.push(vault::pruned(&system(), gone));
            }
            for slot in due(&keys, today) {
                if slot != *verified.last().unwrap() {
                    read.insert(slot);
                }
                keys.push(vault::swept(&system(), slot, today));
            }
        }
    }
}

#[test]
fn a_verification_that_has_begun_and_not_ended_is_gone_on_with() {
    let keys: Vec<String> = [
        "receipts/a/2026-11-20T00-00-00Z/artifacts-depot.000000.json",
        "receipts/a/2026-11-20T00-00-00Z/verified.json",
        "receipts/a/2026-11-21T00-00-00Z/artifacts-depot.000000.json",
        "receipts/a/2026-11-21T00-00-00Z/artifacts-depot.000001.json",
        "receipts/a/2026-11-22T00-00-00Z/artifacts-depot.000000.json",
        "receipts/a/2026-11-22T00-00-00Z/rejected.json",
        "receipts/a/2026-11-23T00-00-00Z/pruned.json",
        "receipts/a/2026-11-24T00-00-00Z/swept-2026-11-25.json",
    ]
    .map(str::to_owned)
    .to_vec();
    assert_eq!(unended(&keys), [Slot::parse("2026-11-21T00-00-00Z").unwrap()]);
}
