//! What becomes of instances, snapshots and events when a region is lost, and when all is well.

use warmspare_tests::stack::rds::{Fate, Replication, Status};

use super::*;

#[tokio::test]
async fn a_replica_of_a_lost_region_is_promoted_for_real() -> Result<()> {
    let postgres = postgres().await?;
    let east = Cluster::primary(&postgres, "east").await?;
    east.sql("create table devices (id int); insert into devices values (1)").await?;
    let rig = Rig::with_cluster(Cluster::replica_of(&postgres, "west", &east).await?).await?;
    let (server, west) = (&rig.server, rig.cluster());
    let replica = place(WEST, "controller-db-west");
    let asked = json!({ "DBInstanceIdentifier": replica.id });
    server.lose(EAST);
    for busy in [Status::BackingUp, Status::Modifying] {
        assert!(server.set_status(&replica, busy));
        let code = rig.code(WEST, "promote_read_replica", asked.clone()).await;
        assert_eq!(code, "InvalidDBInstanceState");
    }
    server.set_status(&replica, Status::Available);
    let refused = west.sql("insert into devices values (2)").await.unwrap_err();
    assert!(format!("{refused:#}").contains("read-only"), "{refused:#}");

    rig.call(WEST, "promote_read_replica", asked).await?;
    assert_eq!(server.status(&replica), Some(Status::Modifying));
    rig.told("RDS-EVENT-0006").await?;
    assert_eq!(server.status(&replica), Some(Status::Available));
    west.sql("insert into devices values (2)").await?;
    let count = west.value("select count(*) from devices").await?;
    assert_eq!(count.as_deref(), Some("2"));
    Ok(())
}

#[tokio::test]
async fn a_replica_says_how_it_replicates() -> Result<()> {
    let rig = Rig::start(Recorder::default()).await?;
    let replica = place(WEST, "controller-db-west");
    let info = async || -> Result<(String, bool)> {
        let asked = json!({ "DBInstanceIdentifier": replica.id });
        let described = rig.call(WEST, "describe_db_instances", asked).await?;
        let info = described["DBInstances"][0]["StatusInfos"][0].clone();
        Ok((info["Status"].as_str().unwrap().to_owned(), info["Normal"].as_bool().unwrap()))
    };
    assert_eq!(info().await?, ("replicating".to_owned(), true));
    rig.server.lose(EAST);
    assert_eq!(info().await?, ("error".to_owned(), false));
    rig.server.set_replication(&replica, Some(Replication::Terminated));
    assert_eq!(info().await?, ("terminated".to_owned(), false));
    rig.server.set_replication(&replica, None);
    rig.server.restore(EAST);
    assert_eq!(info().await?, ("replicating".to_owned(), true));
    rig.server.publish_replica_lag(&replica, 2.5).await?;
    let (metric, unit) = ("ReplicaLag", "Seconds");
    let datapoint = Datapoint { instance: replica, metric, value: 2.5, unit };
    assert_eq!(*rig.outside.datapoints.lock().unwrap(), [datapoint]);
    Ok(())
}

#[tokio::test]
async fn events_can_be_lost_and_doubled() -> Result<()> {
    let rig = Rig::start(Recorder::default()).await?;
    rig.server.pace(|pace| pace.snapshot = Duration::from_millis(50));
    rig.server.set_fate("RDS-EVENT-0040", Fate::Lost);
    rig.server.set_fate("RDS-EVENT-0042", Fate::Times(3));
    rig.snapshot("one").await?;
    let automated = rig.server.take_automated_snapshot(&place(EAST, "alone")).await?;
    assert!(automated.id.starts_with("rds:alone-20"), "{}", automated.id);
    rig.told("RDS-EVENT-0091").await?;
    let (manual, automated) = ("RDS-EVENT-0042", "RDS-EVENT-0091");
    assert_eq!(rig.outside.event_ids(), [manual, manual, manual, automated]);
    let event = rig.outside.events.lock().unwrap()[0].clone();
    let source = "arn:aws:rds:us-west-2:123456789012:snapshot:one";
    let expected = json!({
        "EventCategories": ["creation"],
        "SourceType": "SNAPSHOT",
        "SourceArn": source,
        "Date": event["detail"]["Date"],
        "Message": "Manual snapshot created",
        "SourceIdentifier": "one",
        "EventID": "RDS-EVENT-0042",
    });
    assert_eq!(event["detail"], expected);
    assert_eq!(event["resources"], json!([source]));
    assert_eq!(event["detail-type"], "RDS DB Snapshot Event");
    // RDS itself knows of all of them, also of the lost one.
    let asked = json!({ "SourceIdentifier": "one" });
    let told = rig.call(WEST, "describe_events", asked).await?;
    assert_eq!(told["Events"].as_array().unwrap().len(), 2);
    Ok(())
}

#[tokio::test]
async fn nothing_is_heard_of_a_lost_region() -> Result<()> {
    let rig = Rig::start(Recorder::default()).await?;
    rig.server.pace(|pace| pace.snapshot = Duration::from_millis(50));
    rig.server.lose(EAST);
    let copy = json!({
        "SourceDBSnapshotIdentifier": "arn:aws:rds:us-east-1:123456789012:snapshot:one",
        "TargetDBSnapshotIdentifier": "two",
    });
    assert_eq!(rig.code(WEST, "copy_db_snapshot", copy).await, "DBSnapshotNotFound");
    let lost = place(EAST, "alone");
    rig.server.take_automated_snapshot(&lost).await?;
    wait::until("a backup in the lost region", LONG, async || {
        Ok((rig.server.status(&lost) == Some(Status::Available)).then_some(()))
    })
    .await?;
    rig.snapshot("here").await?;
    rig.told("RDS-EVENT-0042").await?;
    assert_eq!(rig.outside.event_ids(), ["RDS-EVENT-0040", "RDS-EVENT-0042"]);
    Ok(())
}

#[tokio::test]
async fn a_copy_fails_when_its_source_is_lost_on_the_way() -> Result<()> {
    let rig = Rig::start(Recorder::default()).await?;
    rig.server.pace(|pace| pace.copy = Duration::from_millis(1500));
    let create = json!({ "DBSnapshotIdentifier": "one", "DBInstanceIdentifier": "alone" });
    let made = rig.call(EAST, "create_db_snapshot", create).await?;
    rig.told("RDS-EVENT-0042").await?;
    let copy = json!({
        "SourceDBSnapshotIdentifier": made["DBSnapshot"]["DBSnapshotArn"],
        "TargetDBSnapshotIdentifier": "two",
    });
    let copying = rig.call(WEST, "copy_db_snapshot", copy).await?;
    assert_eq!(copying["DBSnapshot"]["Status"], "creating");
    rig.server.lose(EAST);
    rig.told("RDS-EVENT-0061").await?;
    let asked = json!({ "DBSnapshotIdentifier": "two" });
    let described = rig.call(WEST, "describe_db_snapshots", asked).await?;
    assert_eq!(described["DBSnapshots"][0]["Status"], "failed");
    Ok(())
}

#[tokio::test]
async fn a_replica_fails_when_its_source_is_lost_on_the_way() -> Result<()> {
    let rig = Rig::start(Recorder::default()).await?;
    let (source, replica) = (place(WEST, "alone-west"), place(EAST, "alone-t1"));
    let create = json!({
        "DBInstanceIdentifier": replica.id,
        "SourceDBInstanceIdentifier": "arn:aws:rds:us-west-2:123456789012:db:alone-west",
    });
    rig.call(EAST, "create_db_instance_read_replica", create.clone()).await?;
    assert_eq!(rig.server.status(&source), Some(Status::Modifying));
    rig.server.lose(WEST);
    wait::until("an end", LONG, async || {
        Ok((rig.server.status(&replica) == Some(Status::Failed)).then_some(()))
    })
    .await?;
    let lost = rig.server.mishaps();
    assert!(lost[0].contains("alone-t1: us-west-2 was lost meanwhile"), "{lost:?}");
    // What is in a region that is gone cannot be found from elsewhere.
    let mut another = create;
    another["DBInstanceIdentifier"] = json!("alone-t2");
    let refused = rig.code(EAST, "create_db_instance_read_replica", another).await;
    assert_eq!(refused, "DBInstanceNotFound");
    assert_eq!(*rig.outside.datapoints.lock().unwrap(), []);
    Ok(())
}

#[tokio::test]
async fn a_transition_can_last_for_ever() -> Result<()> {
    let rig = Rig::start(Recorder::default()).await?;
    rig.server.pace(|pace| pace.promotion_modifying = Duration::MAX);
    let replica = json!({ "DBInstanceIdentifier": "controller-db-west" });
    rig.call(WEST, "promote_read_replica", replica.clone()).await?;
    let done = wait::until("an end", Duration::from_secs(2), async || {
        let described = rig.call(WEST, "describe_db_instances", replica.clone()).await?;
        Ok((described["DBInstances"][0]["DBInstanceStatus"] != "modifying").then_some(()))
    });
    assert!(done.await.is_err());
    Ok(())
}

#[tokio::test]
async fn who_may_not_is_denied_before_anything_happens() -> Result<()> {
    let rig = Rig::start(Recorder::default()).await?;
    let resource = "arn:aws:rds:us-west-2:123456789012:db:controller-db-west";
    *rig.outside.denied.lock().unwrap() = Some(format!("rds:PromoteReadReplica {resource}"));
    let replica = json!({ "DBInstanceIdentifier": "controller-db-west" });
    let refused = rig.call(WEST, "promote_read_replica", replica.clone()).await.unwrap_err();
    assert_eq!(refused.code, "AccessDenied");
    assert!(refused.message.contains(resource), "{refused}");
    let status = rig.server.status(&place(WEST, "controller-db-west"));
    assert_eq!(status, Some(Status::Available));
    *rig.outside.denied.lock().unwrap() = None;
    let promoted = rig.call(WEST, "promote_read_replica", replica).await?;
    assert_eq!(promoted["DBInstance"]["DBInstanceStatus"], "modifying");
    Ok(())
}
