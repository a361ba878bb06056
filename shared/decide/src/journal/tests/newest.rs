//! The newest format, whole: every entry, step, finding and debt that this code can write.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::acknowledgement::Acknowledgement;
use crate::database::{Restorable, RestoreView};
use crate::dns::RecordSet;
use crate::evidence::AlarmState;
use crate::failover::report;
use crate::failover::tests::{ago, now, opened, past, plan, record};
use crate::seen::Seen;
use crate::switch::{Leads, Switch};

const GOLDEN: &str = include_str!("../golden/format-3.json");

fn group(instances: u32) -> Group {
    Group {
        desired: instances,
        min: 0,
        max: 2,
        in_service: instances,
        instances,
        protected: 0,
        suspended: vec![],
    }
}

fn accepted() -> Option<Box<Accepted>> {
    let refusal = Refusal::Cooldown { term: Term(1), since_s: 1_000, cooldown_s: 1_800 };
    let by = Acknowledgement {
        format: 1,
        who: "Ada".to_owned(),
        refusal: "cooldown".to_owned(),
        until: now(),
        reason: "they wait".to_owned(),
    };
    Some(Box::new(Accepted { refusal, by }))
}

fn done(step: Step, finding: Finding) -> [What; 2] {
    [intended(step), What::Confirmed { step, finding }]
}

fn moved_by_plan() -> Vec<Entry> {
    let mut begun = opened();
    begun.kind = Kind::Switchover;
    begun.plan = "system = \"controller\"".to_owned();
    let steps = [
        (
            Step::SeedDatabase,
            Finding::Seeded { replica: "controller-db-west".to_owned(), lag_s: 2 },
        ),
        (Step::Fence, Finding::Fenced { debts: vec![Debt::Capacity, Debt::Database] }),
        (Step::StopCapacity, Finding::Stopped { debts: vec![Debt::Database], group: group(0) }),
        (Step::StartCapacity, Finding::InService { group: group(1) }),
        (Step::CatchUp, Finding::CaughtUp { measured_at: ago(60) }),
        (Step::PromoteDatabase, Finding::Writable),
        (Step::PromoteAppliance, Finding::Accepted),
        (Step::SeeHealthy, Finding::Healthy { verdict: begun.verdict.clone() }),
    ];
    begun.steps = steps.iter().map(|(step, _)| *step).collect();
    begun.steps.extend([Step::Repoint, Step::SeeInSync]);
    let mut whats = vec![What::Opened(Box::new(begun))];
    whats.extend(steps.into_iter().flat_map(|(step, finding)| done(step, finding)));
    let [old, new] = ["203.0.113.10", "203.0.113.20"].map(record);
    let name = "_warmspare.controller.controller.example.com";
    let term = RecordSet::simple("Z1", name, "TXT", 60, vec!["\"term=1\"".to_owned()]);
    let batch =
        vec![Change::Delete(old), Change::Create(new.clone()), Change::Create(term.clone())];
    whats.push(What::Intended { step: Step::Repoint, batch });
    let changes = vec![ZoneChange { zone: "Z1".to_owned(), id: "C1".to_owned() }];
    let finding = Finding::Moved { change_id: None, changes, records: vec![new, term] };
    whats.push(What::Confirmed { step: Step::Repoint, finding });
    whats.push(What::Confirmed { step: Step::SeeInSync, finding: Finding::InSync });
    let progress = Progress::of(&entries(whats.clone())).unwrap();
    whats.push(What::Completed(Box::new(report(&plan(), &progress, now()))));
    let seen = || "controller-db is stopped".to_owned();
    whats.push(What::Paid { debt: Debt::Database, seen: seen() });
    whats.push(What::OwedAgain { debt: Debt::Database, seen: seen() });
    entries(whats)
}

fn attempted() -> Vec<Entry> {
    let mut begun = opened();
    begun.steps.insert(1, Step::StopCapacity);
    let debts = || vec![Debt::Appliance, Debt::Capacity, Debt::Database];
    let why = || "no answer within 5 s".to_owned();
    let fence = Finding::FenceAttempted { debts: debts(), why: why(), accepted: accepted() };
    let stop = Finding::StopAttempted { debts: debts(), why: why(), accepted: None };
    let mut whats = vec![What::Opened(Box::new(begun))];
    whats.extend(done(Step::Fence, fence));
    whats.extend(done(Step::StopCapacity, stop));
    entries(whats)
}

fn given_up() -> Vec<Entry> {
    let mut begun = opened();
    begun.view.past = vec![crate::failover::PastTerm {
        completed: false,
        debts: vec![Debt::Mode],
        ..past(7_200)
    }];
    let why = Refusal::Aborted {
        site: begun.from.clone(),
        who: "Ada".to_owned(),
        reason: "it is back".to_owned(),
        told: "it could not be told".to_owned(),
    };
    entries(vec![
        What::Opened(Box::new(begun)),
        intended(Step::Fence),
        abort(),
        intended(Step::Unfence),
        What::Abandoned { why, debts: vec![Debt::Mode] },
        paid(Debt::Mode),
    ])
}

fn switched() -> Vec<Entry> {
    let mut begun = opened();
    let (site, system) = (begun.to.clone(), SystemName::parse("controller").unwrap());
    let switch = Switch { format: 1, system, term: Term(1), site: begun.from.clone() };
    let alarm = Seen::Here(AlarmState::Ok);
    begun.view.leads = Some(Leads { switch: Seen::Here(switch), alarm });
    begun.steps = vec![Step::Repoint, Step::SeeInSync];
    let mut whats = vec![What::Opened(Box::new(begun))];
    let turned = Finding::Switched { site: site.clone(), term: Term(1) };
    whats.extend(done(Step::Repoint, turned));
    let led = Finding::Led { site, alarm: "warmspare-away-controller".to_owned() };
    whats.extend(done(Step::SeeInSync, led));
    entries(whats)
}

fn put_back() -> Vec<Entry> {
    let mut begun = opened();
    begun.kind = Kind::Switchover;
    begun.view.capacity = Some(Seen::Here(group(0)));
    begun.view.leaving = Some(Seen::Here(group(1)));
    begun.view.past =
        vec![crate::failover::PastTerm { completed: false, put_back: true, ..past(7_200) }];
    begun.steps.insert(0, Step::StartCapacity);
    let why = Refusal::NoExport {};
    entries(vec![
        What::Opened(Box::new(begun)),
        intended(Step::StartCapacity),
        What::Abandoned { why, debts: vec![Debt::PilotLight] },
        paid(Debt::PilotLight),
    ])
}

fn restored() -> Vec<Entry> {
    let mut begun = opened();
    let snapshot = "warmspare-controller-db-2026-11-20t22-00-00z".to_owned();
    let (taken_at, instance) = (ago(7_200), "controller-db-west".to_owned());
    let copy = Seen::Here(Restorable { snapshot: snapshot.clone(), taken_at });
    (begun.view.replica, begun.view.lag_s) = (None, None);
    begun.view.restore = Some(RestoreView { instance: Seen::Absent, copy });
    begun.steps = vec![Step::RestoreDatabase];
    let mut whats = vec![What::Opened(Box::new(begun))];
    let finding = Finding::Restored { instance, snapshot, taken_at };
    whats.extend(done(Step::RestoreDatabase, finding));
    let progress = Progress::of(&entries(whats.clone())).unwrap();
    whats.push(What::Completed(Box::new(report(&plan(), &progress, now()))));
    entries(whats)
}

fn journals() -> Vec<Vec<Entry>> {
    vec![moved_by_plan(), attempted(), given_up(), switched(), put_back(), restored()]
}

/// Every string under this name, anywhere in it.
fn told(value: &Value, name: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                if let Value::String(told) = value
                    && field == name
                {
                    all.insert(told.clone());
                }
                if let (Value::Array(many), true) = (value, field == "debts" && name == "debt") {
                    all.extend(many.iter().filter_map(|debt| debt.as_str().map(str::to_owned)));
                }
                told(value, name, all);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| told(value, name, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// FA17: what is written today is the golden file, entry by entry. If it is not, a version was forgotten,
/// or the format has grown before it was released: then the left side of the failure is the new file.
#[test]
fn the_golden_journals_of_format_3_are_what_is_written_today() {
    let written = serde_json::to_string_pretty(&journals()).unwrap();
    assert_eq!(written, GOLDEN.trim_end(), "it is written otherwise");
    let golden: Vec<Vec<Entry>> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden, journals(), "it is read as something else");
    let folded: Vec<Progress> = golden.iter().map(|all| Progress::of(all).unwrap()).collect();
    assert_eq!(folded[0].debts, [Debt::Database]);
    assert!(folded[0].end.as_ref().is_some_and(|end| end.completed));
    assert_eq!((folded[1].debts.len(), folded[1].end.is_none()), (3, true));
    assert!(folded[2].debts.is_empty() && folded[2].has_inherited());
}

/// A step, a finding or a debt that is added later has to be in the golden file too.
#[test]
fn nothing_that_can_be_written_is_missing_in_the_golden_journals() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    for (name, count) in [("what", 8), ("step", 12), ("seen", 15), ("debt", 5)] {
        let mut all = BTreeSet::new();
        told(&golden, name, &mut all);
        all.retain(|word| !word.contains(' ') && !word.is_empty());
        assert_eq!(all.len(), count, "{name}: {all:?}");
    }
}
