//! Every refusal there is, made by the one thing that is not as it should be. A refusal that nothing
//! here makes fails the first test: it would be one that nobody has ever seen.

use std::collections::BTreeSet;

use warmspare_act::fault::Fault;
use warmspare_act::{failover_promotion, scheduled_backup, snapshot_export, verify_upload};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;

use crate::artifacts;
use crate::aviatrix;
use crate::backup;
use crate::capacity;
use crate::failover::{ALARM, BY_HAND, PLAN, TICK, calm, lost, refusal};
use crate::hand::{TICK_OF, acknowledge, lost_under};
use crate::inbox;
use crate::pace;
use crate::planned::{self, SWITCHOVER};
use crate::restore;
use crate::switch;
use crate::verification;
use crate::world::keys::PLAN_KEY;
use crate::world::vault::push;
use crate::world::{World, finish};

type Made = fn() -> Refusal;

const ABORT: &[u8] = br#"{"system":"controller","action":"abort","reason":"r"}"#;
const RECEIPT: &str = "receipts/controller/2026-11-20T12-00-00Z/verified.json";

fn refused(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other @ (Outcome::Done(_) | Outcome::Waiting(_)) => panic!("not refused: {other}"),
    }
}

fn lost_but(change: fn(&World)) -> Refusal {
    let world = lost();
    change(&world);
    refusal(&world, ALARM)
}

fn backed_up(plan: &str, event: &str, change: fn(&World)) -> Refusal {
    let world = World::new();
    world.put("plans/controller.toml", plan.as_bytes());
    change(&world);
    refused(finish(scheduled_backup::answer(&world.run(), event.as_bytes())).unwrap())
}

fn backup_now() -> String {
    r#"{"action":"backup","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#.to_owned()
}

/// Begun under a plan that demands a fence, which cannot be confirmed.
fn fencing() -> World {
    let world = lost_under(&PLAN.replace("fence = \"attempted\"", "fence = \"confirmed\""));
    refusal(&world, ALARM);
    world
}

/// The same, and the old site is back: it is being told to be production again.
fn returning() -> World {
    let world = fencing();
    let replica = |world: &World, normal: bool| {
        let mut state = world.set();
        let replica = state.sites.databases.get_mut("controller-db-west").unwrap();
        let replication = replica.replication.as_mut().unwrap();
        replication.normal = normal;
        replication.status = if normal { "replicating" } else { "error" }.to_owned();
    };
    world.set().sites.site("east").lost = false;
    replica(&world, true);
    world.pass(60);
    let waits = finish(failover_promotion::answer(&world.run(), TICK)).unwrap();
    assert!(matches!(waits, Outcome::Waiting(_)), "{waits}");
    world
}

/// Moved once, without a database, and both sites are there.
fn moved() -> World {
    let plan = PLAN
        .replace(
            "[database]\nkind = \"rds\"\nsource = \"controller-db\"\nregion = \"us-east-1\"\n\
             replica = \"controller-db-west\"\nlag_max = \"30s\"\n",
            "",
        )
        .replace(
            "  { replication = true },\n",
            "  { https = \"https://east.example.com:4343/x\" },\n",
        )
        .replace("per_day = 2", "per_day = 1");
    let world = lost_under(&plan);
    world.set().sites.databases.get_mut("controller-db-west").unwrap().replica_of = None;
    let outcome = finish(failover_promotion::answer(&world.run(), ALARM)).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome}");
    world.set().sites.site("west").lost = true;
    world.set().sites.site("east").lost = false;
    world
}

const EACH: &[(&str, Made)] = &[
    ("plan-invalid", || lost_but(|world| world.put("plans/controller.toml", b"system = 7"))),
    ("unknown-system", || refusal(&lost(), br#"{"action":"tick","system":"stranger"}"#)),
    ("not-ours", || refusal(&lost(), br#"{"action":"reboot","system":"controller"}"#)),
    ("key-unusable", || {
        backed_up(backup::PLAN, &backup_now(), |world| {
            world.set().keys.plan_key().state = "PendingDeletion".to_owned();
        })
    }),
    ("key-elsewhere", || {
        // A plan by itself that is right, in a vault of another Region.
        let plan = backup::PLAN.replace("us-west-2", "eu-west-1");
        backed_up(&plan, &backup_now(), |world| {
            let mut state = world.set();
            let mut facts = state.keys.plan_key().clone();
            facts.arn = PLAN_KEY.replace("us-west-2", "eu-west-1");
            state.keys.by_arn.insert(facts.arn.clone(), facts);
        })
    }),
    ("no-object-lock", || {
        let lock = "keep = 3\nlock = { mode = \"governance\", days = 30 }";
        backed_up(&backup::PLAN.replace("keep = 3", lock), &backup_now(), |_| {})
    }),
    ("slot-far-from-now", || {
        backed_up(backup::PLAN, &backup_now().replace("2026", "2020"), |_| {})
    }),
    ("no-backup", || {
        let event = br#"{"action":"verify","system":"controller","slot":"2026-11-21T00-00-00Z"}"#;
        refused(finish(verify_upload::answer(&backup::calm().run(), event)).unwrap())
    }),
    ("nothing-pushed", || backed_up(&inbox::plan(&["config"]), &backup_now(), |_| {})),
    ("push-too-old", || {
        let event = backup_now().replace("11-21T00", "11-22T01");
        backed_up(&inbox::plan(&["config"]), &event, |world| {
            push(&mut world.set(), "uploads/controller/config/a", b"old");
            world.pass(90_000);
        })
    }),
    ("push-unusable", || {
        backed_up(&inbox::plan(&["config"]), &backup_now(), |world| {
            // Under the vault's default key, and the plan names another one.
            world.put("uploads/controller/config/a", b"under another key");
        })
    }),
    ("push-unexpected", || {
        let event = verification::written("uploads/controller/a", crate::world::START);
        backed_up(backup::PLAN, &String::from_utf8(event).unwrap(), |_| {})
    }),
    ("throttle-too-slow", || {
        backed_up(&pace::plan(pace::ALL_DAY), &backup_now(), |world| {
            world.set().sources.body_bytes = Some(2_000_000);
        })
    }),
    ("does-not-fit", || {
        backed_up(backup::PLAN, &backup_now(), |world| pace::silent_after(world, 10))
    }),
    ("source-too-long", || {
        backed_up(backup::PLAN, &backup_now(), |world| {
            let mut state = world.set();
            state.sources.breaks_after = Some(10);
            state.sources.breaks_with = |name| {
                let (source_name, bytes, bytes_max) = (name.to_owned(), 11, 10);
                let refusal = Refusal::SourceTooLong { source_name, bytes, bytes_max };
                Fault::refused("reading the source", name, refusal)
            };
        })
    }),
    ("pg-dump-version", || backed_up(backup::PLAN, &backup_now(), backup::an_older_pg_dump)),
    ("artifact-too-long", artifacts::long::too_long),
    ("controller-writes-elsewhere", || {
        backed_up(&aviatrix::plan(""), &backup_now(), |world| {
            world.set().aviatrix.config.bucket = "elsewhere".to_owned();
        })
    }),
    ("controller-backup-off", || {
        backed_up(&aviatrix::plan(""), &backup_now(), |world| {
            world.set().aviatrix.config.enabled = false;
        })
    }),
    ("two-controllers", || {
        backed_up(&aviatrix::plan(""), &backup_now(), |world| {
            let now = world.state().now;
            let aviatrix = &mut world.set().aviatrix;
            for private_ip in ["10.0.0.5", "10.1.0.5"] {
                aviatrix.private_ip = private_ip;
                aviatrix.write(now);
            }
        })
    }),
    ("no-export", || {
        let world = calm(PLAN);
        let event =
            br#"{"action":"export","system":"controller","scheduled":"2026-11-21T00:00:00Z"}"#;
        refused(finish(snapshot_export::answer(&world.run(), event)).unwrap())
    }),
    ("not-supported", || {
        let plan = PLAN.replacen("kind = \"device42\"", "kind = \"aviatrix\"", 1);
        refusal(&lost_under(&plan), ALARM)
    }),
    ("alarm-not-raised", || lost_but(|world| world.set().sites.alarm = Seen::Absent)),
    ("primary-healthy", || refusal(&calm(PLAN), BY_HAND)),
    ("not-enough-signals", || {
        let world = lost();
        world.set().sites.site("west").lost = true;
        refusal(&world, BY_HAND)
    }),
    ("standby-not-ready", || lost_but(|world| world.set().sites.site("west").ill = true)),
    ("no-proven-backup", || lost_but(|world| world.remove(RECEIPT))),
    ("backup-too-old", || {
        lost_but(|world| {
            world.remove(RECEIPT);
            world.put("receipts/controller/2026-11-19T12-00-00Z/verified.json", b"{}");
        })
    }),
    ("too-far-behind", || {
        lost_but(|world| {
            for point in &mut world.set().sites.lag {
                point.lag_s = 61.0;
            }
        })
    }),
    ("lag-unknown", || lost_but(|world| world.set().sites.lag.clear())),
    ("cooldown", || {
        let world = moved();
        world.pass(60);
        refusal(&world, BY_HAND)
    }),
    ("daily-limit", || {
        let world = moved();
        world.pass(1_800);
        refusal(&world, BY_HAND)
    }),
    ("fence-unconfirmed", || {
        refusal(&lost_under(&PLAN.replace("\"attempted\"", "\"confirmed\"")), ALARM)
    }),
    ("fence-owed", || {
        let world = moved();
        world.pass(1_800);
        // The daily limit, which comes first, may be accepted; what is owed may not.
        acknowledge(&world, 2, "daily-limit");
        refusal(&world, BY_HAND)
    }),
    ("dns-drift", || {
        lost_but(|world| world.set().sites.zone[0].values = vec!["192.0.2.99".to_owned()])
    }),
    ("mode-is-not-automatic", || {
        refusal(&lost_under(&PLAN.replace("\"automatic\"", "\"manual\"")), ALARM)
    }),
    ("approval-missing", || {
        refusal(&lost_under(&PLAN.replace("\"automatic\"", "\"approve\"")), ALARM)
    }),
    ("acknowledgement-invalid", || {
        lost_but(|world| {
            world.remove(RECEIPT);
            world.put("acknowledgements/controller/000001/no-proven-backup.json", b"yes");
        })
    }),
    ("paused", || {
        lost_but(|world| {
            let pause = br#"{"format":1,"who":"Ada","reason":"r","until":"2026-11-21T02:00:00Z"}"#;
            world.put("maintenance/controller.json", pause);
        })
    }),
    ("pause-unclear", || lost_but(|world| world.put("maintenance/controller.json", b"soon"))),
    ("aborted", || {
        let world = fencing();
        let mut last = finish(failover_promotion::answer(&world.run(), ABORT)).unwrap();
        for _tick in 0..5 {
            if matches!(last, Outcome::Refused(_)) {
                break;
            }
            world.pass(60);
            last = finish(failover_promotion::answer(&world.run(), TICK_OF)).unwrap();
        }
        refused(last)
    }),
    ("abort-too-late", || {
        let world = lost();
        world.set().sites.dns_answers = false;
        finish(failover_promotion::answer(&world.run(), ALARM)).unwrap();
        refusal(&world, ABORT)
    }),
    ("nothing-to-abort", || refusal(&lost(), ABORT)),
    ("in-progress", || {
        let event = br#"{"system":"controller","action":"rehearse","reason":"r"}"#;
        refusal(&fencing(), event)
    }),
    ("superseded", || {
        lost_but(|world| {
            let mut txt = world.state().sites.zone[0].clone();
            txt.kind = "TXT".to_owned();
            txt.name = "_warmspare.controller.controller.example.com".to_owned();
            txt.values = vec!["\"term=7\"".to_owned()];
            world.set().sites.zone.push(txt);
        })
    }),
    ("primary-returned", || {
        let world = returning();
        world.pass(200);
        refusal(&world, TICK_OF)
    }),
    ("way-back-lost", || {
        let world = returning();
        let now = world.state().now;
        world.set().sites.lose_home(now);
        world.pass(200);
        refusal(&world, TICK_OF)
    }),
    ("already-active", || {
        let world = calm(PLAN);
        refusal(&world, &planned::failback(&world))
    }),
    ("active-not-healthy", || {
        let world = calm(PLAN);
        world.set().sites.site("east").ill = true;
        refusal(&world, SWITCHOVER)
    }),
    // Home by any name: nobody says as of when it was restored.
    ("standby-not-restored", || refusal(&planned::returned(), SWITCHOVER)),
    ("records-unknown", || {
        let world = calm(PLAN);
        world.set().sites.dns_answers = false;
        refusal(&world, SWITCHOVER)
    }),
    ("no-switch", || {
        let world = switch::lost();
        world.set().sites.switch_alarm = Seen::Absent;
        refusal(&world, ALARM)
    }),
    ("no-replica", || {
        lost_but(|world| drop(world.set().sites.databases.remove("controller-db-west")))
    }),
    ("no-snapshot", restore::no_snapshot),
    ("snapshot-too-old", restore::snapshot_too_old),
    ("not-our-instance", restore::not_our_instance),
    ("restore-failed", restore::restore_failed),
    ("restore-stuck", restore::restore_stuck),
    ("no-capacity", || {
        let world = capacity::dark();
        world.set().sites.groups.remove("west");
        refusal(&world, ALARM)
    }),
    ("capacity-out-of-bounds", || {
        let world = capacity::dark();
        world.set().sites.groups.get_mut("west").unwrap().group.max = 1;
        refusal(&world, ALARM)
    }),
];

/// What is made in the tables of `decide`, in the middle of a move, with the name of its type there.
const IN_TABLES: [(&str, &str, &str); 4] = [
    ("not-our-replica", "Refusal::NotOurReplica", TABLES),
    ("promotion-stuck", "Refusal::PromotionStuck", TABLES),
    ("others-under-way", "Refusal::OthersUnderWay", ORDER),
    ("not-caught-up", "Refusal::NotCaughtUp", PLANNED),
];
const TABLES: &str = include_str!("../../shared/decide/src/failover/tests.rs");
const ORDER: &str = include_str!("../../shared/decide/src/failover/tests/order.rs");
const PLANNED: &str = include_str!("../../shared/decide/src/failover/planned/tests.rs");

#[test]
fn every_refusal_is_made_by_something() {
    for (name, made, table) in IN_TABLES {
        assert!(table.contains(made), "{name}");
    }
    let in_tables = IN_TABLES.iter().map(|(name, ..)| *name);
    let made: BTreeSet<&str> = EACH.iter().map(|(name, _)| *name).chain(in_tables).collect();
    let known: BTreeSet<&str> = Refusal::NAMES.iter().copied().collect();
    assert_eq!(made, known);
}

/// Its name is what it is made for, what it is stored under, and what acknowledges it; its sentence can
/// be announced, and ends without a full stop, so that it can be gone on with.
#[test]
fn each_refusal_is_named_as_it_is_stored_and_is_a_sentence() {
    for (name, made) in EACH {
        let refusal = made();
        assert_eq!(refusal.name(), *name, "{refusal}");
        let stored = serde_json::to_value(&refusal).unwrap();
        assert_eq!(stored["refusal"], **name);
        assert_eq!(serde_json::from_value::<Refusal>(stored).unwrap(), refusal);
        let sentence = refusal.to_string();
        assert!(sentence.len() > 40 && !sentence.ends_with('.'), "{name}: {sentence}");
    }
    println!("{} refusals, each made once", EACH.len());
}
