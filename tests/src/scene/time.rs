//! Letting time pass that nobody waits for.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that JSON does not have reads as null, and never panics"
)]

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Scene;

/// An entry of a journal that says that it is older than it is.
pub struct DatedBack {
    key: String,
    kept: Vec<u8>,
}

impl Scene {
    /// Dates the last entry of a journal back by an hour: the cooldown counts from it, and a drill does
    /// not wait for that. It is to be made true again by [`DatedBack::undo`] once another term has begun.
    ///
    /// # Errors
    /// When there is no such entry, and what S3 says.
    pub async fn date_back(&self, system: &str, term: u32) -> Result<DatedBack> {
        let mut keys = self.keys(&format!("failovers/{system}/{term:06}/")).await?;
        keys.retain(|key| !key.ends_with("alive.json"));
        let key = keys.pop().context("the journal is empty")?;
        let mut entry = self.document(&key).await?.with_context(|| key.clone())?;
        let kept = serde_json::to_vec(&entry)?;
        let at: Timestamp =
            entry["at"].as_str().context("an entry without its instant")?.parse()?;
        entry["at"] = json!((at - SignedDuration::from_hours(1)).to_string());
        self.put(&key, &serde_json::to_vec(&entry)?).await?;
        Ok(DatedBack { key, kept })
    }
}

impl DatedBack {
    /// Puts the entry back as it was written.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn undo(self, scene: &Scene) -> Result<()> {
        scene.put(&self.key, &self.kept).await
    }
}
