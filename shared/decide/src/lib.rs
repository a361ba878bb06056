//! What should happen. Pure: no async, no clock, no environment, no randomness, no SDK.
//!
//! A decision is a function from data to data: what was agreed (the plan), what was written (the
//! journal) and what was seen (a view) go in; one answer comes out. `shared/act` carries it out.

pub mod acknowledgement;
pub mod aviatrix;
pub mod backup;
pub mod capacity;
pub mod database;
pub mod dns;
pub mod encryption;
pub mod evidence;
pub mod export;
pub mod failover;
pub mod fits;
pub mod group;
pub mod inbox;
pub mod inventory;
pub mod journal;
pub mod lock;
pub mod maintenance;
pub mod manifest;
pub mod name;
pub mod outcome;
pub mod pace;
pub mod parts;
pub mod plan;
pub mod presence;
pub mod probe;
pub mod prune;
pub mod refusal;
pub mod seen;
pub mod skew;
pub mod sweep;
pub mod switch;
pub mod tripwire;
pub mod vault;
pub mod verify;
