use super::*;
use crate::failover::tests::plan;

fn site(name: &str) -> SiteName {
    SiteName::parse(name).unwrap()
}

fn held(term: u32, to: &str) -> Held {
    let switch = Switch {
        format: FORMAT,
        system: SystemName::parse("controller").unwrap(),
        term: Term(term),
        site: site(to),
    };
    Held { switch, etag: format!("\"e{term}\"") }
}

fn to_west(term: u32, held: Option<&Held>) -> Turn {
    decide(&plan(), &site("west"), Term(term), held)
}

/// I1, FF3: the switch is swapped over exactly what was seen, and never backwards.
#[test]
fn the_switch_is_turned_over_what_was_seen_and_only_by_a_later_term() {
    assert_eq!(to_west(1, None), Turn::Over(None));
    assert_eq!(to_west(3, Some(&held(2, "east"))), Turn::Over(Some("\"e2\"".to_owned())));
    assert_eq!(to_west(3, Some(&held(2, "west"))), Turn::Over(Some("\"e2\"".to_owned())));
    assert_eq!(to_west(3, Some(&held(3, "west"))), Turn::Already);
    assert_eq!(to_west(3, Some(&held(4, "east"))), Turn::Superseded(Term(4)));
    assert_eq!(to_west(3, Some(&held(4, "west"))), Turn::Superseded(Term(4)));
}

#[test]
fn what_no_run_can_have_written_is_left_alone() {
    let Turn::Foreign(drift) = to_west(3, Some(&held(3, "east"))) else { panic!() };
    assert_eq!(drift.found, "east for controller under term 3");
    let mut other = held(1, "east");
    other.switch.system = SystemName::parse("other").unwrap();
    assert!(matches!(to_west(3, Some(&other)), Turn::Foreign(_)));
}

#[test]
fn an_alarm_leads_away_while_it_is_raised_and_says_nothing_without_data() {
    let plan = plan();
    assert_eq!(led_to(&plan, AlarmState::Ok), Some(&site("east")));
    assert_eq!(led_to(&plan, AlarmState::Alarm), Some(&site("west")));
    assert_eq!(led_to(&plan, AlarmState::InsufficientData), None);
    assert_eq!(value(&plan, &site("east")).to_bits(), 0.0_f64.to_bits());
    assert_eq!(value(&plan, &site("west")).to_bits(), 1.0_f64.to_bits());
}

/// A system whose plan is changed to this method while it lives away is not led home by that.
#[test]
fn the_newer_of_the_switch_and_the_journal_is_published() {
    let (east, west) = (site("east"), site("west"));
    assert_eq!(published(None, &east, Term(0)), east);
    assert_eq!(published(None, &west, Term(1)), west);
    let turned = held(2, "west").switch;
    // The move is under way, and not completed yet.
    assert_eq!(published(Some(&turned), &east, Term(1)), west);
    assert_eq!(published(Some(&turned), &west, Term(2)), west);
    // Term 3 went home by rewriting records.
    assert_eq!(published(Some(&turned), &east, Term(3)), east);
}

/// A value is never dated after the moment of which it is true, however long the look took.
#[test]
fn a_value_is_dated_before_the_look() {
    let at: Timestamp = "2026-11-21T00:01:05Z".parse().unwrap();
    assert_eq!(dated(at, 0), at);
    assert_eq!(dated(at, 7).to_string(), "2026-11-21T00:00:58Z");
    assert_eq!(dated(at, -3), at);
}
