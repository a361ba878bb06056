//! Driving a failover that has begun: look, decide, intend, take, look again, confirm.

use warmspare_decide::dns;
use warmspare_decide::failover::{Act, Attempt, Next, Report, View, next};
use warmspare_decide::journal::{Entry, Finding, Impossible, Progress, Step, What};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::plan::Site;
use warmspare_decide::seen::Seen;

use crate::fault::{Fault, Hope, or_unknown};
use crate::journal::{self, ALIVE_EVERY_S, Lease};
use crate::ports::ApplianceMode;
use crate::signals;

use super::{Subject, World, announce};

/// No turn begins with less time left, in seconds: a look, the longest call and its record fit into it.
const LEFT_S_MIN: u64 = 45;
/// Between two looks at something that takes its time, in seconds.
const LOOK_EVERY_S: u64 = 3;
/// An upper bound of what one invocation does, so that a mistake cannot spin.
const TURNS_MAX: u32 = 400;

/// What a run remembers between two turns. All of it may be lost at any time.
#[derive(Debug, Default)]
struct Memory {
    attempt: Option<Attempt>,
    change_id: Option<String>,
    said_alive_s: Option<i64>,
    waiting_for: String,
}

enum Turn {
    On,
    End(Outcome),
}

/// Drives the failover as far as this invocation's time goes.
pub(super) async fn on<P: World>(
    ports: &P,
    subject: &Subject,
    mut progress: Progress,
) -> Result<Outcome, Fault> {
    let term = progress.term;
    let mut memory = Memory::default();
    for _turn in 0..TURNS_MAX {
        if ports.left_s() < LEFT_S_MIN {
            break;
        }
        if let Lease::Another { age_s } = alive(ports, subject, &progress, &mut memory).await? {
            return Ok(Outcome::Waiting(format!(
                "term {term} is driven by another run, which was seen {age_s} s ago"
            )));
        }
        match turn(ports, subject, &mut progress, &mut memory).await {
            Ok(Turn::On) => {}
            Ok(Turn::End(outcome)) => {
                journal::release(ports, &subject.system, term).await;
                return Ok(outcome);
            }
            Err(fault) => {
                journal::release(ports, &subject.system, term).await;
                return Err(fault);
            }
        }
    }
    journal::release(ports, &subject.system, term).await;
    let step = progress.next_step().map_or("close", Step::words);
    Ok(Outcome::Waiting(format!(
        "term {term} is about to {step}, and goes on with the next tick: {}",
        if memory.waiting_for.is_empty() { "no time was left" } else { &memory.waiting_for }
    )))
}

async fn alive<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    memory: &mut Memory,
) -> Result<Lease, Fault> {
    let now_s = ports.now().as_second();
    let every_s = i64::try_from(ALIVE_EVERY_S).unwrap_or(i64::MAX);
    if memory.said_alive_s.is_some_and(|said_s| now_s.saturating_sub(said_s) < every_s) {
        return Ok(Lease::Ours);
    }
    let lease = journal::lease(ports, &subject.system, progress.term).await?;
    memory.said_alive_s = Some(now_s);
    Ok(lease)
}

async fn turn<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &mut Progress,
    memory: &mut Memory,
) -> Result<Turn, Fault> {
    let view = look(ports, subject, progress, memory).await;
    let term = progress.term;
    match next(&subject.plan, progress, &view) {
        Next::Do(act) => {
            let (step, batch) = (act.step(), batch_of(&act));
            // A step that may have happened already is not intended a second time.
            if progress.intended != Some(step)
                && !write(ports, subject, progress, What::Intended { step, batch }).await?
            {
                return Ok(Turn::End(overtaken(progress)));
            }
            take(ports, subject, progress, &act, memory).await?;
            Ok(Turn::On)
        }
        Next::Confirm(step, finding) => {
            let seen = seen(&finding);
            if !write(ports, subject, progress, What::Confirmed { step, finding }).await? {
                return Ok(Turn::End(overtaken(progress)));
            }
            memory.attempt = None;
            let reason = format!("{}: {seen}", step.words());
            let system = &subject.system;
            announce(ports, system, Happening::FailoverStep, Some(term), "done", reason).await;
            Ok(Turn::On)
        }
        Next::Wait(why) => {
            memory.waiting_for = why;
            memory.attempt = None;
            ports.pause(LOOK_EVERY_S).await;
            Ok(Turn::On)
        }
        Next::Later(why) => {
            let sentence = format!("term {term} goes on with the next tick: {why}");
            Ok(Turn::End(Outcome::Waiting(sentence)))
        }
        Next::Stop(refusal) => {
            // A run that was asleep finds the world as another one has left it: nothing has failed.
            if journal::is_past(ports, &subject.system, term, progress.entries).await {
                return Ok(Turn::End(overtaken(progress)));
            }
            let system = &subject.system;
            let reason = refusal.to_string();
            announce(ports, system, Happening::FailoverFailed, Some(term), "refused", reason).await;
            Ok(Turn::End(Outcome::Refused(refusal)))
        }
        Next::Abandon(why) => {
            if !write(ports, subject, progress, What::Abandoned { why: why.clone() }).await? {
                return Ok(Turn::End(overtaken(progress)));
            }
            let system = &subject.system;
            let reason = why.to_string();
            announce(ports, system, Happening::FailoverRefused, Some(term), "refused", reason)
                .await;
            Ok(Turn::End(Outcome::Refused(why)))
        }
        Next::Complete(report) => {
            let sentence = sentence(&report);
            if !write(ports, subject, progress, What::Completed(report)).await? {
                return Ok(Turn::End(overtaken(progress)));
            }
            let system = &subject.system;
            let reason = sentence.clone();
            announce(ports, system, Happening::FailoverCompleted, Some(term), "done", reason).await;
            Ok(Turn::End(Outcome::Done(sentence)))
        }
    }
}

/// Appends an entry and folds it in; false when another run was first.
async fn write<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &mut Progress,
    what: What,
) -> Result<bool, Fault> {
    let n = progress.entries.saturating_add(1);
    let (system, version) = (&subject.system, &subject.plan_version);
    match journal::append(ports, system, progress.term, n, version, what).await? {
        Some(entry) => follow(progress, &entry).map(|()| true),
        None => Ok(false),
    }
}

fn follow(progress: &mut Progress, entry: &Entry) -> Result<(), Fault> {
    progress.follow(entry).map_err(impossible)
}

/// A journal that this code cannot have written.
pub(super) fn impossible(why: Impossible) -> Fault {
    let subject = format!("of term {}", why.term);
    Fault::new(Hope::Permanent, "following the journal", subject, why.to_string())
}

fn overtaken(progress: &Progress) -> Outcome {
    Outcome::Waiting(format!(
        "another run has gone on with term {}, and this one leaves it to that run",
        progress.term
    ))
}

fn sites<'s>(subject: &'s Subject, progress: &Progress) -> (&'s Site, &'s Site) {
    let plan = &subject.plan;
    let new = plan.other(&progress.opened.from);
    (plan.other(&new.name), new)
}

/// Looks at what the next step needs, and at nothing else: a failover depends on the old site only
/// where it fences it (P7).
async fn look<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    memory: &Memory,
) -> View {
    let plan = &subject.plan;
    let (old, new) = sites(subject, progress);
    let not_looked = || "it was not looked at".to_owned();
    let mut view = View {
        now: ports.now(),
        old: Vec::new(),
        new: Vec::new(),
        attempt: memory.attempt.clone(),
        replica: Seen::Unknown(not_looked()),
        records: Seen::Unknown(not_looked()),
        change_id: memory.change_id.clone(),
        in_sync: Seen::Unknown(not_looked()),
    };
    match progress.next_step() {
        Some(Step::Fence | Step::Unfence) => {
            (view.old, view.new) = futures_util::future::join(
                signals::of_site(ports, plan, old),
                signals::of_new_site(ports, plan, new),
            )
            .await;
        }
        Some(Step::PromoteDatabase) => {
            if let Some(database) = &plan.database {
                view.replica = or_unknown(ports.instance(&new.region, &database.replica).await);
            }
        }
        Some(Step::SeeHealthy) => view.new = signals::of_new_site(ports, plan, new).await,
        Some(Step::Repoint) => {
            view.new = signals::of_new_site(ports, plan, new).await;
            view.records = match ports.records(&plan.dns.zone, &dns::names(plan)).await {
                Ok(records) => Seen::Here(records),
                Err(fault) => Seen::Unknown(fault.to_string()),
            };
        }
        Some(Step::SeeInSync) => {
            view.in_sync = match progress.change_id() {
                None => Seen::Absent,
                Some(change_id) => match ports.is_in_sync(change_id).await {
                    Ok(in_sync) => Seen::Here(in_sync),
                    Err(fault) => Seen::Unknown(fault.to_string()),
                },
            };
        }
        Some(Step::PromoteAppliance) | None => {}
    }
    view
}

fn batch_of(act: &Act) -> Vec<dns::Change> {
    match act {
        Act::Repoint(batch) => batch.clone(),
        Act::Fence | Act::Unfence | Act::PromoteDatabase | Act::PromoteAppliance => Vec::new(),
    }
}

/// Takes one act. What came of it is looked at in the next turn; a fault that may pass is no reason to
/// stop, and one that will not pass is.
async fn take<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    act: &Act,
    memory: &mut Memory,
) -> Result<(), Fault> {
    let (old, new) = sites(subject, progress);
    let taken = match act {
        Act::Fence => {
            return attempt(ports.set_mode(&old.appliance, ApplianceMode::Standby).await, memory);
        }
        Act::Unfence => {
            return attempt(
                ports.set_mode(&old.appliance, ApplianceMode::Production).await,
                memory,
            );
        }
        Act::PromoteAppliance => {
            return attempt(
                ports.set_mode(&new.appliance, ApplianceMode::Production).await,
                memory,
            );
        }
        Act::PromoteDatabase => match &subject.plan.database {
            Some(database) => {
                let told = ports.promote(&new.region, &database.replica).await;
                // RDS goes on saying `available` for a moment.
                ports.pause(LOOK_EVERY_S).await;
                told
            }
            None => Ok(()),
        },
        Act::Repoint(batch) => {
            ports.change(&subject.plan.dns.zone, batch).await.map(|id| memory.change_id = id)
        }
    };
    match taken {
        Ok(()) => Ok(()),
        Err(fault) if fault.hope == Hope::Permanent => Err(fault),
        Err(fault) => {
            memory.waiting_for = fault.to_string();
            ports.pause(LOOK_EVERY_S).await;
            Ok(())
        }
    }
}

/// An appliance's answer is all there is to see of its mode, so it is kept for the decision.
fn attempt(answer: Result<(), Fault>, memory: &mut Memory) -> Result<(), Fault> {
    memory.attempt = Some(match answer {
        Ok(()) => Attempt::Accepted,
        Err(fault) if fault.hope == Hope::Unreachable => Attempt::Unreachable(fault.to_string()),
        Err(fault) => Attempt::Unclear(fault.to_string()),
    });
    Ok(())
}

fn seen(finding: &Finding) -> String {
    match finding {
        Finding::Fenced { .. } => "it accepted to be standby".to_owned(),
        Finding::FenceAttempted { debts, why } => {
            let owed: Vec<&str> = debts.iter().map(|debt| debt.words()).collect();
            format!("it could not be reached ({why}); owed: {}", owed.join(", "))
        }
        Finding::Writable => "it replicates nothing and is available".to_owned(),
        Finding::Accepted => "it accepted to be production".to_owned(),
        Finding::Healthy { verdict } => format!("{} path(s) say that it is up", verdict.up),
        Finding::Moved { change_id, .. } => format!("the records were moved by change {change_id}"),
        Finding::InSync => "every server of Route 53 has them".to_owned(),
    }
}

fn sentence(report: &Report) -> String {
    let debts: Vec<&str> = report.debts.iter().map(|debt| debt.words()).collect();
    format!(
        "{} took over from {} {} s after it was lost ({} s agreed); {}; what only backups hold loses {} s \
         ({} s agreed); owed: {}",
        report.to,
        report.from,
        report.rto_s,
        report.rto_s_max,
        report
            .rpo_database_s
            .map_or("what the database loses is not known".to_owned(), |s| format!(
                "the database loses at most {s} s"
            )),
        report.rpo_backup_s,
        report.rpo_s_max,
        if debts.is_empty() { "nothing".to_owned() } else { debts.join(", ") }
    )
}
