//! Giving a failover up: before the first promotion it goes back, after it is refused, and no
//! interleaving leads to both.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::ports::ApplianceMode;
use warmspare_decide::journal::Step;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::failover::{ALARM, PLAN, assert_failed_over, lost, refusal};
use crate::hand::{acknowledge, lost_under, tick_of_until_over};
use crate::tries::everywhere;
use crate::world::promises::newest_term;
use crate::world::{World, finish, poll_once};

const ABORT: &[u8] =
    br#"{"system":"controller","action":"abort","who":"Ada","reason":"it is back"}"#;

/// The old site answers its appliance's calls again, and none of its signals says that it is up.
fn half_back(world: &World) {
    let later = world.state().now + jiff::SignedDuration::from_hours(9);
    world.set().sites.site("east").lost = false;
    world.set().sites.site("east").healthy_at = later;
}

/// Begun, and waiting for a fence that the plan demands and that cannot be confirmed.
fn waiting() -> World {
    let world = lost_under(&PLAN.replace("fence = \"attempted\"", "fence = \"confirmed\""));
    assert!(matches!(refusal(&world, ALARM), Refusal::FenceUnconfirmed { .. }));
    world
}

fn assert_given_back(world: &World, during: &str) {
    world.assert_promises(during);
    let state = world.state();
    let progress = newest_term(&state).unwrap();
    assert!(progress.end.as_ref().is_some_and(|end| !end.completed), "{during}");
    assert!(progress.abort.is_some(), "{during}");
    assert_eq!(state.sites.leads_to(), ["203.0.113.10"], "{during}");
    assert_eq!(state.sites.by_name["east"].mode, ApplianceMode::Production, "{during}");
    assert_eq!(state.sites.by_name["west"].mode, ApplianceMode::Standby, "{during}");
    assert_eq!((state.sites.promotions, state.sites.moves), (0, 0), "{during}: P2");
    let told = state.announcements.iter().filter(|told| told.reason.contains("Ada has aborted"));
    assert_eq!(
        told.map(|told| told.happening).collect::<Vec<_>>().last(),
        Some(&Happening::FailoverRefused),
        "{during}"
    );
}

fn end_given_back(world: &World, during: &str) {
    if newest_term(&world.state()).is_some_and(|progress| progress.abort.is_none()) {
        let _outcome = finish(answer(&world.run(), ABORT));
    }
    tick_of_until_over(world, during);
    assert_given_back(world, during);
}

/// FF5: the site that was told to be standby is told to be production, and told so until no late fence
/// can arrive; a site that stays away is said to be so.
#[test]
fn an_abort_before_any_promotion_gives_the_site_back() {
    let world = waiting();
    half_back(&world);
    let begun = finish(answer(&world.run(), ABORT)).unwrap();
    assert!(matches!(&begun, Outcome::Waiting(why) if why.contains("aborted")), "{begun}");
    tick_of_until_over(&world, "half back");
    assert_given_back(&world, "half back");
    let told = world.state().announcements.last().unwrap().reason.clone();
    assert!(told.contains("it was told to be production again"), "{told}");

    let world = waiting();
    let begun = finish(answer(&world.run(), ABORT)).unwrap();
    assert!(begun.to_string().contains("cannot be reached"), "{begun}");
    tick_of_until_over(&world, "stays away");
    assert_given_back(&world, "stays away");
    let told = world.state().announcements.last().unwrap().reason.clone();
    assert!(told.contains("could not be told to be production again"), "{told}");
}

/// FF13: whatever the abort meets, and wherever it dies, it is asked for at most once and carried out.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_abort_meets_trouble_everywhere() {
    let back = || {
        let world = waiting();
        half_back(&world);
        world
    };
    everywhere("abort, half back", back, ABORT, end_given_back);
    everywhere("abort, away", waiting, ABORT, end_given_back);
}

/// The driving run sleeps at every call while the abort is asked for: either it was in time, and nothing
/// is promoted, or it was refused, and the failover is gone through. Never both.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_abort_at_any_call_is_in_time_or_refused() {
    let calls = {
        let world = lost();
        let run = world.run();
        finish(answer(&run, ALARM)).unwrap();
        run.calls()
    };
    let (mut given_back, mut refused) = (0, 0);
    for n in 0..calls {
        for is_half_back in [false, true] {
            let during = format!("abort at call {n}, half back: {is_half_back}");
            let world = lost();
            let run = world.run().stopping_at(n);
            let mut driving = pin!(answer(&run, ALARM));
            assert!(poll_once(driving.as_mut()).is_pending(), "{during}");
            if is_half_back && newest_term(&world.state()).is_some() {
                half_back(&world);
            }
            let answered = finish(answer(&world.run(), ABORT)).unwrap();
            run.wake();
            assert!(poll_once(driving.as_mut()).is_ready(), "{during}");
            if newest_term(&world.state()).is_none() {
                continue;
            }
            tick_of_until_over(&world, &during);
            match answered {
                Outcome::Refused(Refusal::AbortTooLate { .. } | Refusal::NothingToAbort { .. }) => {
                    world.assert_promises(&during);
                    let progress = newest_term(&world.state()).unwrap();
                    assert!(progress.abort.is_none(), "{during}");
                    refused += 1;
                }
                Outcome::Waiting(_) | Outcome::Refused(Refusal::Aborted { .. }) => {
                    assert_given_back(&world, &during);
                    given_back += 1;
                }
                other => panic!("{during}: {other}"),
            }
        }
    }
    assert!(given_back > 0 && refused > 0, "{given_back} given back, {refused} refused");
    println!("{given_back} aborts in time, {refused} refused");
}

/// Both sleep: the driving run at every call, the abort at every call of its own, and the driving run is
/// the one that goes on first.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_abort_that_sleeps_while_the_failover_goes_on_is_in_time_or_refused() {
    let (calls, aborting) = {
        let world = lost();
        let run = world.run();
        finish(answer(&run, ALARM)).unwrap();
        let other = waiting();
        let abort = other.run();
        finish(answer(&abort, ABORT)).unwrap();
        (run.calls(), abort.calls())
    };
    let (mut given_back, mut completed) = (0, 0);
    'driving: for n in 0..calls {
        for m in 0..aborting {
            let during = format!("driving asleep at {n}, abort at {m}");
            let world = lost();
            let run = world.run().stopping_at(n);
            let mut driving = pin!(answer(&run, ALARM));
            assert!(poll_once(driving.as_mut()).is_pending(), "{during}");
            let Some(begun) = newest_term(&world.state()) else { break };
            // From here on every abort is too late; that is tried one call of the driving run after
            // the other above.
            if begun.past.len() > 1 {
                break 'driving;
            }
            let abort = world.run().stopping_at(m);
            let mut aborting = pin!(answer(&abort, ABORT));
            let is_asleep = poll_once(aborting.as_mut()).is_pending();
            run.wake();
            assert!(poll_once(driving.as_mut()).is_ready(), "{during}");
            abort.wake();
            if is_asleep {
                assert!(poll_once(aborting.as_mut()).is_ready(), "{during}");
            }
            let end = newest_term(&world.state()).unwrap().end;
            let end = match end {
                Some(end) => end,
                None => tick_of_until_over(&world, &during).end.unwrap(),
            };
            if end.completed {
                world.assert_promises(&during);
                assert_eq!(world.state().sites.leads_to(), ["203.0.113.20"], "{during}");
                completed += 1;
            } else {
                assert_given_back(&world, &during);
                given_back += 1;
            }
        }
    }
    assert!(given_back > 0 && completed > 0, "{given_back} given back, {completed} completed");
    println!("{given_back} given back, {completed} completed");
}

/// From the intention of a promotion on it only goes forward, and the refusal says since when.
#[test]
fn an_abort_after_a_promotion_was_intended_is_refused() {
    let world = lost();
    world.set().sites.dns_answers = false;
    finish(answer(&world.run(), ALARM)).unwrap();
    let refused = refusal(&world, ABORT);
    let Refusal::AbortTooLate { term, step, .. } = &refused else { panic!("{refused}") };
    assert_eq!((term.0, step.as_str()), (1, Step::PromoteDatabase.words()));
    assert!(refused.to_string().contains("it is back"), "{refused}");
    world.set().sites.dns_answers = true;
    tick_of_until_over(&world, "too late");
    assert_failed_over(&world, "too late");
    let refused = refusal(&world, ABORT);
    assert!(refused.to_string().contains("term 1 was completed at"), "{refused}");
}

#[test]
fn with_nothing_under_way_there_is_nothing_to_abort() {
    let world = lost();
    let refused = refusal(&world, ABORT);
    assert!(matches!(refused, Refusal::NothingToAbort { .. }), "{refused}");
    assert!(refused.to_string().contains("there was none yet"), "{refused}");
}

/// FF12: what was approved for the failover that was aborted does not begin the next one.
#[test]
fn an_approval_is_used_up_by_the_failover_that_was_aborted() {
    let plan = PLAN
        .replace("\"automatic\"", "\"approve\"")
        .replace("fence = \"attempted\"", "fence = \"confirmed\"");
    let world = lost_under(&plan);
    acknowledge(&world, 1, "approval-missing");
    assert!(matches!(refusal(&world, ALARM), Refusal::FenceUnconfirmed { .. }));
    finish(answer(&world.run(), ABORT)).unwrap();
    tick_of_until_over(&world, "approved and aborted");
    assert_given_back(&world, "approved and aborted");
    world.pass(1_800);
    let refused = refusal(&world, ALARM);
    let Refusal::ApprovalMissing { key, .. } = &refused else { panic!("{refused}") };
    assert_eq!(key, "acknowledgements/controller/000002/approval-missing.json");
}
