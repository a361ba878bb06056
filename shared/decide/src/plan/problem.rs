//! What is wrong with a plan, as sentences for the person who wrote it.

use std::fmt;

use thiserror::Error;

use super::tree::{Tree, Value};

/// The most of a found text that a sentence repeats, in characters.
const SHOWN_CHARACTERS_MAX: usize = 80;

/// The longest key for which a nearest name is looked for, in characters.
const KEY_CHARACTERS_MAX: usize = 40;

/// One thing that is wrong: where, what was found, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: u32,
    /// Dotted path, as `backup.source[0].from.url`; list positions count from 0. Empty for the plan
    /// as a whole.
    pub field: String,
    /// What stands there.
    pub found: Found,
    /// What would have been right, as a noun phrase; for an unknown field the nearest known name,
    /// or all of them.
    pub allowed: String,
}

/// What stands where something else should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A value, as it is shown to the operator: quoted, shortened, and hidden where it may be a
    /// secret.
    Value(String),
    /// Nothing, although the field is needed.
    Nothing,
    /// A field that its table does not have; this names the table.
    UnknownField {
        /// The table, as `[backup]`.
        table: String,
        /// Whether `allowed` is the one name that was probably meant.
        is_near: bool,
    },
    /// Text that is not in the plan's format, and why.
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, field, found, allowed } = self;
        let field = if field.is_empty() { "the plan" } else { field };
        write!(f, "line {line}: ")?;
        match found {
            Found::Value(value) => write!(f, "{field} is {value}, but must be {allowed}"),
            Found::Nothing => write!(f, "{field} is missing; it must be {allowed}"),
            Found::UnknownField { table, is_near: true } => {
                write!(f, "{field} is not a field of {table}; did you mean {allowed}?")
            }
            Found::UnknownField { table, is_near: false } => {
                write!(f, "{field} is not a field of {table}, which has {allowed}")
            }
            Found::Unreadable(why) => write!(f, "the text is not {allowed}: {why}"),
        }
    }
}

/// All that is wrong with a plan: at least one problem, in the order of the lines.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Puts them in the order of the lines; `None` when there are none.
    pub fn gather(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by_key(|problem| problem.line);
        if problems.is_empty() { None } else { Some(Self(problems)) }
    }

    /// At least one.
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// The number of problems, then a sentence on a line of its own for each.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("1 problem in the plan")?,
            several => write!(f, "{several} problems in the plan")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

/// How a found value is shown.
pub(super) fn shown(tree: &Tree) -> String {
    match &tree.value {
        Value::Text(text) => quoted(text),
        Value::Number(text) | Value::Date(text) => shortened(text),
        Value::Truth(truth) => truth.to_string(),
        Value::List(values) if values.is_empty() => "an empty list".to_owned(),
        Value::List(values) => format!("a list of {}", values.len()),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// The same in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

/// A text as far as it is repeated.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    match names.pop() {
        Some(last) if names.is_empty() => last.to_owned(),
        Some(last) => format!("{} or {last}", names.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// The known name that was probably meant: at most one slip, and one more for every four letters.
pub(super) fn nearest<'a>(key: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = key.chars().count();
    if letters > KEY_CHARACTERS_MAX {
        return None;
    }
    names
        .into_iter()
        .map(|name| (slips(&key.to_ascii_lowercase(), name), name))
        .min_by_key(|(slips, _)| *slips)
        .filter(|(slips, name)| *slips <= 1 + letters.min(name.len()) / 4)
        .map(|(_, name)| name)
}

/// How many letters were left out, added, replaced or swapped with their neighbour between two
/// words (optimal string alignment distance).
fn slips(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    let at = |rows: &[Vec<usize>], i: usize, j: usize| {
        rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(usize::MAX / 2)
    };
    for i in 1..=one.len() {
        rows.push(vec![i]);
        for j in 1..=other.len() {
            let (here, there) = (one.get(i - 1), other.get(j - 1));
            let mut least = (at(&rows, i - 1, j - 1) + usize::from(here != there))
                .min(at(&rows, i - 1, j) + 1)
                .min(at(&rows, i, j - 1) + 1);
            let are_swapped = i > 1 && j > 1 && here == other.get(j - 2) && one.get(i - 2) == there;
            if are_swapped {
                least = least.min(at(&rows, i - 2, j - 2) + 1);
            }
            if let Some(row) = rows.last_mut() {
                row.push(least);
            }
        }
    }
    at(&rows, one.len(), other.len())
}
