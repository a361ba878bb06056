//! The shape of a plan as data: which fields a table has and what each may hold. The reader checks
//! a text against it, and the schema is written from it, so that a field is declared once.

use super::duration;
use crate::plan::problem::one_of;

/// A kind of table.
pub(in crate::plan) struct Shape {
    /// As sentences name it: `[backup]`.
    pub(in crate::plan) title: &'static str,
    /// In the order in which they are best read.
    pub(in crate::plan) fields: &'static [Field],
    /// What fields may stand beside them under names that the operator chooses.
    pub(in crate::plan) others: Option<&'static Others>,
}

/// Fields under names that the operator chooses.
pub(in crate::plan) struct Others {
    pub(in crate::plan) names: Names,
    pub(in crate::plan) kind: Kind,
    /// One sentence, for editors.
    pub(in crate::plan) doc: &'static str,
}

/// Which names the operator may choose.
pub(in crate::plan) enum Names {
    /// New ones, exactly so many, each as the rule says.
    New { rule: &'static TextRule, count: usize, noun: &'static str },
    /// Those of the plan's sites, each of them.
    Sites,
}

/// One field of a table.
pub(in crate::plan) struct Field {
    pub(in crate::plan) name: &'static str,
    pub(in crate::plan) is_needed: bool,
    pub(in crate::plan) kind: Kind,
    /// One sentence, for editors.
    pub(in crate::plan) doc: &'static str,
}

/// What a field may hold.
pub(in crate::plan) enum Kind {
    Text(&'static TextRule),
    /// One of these texts.
    Word(&'static [&'static str]),
    Whole {
        min: u64,
        max: u64,
    },
    /// A whole number, or this text or a table instead.
    WholeOr {
        min: u64,
        max: u64,
        word: &'static str,
        shape: &'static Shape,
    },
    /// Megabits per second.
    Megabits,
    /// A number with a unit, as a text.
    Duration {
        s_min: u64,
        s_max: u64,
    },
    Truth,
    /// Only `true`: the field is there, or it is not.
    True,
    /// So many values of one kind; texts in it differ from each other.
    List {
        of: &'static Kind,
        min: usize,
        max: usize,
        noun: &'static str,
    },
    Table(&'static Shape),
    /// A list, or a table instead.
    ListOrTable {
        list: &'static Kind,
        table: &'static Shape,
        /// An example of the table.
        example: &'static str,
    },
    /// A table whose `kind` says which fields it has.
    Tagged {
        title: &'static str,
        shapes: Shapes,
    },
    /// A table that has exactly one of these fields, which says what others it has.
    Keyed {
        title: &'static str,
        shapes: Shapes,
    },
}

/// Shapes under the word that stands for each.
pub(in crate::plan) type Shapes = &'static [(&'static str, &'static Shape)];

/// What a text must be.
pub(in crate::plan) struct TextRule {
    /// As a noun phrase.
    pub(in crate::plan) allowed: &'static str,
    pub(in crate::plan) is_right: fn(&str) -> bool,
    /// For editors: an ECMA 262 pattern that every right text matches. Empty when there is none.
    pub(in crate::plan) pattern: &'static str,
    /// A text that is right.
    pub(in crate::plan) example: &'static str,
    /// A wrong text may be a password that was put in the wrong place: it is not repeated.
    pub(in crate::plan) may_be_secret: bool,
}

impl TextRule {
    pub(super) const fn new(
        allowed: &'static str,
        pattern: &'static str,
        example: &'static str,
        is_right: fn(&str) -> bool,
    ) -> Self {
        Self { allowed, is_right, pattern, example, may_be_secret: false }
    }
}

impl Shape {
    pub(super) const fn of(title: &'static str, fields: &'static [Field]) -> Self {
        Self { title, fields, others: None }
    }
}

pub(super) const fn needed(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, is_needed: true, kind, doc }
}

pub(super) const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, is_needed: false, kind, doc }
}

impl Kind {
    /// What the field may hold, as a noun phrase.
    pub(in crate::plan) fn allowed(&self) -> String {
        match self {
            Self::Text(rule) => rule.allowed.to_owned(),
            Self::Word(words) => one_of(words.iter().copied()),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::WholeOr { min, max, word, shape } => {
                let names = one_of(shape.fields.iter().map(|field| field.name));
                format!("a whole number from {min} to {max}, \"{word}\", or a table with {names}")
            }
            Self::Megabits => "a number of megabits per second from 0.0512 to 8000000, \
                               with at most six decimals"
                .to_owned(),
            Self::Duration { s_min, s_max } => format!(
                "a duration from {} to {}, as a number and one of the units s, m, h or d",
                duration::shown(*s_min),
                duration::shown(*s_max)
            ),
            Self::Truth => "true or false".to_owned(),
            Self::True => "true, or left out".to_owned(),
            Self::List { min, max, noun, .. } => format!("a list of {min} to {max} {noun}"),
            Self::Table(shape) if shape.title.starts_with('[') => {
                format!("a table, {}", shape.title)
            }
            Self::Table(_) => "a table".to_owned(),
            Self::ListOrTable { list, example, .. } => {
                format!("{}, or {example}", list.allowed())
            }
            Self::Tagged { shapes, .. } => {
                format!("a table of kind {}", one_of(shapes.iter().map(|(name, _)| *name)))
            }
            Self::Keyed { shapes, .. } => {
                let names = one_of(shapes.iter().map(|(name, _)| *name));
                format!("a table with exactly one of {names}")
            }
        }
    }
}
