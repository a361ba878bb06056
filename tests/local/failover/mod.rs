//! Failovers on the local stack, by the binaries that AWS would run: called twice, killed, frozen,
//! lied to. What they decide is tested without a stack, in `tests/world/failover.rs`.

#![expect(clippy::print_stdout, reason = "a test prints what it covered and what it measured")]

mod asked;
mod cold;
mod killed;
mod late;
mod planted;
mod stage;
mod switch;
mod trouble;
mod twice;
