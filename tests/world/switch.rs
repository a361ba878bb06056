//! The method `health-check` in the simulated world: clients are led by an alarm of the recovery region,
//! and Route 53's control plane is not needed. Names in capitals are the rows of the fault matrix and
//! the invariants that a test stands for.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::health_probe;
use warmspare_decide::dns::RecordSet;
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::journal::Progress;
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::switch::Switch;

use crate::failover::{ALARM, PLAN, TICK, alarm, calm, refusal};
use crate::planned::{SWITCHOVER, failback};
use crate::tries::{Dice, killed_everywhere, late_everywhere, seeds, troubled_everywhere};
use crate::world::promises::newest_term;
use crate::world::records::{led_by_health_check, pair};
use crate::world::{Bent, Run, Trouble, World, finish, poll_once};

const PROBE: &[u8] = br#"{"action":"probe","system":"controller"}"#;
const HOME: &str = "203.0.113.10";
const AWAY: &str = "203.0.113.20";
/// More minutes than any move here needs.
const MINUTES_MAX: u32 = 60;

fn plan() -> String {
    led_by_health_check(PLAN)
}

/// All is well, and the probe has published for some minutes that home is active.
pub(crate) fn well() -> World {
    let world = calm(&plan());
    world.set().sites.zone = pair();
    for _minute in 0..3 {
        world.pass(60);
        probe(&world);
    }
    world
}

/// Home is lost, and Route 53's control plane with it.
pub(crate) fn lost() -> World {
    let world = well();
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world.set().sites.dns_answers = false;
    world
}

fn probe(world: &World) {
    let _recorded_by_the_runtime = finish(health_probe::answer(&world.run(), PROBE));
}

/// A minute passes: the probe looks, and the tick goes on.
fn minute(world: &World) {
    world.pass(60);
    probe(world);
    let _recorded_by_the_runtime = finish(answer(&world.run(), TICK));
}

fn end(world: &World) -> Progress {
    if newest_term(&world.state()).is_none() {
        alarm(world);
    }
    for _minute in 0..MINUTES_MAX {
        let newest = newest_term(&world.state()).unwrap();
        if newest.end.is_some() {
            return newest;
        }
        minute(world);
    }
    panic!("the move did not end: {:?}", newest_term(&world.state()));
}

fn switch(world: &World) -> Option<(u32, String)> {
    let state = world.state();
    let versions = state.objects.get("failovers/controller/switch.json")?;
    let switch: Switch = serde_json::from_slice(&versions.last()?.body).unwrap();
    Some((switch.term.0, switch.site.to_string()))
}

/// One failover, one turn of the switch, one flip of the health check, and nothing asked of Route 53.
fn assert_led(world: &World, during: &str) {
    world.assert_promises(during);
    let progress = newest_term(&world.state()).unwrap();
    assert!(progress.end.is_some_and(|end| end.completed), "{during}: not completed");
    assert_eq!(switch(world), Some((1, "west".to_owned())), "{during}");
    let state = world.state();
    assert_eq!(state.sites.leads_to(), [AWAY], "{during}");
    assert_eq!((state.sites.promotions, state.sites.moves), (1, 1), "{during}: one failover");
    assert_eq!(state.sites.zone, pair(), "{during}: the records are left alone");
    assert_eq!(state.sites.route53.batches, 0, "{during}");
}

/// FF9, I14, P7: the control plane is silent from before the loss until long after, and the failover is
/// completed. It is asked once, before anything begins, and that it says nothing holds up nothing.
#[test]
fn a_failover_needs_nothing_of_the_control_plane() {
    let world = lost();
    alarm(&world);
    let asked = world.state().sites.route53.requests;
    assert_eq!(asked, 1, "the look before it begins");
    end(&world);
    assert_led(&world, "calm");
    for _minute in 0..60 {
        minute(&world);
    }
    assert_led(&world, "an hour later");
    assert_eq!(world.state().sites.route53.requests, asked);
    let told = world.state().announcements.iter().map(|a| a.reason.clone()).collect::<Vec<_>>();
    let says = |part: &str| told.iter().any(|reason| reason.contains(part));
    assert!(says("the switch leads to west under term 1"), "{told:?}");
    assert!(says("warmspare-away-controller, which the health check reads, leads to west"));
    // The plan's TTL, as nobody has seen that of the records.
    assert!(says("resolvers may answer the old records until"), "{told:?}");
}

/// FF9: by the other method the same hour is waited for, minute by minute, and each says for what; the
/// records move when Route 53 is back.
#[test]
fn a_failover_that_rewrites_records_waits_for_the_control_plane_and_says_so() {
    let world = calm(PLAN);
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world.set().sites.dns_answers = false;
    alarm(&world);
    for minute in 0..60 {
        world.pass(60);
        let outcome = finish(answer(&world.run(), TICK)).unwrap();
        let Outcome::Waiting(why) = &outcome else { panic!("minute {minute}: {outcome}") };
        assert!(why.contains("Route 53 could not be asked"), "minute {minute}: {why}");
    }
    world.assert_promises("an hour without Route 53");
    assert_eq!(world.state().sites.leads_to(), [HOME]);
    world.set().sites.dns_answers = true;
    let progress = crate::failover::tick_until_over(&world);
    assert!(progress.end.unwrap().completed);
    assert_eq!(world.state().sites.leads_to(), [AWAY]);
    world.assert_promises("when it is back");
}

fn end_led(world: &World, during: &str) {
    end(world);
    assert_led(world, during);
}

/// FA13, FF1: every change fails before and after, is denied or late; the ticks go on from the journal.
#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_change_leads_to_the_same_end() {
    let troubles =
        |n| [Trouble::Before(n), Trouble::After(n), Trouble::Denied(n), Trouble::Late(n, 90)];
    troubled_everywhere("a switch", lost, ALARM, troubles, end_led);
}

/// FA6, FF1: the run is killed at every call.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_end() {
    killed_everywhere("a switch", lost, ALARM, end_led);
}

/// FF3, I1: a run sleeps before any call and wakes up when the failover is over: nothing flips again.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_flips_nothing() {
    late_everywhere("a switch", lost, ALARM, |world, during| {
        end(world);
        for _minute in 0..3 {
            minute(world);
        }
        assert_led(world, during);
    });
}

/// Moved away, and home again: term 2. The run that stopped at call `n` sleeps through all of it.
fn there_and_back(world: &World) {
    end(world);
    world.set().sites.site("east").lost = false;
    let now = world.state().now;
    world.set().sites.site("east").healthy_at = now;
    for _minute in 0..4 {
        minute(world);
    }
    world.pass(1_800);
    for _minute in 0..2 {
        minute(world);
    }
    let ok = world.state().sites.alarm.clone().map(|mut alarm| {
        alarm.state = AlarmState::Ok;
        alarm
    });
    world.set().sites.alarm = ok;
    finish(answer(&world.run(), &failback(world))).unwrap();
    let progress = end(world);
    assert_eq!(progress.term.0, 2);
    assert!(progress.end.unwrap().completed, "home again");
}

fn assert_home(world: &World, during: &str) {
    world.assert_promises(during);
    assert_eq!(switch(world), Some((2, "east".to_owned())), "{during}");
    assert_eq!(world.state().sites.leads_to(), [HOME], "{during}");
    assert_eq!(world.state().sites.moves, 2, "{during}: there and back");
}

/// Failback flips it back, still without the control plane.
#[test]
fn the_way_home_turns_the_switch_and_the_health_check_back() {
    let world = lost();
    alarm(&world);
    there_and_back(&world);
    assert_home(&world, "calm");
    assert_eq!(world.state().sites.route53.batches, 0);
}

/// The calls of the first run around the turn: it may have read the switch and not turned it, or read it
/// and not published yet.
fn late_calls() -> std::ops::Range<usize> {
    let world = lost();
    let run = world.run().stopping_at(0);
    let mut turning = pin!(answer(&run, ALARM));
    while switch(&world).is_none() {
        assert!(poll_once(turning.as_mut()).is_pending(), "it turns the switch");
        run.step();
    }
    run.calls().saturating_sub(6)..run.calls() + 12
}

/// What a run of term 1 does in the middle of `there_and_back`, when it is woken after term 2.
fn woken_after_the_way_home(n: usize, bent: Option<Bent>) -> World {
    let world = lost();
    {
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, ALARM));
        assert!(poll_once(late.as_mut()).is_pending(), "call {n}");
        there_and_back(&world);
        world.set().bent = bent;
        run.begins_now();
        run.wake();
        let _late = poll_once(late.as_mut());
    }
    for _minute in 0..3 {
        minute(&world);
    }
    world
}

/// FF3, FF12, I1: a run of the first term wakes up after the second, at any call around the turn: what
/// it publishes is of a minute that is over, and what it would turn has been turned since.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_older_term_that_wakes_up_after_a_newer_one_does_no_harm() {
    for n in late_calls() {
        assert_home(&woken_after_the_way_home(n, None), &format!("woken at call {n}"));
    }
}

/// The same with either of the two things taken away on which that rests: it is found.
#[test]
#[ignore = "optimised: cargo prove"]
fn without_the_date_or_the_swap_a_late_run_leads_clients_astray() {
    for (bent, broken) in [
        (Bent::DatedOnArrival, "P3: the name leads to a standby"),
        (Bent::SwitchIsOverwritten, "I1: an older term acted"),
    ] {
        let found = late_calls().any(|n| {
            let world = woken_after_the_way_home(n, Some(bent));
            let found = world.state().broken.join("; ");
            found.contains(broken)
        });
        assert!(found, "{bent:?} was not found");
    }
}

/// The safe state: nobody publishes for an hour, before a failover and after it, and nothing flips.
#[test]
fn a_metric_that_is_not_published_any_more_leaves_clients_where_they_are() {
    let world = well();
    world.pass(3_600);
    assert_eq!(world.state().sites.leads_to(), [HOME]);
    let world = lost();
    alarm(&world);
    end(&world);
    world.pass(3_600);
    assert_led(&world, "an hour of silence");
    probe(&world);
    minute(&world);
    assert_led(&world, "and then the probe is back");
}

/// The driver publishes by itself: a probe that is dead costs nothing.
#[test]
fn a_failover_does_not_need_the_probe() {
    let world = lost();
    alarm(&world);
    for _tick in 0..10 {
        world.pass(60);
        finish(answer(&world.run(), TICK)).unwrap();
    }
    assert_led(&world, "without the probe");
}

/// And a driver that is dead after the turn costs nothing either: the probe publishes what the switch
/// says, and the next tick sees the alarm.
#[test]
fn the_probe_publishes_what_the_switch_says_when_the_driver_is_dead() {
    let world = lost();
    {
        let run = world.run().stopping_at(0);
        let mut died = pin!(answer(&run, ALARM));
        while switch(&world).is_none() {
            assert!(poll_once(died.as_mut()).is_pending(), "it turns the switch");
            run.step();
        }
    }
    assert_eq!(world.state().sites.leads_to(), [HOME]);
    for _minute in 0..2 {
        world.pass(60);
        probe(&world);
    }
    assert_eq!(world.state().sites.leads_to(), [AWAY]);
    end(&world);
    assert_led(&world, "the driver died");
}

/// I2, P3: the new site falls ill after its promotion; the switch is not turned until it is well.
#[test]
fn the_switch_waits_for_a_healthy_site() {
    let world = lost();
    {
        let run = world.run().stopping_at(0);
        let mut stopped = pin!(answer(&run, ALARM));
        let is_healthy = || {
            let newest = newest_term(&world.state());
            newest.is_some_and(|p| p.is_done(warmspare_decide::journal::Step::SeeHealthy))
        };
        while !is_healthy() {
            assert!(poll_once(stopped.as_mut()).is_pending(), "it is seen healthy");
            run.step();
        }
        world.set().sites.site("west").ill = true;
        run.wake();
        let outcome = finish(stopped).unwrap().to_string();
        assert!(outcome.contains("the new site is not healthy any more"), "{outcome}");
    }
    assert_eq!(switch(&world), None);
    world.set().sites.site("west").ill = false;
    end(&world);
    assert_led(&world, "well again");
}

/// FF14, FF16: where the control plane answers, a pair that is not as the plan says is refused before
/// anything begins, and left alone.
#[test]
fn records_that_are_not_the_pair_are_drift() {
    let edits: [(&str, fn(&mut Vec<RecordSet>)); 8] = [
        ("203.0.113.99 (failover PRIMARY as east", |sets| {
            sets[0].values = vec!["203.0.113.99".into()]
        }),
        ("203.0.113.10 (failover PRIMARY as east)", |sets| sets[0].health_check = None),
        ("health check other)", |sets| sets[0].health_check = Some("other".into())),
        ("health check other)", |sets| sets[1].health_check = Some("other".into())),
        ("203.0.113.99 (failover SECONDARY", |sets| sets[1].values = vec!["203.0.113.99".into()]),
        ("203.0.113.20 (failover SECONDARY as west)", |sets| drop(sets.remove(0))),
        ("nothing", |sets| sets.clear()),
        ("203.0.113.10", |sets| {
            sets.truncate(1);
            sets[0].routing = None;
        }),
    ];
    for (what, edit) in edits {
        let world = lost();
        world.set().sites.dns_answers = true;
        edit(&mut world.set().sites.zone);
        let Refusal::DnsDrift { found, wanted, .. } = refusal(&world, ALARM) else {
            panic!("{what}")
        };
        assert!(found.contains(what), "{what}: {found}");
        assert!(wanted.contains("failover"), "{wanted}");
        assert_eq!(switch(&world), None);
    }
}

/// A switchover out of a Region whose control plane is already silent: nothing of it is needed.
#[test]
fn a_planned_move_needs_the_alarm_and_not_the_control_plane() {
    let world = well();
    world.set().sites.dns_answers = false;
    finish(answer(&world.run(), SWITCHOVER)).unwrap();
    assert!(end(&world).end.unwrap().completed);
    assert_led(&world, "switchover");

    let world = well();
    world.set().sites.switch_alarm = Seen::Here(AlarmState::InsufficientData);
    let Refusal::RecordsUnknown { why } = refusal(&world, SWITCHOVER) else { panic!() };
    assert!(why.contains("INSUFFICIENT_DATA, which does not lead to east"), "{why}");
    world.set().sites.switch_alarm = Seen::Unknown("throttled".to_owned());
    let Refusal::RecordsUnknown { why } = refusal(&world, SWITCHOVER) else { panic!() };
    assert!(why.contains("could not be asked"), "{why}");
}

/// A failover waits for no alarm that cannot be asked: it is asked again when the switch is turned.
#[test]
fn an_alarm_that_is_not_known_refuses_no_failover() {
    let world = lost();
    world.set().sites.switch_alarm = Seen::Unknown("throttled".to_owned());
    let Outcome::Waiting(why) = alarm(&world) else { panic!("it waits for the alarm") };
    assert!(why.contains("CloudWatch could not be asked"), "{why}");
    world.set().sites.switch_alarm = Seen::Here(AlarmState::Ok);
    end(&world);
    assert_led(&world, "and then it answers");
}

/// I1: a switch that holds a term of the future means that a journal was lost.
#[test]
fn a_switch_of_a_later_term_is_left_alone() {
    let world = lost();
    let switch = br#"{"format":1,"system":"controller","term":7,"site":"east"}"#;
    world.put("failovers/controller/switch.json", switch);
    let Refusal::Superseded { term, newer } = refusal(&world, ALARM) else { panic!() };
    assert_eq!((term.0, newer.0), (1, 7));
}

/// Somebody deletes the switch between the turn and the alarm: it is turned again.
#[test]
fn a_switch_that_was_taken_away_is_turned_again() {
    let world = lost();
    {
        let run = world.run().stopping_at(0);
        let mut stopped = pin!(answer(&run, ALARM));
        while switch(&world).is_none() {
            assert!(poll_once(stopped.as_mut()).is_pending(), "it turns the switch");
            run.step();
        }
        world.remove("failovers/controller/switch.json");
        run.wake();
        finish(stopped).unwrap();
    }
    end(&world);
    assert_led(&world, "turned again");
}

/// A system that lives away by rewritten records gets this method: the probe leads nobody home.
#[test]
fn a_plan_that_changes_its_method_away_from_home_keeps_its_clients() {
    let world = crate::failover::lost();
    alarm(&world);
    world.put("plans/controller.toml", plan().as_bytes());
    for _minute in 0..3 {
        world.pass(60);
        probe(&world);
    }
    assert_eq!(world.state().sites.away.values().last(), Some(&1.0));
    world.assert_promises("method changed");
}

/// A plan that rewrites records publishes nothing for the switch.
#[test]
fn only_the_plan_that_has_a_switch_publishes_it() {
    let world = calm(PLAN);
    probe(&world);
    assert!(world.state().sites.away.is_empty());
    let world = calm(&plan());
    probe(&world);
    assert_eq!(world.state().sites.away.values().copied().collect::<Vec<_>>(), [0.0]);
}

/// A group merges batches, and here are none.
#[test]
fn a_group_has_nothing_to_merge() {
    let world = lost();
    let text = plan().replace("[objectives]", "group = \"coast\"\n[objectives]");
    world.put("plans/controller.toml", text.as_bytes());
    alarm(&world);
    end(&world);
    assert_led(&world, "in a group");
    assert!(!world.state().objects.keys().any(|key| key.starts_with("groups/")));
}

/// FF15: a rehearsal says what would happen, and changes nothing.
#[test]
fn a_rehearsal_says_that_the_switch_would_be_turned() {
    let world = lost();
    let run = world.run();
    let event = br#"{"system":"controller","action":"rehearse","reason":"r"}"#;
    let said = finish(answer(&run, event)).unwrap().to_string();
    assert!(said.contains("would turn the switch, over nothing"), "{said}");
    assert!(said.contains("until the alarm warmspare-away-controller leads to west"), "{said}");
    assert_eq!(run.changes(), 0);
    let status = br#"{"system":"controller","action":"status"}"#;
    let said = finish(answer(&world.run(), status)).unwrap().to_string();
    assert!(said.contains("the alarm warmspare-away-controller leads clients to east"), "{said}");
}

/// FA1, FF2: three runs and the probe at once, one call of one of them at a time, with clocks that
/// differ; some die.
#[test]
#[ignore = "optimised: cargo prove"]
fn mixtures_of_runs_and_probes_end_the_same() {
    for seed in seeds(40) {
        let mut dice = Dice::new(seed);
        let world = lost();
        {
            let skew = |n: usize| i64::try_from(n).unwrap() * 15 - 15;
            let runs: Vec<Run<'_>> = (0..4)
                .map(|n| world.run().skewed(skew(n % 3)).beside_others().stopping_at(0))
                .collect();
            let mut acts: Vec<Option<std::pin::Pin<Box<dyn Future<Output = _>>>>> = Vec::new();
            for (n, run) in runs.iter().enumerate() {
                acts.push(Some(if n == 3 {
                    Box::pin(health_probe::answer(run, PROBE))
                } else {
                    Box::pin(answer(run, ALARM))
                }));
            }
            for _turn in 0..3_000 {
                let n = dice.below(4);
                let Some(act) = acts[n].as_mut() else { continue };
                let is_over = poll_once(act.as_mut()).is_ready() || dice.below(200) == 0;
                runs[n].step();
                if is_over {
                    acts[n] = None;
                }
                if dice.below(4) == 0 {
                    world.pass(1);
                }
            }
        }
        end(&world);
        assert_led(&world, &format!("seed {seed}"));
    }
}
