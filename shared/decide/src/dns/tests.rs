use super::*;
use crate::failover::tests::plan;

fn site(name: &str) -> SiteName {
    SiteName::parse(name).unwrap()
}

fn record(name: &str, kind: &str, values: &[&str]) -> RecordSet {
    RecordSet {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ttl_s: Some(300),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        routing: None,
    }
}

fn a(values: &[&str]) -> RecordSet {
    record("controller.example.com", "A", values)
}

fn txt(term: &str) -> RecordSet {
    record("_warmspare.controller.controller.example.com", "TXT", &[term])
}

const EAST: [&str; 1] = ["203.0.113.10"];
const WEST: [&str; 1] = ["203.0.113.20"];

#[test]
fn the_batch_deletes_exactly_what_was_seen_and_swaps_the_term_with_it() {
    let seen = [a(&EAST), txt("\"term=1\"")];
    let Move::Batch(batch) = decide(&plan(), &site("west"), Term(2), &seen) else { panic!() };
    // The TTL of what is deleted is the one that was seen, not the one of the plan.
    assert_eq!(batch[0], Change::Delete(a(&EAST)));
    let Change::Create(new) = &batch[1] else { panic!() };
    assert_eq!(
        (new.values.as_slice(), new.ttl_s),
        (["203.0.113.20".to_owned()].as_slice(), Some(60))
    );
    assert_eq!(batch[2], Change::Delete(txt("\"term=1\"")));
    let Change::Create(term) = &batch[3] else { panic!() };
    assert_eq!(term.values, ["\"term=2\""]);
    assert_eq!(batch.len(), 4);
}

#[test]
fn the_first_failover_creates_the_record_of_the_term() {
    let Move::Batch(batch) = decide(&plan(), &site("west"), Term(1), &[a(&EAST)]) else { panic!() };
    assert_eq!(batch.len(), 3);
    assert!(matches!(&batch[2], Change::Create(set) if set.kind == "TXT"));
}

#[test]
fn what_is_moved_already_is_moved_already() {
    let seen = [a(&WEST), txt("\"term=1\"")];
    assert_eq!(decide(&plan(), &site("west"), Term(1), &seen), Move::Already);
}

#[test]
fn a_later_term_supersedes_and_an_unreadable_one_is_drift() {
    let to = site("west");
    let seen = [a(&EAST), txt("\"term=5\"")];
    assert_eq!(decide(&plan(), &to, Term(4), &seen), Move::Superseded(Term(5)));
    for text in ["\"term=x\"", "\"hello\"", "term=1"] {
        let seen = [a(&EAST), txt(text)];
        assert!(matches!(decide(&plan(), &to, Term(4), &seen), Move::Drift(_)), "{text}");
    }
}

/// FF14, FF16: a third value, a missing record, a second set of the name, a weighted or alias one.
#[test]
fn a_record_that_is_neither_old_nor_new_is_drift() {
    let weighted = RecordSet { routing: Some("weighted 10 as blue".to_owned()), ..a(&EAST) };
    let twice =
        [weighted.clone(), RecordSet { values: vec![WEST[0].to_owned()], ..weighted.clone() }];
    for seen in [vec![a(&["192.0.2.9"])], vec![], vec![weighted], twice.to_vec()] {
        let moved = decide(&plan(), &site("west"), Term(1), &seen);
        let Move::Drift(drift) = moved else { panic!("{seen:?}: {moved:?}") };
        assert_eq!(drift.record, "controller.example.com A");
        assert_eq!(drift.wanted, "203.0.113.10");
    }
}

#[test]
fn the_order_of_values_does_not_matter() {
    let mut plan = plan();
    plan.dns.records[0].home = vec!["203.0.113.10".to_owned(), "203.0.113.11".to_owned()];
    let seen = [a(&["203.0.113.11", "203.0.113.10"])];
    assert!(matches!(decide(&plan, &site("west"), Term(1), &seen), Move::Batch(_)));
}

#[test]
fn a_mixture_of_old_and_new_records_is_somebody_elses_work() {
    let mut plan = plan();
    let mut second = plan.dns.records[0].clone();
    second.name = "ui.example.com".to_owned();
    plan.dns.records.push(second);
    let seen = [a(&WEST), record("ui.example.com", "A", &EAST)];
    let moved = decide(&plan, &site("west"), Term(1), &seen);
    let Move::Drift(drift) = moved else { panic!("{moved:?}") };
    assert_eq!(
        (drift.record.as_str(), drift.found.as_str()),
        ("controller.example.com A", WEST[0])
    );
}

#[test]
fn a_touch_swaps_the_term_with_itself_and_nothing_else() {
    let seen = [a(&WEST), txt("\"term=1\"")];
    let batch = touch(&plan(), Term(1), &seen);
    assert_eq!(batch[0], Change::Delete(txt("\"term=1\"")));
    assert!(matches!(&batch[1], Change::Create(set) if set.values == ["\"term=1\""]));
    assert_eq!(batch.len(), 2);
}
