//! Every row of the fault matrix that a failover can meet is named by a test that stands for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Rows of all functions, and rows of the failover.
const ROWS: [(&str, u32); 2] = [("FA", 17), ("FF", 16)];

/// Rows of which no test says so yet.
const UNNAMED: [&str; 0] = [];

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

/// Words of the doc comments of tests: `FF3` of `/// FF3, I1: …`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let comments = text.lines().map(str::trim).filter(|line| line.starts_with("//"));
    comments.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()))
}

#[test]
fn every_row_of_the_fault_matrix_has_a_test_that_names_it() {
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
    let rows = ROWS.iter().flat_map(|(name, last)| (1..=*last).map(move |n| format!("{name}{n}")));
    let missing: Vec<String> = rows.filter(|row| !counts.contains_key(row)).collect();
    assert_eq!(missing, UNNAMED, "these rows are named by no test");
}
