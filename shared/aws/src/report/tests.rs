use warmspare_decide::name::{Slot, SystemName};

use super::*;

fn refused(refusal: Refusal) -> Result<Answer, Failure> {
    answer(&Ok(Outcome::Refused(refusal)))
}

#[test]
fn an_outcome_is_answered_with_its_word_and_its_sentence() {
    let done = answer(&Ok(Outcome::Done("3 objects are stored".to_owned()))).unwrap();
    let json = serde_json::to_string(&done).unwrap();
    assert_eq!(json, r#"{"outcome":"done","reason":"3 objects are stored"}"#);
    let refused = refused(Refusal::NoExport {}).unwrap();
    assert_eq!(refused.outcome, "refused");
    assert!(refused.reason.starts_with("the plan has no [database]"));
}

/// Lambda gives a failed event to the dead-letter queue, and an answered one to nobody.
#[test]
fn an_event_that_nobody_took_is_kept() {
    let system = SystemName::parse("controller").unwrap();
    for (refusal, kind) in [
        (Refusal::NotOurs { why: "it is not JSON".to_owned() }, "Refused.NotOurs"),
        (
            Refusal::UnknownSystem {
                system: system.to_string(),
                key: "plans/controller.toml".to_owned(),
            },
            "Refused.UnknownSystem",
        ),
        (Refusal::PlanInvalid { count: 1, problems: "…".to_owned() }, "Refused.PlanInvalid"),
        (
            Refusal::NoBackup {
                slot: Slot::parse("2026-11-21T00-00-00Z").unwrap(),
                key: "backups/controller/2026-11-21T00-00-00Z/manifest.json".to_owned(),
            },
            "Refused.NoBackup",
        ),
    ] {
        let sentence = refusal.to_string();
        let failure = refused(refusal).unwrap_err();
        let diagnostic = Diagnostic::from(failure);
        assert_eq!(diagnostic.error_type, kind);
        assert_eq!(diagnostic.error_message, sentence);
    }
}

#[test]
fn a_fault_is_told_with_its_causes_and_none_of_them_twice() {
    let cause = std::io::Error::other(std::io::Error::other("the pipe is broken."));
    let fault = Fault::new(Hope::Retryable, "reading", "plans/controller.toml", "it broke off");
    let failure = answer(&Err(fault.because(cause))).unwrap_err();
    assert_eq!(failure.kind, "Fault.Retryable");
    assert_eq!(failure.sentence, "reading plans/controller.toml: it broke off: the pipe is broken");
    for (hope, kind) in
        [(Hope::Unreachable, "Fault.Unreachable"), (Hope::Permanent, "Fault.Permanent")]
    {
        let failure = answer(&Err(Fault::new(hope, "reading", "it", "why"))).unwrap_err();
        assert_eq!(failure.kind, kind);
    }
}

#[test]
fn every_ending_is_a_metric_that_is_one_or_zero() {
    let line = metrics("verify-upload", "refused", 12);
    assert_eq!(line["Function"], "verify-upload");
    assert_eq!(line["DurationMs"], 12);
    for (metric, value) in [("Done", 0), ("Waiting", 0), ("Refused", 1), ("Failed", 0)] {
        assert_eq!(line[metric], value, "{metric}");
    }
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "Warmspare");
    assert_eq!(directive["Dimensions"], json!([["Function"]]));
    for definition in directive["Metrics"].as_array().unwrap() {
        let name = definition["Name"].as_str().unwrap();
        assert!(line[name].is_number(), "{name} has a value");
    }
    assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
}
