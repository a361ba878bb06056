//! A pause of automatic failovers: `maintenance/<system>.json`, put there by a person, with an end.
//!
//! It stops what an alarm would begin, and nothing else: a failover that is under way goes on, and a
//! person may still ask for one. What cannot be read is not "not paused".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::acknowledgement::TEXT_CHARACTERS_MAX;
use crate::name::SystemName;
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::vault;

/// The version of the objects that this code reads.
pub const FORMAT: u32 = 1;
/// The longest pause, in seconds: a system that nobody protects must not be forgotten.
pub const PAUSE_S_MAX: i64 = 7 * 86_400;

/// What the person has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// [`FORMAT`].
    pub format: u32,
    /// Who asks for it.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Its beginning; without one, when the object was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Its end. What is to last longer is written again.
    pub until: Timestamp,
}

/// The object as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// What it says.
    pub pause: Pause,
    /// When it was written, by S3's clock.
    pub written_at: Timestamp,
}

/// Why automatic failovers do not begin now; `None` when they may. Unknown, and a pause that is not a
/// sound one, stop them too: a person who wanted a pause must not get a failover for a slip of the pen.
pub fn pause_of(system: &SystemName, now: Timestamp, found: &Seen<Posted>) -> Option<Refusal> {
    let unclear = |why: String| {
        let key = vault::maintenance(system);
        Some(Refusal::PauseUnclear { key, why })
    };
    let posted = match found {
        Seen::Absent => return None,
        Seen::Unknown(why) => return unclear(format!("could not be read: {why}")),
        Seen::Here(posted) => posted,
    };
    let pause = &posted.pause;
    // Whatever else is wrong with it, a pause that is over is over.
    if pause.until <= now {
        return None;
    }
    let from = pause.from.unwrap_or(posted.written_at);
    if pause.format != FORMAT {
        return unclear(format!("has format {}, and this code reads {FORMAT}", pause.format));
    }
    for (field, text) in [("who", &pause.who), ("reason", &pause.reason)] {
        if text.trim().is_empty() {
            return unclear(format!("has an empty {field}, and must say it"));
        }
        if text.chars().count() > TEXT_CHARACTERS_MAX {
            return unclear(format!("has a longer {field} than {TEXT_CHARACTERS_MAX} characters"));
        }
    }
    if pause.until <= from {
        return unclear(format!("ends at {}, before it begins at {from}", pause.until));
    }
    let lasts_s = pause.until.as_second().saturating_sub(from.as_second());
    if lasts_s > PAUSE_S_MAX {
        return unclear(format!("lasts {lasts_s} s, and {PAUSE_S_MAX} s is the most"));
    }
    if now < from {
        return None;
    }
    let (who, reason) = (pause.who.clone(), pause.reason.clone());
    Some(Refusal::Paused { who, reason, from, until: pause.until })
}

#[cfg(test)]
mod tests;
