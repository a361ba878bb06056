//! The processor's share and the memory of a Lambda function, as control groups.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Of a whole processor, in megabytes of a function.
const WHOLE_MB: u64 = 1769;
/// Lambda's own period.
const PERIOD_US: u64 = 20_000;

/// Groups that go away with this.
#[derive(Debug)]
pub(crate) struct Share {
    folders: Vec<PathBuf>,
}

impl Share {
    /// Of a function with this memory.
    ///
    /// # Errors
    /// Where control groups cannot be made.
    pub(crate) fn make(memory_mb: u32) -> anyhow::Result<Self> {
        let name = format!("warmspare-race-{}-{memory_mb}", std::process::id());
        let quota_us = (u64::from(memory_mb) * PERIOD_US / WHOLE_MB).to_string();
        let memory_bytes = (u64::from(memory_mb) << 20).to_string();
        let root = Path::new("/sys/fs/cgroup");
        let mut share = Self { folders: Vec::new() };
        if root.join("cgroup.controllers").exists() {
            let max = format!("{quota_us} {PERIOD_US}");
            share.add(&root.join(name), &[("cpu.max", &max), ("memory.max", &memory_bytes)])?;
            return Ok(share);
        }
        let period_us = PERIOD_US.to_string();
        let cpu = [("cpu.cfs_period_us", period_us.as_str()), ("cpu.cfs_quota_us", &quota_us)];
        share.add(&root.join("cpu").join(&name), &cpu)?;
        let memory = [("memory.limit_in_bytes", memory_bytes.as_str())];
        share.add(&root.join("memory").join(&name), &memory)?;
        Ok(share)
    }

    /// As `measure.py` wants them.
    pub(crate) fn folders(&self) -> String {
        let folders: Vec<_> = self.folders.iter().map(|folder| folder.to_string_lossy()).collect();
        folders.join(",")
    }

    fn add(&mut self, folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        fs::create_dir(folder).with_context(|| format!("making {}", folder.display()))?;
        self.folders.push(folder.to_owned());
        for (name, value) in settings {
            let file = folder.join(name);
            fs::write(&file, value).with_context(|| format!("writing {}", file.display()))?;
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        for folder in &self.folders {
            let _ = fs::remove_dir(folder);
        }
    }
}
