//! How decisions are carried out: look, decide, intend, take, confirm, over ports. No SDK, no clock,
//! no environment: those are behind the ports.

pub mod databases;
pub mod documents;
mod entropy;
pub mod failover_promotion;
pub mod fault;
pub mod health_probe;
mod in_time;
pub mod inventory;
pub mod journal;
mod pace;
pub mod permissions;
pub mod plan_text;
pub mod ports;
pub mod prune_backups;
pub mod replay;
pub mod scheduled_backup;
pub mod signals;
pub mod snapshot_export;
pub mod stream;
pub mod switch;
pub mod trigger;
pub mod verify_upload;
