//! What RDS says that an export left out. A task with a warning is COMPLETE all the same, so
//! whoever does not read the warning loses tables in silence.

use serde_json::Value;

/// The most clauses that are kept of one warning.
const CLAUSES_MAX: usize = 50;

/// The longest clause, in characters.
const CLAUSE_CHARACTERS_MAX: usize = 300;

/// What a `WarningMessage` says, a clause each; none when it says that nothing was left out.
///
/// It is JSON, an object of lists: `skippedTables` with a name and a reason each, and others that
/// are named in no reference (`skippedObjectives`, `general`). So every list counts, also one of
/// tomorrow; a warning that cannot be read so counts as it stands.
pub(super) fn clauses(warning: &str) -> Vec<String> {
    let warning = warning.trim();
    if warning.is_empty() {
        return Vec::new();
    }
    let mut clauses = match serde_json::from_str(warning) {
        Ok(Value::Object(lists)) => {
            lists.iter().flat_map(|(name, value)| of_list(name, value)).collect()
        }
        Ok(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_),
        )
        | Err(_) => vec![format!("RDS warns: {}", shortened(warning))],
    };
    let more = clauses.len().saturating_sub(CLAUSES_MAX);
    if more > 0 {
        clauses.truncate(CLAUSES_MAX);
        clauses.push(format!("and {more} more"));
    }
    clauses
}

fn of_list(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| of_item(name, item)).collect(),
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            vec![of_item(name, value)]
        }
    }
}

/// `skippedTables: public.logs (PERMISSIONS_DO_NOT_EXIST)`.
fn of_item(name: &str, item: &Value) -> String {
    let text = |field: &str| item.get(field).and_then(Value::as_str);
    let clause = match (text("tableName"), text("reason"), item) {
        (Some(table), Some(reason), _) => format!("{name}: {table} ({reason})"),
        (Some(table), None, _) => format!("{name}: {table}"),
        (None, Some(reason), _) => format!("{name}: {reason}"),
        (None, None, Value::String(text)) => format!("{name}: {text}"),
        (None, None, other) => format!("{name}: {other}"),
    };
    shortened(&clause)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(CLAUSE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
