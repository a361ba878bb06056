//! Nothing is given up in silence, and nothing runs without a limit.

use serde_json::Value;

use crate::templates::TEMPLATES;
use crate::templates::template::{Template, imported, referred};

#[tokio::test]
async fn every_target_has_a_dead_letter_queue_retries_and_an_age() -> anyhow::Result<()> {
    let mut targets = 0;
    for name in TEMPLATES {
        let template = Template::read(name).await?;
        let rules = template.all("AWS::Events::Rule").into_iter();
        let mut found: Vec<(&str, &Value)> = rules
            .flat_map(|rule| rule.each("/Targets").iter().map(move |target| (rule.id, target)))
            .collect();
        let schedules = template.all("AWS::Scheduler::Schedule").into_iter();
        found.extend(schedules.map(|schedule| (schedule.id, schedule.at("/Target"))));
        for (id, target) in found {
            targets += 1;
            let retry = &target["RetryPolicy"];
            assert!(retry["MaximumRetryAttempts"].is_u64(), "{name} {id}: no retry count");
            assert!(retry["MaximumEventAgeInSeconds"].is_u64(), "{name} {id}: no event age");
            let (function, queue) = (&target["Arn"], &target["DeadLetterConfig"]["Arn"]);
            assert_eq!(dead_letters_of(function).as_deref(), queue_of(queue), "{name} {id}");
        }
    }
    assert!(targets >= 10, "only {targets} targets were found");
    Ok(())
}

/// The queue that belongs to a target: that of the function or the topic, by name.
fn dead_letters_of(target: &Value) -> Option<String> {
    let function = referred(target).or_else(|| imported(target)?.strip_suffix("Arn"));
    match target["Fn::Sub"].as_str() {
        // The recovery region's bus: its queue is the forwarding rule's own.
        Some(bus) if bus.ends_with(":event-bus/default") => Some("ForwardDeadLetters".to_owned()),
        _ => function.map(|function| format!("{function}DeadLetters")),
    }
}

fn queue_of(queue: &Value) -> Option<&str> {
    referred(queue).or_else(|| imported(queue)?.strip_suffix("Arn"))
}

#[tokio::test]
async fn every_function_has_its_limits_written_out() -> anyhow::Result<()> {
    let template = Template::read("recovery.yaml").await?;
    let functions = template.all("AWS::Lambda::Function");
    assert_eq!(functions.len(), 6);
    for function in &functions {
        for limit in ["/Timeout", "/MemorySize", "/ReservedConcurrentExecutions"] {
            assert!(function.at(limit).is_u64(), "{}: no {limit}", function.id);
        }
        let invocations = template.resource(&format!("{}Invocations", function.id))?;
        assert_eq!(referred(invocations.at("/FunctionName")), Some(function.id));
        for limit in ["/MaximumRetryAttempts", "/MaximumEventAgeInSeconds"] {
            assert!(invocations.at(limit).is_u64(), "{}: no {limit}", invocations.id);
        }
        let on_failure = invocations.at("/DestinationConfig/OnFailure/Destination");
        let queue = format!("{}DeadLetters", function.id);
        assert_eq!(referred(on_failure), Some(queue.as_str()));
        let log = template.resource(&format!("{}Log", function.id))?;
        assert!(log.at("/RetentionInDays").is_u64(), "{} is kept for ever", log.id);
    }
    Ok(())
}

#[tokio::test]
async fn who_wakes_a_function_may() -> anyhow::Result<()> {
    for name in TEMPLATES {
        let template = Template::read(name).await?;
        let permissions = template.all("AWS::Lambda::Permission");
        let is_allowed = |source: &str, function: &Value| {
            permissions.iter().any(|permission| {
                referred(permission.at("/SourceArn")) == Some(source)
                    && named(permission.at("/FunctionName")) == named(function)
            })
        };
        for rule in template.all("AWS::Events::Rule") {
            for target in
                rule.each("/Targets").iter().filter(|target| is_function(&template, target))
            {
                assert!(is_allowed(rule.id, &target["Arn"]), "{name}: {} may not", rule.id);
            }
        }
        for subscription in template.all("AWS::SNS::Subscription") {
            if subscription.at("/Protocol") == "lambda" {
                let topic = referred(subscription.at("/TopicArn")).unwrap_or_default();
                assert!(is_allowed(topic, subscription.at("/Endpoint")), "{}", subscription.id);
                let dead = subscription.at("/RedrivePolicy/deadLetterTargetArn");
                assert!(referred(dead).is_some(), "{}: no dead-letter queue", subscription.id);
            }
        }
    }
    Ok(())
}

fn named(function: &Value) -> Option<&str> {
    referred(function).or_else(|| imported(function))
}

fn is_function(template: &Template, target: &Value) -> bool {
    let target = &target["Arn"];
    imported(target).is_some()
        || referred(target).is_some_and(|id| template.functions().values().any(|own| *own == id))
}

#[tokio::test]
async fn a_schedule_wakes_as_the_example_events_say() -> anyhow::Result<()> {
    let (recovery, system) =
        (Template::read("recovery.yaml").await?, Template::read("system.yaml").await?);
    let inputs = [
        (
            system.resource("Backup")?.at("/Target/Input"),
            "scheduled-backup",
            "2026-11-21T00:00:00Z",
        ),
        (system.resource("Export")?.at("/Target/Input"), "snapshot-export", "2026-11-21T00:30:00Z"),
        (system.resource("Probe")?.at("/Targets/0/Input"), "health-probe", ""),
        (system.resource("Tick")?.at("/Targets/0/Input"), "failover-promotion.tick-of-system", ""),
        (
            recovery.resource("DatabaseRestarted")?.at("/Targets/0/Input"),
            "failover-promotion.tick",
            "",
        ),
        (recovery.resource("BackupGoesOn")?.at("/Targets/0/Input"), "scheduled-backup.go-on", ""),
        (recovery.resource("VerifySweep")?.at("/Targets/0/Input"), "verify-upload.sweep", ""),
        (recovery.resource("SnapshotSweep")?.at("/Targets/0/Input"), "snapshot-export.sweep", ""),
    ];
    for (input, event, scheduled) in inputs {
        let text = input.as_str().or_else(|| input["Fn::Sub"].as_str()).unwrap_or_default();
        let text = text.replace("${System}", "controller");
        let text = text.replace("<aws.scheduler.scheduled-time>", scheduled);
        assert_eq!(
            serde_json::from_str::<Value>(&text)?,
            crate::templates::patterns::event(event)?,
            "{event}"
        );
    }
    Ok(())
}
