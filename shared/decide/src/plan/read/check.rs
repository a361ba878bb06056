//! Holds a text against the shape of a plan: unknown and missing fields, and what one value alone
//! can have wrong.

use std::collections::BTreeSet;

use super::shape::{Field, Kind, Names, Others, Shape, Shapes, TextRule};
use super::{duration, megabits};
use crate::plan::problem::{Found, Problem, nearest, one_of, quoted, shortened, shown};
use crate::plan::tree::{Tree, Value};

/// The longest field name that a sentence repeats, in characters.
const FIELD_CHARACTERS_MAX: usize = 40;

/// Collects what is wrong.
pub(super) struct Checker<'a> {
    pub(super) problems: Vec<Problem>,
    /// The names of the plan's sites as they are written; `None` when there are not two: which of
    /// them a record should have would then be a guess.
    sites: Option<[&'a str; 2]>,
}

/// The path of a field below another.
pub(super) fn below(path: &str, key: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let short: String = key.chars().take(FIELD_CHARACTERS_MAX).collect();
    let shown = if !key.is_empty() && short.bytes().all(is_bare) { short } else { quoted(&short) };
    if path.is_empty() { shown } else { format!("{path}.{shown}") }
}

impl<'a> Checker<'a> {
    pub(super) fn new(plan: &'a Tree) -> Self {
        let sites = match plan.get("sites").map(Tree::entries) {
            Some([(home, _), (away, _)]) => Some([home.as_str(), away.as_str()]),
            _ => None,
        };
        Self { problems: Vec::new(), sites }
    }

    fn wrong(&mut self, line: u32, field: &str, found: String, allowed: String) {
        let found = Found::Value(found);
        self.problems.push(Problem { line, field: field.to_owned(), found, allowed });
    }

    pub(super) fn table(&mut self, tree: &'a Tree, path: &str, shape: &'static Shape) {
        self.fields(tree, path, shape, false);
    }

    /// Checks a table's fields, but for `kind` where it said which shape the table has.
    fn fields(&mut self, tree: &'a Tree, path: &str, shape: &'static Shape, has_kind: bool) {
        let names = self.names_of(shape, has_kind);
        let mut meant = BTreeSet::new();
        for (key, value) in tree.entries() {
            let path = below(path, key);
            if has_kind && key == "kind" {
                continue;
            }
            if let Some(field) = shape.fields.iter().find(|field| field.name == key) {
                self.value(value, &path, &field.kind);
            } else if let Some(others) = shape.others.filter(|others| self.takes(others, key)) {
                self.other(key, value, &path, others);
            } else {
                meant.extend(self.unknown(value.line, &path, key, shape.title, &names));
            }
        }
        // A field that was misspelt is not reported as missing too: it is one mistake.
        let is_missing = |name: &str| tree.get(name).is_none() && !meant.contains(name);
        for Field { name, kind, .. } in shape.fields.iter().filter(|field| field.is_needed) {
            if is_missing(name) {
                self.missing(tree.line, &below(path, name), kind.allowed());
            }
        }
        if let Some(others) = shape.others {
            self.others_missing(tree, path, others, is_missing);
        }
    }

    fn names_of(&self, shape: &'static Shape, has_kind: bool) -> Vec<&'a str> {
        let mut names: Vec<&'a str> = has_kind.then_some("kind").into_iter().collect();
        names.extend(shape.fields.iter().map(|field| field.name));
        if let Some(Others { names: Names::Sites, .. }) = shape.others {
            names.extend(self.sites.into_iter().flatten());
        }
        names
    }

    /// Whether a field that the shape does not name may stand there.
    fn takes(&self, others: &Others, key: &str) -> bool {
        match others.names {
            Names::New { .. } => true,
            Names::Sites => self.sites.as_ref().is_none_or(|sites| sites.contains(&key)),
        }
    }

    fn other(&mut self, key: &str, value: &'a Tree, path: &str, others: &'static Others) {
        match others.names {
            Names::New { rule, .. } if !(rule.is_right)(key) => {
                self.wrong(value.line, path, quoted(key), rule.allowed.to_owned());
            }
            Names::New { .. } | Names::Sites => {}
        }
        self.value(value, path, &others.kind);
    }

    fn others_missing(
        &mut self,
        tree: &Tree,
        path: &str,
        others: &'static Others,
        is_missing: impl Fn(&str) -> bool,
    ) {
        match others.names {
            Names::New { count, noun, .. } => {
                let found: Vec<&str> = tree.entries().iter().map(|(key, _)| key.as_str()).collect();
                if found.len() != count {
                    let found = match found.len() {
                        0 => "an empty table".to_owned(),
                        some => format!("a table of {some} ({})", shortened(&found.join(", "))),
                    };
                    self.wrong(tree.line, path, found, format!("a table of {count} {noun}"));
                }
            }
            Names::Sites => {
                for name in self.sites.into_iter().flatten() {
                    if is_missing(name) {
                        self.missing(tree.line, &below(path, name), others.kind.allowed());
                    }
                }
            }
        }
    }

    fn missing(&mut self, line: u32, field: &str, allowed: String) {
        let field = field.to_owned();
        self.problems.push(Problem { line, field, found: Found::Nothing, allowed });
    }

    /// Reports a field that its table does not have; answers with the name that was probably meant.
    fn unknown<'n>(
        &mut self,
        line: u32,
        path: &str,
        key: &str,
        table: &str,
        names: &[&'n str],
    ) -> Option<&'n str> {
        let near = nearest(key, names.iter().copied());
        let allowed = match near {
            Some(name) => name.to_owned(),
            None if names.is_empty() => "no fields".to_owned(),
            None => names.join(", "),
        };
        let found = Found::UnknownField { table: table.to_owned(), is_near: near.is_some() };
        self.problems.push(Problem { line, field: path.to_owned(), found, allowed });
        near
    }

    fn value(&mut self, tree: &'a Tree, path: &str, kind: &'static Kind) {
        let is_right = match kind {
            Kind::Text(rule) => return self.text(tree, path, rule),
            Kind::Table(shape) if is_table(tree) => return self.table(tree, path, shape),
            Kind::ListOrTable { table, .. } if is_table(tree) => {
                return self.table(tree, path, table);
            }
            Kind::ListOrTable { list: Kind::List { of, min, max, .. }, .. }
                if is_list(tree, *min, *max) =>
            {
                return self.list(tree.values(), path, of);
            }
            Kind::Tagged { title, shapes } if is_table(tree) => {
                return self.tagged(tree, path, title, shapes);
            }
            Kind::Keyed { title, shapes } if is_table(tree) => {
                return self.keyed(tree, path, title, shapes, kind);
            }
            Kind::List { of, min, max, .. } if is_list(tree, *min, *max) => {
                return self.list(tree.values(), path, of);
            }
            Kind::Word(words) => tree.text().is_some_and(|text| words.contains(&text)),
            Kind::Whole { min, max } => tree.whole().is_some_and(|n| (*min..=*max).contains(&n)),
            Kind::WholeOr { shape, .. } if is_table(tree) => return self.table(tree, path, shape),
            Kind::WholeOr { min, max, word, .. } => {
                tree.text() == Some(word)
                    || tree.whole().is_some_and(|n| (*min..=*max).contains(&n))
            }
            Kind::Megabits => tree.number().and_then(megabits::bits_per_s).is_some(),
            Kind::Duration { s_min, s_max } => tree
                .text()
                .and_then(duration::seconds)
                .is_some_and(|seconds| (*s_min..=*s_max).contains(&seconds)),
            Kind::Truth => tree.truth().is_some(),
            Kind::True => tree.truth() == Some(true),
            Kind::Table(_)
            | Kind::ListOrTable { .. }
            | Kind::Tagged { .. }
            | Kind::Keyed { .. }
            | Kind::List { .. } => false,
        };
        if !is_right {
            self.wrong(tree.line, path, shown(tree), kind.allowed());
        }
    }

    fn text(&mut self, tree: &Tree, path: &str, rule: &'static TextRule) {
        if tree.text().is_some_and(rule.is_right) {
            return;
        }
        let found = match tree.text() {
            Some(_) if rule.may_be_secret => {
                "a text that is not shown, as it may be a secret".to_owned()
            }
            Some(text) => quoted(&without_user(text)),
            None => shown(tree),
        };
        self.wrong(tree.line, path, found, rule.allowed.to_owned());
    }

    fn list(&mut self, values: &'a [Tree], path: &str, of: &'static Kind) {
        let mut before = BTreeSet::new();
        for (position, value) in values.iter().enumerate() {
            let path = format!("{path}[{position}]");
            let is_twice = value.text().is_some_and(|text| !before.insert(text));
            if is_twice {
                let allowed = "unlike every value before it".to_owned();
                self.wrong(value.line, &path, shown(value), allowed);
            } else {
                self.value(value, &path, of);
            }
        }
    }

    fn tagged(&mut self, tree: &'a Tree, path: &str, title: &str, shapes: Shapes) {
        let found = tree.get("kind");
        let word = found.and_then(Tree::text);
        if let Some((_, shape)) = shapes.iter().find(|(name, _)| Some(*name) == word) {
            return self.fields(tree, path, shape, true);
        }
        let misspelt = tree.entries().iter().find(|(key, _)| nearest(key, ["kind"]).is_some());
        let allowed = one_of(shapes.iter().map(|(name, _)| *name));
        match (found, misspelt) {
            (Some(value), _) => {
                self.wrong(value.line, &below(path, "kind"), shown(value), allowed);
            }
            (None, Some((key, value))) => {
                self.unknown(value.line, &below(path, key), key, title, &["kind"]);
            }
            (None, None) => self.missing(tree.line, &below(path, "kind"), allowed),
        }
    }

    fn keyed(&mut self, tree: &'a Tree, path: &str, title: &str, shapes: Shapes, kind: &Kind) {
        let present: Vec<_> = shapes.iter().filter(|(name, _)| tree.get(name).is_some()).collect();
        if let [(_, shape)] = present.as_slice() {
            return self.fields(tree, path, shape, false);
        }
        let names: Vec<&str> = shapes.iter().map(|(name, _)| *name).collect();
        let misspelt = tree.entries().iter().find_map(|(key, value)| {
            nearest(key, names.iter().copied()).map(|_| (key, value.line))
        });
        match (present.is_empty(), misspelt) {
            (true, Some((key, line))) => {
                self.unknown(line, &below(path, key), key, title, &names);
            }
            (true, None) => {
                self.wrong(tree.line, path, "a table with none of them".to_owned(), kind.allowed());
            }
            (false, _) => {
                let both: Vec<&str> = present.iter().map(|(name, _)| *name).collect();
                let found = format!("a table with {}", both.join(" and "));
                self.wrong(tree.line, path, found, kind.allowed());
            }
        }
    }
}

fn is_table(tree: &Tree) -> bool {
    matches!(tree.value, Value::Table(_))
}

fn is_list(tree: &Tree, min: usize, max: usize) -> bool {
    matches!(&tree.value, Value::List(values) if (min..=max).contains(&values.len()))
}

/// What stands before an @ may be a user and a password: it is not repeated.
fn without_user(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (None, Some((_, host))) => format!("…@{host}"),
        (Some(_) | None, None) => text.to_owned(),
    }
}
