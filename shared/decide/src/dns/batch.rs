//! One batch of changes, and how much Route 53 takes in one.

use serde::{Deserialize, Serialize};

use super::record::RecordSet;

/// The most record elements in one request, an alias counted as one.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
pub const ELEMENTS_MAX: usize = 1_000;
/// The most characters in all values of one request.
pub const CHARACTERS_MAX: usize = 32_000;

/// One change of a batch. There is no third kind: what overwrites without looking is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Exactly this set, or the whole batch fails.
    Delete(RecordSet),
    /// Exactly this set, or the whole batch fails if one of that name, type and identifier exists.
    Create(RecordSet),
}

impl Change {
    /// The set that it deletes or creates.
    pub fn set(&self) -> &RecordSet {
        match self {
            Self::Delete(set) | Self::Create(set) => set,
        }
    }
}

/// How much of what Route 53 counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Record elements.
    pub elements: usize,
    /// Characters in their values.
    pub characters: usize,
}

impl Size {
    /// Of these changes. Neither kind is counted twice, as one that overwrites would be.
    pub fn of<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Self {
        changes.into_iter().map(Change::set).fold(Self::default(), |size, set| {
            let characters: usize = set.values.iter().map(|value| value.chars().count()).sum();
            size.and(Self { elements: set.values.len().max(1), characters })
        })
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            elements: self.elements.saturating_add(other.elements),
            characters: self.characters.saturating_add(other.characters),
        }
    }

    /// Whether one request may hold so much.
    pub fn fits(self) -> bool {
        self.elements <= ELEMENTS_MAX && self.characters <= CHARACTERS_MAX
    }
}

/// Whether these changes swap records of a term and nothing else.
pub fn is_touch(changes: &[Change]) -> bool {
    changes.iter().all(|change| is_of_term(change.set()))
}

/// Whether this is a record that holds a term.
pub(super) fn is_of_term(set: &RecordSet) -> bool {
    set.kind == "TXT" && set.name.starts_with("_warmspare.")
}

/// The changes of each zone, in the order in which the zones are first named.
pub fn by_zone(changes: &[Change]) -> Vec<(&str, Vec<Change>)> {
    let mut zones: Vec<(&str, Vec<Change>)> = Vec::new();
    for change in changes {
        let zone = change.set().zone.as_str();
        match zones.iter_mut().find(|(known, _)| *known == zone) {
            Some((_, batch)) => batch.push(change.clone()),
            None => zones.push((zone, vec![change.clone()])),
        }
    }
    zones
}
