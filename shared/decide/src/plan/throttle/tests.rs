use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Stretch, UtcInterval, compile, intervals_at_most, of_day, overlaps};
use crate::plan::{Interval, Throttle};

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

/// D23.
#[test]
fn a_throttle_follows_the_clock_of_its_zone() {
    let days = [Weekday::Monday, Weekday::Friday];
    let berlin = throttle("Europe/Berlin", vec![interval(&days, "08:00", "17:59")]);
    assert_eq!(told(&compile(&berlin, WINTER.parse().unwrap())), ["Mon Fri 07:00-16:59"]);
    assert_eq!(told(&compile(&berlin, SUMMER.parse().unwrap())), ["Mon Fri 06:00-15:59"]);
    let kathmandu = throttle("Asia/Kathmandu", vec![interval(&days, "08:00", "17:59")]);
    assert_eq!(told(&compile(&kathmandu, WINTER.parse().unwrap())), ["Mon Fri 02:15-12:14"]);
}

/// D23, D25: days, 24 hours, UTC, and an end minute that belongs to its interval.
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

/// D24, D25, D26: intervals that meet at :59 and :00 leave nothing out between them.
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

/// D27.
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

/// D21: at most 20, counted where they are most.
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

/// D30: a day or an interval that is taken out leaves the others as they are.
#[test]
fn a_day_of_a_schedule_stands_by_itself() {
    use Weekday::{Friday, Monday};
    let at: Timestamp = WINTER.parse().unwrap();
    let both = || vec![interval(&[Monday, Friday], "08:00", "17:59")];
    let schedule = |intervals| compile(&throttle("Europe/Berlin", intervals), at);
    assert_eq!(schedule(vec![]), [], "nothing is limited");
    let less = schedule(vec![interval(&[Friday], "08:00", "17:59")]);
    assert_eq!(told(&less), ["Fri 07:00-16:59"]);
    let night = || interval(&[Monday], "20:00", "21:59");
    let two = schedule([both(), vec![night()]].concat());
    assert_eq!(two[..1], schedule(both()), "the one that stays is as it was");
}

/// What the clock on the wall of a zone says of an instant, interval by interval.
fn by_the_wall(throttle: &Throttle, at: Timestamp) -> Option<u64> {
    let wall = at.to_zoned(throttle.timezone.clone());
    let minute = |time: Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
    let now = minute(wall.time());
    let is_in = |interval: &&Interval| {
        let (start, end) = (minute(interval.start), minute(interval.end));
        let today = interval.days.contains(&wall.weekday());
        let yesterday = interval.days.contains(&wall.weekday().previous());
        match start <= end {
            true => today && (start..=end).contains(&now),
            false => (today && now >= start) || (yesterday && now <= end),
        }
    };
    throttle.intervals.iter().find(is_in).map(|interval| interval.bits_per_s)
}

/// D23 to D27, on the days on which clocks are changed and on their neighbours, minute by minute:
/// Berlin by an hour, Lord Howe by half of one, and Kolkata never, half an hour beside the others.
#[test]
fn a_day_is_what_the_clock_on_the_wall_says_also_when_it_is_changed() {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let days = [
        ("Europe/Berlin", ["2026-03-28", "2026-03-29", "2026-03-30"]),
        ("Europe/Berlin", ["2026-10-24", "2026-10-25", "2026-10-26"]),
        ("Australia/Lord_Howe", ["2026-04-03", "2026-04-04", "2026-04-05"]),
        ("Australia/Lord_Howe", ["2026-10-02", "2026-10-03", "2026-10-04"]),
        ("Asia/Kolkata", ["2026-03-28", "2026-03-29", "2026-10-25"]),
    ];
    for (zone, dates) in days {
        let mut throttle = throttle(
            zone,
            vec![
                interval(&[Saturday, Sunday, Monday], "01:30", "02:29"),
                interval(&[Saturday, Sunday], "22:00", "01:29"),
                interval(&[Sunday], "02:30", "02:59"),
                interval(&[Monday, Tuesday, Wednesday, Thursday, Friday], "08:00", "17:59"),
            ],
        );
        for (n, interval) in throttle.intervals.iter_mut().enumerate() {
            interval.bits_per_s += u64::try_from(n).unwrap();
        }
        assert!(overlaps(&throttle.intervals).is_empty());
        for date in dates {
            let date: jiff::civil::Date = date.parse().unwrap();
            let stretches = of_day(&throttle, date);
            let midnight = date.to_zoned(TimeZone::UTC).unwrap().timestamp();
            for minute in 0..24 * 60 {
                // The first and the last second of each minute: an interval begins and ends whole.
                for second in [0, 59] {
                    let at = midnight + jiff::SignedDuration::from_secs(minute * 60 + second);
                    let limits: Vec<u64> = stretches
                        .iter()
                        .filter(|it| it.from <= at && at < it.until)
                        .map(|it| it.bits_per_s)
                        .collect();
                    let wanted: Vec<u64> = by_the_wall(&throttle, at).into_iter().collect();
                    assert_eq!(limits, wanted, "{zone} at {at}");
                }
            }
        }
    }
}

/// The hour that Berlin has twice is limited twice, and the one that it leaves out is not there.
#[test]
fn an_hour_that_comes_twice_is_limited_twice() {
    let berlin = throttle("Europe/Berlin", vec![interval(&[Weekday::Sunday], "02:00", "02:59")]);
    let day = |date: &str| of_day(&berlin, date.parse().unwrap());
    let told = |stretches: Vec<Stretch>| -> Vec<String> {
        stretches.iter().map(|it| format!("{} to {}", it.from, it.until)).collect()
    };
    assert_eq!(
        told(day("2026-10-25")),
        [
            "2026-10-25T00:00:00Z to 2026-10-25T01:00:00Z",
            "2026-10-25T01:00:00Z to 2026-10-25T02:00:00Z"
        ]
    );
    assert_eq!(told(day("2026-03-29")), [""; 0]);
}
