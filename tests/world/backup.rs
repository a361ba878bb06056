//! Backups in the simulated world. Names in capitals are the rows of the fault matrix and the seed
//! behaviours that a test stands for.

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup::answer;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::tries::{Trial, blind_to, standing};
use crate::verification::written;
use crate::world::artifacts::Bucket;
use crate::world::keys::PLAN_KEY;
use crate::world::vault::{Version, current, undo};
use crate::world::{Run, World, finish};

pub(crate) const PLAN: &str = include_str!("plan.toml");
const SCHEDULED: &[u8] =
    br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
const FOLDER: &str = "backups/controller/2026-11-21T00-00-00Z";

pub(crate) fn calm() -> World {
    let world = World::new();
    world.put("plans/controller.toml", PLAN.as_bytes());
    world
}

/// Stores the backup of an instant, and expects that it is.
pub(crate) fn store(world: &World, scheduled: &str) {
    let event = format!(r#"{{"action":"backup","system":"controller","scheduled":"{scheduled}"}}"#);
    let outcome = finish(answer(&world.run(), event.as_bytes())).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome}");
}

fn scheduled(world: &World) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), SCHEDULED));
    world.assert_promises("scheduled");
    outcome
}

fn refusal(world: &World, event: &str) -> Refusal {
    match finish(answer(&world.run(), event.as_bytes())).unwrap() {
        Outcome::Refused(refusal) => refusal,
        other @ (Outcome::Done(_) | Outcome::Waiting(_)) => panic!("not refused: {other}"),
    }
}

fn manifest(world: &World, folder: &str) -> Manifest {
    let state = world.state();
    serde_json::from_slice(&current(&state, &format!("{folder}/manifest.json")).unwrap().body)
        .unwrap()
}

fn happenings(world: &World) -> Vec<Happening> {
    world.state().announcements.iter().map(|told| told.happening).collect()
}

fn keys(world: &World, prefix: &str) -> Vec<String> {
    world.state().objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
}

pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a scheduled backup",
        new: calm,
        act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
        go_on: |world: &World| {
            scheduled(world).unwrap();
            assert_is_whole(world);
        },
    }
}

/// Every record names what is there, and the source that was read once for it.
fn assert_is_whole(world: &World) {
    let manifest = manifest(world, FOLDER);
    let state = world.state();
    assert_eq!(manifest.objects.len(), 2);
    for stored in &manifest.objects {
        let version = current(&state, &stored.key).unwrap();
        assert_eq!(version.id, stored.version_id);
        assert_eq!(warmspare_act::stream::sums_of(&version.body), stored.sums);
        assert_eq!(version.key_arn.as_deref(), Some(PLAN_KEY));
    }
}

/// C4, C6, C7: metadata first and artifacts last, together, and the manifest after both.
#[test]
fn a_scheduled_backup_is_stored_in_the_order_of_the_plan_and_committed_last() {
    let world = calm();
    let Outcome::Done(sentence) = scheduled(&world).unwrap() else { panic!("not done") };
    assert!(
        sentence.starts_with("backup 2026-11-21T00-00-00Z of controller is stored: 2 object(s)")
    );
    assert_is_whole(&world);
    let state = world.state();
    let order: Vec<usize> = ["metadata", "artifacts", "manifest.json"]
        .iter()
        .map(|name| {
            let id = &current(&state, &format!("{FOLDER}/{name}")).unwrap().id;
            id.strip_prefix("version-").unwrap().parse().unwrap()
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");
    drop(state);
    let manifest = manifest(&world, FOLDER);
    assert_eq!(manifest.site.as_str(), "east");
    assert_eq!(manifest.term.0, 0);
    assert_eq!(manifest.key_arn.unwrap().as_str(), PLAN_KEY);
    assert_eq!(happenings(&world), [Happening::BackupStored]);
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_place_leads_to_the_same_end() {
    trial().meets_trouble_everywhere();
}

/// FA6, FB2.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_end() {
    trial().dies_everywhere();
}

/// FB9, FA1.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_does_no_harm() {
    trial().wakes_up_late_everywhere();
}

#[test]
#[ignore = "optimised: cargo prove"]
fn three_runs_at_once_in_any_order_store_one_backup() {
    trial().is_mixed_in_any_order(500);
}

/// FA1: the same event ten times is one backup, and the same announcement word for word.
#[test]
fn ten_duplicates_have_one_effect() {
    let world = calm();
    scheduled(&world).unwrap();
    let once = standing(&world);
    for _ in 0..9 {
        let Outcome::Done(sentence) = scheduled(&world).unwrap() else { panic!("not done") };
        assert!(sentence.contains("was stored before"), "{sentence}");
    }
    assert_eq!(standing(&world), once);
    assert_eq!(world.state().sources.opened, 2, "the sources were read once");
    let state = world.state();
    assert!(state.announcements.iter().all(|told| told == &state.announcements[0]));
}

/// FA2: an older schedule that comes after a newer one has a name of its own.
#[test]
fn an_older_event_that_comes_later_runs_for_its_own_slot() {
    let world = calm();
    scheduled(&world).unwrap();
    store(&world, "2026-11-20T12:00:00Z");
    assert_eq!(keys(&world, "backups/").len(), 6);
    assert!(
        manifest(&world, FOLDER).slot
            > manifest(&world, "backups/controller/2026-11-20T12-00-00Z").slot
    );
}

/// FB1, FB11: `pg_dump` that ends with an error after output leaves nothing that could be taken for
/// a backup.
#[test]
fn a_source_that_breaks_off_leaves_nothing_visible() {
    for bytes in [0, 1, 7, 20] {
        let world = calm();
        world.set().sources.breaks_after = Some(bytes);
        let fault = scheduled(&world).unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable);
        assert_eq!(fault.to_string(), "reading builder: pg_dump ended with exit code 1");
        assert_eq!(keys(&world, "backups/"), [""; 0], "after {bytes} bytes");
        world.set().sources.breaks_after = None;
        scheduled(&world).unwrap();
        assert_is_whole(&world);
    }
}

/// `pg_dump` of a version that does not dump the server, however much it has written before.
pub(crate) fn an_older_pg_dump(world: &World) {
    let mut state = world.set();
    state.sources.breaks_after = Some(0);
    state.sources.breaks_with = |name| {
        let (server, tool) = ("18.4".to_owned(), "16.14".to_owned());
        let refusal = Refusal::PgDumpVersion { server_name: name.to_owned(), server, tool };
        Fault::refused("reading the source", name, refusal)
    };
}

/// P5: told once, and with what to do; another try would meet the same.
#[test]
fn a_server_that_pg_dump_does_not_dump_is_refused_and_told() {
    let world = calm();
    an_older_pg_dump(&world);
    let outcome = scheduled(&world).unwrap();
    assert!(matches!(outcome, Outcome::Refused(Refusal::PgDumpVersion { .. })), "{outcome}");
    assert_eq!(
        outcome.to_string(),
        "the server builder runs PostgreSQL 18.4, and pg_dump 16.14 does not dump that: the layer \
         needs a pg_dump of the server's own major version, or a later one"
    );
    let told: Vec<Happening> = world.state().announcements.iter().map(|it| it.happening).collect();
    assert_eq!(told, [Happening::BackupRefused]);
    assert_eq!(keys(&world, "backups/"), [""; 0]);
    world.set().sources.breaks_after = None;
    scheduled(&world).unwrap();
    assert_is_whole(&world);
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_refusal_of_what_is_read_is_told_whatever_happens_meanwhile() {
    let trial = Trial {
        what: "a dump of a newer server",
        new: || {
            let world = calm();
            an_older_pg_dump(&world);
            world
        },
        act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
        go_on: |world: &World| {
            let outcome = scheduled(world).unwrap();
            assert!(
                matches!(outcome, Outcome::Refused(Refusal::PgDumpVersion { .. })),
                "{outcome}"
            );
            assert_eq!(keys(world, "backups/"), [""; 0]);
        },
    };
    trial.meets_trouble_everywhere();
    trial.dies_everywhere();
    trial.wakes_up_late_everywhere();
}

/// FB1: a live source is another one at each read: shorter, longer, empty. What is recorded is what was
/// streamed, and not what it had before, or has since.
#[test]
fn a_source_that_grows_or_shrinks_is_recorded_as_it_was_streamed() {
    for lengths in [[40, 90], [90, 40], [90, 0], [0, 1]] {
        let world = calm();
        world.set().sources.body_bytes = Some(lengths[0]);
        world.set().sources.breaks_after = Some(lengths[0] / 2);
        scheduled(&world).unwrap_err();
        world.set().sources.body_bytes = Some(lengths[1]);
        world.set().sources.breaks_after = None;
        scheduled(&world).unwrap();
        assert_is_whole(&world);
        let sizes: Vec<u64> =
            manifest(&world, FOLDER).objects.iter().map(|it| it.sums.size_bytes).collect();
        let again = u64::try_from(lengths[1]).unwrap();
        // The first try broke off in the metadata; from then on each source has the other length.
        assert_eq!(sizes, [again, again], "{lengths:?}");
    }
}

/// FB2: what a killed run has stored whole is not read a second time.
#[test]
fn an_object_without_a_manifest_is_adopted_and_not_read_again() {
    let world = calm();
    scheduled(&world).unwrap();
    undo(&mut world.set(), &format!("{FOLDER}/manifest.json"));
    scheduled(&world).unwrap();
    assert_eq!(world.state().sources.opened, 2);
    assert_is_whole(&world);
}

/// A16, A17, FB6, FB7: a 200 is not enough; S3 must say that it did what was asked, or there is no
/// manifest. Nor is there one in a vault whose versioning was suspended.
#[test]
fn an_object_that_s3_did_not_store_as_asked_is_never_committed() {
    let table: [(fn(&mut Version), &str); 8] = [
        (|version| version.id = "null".into(), "S3 keeps no versions of it"),
        (|version| version.algorithm = None, "S3 does not say that it is encrypted"),
        (|version| version.algorithm = Some("AES256".into()), "encrypted with AES256"),
        (
            |version| version.key_arn = Some("arn:aws:kms:us-west-2:1:key/2".into()),
            "under arn:aws:kms",
        ),
        (|version| version.key_arn = None, "no key that S3 names"),
        (|version| version.body = version.body.slice(1..), "bytes, and its source gave"),
        (|version| version.crc64nvme = None, "S3 keeps no CRC-64/NVME"),
        (|version| version.checksum_type = Some("COMPOSITE".into()), "COMPOSITE, not FULL_OBJECT"),
    ];
    for (stores, part) in table {
        let world = calm();
        world.set().sources.stores = stores;
        let fault = scheduled(&world).unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent);
        assert!(fault.to_string().contains(part), "{fault} has no {part}");
        // Nor does the retry adopt it.
        assert_eq!(scheduled(&world).unwrap_err().hope, Hope::Permanent, "{part}");
        assert!(!world.state().objects.contains_key(&format!("{FOLDER}/manifest.json")), "{part}");
    }
}

/// A17, A18, FB5: refused before a byte is sent, and told.
#[test]
fn a_key_that_cannot_protect_the_backup_refuses_it_before_a_byte_is_sent() {
    let table: [(fn(&World), &str); 4] = [
        (|world| world.set().keys.plan_key().state = "Disabled".into(), "it is Disabled"),
        (
            |world| {
                let mut state = world.set();
                state.keys.plan_key().state = "PendingDeletion".into();
                state.keys.plan_key().deleted_at = Some("2026-12-01T00:00:00Z".parse().unwrap());
            },
            "will be deleted at 2026-12-01T00:00:00Z",
        ),
        (|world| world.set().keys.plan_key().arn = "arn:other".into(), "stands for another one"),
        (|world| drop(world.set().keys.by_arn.remove(PLAN_KEY)), "it does not exist"),
    ];
    for (change, part) in table {
        let world = calm();
        change(&world);
        let Outcome::Refused(refusal) = scheduled(&world).unwrap() else { panic!("not refused") };
        assert!(refusal.to_string().contains(part), "{refusal} has no {part}");
        assert_eq!(world.state().sources.opened, 0);
        assert_eq!(keys(&world, "backups/"), [""; 0]);
        assert_eq!(happenings(&world), [Happening::BackupRefused]);
    }
}

#[test]
fn a_key_of_which_nothing_is_known_is_tried_again_and_not_refused() {
    let world = calm();
    world.set().keys.is_silent = true;
    assert_eq!(scheduled(&world).unwrap_err().hope, Hope::Unreachable);
    assert_eq!(happenings(&world), []);
    world.set().keys.is_silent = false;
    scheduled(&world).unwrap();
    assert_is_whole(&world);
}

/// A6, B3: enabling backup for the first time takes a backup immediately, and changing the plan
/// later does not.
#[test]
fn the_first_plan_of_a_system_is_backed_up_at_once() {
    let world = calm();
    for at in ["2026-11-21T00:00:10Z", "2026-11-21T00:00:10Z", "2026-11-21T00:00:20Z"] {
        finish(answer(&world.run(), &written("plans/controller.toml", at))).unwrap();
    }
    let manifests: Vec<String> =
        keys(&world, "backups/").into_iter().filter(|key| key.ends_with("manifest.json")).collect();
    assert_eq!(manifests, ["backups/controller/2026-11-21T00-00-10Z/manifest.json"]);
}

/// E12: artifacts without what keeps account of them are stored, and each notice warns of it.
#[test]
fn a_plan_of_artifacts_without_metadata_is_warned_about() {
    let bucket = r#"{ kind = "s3", endpoint = "https://minio.example.com:9000", bucket = "depot", secret = "arn:aws:secretsmanager:us-west-2:111122223333:secret:warmspare/minio" }"#;
    let https = r#"{ kind = "https", url = "https://east.example.com/artifacts.tar" }"#;
    let both = PLAN.replace(https, bucket);
    let (before, rest) = both.split_once("[[backup.source]]").unwrap();
    let (_, artifacts) = rest.split_once("[[backup.source]]").unwrap();
    let alone = format!("{before}[[backup.source]]{artifacts}");
    for (plan, is_warned) in [(alone, true), (both.clone(), false)] {
        let world = World::new();
        world.put("plans/controller.toml", plan.as_bytes());
        world.set().buckets = Bucket::of(&[("core/acl.hart", "HART-1 acl")]);
        scheduled(&world).unwrap();
        let told = world.state().announcements.last().unwrap().reason.clone();
        assert_eq!(told.contains("; each of its sources is a bucket: "), is_warned, "{told}");
    }
}

/// A11, B4: a backup by hand, whose name is in the request.
#[test]
fn a_backup_by_hand_is_named_by_its_request() {
    let world = calm();
    let unnamed = r#"{"system":"controller","action":"backup-now","reason":"before the upgrade"}"#;
    let sentence = refusal(&world, unnamed).to_string();
    assert!(
        sentence.contains("a request by hand gives the instant that names its backup"),
        "{sentence}"
    );
    assert_eq!(keys(&world, "backups/"), [""; 0]);
    let named = r#"{"system":"controller","action":"backup-now","reason":"before the upgrade",
        "scheduled":"2026-11-21T00:00:25Z"}"#;
    for _try in 0..2 {
        finish(answer(&world.run(), named.as_bytes())).unwrap();
    }
    assert_eq!(keys(&world, "backups/").len(), 3);
    assert_eq!(manifest(&world, "backups/controller/2026-11-21T00-00-25Z").objects.len(), 2);
}

#[test]
fn what_cannot_be_backed_up_is_refused_with_a_sentence_and_told() {
    let event = |scheduled: &str, system: &str| {
        format!(r#"{{"action":"backup","system":"{system}","scheduled":"{scheduled}"}}"#)
    };
    let midnight = "2026-11-21T00:00:00Z";
    let world = calm();
    world.put("plans/broken.toml", b"system = \"broken\"\nsistem = 1\n");
    world.put("plans/copied.toml", PLAN.as_bytes());
    world.put("plans/binary.toml", b"\xff\xfe");
    let aviatrix = PLAN.replace("\"controller\"", "\"aviatrix\"").replace(
        r#"{ kind = "https", url = "https://east.example.com/artifacts.tar" }"#,
        r#"{ kind = "aviatrix", url = "https://east.example.com", secret = "arn:aws:secretsmanager:us-west-2:111122223333:secret:warmspare/a" }"#,
    );
    world.put("plans/aviatrix.toml", aviatrix.as_bytes());
    let table = [
        (
            event("2026-11-19T23:59:59Z", "controller"),
            "is 86431 s away from now, and 86400 s is the most",
        ),
        (
            event("2026-11-21T00:05:31Z", "controller"),
            "is 301 s away from now, and 300 s is the most",
        ),
        (event(midnight, "nobody"), "there is no plan for the system \"nobody\" in the vault"),
        (event(midnight, "broken"), "problem(s): line"),
        (event(midnight, "copied"), "system is \"controller\", but must be \"copied\""),
        (event(midnight, "binary"), "the text is not UTF-8"),
        (event(midnight, "aviatrix"), "backup.source[1].from.bucket is missing"),
        (
            event("<aws.scheduler.scheduled-time>", "controller"),
            "only EventBridge Scheduler fills in",
        ),
    ];
    let mut told = 0;
    for (event, part) in table {
        let sentence = refusal(&world, &event).to_string();
        assert!(sentence.contains(part), "{sentence} has no {part}");
        told += 1;
        assert_eq!(world.state().announcements.len(), told, "{sentence}");
        assert_eq!(world.state().announcements.last().unwrap().reason, sentence);
    }
    assert_eq!(keys(&world, "backups/"), [""; 0]);
    assert_eq!(world.state().sources.opened, 0);
}

/// FA5: no source is begun that could not be ended; what was stored stays, and the retry goes on.
#[test]
fn a_run_whose_time_is_over_begins_no_other_source() {
    let world = calm();
    let run = world.run();
    world.pass(175);
    let fault = finish(answer(&run, SCHEDULED)).unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(fault.to_string().contains("5 s are left, and 30 s are the least"), "{fault}");
    assert_eq!(world.state().sources.opened, 0);
    scheduled(&world).unwrap();
    assert_is_whole(&world);
}

/// Every problem of a plan is told, up to what an event can hold.
#[test]
fn a_plan_with_a_thousand_problems_is_refused_with_fifty_of_them() {
    let world = World::new();
    let plan: String = (0..1_000).map(|n| format!("field-{n} = {n}\n")).collect();
    world.put("plans/controller.toml", plan.as_bytes());
    let Outcome::Refused(refusal) = scheduled(&world).unwrap() else { panic!("not refused") };
    let sentence = refusal.to_string();
    assert!(sentence.starts_with("the plan has 10"), "{sentence}");
    assert!(sentence.contains("; and 9") && sentence.len() < 20_000, "{} letters", sentence.len());
}

/// A look that does not say whether a thing is there is never taken for its absence.
#[test]
fn what_cannot_be_seen_is_neither_stored_nor_refused() {
    for end in ["plans/controller.toml", "/manifest.json", "/metadata"] {
        blind_to(calm, end, async |run: &Run<'_>| answer(run, SCHEDULED).await);
    }
}

/// A manifest that this code cannot read is not written over, and not taken for one.
#[test]
fn a_manifest_that_cannot_be_read_stops_the_backup() {
    for body in [&b"not JSON"[..], b"{\"format\":2}", b"{\"format\":1}"] {
        let world = calm();
        world.put(&format!("{FOLDER}/manifest.json"), body);
        let fault = scheduled(&world).unwrap_err();
        assert_eq!(fault.hope, Hope::Permanent);
        assert!(fault.to_string().contains(FOLDER), "{fault}");
        assert_eq!(keys(&world, FOLDER).len(), 1);
    }
}
