//! What refuses a failover in the simulated world, and what is asked again.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;

use crate::failover::{
    ALARM, BY_HAND, PLAN, TICK, alarm, assert_failed_over, calm, lost, refusal, tick_until_over,
};
use crate::world::promises::newest_term;
use crate::world::{World, finish, poll_once};

/// CloudWatch tells of an alarm once: what was refused then is asked for again while it is raised.
#[test]
fn a_refused_alarm_is_asked_again_by_the_tick() {
    let world = lost();
    world.set().sites.site("west").ill = true;
    assert!(matches!(refusal(&world, ALARM), Refusal::StandbyNotReady { .. }));
    let tick = br#"{"action":"tick","system":"controller"}"#;
    world.pass(60);
    assert!(matches!(refusal(&world, tick), Refusal::StandbyNotReady { .. }));
    let announced = world.state().announcements.len();
    assert_eq!(announced, 1, "a refusal is announced when it is asked for, and not every minute");
    world.set().sites.site("west").ill = false;
    world.pass(60);
    assert!(matches!(finish(answer(&world.run(), tick)).unwrap(), Outcome::Done(_)));
    assert_failed_over(&world, "asked again");
}

/// A person who asks an hour later is asked for the lag of the moment of the loss, and not of now.
#[test]
fn a_request_by_hand_counts_from_the_alarm() {
    let world = calm(&PLAN.replace("\"automatic\"", "\"manual\""));
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world.pass(3600);
    let outcome = finish(answer(&world.run(), BY_HAND)).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome}");
    assert_failed_over(&world, "by hand, an hour later");
}

/// FF14: a person edits the record in the middle: nothing is overwritten, and the refusal says what.
#[test]
fn a_record_that_somebody_changed_is_left_alone() {
    let world = lost();
    world.set().sites.zone[0].values = vec!["192.0.2.99".to_owned()];
    let refused = refusal(&world, ALARM).to_string();
    assert!(refused.contains("holds 192.0.2.99"), "{refused}");
    assert_eq!(world.state().sites.promotions, 0, "seen before anything is touched");

    let world = lost();
    let calls = {
        let counting = lost();
        let run = counting.run();
        finish(answer(&run, ALARM)).unwrap();
        run.calls()
    };
    for n in 0..calls {
        let world = lost();
        let run = world.run().stopping_at(n);
        let mut stopped = pin!(answer(&run, ALARM));
        assert!(poll_once(stopped.as_mut()).is_pending());
        if world.state().sites.moves > 0 {
            break;
        }
        world.set().sites.zone[0].values = vec!["192.0.2.99".to_owned()];
        run.wake();
        let _ = poll_once(stopped.as_mut());
        assert_eq!(world.state().sites.leads_to(), ["192.0.2.99"], "call {n}");
    }
    drop(world);
}

/// FF2: a newer term has acted on the records; the older one's batch does not land.
#[test]
fn an_older_term_cannot_move_the_records_back() {
    let world = lost();
    world.set().sites.dns_answers = false;
    alarm(&world);
    world.set().sites.dns_answers = true;
    let mut txt = world.state().sites.zone[0].clone();
    txt.kind = "TXT".to_owned();
    txt.name = "_warmspare.controller.controller.example.com".to_owned();
    txt.values = vec!["\"term=7\"".to_owned()];
    world.set().sites.zone.push(txt);
    world.pass(60);
    let refused = finish(answer(&world.run(), TICK)).unwrap().to_string();
    assert!(refused.contains("holds 7"), "{refused}");
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.10"]);
}

/// FA17: a journal of another format is refused, and never guessed at.
#[test]
fn a_journal_of_another_format_stops_everything() {
    let world = lost();
    world.put("failovers/controller/000001/000001.json", br#"{"format":4}"#);
    let fault = finish(answer(&world.run(), ALARM)).unwrap_err();
    assert!(
        fault.to_string().contains("it is of format 4, and this code reads format 1 to 3"),
        "{fault}"
    );
    assert_eq!(world.state().sites.promotions, 0);
}

/// FA17: a failover that a version before this one began, and left when it was replaced, is gone on
/// with in the format of today, wherever it was left.
#[test]
fn a_failover_that_an_older_version_began_is_gone_on_with() {
    let calm = lost();
    let run = calm.run();
    finish(answer(&run, ALARM)).unwrap();
    let mut begun = 0;
    for n in (0..run.calls()).step_by(3) {
        let world = lost();
        {
            let run = world.run().stopping_at(n);
            let mut killed = pin!(answer(&run, ALARM));
            assert!(poll_once(killed.as_mut()).is_pending());
        }
        if newest_term(&world.state()).is_none() {
            continue;
        }
        let keys: Vec<String> = world.state().objects.keys().cloned().collect();
        for key in keys.iter().filter(|key| key.contains("/000001/0")) {
            let mut entry: serde_json::Value =
                serde_json::from_slice(&world.state().objects[key].last().unwrap().body).unwrap();
            entry["format"] = 1.into();
            if let Some(opened) = entry["what"].as_object_mut() {
                opened.remove("kind");
            }
            world.put(key, &serde_json::to_vec(&entry).unwrap());
        }
        begun += 1;
        tick_until_over(&world);
        assert_failed_over(&world, &format!("left at call {n}"));
    }
    assert!(begun > 5, "{begun}");
}

/// Every refusal of a failover that has not begun, by the one thing that is not as it should be.
#[test]
fn each_refusal_says_why_with_its_numbers() {
    type Change = fn(&World);
    let table: [(&str, &[u8], Change); 10] = [
        ("NotEnoughSignals", BY_HAND, |world| world.set().sites.site("west").lost = true),
        ("PrimaryHealthy", BY_HAND, |world| {
            world.set().sites = Default::default();
        }),
        ("AlarmNotRaised", ALARM, |world| world.set().sites.alarm = Seen::Absent),
        ("AlarmNotRaised", ALARM, |world| {
            world.set().sites.alarm = Seen::Unknown("throttled".to_owned());
        }),
        ("StandbyNotReady", ALARM, |world| world.set().sites.site("west").ill = true),
        ("NoReplica", ALARM, |world| {
            world.set().sites.databases.remove("controller-db-west");
        }),
        ("LagUnknown", ALARM, |world| world.set().sites.lag.clear()),
        ("TooFarBehind", ALARM, |world| {
            for point in &mut world.set().sites.lag {
                point.lag_s = 61.0;
            }
        }),
        ("NoProvenBackup", ALARM, |world| {
            world.remove("receipts/controller/2026-11-20T12-00-00Z/verified.json")
        }),
        ("BackupTooOld", ALARM, |world| {
            world.remove("receipts/controller/2026-11-20T12-00-00Z/verified.json");
            world.put("receipts/controller/2026-11-19T12-00-00Z/verified.json", b"{}");
        }),
    ];
    for (name, event, change) in table {
        let world = lost();
        change(&world);
        let refused = refusal(&world, event);
        assert!(format!("{refused:?}").starts_with(name), "{name}: {refused:?}");
        let state = world.state();
        assert!(newest_term(&state).is_none(), "{name}: nothing begins");
        let announced = state.announcements.last().unwrap();
        assert_eq!(announced.happening, Happening::FailoverRefused, "{name}");
        assert_eq!(announced.reason, refused.to_string(), "{name}");
    }
}

/// The cooldown counts from the END of the last failover (orchestrator#1217), the limit from a day ago.
#[test]
fn a_second_failover_waits_for_the_cooldown_and_never_gives_back_what_is_owed() {
    let plan = PLAN
        .replace(
            "[database]\nkind = \"rds\"\nsource = \"controller-db\"\nregion = \"us-east-1\"\n\
             replica = \"controller-db-west\"\nlag_max = \"30s\"\n",
            "",
        )
        .replace(
            "  { replication = true },\n",
            "  { https = \"https://east.example.com:4343/x\" },\n",
        );
    let world = calm(&plan);
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world.set().sites.databases.get_mut("controller-db-west").unwrap().replica_of = None;
    alarm(&world);
    world.assert_promises("first");
    assert!(newest_term(&world.state()).unwrap().end.is_some());
    // Now the standby is lost in turn, and home is back but was never fenced.
    world.set().sites.site("west").lost = true;
    world.set().sites.site("east").lost = false;
    world.pass(60);
    assert!(matches!(refusal(&world, BY_HAND), Refusal::Cooldown { .. }));
    world.pass(1800);
    assert!(matches!(refusal(&world, BY_HAND), Refusal::FenceOwed { .. }));
    // It is fenced, and the cooldown begins again from then.
    finish(answer(&world.run(), TICK)).unwrap();
    assert!(matches!(refusal(&world, BY_HAND), Refusal::Cooldown { .. }));
}

#[test]
fn a_manual_plan_is_not_begun_by_an_alarm_but_by_a_person() {
    let world = calm(&PLAN.replace("\"automatic\"", "\"manual\""));
    let now = world.state().now;
    world.set().sites.lose_home(now);
    assert!(matches!(refusal(&world, ALARM), Refusal::ModeIsNotAutomatic { .. }));
    finish(answer(&world.run(), BY_HAND)).unwrap();
    assert_failed_over(&world, "by hand");
}
