//! The example plans would work with these templates as they are, and promise what a schedule can keep.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use warmspare_act::plan_text;
use warmspare_decide::plan::{Check, Plan, Site};

use crate::templates::template::{Template, referred};
use crate::templates::{infra, read};

/// Every example, with its text.
fn examples() -> anyhow::Result<Vec<(String, String, Plan)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(infra("plans"))? {
        let file = entry?.path();
        let name = file.display().to_string();
        let text = read(&file)?;
        let plan = plan_text::parse(&text).map_err(|problems| anyhow!("{name}: {problems}"))?;
        found.push((name, text, plan));
    }
    assert!(found.len() >= 5, "only {} examples were found", found.len());
    Ok(found)
}

/// The functions may read no other secret.
#[tokio::test]
async fn every_secret_of_an_example_is_one_that_the_functions_may_read() -> anyhow::Result<()> {
    let template = read(&infra("recovery.yaml"))?;
    let reading = template.matches(":secret:warmspare/*\"").count();
    assert_eq!(reading, template.matches("Action: secretsmanager:GetSecretValue").count());
    let mut secrets = 0;
    for (name, text, _) in examples()? {
        for (_, rest) in text.match_indices(":secret:").map(|(at, _)| text.split_at(at)) {
            secrets += 1;
            assert!(rest.starts_with(":secret:warmspare/"), "{name}: {}", &rest[..40]);
        }
    }
    assert!(secrets >= 10, "only {secrets} secrets were found");
    Ok(())
}

/// RDS may be handed no other role.
#[tokio::test]
async fn an_example_exports_with_the_role_of_the_recovery_stack() -> anyhow::Result<()> {
    let recovery = Template::read("recovery.yaml").await?;
    let role = recovery.resource("ExportRole")?;
    assert!(role.at("/RoleName").is_null(), "it is named after the stack and its logical id");
    let written = format!(":role/warmspare-{}-", role.id);
    let mut exports = 0;
    for (name, _, plan) in examples()? {
        if let Some(export) = plan.database.and_then(|database| database.export) {
            exports += 1;
            assert!(export.role.as_str().contains(&written), "{name}: {}", export.role);
            assert!(export.prefix.starts_with("exports/"), "{name}: {}", export.prefix);
        }
    }
    assert!(exports >= 2, "only {exports} exports were found");
    Ok(())
}

/// A7: daily at midnight, in the zone that has to be given. The default of BackupAgeMaxSeconds is the age that a backup of the default schedule may reach on a
/// good day; with an older one than the RPO, a failover is refused.
#[tokio::test]
async fn the_rpo_of_an_example_can_be_kept_with_the_default_schedule() -> anyhow::Result<()> {
    let system = Template::read("system.yaml").await?;
    assert_eq!(system.default("BackupSchedule"), "cron(0 0 * * ? *)");
    assert!(system.default("TimeZone").is_null(), "a zone that nobody has chosen");
    let backup = system.resource("Backup")?;
    assert_eq!(referred(backup.at("/ScheduleExpression")), Some("BackupSchedule"));
    assert_eq!(referred(backup.at("/ScheduleExpressionTimezone")), Some("TimeZone"));
    let age_s = system.default("BackupAgeMaxSeconds").as_u64();
    let age_s = age_s.context("BackupAgeMaxSeconds has no default")?;
    assert!(age_s > 86_400, "{age_s} s is not more than the day between two backups");
    for (name, _, plan) in examples()? {
        let rpo_s = plan.objectives.rpo_s;
        assert!(rpo_s >= age_s, "{name}: a backup gets {age_s} s old, and the RPO is {rpo_s} s");
    }
    Ok(())
}

/// What takes a host away takes away every look at it, so they may not count as two.
#[test]
fn two_looks_of_an_example_at_one_host_are_one_path() -> anyhow::Result<()> {
    let mut shared = 0;
    for (name, _, plan) in examples()? {
        for site in [&plan.home, &plan.away] {
            let mut paths: BTreeMap<&str, &str> = BTreeMap::new();
            for (host, path) in looks(site) {
                if let Some(first) = paths.insert(host, path) {
                    shared += 1;
                    assert_eq!(first, path, "{name}: {host} is looked at on two paths");
                }
            }
        }
    }
    assert!(shared > 0, "no example has two looks at one host");
    Ok(())
}

/// The host and the path of each look at a site.
fn looks(site: &Site) -> impl Iterator<Item = (&str, &str)> {
    site.health.iter().filter_map(|health| {
        let host = match &health.check {
            Check::Https { url, .. } => {
                let rest = url.strip_prefix("https://")?;
                rest.split(['/', ':', '?']).next()?
            }
            Check::Tcp { host, .. } => host.as_str(),
            Check::Replication => return None,
        };
        Some((host, health.path.as_str()))
    })
}
