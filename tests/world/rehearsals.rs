//! FF15: rehearsals say what a move would come to, step by step, and change nothing at all.

use warmspare_act::failover_promotion::answer;
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::capacity::scaled;
use crate::failover::{ALARM, PLAN, alarm, calm, lost, refusal};
use crate::planned::returned;
use crate::world::capacity::Scaled;
use crate::world::{Trouble, World, finish};

/// Rehearses, asserts that nothing was changed, and answers what was said.
fn rehearse(world: &World, of: &str) -> String {
    let restored = world.state().now;
    let event = format!(
        r#"{{"system":"controller","action":"rehearse","of":"{of}","restored":"{restored}"}}"#
    );
    let objects: Vec<String> = world.state().objects.keys().cloned().collect();
    let zone = world.state().sites.zone.clone();
    let run = world.run();
    let Outcome::Done(sentence) = finish(answer(&run, event.as_bytes())).unwrap() else {
        panic!("not done")
    };
    assert_eq!(run.changes(), 0, "{sentence}");
    assert_eq!(world.state().objects.keys().cloned().collect::<Vec<_>>(), objects);
    assert_eq!(world.state().sites.zone, zone);
    assert!(sentence.ends_with("; nothing was changed"), "{sentence}");
    sentence
}

fn assert_says(sentence: &str, parts: &[&str]) {
    let mut rest = sentence;
    for part in parts {
        let Some(at) = rest.find(part) else { panic!("{part:?} is not said in order: {sentence}") };
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_rehearsal_of_a_failover_says_what_each_step_would_come_to() {
    assert_says(
        &rehearse(&lost(), "failover"),
        &[
            "a failover from east to west would begin as term 1",
            "fence the old site: would fence the old site",
            "promote the database: would promote the database",
            "promote the appliance: would promote the appliance",
            "see the new site healthy: would be seen done at once",
            "repoint the records: would submit DELETE controller.example.com A 203.0.113.10",
            "CREATE controller.example.com A 203.0.113.20",
            "see the records in sync: would follow",
        ],
    );
    let plain = br#"{"system":"controller","action":"rehearse"}"#;
    let sentence = finish(answer(&lost().run(), plain)).unwrap().to_string();
    assert!(sentence.starts_with("a failover from east"), "{sentence}");
}

/// What would be refused is said for each step, and not only for the first that refuses.
#[test]
fn a_rehearsal_goes_on_after_a_refusal() {
    let world = calm(PLAN);
    world.set().sites.dns_answers = false;
    assert_says(
        &rehearse(&world, "failover"),
        &[
            "a failover from east to west would be refused, because the active site east answers",
            "fence the old site: would be given up, because the old site east answers again",
            "promote the database: would promote",
            "repoint the records: would wait, because Route 53 could not be asked",
        ],
    );
    let world = calm(PLAN);
    world.set().sites.site("west").ill = true;
    assert_says(
        &rehearse(&world, "switchover"),
        &[
            "a switchover from east to west would be refused, because the standby west",
            "fence the old site: would be given up, because the standby west",
            "see the replica caught up: would be seen done at once",
            "see the new site healthy: would wait",
        ],
    );
    let world = calm(PLAN);
    world.set().sites.zone[0].values = vec!["192.0.2.99".to_owned()];
    assert_says(
        &rehearse(&world, "switchover"),
        &[
            "would be refused, because controller.example.com A holds 192.0.2.99",
            "repoint the records: would be refused, because controller.example.com A holds 192.0.2.99",
        ],
    );
}

#[test]
fn a_rehearsal_of_a_planned_move_says_what_each_step_would_come_to() {
    assert_says(
        &rehearse(&calm(PLAN), "switchover"),
        &[
            "a switchover from east to west would begin as term 1",
            "fence the old site: would fence the old site",
            "see the replica caught up: would be seen done at once",
            "promote the database: would promote the database",
        ],
    );
    let world = returned();
    assert_says(
        &rehearse(&world, "failback"),
        &[
            "a failback from west to east would begin as term 2",
            "seed a replica of the database: would seed a replica of the database",
            "fence the old site: would fence the old site",
            "repoint the records: would submit DELETE controller.example.com A 203.0.113.20",
        ],
    );
    assert_says(
        &rehearse(&calm(PLAN), "failback"),
        &["would be refused, because east is the active site already"],
    );
}

/// A pilot light is not started to be rehearsed: what comes after is said as if it ran, and that nobody has
/// seen it is said too.
#[test]
fn a_rehearsal_starts_no_pilot_light() {
    let world = scaled("confirmed");
    assert_says(
        &rehearse(&world, "switchover"),
        &[
            "a switchover from east to west would begin as term 1",
            "start the instances of the new site: would start the instances of the new site",
            "fence the old site: would fence the old site",
            "stop the instances of the old site: would stop the instances of the old site",
            "promote the database: would promote the database",
            "see the new site healthy: would wait",
            "no instance of west was started, so its health was not seen",
        ],
    );
    world.set().sites.groups.insert("west", Scaled::of("controller-west", 2));
    let running = rehearse(&world, "switchover");
    assert!(!running.contains("no instance of west was started"), "{running}");
    world.set().sites.site("west").ill = true;
    let ill = rehearse(&world, "switchover");
    assert!(
        ill.contains("fence the old site: would be given up, because the standby west"),
        "{ill}"
    );
}

/// Whatever cannot be looked at, and in the middle of anything: nothing is changed.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_rehearsal_changes_nothing_whatever_it_meets() {
    for of in ["failover", "switchover", "failback"] {
        let event = format!(r#"{{"system":"controller","action":"rehearse","of":"{of}"}}"#);
        let worlds: [fn() -> World; 3] = [lost, || calm(PLAN), returned];
        for new in worlds {
            let world = new();
            let run = world.run();
            let _outcome = finish(answer(&run, event.as_bytes()));
            for look in 0..run.looks() {
                let run = world.run().meeting(Trouble::Look(look));
                let _outcome = finish(answer(&run, event.as_bytes()));
                assert_eq!(run.changes(), 0, "{of}, look {look}");
            }
        }
    }
    let world = lost();
    world.set().sites.dns_answers = false;
    alarm(&world);
    let plain = br#"{"system":"controller","action":"rehearse"}"#;
    assert!(matches!(refusal(&world, plain), Refusal::InProgress { .. }));
    world.set().sites.dns_answers = true;
    finish(answer(&world.run(), ALARM)).unwrap();
}
