//! What happens to a backup, or to its key, in the midst of its verification. Names in capitals are the rows of
//! the fault matrix that a test stands for.

use std::pin::pin;

use warmspare_act::verify_upload::answer;

use crate::verification::{FOLDER, NEWER, REJECTED, VERIFIED, has, manifest_of, stored};
use crate::world::vault::current;
use crate::world::{World, finish, poll_once};

/// FV3: what is looked at and what is read are the same version, whenever somebody puts another object in
/// its place. Before the look it is found; after it, what was recorded is what is proven, and copied.
#[test]
fn an_object_that_is_replaced_between_look_and_reading_is_read_as_it_was_recorded() {
    let metadata = format!("{FOLDER}/metadata");
    let body = |world: &World, key: &str| current(&world.state(), key).unwrap().body.clone();
    let calls = {
        let world = stored();
        let run = world.run();
        finish(answer(&run, &manifest_of(NEWER))).unwrap();
        run.calls()
    };
    let (mut proven, mut rejected) = (0, 0);
    for n in 0..calls {
        let world = stored();
        let recorded = body(&world, &metadata);
        let run = world.run().stopping_at(n);
        let event = manifest_of(NEWER);
        let mut late = pin!(answer(&run, &event));
        assert!(poll_once(late.as_mut()).is_pending(), "call {n}");
        world.put(&metadata, b"other bytes");
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready(), "call {n}");
        if has(&world, VERIFIED) {
            proven += 1;
            let latest = body(&world, "backups/controller/latest/metadata");
            assert_eq!(latest, recorded, "call {n}");
        } else {
            rejected += 1;
            assert!(has(&world, REJECTED), "call {n}");
            let told = world.state().announcements.last().unwrap().reason.clone();
            assert!(told.contains("it was written over: it is at version "), "call {n}: {told}");
        }
    }
    assert!(proven > 1 && rejected > 1, "{proven} proven, {rejected} rejected");
}

/// FV6: the key may be taken away before any look, and given back after it.
#[test]
fn a_key_that_goes_away_at_any_call_never_rejects_a_backup() {
    let calls = {
        let world = stored();
        let run = world.run();
        finish(answer(&run, &manifest_of(NEWER))).unwrap();
        run.calls()
    };
    for n in 0..calls {
        let world = stored();
        let run = world.run().stopping_at(n);
        let event = manifest_of(NEWER);
        let mut late = pin!(answer(&run, &event));
        assert!(poll_once(late.as_mut()).is_pending(), "call {n}");
        world.set().keys.plan_key().state = "Disabled".into();
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready(), "call {n}");
        assert!(!has(&world, REJECTED), "call {n}");
        world.set().keys.plan_key().state = "Enabled".into();
        finish(answer(&world.run(), &event)).unwrap();
        assert!(has(&world, VERIFIED) && !has(&world, REJECTED), "call {n}");
    }
    println!("a key that goes away at each of {calls} calls of a verification");
}
