//! A global database that somebody else has changed, or that does not do what it is told.

use super::*;
use crate::failover::tick_until_over;

fn is_about_to_promote(world: &World) -> bool {
    newest_term(&world.state())
        .is_some_and(|progress| progress.next_step() == Some(Step::PromoteDatabase))
}

/// A move that died when its fence was confirmed and its promotion not yet intended.
fn stopped_before_the_promotion(scene: &Scene) -> World {
    for n in 0..calls_of(scene) {
        let world = (scene.new)();
        let event = (scene.ask)(&world);
        {
            let run = world.run().stopping_at(n);
            let _killed = poll_once(pin!(answer(&run, &event)).as_mut());
        }
        if is_about_to_promote(&world) {
            return world;
        }
    }
    panic!("the fence was never confirmed")
}

/// What writes already is adopted, and nothing is told.
#[test]
fn a_writer_that_was_moved_by_hand_is_adopted() {
    let world = stopped_before_the_promotion(&SCENES[0]);
    {
        let mut state = world.set();
        let cluster = state.sites.databases.get_mut("controller-db-west").unwrap();
        (cluster.replica_of, cluster.replication) = (None, None);
    }
    assert!(tick_until_over(&world).end.unwrap().completed);
    assert_eq!((world.state().sites.promotions, world.state().sites.moves), (0, 1));
    world.assert_promises("adopted");
}

/// FF7: a cluster that is no member, or that follows a third one, is not told to take over.
#[test]
fn a_cluster_that_is_not_ours_is_left_alone() {
    let world = lost();
    world.set().sites.global.detached = Some("controller-db-west".to_owned());
    let refused = refusal(&world, ALARM);
    assert!(refused.to_string().contains("its database is detached"), "{refused}");

    let elsewhere = "arn:aws:rds:eu-west-1:111122223333:cluster:controller-db-eu";
    let follow = |world: &World| {
        let mut state = world.set();
        let cluster = state.sites.databases.get_mut("controller-db-west").unwrap();
        cluster.replica_of = Some(elsewhere.to_owned());
    };
    let world = lost();
    follow(&world);
    let refused = refusal(&world, ALARM);
    assert!(matches!(refused, Refusal::StandbyNotReady { .. }), "{refused}");

    let world = stopped_before_the_promotion(&SCENES[0]);
    follow(&world);
    world.pass(60);
    let said = finish(answer(&world.run(), TICK)).unwrap().to_string();
    assert!(said.contains(&format!("replicates {elsewhere} and not controller-db")), "{said}");
    assert_eq!(world.state().sites.promotions, 0);
}

/// A failover that began without asking for the lag, as the cluster wrote already, has agreed to no loss.
#[test]
fn a_loss_that_nobody_agreed_to_is_not_allowed() {
    let world = lost();
    world.set().sites.lag.clear();
    let asleep = {
        let mut state = world.set();
        let cluster = state.sites.databases.get_mut("controller-db-west").unwrap();
        let replica = cluster.clone();
        (cluster.replica_of, cluster.replication) = (None, None);
        replica
    };
    {
        let run = world.run().stopping_at(0);
        let mut stopped = pin!(answer(&run, ALARM));
        while !is_about_to_promote(&world) {
            assert!(poll_once(stopped.as_mut()).is_pending());
            run.step();
        }
    }
    world.set().sites.databases.insert("controller-db-west".to_owned(), asleep);
    world.pass(60);
    let said = finish(answer(&world.run(), TICK)).unwrap().to_string();
    assert!(said.contains("was the writer when the failover began"), "{said}");
    assert_eq!(world.state().sites.promotions, 0);
}

/// A switchover whose old Region is lost on the way is cancelled by Aurora, and nothing is lost by it: it is
/// told again until that Region is back, or a person fails it over.
#[test]
fn a_switchover_whose_old_region_is_lost_waits_and_loses_nothing() {
    for is_by_hand in [false, true] {
        let world = stopped_before_the_promotion(&SCENES[1]);
        world.set().sites.site("east").lost = true;
        for _tick in 0..5 {
            world.pass(60);
            let waiting = finish(answer(&world.run(), TICK)).unwrap();
            assert!(matches!(waiting, Outcome::Waiting(_)), "{waiting}");
        }
        assert_eq!(world.state().sites.global.failovers, 0);
        if is_by_hand {
            let mut state = world.set();
            let cluster = state.sites.databases.get_mut("controller-db-west").unwrap();
            (cluster.replica_of, cluster.replication) = (None, None);
        } else {
            come_back(&world);
        }
        assert!(tick_until_over(&world).end.unwrap().completed, "by hand: {is_by_hand}");
        world.assert_promises("the old Region was lost");
        assert_eq!(world.state().sites.leads_to(), ["203.0.113.20"]);
    }
}

/// What Aurora refuses is said in its words, with each tick.
#[test]
fn what_aurora_refuses_is_said() {
    let world = lost();
    world.set().sites.global.refuses = true;
    let said = finish(answer(&world.run(), ALARM)).unwrap().to_string();
    assert!(said.contains("InvalidDBClusterStateFault"), "{said}");
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.10"], "DNS untouched");
    world.set().sites.global.refuses = false;
    tick_until_paid(&world);
    assert_writes(&world, "west", "allowed again");
}

/// E21, FF11: the old cluster is a writer again, by whoever's hand: it is owed again until it follows.
#[test]
fn an_old_cluster_that_writes_again_is_owed_again() {
    let world = returned();
    let set = |replica_of: Option<String>| {
        let mut state = world.set();
        state.sites.databases.get_mut("controller-db").unwrap().replica_of = replica_of;
    };
    set(None);
    for _tick in 0..18 {
        world.pass(60);
        finish(answer(&world.run(), TICK)).unwrap();
    }
    assert_eq!(newest_term(&world.state()).unwrap().debts, [Debt::Database]);
    set(Some(crate::world::global::arn("controller-db-west")));
    world.pass(60);
    finish(answer(&world.run(), TICK)).unwrap();
    assert_eq!(newest_term(&world.state()).unwrap().debts, []);
    world.assert_promises("owed again");
}
