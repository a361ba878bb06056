//! Paying what is still owed to a site: to be fenced when it is back, if it was left; or to be given back
//! its mode, if it was to be left and was not.

use warmspare_decide::database::{Pair, Placed};
use warmspare_decide::failover::{
    Payment, end_instances, give_back, owed_again, put_back, retire, unanswered,
};
use warmspare_decide::journal::{Debt, Progress, What};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::plan::Site;
use warmspare_decide::seen::Seen;

use crate::databases;
use crate::fault::{Fault, Hope};
use crate::journal;
use crate::ports::ApplianceMode;
use crate::switch;

use super::drive::group;
use super::{Subject, World, announce, drive, records};

/// No attempt begins with less time left, in seconds.
const LEFT_S_MIN: u64 = 45;

/// What came of one attempt: paid, with what was seen; or not yet, with why.
type Paid = Result<String, String>;

/// Tries to pay each debt once. What cannot be paid stays, and the next tick tries again.
pub(super) async fn pay<P: World>(
    ports: &P,
    subject: &Subject,
    mut progress: Progress,
) -> Result<Outcome, Fault> {
    let old = subject.plan.other(&progress.opened.to);
    let (mut paid, mut owed) = (Vec::new(), Vec::new());
    for debt in progress.debts.clone() {
        if ports.left_s() < LEFT_S_MIN {
            owed.push(format!("{} (no time was left)", debt.words()));
            continue;
        }
        let payment = match debt {
            Debt::Appliance => appliance(ports, old).await,
            Debt::Capacity => carry_out(ports, end_instances(old, &group(ports, old).await)).await,
            Debt::Database => database(ports, subject, &progress).await,
            Debt::Mode => mode(ports, subject, &progress, old).await,
            Debt::PilotLight => pilot_light(ports, subject, &progress).await,
        };
        let seen = match payment {
            Ok(seen) => seen,
            Err(why) => {
                owed.push(format!("{} ({why})", debt.words()));
                continue;
            }
        };
        let n = progress.entries.saturating_add(1);
        let what = What::Paid { debt, seen: seen.clone() };
        let (system, version) = (&subject.system, &subject.plan_version);
        match journal::append(ports, system, progress.term, n, version, what).await? {
            Some(entry) => progress.follow(&entry).map_err(drive::impossible)?,
            None => continue,
        }
        let sentence = format!("{}: {seen}", debt.words());
        let (term, reason) = (Some(progress.term), sentence.clone());
        announce(ports, system, Happening::FencePaid, term, "done", reason).await;
        paid.push(sentence);
    }
    let term = progress.term;
    if owed.is_empty() {
        return Ok(Outcome::Done(format!(
            "term {term} owes nothing any more: {}",
            paid.join("; ")
        )));
    }
    Ok(Outcome::Waiting(format!("term {term} still owes: {}", owed.join("; "))))
}

/// Looks whether a database that was stopped runs again; if it does, its stop is owed again, and paid.
pub(super) async fn look_again<P: World>(
    ports: &P,
    subject: &Subject,
    mut progress: Progress,
) -> Result<Option<Outcome>, Fault> {
    let pair = progress.opened.pair(&subject.plan);
    let Some(Pair { writer, .. }) = pair else { return Ok(None) };
    let found = databases::seen(ports, &subject.plan, &writer).await;
    let Some(seen) = owed_again(&subject.plan, &writer, &found) else { return Ok(None) };
    let n = progress.entries.saturating_add(1);
    let what = What::OwedAgain { debt: Debt::Database, seen };
    let (system, version) = (&subject.system, &subject.plan_version);
    match journal::append(ports, system, progress.term, n, version, what).await? {
        Some(entry) => progress.follow(&entry).map_err(drive::impossible)?,
        None => return Ok(None),
    }
    pay(ports, subject, progress).await.map(Some)
}

/// Tells what is to be told. Whoever was told is believed by the next look, and not by its answer.
async fn carry_out<P: World>(ports: &P, payment: Result<Payment, String>) -> Paid {
    let (told, answer) = match payment? {
        Payment::Paid(seen) => return Ok(seen),
        Payment::Set { asg, region, desired } => {
            let answer = ports.set_desired(&region, &asg, desired).await;
            (format!("{asg} was told to have {desired} instance(s)"), answer)
        }
        Payment::Stop(Placed { id, region }) => {
            let answer = ports.stop(&region, &id).await;
            (format!("{id} was told to stop"), answer)
        }
    };
    Err(match answer {
        Ok(()) => format!("{told}, and is looked at again"),
        Err(fault) => fault.to_string(),
    })
}

async fn appliance<P: World>(ports: &P, old: &Site) -> Paid {
    match ports.set_mode(&old.appliance, ApplianceMode::Standby).await {
        Ok(()) => Ok(format!("{} accepted to be standby", old.name)),
        Err(fault) if fault.hope == Hope::Unreachable => {
            let group = group(ports, old).await;
            carry_out(ports, unanswered(old, &group, fault.to_string())).await
        }
        Err(fault) => Err(fault.to_string()),
    }
}

async fn database<P: World>(ports: &P, subject: &Subject, progress: &Progress) -> Paid {
    let (plan, pair) = (&subject.plan, progress.opened.pair(&subject.plan));
    let seen = match &pair {
        Some(pair) => databases::seen(ports, plan, &pair.writer).await,
        None => Seen::Absent,
    };
    carry_out(ports, retire(plan, pair.as_ref(), &seen)).await
}

/// The failover was given up after its last late fence was dead, so one answer is enough. This run may be
/// late itself, and meet a newer failover: one that began while this is owed does not believe its fence
/// before a run like this one must be dead.
async fn mode<P: World>(ports: &P, subject: &Subject, progress: &Progress, old: &Site) -> Paid {
    leads_to_old(ports, subject, progress).await?;
    match ports.set_mode(&old.appliance, ApplianceMode::Production).await {
        Ok(()) => Ok(format!("{} accepted to be production", old.name)),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Whether clients are led to the site that was not left after all.
async fn leads_to_old<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
) -> Result<(), String> {
    let plan = &subject.plan;
    let leads = switch::leads(ports, plan).await;
    let records = match leads {
        None => records::of_plan(ports, plan).await,
        Some(_) => Seen::Absent,
    };
    give_back(plan, progress, &records, leads.as_ref())
}

/// This run may be late, and meet a newer move that has started the same instances: one that began while
/// this is owed, or shortly after it was paid, does not believe that they stay before a run like this one
/// must be dead.
async fn pilot_light<P: World>(ports: &P, subject: &Subject, progress: &Progress) -> Paid {
    let site = subject.plan.other(&progress.opened.from);
    let payment = put_back(site, progress, ports.now(), &group(ports, site).await);
    if let Ok(Payment::Set { .. }) = payment {
        leads_to_old(ports, subject, progress).await?;
    }
    carry_out(ports, payment).await
}
