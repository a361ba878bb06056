//! Whether a site is up, down, or not known to be either.
//!
//! One look at one signal gives a [`Sight`]; [`reading`] makes up, down or unknown of it; [`verdict`]
//! counts readings by independent path. A signal that could not be taken is unknown, and unknown
//! never counts as down (seed B2: a path that is blocked by accident must not cause a failover).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::Quorum;

/// What one look at one signal met, before anything is concluded from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// It answered as the plan expects.
    AsExpected,
    /// It answered, but not so: the clause says how. Something is alive there.
    Otherwise(String),
    /// The host answered that nothing listens there.
    Refused,
    /// Nothing answered within the time limit: the address, the connection or the answer never came.
    Silent(String),
    /// The replica says that it no longer receives from its source: the clause says how.
    Broken(String),
    /// The look itself could not be made: the clause says why.
    NotTaken(String),
}

/// One signal of one site, and what the look at it met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// What was looked at, as the plan names it.
    pub name: String,
    /// The path on which the look travelled.
    pub path: String,
    /// What it met.
    pub sight: Sight,
}

/// What one signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The site is there and well.
    Up,
    /// The site is not there.
    Down,
    /// Neither.
    Unknown,
}

/// What one signal says, given whether our own way out was proven in the same look.
///
/// Silence is the sign of a lost region and also of a lost path of ours, so it counts as down only
/// when `way_out_proven`: another signal of the same look was answered. An unexpected answer (a 500,
/// garbage) is unknown: something lives there and may still write.
pub fn reading(sight: &Sight, way_out_proven: bool) -> Reading {
    match sight {
        Sight::AsExpected => Reading::Up,
        Sight::Refused | Sight::Broken(_) => Reading::Down,
        Sight::Silent(_) if way_out_proven => Reading::Down,
        Sight::Silent(_) | Sight::Otherwise(_) | Sight::NotTaken(_) => Reading::Unknown,
    }
}

/// What all signals of a site say together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Up, down or unknown.
    pub site: Reading,
    /// Independent paths on which every known reading says up.
    pub up: u32,
    /// Independent paths on which every known reading says down.
    pub down: u32,
    /// Independent paths on which nothing is known, or readings disagree.
    pub unknown: u32,
}

/// Counts the signals by path: two signals that share a path count once, and a path whose signals
/// disagree is unknown. `down` paths make the site down; the site is up when so few paths are down or
/// unknown that it could not be down; else it is unknown.
pub fn verdict(signals: &[Signal], quorum: Quorum, way_out_proven: bool) -> Verdict {
    let mut paths: Vec<&str> = signals.iter().map(|signal| signal.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let (mut up, mut down, mut unknown) = (0_u32, 0_u32, 0_u32);
    for path in paths {
        let readings: Vec<Reading> = signals
            .iter()
            .filter(|signal| signal.path == path)
            .map(|signal| reading(&signal.sight, way_out_proven))
            .collect();
        if readings.iter().all(|reading| *reading == Reading::Up) {
            up = up.saturating_add(1);
        } else if readings.iter().all(|reading| *reading == Reading::Down) {
            down = down.saturating_add(1);
        } else {
            unknown = unknown.saturating_add(1);
        }
    }
    let site = if down >= quorum.down {
        Reading::Down
    } else if up > 0 && down.saturating_add(unknown) < quorum.down {
        Reading::Up
    } else {
        Reading::Unknown
    };
    Verdict { site, up, down, unknown }
}

/// Whether any of these signals was answered by whom it asked, which proves our own way out.
pub fn proves_way_out(signals: &[Signal]) -> bool {
    signals.iter().any(|signal| match signal.sight {
        Sight::AsExpected | Sight::Otherwise(_) => true,
        Sight::Refused | Sight::Silent(_) | Sight::Broken(_) | Sight::NotTaken(_) => false,
    })
}

/// The state of a CloudWatch alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// The metric is within its bounds.
    Ok,
    /// The metric is out of its bounds.
    Alarm,
    /// There is not enough data to say.
    InsufficientData,
}

impl fmt::Display for AlarmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        })
    }
}

#[cfg(test)]
mod tests;
