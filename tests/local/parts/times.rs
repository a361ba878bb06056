//! When schedules fire, against the calendar.

use jiff::Timestamp;
use warmspare_tests::stack::deliver::times::Expression;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next `count` times after `after`.
fn times(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let expression = Expression::parse(expression, zone).unwrap();
    let (mut moment, anchor) = (at(after), at("2026-01-01T00:00:07Z"));
    let mut found = Vec::new();
    while let Some(next) = expression.next(moment, anchor).unwrap().filter(|_| found.len() < count)
    {
        found.push(next.to_string());
        moment = next;
    }
    found
}

#[test]
fn a_cron_fires_in_its_own_time_zone() {
    let times = times("cron(0 2 * * ? *)", "Europe/Berlin", "2026-03-27T12:00:00Z", 4);
    // 02:00 on the 29th does not exist in Berlin: that night is skipped.
    let expected = [
        "2026-03-28T01:00:00Z",
        "2026-03-30T00:00:00Z",
        "2026-03-31T00:00:00Z",
        "2026-04-01T00:00:00Z",
    ];
    assert_eq!(times, expected);
}

#[test]
fn an_hour_that_comes_twice_is_taken_once() {
    let times = times("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
    assert_eq!(times, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[test]
fn aws_counts_weekdays_from_sunday_and_steps_from_a_number() {
    let monday = times("cron(0 10 ? * 2 *)", "", "2026-11-21T00:00:00Z", 1);
    assert_eq!(monday, ["2026-11-23T10:00:00Z"]);
    assert_eq!(times("cron(0 10 ? * MON-FRI *)", "", "2026-11-21T00:00:00Z", 1), monday);
    let quarters = times("cron(0/15 * * * ? *)", "", "2026-11-21T10:14:59Z", 3);
    assert_eq!(quarters, ["2026-11-21T10:15:00Z", "2026-11-21T10:30:00Z", "2026-11-21T10:45:00Z"]);
    let last = times("cron(0 0 L * ? 2027)", "", "2027-01-31T00:00:00Z", 1);
    assert_eq!(last, ["2027-02-28T00:00:00Z"]);
    let third_friday = times("cron(0 8 ? * 6#3 *)", "", "2026-11-01T00:00:00Z", 1);
    assert_eq!(third_friday, ["2026-11-20T08:00:00Z"]);
}

#[test]
fn a_rate_begins_at_its_anchor_and_keeps_to_it() {
    let first = times("rate(5 minutes)", "", "2025-12-31T23:59:59Z", 2);
    assert_eq!(first, ["2026-01-01T00:00:07Z", "2026-01-01T00:05:07Z"]);
    let later = times("rate(1 hour)", "Europe/Berlin", "2026-01-01T02:30:00Z", 1);
    assert_eq!(later, ["2026-01-01T03:00:07Z"]);
}

#[test]
fn a_single_time_comes_once() {
    let once = times("at(2026-11-21T01:30:00)", "America/New_York", "2026-11-20T00:00:00Z", 9);
    assert_eq!(once, ["2026-11-21T06:30:00Z"]);
}

#[test]
fn what_is_no_schedule_is_refused() {
    for wrong in [
        "cron(0 2 * * *)",
        "cron(0 2 * * * *)",
        "cron(0 2 ? * ? *)",
        "cron(61 2 * * ? *)",
        "rate(0 minutes)",
        "rate(5 fortnights)",
        "at(tomorrow)",
        "every(5 minutes)",
        "5 minutes",
    ] {
        assert!(Expression::parse(wrong, "").is_err(), "{wrong}");
    }
    assert!(Expression::parse("rate(5 minutes)", "Europe/Nowhere").is_err());
}
