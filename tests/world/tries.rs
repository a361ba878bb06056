//! The tests that every acting function has: trouble at every place, death at every call, a late
//! wake-up at every call, and runs that are mixed call by call. Each compares how the world ends
//! with how it ends when all is calm.

use std::collections::BTreeSet;
use std::ops::Range;
use std::pin::pin;

use warmspare_act::failover_promotion;
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::outcome::Outcome;

use crate::world::{Run, Trouble, World, finish, poll_once};

/// How the world stands, as far as it matters: every object with how often it was written, what RDS
/// was told to do, and what was announced. That something was announced twice does not matter, that
/// it was announced at all does.
pub(crate) fn standing(world: &World) -> BTreeSet<String> {
    let state = world.state();
    // Into how many pieces an inventory is cut, and its proof, depends on the runs that were at it; and so
    // does how often a comparison was begun, and whether a backup that cannot be made now was.
    let is_attempt = |key: &str| {
        key.split_once("/skew-").is_some_and(|(_, name)| name.matches('.').count() == 2)
    };
    let is_piece = |key: &str| {
        key.starts_with("pieces/")
            || key.starts_with("begun/")
            || key.contains("/artifacts-")
            || is_attempt(key)
    };
    let lasting = state.objects.iter().filter(|(key, _)| !is_piece(key));
    let objects = lasting.map(|(key, versions)| {
        // The mark of a backup that is pruned is taken over by the run that ends it.
        let is_mark = key.ends_with("/pruned.json");
        if is_mark { key.clone() } else { format!("{key} ×{}", versions.len()) }
    });
    let told = state.announcements.iter().map(|told| {
        let (happening, slot) = (told.happening.as_str(), told.slot.map(|slot| slot.to_string()));
        format!("{happening} {} {} {slot:?}", told.system, told.outcome)
    });
    let left = state.beside.unfinished.iter().map(|upload| format!("unfinished: {}", upload.id));
    let rds = &state.rds;
    let begun = format!("begun: {} {} {}", rds.taken, rds.copied, rds.exported);
    objects.chain(told).chain(left).chain([begun]).collect()
}

/// One act of a function, the world that it meets, and how it is gone on with afterwards when all
/// is calm.
pub(crate) struct Trial<N, A, G> {
    pub(crate) what: &'static str,
    pub(crate) new: N,
    pub(crate) act: A,
    pub(crate) go_on: G,
}

impl<N, A, G> Trial<N, A, G>
where
    N: Fn() -> World,
    A: AsyncFn(&Run<'_>) -> Result<Outcome, Fault>,
    G: Fn(&World),
{
    /// How it ends when all is calm; and how many changes, looks and calls the act makes.
    fn calm(&self) -> (BTreeSet<String>, [usize; 3]) {
        let world = (self.new)();
        let told = world.state().announcements.len();
        let run = world.run();
        let outcome = finish((self.act)(&run));
        assert!(outcome.is_ok(), "{}: calm, and {outcome:?}", self.what);
        let counts = [run.changes(), run.looks(), run.calls()];
        (self.go_on)(&world);
        world.assert_promises(self.what);
        // Every other end is compared with this one, so that it holds for them too.
        assert!(world.state().announcements.len() > told, "P5: {} ended in silence", self.what);
        (standing(&world), counts)
    }

    /// The changes that the act makes when all is calm, by the names of their ports: what the tests
    /// below break, kill and put to sleep.
    pub(crate) fn changes(&self) -> BTreeSet<&'static str> {
        let world = (self.new)();
        let run = world.run();
        finish((self.act)(&run)).unwrap();
        run.names().into_iter().collect()
    }

    fn assert_end(&self, world: &World, wanted: &BTreeSet<String>, during: &str) {
        (self.go_on)(world);
        world.assert_promises(&format!("{}, {during}", self.what));
        assert_eq!(&standing(world), wanted, "{}, {during}", self.what);
    }

    /// Trouble before and after every change, and at every look; then calm: the same end.
    pub(crate) fn meets_trouble_everywhere(&self) {
        let (wanted, [changes, looks, _]) = self.calm();
        let of_changes = (0..changes).flat_map(|n| [Trouble::Before(n), Trouble::After(n)]);
        let all: Vec<Trouble> = of_changes.chain((0..looks).map(Trouble::Look)).collect();
        for trouble in &all {
            let world = (self.new)();
            let _recorded_by_the_runtime = finish((self.act)(&world.run().meeting(*trouble)));
            self.assert_end(&world, &wanted, &format!("{trouble:?}"));
        }
        assert!(changes > 0 && looks > 0, "{}: nothing was tried", self.what);
        println!(
            "{}: {} points of trouble ({changes} changes, {looks} looks)",
            self.what,
            all.len()
        );
    }

    /// Death before every call (FA6); then calm: the same end.
    pub(crate) fn dies_everywhere(&self) {
        let (wanted, [_, _, calls]) = self.calm();
        for n in 0..calls {
            let world = (self.new)();
            {
                let run = world.run().stopping_at(n);
                let died = poll_once(pin!((self.act)(&run)).as_mut()).is_pending();
                assert!(died, "{}: call {n} was not reached", self.what);
            }
            self.assert_end(&world, &wanted, &format!("death at call {n}"));
        }
        println!("{}: {calls} deaths", self.what);
    }

    /// A pause at every call while another run finishes; then it wakes up: no further effect.
    pub(crate) fn wakes_up_late_everywhere(&self) {
        let (wanted, [_, _, calls]) = self.calm();
        for n in 0..calls {
            let world = (self.new)();
            let run = world.run().stopping_at(n);
            let mut late = pin!((self.act)(&run));
            assert!(poll_once(late.as_mut()).is_pending(), "{}: call {n}", self.what);
            let _other = finish((self.act)(&world.run()));
            (self.go_on)(&world);
            let before = standing(&world);
            run.wake();
            assert!(poll_once(late.as_mut()).is_ready(), "{}: call {n} never woke", self.what);
            assert_eq!(standing(&world), before, "{}: late at call {n}", self.what);
            self.assert_end(&world, &wanted, &format!("late at call {n}"));
        }
        println!("{}: {calls} late wake-ups", self.what);
    }

    /// Three runs at once, one call of one of them at a time, in an order that the seed gives; some
    /// die.
    pub(crate) fn is_mixed_in_any_order(&self, count: u64) {
        let (wanted, _) = self.calm();
        for seed in seeds(count) {
            let mut dice = Dice::new(seed);
            let world = (self.new)();
            {
                let runs = [world.run(), world.run(), world.run()].map(|run| run.stopping_at(0));
                let mut acts: Vec<_> =
                    runs.iter().map(|run| Some(Box::pin((self.act)(run)))).collect();
                while acts.iter().any(Option::is_some) {
                    let n = dice.below(3);
                    let Some(act) = acts[n].as_mut() else { continue };
                    let is_over = poll_once(act.as_mut()).is_ready() || dice.below(60) == 0;
                    runs[n].step();
                    if is_over {
                        acts[n] = None;
                    }
                }
            }
            self.assert_end(&world, &wanted, &format!("seed {seed}"));
        }
        println!("{}: {count} mixtures of three runs", self.what);
    }
}

/// What a run of the failover function makes of `event` in a calm world: its changes, looks and calls.
fn counts(new: impl Fn() -> World, event: &[u8]) -> [usize; 3] {
    let world = new();
    let run = world.run();
    finish(failover_promotion::answer(&run, event)).unwrap();
    [run.changes(), run.looks(), run.calls()]
}

/// FA13, FF1: these troubles at every change of a failover; each must come to `end`, which goes on with it
/// and looks at what came of it.
pub(crate) fn troubled_everywhere<const N: usize>(
    what: &str,
    new: impl Fn() -> World,
    event: &[u8],
    troubles: impl Fn(usize) -> [Trouble; N],
    end: impl Fn(&World, &str),
) {
    let [changes, ..] = counts(&new, event);
    for trouble in (0..changes).flat_map(troubles) {
        let world = new();
        let _fault_or_outcome =
            finish(failover_promotion::answer(&world.run().meeting(trouble), event));
        end(&world, &format!("{what}, {trouble:?}"));
    }
    println!("{what}: {} points of trouble at {changes} changes", changes * N);
}

/// FA6, FF1: the run is killed before every call.
pub(crate) fn killed_everywhere(
    what: &str,
    new: impl Fn() -> World,
    event: &[u8],
    end: impl Fn(&World, &str),
) {
    let [.., calls] = counts(&new, event);
    for n in 0..calls {
        let world = new();
        {
            let run = world.run().stopping_at(n);
            let mut killed = pin!(failover_promotion::answer(&run, event));
            assert!(poll_once(killed.as_mut()).is_pending(), "{what}, call {n}");
        }
        end(&world, &format!("{what}, killed at call {n}"));
    }
    println!("{what}: killed at each of {calls} calls");
}

/// FF3: the run sleeps before every call until the failover has ended, then wakes up: no further effect.
pub(crate) fn late_everywhere(
    what: &str,
    new: impl Fn() -> World,
    event: &[u8],
    end: impl Fn(&World, &str),
) {
    let [.., calls] = counts(&new, event);
    for n in 0..calls {
        let world = new();
        let run = world.run().stopping_at(n);
        let mut late = pin!(failover_promotion::answer(&run, event));
        assert!(poll_once(late.as_mut()).is_pending(), "{what}, call {n}");
        let during = format!("{what}, late at call {n}");
        end(&world, &during);
        let before = (world.state().sites.zone.clone(), world.state().sites.promotions);
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready(), "{during}");
        let after = (world.state().sites.zone.clone(), world.state().sites.promotions);
        assert_eq!(before, after, "{during}");
        end(&world, &during);
    }
    println!("{what}: late at each of {calls} calls");
}

/// All of it, and every look unanswered.
pub(crate) fn everywhere(
    what: &str,
    new: impl Fn() -> World,
    event: &[u8],
    end: impl Fn(&World, &str),
) {
    let before_and_after = |n| [Trouble::Before(n), Trouble::After(n)];
    troubled_everywhere(what, &new, event, before_and_after, &end);
    let [_, looks, _] = counts(&new, event);
    for trouble in (0..looks).map(Trouble::Look) {
        let world = new();
        let _fault_or_outcome =
            finish(failover_promotion::answer(&world.run().meeting(trouble), event));
        end(&world, &format!("{what}, {trouble:?}"));
    }
    killed_everywhere(what, &new, event, &end);
    late_everywhere(what, &new, event, &end);
}

/// One run of a mixture: it may meet trouble, and be stopped; then it has died, or it wakes up after
/// another run.
pub(crate) fn mixed(world: &World, dice: &mut Dice, event: &[u8], tick: &[u8]) {
    let mut run = world.run();
    if dice.below(2) == 0 {
        let n = dice.below(12);
        run = run.meeting(match dice.below(3) {
            0 => Trouble::Before(n),
            1 => Trouble::After(n),
            _ => Trouble::Late(n, 60),
        });
    }
    if dice.below(2) == 0 {
        run = run.stopping_at(dice.below(80));
    }
    let mut stopped = pin!(failover_promotion::answer(&run, event));
    if poll_once(stopped.as_mut()).is_pending() && dice.below(2) == 0 {
        world.pass(u64::try_from(dice.below(90)).unwrap());
        let _other = finish(failover_promotion::answer(&world.run(), tick));
        run.wake();
        let _late = poll_once(stopped.as_mut());
    }
}

/// Looks at a key that are answered without saying whether anything is there: a retryable fault,
/// and nothing done; then calm: the same end.
pub(crate) fn blind_to<A>(new: impl Fn() -> World, end: &'static str, act: A)
where
    A: AsyncFn(&Run<'_>) -> Result<Outcome, Fault>,
{
    let calm = new();
    finish(act(&calm.run())).unwrap();
    let world = new();
    let before = standing(&world);
    world.set().beside.blind_to = Some(end);
    let fault = finish(act(&world.run())).unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable, "blind to {end}: {fault}");
    assert!(fault.to_string().contains("S3 answered 403"), "blind to {end}: {fault}");
    assert_eq!(standing(&world), before, "blind to {end}");
    world.set().beside.blind_to = None;
    finish(act(&world.run())).unwrap();
    assert_eq!(standing(&world), standing(&calm), "blind to {end}");
    world.assert_promises(end);
}

/// The seeds of a test, from 1; `WARMSPARE_SEED` replays one.
pub(crate) fn seeds(count: u64) -> Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is replayed by its seed")]
    let one = std::env::var("WARMSPARE_SEED").ok().and_then(|seed| seed.parse().ok());
    one.map_or(1..count + 1, |seed| seed..seed + 1)
}

/// Numbers that follow from a seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number from 0 to `limit` - 1.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(limit).unwrap()).unwrap()
    }
}
