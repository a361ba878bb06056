//! What is missing is named, once each, with the remedy.

use std::path::Path;

use super::*;

fn a_good_machine() -> Seen {
    Seen {
        system: "linux",
        python: Some((3, 11)),
        can_make_venv: true,
        compiles: true,
        free_bytes: 7_000_000_000,
        loopback: Ok(()),
    }
}

fn check_that(change: impl FnOnce(&mut Seen), sentence: &str) {
    let mut seen = a_good_machine();
    change(&mut seen);
    let missing = decide(&seen, Path::new("/here"), FIRST_BUILD_BYTES);
    assert_eq!(NotReady(missing).to_string(), sentence);
}

#[test]
fn a_good_machine_lacks_nothing() {
    assert_eq!(decide(&a_good_machine(), Path::new("/here"), FIRST_BUILD_BYTES), []);
}

#[test]
fn each_lack_is_one_sentence_with_its_remedy() {
    check_that(
        |seen| seen.system = "macos",
        "this machine runs macos, and the functions are Linux binaries that the local stack \
         runs as they are: use Linux, or a Linux container",
    );
    check_that(
        |seen| seen.python = None,
        "there is no python3 on the PATH: install Python 3.10 or newer (Debian: apt-get install \
         python3 python3-venv)",
    );
    check_that(
        |seen| seen.python = Some((3, 9)),
        "python3 is 3.9, and the local stack needs at least 3.10: install a newer Python and \
         put it first on the PATH",
    );
    check_that(
        |seen| seen.can_make_venv = false,
        "python3 cannot make a virtual environment here: install its venv module (Debian: apt-get \
         install python3-venv)",
    );
    check_that(
        |seen| seen.compiles = false,
        "there is no C compiler (cc) on the PATH, and Rust links with one: install gcc or clang \
         (Debian: apt-get install build-essential)",
    );
    check_that(
        |seen| seen.free_bytes = 2_150_000_000,
        "/here has 2.1 GB free, and 6.0 GB are needed: make room, or put the repository on a \
         larger disk",
    );
    check_that(
        |seen| seen.loopback = Err("permission denied".to_owned()),
        "127.0.0.1 cannot be listened on (permission denied): bring the loopback interface up, \
         and run where listening is allowed",
    );
}

#[test]
fn a_missing_python_is_not_also_reported_as_a_missing_module() {
    let mut seen = a_good_machine();
    seen.python = None;
    seen.can_make_venv = false;
    assert_eq!(decide(&seen, Path::new("/here"), 0), [Missing::Python]);
}

#[test]
fn everything_is_reported_together() {
    let mut seen = a_good_machine();
    seen.python = Some((3, 8));
    seen.compiles = false;
    seen.free_bytes = 0;
    assert_eq!(decide(&seen, Path::new("/here"), 1).len(), 3);
}

#[test]
fn a_folder_that_is_not_there_yet_is_measured_by_the_one_above() {
    let free = free_bytes(Path::new("/tmp/not/there/yet"));
    assert!(free > 0 && free < u64::MAX, "{free}");
}
