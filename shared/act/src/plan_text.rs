//! A plan's text, which is TOML, as the tree that `decide::plan` reads. What is allowed in a plan
//! is not known here.

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue, Error};
use warmspare_decide::plan::tree::{Tree, Value};
use warmspare_decide::plan::{self, Found, Plan, Problem, Problems};

/// The longest text that is read, in bytes; a plan that says everything twice is far shorter.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// What the parser says, by its first words, of a value that it cannot place: most often a text
/// without its quotes, of which it guesses by the first letter what it was to be.
const NO_VALUE: [&str; 4] =
    ["string values must be quoted", "invalid boolean", "invalid float", "unexpected leading zero"];

/// What the parser says of a key that came before.
const TWICE: &str = "duplicate key";

/// Reads the text of a plan.
///
/// # Errors
/// All [`Problems`] of the text, in the order of its lines. Where the text is so broken that it is
/// not clear what belongs where, only that is said: the rest would be blamed on lines that are
/// right.
pub fn parse(text: &str) -> Result<Plan, Problems> {
    if text.len() > TEXT_BYTES_MAX {
        let allowed = format!("TOML of at most {TEXT_BYTES_MAX} bytes");
        return Err(unreadable(1, format!("it has {}", text.len()), allowed).into());
    }
    let Text { tree, broken, rest } = Text::of(text);
    let lines: Vec<u32> = broken.iter().map(|problem| problem.line).collect();
    let is_sure = |found: &&Problem| match rest {
        Rest::Clear => !lines.contains(&found.line),
        Rest::MayLack => !lines.contains(&found.line) && found.found != Found::Nothing,
        Rest::Unclear => false,
    };
    let read = plan::read(&tree);
    if broken.is_empty() {
        return read;
    }
    let found = read.as_ref().err().map(Problems::all).unwrap_or_default();
    let sure = found.iter().filter(is_sure).cloned();
    Problems::gather(broken.into_iter().chain(sure).collect()).map_or(read, Err)
}

/// What is known of a text beside its broken lines.
#[derive(Clone, Copy)]
enum Rest {
    /// What it says.
    Clear,
    /// What it says; but under a key that came twice, what seems to be missing may stand where it
    /// was not read.
    MayLack,
    /// Nothing: it is not clear what belongs where.
    Unclear,
}

/// A text taken apart as far as it goes.
struct Text {
    tree: Tree,
    /// Where it is not TOML: once for each run of broken lines, as the first of them breaks the
    /// others.
    broken: Vec<Problem>,
    rest: Rest,
}

impl Text {
    fn of(text: &str) -> Self {
        let lines = Lines::of(text);
        let (table, mut errors) = DeTable::parse_recoverable(text);
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        let mut broken = Vec::new();
        let mut line_before = None;
        let mut is_clear = true;
        for error in &errors {
            let line = lines.line_of(error.span().map_or(0, |span| span.start));
            let is_run = |before: u32| {
                line == before || line == before.saturating_add(1) && !is_harmless(error)
            };
            // Where a table's head is broken, its keys fall to the table before it.
            let is_outcome = !is_clear && is_twice(error);
            if !is_outcome && !line_before.is_some_and(is_run) {
                broken.push(unreadable(line, why(error), "TOML".to_owned()));
            }
            line_before = Some(line);
            is_clear &= is_harmless(error);
        }
        let rest = match (is_clear, errors.iter().any(is_twice)) {
            (true, false) => Rest::Clear,
            (true, true) => Rest::MayLack,
            (false, _) => Rest::Unclear,
        };
        Self { tree: table_of(table.get_ref(), 1, &lines), broken, rest }
    }
}

/// Whether the mistake leaves the rest of the text as clear as it was.
fn is_harmless(error: &Error) -> bool {
    is_no_value(error) || is_twice(error)
}

fn is_twice(error: &Error) -> bool {
    error.message().starts_with(TWICE)
}

fn is_no_value(error: &Error) -> bool {
    NO_VALUE.iter().any(|known| error.message().starts_with(known))
}

fn why(error: &Error) -> String {
    if is_no_value(error) {
        "the value is neither a text in quotes, nor a number, nor true or false".to_owned()
    } else {
        error.message().to_owned()
    }
}

fn unreadable(line: u32, why: String, allowed: String) -> Problem {
    Problem { line, field: String::new(), found: Found::Unreadable(why), allowed }
}

/// Where the lines of a text start, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(position, _)| position + 1)).collect())
    }

    fn line_of(&self, position: usize) -> u32 {
        let lines = self.0.partition_point(|start| *start <= position);
        u32::try_from(lines).unwrap_or(u32::MAX)
    }
}

/// A table in the order of its text, which the parser does not keep.
fn table_of(table: &DeTable<'_>, line: u32, lines: &Lines) -> Tree {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let entries = entries.into_iter().map(|(key, value)| {
        let line = lines.line_of(key.span().start);
        (key.get_ref().to_string(), tree_of(value, line, lines))
    });
    Tree { line, value: Value::Table(entries.collect()) }
}

fn tree_of(value: &Spanned<DeValue<'_>>, line: u32, lines: &Lines) -> Tree {
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(decimal(number)),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Boolean(truth) => Value::Truth(*truth),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(values) => {
            let trees = values.iter().map(|value| {
                let line = lines.line_of(value.span().start);
                tree_of(value, line, lines)
            });
            Value::List(trees.collect())
        }
        DeValue::Table(table) => return table_of(table, line, lines),
    };
    Tree { line, value }
}

/// `0x10` is 16; a number too large to be converted stays as it was written.
fn decimal(number: &DeInteger<'_>) -> String {
    match i128::from_str_radix(number.as_str(), number.radix()) {
        Ok(decimal) => decimal.to_string(),
        Err(_) => number.to_string(),
    }
}

#[cfg(test)]
mod tests;
