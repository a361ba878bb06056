//! The switch of the method `health-check`: which site clients are led to, as an object of the vault.
//!
//! The records are failover pairs. The primary set is that of home, and carries a health check that
//! reads an alarm of the recovery region; the secondary set is that of the other site, and carries
//! none, so Route 53 takes it for healthy. While the alarm is OK, home is answered; while it is ALARM,
//! the other site. There is no third answer
//! (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html>).
//!
//! The alarm evaluates a metric that is published once a minute, and what is published is what the
//! switch says. The switch carries the term and is swapped as compare-and-swap, so a run that wakes up
//! late, with an older term, turns nothing. A metric knows no condition; what makes it harmless when
//! late is its date: each value is dated no later than the look that it was read by, so a value of
//! before the turn lies in a minute of before it, or in the very minute of it, whenever it arrives.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::dns::Drift;
use crate::evidence::AlarmState;
use crate::name::{SiteName, SystemName, Term};
use crate::plan::Plan;
use crate::seen::Seen;

/// The version of the switch that this code writes.
pub const FORMAT: u32 = 1;

/// The metric: 1 while the site that is not home is to be answered, and 0 while home is.
pub const METRIC: &str = "AwayActive";

/// What lies at `failovers/<system>/switch.json`; none before the first move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose switch it is.
    pub system: SystemName,
    /// The move that turned it last.
    pub term: Term,
    /// The site to which it leads.
    pub site: SiteName,
}

/// The switch as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it says.
    pub switch: Switch,
    /// For the swap.
    pub etag: String,
}

/// What was seen of the switch and of its alarm. What was not looked at is Unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchView {
    /// The switch; absent before the first move.
    pub held: Seen<Held>,
    /// The state of the alarm that the health check reads.
    pub alarm: Seen<AlarmState>,
    /// When this run has published last what the switch says.
    pub published_at: Option<Timestamp>,
}

impl Default for SwitchView {
    fn default() -> Self {
        let not_looked = || "it was not looked at".to_owned();
        Self {
            held: Seen::Unknown(not_looked()),
            alarm: Seen::Unknown(not_looked()),
            published_at: None,
        }
    }
}

/// The same as a decision to begin sees it: what is kept in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leads {
    /// What the switch says.
    pub switch: Seen<Switch>,
    /// The state of the alarm.
    pub alarm: Seen<AlarmState>,
}

/// What is to be done about the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It leads to the new site, under our term.
    Already,
    /// It is swapped over exactly the one with this ETag, or created where there is none.
    Over(Option<String>),
    /// It holds a later term: a newer move has acted, and this run is too late.
    Superseded(Term),
    /// It holds what no run of this system can have written.
    Foreign(Drift),
}

/// The alarm that the health check reads, and this code too.
pub fn alarm_name(system: &SystemName) -> String {
    format!("warmspare-away-{system}")
}

/// What is published while this site is to be answered.
pub fn value(plan: &Plan, site: &SiteName) -> f64 {
    if &plan.home.name == site { 0.0 } else { 1.0 }
}

/// The site that is answered while the alarm is in this state; `None` when the last one stays.
pub fn led_to(plan: &Plan, alarm: AlarmState) -> Option<&SiteName> {
    match alarm {
        AlarmState::Ok => Some(&plan.home.name),
        AlarmState::Alarm => Some(&plan.away.name),
        AlarmState::InsufficientData => None,
    }
}

/// Decides what turns the switch to `to` under `term`; `held` is what lies there, if anything does.
pub fn decide(plan: &Plan, to: &SiteName, term: Term, held: Option<&Held>) -> Turn {
    let Some(Held { switch, etag }) = held else { return Turn::Over(None) };
    if switch.system != plan.system || (switch.term == term && &switch.site != to) {
        return Turn::Foreign(Drift {
            record: format!("the switch of {}", plan.system),
            found: format!("{} for {} under term {}", switch.site, switch.system, switch.term),
            wanted: format!("{to} under term {term}"),
        });
    }
    if switch.term > term {
        return Turn::Superseded(switch.term);
    }
    if switch.term == term { Turn::Already } else { Turn::Over(Some(etag.clone())) }
}

/// The site that is published: what the switch says, or what the journal says where that is newer,
/// which is so before the first move, and after one that rewrote records.
pub fn published(switch: Option<&Switch>, active: &SiteName, completed: Term) -> SiteName {
    match switch.filter(|switch| switch.term >= completed) {
        Some(switch) => switch.site.clone(),
        None => active.clone(),
    }
}

/// The date of a value that was read in a look which took so many seconds and was answered at
/// `answered_at`, by S3's own clock: no later than the moment of which it is true. The look may have
/// been answered long after S3 had read, never longer than it took.
pub fn dated(answered_at: Timestamp, took_s: i64) -> Timestamp {
    let back = SignedDuration::from_secs(took_s.max(0));
    answered_at.checked_sub(back).unwrap_or(answered_at)
}

#[cfg(test)]
mod tests;
