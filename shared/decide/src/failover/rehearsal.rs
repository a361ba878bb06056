//! What a move would do now, step by step, without doing it.

use jiff::{SignedDuration, Timestamp};

use crate::capacity::Group;
use crate::dns::{Change, RecordSet};
use crate::evidence::Sight;
use crate::journal::{Entry, FORMAT, Finding, Impossible, Progress, Step, What};
use crate::name::Term;
use crate::plan::{Method, Plan};
use crate::seen::Seen;

use super::{Act, Next, Opened, View, debts_of};

/// How long ago the steps before count as done, in seconds: long enough for what has to settle, short
/// enough for what has a limit.
const DONE_AGO_S: i64 = 300;

/// The move as if its first `done` steps were done a while ago, so that the next one can be decided on
/// what is seen now.
///
/// # Errors
/// [`Impossible`] when the steps cannot follow each other.
pub fn as_if_done(
    plan: &Plan,
    opened: &Opened,
    term: Term,
    done: usize,
    now: Timestamp,
) -> Result<Progress, Impossible> {
    let at = now.checked_sub(SignedDuration::from_secs(DONE_AGO_S)).unwrap_or(now);
    let entry = |n, what| Entry {
        format: FORMAT,
        system: plan.system.clone(),
        term,
        n,
        at,
        writer: "rehearsal".to_owned(),
        plan_version: "rehearsal".to_owned(),
        what,
    };
    let mut progress = Progress::of(&[entry(1, What::Opened(Box::new(opened.clone())))])?;
    for step in opened.steps.iter().take(done) {
        let n = progress.entries.saturating_add(1);
        let finding = as_if_seen(plan, opened, *step, at);
        progress.follow(&entry(n, What::Confirmed { step: *step, finding }))?;
    }
    Ok(progress)
}

fn as_if_seen(plan: &Plan, opened: &Opened, step: Step, at: Timestamp) -> Finding {
    match step {
        Step::SeedDatabase => {
            let replica = opened.pair(plan).map(|pair| pair.replica.id).unwrap_or_default();
            Finding::Seeded { replica, lag_s: 0 }
        }
        Step::Fence => Finding::Fenced { debts: debts_of(plan, &opened.from) },
        Step::StopCapacity => Finding::Stopped { debts: Vec::new(), group: group(0) },
        Step::StartCapacity => Finding::InService { group: group(1) },
        Step::CatchUp => Finding::CaughtUp { measured_at: at },
        Step::RestoreDatabase => as_if_restored(opened, plan, at),
        Step::PromoteDatabase => Finding::Writable,
        Step::PromoteAppliance | Step::Unfence => Finding::Accepted,
        Step::SeeHealthy => Finding::Healthy { verdict: opened.verdict.clone() },
        Step::Repoint => match plan.dns.method {
            Method::Rewrite => {
                Finding::Moved { change_id: None, changes: Vec::new(), records: Vec::new() }
            }
            Method::HealthCheck { .. } => {
                Finding::Switched { site: opened.to.clone(), term: Term(0) }
            }
        },
        Step::SeeInSync => Finding::InSync,
    }
}

fn as_if_restored(opened: &Opened, plan: &Plan, at: Timestamp) -> Finding {
    let instance = opened.pair(plan).map(|pair| pair.replica.id).unwrap_or_default();
    let copy = opened.view.restore.as_ref().and_then(|seen| seen.copy.here());
    Finding::Restored {
        instance,
        snapshot: copy.map(|copy| copy.snapshot.clone()).unwrap_or_default(),
        taken_at: copy.map_or(at, |copy| copy.taken_at),
    }
}

fn group(instances: u32) -> Group {
    Group {
        desired: instances,
        min: 0,
        max: instances,
        in_service: instances,
        instances,
        protected: 0,
        suspended: Vec::new(),
    }
}

/// Whether the move would start the instances of the new site: then nothing is known of its health.
pub fn is_unlit(plan: &Plan, opened: &Opened) -> bool {
    let capacity = plan.other(&opened.from).capacity.as_ref();
    let group = opened.view.capacity.as_ref().and_then(Seen::here);
    capacity.zip(group).is_some_and(|(capacity, group)| !group.has(capacity.desired))
}

/// A rehearsal starts no instances, so what a planned move would have waited for before its fence is not
/// there to be seen: the fence is decided as if it were.
#[must_use]
pub fn as_if_running(plan: &Plan, opened: &Opened, step: Step, mut view: View) -> View {
    if step == Step::Fence && opened.kind.is_planned() && is_unlit(plan, opened) {
        for signal in &mut view.new {
            signal.sight = Sight::AsExpected;
        }
    }
    view
}

/// What a step would come to, as a clause.
pub fn told(next: &Next) -> String {
    match next {
        Next::Do(Act::Repoint(batch)) => {
            let changes: Vec<String> = batch.iter().map(shown).collect();
            format!("would submit {}", changes.join(", "))
        }
        Next::Do(Act::TurnSwitch { over }) => {
            let over = if over.is_some() { "what the last move left" } else { "nothing" };
            format!("would turn the switch, over {over}")
        }
        Next::Do(act @ Act::RestoreDatabase { snapshot }) => {
            format!("would {} {snapshot}", act.step().words())
        }
        Next::Do(act) => format!("would {}", act.step().words()),
        Next::Confirm(..) => "would be seen done at once".to_owned(),
        Next::Wait(why) | Next::Later(why) => format!("would wait, because {why}"),
        Next::Stop(refusal) => format!("would be refused, because {refusal}"),
        Next::Abandon(refusal, _) => format!("would be given up, because {refusal}"),
        Next::Complete(_) => "would be over".to_owned(),
    }
}

fn shown(change: &Change) -> String {
    let set = |set: &RecordSet| format!("{} {} {}", set.name, set.kind, set.values.join(" "));
    match change {
        Change::Delete(old) => format!("DELETE {}", set(old)),
        Change::Create(new) => format!("CREATE {}", set(new)),
    }
}
