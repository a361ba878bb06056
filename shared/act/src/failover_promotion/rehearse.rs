//! A rehearsal: look and decide for every step of a move, and change nothing at all.

use warmspare_decide::failover::{
    Opened, as_if_done, as_if_open, as_if_running, is_unlit, next, open, told,
};
use warmspare_decide::journal::Step;
use warmspare_decide::name::Term;
use warmspare_decide::outcome::Outcome;
use warmspare_decide::plan::Method;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::switch::alarm_name;

use crate::fault::Fault;
use crate::journal;

use super::begin::{self, Asking};
use super::drive;
use super::{Subject, World, hand};

/// Says whether the move would begin, and what each of its steps would come to now. Each is decided by
/// the code that drives it, as if those before it were done, on what is seen now.
pub(super) async fn rehearse<P: World>(
    ports: &P,
    subject: &Subject,
    asking: Asking,
) -> Result<Outcome, Fault> {
    let terms = journal::terms(ports, &subject.system).await?;
    if let Some(open) = terms.newest().filter(|progress| progress.end.is_none()) {
        let (term, since) = (open.term, open.opened_at);
        return Ok(Outcome::Refused(Refusal::InProgress { term, since }));
    }
    let (active, _) = terms.active(&subject.plan);
    let term = terms.next();
    let view = begin::look(ports, subject, &terms, active, asking).await;
    let (opened, beginning) = match open(&subject.plan, &view) {
        Ok(opened) => (opened, format!("would begin as term {term}")),
        Err(refusal) => {
            let beginning = format!("would be refused, because {refusal}");
            (as_if_open(&subject.plan, &view), beginning)
        }
    };
    let mut said = vec![format!(
        "a {} from {} to {} {beginning}",
        opened.kind.words(),
        opened.from,
        opened.to
    )];
    for (done, step) in opened.steps.iter().enumerate() {
        let would = one(ports, subject, &opened, term, done, *step).await?;
        said.push(format!("{}: {would}", step.words()));
    }
    let mut note = hand::said_of(subject, &opened);
    if is_unlit(&subject.plan, &opened) {
        let to = &opened.to;
        note = format!("; no instance of {to} was started, so its health was not seen{note}");
    }
    Ok(Outcome::Done(format!("{}{note}; nothing was changed", said.join("; "))))
}

async fn one<P: World>(
    ports: &P,
    subject: &Subject,
    opened: &Opened,
    term: Term,
    done: usize,
    step: Step,
) -> Result<String, Fault> {
    let plan = &subject.plan;
    if step == Step::SeeInSync {
        return Ok(match plan.dns.method {
            Method::Rewrite => "would follow the change until every server has it".to_owned(),
            Method::HealthCheck { .. } => {
                let alarm = alarm_name(&subject.system);
                format!("would publish, until the alarm {alarm} leads to {}", opened.to)
            }
        });
    }
    let progress = as_if_done(plan, opened, term, done, ports.now()).map_err(drive::impossible)?;
    let view = drive::look_once(ports, subject, &progress).await;
    let view = as_if_running(plan, opened, step, view);
    Ok(told(&next(plan, &progress, &view)))
}
