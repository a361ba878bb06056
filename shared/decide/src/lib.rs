//! What should happen. Pure: no async, no clock, no environment, no randomness, no SDK.
//!
//! A decision is a function from data to data: what was agreed (the plan), what was written (the
//! journal) and what was seen (a view) go in; one answer comes out. `shared/act` carries it out.

pub mod name;
pub mod plan;
pub mod seen;
