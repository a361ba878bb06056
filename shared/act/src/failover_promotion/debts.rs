//! Paying what a site that was left still owes: to be fenced when it is back.

use warmspare_decide::journal::{Debt, Progress, What};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::plan::Site;
use warmspare_decide::seen::Seen;

use crate::fault::{Fault, or_unknown};
use crate::journal;
use crate::ports::ApplianceMode;

use super::{Subject, World, announce, drive};

/// No attempt begins with less time left, in seconds.
const LEFT_S_MIN: u64 = 45;

/// What came of one attempt: paid, with what was seen; or not yet, with why.
type Payment = Result<String, String>;

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
            Debt::Database => database(ports, subject, old).await,
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

async fn appliance<P: World>(ports: &P, old: &Site) -> Payment {
    match ports.set_mode(&old.appliance, ApplianceMode::Standby).await {
        Ok(()) => Ok(format!("{} accepted to be standby", old.name)),
        Err(fault) => Err(fault.to_string()),
    }
}

/// RDS refuses to stop an instance that has a replica, so this waits until the promotion has ended the
/// replication on this side too. A stopped instance starts again after seven days
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StopDBInstance.html>), which the
/// runbook says.
async fn database<P: World>(ports: &P, subject: &Subject, old: &Site) -> Payment {
    let Some(database) = &subject.plan.database else {
        return Ok("the plan has no database any more".to_owned());
    };
    let id = &database.source;
    match or_unknown(ports.instance(&old.region, id).await) {
        Seen::Absent => Ok(format!("{id} does not exist")),
        Seen::Unknown(why) => Err(why),
        Seen::Here(instance) if matches!(instance.status.as_str(), "stopping" | "stopped") => {
            Ok(format!("{id} is {}", instance.status))
        }
        Seen::Here(instance) if !instance.replicas.is_empty() => {
            Err(format!("{id} still has replicas: {}", instance.replicas.join(", ")))
        }
        Seen::Here(instance) if instance.status != "available" => {
            Err(format!("{id} is {}", instance.status))
        }
        Seen::Here(_) => match ports.stop(&old.region, id).await {
            Ok(()) => Err(format!("{id} was told to stop, and is looked at again")),
            Err(fault) => Err(fault.to_string()),
        },
    }
}
