//! A decision, as a person reads it.

use std::fmt;

use super::{Cause, Fate, Pruning, Rule, Why};
use crate::name::Slot;

/// The most slots that a sentence names for one reason; the others are counted.
const SLOTS_SHOWN_MAX: usize = 5;

impl Rule {
    /// As it fits after "the plan asks for the newest".
    fn word(self) -> &'static str {
        match self {
            Self::Newest => "one",
            Self::Last => "few",
            Self::Daily => "of a day",
            Self::Weekly => "of a week",
            Self::Monthly => "of a month",
            Self::Yearly => "of a year",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(rules) => {
                let words: Vec<&str> = rules.iter().map(|rule| rule.word()).collect();
                write!(f, "the plan asks for the newest {}", words.join(" and "))
            }
            Self::Held(key) => write!(f, "held by {key}"),
            Self::InUse(term) => write!(f, "failover {term} would fall back on it"),
            Self::MayBeVerified => f.write_str("it may still be verified"),
            Self::NotOlder => {
                f.write_str("never counted, and newer than the oldest that is asked for")
            }
            Self::Unreadable => f.write_str("its manifest cannot be read"),
            Self::Locked(until) => write!(f, "locked until {until}"),
            Self::NothingNewer => f.write_str("no newer one is proven"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Surplus => "proven, and not asked for any more",
            Self::Rejected => "rejected",
            Self::NeverProven => "never proven",
            Self::Begun => "begun before",
        })
    }
}

/// Slots under the reason that they share, each reason once: `<slot>, <slot> (<reason>); …`.
pub(super) fn by_reason(slots: impl Iterator<Item = (Slot, String)>) -> String {
    let mut reasons: Vec<(String, Vec<Slot>)> = Vec::new();
    for (slot, reason) in slots {
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, slots)) => slots.push(slot),
            None => reasons.push((reason, vec![slot])),
        }
    }
    let clauses: Vec<String> = reasons
        .iter()
        .map(|(reason, slots)| {
            let shown: Vec<String> =
                slots.iter().take(SLOTS_SHOWN_MAX).map(ToString::to_string).collect();
            let more = match slots.len().saturating_sub(shown.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{}{more} ({reason})", shown.join(", "))
        })
        .collect();
    clauses.join("; ")
}

impl fmt::Display for Pruning {
    /// What goes, what stays and why, and what could be lost then.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goes = self.going().map(|(slot, cause)| (slot, cause.to_string()));
        let stays = self.fates.iter().filter_map(|(slot, fate)| match fate {
            Fate::Stays(why) => Some((*slot, why.to_string())),
            Fate::Goes(_) => None,
        });
        let (count, all) = (self.going().count(), self.fates.len());
        write!(f, "{count} of {all} backup(s) would go")?;
        for (what, text) in [("goes", by_reason(goes)), ("stays", by_reason(stays))] {
            if !text.is_empty() {
                write!(f, "; {what}: {text}")?;
            }
        }
        match self.newest_age_s {
            Some(age_s) => write!(f, "; the newest proven one is {age_s} s old")?,
            None => f.write_str("; none is proven")?,
        }
        if let Some(gap_s) = self.gap_s_max {
            write!(f, ", and the longest time between two that stay is {gap_s} s")?;
        }
        if let Some(key) = &self.holds_all {
            write!(f, "; {key} names no slot, so it holds everything")?;
        }
        Ok(())
    }
}
