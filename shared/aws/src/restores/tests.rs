use warmspare_decide::name::{SystemName, Term};

use super::*;
use crate::replay::{Wire, query_error};

const COPY: &str = "warmspare-controller-db-2026-11-20t00-00-00z";

fn west() -> Placed {
    Placed { id: "controller-db-west".to_owned(), region: Region::parse("us-west-2").unwrap() }
}

fn how() -> Restore {
    Restore {
        class: "db.t4g.medium".to_owned(),
        subnet_group: "controller".to_owned(),
        security_groups: vec!["sg-0123456789abcdef0".to_owned(), "sg-01234567".to_owned()],
        parameter_group: None,
        multi_az: false,
    }
}

fn origin() -> Origin {
    let system = SystemName::parse("controller").unwrap();
    Origin { system, term: Term(3), snapshot: COPY.to_owned() }
}

fn page(snapshots: &str, marker: &str) -> String {
    format!(
        "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult>{marker}<DBSnapshots>{snapshots}\
         </DBSnapshots></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>"
    )
}

fn snapshot(id: &str, more: &str) -> String {
    format!(
        "<DBSnapshot><DBSnapshotIdentifier>{id}</DBSnapshotIdentifier>\
         <DBInstanceIdentifier>controller-db</DBInstanceIdentifier><Status>available</Status>\
         <SnapshotCreateTime>2026-11-20T05:00:00Z</SnapshotCreateTime>{more}</DBSnapshot>"
    )
}

/// Every page is read, and the age is that of the data and not of the copy.
#[tokio::test]
async fn all_copies_of_an_instance_are_listed_with_the_age_of_their_data() {
    let original = format!(
        "<OriginalSnapshotCreateTime>2026-11-20T00:10:00Z</OriginalSnapshotCreateTime>\
         <SourceDBSnapshotIdentifier>arn:aws:rds:us-east-1:123456789012:snapshot:{COPY}\
         </SourceDBSnapshotIdentifier>"
    );
    let wire = Wire::default()
        .says(200, page(&snapshot("by-hand", ""), "<Marker>more</Marker>"))
        .says(200, page(&snapshot(COPY, &original), ""));
    let found = wire.live().copies(&west().region, "controller-db").await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].taken_at, &found[0].source_arn), (None, &None));
    assert_eq!(found[1].taken_at, Some("2026-11-20T00:10:00Z".parse().unwrap()));
    assert_eq!(
        found[1].source_arn.as_deref(),
        Some(
            "arn:aws:rds:us-east-1:123456789012:snapshot:warmspare-controller-db-2026-11-20t00-00-00z"
        )
    );
    assert!(found[1].is_available() && found[1].of == "controller-db");
    let sent = wire.sent();
    assert_eq!(sent[0].line, "POST https://rds.us-west-2.amazonaws.com/");
    assert_eq!(
        sent[0].body,
        "Action=DescribeDBSnapshots&Version=2014-10-31&DBInstanceIdentifier=controller-db&\
         SnapshotType=manual"
    );
    assert!(sent[1].body.contains("&Marker=more"), "{}", sent[1].body);
}

#[tokio::test]
async fn no_copies_are_none_and_no_answer_is_a_fault() {
    let wire = Wire::default().says(200, page("", ""));
    assert_eq!(wire.live().copies(&west().region, "controller-db").await.unwrap(), []);
    let wire = Wire::default().says(404, query_error("DBInstanceNotFound", "not found"));
    assert_eq!(wire.live().copies(&west().region, "controller-db").await.unwrap(), []);
    let wire = Wire::default().says(403, query_error("AccessDenied", "not authorized"));
    let fault = wire.live().copies(&west().region, "controller-db").await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent, "{fault}");
}

#[tokio::test]
async fn a_restore_says_what_the_plan_says_and_writes_its_tags() {
    let made = "<RestoreDBInstanceFromDBSnapshotResponse><RestoreDBInstanceFromDBSnapshotResult>\
                <DBInstance></DBInstance></RestoreDBInstanceFromDBSnapshotResult>\
                </RestoreDBInstanceFromDBSnapshotResponse>";
    let wire = Wire::default().says(200, made);
    assert!(wire.live().restore(&west(), &how(), &origin()).await.unwrap());
    let sent = wire.only();
    assert_eq!(sent.line, "POST https://rds.us-west-2.amazonaws.com/");
    for part in [
        "Action=RestoreDBInstanceFromDBSnapshot&",
        "&DBInstanceIdentifier=controller-db-west&",
        "&DBSnapshotIdentifier=warmspare-controller-db-2026-11-20t00-00-00z&",
        "&DBInstanceClass=db.t4g.medium&",
        "&DBSubnetGroupName=controller&",
        "&MultiAZ=false&",
        "&PubliclyAccessible=false&",
        "Tags.Tag.1.Key=warmspare%3Asystem&Tags.Tag.1.Value=controller&",
        "Tags.Tag.2.Key=warmspare%3Aterm&Tags.Tag.2.Value=3&",
        "Tags.Tag.3.Key=warmspare%3Asnapshot&Tags.Tag.3.Value=warmspare-controller-db-2026",
        "VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-0123456789abcdef0",
        "VpcSecurityGroupIds.VpcSecurityGroupId.2=sg-01234567",
    ] {
        assert!(sent.body.contains(part), "{part}: {}", sent.body);
    }
    assert!(!sent.body.contains("DBParameterGroupName"), "{}", sent.body);
    let wire = Wire::default().says(200, made);
    let grouped = Restore { parameter_group: Some("controller-16".to_owned()), ..how() };
    wire.live().restore(&west(), &grouped, &origin()).await.unwrap();
    assert!(wire.only().body.contains("&DBParameterGroupName=controller-16"));
}

#[tokio::test]
async fn an_instance_of_that_name_is_no_fault_and_what_may_pass_is_hoped_for() {
    let refused = |status, code| Wire::default().says(status, query_error(code, "no"));
    let wire = refused(400, "DBInstanceAlreadyExists");
    assert!(!wire.live().restore(&west(), &how(), &origin()).await.unwrap(), "of an earlier try");
    for (code, hope) in [
        ("InsufficientDBInstanceCapacity", Hope::Retryable),
        ("InvalidDBSnapshotState", Hope::Retryable),
        ("DBSnapshotNotFound", Hope::Permanent),
        ("DBSubnetGroupNotFoundFault", Hope::Permanent),
    ] {
        let wire = refused(400, code);
        let fault = wire.live().restore(&west(), &how(), &origin()).await.unwrap_err();
        assert_eq!(fault.hope, hope, "{fault}");
    }
}

#[tokio::test]
async fn a_restored_instance_says_by_its_tags_whose_it_is() {
    let described = |more: &str| {
        format!(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>\
             <DBInstanceIdentifier>controller-db-west</DBInstanceIdentifier>\
             <DBInstanceStatus>backing-up</DBInstanceStatus>{more}</DBInstance></DBInstances>\
             </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
        )
    };
    let tags: String = origin()
        .tags()
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    let wire = Wire::default().says(200, described(&format!("<TagList>{tags}</TagList>")));
    let seen = wire.live().restored(&west()).await.unwrap();
    let Seen::Here(found) = seen else { panic!("{seen:?}") };
    assert_eq!((found.status.as_str(), found.origin), ("backing-up", Some(origin())));
    let wire = Wire::default().says(200, described(""));
    let Seen::Here(found) = wire.live().restored(&west()).await.unwrap() else { panic!() };
    assert_eq!(found.origin, None);
    let wire = Wire::default().says(404, query_error("DBInstanceNotFound", "not found"));
    assert_eq!(wire.live().restored(&west()).await.unwrap(), Seen::Absent);
}
