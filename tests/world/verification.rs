//! Verification in the simulated world. Names in capitals are the rows of the fault matrix and the
//! seed behaviours that a test stands for. How backups are damaged is in [`crate::damage`].

use std::pin::pin;

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::verify_upload::answer;
use warmspare_decide::manifest::Receipt;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::backup::{calm, store};
use crate::damage::{Damage, damage};
use crate::tries::{Dice, Trial, blind_to, seeds, standing};
use crate::world::keys::PLAN_KEY;
use crate::world::vault::{VAULT_KEY, current};
use crate::world::{Run, World, finish, poll_once};

const OLDER: &str = "2026-11-20T12:00:00Z";
pub(crate) const NEWER: &str = "2026-11-21T00:00:00Z";
pub(crate) const FOLDER: &str = "backups/controller/2026-11-21T00-00-00Z";
pub(crate) const VERIFIED: &str = "receipts/controller/2026-11-21T00-00-00Z/verified.json";
pub(crate) const REJECTED: &str = "receipts/controller/2026-11-21T00-00-00Z/rejected.json";

/// The event of S3, as AWS documents it.
pub(crate) fn written(key: &str, at: &str) -> Vec<u8> {
    format!(
        r#"{{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type":"Object Created","source":"aws.s3","account":"111122223333","time":"{at}",
        "region":"us-west-2","resources":["arn:aws:s3:::vault"],
        "detail":{{"version":"0","bucket":{{"name":"vault"}},
        "object":{{"key":"{key}","size":5,"etag":"b1946ac92492d2347c6235b4d2611184",
        "version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"}},
        "request-id":"N4N7GDK58NMKJ12R","requester":"123456789012",
        "source-ip-address":"1.2.3.4","reason":"PutObject"}}}}"#
    )
    .into_bytes()
}

pub(crate) fn manifest_of(scheduled: &str) -> Vec<u8> {
    let key = format!("backups/controller/{}/manifest.json", scheduled.replace(':', "-"));
    written(&key, "2026-11-21T00:00:30Z")
}

pub(crate) fn verify(world: &World, scheduled: &str) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), &manifest_of(scheduled)));
    world.assert_promises("verified");
    outcome
}

pub(crate) fn stored() -> World {
    let world = calm();
    store(&world, NEWER);
    world
}

/// Two backups, of which the older one is verified and in `latest/`.
fn two() -> World {
    let world = calm();
    store(&world, OLDER);
    verify(&world, OLDER).unwrap();
    store(&world, NEWER);
    world
}

pub(crate) fn has(world: &World, key: &str) -> bool {
    world.state().objects.contains_key(key)
}

fn happenings(world: &World) -> Vec<Happening> {
    let state = world.state();
    let told = state.announcements.iter().map(|told| told.happening);
    told.filter(|happening| *happening != Happening::BackupStored).collect()
}

fn latest_slots(world: &World) -> Vec<String> {
    let state = world.state();
    ["metadata", "artifacts"]
        .iter()
        .filter_map(|source| current(&state, &format!("backups/controller/latest/{source}")))
        .map(|version| version.slot.clone().unwrap())
        .collect()
}

fn assert_latest_is(world: &World, slot: &str) {
    assert_eq!(latest_slots(world), [slot, slot]);
}

pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a verification",
        new: two,
        act: async |run: &Run<'_>| answer(run, &manifest_of(NEWER)).await,
        go_on: |world: &World| {
            verify(world, NEWER).unwrap();
            assert_latest_is(world, "2026-11-21T00-00-00Z");
        },
    }
}

/// A rejection, which also has to be told and recorded whatever happens.
pub(crate) fn trial_of_rejection()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    let damaged = || {
        let world = two();
        world.put(&format!("{FOLDER}/stray"), b"who put this here?");
        world
    };
    Trial {
        what: "a rejection",
        new: damaged,
        act: async |run: &Run<'_>| answer(run, &manifest_of(NEWER)).await,
        go_on: |world: &World| {
            verify(world, NEWER).unwrap();
            assert!(has(world, REJECTED));
            assert_latest_is(world, "2026-11-20T12-00-00Z");
        },
    }
}

/// A9, A10, A15: the dated backup is proven, and then copied to the name without a date.
#[test]
fn a_backup_that_is_read_back_and_equal_is_verified_and_becomes_the_latest() {
    let world = two();
    assert_latest_is(&world, "2026-11-20T12-00-00Z");
    let Outcome::Done(sentence) = verify(&world, NEWER).unwrap() else { panic!("not done") };
    assert_eq!(
        sentence,
        "backup 2026-11-21T00-00-00Z of controller is verified: 2 object(s); latest/ is at \
         2026-11-21T00-00-00Z, 2 object(s) of it moved now"
    );
    assert_latest_is(&world, "2026-11-21T00-00-00Z");
    assert_eq!(happenings(&world), [Happening::BackupVerified; 2]);
    let state = world.state();
    let receipt: Receipt =
        serde_json::from_slice(&current(&state, VERIFIED).unwrap().body).unwrap();
    assert!(receipt.verified);
    assert_eq!(receipt.read_as, "arn:aws:iam::111122223333:role/recovery");
    assert_eq!(receipt.objects.len(), 3, "the manifest and two objects");
    let latest = current(&state, "backups/controller/latest/metadata").unwrap();
    assert_eq!(latest.key_arn.as_deref(), Some(PLAN_KEY));
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_place_leads_to_the_same_end() {
    trial().meets_trouble_everywhere();
    trial_of_rejection().meets_trouble_everywhere();
}

/// FA6, FV9.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_end() {
    trial().dies_everywhere();
    trial_of_rejection().dies_everywhere();
}

/// FA1.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_does_no_harm() {
    trial().wakes_up_late_everywhere();
    trial_of_rejection().wakes_up_late_everywhere();
}

#[test]
#[ignore = "optimised: cargo prove"]
fn three_runs_at_once_in_any_order_write_one_receipt() {
    trial().is_mixed_in_any_order(500);
    trial_of_rejection().is_mixed_in_any_order(500);
}

#[test]
fn ten_duplicates_have_one_effect_and_say_the_same() {
    let world = stored();
    verify(&world, NEWER).unwrap();
    let once = standing(&world);
    for _ in 0..9 {
        world.pass(60);
        let Outcome::Done(sentence) = verify(&world, NEWER).unwrap() else { panic!("not done") };
        assert!(sentence.contains("was verified before"), "{sentence}");
    }
    assert_eq!(standing(&world), once);
    let state = world.state();
    let told: Vec<_> =
        state.announcements.iter().filter(|t| t.happening == Happening::BackupVerified).collect();
    assert_eq!(told.len(), 10);
    assert!(told.iter().all(|again| again == &told[0]), "a repeated announcement is the same");
}

/// A10, FA2: a backup that is verified late never takes the place of a newer one, wherever it was
/// held up: before any of its calls, while the newer one was verified from beginning to end.
#[test]
fn a_backup_that_is_verified_late_does_not_move_latest_backwards() {
    let new = || {
        let world = calm();
        store(&world, OLDER);
        store(&world, NEWER);
        world
    };
    let calls = {
        let world = new();
        let run = world.run();
        finish(answer(&run, &manifest_of(OLDER))).unwrap();
        run.calls()
    };
    for n in 0..calls {
        let world = new();
        let run = world.run().stopping_at(n);
        let event = manifest_of(OLDER);
        let mut late = pin!(answer(&run, &event));
        assert!(poll_once(late.as_mut()).is_pending(), "call {n}");
        verify(&world, NEWER).unwrap();
        run.wake();
        assert!(poll_once(late.as_mut()).is_ready());
        world.assert_promises(&format!("late at call {n}"));
        assert_latest_is(&world, "2026-11-21T00-00-00Z");
        assert!(has(&world, "receipts/controller/2026-11-20T12-00-00Z/verified.json"));
    }
    println!("{calls} late verifications of an older backup");
}

/// Two backups, three events each, one call at a time in any order: `latest/` ends at the newer
/// one.
#[test]
#[ignore = "optimised: cargo prove"]
fn verifications_of_two_backups_mixed_in_any_order_end_at_the_newer_one() {
    for seed in seeds(500) {
        let mut dice = Dice::new(seed);
        let world = calm();
        store(&world, OLDER);
        store(&world, NEWER);
        let events = [OLDER, NEWER, OLDER, NEWER].map(manifest_of);
        let runs = [(); 4].map(|()| world.run().stopping_at(0));
        let mut acts: Vec<_> = runs
            .iter()
            .zip(&events)
            .map(|(run, event)| Some(Box::pin(answer(run, event))))
            .collect();
        while acts.iter().any(Option::is_some) {
            let n = dice.below(acts.len());
            let Some(act) = acts[n].as_mut() else { continue };
            if poll_once(act.as_mut()).is_ready() {
                acts[n] = None;
            }
            runs[n].step();
        }
        world.assert_promises(&format!("seed {seed}"));
        assert_latest_is(&world, "2026-11-21T00-00-00Z");
    }
}

/// FV1, FV2, FV5, FV6: whatever is damaged is found, and what is right is not accused. The
/// world itself knows what arrived, and holds each receipt against it.
#[test]
#[ignore = "optimised: cargo prove"]
fn thousands_of_damaged_backups_are_found_and_no_right_one_is_accused() {
    let mut counts = std::collections::BTreeMap::new();
    for seed in seeds(12_000) {
        let world = stored();
        let (what, damage) = damage(&world, &mut Dice::new(seed));
        for turn in ["first", "again"] {
            let during = format!("seed {seed}, {what}, {turn}");
            let outcome = finish(answer(&world.run(), &manifest_of(NEWER)));
            world.assert_promises(&during);
            assert_eq!(has(&world, VERIFIED), damage == Damage::None, "{during}: {outcome:?}");
            assert_eq!(has(&world, REJECTED), damage == Damage::Found, "{during}: {outcome:?}");
            assert_eq!(latest_slots(&world).is_empty(), damage != Damage::None, "{during}");
            match damage {
                Damage::None => assert!(matches!(outcome, Ok(Outcome::Done(_))), "{during}"),
                Damage::Found => {
                    let Ok(Outcome::Done(sentence)) = outcome else {
                        panic!("{during}: {outcome:?}")
                    };
                    assert!(sentence.contains("finding(s)"), "{during}: {sentence}");
                    assert!(happenings(&world).contains(&Happening::BackupRejected), "{during}");
                }
                Damage::Unreadable | Damage::Unverifiable => {
                    assert_eq!(outcome.unwrap_err().hope, Hope::Permanent, "{during}");
                    let told = world.state().announcements.last().unwrap().clone();
                    assert_eq!(
                        (told.happening, told.outcome.as_str()),
                        (Happening::BackupRejected, "failed")
                    );
                }
                Damage::Gone => assert!(
                    matches!(outcome, Ok(Outcome::Refused(Refusal::NoBackup { .. }))),
                    "{during}: {outcome:?}"
                ),
            }
        }
        *counts.entry(what).or_insert(0_u32) += 1;
    }
    let right = counts.remove("nothing").unwrap_or_default();
    let (kinds, all) = (counts.len(), counts.values().sum::<u32>());
    println!("{all} backups damaged in {kinds} ways, and {right} that were left right: {counts:?}");
    if all > 1 {
        assert!(all >= 10_000 && right >= 1_000, "{all} damaged, {right} right");
        let each = KINDS.map(|kind| counts.get(kind).copied().unwrap_or_default());
        assert!(each.iter().all(|count| *count >= 100), "{KINDS:?}: {each:?}");
    }
}

/// The eight ways of which each has to come often: corrupt, cut, longer, swapped, missing, too many, under another
/// key, and under none.
const KINDS: [&str; 8] = [
    "a bit is flipped",
    "it is truncated",
    "it is extended",
    "two objects are exchanged",
    "an object is missing",
    "an object is too many",
    "another key",
    "no encryption",
];

/// FV4: of a later format, or no manifest at all: neither proven nor rejected, told, and never
/// counted.
#[test]
fn a_manifest_of_another_format_is_unverifiable_and_not_rejected() {
    let world = stored();
    world.put(&format!("{FOLDER}/manifest.json"), b"{\"format\":6,\"of\":\"next year\"}");
    let fault = finish(answer(&world.run(), &manifest_of(NEWER))).unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert_eq!(
        fault.to_string(),
        format!(
            "reading {FOLDER}/manifest.json: it is of format 6, and this code reads format 1 to 5"
        )
    );
    assert!(!has(&world, VERIFIED) && !has(&world, REJECTED));
    let told = world.state().announcements.last().unwrap().clone();
    assert!(told.reason.contains("cannot be verified: reading backups/"), "{}", told.reason);
}

/// I5: what the restoring role may not read is not proven; and it is not rejected either, as the
/// role may be what is wrong.
#[test]
fn a_backup_that_the_recovery_role_cannot_read_is_left_unjudged() {
    let world = stored();
    world.set().beside.recovery_is_denied = true;
    let fault = verify(&world, NEWER).unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.to_string().contains("AccessDenied"), "{fault}");
    assert!(!has(&world, VERIFIED) && !has(&world, REJECTED) && latest_slots(&world).is_empty());
    world.set().beside.recovery_is_denied = false;
    verify(&world, NEWER).unwrap();
    assert!(has(&world, VERIFIED));
}

/// FV7: what lies in an archive is there, and cannot be restored from today. It is not proven, and it is not
/// rejected, as it can be fetched; that it cannot be read is said.
#[test]
fn a_backup_that_lies_in_an_archive_is_left_unjudged_and_said() {
    let world = stored();
    world.set().beside.archived = Some("/artifacts");
    let fault = verify(&world, NEWER).unwrap_err();
    assert_eq!(fault.to_string(), format!("reading {FOLDER}/artifacts: InvalidObjectState"));
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(!has(&world, VERIFIED) && !has(&world, REJECTED) && latest_slots(&world).is_empty());
    world.set().beside.archived = None;
    verify(&world, NEWER).unwrap();
    assert!(has(&world, VERIFIED));
}

/// FB5: under a disabled key S3 does not even give the manifest. Nothing is concluded, and nothing
/// lost.
#[test]
fn a_vault_whose_own_key_is_disabled_is_a_fault_and_not_a_verdict() {
    let world = stored();
    world.set().keys.by_arn.get_mut(VAULT_KEY).unwrap().state = "Disabled".into();
    let fault = verify(&world, NEWER).unwrap_err();
    assert!(fault.to_string().contains("KMS.DisabledException"), "{fault}");
    let told = world.state().announcements.last().unwrap().clone();
    assert!(told.reason.contains("cannot be verified: "), "{}", told.reason);
    assert!(told.reason.contains("KMS.DisabledException"), "{}", told.reason);
    world.set().keys.by_arn.get_mut(VAULT_KEY).unwrap().state = "Enabled".into();
    verify(&world, NEWER).unwrap();
    assert!(has(&world, VERIFIED));
}

/// FV6: a backup whose key is disabled, or about to be deleted, before it was ever verified is told at once,
/// and not rejected for good: once the key is back, it is proven.
#[test]
fn a_backup_whose_key_is_away_is_told_and_proven_once_it_is_back() {
    for (state, deleted_at) in
        [("Disabled", None), ("PendingDeletion", Some("2026-12-20T00:00:00Z"))]
    {
        let world = stored();
        world.set().keys.plan_key().state = state.into();
        world.set().keys.plan_key().deleted_at = deleted_at.map(|at| at.parse().unwrap());
        let fault = verify(&world, NEWER).unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent);
        assert!(
            !has(&world, VERIFIED) && !has(&world, REJECTED) && latest_slots(&world).is_empty()
        );
        let told = world.state().announcements.last().unwrap().clone();
        assert_eq!((told.happening, told.outcome.as_str()), (Happening::BackupRejected, "failed"));
        let how = "backup 2026-11-21T00-00-00Z of controller cannot be verified: reading backup ";
        assert!(told.reason.starts_with(how), "{}", told.reason);
        assert!(
            told.reason.contains(deleted_at.unwrap_or("is Disabled and not")),
            "{}",
            told.reason
        );
        world.set().keys.plan_key().state = "Enabled".into();
        world.set().keys.plan_key().deleted_at = None;
        verify(&world, NEWER).unwrap();
        assert!(has(&world, VERIFIED) && !has(&world, REJECTED));
    }
}

#[test]
fn a_key_of_which_nothing_is_known_leaves_the_backup_unjudged() {
    let world = stored();
    world.set().keys.is_silent = true;
    assert_eq!(verify(&world, NEWER).unwrap_err().hope, Hope::Unreachable);
    assert!(!has(&world, VERIFIED) && !has(&world, REJECTED));
}

/// FA5.
#[test]
fn a_run_whose_time_is_over_reads_nothing_back_and_concludes_nothing() {
    let world = stored();
    let run = world.run();
    world.pass(175);
    let fault = finish(answer(&run, &manifest_of(NEWER))).unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(fault.to_string().contains("5 s are left, and 30 s are the least"), "{fault}");
    assert!(!has(&world, VERIFIED) && !has(&world, REJECTED));
}

/// A look that does not say whether a thing is there is never taken for its absence.
#[test]
fn what_cannot_be_seen_is_neither_proven_nor_rejected() {
    let ends = ["/rejected.json", "/verified.json", "/manifest.json", "-00Z/metadata"];
    for end in ends {
        blind_to(two, end, async |run: &Run<'_>| answer(run, &manifest_of(NEWER)).await);
    }
}

#[test]
fn a_latest_that_cannot_be_seen_is_left_alone_until_it_can() {
    let world = two();
    world.set().beside.blind_to = Some("latest/metadata");
    let fault = verify(&world, NEWER).unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(has(&world, VERIFIED), "that it is proven does not depend on latest/");
    assert_eq!(happenings(&world), [Happening::BackupVerified; 2], "and nor does that it is told");
    assert_latest_is(&world, "2026-11-20T12-00-00Z");
    world.set().beside.blind_to = None;
    verify(&world, NEWER).unwrap();
    assert_latest_is(&world, "2026-11-21T00-00-00Z");
}

/// A backup that is too large to be copied is verified like any, and that is told; `latest/` stays whole, and
/// the notice says why.
#[test]
fn a_backup_that_is_too_large_to_be_copied_is_verified_and_leaves_latest_whole() {
    let world = two();
    let sizes = |world: &World| {
        let state = world.state();
        ["metadata", "artifacts"]
            .map(|source| current(&state, &format!("{FOLDER}/{source}")).unwrap().body.len())
    };
    let [metadata, artifacts] = sizes(&world);
    assert_ne!(metadata, artifacts, "one of them fits, and one does not");
    let bytes_max = u64::try_from(metadata.max(artifacts) - 1).unwrap();
    world.set().beside.copy_bytes_max = Some(bytes_max);
    let Outcome::Done(said) = verify(&world, NEWER).unwrap() else { panic!("not done") };
    let left = format!(
        "latest/ is left as it is: {} has {} bytes, and S3 copies at most {bytes_max}",
        if metadata > artifacts { "metadata" } else { "artifacts" },
        bytes_max + 1
    );
    assert!(said.ends_with(&left), "{said}");
    assert!(has(&world, VERIFIED));
    assert_latest_is(&world, "2026-11-20T12-00-00Z");
    let told = world.state().announcements.last().unwrap().clone();
    assert_eq!(told.happening, Happening::BackupVerified);
    assert!(told.reason.ends_with(&left), "{}", told.reason);
}

/// A rejection is written once and outweighs whatever comes later.
#[test]
fn a_rejected_backup_stays_rejected() {
    let world = stored();
    let metadata = format!("{FOLDER}/metadata");
    let right = world.set().objects.remove(&metadata).unwrap();
    verify(&world, NEWER).unwrap();
    assert!(has(&world, REJECTED));
    world.set().objects.insert(metadata, right);
    let Outcome::Done(sentence) = verify(&world, NEWER).unwrap() else { panic!("not done") };
    assert!(sentence.contains("was rejected before: 1 finding(s)"), "{sentence}");
    assert!(!has(&world, VERIFIED) && latest_slots(&world).is_empty());
}

/// An object that is not from a proven backup has no place in `latest/`.
#[test]
fn a_stranger_in_latest_gives_way_to_a_proven_backup() {
    let world = stored();
    world.put("backups/controller/latest/metadata", b"who put this here?");
    verify(&world, NEWER).unwrap();
    assert_latest_is(&world, "2026-11-21T00-00-00Z");
}

#[test]
fn a_verification_by_hand_is_the_same() {
    let world = stored();
    let event = br#"{"action":"verify","system":"controller","slot":"2026-11-21T00-00-00Z"}"#;
    finish(answer(&world.run(), event)).unwrap();
    assert!(has(&world, VERIFIED));
    let event = br#"{"action":"verify","system":"controller","slot":"2026-11-19T00-00-00Z"}"#;
    let outcome = finish(answer(&world.run(), event)).unwrap();
    assert_eq!(
        outcome.to_string(),
        "there is no backup 2026-11-19T00-00-00Z in the vault: \
         backups/controller/2026-11-19T00-00-00Z/manifest.json does not exist"
    );
}

#[test]
fn another_key_of_the_vault_needs_nothing_and_a_foreign_one_is_refused() {
    let world = stored();
    let before = standing(&world);
    for key in [
        format!("{FOLDER}/metadata"),
        "backups/controller/latest/metadata".to_owned(),
        "plans/controller.toml".to_owned(),
        "exports/controller/ws-1/db/part-0.gz.parquet".to_owned(),
        "failovers/controller/000001/000001.json".to_owned(),
        "backups/controller/not-a-slot/manifest.json".to_owned(),
    ] {
        let run = world.run();
        let outcome = finish(answer(&run, &written(&key, NEWER))).unwrap();
        assert!(matches!(outcome, Outcome::Done(_)), "{key}: {outcome}");
        assert_eq!(run.calls(), 0, "{key}");
    }
    for key in ["photos/cat.jpg", "manifest.json", "backups/", ""] {
        let outcome = finish(answer(&world.run(), &written(key, NEWER))).unwrap();
        assert!(matches!(outcome, Outcome::Refused(Refusal::NotOurs { .. })), "{key}: {outcome}");
    }
    assert_eq!(standing(&world), before);
}
