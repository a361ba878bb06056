//! From the name of an action to what does it, and to the permission that it takes.

use std::sync::Arc;

use super::model::Place;
use super::names::{arn, now, place_of};
use super::query::Call;
use super::refusal::Refusal;
use super::xml::Tree;
use super::{Inner, clusters, exports, instances, replicas, restores, shapes, snapshots};

pub(super) async fn act(inner: &Arc<Inner>, call: &Call) -> Result<Tree, Refusal> {
    for resource in resources(inner, call) {
        inner.check_permission(call, &call.action, &resource).await?;
    }
    // Whoever tags what it makes needs the permission for that too.
    if call.action == "RestoreDBInstanceFromDBSnapshot" && !call.tags().is_empty() {
        let place = Place::new(&call.region, call.text("DBInstanceIdentifier").unwrap_or("*"));
        let resource = arn(&inner.account, "db", &place);
        inner.check_permission(call, "AddTagsToResource", &resource).await?;
    }
    match call.action.as_str() {
        "DescribeDBInstances" => instances::describe(inner, call),
        "CreateDBInstanceReadReplica" => replicas::create(inner, call).await,
        "RestoreDBInstanceFromDBSnapshot" => restores::create(inner, call).await,
        "PromoteReadReplica" => instances::promote(inner, call),
        "StopDBInstance" => instances::stop(inner, call),
        "StartDBInstance" => instances::start(inner, call),
        "CreateDBSnapshot" => snapshots::create(inner, call).await,
        "DescribeDBSnapshots" => snapshots::describe(inner, call),
        "CopyDBSnapshot" => snapshots::copy(inner, call).await,
        "DeleteDBSnapshot" => snapshots::delete(inner, call),
        "StartExportTask" => exports::start(inner, call).await,
        "DescribeExportTasks" => exports::describe(inner, call),
        "CancelExportTask" => exports::cancel(inner, call),
        "DescribeDBClusters" => clusters::describe(inner, call),
        "DescribeGlobalClusters" => clusters::describe_global(inner, call),
        "FailoverGlobalCluster" => clusters::fail_over(inner, call),
        "SwitchoverGlobalCluster" => clusters::switch_over(inner, call),
        "DescribeEvents" => describe_events(inner, call),
        other => Err(Refusal::action(other, "2014-10-31")),
    }
}

/// The resources on which the caller needs the permission:
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html>.
fn resources(inner: &Inner, call: &Call) -> Vec<String> {
    let named = |parameter: &str, kind: &str| {
        let name = call.text(parameter).unwrap_or("*");
        match name.starts_with("arn:") {
            true => name.to_owned(),
            false => arn(&inner.account, kind, &Place::new(&call.region, name)),
        }
    };
    // It is one of no region.
    let global = || {
        let id = call.text("GlobalClusterIdentifier").unwrap_or("*");
        format!("arn:aws:rds::{}:global-cluster:{id}", inner.account)
    };
    match call.action.as_str() {
        "DescribeDBInstances" | "PromoteReadReplica" | "StopDBInstance" | "StartDBInstance" => {
            vec![named("DBInstanceIdentifier", "db")]
        }
        "CreateDBInstanceReadReplica" => {
            vec![named("DBInstanceIdentifier", "db"), named("SourceDBInstanceIdentifier", "db")]
        }
        "RestoreDBInstanceFromDBSnapshot" => {
            vec![
                named("DBInstanceIdentifier", "db"),
                named("DBSnapshotIdentifier", "snapshot"),
                named("DBSubnetGroupName", "subgrp"),
            ]
        }
        "CreateDBSnapshot" => {
            vec![named("DBInstanceIdentifier", "db"), named("DBSnapshotIdentifier", "snapshot")]
        }
        "DescribeDBSnapshots" | "DeleteDBSnapshot" => {
            vec![named("DBSnapshotIdentifier", "snapshot")]
        }
        "CopyDBSnapshot" => vec![
            named("SourceDBSnapshotIdentifier", "snapshot"),
            named("TargetDBSnapshotIdentifier", "snapshot"),
        ],
        "DescribeDBClusters" => vec![named("DBClusterIdentifier", "cluster")],
        "DescribeGlobalClusters" => vec![global()],
        "FailoverGlobalCluster" | "SwitchoverGlobalCluster" => {
            vec![global(), named("TargetDbClusterIdentifier", "cluster")]
        }
        // Export tasks and events have no resources to limit a permission to.
        _ => vec!["*".to_owned()],
    }
}

/// The events of the last hour, or of the last `Duration` minutes, also those that got lost.
fn describe_events(inner: &Inner, call: &Call) -> Result<Tree, Refusal> {
    let minutes = call.number("Duration")?.unwrap_or(60);
    let since = now() - jiff::SignedDuration::from_mins(i64::from(minutes));
    let categories = call.list("EventCategories.EventCategory");
    let state = inner.state();
    let region = state.regions.get(&call.region);
    let all = region.into_iter().flat_map(|region| region.events.iter());
    let detail = |event: &serde_json::Value, name: &str| {
        event
            .pointer(&format!("/detail/{name}"))
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    let found: Vec<_> = all
        .filter(|event| {
            let at = detail(event, "Date").and_then(|date| date.parse::<jiff::Timestamp>().ok());
            at.is_some_and(|at| at >= since)
        })
        .filter(|event| {
            let id = call
                .text("SourceIdentifier")
                .map(|id| place_of(id, "db").map_or(id.to_owned(), |it| it.id));
            id.is_none_or(|id| detail(event, "SourceIdentifier") == Some(id))
        })
        .filter(|event| {
            call.text("SourceType").is_none_or(|kind| shapes::source_type(event) == Some(kind))
        })
        .filter(|event| {
            let category = detail(event, "EventCategories/0");
            categories.is_empty() || category.is_some_and(|it| categories.contains(&it))
        })
        .collect();
    let (page, marker) = call.page(found)?;
    let shapes = page.into_iter().map(shapes::event);
    Ok(Tree::default().put_some("Marker", marker).list("Events", "Event", shapes))
}
