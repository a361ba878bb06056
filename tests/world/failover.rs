//! Failover in the simulated world. Names in capitals are the rows of the fault matrix and the seed
//! behaviours that a test stands for.

use std::pin::pin;
use std::task::Poll;

use warmspare_act::failover_promotion::answer;
use warmspare_act::ports::ApplianceMode;
use warmspare_decide::journal::{Debt, Progress};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::plan::TlsPin;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;

use crate::tries::{Dice, killed_everywhere, late_everywhere, mixed, seeds, troubled_everywhere};
use crate::world::promises::newest_term;
use crate::world::{Run, Trouble, World, finish, poll_once};

pub(crate) const PLAN: &str = include_str!("failover_plan.toml");
pub(crate) const ALARM: &[u8] =
    br#"{"source":"aws.cloudwatch","detail-type":"CloudWatch Alarm State Change",
    "detail":{"alarmName":"warmspare-primary-controller","state":{"value":"ALARM"}}}"#;
pub(crate) const TICK: &[u8] = br#"{"action":"tick"}"#;
pub(crate) const BY_HAND: &[u8] =
    br#"{"system":"controller","action":"failover","reason":"east burns"}"#;

/// More ticks than any failover here needs.
const TICKS_MAX: u32 = 30;

pub(crate) fn calm(plan: &str) -> World {
    let world = World::new();
    world.put("plans/controller.toml", plan.as_bytes());
    world.put("receipts/controller/2026-11-20T12-00-00Z/verified.json", b"{}");
    world
}

pub(crate) fn lost() -> World {
    let world = calm(PLAN);
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world
}

pub(crate) fn alarm(world: &World) -> Outcome {
    finish(answer(&world.run(), ALARM)).unwrap()
}

/// Ticks until nothing is under way, a minute apart; a fault of one tick is the next one's to mend.
pub(crate) fn tick_until_over(world: &World) -> Progress {
    for _tick in 0..TICKS_MAX {
        world.pass(60);
        let _recorded_by_the_runtime = finish(answer(&world.run(), TICK));
        let newest = newest_term(&world.state());
        if newest.as_ref().is_some_and(|progress| progress.end.is_some()) {
            return newest.unwrap();
        }
    }
    panic!("the failover did not end: {:?}", newest_term(&world.state()));
}

pub(crate) fn assert_failed_over(world: &World, during: &str) {
    world.assert_promises(during);
    let state = world.state();
    let progress = newest_term(&state).unwrap();
    assert!(progress.end.is_some_and(|end| end.completed), "{during}: not completed");
    assert_eq!(state.sites.leads_to(), ["203.0.113.20"], "{during}");
    assert_eq!(state.sites.by_name["west"].mode, ApplianceMode::Production, "{during}");
    assert!(state.sites.databases["controller-db-west"].is_writer(), "{during}");
    assert_eq!((state.sites.promotions, state.sites.moves), (1, 1), "{during}: one failover");
    assert_eq!(progress.term.0, 1, "{during}");
}

pub(crate) fn refusal(world: &World, event: &[u8]) -> Refusal {
    match finish(answer(&world.run(), event)).unwrap() {
        Outcome::Refused(refusal) => refusal,
        other => panic!("not refused: {other}"),
    }
}

/// FF10: nothing of the old site answers, and nothing waits for it longer than a look takes.
#[test]
fn a_lost_site_is_failed_over_in_one_run_and_reported_with_its_numbers() {
    let world = lost();
    let Outcome::Done(sentence) = alarm(&world) else { panic!("not done") };
    assert_failed_over(&world, "calm");
    assert!(sentence.contains("west took over from east"), "{sentence}");
    assert!(sentence.contains("the database loses at most 2 s"), "{sentence}");
    let state = world.state();
    let happenings: Vec<_> = state.announcements.iter().map(|a| a.happening).collect();
    assert_eq!(happenings.first(), Some(&Happening::FailoverStarted));
    assert_eq!(happenings.last(), Some(&Happening::FailoverCompleted));
    assert_eq!(happenings.iter().filter(|h| **h == Happening::FailoverStep).count(), 6);
    let progress = newest_term(&state).unwrap();
    assert_eq!(progress.debts, [Debt::Appliance, Debt::Database]);
}

fn end(world: &World, during: &str) {
    if newest_term(&world.state()).is_none() {
        alarm(world);
    }
    tick_until_over(world);
    assert_failed_over(world, during);
}

/// FA13, FF1: every change fails before and after, and the ticks go on from the journal.
#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_change_leads_to_the_same_end() {
    let troubles = |n| [Trouble::Before(n), Trouble::After(n), Trouble::Late(n, 7)];
    troubled_everywhere("a failover", lost, ALARM, troubles, end);
}

/// FA6, FF1: the run is killed at every call, and the ticks go on from the journal.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_end() {
    killed_everywhere("a failover", lost, ALARM, end);
}

/// A tick of one system goes on with that one, and says so when there is nothing or no such system.
#[test]
fn a_tick_can_be_of_one_system() {
    let world = lost();
    {
        let run = world.run().stopping_at(20);
        let mut killed = pin!(answer(&run, ALARM));
        assert!(poll_once(killed.as_mut()).is_pending());
    }
    world.pass(60);
    let of = |system: &str| {
        let event = format!(r#"{{"action":"tick","system":"{system}"}}"#);
        finish(answer(&world.run(), event.as_bytes())).unwrap()
    };
    let refused = of("stranger");
    assert!(matches!(&refused, Outcome::Refused(why) if why.to_string().contains("stranger")));
    assert!(newest_term(&world.state()).unwrap().end.is_none(), "{refused}");
    assert!(matches!(of("controller"), Outcome::Done(_)));
    assert_failed_over(&world, "gone on with by its own tick");
    world.set().sites.alarm = Seen::Absent;
    world.put("plans/idle.toml", PLAN.replace("\"controller\"", "\"idle\"").as_bytes());
    let idle = of("idle").to_string();
    assert!(idle.contains("no failover of idle"), "{idle}");
}

/// FF3: the run sleeps at every call while ticks finish the failover, then wakes: no further effect.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_does_no_harm() {
    late_everywhere("a failover", lost, ALARM, |world, during| {
        end(world, during);
        let said: Vec<_> = world.state().announcements.iter().map(|a| a.happening).collect();
        assert!(!said.contains(&Happening::FailoverFailed), "{during}: {said:?}");
    });
}

/// FA1, FF2: twenty duplicates, interleaved at every distance: one failover, one answer each.
#[test]
fn twenty_alarms_at_once_are_one_failover() {
    for stagger in [1, 2, 3, 5, 8, 13, 21] {
        let world = lost();
        let runs: Vec<Run<'_>> =
            (0..20).map(|i| world.run().stopping_at(i * stagger % 40)).collect();
        let mut futures: Vec<_> = runs.iter().map(|run| Box::pin(answer(run, ALARM))).collect();
        let mut answers = 0;
        let mut open: Vec<usize> = Vec::new();
        for (i, future) in futures.iter_mut().enumerate() {
            match poll_once(future.as_mut()) {
                Poll::Ready(answer) => answers += u32::from(answer.is_ok()),
                Poll::Pending => open.push(i),
            }
        }
        for i in open {
            runs[i].wake();
            let Poll::Ready(answer) = poll_once(futures[i].as_mut()) else { panic!("stuck") };
            answers += u32::from(answer.is_ok());
        }
        if newest_term(&world.state()).unwrap().end.is_none() {
            tick_until_over(&world);
        }
        assert_eq!(answers, 20, "stagger {stagger}: each is recorded");
        assert_failed_over(&world, &format!("stagger {stagger}"));
    }
}

/// FF5, I11: the old site comes back at any moment, with or without an answer lost on the way. Either
/// it is given back as it was, or the failover is gone through.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_primary_that_returns_is_given_back_or_left_for_good() {
    let calm = lost();
    let run = calm.run();
    finish(answer(&run, ALARM)).unwrap();
    let (mut abandoned, mut completed) = (0, 0);
    for n in 0..run.calls() {
        for trouble in [None, Some(1), Some(2), Some(3), Some(4), Some(5)] {
            let during = format!("returned at call {n}, answer {trouble:?} lost");
            let world = lost();
            {
                let mut run = world.run().stopping_at(n);
                if let Some(change) = trouble {
                    run = run.meeting(Trouble::After(change));
                }
                let mut stopped = pin!(answer(&run, ALARM));
                // With an answer lost the run may have ended before call n: the ticks go on.
                let is_stopped = poll_once(stopped.as_mut()).is_pending();
                world.set().sites.site("east").lost = false;
                run.wake();
                if is_stopped {
                    let _outcome = poll_once(stopped.as_mut());
                }
            }
            match given_back_or_left(&world, &during) {
                Some(true) => completed += 1,
                Some(false) => abandoned += 1,
                None => {}
            }
        }
    }
    assert!(abandoned > 0 && completed > 0, "{abandoned} abandoned, {completed} completed");
}

/// Whether the failover was completed, if it began; asserts that there is no third state.
fn given_back_or_left(world: &World, during: &str) -> Option<bool> {
    let has_begun = newest_term(&world.state()).is_some();
    let end = if has_begun { tick_until_over(world).end } else { None };
    world.assert_promises(during);
    if end.as_ref().is_some_and(|end| end.completed) {
        assert_failed_over(world, during);
    } else {
        let state = world.state();
        assert_eq!(state.sites.leads_to(), ["203.0.113.10"], "{during}");
        assert_eq!(state.sites.by_name["east"].mode, ApplianceMode::Production, "{during}");
        assert_eq!(state.sites.by_name["west"].mode, ApplianceMode::Standby, "{during}");
        assert_eq!(state.sites.promotions, 0, "{during}");
    }
    end.map(|end| end.completed)
}

/// FF3, FF5: a run sleeps while another one abandons the failover; when it wakes it promotes nothing.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_after_the_way_back_was_taken_goes_no_further() {
    let calm = lost();
    let run = calm.run();
    finish(answer(&run, ALARM)).unwrap();
    let mut abandoned = 0;
    for n in 0..run.calls() {
        let during = format!("asleep at call {n}");
        let world = lost();
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, ALARM));
        assert!(poll_once(late.as_mut()).is_pending(), "{during}");
        if newest_term(&world.state()).is_none() {
            continue;
        }
        world.set().sites.site("east").lost = false;
        // As late as an invocation can be: longer than that it does not live.
        for _tick in 0..2 {
            world.pass(60);
            let _recorded_by_the_runtime = finish(answer(&world.run(), TICK));
        }
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready(), "{during}");
        let end = tick_until_over(&world).end.unwrap();
        world.assert_promises(&during);
        if !end.completed {
            abandoned += 1;
            assert_eq!(given_back_or_left(&world, &during), Some(false), "{during}");
        }
    }
    assert!(abandoned > 0);
}

/// E21, FF11: the fence is owed until the old site is back, and then it is paid.
#[test]
fn a_fence_that_could_not_be_confirmed_is_paid_when_the_old_site_returns() {
    let world = lost();
    alarm(&world);
    world.pass(3600);
    let Ok(Outcome::Waiting(sentence)) = finish(answer(&world.run(), TICK)) else { panic!() };
    assert!(sentence.contains("still owes"), "{sentence}");
    world.set().sites.site("east").lost = false;
    for _tick in 0..3 {
        world.pass(60);
        finish(answer(&world.run(), TICK)).unwrap();
    }
    let state = world.state();
    assert_eq!(state.sites.by_name["east"].mode, ApplianceMode::Standby);
    assert_eq!(state.sites.databases["controller-db"].status, "stopped");
    assert_eq!(newest_term(&state).unwrap().debts, []);
    let paid = state.announcements.iter().filter(|a| a.happening == Happening::FencePaid).count();
    assert_eq!(paid, 2);
    assert_eq!(state.sites.leads_to(), ["203.0.113.20"], "DNS is unmoved");
}

/// P2: where the plan demands a confirmed fence, an unreachable primary keeps the standby waiting.
#[test]
fn a_demanded_fence_is_waited_for_and_nothing_is_promoted_before_it() {
    let world = calm(&PLAN.replace("fence = \"attempted\"", "fence = \"confirmed\""));
    let now = world.state().now;
    world.set().sites.lose_home(now);
    let refused = refusal(&world, ALARM);
    assert!(matches!(refused, Refusal::FenceUnconfirmed { .. }), "{refused}");
    world.pass(600);
    let refused = finish(answer(&world.run(), TICK)).unwrap().to_string();
    assert!(refused.contains("could not be fenced in 6"), "{refused}");
    assert_eq!(world.state().sites.promotions, 0);
    world.assert_promises("demanded fence");
    // Its appliance answers again, but it is not well on enough paths: the fence is accepted.
    world.set().sites.site("east").lost = false;
    world.set().sites.site("east").healthy_at = now + jiff::SignedDuration::from_hours(9);
    tick_until_over(&world);
    assert_failed_over(&world, "confirmed fence");
    assert_eq!(world.state().sites.by_name["east"].mode, ApplianceMode::Standby);
}

/// An appliance that answers 500 is there, and may still write: it is neither down nor fenced.
#[test]
fn an_old_appliance_that_answers_500_is_not_unreachable() {
    let world = lost();
    {
        let run = world.run();
        let mut stopped = pin!(answer(&run, ALARM));
        world.set().sites.site("east").lost = false;
        world.set().sites.site("east").ill = true;
        let _ = poll_once(stopped.as_mut());
    }
    assert!(newest_term(&world.state()).is_none(), "unknown signals do not begin a failover");
}

/// FF9: Route 53's control plane does not answer for an hour; everything else is done meanwhile.
#[test]
fn without_route_53_the_rest_is_done_and_the_records_are_moved_when_it_answers() {
    let world = lost();
    world.set().sites.dns_answers = false;
    let Outcome::Waiting(sentence) = alarm(&world) else { panic!("not waiting") };
    assert!(sentence.contains("Route 53 could not be asked"), "{sentence}");
    for _tick in 0..60 {
        world.pass(60);
        finish(answer(&world.run(), TICK)).unwrap();
    }
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.10"]);
    world.set().sites.dns_answers = true;
    tick_until_over(&world);
    assert_failed_over(&world, "after an hour");
}

/// Mixtures of everything: kills, lost answers, late wake-ups, a primary that comes and goes, Route 53
/// that does not answer. `WARMSPARE_SEED` replays one.
#[test]
#[ignore = "optimised: cargo prove"]
fn mixtures_of_troubles_keep_every_promise() {
    let seeds = seeds(300);
    let is_replay = seeds.clone().count() == 1;
    let (mut completed, mut others) = (0, 0);
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let world = lost();
        for _event in 0..12 {
            let event = if dice.below(4) == 0 { ALARM } else { TICK };
            mixed(&world, &mut dice, event, TICK);
            match dice.below(8) {
                0 => world.set().sites.site("east").lost = false,
                1 => world.set().sites.site("east").lost = true,
                2 => world.set().sites.dns_answers = false,
                _ => world.set().sites.dns_answers = true,
            }
            world.pass(u64::try_from(dice.below(120)).unwrap());
            world.assert_promises(&format!("seed {seed}"));
        }
        let is_completed = newest_term(&world.state())
            .is_some_and(|progress| progress.end.is_some_and(|end| end.completed));
        if is_completed { completed += 1 } else { others += 1 }
    }
    println!("{completed} mixtures were completed, {others} were not (yet)");
    assert!(is_replay || completed > 100, "the mixtures are too harsh to prove anything");
}

/// A pin is a value, not a text: two plans that differ in it are two plans.
#[test]
fn the_plan_of_these_tests_is_read_without_a_problem() {
    let plan = warmspare_act::plan_text::parse(PLAN).unwrap();
    assert_eq!(plan.home.appliance.endpoint().tls_pin, None::<TlsPin>);
    assert_eq!(plan.away.name.as_str(), "west");
}
