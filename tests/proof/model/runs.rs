//! What can happen next in the model.

use warmspare_decide::dns::Change;
use warmspare_decide::failover::{Act, give_back};
use warmspare_decide::journal::{Debt, Finding, Step, What};
use warmspare_decide::seen::Seen;

use super::decided::{Decided, Eyes};
use super::law::{self, newest};
use super::state::{Database, Run, Sent, Stage, World};
use super::{Failovers, Without};

/// Steps of time for which a run lives.
const LIFE: u8 = 2;
/// Steps of time of the cooldown of the plan.
const COOLDOWN: u8 = 20;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Fine,
    /// It happens, and its answer is lost.
    Lost,
    /// It does not happen, and the run does not know.
    NotDone,
    /// It is on its way, and the run hears nothing.
    Late,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// A run begins: an alarm, a tick, a duplicate of either.
    Start(usize),
    /// A run looks and decides.
    Look {
        run: usize,
        is_blind: bool,
    },
    /// A run makes the call that it has decided on.
    Call(usize, Fate),
    Die(usize),
    /// The n-th of what is on its way arrives.
    Arrive(usize),
    /// A step of time passes.
    Minute,
    /// As much time passes as a new failover has to wait since the beginning of the last, or its end.
    Cooldown {
        from_end: bool,
    },
    /// A site is lost, or comes back.
    Turn(usize),
    /// A site that is in production becomes healthy.
    Healthy(usize),
    DatabaseReady,
    InSync,
    /// A person gives the name another address.
    Edit,
}

pub(crate) fn actions(model: &Failovers, world: &World, all: &mut Vec<Action>) {
    for (n, run) in world.runs.iter().enumerate() {
        match run.stage {
            Stage::Idle if world.starts > 0 && begins(model, world) => all.push(Action::Start(n)),
            Stage::Idle => {}
            Stage::Opening | Stage::Looking => {
                all.push(Action::Look { run: n, is_blind: false });
                if world.blinks > 0 && world.troubles > 0 {
                    all.push(Action::Look { run: n, is_blind: true });
                }
            }
            Stage::Writing { .. } | Stage::Acting { .. } | Stage::Paying => {
                all.push(Action::Call(n, Fate::Fine));
                if world.faults > 0 && world.troubles > 0 {
                    all.extend([Fate::Lost, Fate::NotDone].map(|fate| Action::Call(n, fate)));
                }
                if world.faults > 0
                    && world.troubles > 0
                    && !matches!(run.stage, Stage::Writing { .. })
                {
                    all.push(Action::Call(n, Fate::Late));
                }
            }
        }
        if run.stage != Stage::Idle && world.deaths > 0 && world.troubles > 0 {
            all.push(Action::Die(n));
        }
    }
    all.extend((0..world.sent.len()).map(Action::Arrive));
    if world.minute - world.since < model.bounds.minutes {
        all.push(Action::Minute);
    }
    let is_over = newest(model, world).is_some_and(|newest| newest.end.is_some());
    let is_quiet = world.runs.iter().all(|run| run.stage == Stage::Idle);
    if is_over && is_quiet && world.terms.len() < usize::from(model.bounds.terms) {
        all.extend([true, false].map(|from_end| Action::Cooldown { from_end }));
    }
    for (n, site) in world.sites.iter().enumerate() {
        if world.turns > 0 && world.troubles > 0 {
            all.push(Action::Turn(n));
        }
        if !site.lost && site.production && !site.healthy {
            all.push(Action::Healthy(n));
        }
    }
    if world.database == Database::Promoting {
        all.push(Action::DatabaseReady);
    }
    if !world.in_sync {
        all.push(Action::InSync);
    }
    if world.edits > 0 && world.troubles > 0 {
        all.push(Action::Edit);
    }
}

/// Whether there is anything for a run to do.
fn begins(model: &Failovers, world: &World) -> bool {
    match newest(model, world) {
        None => true,
        Some(newest) if newest.end.is_none() || !newest.debts.is_empty() => true,
        Some(_) => world.terms.len() < usize::from(model.bounds.terms),
    }
}

pub(crate) fn next_state(model: &Failovers, before: &World, action: Action) -> Option<World> {
    let mut world = before.clone();
    match action {
        Action::Start(n) => start(model, &mut world, n),
        Action::Look { run, is_blind } => look(model, &mut world, run, is_blind)?,
        Action::Call(n, fate) => call(model, &mut world, n, fate),
        Action::Die(n) => {
            world.deaths -= 1;
            world.troubles -= 1;
            world.runs[n] = Run::idle();
        }
        Action::Arrive(n) => {
            let sent = world.sent.remove(n);
            arrive(model, &mut world, &sent);
        }
        Action::Minute => pass(model, &mut world, before.minute + 1),
        Action::Cooldown { from_end } => {
            let lines = world.terms.last()?;
            let from = if from_end { lines.last()?.1 } else { lines.first()?.1 };
            if from + COOLDOWN <= world.minute {
                return None;
            }
            pass(model, &mut world, from + COOLDOWN);
            world.since = world.minute;
        }
        Action::Turn(n) => {
            world.turns -= 1;
            world.troubles -= 1;
            world.sites[n].lost ^= true;
        }
        Action::Healthy(n) => {
            world.sites[n].healthy = true;
            world.sites[n].was_healthy = true;
        }
        Action::DatabaseReady => world.database = Database::Writer,
        Action::InSync => world.in_sync = true,
        Action::Edit => {
            world.edits -= 1;
            world.troubles -= 1;
            edit(model, &mut world);
        }
    }
    Some(world)
}

/// Time passes: what has lived long enough dies, and takes with it what it has sent to appliances.
fn pass(model: &Failovers, world: &mut World, minute: u8) {
    world.minute = minute;
    if model.without == Some(Without::RunsThatEnd) {
        return;
    }
    for run in &mut world.runs {
        if run.stage != Stage::Idle && run.born + LIFE <= minute {
            *run = Run::idle();
        }
    }
    world.sent.retain(|sent| match sent {
        Sent::Mode { until, .. } | Sent::Promotion { until } => *until > minute,
        Sent::Batch { .. } => true,
    });
}

fn edit(model: &Failovers, world: &mut World) {
    for number in &mut world.records.0 {
        let mut set = model.decider.set(*number).clone();
        if set.kind != "TXT" {
            set.values = vec!["192.0.2.99".to_owned()];
            *number = model.decider.set_id(&set);
        }
    }
}

/// A run reads the journal, and goes on from it.
fn start(model: &Failovers, world: &mut World, n: usize) {
    world.starts -= 1;
    let newest = newest(model, world);
    let mut run = Run { born: world.minute, ..Run::idle() };
    run.term = u8::try_from(world.terms.len()).unwrap();
    let is_open = newest.as_ref().is_some_and(|newest| newest.end.is_none());
    let owes = newest.is_some_and(|newest| newest.end.is_some() && !newest.debts.is_empty());
    run.lines = world.terms.last().cloned().unwrap_or_default();
    run.stage = if is_open && model.without != Some(Without::OneAtATime) {
        Stage::Looking
    } else if owes {
        Stage::Paying
    } else {
        Stage::Opening
    };
    world.runs[n] = run;
}

/// What a run sees now; the truth, or less.
fn eyes(world: &World, run: &Run, old: usize, is_blind: bool) -> Eyes {
    let new = &world.sites[1 - old];
    Eyes {
        minute: world.minute,
        old: if is_blind { 2 } else { u8::from(world.sites[old].lost) },
        is_new_healthy: !new.lost && new.healthy,
        database: world.database,
        records: world.records.0.clone(),
        in_sync: world.in_sync,
        attempt: run.attempt,
        has_change: run.has_change,
        told: run.told,
    }
}

fn look(model: &Failovers, world: &mut World, n: usize, is_blind: bool) -> Option<()> {
    world.blinks -= u8::from(is_blind);
    world.troubles -= u8::from(is_blind);
    let mut run = world.runs[n].clone();
    if run.stage == Stage::Opening {
        // As they were when the run read them.
        let mut terms = world.terms[..usize::from(run.term)].to_vec();
        if model.without == Some(Without::OneAtATime) {
            terms.clear();
        }
        let active = model.decider.terms(&terms)?.active(model.decider.plan()).0;
        let eyes = eyes(world, &run, model.decider.at(active.as_str()), is_blind);
        run.stage = Stage::Idle;
        if run.term < model.bounds.terms
            && let Some(what) = model.decider.open(&terms, eyes)
        {
            run.term += 1;
            run.lines.clear();
            run.stage = Stage::Writing { what, act: None };
        }
    } else {
        let progress = model.decider.fold(run.term, &run.lines)?;
        let old = model.decider.at(progress.opened.from.as_str());
        let mut eyes = eyes(world, &run, old, is_blind);
        ask_only_what_matters(&progress, &mut eyes);
        run.saw_health = !world.sites[1 - old].lost && world.sites[1 - old].healthy;
        run.saw_loss = world.sites[old].lost && !is_blind;
        match model.decider.next(run.term, &run.lines, eyes)? {
            Decided::Do { intention, is_intended: false, act } => {
                run.stage = Stage::Writing { what: intention, act: Some(act) };
            }
            Decided::Do { act, .. } => run.stage = Stage::Acting { act },
            Decided::Write { what, .. } => run.stage = Stage::Writing { what, act: None },
            Decided::Wait => (run.attempt, run.told) = (0, None),
            Decided::End { drift } => {
                world.seen.edit_met |= drift;
                run = Run::idle();
            }
        }
    }
    if run.stage == Stage::Idle {
        run = Run::idle();
    }
    world.runs[n] = run;
    Some(())
}

/// The function looks at what the next step needs and at nothing else: what is not looked at makes no
/// difference, and is not remembered as one.
fn ask_only_what_matters(progress: &warmspare_decide::journal::Progress, eyes: &mut Eyes) {
    let next = progress.next_step();
    if !matches!(next, Some(Step::Fence | Step::Unfence | Step::PromoteAppliance)) {
        eyes.old = 2;
    }
    if next != Some(Step::PromoteDatabase) {
        eyes.database = Database::None;
    }
    if next != Some(Step::Repoint) {
        eyes.records.clear();
    }
    if next != Some(Step::SeeInSync) {
        eyes.in_sync = true;
    }
}

fn call(model: &Failovers, world: &mut World, n: usize, fate: Fate) {
    world.faults -= u8::from(fate != Fate::Fine);
    world.troubles -= u8::from(fate != Fate::Fine);
    let mut run = world.runs[n].clone();
    match run.stage.clone() {
        Stage::Writing { what, act } => {
            write(model, world, &mut run, what, fate);
            run.stage = match (run.stage, act) {
                (Stage::Idle, _) => Stage::Idle,
                (_, Some(act)) => Stage::Acting { act },
                (_, None) => Stage::Looking,
            };
        }
        Stage::Acting { act } => {
            take(model, world, &mut run, model.decider.act(act), fate);
            run.stage = Stage::Looking;
        }
        Stage::Paying => pay(model, world, &mut run, fate),
        Stage::Idle | Stage::Opening | Stage::Looking => {}
    }
    if run.stage == Stage::Idle {
        run = Run::idle();
    }
    world.runs[n] = run;
}

/// Writes a line if nobody has written it. A run that is not sure that it has, ends.
fn write(model: &Failovers, world: &mut World, run: &mut Run, what: u16, fate: Fate) {
    let said = model.decider.what(what);
    let is_timed = match said {
        What::Opened(_) | What::Abandoned { .. } | What::Completed(_) | What::Paid { .. } => true,
        What::Intended { step, .. } => *step == Step::Unfence,
        _ => false,
    };
    let first = run.lines.first().map_or(world.minute, |line| line.1);
    let line = (what, if is_timed { world.minute } else { first });
    let at = run.lines.len();
    let term = usize::from(run.term) - 1;
    let mut is_ours = false;
    if fate != Fate::NotDone {
        if world.terms.len() <= term {
            world.terms.push(Vec::new());
            // From here the minutes of this failover count.
            world.since = world.minute;
        }
        let overwrites =
            matches!(model.without, Some(Without::CreateOnly | Without::AnythingButTheLease));
        let lines = &mut world.terms[term];
        match lines.get_mut(at) {
            None => {
                lines.push(line);
                is_ours = true;
            }
            Some(there) if overwrites => {
                *there = line;
                is_ours = true;
            }
            Some(_) => world.seen.overtaken = true,
        }
    }
    if is_ours && let What::Confirmed { finding: Finding::FenceAttempted { .. }, .. } = said {
        law::leaves(world, run);
    }
    let is_last = matches!(said, What::Abandoned { .. } | What::Completed(_));
    if !is_ours || fate != Fate::Fine || is_last {
        run.stage = Stage::Idle;
        return;
    }
    run.lines.push(line);
    if matches!(said, What::Confirmed { .. }) {
        (run.attempt, run.told) = (0, None);
    }
}

/// Takes one act.
fn take(model: &Failovers, world: &mut World, run: &mut Run, act: &Act, fate: Fate) {
    let Some(progress) = model.decider.fold(run.term, &run.lines) else { return };
    let old = model.decider.at(progress.opened.from.as_str());
    law::acts(model, world, run, act.step());
    let until = run.born + LIFE;
    let sent = match act {
        Act::Fence => {
            world.sites[old].fence_tried_in = run.term;
            Sent::Mode { site: old, production: false, until }
        }
        Act::Unfence => Sent::Mode { site: old, production: true, until },
        Act::PromoteAppliance => {
            law::promotes(world, run, old);
            Sent::Mode { site: 1 - old, production: true, until }
        }
        Act::PromoteDatabase => {
            law::promotes(world, run, old);
            Sent::Promotion { until }
        }
        // The plans of the model have no groups of instances and no global database, and rewrite their
        // records.
        Act::StopCapacity
        | Act::MoveWriter { .. }
        | Act::StartCapacity { .. }
        | Act::SeedDatabase
        | Act::RestoreDatabase { .. }
        | Act::TurnSwitch { .. }
        | Act::Publish => return,
        Act::Repoint(batch) => {
            law::repoints(world, run);
            let changes = batch.iter().map(|change| match change {
                Change::Delete(set) => (false, model.decider.set_id(set)),
                Change::Create(set) => (true, model.decider.set_id(set)),
            });
            Sent::Batch { term: run.term, changes: changes.collect() }
        }
    };
    if let Sent::Batch { .. } = &sent
        && model.without == Some(Without::ConditionInTheAct)
        && run.lines != world.terms[usize::from(run.term) - 1]
    {
        return;
    }
    let is_mode = matches!(sent, Sent::Mode { .. });
    let mut answer = match fate {
        Fate::NotDone => 3,
        Fate::Late => {
            world.send(sent);
            2
        }
        Fate::Fine | Fate::Lost => {
            let answer = arrive(model, world, &sent);
            if fate == Fate::Lost && answer == 1 { 3 } else { answer }
        }
    };
    if !is_mode {
        run.has_change = matches!(act, Act::Repoint(_)) && answer == 1;
        answer = 0;
    }
    run.attempt = answer;
    run.told = matches!(act, Act::Unfence).then_some(world.minute);
}

/// What was sent arrives: 1 if it was accepted, 2 if nobody answers, 3 if it was refused.
fn arrive(model: &Failovers, world: &mut World, sent: &Sent) -> u8 {
    match sent {
        Sent::Mode { site, production, .. } => {
            let is_led_to = world.records.0.contains(&model.decider.addresses()[*site]);
            let site = &mut world.sites[*site];
            if site.lost {
                return 2;
            }
            if *production && !site.production {
                site.healthy = false;
                site.was_healthy = is_led_to;
            }
            site.production = *production;
            1
        }
        Sent::Promotion { .. } => {
            if world.database != Database::Replica {
                return 3;
            }
            world.database = Database::Promoting;
            1
        }
        Sent::Batch { term, changes } if apply(model, world, *term, changes) => 1,
        Sent::Batch { .. } => 3,
    }
}

/// Route 53 applies a batch whole or not at all.
fn apply(model: &Failovers, world: &mut World, term: u8, changes: &[(bool, u16)]) -> bool {
    let overwrites = matches!(
        model.without,
        Some(Without::CompareAndSwap | Without::AnythingButTheLease | Without::ConditionInTheAct)
    );
    let before = world.records.0.clone();
    let mut records = before.clone();
    for (is_create, number) in changes {
        let set = model.decider.set(*number);
        let is_same = |other: &u16| {
            let other = model.decider.set(*other);
            other.name == set.name && other.kind == set.kind
        };
        let is_not_compared =
            overwrites || (set.kind == "TXT" && model.without == Some(Without::TermInTheBatch));
        if is_not_compared {
            records.retain(|other| !is_same(other));
            if *is_create {
                records.push(*number);
            }
        } else if *is_create {
            if records.iter().any(is_same) {
                return false;
            }
            records.push(*number);
        } else {
            let Some(at) = records.iter().position(|other| other == number) else { return false };
            records.remove(at);
        }
    }
    records.sort_unstable();
    world.in_sync &= records == before;
    world.records.0 = records;
    law::moved(model, world, term, &before);
    true
}

/// The site that was left is told to be standby, and its database is stopped; or the site that was not
/// left after all is told to be production, and if that is still owed, another failover may begin.
fn pay(model: &Failovers, world: &mut World, run: &mut Run, fate: Fate) {
    run.stage = Stage::Idle;
    let Some(progress) = model.decider.fold(run.term, &run.lines) else { return };
    let old = model.decider.at(progress.opened.from.as_str());
    let Some(debt) = progress.debts.first().copied() else { return };
    let until = run.born + LIFE;
    let may_be_told = |world: &World| {
        let records = Seen::Here(model.decider.records(&world.records.0));
        give_back(model.decider.plan(), &progress, &records, None).is_ok()
    };
    let answer = match (debt, fate) {
        (Debt::Mode, _) if !may_be_told(world) => 3,
        (Debt::Mode, Fate::Late) => {
            world.send(Sent::Mode { site: old, production: true, until });
            2
        }
        (Debt::Mode, Fate::Fine | Fate::Lost) => {
            arrive(model, world, &Sent::Mode { site: old, production: true, until })
        }
        (Debt::Appliance, Fate::Late) => {
            world.send(Sent::Mode { site: old, production: false, until });
            2
        }
        (Debt::Appliance, Fate::Fine | Fate::Lost) => {
            arrive(model, world, &Sent::Mode { site: old, production: false, until })
        }
        (Debt::Database, Fate::Fine) => u8::from(world.sites[old].lost) + 1,
        (Debt::Appliance | Debt::Database | Debt::Capacity | Debt::Mode | Debt::PilotLight, _) => 3,
    };
    if answer == 1 && fate == Fate::Fine {
        let what = model.decider.what_id(&What::Paid { debt, seen: "it accepted".to_owned() });
        write(model, world, run, what, Fate::Fine);
        run.stage = Stage::Idle;
    } else if debt == Debt::Mode {
        run.stage = Stage::Opening;
    }
}
