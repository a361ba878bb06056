//! When a schedule expression fires: `cron(…)`, `rate(…)`, `at(…)` in a time zone. Reads no clock.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use anyhow::{Context, Result, bail};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Local times that do not exist are skipped; this many of them in a row is no calendar.
const GAPS_MAX: u32 = 10_000;

/// A schedule expression in its time zone.
#[derive(Debug)]
pub struct Expression {
    what: What,
    zone: TimeZone,
}

#[derive(Debug)]
enum What {
    At(DateTime),
    Rate(SignedDuration),
    Cron(Box<Cron>),
}

impl Expression {
    /// Reads `cron(0 12 * * ? *)`, `rate(5 minutes)` or `at(2026-11-21T00:00:00)`, in `zone`, such as
    /// `Europe/Berlin`; no zone is UTC.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn parse(expression: &str, zone: &str) -> Result<Self> {
        let zone = match zone {
            "" => TimeZone::UTC,
            name => TimeZone::get(name).with_context(|| format!("time zone {name}"))?,
        };
        let (kind, inside) = expression
            .trim()
            .strip_suffix(')')
            .and_then(|it| it.split_once('('))
            .with_context(|| format!("`{expression}` is no schedule expression"))?;
        let what = match kind {
            "at" => What::At(inside.trim().parse().with_context(|| format!("at({inside})"))?),
            "rate" => What::Rate(interval(inside)?),
            "cron" => What::Cron(Box::new(cron(inside)?)),
            other => bail!("`{other}` is no kind of schedule"),
        };
        Ok(Self { what, zone })
    }

    /// Whether it fires only once.
    pub fn is_once(&self) -> bool {
        matches!(self.what, What::At(_))
    }

    /// The first time after `after`. A rate counts from `anchor`, its start date or its creation, at
    /// which it fires for the first time. `None` is never again.
    ///
    /// A local time that does not exist is skipped, one that comes twice is taken once, the first
    /// time: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time>.
    ///
    /// # Errors
    /// When the calendar ends.
    pub fn next(&self, after: Timestamp, anchor: Timestamp) -> Result<Option<Timestamp>> {
        match &self.what {
            What::At(local) => {
                let at = self.zone.to_ambiguous_zoned(*local).compatible()?.timestamp();
                Ok((at > after).then_some(at))
            }
            What::Rate(every) => Ok(Some(next_turn(*every, after, anchor)?)),
            What::Cron(cron) => self.next_match(cron, after).map(Some),
        }
    }

    fn next_match(&self, cron: &Cron, after: Timestamp) -> Result<Timestamp> {
        let mut local = self.zone.to_datetime(after);
        for _ in 0..GAPS_MAX {
            local = cron.find_next_occurrence(&local, false)?;
            let found = self.zone.to_ambiguous_timestamp(local);
            let at = match found.offset() {
                AmbiguousOffset::Gap { .. } => continue,
                AmbiguousOffset::Fold { .. } => found.earlier()?,
                AmbiguousOffset::Unambiguous { .. } => found.unambiguous()?,
            };
            if at > after {
                return Ok(at);
            }
        }
        bail!("no time in the next {GAPS_MAX} matches exists")
    }
}

fn next_turn(every: SignedDuration, after: Timestamp, anchor: Timestamp) -> Result<Timestamp> {
    if after < anchor {
        return Ok(anchor);
    }
    let (past, every) = (after.duration_since(anchor).as_secs(), every.as_secs());
    let turns = past / every + 1;
    Ok(anchor.checked_add(SignedDuration::from_secs(turns.saturating_mul(every)))?)
}

/// `5 minutes`. AWS knows no seconds, MiniStack does, and stories are in a hurry.
fn interval(inside: &str) -> Result<SignedDuration> {
    let (count, unit) = inside.trim().split_once(' ').with_context(|| format!("rate({inside})"))?;
    let count: i64 = count.parse().with_context(|| format!("rate({inside})"))?;
    let unit_s = match unit.trim() {
        "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        other => bail!("`{other}` is no unit of a rate"),
    };
    if count < 1 {
        bail!("rate({inside}) must be positive");
    }
    Ok(SignedDuration::from_secs(count.saturating_mul(unit_s)))
}

/// Six fields: minutes, hours, day of month, month, day of week (1 is Sunday), year. One of the two
/// days is `?`: with both given there would be two meanings.
fn cron(inside: &str) -> Result<Cron> {
    let fields: Vec<&str> = inside.split_whitespace().collect();
    let [_, _, day_of_month, _, day_of_week, _] = fields.as_slice() else {
        bail!("cron({inside}) has {} fields instead of 6", fields.len());
    };
    if (*day_of_month == "?") == (*day_of_week == "?") {
        bail!("cron({inside}) must have `?` for exactly one of day of month and day of week");
    }
    CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        // AWS writes `0/15` for every 15 from 0.
        .sloppy_ranges(true)
        .build()
        .parse(&format!("0 {}", fields.join(" ")))
        .with_context(|| format!("cron({inside})"))
}
