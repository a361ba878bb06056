//! How a backup is encrypted, in the simulated world: as the plan says, by each of the four ways, and
//! held to exactly that from the upload to the sweep. Names in capitals are seed behaviours.

use warmspare_act::fault::Hope;
use warmspare_act::scheduled_backup::answer;
use warmspare_act::verify_upload;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::outcome::{Happening, Outcome};

use crate::backup::PLAN;
use crate::tries::{Trial, blind_to};
use crate::verification::written;
use crate::world::keys::{PLAN_KEY, S3_KEY};
use crate::world::vault::{Version, current};
use crate::world::{Run, World, finish};

const SCHEDULED: &[u8] =
    br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
const FOLDER: &str = "backups/controller/2026-11-21T00-00-00Z";
const KEY_LINE: &str =
    "kms_key = \"arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\"";

/// Every way that is no key of somebody, with what S3 says of an object then.
const WAYS: [(&str, &str, Option<&str>); 3] =
    [("none", "AES256", None), ("aes256", "AES256", None), ("aws/s3", "aws:kms", Some(S3_KEY))];

/// A plan that chooses so, and exports nothing.
fn world(word: &str) -> World {
    let plan = PLAN.replace(KEY_LINE, &format!("encryption = \"{word}\""));
    let plan: Vec<&str> = plan.lines().filter(|line| !line.starts_with("export = ")).collect();
    let world = World::new();
    world.put("plans/controller.toml", plan.join("\n").as_bytes());
    world
}

fn back_up(world: &World) -> Outcome {
    finish(answer(&world.run(), SCHEDULED)).unwrap()
}

fn verify(world: &World) -> Outcome {
    let event = written(&format!("{FOLDER}/manifest.json"), "2026-11-21T00:01:00Z");
    let outcome = finish(verify_upload::answer(&world.run(), &event)).unwrap();
    world.assert_promises("verified");
    outcome
}

fn manifest(world: &World) -> Manifest {
    let state = world.state();
    let manifest = current(&state, &format!("{FOLDER}/manifest.json")).unwrap();
    serde_json::from_slice(&manifest.body).unwrap()
}

fn said(world: &World, key: &str) -> (Option<String>, Option<String>) {
    let state = world.state();
    let version = current(&state, key).unwrap();
    (version.algorithm.clone(), version.key_arn.clone())
}

/// A15-A18: stored, proven and copied to `latest/`, each in the same way.
#[test]
fn each_way_is_kept_from_the_upload_to_the_copy() {
    for (word, algorithm, key_arn) in WAYS {
        let world = world(word);
        assert!(matches!(back_up(&world), Outcome::Done(_)), "{word}");
        let manifest = manifest(&world);
        assert_eq!(manifest.format, 4);
        assert_eq!(manifest.key_arn.as_ref().map(|arn| arn.as_str()), key_arn, "{word}");
        let Outcome::Done(sentence) = verify(&world) else { panic!("not proven") };
        assert!(sentence.contains("latest/ is at"), "{word}: {sentence}");
        for key in [format!("{FOLDER}/metadata"), "backups/controller/latest/metadata".to_owned()] {
            let wanted = (Some(algorithm.to_owned()), key_arn.map(str::to_owned));
            assert_eq!(said(&world, &key), wanted, "{word}: {key}");
        }
        let happenings: Vec<_> = world.state().announcements.iter().map(|t| t.happening).collect();
        assert_eq!(happenings, [Happening::BackupStored, Happening::BackupVerified], "{word}");
    }
}

/// Whoever is told of a backup without encryption of its own is told that too, each time the same.
#[test]
fn none_is_warned_about_with_every_backup() {
    for (word, ..) in WAYS {
        let world = world(word);
        let warned = back_up(&world).to_string().contains("backup.encryption is none");
        assert_eq!(warned, word == "none");
        back_up(&world);
        let state = world.state();
        let told: Vec<_> = state.announcements.iter().map(|told| told.reason.clone()).collect();
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0].contains("keys of its own (AES256)"), word == "none", "{told:?}");
    }
}

/// FB6: nothing else passes for what was asked, weaker or stronger.
#[test]
fn what_s3_did_otherwise_is_never_committed() {
    let others: [(fn(&mut Version), &str); 3] = [
        (|version| version.algorithm = None, "S3 does not say that it is encrypted"),
        (
            |version| {
                version.algorithm = Some("aws:kms".into());
                version.key_arn = Some(PLAN_KEY.into());
            },
            "is encrypted",
        ),
        (
            |version| {
                version.algorithm = Some("AES256".into());
                version.key_arn = Some(PLAN_KEY.into());
            },
            "is encrypted",
        ),
    ];
    for (word, ..) in WAYS {
        for (stores, part) in others {
            let world = world(word);
            world.set().sources.stores = stores;
            let fault = finish(answer(&world.run(), SCHEDULED)).unwrap_err();
            assert_eq!(fault.hope, Hope::Permanent, "{word}");
            assert!(fault.to_string().contains(part), "{word}: {fault}");
            assert!(!world.state().objects.contains_key(&format!("{FOLDER}/manifest.json")));
        }
    }
}

/// FB5: what the alias stood for is what every object is held to, whatever it stands for later.
#[test]
fn the_key_that_aws_manages_is_pinned_when_the_backup_begins() {
    let world = world("aws/s3");
    back_up(&world);
    world.set().keys.aws_s3 = PLAN_KEY;
    assert!(matches!(verify(&world), Outcome::Done(_)));
    assert_eq!(manifest(&world).key_arn.unwrap().as_str(), S3_KEY);
    let disabled = self::world("aws/s3");
    disabled.set().keys.by_arn.get_mut(S3_KEY).unwrap().state = "Disabled".to_owned();
    let Outcome::Refused(refusal) = back_up(&disabled) else { panic!("not refused") };
    assert_eq!(refusal.name(), "key-unusable");
}

/// Keys of S3's own have nobody to ask, so KMS that is silent does not stop them.
#[test]
fn a_silent_kms_stops_only_what_needs_it() {
    for (word, _, key_arn) in WAYS {
        let world = world(word);
        world.set().keys.is_silent = true;
        let stored = finish(answer(&world.run(), SCHEDULED));
        assert_eq!(stored.is_ok(), key_arn.is_none(), "{word}: {stored:?}");
        if stored.is_ok() {
            verify(&world);
            let state = world.state();
            assert!(
                state
                    .objects
                    .contains_key("receipts/controller/2026-11-21T00-00-00Z/verified.json")
            );
        }
    }
    blind_to(|| world("aes256"), "/metadata", async |run: &Run<'_>| answer(run, SCHEDULED).await);
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_and_death_at_any_place_lead_to_the_same_backup_in_each_way() {
    for (word, ..) in WAYS {
        let trial = Trial {
            what: word,
            new: || world(word),
            act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
            go_on: |world: &World| {
                back_up(world);
                verify(world);
            },
        };
        trial.meets_trouble_everywhere();
        trial.dies_everywhere();
        trial.wakes_up_late_everywhere();
    }
}
