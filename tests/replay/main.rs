//! The command that decides again, on what a vault has kept. The stored files come from failovers of the
//! simulated world (`tests/world/replayed.rs` writes them); a decision that changes on purpose changes
//! what is here, and that is to be seen.

#![expect(clippy::unwrap_used, reason = "a test ends where it finds something wrong")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay").join(name)
}

/// The exit code, and what was said.
fn replay(stored: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_replay"));
    let output = command.arg(stored).args(more).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_stored_failover_is_decided_as_it_was() {
    let (code, said) = replay(&stored("journal.json"), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("its beginning is decided as it was"), "{said}");
    assert!(said.contains("its report is decided as it was"), "{said}");
}

#[test]
fn a_stored_refusal_is_decided_as_it_was() {
    let (code, said) = replay(&stored("refusal.json"), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the refusal too-far-behind of controller"), "{said}");
}

#[test]
fn a_decision_that_was_altered_differs_and_it_is_said_in_what() {
    let folder = std::env::temp_dir().join(format!("warmspare-replay-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let journal = fs::read_to_string(stored("journal.json")).unwrap();
    let refusal = fs::read_to_string(stored("refusal.json")).unwrap();
    for (text, from, to, part) in [
        (
            &journal,
            "\"to\": \"west\"",
            "\"to\": \"east\"",
            "to was \"east\", and would be \"west\"",
        ),
        (&journal, "silent", "otherwise", "would be refused today"),
        (&refusal, "\"lag_s\": 61", "\"lag_s\": 62", "lag_s was 62, and would be 61 today"),
        (&refusal, "\"here\": 61", "\"here\": 1", "would begin today"),
    ] {
        assert!(text.contains(from), "{from} is not in what is stored");
        let altered = folder.join("altered.json");
        fs::write(&altered, text.replace(from, to)).unwrap();
        let (code, said) = replay(&folder, &[]);
        assert_eq!(code, Some(1), "{part}: {said}");
        assert!(said.contains(part), "{part}: {said}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// A journal of format 1 does not hold its plan: it is given, or nothing is claimed.
#[test]
fn a_journal_without_its_plan_is_not_claimed_to_be_the_same() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/decide/src/journal/golden/format-1.json");
    let (code, said) = replay(&old, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not hold the text of its plan"), "{said}");
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("world/failover_plan.toml");
    let (code, said) = replay(&old, &["--plan", plan.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_is_no_journal_is_said_to_be_none() {
    for (path, part) in [("nowhere", "reading"), ("main.rs", "is no JSON")] {
        let (code, said) = replay(&stored(path), &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("nothing was decided again") && said.contains(part), "{said}");
    }
}
