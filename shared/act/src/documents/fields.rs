//! The fields of an event, read one at a time. Every answer that is not a value is a sentence: what
//! was found, and what is allowed. Nothing here can panic, whatever the bytes are.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::refusal::Refusal;

/// The most of a found text that a sentence repeats, in characters.
const SHOWN_CHARACTERS_MAX: usize = 80;

/// What an instant looks like, as a noun phrase.
const INSTANT: &str = "an instant, such as 2026-11-21T00:00:00Z";

/// The event as JSON: an object in which no key comes twice, as it would not be clear which one
/// counts.
///
/// # Errors
/// [`Refusal::NotOurs`] when it is anything else.
pub fn event(bytes: &[u8]) -> Result<Value, Refusal> {
    let Strict(value) = serde_json::from_slice(bytes)
        .map_err(|wrong| not_ours(format!("it cannot be read as JSON: {wrong}")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(not_ours(format!("it is {}, and a JSON object is taken", shown(&value))))
    }
}

/// The text under a dotted path, such as `detail.object.key`; `allowed` is a noun phrase.
///
/// # Errors
/// [`Refusal::NotOurs`] when it is missing or no text.
pub fn text<'v>(event: &'v Value, path: &str, allowed: &str) -> Result<&'v str, Refusal> {
    optional_text(event, path, allowed)?
        .ok_or_else(|| not_ours(format!("`{path}` is missing; it must be {allowed}")))
}

/// The text under a dotted path, if anything is there.
///
/// # Errors
/// [`Refusal::NotOurs`] when something else than a text is there.
pub fn optional_text<'v>(
    event: &'v Value,
    path: &str,
    allowed: &str,
) -> Result<Option<&'v str>, Refusal> {
    let found = path.split('.').try_fold(event, |value, name| value.get(name));
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            Err(differs(path, &shown(other), allowed))
        }
    }
}

/// The system that the event names.
///
/// # Errors
/// [`Refusal::NotOurs`] when there is none, or when it cannot be the name of one.
pub fn system(event: &Value) -> Result<SystemName, Refusal> {
    let found = text(event, "system", SystemName::WANTED)?;
    SystemName::parse(found).map_err(|misnamed| wrong("system", found, misnamed.wanted))
}

/// The instant under a dotted path.
///
/// # Errors
/// [`Refusal::NotOurs`] when there is none, also when it is a placeholder that nobody has filled
/// in.
pub fn instant(event: &Value, path: &str) -> Result<Timestamp, Refusal> {
    let found = text(event, path, INSTANT)?;
    found.parse().map_err(|_| {
        let is_placeholder = found.starts_with('<') && found.ends_with('>');
        let allowed = if is_placeholder {
            format!("{INSTANT}: only EventBridge Scheduler fills in that placeholder")
        } else {
            INSTANT.to_owned()
        };
        wrong(path, found, &allowed)
    })
}

/// The slot that the event names, written as in keys of the vault or as an instant.
///
/// # Errors
/// [`Refusal::NotOurs`] when there is none.
pub fn slot(event: &Value) -> Result<Slot, Refusal> {
    let allowed = "a slot, such as 2026-11-21T00-00-00Z";
    let found = text(event, "slot", allowed)?;
    let instant = || found.parse().ok().map(Slot::of);
    Slot::parse(found).ok().or_else(instant).ok_or_else(|| wrong("slot", found, allowed))
}

/// The key of the object that an event of S3 tells of. EventBridge gives keys as they are, where
/// S3's own notifications write them as in a URL.
///
/// # Errors
/// [`Refusal::NotOurs`] when it is another event.
pub fn object_created(event: &Value) -> Result<&str, Refusal> {
    for (field, allowed) in [("source", "aws.s3"), ("detail-type", "Object Created")] {
        let found = text(event, field, allowed)?;
        if found != allowed {
            return Err(wrong(field, found, allowed));
        }
    }
    text(event, "detail.object.key", "the key of an object")
}

/// Whether the event has these fields only. A field that is passed over may have been meant to hold
/// something back, as `dry_run` does elsewhere.
///
/// # Errors
/// [`Refusal::NotOurs`] with the first field that is not one of them.
pub fn only(event: &Value, fields: &[&str]) -> Result<(), Refusal> {
    let found = event.as_object().into_iter().flat_map(Map::keys);
    match found.into_iter().find(|found| !fields.contains(&found.as_str())) {
        None => Ok(()),
        Some(found) => Err(not_ours(format!(
            "it has a field {}, and this action takes {}",
            quoted(found),
            fields.join(", ")
        ))),
    }
}

/// The refusal of a text under a dotted path; `allowed` is a noun phrase.
pub fn wrong(path: &str, found: &str, allowed: &str) -> Refusal {
    differs(path, &quoted(found), allowed)
}

fn differs(path: &str, shown: &str, allowed: &str) -> Refusal {
    not_ours(format!("`{path}` is {shown}, but must be {allowed}"))
}

fn not_ours(why: String) -> Refusal {
    Refusal::NotOurs { why }
}

/// A value as far as a sentence repeats it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("a list of {}", values.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// JSON in which no key comes twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some((key, Strict(value))) = table.next_entry::<String, Strict>()? {
            if entries.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {} comes twice", quoted(&key))));
            }
            entries.insert(key, value);
        }
        Ok(entries.into())
    }
}

#[cfg(test)]
mod tests;
