//! The templates in `infra/` are held against what the rest of the repository says: CloudFormation's own
//! schemas, the functions' permissions, the runbook, the metrics, the example events. It runs no function.

mod announcements;
mod deployed;
mod layer;
mod limits;
mod patterns;
mod plans;
mod policies;
mod replica;
mod roles;
mod runbook;
mod switch;
mod template;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::de::DeserializeOwned;
use warmspare_tests::stack::{self, folders, preflight};

/// All of them, by file name.
const TEMPLATES: [&str; 3] = ["recovery.yaml", "system.yaml", "primary.yaml"];

/// CloudFormation takes no longer template, and this much only from a bucket
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
const TEMPLATE_BYTES_MAX: usize = 1_000_000;

#[tokio::test]
async fn aws_accepts_the_templates() -> anyhow::Result<()> {
    let files: Vec<PathBuf> = TEMPLATES.iter().map(|name| infra(name)).collect();
    let findings: Vec<String> = lint("lint", &files).await?;
    assert!(findings.is_empty(), "cfn-lint:\n{}", findings.join("\n"));
    for file in files {
        let bytes = read(&file)?.len();
        assert!(bytes <= TEMPLATE_BYTES_MAX, "{} has {bytes} bytes", file.display());
    }
    Ok(())
}

#[tokio::test]
async fn a_template_that_aws_would_refuse_is_found() -> anyhow::Result<()> {
    let broken = read(&infra("system.yaml"))?.replacen("TreatMissingData:", "TreatMissing:", 1);
    let file = folders::home().join(format!("broken-{}.yaml", std::process::id()));
    std::fs::create_dir_all(folders::home())?;
    std::fs::write(&file, broken)?;
    let findings = lint::<Vec<String>>("lint", std::slice::from_ref(&file)).await;
    std::fs::remove_file(&file)?;
    let findings = findings?;
    assert!(findings.iter().any(|finding| finding.contains("'TreatMissing'")), "{findings:?}");
    Ok(())
}

fn infra(name: &str) -> PathBuf {
    folders::workspace().join("infra").join(name)
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

/// Asks `tests/python/lint.py`, which says what it can be asked.
async fn lint<T: DeserializeOwned>(asked: &str, files: &[PathBuf]) -> anyhow::Result<T> {
    let tell: stack::Tell = Arc::new(|sentence| eprintln!("{sentence}"));
    let venv = stack::ready(preflight::RUN_BYTES, &tell).await?;
    let mut command = Command::new(venv.python());
    command.args(["-I".as_ref(), folders::python_file("lint.py").as_os_str()]);
    let answer = command.arg(asked).args(files).output()?;
    let complaint = String::from_utf8_lossy(&answer.stderr);
    ensure!(answer.status.success(), "lint.py {asked} {files:?}: {complaint}");
    Ok(serde_json::from_slice(&answer.stdout)?)
}
