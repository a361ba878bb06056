//! Failovers in a world in which everything goes wrong, in an order that a seed gives: runs that are
//! mixed call by call, killed, frozen and woken late; answers that are lost or late; sites, Route 53 and
//! looks that come and go; people who edit records. What is promised is looked at after every change,
//! and in the end, when all is calm again, there is no third state: the system has moved, or it is as
//! it was.

use std::pin::Pin;
use std::task::Poll;

use warmspare_act::fault::Fault;
use warmspare_act::ports::ApplianceMode;
use warmspare_decide::journal::{Debt, Progress};
use warmspare_decide::outcome::Outcome;

use crate::scene::{
    ALARM, BY_HAND, PLAN, PROBE, STATUS, TICK, TICK_OF_ALL, act, calm, demanding, without_database,
};
use crate::tries::Dice;
use crate::world::promises::{newest_term, terms};
use crate::world::records::{led_by_health_check, pair};
use crate::world::{Bent, Run, Trouble, World, finish, poll_once};

/// Runs of one history, before it becomes calm.
const RUNS: usize = 6;
/// Acts of one history, before it becomes calm: calls of runs, and whatever else happens.
const ACTS: usize = 420;
/// Ticks after which a calm world is at its end, whatever was before.
const TICKS_MAX: usize = 40;
/// Ticks after which one that waits for a person, or for a site that is lost, is left waiting.
const WAITED: usize = 3;
/// The cooldown of the plan, in seconds.
const COOLDOWN_S: u64 = 1_800;
/// Two clocks differ by this at most, in seconds.
const SKEW_S_MAX: usize = 15;

/// How histories ended, and how much happened in them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) histories: u64,
    pub(crate) failovers: u64,
    pub(crate) completed: u64,
    pub(crate) abandoned: u64,
    /// Terms that still wait: for a fence that is demanded, or for a person who edited a record.
    pub(crate) open: u64,
    /// Histories in which every request was refused.
    pub(crate) refused: u64,
    pub(crate) paid: u64,
    /// Failovers that were given up and owed the old site its mode in the end.
    pub(crate) owed: u64,
    /// Terms that took that over from the one before.
    pub(crate) taken_over: u64,
    pub(crate) second_terms: u64,
    pub(crate) runs: u64,
    pub(crate) calls: u64,
    pub(crate) changes: u64,
    pub(crate) killed: u64,
    pub(crate) woken_late: u64,
    pub(crate) troubles: u64,
    pub(crate) edits: u64,
}

impl Count {
    pub(crate) fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.failovers += other.failovers;
        self.completed += other.completed;
        self.abandoned += other.abandoned;
        self.open += other.open;
        self.refused += other.refused;
        self.paid += other.paid;
        self.owed += other.owed;
        self.taken_over += other.taken_over;
        self.second_terms += other.second_terms;
        self.runs += other.runs;
        self.calls += other.calls;
        self.changes += other.changes;
        self.killed += other.killed;
        self.woken_late += other.woken_late;
        self.troubles += other.troubles;
        self.edits += other.edits;
    }
}

/// What a history found: how much happened, or the first promise that was broken.
pub(crate) type Found = Result<Count, String>;

type Act<'r> = Pin<Box<dyn Future<Output = Result<Outcome, Fault>> + 'r>>;

/// One history.
struct History<'w> {
    world: &'w World,
    dice: Dice,
    count: Count,
    /// A person has edited a record, and nobody has put it back.
    is_edited: bool,
    /// Clients are led by a health check, and the probe runs beside the others.
    is_switched: bool,
}

/// Lives through the history of this seed, in a world that may be bent.
pub(crate) fn history(seed: u64, bent: Option<Bent>) -> Found {
    let mut dice = Dice::new(seed);
    // By the seed itself, so that the other seeds go on meaning what they meant.
    let is_switched = seed % 4 == 3;
    let world = begin(&mut dice, bent, is_switched);
    let count = Count { histories: 1, ..Count::default() };
    let mut history = History { world: &world, dice, count, is_edited: false, is_switched };
    history.is_wild()?;
    history.becomes_calm()?;
    if history.is_owed() {
        history.begins_again()?;
    }
    Ok(history.count)
}

/// The system and the world at its beginning.
fn begin(dice: &mut Dice, bent: Option<Bent>, is_switched: bool) -> World {
    let plan = if dice.below(3) == 0 { without_database() } else { PLAN.to_owned() };
    let plan = if dice.below(4) == 0 { demanding(&plan) } else { plan };
    let plan = if is_switched { led_by_health_check(&plan) } else { plan };
    let world = calm(&plan);
    {
        let mut state = world.set();
        if is_switched {
            state.sites.zone = pair();
        }
        state.bent = bent;
        let now = state.now;
        if !plan.contains("[database]") {
            state.sites.databases.get_mut("controller-db-west").unwrap().replica_of = None;
            state.sites.databases.get_mut("controller-db").unwrap().replicas.clear();
        }
        state.sites.described_late_s = i64::try_from(dice.below(3)).unwrap();
        state.sites.measured_late_min = i64::try_from(dice.below(4)).unwrap();
        if dice.below(16) != 0 {
            state.sites.lose_home(now);
        }
    }
    world
}

impl<'w> History<'w> {
    fn below(&mut self, limit: usize) -> usize {
        self.dice.below(limit)
    }

    fn is_one_in(&mut self, limit: usize) -> bool {
        self.dice.below(limit) == 0
    }

    fn promises(&self) -> Result<(), String> {
        match self.world.state().broken.first() {
            None => Ok(()),
            Some(broken) => Err(broken.clone()),
        }
    }

    /// The runs that will be, each with its clock and its troubles.
    fn runs(&mut self) -> Vec<(Run<'w>, &'static [u8])> {
        let mut runs: Vec<(Run<'w>, &'static [u8])> = Vec::new();
        for _run in 0..RUNS {
            let skew = i64::try_from(self.below(SKEW_S_MAX + 1)).unwrap() - 7;
            let earlier = runs.last().map(|(run, event)| (run.request(), *event));
            // Lambda tries a request again, and it is the same request and the same event.
            let (mut run, event) = match earlier {
                Some((request, event)) if self.is_one_in(6) => (self.world.again(request), event),
                _ => {
                    let event = match self.below(12) {
                        0..4 => ALARM,
                        4..9 => TICK,
                        9 => TICK_OF_ALL,
                        10 => BY_HAND,
                        _ if self.is_switched => PROBE,
                        _ => STATUS,
                    };
                    (self.world.run(), event)
                }
            };
            for _trouble in 0..self.below(4) {
                let n = self.below(40);
                let late_s = u64::try_from(self.below(170)).unwrap();
                run = run.meeting(match self.below(5) {
                    0 => Trouble::Before(n),
                    1 | 2 => Trouble::After(n),
                    3 => Trouble::Late(n, late_s),
                    _ => Trouble::Look(n),
                });
                self.count.troubles += 1;
            }
            runs.push((run.skewed(skew).stopping_at(0), event));
        }
        runs
    }

    /// Everything at once.
    fn is_wild(&mut self) -> Result<(), String> {
        let runs = self.runs();
        let mut acts: Vec<Option<Act<'_>>> = Vec::new();
        let mut slept: Vec<bool> = Vec::new();
        for _act in 0..ACTS {
            let alive: Vec<usize> = (0..acts.len()).filter(|n| acts[*n].is_some()).collect();
            if alive.is_empty() && acts.len() == RUNS {
                break;
            }
            if acts.len() < RUNS && (alive.is_empty() || (alive.len() < 3 && self.is_one_in(24))) {
                let (run, event) = &runs[acts.len()];
                run.begins_now();
                acts.push(Some(Box::pin(act(run, event))));
                slept.push(false);
                self.count.runs += 1;
                continue;
            }
            if self.is_one_in(14) {
                let longest_s = if self.is_one_in(6) { 100 } else { 12 };
                self.something_happens(longest_s);
                self.promises()?;
                continue;
            }
            let n = alive[self.below(alive.len())];
            let may_outlive = self.world.state().bent == Some(Bent::RunsOutliveTheirTime);
            if (runs[n].0.is_over() && !may_outlive) || self.is_one_in(160) {
                acts[n] = None;
                self.count.killed += 1;
                continue;
            }
            if slept[n] && !self.is_one_in(40) {
                continue;
            }
            slept[n] = self.is_one_in(60);
            self.count.woken_late += u64::from(slept[n]);
            runs[n].0.step();
            let is_over = match poll_once(acts[n].as_mut().unwrap().as_mut()) {
                Poll::Ready(_recorded_by_the_runtime) => true,
                Poll::Pending => false,
            };
            if is_over {
                acts[n] = None;
            }
            self.promises()?;
        }
        // Whoever still sleeps is woken for one more call, or was killed in its sleep.
        for (n, act) in acts.iter_mut().enumerate() {
            if let Some(act) = act.as_mut().filter(|_| !runs[n].0.is_over()) {
                if self.is_one_in(2) {
                    runs[n].0.wake();
                }
                let _outcome = poll_once(act.as_mut());
            }
        }
        drop(acts);
        for (run, _) in &runs {
            self.count.calls += u64::try_from(run.calls()).unwrap();
            self.count.changes += u64::try_from(run.changes()).unwrap();
        }
        self.promises()
    }

    /// The world moves, or a person does something.
    fn something_happens(&mut self, longest_s: usize) {
        let seconds = u64::try_from(1 + self.below(longest_s)).unwrap();
        let what = self.below(24);
        let now = self.world.state().now;
        let mut state = self.world.set();
        match what {
            0 => state.sites.site("east").lost = true,
            1 => state.sites.site("east").lost = false,
            2 => state.sites.lose_home(now),
            3 => state.sites.site("west").lost = true,
            4 | 5 => state.sites.site("west").lost = false,
            6 => state.sites.dns_answers = false,
            7 | 8 => state.sites.dns_answers = true,
            9 => state.sites.site("east").ill ^= true,
            10 => state.sites.site("west").ill = !state.sites.by_name["west"].ill,
            11 => state.sites.site("east").unseen ^= true,
            12 => state.sites.alarm = crate::world::sites::raised(now),
            // Of a pair nobody looks at during a failover; each edit of it is met in tests/world.
            13 if !self.is_switched => {
                state.sites.edit("192.0.2.99");
                self.is_edited = true;
                self.count.edits += 1;
            }
            _ => {
                drop(state);
                self.world.pass(seconds);
            }
        }
    }

    /// Everything answers again, but perhaps not the old site; the tick comes every minute.
    fn becomes_calm(&mut self) -> Result<(), String> {
        let is_east_back = self.is_one_in(2);
        {
            let mut state = self.world.set();
            for site in ["east", "west"] {
                state.sites.site(site).ill = false;
                state.sites.site(site).unseen = false;
                state.sites.site(site).lost = false;
            }
            state.sites.site("east").lost = !is_east_back;
            state.sites.dns_answers = true;
        }
        if self.is_edited && self.is_one_in(2) {
            let mut state = self.world.set();
            state.sites.undo_edit();
            self.is_edited = false;
        }
        self.ticks_until_over()?;
        self.ends()?;
        if is_east_back { self.pays() } else { Ok(()) }
    }

    /// Ticks, a minute apart, until the newest term has ended, or waits for what only people can do.
    fn ticks_until_over(&mut self) -> Result<(), String> {
        let mut waited = 0;
        for _tick in 0..TICKS_MAX {
            self.world.pass(60);
            let run = self.world.run();
            let outcome = finish(act(&run, TICK));
            self.count.runs += 1;
            self.count.calls += u64::try_from(run.calls()).unwrap();
            self.count.changes += u64::try_from(run.changes()).unwrap();
            self.promises()?;
            if let Err(fault) = &outcome {
                return Err(format!("P5: all is calm, and a tick fails: {fault}"));
            }
            match newest_term(&self.world.state()) {
                None => return Ok(()),
                Some(newest) if newest.end.is_some() && !self.may_be_given_back(&newest) => {
                    return Ok(());
                }
                Some(newest) if self.may_wait(&newest).is_ok() => waited += 1,
                Some(_) => {}
            }
            // It waits for what nobody will do in this history.
            if waited == WAITED {
                break;
            }
        }
        Ok(())
    }

    /// A failover was given up, and owes a site its mode that is lost.
    fn is_owed(&self) -> bool {
        let newest = newest_term(&self.world.state());
        newest.is_some_and(|newest| newest.debts.contains(&Debt::Mode))
    }

    /// The alarm is still raised when the cooldown is over: everything at once, once more.
    fn begins_again(&mut self) -> Result<(), String> {
        self.world.pass(COOLDOWN_S);
        // What there was is counted at the end.
        let counted = u64::try_from(terms(&self.world.state()).len()).unwrap();
        self.count.failovers -= counted;
        self.count.abandoned -= counted;
        self.count.second_terms -= u64::from(counted > 1);
        let now = self.world.state().now;
        self.world.set().sites.lose_home(now);
        self.is_wild()?;
        self.becomes_calm()
    }

    /// It was given up, and owes the old site its mode, which can be told.
    fn may_be_given_back(&self, newest: &Progress) -> bool {
        let is_lost = self.world.state().sites.by_name["east"].lost;
        newest.debts.contains(&Debt::Mode) && !is_lost && !self.is_edited
    }

    /// There is no third state.
    fn ends(&mut self) -> Result<(), String> {
        let state = self.world.state();
        let east = &state.sites.by_name["east"];
        let west = &state.sites.by_name["west"];
        let Some(newest) = newest_term(&state) else {
            self.count.refused += 1;
            let is_as_it_was = east.mode == ApplianceMode::Production
                && west.mode == ApplianceMode::Standby
                && state.sites.promotions == 0
                && state.sites.moves == 0;
            return is_as_it_was.then_some(()).ok_or("I11: refused, and something was done".into());
        };
        let count = u64::try_from(terms(&state).len()).unwrap();
        self.count.failovers += count;
        self.count.second_terms += u64::from(count > 1);
        self.count.abandoned += count - 1;
        self.count.taken_over += u64::from(newest.has_inherited());
        match &newest.end {
            Some(end) if end.completed => {
                self.count.completed += 1;
                let has_moved = west.mode == ApplianceMode::Production
                    && (self.is_edited || state.sites.leads_to() == ["203.0.113.20"]);
                has_moved.then_some(()).ok_or("I11: completed, and not moved".into())
            }
            Some(_) => {
                self.count.abandoned += 1;
                self.count.owed += u64::from(!newest.debts.is_empty());
                // Whoever is lost, or whose records a person has moved, is owed it.
                let is_owed = newest.debts.contains(&Debt::Mode) && (east.lost || self.is_edited);
                let is_given_back = (east.mode == ApplianceMode::Production || is_owed)
                    && west.mode == ApplianceMode::Standby
                    && state.sites.promotions == 0
                    && state.sites.moves == 0;
                let key = state
                    .objects
                    .keys()
                    .rfind(|key| key.starts_with("failovers/") && !key.ends_with("alive.json"));
                let last = key.and_then(|key| state.objects[key].last());
                is_given_back.then_some(()).ok_or_else(|| {
                    format!(
                        "I11: abandoned, and not given back: east is {:?}, west is {:?}: {}",
                        east.mode,
                        west.mode,
                        last.map(|last| String::from_utf8_lossy(&last.body)).unwrap_or_default()
                    )
                })
            }
            None => {
                self.count.open += 1;
                self.may_wait(&newest)
            }
        }
    }

    /// What an open failover may wait for when all is calm.
    fn may_wait(&self, newest: &Progress) -> Result<(), String> {
        let state = self.world.state();
        let is_east_lost = state.sites.by_name["east"].lost;
        let is_fence_awaited = newest.past.is_empty() && is_east_lost;
        if self.is_edited || is_fence_awaited {
            return Ok(());
        }
        let next = newest.next_step().map_or("close", |step| step.words());
        Err(format!("I6: all is calm, and term {} does not {next}", newest.term))
    }

    /// The old site is back: what it owes is paid, and nothing moves.
    fn pays(&mut self) -> Result<(), String> {
        let is_completed = newest_term(&self.world.state())
            .is_some_and(|newest| newest.end.is_some_and(|end| end.completed));
        if !is_completed {
            return Ok(());
        }
        for _tick in 0..5 {
            self.world.pass(60);
            finish(act(&self.world.run(), TICK)).map_err(|fault| format!("P5: {fault}"))?;
            self.promises()?;
            if newest_term(&self.world.state()).is_some_and(|newest| newest.debts.is_empty()) {
                break;
            }
        }
        let state = self.world.state();
        let owes = newest_term(&state).is_some_and(|newest| !newest.debts.is_empty());
        if owes || state.sites.by_name["east"].mode != ApplianceMode::Standby {
            return Err("P2: the old site is back, and was not fenced".to_owned());
        }
        self.count.paid += 1;
        Ok(())
    }
}
