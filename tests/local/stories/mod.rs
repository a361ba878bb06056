//! Stories on the local stack: the functions as cargo-lambda builds them, deployed by the templates,
//! in a world that misbehaves. What they decide is tested without a stack, in `tests/world`.
//!
//! A story has a system of its own in the vault, so stories are told side by side; one that stops
//! processes or counts everything is told alone.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a field that JSON does not have reads as null, and a story prints what it measured"
)]

mod aviatrix;
mod backup;
mod bad_input;
mod bucket;
mod export;
mod inbox;
mod keys;
mod killed_upload;
mod own;
mod privileges;
mod pruning;
mod runtime_api;
mod shared_scene;
mod tripwires;
mod verification;
