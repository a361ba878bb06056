//! FA3: events that are not what they should be. Each is refused with a sentence, none makes a call
//! of AWS but to tell the refusal, and no bytes whatever make a function panic.

use warmspare_act::fault::Fault;
use warmspare_act::{prune_backups, scheduled_backup, snapshot_export, verify_upload};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::backup::calm;
use crate::tries::{Dice, seeds};
use crate::world::{Run, World, finish};

/// The functions that are tested here.
#[derive(Clone, Copy, Debug)]
enum Function {
    Backup,
    Verify,
    Export,
    Prune,
}

const ALL: [Function; 4] = [Function::Backup, Function::Verify, Function::Export, Function::Prune];

async fn answer(function: Function, run: &Run<'_>, event: &[u8]) -> Result<Outcome, Fault> {
    match function {
        Function::Backup => scheduled_backup::answer(run, event).await,
        Function::Verify => verify_upload::answer(run, event).await,
        Function::Export => snapshot_export::answer(run, event).await,
        Function::Prune => prune_backups::answer(run, event).await,
    }
}

/// Right events of each function.
fn right(function: Function) -> &'static [&'static str] {
    match function {
        Function::Backup => &[
            r#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#,
            r#"{"action":"go-on"}"#,
            r#"{"source":"aws.s3","detail-type":"Object Created","time":"2026-11-21T00:00:00Z",
                "detail":{"bucket":{"name":"vault"},"object":{"key":"plans/controller.toml"}}}"#,
        ],
        Function::Verify => &[
            r#"{"action":"verify","system":"controller","slot":"2026-11-21T00-00-00Z"}"#,
            r#"{"source":"aws.s3","detail-type":"Object Created","time":"2026-11-21T00:00:00Z",
                "detail":{"bucket":{"name":"vault"},"object":{
                "key":"backups/controller/2026-11-21T00-00-00Z/manifest.json"}}}"#,
        ],
        Function::Export => &[
            r#"{"action":"export","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#,
            r#"{"action":"sweep"}"#,
            r#"{"source":"aws.rds","detail-type":"RDS DB Snapshot Event","detail":{
                "SourceIdentifier":"warmspare-controller-db-2026-11-21t00-00-00z"}}"#,
        ],
        Function::Prune => &[
            r#"{"action":"prune","system":"controller","dry_run":true}"#,
            r#"{"source":"warmspare","detail-type":"Backup Verified",
                "detail":{"system":"controller"}}"#,
        ],
    }
}

fn refused(function: Function, event: &[u8]) -> String {
    let world = calm();
    let run = world.run();
    let outcome = finish(answer(function, &run, event));
    let shown = String::from_utf8_lossy(event);
    assert_eq!(run.looks(), 0, "{function:?} looked at something for {shown}");
    assert_eq!(world.state().objects.len(), 1, "{function:?} wrote something for {shown}");
    match outcome {
        Ok(Outcome::Refused(refusal @ Refusal::NotOurs { .. })) => refusal.to_string(),
        other => panic!("{function:?} answered {other:?} to {shown}"),
    }
}

/// FA3.
#[test]
fn what_is_not_an_event_of_ours_is_refused_by_every_function() {
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let huge = format!("{{\"action\":\"{}\"}}", "x".repeat(1 << 18));
    let table: [(&[u8], &str); 15] = [
        (b"", "it cannot be read as JSON: EOF"),
        (b"backup, please", "it cannot be read as JSON"),
        (b"\xff\xfe\x00\x01", "it cannot be read as JSON"),
        (deep.as_bytes(), "recursion limit exceeded"),
        (b"[]", "it is a list of 0, and a JSON object is taken"),
        (b"{}", "`action` is missing"),
        (b"{\"action\":7}", "`action` is 7, but must be"),
        (b"{\"action\":\"delete everything\"}", "`action` is \"delete everything\", but must be"),
        (huge.as_bytes(), "xxx\"…, but must be"),
        (b"{\"action\":\"x\",\"action\":\"y\"}", "the key \"action\" comes twice"),
        (b"{\"action\":\"x\",\"dry-run\":true}", "it has a field \"dry-run\""),
        (b"{\"source\":\"aws.ec2\",\"detail\":{}}", "`source` is \"aws.ec2\", but must be "),
        (b"{\"source\":[]}", "`source` is a list of 0, but must be"),
        (b"{\"source\":\"aws.s3\",\"detail-type\":\"Object Deleted\"}", "but must be"),
        (b"{\"Records\":[]}", "it has a field \"Records\""),
    ];
    for (event, part) in table {
        for function in ALL {
            let sentence = refused(function, event);
            assert!(sentence.contains(part), "{function:?}: {sentence} has no {part}");
            assert!(sentence.len() < 600, "{function:?}: {} letters", sentence.len());
        }
    }
}

/// What each function says to an event with something wrong in it.
const WRONG: [(Function, &str, &str); 13] = {
    use Function::{Backup, Export, Verify};
    [
        (Backup, r#"{"action":"backup"}"#, "`system` is missing; it must be the name of a system"),
        (
            Backup,
            r#"{"action":"backup","system":"Ctl"}"#,
            "`system` is \"Ctl\", but must be the name",
        ),
        (
            Backup,
            r#"{"action":"backup","system":"a"}"#,
            "`scheduled` is missing; it must be an instant",
        ),
        (
            Backup,
            r#"{"action":"backup","system":"a","scheduled":"midnight"}"#,
            "`scheduled` is \"midnight\", but must be an instant, such as 2026-11-21T00:00:00Z",
        ),
        (
            Backup,
            r#"{"action":"backup","system":"a","scheduled":"2026-11-21T00:00:00Z","reason":1}"#,
            "`reason` is 1, but must be a text",
        ),
        (
            Backup,
            r#"{"source":"aws.s3","detail-type":"Object Created",
                "detail":{"object":{"key":"plans/a"}}}"#,
            "`detail.object.key` is \"plans/a\", but must be plans/<system>.toml or \
             uploads/<system>/<source>/<name>",
        ),
        (
            Backup,
            r#"{"source":"aws.s3","detail-type":"Object Created",
                "detail":{"object":{"key":"plans/a.toml"}}}"#,
            "`time` is missing; it must be an instant",
        ),
        (Verify, r#"{"action":"verify","system":"a"}"#, "`slot` is missing; it must be a slot"),
        (
            Verify,
            r#"{"action":"verify","system":"a","slot":"latest"}"#,
            "`slot` is \"latest\", but must",
        ),
        (
            Verify,
            r#"{"source":"aws.s3","detail-type":"Object Created","detail":{"object":{}}}"#,
            "`detail.object.key` is missing; it must be the key of an object",
        ),
        (
            Export,
            r#"{"action":"export","system":"a"}"#,
            "`scheduled` is missing; it must be an instant",
        ),
        (
            Export,
            r#"{"action":"sweep","system":7}"#,
            "`system` is 7, but must be the name of a system",
        ),
        (Export, r#"{"source":"aws.rds","detail":{}}"#, "`detail.SourceArn` is missing"),
    ]
};

#[test]
fn a_field_that_is_wrong_is_named_with_what_was_found_and_what_is_allowed() {
    for (function, event, part) in WRONG {
        let sentence = refused(function, event.as_bytes());
        assert!(sentence.contains(part), "{function:?}: {sentence} has no {part}");
    }
}

/// The events that are shown to operators are events that the functions take.
#[test]
fn the_examples_in_infra_are_taken() {
    use Function::{Backup, Export, Verify};
    let examples = [
        (Backup, include_str!("../../infra/events/scheduled-backup.json")),
        (Backup, include_str!("../../infra/events/scheduled-backup.first-plan.json")),
        (Backup, include_str!("../../infra/events/scheduled-backup.go-on.json")),
        (Verify, include_str!("../../infra/events/verify-upload.json")),
        (Export, include_str!("../../infra/events/snapshot-export.json")),
        (Export, include_str!("../../infra/events/snapshot-export.created.json")),
        (Export, include_str!("../../infra/events/snapshot-export.copied.json")),
        (Export, include_str!("../../infra/events/snapshot-export.exported.json")),
        (Export, include_str!("../../infra/events/snapshot-export.sweep.json")),
    ];
    let world = calm();
    world.pass(3_600);
    for (function, event) in examples {
        let outcome = finish(answer(function, &world.run(), event.as_bytes())).unwrap();
        assert!(!matches!(outcome, Outcome::Refused(_)), "{function:?}: {outcome}");
    }
    world.assert_promises("the examples");
}

/// Bytes at random, and right events with some bytes changed, cut off, doubled or moved.
#[test]
#[ignore = "optimised: cargo prove"]
fn no_bytes_make_a_function_panic_or_act_on_what_is_not_there() {
    let mut taken = [0_u32; 2];
    for seed in seeds(4_000) {
        let mut dice = Dice::new(seed);
        for function in ALL {
            let events = right(function);
            let mut event = events[dice.below(events.len())].as_bytes().to_vec();
            match dice.below(5) {
                0 => event = (0..dice.below(200)).map(|_| byte(&mut dice)).collect(),
                1 => event.truncate(dice.below(event.len())),
                2 => {
                    let from = dice.below(event.len());
                    let copy = event[from..].to_vec();
                    event.splice(from..from, copy);
                }
                _ => {
                    for _ in 0..=dice.below(3) {
                        let at = dice.below(event.len());
                        event[at] = byte(&mut dice);
                    }
                }
            }
            let world = calm();
            let outcome = finish(answer(function, &world.run(), &event));
            world.assert_promises(&format!("seed {seed}"));
            let is_refused = matches!(outcome, Ok(Outcome::Refused(_)));
            taken[usize::from(is_refused)] += 1;
            assert_has_no_strangers(&world, &event);
        }
    }
    println!("{} changed events were refused, {} were right all the same", taken[1], taken[0]);
}

fn byte(dice: &mut Dice) -> u8 {
    // Half of them are such as JSON is made of.
    let of_json = b"{}[]\":,0123456789eE+-.\\u \n";
    if dice.below(2) == 0 {
        of_json[dice.below(of_json.len())]
    } else {
        u8::try_from(dice.below(256)).unwrap()
    }
}

/// Whatever was written belongs to the only system that has a plan.
fn assert_has_no_strangers(world: &World, event: &[u8]) {
    for key in world.state().objects.keys() {
        let is_its = key == "plans/controller.toml" || key.split('/').nth(1) == Some("controller");
        assert!(is_its, "{key} was written for {}", String::from_utf8_lossy(event));
    }
}
