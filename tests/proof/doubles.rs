//! Every pair of faults: one at any call of a failover, and another at any later call of the same run, or
//! at any call of the run that goes on. The site that was lost stays lost, so there is one right end. Under
//! each kind of plan: what it promotes, and how clients are led.

use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use warmspare_act::ports::ApplianceMode;

use crate::scene::{ALARM, PLAN, TICK, act, calm, clustered, scaled};
use crate::world::capacity::Scaled;
use crate::world::promises::newest_term;
use crate::world::records::{led_by_health_check, pair};
use crate::world::{Run, Trouble, World, finish, poll_once};

/// More ticks than any two faults cost.
const TICKS_MAX: usize = 30;
/// A change that arrives late arrives after the next look at it.
const LATE_S: u64 = 7;

/// What happens to a run, and where.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It is killed before this call.
    Killed(usize),
    /// It meets trouble, and goes on as it can.
    Met(Trouble),
}

impl Fault {
    /// Every fault of a run of so many calls, changes and looks.
    fn all([calls, changes, looks]: [usize; 3]) -> Vec<Self> {
        let killed = (0..calls).map(Self::Killed);
        let changes = (0..changes)
            .flat_map(|n| [Trouble::Before(n), Trouble::After(n), Trouble::Late(n, LATE_S)]);
        killed.chain(changes.chain((0..looks).map(Trouble::Look)).map(Self::Met)).collect()
    }

    fn befalls(self, run: Run<'_>) -> Run<'_> {
        match self {
            Self::Killed(call) => run.stopping_at(call),
            Self::Met(trouble) => run.meeting(trouble),
        }
    }

    /// Whether a run that lived through this came as far as the fault.
    fn has_befallen(self, run: &Run<'_>) -> bool {
        match self {
            Self::Killed(call) => run.calls() > call,
            Self::Met(Trouble::Look(n)) => run.looks() > n,
            Self::Met(
                Trouble::Before(n) | Trouble::After(n) | Trouble::Late(n, _) | Trouble::Denied(n),
            ) => run.changes() > n,
        }
    }
}

/// Lives through one run, which may be killed; how many calls, changes and looks it made.
fn live(run: &Run<'_>, event: &[u8]) -> [usize; 3] {
    let _recorded_by_the_runtime = poll_once(pin!(act(run, event)).as_mut());
    [run.calls(), run.changes(), run.looks()]
}

/// A world whose home is lost.
type New = fn() -> World;

fn lose_home(world: World) -> World {
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world
}

/// A replica is promoted, and records are rewritten.
fn lost() -> World {
    lose_home(calm(PLAN))
}

/// Clients are led by a health check, and Route 53's control plane is lost too.
fn led() -> World {
    let world = lose_home(calm(&led_by_health_check(PLAN)));
    world.set().sites.zone = pair();
    world.set().sites.dns_answers = false;
    world
}

/// The sites have instances: those of the old one are ended, a pilot light is started.
fn with_instances() -> World {
    let world = lose_home(calm(&scaled(PLAN)));
    {
        let groups = &mut world.set().sites.groups;
        groups.insert("east", Scaled::of("controller-east", 1));
        groups.insert("west", Scaled::of("controller-west", 0));
    }
    // Its network is lost, and AWS there is not.
    world.set().sites.site("east").lost = false;
    world.set().sites.site("east").dark = true;
    world
}

/// The database is a global one, and its writer moves.
fn with_clusters() -> World {
    let world = calm(&clustered(PLAN));
    world.set().sites.as_clusters();
    lose_home(world)
}

/// What comes next: the alarm again, as Lambda asks again, or the tick of the next minute.
fn next(world: &World) -> &'static [u8] {
    if newest_term(&world.state()).is_none() {
        return ALARM;
    }
    world.pass(60);
    TICK
}

/// Goes on until the failover is over; what is not as it has to be.
fn end(world: &World) -> Result<(), String> {
    for _tick in 0..TICKS_MAX {
        let event = next(world);
        let _recorded_by_the_runtime = finish(act(&world.run(), event));
        let newest = newest_term(&world.state());
        if newest.is_some_and(|newest| newest.end.is_some()) {
            break;
        }
    }
    let state = world.state();
    let newest = newest_term(&state);
    let is_completed = newest.as_ref().is_some_and(|newest| {
        newest.term.0 == 1 && newest.end.as_ref().is_some_and(|end| end.completed)
    });
    let once = (state.sites.promotions, state.sites.moves) == (1, 1);
    let has_moved = state.sites.leads_to() == ["203.0.113.20"]
        && state.sites.by_name["west"].mode == ApplianceMode::Production
        && state.sites.databases["controller-db-west"].is_writer();
    match state.broken.first() {
        Some(broken) => Err(broken.clone()),
        None if is_completed && once && has_moved => Ok(()),
        None => Err(format!(
            "completed: {is_completed}, moved: {has_moved}, {} promotion(s), {} move(s): {newest:?}",
            state.sites.promotions, state.sites.moves
        )),
    }
}

/// How many histories were lived through with this fault as the first: alone, with each fault that can
/// follow in the same run, and with each in the run that goes on.
fn with(new: New, first: Fault) -> Result<usize, String> {
    let said = |second: Option<Fault>, whose: &str, why: String| {
        format!("{first:?}, then {second:?} {whose}: {why}")
    };
    let world = new();
    let alone = live(&first.befalls(world.run()), ALARM);
    let left = world.is_at_rest().then(|| world.copied());
    let after = live(&world.run(), next(&world));
    end(&world).map_err(|why| said(None, "", why))?;
    let mut histories = 1;
    if !matches!(first, Fault::Killed(_)) {
        for second in Fault::all(alone) {
            let world = new();
            let run = second.befalls(first.befalls(world.run()));
            live(&run, ALARM);
            if first.has_befallen(&run) && second.has_befallen(&run) {
                end(&world).map_err(|why| said(Some(second), "in the same run", why))?;
                histories += 1;
            }
        }
    }
    for second in Fault::all(after) {
        // What the first run leaves behind is the same each time, unless something of it is under way.
        let world = left.as_ref().map_or_else(new, World::copied);
        if left.is_none() {
            live(&first.befalls(world.run()), ALARM);
        }
        let event = next(&world);
        live(&second.befalls(world.run()), event);
        end(&world).map_err(|why| said(Some(second), "in the run that goes on", why))?;
        histories += 1;
    }
    Ok(histories)
}

/// FA6, FA8, FA13, FF1: every fault, and every pair of faults, comes to the same end.
fn pairs(what: &str, new: New) {
    let world = new();
    let calm = live(&world.run(), ALARM);
    end(&world).unwrap();
    let firsts = Fault::all(calm);
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Ok(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _thread in 0..threads {
            scope.spawn(|| {
                while let Some(first) = firsts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = with(new, *first);
                    let mut total = total.lock().unwrap();
                    let Ok(histories) = *total else { return };
                    *total = found.map(|found| histories + found);
                }
            });
        }
    });
    let histories: usize = total.into_inner().unwrap().unwrap_or_else(|why| panic!("{why}"));
    println!(
        "{what}: {} faults at {} calls of a failover, {histories} histories of one or two of them",
        firsts.len(),
        calm[0]
    );
    assert!(histories > firsts.len() * 10, "too few pairs");
}

#[test]
fn any_two_faults_lead_to_the_same_end() {
    pairs("a replica", lost);
}

#[test]
fn any_two_faults_lead_to_the_same_end_where_a_health_check_leads() {
    pairs("a health check", led);
}

#[test]
fn any_two_faults_lead_to_the_same_end_with_instances() {
    pairs("instances", with_instances);
}

#[test]
fn any_two_faults_lead_to_the_same_end_with_a_global_database() {
    pairs("a global database", with_clusters);
}
