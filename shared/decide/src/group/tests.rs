use super::*;
use crate::dns::{ELEMENTS_MAX, RecordSet};

fn offer(n: usize, zones: &[&str], values: usize) -> Offer {
    let system = SystemName::parse(&format!("system-{n}")).unwrap();
    let of = |zone: &&str| {
        let name = format!("system-{n}.example.com");
        let values = (0..values).map(|v| format!("203.0.113.{v}")).collect();
        let set = RecordSet::simple(zone, &name, "A", 60, values);
        [Change::Delete(set.clone()), Change::Create(set)]
    };
    Offer {
        format: FORMAT,
        system,
        term: Term(1),
        healthy_at: "2026-11-21T00:00:00Z".parse().unwrap(),
        is_withdrawn: false,
        batch: zones.iter().flat_map(of).collect(),
    }
}

/// A thousand systems need tens of requests.
#[test]
fn batches_are_as_large_as_route_53_takes_them() {
    let offers: Vec<Offer> = (0..1_000).map(|n| offer(n, &["Z1"], 1)).collect();
    let batches = merge(&offers);
    assert_eq!(batches.len(), 2);
    for batch in &batches {
        assert_eq!(Size::of(&batch.changes()).elements, ELEMENTS_MAX);
    }
    let members: Vec<_> = batches.iter().flat_map(Merged::members).collect();
    assert_eq!(members, offers.iter().map(|o| (o.system.clone(), o.term)).collect::<Vec<_>>());
}

#[test]
fn each_zone_has_its_own_and_no_part_is_split() {
    let offers = [offer(1, &["Z1", "Z2"], 300), offer(2, &["Z2"], 300), offer(3, &["Z1"], 50)];
    let batches = merge(&offers);
    let shown: Vec<(&str, usize)> =
        batches.iter().map(|batch| (batch.zone.as_str(), batch.parts.len())).collect();
    assert_eq!(shown, [("Z1", 2), ("Z2", 1), ("Z2", 1)]);
    assert!(batches.iter().all(|batch| Size::of(&batch.changes()).fits()));
}

#[test]
fn what_was_taken_back_is_not_moved() {
    let mut taken_back = offer(1, &["Z1"], 1);
    taken_back.is_withdrawn = true;
    let batches = merge(&[taken_back, offer(2, &["Z1"], 1)]);
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].parts.len(), 1);
    assert_eq!(batches[0].parts[0].system.as_str(), "system-2");
}

/// One part that does not match is found in as many halvings as the batch has binary digits.
#[test]
fn a_refused_batch_is_halved_until_one_is_alone() {
    let offers: Vec<Offer> = (0..500).map(|n| offer(n, &["Z1"], 1)).collect();
    let mut open = merge(&offers);
    let (mut tries, mut moved) = (0, 0);
    while let Some(batch) = open.pop() {
        tries += 1;
        let is_refused = batch.parts.iter().any(|part| part.system.as_str() == "system-333");
        match (is_refused, batch.halves()) {
            (false, _) => moved += batch.parts.len(),
            (true, Some(halves)) => open.extend(halves),
            (true, None) => {}
        }
    }
    assert_eq!(moved, 499);
    assert!(tries <= 19, "{tries} tries");
}

#[test]
fn the_first_by_name_merges() {
    let names = ["b", "a", "c"].map(|name| SystemName::parse(name).unwrap());
    assert_eq!(merges(&names).unwrap().as_str(), "a");
    assert_eq!(merges([]), None);
}

#[test]
fn an_offer_of_this_format_is_read_as_it_was_written() {
    let golden = include_str!("golden/offer-1.json");
    let read: Offer = serde_json::from_str(golden).unwrap();
    assert_eq!(read, offer(1, &["Z1"], 1));
    let golden = include_str!("golden/moved-1.json");
    let read: Moved = serde_json::from_str(golden).unwrap();
    let members = vec![(SystemName::parse("system-1").unwrap(), Term(1))];
    let (zone, change) = ("Z1".to_owned(), "C1".to_owned());
    assert_eq!(read, Moved { format: 1, zone, change, members });
}
