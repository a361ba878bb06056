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
        "receipts/a/2026-11-25T00-00-00Z/read-config.json",
        "receipts/a/2026-11-26T00-00-00Z/read-config.2026-11-27.json",
        "receipts/a/2026-11-27T00-00-00Z/does-not-fit.json",
        "receipts/a/2026-11-27T00-00-00Z/read-config.json",
    ]
    .map(str::to_owned)
    .to_vec();
    let slots = ["2026-11-21T00-00-00Z", "2026-11-25T00-00-00Z"];
    assert_eq!(unended(&keys), slots.map(|slot| Slot::parse(slot).unwrap()));
}

/// P1, P5: what is stored and has no verdict after an hour is looked at, so many at a time, and each in its turn.
#[test]
fn a_backup_without_a_verdict_is_due_after_an_hour_and_each_in_its_turn() {
    let manifest =
        |day: u32| format!("backups/controller/2026-11-{day:02}T00-00-00Z/manifest.json");
    let receipt =
        |day: u32, name: &str| format!("receipts/controller/2026-11-{day:02}T00-00-00Z/{name}");
    let days = |slots: Vec<Slot>| -> Vec<u32> {
        slots.iter().map(|slot| slot.to_string()[8..10].parse().unwrap()).collect()
    };
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let receipts =
        [receipt(1, "verified.json"), receipt(2, "rejected.json"), receipt(3, "pruned.json")];
    let mut stored: Vec<String> = (1..=5).map(manifest).collect();
    stored.push("backups/controller/latest/config".to_owned());
    stored.push("backups/controller/2026-11-04T12-00-00Z/config".to_owned());
    let due = |now: &str| days(unjudged(&stored, &receipts, at(now)));
    assert_eq!(due("2026-11-05T00:59:59Z"), [4], "of the fifth its own event is at work");
    assert_eq!(due("2026-11-05T01:00:00Z"), [5, 4]);
    let given_up = [&receipts[..], &[receipt(4, "does-not-fit.json")]].concat();
    assert_eq!(days(unjudged(&stored, &given_up, at("2026-11-05T01:00:00Z"))), [5]);
    let many: Vec<String> = (1..=9).map(manifest).collect();
    let mut met = std::collections::BTreeSet::new();
    for hour in 0..3 {
        let now = at(&format!("2026-11-09T{:02}:00:00Z", 10 + hour));
        let due = days(unjudged(&many, &[], now));
        assert_eq!((due.len(), due[0]), (UNJUDGED_PER_SWEEP, 9), "the newest each time");
        met.extend(due);
    }
    assert_eq!(met.len(), 9, "three sweeps come to every one of nine");
}

#[test]
fn each_system_is_the_first_in_its_turn() {
    let at = |hour: i64| Timestamp::from_second(hour * 3_600 + 7).unwrap();
    let firsts: Vec<char> = (0..4).map(|hour| in_turn(vec!['a', 'b', 'c'], at(hour))[0]).collect();
    assert_eq!(firsts, ['a', 'b', 'c', 'a']);
    assert_eq!(in_turn(vec!['a', 'b', 'c'], at(1)), ['b', 'c', 'a']);
    assert_eq!(in_turn(Vec::<char>::new(), at(1)), []);
}

/// A comparison that was begun and has no end is ended by the sweep, once the backup is proven.
#[test]
fn a_comparison_that_has_begun_and_not_ended_is_gone_on_with() {
    let keys: Vec<String> = [
        "receipts/a/2026-11-20T00-00-00Z/skew-rows.000000.json",
        "receipts/a/2026-11-20T00-00-00Z/skew-rows.json",
        "receipts/a/2026-11-20T00-00-00Z/verified.json",
        "receipts/a/2026-11-21T00-00-00Z/skew-rows.000000.json",
        "receipts/a/2026-11-21T00-00-00Z/verified.json",
        "receipts/a/2026-11-22T00-00-00Z/rejected.json",
        "receipts/a/2026-11-22T00-00-00Z/skew-rows.000000.json",
        "receipts/a/2026-11-22T00-00-00Z/verified.json",
        "receipts/a/2026-11-23T00-00-00Z/pruned.json",
        "receipts/a/2026-11-23T00-00-00Z/skew-rows.000000.json",
        "receipts/a/2026-11-23T00-00-00Z/verified.json",
    ]
    .map(str::to_owned)
    .to_vec();
    assert_eq!(unended(&keys), [Slot::parse("2026-11-21T00-00-00Z").unwrap()]);
}

/// What had only what others have left of a run says nothing of a whole one.
#[test]
fn only_what_had_most_of_a_run_is_given_up() {
    for (took_s, is_given_up) in [(880, true), (675, true), (674, false), (30, false)] {
        let refusal = Refusal::DoesNotFit { what: "db".into(), passed_bytes: 1, took_s };
        assert_eq!(is_final(&refusal, 900), is_given_up, "{took_s}");
    }
}
