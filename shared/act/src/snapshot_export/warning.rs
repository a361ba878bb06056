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

/// `skippedTables: public.logs (PERMISSIONS_DO_NOT_EXIST)`. No reference says how the field with the
/// table's name is called: RDS's own files call it `target`. An item of another form is shown whole,
/// because a reason alone does not say what was left out.
fn of_item(name: &str, item: &Value) -> String {
    let text = |field: &str| item.get(field).and_then(Value::as_str);
    let target = ["target", "tableName", "table", "name"].into_iter().find_map(text);
    let is_reason_alone = item.as_object().is_some_and(|fields| fields.len() == 1);
    let clause = match (target, text("reason"), item) {
        (Some(target), Some(reason), _) => format!("{name}: {target} ({reason})"),
        (Some(target), None, _) => format!("{name}: {target}"),
        (None, Some(reason), _) if is_reason_alone => format!("{name}: {reason}"),
        (None, _, Value::String(text)) => format!("{name}: {text}"),
        (None, _, other) => format!("{name}: {other}"),
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
