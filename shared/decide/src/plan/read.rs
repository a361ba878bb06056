//! Reads a plan in three passes: each value against the shape of a plan, then what several values
//! have to say to each other, then types. All that the first two find is reported together.

mod address;
mod base64;
mod build;
mod check;
mod cross;
mod duration;
mod fields;
mod megabits;
mod method;
mod places;
mod records;
pub(super) mod shape;
mod sound;
mod text;

use super::problem::{Found, Problem, Problems};
use super::tree::Tree;
use super::{Plan, problem};

pub(super) use fields::PLAN;

/// Makes a plan of the tree of its text.
///
/// # Errors
/// All [`Problems`] of the text, in the order of its lines.
pub fn read(tree: &Tree) -> Result<Plan, Problems> {
    let mut checker = check::Checker::new(tree);
    checker.table(tree, "", &PLAN);
    let mut sound = sound::Sound::new(tree, checker.problems);
    cross::check(&mut sound);
    method::check(&mut sound);
    records::check(&mut sound);
    match (Problems::gather(sound.problems), build::plan(tree)) {
        (Some(problems), _) => Err(problems),
        (None, Some(plan)) => Ok(plan),
        // Not a table at all, or a gap between the shape and the types: said, rather than passed
        // over.
        (None, None) => Err(Problems::from(Problem {
            line: tree.line,
            field: String::new(),
            found: Found::Value(problem::shown(tree)),
            allowed: "a table with the fields of a plan".to_owned(),
        })),
    }
}

#[cfg(test)]
mod tests;
