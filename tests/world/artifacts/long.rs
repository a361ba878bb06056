//! Objects that take much of a run, or more than one.

use std::pin::pin;
use std::task::Poll;

use warmspare_decide::refusal::Refusal;

use super::*;
use crate::world::poll_once;

/// Longer than what is copied beside others.
const LONG_BYTES: usize = 17 << 20;

/// With so many long objects among the others.
fn with_long(count: usize) -> World {
    let world = builder();
    let body = Bytes::from(vec![7; LONG_BYTES]);
    let long = (0..count).map(|n| (format!("core/f{n}.hart"), body.clone()));
    world.set().buckets.objects.extend(long);
    world
}

/// A backup of a bucket of which one object takes longer than any run: the first one gives it up, and the
/// next one ends with this.
pub(crate) fn too_long() -> Refusal {
    let world = with_long(1);
    world.set().beside.long_part_s = 20;
    assert!(matches!(ask(&world, &event(SECOND)).unwrap(), Outcome::Waiting(_)));
    let Outcome::Refused(refusal) = ask(&world, &event(SECOND)).unwrap() else {
        panic!("not refused")
    };
    refusal
}

/// Goes on until the backup is stored, and gives what each run said. None of them outlives its time.
fn until_stored(world: &World) -> Vec<String> {
    let mut said = Vec::new();
    for _run in 0..12 {
        let begun = world.state().now.as_second() + 900;
        said.push(go_on(world));
        let took_s = world.state().now.as_second() - begun;
        assert!(took_s < 180, "{took_s} s: {said:?}");
        if has(world, &format!("{}/manifest.json", folder(SECOND))) {
            return said;
        }
    }
    panic!("it is not stored: {said:?}");
}

/// FA5: an object is begun only if it fits into what is left, so each is read once, whatever the bucket
/// takes together.
#[test]
fn a_long_object_is_begun_by_a_run_that_has_time_for_it() {
    let world = with_long(5);
    world.set().beside.long_part_s = 1;
    let begun = world.state().now.as_second();
    let Outcome::Waiting(why) = ask(&world, &event(SECOND)).unwrap() else { panic!("not waiting") };
    assert!(world.state().now.as_second() - begun < 180);
    assert!(
        why.contains("\"core/f2.hart\" is begun by the next run: its 17825792 bytes need"),
        "{why}"
    );
    assert!(why.contains("bytes of others took 100 s), and 80 s are left"), "{why}");
    let said = until_stored(&world);
    assert_eq!(said.len(), 2, "{said:?}");
    assert_is_whole(&world, SECOND);
    assert_eq!(world.state().buckets.opened, 7 + 5);
}

/// FA5: long artifacts that share one line are all over at the end of it, or none is. So each is read back
/// alone, and what one run has proven no other has to.
#[test]
fn a_long_artifact_is_read_back_alone() {
    let world = with_long(3);
    store(&world, SECOND);
    let run = world.run().slowed(20);
    let event = written(&format!("{}/manifest.json", folder(SECOND)), "2026-11-21T00:00:30Z");
    run.live_through(verify_upload::answer(&run, &event)).unwrap();
    assert!(has(&world, &receipt(SECOND, "verified")));
    let most = world.state().beside.readings.most_bytes();
    assert!((LONG_BYTES..2 * LONG_BYTES).contains(&most), "{most} bytes at once");
}

/// FA6: a run that is killed while it copies one long object does not cost the long ones before it.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_is_killed_costs_what_it_had_not_written_down() {
    let calls = {
        let world = with_long(2);
        let run = world.run();
        finish(answer(&run, &event(SECOND))).unwrap();
        run.calls()
    };
    for n in (0..calls).step_by(9) {
        let world = with_long(2);
        {
            let run = world.run().stopping_at(n);
            assert!(poll_once(pin!(answer(&run, &event(SECOND))).as_mut()).is_pending(), "{n}");
        }
        store(&world, SECOND);
        assert_is_whole(&world, SECOND);
    }
}

/// P5: an object that does not fit into one run is refused with its numbers. Everything else is copied, and
/// taken over by the next backup.
#[test]
fn an_object_that_never_fits_is_refused_and_costs_nothing_of_the_others() {
    let world = with_long(1);
    world.set().beside.long_part_s = 20;
    let begun = world.state().now.as_second();
    assert!(matches!(ask(&world, &event(SECOND)).unwrap(), Outcome::Waiting(_)));
    assert!(world.state().now.as_second() - begun < 180);
    let said = go_on(&world);
    let sentence = "the object \"core/f0.hart\" has 17825792 bytes, of which 2852120 have passed in 160 s: it \
                    does not fit into one run, which has 180 s";
    assert!(said.contains(sentence), "{said}");
    assert_eq!(world.state().announcements.last().unwrap().reason, sentence);
    assert!(go_on(&world).contains("no backup has to be gone on with"));
    assert!(!has(&world, &format!("{}/manifest.json", folder(SECOND))));
    assert_eq!(world.state().buckets.opened, 7 + 1);
    world.set().beside.long_part_s = 0;
    let third = "2026-11-21T00:20:00Z";
    store(&world, third);
    assert_is_whole(&world, third);
    assert_eq!(world.state().buckets.opened, 7 + 2);
}

/// P5: every run reads what was stored before the bucket back first, so that is no time in which an object
/// could be copied: one that does not fit into the rest of it is refused, and not begun for ever.
#[test]
fn an_object_that_never_fits_beside_what_is_adopted_is_refused() {
    let world = with_long(1);
    // The metadata are stored, and nothing of the bucket.
    world.set().buckets.broken = Some(OBJECTS[0].0.to_owned());
    ask(&world, &event(SECOND)).unwrap_err();
    world.set().buckets.broken = None;
    world.set().beside.adopted_s = 100;
    world.set().beside.long_part_s = 20;
    assert!(matches!(ask(&world, &event(SECOND)).unwrap(), Outcome::Waiting(_)));
    let said = go_on(&world);
    let sentence = "the object \"core/f0.hart\" has 17825792 bytes, of which 1069545 have passed in 60 s: it \
                    does not fit into one run, which has 80 s";
    assert!(said.contains(sentence), "{said}");
    assert!(go_on(&world).contains("no backup has to be gone on with"));
}

/// What a source before the bucket took to be read for the first time says nothing of the runs that follow.
#[test]
fn an_object_that_was_begun_behind_a_long_source_is_begun_again() {
    let world = with_long(1);
    world.set().sources.body_bytes = Some(4 << 20);
    world.set().beside.long_part_s = 2;
    let event = event(SECOND);
    let run = world.run().stopping_at(500);
    let mut asked = pin!(answer(&run, &event));
    assert!(poll_once(asked.as_mut()).is_pending());
    world.pass(100);
    run.wake();
    let Poll::Ready(outcome) = poll_once(asked.as_mut()) else { panic!("it is not over") };
    let Outcome::Waiting(why) = outcome.unwrap() else { panic!("not waiting") };
    assert!(why.contains("is copied up to \"core/empty\""), "{why}");
    assert!(go_on(&world).contains("of controller is stored"));
    assert_is_whole(&world, SECOND);
}
