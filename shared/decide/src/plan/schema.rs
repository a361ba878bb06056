//! The JSON Schema of a plan, written from the same tables that the reader checks against. It is
//! for editors: what several fields have to say to each other is only known to the reader.

use super::read::PLAN;
use super::read::shape::{Field, Kind, Names, Others, Shape, TextRule};
use super::tree::{Tree, Value};

/// The schema as a tree, in the order in which it is best read.
pub fn schema() -> Tree {
    let mut entries = vec![
        ("$schema", text("https://json-schema.org/draft/2020-12/schema")),
        ("title", text("warmspare plan")),
        ("description", text("One system's plan: plans/<system>.toml in the vault.")),
    ];
    entries.extend(of_shape(&PLAN, None));
    table(entries)
}

type Entries = Vec<(&'static str, Tree)>;

fn tree(value: Value) -> Tree {
    Tree { line: 0, value }
}

fn text(text: &str) -> Tree {
    tree(Value::Text(text.to_owned()))
}

fn number(number: impl ToString) -> Tree {
    tree(Value::Number(number.to_string()))
}

fn list(values: Vec<Tree>) -> Tree {
    tree(Value::List(values))
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Tree {
    list(values.into_iter().map(text).collect())
}

fn table(entries: Vec<(impl Into<String>, Tree)>) -> Tree {
    tree(Value::Table(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()))
}

/// A table's schema; `kind` is the value of the field that says that it has this shape.
fn of_shape(shape: &Shape, kind: Option<&str>) -> Entries {
    let mut needed: Vec<&str> = kind.iter().map(|_| "kind").collect();
    let mut properties: Vec<(&str, Tree)> =
        kind.iter().map(|kind| ("kind", table(vec![("const", text(kind))]))).collect();
    for Field { name, is_needed, kind, doc } in shape.fields {
        if *is_needed {
            needed.push(name);
        }
        let mut entries = vec![("description", text(&described(doc, kind)))];
        entries.extend(of_kind(kind));
        properties.push((name, table(entries)));
    }
    let mut entries = vec![("type", text("object"))];
    if !properties.is_empty() {
        entries.push(("properties", table(properties)));
    }
    if !needed.is_empty() {
        entries.push(("required", texts(needed)));
    }
    match shape.others {
        Some(others) => entries.extend(of_others(others)),
        None => entries.push(("additionalProperties", tree(Value::Truth(false)))),
    }
    entries
}

/// What the field is for, and what it may hold where the schema cannot say it.
fn described(doc: &str, kind: &Kind) -> String {
    match kind {
        Kind::Text(_) | Kind::Megabits | Kind::Duration { .. } => {
            format!("{doc} It is {}.", kind.allowed())
        }
        Kind::Word(_)
        | Kind::Whole { .. }
        | Kind::WholeOr { .. }
        | Kind::Truth
        | Kind::True
        | Kind::List { .. }
        | Kind::Table(_)
        | Kind::ListOrTable { .. }
        | Kind::Tagged { .. }
        | Kind::Keyed { .. } => doc.to_owned(),
    }
}

fn of_others(others: &Others) -> Entries {
    let mut entries = vec![("description", text(others.doc))];
    entries.extend(of_kind(&others.kind));
    let additional = ("additionalProperties", table(entries));
    match others.names {
        Names::New { rule, count, .. } => vec![
            ("propertyNames", table(vec![("pattern", text(rule.pattern))])),
            additional,
            ("minProperties", number(count)),
            ("maxProperties", number(count)),
        ],
        Names::Sites => vec![additional],
    }
}

fn of_kind(kind: &Kind) -> Entries {
    match kind {
        Kind::Text(rule) => of_text(rule),
        Kind::Word(words) => vec![("enum", texts(words.iter().copied()))],
        Kind::Whole { min, max } => of_whole(*min, *max),
        Kind::WholeOr { min, max, word, shape } => {
            let either = vec![
                table(of_whole(*min, *max)),
                table(vec![("const", text(word))]),
                table(of_shape(shape, None)),
            ];
            vec![("oneOf", list(either))]
        }
        Kind::Megabits => vec![
            ("type", text("number")),
            ("minimum", number("0.0512")),
            ("maximum", number(8_000_000)),
        ],
        Kind::Duration { .. } => {
            vec![("type", text("string")), ("pattern", text("^[0-9]+[smhd]$"))]
        }
        Kind::Truth => vec![("type", text("boolean"))],
        Kind::True => vec![("const", tree(Value::Truth(true)))],
        Kind::List { of, min, max, .. } => vec![
            ("type", text("array")),
            ("items", table(of_kind(of))),
            ("minItems", number(min)),
            ("maxItems", number(max)),
            ("uniqueItems", tree(Value::Truth(true))),
        ],
        Kind::Table(shape) => of_shape(shape, None),
        Kind::ListOrTable { list: either, table: or, .. } => {
            vec![("oneOf", list(vec![table(of_kind(either)), table(of_shape(or, None))]))]
        }
        Kind::Tagged { shapes, .. } => {
            let each = shapes.iter().map(|(name, shape)| table(of_shape(shape, Some(name))));
            vec![("oneOf", list(each.collect()))]
        }
        Kind::Keyed { shapes, .. } => {
            let each = shapes.iter().map(|(_, shape)| table(of_shape(shape, None)));
            vec![("oneOf", list(each.collect()))]
        }
    }
}

fn of_text(rule: &TextRule) -> Entries {
    let mut entries = vec![("type", text("string"))];
    if !rule.pattern.is_empty() {
        entries.push(("pattern", text(rule.pattern)));
    }
    entries.push(("examples", texts([rule.example])));
    entries
}

fn of_whole(min: u64, max: u64) -> Entries {
    vec![("type", text("integer")), ("minimum", number(min)), ("maximum", number(max))]
}
