//! Giving up a failover that is under way, by a person's request.
//!
//! The request is an entry of the journal, so it outlives the run that wrote it, and every run meets it.
//! Entries are created only if their place is free, and an act follows its intention; so the place after
//! the last entry decides between the abort and the first promotion, and there is no third outcome. With
//! A driving and B aborting, after entry n:
//!
//! - B creates n+1 = AbortAsked first. A comes to intend a promotion, finds n+1 taken, and ends without
//!   the act. If A begins another turn it reads n+1 and goes the way back itself.
//! - A creates n+1 = Intended(promotion, or whatever has no return) first, and may be anywhere after it: asleep before the act, or
//!   dead. B finds n+1 taken, reads the journal again, and is refused: the promotion may have happened.
//! - A creates n+1 = any other entry. B reads again, and both are where they were, one entry later.
//! - A has intended the fence and sleeps before telling the site. B, or a tick, tells the site to be
//!   production; A wakes and tells it to be standby. So the site is told to be production again with each
//!   tick, until A, which began before the abort was written, cannot be alive any more.
//! - B writes, and its answer is lost, or B dies. The entry is there; every tick drives by it, and a
//!   second request finds that it was asked for.
//! - B reads the journal before the failover is opened: there is nothing to abort, and B is told so. What
//!   holds back failovers to come is a pause.

use warmspare_decide::journal::{Progress, What};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::fault::Fault;
use crate::journal;

use super::{Subject, World, drive};

/// How often the place of the entry is found taken before it is given up: a failover has no more
/// entries than this before its first promotion.
const TRIES_MAX: u32 = 8;

/// Writes the request down where every run meets it, and goes the way back as far as it is this run's.
pub(super) async fn abort<P: World>(
    ports: &P,
    subject: &Subject,
    who: Option<String>,
    reason: String,
) -> Result<Outcome, Fault> {
    let system = &subject.system;
    let who = who.unwrap_or_else(|| format!("the request {}", ports.writer()));
    for _try in 0..TRIES_MAX {
        let terms = journal::terms(ports, system).await?;
        let Some(open) = terms.newest().filter(|progress| progress.end.is_none()) else {
            let (system, newest) = (system.to_string(), ended(terms.newest()));
            return Ok(Outcome::Refused(Refusal::NothingToAbort { system, newest }));
        };
        let mut progress = open.clone();
        if progress.is_past_return {
            return Ok(Outcome::Refused(too_late(&progress, reason)));
        }
        // Asked for before, by whomever: there is one way back.
        if progress.abort.is_some() {
            return drive::on(ports, subject, progress).await;
        }
        let n = progress.entries.saturating_add(1);
        let what = What::AbortAsked { who: who.clone(), reason: reason.clone() };
        let version = &subject.plan_version;
        let written = journal::append(ports, system, progress.term, n, version, what).await?;
        if let Some(entry) = written {
            progress.follow(&entry).map_err(drive::impossible)?;
            return drive::on(ports, subject, progress).await;
        }
    }
    Ok(Outcome::Waiting("the journal grows while the abort is written; ask again".to_owned()))
}

fn too_late(progress: &Progress, reason: String) -> Refusal {
    let promotion = progress.first_intended_at.iter().find(|(step, _)| step.has_no_return());
    let (step, since) =
        promotion.map_or(("promote", progress.opened_at), |(step, at)| (step.words(), *at));
    Refusal::AbortTooLate { term: progress.term, step: step.to_owned(), since, reason }
}

fn ended(newest: Option<&Progress>) -> String {
    let Some(newest) = newest else { return "there was none yet".to_owned() };
    match &newest.end {
        Some(end) if end.completed => format!("term {} was completed at {}", newest.term, end.at),
        Some(end) => format!("term {} was abandoned at {}", newest.term, end.at),
        None => format!("term {} is open", newest.term),
    }
}
