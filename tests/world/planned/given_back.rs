//! Planned moves that are not carried through: the active site is given back, and nothing has moved.

use super::*;

/// P2: a planned move has no excuse: what cannot be fenced is given back, whatever the plan demands.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_active_site_that_does_not_accept_to_be_standby_is_given_back() {
    for scene in &SCENES {
        let from = if scene.to == HOME { "west" } else { "east" };
        let world = (scene.new)();
        let event = (scene.ask)(&world);
        world.set().sites.site(from).deaf = true;
        ask(&world, &event);
        for _tick in 0..20 {
            world.pass(60);
            let _recorded = finish(answer(&world.run(), TICK));
        }
        assert_eq!(world.state().sites.promotions, scene.term - 1);
        world.set().sites.site(from).deaf = false;
        tick_until_paid(&world);
        assert_given_back(&world, scene, "never fenced");
        let why = abandoned(&world);
        assert!(matches!(why, Refusal::FenceUnconfirmed { .. }), "{why}");
    }
}

/// A replica that does not catch up, or of which nobody knows, is waited for; then the way back is taken.
#[test]
fn a_replica_that_does_not_catch_up_is_not_promoted() {
    let table: [fn(&World); 2] =
        [|world| world.set().sites.behind_s = 3600.0, |world| world.set().sites.unmeasured = true];
    for stop in table {
        let world = calm(PLAN);
        let run = world.run().stopping_at(0);
        {
            let mut asked = pin!(answer(&run, SWITCHOVER));
            let is_fenced = || newest_term(&world.state()).is_some_and(|p| p.is_done(Step::Fence));
            while !is_fenced() {
                assert!(poll_once(asked.as_mut()).is_pending());
                run.step();
            }
            stop(&world);
            run.wake();
            let _outcome = poll_once(asked.as_mut());
        }
        assert_eq!(mode(&world, "east"), ApplianceMode::Standby);
        tick_until_over(&world);
        assert_given_back(&world, &SCENES[0], "not caught up");
        let why = abandoned(&world);
        assert!(matches!(why, Refusal::NotCaughtUp { waited_s_max: 900, .. }), "{why}");
    }
}

/// The request sleeps at every call while the abort is asked for, and wakes: either nothing moves and the
/// site is given back, or it was refused, and the move is gone through. Never both.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_abort_of_a_switchover_before_its_promotion_gives_the_site_back_and_moves_nothing() {
    let scene = &SCENES[0];
    let (mut untold, mut told, mut refused) = (0, 0, 0);
    for n in 0..count(&calm(PLAN), scene, |run| run.calls()) {
        let during = format!("abort at call {n}");
        let world = calm(PLAN);
        let run = world.run().stopping_at(n);
        let mut late = pin!(answer(&run, SWITCHOVER));
        if poll_once(late.as_mut()).is_ready() || newest_term(&world.state()).is_none() {
            continue;
        }
        let answered = ask(&world, ABORT);
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready(), "{during}");
        tick_until_paid(&world);
        if let Outcome::Refused(Refusal::AbortTooLate { .. } | Refusal::NothingToAbort { .. }) =
            answered
        {
            assert_moved(&world, scene, &during);
            refused += 1;
            continue;
        }
        assert_given_back(&world, scene, &during);
        assert_eq!((world.state().sites.moves, mode(&world, "west")), (0, ApplianceMode::Standby));
        match abandoned(&world) {
            Refusal::Aborted { who, told: said, .. } if said.contains("never told") => {
                assert_eq!(
                    (who.as_str(), mode(&world, "east")),
                    ("Ada", ApplianceMode::Production)
                );
                untold += 1;
            }
            Refusal::Aborted { told: said, .. } => {
                assert!(said.contains("told to be production again"), "{during}: {said}");
                told += 1;
            }
            why => panic!("{during}: {why}"),
        }
    }
    println!("{untold} aborts before the fence, {told} after it, {refused} refused");
    assert!(untold > 0 && told > 0 && refused > 0, "{untold}, {told}, {refused}");
}

/// While a replica is made nothing was told to anybody, so an abort ends it at once; after its fence it
/// goes the way back, and no run takes that for the way back of a replica that did not catch up.
#[test]
fn an_abort_is_met_while_a_replica_is_made_and_while_it_catches_up() {
    let world = returned();
    let event = failback(&world);
    ask(&world, &event);
    assert_eq!(newest_term(&world.state()).unwrap().intended, Some(Step::SeedDatabase));
    let why = refusal(&world, ABORT);
    assert!(why.to_string().contains("it was never told to be standby"), "{why}");
    assert_given_back(&world, &SCENES[1], "a replica is made");
    // There is no cooldown from it, and the next one finds the replica.
    world.pass(1_200);
    ask(&world, &failback(&world));
    assert!(tick_until_paid(&world).end.unwrap().completed);
    assert_eq!(
        (world.state().sites.seeds, world.state().sites.leads_to()),
        (1, vec![HOME.to_owned()])
    );
    world.assert_promises("a failback was aborted, and asked for again");

    let world = calm(PLAN);
    {
        let run = world.run().stopping_at(0);
        let mut asked = pin!(answer(&run, SWITCHOVER));
        while newest_term(&world.state()).is_none_or(|p| !p.is_done(Step::Fence)) {
            assert!(poll_once(asked.as_mut()).is_pending());
            run.step();
        }
        world.set().sites.behind_s = 3600.0;
    }
    world.pass(60);
    ask(&world, TICK);
    assert_eq!(newest_term(&world.state()).unwrap().next_step(), Some(Step::CatchUp));
    let Outcome::Waiting(sentence) = ask(&world, ABORT) else { panic!("not waiting") };
    assert!(sentence.contains("the switchover is aborted"), "{sentence}");
    assert_eq!(mode(&world, "east"), ApplianceMode::Production, "given back at once");
    tick_until_over(&world);
    assert_given_back(&world, &SCENES[0], "catching up");
    let why = abandoned(&world);
    assert!(matches!(why, Refusal::Aborted { .. }), "{why}");
}

/// A disaster in the middle of a failback: the way is made free for a failover, without a cooldown, as
/// long as nothing was told to the active site.
#[test]
fn a_site_that_is_lost_while_a_replica_is_made_is_not_kept_waiting_for_it() {
    let world = returned();
    let event = failback(&world);
    ask(&world, &event);
    world.set().sites.site("west").lost = true;
    let refused = refusal(&world, OWN_TICK);
    assert!(matches!(refused, Refusal::ActiveNotHealthy { .. }), "{refused}");
    assert!(newest_term(&world.state()).unwrap().end.is_some_and(|end| !end.completed));
    let refused = refusal(&world, BY_HAND);
    assert!(!matches!(refused, Refusal::Cooldown { .. } | Refusal::InProgress { .. }), "{refused}");
    world.assert_promises("west is lost");
}
