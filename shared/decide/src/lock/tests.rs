use super::*;
use jiff::tz::TimeZone;

fn slot() -> Slot {
    Slot::parse("2026-11-21T00-00-00Z").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn said(mode: &str, until: &str) -> Option<Locked> {
    Some(Locked { mode: mode.to_owned(), until: Some(at(until)) })
}

/// A slot may be a day old when its backup is stored, and is locked for all of the days all the same.
#[test]
fn a_lock_is_computed_from_the_slot_and_never_too_short() {
    let lock = Asked { mode: Mode::Governance, days: 30 }.lock(slot());
    assert_eq!(lock, Lock { mode: Mode::Governance, until: at("2026-12-22T00:00:00Z") });
    let forever = Asked { mode: Mode::Compliance, days: u32::MAX }.lock(slot());
    assert_eq!(forever.until, Timestamp::MAX);
}

#[test]
fn a_lock_that_ends_in_a_moment_is_none_to_write_under() {
    let lock = Lock { mode: Mode::Governance, until: at("2026-12-22T00:00:00Z") };
    for (now, is_ahead) in [
        ("2026-11-21T00:00:00Z", true),
        ("2026-12-21T23:29:59Z", true),
        ("2026-12-21T23:30:00Z", false),
        ("2026-12-22T00:00:01Z", false),
    ] {
        assert_eq!(lock.is_ahead(at(now)), is_ahead, "{now}");
    }
}

#[test]
fn what_is_unlocked_or_weaker_or_shorter_differs() {
    let until = "2026-12-22T00:00:00Z";
    let governance = Lock { mode: Mode::Governance, until: at(until) };
    let compliance = Lock { mode: Mode::Compliance, ..governance };
    for (lock, found, clause) in [
        (governance, said("GOVERNANCE", until), None),
        (governance, said("COMPLIANCE", until), None),
        (governance, said("GOVERNANCE", "2027-12-22T00:00:00Z"), None),
        (compliance, said("COMPLIANCE", until), None),
        (compliance, said("GOVERNANCE", until), Some("is locked (GOVERNANCE until 2026-12-22")),
        (governance, said("GOVERNANCE", "2026-12-21T23:59:59Z"), Some("is locked (GOVERNANCE")),
        (governance, said("", until), Some("is locked ( until")),
        (governance, None, Some("is not said to be locked, where GOVERNANCE until 2026-12-22")),
        (
            governance,
            Some(Locked { mode: "GOVERNANCE".into(), until: None }),
            Some("is not said to be locked"),
        ),
    ] {
        let differs = lock.differs(found.as_ref());
        assert_eq!(differs.is_some(), clause.is_some(), "{lock:?} {found:?}");
        assert!(differs.unwrap_or_default().starts_with(clause.unwrap_or_default()));
    }
}

#[test]
fn a_lock_that_is_over_holds_nothing() {
    let lock = said("GOVERNANCE", "2026-12-22T00:00:00Z").unwrap();
    let clause = "locked, GOVERNANCE until 2026-12-22T00:00:00Z";
    assert_eq!(lock.holds(at("2026-12-21T23:59:59Z")).as_deref(), Some(clause));
    assert_eq!(lock.holds(at("2026-12-22T00:00:00Z")), None);
    assert_eq!(Locked { until: None, ..lock }.holds(at("2026-12-21T00:00:00Z")), None);
}

#[test]
fn retention_keeps_for_as_long_as_its_longest_rule() {
    let calendar = |last, daily, weekly, monthly, yearly| {
        let timezone = TimeZone::UTC;
        Keep::Calendar(Calendar { last, daily, weekly, monthly, yearly, timezone })
    };
    for (keep, rpo_s, days) in [
        (Keep::Overwrite, DAY_S, 1),
        (Keep::Overwrite, 3_600, 1),
        (Keep::Newest(3.try_into().unwrap()), DAY_S, 3),
        (Keep::Newest(3.try_into().unwrap()), 26 * 3_600, 4),
        (calendar(3, 7, 4, 12, 0), DAY_S, 372),
        (calendar(3, 7, 0, 0, 0), DAY_S, 7),
        (calendar(9, 0, 0, 0, 0), DAY_S, 9),
        (calendar(0, 0, 1, 0, 1), DAY_S, 366),
    ] {
        assert_eq!(kept_days(&keep, rpo_s), days, "{keep:?}");
    }
}
