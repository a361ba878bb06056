//! Backups under a throttle, in the simulated world: what each second was given is counted where it
//! arrives.

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup::answer;
use warmspare_act::stream::sums_of;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::artifacts::{BUCKET, HTTPS};
use crate::backup::PLAN;
use crate::inbox;
use crate::tries::Trial;
use crate::world::vault::{current, push};
use crate::world::{Run, World, finish};

const SCHEDULED: &[u8] =
    br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
const FOLDER: &str = "backups/controller/2026-11-21T00-00-00Z";

/// 6,400 bytes in each second of the day.
pub(crate) const ALL_DAY: &[(&str, &str, &str)] = &[("00:00", "23:59", "0.0512")];

/// The plan with these intervals, every day, in UTC.
pub(crate) fn plan(intervals: &[(&str, &str, &str)]) -> String {
    let mut throttle = "[backup.throttle]\ntimezone = \"UTC\"\n".to_owned();
    for (start, end, mbps) in intervals {
        throttle += &format!(
            "[[backup.throttle.interval]]\n\
             days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
             start = \"{start}\"\nend = \"{end}\"\nmbps = {mbps}\n"
        );
    }
    PLAN.replace("[database]\n", &format!("{throttle}[database]\n"))
}

fn throttled(intervals: &[(&str, &str, &str)], body_bytes: usize) -> World {
    let world = World::new();
    world.put("plans/controller.toml", plan(intervals).as_bytes());
    world.set().sources.body_bytes = Some(body_bytes);
    world
}

fn assert_is_whole(world: &World, body_bytes: usize) {
    let state = world.state();
    let manifest = current(&state, &format!("{FOLDER}/manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_slice(&manifest.body).unwrap();
    assert_eq!(manifest.objects.len(), 2);
    for stored in &manifest.objects {
        let version = current(&state, &stored.key).unwrap();
        assert_eq!(version.body.len(), body_bytes);
        assert_eq!(sums_of(&version.body), stored.sums);
    }
}

/// What each second was given, from the first to the last.
fn seconds(world: &World) -> Vec<usize> {
    world.state().beside.received.values().copied().collect()
}

/// D18, D19: what is read for a backup passes at the pace of its plan, averaged over each second, over all
/// of its sources.
#[test]
fn no_second_is_given_more_than_its_limit() {
    let world = throttled(ALL_DAY, 20_000);
    let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome}");
    assert_is_whole(&world, 20_000);
    assert_eq!(seconds(&world), [6_400, 6_400, 6_400, 6_400, 6_400, 6_400, 1_600]);
}

/// A bucket with so many objects of so many bytes, behind metadata that take one second of 6,400 bytes.
fn throttled_bucket(intervals: &[(&str, &str, &str)], count: usize, bytes: usize) -> World {
    let world = throttled(intervals, 6_400);
    world.put("plans/controller.toml", plan(intervals).replace(HTTPS, BUCKET).as_bytes());
    let objects = (0..count).map(|n| (format!("core/{n:02}.hart"), vec![7; bytes].into()));
    world.set().buckets.objects = objects.collect();
    world
}

/// What each second was given of artifacts.
fn copied(world: &World) -> Vec<usize> {
    world.state().beside.copied.values().copied().collect()
}

/// D18, D19: the objects of a bucket are copied many at a time, and all of them together pass at the pace of
/// the plan; a long one, which is copied alone, does too.
#[test]
fn the_objects_of_a_bucket_are_given_no_more_than_the_limit_of_each_second() {
    let world = throttled_bucket(ALL_DAY, 8, 5_000);
    finish(answer(&world.run(), SCHEDULED)).unwrap();
    assert!(world.state().objects.contains_key(&format!("{FOLDER}/manifest.json")));
    assert_eq!(copied(&world), [6_400, 6_400, 6_400, 6_400, 6_400, 6_400, 1_600]);
    let world = throttled_bucket(&[("00:00", "23:59", "8.0")], 1, 17_000_000);
    finish(answer(&world.run(), SCHEDULED)).unwrap();
    assert!(world.state().objects.contains_key(&format!("{FOLDER}/manifest.json")));
    let copied = copied(&world);
    assert_eq!(copied[0], 1_000_000 - 6_400, "the metadata have passed in that second too");
    assert_eq!(copied[1..17], [1_000_000; 16]);
    assert_eq!(copied[17..], [6_400]);
}

/// D25, D26: a window that opens, or ends, in the midst of a bucket counts from that second on.
#[test]
fn a_bucket_obeys_the_window_of_each_second() {
    let table: [(&[(&str, &str, &str)], Vec<usize>); 2] = [
        (
            &[("00:00", "00:00", "0.0512"), ("00:01", "00:59", "0.1024")],
            [[12_800; 16].as_slice(), &[9_600]].concat(),
        ),
        (&[("00:00", "00:00", "0.0512")], vec![214_400]),
    ];
    for (intervals, after) in table {
        let world = throttled_bucket(intervals, 8, 50_000);
        finish(answer(&world.run(), SCHEDULED)).unwrap();
        assert!(world.state().objects.contains_key(&format!("{FOLDER}/manifest.json")));
        // The world begins 30 s before the hour's first minute is over, and the metadata take one of them.
        let wanted = [[6_400; 29].as_slice(), &after].concat();
        assert_eq!(copied(&world), wanted, "{intervals:?}");
    }
}

/// D19, FA5: a bucket that does not pass within one run is gone on with, at the same pace.
#[test]
fn a_bucket_that_takes_more_than_one_run_is_held_to_its_pace_by_each() {
    let world = throttled_bucket(ALL_DAY, 20, 50_000);
    let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
    assert!(matches!(outcome, Outcome::Waiting(_)), "{outcome}");
    world.pass(900);
    finish(answer(&world.run(), br#"{"action":"go-on"}"#)).unwrap();
    assert!(world.state().objects.contains_key(&format!("{FOLDER}/manifest.json")));
    let copied = copied(&world);
    assert_eq!(copied.iter().sum::<usize>(), 1_000_000, "each object is read once");
    assert!(copied.iter().all(|bytes| *bytes <= 6_400), "{copied:?}");
}

/// D17.
#[test]
fn without_a_throttle_nothing_waits() {
    for intervals in [&[][..], &[("01:00", "23:59", "0.0512")]] {
        let world = throttled(intervals, 20_000);
        if intervals.is_empty() {
            world.put("plans/controller.toml", PLAN.as_bytes());
        }
        finish(answer(&world.run(), SCHEDULED)).unwrap();
        assert_is_whole(&world, 20_000);
        assert_eq!(seconds(&world), [40_000]);
    }
}

/// D25, D26: the limit is the one of the second, also when that is another one than at the beginning.
#[test]
fn a_limit_that_changes_in_the_midst_of_an_upload_is_obeyed_from_that_second_on() {
    // It is half past midnight and 30 s.
    let table: [(&[(&str, &str, &str)], usize, usize); 2] = [
        (&[("00:00", "00:00", "0.0512"), ("00:01", "00:59", "0.1024")], 12_800, 46),
        (&[("00:00", "00:00", "0.0512")], 608_000, 31),
    ];
    for (intervals, after, took_s) in table {
        let world = throttled(intervals, 400_000);
        finish(answer(&world.run(), SCHEDULED)).unwrap();
        assert_is_whole(&world, 400_000);
        let seconds = seconds(&world);
        assert_eq!(seconds[..30], [6_400; 30], "{intervals:?}");
        assert_eq!(seconds[30], after, "{intervals:?}");
        assert!(seconds.iter().all(|bytes| *bytes <= after));
        assert_eq!(seconds.iter().sum::<usize>(), 800_000);
        assert!(seconds.len() >= took_s, "{intervals:?}: {} s", seconds.len());
    }
}

#[test]
fn a_source_that_does_not_fit_into_a_run_is_refused_with_its_numbers() {
    let world = throttled(ALL_DAY, 2_000_000);
    let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
    let Outcome::Refused(refusal) = outcome else { panic!("not refused: {outcome}") };
    let Refusal::ThrottleTooSlow { passed_bytes, took_s, bits_per_s, .. } = refusal else {
        panic!("{refusal}")
    };
    assert_eq!((passed_bytes, took_s, bits_per_s), (6_400 * 160, 159, 51_200));
    assert_eq!(
        refusal.to_string(),
        "1024000 bytes of the source metadata have passed in 159 s at the 51200 bit/s that \
         backup.throttle allows at this hour, and it is not over: it does not fit into one run"
    );
    let state = world.state();
    assert!(!state.objects.keys().any(|key| key.starts_with("backups/")));
    let told: Vec<Happening> = state.announcements.iter().map(|told| told.happening).collect();
    assert_eq!(told, [Happening::BackupRefused]);
}

/// A source that says nothing any more, after so many bytes.
pub(crate) fn silent_after(world: &World, bytes: usize) {
    let mut state = world.set();
    state.sources.breaks_after = Some(bytes);
    state.sources.falls_silent = true;
}

/// P5: whatever a source does, its run ends by itself, with the numbers; with a throttle and without.
#[test]
fn a_source_that_does_not_end_is_refused_while_its_run_can_still_say_so() {
    for intervals in [&[][..], ALL_DAY] {
        let world = throttled(intervals, 20_000);
        if intervals.is_empty() {
            world.put("plans/controller.toml", PLAN.as_bytes());
        }
        silent_after(&world, 6_000);
        let began = world.state().now;
        let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
        assert_eq!(
            outcome.to_string(),
            "6000 bytes of metadata were read in 160 s (37 in a second), and it is not over: it does not \
             fit into one run"
        );
        assert_eq!(world.state().now.as_second() - began.as_second(), 160);
        let state = world.state();
        assert!(!state.objects.keys().any(|key| key.starts_with("backups/")));
        let told: Vec<Happening> = state.announcements.iter().map(|it| it.happening).collect();
        assert_eq!(told, [Happening::BackupRefused]);
    }
}

/// The source before it has taken its time: there is more of it when the event is tried again.
#[test]
fn a_second_source_that_does_not_end_is_tried_again_first() {
    let world = throttled(ALL_DAY, 640_000);
    finish(answer(&world.run(), SCHEDULED)).unwrap_err();
    let files: Vec<String> = world.state().objects.keys().cloned().collect();
    assert!(files.iter().any(|key| key.ends_with("/metadata")), "{files:?}");
    silent_after(&world, 100);
    let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
    assert!(outcome.to_string().starts_with("100 bytes of artifacts were read in "), "{outcome}");
}

/// D18: what is in the vault already is held to the time of its run all the same.
#[test]
fn the_time_of_a_run_holds_whatever_it_reads() {
    let outcome = |trouble: fn(&mut crate::world::State)| {
        let world = World::new();
        world.put("plans/controller.toml", inbox::plan(&["config"]).as_bytes());
        push(&mut world.set(), "uploads/controller/config/a", &[7; 20_000]);
        trouble(&mut world.set());
        finish(answer(&world.run(), SCHEDULED))
    };
    assert!(matches!(outcome(|_| ()), Ok(Outcome::Done(_))));
    let silent = outcome(|state| state.beside.silent = Some("uploads/")).unwrap().to_string();
    assert!(silent.starts_with("20000 bytes of config were read in 160 s"), "{silent}");
}

/// The first source took most of the time: what it gave is there for the retry, and is read back
/// at once (D18), so that the second one has more.
#[test]
fn what_did_not_fit_beside_another_source_is_tried_again() {
    let world = throttled(ALL_DAY, 700_000);
    let fault = finish(answer(&world.run(), SCHEDULED)).unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(fault.to_string().starts_with("reading artifacts: "), "{fault}");
    let began = world.state().now;
    finish(answer(&world.run(), SCHEDULED)).unwrap();
    assert_is_whole(&world, 700_000);
    let took_s = world.state().now.as_second() - began.as_second();
    assert_eq!(took_s, 109, "700,000 bytes, and not more");
}

/// D18: what is in the vault already crosses no line of the site.
#[test]
fn a_push_is_adopted_without_waiting() {
    let world = World::new();
    let throttle = plan(ALL_DAY);
    let throttle = throttle.split_once("[backup.throttle]").unwrap().1;
    let throttle = throttle.split_once("[database]").unwrap().0;
    let pushes = inbox::plan(&["config"]);
    let pushes = pushes.replace("[database]", &format!("[backup.throttle]{throttle}[database]"));
    world.put("plans/controller.toml", pushes.as_bytes());
    push(&mut world.set(), "uploads/controller/config/a", &[7; 20_000]);
    let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome}");
    assert_eq!(seconds(&world), [20_000]);
}

/// The first run meets a source that falls silent, and every later one finds it well.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_source_that_does_not_end_is_told_whatever_happens_meanwhile() {
    let trial = Trial {
        what: "a backup of a source that falls silent",
        new: || {
            let world = throttled(&[], 13_000);
            world.put("plans/controller.toml", PLAN.as_bytes());
            silent_after(&world, 6_000);
            world
        },
        act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
        go_on: |world: &World| {
            let outcome = finish(answer(&world.run(), SCHEDULED)).unwrap();
            assert!(matches!(outcome, Outcome::Refused(Refusal::DoesNotFit { .. })), "{outcome}");
        },
    };
    trial.meets_trouble_everywhere();
    trial.dies_everywhere();
    trial.wakes_up_late_everywhere();
}

fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a throttled backup",
        new: || throttled(ALL_DAY, 13_000),
        act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
        go_on: |world: &World| {
            finish(answer(&world.run(), SCHEDULED)).unwrap();
            assert_is_whole(world, 13_000);
        },
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_death_and_sleep_at_any_call_lead_to_the_same_end() {
    trial().meets_trouble_everywhere();
    trial().dies_everywhere();
    trial().wakes_up_late_everywhere();
    trial().is_mixed_in_any_order(300);
}
