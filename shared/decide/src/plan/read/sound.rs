//! The part of a plan's text that is right so far. Rules about several fields ask it, so that a
//! value that is wrong by itself is not blamed twice.

use std::collections::BTreeSet;

use super::check::below;
use super::text::SITE;
use crate::plan::problem::{Found, Problem};
use crate::plan::tree::Tree;

pub(super) struct Sound<'a> {
    plan: &'a Tree,
    flagged: BTreeSet<String>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Sound<'a> {
    pub(super) fn new(plan: &'a Tree, problems: Vec<Problem>) -> Self {
        let flagged = problems.iter().map(|problem| problem.field.clone()).collect();
        Self { plan, flagged, problems }
    }

    /// The value at this path, unless something is wrong with it.
    pub(super) fn at(&self, path: &str) -> Option<&'a Tree> {
        self.any(path).filter(|_| !self.flagged.contains(path))
    }

    pub(super) fn text(&self, path: &str) -> Option<&'a str> {
        self.at(path)?.text()
    }

    pub(super) fn whole(&self, path: &str) -> Option<u64> {
        self.at(path)?.whole()
    }

    /// What stands below this path with the path of each, whether right or wrong.
    pub(super) fn each(&self, path: &str) -> Vec<(String, &'a Tree)> {
        let Some(tree) = self.any(path) else { return Vec::new() };
        let values = tree.values().iter().enumerate();
        let values = values.map(|(position, value)| (format!("{path}[{position}]"), value));
        let entries = tree.entries().iter().map(|(key, value)| (below(path, key), value));
        values.chain(entries).collect()
    }

    /// Whether the plan has this table, right or wrong, or one that was probably meant to be it.
    pub(super) fn means(&self, table: &str) -> bool {
        let is_meant = |problem: &Problem| match problem.found {
            Found::UnknownField { is_near, .. } => is_near && problem.allowed == table,
            Found::Value(_) | Found::Nothing | Found::Unreadable(_) => false,
        };
        self.plan.get(table).is_some() || self.problems.iter().any(is_meant)
    }

    /// Whether nothing is wrong at this path or below it.
    pub(super) fn is_whole(&self, path: &str) -> bool {
        let is_below = |flagged: &String| {
            flagged
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        !self.flagged.range(path.to_owned()..).take_while(|f| f.starts_with(path)).any(is_below)
    }

    /// The two sites, home first, when there are two and they can be named in a path.
    pub(super) fn sites(&self) -> Option<[&'a str; 2]> {
        let is_right = |name: &str| (SITE.is_right)(name);
        match self.plan.get("sites")?.entries() {
            [(home, _), (away, _)] if is_right(home) && is_right(away) => Some([home, away]),
            _ => None,
        }
    }

    /// Reports what stands at this path, which exists.
    pub(super) fn wrong(&mut self, path: &str, found: String, allowed: String) {
        let line = self.any(path).map_or(self.plan.line, |tree| tree.line);
        let found = Found::Value(found);
        self.problems.push(Problem { line, field: path.to_owned(), found, allowed });
    }

    fn any(&self, path: &str) -> Option<&'a Tree> {
        path.split('.').try_fold(self.plan, |tree, part| {
            let mut steps = part.split('[');
            let field = tree.get(steps.next()?)?;
            steps.try_fold(field, |list, step| {
                list.values().get(step.strip_suffix(']')?.parse::<usize>().ok()?)
            })
        })
    }
}
