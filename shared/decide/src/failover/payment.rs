//! Whether what a move owes is paid, by what was seen just now; and what is told where it is not.
//!
//! What a group or a database is told comes with nothing left to choose, and is believed only when the
//! next look sees it. An answer that is an error says, as a clause, why it is not paid and nothing is told.

use jiff::Timestamp;

use crate::capacity::Group;
use crate::database::{Instance, Pair, Placed};
use crate::journal::Progress;
use crate::name::Region;
use crate::plan::{Plan, Site};
use crate::seen::Seen;

use super::global;
use super::step::{QUIET_S, not_to_zero};

/// What comes next about one debt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Nothing: this was seen, and it is paid.
    Paid(String),
    /// An Auto Scaling group is told how many instances to have.
    Set {
        /// The group.
        asg: String,
        /// Its Region.
        region: Region,
        /// So many.
        desired: u32,
    },
    /// This database is told to stop.
    Stop(Placed),
}

/// The appliance of a site that was left does not answer. It is fenced if nothing of the site runs any
/// more, and nothing will start there by itself.
///
/// # Errors
/// Why it does not answer: it may run, and not be reached.
pub fn unanswered(site: &Site, group: &Seen<Group>, why: String) -> Result<Payment, String> {
    match (&site.capacity, group) {
        (Some(capacity), Seen::Here(group)) if group.is_gone() => {
            let (site, asg) = (&site.name, &capacity.asg);
            Ok(Payment::Paid(format!("{site} does not answer, and {asg} has no instance")))
        }
        (Some(_), Seen::Here(_) | Seen::Absent | Seen::Unknown(_)) | (None, _) => Err(why),
    }
}

/// Ends the instances of a site that was left. Those that are ending are looked at again.
///
/// # Errors
/// What is waited for, or what keeps them from ending.
pub fn end_instances(site: &Site, group: &Seen<Group>) -> Result<Payment, String> {
    let Some(capacity) = &site.capacity else { return Ok(no_capacity(site)) };
    let asg = &capacity.asg;
    match group {
        Seen::Absent => Ok(Payment::Paid(format!("{asg} does not exist"))),
        Seen::Unknown(why) => Err(why.clone()),
        Seen::Here(group) if group.is_gone() => Ok(Payment::Paid(format!("{asg} has no instance"))),
        Seen::Here(group) if group.desired == 0 => Err(format!("{asg} has {}", group.words())),
        Seen::Here(group) if !group.takes(0) => Err(not_to_zero(capacity, group)),
        Seen::Here(_) => Ok(set(site, asg, 0)),
    }
}

/// Puts back the instances of a standby, after the move that started them was given up: what this move has
/// set, and nothing that a person has set since. Not before the last run that may still start instances is
/// dead. It is for the caller to see that clients are not led to that site (`give_back`): whoever has moved
/// the system there by hand needs them.
///
/// # Errors
/// What is waited for.
pub fn put_back(
    site: &Site,
    progress: &Progress,
    now: Timestamp,
    group: &Seen<Group>,
) -> Result<Payment, String> {
    let Some(capacity) = &site.capacity else { return Ok(no_capacity(site)) };
    let asg = &capacity.asg;
    let ended_at = progress.end.as_ref().map_or(now, |end| end.at);
    let since_s = now.as_second().saturating_sub(ended_at.as_second());
    if since_s < QUIET_S {
        return Err(format!(
            "a run of before may still start them, until {QUIET_S} s after the end ({since_s} s ago)"
        ));
    }
    let group = match group {
        Seen::Here(group) => group,
        Seen::Absent => return Ok(Payment::Paid(format!("{asg} does not exist"))),
        Seen::Unknown(why) => return Err(why.clone()),
    };
    let found = progress.opened.view.capacity.as_ref().and_then(Seen::here);
    let before = found.map_or(group.desired, |found| found.desired);
    // Another number than the one that the move has set was set by somebody else.
    if group.desired == capacity.desired && before < group.desired && group.takes(before) {
        return Ok(set(site, asg, before));
    }
    Ok(Payment::Paid(format!("{asg} has {}", group.words())))
}

fn set(site: &Site, asg: &str, desired: u32) -> Payment {
    Payment::Set { asg: asg.to_owned(), region: site.region.clone(), desired }
}

fn no_capacity(site: &Site) -> Payment {
    Payment::Paid(format!("the plan gives {} no capacity any more", site.name))
}

/// Takes the database of the site that was left out of use.
///
/// RDS refuses to stop an instance that has a replica, so that waits until the promotion has ended the
/// replication on this side too. A cluster of a global database was fenced by the change of the writer
/// itself, as far as Aurora could reach it, and Aurora takes it back as a secondary when its Region is
/// there again
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html>):
/// that is paid when its own Region says that it replicates, and nothing has to be told to it.
///
/// # Errors
/// What is waited for.
pub fn retire(plan: &Plan, pair: Option<&Pair>, seen: &Seen<Instance>) -> Result<Payment, String> {
    let Some(pair) = pair else {
        return Ok(Payment::Paid("the plan has no database any more".to_owned()));
    };
    let id = &pair.writer.id;
    match seen {
        Seen::Absent => Ok(Payment::Paid(format!("{id} does not exist"))),
        Seen::Unknown(why) => Err(why.clone()),
        Seen::Here(cluster) if global::is_of(plan) => demoted(pair, cluster),
        Seen::Here(instance) => stop(&pair.writer, instance),
    }
}

fn demoted(pair: &Pair, cluster: &Instance) -> Result<Payment, String> {
    let said = format!("{} is {}, and replicates", pair.writer.id, cluster.status);
    match &cluster.replica_of {
        Some(of) if pair.replica.is_named(of) => {
            Ok(Payment::Paid(format!("{said} {}", pair.replica.id)))
        }
        Some(of) => Err(format!("{said} {of}")),
        None => Err(format!("{said} nothing yet")),
    }
}

fn stop(writer: &Placed, instance: &Instance) -> Result<Payment, String> {
    let (id, status) = (&writer.id, instance.status.as_str());
    if matches!(status, "stopping" | "stopped") {
        return Ok(Payment::Paid(format!("{id} is {status}")));
    }
    if !instance.replicas.is_empty() {
        return Err(format!("{id} still has replicas: {}", instance.replicas.join(", ")));
    }
    if status != "available" {
        return Err(format!("{id} is {status}"));
    }
    Ok(Payment::Stop(writer.clone()))
}

/// Why a database that was paid for is owed again, if it is: it may write. A replica writes nothing of its
/// own: somebody has prepared the way home. What cannot be looked at is looked at again later.
pub fn owed_again(plan: &Plan, writer: &Placed, seen: &Seen<Instance>) -> Option<String> {
    let (id, instance) = (&writer.id, seen.here().filter(|instance| instance.may_write())?);
    let status = &instance.status;
    Some(if global::is_of(plan) {
        format!("{id} was demoted, is {status}, and replicates nothing")
    } else {
        format!("{id} was stopped and is {status} again")
    })
}

#[cfg(test)]
mod tests;
