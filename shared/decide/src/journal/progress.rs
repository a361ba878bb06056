//! The fold of a journal: what its entries come to, one after the other.

use jiff::Timestamp;
use thiserror::Error;

use crate::dns::{self, Change};
use crate::failover::Opened;
use crate::name::Term;

use super::{Debt, Entry, FORMATS, Finding, Step, What};

/// How a failover ended.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// The new site is the active one.
    pub completed: bool,
}

/// A step that was confirmed.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Which.
    pub step: Step,
    /// What was seen.
    pub finding: Finding,
    /// When.
    pub at: Timestamp,
}

/// That a person has asked to give the failover up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// Who.
    pub who: String,
    /// Why, in their words.
    pub reason: String,
}

/// The state of a failover: the fold of its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Which failover.
    pub term: Term,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What the decision to begin saw and decided.
    pub opened: Opened,
    /// What was confirmed, in order.
    pub past: Vec<Past>,
    /// The newest intention that is not confirmed yet: it may have happened.
    pub intended: Option<Step>,
    /// When a step was first intended; when the fence was, above all.
    pub first_intended_at: Vec<(Step, Timestamp)>,
    /// A promotion was intended, so there is no way back.
    pub is_past_return: bool,
    /// A person has asked to give it up, before any promotion was intended.
    pub abort: Option<Abort>,
    /// The changes that were intended last in each zone and move records: they tell what the records
    /// were.
    pub batch: Vec<Change>,
    /// What is still owed.
    pub debts: Vec<Debt>,
    /// What was owed and paid.
    pub paid: Vec<Debt>,
    /// How it ended, once it has.
    pub end: Option<End>,
    /// Number of entries; the next one is this plus one.
    pub entries: u32,
}

/// A journal that this code cannot have written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("entry {n} of the journal of term {term} {why}")]
pub struct Impossible {
    /// The term.
    pub term: Term,
    /// The entry.
    pub n: u32,
    /// A clause that follows the entry's name.
    pub why: String,
}

impl Progress {
    /// Folds the entries of one term, in order.
    ///
    /// # Errors
    /// [`Impossible`] at the first entry that cannot follow those before it.
    pub fn of(entries: &[Entry]) -> Result<Self, Impossible> {
        let mut entries = entries.iter();
        let Some(first) = entries.next() else {
            return Err(Impossible { term: Term(0), n: 1, why: "is missing".to_owned() });
        };
        let mut progress = Self::begin(first)?;
        for entry in entries {
            progress.follow(entry)?;
        }
        Ok(progress)
    }

    fn begin(entry: &Entry) -> Result<Self, Impossible> {
        let wrong = |why: &str| Impossible { term: entry.term, n: entry.n, why: why.to_owned() };
        is_readable(entry).map_err(|why| wrong(&why))?;
        let What::Opened(opened) = &entry.what else {
            return Err(wrong("does not open a failover, and is the first"));
        };
        if entry.n != 1 {
            return Err(wrong("opens a failover, and is not number 1"));
        }
        Ok(Self {
            term: entry.term,
            opened_at: entry.at,
            opened: (**opened).clone(),
            past: Vec::new(),
            intended: None,
            first_intended_at: Vec::new(),
            is_past_return: false,
            abort: None,
            batch: Vec::new(),
            debts: Vec::new(),
            paid: Vec::new(),
            end: None,
            entries: 1,
        })
    }

    /// Folds the next entry in.
    ///
    /// # Errors
    /// [`Impossible`] when it cannot follow those before it.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Impossible> {
        self.fold(entry).map_err(|why| Impossible { term: entry.term, n: entry.n, why })
    }

    fn fold(&mut self, entry: &Entry) -> Result<(), String> {
        is_readable(entry)?;
        if entry.term != self.term || entry.n != self.entries.saturating_add(1) {
            return Err(format!("does not follow entry {} of term {}", self.entries, self.term));
        }
        let is_about_debts = matches!(entry.what, What::Paid { .. } | What::OwedAgain { .. });
        if self.end.is_some() && !is_about_debts {
            return Err("comes after the end".to_owned());
        }
        self.entries = entry.n;
        match &entry.what {
            What::Opened(_) => Err("opens the failover a second time".to_owned()),
            What::Intended { step, batch } => self.intend(*step, batch, entry.at),
            What::Confirmed { step, finding } => self.confirm(*step, finding, entry.at),
            What::AbortAsked { who, reason } => self.ask_abort(who, reason),
            What::Abandoned { .. } if self.is_past_return => {
                Err("abandons the failover after its point of no return".to_owned())
            }
            What::Abandoned { debts, .. } => self.abandon(debts, entry.at),
            What::Completed(_) if self.next_step().is_some() => {
                Err("completes the failover before its last step".to_owned())
            }
            What::Completed(_) => {
                self.end = Some(End { at: entry.at, completed: true });
                Ok(())
            }
            What::Paid { debt, .. } => {
                if self.end.is_none() || !self.debts.contains(debt) {
                    return Err(format!("pays what is not owed: {}", debt.words()));
                }
                self.debts.retain(|owed| owed != debt);
                self.paid.push(*debt);
                Ok(())
            }
            What::OwedAgain { debt, .. } => {
                if !self.is_paid(*debt) {
                    return Err(format!("owes again what was not paid: {}", debt.words()));
                }
                self.paid.retain(|paid| paid != debt);
                self.debts.push(*debt);
                Ok(())
            }
        }
    }

    fn intend(&mut self, step: Step, batch: &[Change], at: Timestamp) -> Result<(), String> {
        // An unplanned move goes on from a fence that is over, unless what comes next can be left as it is;
        // a planned one may still go back.
        let is_fencing = !self.is_done(Step::Fence)
            || matches!(self.next_step(), Some(Step::StopCapacity | Step::RestoreDatabase))
            || self.opened.kind.is_planned();
        let is_return = step == Step::Unfence && !self.is_past_return && is_fencing;
        if Some(step) != self.next_step() && !is_return && !self.is_resubmission(step) {
            return Err(format!("intends to {}, which is not the next step", step.words()));
        }
        if self.intended == Some(Step::Unfence) && step != Step::Unfence {
            return Err("goes on after the way back was taken".to_owned());
        }
        self.intended = Some(step);
        self.is_past_return |= step.has_no_return();
        // A change that only touches the term's record tells nothing about the records before it.
        let is_new = |zone: &str| !self.batch.iter().any(|known| known.set().zone == zone);
        let of_zones = dns::by_zone(batch);
        let told = of_zones.iter().filter(|(zone, batch)| is_new(zone) || !dns::is_touch(batch));
        let told: Vec<_> = told.collect();
        let mut changes = self.batch.clone();
        changes.retain(|known| told.iter().all(|(zone, _)| known.set().zone != *zone));
        changes.extend(told.iter().flat_map(|(_, batch)| batch.iter().cloned()));
        self.batch = changes;
        if !self.first_intended_at.iter().any(|(known, _)| *known == step) {
            self.first_intended_at.push((step, at));
        }
        Ok(())
    }

    fn abandon(&mut self, debts: &[Debt], at: Timestamp) -> Result<(), String> {
        for debt in debts {
            match debt {
                Debt::Mode if self.intended == Some(Step::Unfence) => {}
                Debt::Mode => return Err("owes the way back, which was never taken".to_owned()),
                Debt::PilotLight if self.may_have_started() => {}
                Debt::PilotLight => return Err("puts back what was never started".to_owned()),
                Debt::Appliance | Debt::Capacity | Debt::Database => {
                    return Err(format!("abandons the failover, and owes {}", debt.words()));
                }
            }
        }
        self.end = Some(End { at, completed: false });
        self.debts = debts.to_vec();
        Ok(())
    }

    fn ask_abort(&mut self, who: &str, reason: &str) -> Result<(), String> {
        if self.is_past_return {
            return Err("asks to abort after a promotion was intended".to_owned());
        }
        if self.abort.is_some() {
            return Err("asks to abort a second time".to_owned());
        }
        self.abort = Some(Abort { who: who.to_owned(), reason: reason.to_owned() });
        Ok(())
    }

    fn confirm(&mut self, step: Step, finding: &Finding, at: Timestamp) -> Result<(), String> {
        if self.abort.is_some() {
            return Err(format!("confirms to {}, after an abort was asked for", step.words()));
        }
        if Some(step) != self.next_step()
            && self.intended != Some(step)
            && !self.is_resubmission(step)
        {
            return Err(format!("confirms to {}, which is not the next step", step.words()));
        }
        if self.intended == Some(Step::Unfence) {
            return Err("goes on after the way back was taken".to_owned());
        }
        match finding {
            Finding::Fenced { debts }
            | Finding::FenceAttempted { debts, .. }
            | Finding::Stopped { debts, .. }
            | Finding::StopAttempted { debts, .. } => self.debts.clone_from(debts),
            Finding::Seeded { .. }
            | Finding::CaughtUp { .. }
            | Finding::InService { .. }
            | Finding::Restored { .. }
            | Finding::Writable
            | Finding::Accepted
            | Finding::Healthy { .. }
            | Finding::Moved { .. }
            | Finding::InSync
            | Finding::Switched { .. }
            | Finding::Led { .. } => {}
        }
        self.is_past_return |= step.has_no_return();
        self.intended = None;
        self.past.push(Past { step, finding: finding.clone(), at });
        Ok(())
    }

    /// The first step that is not confirmed yet; none when only the closing entry is missing. Once an
    /// abort was asked for there is one step left, the way back.
    pub fn next_step(&self) -> Option<Step> {
        if self.abort.is_some() {
            return Some(Step::Unfence);
        }
        self.opened.steps.iter().copied().find(|step| !self.is_done(*step))
    }

    /// Whether this step was confirmed.
    pub fn is_done(&self, step: Step) -> bool {
        self.past.iter().any(|past| past.step == step)
    }

    /// Whether this was owed by a failover that was completed, and is paid.
    pub fn is_paid(&self, debt: Debt) -> bool {
        self.end.as_ref().is_some_and(|end| end.completed) && self.paid.contains(&debt)
    }

    /// A change that Route 53 has lost is submitted again, until one was seen in sync.
    fn is_resubmission(&self, step: Step) -> bool {
        step == Step::Repoint && self.next_step() == Some(Step::SeeInSync)
    }

    /// The id of the change that moved the records of a zone last, once it is known.
    pub fn change_id(&self, zone: &str) -> Option<&str> {
        self.past.iter().rev().find_map(|past| match &past.finding {
            Finding::Moved { change_id, changes, .. } => changes
                .iter()
                .find(|change| change.zone == zone)
                .map(|change| change.id.as_str())
                .or(change_id.as_deref()),
            Finding::Seeded { .. }
            | Finding::Fenced { .. }
            | Finding::FenceAttempted { .. }
            | Finding::Stopped { .. }
            | Finding::StopAttempted { .. }
            | Finding::InService { .. }
            | Finding::CaughtUp { .. }
            | Finding::Restored { .. }
            | Finding::Writable
            | Finding::Accepted
            | Finding::Healthy { .. }
            | Finding::InSync
            | Finding::Switched { .. }
            | Finding::Led { .. } => None,
        })
    }

    /// Whether the old site may have been told anything, by this failover or by one before it of which
    /// it still bears the mark.
    pub fn is_touched(&self) -> bool {
        self.first_intended_at.iter().any(|(step, _)| *step == Step::Fence)
            || self.is_done(Step::Fence)
            || self.has_inherited()
    }

    /// Whether the group of the new site may have been told to have more instances.
    pub fn may_have_started(&self) -> bool {
        self.first_intended_at.iter().any(|(step, _)| *step == Step::StartCapacity)
    }

    /// Whether the failover before this one was given up and owed the old site its mode when this one
    /// began. From then on that is this one's to see to, and a run that still pays it may be under way.
    pub fn has_inherited(&self) -> bool {
        self.opened.view.past.first().is_some_and(|past| past.debts.contains(&Debt::Mode))
    }

    /// When this step was confirmed, if it was.
    pub fn done_at(&self, step: Step) -> Option<Timestamp> {
        self.past.iter().find(|past| past.step == step).map(|past| past.at)
    }
}

fn is_readable(entry: &Entry) -> Result<(), String> {
    if FORMATS.contains(&entry.format) {
        return Ok(());
    }
    let (first, last) = FORMATS.into_inner();
    Err(format!("has format {}, and this code reads {first} to {last}", entry.format))
}
