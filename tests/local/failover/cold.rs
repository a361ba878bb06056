//! A system without a replica: what snapshot-export has copied to the recovery region is what a failover
//! restores there, by the real binaries, and its data are on it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};
use warmspare_tests::scene::{HOME, Protected, RECOVERY, Scene, Shape, now, until};
use warmspare_tests::stack::postgres::Cluster;

use crate::failover::stage::{play, sentence, systems, wake};

/// The longest that anything is waited for, in seconds.
const WAIT_S_MAX: u64 = 240;

/// FT1, FT5, FF6: the copy of a moment ago is restored once, with its rows; the report names it and its age.
#[test]
fn a_system_without_a_replica_is_restored_from_its_newest_copy() -> Result<()> {
    play(async |scene| {
        let set = systems(scene, [("cold".to_owned(), Shape::Metric)]).await?;
        let system = set.into_iter().next().context("no system")?;
        let east = Arc::new(Cluster::primary(&scene.stack.postgres, "cold-east").await?);
        east.sql(
            "create table racks (id bigint, name text); \
                  insert into racks values (1, 'it''s one'), (2, null)",
        )
        .await?;
        scene.wired.back(system.source.clone(), Arc::clone(&east));
        ensure!(scene.rds.remove(&system.replica), "there was no replica");
        scene.put(&format!("plans/{}.toml", system.name), cold(scene, &system)?.as_bytes()).await?;
        system.lose_home(scene).await?;
        let said = sentence(&wake(scene, &system, &system.alarm()?).await?, "refused")?;
        ensure!(said.contains("no copied snapshot of it in us-west-2"), "{said}");
        system.return_home(scene).await?;

        let snapshot = copied(scene, &system).await?;
        // What is written after it is lost.
        east.sql("insert into racks values (3, 'late')").await?;
        system.lose_home(scene).await?;
        let begun = sentence(&wake(scene, &system, &system.alarm()?).await?, "waiting")?;
        let said = format!("{} is restored from {snapshot}", system.replica.id);
        ensure!(begun.contains(&said), "{begun}");
        let done = until("it was moved", WAIT_S_MAX, async || {
            let tick = wake(scene, &system, &system.tick()).await?;
            Ok(sentence(&tick, "done").ok().filter(|said| said.contains("took over")))
        })
        .await?;
        println!("{done}");
        ensure!(done.contains(&format!("restored from {snapshot}")), "{done}");
        system.is_failed_over(scene).await?;
        let west = scene.wired.cluster(&system.replica).context("no PostgreSQL was restored")?;
        let rows = west.sql("select id, name from racks order by id").await?;
        let row = |id: &str, name: Option<&str>| vec![Some(id.to_owned()), name.map(str::to_owned)];
        ensure!(rows == [row("1", Some("it's one")), row("2", None)], "{rows:?}");
        let args = json!({ "DBInstanceIdentifier": system.replica.id });
        let found = scene.stack.aws.call(RECOVERY, "rds", "describe_db_instances", args).await?;
        let tags = found.pointer("/DBInstances/0/TagList").context("no tags")?.to_string();
        ensure!(tags.contains(&snapshot) && tags.contains("warmspare:term"), "{tags}");
        let answered = scene.rds.answered();
        let restored = answered.iter().filter(|it| it.action == "RestoreDBInstanceFromDBSnapshot");
        ensure!(restored.filter(|it| it.refused.is_none()).count() == 1, "restored once");
        Ok(())
    })
}

/// Its plan, with what is to be restored in place of a replica.
fn cold(scene: &Scene, system: &Protected) -> Result<String> {
    let replica = format!("replica = \"{}\"\n", system.replica.id);
    let restore = format!(
        "restore = {{ instance = \"{}\", class = \"db.t4g.medium\", subnet_group = \"west\", \
         security_groups = [\"sg-0123456789abcdef0\"] }}\n\
         export = {{ role = \"{}\", prefix = \"exports/\" }}\n",
        system.replica.id,
        scene.output("ExportRoleArn")?,
    );
    let third = format!(
        "{{ https = \"{}/healthstats/?third\", expect = 200, tls_pin = \"{}\", path = \"vpc\" }}",
        system.east.url(),
        system.east.pin(),
    );
    let plan = system.plan(scene);
    ensure!(plan.contains(&replica), "{plan}");
    Ok(plan.replace(&replica, &restore).replace("{ replication = true }", &third))
}

/// Lets snapshot-export take and copy a snapshot; the copy's identifier, once it is available.
async fn copied(scene: &Scene, system: &Protected) -> Result<String> {
    let scheduled = now() - SignedDuration::from_mins(1);
    let export = json!({
        "action": "export", "system": system.name, "scheduled": scheduled.to_string(),
    });
    scene.invoke("snapshot-export", &export).await?;
    let source = system.source.id.as_str();
    let args = json!({ "DBInstanceIdentifier": source, "SnapshotType": "manual" });
    until("a copy of it is available", WAIT_S_MAX, async || {
        let sweep = json!({ "action": "sweep", "system": system.name });
        scene.invoke("snapshot-export", &sweep).await?;
        let aws = &scene.stack.aws;
        let found = aws.call(RECOVERY, "rds", "describe_db_snapshots", args.clone()).await?;
        let text = |field: &str| {
            let found = found.pointer(&format!("/DBSnapshots/0/{field}")).and_then(Value::as_str);
            found.map(str::to_owned)
        };
        let is_done = text("Status").as_deref() == Some("available")
            && text("SourceRegion").as_deref() == Some(HOME);
        Ok(text("DBSnapshotIdentifier").filter(|_| is_done))
    })
    .await
}
