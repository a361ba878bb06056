//! A plan's text as a tree of values, each with its line, in the order of the text. It knows no
//! format: `shared/act` makes it of TOML. The schema of a plan is a tree too, without lines.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Line of its key, or of itself when it has none; from 1. 0 when it was not read from a text.
    pub line: u32,
    /// What stands there.
    pub value: Value,
}

/// What can stand in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, without its quotes.
    Text(String),
    /// A number as it was written, in decimal.
    Number(String),
    /// `true` or `false`.
    Truth(bool),
    /// A date or a time as it was written; no field of a plan takes one.
    Date(String),
    /// Values without keys.
    List(Vec<Tree>),
    /// Values with keys, in the order of the text; no key comes twice.
    Table(Vec<(String, Tree)>),
}

impl Tree {
    /// The value under a key, when this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entries().iter().find(|(found, _)| found == key).map(|(_, tree)| tree)
    }

    /// The entries of a table; none when it is no table.
    pub fn entries(&self) -> &[(String, Tree)] {
        match &self.value {
            Value::Table(entries) => entries,
            Value::Text(_)
            | Value::Number(_)
            | Value::Truth(_)
            | Value::Date(_)
            | Value::List(_) => &[],
        }
    }

    /// The values of a list; none when it is no list.
    pub fn values(&self) -> &[Tree] {
        match &self.value {
            Value::List(values) => values,
            Value::Text(_)
            | Value::Number(_)
            | Value::Truth(_)
            | Value::Date(_)
            | Value::Table(_) => &[],
        }
    }

    /// The text, when this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Number(_)
            | Value::Truth(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Table(_) => None,
        }
    }

    /// The number, when this is one that is whole and not negative.
    pub fn whole(&self) -> Option<u64> {
        self.number()?.parse().ok()
    }

    /// The number as it was written, when this is one.
    pub fn number(&self) -> Option<&str> {
        match &self.value {
            Value::Number(number) => Some(number),
            Value::Text(_)
            | Value::Truth(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Table(_) => None,
        }
    }

    /// `true` or `false`, when this is one of them.
    pub fn truth(&self) -> Option<bool> {
        match self.value {
            Value::Truth(truth) => Some(truth),
            Value::Text(_)
            | Value::Number(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Table(_) => None,
        }
    }
}

/// Written in the order of the tree, whatever the format's own maps do.
impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Text(text) | Value::Date(text) => serializer.serialize_str(text),
            Value::Number(number) => match number.parse::<i64>() {
                Ok(whole) => serializer.serialize_i64(whole),
                Err(_) => match number.parse::<f64>() {
                    Ok(fraction) => serializer.serialize_f64(fraction),
                    Err(_) => serializer.serialize_str(number),
                },
            },
            Value::Truth(truth) => serializer.serialize_bool(*truth),
            Value::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Value::Table(entries) => {
                let mut table = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    table.serialize_entry(key, value)?;
                }
                table.end()
            }
        }
    }
}
