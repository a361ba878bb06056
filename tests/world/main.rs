//! The simulated world: every function is run against it, with trouble before and after every change,
//! with a pause at every call while another run finishes, and with duplicates.
//!
//! Nothing here waits for real time. The clock of the world moves when a run pauses between two looks,
//! so a future that is still pending after one poll has either met its stop or leaks real time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a test ends where it finds something wrong, and prints what it has counted"
)]

mod abort;
mod artifacts;
mod aviatrix;
mod backup;
mod canary;
mod capacity;
mod caught_up;
mod damage;
mod database;
mod each_refusal;
mod encryption;
mod events;
mod export;
mod failover;
mod faults;
mod formats;
mod global;
mod groups;
mod hand;
mod inbox;
mod lock;
mod long_objects;
mod meanwhile;
mod pace;
mod planned;
mod points;
mod probe;
mod prune;
mod records;
mod refusals;
mod rehearsals;
mod replayed;
mod restore;
mod rows;
mod skew;
mod stopped;
mod sweep;
mod switch;
mod tries;
mod tripwires;
mod verification;
mod way_back;
#[expect(dead_code, reason = "tests/proof explores the same world, and needs more of it")]
mod world;
