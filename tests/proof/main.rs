//! Failovers explored by seed: histories in which everything goes wrong at once, and what is promised is
//! looked at after every change.
//!
//! A package of its own, because it is built optimised: what it does, it does a million times.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a test ends where it finds something wrong, and prints what it has counted"
)]

/// Histories are made of small texts that live for a moment: half as long again with the allocator of the
/// machine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod doubles;
mod explore;
mod histories;
mod model;
mod scene;
#[expect(dead_code, reason = "shared with tests/world, which needs more of it")]
#[path = "../world/tries.rs"]
mod tries;
#[expect(dead_code, reason = "shared with tests/world, which needs more of it")]
#[path = "../world/world/mod.rs"]
mod world;
