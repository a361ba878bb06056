//! Whoever is woken, or refused, finds a section that says what to do.

use std::collections::BTreeSet;

use warmspare_decide::refusal::Refusal;
use warmspare_decide::switch::METRIC;

use crate::templates::template::Template;
use crate::templates::{TEMPLATES, infra, read};

/// What the probe publishes, and what AWS does.
const METRICS: [(&str, &[&str]); 3] = [
    (
        "Warmspare",
        &[
            METRIC,
            "BackupAgeSeconds",
            "FenceDebt",
            "PrimaryHealthy",
            "SignalsUnknown",
            "StandbyHealthy",
        ],
    ),
    ("AWS/Lambda", &["Errors"]),
    ("AWS/SQS", &["ApproximateNumberOfMessagesVisible"]),
];

/// What a person can accept at all; `Refusal::acknowledgeable` says when.
const ACKNOWLEDGEABLE: [&str; 10] = [
    "approval-missing",
    "backup-too-old",
    "cooldown",
    "daily-limit",
    "fence-unconfirmed",
    "lag-unknown",
    "no-proven-backup",
    "not-enough-signals",
    "snapshot-too-old",
    "too-far-behind",
];

/// The rest of each heading of the runbook that begins with `kind: `.
fn sections(kind: &str) -> anyhow::Result<BTreeSet<String>> {
    let runbook = read(&infra("RUNBOOK.md"))?;
    let prefix = format!("### {kind}: ");
    Ok(runbook.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect())
}

#[tokio::test]
async fn every_alarm_names_its_section_and_every_section_an_alarm() -> anyhow::Result<()> {
    let mut named = BTreeSet::new();
    for name in TEMPLATES {
        let template = Template::read(name).await?;
        for alarm in template.all("AWS::CloudWatch::Alarm") {
            let description = alarm.at("/AlarmDescription");
            let description =
                description.as_str().or(description["Fn::Sub"].as_str()).unwrap_or("");
            let section = description
                .split_once("RUNBOOK.md, \"alarm: ")
                .and_then(|(_, rest)| rest.split_once('"'))
                .map(|(section, _)| section.to_owned());
            assert!(section.is_some(), "{name} {}: {description}", alarm.id);
            named.extend(section);
        }
    }
    assert_eq!(named, sections("alarm")?);
    Ok(())
}

#[tokio::test]
async fn every_alarm_tells_somebody_of_a_metric_that_somebody_publishes() -> anyhow::Result<()> {
    let mut alarms = 0;
    for name in TEMPLATES {
        let template = Template::read(name).await?;
        for alarm in template.all("AWS::CloudWatch::Alarm") {
            alarms += 1;
            let space = alarm.at("/Namespace").as_str().unwrap_or_default();
            let metric = alarm.at("/MetricName").as_str().unwrap_or_default();
            let published = METRICS.iter().find(|(known, _)| *known == space);
            let is_published = published.is_some_and(|(_, metrics)| metrics.contains(&metric));
            assert!(is_published, "{name} {}: nobody publishes {space} {metric}", alarm.id);
            assert_eq!(alarm.each("/Dimensions").len(), 1, "{name} {}", alarm.id);
            assert!(!alarm.each("/AlarmActions").is_empty(), "{name} {} tells nobody", alarm.id);
            assert!(alarm.at("/TreatMissingData").is_string(), "{name} {}", alarm.id);
        }
    }
    assert_eq!(alarms, 18);
    Ok(())
}

/// An alarm's name wakes the failover, so no other alarm may be called so.
#[tokio::test]
async fn only_the_alarm_of_a_primary_is_named_like_one() -> anyhow::Result<()> {
    let mut like_one = Vec::new();
    for name in TEMPLATES {
        let template = Template::read(name).await?;
        for alarm in template.all("AWS::CloudWatch::Alarm") {
            let called = alarm.at("/AlarmName/Fn::Sub").as_str().unwrap_or_default().to_owned();
            if called.replace("${AWS::StackName}", "warmspare").starts_with("warmspare-primary-") {
                like_one.push(called);
            }
        }
    }
    assert_eq!(like_one, ["warmspare-primary-${System}"]);
    Ok(())
}

#[test]
fn every_refusal_has_its_section_and_every_section_a_refusal() -> anyhow::Result<()> {
    let refusals: BTreeSet<String> = Refusal::NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert!(refusals.len() >= 32, "only {} refusals were found", refusals.len());
    assert_eq!(refusals, sections("refusal")?);
    Ok(())
}

/// What can be accepted is named as it has to be written, and what cannot is said to be so.
#[test]
fn a_refusal_that_can_be_acknowledged_says_by_which_name() -> anyhow::Result<()> {
    let runbook = read(&infra("RUNBOOK.md"))?;
    for section in runbook.split("\n### refusal: ").skip(1) {
        let name = section.lines().next().unwrap_or_default();
        let says = section.split("**Acknowledge** ").nth(1).unwrap_or_default();
        let is_named = says.starts_with(&format!("`{name}`"));
        assert_eq!(is_named, ACKNOWLEDGEABLE.contains(&name), "{name}: {says}");
    }
    Ok(())
}

#[test]
fn a_section_says_what_it_means_what_to_look_at_what_to_do_and_how_to_acknowledge()
-> anyhow::Result<()> {
    let runbook = read(&infra("RUNBOOK.md"))?;
    let mut sections = runbook.split("\n### ");
    sections.next();
    let mut count = 0;
    for section in sections {
        let is_refusal = section.starts_with("refusal: ");
        let section = section.split("\n## ").next().unwrap_or_default();
        let title = section.lines().next().unwrap_or_default();
        for part in ["**Means**", "**Look at**", "**Do**"] {
            assert!(section.contains(part), "{title}: no {part}");
        }
        assert_eq!(section.contains("**Acknowledge**"), is_refusal, "{title}");
        assert!(!section.contains("Not in this version"), "{title} speaks of another version");
        count += 1;
    }
    assert!(count >= 30, "only {count} sections");
    Ok(())
}
