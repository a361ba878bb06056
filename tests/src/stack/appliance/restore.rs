//! Restoring an appliance from an archive of its peer, as a person does at its console: no API does it
//! (infra/RUNBOOK.md, "Planned moves"). What it shows before it is in production is our own assumption.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Appliance, Inner, Mode};

/// Where a database is, in libpq's form: looked up at each use, as a name is; nothing while the name
/// leads nowhere.
pub type Lookup = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What an appliance holds that was restored.
pub(super) struct Restored {
    devices: Vec<String>,
    database: Lookup,
}

impl Appliance {
    /// Restores it from another one's archive, and names the database that it uses in production. It
    /// restarts. Until it is told to be production, it shows what the archive held, and needs no
    /// database.
    ///
    /// # Errors
    /// When it is in production, or the archive is none.
    pub async fn restore(&self, archive: &[u8], database: Lookup) -> Result<()> {
        ensure!(self.mode() == Mode::Standby, "it is in production, and would lose what it holds");
        let head = serde_json::Deserializer::from_slice(archive).into_iter::<Value>().next();
        let head = head.context("an empty archive")?.context("reading the archive")?;
        ensure!(head.get("format") == Some(&"device42-settings".into()), "not an archive of ours");
        let devices = head.get("devices").and_then(Value::as_array).context("no devices")?;
        let devices = devices.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        self.stop().await;
        self.inner.state().restored = Some(Restored { devices, database });
        self.start_again().await
    }
}

impl Inner {
    /// What it shows without a database: it was restored, and waits.
    pub(super) fn kept(&self) -> Option<Vec<String>> {
        let state = self.state();
        let restored = state.restored.as_ref().filter(|_| state.mode == Mode::Standby);
        restored.map(|restored| restored.devices.clone())
    }

    /// Its database as of now.
    pub(super) fn database(&self) -> Result<String> {
        let lookup = self.state().restored.as_ref().map(|it| Arc::clone(&it.database));
        match lookup {
            Some(lookup) => lookup().context("the name of its database leads nowhere"),
            None => Ok(self.options.database.clone()),
        }
    }
}
