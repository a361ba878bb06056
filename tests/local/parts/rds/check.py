"""Holds the RDS server against botocore's own model of RDS: every action, every answer, every refusal.

Usage: rds_check.py URL. The server has, when this begins, in us-east-1 `controller-db` (encrypted,
with a replica) and `alone`, a global database `catalog` of `catalog-east` (which writes) and, in us-west-2,
`catalog-west`, and in us-west-2 `controller-db-west` (the replica) and `alone-west`. Each
answer is read twice: by boto3 as anybody reads it, and element by element against the model, because
boto3 passes over what it does not know.
"""

import json
import re
import sys
import time
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
EAST, WEST = "us-east-1", "us-west-2"
ACCOUNT = "123456789012"
WEST_KEY = f"arn:aws:kms:{WEST}:{ACCOUNT}:key/11111111-2222-4333-8444-555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/export"
COMMON = {"MissingParameter", "InvalidParameterValue", "InvalidParameterCombination", "InvalidAction"}
# What AWS answers although its own model does not list it for the operation.
UNLISTED = {"ExportTaskLimitReachedFault"}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SEEN = {"answers": 0, "refusals": 0}


def client(region):
    made = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=region,
    ).client("rds", endpoint_url=URL, config=Config(retries={"total_max_attempts": 1}))
    made.meta.events.register("before-parse.rds.*", check_answer)
    return made


def check_answer(operation_model, response_dict, **_):
    if response_dict["status_code"] >= 300:
        return
    root = ElementTree.fromstring(response_dict["body"])
    name = operation_model.name
    namespace, found = local(root)
    assert (namespace, found) == ("http://rds.amazonaws.com/doc/2014-10-31/", name + "Response"), found
    shape = operation_model.output_shape
    wrapper = shape.serialization["resultWrapper"]
    assert [local(child)[1] for child in root] == [wrapper, "ResponseMetadata"], name
    check_shape(root[0], shape, name)
    SEEN["answers"] += 1


def local(element):
    namespace, _, name = element.tag[1:].partition("}")
    return namespace, name


def check_shape(element, shape, path):
    if shape.type_name == "structure":
        names = [local(child)[1] for child in element]
        assert len(names) == len(set(names)), f"{path}: an element twice: {names}"
        for child in element:
            name = local(child)[1]
            assert name in shape.members, f"{path}: the model has no {name}"
            check_shape(child, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            assert local(child)[1] == item, f"{path}: {local(child)[1]} instead of {item}"
            check_shape(child, shape.member, f"{path}[]")
    else:
        text = element.text or ""
        assert len(element) == 0, f"{path}: elements instead of a value"
        fits = {
            "string": True,
            "boolean": text in ("true", "false"),
            "integer": text.lstrip("-").isdigit(),
            "long": text.lstrip("-").isdigit(),
            "timestamp": bool(ISO.fullmatch(text)),
        }[shape.type_name]
        assert fits, f"{path}: {text!r} is no {shape.type_name}"


def refused(code, status, call, **args):
    operation = call.__self__.meta.method_to_api_mapping[call.__name__]
    model = call.__self__.meta.service_model.operation_model(operation)
    listed = {shape.metadata["error"]["code"]: shape.metadata["error"]["httpStatusCode"]
              for shape in model.error_shapes}
    try:
        call(**args)
    except ClientError as error:
        answered = error.response["Error"]["Code"]
        assert answered == code, f"{operation} {args}: {answered} instead of {code}"
        assert answered in listed or answered in COMMON or answered in UNLISTED, answered
        http = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert http == status == listed.get(code, status), f"{operation}: {code} came with {http}"
        assert error.response["Error"]["Type"] == "Sender", operation
        assert error.response["Error"]["Message"], operation
        assert error.response["ResponseMetadata"]["RequestId"], operation
        if answered in listed:
            assert type(error).__name__ != "ClientError", f"{answered} has no class of its own"
        SEEN["refusals"] += 1
        return error.response["Error"]["Message"]
    raise AssertionError(f"{operation} {args} was not refused")


def until(what, ask):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not so after 20 s")


east, west = client(EAST), client(WEST)


def instance(rds, name):
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def snapshot(rds, name):
    return rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]


def available(rds, name):
    rds.get_waiter("db_snapshot_available").wait(
        DBSnapshotIdentifier=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return snapshot(rds, name)


def check_instances():
    primary, replica = instance(east, "controller-db"), instance(west, "controller-db-west")
    assert [it["DBInstanceIdentifier"] for it in east.describe_db_instances()["DBInstances"]] == [
        "alone", "controller-db"]
    assert primary["DBInstanceStatus"] == "available" and primary["Engine"] == "postgres"
    assert primary["StorageEncrypted"] and primary["KmsKeyId"].startswith("arn:aws:kms:us-east-1:")
    assert primary["BackupRetentionPeriod"] == 7 and "LatestRestorableTime" in primary
    assert primary["Endpoint"] == {"Address": "127.0.0.1", "Port": 5432,
                                   "HostedZoneId": "Z2R2ITUGPM61AM"}
    assert primary["ReadReplicaDBInstanceIdentifiers"] == [
        f"arn:aws:rds:{WEST}:{ACCOUNT}:db:controller-db-west"]
    assert "ReadReplicaSourceDBInstanceIdentifier" not in primary and primary["StatusInfos"] == []
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == primary["DBInstanceArn"]
    assert replica["StatusInfos"] == [
        {"StatusType": "read replication", "Normal": True, "Status": "replicating"}]
    assert replica["BackupRetentionPeriod"] == 0
    by_arn = east.describe_db_instances(
        Filters=[{"Name": "db-instance-id", "Values": [primary["DBInstanceArn"], "other"]}])
    assert len(by_arn["DBInstances"]) == 1
    assert east.describe_db_instances(
        Filters=[{"Name": "engine", "Values": ["mysql"]}])["DBInstances"] == []
    refused("DBInstanceNotFound", 404, east.describe_db_instances, DBInstanceIdentifier="nope")
    refused("DBInstanceNotFound", 404, west.describe_db_instances, DBInstanceIdentifier="alone")
    refused("InvalidParameterValue", 400, east.describe_db_instances,
            Filters=[{"Name": "colour", "Values": ["red"]}])
    refused("InvalidParameterValue", 400, east.describe_db_instances, MaxRecords=5)
    east.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="alone", WaiterConfig={"Delay": 1, "MaxAttempts": 2})


def check_snapshots():
    made = east.create_db_snapshot(
        DBSnapshotIdentifier="One-Two", DBInstanceIdentifier="controller-db",
        Tags=[{"Key": "system", "Value": "controller"}])["DBSnapshot"]
    assert made["DBSnapshotIdentifier"] == "one-two" and made["Status"] == "creating"
    assert made["PercentProgress"] < 100 and "SnapshotCreateTime" not in made
    assert instance(east, "controller-db")["DBInstanceStatus"] == "backing-up"
    refused("InvalidDBInstanceState", 400, east.create_db_snapshot,
            DBSnapshotIdentifier="two", DBInstanceIdentifier="controller-db")
    refused("InvalidDBSnapshotState", 400, east.delete_db_snapshot, DBSnapshotIdentifier="one-two")
    refused("InvalidDBSnapshotState", 400, west.copy_db_snapshot, KmsKeyId=WEST_KEY,
            SourceDBSnapshotIdentifier=made["DBSnapshotArn"], TargetDBSnapshotIdentifier="copy")
    refused("DBSnapshotAlreadyExists", 400, east.create_db_snapshot,
            DBSnapshotIdentifier="one-two", DBInstanceIdentifier="alone")
    refused("DBInstanceNotFound", 404, east.create_db_snapshot,
            DBSnapshotIdentifier="two", DBInstanceIdentifier="nope")
    for name in ("1two", "two-", "tw--o", "tw_o"):
        refused("InvalidParameterValue", 400, east.create_db_snapshot,
                DBSnapshotIdentifier=name, DBInstanceIdentifier="alone")
    done = available(east, "one-two")
    assert done["PercentProgress"] == 100 and done["SnapshotType"] == "manual"
    assert done["SnapshotCreateTime"] == done["OriginalSnapshotCreateTime"]
    assert done["Encrypted"] and done["KmsKeyId"] == instance(east, "controller-db")["KmsKeyId"]
    assert done["TagList"] == [{"Key": "system", "Value": "controller"}]
    assert instance(east, "controller-db")["DBInstanceStatus"] == "available"
    assert len(east.describe_db_snapshots(DBInstanceIdentifier="controller-db")["DBSnapshots"]) == 1
    assert east.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"] == []
    refused("DBSnapshotNotFound", 404, east.describe_db_snapshots, DBSnapshotIdentifier="nope")
    return done


def check_copies(source):
    arn = source["DBSnapshotArn"]
    refused("DBSnapshotNotFound", 404, west.copy_db_snapshot, KmsKeyId=WEST_KEY,
            SourceDBSnapshotIdentifier="one-two", TargetDBSnapshotIdentifier="copy")
    refused("InvalidParameterCombination", 400, west.copy_db_snapshot,
            SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="copy")
    refused("KMSKeyNotAccessibleFault", 400, west.copy_db_snapshot, KmsKeyId=source["KmsKeyId"],
            SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="copy")
    copy = west.copy_db_snapshot(SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="copy",
                                 KmsKeyId=WEST_KEY, CopyTags=True, SourceRegion=EAST)["DBSnapshot"]
    assert copy["Status"] == "creating" and copy["SourceRegion"] == EAST
    assert copy["SourceDBSnapshotIdentifier"] == arn and copy["KmsKeyId"] == WEST_KEY
    refused("DBSnapshotAlreadyExists", 400, west.copy_db_snapshot, KmsKeyId=WEST_KEY,
            SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="copy")
    refused("InvalidExportSourceState", 400, west.start_export_task, **export("early", copy))
    seen = until("a copy on its way", lambda: 0 < snapshot(west, "copy")["PercentProgress"] < 100)
    assert seen
    done = available(west, "copy")
    assert done["OriginalSnapshotCreateTime"] == source["SnapshotCreateTime"]
    assert done["SnapshotCreateTime"] > source["SnapshotCreateTime"]
    assert done["TagList"] == source["TagList"]
    # In one region the source is named by its identifier, and the key stays.
    here = east.copy_db_snapshot(
        SourceDBSnapshotIdentifier="one-two", TargetDBSnapshotIdentifier="again")["DBSnapshot"]
    assert here["KmsKeyId"] == source["KmsKeyId"] and here["TagList"] == []
    return done


def export(task, source, **others):
    return {"ExportTaskIdentifier": task, "SourceArn": source["DBSnapshotArn"],
            "S3BucketName": "exports", "IamRoleArn": ROLE, "KmsKeyId": WEST_KEY, **others}


def task(name):
    return west.describe_export_tasks(ExportTaskIdentifier=name)["ExportTasks"][0]


def check_exports(source):
    for name in ("1task", "task-", "ta--sk", "ta_sk", "täsk"):
        message = refused("InvalidParameterValue", 400, west.start_export_task, **export(name, source))
        assert "must begin with a letter" in message
    nowhere = {"DBSnapshotArn": f"arn:aws:rds:{WEST}:{ACCOUNT}:snapshot:nope"}
    refused("DBSnapshotNotFound", 404, west.start_export_task, **export("task", nowhere))
    refused("IamRoleNotFound", 404, west.start_export_task,
            **export("task", source, IamRoleArn=f"arn:aws:iam::{ACCOUNT}:role/missing"))
    refused("KMSKeyNotAccessibleFault", 400, west.start_export_task,
            **export("task", source, KmsKeyId=WEST_KEY.replace(WEST, EAST)))
    refused("InvalidS3BucketFault", 400, west.start_export_task,
            **export("task", source, S3BucketName="missing"))
    refused("InvalidExportOnly", 400, west.start_export_task,
            **export("task", source, ExportOnly=["nosuchdatabase"]))
    started = west.start_export_task(
        **export("task", source, S3Prefix="exports/", ExportOnly=["d42.public"]))
    assert started["Status"] == "STARTING" and started["PercentProgress"] == 0
    assert started["SourceType"] == "SNAPSHOT" and started["ExportOnly"] == ["d42.public"]
    assert "TaskStartTime" not in started and "SnapshotTime" in started
    refused("ExportTaskAlreadyExists", 400, west.start_export_task, **export("task", source))
    refused("InvalidExportSourceState", 400, west.start_export_task, **export("another", source))
    filtered = lambda status: west.describe_export_tasks(
        Filters=[{"Name": "status", "Values": [status]}])["ExportTasks"]
    assert len(filtered("starting")) == 1 and filtered("STARTING") == []
    until("an export in progress", lambda: task("task")["Status"] == "IN_PROGRESS")
    until("a complete export", lambda: task("task")["Status"] == "COMPLETE")
    done = task("task")
    assert done["PercentProgress"] == 100 and done["TaskStartTime"] <= done["TaskEndTime"]
    assert json.loads(done["WarningMessage"]) == {
        "skippedTables": [{"target": "d42.public.audit", "reason": "PERMISSIONS_DO_NOT_EXIST"}],
        "skippedObjectives": [], "general": []}
    assert len(filtered("complete")) == 1 and filtered("in_progress") == []
    refused("InvalidExportTaskStateFault", 400, west.cancel_export_task, ExportTaskIdentifier="task")
    refused("ExportTaskNotFound", 404, west.cancel_export_task, ExportTaskIdentifier="nope")
    refused("ExportTaskNotFound", 404, west.describe_export_tasks, ExportTaskIdentifier="nope")


def check_export_limit():
    sources = []
    for number in range(6):
        name = f"source-{number}"
        west.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier="alone-west")
        until("a source", lambda: snapshot(west, name)["Status"] == "available")
        sources.append(snapshot(west, name))
    for number in range(5):
        west.start_export_task(**export(f"many-{number}", sources[number]))
    refused("ExportTaskLimitReachedFault", 400, west.start_export_task, **export("six", sources[5]))
    canceled = west.cancel_export_task(ExportTaskIdentifier="many-0")
    assert canceled["Status"] == "CANCELING"
    until("a canceled export", lambda: task("many-0")["Status"] == "CANCELED")
    west.start_export_task(**export("six", sources[5]))
    gone = west.delete_db_snapshot(DBSnapshotIdentifier="source-0")["DBSnapshot"]
    assert gone["Status"] == "deleted"
    refused("DBSnapshotNotFound", 404, west.delete_db_snapshot, DBSnapshotIdentifier="source-0")
    page = west.describe_db_snapshots(MaxRecords=20)
    assert "Marker" not in page and len(page["DBSnapshots"]) == 6


def check_stops():
    for rds, name, role in ((east, "controller-db", "has"), (west, "controller-db-west", "is")):
        message = refused("InvalidDBInstanceState", 400, rds.stop_db_instance, DBInstanceIdentifier=name)
        assert f"because it {role} a read replica" in message
    refused("InvalidDBInstanceState", 400, east.start_db_instance, DBInstanceIdentifier="alone")
    refused("DBInstanceNotFound", 404, east.stop_db_instance, DBInstanceIdentifier="nope")
    stopping = east.stop_db_instance(DBInstanceIdentifier="alone")["DBInstance"]
    assert stopping["DBInstanceStatus"] == "stopping"
    until("a stopped instance", lambda: instance(east, "alone")["DBInstanceStatus"] == "stopped")
    refused("InvalidDBInstanceState", 400, east.stop_db_instance, DBInstanceIdentifier="alone")
    refused("InvalidDBInstanceState", 400, east.create_db_snapshot,
            DBSnapshotIdentifier="stopped", DBInstanceIdentifier="alone")
    starting = east.start_db_instance(DBInstanceIdentifier="alone")["DBInstance"]
    assert starting["DBInstanceStatus"] == "starting"
    east.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="alone", WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def check_promotion():
    refused("DBInstanceNotFound", 404, west.promote_read_replica, DBInstanceIdentifier="nope")
    refused("InvalidDBInstanceState", 400, east.promote_read_replica, DBInstanceIdentifier="alone")
    refused("InvalidParameterValue", 400, west.promote_read_replica,
            DBInstanceIdentifier="controller-db-west", BackupRetentionPeriod=36)
    promoted = west.promote_read_replica(
        DBInstanceIdentifier="controller-db-west", BackupRetentionPeriod=3)["DBInstance"]
    assert promoted["DBInstanceStatus"] == "modifying"
    refused("InvalidDBInstanceState", 400, west.promote_read_replica,
            DBInstanceIdentifier="controller-db-west")
    seen = []

    def is_done():
        now = instance(west, "controller-db-west")
        word, is_replica = now["DBInstanceStatus"], "ReadReplicaSourceDBInstanceIdentifier" in now
        if (word, is_replica) not in seen:
            seen.append((word, is_replica))
        return word == "available"

    until("a promoted instance", is_done)
    assert seen == [("modifying", True), ("rebooting", True), ("available", False)], seen
    now = instance(west, "controller-db-west")
    assert now["BackupRetentionPeriod"] == 3 and now["StatusInfos"] == []
    assert instance(east, "controller-db")["ReadReplicaDBInstanceIdentifiers"] == []
    refused("InvalidDBInstanceState", 400, west.promote_read_replica,
            DBInstanceIdentifier="controller-db-west")


def check_replicas():
    source = instance(west, "controller-db-west")
    arn = source["DBInstanceArn"]
    make = east.create_db_instance_read_replica

    def replica(name, of=arn, **others):
        return {"DBInstanceIdentifier": name, "SourceDBInstanceIdentifier": of, **others}

    for name in ("1two", "two-", "tw--o", "tw_o", "t" * 64):
        refused("InvalidParameterValue", 400, make, **replica(name))
    refused("DBInstanceAlreadyExists", 400, make, **replica("controller-db"))
    refused("DBInstanceNotFound", 404, make, **replica("new", "controller-db-west"))
    refused("DBInstanceNotFound", 404, make, **replica("new", arn + "x"))
    # Not encrypted, so no key; encrypted in another region, so a key of that region.
    here = WEST_KEY.replace(WEST, EAST)
    refused("InvalidParameterCombination", 400, make, **replica("new", KmsKeyId=here))
    encrypted = instance(east, "controller-db")["DBInstanceArn"]
    refused("InvalidParameterCombination", 400, west.create_db_instance_read_replica,
            **replica("new", encrypted))
    refused("KMSKeyNotAccessibleFault", 400, west.create_db_instance_read_replica,
            **replica("new", encrypted, KmsKeyId=here))
    refused("InvalidParameterCombination", 400, make, **replica("new", "controller-db", KmsKeyId=here))
    made = make(**replica("Controller-DB-t1", DBInstanceClass="db.m6g.large", Port=5432,
                          MultiAZ=False, PubliclyAccessible=False, DeletionProtection=True,
                          VpcSecurityGroupIds=["sg-0123456789abcdef0"]))["DBInstance"]
    assert made["DBInstanceIdentifier"] == "controller-db-t1" and "Endpoint" not in made
    assert made["DBInstanceStatus"] == "creating" and made["BackupRetentionPeriod"] == 0
    assert made["DBInstanceClass"] == "db.m6g.large" and not made["StorageEncrypted"]
    assert made["ReadReplicaSourceDBInstanceIdentifier"] == arn
    assert instance(west, "controller-db-west")["DBInstanceStatus"] == "modifying"
    refused("DBInstanceAlreadyExists", 400, make, **replica("controller-db-t1"))
    refused("InvalidDBInstanceState", 400, make, **replica("new"))
    refused("InvalidDBInstanceState", 400, east.promote_read_replica,
            DBInstanceIdentifier="controller-db-t1")
    east.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="controller-db-t1", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    done = instance(east, "controller-db-t1")
    assert done["Endpoint"]["Address"] == "127.0.0.1"
    assert done["StatusInfos"] == [
        {"StatusType": "read replication", "Normal": True, "Status": "replicating"}]
    now = instance(west, "controller-db-west")
    assert now["ReadReplicaDBInstanceIdentifiers"] == [done["DBInstanceArn"]]
    assert now["DBInstanceStatus"] == "available"
    # A replica has no backups, so it is no source.
    refused("InvalidDBInstanceState", 400, make, **replica("new", "controller-db-t1"))
    created = east.describe_events(SourceType="db-instance", SourceIdentifier="controller-db-t1")
    assert [event["Message"] for event in created["Events"]] == ["DB instance created"]


def check_restores():
    made = west.create_db_snapshot(DBSnapshotIdentifier="restorable", DBInstanceIdentifier="alone-west")
    restore = west.restore_db_instance_from_db_snapshot

    def instance_of(name, snapshot="restorable", **others):
        return {"DBInstanceIdentifier": name, "DBSnapshotIdentifier": snapshot, **others}

    refused("InvalidDBSnapshotState", 400, restore, **instance_of("restored"))
    west.get_waiter("db_snapshot_available").wait(
        DBSnapshotIdentifier="restorable", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    for name in ("1two", "two-", "tw--o", "tw_o", "t" * 64):
        refused("InvalidParameterValue", 400, restore, **instance_of(name))
    refused("DBInstanceAlreadyExists", 400, restore, **instance_of("alone-west"))
    refused("DBSnapshotNotFound", 404, restore, **instance_of("restored", "nope"))
    # A snapshot of another region is restored there.
    refused("DBSnapshotNotFound", 404, east.restore_db_instance_from_db_snapshot,
            **instance_of("restored", made["DBSnapshot"]["DBSnapshotArn"]))
    tags = [{"Key": "warmspare:term", "Value": "1"}, {"Key": "warmspare:system", "Value": "controller"}]
    made = restore(**instance_of(
        "Restored", DBInstanceClass="db.m6g.large", DBSubnetGroupName="west", MultiAZ=False,
        PubliclyAccessible=False, VpcSecurityGroupIds=["sg-0123456789abcdef0"], Tags=tags))["DBInstance"]
    assert made["DBInstanceIdentifier"] == "restored" and "Endpoint" not in made
    assert made["DBInstanceStatus"] == "creating" and made["DBInstanceClass"] == "db.m6g.large"
    assert made["TagList"] == tags and "ReadReplicaSourceDBInstanceIdentifier" not in made
    refused("DBInstanceAlreadyExists", 400, restore, **instance_of("restored"))
    seen = []

    def is_done():
        word = instance(west, "restored")["DBInstanceStatus"]
        if word not in seen:
            seen.append(word)
        return word == "available"

    until("a restored instance", is_done)
    assert seen[0] in ("creating", "backing-up") and seen[-1] == "available", seen
    assert instance(west, "restored")["TagList"] == tags
    assert instance(west, "restored")["Endpoint"]["Address"] == "127.0.0.1"


def check_events():
    events = west.describe_events(SourceType="db-snapshot", SourceIdentifier="copy")["Events"]
    assert [event["Message"] for event in events] == [
        "Started copy of snapshot one-two from region us-east-1.",
        "Finished copy of snapshot one-two from region us-east-1 in 1 minutes.",
        "The snapshot export task completed."]
    assert {event["SourceType"] for event in events} == {"db-snapshot"}
    created = east.describe_events(EventCategories=["creation"], Duration=5)["Events"]
    assert [event["EventCategories"] for event in created] == [["creation"], ["creation"]]
    refused("InvalidAction", 400, east.describe_db_proxies)


def check_clusters():
    name, home = "catalog", f"arn:aws:rds:{EAST}:{ACCOUNT}:cluster:catalog-east"
    away = f"arn:aws:rds:{WEST}:{ACCOUNT}:cluster:catalog-west"
    cluster = lambda rds, id: rds.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]
    database = lambda rds: rds.describe_global_clusters(GlobalClusterIdentifier=name)["GlobalClusters"][0]
    assert cluster(east, "catalog-east")["DBClusterArn"] == home
    assert cluster(west, "catalog-west")["Status"] == "available"
    refused("DBClusterNotFoundFault", 404, west.describe_db_clusters, DBClusterIdentifier="catalog-east")
    refused("GlobalClusterNotFoundFault", 404, east.describe_global_clusters,
            GlobalClusterIdentifier="nope")
    members = {it["DBClusterArn"]: it for it in database(west)["GlobalClusterMembers"]}
    assert members[home]["IsWriter"] and members[home]["Readers"] == [away]
    assert not members[away]["IsWriter"] and members[away]["SynchronizationStatus"] == "connected"
    assert "FailoverState" not in database(east)
    to = lambda arn, id=name, **others: {
        "GlobalClusterIdentifier": id, "TargetDbClusterIdentifier": arn, **others}
    for call in (west.failover_global_cluster, east.switchover_global_cluster):
        refused("GlobalClusterNotFoundFault", 404, call, **to(away, "nope"))
        refused("DBClusterNotFoundFault", 404, call, **to(away + "x"))
        refused("InvalidDBClusterStateFault", 400, call, **to(home))
    refused("InvalidParameterCombination", 400, west.failover_global_cluster,
            **to(away, AllowDataLoss=True, Switchover=True))

    def moved(call, arn, word, **others):
        begun = call(**to(arn, **others))["GlobalCluster"]
        assert begun["FailoverState"]["Status"] == "pending"
        assert begun["FailoverState"]["ToDbClusterArn"] == arn
        assert begun["FailoverState"]["IsDataLossAllowed"] == bool(others)
        refused("InvalidGlobalClusterStateFault", 400, call, **to(arn, **others))
        seen = set()

        def is_over():
            now = database(west)
            seen.add(now["Status"])
            return "FailoverState" not in now

        until("a change of the writer", is_over)
        assert seen == {"pending", word, "available"}, seen
        assert [it["DBClusterArn"] for it in database(east)["GlobalClusterMembers"] if it["IsWriter"]] == [arn]

    moved(west.failover_global_cluster, away, "failing-over", AllowDataLoss=True)
    moved(west.switchover_global_cluster, home, "switching-over")


check_instances()
check_clusters()
done = check_snapshots()
check_exports(check_copies(done))
check_export_limit()
check_stops()
check_promotion()
check_events()
check_replicas()
check_restores()
print(json.dumps(SEEN))
