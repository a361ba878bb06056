//! Every port of `shared/act`, on AWS; and the way from Lambda to a function's answer. The only
//! crate that names an AWS SDK, `lambda_runtime`, the environment or a clock. It decides nothing.
//!
//! [`serve`] gives a function a [`Live`] for each invocation. What is slow to make (connections,
//! TLS, clients) is made when it is first used, and kept for the next invocation.

mod appliances;
mod artifacts;
mod bounded;
mod bus;
mod capacity;
mod clients;
mod clock;
mod config;
mod connect;
mod controllers;
mod databases;
mod dns;
mod environment;
mod fault;
mod global;
mod keys;
mod live;
mod log;
mod monitoring;
mod report;
mod restores;
mod secrets;
mod serve;
mod signals;
mod snapshots;
mod sources;
mod tls;
mod vault;
mod web;

#[cfg(test)]
mod replay;

pub use config::{Config, ConfigProblems};
pub use live::Live;
pub use serve::serve;
pub use sources::SourceStream;
pub use vault::ObjectBody;
