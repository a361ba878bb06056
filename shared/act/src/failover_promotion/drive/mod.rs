//! Driving a failover that has begun: look, decide, intend, take, look again, confirm.

mod look;
mod take;
mod words;

use jiff::Timestamp;
use warmspare_decide::failover::{Attempt, Next, View, next};
use warmspare_decide::journal::{Entry, Impossible, Progress, Step, What};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::plan::Site;

use crate::fault::{Fault, Hope};
use crate::journal::{self, ALIVE_EVERY_S, Lease};

pub(super) use look::group;
use look::look;
use take::{batch_of, take};
use words::{seen, sentence};

use super::{Subject, World, announce, records, told};

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
    told_at: Option<Timestamp>,
    said_alive_s: Option<i64>,
    waiting_for: String,
    /// When it has published last what the switch says.
    published_at: Option<Timestamp>,
    /// What Route 53 answered.
    moves: records::Moves,
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
        // On the heap: it holds a view of everything, and each that drives would hold it too.
        match Box::pin(turn(ports, subject, &mut progress, &mut memory)).await {
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
    let why = if memory.waiting_for.is_empty() { "no time was left" } else { &memory.waiting_for };
    told::waiting(ports, subject, &progress, why).await;
    journal::release(ports, &subject.system, term).await;
    let step = progress.next_step().map_or("close", Step::words);
    Ok(Outcome::Waiting(format!(
        "term {term} is about to {step}, and goes on with the next tick: {why}"
    )))
}

/// The look before the next step, by a run that has done nothing yet.
pub(super) async fn look_once<P: World>(ports: &P, subject: &Subject, progress: &Progress) -> View {
    look(ports, subject, progress, &Memory::default()).await
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
    heed_abort(ports, subject, progress, memory).await?;
    let view = look(ports, subject, progress, memory).await;
    let term = progress.term;
    match next(&subject.plan, progress, &view) {
        Next::Do(act) => {
            let (step, batch) = (act.step(), batch_of(&act));
            // A step that may have happened already is not intended a second time, unless it would
            // now change something else.
            if (progress.intended != Some(step) || records::is_new(progress, &batch))
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
            memory.waiting_for.clear();
            memory.moves.is_calm();
            let reason = format!("{}: {seen}", step.words());
            let system = &subject.system;
            announce(ports, system, Happening::FailoverStep, Some(term), "done", reason).await;
            Ok(Turn::On)
        }
        Next::Wait(why) => {
            memory.waiting_for = why;
            memory.attempt = None;
            let wait_s = match progress.next_step() {
                Some(Step::Repoint | Step::SeeInSync) => memory.moves.wait_s(ports),
                Some(
                    Step::SeedDatabase
                    | Step::Fence
                    | Step::CatchUp
                    | Step::Unfence
                    | Step::StopCapacity
                    | Step::StartCapacity
                    | Step::RestoreDatabase
                    | Step::PromoteDatabase
                    | Step::PromoteAppliance
                    | Step::SeeHealthy,
                )
                | None => LOOK_EVERY_S,
            };
            ports.pause(wait_s).await;
            Ok(Turn::On)
        }
        Next::Later(why) => {
            told::waiting(ports, subject, progress, &why).await;
            let sentence = format!("term {term} goes on with the next tick: {why}");
            Ok(Turn::End(Outcome::Waiting(sentence)))
        }
        Next::Stop(refusal) => {
            // A run that was asleep finds the world as another one has left it: nothing has failed.
            if journal::is_past(ports, &subject.system, term, progress.entries).await {
                return Ok(Turn::End(overtaken(progress)));
            }
            told::stopped(ports, subject, progress, &refusal).await;
            Ok(Turn::End(Outcome::Refused(refusal)))
        }
        Next::Abandon(why, debts) => {
            let what = What::Abandoned { why: why.clone(), debts };
            if !write(ports, subject, progress, what).await? {
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

/// Goes the way back as soon as a person has asked for it. That saves a turn, and is no safety: an
/// intention that is written after the abort finds its place in the journal taken.
async fn heed_abort<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &mut Progress,
    memory: &mut Memory,
) -> Result<(), Fault> {
    if progress.is_past_return || progress.abort.is_some() {
        return Ok(());
    }
    let next = journal::next_of(ports, &subject.system, progress.term, progress.entries).await;
    if let Some(entry) = next.filter(|entry| matches!(entry.what, What::AbortAsked { .. })) {
        // What the site has answered so far, it has answered to its fence.
        memory.attempt = None;
        follow(progress, &entry)?;
    }
    Ok(())
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
