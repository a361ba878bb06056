//! The list of what has to be broken on purpose comes from the ports themselves: whatever changes the
//! world has tests that break it, kill the run before it and put the run to sleep before it.

use std::collections::BTreeSet;

use crate::export::{ASKED, SWEEP, stage};
use crate::faults::WAYS;
use crate::{
    artifacts, aviatrix, backup, capacity, caught_up, global, inbox, lock, planned, probe, prune,
    restore, sweep, verification,
};

/// The ports as they are written.
const PORTS: &str = include_str!("../../shared/act/src/ports.rs");

/// Methods that look and change nothing, and the clock's pause. A new method is one of these, or it is
/// broken on purpose.
const LOOKS: &[&str] = &[
    "Clock::pause",
    "Vault::read",
    "Vault::list",
    "Vault::versions",
    "Vault::facts",
    "Vault::read_back",
    "Vault::read_as_recovery",
    "Uploads::unfinished",
    "Standing::bucket",
    "Standing::replication",
    "Inbox::pushed",
    "Inbox::open_pushed",
    "Locks::has_object_lock",
    "Keys::key",
    "Keys::aws_s3_key",
    "Sources::open",
    "Dumps::table",
    "Controllers::written",
    "Controllers::open_written",
    "Artifacts::page",
    "Artifacts::open_artifact",
    "Databases::instance",
    "Databases::lag",
    "Restores::copies",
    "Restores::restored",
    "GlobalDatabases::member",
    "GlobalDatabases::member_lag",
    "Capacity::group",
    "Snapshots::snapshot",
    "Snapshots::export_task",
    "Dns::records",
    "Dns::is_in_sync",
    "Signals::look",
    "Monitoring::alarm",
];

/// Every `async fn` of every trait, as `Trait::method`.
fn methods() -> BTreeSet<String> {
    let mut port = "";
    let mut methods = BTreeSet::new();
    for line in PORTS.lines() {
        if let Some(named) = line.strip_prefix("pub trait ") {
            port = named.split([' ', ':', '<', '{']).next().unwrap();
        }
        if let Some(named) = line.strip_prefix("    async fn ") {
            let method = named.split(['(', '<']).next().unwrap();
            methods.insert(format!("{port}::{method}"));
        }
    }
    methods
}

/// FA6, FA13, FF1: every change that a port can make is reached by the tests that break it.
#[test]
fn whatever_changes_the_world_is_broken_on_purpose() {
    let mut broken: BTreeSet<&str> = BTreeSet::new();
    broken.extend(backup::trial().changes());
    broken.extend(caught_up::trial_of_catching_up().changes());
    broken.extend(lock::trial().changes());
    broken.extend(artifacts::trial().changes());
    broken.extend(inbox::trial().changes());
    broken.extend(aviatrix::trial().changes());
    broken.extend(verification::trial().changes());
    broken.extend(verification::trial_of_rejection().changes());
    broken.extend(stage("taking the snapshot", 0, ASKED).changes());
    broken.extend(stage("copying it", 1, SWEEP).changes());
    broken.extend(stage("starting the export", 2, SWEEP).changes());
    broken.extend(stage("seeing the export done", 3, SWEEP).changes());
    broken.extend(WAYS.iter().flat_map(|way| way.changes()));
    broken.extend(probe::changes());
    broken.extend(capacity::changes());
    broken.extend(planned::changes());
    broken.extend(restore::changes());
    broken.extend(global::changes());
    broken.extend(prune::trial().changes());
    broken.extend(sweep::trial().changes());
    broken.extend(sweep::trial_of_a_late_verdict().changes());
    let all = methods();
    let looks: BTreeSet<String> = LOOKS.iter().map(|look| (*look).to_owned()).collect();
    let changes: BTreeSet<&str> = all.difference(&looks).map(String::as_str).collect();
    println!("{} calls that change the world: {changes:?}", changes.len());
    let unbroken: Vec<_> = changes.difference(&broken).collect();
    assert!(unbroken.is_empty(), "no test breaks {unbroken:?}; or do they only look?");
    let unknown: Vec<_> = broken.difference(&changes).collect();
    assert!(unknown.is_empty(), "{unknown:?} are no calls of a port, or are said only to look");
}
