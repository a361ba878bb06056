//! Paying what is still owed to a site: to be fenced when it is back, if it was left; or to be given back
//! its mode, if it was to be left and was not.

use warmspare_decide::database::{Pair, Placed};
use warmspare_decide::failover::{PutBack, give_back, not_to_zero, put_back};
use warmspare_decide::journal::{Debt, Progress, What};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::plan::{Method, Site};
use warmspare_decide::seen::Seen;

use crate::databases;
use crate::fault::{Fault, Hope, or_unknown};
use crate::journal;
use crate::ports::ApplianceMode;
use crate::switch;

use super::{Subject, World, announce, drive, records};

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
            Debt::Capacity => capacity(ports, old).await,
            Debt::Database => {
                let pair = progress.opened.pair(&subject.plan);
                match databases::global_of(&subject.plan) {
                    Some(_) => cluster(ports, subject, pair.as_ref()).await,
                    None => database(ports, pair.as_ref()).await,
                }
            }
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
pub(super) async fn owed_again<P: World>(
    ports: &P,
    subject: &Subject,
    mut progress: Progress,
) -> Result<Option<Outcome>, Fault> {
    let pair = progress.opened.pair(&subject.plan);
    let Some(Pair { writer, .. }) = pair else { return Ok(None) };
    let id = &writer.id;
    let seen = match databases::seen(ports, &subject.plan, &writer).await {
        Seen::Here(instance) if instance.may_write() => match databases::global_of(&subject.plan) {
            Some(_) => format!("{id} was demoted, is {}, and replicates nothing", instance.status),
            None => format!("{id} was stopped and is {} again", instance.status),
        },
        // A replica writes nothing of its own: somebody has prepared the way home.
        Seen::Here(_) | Seen::Absent | Seen::Unknown(_) => return Ok(None),
    };
    let n = progress.entries.saturating_add(1);
    let what = What::OwedAgain { debt: Debt::Database, seen };
    let (system, version) = (&subject.system, &subject.plan_version);
    match journal::append(ports, system, progress.term, n, version, what).await? {
        Some(entry) => progress.follow(&entry).map_err(drive::impossible)?,
        None => return Ok(None),
    }
    pay(ports, subject, progress).await.map(Some)
}

async fn appliance<P: World>(ports: &P, old: &Site) -> Payment {
    match ports.set_mode(&old.appliance, ApplianceMode::Standby).await {
        Ok(()) => Ok(format!("{} accepted to be standby", old.name)),
        // What does not answer because nothing of it runs any more is fenced.
        Err(fault) if fault.hope == Hope::Unreachable => match &old.capacity {
            None => Err(fault.to_string()),
            Some(scaled) => match or_unknown(ports.group(&old.region, &scaled.asg).await) {
                Seen::Here(group) if group.is_gone() => {
                    Ok(format!("{} does not answer, and {} has no instance", old.name, scaled.asg))
                }
                Seen::Here(_) | Seen::Absent | Seen::Unknown(_) => Err(fault.to_string()),
            },
        },
        Err(fault) => Err(fault.to_string()),
    }
}

/// The failover was given up after its last late fence was dead, so one answer is enough. This run may be
/// late itself, and meet a newer failover: one that began while this is owed does not believe its fence
/// before a run like this one must be dead.
async fn mode<P: World>(ports: &P, subject: &Subject, progress: &Progress, old: &Site) -> Payment {
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
    let records = match plan.dns.method {
        Method::Rewrite => records::of_plan(ports, plan).await,
        Method::HealthCheck { .. } => Seen::Absent,
    };
    give_back(plan, progress, &records, leads.as_ref())
}

/// This run may be late, and meet a newer move that has started the same instances: one that began while
/// this is owed, or shortly after it was paid, does not believe that they stay before a run like this one
/// must be dead.
async fn pilot_light<P: World>(ports: &P, subject: &Subject, progress: &Progress) -> Payment {
    let site = subject.plan.other(&progress.opened.from);
    let Some(capacity) = &site.capacity else {
        return Ok(format!("the plan gives {} no capacity any more", site.name));
    };
    let asg = &capacity.asg;
    let group = or_unknown(ports.group(&site.region, asg).await);
    let desired = match put_back(capacity, progress, ports.now(), &group)? {
        PutBack::Paid(seen) => return Ok(seen),
        PutBack::Set(desired) => desired,
    };
    leads_to_old(ports, subject, progress).await?;
    match ports.set_desired(&site.region, asg, desired).await {
        Ok(()) => Err(format!("{asg} was told to have {desired} again, and is looked at again")),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Instances that are ending are looked at again with the next tick.
async fn capacity<P: World>(ports: &P, old: &Site) -> Payment {
    let Some(capacity) = &old.capacity else {
        return Ok(format!("the plan gives {} no capacity any more", old.name));
    };
    let asg = &capacity.asg;
    match or_unknown(ports.group(&old.region, asg).await) {
        Seen::Absent => Ok(format!("{asg} does not exist")),
        Seen::Unknown(why) => Err(why),
        Seen::Here(group) if group.is_gone() => Ok(format!("{asg} has no instance")),
        Seen::Here(group) if group.desired == 0 => Err(format!("{asg} has {}", group.words())),
        Seen::Here(group) if !group.takes(0) => Err(not_to_zero(capacity, &group)),
        Seen::Here(_) => match ports.set_desired(&old.region, asg, 0).await {
            Ok(()) => Err(format!("{asg} was told to end its instances, and is looked at again")),
            Err(fault) => Err(fault.to_string()),
        },
    }
}

/// A cluster of a global database was fenced by the change of the writer itself, as far as Aurora could
/// reach it, and Aurora takes it back as a secondary when its Region is there again
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html>).
/// That is paid when its own Region says that it replicates; nothing has to be told to it.
async fn cluster<P: World>(ports: &P, subject: &Subject, pair: Option<&Pair>) -> Payment {
    let Some(Pair { writer, replica, .. }) = pair else {
        return Ok("the plan has no database any more".to_owned());
    };
    let id = &writer.id;
    match databases::seen(ports, &subject.plan, writer).await {
        Seen::Absent => Ok(format!("{id} does not exist")),
        Seen::Unknown(why) => Err(why),
        Seen::Here(cluster) => match &cluster.replica_of {
            Some(of) if replica.is_named(of) => {
                Ok(format!("{id} is {}, and replicates {}", cluster.status, replica.id))
            }
            Some(of) => Err(format!("{id} is {}, and replicates {of}", cluster.status)),
            None => Err(format!("{id} is {}, and replicates nothing yet", cluster.status)),
        },
    }
}

/// RDS refuses to stop an instance that has a replica, so this waits until the promotion has ended the
/// replication on this side too.
async fn database<P: World>(ports: &P, pair: Option<&Pair>) -> Payment {
    let Some(Pair { writer: Placed { id, region }, .. }) = pair else {
        return Ok("the plan has no database any more".to_owned());
    };
    match or_unknown(ports.instance(region, id).await) {
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
        Seen::Here(_) => match ports.stop(region, id).await {
            Ok(()) => Err(format!("{id} was told to stop, and is looked at again")),
            Err(fault) => Err(fault.to_string()),
        },
    }
}
