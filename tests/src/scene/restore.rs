//! Restores a dump of the vault into a database of its own, to look at what is in it.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Scene;
use crate::stack::keeper::{Kept, Order};
use crate::stack::postgres::{Cluster, DATABASE};

/// The most that a restore may take.
const RESTORE_MAX: Duration = Duration::from_secs(60);
const RESTORED: &str = "restored";

impl Scene {
    /// The first column of what `query` finds in a dump by `pg_dump -Fc`, restored into a database of
    /// its own on `cluster`, which takes writes. One restore at a time.
    ///
    /// # Errors
    /// What pg_restore or the query say.
    pub async fn restored(
        &self,
        cluster: &Cluster,
        dump: &[u8],
        query: &str,
    ) -> Result<Vec<String>> {
        let file = self.stack.folder().join("restored.dump");
        std::fs::write(&file, dump)?;
        cluster.sql(&format!("CREATE DATABASE {RESTORED}")).await?;
        let into = cluster.url().replace(&format!("/{DATABASE}"), &format!("/{RESTORED}"));
        let log = self.stack.folder().join("pg_restore.log");
        let order = Order::new(self.stack.postgres.bin().join("pg_restore"))
            .args(["--exit-on-error", "--no-owner", "--dbname"])
            .arg(&into)
            .arg(&file)
            .log(&log);
        Kept::run(&self.stack.venv.python(), order, RESTORE_MAX)
            .await
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        let (client, connection) = tokio_postgres::connect(&into, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let rows = client.query(query, &[]).await?;
        drop(client);
        cluster.sql(&format!("DROP DATABASE {RESTORED} WITH (FORCE)")).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
