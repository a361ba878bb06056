use super::*;

const FUNCTIONS: [&str; 6] = [
    "failover-promotion",
    "health-probe",
    "prune-backups",
    "scheduled-backup",
    "snapshot-export",
    "verify-upload",
];

/// The traits whose methods a function may call. Written here a second time on purpose: it is what
/// the bounds of its `answer` say.
fn ports_of(function: &str) -> &'static [&'static str] {
    match function {
        "failover-promotion" => &[
            "Vault",
            "Databases",
            "GlobalDatabases",
            "Restores",
            "Capacity",
            "Dns",
            "Appliances",
            "Signals",
            "Monitoring",
            "Bus",
        ],
        "health-probe" => &["Vault", "Databases", "Signals", "Monitoring"],
        "prune-backups" => &["Vault", "Deletion", "Bus"],
        "scheduled-backup" => &["Vault", "Locks", "Keys", "Sources", "Artifacts", "Inbox", "Bus"],
        "snapshot-export" => &["Vault", "Keys", "Snapshots", "Bus"],
        "verify-upload" => &["Vault", "Uploads", "Standing", "Keys", "Bus"],
        other => panic!("{other}"),
    }
}

/// Every action that the documentation of a trait's methods names, read from the source of the
/// ports.
fn named_by(port: &str) -> Vec<String> {
    let source = include_str!("../ports.rs");
    let is_its = |rest: &str| rest.starts_with(" {") || rest.starts_with(": ");
    let line = format!("pub trait {port}");
    let mut found = source.match_indices(&line).map(|(at, line)| (at, at + line.len()));
    let (begin, _) = found.find(|(_, end)| is_its(&source[*end..])).unwrap();
    let body = &source[begin..];
    let body = &body[..body.find("\n}\n").unwrap()];
    body.split('`').skip(1).step_by(2).filter(|word| is_action(word)).map(str::to_owned).collect()
}

fn is_action(word: &str) -> bool {
    word.split_once(':').is_some_and(|(service, action)| {
        service.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && action.starts_with(|c: char| c.is_ascii_uppercase())
    })
}

#[test]
fn every_action_is_named_by_a_port_that_the_function_has() {
    for function in FUNCTIONS {
        let named: Vec<String> =
            ports_of(function).iter().flat_map(|port| named_by(port)).collect();
        for action in of(function) {
            assert!(named.iter().any(|name| name == action), "{function}: no port names {action}");
        }
    }
}

/// The vault is a port of many methods, and each function calls some of them; of the other ports it
/// calls all, but for those named here.
#[test]
fn every_action_of_a_port_is_allowed_to_the_function_that_has_it() {
    let not_called = [
        ("health-probe", "kms:CreateGrant"),
        ("health-probe", "kms:DescribeKey"),
        ("health-probe", "rds:CreateDBInstanceReadReplica"),
        ("health-probe", "rds:PromoteReadReplica"),
        ("health-probe", "rds:StopDBInstance"),
        ("health-probe", "cloudwatch:GetMetricStatistics"),
        ("health-probe", "cloudwatch:DescribeAlarms"),
    ];
    for function in FUNCTIONS {
        for port in ports_of(function).iter().filter(|port| **port != "Vault") {
            for action in named_by(port) {
                let is_allowed = of(function).contains(&action.as_str());
                let is_called = !not_called.contains(&(function, action.as_str()));
                assert_eq!(is_allowed, is_called, "{function}: {action} of {port}");
            }
        }
    }
}

#[test]
fn each_list_is_in_order_and_names_nothing_twice() {
    for function in FUNCTIONS {
        let list = of(function);
        assert!(!list.is_empty(), "{function}");
        assert!(list.windows(2).all(|two| two[0] < two[1]), "{function}: {list:?}");
    }
    assert!(of("a function that is not there").is_empty());
}
