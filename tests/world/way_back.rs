//! A site that comes and goes: it came back before anything was promoted, and was gone again before it
//! could be told to be production. It is told so when it is back, and never in the middle of the next
//! failover.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::health_probe;
use warmspare_act::ports::ApplianceMode;
use warmspare_decide::journal::{Debt, Progress, Step};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::failover::{ALARM, PLAN, refusal};
use crate::hand::{TICK_OF, lost_under, tick_of_until_over};
use crate::planned::SWITCHOVER;
use crate::tries::everywhere;
use crate::world::promises::newest_term;
use crate::world::{Trouble, World, finish, poll_once};

const ABORT: &[u8] = br#"{"system":"controller","action":"abort","reason":"it burns less"}"#;
const STATUS: &[u8] = br#"{"system":"controller","action":"status","reason":"where are we"}"#;
const COOLDOWN_S: u64 = 1_800;

fn replicates(world: &World, normal: bool) {
    let mut state = world.set();
    let replica = state.sites.databases.get_mut("controller-db-west").unwrap();
    let replication = replica.replication.as_mut().unwrap();
    replication.normal = normal;
    replication.status = if normal { "replicating" } else { "error" }.to_owned();
}

/// Its fence is demanded and was accepted, and the answer to it was lost.
fn fenced() -> World {
    let world = lost_under(&PLAN.replace("fence = \"attempted\"", "fence = \"confirmed\""));
    assert!(matches!(refusal(&world, ALARM), Refusal::FenceUnconfirmed { .. }));
    world.set().sites.site("east").mode = ApplianceMode::Standby;
    world
}

/// It came back, could not be told to be production, and is gone for good: the failover is given up.
fn given_up() -> World {
    let world = fenced();
    world.set().sites.site("east").lost = false;
    world.set().sites.site("east").deaf = true;
    replicates(&world, true);
    world.pass(60);
    let waits = finish(answer(&world.run(), TICK_OF)).unwrap().to_string();
    assert!(waits.contains("is to be production again"), "{waits}");
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world.set().sites.site("east").deaf = false;
    let given_up = tick_of_until_over(&world, "gone again");
    assert_eq!(given_up.debts, [Debt::Mode]);
    assert_eq!(world.state().sites.by_name["east"].mode, ApplianceMode::Standby);
    world
}

fn returned() -> World {
    let world = given_up();
    world.set().sites.site("east").lost = false;
    replicates(&world, true);
    world
}

fn newest(world: &World) -> Progress {
    newest_term(&world.state()).unwrap()
}

fn end_given_back(world: &World, during: &str) {
    for _tick in 0..3 {
        world.pass(60);
        let _recorded_by_the_runtime = finish(answer(&world.run(), TICK_OF));
    }
    world.assert_promises(during);
    assert_eq!(newest(world).debts, [], "{during}");
    let state = world.state();
    assert_eq!(state.sites.by_name["east"].mode, ApplianceMode::Production, "{during}");
    assert_eq!(state.sites.by_name["west"].mode, ApplianceMode::Standby, "{during}");
    assert_eq!((state.sites.promotions, state.sites.moves), (0, 0), "{during}");
    assert_eq!(newest_term(&state).unwrap().term.0, 1, "{during}");
}

/// FF5, I11: what the old site is owed is seen in the status and in the metrics, and is paid when it is
/// back.
#[test]
fn a_site_that_comes_and_goes_is_given_back_its_mode_when_it_stays() {
    let world = given_up();
    let status = finish(answer(&world.run(), STATUS)).unwrap().to_string();
    assert!(status.contains("owed: the old site given back its mode"), "{status}");
    let probe = br#"{"action":"probe","system":"controller"}"#;
    let probed = finish(health_probe::answer(&world.run(), probe)).unwrap().to_string();
    assert!(probed.contains("FenceDebt 1"), "{probed}");
    world.pass(60);
    let cool = refusal(&world, TICK_OF);
    assert!(matches!(cool, Refusal::Cooldown { .. }), "the alarm asks all the same: {cool}");
    world.set().sites.alarm = warmspare_decide::seen::Seen::Absent;
    let owing = finish(answer(&world.run(), TICK_OF)).unwrap();
    assert!(
        matches!(&owing, Outcome::Waiting(why) if why.contains("term 1 still owes")),
        "{owing}"
    );
    world.set().sites.site("east").lost = false;
    replicates(&world, true);
    world.pass(60);
    let paid = finish(answer(&world.run(), TICK_OF)).unwrap();
    assert!(matches!(&paid, Outcome::Done(said) if said.contains("owes nothing")), "{paid}");
    end_given_back(&world, "it is back");
    let said = world.state().announcements.iter().any(|told| {
        told.happening == Happening::FencePaid && told.reason.contains("to be production")
    });
    assert!(said, "P5");
    let status = finish(answer(&world.run(), STATUS)).unwrap().to_string();
    assert!(status.contains("owed: nothing"), "{status}");
}

/// FA6, FA13: whatever the payment meets, and wherever it dies or sleeps, the mode is given back.
#[test]
#[ignore = "optimised: cargo prove"]
fn giving_back_the_mode_meets_trouble_everywhere() {
    everywhere("give back", returned, TICK_OF, end_given_back);
}

/// An abort that could not tell the old site leaves the same debt.
#[test]
fn an_abort_that_told_nobody_is_made_good_when_the_site_is_back() {
    let world = fenced();
    finish(answer(&world.run(), ABORT)).unwrap();
    assert_eq!(tick_of_until_over(&world, "aborted").debts, [Debt::Mode]);
    world.set().sites.site("east").lost = false;
    replicates(&world, true);
    end_given_back(&world, "aborted, and back");
}

/// FF14: a person who has moved the system by hand has moved its records: the site is left as it is.
#[test]
fn a_site_whose_records_lead_elsewhere_is_not_told_to_be_production() {
    let world = returned();
    world.set().sites.edit("192.0.2.99");
    for dns_answers in [false, true] {
        world.set().sites.dns_answers = dns_answers;
        world.pass(60);
        let _refused = refusal(&world, TICK_OF);
        assert_eq!(world.state().sites.by_name["east"].mode, ApplianceMode::Standby);
        assert_eq!(newest(&world).debts, [Debt::Mode]);
    }
    world.set().sites.undo_edit();
    end_given_back(&world, "put back");
}

/// A planned move waits until it is known in which mode the active site is.
#[test]
fn a_planned_move_waits_for_what_is_owed() {
    let world = returned();
    world.pass(COOLDOWN_S);
    let refused = refusal(&world, SWITCHOVER);
    assert!(matches!(refused, Refusal::FenceOwed { .. }), "{refused}");
    assert!(refused.to_string().contains("the old site given back its mode"), "{refused}");
}

/// A failover that begins while the mode is owed takes that over: a site that is back before it was told
/// anything by this one is given its mode all the same.
#[test]
fn the_next_failover_gives_back_what_the_last_one_owed() {
    let world = given_up();
    world.pass(COOLDOWN_S);
    {
        let run = world.run().stopping_before(2);
        let mut stopped = pin!(answer(&run, ALARM));
        assert!(poll_once(stopped.as_mut()).is_pending());
    }
    let begun = newest(&world);
    assert!(begun.term.0 == 2 && begun.intended.is_none() && begun.has_inherited(), "{begun:?}");
    world.set().sites.site("east").lost = false;
    replicates(&world, true);
    let end = tick_of_until_over(&world, "taken over");
    world.assert_promises("taken over");
    assert_eq!(end.debts, []);
    assert!(end.first_intended_at.iter().any(|(step, _)| *step == Step::Unfence));
    assert_eq!(world.state().sites.by_name["east"].mode, ApplianceMode::Production);
}

/// FF3, P2: a run that pays what the last failover owed sleeps before it tells the site, or its call is
/// on its way, while the next failover fences the site. What it tells arrives before the fence counts.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_late_payment_does_not_reach_into_the_next_failover() {
    let (mut reached, mut completed, mut given_back) = (0, 0, 0);
    let cool = given_up();
    cool.pass(COOLDOWN_S);
    for m in 15..45 {
        for (late_s, unseen) in [(None, true), (Some(60), true), (Some(170), true), (None, false)] {
            let during = format!("driven to call {m}, paid late by {late_s:?}, unseen: {unseen}");
            let world = cool.copied();
            let payer = match late_s {
                Some(seconds) => world.run().meeting(Trouble::Late(0, seconds)).stopping_before(1),
                None => world.run().stopping_before(0),
            };
            let mut paying = pin!(answer(&payer, TICK_OF));
            assert!(poll_once(paying.as_mut()).is_pending(), "{during}");
            let driver = world.run().stopping_at(m);
            let mut driving = pin!(answer(&driver, ALARM));
            let is_stopped = poll_once(driving.as_mut()).is_pending();
            if newest(&world).term.0 == 1 {
                continue;
            }
            // Its appliance answers again, and nobody can tell how it is; or it is well once it is told.
            let later = world.state().now + jiff::SignedDuration::from_hours(9);
            world.set().sites.site("east").lost = false;
            world.set().sites.site("east").healthy_at = later;
            world.set().sites.site("east").unseen = unseen;
            if is_stopped {
                driver.wake();
                assert!(poll_once(driving.as_mut()).is_ready(), "{during}");
            }
            if !payer.is_over() {
                payer.wake();
                let _late = poll_once(paying.as_mut());
                reached += 1;
            }
            let end = tick_of_until_over(&world, &during).end.unwrap();
            world.assert_promises(&during);
            let state = world.state();
            let east = state.sites.by_name["east"].mode;
            let moved = (state.sites.promotions, state.sites.moves);
            if end.completed {
                completed += 1;
                assert_eq!((east, moved), (ApplianceMode::Standby, (1, 1)), "{during}");
            } else {
                // What was paid has made it well, and nothing was promoted yet.
                given_back += 1;
                assert_eq!((east, moved), (ApplianceMode::Production, (0, 0)), "{during}");
            }
        }
    }
    println!("{reached} late payments: {completed} completed, {given_back} given back");
    assert!(reached > 0 && completed > 0 && given_back > 0, "no payment was late");
}
