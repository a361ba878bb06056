//! The plans in infra/plans say what they seem to say, and the schema beside them is the reader's
//! own.

use std::fs;
use std::path::Path;

use warmspare_decide::dns::Alias;
use warmspare_decide::plan::throttle::compile;
use warmspare_decide::plan::{
    Appliance, Check, DatabaseKind, FenceDemand, From, Keep, Mode, Plan, Quorum, Target, schema,
};

use super::{COMPLETE, example, parse};

fn plan(name: &str) -> Plan {
    parse(&example(name)).unwrap_or_else(|problems| panic!("{name}: {problems}"))
}

fn paths(plan: &Plan) -> [Vec<&str>; 2] {
    [&plan.home, &plan.away].map(|site| site.health.iter().map(|h| h.path.as_str()).collect())
}

fn sources(plan: &Plan) -> Vec<&str> {
    plan.backup.sources.iter().map(|source| source.name.as_str()).collect()
}

/// A5: what is backed up where, and how many are kept, stands in the plan.
#[test]
fn device42_has_a_database_three_signals_and_an_automatic_failover() {
    let plan = plan("device42");
    assert_eq!(plan.system.as_str(), "controller");
    assert_eq!((plan.objectives.rpo_s, plan.objectives.rto_s), (93_600, 900));
    assert_eq!(plan.backup.keep, Keep::Newest(3.try_into().unwrap()));
    assert_eq!(plan.backup.encryption.key_arn().unwrap().region(), plan.away.region.as_str());
    assert_eq!(sources(&plan), ["config", "database"]);
    let From::Https(export) = &plan.backup.sources[0].from else { panic!("{plan:?}") };
    assert_eq!((export.timeout_s, export.bytes_max), (60, 64 << 30), "the defaults");
    let export = &export.endpoint;
    assert_eq!(export.url, "https://198.51.100.5:4343/export");
    // The SHA-256 of nothing begins so.
    assert_eq!(export.tls_pin.unwrap().0[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    let From::Postgres { host, port, tls, .. } = &plan.backup.sources[1].from else { panic!() };
    assert_eq!((host.as_str(), *port, *tls), ("db.east.example.com", 5432, true));
    let database = plan.database.as_ref().unwrap();
    assert_eq!((&database.kind, database.lag_s_max), (&DatabaseKind::Rds, 30));
    assert_eq!(database.export.as_ref().unwrap().prefix, "exports/");
    assert_eq!((plan.home.name.as_str(), plan.home.region.as_str()), ("east", "us-east-1"));
    let Appliance::Device42(west) = &plan.away.appliance else { panic!("{:?}", plan.away) };
    assert_eq!(west.url, "https://192.0.2.5:4343");
    assert_eq!(paths(&plan), [["vpn", "internet", "rds"], ["vpn", "internet", "rds"]]);
    assert_eq!(plan.home.health[2].check, Check::Replication);
    assert_eq!(plan.home.capacity.as_ref().unwrap().asg, "controller-east");
    assert_eq!((plan.dns.records[0].zone.as_str(), plan.dns.ttl_s), ("Z0123456789ABCDEFGHIJ", 60));
    let [record] = plan.dns.records.as_slice() else { panic!("{:?}", plan.dns) };
    assert_eq!((record.name.as_str(), record.kind.as_str()), ("controller.example.com", "A"));
    assert_eq!(
        (&record.home, &record.away),
        (
            &Target::Values(vec!["203.0.113.10".into()]),
            &Target::Values(vec!["203.0.113.20".into()])
        )
    );
    assert_eq!(
        (plan.failover.mode, plan.failover.fence),
        (Mode::Automatic, FenceDemand::Attempted)
    );
    assert_eq!(plan.failover.signals, Quorum { down: 2, of: 3 });
    assert_eq!((plan.failover.cooldown_s, plan.failover.per_day), (1_800, 2));
}

#[test]
fn aviatrix_keeps_one_backup_and_asks_before_it_fails_over() {
    let plan = plan("aviatrix");
    assert_eq!(plan.backup.keep, Keep::Overwrite);
    assert!(matches!(plan.backup.sources[0].from, From::Aviatrix(_)));
    assert!(matches!(plan.home.appliance, Appliance::Aviatrix(_)));
    assert_eq!((plan.failover.mode, plan.database), (Mode::Approve, None));
}

#[test]
fn habitat_builder_backs_up_metadata_before_artifacts() {
    let plan = plan("habitat-builder");
    assert_eq!(sources(&plan), ["metadata", "artifacts"]);
    let From::S3(store) = &plan.backup.sources[1].from else { panic!() };
    assert_eq!(store.endpoint.as_deref(), Some("https://builder-east.example.com:9000"));
    assert_eq!(store.bucket, "habitat-builder-artifact-store.local");
    assert_eq!((store.prefix.as_str(), &store.region), ("", &None));
    assert!(store.secret.is_some() && store.tls_pin.is_some());
    let packages: Vec<_> = plan.packages().collect();
    let [(source, packages)] = packages.as_slice() else { panic!("{packages:?}") };
    assert_eq!((source.as_str(), packages.artifacts.as_str()), ("metadata", "artifacts"));
    assert_eq!(packages.url, "https://builder.example.com");
    assert!(matches!(plan.away.appliance, Appliance::HabitatBuilder(_)));
    let throttle = plan.backup.throttle.unwrap();
    assert_eq!(throttle.timezone.iana_name(), Some("Europe/Berlin"));
    let winter = compile(&throttle, "2026-12-01T00:00:00Z".parse().unwrap());
    let [interval] = winter.as_slice() else { panic!("{winter:?}") };
    assert_eq!(interval.start.to_string(), "07:00:00");
    assert_eq!(interval.end.to_string(), "16:59:00");
    assert_eq!((interval.days.len(), interval.bits_per_s), (5, 200_000_000));
}

#[test]
fn rds_spells_out_the_calls_of_its_application() {
    let plan = plan("rds");
    let Appliance::Http { endpoint, promote, fence } = &plan.home.appliance else { panic!() };
    assert_eq!(endpoint.url, "https://orders-east.example.com");
    assert_eq!(
        (promote.method.as_str(), promote.body.as_str(), promote.expect),
        ("DELETE", "", 204)
    );
    assert_eq!((fence.body.as_str(), fence.expect), ("{\"writes\": false}", 200));
    assert_eq!(fence.content_type, "application/json");
    assert_eq!(paths(&plan)[0], ["orders-east.example.com", "rds"]);
    assert_eq!(plan.dns.records[1].kind, "AAAA");
    assert_eq!(plan.failover.fence, FenceDemand::Confirmed);
}

#[test]
fn aurora_names_its_global_database_and_no_signal_that_a_cluster_cannot_give() {
    let plan = plan("aurora");
    let database = plan.database.as_ref().unwrap();
    let global_cluster = "catalog".to_owned();
    assert_eq!(database.kind, DatabaseKind::AuroraGlobal { global_cluster });
    assert_eq!(
        (database.source.as_str(), database.replica.as_str()),
        ("catalog-east", "catalog-west")
    );
    assert_eq!(paths(&plan), [["internet", "peering"], ["internet", "peering"]]);
    assert_eq!(plan.failover.mode, Mode::Approve);
}

#[test]
fn gateway_vms_are_adopted_from_the_inbox_and_failed_over_by_hand() {
    let plan = plan("gateway-vms");
    assert_eq!(plan.backup.sources[0].from, From::Upload);
    assert_eq!((plan.home.name.as_str(), plan.away.name.as_str()), ("datacenter", "cloud"));
    assert!(plan.home.capacity.is_none() && plan.away.capacity.is_some());
    assert_eq!(plan.backup.throttle.unwrap().intervals.len(), 2);
    assert_eq!(plan.failover.mode, Mode::Manual);
}

#[test]
fn the_canary_is_backed_up_and_goes_nowhere() {
    let plan = plan("canary");
    assert_eq!((plan.system.as_str(), sources(&plan)), ("canary", vec!["page"]));
    assert!(matches!(plan.backup.sources[0].from, From::Https(_)));
    assert_eq!(plan.objectives.rpo_s, 93_600, "BackupAgeMaxSeconds of system.yaml");
    assert_eq!((plan.failover.mode, plan.database), (Mode::Manual, None));
}

#[test]
fn what_may_be_written_in_several_ways_is_kept_in_one() {
    let plan = parse(COMPLETE).unwrap();
    let [a, aaaa, cname, txt, _alias] = plan.dns.records.as_slice() else {
        panic!("{:?}", plan.dns)
    };
    assert_eq!(a.name, "controller.example.com");
    let values =
        |values: &[&str]| Target::Values(values.iter().map(|value| (*value).to_owned()).collect());
    assert_eq!(aaaa.home, values(&["2001:db8::10"]));
    assert_eq!(cname.name, "*.apps.example.com");
    assert_eq!(cname.home, values(&["east.example.com"]));
    assert_eq!(txt.away, values(&["\"site=west\""]));
    assert_eq!(plan.dns.records[4].zone, "Z9876543210");
    assert_eq!(plan.dns.records[4].set_identifier.as_deref(), Some("blue"));
    let alias = |name: &str, evaluate| {
        let zone = "Z35SXDOTRQ7X7K".to_owned();
        Target::Alias(Alias { zone, name: name.to_owned(), evaluate })
    };
    assert_eq!(plan.dns.records[4].home, alias("dualstack.east-1.elb.example.com", true));
    assert_eq!(plan.dns.records[4].away, alias("dualstack.west-1.elb.example.com", false));
    assert_eq!(plan.home.appliance.endpoint().url, "https://198.51.100.5:4343");
    let Check::Tcp { host, port } = &plan.home.health[1].check else { panic!("{:?}", plan.home) };
    assert_eq!((host.as_str(), *port), ("2001:db8::5", 4343));
    assert_eq!(paths(&plan)[1], ["west.example.com", "192.0.2.5", "rds"]);
    assert_eq!(plan.backup.throttle.unwrap().intervals[1].bits_per_s, 51_200);
    let From::Postgres { tls, .. } = plan.backup.sources[1].from else { panic!() };
    assert!(!tls);
}

#[test]
fn the_schema_is_the_one_that_is_checked_in() {
    let wanted = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let checked_in = root.join("infra/plan.schema.json");
    if fs::read_to_string(&checked_in).unwrap_or_default() != wanted {
        let written = root.join("target/plan.schema.json");
        fs::create_dir_all(root.join("target")).unwrap();
        fs::write(&written, wanted).unwrap();
        panic!(
            "infra/plan.schema.json is not what the reader says; look at target/plan.schema.json \
                and copy it there"
        );
    }
}
