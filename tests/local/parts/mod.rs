//! The servers of ours that stand beside MiniStack, each held to its word by itself.

#[cfg(test)]
mod alarms;
#[cfg(test)]
mod appliance;
#[cfg(test)]
mod deliver;
#[cfg(test)]
mod rds;
#[cfg(test)]
mod times;
#[cfg(test)]
mod wired;

use std::sync::Arc;

use warmspare_tests::stack::{self, Options, Stack, preflight, venv::Venv};

const ACCOUNT: &str = "123456789012";
const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";

fn tell() -> stack::Tell {
    Arc::new(|sentence| eprintln!("{sentence}"))
}

async fn venv() -> anyhow::Result<Venv> {
    stack::ready(preflight::RUN_BYTES, &tell()).await
}

async fn stack() -> anyhow::Result<Stack> {
    Stack::start(Options { tell: tell(), ..Options::default() }).await
}
