use super::*;
use crate::failover::tests::plan;

mod whole;

fn site(name: &str) -> SiteName {
    SiteName::parse(name).unwrap()
}

fn record(name: &str, kind: &str, values: &[&str]) -> RecordSet {
    RecordSet::simple("Z1", name, kind, 300, values.iter().map(|v| (*v).to_owned()).collect())
}

fn a(values: &[&str]) -> RecordSet {
    record("controller.example.com", "A", values)
}

fn txt(term: &str) -> RecordSet {
    record("_warmspare.controller.controller.example.com", "TXT", &[term])
}

const EAST: [&str; 1] = ["203.0.113.10"];
const WEST: [&str; 1] = ["203.0.113.20"];

fn to_west(term: u32, seen: &[RecordSet]) -> Move {
    decide(&plan(), &site("west"), Term(term), "Z1", seen)
}

#[test]
fn the_batch_deletes_exactly_what_was_seen_and_swaps_the_term_with_it() {
    let seen = [a(&EAST), txt("\"term=1\"")];
    let Move::Batch(batch) = to_west(2, &seen) else { panic!() };
    // The TTL is the one that was seen, not the one of the plan.
    let created = txt("\"term=2\"");
    let created = RecordSet { ttl_s: Some(60), ..created };
    assert_eq!(
        batch,
        [
            Change::Delete(a(&EAST)),
            Change::Create(a(&WEST)),
            Change::Delete(txt("\"term=1\"")),
            Change::Create(created),
        ]
    );
    assert_eq!(stale_s(&batch), 300);
}

#[test]
fn the_first_failover_creates_the_record_of_the_term() {
    let Move::Batch(batch) = to_west(1, &[a(&EAST)]) else { panic!() };
    assert_eq!(batch.len(), 3);
    assert!(matches!(&batch[2], Change::Create(set) if set.kind == "TXT"));
}

#[test]
fn what_is_moved_already_is_moved_already() {
    assert_eq!(to_west(1, &[a(&WEST), txt("\"term=1\"")]), Move::Already);
}

#[test]
fn a_later_term_supersedes_and_an_unreadable_one_is_drift() {
    assert_eq!(to_west(4, &[a(&EAST), txt("\"term=5\"")]), Move::Superseded(Term(5)));
    for text in ["\"term=x\"", "\"hello\"", "term=1"] {
        let moved = to_west(4, &[a(&EAST), txt(text)]);
        assert!(matches!(moved, Move::Drift(_)), "{text}");
    }
}

/// FF14, FF16: a third value, a missing record, a set that is one of several, one that is managed by
/// somebody else.
#[test]
fn a_record_that_is_neither_old_nor_new_is_drift() {
    let weighted = |identifier: &str, weight| RecordSet {
        routing: Some(Routing::Weighted { identifier: identifier.to_owned(), weight }),
        ..a(&EAST)
    };
    let managed = RecordSet {
        routing: Some(Routing::Foreign { what: "traffic policy instance t-1".to_owned() }),
        ..a(&EAST)
    };
    for (seen, found) in [
        (vec![a(&["192.0.2.9"])], "192.0.2.9"),
        (vec![], "nothing"),
        (vec![weighted("blue", 10)], "203.0.113.10 (weighted 10 as blue)"),
        (
            vec![weighted("blue", 10), weighted("green", 0)],
            "203.0.113.10 (weighted 10 as blue); 203.0.113.10 (weighted 0 as green)",
        ),
        (vec![managed], "203.0.113.10 (traffic policy instance t-1)"),
    ] {
        let Move::Drift(drift) = to_west(1, &seen) else { panic!("{seen:?}") };
        assert_eq!(drift.record, "controller.example.com A");
        assert_eq!((drift.found.as_str(), drift.wanted.as_str()), (found, "203.0.113.10"));
    }
}

#[test]
fn the_order_of_values_does_not_matter() {
    let mut plan = plan();
    let two = ["203.0.113.10".to_owned(), "203.0.113.11".to_owned()];
    plan.dns.records[0].home = Target::Values(two.to_vec());
    let seen = [a(&["203.0.113.11", "203.0.113.10"])];
    let moved = decide(&plan, &site("west"), Term(1), "Z1", &seen);
    assert!(matches!(moved, Move::Batch(_)));
}

#[test]
fn a_mixture_of_old_and_new_records_in_a_zone_is_somebody_elses_work() {
    let mut plan = plan();
    let mut second = plan.dns.records[0].clone();
    second.name = "ui.example.com".to_owned();
    plan.dns.records.push(second);
    let seen = [a(&WEST), record("ui.example.com", "A", &EAST)];
    let moved = decide(&plan, &site("west"), Term(1), "Z1", &seen);
    let Move::Drift(drift) = moved else { panic!("{moved:?}") };
    assert_eq!(
        (drift.record.as_str(), drift.found.as_str()),
        ("controller.example.com A", WEST[0])
    );
}

#[test]
fn a_touch_swaps_the_term_with_itself_and_nothing_else() {
    let seen = [a(&WEST), txt("\"term=1\"")];
    let batch = touch(&plan(), Term(1), "Z1", &seen);
    assert_eq!(batch[0], Change::Delete(txt("\"term=1\"")));
    assert!(matches!(&batch[1], Change::Create(set) if set.values == ["\"term=1\""]));
    assert_eq!(batch.len(), 2);
    assert!(is_touch(&batch));
    assert_eq!(stale_s(&batch), 0);
}

/// Each zone has a term of its own, so that one which has moved and one which has not are both right.
#[test]
fn each_zone_is_decided_for_itself() {
    let mut plan = plan();
    let inside = Record { zone: "Z2".to_owned(), ..plan.dns.records[0].clone() };
    let other = Record { name: "db.example.com".to_owned(), ..inside.clone() };
    plan.dns.records.extend([inside, other]);
    assert_eq!(zones(&plan), ["Z1", "Z2"]);
    assert_eq!(names(&plan, "Z1").len(), 2);
    assert_eq!(
        names(&plan, "Z2").into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        [
            "controller.example.com",
            "db.example.com",
            "_warmspare.controller.controller.example.com"
        ]
    );
    let in_2 = |set: RecordSet| RecordSet { zone: "Z2".to_owned(), ..set };
    let seen =
        [a(&WEST), txt("\"term=1\""), in_2(a(&EAST)), in_2(record("db.example.com", "A", &EAST))];
    let decide = |zone| decide(&plan, &site("west"), Term(1), zone, &seen);
    assert_eq!(decide("Z1"), Move::Already);
    let Move::Batch(batch) = decide("Z2") else { panic!() };
    assert_eq!(batch.len(), 5);
    assert!(batch.iter().all(|change| change.set().zone == "Z2"));
    let of_zones = by_zone(&batch);
    assert_eq!(of_zones.len(), 1);
    assert_eq!(of_zones[0].1, batch);
}

/// Journals of format 1 name no zone: their one zone was the plan's.
#[test]
fn a_set_without_a_zone_is_of_the_only_one() {
    let old = r#"{"name":"controller.example.com","kind":"A","ttl_s":60,
                  "values":["203.0.113.10"],"routing":null}"#;
    let set: RecordSet = serde_json::from_str(old).unwrap();
    assert!(matches!(to_west(1, &[set]), Move::Batch(_)));
}

#[test]
fn a_batch_is_measured_as_route_53_measures_it() {
    let alias = RecordSet {
        values: vec![],
        alias: Some(Alias { zone: "Z3".to_owned(), name: "lb".to_owned(), evaluate: false }),
        ..a(&[])
    };
    let batch = [Change::Delete(a(&["203.0.113.1", "203.0.113.22"])), Change::Create(alias)];
    assert_eq!(Size::of(&batch), Size { elements: 3, characters: 23 });
    assert!(Size { elements: 1_000, characters: 32_000 }.fits());
    assert!(!Size { elements: 1_001, characters: 0 }.fits());
    assert!(!Size { elements: 1, characters: 32_001 }.fits());
}
