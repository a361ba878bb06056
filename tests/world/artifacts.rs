//! Buckets as sources in the simulated world: each object once, incremental, over as many runs as it takes,
//! and proven object by object. Names in capitals are the rows of the fault matrix and the seed behaviours
//! that a test stands for.

mod changed;
pub(crate) mod long;
mod presence;
mod spoiled;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup::answer;
use warmspare_act::verify_upload;
use warmspare_decide::inventory::{FORMAT, ProvenThrough};
use warmspare_decide::manifest::Manifest;
use warmspare_decide::name::{SourceName, SystemName};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::vault;
use warmspare_decide::verify::KeyFacts;

use crate::backup::PLAN;
use crate::tries::{Trial, blind_to};
use crate::verification::written;
use crate::world::artifacts::Bucket;
use crate::world::vault::{Version, artifacts_of, current, undo};
use crate::world::{Run, World, finish};

pub(crate) const FIRST: &str = "2026-11-20T12:00:00Z";
pub(crate) const SECOND: &str = "2026-11-21T00:00:00Z";
pub(crate) const HTTPS: &str =
    r#"{ kind = "https", url = "https://east.example.com/artifacts.tar" }"#;
pub(crate) const BUCKET: &str = r#"{ kind = "s3", endpoint = "https://minio.example.com:9000", bucket = "depot", secret = "arn:aws:secretsmanager:us-west-2:111122223333:secret:warmspare/minio" }"#;
const OBJECTS: [(&str, &str); 7] = [
    ("core/acl/2.2.53/x86_64-linux/core-acl.hart", "HART-1 acl"),
    ("core/attr/2.4.48/x86_64-linux/core-attr.hart", "HART-1 attr"),
    ("core/bash/5.1/x86_64-linux/core-bash.hart", "HART-1 bash"),
    ("core/empty", ""),
    ("core/gcc/9.1.0/x86_64-linux/core-gcc.hart", "HART-1 gcc"),
    ("core/glibc/2.29/x86_64-linux/core-glibc \"é\".hart", "HART-1 glibc"),
    ("core/zlib/1.2.11/x86_64-linux/core-zlib.hart", "HART-1 zlib"),
];

pub(crate) fn builder() -> World {
    let world = World::new();
    world.put("plans/controller.toml", PLAN.replace(HTTPS, BUCKET).as_bytes());
    world.set().buckets = Bucket::of(&OBJECTS);
    world
}

fn event(at: &str) -> Vec<u8> {
    format!(r#"{{"action":"backup","system":"controller","scheduled":"{at}"}}"#).into_bytes()
}

fn folder(at: &str) -> String {
    format!("backups/controller/{}", at.replace(':', "-"))
}

fn ask(world: &World, event: &[u8]) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), event));
    world.assert_promises("asked");
    outcome
}

pub(crate) fn store(world: &World, at: &str) {
    let outcome = ask(world, &event(at)).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome}");
}

fn go_on(world: &World) -> String {
    world.pass(900);
    ask(world, br#"{"action":"go-on"}"#).unwrap().to_string()
}

pub(crate) fn verify(world: &World, at: &str) -> Result<Outcome, Fault> {
    let event = written(&format!("{}/manifest.json", folder(at)), "2026-11-21T00:00:30Z");
    let outcome = finish(verify_upload::answer(&world.run(), &event));
    world.assert_promises("verified");
    outcome
}

fn has(world: &World, key: &str) -> bool {
    world.state().objects.contains_key(key)
}

fn receipt(at: &str, name: &str) -> String {
    format!("receipts/controller/{}/{name}.json", at.replace(':', "-"))
}

fn manifest(world: &World, at: &str) -> Manifest {
    let state = world.state();
    let key = format!("{}/manifest.json", folder(at));
    serde_json::from_slice(&current(&state, &key).unwrap().body).unwrap()
}

/// What an inventory says that the bucket held, by what the vault holds for it.
fn listed(world: &World, at: &str) -> BTreeMap<String, Bytes> {
    let state = world.state();
    let inventory = current(&state, &format!("{}/artifacts", folder(at))).unwrap();
    let text = std::str::from_utf8(&inventory.body).unwrap();
    let rows: Vec<Value> = text.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let objects = rows.iter().filter_map(|row| row.get("object"));
    objects
        .map(|object| {
            let version = current(&state, object["vault_key"].as_str().unwrap()).unwrap();
            assert_eq!(object["version_id"], version.id.as_str());
            (object["key"].as_str().unwrap().to_owned(), version.body.clone())
        })
        .collect()
}

fn assert_is_whole(world: &World, at: &str) {
    let manifest = manifest(world, at);
    assert_eq!(manifest.format, 3);
    let names: Vec<&str> = manifest.objects.iter().map(|stored| stored.source.as_str()).collect();
    assert_eq!(names, ["metadata", "artifacts"]);
    let wanted = world.state().buckets.objects.clone();
    assert_eq!(listed(world, at), wanted);
    let totals = manifest.objects[1].inventory.unwrap();
    let bytes: usize = wanted.values().map(Bytes::len).sum();
    assert_eq!(totals.objects, u64::try_from(wanted.len()).unwrap());
    assert_eq!(totals.size_bytes, u64::try_from(bytes).unwrap());
}

pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a backup of a bucket",
        new: || {
            let world = builder();
            store(&world, FIRST);
            let mut state = world.set();
            state.buckets.objects.insert("core/new.hart".into(), "HART-1 new".into());
            state.buckets.objects.insert(OBJECTS[2].0.into(), "HART-1 bash again".into());
            state.buckets.objects.remove(OBJECTS[6].0);
            drop(state);
            world
        },
        act: async |run: &Run<'_>| answer(run, &event(SECOND)).await,
        go_on: |world: &World| {
            store(world, SECOND);
            assert_is_whole(world, SECOND);
        },
    }
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
    trial().is_mixed_in_any_order(200);
}

/// C4, C6, C7, C13: metadata first, then the artifacts, each as an object of its own, in one backup.
#[test]
fn a_bucket_is_stored_object_by_object_after_the_metadata() {
    let world = builder();
    let outcome = ask(&world, &event(FIRST)).unwrap().to_string();
    assert!(outcome.contains("with 7 artifact(s), 65 bytes"), "{outcome}");
    assert_is_whole(&world, FIRST);
    let state = world.state();
    let serial = |key: &str| -> u64 {
        current(&state, key).unwrap().id.strip_prefix("version-").unwrap().parse().unwrap()
    };
    let artifacts = state.objects.keys().filter(|key| key.starts_with("artifacts/"));
    let first = artifacts.map(|key| serial(key)).min().unwrap();
    assert!(serial(&format!("{}/metadata", folder(FIRST))) < first);
    assert!(serial(&format!("{}/artifacts", folder(FIRST))) > first);
    assert_eq!(state.buckets.opened, 7);
}

/// C13: what has the same key, ETag and size is not read again; what was written over is, and the
/// backup of before keeps what it was; what is gone is not listed any more, and stays where it is.
#[test]
fn only_what_is_new_or_has_changed_is_copied() {
    let world = (trial().new)();
    let before = listed(&world, FIRST);
    store(&world, SECOND);
    assert_is_whole(&world, SECOND);
    assert_eq!(world.state().buckets.opened, 7 + 2);
    assert_eq!(listed(&world, FIRST), before);
    let third = "2026-11-21T00:00:20Z";
    store(&world, third);
    assert_is_whole(&world, third);
    assert_eq!(world.state().buckets.opened, 7 + 2);
}

/// FB1: the source changes between its listing and its reading. What is stored is what was read, under
/// its own name; what is gone is not listed, and nothing of it is made up.
#[test]
fn an_object_that_changes_after_it_was_listed_is_stored_as_what_was_read() {
    let world = builder();
    world.set().buckets.meanwhile = Some(|objects| {
        objects.insert(OBJECTS[1].0.into(), "HART-1 attr, longer than it was".into());
        objects.remove(OBJECTS[2].0);
        objects.insert("core/zzz.hart".into(), "HART-1 zzz".into());
    });
    store(&world, FIRST);
    assert_is_whole(&world, FIRST);
    verify(&world, FIRST).unwrap();
    assert!(has(&world, &receipt(FIRST, "verified")));
}

/// FB1, FV8: an object that breaks off, or of which a part is answered as if it were all, leaves nothing of
/// it; what was copied before is written down.
#[test]
fn an_object_that_cannot_be_read_fails_the_backup_and_costs_nothing_of_the_others() {
    let table: [(fn(&mut Bucket, Option<String>), Hope, &str); 3] = [
        (|bucket, key| bucket.broken = key, Hope::Retryable, "bytes of it were read"),
        (|bucket, key| bucket.denied = key, Hope::Permanent, "AccessDenied"),
        (
            |bucket, key| bucket.cut = key,
            Hope::Retryable,
            "listed with 10 bytes, and is answered with 5",
        ),
    ];
    for (breaks, hope, part) in table {
        let world = builder();
        breaks(&mut world.set().buckets, Some(OBJECTS[4].0.to_owned()));
        let fault = ask(&world, &event(FIRST)).unwrap_err();
        assert_eq!(fault.hope, hope, "{fault}");
        assert!(fault.to_string().contains(part) && fault.to_string().contains("gcc"), "{fault}");
        assert!(!has(&world, &format!("{}/artifacts", folder(FIRST))));
        let opened = world.state().buckets.opened;
        breaks(&mut world.set().buckets, None);
        store(&world, FIRST);
        assert_is_whole(&world, FIRST);
        // The four before it are in a piece; only what comes after is read, whatever was read before.
        assert!(world.state().buckets.opened - opened <= 3, "{part}");
    }
}

/// FA5: a bucket that takes more than one run. Each goes on after the last piece, nothing is read twice,
/// and a run that is at it is left alone.
#[test]
fn a_bucket_that_takes_more_than_one_run_is_gone_on_with() {
    let world = builder();
    world.set().buckets.page_s = 70;
    let Outcome::Waiting(why) = ask(&world, &event(SECOND)).unwrap() else { panic!("not waiting") };
    assert!(
        why.contains("is copied up to \"core/bash/5.1") && why.contains("40 s are left"),
        "{why}"
    );
    assert!(!has(&world, &format!("{}/manifest.json", folder(SECOND))));
    let others = ask(&world, br#"{"action":"go-on"}"#).unwrap().to_string();
    assert!(others.contains("no backup has to be gone on with"), "{others}");
    let mut said = Vec::new();
    for _turn in 0..5 {
        said.push(go_on(&world));
    }
    let is_stored = |said: &&String| said.contains("of controller is stored");
    assert_eq!(said.iter().filter(is_stored).count(), 1, "{said:?}");
    assert!(said[4].contains("no backup has to be gone on with"), "{said:?}");
    assert_is_whole(&world, SECOND);
    let state = world.state();
    assert_eq!((state.buckets.opened, state.sources.opened), (7, 1));
}

/// A first copy that takes longer than a day: what the older backup has copied and never finished, the
/// newer one takes over, and the older is given up.
#[test]
fn what_was_begun_and_never_finished_is_taken_over_by_the_next_backup() {
    let world = builder();
    world.set().buckets.page_s = 70;
    assert!(matches!(ask(&world, &event(FIRST)).unwrap(), Outcome::Waiting(_)));
    world.pass(60);
    world.set().buckets.page_s = 0;
    store(&world, SECOND);
    assert_is_whole(&world, SECOND);
    assert_eq!(world.state().buckets.opened, 7);
    let said = go_on(&world);
    assert!(said.contains("no backup has to be gone on with"), "{said}");
    assert!(!has(&world, &format!("{}/manifest.json", folder(FIRST))));
}

/// What is refused while it is gone on with is told once.
#[test]
fn a_refusal_ends_what_was_begun() {
    let world = builder();
    world.set().buckets.page_s = 70;
    assert!(matches!(ask(&world, &event(SECOND)).unwrap(), Outcome::Waiting(_)));
    world.set().keys.plan_key().state = "Disabled".into();
    let said = go_on(&world);
    assert!(said.contains("it is Disabled"), "{said}");
    let told = world.state().announcements.len();
    let said = go_on(&world);
    assert!(said.contains("no backup has to be gone on with"), "{said}");
    assert_eq!(world.state().announcements.len(), told);
}

/// FB5: another key, or another bucket, is another origin: nothing is taken over from it.
#[test]
fn what_is_under_another_key_or_of_another_bucket_is_copied_anew() {
    for (this, other) in [
        ("bucket = \"depot\"", "bucket = \"depot-2\""),
        ("https://minio.example.com:9000", "https://minio-2.example.com:9000"),
    ] {
        let world = builder();
        store(&world, FIRST);
        let plan = PLAN.replace(HTTPS, &BUCKET.replace(this, other));
        world.put("plans/controller.toml", plan.as_bytes());
        store(&world, SECOND);
        assert_is_whole(&world, SECOND);
        assert_eq!(world.state().buckets.opened, 14, "{other}");
    }
}

/// A plan that is changed in the middle does not make one inventory of two buckets.
#[test]
fn a_plan_that_is_changed_in_the_middle_ends_that_backup() {
    let world = builder();
    world.set().buckets.page_s = 70;
    assert!(matches!(ask(&world, &event(SECOND)).unwrap(), Outcome::Waiting(_)));
    let plan = PLAN.replace(HTTPS, &BUCKET.replace("\"depot\"", "\"depot-2\""));
    world.put("plans/controller.toml", plan.as_bytes());
    let fault = ask(&world, &event(SECOND)).unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(
        fault.to_string().contains("the plan was changed since this backup was begun"),
        "{fault}"
    );
}

/// Earlier records that cannot be read cost a copy, and no backup.
#[test]
fn an_inventory_of_before_that_cannot_be_read_is_passed_over() {
    let world = builder();
    store(&world, FIRST);
    let key = format!("{}/artifacts", folder(FIRST));
    {
        let mut state = world.set();
        let version = state.objects.get_mut(&key).unwrap().last_mut().unwrap();
        version.body = version.body.slice(..version.body.len() / 2);
    }
    store(&world, SECOND);
    assert_is_whole(&world, SECOND);
}

/// FB2: the inventory of a killed run is adopted, with what it lists.
#[test]
fn an_inventory_without_a_manifest_is_adopted() {
    let world = builder();
    store(&world, FIRST);
    undo(&mut world.set(), &format!("{}/manifest.json", folder(FIRST)));
    store(&world, FIRST);
    assert_is_whole(&world, FIRST);
    assert_eq!(world.state().buckets.opened, 7);
}

#[test]
fn what_cannot_be_seen_is_neither_stored_nor_passed_over() {
    blind_to(builder, "/manifest.json", async |run: &Run<'_>| answer(run, &event(FIRST)).await);
    let world = builder();
    for end in ["/artifacts", ".json"] {
        world.set().beside.blind_to = Some(end);
        let fault = ask(&world, &event(FIRST)).unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable, "{fault}");
        assert!(fault.to_string().contains("S3 answered 403"), "{fault}");
        assert_eq!(world.state().buckets.opened, 0, "blind to {end}");
    }
    world.set().beside.blind_to = None;
    store(&world, FIRST);
    assert_is_whole(&world, FIRST);
}

/// A thousand small objects, each call of twenty milliseconds: at least five times as fast as one call
/// after the other.
#[test]
fn small_objects_are_copied_many_at_a_time() {
    let world = builder();
    let many = (0..1_000).map(|n| (format!("core/{n:04}.hart"), Bytes::from_static(b"HART-1")));
    world.set().buckets = Bucket { objects: many.collect(), page: 1_000, ..Bucket::default() };
    let (run, began) = (world.run().slowed(20), world.state().now);
    let outcome = run.live_through(answer(&run, &event(FIRST))).unwrap();
    assert!(outcome.to_string().contains("with 1000 artifact(s)"), "{outcome}");
    assert_is_whole(&world, FIRST);
    let took = world.state().now.duration_since(began).as_millis();
    let one_by_one = u128::try_from(run.calls()).unwrap() * 20;
    let took = u128::try_from(took).unwrap();
    println!("{} calls: {took} ms, and {one_by_one} ms one by one", run.calls());
    assert!(took * 5 <= one_by_one, "{took} ms, and {one_by_one} ms one by one");
}

fn verification()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a verification of a bucket",
        new: || {
            let world = (trial().new)();
            verify(&world, FIRST).unwrap();
            store(&world, SECOND);
            world
        },
        act: async |run: &Run<'_>| {
            let key = format!("{}/manifest.json", folder(SECOND));
            verify_upload::answer(run, &written(&key, "2026-11-21T00:00:30Z")).await
        },
        go_on: |world: &World| {
            verify(world, SECOND).unwrap();
            assert!(has(world, &receipt(SECOND, "verified")));
        },
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_verification_that_meets_trouble_anywhere_leads_to_the_same_end() {
    verification().meets_trouble_everywhere();
    verification().dies_everywhere();
    verification().wakes_up_late_everywhere();
    verification().is_mixed_in_any_order(100);
}

/// P1: every artifact is read back by the role that will restore before the backup counts, and one that was
/// proven for an earlier backup is not read again.
#[test]
fn what_an_inventory_lists_is_proven_once() {
    let world = builder();
    store(&world, FIRST);
    let run = world.run();
    let key = format!("{}/manifest.json", folder(FIRST));
    finish(verify_upload::answer(&run, &written(&key, "2026-11-21T00:00:30Z"))).unwrap();
    let first = run.looks();
    assert!(has(&world, &receipt(FIRST, "verified")));
    let told = world.state().announcements.last().unwrap().reason.clone();
    assert!(told.contains("and so are 7 artifact(s)"), "{told}");
    store(&world, SECOND);
    let run = world.run();
    let key = format!("{}/manifest.json", folder(SECOND));
    finish(verify_upload::answer(&run, &written(&key, "2026-11-21T00:00:30Z"))).unwrap();
    assert!(has(&world, &receipt(SECOND, "verified")));
    // Two looks less for each artifact, and a few more for the inventory of before.
    assert!(run.looks() < first, "{} and {first}", run.looks());
    world.assert_promises("both");
}

/// FV1, FV2, FB6: each thing that can be wrong with one artifact, and the backup is rejected for it.
#[test]
fn an_artifact_that_is_not_what_was_copied_rejects_the_backup() {
    let table: [(fn(&mut Vec<Version>), &str); 6] = [
        (|versions| versions.clear(), "it is not there"),
        (|versions| versions[0].algorithm = Some("AES256".into()), "encrypted with AES256"),
        (
            |versions| versions[0].key_arn = Some("arn:aws:kms:us-west-2:1:key/2".into()),
            "under arn",
        ),
        (|versions| versions[0].crc64nvme = None, "S3 keeps no CRC-64/NVME"),
        (|versions| versions[0].body = "HART-1 gcd".into(), "its SHA-256 when read back"),
        (
            |versions| versions.push(Version { id: "other".into(), ..versions[0].clone() }),
            "it was written over",
        ),
    ];
    for (damage, part) in table {
        let world = builder();
        store(&world, FIRST);
        {
            let mut state = world.set();
            let inventory = current(&state, &format!("{}/artifacts", folder(FIRST))).unwrap();
            let artifact = artifacts_of(inventory)[4].clone();
            damage(state.objects.get_mut(&artifact).unwrap());
            if state.objects[&artifact].is_empty() {
                undo(&mut state, &artifact);
            }
        }
        let outcome = verify(&world, FIRST).unwrap().to_string();
        assert!(outcome.contains("is rejected") && outcome.contains(part), "{outcome}: {part}");
        assert!(outcome.contains("artifacts/controller/artifacts/"), "{outcome}");
        assert!(!has(&world, &receipt(FIRST, "verified")), "{part}");
        // And the next backup is whole: what lies there is held against what the bucket gives.
        store(&world, SECOND);
        assert_is_whole(&world, SECOND);
        verify(&world, SECOND).unwrap();
        assert!(has(&world, &receipt(SECOND, "verified")), "{part}");
    }
}

/// P1: a copy that a killed run has left counts by what the bucket gives, whatever its length: what was laid
/// in its place, or may not even be looked at, is passed over and left. What is long is read and not sent.
#[test]
fn what_lies_under_the_name_of_a_content_counts_only_if_it_is_that() {
    for long in [false, true] {
        let key = OBJECTS[4].0;
        let body = Bytes::from("HART-1 gcc".repeat(if long { 900_000 } else { 1 }));
        let killed = || {
            let world = builder();
            world.set().buckets.objects.insert(key.into(), body.clone());
            store(&world, FIRST);
            let inventory = format!("{}/artifacts", folder(FIRST));
            let copy = artifacts_of(current(&world.state(), &inventory).unwrap())[4].clone();
            let mut lost: Vec<String> = {
                let state = world.state();
                state.objects.keys().filter(|key| key.starts_with("pieces/")).cloned().collect()
            };
            lost.extend([inventory, format!("{}/manifest.json", folder(FIRST))]);
            lost.iter().for_each(|key| undo(&mut world.set(), key));
            world.set().beside.received.clear();
            (world, copy)
        };
        let names = |world: &World, copy: &str| {
            let state = world.state();
            state.objects.keys().filter(|key| key.starts_with(copy)).count()
        };
        let (world, copy) = killed();
        store(&world, FIRST);
        assert_is_whole(&world, FIRST);
        assert_eq!(names(&world, &copy), 1);
        let sent: usize = world.state().beside.received.values().sum();
        assert_eq!(sent < body.len(), long, "{sent} bytes were sent");
        let spoils: [fn(&mut Version); 2] = [
            |version| {
                let body = "x".repeat(version.body.len());
                version.crc64nvme = Some(warmspare_act::stream::crc64nvme_of(body.as_bytes()));
                version.body = body.into();
            },
            |version| version.key_arn = Some("closed".into()),
        ];
        for spoil in spoils {
            let (world, copy) = killed();
            {
                let mut state = world.set();
                let closed = state.keys.plan_key().clone();
                let closed = KeyFacts { state: "Disabled".into(), ..closed };
                state.keys.by_arn.insert("closed".into(), closed);
                spoil(state.objects.get_mut(&copy).unwrap().last_mut().unwrap());
            }
            store(&world, FIRST);
            assert_is_whole(&world, FIRST);
            assert_eq!(names(&world, &copy), 2);
            verify(&world, FIRST).unwrap();
            assert!(has(&world, &receipt(FIRST, "verified")), "long: {long}");
        }
    }
}

/// P1: what is proven of one bucket says nothing of another one, even if its name begins alike.
#[test]
fn a_bucket_is_not_proven_by_one_whose_name_begins_alike() {
    let world = builder();
    store(&world, FIRST);
    let (system, slot) = (SystemName::parse("controller").unwrap(), manifest(&world, FIRST).slot);
    let source = SourceName::parse("artifacts-old").unwrap();
    let key = vault::proven_through(&system, slot, &source, 1);
    let through = Some("zzz".to_owned());
    let proven = ProvenThrough { format: FORMAT, system, slot, source, through };
    world.put(&key, &serde_json::to_vec(&proven).unwrap());
    {
        let mut state = world.set();
        let inventory = current(&state, &format!("{}/artifacts", folder(FIRST))).unwrap();
        let artifact = artifacts_of(inventory)[4].clone();
        state.objects.get_mut(&artifact).unwrap()[0].body = "HART-1 gcd".into();
    }
    let outcome = verify(&world, FIRST).unwrap().to_string();
    assert!(outcome.contains("is rejected"), "{outcome}");
}

/// A verification that takes more than one run is written down, and the sweep goes on with it.
#[test]
fn a_verification_that_takes_more_than_one_run_is_gone_on_with_by_the_sweep() {
    let world = builder();
    let more = (0..40).map(|n| (format!("more/{n:02}.hart"), Bytes::from(format!("HART-1 {n}"))));
    world.set().buckets.objects.extend(more);
    store(&world, FIRST);
    world.set().beside.artifact_s = 20;
    let Outcome::Waiting(why) = verify(&world, FIRST).unwrap() else { panic!("not waiting") };
    assert!(why.contains("and the sweep goes on"), "{why}");
    assert!(!has(&world, &receipt(FIRST, "verified")));
    assert!(has(&world, &receipt(FIRST, "artifacts-artifacts.000001")));
    for _hour in 0..8 {
        world.pass(3_600);
        finish(verify_upload::answer(&world.run(), br#"{"action":"sweep"}"#)).unwrap();
        world.assert_promises("the sweep");
    }
    assert!(has(&world, &receipt(FIRST, "verified")));
}
