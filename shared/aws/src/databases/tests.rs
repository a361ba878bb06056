use super::*;
use crate::replay::{Wire, query_error};

fn west() -> Region {
    Region::parse("us-west-2").unwrap()
}

fn described(instance: &str) -> String {
    format!(
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{instance}\
         </DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>"
    )
}

#[tokio::test]
async fn a_replica_says_whose_it_is_and_how_it_fares() {
    let wire = Wire::default().says(
        200,
        described(
            "<DBInstance><DBInstanceIdentifier>controller-db-west</DBInstanceIdentifier>\
             <DBInstanceStatus>available</DBInstanceStatus>\
             <ReadReplicaSourceDBInstanceIdentifier>\
             arn:aws:rds:us-east-1:123456789012:db:controller-db\
             </ReadReplicaSourceDBInstanceIdentifier>\
             <StatusInfos><DBInstanceStatusInfo><StatusType>read replication</StatusType>\
             <Normal>false</Normal><Status>error</Status><Message>it is broken</Message>\
             </DBInstanceStatusInfo></StatusInfos></DBInstance>",
        ),
    );
    let seen = wire.live().instance(&west(), "controller-db-west").await.unwrap();
    let Seen::Here(instance) = seen else { panic!("{seen:?}") };
    assert_eq!(
        instance.replica_of.as_deref(),
        Some("arn:aws:rds:us-east-1:123456789012:db:controller-db")
    );
    assert!(!instance.is_writer());
    assert_eq!(
        instance.replication,
        Some(Replication { normal: false, status: "error".to_owned() })
    );
    let sent = wire.only();
    assert_eq!(sent.line, "POST https://rds.us-west-2.amazonaws.com/");
    assert_eq!(
        sent.body,
        "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifier=controller-db-west"
    );
}

#[tokio::test]
async fn a_writer_names_its_replicas() {
    let wire = Wire::default().says(
        200,
        described(
            "<DBInstance><DBInstanceStatus>available</DBInstanceStatus>\
             <ReadReplicaSourceDBInstanceIdentifier></ReadReplicaSourceDBInstanceIdentifier>\
             <ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>west\
             </ReadReplicaDBInstanceIdentifier></ReadReplicaDBInstanceIdentifiers></DBInstance>",
        ),
    );
    let seen = wire.live().instance(&west(), "controller-db").await.unwrap();
    let Seen::Here(instance) = seen else { panic!("{seen:?}") };
    assert!(instance.is_writer());
    assert_eq!(instance.replicas, ["west"]);
    assert_eq!(instance.replication, None);
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_absent() {
    let body = query_error("DBInstanceNotFound", "DBInstance controller-db not found.");
    let wire = Wire::default().says(404, body);
    assert_eq!(wire.live().instance(&west(), "controller-db").await.unwrap(), Seen::Absent);
    let wire = Wire::default().says(200, described(""));
    assert_eq!(wire.live().instance(&west(), "controller-db").await.unwrap(), Seen::Absent);
}

#[tokio::test]
async fn promoting_and_stopping_name_the_instance_and_the_region() {
    let wire = Wire::default()
        .says(
            200,
            "<PromoteReadReplicaResponse><PromoteReadReplicaResult/></PromoteReadReplicaResponse>",
        )
        .says(200, "<StopDBInstanceResponse><StopDBInstanceResult/></StopDBInstanceResponse>");
    let live = wire.live();
    live.promote(&west(), "controller-db-west").await.unwrap();
    live.stop(&Region::parse("us-east-1").unwrap(), "controller-db").await.unwrap();
    let sent = wire.sent();
    assert!(sent[0].line.contains("rds.us-west-2.") && sent[1].line.contains("rds.us-east-1."));
    assert!(sent[0].body.starts_with("Action=PromoteReadReplica&"), "{}", sent[0].body);
    assert!(sent[0].body.ends_with("&DBInstanceIdentifier=controller-db-west"));
    assert!(sent[1].body.starts_with("Action=StopDBInstance&"), "{}", sent[1].body);
}

fn one(id: &str, region: &str, more: &str) -> String {
    described(&format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceArn>\
         arn:aws:rds:{region}:123456789012:db:{id}</DBInstanceArn>{more}</DBInstance>"
    ))
}

fn placed(id: &str, region: &str) -> Placed {
    Placed { id: id.to_owned(), region: Region::parse(region).unwrap() }
}

/// The replica is asked for in its own Region, and is like what stood there before.
#[tokio::test]
async fn a_replica_is_made_like_the_instance_that_was_left() {
    let left = "<DBInstanceClass>db.r6g.large</DBInstanceClass>\
                <DBSubnetGroup><DBSubnetGroupName>east</DBSubnetGroupName></DBSubnetGroup>\
                <VpcSecurityGroups><VpcSecurityGroupMembership>\
                <VpcSecurityGroupId>sg-1</VpcSecurityGroupId>\
                </VpcSecurityGroupMembership></VpcSecurityGroups><MultiAZ>true</MultiAZ>\
                <KmsKeyId>arn:aws:kms:us-east-1:123456789012:key/1</KmsKeyId>";
    let made = "<CreateDBInstanceReadReplicaResponse><CreateDBInstanceReadReplicaResult>\
                <DBInstance></DBInstance></CreateDBInstanceReadReplicaResult>\
                </CreateDBInstanceReadReplicaResponse>";
    let (writer, replica) =
        (placed("controller-db-west", "us-west-2"), placed("controller-db-t1", "us-east-1"));
    let like = placed("controller-db", "us-east-1");
    let wire = Wire::default()
        .says(200, one("controller-db-west", "us-west-2", ""))
        .says(200, one("controller-db", "us-east-1", left))
        .says(200, made);
    assert!(wire.live().seed(&writer, &replica, &like).await.unwrap());
    let sent = wire.sent();
    assert_eq!(sent[2].line, "POST https://rds.us-east-1.amazonaws.com/");
    for part in [
        "DBInstanceIdentifier=controller-db-t1",
        "SourceDBInstanceIdentifier=arn%3Aaws%3Ards%3Aus-west-2%3A123456789012%3Adb%3Acontroller-db-west",
        "DBInstanceClass=db.r6g.large",
        "DBSubnetGroupName=east",
        "VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1",
        "MultiAZ=true",
        "KmsKeyId=arn%3Aaws%3Akms%3Aus-east-1%3A123456789012%3Akey%2F1",
    ] {
        assert!(sent[2].body.contains(part), "{part}: {}", sent[2].body);
    }
    let exists = query_error("DBInstanceAlreadyExists", "DB instance already exists");
    let wire = Wire::default()
        .says(200, one("controller-db-west", "us-west-2", ""))
        .says(200, one("controller-db", "us-east-1", left))
        .says(400, exists);
    assert!(!wire.live().seed(&writer, &replica, &like).await.unwrap(), "of an earlier try");
    let wire = Wire::default()
        .says(200, one("controller-db-west", "us-west-2", ""))
        .says(404, query_error("DBInstanceNotFound", "not found"));
    let fault = wire.live().seed(&writer, &replica, &like).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent, "{fault}");
}
