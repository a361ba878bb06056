use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZoneDatabase;

use super::{Next, Pace};
use crate::plan::{Interval, Throttle};

/// Monday to Friday from 08:00 to 17:59 in Berlin, 51,200 bits per second: 6,400 bytes.
fn office_hours() -> Throttle {
    use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
    Throttle {
        timezone: TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap(),
        intervals: vec![Interval {
            days: vec![Monday, Tuesday, Wednesday, Thursday, Friday],
            start: "08:00".parse().unwrap(),
            end: "17:59".parse().unwrap(),
            bits_per_s: 51_200,
        }],
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const FREE: Next = Next::Pass { bytes_max: u64::MAX };
const USED_UP: Next = Next::Wait { wait_s: 1, bits_per_s: 51_200 };

/// D17: no throttle, no limit; and none outside of its intervals.
#[test]
fn without_an_interval_there_is_no_limit() {
    let mut pace = Pace::new(None);
    assert_eq!(pace.next(at("2026-11-23T09:00:00Z")), FREE);
    pace.passed(u64::MAX);
    assert_eq!(pace.next(at("2026-11-23T09:00:00Z")), FREE);
    let empty = Throttle { intervals: vec![], ..office_hours() };
    assert_eq!(Pace::new(Some(&empty)).next(at("2026-11-23T09:00:00Z")), FREE);
    let mut pace = Pace::new(Some(&office_hours()));
    for out in ["2026-11-21T09:00:00Z", "2026-11-23T06:59:59Z", "2026-11-23T17:00:00Z"] {
        assert_eq!(pace.next(at(out)), FREE, "{out}");
    }
}

/// D19: each second by itself; all of it may pass at once, and what was not used is gone.
#[test]
fn a_limit_is_averaged_over_each_second() {
    let mut pace = Pace::new(Some(&office_hours()));
    let whole = Next::Pass { bytes_max: 6_400 };
    assert_eq!(pace.next(at("2026-11-23T09:00:00Z")), whole);
    pace.passed(6_000);
    assert_eq!(pace.next(at("2026-11-23T09:00:00.5Z")), Next::Pass { bytes_max: 400 });
    pace.passed(400);
    assert_eq!(pace.next(at("2026-11-23T09:00:00.999Z")), USED_UP);
    assert_eq!(pace.next(at("2026-11-23T09:00:01Z")), whole);
    pace.passed(6_400);
    assert_eq!(pace.next(at("2026-11-23T09:00:30Z")), whole, "29 quiet seconds are not saved");
    assert_eq!(pace.next(at("2026-11-23T09:00:20Z")), whole, "a clock was put back");
}

/// D22: the greatest limit that a plan can have is one.
#[test]
fn the_greatest_limit_is_a_million_megabytes_a_second() {
    let mut throttle = office_hours();
    throttle.intervals[0].bits_per_s = 8_000_000_000_000;
    let next = Pace::new(Some(&throttle)).next(at("2026-11-23T09:00:00Z"));
    assert_eq!(next, Next::Pass { bytes_max: 1_000_000_000_000 });
}

/// D24, D25: from the start of the first minute to the end of the last one, on both sides of a change
/// of the clock, by one pace that lives as long.
#[test]
fn an_interval_begins_and_ends_with_its_minutes_in_every_season() {
    let mut pace = Pace::new(Some(&office_hours()));
    let mut is_free = |text: &str| pace.next(at(text)) == FREE;
    // In winter 08:00 in Berlin is 07:00 in UTC; after 2026-03-29 it is 06:00, until 2026-10-25.
    for (first, last) in [
        ("2026-03-27T07:00:00Z", "2026-03-27T16:59:59.999Z"),
        ("2026-03-30T06:00:00Z", "2026-03-30T15:59:59.999Z"),
        ("2026-10-23T06:00:00Z", "2026-10-23T15:59:59.999Z"),
        ("2026-10-26T07:00:00Z", "2026-10-26T16:59:59.999Z"),
    ] {
        let a_millisecond = jiff::SignedDuration::from_millis(1);
        assert!(!is_free(first) && !is_free(last), "{first} to {last}");
        assert!(is_free(&(at(first) - a_millisecond).to_string()), "before {first}");
        assert!(is_free(&(at(last) + a_millisecond).to_string()), "after {last}");
    }
}
