//! Runs the tests that a plain `cargo test` does not build: those of shared/aws, because an SDK takes minutes
//! (it is built here for the target and the profile that cargo-lambda uses, so once for both), and those of
//! tests/proof and the long ones of shared/act, because what is done a million times is built optimised.

use std::time::Duration;

use anyhow::{Result, ensure};
use warmspare_tests::stack::functions::{cargo_environment, host_triple};
use warmspare_tests::stack::keeper::{Kept, Order};
use warmspare_tests::stack::{self, folders, preflight};

/// The SDKs take 6 minutes cold on 2 idle cores.
const BUILD_MAX: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn the_adapters_keep_their_word() -> Result<()> {
    let target = host_triple()?;
    runs("adapters", &["--package", "warmspare-aws", "--target", &target], &[], &[]).await?;
    Ok(())
}

/// 100,000 failovers, every pair of faults, every model whole; and the S3 of the race.
#[tokio::test]
async fn what_takes_long_is_proven() -> Result<()> {
    let packages = ["warmspare-act", "warmspare-proof", "warmspare-speed"];
    let optimised: Vec<&str> = ["--profile", "proof"]
        .into_iter()
        .chain(packages.iter().flat_map(|name| ["--package", name]))
        .collect();
    runs("proof", &optimised, &["--include-ignored"], &[]).await?;
    Ok(())
}

/// Runs `cargo test` with these arguments, behind everything that waits for something; what it said. The
/// tests see `beside` in their environment.
pub(crate) async fn runs(
    name: &str,
    which: &[&str],
    told: &[&str],
    beside: &[(&str, &str)],
) -> Result<String> {
    let tell: stack::Tell = std::sync::Arc::new(|sentence| eprintln!("{sentence}"));
    let venv = stack::ready(preflight::RUN_BYTES, &tell).await?;
    let beside = beside.iter().map(|(name, value)| (name.into(), value.into()));
    let log = folders::home().join(format!("{name}-{}.log", std::process::id()));
    let order = Order::new("nice")
        .args(["-n", "19", "cargo", "test"])
        .args(which)
        .arg("--")
        .args(told)
        .only_environment(cargo_environment(&venv)?.into_iter().chain(beside))
        .in_folder(folders::workspace())
        .log(&log);
    let tests = Kept::start(&venv.python(), order).await?;
    let status = tests.finished(BUILD_MAX).await;
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    std::fs::remove_file(&log)?;
    ensure!(status?.success(), "{said}");
    // A run that ran nothing is no proof.
    let passed: u32 = said.lines().filter_map(passed).sum();
    ensure!(passed > 0, "no test ran:\n{said}");
    Ok(said)
}

/// How many tests passed, of a line such as `test result: ok. 12 passed; 0 failed; …`.
fn passed(line: &str) -> Option<u32> {
    line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok()
}
