//! Shell scripts stand in for `pg_dump`; the stories run the real one.

use std::os::unix::fs::PermissionsExt as _;

use warmspare_act::ports::Sources as _;
use warmspare_act::stream::Measured;
use warmspare_decide::manifest::Sums;
use warmspare_decide::plan::From;

use super::super::ALONE;
use super::*;
use crate::replay::{File, Wire};

const PASSWORD: &str = "correct horse";

async fn dump(name: &str, script: &str, tls: bool) -> Result<Sums, Fault> {
    let _alone = ALONE.lock().await;
    let tool = File::of(name, format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(&tool.path, std::fs::Permissions::from_mode(0o700)).unwrap();
    read(tool.path.clone(), tls).await
}

async fn read(pg_dump: String, tls: bool) -> Result<Sums, Fault> {
    let wire = Wire::default().says(
        200,
        format!(r#"{{"SecretString":"{{\"username\":\"hab\",\"password\":\"{PASSWORD}\"}}"}}"#),
    );
    let mut config = crate::replay::config();
    config.pg_dump = pg_dump;
    config.library_path = Some("/opt/lib".to_owned());
    let from = From::Postgres {
        host: "10.0.0.7".to_owned(),
        port: 5432,
        database: "builder".to_owned(),
        secret: SecretArn::parse("arn:aws:secretsmanager:us-west-2:123456789012:secret:db")
            .unwrap(),
        tls,
        packages: None,
    };
    let stream = wire.live_with(config).open(&from).await?;
    Measured::new(stream).drain().await
}

#[tokio::test]
async fn a_dump_that_ends_well_is_whole() {
    let sums = dump("well", "printf 12345; printf 6789", true).await.unwrap();
    assert_eq!((sums.size_bytes, sums.crc64nvme.as_str()), (9, "rosUhgp5mIg="));
}

/// All of the output came.
#[tokio::test]
async fn a_dump_that_fails_after_its_output_is_not_whole() {
    let script = "printf 123456789; echo 'pg_dump: error: query failed: server closed the \
                  connection unexpectedly' >&2; exit 1";
    let fault = dump("fails", script, true).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert_eq!(
        fault.to_string(),
        "reading the source builder at 10.0.0.7:5432: pg_dump ended with 1: pg_dump: error: query \
         failed: server closed the connection unexpectedly"
    );
}

#[tokio::test]
async fn a_dump_that_is_killed_is_not_whole() {
    let fault = dump("killed", "printf 123456789; kill -9 $$", true).await.unwrap_err();
    assert_eq!(fault.why, "pg_dump was ended from outside");
}

/// Word for word what pg_dump 16.14, 15.18 and 13 have said to a newer server.
#[tokio::test]
async fn a_server_of_another_version_is_refused_with_both() {
    let said = [
        "pg_dump: error: aborting because of server version mismatch\n\
         pg_dump: detail: server version: 18.4; pg_dump version: 16.14\n",
        "pg_dump: error: aborting because of server version mismatch\n\
         pg_dump: detail: server version: 18.4; pg_dump version: 16.14\npg_dump: hint: none\n",
        "pg_dump: error: server version: 18.4; pg_dump version: 16.14\n\
         pg_dump: error: aborting because of server version mismatch\n",
    ];
    for (n, said) in said.iter().enumerate() {
        let script = format!("printf '%s' '{said}' >&2; exit 1");
        let fault = dump(&format!("older-{n}"), &script, true).await.unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent);
        let refusal = fault.refusal.unwrap();
        assert_eq!(
            *refusal,
            Refusal::PgDumpVersion {
                server_name: "builder at 10.0.0.7:5432".to_owned(),
                server: "18.4".to_owned(),
                tool: "16.14".to_owned(),
            }
        );
    }
    let debian = "aborting because of server version mismatch\npg_dump: detail: server version: 18.4 \
                  (Debian 18.4-1); pg_dump version: 15.18 (Debian 15.18-0+deb12u1)";
    assert_eq!(
        version_mismatch(debian),
        Some(("18.4 (Debian 18.4-1)", "15.18 (Debian 15.18-0+deb12u1)"))
    );
    assert_eq!(version_mismatch("server version: 18.4; pg_dump version: 16.14"), None);
}

/// Said by PostgreSQL 18.4 and its libpq.
#[test]
fn what_the_server_will_not_give_is_not_asked_for_again() {
    let at = "pg_dump: error: connection to server at \"10.0.0.7\", port 5432 failed: ";
    for (said, hope) in [
        ("FATAL:  password authentication failed for user \"hab\"", Hope::Permanent),
        ("fe_sendauth: no password supplied", Hope::Permanent),
        ("FATAL:  database \"nowhere\" does not exist", Hope::Permanent),
        ("FATAL:  database \"shut\" is not currently accepting connections", Hope::Permanent),
        ("FATAL:  permission denied for database \"closed\"", Hope::Permanent),
        ("server does not support SSL, but SSL was required", Hope::Permanent),
        ("SSL error: certificate verify failed", Hope::Permanent),
        ("FATAL:  the database system is starting up", Hope::Retryable),
        ("FATAL:  sorry, too many clients already", Hope::Retryable),
        ("Connection refused", Hope::Retryable),
    ] {
        assert_eq!(hope_of(&format!("{at}{said}")), hope, "{said}");
    }
    let table = "pg_dump: error: query failed: ERROR:  ";
    assert_eq!(hope_of(&format!("{table}permission denied for table t")), Hope::Permanent);
    assert_eq!(hope_of(&format!("{table}relation \"t\" does not exist")), Hope::Retryable);
}

/// Also when it complains at length.
#[tokio::test]
async fn the_password_is_not_repeated() {
    let script = r#"i=0; while [ $i -lt 400 ]; do echo "complaint $i" >&2; i=$((i+1)); done
        echo "cannot log in with $PGPASSWORD" >&2; exit 3"#;
    let fault = dump("tells", script, true).await.unwrap_err();
    assert!(fault.why.starts_with("pg_dump ended with 3: "), "{fault}");
    assert!(fault.why.ends_with("complaint 399 cannot log in with …"), "{fault}");
    assert!(fault.why.len() < COMPLAINT_BYTES_MAX + 100, "{}", fault.why.len());
}

#[tokio::test]
async fn it_is_given_what_it_needs_and_nothing_else() {
    let seen = File::of("seen", b"");
    let script = format!(
        r#"{{ env | /usr/bin/sort; for word in "$@"; do echo "$word"; done; }} > {}"#,
        seen.path
    );
    dump("gives", &script, true).await.unwrap();
    let seen = seen.content();
    for line in [
        "PGPASSWORD=correct horse",
        "PGSSLMODE=verify-full",
        "PGSSLROOTCERT=/opt/etc/pg-roots.pem",
        "LD_LIBRARY_PATH=/opt/lib",
        "--format=custom",
        "--no-password",
        "10.0.0.7",
        "5432",
        "hab",
        "builder",
    ] {
        assert!(seen.lines().any(|found| found == line), "{line} in:\n{seen}");
    }
    assert!(!seen.contains("AWS_") && !seen.contains("HOME="), "{seen}");
    assert_eq!(seen.matches(PASSWORD).count(), 1, "{seen}");
}

#[tokio::test]
async fn without_tls_nothing_is_verified() {
    let seen = File::of("plain-seen", b"");
    dump("plain", &format!("env > {}", seen.path), false).await.unwrap();
    let seen = seen.content();
    assert!(seen.lines().any(|line| line == "PGSSLMODE=disable"), "{seen}");
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_named() {
    let fault = read("/nowhere/pg_dump".to_owned(), true).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.why.starts_with("/nowhere/pg_dump cannot be started: "), "{fault}");
}
