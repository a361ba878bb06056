//! Verifications that take longer than one run, in the simulated world.

use warmspare_act::verify_upload::answer;
use warmspare_decide::manifest::Receipt;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::tries::Trial;
use crate::verification::{NEWER, REJECTED, VERIFIED, has, manifest_of, stored, verify};
use crate::world::vault::current;
use crate::world::{Run, World, finish};

const DOES_NOT_FIT: &str = "receipts/controller/2026-11-21T00-00-00Z/does-not-fit.json";
const SWEEP: &[u8] = br#"{"action":"sweep"}"#;

/// Each object takes more than half of a run to be read.
fn long_objects() -> World {
    let world = stored();
    world.set().beside.object_s = 100;
    world
}

fn swept(world: &World) -> Outcome {
    let outcome = finish(answer(&world.run(), SWEEP)).unwrap();
    world.assert_promises("swept");
    outcome
}

/// FA5, P5: what was read back is written down, and not read again; the next run goes on from there.
#[test]
fn objects_that_together_take_longer_than_a_run_are_proven_one_by_one() {
    let world = long_objects();
    let outcome = verify(&world, NEWER).unwrap();
    let Outcome::Waiting(why) = outcome else { panic!("not waiting: {outcome}") };
    assert!(why.starts_with("1 object(s) of backup 2026-11-21T00-00-00Z of controller are read"));
    assert!(why.contains("the time of the run is over: 0 bytes came in 0 s"), "{why}");
    let record = VERIFIED.replace("verified", "read-metadata");
    assert!(has(&world, &record) && !has(&world, VERIFIED));
    swept(&world);
    assert!(has(&world, VERIFIED));
    let receipt: Receipt =
        serde_json::from_slice(&current(&world.state(), VERIFIED).unwrap().body).unwrap();
    let measured = receipt.objects.iter().filter(|checked| checked.measures.is_some());
    assert_eq!(measured.count(), 2, "{receipt:?}");
    // The same every day, with records of that day.
    world.pass(86_400);
    let said = swept(&world).to_string();
    assert!(said.ends_with("1 to be gone on with"), "{said}");
    assert!(has(&world, &record.replace(".json", ".2026-11-22.json")));
    let said = swept(&world).to_string();
    assert!(said.ends_with("1 equal"), "{said}");
    assert!(has(&world, &VERIFIED.replace("verified", "swept-2026-11-22")));
}

/// A record of other bytes, or one that nobody can read, spares nothing.
#[test]
fn a_record_of_what_was_read_is_held_against_the_manifest() {
    let record = VERIFIED.replace("verified", "read-metadata");
    let spoils: [fn(String) -> String; 3] = [
        |body| body.replace("versionId=", "versionId=other-"),
        |body| body.replace("\"verified\": true", "\"verified\": false"),
        |_| "garbage".to_owned(),
    ];
    for spoil in spoils {
        let world = long_objects();
        verify(&world, NEWER).unwrap();
        let body = current(&world.state(), &record).unwrap().body.clone();
        let body = spoil(String::from_utf8(body.to_vec()).unwrap());
        world.put(&record, body.as_bytes());
        let _waits = finish(answer(&world.run(), SWEEP));
        assert!(!has(&world, VERIFIED), "it was believed: {body}");
    }
}

/// P5: told, and not tried for ever in silence.
#[test]
fn an_object_that_no_run_reads_to_its_end_is_refused_and_told() {
    let world = stored();
    world.set().beside.silent = Some("backups/");
    let outcome = verify(&world, NEWER).unwrap();
    assert!(matches!(outcome, Outcome::Refused(Refusal::DoesNotFit { .. })), "{outcome}");
    let state = world.state();
    let told = state.announcements.last().unwrap();
    assert_eq!((told.happening, told.outcome.as_str()), (Happening::BackupRejected, "failed"));
    assert!(told.reason.contains("cannot be verified: "), "{}", told.reason);
    assert!(told.reason.contains("in 160 s"), "{}", told.reason);
    assert!(!state.objects.contains_key(VERIFIED) && !state.objects.contains_key(REJECTED));
    drop(state);
    // No sweep spends its run on it again; whoever asks for it by hand has it tried.
    assert!(has(&world, DOES_NOT_FIT));
    for _hour in 0..3 {
        world.pass(3_600);
        assert!(swept(&world).to_string().starts_with("nothing of 1 system(s) is left"));
    }
    world.set().beside.silent = None;
    verify(&world, NEWER).unwrap();
    assert!(has(&world, VERIFIED));
}

/// The same where the event was lost: the sweep tells it once, and not that it was judged.
#[test]
fn an_object_that_no_sweep_reads_to_its_end_is_told_once() {
    let world = stored();
    world.set().beside.silent = Some("backups/");
    world.pass(7_200);
    let said = swept(&world).to_string();
    assert!(said.contains("1 too long for any run"), "{said}");
    let told = world.state().announcements.len();
    assert!(has(&world, DOES_NOT_FIT));
    for _hour in 0..3 {
        world.pass(3_600);
        assert!(swept(&world).to_string().starts_with("nothing of 1 system(s) is left"));
    }
    assert_eq!(world.state().announcements.len(), told);
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_verification_of_long_objects_ends_whatever_happens() {
    let trial = Trial {
        what: "a verification of long objects",
        new: long_objects,
        act: async |run: &Run<'_>| answer(run, &manifest_of(NEWER)).await,
        go_on: |world: &World| {
            for _try in 0..3 {
                let _waits = finish(answer(&world.run(), &manifest_of(NEWER)));
            }
            assert!(has(world, VERIFIED));
        },
    };
    trial.meets_trouble_everywhere();
    trial.dies_everywhere();
    trial.wakes_up_late_everywhere();
}

/// FA6: it is given up and told whatever happens meanwhile.
#[test]
#[ignore = "optimised: cargo prove"]
fn what_no_run_reads_to_its_end_is_given_up_whatever_happens() {
    let trial = Trial {
        what: "a sweep that gives a backup up",
        new: || {
            let world = stored();
            world.set().beside.silent = Some("backups/");
            world.pass(7_200);
            world
        },
        act: async |run: &Run<'_>| answer(run, SWEEP).await,
        go_on: |world: &World| {
            for _hour in 0..2 {
                let _may_fail = finish(answer(&world.run(), SWEEP));
            }
            assert!(has(world, DOES_NOT_FIT));
        },
    };
    trial.meets_trouble_everywhere();
    trial.dies_everywhere();
}
