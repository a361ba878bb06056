//! Deciding again, offline, from what was stored: whether this code would decide as was decided then.
//!
//! A journal holds what the decision to begin has seen and the text of the plan, and a kept refusal
//! does as well; the closing report follows from the entries before it. What each step saw is not
//! stored, so of the steps only their order is held against the fold.

use serde_json::Value;
use warmspare_decide::failover::{Declined, Opened, open, report};
use warmspare_decide::journal::{Entry, FORMAT, Progress, What};
use warmspare_decide::plan::Plan;

use crate::plan_text;

/// The most differences of one decision that are named.
const DIFFERENCES_MAX: usize = 20;

/// What came of deciding again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Decisions that this code makes as they were made, as sentences.
    pub same: Vec<String>,
    /// What this code would decide otherwise, as sentences.
    pub differs: Vec<String>,
    /// What could not be decided again, and why.
    pub undecided: Vec<String>,
}

impl Replayed {
    /// Something was decided again, all of it as it was then, and nothing was left out.
    pub fn is_same(&self) -> bool {
        !self.same.is_empty() && self.differs.is_empty() && self.undecided.is_empty()
    }
}

/// Decides again what one journal decided; `plan` is the text of the plan for a journal that does not
/// hold it, as those of format 1 do not.
pub fn journal(entries: &[Entry], plan: Option<&str>) -> Replayed {
    let mut replayed = Replayed::default();
    let mut entries = entries.iter();
    let Some(first) = entries.next() else {
        replayed.undecided.push("a journal without entries".to_owned());
        return replayed;
    };
    let name = format!("term {} of {}", first.term, first.system);
    let mut progress = match Progress::of(std::slice::from_ref(first)) {
        Ok(progress) => progress,
        Err(impossible) => {
            replayed.undecided.push(impossible.to_string());
            return replayed;
        }
    };
    let stored = progress.opened.clone();
    let text = if stored.plan.is_empty() { plan } else { Some(stored.plan.as_str()) };
    let plan = match text.map(plan_text::parse) {
        Some(Ok(plan)) => Some(plan),
        Some(Err(problems)) => {
            replayed.differs.push(format!("{name}: its plan is refused today: {problems}"));
            return replayed;
        }
        None => {
            replayed.undecided.push(format!("{name} does not hold the text of its plan"));
            None
        }
    };
    if let Some(plan) = &plan {
        opening(&mut replayed, &name, plan, &stored);
    }
    for entry in entries {
        if let (What::Completed(stored), Some(plan)) = (&entry.what, &plan) {
            let today = report(plan, &progress, entry.at);
            let (name, stored) = (format!("{name}: its report"), said_by(entry, stored));
            compare(&mut replayed, &name, &stored, &said_as(entry, &today, &stored));
        }
        if let Err(impossible) = progress.follow(entry) {
            replayed.differs.push(format!("{name}: {impossible}"));
            return replayed;
        }
    }
    replayed
}

/// What an entry says. An older version did not say everything that this one does; what it did not say
/// is null in it, and no difference.
fn said_by<T: serde::Serialize>(entry: &Entry, stored: &T) -> Value {
    let mut said = serde_json::to_value(stored).unwrap_or_default();
    if entry.format < FORMAT
        && let Value::Object(fields) = &mut said
    {
        fields.retain(|_, value| !value.is_null());
    }
    said
}

/// What this version says, of what that entry does.
fn said_as<T: serde::Serialize>(entry: &Entry, today: &T, stored: &Value) -> Value {
    let mut said = serde_json::to_value(today).unwrap_or_default();
    if entry.format < FORMAT
        && let Value::Object(fields) = &mut said
    {
        fields.retain(|name, _| stored.get(name).is_some());
    }
    said
}

fn opening(replayed: &mut Replayed, name: &str, plan: &Plan, stored: &Opened) {
    match open(plan, &stored.view) {
        Ok(today) => {
            let today = Opened { plan: stored.plan.clone(), ..today };
            compare(replayed, &format!("{name}: its beginning"), stored, &today);
        }
        Err(refusal) => {
            replayed.differs.push(format!("{name} began, and would be refused today: {refusal}"));
        }
    }
}

/// Decides again what was refused.
pub fn declined(stored: &Declined) -> Replayed {
    let mut replayed = Replayed::default();
    let name = format!("the refusal {} of {} at {}", stored.why.name(), stored.system, stored.at);
    let plan = match plan_text::parse(&stored.plan) {
        Ok(plan) => plan,
        Err(problems) => {
            replayed.differs.push(format!("{name}: its plan is refused today: {problems}"));
            return replayed;
        }
    };
    match open(&plan, &stored.view) {
        Err(today) => compare(&mut replayed, &name, &stored.why, &today),
        Ok(_) => {
            let (term, why) = (stored.term, &stored.why);
            let sentence = format!("{name}: term {term} would begin today, and was refused: {why}");
            replayed.differs.push(sentence);
        }
    }
    replayed
}

fn compare<T: serde::Serialize>(replayed: &mut Replayed, name: &str, stored: &T, today: &T) {
    let (stored, today) = match (serde_json::to_value(stored), serde_json::to_value(today)) {
        (Ok(stored), Ok(today)) => (stored, today),
        (Err(wrong), _) | (_, Err(wrong)) => {
            replayed.undecided.push(format!("{name}: {wrong}"));
            return;
        }
    };
    let mut found = Vec::new();
    differences("", &stored, &today, &mut found);
    if found.is_empty() {
        replayed.same.push(format!("{name} is decided as it was"));
        return;
    }
    let more = found.len().saturating_sub(DIFFERENCES_MAX);
    found.truncate(DIFFERENCES_MAX);
    let said = found.into_iter().map(|found| format!("{name}: {found}"));
    replayed.differs.extend(said);
    if more > 0 {
        replayed.differs.push(format!("{name}: and {more} more"));
    }
}

fn differences(path: &str, stored: &Value, today: &Value, found: &mut Vec<String>) {
    match (stored, today) {
        (Value::Object(then), Value::Object(now)) => {
            let missing = now.keys().filter(|name| !then.contains_key(*name));
            for name in then.keys().chain(missing) {
                let (then, now) = (then.get(name), now.get(name));
                let (then, now) = (then.unwrap_or(&Value::Null), now.unwrap_or(&Value::Null));
                differences(&format!("{path}.{name}"), then, now, found);
            }
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            for (n, (then, now)) in then.iter().zip(now).enumerate() {
                differences(&format!("{path}[{n}]"), then, now, found);
            }
        }
        (then, now) if then == now => {}
        (then, now) => {
            let path = path.trim_start_matches('.');
            found.push(format!("{path} was {then}, and would be {now} today"));
        }
    }
}
