//! Exports of snapshots in the simulated world. Names in capitals are the rows of the fault matrix
//! and the seed behaviours that a test stands for.

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::snapshot_export::answer;
use warmspare_decide::export::{End, ExportTask, Exported, Snapshot};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::backup::{PLAN, calm};
use crate::tries::{Trial, blind_to, standing};
use crate::world::keys::PLAN_KEY;
use crate::world::vault::current;
use crate::world::{Run, World, finish};

pub(crate) const ASKED: &[u8] =
    br#"{"action":"export","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
pub(crate) const SWEEP: &[u8] = br#"{"action":"sweep"}"#;
const SNAPSHOT: &str = "warmspare-controller-db-2026-11-21t00-00-00z";
const TASK: &str = "ws-controller-20261121t000000z";
const RECORD: &str = "exports/controller/2026-11-21T00-00-00Z/exported.json";

/// The event of RDS, as AWS documents it.
fn rds_event(id: &str, snapshot: &str) -> Vec<u8> {
    format!(
        r#"{{"version":"0","id":"844e2571-85d4-695f-b930-0153b71dcb42",
        "detail-type":"RDS DB Snapshot Event","source":"aws.rds","account":"111122223333",
        "time":"2026-11-21T00:02:00Z","region":"us-east-1",
        "resources":["arn:aws:rds:us-east-1:111122223333:snapshot:{snapshot}"],
        "detail":{{"EventCategories":["creation"],"SourceType":"SNAPSHOT",
        "SourceArn":"arn:aws:rds:us-east-1:111122223333:snapshot:{snapshot}",
        "Date":"2026-11-21T00:02:00.000Z","Message":"Manual snapshot created",
        "SourceIdentifier":"{snapshot}","EventID":"{id}"}}}}"#
    )
    .into_bytes()
}

fn run(world: &World, event: &[u8]) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), event));
    world.assert_promises("an export");
    outcome
}

/// A world in which so many runs have gone on with the export, each after RDS has done its part.
fn after_runs(count: usize) -> World {
    let world = calm();
    for n in 0..count {
        run(&world, if n == 0 { ASKED } else { SWEEP }).unwrap();
        world.pass(100);
    }
    world
}

/// Sweeps until the export has ended.
fn sweep_until_over(world: &World) -> Exported {
    if !is_over(world) {
        run(world, ASKED).unwrap();
    }
    for _sweep in 0..20 {
        if is_over(world) {
            break;
        }
        world.pass(60);
        let _recorded_by_the_runtime = run(world, SWEEP);
    }
    record(world)
}

fn is_over(world: &World) -> bool {
    world.state().objects.contains_key(RECORD)
}

fn record(world: &World) -> Exported {
    serde_json::from_slice(&current(&world.state(), RECORD).unwrap().body).unwrap()
}

fn why_failed(world: &World) -> String {
    match sweep_until_over(world).end {
        End::Failed { why } => why,
        other @ (End::Exported { .. } | End::Partial { .. }) => panic!("{other:?}"),
    }
}

fn happenings(world: &World) -> Vec<Happening> {
    world.state().announcements.iter().map(|told| told.happening).collect()
}

fn begun(world: &World) -> [u32; 3] {
    let state = world.state();
    [state.rds.taken, state.rds.copied, state.rds.exported]
}

/// One stage of an export: so many runs came before, and RDS has done its part.
pub(crate) fn stage(
    what: &'static str,
    runs_before: usize,
    event: &'static [u8],
) -> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what,
        new: move || after_runs(runs_before),
        act: async move |run: &Run<'_>| answer(run, event).await,
        go_on: |world: &World| {
            assert_eq!(sweep_until_over(world).end, End::Exported { files: 1 });
            assert_eq!(begun(world), [1, 1, 1], "a snapshot, a copy and an export, once each");
        },
    }
}

/// Every stage; the first is begun by the schedule, the others are found by the sweep.
macro_rules! at_each_stage {
    ($check:ident($($argument:expr)?)) => {
        stage("taking the snapshot", 0, ASKED).$check($($argument)?);
        stage("copying it", 1, SWEEP).$check($($argument)?);
        stage("starting the export", 2, SWEEP).$check($($argument)?);
        stage("seeing the export done", 3, SWEEP).$check($($argument)?);
    };
}

#[test]
fn an_export_goes_from_snapshot_to_files_by_steps_that_were_seen_done() {
    let world = calm();
    let steps = [
        ("the snapshot warmspare-controller-db-2026-11-21t00-00-00z is creating at 0 %", [1, 0, 0]),
        ("the copy warmspare-controller-db-2026-11-21t00-00-00z is copying at 0 %", [1, 1, 0]),
        ("the export task ws-controller-20261121t000000z is STARTING at 0 %", [1, 1, 1]),
    ];
    for (n, (sentence, wanted)) in steps.into_iter().enumerate() {
        let Outcome::Waiting(found) = run(&world, if n == 0 { ASKED } else { SWEEP }).unwrap()
        else {
            panic!("not waiting");
        };
        assert_eq!(
            found,
            format!("the export 2026-11-21T00-00-00Z of controller waits: {sentence}")
        );
        assert_eq!(begun(&world), wanted);
        world.pass(100);
    }
    let Outcome::Done(sentence) = run(&world, SWEEP).unwrap() else { panic!("not done") };
    assert_eq!(
        sentence,
        "the export 2026-11-21T00-00-00Z of controller is whole: 1 Parquet file(s) of \
         warmspare-controller-db-2026-11-21t00-00-00z in exports/controller/ws-controller-\
         20261121t000000z/, for analysis, and not a copy that can be restored"
    );
    assert_eq!(record(&world).end, End::Exported { files: 1 });
    assert_eq!(happenings(&world), [Happening::SnapshotCopied, Happening::SnapshotExported]);
    assert_eq!(run(&world, SWEEP).unwrap().to_string(), "no export is unfinished");
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_place_leads_to_the_same_end() {
    at_each_stage!(meets_trouble_everywhere());
}

/// FA6.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_end() {
    at_each_stage!(dies_everywhere());
}

/// FA1, FR2.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_does_no_harm() {
    at_each_stage!(wakes_up_late_everywhere());
}

#[test]
#[ignore = "optimised: cargo prove"]
fn three_runs_at_once_in_any_order_begin_everything_once() {
    at_each_stage!(is_mixed_in_any_order(100));
}

/// FA1, FA2, C8: events of RDS that come ten times, in the wrong order, too early and too late.
#[test]
fn events_of_rds_in_any_order_carry_the_export_on() {
    let world = calm();
    let events = ["RDS-EVENT-0161", "RDS-EVENT-0042", "RDS-EVENT-0060", "RDS-EVENT-9999"];
    run(&world, ASKED).unwrap();
    for _ in 0..4 {
        for event in events.iter().cycle().take(10) {
            run(&world, &rds_event(event, SNAPSHOT)).unwrap();
        }
        world.pass(100);
    }
    assert_eq!(record(&world).end, End::Exported { files: 1 });
    assert_eq!(begun(&world), [1, 1, 1]);
    assert_eq!(happenings(&world), [Happening::SnapshotCopied, Happening::SnapshotExported]);
}

/// FR6: RDS's events are best effort; none of them came.
#[test]
fn an_export_whose_events_are_lost_is_found_by_the_sweep() {
    let world = calm();
    assert_eq!(sweep_until_over(&world).end, End::Exported { files: 1 });
}

#[test]
fn ten_requests_for_one_slot_are_one_export() {
    let world = calm();
    for _ in 0..10 {
        run(&world, ASKED).unwrap();
        world.pass(40);
    }
    let once = standing(&world);
    assert_eq!(begun(&world), [1, 1, 1]);
    let Outcome::Done(sentence) = run(&world, ASKED).unwrap() else { panic!("not done") };
    assert!(sentence.ends_with("that was recorded before"), "{sentence}");
    assert_eq!(standing(&world), once);
}

#[test]
fn an_event_about_something_else_is_passed_over_without_noise() {
    let world = after_runs(1);
    let before = standing(&world);
    for id in
        ["rds:controller-db-2026-11-21-00-00", "awsbackup:job-1", "controller-db", "warmspare-x"]
    {
        let run = world.run();
        let outcome = finish(answer(&run, &rds_event("RDS-EVENT-0091", id))).unwrap();
        assert_eq!(outcome, Outcome::Done(format!("the snapshot {id} is none of ours")));
        assert_eq!(run.calls(), 0);
    }
    let other = "warmspare-other-db-2026-11-21t00-00-00z";
    let outcome = run(&world, &rds_event("RDS-EVENT-0042", other)).unwrap();
    assert_eq!(outcome, Outcome::Done(format!("the snapshot {other} is none of ours")));
    assert_eq!(standing(&world), before);
}

/// COMPLETE is not whole: what RDS left out makes it partial.
#[test]
fn an_export_that_left_tables_out_is_partial_and_says_which() {
    let world = calm();
    let warning =
        r#"{"skippedTables":[{"tableName":"public.logs","reason":"PERMISSIONS_DO_NOT_EXIST"}]}"#;
    world.set().rds.warning = Some(warning.to_owned());
    let left_out = vec!["skippedTables: public.logs (PERMISSIONS_DO_NOT_EXIST)".to_owned()];
    assert_eq!(sweep_until_over(&world).end, End::Partial { files: 1, left_out });
    assert_eq!(happenings(&world), [Happening::SnapshotCopied, Happening::SnapshotPartial]);
    let reason = world.state().announcements[1].reason.clone();
    assert!(reason.contains("left something out: skippedTables: public.logs"), "{reason}");
}

/// FR4, FR5.
#[test]
fn an_export_that_fails_says_why() {
    let table: [(fn(&World), &str); 2] = [
        (
            |world| world.set().rds.failure = Some("KMSKeyNotAccessible".into()),
            "KMSKeyNotAccessible",
        ),
        (|world| world.set().rds.writes_nothing = true, "there is no Parquet file of it"),
    ];
    for (change, part) in table {
        let world = calm();
        change(&world);
        let why = why_failed(&world);
        assert!(why.contains(part), "{why} has no {part}");
        assert_eq!(happenings(&world), [Happening::SnapshotCopied, Happening::SnapshotFailed]);
        assert_eq!(world.state().announcements[1].outcome, "failed");
    }
}

fn change_snapshot(world: &World, region: &str, change: impl FnOnce(&mut Snapshot)) {
    let mut state = world.set();
    let place = (region.to_owned(), SNAPSHOT.to_owned());
    change(&mut state.rds.snapshots.get_mut(&place).unwrap().0);
}

/// FR1.
#[test]
fn a_snapshot_or_a_copy_that_is_not_right_ends_the_export() {
    let table: [(usize, &str, fn(&mut Snapshot), &str); 4] = [
        (1, "us-east-1", |it| it.status = "failed".into(), "the snapshot warmspare-controller-db-"),
        (2, "us-west-2", |it| it.status = "failed".into(), "the copy warmspare-controller-db-"),
        (
            2,
            "us-west-2",
            |it| it.key_arn = None,
            "is encrypted under no key, not under arn:aws:kms",
        ),
        (2, "us-west-2", |it| it.key_arn = Some("arn:other".into()), "under arn:other, not under"),
    ];
    for (runs, region, change, part) in table {
        let world = after_runs(runs);
        change_snapshot(&world, region, change);
        let why = why_failed(&world);
        assert!(why.contains(part), "{why} has no {part}");
    }
}

/// FR1: whatever was deleted before it was needed is made again, while its name is still true.
#[test]
fn what_was_deleted_meanwhile_is_made_again_or_given_up() {
    let world = after_runs(2);
    let copy = ("us-west-2".to_owned(), SNAPSHOT.to_owned());
    world.set().rds.snapshots.remove(&copy);
    assert_eq!(sweep_until_over(&world).end, End::Exported { files: 1 });
    assert_eq!(begun(&world), [1, 2, 1]);

    let world = after_runs(1);
    world.set().rds.snapshots.clear();
    world.pass(86_400);
    let why = why_failed(&world);
    assert!(why.contains("would hold other data than its name says"), "{why}");
    assert_eq!(begun(&world), [1, 0, 0]);
}

fn task_of(source_arn: &str) -> ExportTask {
    ExportTask {
        id: TASK.to_owned(),
        status: "STARTING".to_owned(),
        progress_percent: 0,
        failure: None,
        warning: None,
        source_arn: source_arn.to_owned(),
    }
}

/// FR2: a task of our name that exports another snapshot is a conflict, and is left alone.
#[test]
fn a_task_of_our_name_that_exports_something_else_is_a_conflict() {
    let world = calm();
    let task = task_of("arn:aws:rds:us-west-2:111122223333:snapshot:another");
    let now = world.state().now;
    world.set().rds.tasks.insert(TASK.to_owned(), (task, "exports/controller".to_owned(), now));
    let why = why_failed(&world);
    assert!(why.contains("which is not the copy of warmspare-controller-db"), "{why}");
    assert_eq!(begun(&world), [0, 0, 0]);
}

/// FR3: five exports at a time are the most; the sixth waits, and is not failed.
#[test]
fn an_export_beyond_the_quota_waits_its_turn() {
    let world = after_runs(2);
    for n in 0..5 {
        let never = world.state().now + jiff::SignedDuration::from_hours(9);
        let place = (task_of("arn:other"), "elsewhere".to_owned(), never);
        world.set().rds.tasks.insert(format!("other-{n}"), place);
    }
    for _sweep in 0..3 {
        let Outcome::Waiting(sentence) = run(&world, SWEEP).unwrap() else { panic!("not waiting") };
        assert!(sentence.contains("5 exports are under way, and 5 is the most"), "{sentence}");
        world.pass(60);
    }
    // That the copy is there is told once, and not at every look.
    assert_eq!(happenings(&world), [Happening::SnapshotCopied]);
    world.set().rds.tasks.remove("other-0");
    assert_eq!(sweep_until_over(&world).end, End::Exported { files: 1 });
}

/// A look that does not say whether a thing is there is never taken for its absence.
#[test]
fn what_cannot_be_seen_is_neither_begun_nor_ended() {
    for end in ["plans/controller.toml", "/intended.json"] {
        blind_to(calm, end, async |run: &Run<'_>| answer(run, ASKED).await);
    }
    for end in ["plans/controller.toml", "/intended.json", "/exported.json", "/copied.json"] {
        blind_to(|| after_runs(2), end, async |run: &Run<'_>| answer(run, SWEEP).await);
    }
}

/// I14: a Region that does not answer is not a snapshot that is not there. Once the copy is made,
/// it need not answer at all.
#[test]
fn a_lost_region_is_not_taken_for_an_absent_snapshot() {
    let world = after_runs(1);
    world.set().rds.home_is_lost = true;
    assert_eq!(run(&world, SWEEP).unwrap_err().hope, Hope::Unreachable);
    assert_eq!(begun(&world), [1, 0, 0]);
    world.set().rds.home_is_lost = false;
    assert_eq!(sweep_until_over(&world).end, End::Exported { files: 1 });

    let world = after_runs(2);
    world.set().rds.home_is_lost = true;
    assert_eq!(sweep_until_over(&world).end, End::Exported { files: 1 });
}

/// FR4: stuck for three days is an end, and not a silence.
#[test]
fn an_export_that_is_stuck_ends_after_three_days() {
    let world = after_runs(2);
    run(&world, SWEEP).unwrap();
    world.set().rds.tasks.get_mut(TASK).unwrap().2 = "2027-01-01T00:00:00Z".parse().unwrap();
    for day in 0..3 {
        assert!(!is_over(&world), "day {day}");
        assert!(matches!(run(&world, SWEEP).unwrap(), Outcome::Waiting(_)));
        world.pass(86_400);
    }
    let why = why_failed(&world);
    assert!(
        why.contains("is STARTING at 0 %, 259400 s after it was asked for, and 259200 s"),
        "{why}"
    );
}

#[test]
fn one_export_that_cannot_go_on_does_not_hold_up_the_others() {
    let world = after_runs(1);
    let other =
        PLAN.replace("\"controller\"", "\"other\"").replace("controller-db\"", "other-db\"");
    world.put("plans/other.toml", other.as_bytes());
    let asked = br#"{"action":"export","system":"other","scheduled":"2026-11-21T00:00:00Z"}"#;
    run(&world, asked).unwrap();
    world.remove("plans/controller.toml");
    for _sweep in 0..4 {
        world.pass(100);
        let Outcome::Waiting(sentence) = run(&world, SWEEP).unwrap() else { panic!("not waiting") };
        assert!(
            sentence.contains("of controller waits: there is no plan for the system"),
            "{sentence}"
        );
    }
    assert!(world.state().objects.contains_key("exports/other/2026-11-21T00-00-00Z/exported.json"));
    world.pass(3 * 86_400);
    run(&world, SWEEP).unwrap();
    let End::Failed { why } = record(&world).end else { panic!("not failed") };
    assert!(why.contains("there is no plan"), "{why}");
}

/// FA5.
#[test]
fn a_sweep_whose_time_is_over_leaves_the_rest_to_the_next_one() {
    let world = after_runs(1);
    let late = world.run();
    world.pass(175);
    let Outcome::Waiting(sentence) = finish(answer(&late, SWEEP)).unwrap() else { panic!("done") };
    assert!(sentence.contains("is left to the next sweep"), "{sentence}");
    assert_eq!(begun(&world), [1, 0, 0]);
}

#[test]
fn a_plan_that_names_another_database_meanwhile_ends_the_export() {
    let world = after_runs(0);
    world.set().rds.home_is_lost = true;
    run(&world, ASKED).unwrap_err();
    world.set().rds.home_is_lost = false;
    let changed = PLAN.replace("source = \"controller-db\"", "source = \"new-db\"");
    world.put("plans/controller.toml", changed.as_bytes());
    let why = why_failed(&world);
    assert!(why.contains("the plan's database is new-db now"), "{why}");
    assert_eq!(begun(&world), [0, 0, 0]);
}

#[test]
fn what_cannot_be_exported_is_refused_with_a_sentence_and_told() {
    let lines = |keep: fn(&&str) -> bool| PLAN.lines().filter(keep).collect::<Vec<_>>().join("\n");
    let none = lines(|line| !line.starts_with("export"));
    let aurora = PLAN.replace(
        "kind = \"rds\"",
        "kind = \"aurora-global\"\nglobal_cluster = \"controller-global\"",
    );
    let table: [(&str, &[u8], fn(&World), &str); 6] = [
        (&none, ASKED, |_| (), "the plan has no [database] with an export"),
        (&aurora, ASKED, |_| (), "the export of an Aurora global database is not supported"),
        (PLAN, ASKED, |world| world.set().keys.plan_key().state = "Lost".into(), "it is Lost"),
        (PLAN, ASKED, |world| world.remove("plans/controller.toml"), "there is no plan"),
        (
            PLAN,
            br#"{"action":"export","system":"controller","scheduled":"2026-11-19T00:00:00Z"}"#,
            |_| (),
            "172830 s away from now, and 86400 s is the most",
        ),
        (
            PLAN,
            br#"{"action":"export","system":"controller",
                "scheduled":"<aws.scheduler.scheduled-time>"}"#,
            |_| (),
            "only EventBridge Scheduler fills in",
        ),
    ];
    for (plan, event, change, part) in table {
        let world = calm();
        world.put("plans/controller.toml", plan.as_bytes());
        change(&world);
        let Outcome::Refused(refusal) = run(&world, event).unwrap() else { panic!("not: {part}") };
        assert!(refusal.to_string().contains(part), "{refusal} has no {part}");
        assert_eq!(begun(&world), [0, 0, 0]);
        assert_eq!(happenings(&world), [Happening::SnapshotFailed]);
        assert!(!world.state().objects.keys().any(|key| key.starts_with("exports/")), "{part}");
    }
}

/// After a failover the plan's source is fenced and old: it is not exported as if nothing had
/// happened. A backup says which site was active when it was made.
#[test]
fn after_a_failover_exports_and_backups_of_the_site_that_was_left_are_refused() {
    let world = World::new();
    let plan = include_str!("failover_plan.toml")
        .replace(
            "arn:aws:kms:us-west-2:111122223333:key/00000000-0000-4000-8000-000000000001",
            PLAN_KEY,
        )
        .replace(
            "lag_max = \"30s\"",
            "lag_max = \"30s\"\nexport = { role = \
            \"arn:aws:iam::111122223333:role/export\", prefix = \"exports/\" }",
        );
    world.put("plans/controller.toml", plan.as_bytes());
    world.put("receipts/controller/2026-11-20T12-00-00Z/verified.json", b"{}");
    let now = world.state().now;
    world.set().sites.lose_home(now);
    let alarm = br#"{"source":"aws.cloudwatch","detail-type":"CloudWatch Alarm State Change",
        "detail":{"alarmName":"warmspare-primary-controller","state":{"value":"ALARM"}}}"#;
    let over = finish(warmspare_act::failover_promotion::answer(&world.run(), alarm)).unwrap();
    assert!(matches!(over, Outcome::Done(_)), "{over}");

    let refused = run(&world, ASKED).unwrap();
    assert!(
        matches!(&refused, Outcome::Refused(Refusal::NotSupported { what, .. })
            if what == "an export of controller-db while west is active since term 1"),
        "{refused}"
    );
    // P1, E4: the plan's sources are those of a site that is fenced: its data are not the system's.
    let event = br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
    let refused = finish(warmspare_act::scheduled_backup::answer(&world.run(), event)).unwrap();
    assert!(
        matches!(&refused, Outcome::Refused(Refusal::NotSupported { what, .. })
            if what == "a backup while west is active"),
        "{refused}"
    );
    assert!(!world.state().objects.keys().any(|key| key.starts_with("backups/")));
}
