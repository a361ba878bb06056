//! The local stack is held to its word: that it starts, fails on demand, and leaves nothing behind.

mod gateway;
mod keeper;
mod lambda;
mod postgres;
mod venv;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use warmspare_tests::stack::{self, Options, Stack, preflight, venv::Venv};

/// The environment that the whole stack shares; made by the first test that asks.
pub(crate) async fn shared_venv() -> anyhow::Result<Venv> {
    let tell: stack::Tell = Arc::new(|sentence| eprintln!("{sentence}"));
    stack::ready(preflight::RUN_BYTES, &tell).await
}

async fn start() -> anyhow::Result<Stack> {
    Stack::start(Options::default()).await
}

/// A folder for one test, removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("warmspare-test-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
