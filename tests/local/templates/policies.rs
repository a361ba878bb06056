//! Who may publish to a topic or send to a queue: nobody else, and those who should really can.

use serde_json::Value;

use crate::templates::TEMPLATES;
use crate::templates::template::{Template, list, under};

const RULES: &str = "events.amazonaws.com";

/// Every statement of every policy of this type, with the policy's logical id.
async fn statements(kind: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let mut found = Vec::new();
    for name in TEMPLATES {
        let template = Template::read(name).await?;
        for policy in template.all(kind) {
            let statements = policy.each("/PolicyDocument/Statement").iter();
            found.extend(statements.map(|one| (policy.id.to_owned(), one.clone())));
        }
    }
    Ok(found)
}

fn services(statement: &Value) -> Vec<&str> {
    let services = under(statement, "/Principal/Service");
    services.as_str().into_iter().chain(list(services).iter().filter_map(Value::as_str)).collect()
}

/// EventBridge gives SNS nothing that a Condition could compare, so one that is there never holds, and
/// people would be told nothing.
#[tokio::test]
async fn a_rule_publishes_under_no_condition_and_everybody_else_under_one() -> anyhow::Result<()> {
    let statements = statements("AWS::SNS::TopicPolicy").await?;
    let mut of_rules = Vec::new();
    for (policy, statement) in &statements {
        let services = services(statement);
        if services.contains(&RULES) {
            assert_eq!(services, [RULES], "{policy}: others share the statement of the rules");
            assert!(statement["Condition"].is_null(), "{policy}");
            of_rules.push(policy.as_str());
        } else {
            let account = under(statement, "/Condition/StringEquals/aws:SourceAccount/Ref");
            assert_eq!(account, "AWS::AccountId", "{policy}");
        }
    }
    assert_eq!(of_rules, ["NoticesPolicy"], "only people are told by a rule");
    assert!(statements.len() >= 3, "only {} statements were found", statements.len());
    Ok(())
}

#[tokio::test]
async fn a_queue_takes_only_what_comes_from_a_source_that_is_named() -> anyhow::Result<()> {
    let statements = statements("AWS::SQS::QueuePolicy").await?;
    for (policy, statement) in &statements {
        let condition = &statement["Condition"];
        let sources = [&condition["ArnLike"], &condition["ArnEquals"]];
        let is_named = sources.iter().any(|one| !one["aws:SourceArn"].is_null());
        assert!(is_named, "{policy}: {statement}");
    }
    assert!(statements.len() >= 3, "only {} statements were found", statements.len());
    Ok(())
}
