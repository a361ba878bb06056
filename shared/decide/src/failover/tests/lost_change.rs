//! A change that Route 53 has accepted and lost.

use super::*;
use crate::dns::{self, RecordSet};
use crate::journal::ZoneChange;

fn moved() -> Vec<RecordSet> {
    let name = "_warmspare.controller.controller.example.com";
    let term = RecordSet::simple("Z1", name, "TXT", 60, vec!["\"term=1\"".to_owned()]);
    vec![record("203.0.113.20"), term]
}

/// The records were moved by a change, which is seen so.
fn followed(in_sync: Seen<bool>, since_s: i64) -> Next {
    followed_by("C1", in_sync, since_s)
}

fn followed_by(change: &str, in_sync: Seen<bool>, since_s: i64) -> Next {
    let verdict = open(&plan(), &lost()).unwrap().verdict;
    let changes = vec![ZoneChange { zone: "Z1".to_owned(), id: "C1".to_owned() }];
    let done = Finding::Moved { change_id: None, changes, records: moved() };
    let mut confirmed = promoted();
    confirmed.push((Step::SeeHealthy, Finding::Healthy { verdict }));
    confirmed.push((Step::Repoint, done));
    after(
        |view| {
            view.now = now() + SignedDuration::from_secs(since_s);
            view.zones = vec![ZoneView {
                zone: "Z1".to_owned(),
                records: Seen::Here(moved()),
                change: Some(change.to_owned()),
                in_sync,
            }];
        },
        &progress(&confirmed, None),
    )
}

/// FF8: at the bound and not before it; the records have moved, so what is submitted swaps the term's
/// record with itself, and its id stands for all before it.
#[test]
fn a_change_that_was_lost_is_submitted_again_as_a_touch() {
    let touch = dns::touch(&plan(), Term(1), "Z1", &moved());
    assert!(!touch.is_empty());
    assert_eq!(followed(Seen::Absent, 0), Next::Do(Act::Repoint(touch.clone())));
    assert_eq!(followed(Seen::Here(false), 300), Next::Do(Act::Repoint(touch)));
    for (since_s, part) in [(299, "after 299 s"), (61, "after 61 s"), (60, "every server yet")] {
        let Next::Wait(why) = followed(Seen::Here(false), since_s) else { panic!("{part}") };
        assert!(why.contains(part), "{part}: {why}");
    }
    let unknown = followed(Seen::Unknown("throttled".to_owned()), 900);
    assert!(matches!(&unknown, Next::Wait(why) if why.contains("throttled")), "{unknown:?}");
    let done = followed(Seen::Here(true), 900);
    assert_eq!(done, Next::Confirm(Step::SeeInSync, Finding::InSync));
}

/// A change that was submitted again stands for the one before it, and the records stay what they are.
#[test]
fn a_change_that_was_submitted_again_is_kept_with_the_records_that_it_touched() {
    let changes = vec![ZoneChange { zone: "Z1".to_owned(), id: "C2".to_owned() }];
    let again = Finding::Moved { change_id: None, changes, records: moved() };
    let next = followed_by("C2", Seen::Here(false), 0);
    assert_eq!(next, Next::Confirm(Step::Repoint, again));
}
