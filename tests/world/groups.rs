//! Many systems of one group lose their region together: their records move in few batches, and every
//! promise to each of them holds.

use std::collections::BTreeSet;
use std::pin::Pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::fault::Fault;
use warmspare_decide::dns::RecordSet;
use warmspare_decide::journal::Step;
use warmspare_decide::outcome::Outcome;

use crate::failover::PLAN;
use crate::tries::{Dice, seeds};
use crate::world::many::newest_of;
use crate::world::records::ZONE;
use crate::world::{Run, Trouble, World, finish, poll_once};

/// Longer than any of these failovers takes, in seconds.
const SECONDS_MAX: u32 = 400;

fn name(n: usize) -> String {
    format!("system-{n:03}")
}

/// A plan without a database, of a group.
fn plan(n: usize) -> String {
    let (before, rest) = PLAN.split_once("[database]").unwrap();
    let (_, after) = rest.split_once("[sites.east]").unwrap();
    format!("{before}[sites.east]{after}")
        .replace("system = \"controller\"", &format!("system = \"{}\"\ngroup = \"coast\"", name(n)))
        .replace("  { replication = true },\n", "")
        .replace("of = 3", "of = 2")
        .replace("controller.example.com", &format!("{}.example.com", name(n)))
}

/// So many systems, all of which have just lost their region.
fn lost(count: usize) -> World {
    let world = World::new();
    let now = world.state().now;
    {
        let mut state = world.set();
        state.many = true;
        state.sites.zone.clear();
        state.sites.lose_home(now);
        for n in 0..count {
            let (name, values) = (format!("{}.example.com", name(n)), vec!["203.0.113.10".into()]);
            state.sites.zone.push(RecordSet::simple(ZONE, &name, "A", 60, values));
        }
    }
    for n in 0..count {
        world.put(&format!("plans/{}.toml", name(n)), plan(n).as_bytes());
        let receipt = format!("receipts/{}/2026-11-20T12-00-00Z/verified.json", name(n));
        world.put(&receipt, b"{}");
    }
    world
}

fn alarm(n: usize) -> Vec<u8> {
    format!(
        r#"{{"source":"aws.cloudwatch","detail-type":"CloudWatch Alarm State Change",
        "detail":{{"alarmName":"warmspare-primary-{}","state":{{"value":"ALARM"}}}}}}"#,
        name(n)
    )
    .into_bytes()
}

type Answers<'r> = Vec<Option<Pin<Box<dyn Future<Output = Result<Outcome, Fault>> + 'r>>>>;

/// All runs at once, second by second, until each has answered; `before` each second.
fn together(world: &World, runs: &[Run<'_>], mut before: impl FnMut(u32, &mut Answers<'_>)) {
    let events: Vec<Vec<u8>> = (0..runs.len()).map(alarm).collect();
    let mut answers: Answers<'_> = Vec::new();
    for (run, event) in runs.iter().zip(&events) {
        answers.push(Some(Box::pin(answer(run, event))));
    }
    for second in 0..SECONDS_MAX {
        before(second, &mut answers);
        for open in &mut answers {
            let is_over = open.as_mut().is_some_and(|open| poll_once(open.as_mut()).is_ready());
            if is_over {
                *open = None;
            }
        }
        if answers.iter().all(Option::is_none) {
            return;
        }
        world.pass(1);
    }
    panic!("after {SECONDS_MAX} s some have not answered");
}

fn runs(world: &World, count: usize) -> Vec<Run<'_>> {
    (0..count).map(|_| world.run().beside_others()).collect()
}

/// A tick for each system that is not done, until all are.
fn tick_all(world: &World, count: usize) {
    for _minute in 0..30 {
        let is_open = |n: &usize| {
            newest_of(&world.state(), &name(*n)).is_none_or(|progress| progress.end.is_none())
        };
        let open: Vec<usize> = (0..count).filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        world.pass(60);
        for n in open {
            let event = format!(r#"{{"action":"tick","system":"{}"}}"#, name(n));
            let _recorded_by_the_runtime = finish(answer(&world.run(), event.as_bytes()));
        }
    }
    panic!("after half an hour some have not ended");
}

fn assert_all_moved(world: &World, count: usize, during: &str) {
    world.assert_promises(during);
    for n in 0..count {
        let progress = newest_of(&world.state(), &name(n)).unwrap();
        assert!(progress.end.is_some_and(|end| end.completed), "{during}: {}", name(n));
        assert_eq!(progress.term.0, 1, "{during}: {}", name(n));
    }
    let state = world.state();
    let east = state.sites.zone.iter().filter(|set| set.values == ["203.0.113.10"]).count();
    assert_eq!((east, state.sites.zone.len()), (0, 2 * count), "{during}");
}

#[test]
#[ignore = "optimised: cargo prove"]
fn fifty_systems_are_moved_by_one_request() {
    let world = lost(50);
    together(&world, &runs(&world, 50), |_, _| {});
    assert_all_moved(&world, 50, "calm");
    assert_eq!(world.state().sites.route53.batches, 1);
}

/// What one request may hold is the limit: 60 first failovers of names with ten addresses in each site
/// are 1,260 record elements.
#[test]
#[ignore = "optimised: cargo prove"]
fn what_does_not_fit_into_one_request_is_moved_by_two() {
    const COUNT: usize = 60;
    let world = lost(COUNT);
    let ten = |last: &str| -> Vec<String> {
        (0..9)
            .map(|n| format!("198.51.100.{last}{n}"))
            .chain([format!("203.0.113.{last}0")])
            .collect()
    };
    for n in 0..COUNT {
        let plan = plan(n)
            .replace("[\"203.0.113.10\"]", &format!("{:?}", ten("1")))
            .replace("[\"203.0.113.20\"]", &format!("{:?}", ten("2")));
        world.put(&format!("plans/{}.toml", name(n)), plan.as_bytes());
    }
    world.set().sites.zone.iter_mut().for_each(|set| set.values = ten("1"));
    together(&world, &runs(&world, COUNT), |_, _| {});
    world.assert_promises("calm");
    let state = world.state();
    let moved = state.sites.zone.iter().filter(|set| set.values == ten("2")).count();
    assert_eq!((moved, state.sites.route53.batches), (COUNT, 2));
}

/// The systems are not lost in the same second: waves, and not one request for each.
#[test]
#[ignore = "optimised: cargo prove"]
fn those_that_come_later_go_with_the_next() {
    let world = lost(50);
    let runs: Vec<Run<'_>> = (0..50).map(|_| world.run().beside_others().stopping_at(0)).collect();
    together(&world, &runs, |second, _| {
        for (n, run) in runs.iter().enumerate() {
            if second == u32::try_from(n).unwrap() {
                run.wake();
            }
        }
    });
    tick_all(&world, 50);
    assert_all_moved(&world, 50, "one more each second");
    let batches = world.state().sites.route53.batches;
    assert!(batches <= 10, "{batches} requests");
    println!("{batches} requests for 50 systems, one more each second");
}

/// FF14: somebody edited one record. The other 49 are not held up, it is refused by name and left as
/// it is, and goes on once it is put right.
#[test]
#[ignore = "optimised: cargo prove"]
fn one_drifted_system_does_not_hold_up_the_others() {
    let world = lost(50);
    let edited = |set: &&mut RecordSet| set.name == "system-033.example.com";
    let value = |world: &World, value: &str| {
        let mut state = world.set();
        let set = state.sites.zone.iter_mut().find(|set| edited(set)).unwrap();
        set.values = vec![value.to_owned()];
    };
    // In the moment before the first request: every journal has intended its batch by then.
    let mut is_edited = false;
    together(&world, &runs(&world, 50), |_, _| {
        let is_offered = world.state().objects.keys().any(|key| key.contains("/offers/"));
        if is_offered && !is_edited {
            value(&world, "192.0.2.99");
            is_edited = true;
        }
    });
    world.assert_promises("edited");
    {
        let state = world.state();
        let moved = state.sites.zone.iter().filter(|set| set.values == ["203.0.113.20"]).count();
        assert_eq!(moved, 49);
        let edited = state.sites.zone.iter().find(|set| set.name == "system-033.example.com");
        assert_eq!(edited.unwrap().values, ["192.0.2.99"]);
        assert!(state.sites.route53.batches <= 16, "{} requests", state.sites.route53.batches);
        let refused = state.announcements.iter().filter(|told| told.outcome == "refused");
        let names: BTreeSet<&str> = refused.clone().map(|told| told.system.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["system-033"]));
        assert!(refused.clone().all(|told| told.reason.contains("192.0.2.99")));
    }
    value(&world, "203.0.113.10");
    tick_all(&world, 50);
    assert_all_moved(&world, 50, "healed");
}

/// FA6, FA13, FF1: the one that merges, or another one, dies before any call, or loses any answer.
#[test]
#[ignore = "optimised: cargo prove"]
fn troubles_of_one_member_cost_the_others_nothing_but_seconds() {
    const COUNT: usize = 3;
    let (calls, changes) = {
        let world = lost(COUNT);
        let runs = runs(&world, COUNT);
        together(&world, &runs, |_, _| {});
        (runs[0].calls(), runs[0].changes())
    };
    for who in [0, 2] {
        for n in 0..calls {
            let world = lost(COUNT);
            let mut runs = runs(&world, COUNT);
            let dying = runs.remove(who);
            runs.insert(who, dying.stopping_at(n));
            // It stays stopped for longer than any wait, and is then gone.
            together(&world, &runs, |second, answers| {
                if second == 60 {
                    answers[who] = None;
                }
            });
            revive(&world, who);
            tick_all(&world, COUNT);
            assert_all_moved(&world, COUNT, &format!("{who} died at call {n}"));
        }
        for n in 0..changes {
            for trouble in [Trouble::Before(n), Trouble::After(n)] {
                let world = lost(COUNT);
                let mut runs = runs(&world, COUNT);
                let troubled = runs.remove(who);
                runs.insert(who, troubled.meeting(trouble));
                together(&world, &runs, |_, _| {});
                revive(&world, who);
                tick_all(&world, COUNT);
                assert_all_moved(&world, COUNT, &format!("{who} met {trouble:?}"));
            }
        }
    }
    println!("2 members, {calls} deaths and {} troubles each", changes * 2);
}

fn revive(world: &World, n: usize) {
    if newest_of(&world.state(), &name(n)).is_none() {
        let _recorded_by_the_runtime = finish(answer(&world.run(), &alarm(n)));
    }
}

/// FF3: a member sleeps before any call, and wakes when all is over: no further effect.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_member_that_wakes_up_late_does_no_harm() {
    const COUNT: usize = 3;
    let calls = {
        let world = lost(COUNT);
        let runs = runs(&world, COUNT);
        together(&world, &runs, |_, _| {});
        runs[0].calls()
    };
    for n in 0..calls {
        let world = lost(COUNT);
        let mut others = runs(&world, COUNT);
        let late = others.remove(0).stopping_at(n);
        let event = alarm(0);
        let mut sleeper = Box::pin(answer(&late, &event));
        let events: Vec<Vec<u8>> = (1..COUNT).map(alarm).collect();
        let mut awake: Answers<'_> = Vec::new();
        for (run, event) in others.iter().zip(&events) {
            awake.push(Some(Box::pin(answer(run, event))));
        }
        for _second in 0..120 {
            for open in &mut awake {
                if open.as_mut().is_some_and(|open| poll_once(open.as_mut()).is_ready()) {
                    *open = None;
                }
            }
            let _asleep_or_over = poll_once(sleeper.as_mut()).is_ready();
            if awake.iter().all(Option::is_none) {
                break;
            }
            world.pass(1);
        }
        revive(&world, 0);
        tick_all(&world, COUNT);
        let before = world.state().sites.zone.clone();
        late.wake();
        for _second in 0..60 {
            if poll_once(sleeper.as_mut()).is_ready() {
                break;
            }
            world.pass(3);
        }
        assert_eq!(world.state().sites.zone, before, "late at call {n}");
        assert_all_moved(&world, COUNT, &format!("late at call {n}"));
    }
}

/// Seeded: members that begin at any moment, die at any call, meet throttling; the site that takes
/// over falls ill for a while.
#[test]
#[ignore = "optimised: cargo prove"]
fn mixtures_of_troubles_in_a_group_keep_every_promise() {
    const COUNT: usize = 6;
    for seed in seeds(20) {
        let mut dice = Dice::new(seed);
        let world = lost(COUNT);
        let dying: Vec<Option<usize>> =
            (0..COUNT).map(|_| (dice.below(3) == 0).then(|| dice.below(60))).collect();
        let runs: Vec<Run<'_>> = dying
            .iter()
            .map(|dies| match dies {
                Some(n) => world.run().beside_others().stopping_at(*n),
                None => world.run().beside_others(),
            })
            .collect();
        let (ill_from, ill_for) = (u32::try_from(dice.below(60)).unwrap(), 20);
        together(&world, &runs, |second, answers| {
            world.set().sites.site("west").ill = (ill_from..ill_from + ill_for).contains(&second);
            if dice.below(20) == 0 {
                world.set().sites.route53.throttled += 2;
            }
            if second == 200 {
                for (answer, dies) in answers.iter_mut().zip(&dying) {
                    if dies.is_some() {
                        *answer = None;
                    }
                }
            }
        });
        for n in 0..COUNT {
            revive(&world, n);
        }
        tick_all(&world, COUNT);
        assert_all_moved(&world, COUNT, &format!("seed {seed}"));
    }
}

/// A system that comes after another one is promoted when that one has come to its new site, also when
/// its alarm was the first to be raised; and whatever ends a run meanwhile.
#[test]
fn a_system_that_comes_after_another_one_waits_for_it() {
    for dies_at in [None, Some(25), Some(40)] {
        let world = lost(2);
        let after = plan(1).replace("[objectives]", "after = [\"system-000\"]\n[objectives]");
        world.put(&format!("plans/{}.toml", name(1)), after.as_bytes());
        let first = world.run().beside_others().stopping_at(0);
        let second = world.run().beside_others();
        let second = match dies_at {
            Some(n) => second.stopping_at(n),
            None => second,
        };
        let runs = [first, second];
        together(&world, &runs, |second, answers| {
            if second == 40 {
                runs[0].wake();
            }
            if second == 100 && dies_at.is_some() {
                answers[1] = None;
            }
        });
        tick_all(&world, 2);
        assert_all_moved(&world, 2, &format!("the second died at {dies_at:?}"));
        let state = world.state();
        let [first, second] = [0, 1].map(|n| newest_of(&state, &name(n)).unwrap());
        let intended = |step: &(Step, jiff::Timestamp)| step.0 == Step::PromoteAppliance;
        let promoted = second.first_intended_at.iter().find(|step| intended(step)).unwrap().1;
        assert!(first.end.unwrap().at <= promoted, "dies at {dies_at:?}");
    }
}
