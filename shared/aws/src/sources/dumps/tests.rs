//! Shell scripts stand in for `pg_restore`; a story runs the real one.

use std::os::unix::fs::PermissionsExt as _;

use warmspare_act::fault::Hope;
use warmspare_act::stream::{Measured, Whole, sums_of};

use super::super::ALONE;
use super::*;
use crate::replay::{File, Wire};

async fn table<C: Chunks>(program: &str, dump: &mut C) -> (Result<Seen<()>, Fault>, String) {
    let mut config = crate::replay::config();
    config.pg_restore = program.to_owned();
    config.library_path = Some("/opt/lib".to_owned());
    let live = Wire::default().live_with(config);
    let mut text = Vec::new();
    let mut take = |bytes: &[u8]| text.extend_from_slice(bytes);
    let read = live.table(dump, "public", "origin_packages", &mut take).await;
    (read, String::from_utf8(text).unwrap())
}

async fn script(name: &str, script: &str, dump: &[u8]) -> (Result<Seen<()>, Fault>, String) {
    let _alone = ALONE.lock().await;
    let tool = File::of(name, format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(&tool.path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut stream = Measured::new(Whole::of(dump.to_vec()));
    let read = table(&tool.path, &mut stream).await;
    assert_eq!(stream.sums(), sums_of(dump), "the dump is read to its end");
    read
}

fn why(read: (Result<Seen<()>, Fault>, String)) -> String {
    match read.0.unwrap() {
        Seen::Unknown(why) => why,
        other @ (Seen::Here(()) | Seen::Absent) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_gets_the_dump_and_is_told_what_is_wanted_and_nothing_else() {
    let words = r#"for word in "$@"; do echo "$word"; done; env | /usr/bin/sort; /bin/cat"#;
    let (read, text) = script("restores", words, b"the dump").await;
    assert_eq!(read.unwrap(), Seen::Here(()));
    let wanted = "--data-only\n--schema\npublic\n--table\norigin_packages\n--file=-\n";
    assert!(text.starts_with(wanted), "{text}");
    assert!(text.ends_with("the dump") && text.contains("LD_LIBRARY_PATH=/opt/lib"), "{text}");
    assert!(!text.contains("AWS_") && !text.contains("HOME="), "{text}");
}

/// More than two pipes hold, which nobody reads.
#[tokio::test]
async fn what_it_does_not_read_is_read_all_the_same() {
    let (read, text) = script("stops", "echo rows", &vec![7; 4 << 20]).await;
    assert_eq!((read.unwrap(), text.as_str()), (Seen::Here(()), "rows\n"));
}

#[tokio::test]
async fn what_it_complains_about_is_why_nothing_is_known() {
    let said = "echo 'pg_restore: error: input file appears to be a text format dump.' >&2; exit 1";
    let why = why(script("complains", said, b"dump").await);
    assert_eq!(
        why,
        "pg_restore ended with 1: pg_restore: error: input file appears to be a text format dump"
    );
    let why = self::why(script("killed", "echo row; kill -9 $$", b"dump").await);
    assert_eq!(why, "pg_restore was ended from outside");
}

#[tokio::test]
async fn one_that_is_not_there_is_named() {
    let mut dump = Whole::of("dump");
    let why = why(table("/nowhere/pg_restore", &mut dump).await);
    assert!(why.starts_with("/nowhere/pg_restore cannot be started: "), "{why}");
}

struct Broken;

impl Chunks for Broken {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, Fault> {
        Err(Fault::new(Hope::Retryable, "reading", "the dump", "it broke off"))
    }
}

#[tokio::test]
async fn a_dump_that_breaks_off_is_a_fault() {
    let _alone = ALONE.lock().await;
    let fault = table("/bin/cat", &mut Broken).await.0.unwrap_err();
    assert_eq!(fault.to_string(), "reading the dump: it broke off");
}
