use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::problem::{nearest, one_of, quoted};
use super::throttle::{UtcInterval, compile, intervals_at_most, overlaps};
use super::{Found, Interval, Problem, Problems, Throttle};

const WINTER: &str = "2026-12-01T12:00:00Z";
const SUMMER: &str = "2026-07-01T12:00:00Z";

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn interval(days: &[Weekday], start: &str, end: &str) -> Interval {
    let bits_per_s = 200_000_000;
    Interval { days: days.to_vec(), start: time(start), end: time(end), bits_per_s }
}

fn throttle(zone: &str, intervals: Vec<Interval>) -> Throttle {
    let timezone = TimeZoneDatabase::bundled().get(zone).unwrap();
    Throttle { timezone, intervals }
}

/// `Mon Tue 07:00-16:59`, one a line.
fn told(intervals: &[UtcInterval]) -> Vec<String> {
    let day = |day: &Weekday| format!("{day:?}")[..3].to_owned();
    let told = |interval: &UtcInterval| {
        let days: Vec<String> = interval.days.iter().map(day).collect();
        let minutes = |time: Time| time.strftime("%H:%M").to_string();
        format!("{} {}-{}", days.join(" "), minutes(interval.start), minutes(interval.end))
    };
    intervals.iter().map(told).collect()
}

#[test]
fn a_throttle_follows_the_clock_of_its_zone() {
    let days = [Weekday::Monday, Weekday::Friday];
    let berlin = throttle("Europe/Berlin", vec![interval(&days, "08:00", "17:59")]);
    assert_eq!(told(&compile(&berlin, WINTER.parse().unwrap())), ["Mon Fri 07:00-16:59"]);
    assert_eq!(told(&compile(&berlin, SUMMER.parse().unwrap())), ["Mon Fri 06:00-15:59"]);
    let kathmandu = throttle("Asia/Kathmandu", vec![interval(&days, "08:00", "17:59")]);
    assert_eq!(told(&compile(&kathmandu, WINTER.parse().unwrap())), ["Mon Fri 02:15-12:14"]);
}

#[test]
fn an_interval_is_split_at_midnight_in_utc() {
    let at: Timestamp = WINTER.parse().unwrap();
    let compiled = |zone: &str, days: &[Weekday], start: &str, end: &str| {
        told(&compile(&throttle(zone, vec![interval(days, start, end)]), at))
    };
    let monday = [Weekday::Monday];
    // East of Greenwich a morning begins on the day before; the week is a circle.
    assert_eq!(
        compiled("Asia/Tokyo", &monday, "08:00", "17:59"),
        ["Mon 00:00-08:59", "Sun 23:00-23:59"]
    );
    assert_eq!(
        compiled("America/New_York", &[Weekday::Sunday, Weekday::Monday], "18:00", "23:59"),
        ["Mon Tue 00:00-04:59", "Mon Sun 23:00-23:59"]
    );
    // An end before the start is on the next day.
    assert_eq!(compiled("UTC", &monday, "22:00", "03:59"), ["Tue 00:00-03:59", "Mon 22:00-23:59"]);
    assert_eq!(compiled("UTC", &monday, "22:00", "21:59"), ["Tue 00:00-21:59", "Mon 22:00-23:59"]);
    assert_eq!(compiled("UTC", &monday, "00:00", "23:59"), ["Mon 00:00-23:59"]);
    // A minute may be all that is left of an interval beyond midnight.
    assert_eq!(
        compiled("Europe/Berlin", &monday, "22:00", "01:00"),
        ["Tue 00:00-00:00", "Mon 21:00-23:59"]
    );
    assert_eq!(compiled("UTC", &monday, "08:00", "08:00"), ["Mon 08:00-08:00"]);
}

#[test]
fn every_minute_is_throttled_once_and_none_is_lost() {
    let all = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    for zone in ["UTC", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Marquesas", "Etc/GMT+12"] {
        let whole_week = throttle(zone, vec![interval(&all, "05:17", "05:16")]);
        let mut minutes = vec![0; 7 * 24 * 60];
        for piece in compile(&whole_week, WINTER.parse().unwrap()) {
            let minute = |time: Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
            assert!(piece.start <= piece.end, "{zone}: {piece:?}");
            for day in &piece.days {
                for minute in minute(piece.start)..=minute(piece.end) {
                    let minute = i32::from(day.to_monday_zero_offset()) * 1_440 + minute;
                    minutes[usize::try_from(minute).unwrap()] += 1;
                }
            }
        }
        assert!(minutes.iter().all(|times| *times == 1), "{zone}");
        assert!(overlaps(&whole_week.intervals).is_empty());
    }
}

#[test]
fn intervals_that_share_a_minute_overlap() {
    use Weekday::{Monday, Sunday, Tuesday};
    let pairs =
        |one: Interval, other: Interval| overlaps(&[one, other]).into_iter().collect::<Vec<_>>();
    let work = || interval(&[Monday, Tuesday], "08:00", "17:59");
    assert_eq!(pairs(work(), interval(&[Monday], "18:00", "07:59")), []);
    assert_eq!(pairs(work(), interval(&[Sunday], "18:00", "07:59")), []);
    assert_eq!(pairs(work(), interval(&[Monday], "17:59", "20:00")), [(0, 1)]);
    assert_eq!(pairs(work(), interval(&[Monday], "18:00", "08:00")), [(0, 1)]);
    assert_eq!(pairs(work(), interval(&[Sunday], "18:00", "08:00")), [(0, 1)]);
    assert_eq!(pairs(interval(&[Monday], "09:00", "09:00"), work()), [(0, 1)]);
    let three =
        [work(), interval(&[Tuesday], "17:00", "18:59"), interval(&[Tuesday], "18:00", "19:00")];
    assert_eq!(overlaps(&three).into_iter().collect::<Vec<_>>(), [(0, 1), (1, 2)]);
}

#[test]
fn summer_may_need_more_intervals_than_winter() {
    // 01:00 in Berlin is midnight in UTC in winter; in summer, it is 23:00 of the day before.
    let berlin = throttle("Europe/Berlin", vec![interval(&[Weekday::Monday], "01:00", "03:00")]);
    assert_eq!(compile(&berlin, WINTER.parse().unwrap()).len(), 1);
    assert_eq!(compile(&berlin, SUMMER.parse().unwrap()).len(), 2);
    assert_eq!(intervals_at_most(&berlin), 2);
    let fixed = Throttle { timezone: TimeZone::UTC, ..berlin };
    assert_eq!(intervals_at_most(&fixed), 1);
}

#[test]
fn the_nearest_name_is_the_one_that_was_probably_meant() {
    let names = ["keep", "kms_key", "source", "throttle"];
    for (key, meant) in [
        ("kepe", Some("keep")),
        ("KEEP", Some("keep")),
        ("kee", Some("keep")),
        ("kmskey", Some("kms_key")),
        ("kms-key", Some("kms_key")),
        ("sources", Some("source")),
        ("trothle", Some("throttle")),
        ("name", None),
        ("", None),
        ("k", None),
    ] {
        assert_eq!(nearest(key, names), meant, "{key}");
    }
    assert_eq!(nearest(&"keep".repeat(1_000), names), None);
    assert_eq!(nearest("keep", []), None);
    // Two letters swapped are one slip, in a word that may have no second one.
    assert_eq!(nearest("fo", ["down", "of"]), Some("of"));
}

#[test]
fn what_was_found_is_quoted_and_shortened() {
    assert_eq!(quoted("a\n\"b\"\u{7}"), "\"a\\n\\\"b\\\"\\u{7}\"");
    assert_eq!(quoted(&"ä".repeat(81)), format!("\"{}…\"", "ä".repeat(80)));
    assert_eq!(quoted(&"ä".repeat(80)), format!("\"{}\"", "ä".repeat(80)));
    assert_eq!(one_of(["a"]), "a");
    assert_eq!(one_of(["a", "b", "c"]), "a, b or c");
}

#[test]
fn problems_are_in_the_order_of_their_lines_and_there_is_at_least_one() {
    let problem = |line, field: &str| Problem {
        line,
        field: field.to_owned(),
        found: Found::Value("1".to_owned()),
        allowed: "2".to_owned(),
    };
    assert_eq!(Problems::gather(Vec::new()), None);
    let problems =
        Problems::gather(vec![problem(9, "a"), problem(2, "b"), problem(9, "c")]).unwrap();
    assert_eq!(
        problems.to_string(),
        "3 problems in the plan\nline 2: b is 1, but must be 2\nline 9: a is 1, but must be 2\n\
         line 9: c is 1, but must be 2"
    );
    assert_eq!(
        Problems::from(problem(1, "")).to_string(),
        "1 problem in the plan\nline 1: the plan is 1, but must be 2"
    );
}
