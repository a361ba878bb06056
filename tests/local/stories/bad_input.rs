//! Bad input: whatever it is, it is refused with a sentence, kept as it came in the function's queue
//! of dead letters, and changes nothing.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use warmspare_tests::scene::{FUNCTIONS, RECOVERY, STACK, Scene, now, until};
use warmspare_tests::stack::gateway::Match;

use crate::stories::own::Own;
use crate::stories::runtime_api;
use crate::stories::shared_scene::{WAIT_S_MAX, dead_letter, outcomes, tell, tell_alone};

/// No sentence is longer than this, whatever it is about, in bytes. A plan with ten problems is what
/// needs the most.
const SENTENCE_BYTES_MAX: usize = 4000;

/// The ten mistakes of a plan: what stands in a good one, what stands there instead, and the field
/// that is named.
const MISTAKES: [(&str, &str, &str); 10] = [
    ("rpo = \"24h\"", "rpo = \"a day\"", "objectives.rpo"),
    ("rto = \"15m\"", "rto = 15", "objectives.rto"),
    ("keep = 30", "keep = 0", "backup.keep"),
    ("kms_key = \"arn:", "kms_key = \"alias/arn:", "backup.kms_key"),
    ("kind = \"postgres\"", "kind = \"postgresql\"", "backup.source"),
    ("ttl = 60", "tll = 60", "dns.tll"),
    ("type = \"A\"", "type = \"MX\"", "dns.record"),
    ("mode = \"automatic\"", "mode = \"auto\"", "failover.mode"),
    ("fence = \"attempted\"", "fence = \"tried\"", "failover.fence"),
    ("per_day = 2", "per_day = 0", "failover.per_day"),
];

/// What a function is asked for in its own form.
fn request(function: &str, system: &str) -> Value {
    let scheduled = now().to_string();
    match function {
        "scheduled-backup" => {
            json!({ "action": "backup", "system": system, "scheduled": scheduled })
        }
        "verify-upload" => {
            json!({ "action": "verify", "system": system, "slot": "2026-11-21T00-00-00Z" })
        }
        "snapshot-export" => {
            json!({ "action": "export", "system": system, "scheduled": scheduled })
        }
        "failover-promotion" => {
            json!({ "action": "failover", "system": system, "reason": "bad input" })
        }
        "prune-backups" => json!({ "action": "prune", "system": system }),
        _ => json!({ "action": "probe", "system": system }),
    }
}

/// Events that no function takes, and a word of the sentence that says so.
fn events(function: &str) -> Vec<(Value, &'static str)> {
    let deep = (0..200).fold(json!("x"), |inner, _| json!([inner]));
    let long = "x".repeat(200 * 1024);
    let mut too_long = request(function, "nobody");
    too_long["reason"] = json!(long);
    vec![
        (json!("not an object"), "a JSON object is taken"),
        (json!({ "hello": "world" }), "the event is not one that this function takes"),
        (json!({ "source": "aws.ec2", "detail": {} }), "the event is not one that"),
        (json!({ "action": "delete", "system": "nobody" }), "the event is not one that"),
        (request(function, "No Body!"), "the event is not one that this function takes"),
        (json!({ "action": deep }), "recursion limit"),
        (request(function, "nobody"), "nobody"),
        (too_long, ""),
    ]
}

/// Each function, each event: refused with a sentence, kept, and nothing is changed.
#[test]
fn what_no_function_takes_is_refused_kept_and_changes_nothing() -> Result<()> {
    tell_alone(async |scene| {
        let own = Own::begin(scene, "mistaken").await?;
        let plan = MISTAKES
            .iter()
            .fold(own.plan(&own.wanted()), |plan, (good, bad, _)| plan.replacen(good, bad, 1));
        own.upload(&plan).await?;
        // The rule wakes scheduled-backup for the new plan.
        until("the new plan is seen", WAIT_S_MAX, || async {
            let said = outcomes(scene, "scheduled-backup", "the plan has ").await?;
            Ok((!said.is_empty()).then_some(()))
        })
        .await?;
        let before = everything(scene).await?;
        let begun = scene.stack.gateway.calls_made();
        try_join_all(FUNCTIONS.iter().map(|function| refuses_all(scene, function))).await?;
        let after = everything(scene).await?;
        ensure!(before == after, "changed: {:?}", after.symmetric_difference(&before));
        changed_nothing(scene, begun)
    })
}

async fn refuses_all(scene: &Scene, function: &str) -> Result<()> {
    for (event, word) in events(function) {
        let sentence = is_refused(scene, function, &event).await?;
        ensure!(sentence.contains(word), "{function} says of {}: {sentence}", short(&event));
    }
    if function != "verify-upload" {
        let sentence = is_refused(scene, function, &request(function, "mistaken")).await?;
        ensure!(sentence.starts_with("the plan has 10 problem(s): "), "{function}: {sentence}");
        for (_, _, field) in MISTAKES {
            ensure!(sentence.contains(field), "{function} does not name {field}: {sentence}");
        }
    }
    Ok(())
}

/// The sentence with which an event is refused: the same in the log and in the dead letter, which
/// holds the event as it came.
async fn is_refused(scene: &Scene, function: &str, event: &Value) -> Result<String> {
    let name = format!("{STACK}-{function}");
    let taken = scene.stack.aws.invoke(RECOVERY, &name, event, false).await?;
    ensure!(taken.status == 202, "{function} did not take {}: {taken:?}", short(event));
    let letter = dead_letter(scene, function, |letter| holds(letter, event)).await;
    let said = response(&letter.with_context(|| short(event))?)?;
    let (kind, sentence) = (said["errorType"].as_str(), said["errorMessage"].as_str());
    let sentence = sentence.unwrap_or_default().to_owned();
    ensure!(kind.is_some_and(|kind| kind.starts_with("Refused.")), "{function}: {said}");
    ensure!(sentence.len() < SENTENCE_BYTES_MAX, "{function}: {} bytes", sentence.len());
    let logged = outcomes(scene, function, &sentence).await?;
    ensure!(logged.iter().any(|(word, _)| word == "refused"), "{function} did not log: {sentence}");
    Ok(sentence)
}

/// Whether a letter holds the event. The one that is too deep for our own parser is a text here.
fn holds(letter: &Value, event: &Value) -> bool {
    let deep = event["action"].to_string();
    let is_text =
        letter.as_str().is_some_and(|text| deep.starts_with("[[") && text.contains(&deep));
    &letter["requestPayload"] == event || is_text
}

/// What the function had answered, which stands last in a letter.
fn response(letter: &Value) -> Result<Value> {
    let Some(text) = letter.as_str() else { return Ok(letter["responsePayload"].clone()) };
    let (_, last) = text.rsplit_once("\"responsePayload\": ").context("no responsePayload")?;
    let last = last.strip_suffix('}').context("no end")?;
    Ok(serde_json::from_str(last)?)
}

fn short(event: &Value) -> String {
    event.to_string().chars().take(100).collect()
}

/// Every version of every key of the vault.
async fn everything(scene: &Scene) -> Result<BTreeSet<String>> {
    let args = json!({ "Bucket": scene.vault() });
    let listed = scene.stack.aws.pages(RECOVERY, "s3", "list_object_versions", args).await?;
    let versions = listed["Versions"].as_array().into_iter().flatten();
    Ok(versions.map(|version| format!("{} {}", version["Key"], version["VersionId"])).collect())
}

/// By what went over the wire: besides announcements and the probe's metrics only looks.
fn changed_nothing(scene: &Scene, begun: u64) -> Result<()> {
    const ALLOWED: [&str; 2] = ["PutEvents", "PutMetricData"];
    const LOOKS: [&str; 5] = ["Get", "Head", "List", "Describe", "AssumeRole"];
    let calls = scene.stack.gateway.calls(&Match::any());
    for call in calls.iter().filter(|call| call.number >= begun) {
        let is_look = LOOKS.iter().any(|look| call.action.starts_with(look));
        let is_allowed = ALLOWED.contains(&call.action.as_str());
        ensure!(is_look || is_allowed, "{} was called: {call:?}", call.action);
    }
    Ok(())
}

/// Lambda's own front door takes nothing but JSON, so bytes that are none are handed to the function
/// by a Runtime API of ours, as a broken relay could.
#[test]
fn what_is_not_json_is_refused_with_a_sentence() -> Result<()> {
    tell(async |scene| {
        for function in FUNCTIONS {
            let answer = runtime_api::answer(scene, function, b"not JSON \xff").await?;
            let kind = answer["errorType"].as_str().unwrap_or_default();
            let sentence = answer["errorMessage"].as_str().unwrap_or_default();
            ensure!(kind == "Refused.NotOurs", "{function}: {answer}");
            ensure!(sentence.contains("it cannot be read as JSON"), "{function}: {answer}");
        }
        Ok(())
    })
}

/// Other people's snapshots share the account: RDS speaks of them to the same rule. That is no
/// refusal, no dead letter and no announcement; it is done.
#[test]
fn a_foreign_event_of_rds_is_done_without_noise() -> Result<()> {
    tell(async |scene| {
        let slot = "2026-11-20t00-00-00z";
        for snapshot in ["rds:billing-2026-11-21-00-05", &format!("warmspare-billing-{slot}")] {
            let event = foreign(snapshot)?;
            let delivered = scene.deliverer.deliver(&event).await?;
            let functions = delivered.iter().filter(|it| it.target.ends_with("snapshot-export"));
            ensure!(functions.count() == 1, "{delivered:?}");
            let text = format!("the snapshot {snapshot} is none of ours");
            let said = until("the foreign event is answered", WAIT_S_MAX, || async {
                let said = outcomes(scene, "snapshot-export", &text).await?;
                Ok((!said.is_empty()).then_some(said))
            })
            .await?;
            ensure!(said.iter().all(|(word, _)| word == "done"), "{said:?}");
        }
        let told = scene.told.all().await?;
        ensure!(!told.iter().any(|told| told.to_string().contains("billing")), "{told:?}");
        Ok(())
    })
}

/// The recorded event of a snapshot of ours, about another one.
fn foreign(snapshot: &str) -> Result<Value> {
    let file = warmspare_tests::stack::folders::workspace()
        .join("infra/events/snapshot-export.created.json");
    let mut event: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let account = warmspare_tests::scene::ACCOUNT;
    event["account"] = json!(account);
    event["region"] = json!(RECOVERY);
    event["detail"]["SourceIdentifier"] = json!(snapshot);
    event["detail"]["SourceArn"] =
        json!(format!("arn:aws:rds:{RECOVERY}:{account}:snapshot:{snapshot}"));
    Ok(event)
}
