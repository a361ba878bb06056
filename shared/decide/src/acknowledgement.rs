//! What a person has accepted: the only way past a refusal.
//!
//! An acknowledgement is an object that a person puts at
//! `acknowledgements/<system>/<term>/<refusal>.json`. It names ONE refusal of ONE term, says who takes
//! it upon them and why, and has an end. What it lifts is skipped, and everything else is decided as
//! ever: there is no object that lifts more than one thing. No function can write one. Which refusals
//! can be acknowledged at all is said by [`Refusal::acknowledgeable`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failover::PastTerm;
use crate::name::{SystemName, Term};
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::vault;

/// The version of the acknowledgements that this code reads.
pub const FORMAT: u32 = 1;
/// How far away an acknowledgement's end may be, in seconds: what was accepted for a disaster must not
/// be found by the next one.
pub const AHEAD_S_MAX: i64 = 7 * 86_400;
/// The longest text of `who` and of `reason`, in characters: both are repeated in sentences.
pub const TEXT_CHARACTERS_MAX: usize = 500;

/// What the person has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// [`FORMAT`].
    pub format: u32,
    /// Who accepts it, as people there are called.
    pub who: String,
    /// The refusal, by the name that it has in the runbook; the same as in the object's key.
    pub refusal: String,
    /// From then on it does not hold any more.
    pub until: Timestamp,
    /// Why it is accepted, in their words.
    pub reason: String,
}

/// What an object below `acknowledgements/<system>/` was found to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// This.
    Acknowledged(Acknowledgement),
    /// Nothing that could be read as an acknowledgement: the clause says why.
    Unreadable(String),
}

/// An object below `acknowledgements/<system>/`, as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// Where it lies.
    pub key: String,
    /// When it was put there, by S3's clock; it is not known of what could not be read.
    pub written_at: Option<Timestamp>,
    /// What it says.
    pub said: Said,
}

/// A refusal that was lifted, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// What would have been refused.
    pub refusal: Refusal,
    /// Who accepts it, why, and until when.
    pub by: Acknowledgement,
}

impl Accepted {
    /// As a person says it.
    pub fn words(&self) -> String {
        let Acknowledgement { who, reason, .. } = &self.by;
        if matches!(self.refusal, Refusal::ApprovalMissing { .. }) {
            return format!("{who} has approved it ({reason})");
        }
        format!("{who} accepts that {} ({reason})", self.refusal)
    }
}

/// What was found, and what it has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgements<'v> {
    /// Whose failover it is.
    pub system: &'v SystemName,
    /// The term that the failover has, or would get.
    pub term: Term,
    /// The time of the look.
    pub now: Timestamp,
    /// The terms before it.
    pub past: &'v [PastTerm],
    /// Everything that lies below `acknowledgements/<system>/`. Unknown lifts nothing, and says so.
    pub found: &'v Seen<Vec<Handed>>,
}

impl Acknowledgements<'_> {
    /// The refusal as accepted, if it is; else the refusal, with what was found that does not lift it.
    ///
    /// # Errors
    /// The refusal itself, or [`Refusal::AcknowledgementInvalid`] around it.
    pub fn lift(&self, refusal: Refusal) -> Result<Accepted, Refusal> {
        let name = refusal.name();
        let (mut holding, mut wrong) = (None, Vec::new());
        match self.found {
            Seen::Absent => {}
            Seen::Unknown(why) => {
                wrong.push(format!("what was acknowledged could not be looked at: {why}"));
            }
            Seen::Here(found) => {
                for handed in found {
                    match self.judge(handed, name) {
                        Judged::Holds(by) => holding = Some(by),
                        Judged::IsOfAnother => {}
                        Judged::DoesNotHold(why) => wrong.push(format!("{} {why}", handed.key)),
                    }
                }
            }
        }
        if let Some(by) = holding {
            match refusal.acknowledgeable() {
                Ok(()) => return Ok(Accepted { refusal, by: by.clone() }),
                Err(why) => {
                    let key = vault::acknowledgement(self.system, self.term, name);
                    wrong.push(format!("{key} lifts nothing, because {why}"));
                }
            }
        }
        if wrong.is_empty() {
            return Err(refusal);
        }
        let found = wrong.join("; ");
        Err(Refusal::AcknowledgementInvalid { of: Box::new(refusal), found })
    }

    /// What does not hold although it lies where the next refusal would be acknowledged, for whoever
    /// asks: nothing that was put there is passed over in silence.
    pub fn not_holding(&self) -> Vec<String> {
        let Seen::Here(found) = self.found else { return Vec::new() };
        found
            .iter()
            .filter_map(|handed| match self.judge(handed, "") {
                Judged::DoesNotHold(why) => Some(format!("{} {why}", handed.key)),
                Judged::Holds(_) | Judged::IsOfAnother => None,
            })
            .collect()
    }

    fn judge<'h>(&self, handed: &'h Handed, name: &str) -> Judged<'h> {
        let Some((term, refusal)) = vault::acknowledged(self.system, &handed.key) else {
            let place = vault::acknowledgement(self.system, self.term, "<refusal>");
            return Judged::DoesNotHold(format!("is not named as {place} is"));
        };
        if term != self.term {
            let is_asked = refusal == name && !self.was_of_its_time(term, handed);
            let why = format!("is of term {term}, and this is term {}", self.term);
            return if is_asked { Judged::DoesNotHold(why) } else { Judged::IsOfAnother };
        }
        if !Refusal::NAMES.contains(&refusal) {
            return Judged::DoesNotHold("names no refusal that there is".to_owned());
        }
        let by = match &handed.said {
            Said::Acknowledged(by) => by,
            Said::Unreadable(why) => {
                return Judged::DoesNotHold(format!("could not be read: {why}"));
            }
        };
        if let Err(why) = self.is_sound(by, refusal) {
            return Judged::DoesNotHold(why);
        }
        if refusal == name { Judged::Holds(by) } else { Judged::IsOfAnother }
    }

    /// It was put there while its term was still to come or under way, so it is history and no mistake.
    fn was_of_its_time(&self, term: Term, handed: &Handed) -> bool {
        let ended_at = self.past.iter().find(|past| past.term == term).map(|past| past.ended_at);
        match (ended_at, handed.written_at) {
            (Some(ended_at), Some(written_at)) => written_at <= ended_at,
            // Of terms that are not looked at any more nothing is said; of those to come it is.
            (None, _) => term < self.term,
            (Some(_), None) => false,
        }
    }

    fn is_sound(&self, by: &Acknowledgement, refusal: &str) -> Result<(), String> {
        if by.format != FORMAT {
            return Err(format!("has format {}, and this code reads {FORMAT}", by.format));
        }
        if by.refusal != refusal {
            return Err(format!("names {:?} inside, and its key {refusal:?}", by.refusal));
        }
        for (field, text) in [("who", &by.who), ("reason", &by.reason)] {
            if text.trim().is_empty() {
                return Err(format!("has an empty {field}, and must say it"));
            }
            if text.chars().count() > TEXT_CHARACTERS_MAX {
                return Err(format!("has a longer {field} than {TEXT_CHARACTERS_MAX} characters"));
            }
        }
        if by.until <= self.now {
            return Err(format!("held until {}, and it is {}", by.until, self.now));
        }
        if by.until.as_second().saturating_sub(self.now.as_second()) > AHEAD_S_MAX {
            return Err(format!("would hold until {}, and {AHEAD_S_MAX} s is the most", by.until));
        }
        Ok(())
    }
}

enum Judged<'h> {
    Holds(&'h Acknowledgement),
    IsOfAnother,
    DoesNotHold(String),
}

#[cfg(test)]
mod tests;
