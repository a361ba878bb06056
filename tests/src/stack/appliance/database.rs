//! The state of an appliance: its devices, in the site's PostgreSQL. Each use is a connection of its
//! own, so that a database that went away and came back is simply there again.

use std::future::Future;

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

/// The table is made by the first write, which a read-only database refuses.
const MAKE: &str = "create table if not exists devices (\
    device_id bigint generated always as identity primary key, \
    name text not null unique, \
    added_at timestamptz not null default now())";

/// A device, as the API lists it.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) id: i64,
    pub(super) name: String,
}

async fn with<T, F>(connection: &str, work: impl FnOnce(Client) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let connected = tokio_postgres::connect(connection, NoTls).await;
    let (client, driver) = connected.context("connecting to the database")?;
    let driver = tokio::spawn(driver);
    let done = work(client).await;
    driver.abort();
    done
}

/// Adds a device, or finds the one of that name.
pub(super) async fn add(connection: &str, name: &str) -> Result<i64> {
    with(connection, async |client: Client| {
        client.batch_execute(MAKE).await?;
        let insert = "insert into devices (name) values ($1) \
            on conflict (name) do update set name = excluded.name returning device_id";
        let row = client.query_one(insert, &[&name]).await?;
        Ok(row.try_get(0)?)
    })
    .await
}

/// All devices, in the order in which they were added.
pub(super) async fn list(connection: &str) -> Result<Vec<Device>> {
    with(connection, async |client: Client| {
        let found = client.query_one("select to_regclass('devices') is not null", &[]).await?;
        if !found.try_get::<_, bool>(0)? {
            return Ok(Vec::new());
        }
        let rows = client.query("select device_id, name from devices order by 1", &[]).await?;
        let device = |row: &tokio_postgres::Row| -> Result<Device> {
            Ok(Device { id: row.try_get(0)?, name: row.try_get(1)? })
        };
        rows.iter().map(device).collect()
    })
    .await
}

/// The size of the database as the appliance shows it, such as `263 MB`.
pub(super) async fn size(connection: &str) -> Result<String> {
    with(connection, async |client: Client| {
        let size = "select pg_database_size(current_database()) / 1048576 || ' MB'";
        Ok(client.query_one(size, &[]).await?.try_get(0)?)
    })
    .await
}
