//! A throttle in the terms of the AWS Backup gateway: weekly intervals in UTC, none over midnight,
//! an end minute that belongs to its interval (seed D17 to D30).
//!
//! A week of the gateway has one offset from UTC, so what [`compile`] gives holds until the zone
//! changes its clock. [`of_day`] gives one day as it is, the change included.
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/bandwidth-throttling.html>

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{Interval, Throttle};

/// The most intervals that a gateway takes (seed D21).
pub const INTERVALS_MAX: usize = 20;

const DAY_MIN: i32 = 24 * 60;
const WEEK_MIN: i32 = 7 * DAY_MIN;

/// One weekly interval as the gateway takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UtcInterval {
    /// The days in UTC on which it lies, Monday first.
    pub days: Vec<Weekday>,
    /// From the start of this minute in UTC.
    pub start: Time,
    /// To the END of this minute in UTC, on the same day; never before `start`.
    pub end: Time,
    /// In bits per second, averaged over each second.
    pub bits_per_s: u64,
}

/// The intervals that say in UTC what the throttle says in its own zone, as the zone's clock stands
/// at this instant: where summer time comes and goes, they hold until the next change.
pub fn compile(throttle: &Throttle, at: Timestamp) -> Vec<UtcInterval> {
    let offset_s = throttle.timezone.to_offset(at).seconds();
    throttle.intervals.iter().flat_map(|interval| pieces(interval, offset_s)).collect()
}

/// A stretch of one day in which a limit holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// In bits per second, averaged over each second.
    pub bits_per_s: u64,
}

/// What the throttle says on one day of UTC, in order, split at midnight and where the zone changes
/// its clock: an hour that comes twice is limited twice, one that is left out is not there.
pub fn of_day(throttle: &Throttle, day: Date) -> Vec<Stretch> {
    let instant = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let Ok((midnight, next)) =
        instant(day).and_then(|midnight| Ok((midnight, instant(day.tomorrow()?)?)))
    else {
        return Vec::new();
    };
    let changes = throttle.timezone.following(midnight).map(|change| change.timestamp());
    let mut cuts = vec![midnight];
    cuts.extend(changes.take_while(|at| *at < next));
    let ends: Vec<Timestamp> = cuts.iter().skip(1).copied().chain([next]).collect();
    let mut stretches = Vec::new();
    for (from, until) in cuts.into_iter().zip(ends) {
        for piece in compile(throttle, from) {
            let at = |minute: i32| midnight.saturating_add(minute.minutes()).unwrap_or(next);
            let (first, last) = (at(minute_of(piece.start)), at(minute_of(piece.end) + 1));
            let (from, until) = (first.max(from), last.min(until));
            if piece.days.contains(&day.weekday()) && from < until {
                stretches.push(Stretch { from, until, bits_per_s: piece.bits_per_s });
            }
        }
    }
    stretches.sort_by_key(|stretch| stretch.from);
    stretches
}

/// The most intervals that the throttle ever needs in UTC: where its zone changes its clock, they
/// may be split otherwise in summer than in winter.
pub(super) fn intervals_at_most(throttle: &Throttle) -> usize {
    let of = |offset_s: i32| -> usize {
        throttle.intervals.iter().map(|interval| pieces(interval, offset_s).len()).sum()
    };
    offsets_s(&throttle.timezone).into_iter().map(of).max().unwrap_or_default()
}

/// The offsets that a zone has had lately or will have: from 2020 on, for forty years.
fn offsets_s(zone: &TimeZone) -> BTreeSet<i32> {
    let from = Timestamp::UNIX_EPOCH.saturating_add((50 * 8_766).hours()).unwrap_or_default();
    let until = Timestamp::UNIX_EPOCH.saturating_add((90 * 8_766).hours()).unwrap_or_default();
    let later = zone.following(from).take_while(|change| change.timestamp() < until);
    let mut offsets: BTreeSet<i32> = later.map(|change| change.offset().seconds()).collect();
    offsets.insert(zone.to_offset(from).seconds());
    offsets
}

/// Pairs of intervals that overlap, by position, the earlier one first. Where the zone stands does
/// not matter: an offset moves all of the week alike.
pub(super) fn overlaps(intervals: &[Interval]) -> BTreeSet<(usize, usize)> {
    let mut stretches: Vec<(i32, i32, usize)> = Vec::new();
    for (position, interval) in intervals.iter().enumerate() {
        for (start, length) in starts(interval, 0) {
            let end = start + length;
            stretches.push((start, end.min(WEEK_MIN), position));
            if end > WEEK_MIN {
                stretches.push((0, end - WEEK_MIN, position));
            }
        }
    }
    stretches.sort_unstable();
    let mut found = BTreeSet::new();
    for (behind, (_, end, one)) in stretches.iter().enumerate() {
        let later = stretches.iter().skip(behind + 1).take_while(|(start, _, _)| start < end);
        found.extend(later.map(|(_, _, other)| (*one.min(other), *one.max(other))));
    }
    found
}

/// When an interval starts, in minutes of the week from Monday 00:00 in UTC, and how many minutes
/// long it is.
fn starts(interval: &Interval, offset_s: i32) -> impl Iterator<Item = (i32, i32)> {
    let start = minute_of(interval.start);
    let length = (minute_of(interval.end) - start).rem_euclid(DAY_MIN) + 1;
    let shift = start - offset_s.div_euclid(60);
    interval.days.iter().map(move |day| {
        let day = i32::from(day.to_monday_zero_offset());
        ((day * DAY_MIN + shift).rem_euclid(WEEK_MIN), length)
    })
}

/// An interval in UTC, split at midnight: one piece for all the days on which it has the same
/// minutes.
fn pieces(interval: &Interval, offset_s: i32) -> Vec<UtcInterval> {
    let mut days_by_minutes: BTreeMap<(i32, i32), BTreeSet<i32>> = BTreeMap::new();
    for (start, length) in starts(interval, offset_s) {
        let end = start + length;
        let mut from = start;
        while from < end {
            let day = from.div_euclid(DAY_MIN);
            let to = end.min((day + 1) * DAY_MIN);
            let minutes = (from - day * DAY_MIN, to - 1 - day * DAY_MIN);
            days_by_minutes.entry(minutes).or_default().insert(day.rem_euclid(7));
            from = to;
        }
    }
    let weekday = |day: i32| Weekday::from_monday_zero_offset(i8::try_from(day).ok()?).ok();
    days_by_minutes
        .into_iter()
        .map(|((start, end), days)| UtcInterval {
            days: days.into_iter().filter_map(weekday).collect(),
            start: time_of(start),
            end: time_of(end),
            bits_per_s: interval.bits_per_s,
        })
        .collect()
}

fn minute_of(time: Time) -> i32 {
    i32::from(time.hour()) * 60 + i32::from(time.minute())
}

fn time_of(minute: i32) -> Time {
    Time::midnight().wrapping_add(minute.minutes())
}

#[cfg(test)]
mod tests;
