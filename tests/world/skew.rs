//! Rows of a package builder's database without an artifact, in the simulated world. Names in capitals are
//! the rows of the fault matrix and the seed behaviours that a test stands for.

use std::pin::pin;

use bytes::Bytes;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::scheduled_backup;
use warmspare_act::verify_upload::answer;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::skew::{ATTEMPTS_MAX, Found, Skew};

use crate::backup::PLAN;
use crate::tries::Trial;
use crate::verification::written;
use crate::world::artifacts::Bucket;
use crate::world::vault::current;
use crate::world::{Run, World, finish, poll_once};

const SLOT: &str = "2026-11-21T00-00-00Z";
const SOURCE: &str = r#"database = "builder", "#;
const PACKAGES: &str = r#"database = "builder", packages = { artifacts = "artifacts", url = "https://builder.example.com" }, "#;
const HTTPS: &str = r#"{ kind = "https", url = "https://east.example.com/artifacts.tar" }"#;
const BUCKET: &str = r#"{ kind = "s3", endpoint = "https://minio.example.com:9000", bucket = "depot", secret = "arn:aws:secretsmanager:us-west-2:111122223333:secret:warmspare/minio" }"#;

const ACL: &str =
    "core/acl/2.2.53/20200305230628/x86_64/linux/core-acl-2.2.53-20200305230628-x86_64-linux.hart";
const BASH: &str =
    "core/bash/5.1/20210826050014/x86_64/linux/core-bash-5.1-20210826050014-x86_64-linux.hart";
const NEW: &str =
    "core/new/1.0/20261121000010/x86_64/linux/core-new-1.0-20261121000010-x86_64-linux.hart";

/// Three rows, as `pg_restore` writes them.
const ROWS: &str = "-- PostgreSQL database dump\n
COPY public.origin_packages (id, ident, manifest, target) FROM stdin;
1\tcore/acl/2.2.53/20200305230628\tline\\nline\tx86_64-linux
2\tcore/bash/5.1/20210826050014\t\\N\tx86_64-linux
3\tcore/gcc/9.1.0/20200305225533\t\\N\tx86_64-linux
\\.\n
-- PostgreSQL database dump complete\n";

const LINE: &str = "hab pkg upload core-gcc-9.1.0-20200305225533-x86_64-linux.hart -u \
                    https://builder.example.com --force";

/// A builder whose bucket has what two of three rows are about, and one artifact that came after them.
fn builder() -> World {
    let world = World::new();
    let plan = PLAN.replace(HTTPS, BUCKET).replace(SOURCE, PACKAGES);
    world.put("plans/controller.toml", plan.as_bytes());
    let mut state = world.set();
    state.sources.dump = Some(ROWS);
    state.buckets = Bucket::of(&[(ACL, "HART-1 acl"), (BASH, "HART-1 bash"), (NEW, "HART-1 new")]);
    drop(state);
    world
}

fn store(world: &World) {
    let event = br#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
    let outcome = finish(scheduled_backup::answer(&world.run(), event)).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome}");
}

fn event() -> Vec<u8> {
    written(&format!("backups/controller/{SLOT}/manifest.json"), "2026-11-21T00:00:30Z")
}

fn verify(world: &World) -> String {
    let outcome = finish(answer(&world.run(), &event())).unwrap().to_string();
    world.assert_promises("verified");
    outcome
}

fn stored() -> World {
    let world = builder();
    store(&world);
    world
}

fn receipt(name: &str) -> String {
    format!("receipts/controller/{SLOT}/{name}")
}

fn text(world: &World, name: &str) -> Option<String> {
    let body = current(&world.state(), &receipt(name))?.body.clone();
    Some(String::from_utf8(body.to_vec()).unwrap())
}

fn found(world: &World) -> Found {
    let skew: Skew = serde_json::from_str(&text(world, "skew-metadata.json").unwrap()).unwrap();
    skew.found
}

fn why(world: &World) -> String {
    match found(world) {
        Found::Unknown { why } => why,
        other @ Found::Compared(_) => panic!("{other:?}"),
    }
}

fn told(world: &World) -> Vec<String> {
    let state = world.state();
    let told = state.announcements.iter();
    let suspicious = told.filter(|told| told.happening == Happening::BackupSuspicious);
    suspicious.map(|told| told.reason.clone()).collect()
}

/// C6, C7: exactly the row that a restore would leave without its artifact, and the command for it.
#[test]
fn a_row_without_an_artifact_is_told_with_its_command() {
    let world = stored();
    let outcome = verify(&world);
    let sentence = format!(
        "1 of 3 row(s) of metadata have no artifact in artifacts, the first is \
         core/gcc/9.1.0/20200305225533 for x86_64-linux, and {} has the command(s) that upload 1 of them; \
         1 artifact(s) have no row, which does no harm",
        receipt("skew-metadata.sh")
    );
    assert!(outcome.ends_with(&sentence), "{outcome}");
    let name = format!("backup {SLOT} of controller is verified, and somebody should look at it");
    assert_eq!(told(&world), [format!("{name}: {sentence}")]);
    let lines = text(&world, "skew-metadata.sh").unwrap();
    let commands: Vec<&str> = lines.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(commands, [LINE]);
    let links = world.state().announcements.last().unwrap().links.clone();
    assert_eq!(links[..2], [receipt("skew-metadata.sh"), receipt("skew-metadata.json")]);
    // It counts: every byte is right. And a duplicate finds that all was said.
    assert!(text(&world, "verified.json").is_some());
    let again = verify(&world);
    assert!(!again.contains("row(s)") && told(&world).len() == 1, "{again}");
}

/// What would be restored counts, and not what the builder has by now.
#[test]
fn what_is_compared_is_in_the_vault() {
    let world = stored();
    let mut state = world.set();
    state.sources.dump = Some("COPY public.origin_packages (ident, target) FROM stdin;\n\\.\n");
    state.buckets.objects.insert("core/gcc".into(), Bytes::from_static(b"HART-1 gcc"));
    drop(state);
    verify(&world);
    assert_eq!(told(&world).len(), 1);
}

/// C6.
#[test]
fn a_backup_without_skew_is_recorded_and_nobody_is_told() {
    let world = builder();
    let gcc = "core/gcc/9.1.0/20200305225533/x86_64/linux/core-gcc-9.1.0-20200305225533-x86_64-linux.hart";
    world.set().buckets.objects.insert(gcc.into(), Bytes::from_static(b"HART-1 gcc"));
    store(&world);
    let outcome = verify(&world);
    assert!(
        outcome.contains("each of 3 row(s) of metadata has its artifact in artifacts"),
        "{outcome}"
    );
    assert!(told(&world).is_empty() && text(&world, "skew-metadata.sh").is_none());
    let Found::Compared(counts) = found(&world) else { panic!("not compared") };
    assert_eq!((counts.rows, counts.missing, counts.without_row), (3, 0, 1));
}

/// What could not be compared is recorded and told as not known, and the backup counts all the same.
#[test]
fn what_is_not_known_is_never_fine() {
    let table: [(fn(&World), &str); 3] = [
        (
            |world| world.set().sources.unread = Some("/opt/bin/pg_restore cannot be started"),
            "/opt/bin/pg_restore cannot be started",
        ),
        (|world| world.set().sources.dump = None, "the dump has no table public.origin_packages"),
        (
            |world| world.set().sources.dump = ROWS.split_once("3\tcore").map(|(cut, _)| cut),
            "the rows of public.origin_packages break off",
        ),
    ];
    for (change, wanted) in table {
        let world = builder();
        change(&world);
        store(&world);
        verify(&world);
        assert_eq!(why(&world), wanted);
        let [reason] = &told(&world)[..] else { panic!("{wanted}: not told once") };
        assert!(
            reason.contains(&format!("has its artifact is not known, as {wanted}")),
            "{reason}"
        );
        assert!(
            text(&world, "verified.json").is_some() && text(&world, "skew-metadata.sh").is_none()
        );
    }
}

/// A plan that does not ask for it, and one that asks for what a backup does not have.
#[test]
fn only_what_the_plan_asks_for_is_compared() {
    let world = stored();
    let plan = PLAN.replace(HTTPS, BUCKET);
    world.put("plans/controller.toml", plan.as_bytes());
    verify(&world);
    assert!(text(&world, "skew-metadata.json").is_none() && told(&world).is_empty());
    let world = stored();
    let renamed = plan.replace(SOURCE, PACKAGES).replace("\"metadata\"", "\"rows\"");
    world.put("plans/controller.toml", renamed.as_bytes());
    verify(&world);
    let skew = text(&world, "skew-rows.json").unwrap();
    assert!(skew.contains("the backup is of another plan, which had no dump rows"), "{skew}");
    // One that cannot be read is told by whoever acts under it; the backup is proven.
    let world = stored();
    world.put("plans/controller.toml", b"nonsense");
    verify(&world);
    assert!(text(&world, "verified.json").is_some() && told(&world).is_empty());
}

/// A run is killed in the middle, and the sweep goes on; one that kills each of them is given up, and told.
#[test]
fn a_comparison_that_was_begun_is_ended_by_the_sweep() {
    let world = stored();
    let die = |event: &[u8]| kill(&world, event);
    die(&event());
    assert!(text(&world, "verified.json").is_some());
    assert!(text(&world, "skew-metadata.json").is_none());
    let sweep = br#"{"action":"sweep"}"#;
    for _hour in 2..=ATTEMPTS_MAX {
        world.pass(3_600);
        die(sweep);
    }
    world.pass(3_600);
    finish(answer(&world.run(), sweep)).unwrap();
    assert_eq!(why(&world), "5 runs have begun to compare them, and none has ended");
    assert!(told(&world).iter().any(|reason| reason.contains("none has ended")));
    // And from then on it is nobody's concern.
    let count = told(&world).len();
    world.pass(3_600);
    finish(answer(&world.run(), sweep)).unwrap();
    assert_eq!(told(&world).len(), count);
}

/// Lets a run live until it hands the dump to `pg_restore`.
fn kill(world: &World, event: &[u8]) {
    world.set().sources.kills = true;
    let run = world.run();
    assert!(poll_once(pin!(answer(&run, event)).as_mut()).is_pending(), "it compares nothing");
    world.set().sources.kills = false;
}

/// A plan that asks for it no more leaves nothing that every sweep comes back to.
#[test]
fn a_comparison_that_nobody_asks_for_any_more_is_ended() {
    let world = stored();
    kill(&world, &event());
    world.put("plans/controller.toml", PLAN.replace(HTTPS, BUCKET).as_bytes());
    world.pass(3_600);
    finish(answer(&world.run(), br#"{"action":"sweep"}"#)).unwrap();
    assert_eq!(why(&world), "the plan does not ask for it any more");
}

/// FV3: a dump that is read otherwise than it was proven is a fault, and no answer.
#[test]
fn bytes_that_differ_are_no_rows() {
    let world = stored();
    let asks = current(&world.state(), "plans/controller.toml").unwrap().body.clone();
    world.put("plans/controller.toml", PLAN.replace(HTTPS, BUCKET).as_bytes());
    verify(&world);
    world.put("plans/controller.toml", &asks);
    {
        let mut state = world.set();
        let dump = state.objects.get_mut(&format!("backups/controller/{SLOT}/metadata")).unwrap();
        dump[0].body =
            ROWS.replace("core/gcc/9.1.0/20200305225533", "core/acl/2.2.53/20200305230628").into();
    }
    let fault = finish(answer(&world.run(), &event())).unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(fault.to_string().contains("it was proven, and was read otherwise"), "{fault}");
    assert!(text(&world, "skew-metadata.json").is_none() && told(&world).is_empty());
}

fn trial()
-> Trial<impl Fn() -> World, impl AsyncFn(&Run<'_>) -> Result<Outcome, Fault>, impl Fn(&World)> {
    Trial {
        what: "a verification of a builder",
        new: stored,
        act: async |run: &Run<'_>| answer(run, &event()).await,
        go_on: |world: &World| {
            verify(world);
            assert!(text(world, "skew-metadata.sh").unwrap().contains(LINE));
            assert!(matches!(found(world), Found::Compared(_)));
        },
    }
}

#[test]
#[ignore = "optimised: cargo prove"]
fn skew_is_told_whatever_happens() {
    trial().meets_trouble_everywhere();
    trial().dies_everywhere();
    trial().wakes_up_late_everywhere();
    trial().is_mixed_in_any_order(200);
}
