//! Every row of the fault matrix that a backup, a verification or a failover can meet is named by a test that
//! stands for it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Rows of all functions, of the backup, of its verification, and of the failover.
const ROWS: [(&str, u32); 4] = [("FA", 17), ("FB", 11), ("FV", 9), ("FF", 16)];

/// What the seed systems do that concerns a backup: Aviatrix's backups and its older ones, Habitat's, how
/// an AWS Backup gateway is throttled, and those of a Device42 with a warm standby.
const SEEDS: [(&str, RangeInclusive<u32>); 5] =
    [("A", 1..=19), ("B", 1..=6), ("C", 1..=20), ("D", 17..=30), ("E", 3..=14)];

/// Sentences of theirs for which there is no test of a backup, and why.
const UNTESTED: [(&str, &str); 21] = [
    ("A1", "what a lost controller stops doing: nobody backs that up"),
    ("A2", "where gateways send their logs"),
    ("C1", "which high availability the seed's vendor supports"),
    ("C2", "how many machines a spare has"),
    ("C3", "where a spare stands"),
    ("C10", "restoring an appliance to the standby is not built"),
    ("C11", "restoring an appliance to the standby is not built"),
    ("C12", "how large a database is: any length is one stream"),
    ("C14", "what the seed's storage is to be like"),
    ("C15", "which file system a spare mounts"),
    ("C16", "who takes traffic is a matter of the failover: P2, not of a backup"),
    ("C18", "how the seed's storage is shared"),
    ("C20", "restoring an appliance to the standby is not built"),
    (
        "D20",
        "which gateways take a schedule: ours is obeyed by our own uploads, and asks no gateway",
    ),
    ("D28", "what a gateway answers: none is asked, gateway-backup is not built"),
    ("D29", "how a gateway is told: none is told, gateway-backup is not built"),
    ("E3", "what an appliance in standby leaves off is the appliance's own"),
    ("E5", "restoring an appliance to the standby is not built"),
    ("E7", "what two appliances have to have in common to restore is theirs"),
    ("E8", "restoring an appliance to the standby is not built"),
    ("E10", "people are told through SNS, which needs no mail server"),
];

/// What is inside of an appliance's archive is the appliance's: no byte of it is looked at.
const INSIDE: [&str; 3] = ["E11", "E13", "E14"];

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for found in fs::read_dir(folder).unwrap() {
        let path = found.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

fn is_test(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.contains("/tests/") || path.ends_with("tests.rs")
}

/// Words of the doc comments of tests: `FF3` of `/// FF3, I1: …` above a `#[test]` and its function. What
/// another comment says names nothing.
fn named(text: &str) -> Vec<&str> {
    let (mut all, mut comments, mut is_test) = (Vec::new(), Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("///") {
            comments.push(line);
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        } else {
            if is_test {
                all.append(&mut comments);
            }
            comments.clear();
            is_test = false;
        }
    }
    all.into_iter().flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric())).collect()
}

#[test]
fn only_what_stands_above_a_test_names_a_row() {
    let text = "//! X1\n/// X2: of a helper.\nfn helper() {}\n/// X3.\n#[test]\n#[ignore = \"X4\"]\n\
                /// X5, X6.\nfn one() {\n    // X7\n}\n/// X8.\n#[tokio::test]\nasync fn two() {}\n\
                /// X9.\n#[cfg(test)]\nmod tests;\n";
    let found: Vec<&str> = named(text).into_iter().filter(|word| word.starts_with('X')).collect();
    assert_eq!(found, ["X3", "X5", "X6", "X8"]);
}

/// How often tests say each of these words.
fn counts() -> BTreeMap<String, usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["tests", "shared"] {
        sources(&root.join(folder).canonicalize().unwrap(), &mut files);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in files.iter().filter(|path| is_test(path)) {
        let text = fs::read_to_string(path).unwrap();
        for word in named(&text) {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn every_row_of_the_fault_matrix_has_a_test_that_names_it() {
    let counts = counts();
    let rows = ROWS.iter().flat_map(|(name, last)| (1..=*last).map(move |n| format!("{name}{n}")));
    let is_missing = |row: &String| !counts.contains_key(row);
    let missing: Vec<String> = rows.filter(is_missing).collect();
    assert_eq!(missing, [""; 0], "these rows are named by no test");
}

#[test]
fn whatever_a_seed_does_about_backups_has_a_test_that_names_it() {
    let counts = counts();
    let mut untested: BTreeMap<&str, &str> = UNTESTED.into_iter().collect();
    untested.extend(INSIDE.map(|id| (id, "what is inside of an archive")));
    let seeds = SEEDS.iter().flat_map(|(name, all)| all.clone().map(move |n| format!("{name}{n}")));
    let all: Vec<String> = seeds.collect();
    let is_missing =
        |id: &&String| !counts.contains_key(*id) && !untested.contains_key(id.as_str());
    let missing: Vec<&String> = all.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
    for (id, why) in untested {
        assert!(
            all.iter().any(|one| one == id) && !why.is_empty(),
            "{id} is no sentence of a seed"
        );
        assert!(!counts.contains_key(id), "{id} has no test ({why}), and a test names it");
    }
}
