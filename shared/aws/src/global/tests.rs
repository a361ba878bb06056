use super::*;
use crate::replay::{Wire, query_error};

const EAST: &str = "arn:aws:rds:us-east-1:123456789012:cluster:controller-db";
const WEST: &str = "arn:aws:rds:us-west-2:123456789012:cluster:controller-db-west";

fn placed(id: &str, region: &str) -> Placed {
    Placed { id: id.to_owned(), region: Region::parse(region).unwrap() }
}

fn east() -> Placed {
    placed("controller-db", "us-east-1")
}

fn west() -> Placed {
    placed("controller-db-west", "us-west-2")
}

fn cluster(arn: &str, status: &str) -> String {
    format!(
        "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster>\
         <DBClusterArn>{arn}</DBClusterArn><Status>{status}</Status></DBCluster></DBClusters>\
         </DescribeDBClustersResult></DescribeDBClustersResponse>"
    )
}

/// A global database whose writer is this one of the two.
fn global(writer: &str, status: &str, more: &str) -> String {
    let member = |arn: &str, other: &str| {
        let is_writer = arn == writer;
        let rest = if is_writer {
            format!("<Readers><member>{other}</member></Readers>")
        } else {
            "<SynchronizationStatus>connected</SynchronizationStatus>".to_owned()
        };
        format!(
            "<GlobalClusterMember><DBClusterArn>{arn}</DBClusterArn>\
             <IsWriter>{is_writer}</IsWriter>{rest}</GlobalClusterMember>"
        )
    };
    format!(
        "<DescribeGlobalClustersResponse><DescribeGlobalClustersResult><GlobalClusters>\
         <GlobalClusterMember><GlobalClusterIdentifier>controller-global</GlobalClusterIdentifier>\
         <Status>{status}</Status><GlobalClusterMembers>{}{}</GlobalClusterMembers>{more}\
         </GlobalClusterMember></GlobalClusters></DescribeGlobalClustersResult>\
         </DescribeGlobalClustersResponse>",
        member(EAST, WEST),
        member(WEST, EAST)
    )
}

fn moving(status: &str) -> String {
    format!(
        "<FailoverState><Status>{status}</Status><FromDbClusterArn>{EAST}</FromDbClusterArn>\
         <ToDbClusterArn>{WEST}</ToDbClusterArn><IsDataLossAllowed>true</IsDataLossAllowed>\
         </FailoverState>"
    )
}

async fn seen(cluster_says: String, global_says: String) -> Instance {
    let wire = Wire::default().says(200, cluster_says).says(200, global_says);
    let seen = wire.live().member("controller-global", &west()).await.unwrap();
    let Seen::Here(found) = seen else { panic!("{seen:?}") };
    found
}

#[tokio::test]
async fn a_cluster_replicates_the_writer_until_it_is_the_writer() {
    let found = seen(cluster(WEST, "available"), global(EAST, "available", "")).await;
    assert_eq!(found.replica_of.as_deref(), Some(EAST));
    assert!(found.is_promotable_from(&east()) && !found.is_writer());
    let replication = Replication { normal: true, status: "connected".to_owned() };
    assert_eq!(found.replication, Some(replication));

    let found = seen(cluster(WEST, "available"), global(WEST, "available", "")).await;
    assert!(found.is_writer());
    assert_eq!(
        (found.replicas.as_slice(), found.replication),
        ([EAST.to_owned()].as_slice(), None)
    );
}

#[tokio::test]
async fn a_change_that_is_under_way_is_told_from_both_ends() {
    for status in ["pending", "failing-over", "switching-over", "cancelling"] {
        for writer in [EAST, WEST] {
            let says = global(writer, "available", &moving(status));
            let found = seen(cluster(WEST, "available"), says).await;
            assert_eq!(found.status, status);
            assert!(!found.is_writer(), "{status}");
        }
    }
    // The old cluster is rebuilt for hours, and the writer writes meanwhile.
    let found = seen(cluster(WEST, "available"), global(WEST, "modifying", "")).await;
    assert!(found.is_writer());
    let found = seen(cluster(WEST, "available"), global(EAST, "modifying", "")).await;
    assert_eq!(found.status, "modifying");
}

#[tokio::test]
async fn the_looks_go_to_the_region_of_the_cluster() {
    let wire = Wire::default()
        .says(200, cluster(EAST, "available"))
        .says(200, global(WEST, "available", ""));
    wire.live().member("controller-global", &east()).await.unwrap();
    let sent = wire.sent();
    assert!(sent.iter().all(|sent| sent.line == "POST https://rds.us-east-1.amazonaws.com/"));
    assert_eq!(
        sent[0].body,
        "Action=DescribeDBClusters&Version=2014-10-31&DBClusterIdentifier=controller-db"
    );
    assert_eq!(
        sent[1].body,
        "Action=DescribeGlobalClusters&Version=2014-10-31&\
         GlobalClusterIdentifier=controller-global"
    );
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_absent_and_one_that_is_no_member_is_detached() {
    let missing = query_error("DBClusterNotFoundFault", "DBCluster not found.");
    let wire = Wire::default().says(404, missing);
    assert_eq!(wire.live().member("controller-global", &west()).await.unwrap(), Seen::Absent);

    let missing = query_error("GlobalClusterNotFoundFault", "Global cluster not found.");
    let wire = Wire::default().says(200, cluster(WEST, "available")).says(404, missing);
    let seen = wire.live().member("controller-global", &west()).await.unwrap();
    let other = "arn:aws:rds:us-west-2:123456789012:cluster:other";
    let wire = Wire::default()
        .says(200, cluster(other, "available"))
        .says(200, global(WEST, "available", ""));
    let stranger = wire.live().member("controller-global", &west()).await.unwrap();
    for seen in [seen, stranger] {
        let Seen::Here(found) = seen else { panic!("{seen:?}") };
        assert_eq!((found.status.as_str(), found.is_writer()), (DETACHED, false));
    }
}

#[tokio::test]
async fn a_failover_is_told_to_the_region_that_takes_over_and_allows_a_loss() {
    let wire = Wire::default().says(200, global(EAST, "available", "")).says(
        200,
        "<FailoverGlobalClusterResponse><FailoverGlobalClusterResult/>\
         </FailoverGlobalClusterResponse>",
    );
    wire.live().fail_over("controller-global", &west()).await.unwrap();
    let sent = wire.sent();
    assert!(sent.iter().all(|sent| sent.line == "POST https://rds.us-west-2.amazonaws.com/"));
    assert_eq!(
        sent[1].body,
        "Action=FailoverGlobalCluster&Version=2014-10-31&\
         GlobalClusterIdentifier=controller-global&TargetDbClusterIdentifier=\
         arn%3Aaws%3Ards%3Aus-west-2%3A123456789012%3Acluster%3Acontroller-db-west&\
         AllowDataLoss=true"
    );
}

#[tokio::test]
async fn a_switchover_is_told_to_the_region_that_writes_and_allows_none() {
    let wire = Wire::default().says(200, global(WEST, "available", "")).says(
        200,
        "<SwitchoverGlobalClusterResponse><SwitchoverGlobalClusterResult/>\
         </SwitchoverGlobalClusterResponse>",
    );
    wire.live().switch_over("controller-global", &west(), &east()).await.unwrap();
    let sent = wire.sent();
    assert!(sent.iter().all(|sent| sent.line == "POST https://rds.us-west-2.amazonaws.com/"));
    assert_eq!(
        sent[1].body,
        "Action=SwitchoverGlobalCluster&Version=2014-10-31&\
         GlobalClusterIdentifier=controller-global&TargetDbClusterIdentifier=\
         arn%3Aaws%3Ards%3Aus-east-1%3A123456789012%3Acluster%3Acontroller-db"
    );
}

/// Neither takes a condition, so the look right before it is one.
#[tokio::test]
async fn nothing_is_told_where_there_is_nothing_to_tell() {
    for says in [global(WEST, "available", ""), global(EAST, "available", &moving("pending"))] {
        let wire = Wire::default().says(200, says);
        wire.live().fail_over("controller-global", &west()).await.unwrap();
        assert!(wire.only().body.starts_with("Action=DescribeGlobalClusters"));
    }
    let wire = Wire::default().says(200, global(WEST, "available", ""));
    let other = placed("other", "us-west-2");
    let fault = wire.live().fail_over("controller-global", &other).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent, "{fault}");
    assert!(fault.to_string().contains("no member of the global database"), "{fault}");
}

#[tokio::test]
async fn what_aurora_refuses_now_it_may_allow_later() {
    for code in ["InvalidGlobalClusterStateFault", "InvalidDBClusterStateFault"] {
        let wire = Wire::default()
            .says(200, global(EAST, "available", ""))
            .says(400, query_error(code, "The cluster is not in a valid state."));
        let fault = wire.live().fail_over("controller-global", &west()).await.unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable, "{code}");
        assert!(fault.to_string().contains(code), "{fault}");
    }
}
