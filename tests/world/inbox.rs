//! What an appliance pushes becomes a backup, in the simulated world: each push once, none of them
//! half, and never one under the name of another. Names in capitals are the rows of the fault matrix
//! and the seed behaviours that a test stands for.

use std::collections::BTreeSet;
use std::pin::pin;

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup::answer;
use warmspare_act::verify_upload;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::outcome::{Happening, Outcome};

use crate::backup::PLAN;
use crate::tries::{Trial, blind_to, standing};
use crate::verification::written;
use crate::world::vault::{Version, current, push, undo};
use crate::world::{Run, World, finish, poll_once};

const CONFIG: &str = "uploads/controller/config/";
const DATA: &str = "uploads/controller/data/";
const SCHEDULED: &str =
    r#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;

/// The plan of the other tests, whose sources are these.
pub(crate) fn plan(sources: &[&str]) -> String {
    let (before, rest) = PLAN.split_once("[[backup.source]]").unwrap();
    let (_, after) = rest.split_once("[database]").unwrap();
    let sources: String = sources
        .iter()
        .map(|name| match *name {
            "page" => "[[backup.source]]\nname = \"page\"\nfrom = { kind = \"https\", url = \
                       \"https://east.example.com/page\" }\n"
                .to_owned(),
            name => {
                format!("[[backup.source]]\nname = \"{name}\"\nfrom = {{ kind = \"upload\" }}\n")
            }
        })
        .collect();
    format!("{before}{sources}[database]{after}")
}

fn world(sources: &[&str]) -> World {
    let world = World::new();
    world.put("plans/controller.toml", plan(sources).as_bytes());
    world
}

/// The event of what was pushed under this key now.
fn told(world: &World, key: &str) -> Vec<u8> {
    written(key, &world.state().now.to_string())
}

fn push_and_tell(world: &World, key: &str, body: &str) -> Vec<u8> {
    push(&mut world.set(), key, body.as_bytes());
    told(world, key)
}

fn ask(world: &World, event: &[u8]) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), event));
    world.assert_promises("asked");
    outcome
}

fn said(world: &World, event: &[u8]) -> (&'static str, String) {
    let outcome = ask(world, event).unwrap();
    (outcome.word(), outcome.to_string())
}

fn scheduled_at(at: &str) -> Vec<u8> {
    SCHEDULED.replace("2026-11-21T00:00:00Z", at).into_bytes()
}

fn manifests(world: &World) -> Vec<Manifest> {
    let state = world.state();
    let keys = state.objects.keys().filter(|key| key.ends_with("/manifest.json"));
    keys.map(|key| serde_json::from_slice(&current(&state, key).unwrap().body).unwrap()).collect()
}

/// What each backup is made of: the text of its first object, by slot.
fn texts(world: &World) -> Vec<(String, String)> {
    let state = world.state();
    let text = |manifest: &Manifest| {
        let body = &current(&state, &manifest.objects[0].key).unwrap().body;
        (manifest.slot.to_string(), String::from_utf8(body.to_vec()).unwrap())
    };
    manifests(world).iter().map(text).collect()
}

/// Every backup is, byte for byte, the push that its manifest names, and no push is two backups'.
fn assert_faithful(world: &World) {
    let mut adopted = BTreeSet::new();
    for manifest in manifests(world) {
        assert_eq!(manifest.format, 2);
        for stored in &manifest.objects {
            let upload = stored.upload.as_ref().unwrap();
            let state = world.state();
            let versions = &state.objects[&upload.key];
            let pushed = versions.iter().find(|version| version.id == upload.version_id).unwrap();
            assert_eq!(pushed.body, current(&state, &stored.key).unwrap().body, "{}", stored.key);
            assert_eq!(pushed.written_at, upload.written_at);
            assert!(adopted.insert(upload.version_id.clone()), "{} is stored twice", upload.key);
        }
    }
}

fn pushed_twice() -> World {
    let world = world(&["config", "data"]);
    push(&mut world.set(), &format!("{CONFIG}2026-11-21.enc"), b"the configuration");
    push(&mut world.set(), &format!("{DATA}2026-11-21.dump"), b"the data of that configuration");
    world
}

pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    let event = written(&format!("{DATA}2026-11-21.dump"), crate::world::START);
    let again = event.clone();
    Trial {
        what: "a backup of two pushes",
        new: pushed_twice,
        act: async move |run: &Run<'_>| answer(run, &event).await,
        go_on: move |world: &World| {
            ask(world, &again).unwrap();
            assert_eq!(manifests(world).len(), 1);
            assert_faithful(world);
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
fn three_runs_at_once_in_any_order_make_one_backup() {
    trial().is_mixed_in_any_order(500);
}

/// A push is replaced, under its own name or by another, at each call of the run that adopts it: the
/// first is adopted as it was or not at all, and the last is always adopted in the end.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_push_that_is_replaced_at_any_call_is_adopted_as_it_was_and_the_next_one_after_it() {
    for (second, wait_s) in [("a.enc", 5), ("b.enc", 5), ("a.enc", 0), ("b.enc", 0)] {
        let mut calls = 0;
        loop {
            let world = world(&["config"]);
            let first = push_and_tell(&world, &format!("{CONFIG}a.enc"), "the first, as pushed");
            let run = world.run().stopping_at(calls);
            let mut act = pin!(answer(&run, &first));
            let is_over = poll_once(act.as_mut()).is_ready();
            world.pass(wait_s);
            let next = push_and_tell(&world, &format!("{CONFIG}{second}"), "and the second one");
            run.wake();
            if !is_over {
                assert!(poll_once(act.as_mut()).is_ready(), "call {calls}");
            }
            for event in [&next, &first, &next] {
                ask(&world, event).unwrap();
            }
            let during = format!("{second}, {wait_s} s, call {calls}");
            assert_faithful(&world);
            assert_eq!(texts(&world).last().unwrap().1, "and the second one", "{during}");
            assert!(manifests(&world).len() <= 2, "{during}");
            let (word, sentence) = said(&world, &scheduled_at("2026-11-21T00:00:40Z"));
            assert_eq!(word, "refused", "{during}: {sentence}");
            if is_over {
                break;
            }
            calls += 1;
        }
        println!("replaced by {second} after {wait_s} s: {calls} calls");
        assert!(calls > 10);
    }
}

/// E1, E4: the appliance's own schedule is enough. A15-A17: under the plan's key, and proven like
/// every other backup.
#[test]
fn a_push_wakes_its_backup_and_the_manifest_says_which_push_it_is() {
    let world = world(&["config"]);
    let key = format!("{CONFIG}backup.enc");
    let event = push_and_tell(&world, &key, "everything that it knows");
    let (word, sentence) = said(&world, &event);
    assert_eq!(word, "done");
    assert_eq!(
        sentence,
        "backup 2026-11-21T00-00-30Z of controller is stored: 1 object(s), 24 bytes"
    );
    assert_faithful(&world);
    let manifest = &manifests(&world)[0];
    let upload = manifest.objects[0].upload.as_ref().unwrap();
    assert_eq!(upload.key, key);
    assert_eq!(upload.written_at.to_string(), "2026-11-21T00:00:30Z");
    let verified =
        written("backups/controller/2026-11-21T00-00-30Z/manifest.json", crate::world::START);
    let outcome = finish(verify_upload::answer(&world.run(), &verified)).unwrap();
    assert!(outcome.to_string().contains("is verified"), "{outcome}");
    world.assert_promises("verified");
    assert!(world.state().objects.contains_key("backups/controller/latest/config"));
}

/// FA1.
#[test]
fn ten_duplicates_of_a_push_have_one_effect() {
    let world = world(&["config"]);
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "once");
    ask(&world, &event).unwrap();
    let once = standing(&world);
    for _ in 0..9 {
        assert!(said(&world, &event).1.contains("was stored before"));
    }
    assert_eq!(standing(&world), once);
}

/// A schedule that finds nothing new says so, with both numbers, and never repeats an old push.
#[test]
fn a_schedule_with_nothing_new_is_refused_and_told() {
    let world = world(&["config"]);
    let (word, sentence) = said(&world, SCHEDULED.as_bytes());
    assert_eq!(word, "refused");
    assert_eq!(
        sentence,
        "nothing new lies in uploads/controller/config/ since the beginning: no backup holds a push of \
         it: 0 object(s) were seen there, and 0 that came since are empty"
    );
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "the only one");
    ask(&world, &event).unwrap();
    world.pass(3_600);
    let (word, sentence) = said(&world, &scheduled_at("2026-11-21T01:00:00Z"));
    assert_eq!(word, "refused");
    assert!(
        sentence.contains(
            "since 2026-11-21T00:00:30Z (3570 s before the slot), when what backup \
             2026-11-21T00-00-30Z holds was pushed: 1 object(s)"
        ),
        "{sentence}"
    );
    let told: Vec<Happening> = world.state().announcements.iter().map(|t| t.happening).collect();
    use Happening::{BackupRefused, BackupStored};
    assert_eq!(told, [BackupRefused, BackupStored, BackupRefused]);
    // The next push is adopted by whichever comes first.
    push(&mut world.set(), &format!("{CONFIG}a"), b"overwritten, as it is its habit (A12)");
    assert_eq!(said(&world, &scheduled_at("2026-11-21T01:00:01Z")).0, "done");
    assert_faithful(&world);
}

/// FA2: two pushes close together, whatever the order of their events.
#[test]
fn two_pushes_close_together_are_adopted_in_any_order_of_their_events() {
    for (names, wait_s) in [(["a", "b"], 5), (["b", "a"], 5), (["a", "a"], 5), (["a", "b"], 0)] {
        for order in [[0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 1]] {
            let world = world(&["config"]);
            let first = push_and_tell(&world, &format!("{CONFIG}{}", names[0]), "the first");
            world.pass(wait_s);
            let second = push_and_tell(&world, &format!("{CONFIG}{}", names[1]), "the second");
            for n in order {
                let (word, sentence) = said(&world, [&first, &second][n]);
                assert_eq!(word, "done", "{sentence}");
            }
            assert_faithful(&world);
            let texts = texts(&world);
            assert_eq!(texts.len(), 1, "the newest one is enough: {texts:?}");
            assert_eq!(texts[0].1, "the second", "{names:?} {order:?}");
        }
    }
}

/// The second of two pushes has the same event time: its backup is named by the next second.
#[test]
fn a_push_in_the_same_second_as_one_that_is_adopted_has_the_next_slot() {
    for second in ["a", "b"] {
        let world = world(&["config"]);
        let event = push_and_tell(&world, &format!("{CONFIG}a"), "the first");
        ask(&world, &event).unwrap();
        let event = push_and_tell(&world, &format!("{CONFIG}{second}"), "the second");
        for _duplicate in 0..3 {
            assert_eq!(said(&world, &event).0, "done");
        }
        let wanted =
            [("2026-11-21T00-00-30Z", "the first"), ("2026-11-21T00-00-31Z", "the second")];
        assert_eq!(texts(&world), wanted.map(|(slot, text)| (slot.to_owned(), text.to_owned())));
        assert_faithful(&world);
    }
}

/// A push in several parts is not there before its end, and dated by its beginning: one that ends
/// after a later one was adopted holds older data.
#[test]
fn a_push_that_is_half_done_is_invisible_and_one_that_ends_late_is_older() {
    let world = world(&["config"]);
    world.pass(600);
    let small = push_and_tell(&world, &format!("{CONFIG}small"), "begun later, and small");
    assert_eq!(said(&world, &small).0, "done");
    world.pass(1);
    push(&mut world.set(), &format!("{CONFIG}large"), b"begun first, and large");
    let begun = "2026-11-21T00:05:00Z".parse().unwrap();
    world.set().objects.get_mut(&format!("{CONFIG}large")).unwrap()[0].written_at = begun;
    let (word, sentence) = said(&world, &told(&world, &format!("{CONFIG}large")));
    assert_eq!(word, "done");
    assert!(
        sentence.starts_with(
            "uploads/controller/config/large is held by a backup of controller, or is older than \
             what is"
        ),
        "{sentence}"
    );
    assert_eq!(manifests(&world).len(), 1);
}

#[test]
fn an_empty_push_is_told_and_never_adopted() {
    let world = world(&["config"]);
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "");
    let (word, sentence) = said(&world, &event);
    assert_eq!(word, "refused");
    assert!(sentence.ends_with("1 object(s) were seen there, and 1 that came since are empty"));
    assert_eq!(world.state().announcements.len(), 1);
    // Beside a whole one it is passed over, though it is newer.
    push(&mut world.set(), &format!("{CONFIG}b"), b"whole");
    world.pass(5);
    let event = push_and_tell(&world, &format!("{CONFIG}c"), "");
    assert_eq!(said(&world, &event).0, "done");
    assert_eq!(texts(&world)[0].1, "whole");
    assert_faithful(&world);
}

#[test]
fn a_push_that_nothing_takes_is_refused_by_name() {
    let world = world(&["config", "data"]);
    world.put("plans/pages.toml", PLAN.replace("\"controller\"", "\"pages\"").as_bytes());
    let at = |key: &str| said(&world, &written(key, "2026-11-21T00:00:30Z"));
    let (word, sentence) = at("uploads/stranger/config/a");
    assert_eq!(word, "refused");
    assert!(sentence.starts_with("there is no plan for the system \"stranger\""), "{sentence}");
    for key in ["uploads/controller/a", "uploads/controller/dump/a", "uploads/controller/configs/a"]
    {
        let (word, sentence) = at(key);
        assert_eq!(word, "refused");
        let takes =
            "what it takes is uploads/controller/config/<name> and uploads/controller/data/<name>";
        assert_eq!(
            sentence,
            format!("nothing of the plan takes what was pushed as {key}: {takes}")
        );
    }
    let (word, sentence) = at("uploads/pages/config/a");
    assert_eq!(word, "refused");
    assert!(sentence.ends_with("none of its 2 source(s) is of kind upload"), "{sentence}");
    assert_eq!(world.state().announcements.len(), 5, "each of them was told");
    let (word, sentence) = at("uploads/a");
    assert_eq!(word, "refused");
    assert!(sentence.contains("or uploads/<system>/<source>/<name>"), "{sentence}");
    let (word, sentence) = at("uploads/controller/config/");
    assert_eq!(word, "done", "{sentence}");
    assert_eq!(manifests(&world).len(), 0);
}

/// C6: a set belongs together, so it is made when each of its sources has something new.
#[test]
fn a_backup_of_two_pushes_waits_for_both() {
    let world = world(&["config", "data"]);
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "configuration");
    let (word, sentence) = said(&world, &event);
    assert_eq!(word, "waiting");
    assert!(sentence.contains("nothing new lies in uploads/controller/data/"), "{sentence}");
    let event = push_and_tell(&world, &format!("{DATA}a"), "data");
    assert_eq!(said(&world, &event).0, "done");
    world.pass(60);
    let event = push_and_tell(&world, &format!("{DATA}a"), "newer data");
    assert_eq!(said(&world, &event).0, "waiting", "its configuration has not come yet");
    assert_eq!(manifests(&world).len(), 1);
    assert_faithful(&world);
}

/// With sources that are read, a push waits for their schedule.
#[test]
fn a_push_beside_sources_that_are_read_is_taken_along_by_the_schedule() {
    let world = world(&["page", "config"]);
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "configuration");
    let (word, sentence) = said(&world, &event);
    assert_eq!(word, "waiting");
    assert!(sentence.contains("waits for the next scheduled backup of controller"), "{sentence}");
    assert_eq!(said(&world, SCHEDULED.as_bytes()).0, "done");
    let manifest = &manifests(&world)[0];
    assert_eq!(manifest.objects[0].upload, None);
    assert!(manifest.objects[1].upload.is_some());
    // The next one is refused whole, before anything is read.
    let (word, _) = said(&world, &scheduled_at("2026-11-21T00:00:20Z"));
    assert_eq!(word, "refused");
    assert_eq!(world.state().sources.opened, 1);
}

/// A6, B3: the first plan may come before anything was pushed.
#[test]
fn the_first_plan_waits_for_the_first_push() {
    let world = world(&["config"]);
    let (word, sentence) = said(&world, &written("plans/controller.toml", crate::world::START));
    assert_eq!(word, "waiting");
    assert!(sentence.starts_with("the first backup of controller comes with what is pushed first"));
    push(&mut world.set(), &format!("{CONFIG}a"), b"there already");
    assert_eq!(said(&world, &written("plans/controller.toml", crate::world::START)).0, "done");
    assert_faithful(&world);
}

/// FB6: what S3 says of the push is held against what is read; what differs is never visible.
#[test]
fn a_push_that_is_not_what_s3_says_of_it_leaves_nothing_visible() {
    let table: [(fn(&mut Version), &str); 2] = [
        (|version| version.body = version.body.slice(1..), "its CRC-64/NVME when read is"),
        (|version| version.crc64nvme = Some("AAAAAAAAAAA=".into()), "and S3 says that it is AAAA"),
    ];
    for (damage, part) in table {
        let world = world(&["config"]);
        let event = push_and_tell(&world, &format!("{CONFIG}a"), "123456789");
        damage(&mut world.set().objects.get_mut(&format!("{CONFIG}a")).unwrap()[0]);
        let fault = ask(&world, &event).unwrap_err();
        assert_eq!(fault.hope, Hope::Retryable);
        assert!(fault.to_string().contains(part), "{fault}");
        assert!(!world.state().objects.keys().any(|key| key.starts_with("backups/")));
    }
    // S3 keeps another checksum, and the adapter holds that.
    let world = world(&["config"]);
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "123456789");
    world.set().objects.get_mut(&format!("{CONFIG}a")).unwrap()[0].crc64nvme = None;
    assert_eq!(said(&world, &event).0, "done");
}

/// A15-A17.
#[test]
fn a_push_that_is_not_encrypted_as_the_plan_says_is_refused() {
    let table: [(fn(&mut Version), &str); 4] = [
        (|version| version.algorithm = Some("AES256".into()), "it is encrypted with AES256, not"),
        (|version| version.algorithm = None, "it is not said to be encrypted"),
        (
            |version| version.key_arn = Some("arn:other".into()),
            "under arn:other, not under arn:aws",
        ),
        (|version| version.key_arn = None, "under no key that S3 names"),
    ];
    for (damage, part) in table {
        let world = world(&["config"]);
        let event = push_and_tell(&world, &format!("{CONFIG}a"), "123456789");
        damage(&mut world.set().objects.get_mut(&format!("{CONFIG}a")).unwrap()[0]);
        let (word, sentence) = said(&world, &event);
        assert_eq!(word, "refused");
        assert!(sentence.contains(part), "{sentence} has no {part}");
    }
}

#[test]
fn a_push_that_is_older_than_what_may_be_lost_is_refused() {
    let world = world(&["config"]);
    push(&mut world.set(), &format!("{CONFIG}a"), b"of the day before");
    world.pass(86_400 + 30);
    assert_eq!(said(&world, &scheduled_at("2026-11-22T00:00:30Z")).0, "done");
    push(&mut world.set(), &format!("{CONFIG}a"), b"a day and a second");
    world.pass(86_401);
    let (word, sentence) = said(&world, &scheduled_at("2026-11-23T00:01:01Z"));
    assert_eq!(word, "refused");
    assert_eq!(
        sentence,
        "the newest push uploads/controller/config/a is of 2026-11-22T00:01:00Z, 86401 s before the \
         slot, and 86400 s is the most that may be lost"
    );
}

/// FB2: what a killed run has stored is the push that it had read, whatever was pushed since.
#[test]
fn the_object_of_a_killed_run_says_which_push_it_is() {
    let world = world(&["config"]);
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "read by the run that died");
    ask(&world, &event).unwrap();
    undo(&mut world.set(), "backups/controller/2026-11-21T00-00-30Z/manifest.json");
    world.pass(5);
    let newer = push_and_tell(&world, &format!("{CONFIG}b"), "pushed after it had died");
    for event in [&event, &newer] {
        assert_eq!(said(&world, event).0, "done");
    }
    assert_faithful(&world);
    assert_eq!(texts(&world)[0].1, "read by the run that died");
    assert_eq!(texts(&world)[1].1, "pushed after it had died");
    // An object that does not say it was not stored by us.
    let key = "backups/controller/2026-11-21T00-00-10Z/config";
    world.put(key, b"planted");
    let fault = ask(&world, &scheduled_at("2026-11-21T00:00:10Z")).unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
}

/// P1: a rejected backup counts for nothing, so a schedule tries its push again; a duplicate of the
/// event does not.
#[test]
fn the_push_of_a_rejected_backup_is_tried_again_by_the_schedule() {
    let world = world(&["config"]);
    let event = push_and_tell(&world, &format!("{CONFIG}a"), "right");
    ask(&world, &event).unwrap();
    let object = "backups/controller/2026-11-21T00-00-30Z/config";
    world.set().objects.get_mut(object).unwrap()[0].body = "wrng!".into();
    let manifest =
        written("backups/controller/2026-11-21T00-00-30Z/manifest.json", crate::world::START);
    finish(verify_upload::answer(&world.run(), &manifest)).unwrap();
    assert!(said(&world, &event).1.contains("was stored before"));
    assert_eq!(said(&world, SCHEDULED.as_bytes()).0, "done");
    assert_eq!(texts(&world)[0], ("2026-11-21T00-00-00Z".to_owned(), "right".to_owned()));
}

/// The event that is shown to operators is one that the function takes.
#[test]
fn the_example_in_infra_is_taken() {
    let world = world(&["config"]);
    push(&mut world.set(), &format!("{CONFIG}backup-20261121.enc"), b"as in the example");
    let event = include_str!("../../infra/events/scheduled-backup.pushed.json");
    assert_eq!(said(&world, event.as_bytes()).0, "done");
    assert_eq!(texts(&world)[0].0, "2026-11-21T00-00-20Z");
    assert_faithful(&world);
}

/// A look that does not say whether a thing is there is never taken for its absence.
#[test]
fn what_cannot_be_seen_is_neither_adopted_nor_refused() {
    for end in ["plans/controller.toml", "/2026-11-21.enc", "/config"] {
        let event = written(&format!("{DATA}2026-11-21.dump"), crate::world::START);
        blind_to(pushed_twice, end, async |run: &Run<'_>| answer(run, &event).await);
    }
}
