//! The backup of an Aviatrix controller in the simulated world: asked for once, found by what the
//! bucket shows, whatever became of the request. Names in capitals are seed behaviours and rows of the
//! fault matrix.

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup::answer;
use warmspare_act::verify_upload;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;

use crate::backup::PLAN;
use crate::tries::{Trial, standing};
use crate::verification::written;
use crate::world::controllers::{Aviatrix, File};
use crate::world::vault::{current, undo};
use crate::world::{Run, World, finish};

const SCHEDULED: &[u8] =
    br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
const FOLDER: &str = "backups/controller/2026-11-21T00-00-00Z";
const FILE: &str = "CloudN_10.0.0.5_save_cloudx_config.enc";

/// The plan of the other tests, with a controller as its only source, and what else it says of that.
pub(crate) fn plan(more: &str) -> String {
    let (before, rest) = PLAN.split_once("[[backup.source]]").unwrap();
    let (_, after) = rest.split_once("[database]").unwrap();
    format!(
        "{before}[[backup.source]]\nname = \"config\"\nfrom = {{ kind = \"aviatrix\", url = \
         \"https://east.example.com\", secret = \
         \"arn:aws:secretsmanager:us-west-2:111122223333:secret:warmspare/avx\", bucket = \
         \"avx-backups\", region = \"us-east-1\"{more} }}\n[database]{after}"
    )
}

fn calm() -> World {
    with("", |_| ())
}

fn with(more: &str, change: impl FnOnce(&mut Aviatrix)) -> World {
    let world = World::new();
    world.put("plans/controller.toml", plan(more).as_bytes());
    let mut state = world.set();
    // What the controller wrote at its own hour, before the slot.
    state.aviatrix.write("2026-11-20T12:00:00Z".parse().unwrap());
    change(&mut state.aviatrix);
    drop(state);
    world
}

fn ask(world: &World) -> Result<Outcome, Fault> {
    let outcome = finish(answer(&world.run(), SCHEDULED));
    world.assert_promises("asked");
    outcome
}

fn manifest(world: &World) -> Manifest {
    let state = world.state();
    let manifest = current(&state, &format!("{FOLDER}/manifest.json")).unwrap();
    serde_json::from_slice(&manifest.body).unwrap()
}

/// The backup is one that the controller made after the slot, and says which.
fn assert_is_asked_for(world: &World) {
    let manifest = manifest(world);
    let upload = manifest.objects[0].upload.as_ref().unwrap();
    assert!(
        upload.key.starts_with("s3://avx-backups/CloudN_10.0.0.5_save_cloudx_config"),
        "{upload:?}"
    );
    assert!(upload.written_at >= manifest.slot.instant(), "{upload:?}");
    let state = world.state();
    let stored = current(&state, &manifest.objects[0].key).unwrap();
    assert!(
        stored.body.starts_with(b"configuration ") && !stored.body.starts_with(b"configuration 1 ")
    );
}

fn counts(world: &World) -> (u32, u32) {
    let state = world.state();
    (state.aviatrix.logins, state.aviatrix.orders)
}

pub(crate) fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "the backup of a controller",
        new: calm,
        act: async |run: &Run<'_>| answer(run, SCHEDULED).await,
        go_on: |world: &World| {
            ask(world).unwrap();
            assert_is_asked_for(world);
        },
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_at_any_place_leads_to_the_same_backup() {
    trial().meets_trouble_everywhere();
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_kill_at_any_call_leads_to_the_same_backup() {
    trial().dies_everywhere();
}

#[test]
#[ignore = "optimised: cargo prove"]
fn a_run_that_wakes_up_late_leaves_the_backup_as_it_is() {
    trial().wakes_up_late_everywhere();
}

#[test]
#[ignore = "optimised: cargo prove"]
fn three_runs_at_once_in_any_order_make_one_backup() {
    trial().is_mixed_in_any_order(200);
}

/// A11, B4: a forced backup, stored and proven.
#[test]
fn a_controller_is_asked_once_and_its_file_is_the_backup() {
    let world = calm();
    let Outcome::Done(sentence) = ask(&world).unwrap() else { panic!("not done") };
    assert!(sentence.contains("is stored: 1 object(s)"), "{sentence}");
    assert_is_asked_for(&world);
    assert_eq!(counts(&world), (1, 1));
    assert_eq!(manifest(&world).format, 2);
    let told = written(&format!("{FOLDER}/manifest.json"), "2026-11-21T00:05:00Z");
    finish(verify_upload::answer(&world.run(), &told)).unwrap();
    let happenings: Vec<_> = world.state().announcements.iter().map(|t| t.happening).collect();
    assert_eq!(happenings, [Happening::BackupStored, Happening::BackupVerified]);
}

/// FA1: nothing is asked of the controller for a backup that is there.
#[test]
fn ten_duplicates_ask_once() {
    let world = calm();
    ask(&world).unwrap();
    let once = standing(&world);
    for _ in 0..9 {
        ask(&world).unwrap();
    }
    assert_eq!((standing(&world), counts(&world)), (once, (1, 1)));
}

/// The retry of a run that was killed, and what the controller made by itself after the slot.
#[test]
fn a_file_since_the_slot_is_taken_without_a_login() {
    let world = calm();
    ask(&world).unwrap();
    undo(&mut world.set(), &format!("{FOLDER}/manifest.json"));
    undo(&mut world.set(), &format!("{FOLDER}/config"));
    ask(&world).unwrap();
    assert_is_asked_for(&world);
    assert_eq!(counts(&world), (1, 1));
}

/// A8, A9, A10, A13.
#[test]
fn with_multiple_backups_the_dated_file_is_taken() {
    let world = with("", |aviatrix| aviatrix.config.multiple = true);
    ask(&world).unwrap();
    let upload = manifest(&world).objects[0].upload.clone().unwrap();
    assert!(upload.key.ends_with("_save_cloudx_config_20261121000055.enc"), "{}", upload.key);
}

/// A6, B3.
#[test]
fn a_backup_that_is_switched_off_is_enabled_with_the_account_of_the_plan() {
    let off = |aviatrix: &mut Aviatrix| aviatrix.config.enabled = false;
    let world = with("", off);
    let Outcome::Refused(refusal) = ask(&world).unwrap() else { panic!("not refused") };
    assert!(matches!(refusal, Refusal::ControllerBackupOff { .. }), "{refusal}");
    assert_eq!(counts(&world), (1, 0));
    let world = with(", account = \"ops\"", off);
    ask(&world).unwrap();
    assert_is_asked_for(&world);
    let state = world.state();
    assert_eq!(
        (state.aviatrix.config.account.as_str(), state.aviatrix.config.multiple),
        ("ops", true)
    );
}

/// Neither is anything stored, and people are told.
#[test]
fn what_the_plan_has_wrong_is_refused() {
    let two = |aviatrix: &mut Aviatrix| {
        let body = b"of the other one".as_slice().into();
        let written_at = "2026-11-21T00:00:10Z".parse().unwrap();
        let other = File { etag: "\"other\"".to_owned(), body, written_at };
        for ip in ["10.0.0.5", "10.1.0.5"] {
            aviatrix.bucket.insert(format!("CloudN_{ip}_save_cloudx_config.enc"), other.clone());
        }
    };
    let table: [(fn(&mut Aviatrix), &str); 2] = [
        (|aviatrix| aviatrix.config.bucket = "elsewhere".to_owned(), "controller-writes-elsewhere"),
        (two, "two-controllers"),
    ];
    for (change, name) in table {
        let world = with("", change);
        let Outcome::Refused(refusal) = ask(&world).unwrap() else { panic!("not refused") };
        assert_eq!(refusal.name(), name);
        let state = world.state();
        assert_eq!(state.announcements.last().unwrap().happening, Happening::BackupRefused);
        assert!(!state.objects.keys().any(|key| key.starts_with("backups/")));
    }
}

/// 200 with `return: false`: a login is not tried twice, so that the account is not locked.
#[test]
fn what_a_controller_declines_is_a_fault_with_its_reason() {
    let table = [
        (("login", "Invalid user or password."), Hope::Permanent),
        (("config", "Internal error"), Hope::Retryable),
        (("backup", "Another backup is running"), Hope::Retryable),
    ];
    for (refuses, hope) in table {
        let world = with("", |aviatrix| aviatrix.refuses = Some(refuses));
        let fault = ask(&world).unwrap_err();
        assert_eq!(fault.hope, hope, "{fault}");
        let reason = refuses.1.trim_end_matches('.');
        assert!(
            fault.to_string().ends_with(&format!("with 200 and return:false: {reason}")),
            "{fault}"
        );
        assert!(
            fault.to_string().starts_with("asking for the backup of https://east.example.com: ")
        );
        world.set().aviatrix.refuses = None;
        ask(&world).unwrap();
        assert_is_asked_for(&world);
    }
}

#[test]
fn a_session_that_expires_is_opened_again_once() {
    let world = with("", |aviatrix| aviatrix.session_calls = 1);
    ask(&world).unwrap();
    assert_eq!(counts(&world), (2, 1));
    let world = with("", |aviatrix| aviatrix.session_calls = 0);
    let fault = ask(&world).unwrap_err();
    assert!(fault.to_string().contains("Invalid session"), "{fault}");
    assert_eq!(counts(&world), (2, 0));
}

#[test]
fn a_controller_that_knows_no_tokens_is_logged_into_without() {
    let world = with("", |aviatrix| aviatrix.is_old = true);
    ask(&world).unwrap();
    assert_is_asked_for(&world);
}

/// The connection closes after the request: the bucket tells whether it was carried out.
#[test]
fn a_dropped_connection_is_confirmed_by_what_appears() {
    let world = with("", |aviatrix| aviatrix.drops = true);
    ask(&world).unwrap();
    assert_is_asked_for(&world);
    assert_eq!(counts(&world), (1, 1));
}

/// Within this run, or by the retry: what comes late is found.
#[test]
fn a_controller_that_writes_nothing_is_a_fault_with_numbers_until_it_does() {
    let world = with("", |aviatrix| aviatrix.takes_s = None);
    let fault = ask(&world).unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    let why = fault.to_string();
    assert!(why.contains("it took the request 1"), "{why}");
    assert!(
        why.contains("no backup since 2026-11-21T00:00:00Z lies in s3://avx-backups/"),
        "{why}"
    );
    assert!(
        why.ends_with(&format!("of 1 object(s) the newest is {FILE} of 2026-11-20T12:00:00Z")),
        "{why}"
    );
    assert!(!world.state().objects.keys().any(|key| key.starts_with("backups/")));
    let now = world.state().now;
    world.set().aviatrix.write(now);
    ask(&world).unwrap();
    assert_is_asked_for(&world);
    assert_eq!(counts(&world), (1, 1));
}

/// It is written over between the listing and the reading: nothing is stored of another than was chosen.
#[test]
fn a_file_that_is_replaced_meanwhile_is_not_read_as_the_one_before() {
    let world = calm();
    ask(&world).unwrap();
    undo(&mut world.set(), &format!("{FOLDER}/manifest.json"));
    undo(&mut world.set(), &format!("{FOLDER}/config"));
    let calls = {
        let run = world.run();
        finish(answer(&run, SCHEDULED)).unwrap();
        run.calls()
    };
    for n in 0..calls {
        undo(&mut world.set(), &format!("{FOLDER}/manifest.json"));
        undo(&mut world.set(), &format!("{FOLDER}/config"));
        let run = world.run().stopping_at(n);
        let mut late = std::pin::pin!(answer(&run, SCHEDULED));
        assert!(crate::world::poll_once(late.as_mut()).is_pending(), "call {n}");
        let now = world.state().now;
        world.set().aviatrix.write(now);
        run.wake();
        if let std::task::Poll::Ready(Err(fault)) = crate::world::poll_once(late.as_mut()) {
            assert_eq!(fault.hope, Hope::Retryable);
            assert!(fault.to_string().contains("replaced"), "{fault}");
            ask(&world).unwrap();
        }
        assert_is_asked_for(&world);
        world.assert_promises("replaced meanwhile");
    }
}
