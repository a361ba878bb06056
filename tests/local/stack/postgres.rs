//! PostgreSQL replicates, is promoted and comes back, for real.

use std::time::Duration;

use warmspare_tests::stack::postgres::{Cluster, Stop};
use warmspare_tests::stack::wait;

const WITHIN: Duration = Duration::from_secs(90);

/// The databases of a test need no emulator.
async fn postgres() -> anyhow::Result<warmspare_tests::stack::postgres::Postgres> {
    let venv = crate::stack::shared_venv().await?;
    let run = std::sync::Arc::new(warmspare_tests::stack::folders::Run::begin()?);
    warmspare_tests::stack::postgres::Postgres::prepare(&venv, &run)
}

async fn has(cluster: &Cluster, count: &str) -> anyhow::Result<()> {
    wait::until("the rows have come", WITHIN, async || {
        let found = cluster.value("SELECT count(*) FROM orders").await?;
        Ok((found.as_deref() == Some(count)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_replica_follows_is_promoted_and_outlives_its_primary() -> anyhow::Result<()> {
    let postgres = postgres().await?;
    let east = Cluster::primary(&postgres, "east").await?;
    east.sql("CREATE TABLE orders (n int); INSERT INTO orders SELECT generate_series(1, 100)")
        .await?;
    let west = Cluster::replica_of(&postgres, "west", &east).await?;
    assert!(west.is_in_recovery().await? && !east.is_in_recovery().await?);
    east.sql("INSERT INTO orders VALUES (101)").await?;
    has(&west, "101").await?;
    let lag_s = wait::until("it streams", WITHIN, async || west.lag_s().await).await?;
    assert!((0.0..10.0).contains(&lag_s), "{lag_s}");
    let refused = west.sql("INSERT INTO orders VALUES (0)").await.unwrap_err();
    assert!(format!("{refused:#}").contains("read-only"), "{refused:#}");

    east.stop(Stop::Kill).await?;
    assert!(!east.is_running()? && east.sql("SELECT 1").await.is_err());
    wait::until("the lag is unknown", WITHIN, async || {
        Ok(west.lag_s().await?.is_none().then_some(()))
    })
    .await?;
    west.promote().await?;
    west.sql("INSERT INTO orders VALUES (102)").await?;
    assert_eq!(west.value("SELECT max(n) FROM orders").await?.as_deref(), Some("102"));

    // The old primary returns with what it had, on the port it had: two histories now.
    let port = east.port();
    east.start().await?;
    assert_eq!(
        (east.port(), east.value("SELECT max(n) FROM orders").await?),
        (port, Some("101".into()))
    );
    // And is seeded anew from the one that is primary now.
    let again = Cluster::replica_of(&postgres, "east-again", &west).await?;
    has(&again, "102").await
}

#[tokio::test]
async fn a_commit_survives_a_server_that_was_stopped_at_once() -> anyhow::Result<()> {
    let postgres = postgres().await?;
    let cluster = Cluster::primary(&postgres, "alone").await?;
    cluster.sql("CREATE TABLE orders (n int); INSERT INTO orders VALUES (1), (NULL)").await?;
    assert_eq!(cluster.lag_s().await?, None);
    cluster.stop(Stop::Immediate).await?;
    cluster.start().await?;
    assert_eq!(
        cluster.sql("SELECT n FROM orders").await?,
        [vec![Some("1".to_owned())], vec![None]]
    );
    assert!(cluster.start().await.is_err(), "it runs already");
    cluster.stop(Stop::Fast).await?;
    cluster.stop(Stop::Fast).await
}

#[tokio::test]
async fn what_pg_dump_writes_pg_restore_reads_back() -> anyhow::Result<()> {
    let postgres = postgres().await?;
    let cluster = Cluster::primary(&postgres, "dumped").await?;
    cluster
        .sql("CREATE TABLE orders (n int); INSERT INTO orders SELECT generate_series(1, 1000)")
        .await?;
    let program = |name: &str| tokio::process::Command::new(postgres.bin().join(name));
    let dump = program("pg_dump").args(["-Fc", "-d"]).arg(cluster.url()).output().await?;
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));

    cluster.sql("DROP TABLE orders").await?;
    let file = crate::stack::Scratch::new("dump")?;
    std::fs::write(file.path().join("dump"), &dump.stdout)?;
    let restore =
        program("pg_restore").arg("-d").arg(cluster.url()).arg(file.path().join("dump")).output();
    assert!(restore.await?.status.success());
    assert_eq!(cluster.value("SELECT sum(n) FROM orders").await?.as_deref(), Some("500500"));
    Ok(())
}

/// The other engineers' servers make clusters in tasks of their own.
#[test]
fn a_cluster_can_be_made_and_used_in_a_spawned_task() {
    fn goes_to_a_task<F: Send>(_: impl Fn() -> F) {}
    fn made() -> (warmspare_tests::stack::postgres::Postgres, Cluster) {
        unreachable!("never called")
    }
    goes_to_a_task(|| async {
        let (postgres, cluster) = made();
        let replica = Cluster::replica_of(&postgres, "replica", &cluster).await;
        drop(replica);
        drop((cluster.promote().await, cluster.start().await, cluster.stop(Stop::Fast).await));
    });
}
