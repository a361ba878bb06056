//! The three answers a look can give.

use serde::{Deserialize, Serialize};

/// What a look found. `Unknown` is an answer of its own: it is never "absent", never "down" and
/// never "fine", and every `match` says what it does with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen<T> {
    /// The thing is there, and this is how it is.
    Here(T),
    /// The place was looked at, and the thing is not there.
    Absent,
    /// The look failed; the clause says why, without a full stop.
    Unknown(String),
}

impl<T> Seen<T> {
    /// The thing, if it was seen to be there; neither absence nor ignorance gives one.
    pub fn here(&self) -> Option<&T> {
        match self {
            Self::Here(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// The same answer about another thing; absence and ignorance stay as they are.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Here(thing) => Seen::Here(change(thing)),
            Self::Absent => Seen::Absent,
            Self::Unknown(why) => Seen::Unknown(why),
        }
    }
}
