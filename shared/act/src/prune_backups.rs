//! Deletes the backups that the plan does not ask for any more. It is the only function that can.
//!
//! For each backup: look again, mark it (from then on it does not count), look once more, and only
//! then delete, the manifest first. Killed at any point, it leaves a backup that counts and is whole, or
//! one that does not count. The second look is what makes a late run harmless: what it decided on was
//! seen after its mark, and a mark is given back when the look says that the backup is needed after all.
//! A mark belongs to one run until that run must have ended, so that none is given back under a run
//! that still deletes.
//!
//! To delete is to set a delete marker: the versions stay for as many days as the vault's lifecycle
//! says, and the runbook tells how to bring them back.

mod looks;
mod marks;
mod request;

use jiff::Timestamp;
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::outcome::{self, Announcement, Happening, Outcome};
use warmspare_decide::plan::Keep;
use warmspare_decide::prune::{self, Cause, Commit, Fate, Mark, Pruning, View};
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;
use warmspare_decide::verify::ObjectFacts;

use crate::documents;
use crate::fault::{Fault, Hope};
use crate::ports::{Bus, Clock, Deleted, Deletion, Vault};
use marks::Marked;

/// No backup is begun with less time left, in seconds.
const LEFT_S_MIN: u64 = 20;
/// The most backups that one run deletes; the next run goes on.
const SLOTS_MAX: usize = 100;
/// How often the folder of a backup is listed again to see it empty.
const TURNS_MAX: u32 = 3;

/// Answers one event.
///
/// # Errors
/// Retryable: something could not be seen, marked or deleted. Permanent: a journal cannot be read, so
/// nobody knows what a failover falls back on.
pub async fn answer<P>(ports: &P, event: &[u8]) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Deletion + Bus,
{
    let request = match request::read(event) {
        Ok(request) => request,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let system = request.system;
    let (plan, plan_version) = match documents::load_plan(ports, &system).await? {
        Ok(found) => found,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let run = Run { ports, system, keep: plan.backup.keep, plan_version };
    if request.is_dry_run {
        let (_, decision) = run.look().await?;
        return Ok(Outcome::Done(format!("a dry run for {}: {decision}", run.system)));
    }
    run.run().await
}

/// How it ended with one backup.
enum Ended {
    /// It is gone.
    Gone,
    /// What was seen right before says that it stays.
    Stays,
    /// Another run is at it.
    Theirs,
    /// S3 does not allow it, and answered so.
    Denied(String),
}

/// How it ended with all of them.
#[derive(Default)]
struct Tally {
    gone: Vec<Slot>,
    given_back: Vec<Slot>,
    theirs: Vec<Slot>,
    denied: Vec<(Slot, String)>,
    /// How many stay for their lock, and until when the last of them does.
    locked: Option<(usize, Timestamp)>,
}

struct Run<'a, P> {
    ports: &'a P,
    system: SystemName,
    keep: Keep,
    plan_version: String,
}

impl<P: Clock + Vault + Deletion + Bus> Run<'_, P> {
    async fn look(&self) -> Result<(View, Pruning), Fault> {
        let view = looks::view(self.ports, &self.system).await?;
        let decision = prune::decide(&self.keep, &view);
        Ok((view, decision))
    }

    async fn run(&self) -> Result<Outcome, Fault> {
        let (view, decision) = self.look().await?;
        let mut tally = Tally { locked: decision.locked(), ..Tally::default() };
        for slot in marked_in_vain(&view, &decision) {
            if self.give_back(slot).await? {
                tally.given_back.push(slot);
            }
        }
        for (slot, _) in decision.going().take(SLOTS_MAX) {
            let left_s = self.ports.left_s();
            if left_s < LEFT_S_MIN {
                return Ok(Outcome::Waiting(format!(
                    "{}; {left_s} s are left, and {LEFT_S_MIN} s are the least for one more: the \
                     next verified backup goes on",
                    self.sentence(&tally)
                )));
            }
            match self.prune(slot).await? {
                Ended::Gone => tally.gone.push(slot),
                Ended::Stays => {}
                Ended::Theirs => tally.theirs.push(slot),
                Ended::Denied(why) => tally.denied.push((slot, why)),
            }
        }
        Ok(Outcome::Done(self.sentence(&tally)))
    }

    async fn prune(&self, slot: Slot) -> Result<Ended, Fault> {
        let Last::Goes(cause, newest) = self.look_at(slot).await? else {
            return Ok(Ended::Stays);
        };
        // Not every lock is the manifest's: the bucket may have one for everything, and a person may have
        // made one longer.
        let manifest = vault::manifest(&self.system, slot);
        if let Some(why) = self.facts(&manifest).await?.and_then(|facts| self.lock_of(&facts)) {
            return Ok(Ended::Denied(why));
        }
        let mark = self.mark(slot, cause, newest);
        let Marked::Ours(etag) = marks::set(self.ports, &mark).await? else {
            return Ok(Ended::Theirs);
        };
        // Whatever changed while this run slept, a rejection of the newest above all, is seen now.
        match self.look_at(slot).await? {
            Last::Goes(..) => {}
            Last::Stays { is_whole } => {
                // What is half gone never counts again, also when somebody holds what is left of it.
                if is_whole {
                    marks::give_back(self.ports, &self.system, slot, &etag).await?;
                }
                return Ok(Ended::Stays);
            }
        }
        match self.delete(&mark).await? {
            Emptied::Wholly => Ok(Ended::Gone),
            Emptied::Partly(why) => Ok(Ended::Denied(why)),
            // It is as it was, so it may count as it did.
            Emptied::Nothing(why) => {
                marks::give_back(self.ports, &self.system, slot, &etag).await?;
                Ok(Ended::Denied(why))
            }
        }
    }

    /// Looks again, right before something is done to this backup.
    async fn look_at(&self, slot: Slot) -> Result<Last, Fault> {
        let (view, decision) = self.look().await?;
        Ok(match (decision.fates.get(&slot), decision.newest) {
            (Some(Fate::Goes(cause)), Some(newest)) => Last::Goes(*cause, newest),
            (Some(Fate::Goes(_) | Fate::Stays(_)) | None, _) => {
                let seen = view.slots.get(&slot);
                Last::Stays { is_whole: seen.is_some_and(|seen| seen.commit == Commit::Whole) }
            }
        })
    }

    /// Takes a mark away from a backup that is whole and stays: an earlier run was killed between its
    /// mark and its second look.
    async fn give_back(&self, slot: Slot) -> Result<bool, Fault> {
        let (view, decision) = self.look().await?;
        let (true, Some(newest)) =
            (marked_in_vain(&view, &decision).contains(&slot), decision.newest.or(Some(slot)))
        else {
            return Ok(false);
        };
        let mark = self.mark(slot, Cause::Surplus, newest);
        match marks::take_over(self.ports, &mark).await? {
            Marked::Ours(etag) => {
                marks::give_back(self.ports, &self.system, slot, &etag).await?;
                Ok(true)
            }
            Marked::Theirs => Ok(false),
        }
    }

    fn mark(&self, slot: Slot, cause: Cause, newest: Slot) -> Mark {
        Mark {
            format: prune::FORMAT,
            system: self.system.clone(),
            slot,
            cause,
            newest,
            plan_version: self.plan_version.clone(),
            writer: self.ports.writer(),
            at: self.ports.now(),
        }
    }

    /// Deletes everything in the folder of a marked backup, the manifest first: without it, what is left
    /// is no backup to anybody. It is told before the last object goes, so that nothing is ever gone of
    /// which nobody has heard.
    async fn delete(&self, mark: &Mark) -> Result<Emptied, Fault> {
        let manifest = vault::manifest(&self.system, mark.slot);
        let folder = vault::backup(&self.system, mark.slot);
        let mut is_begun = mark.cause == Cause::Begun;
        'turns: for _turn in 0..TURNS_MAX {
            let mut keys = self.ports.list(&folder).await?;
            keys.sort_by_key(|key| key != &manifest);
            if keys.is_empty() {
                return Ok(Emptied::Wholly);
            }
            let last = keys.len() - 1;
            for (position, key) in keys.iter().enumerate() {
                if position == last {
                    self.tell(mark).await?;
                }
                let Some(facts) = self.facts(key).await? else { continue };
                let deleted = match self.lock_of(&facts) {
                    Some(why) => Deleted::Denied(why),
                    None => self.ports.delete(key, &facts).await?,
                };
                match deleted {
                    Deleted::New => is_begun = true,
                    // Nothing else goes before the manifest has.
                    Deleted::Conflict if key == &manifest => continue 'turns,
                    Deleted::Conflict => {}
                    Deleted::Denied(why) if is_begun => return Ok(Emptied::Partly(why)),
                    Deleted::Denied(why) => return Ok(Emptied::Nothing(why)),
                }
            }
        }
        let why = format!("it was not empty after {TURNS_MAX} turns: somebody writes there");
        Err(Fault::new(Hope::Retryable, "deleting", folder, why))
    }

    async fn facts(&self, key: &str) -> Result<Option<ObjectFacts>, Fault> {
        match self.ports.facts(key, None).await? {
            Seen::Here(facts) => Ok(Some(facts)),
            Seen::Absent => Ok(None),
            Seen::Unknown(why) => Err(documents::unread(key, why)),
        }
    }

    /// S3 lays a delete marker over what is locked as well, and the version stays: to call that deleted
    /// would be untrue.
    fn lock_of(&self, facts: &ObjectFacts) -> Option<String> {
        facts.lock.as_ref()?.holds(self.ports.now())
    }

    /// By what the mark says alone: told again, it is the same word for word.
    async fn tell(&self, mark: &Mark) -> Result<(), Fault> {
        let Mark { system, slot, cause, newest, .. } = mark;
        let reason = format!(
            "backup {slot} of {system} is pruned: {cause}; {newest} is the newest proven one, and stays"
        );
        let announcement = Announcement {
            format: outcome::FORMAT,
            happening: Happening::BackupsPruned,
            system: system.clone(),
            outcome: "done".to_owned(),
            reason,
            slot: Some(*slot),
            term: None,
            at: mark.at,
            links: vec![vault::pruned(system, *slot)],
        };
        self.ports.announce(&announcement).await
    }

    fn sentence(&self, tally: &Tally) -> String {
        let names =
            |slots: &[Slot]| slots.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let system = &self.system;
        let mut clauses = vec![match tally.gone.len() {
            0 => format!("no backup of {system} is pruned"),
            count => format!("{count} backup(s) of {system} are pruned: {}", names(&tally.gone)),
        }];
        if !tally.given_back.is_empty() {
            clauses.push(format!("{} count again", names(&tally.given_back)));
        }
        if !tally.theirs.is_empty() {
            clauses.push(format!("another run is at {}", names(&tally.theirs)));
        }
        if let Some((count, until)) = tally.locked {
            clauses.push(format!("{count} are kept by their lock, the last until {until}"));
        }
        for (slot, why) in &tally.denied {
            clauses.push(format!("{slot} is kept by its lock, or by a policy ({why})"));
        }
        clauses.join("; ")
    }
}

/// What the last look says of one backup.
enum Last {
    /// It goes, and this is the newest proven one, which stays.
    Goes(Cause, Slot),
    /// It stays, or is gone.
    Stays {
        /// Nothing of it is missing.
        is_whole: bool,
    },
}

/// How much of a backup's folder was deleted.
enum Emptied {
    /// All of it.
    Wholly,
    /// Some of it; then S3 did not allow more.
    Partly(String),
    /// S3 did not allow the first.
    Nothing(String),
}

/// What is marked, and is whole, and stays.
fn marked_in_vain(view: &View, decision: &Pruning) -> Vec<Slot> {
    let is_in_vain = |slot: &&Slot| {
        let seen = view.slots.get(*slot);
        seen.is_some_and(|seen| seen.marked && seen.commit == Commit::Whole)
            && matches!(decision.fates.get(*slot), Some(Fate::Stays(_)))
    };
    view.slots.keys().filter(is_in_vain).copied().collect()
}
