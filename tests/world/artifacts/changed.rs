//! What is suspicious about what has changed in a bucket.

use warmspare_decide::manifest::Receipt;
use warmspare_decide::outcome::Happening;

use super::*;

/// A text of a thousand words, another one for another number.
fn text(n: u32) -> Bytes {
    Bytes::from(format!("HART-1 {n}: what it depends on, and what it builds. ").repeat(100))
}

/// What an intruder makes of a text: every byte of it another one, and all of them as often.
fn encrypted(n: u32) -> Bytes {
    let mut state = u64::from(n) + 1;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u8::try_from(state >> 56).unwrap()
    };
    Bytes::from((0..5_000).map(next).collect::<Vec<u8>>())
}

fn at(day: u32) -> String {
    format!("2026-11-{day:02}T00:00:00Z")
}

/// Stores and verifies the backup of a day.
fn day(world: &World, day: u32) -> Receipt {
    world.set().now = format!("2026-11-{day:02}T00:00:30Z").parse().unwrap();
    store(world, &at(day));
    verify(world, &at(day)).unwrap();
    let state = world.state();
    serde_json::from_slice(&current(&state, &receipt(&at(day), "verified")).unwrap().body).unwrap()
}

/// So many days of a depot that gets an artifact more every day.
fn depot(days: u32) -> World {
    let world = builder();
    world.set().buckets.objects.extend((0..20).map(|n| (format!("old/{n:02}.hart"), text(n))));
    for n in 1..=days {
        world.set().buckets.objects.insert(format!("new/{n:02}.hart"), text(100 + n));
        let receipt = day(&world, n);
        assert_eq!(receipt.suspicions, [""; 0], "day {n}");
        let changes = receipt.objects.iter().find_map(|checked| checked.changes).unwrap();
        let before = if n == 1 { 0 } else { 27 + u64::from(n) - 1 };
        assert_eq!((changes.before, changes.kept), (before, before), "day {n}");
    }
    world
}

/// Whoever encrypts every artifact leaves their number, and what their list looks like, as it was. Each copy
/// is what the bucket gave, so the backup counts, and people are told; the ones before it are what they were.
#[test]
fn artifacts_that_were_all_encrypted_are_told() {
    let world = depot(6);
    let before = listed(&world, &at(6));
    for (n, body) in (0..).zip(world.set().buckets.objects.values_mut()) {
        *body = encrypted(n);
    }
    let receipt = day(&world, 7);
    let [share, entropy] = &receipt.suspicions[..] else { panic!("{:?}", receipt.suspicions) };
    let said = "33 of the 33 objects that artifacts had have other contents now or are gone, 1000 in a \
                thousand, and the median of the 5 before it is 0";
    assert_eq!(share, said);
    assert!(entropy.starts_with("what is new in artifacts has 7.9"), "{entropy}");
    let state = world.state();
    let is_told = |told: &&warmspare_decide::outcome::Announcement| {
        told.happening == Happening::BackupSuspicious && told.reason.contains(said)
    };
    assert_eq!(state.announcements.iter().filter(is_told).count(), 1);
    drop(state);
    assert_eq!(listed(&world, &at(6)), before);
}

/// What is deleted all at once is told by the same share.
#[test]
fn artifacts_that_are_gone_are_told() {
    let world = depot(6);
    world.set().buckets.objects.retain(|key, _| !key.starts_with("old/"));
    let receipt = day(&world, 7);
    let is_said = |clause: &String| clause.starts_with("20 of the 33 objects that artifacts had");
    assert!(receipt.suspicions.iter().any(is_said), "{:?}", receipt.suspicions);
}
