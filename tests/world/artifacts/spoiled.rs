//! Copies for which a backup was rejected, and what was begun before that was known.

use super::*;

const THIRD: &str = "2026-11-21T00:10:00Z";
const FOURTH: &str = "2026-11-21T12:00:00Z";
const FIFTH: &str = "2026-11-21T12:04:00Z";

/// Asks for a backup of which one run copies the first three objects only.
fn begin(world: &World, at: &str) {
    world.set().buckets.page_s = 70;
    assert!(matches!(ask(world, &event(at)).unwrap(), Outcome::Waiting(_)));
    world.set().buckets.page_s = 0;
}

/// One copy rots, and looks right until it is read; another one is written over. A backup that was begun before
/// anybody has looked lists both as they were.
fn rotten() -> World {
    let world = builder();
    store(&world, FIRST);
    {
        let mut state = world.set();
        let inventory = current(&state, &format!("{}/artifacts", folder(FIRST))).unwrap();
        let copies = artifacts_of(inventory);
        let rots = &mut state.objects.get_mut(&copies[0]).unwrap()[0];
        rots.body = vec![b'x'; rots.body.len()].into();
        let versions = state.objects.get_mut(&copies[1]).unwrap();
        let crc64nvme = Some(warmspare_act::stream::crc64nvme_of(b"yyy"));
        let over = Version { id: "other".into(), body: "yyy".into(), ..versions[0].clone() };
        versions.push(Version { crc64nvme, ..over });
    }
    begin(&world, SECOND);
    let outcome = verify(&world, FIRST).unwrap().to_string();
    assert!(outcome.contains("is rejected"), "{outcome}");
    world
}

/// P1, FV1: a row of a list that is older than the rejection counts for nothing: neither where it names the copy
/// that is known to be wrong, nor where it names another one, of which nobody knows yet.
#[test]
fn what_was_begun_before_a_copy_was_found_rotten_is_not_believed() {
    let world = rotten();
    world.set().now = "2026-11-21T00:10:30Z".parse().unwrap();
    store(&world, THIRD);
    assert_is_whole(&world, THIRD);
    verify(&world, THIRD).unwrap();
    assert!(has(&world, &receipt(THIRD, "verified")));
}

/// FA5: what was begun after the rejection has held everything against the bucket, so a bucket that takes
/// longer than a day comes to its end all the same.
#[test]
fn what_was_begun_after_it_is_taken_over() {
    let world = rotten();
    world.set().now = "2026-11-21T12:00:30Z".parse().unwrap();
    begin(&world, FOURTH);
    let opened = world.state().buckets.opened;
    store(&world, FIFTH);
    assert_is_whole(&world, FIFTH);
    assert_eq!(world.state().buckets.opened, opened + 4);
    verify(&world, FIFTH).unwrap();
    assert!(has(&world, &receipt(FIFTH, "verified")));
}
