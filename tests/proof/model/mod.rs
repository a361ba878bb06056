//! A model of failovers that is checked whole: two runs at a time, a site that is lost and comes back, a
//! person who edits a record, answers that are lost or come late, runs that die, and a lease that never
//! holds anybody up. What the runs decide is decided by `shared/decide` itself: `open`, `next`,
//! `dns::decide` and the fold of the journal are called, and what they answered is remembered by what
//! they were asked.
//!
//! Time is counted in steps of 90 seconds. A run lives for two of them, as its invocation does.

mod decided;
mod law;
mod runs;
mod state;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use stateright::{Model, Property};

pub(crate) use law::Law;
pub(crate) use state::World;

use decided::Decider;
use runs::{Action, actions, next_state};

/// What may go wrong how often, so that there is an end to what can happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Everything of the following together, starts and time aside.
    pub(crate) troubles: u8,
    /// Runs that are begun.
    pub(crate) starts: u8,
    /// Calls whose answer is lost, that are not carried out, or that arrive late.
    pub(crate) faults: u8,
    /// Runs that die in the middle.
    pub(crate) deaths: u8,
    /// Edits of a record by a person.
    pub(crate) edits: u8,
    /// Times that a site is lost or comes back.
    pub(crate) turns: u8,
    /// Looks that cannot be made.
    pub(crate) blinks: u8,
    /// Steps of time of one failover.
    pub(crate) minutes: u8,
    /// Failovers.
    pub(crate) terms: u8,
}

/// A rule on which the proof rests, taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Without {
    /// The batch overwrites what it finds (UPSERT) instead of deleting exactly what was seen.
    CompareAndSwap,
    /// The term's record is written, and not compared.
    TermInTheBatch,
    /// The standby is promoted without a fence.
    FenceFirst,
    /// The records move without a look at the new site's health.
    HealthFirst,
    /// A journal's entry overwrites the one that is there.
    CreateOnly,
    /// The cooldown is counted from the beginning of the last failover.
    CooldownFromTheEnd,
    /// Nothing but the lease holds a second run up: neither journal nor records compare anything.
    AnythingButTheLease,
    /// The journal is read again before the records are changed, and they are then overwritten.
    ConditionInTheAct,
    /// Another run's look at the new site's health is believed.
    OwnLook,
    /// A look that could not be made counts as down.
    UnknownOfItsOwn,
    /// A failover is abandoned although something was promoted.
    NoWayBackAfterPromotion,
    /// A fence that was only attempted leaves no debt.
    Debt,
    /// Acts are not written down before they are taken.
    Intention,
    /// The way back ends before every run of before is dead.
    WaitForLateFences,
    /// A fence that met silence counts as accepted.
    FenceConfirmed,
    /// A database counts as a writer as soon as it was told.
    WriterSeen,
    /// A run lives as long as it likes.
    RunsThatEnd,
    /// A site that may have been fenced is left as it is when it comes back.
    WayBack,
    /// A second failover begins while one is open.
    OneAtATime,
    /// A failover that is given up owes nothing to a site that it could not give back its mode.
    ModeOwed,
    /// A failover does not look at what the one before it owes.
    TakingOver,
    /// A failover takes over what the one before it owes, and believes its first fence all the same.
    WaitForLatePayments,
}

/// Failovers of one system under a plan.
#[derive(Debug)]
pub(crate) struct Failovers {
    pub(crate) decider: Decider,
    pub(crate) bounds: Bounds,
    pub(crate) without: Option<Without>,
    /// What happens sometimes, and has.
    met: [AtomicBool; 5],
}

impl Failovers {
    pub(crate) fn new(plan: &str, bounds: Bounds, without: Option<Without>) -> Self {
        Self { decider: Decider::new(plan, without), bounds, without, met: Default::default() }
    }

    /// Whether this is the first state in which the n-th of what happens sometimes has happened: the
    /// way to each further one would be written down, too.
    fn first(&self, n: usize, is_met: bool) -> bool {
        is_met && !self.met[n].swap(true, Ordering::Relaxed)
    }
}

impl Model for Failovers {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.decider, &self.bounds)]
    }

    fn actions(&self, world: &World, all: &mut Vec<Action>) {
        // What follows a broken law is of no interest.
        if world.broken.is_none() {
            actions(self, world, all);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = next_state(self, world, action)?;
        law::look(self, &mut next);
        // Which of the two runs is which makes no difference.
        next.runs.sort();
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let sometimes = Property::<Self>::sometimes;
        vec![
            Property::always("every law holds", |_, world: &World| world.broken.is_none()),
            sometimes("a failover is completed", |model, world| {
                model.first(0, world.seen.completed)
            }),
            sometimes("a failover is abandoned", |model, world| {
                model.first(1, world.seen.abandoned)
            }),
            sometimes("every debt is paid", |model, world| model.first(2, world.seen.paid)),
            sometimes("a run is overtaken", |model, world| model.first(3, world.seen.overtaken)),
            sometimes("an edit is met", |model, world| model.first(4, world.seen.edit_met)),
        ]
    }
}
