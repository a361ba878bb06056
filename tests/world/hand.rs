//! The operator's hand on the failover: acknowledgements, approvals and pauses in the simulated world.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_act::ports::ApplianceMode;
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::failover::{Declined, open};
use warmspare_decide::journal::{Debt, Finding, Progress, Step};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;

use crate::failover::{ALARM, BY_HAND, PLAN, alarm, assert_failed_over, calm, lost, refusal};
use crate::tries::everywhere;
use crate::world::promises::newest_term;
use crate::world::{World, finish, poll_once};

pub(crate) const TICK_OF: &[u8] = br#"{"action":"tick","system":"controller"}"#;
/// More ticks than any failover here needs.
const TICKS_MAX: u32 = 30;

/// A person accepts one refusal of one term until an hour from now.
pub(crate) fn acknowledge(world: &World, term: u32, refusal: &str) {
    let until = world.state().now + jiff::SignedDuration::from_hours(1);
    let body = format!(
        r#"{{"format":1,"who":"Ada","refusal":"{refusal}","until":"{until}","reason":"they wait"}}"#
    );
    let key = format!("acknowledgements/controller/{term:06}/{refusal}.json");
    world.put(&key, body.as_bytes());
}

fn pause(world: &World, hours: i64) {
    let until = world.state().now + jiff::SignedDuration::from_hours(hours);
    let body = format!(r#"{{"format":1,"who":"Ada","reason":"new firmware","until":"{until}"}}"#);
    world.put("maintenance/controller.json", body.as_bytes());
}

pub(crate) fn lost_under(plan: &str) -> World {
    let world = calm(plan);
    let now = world.state().now;
    world.set().sites.lose_home(now);
    world
}

fn approve_mode() -> World {
    lost_under(&PLAN.replace("\"automatic\"", "\"approve\""))
}

/// The replica was a minute behind when its source was lost, and a person accepts that.
fn behind() -> World {
    let world = lost();
    for point in &mut world.set().sites.lag {
        point.lag_s = 61.0;
    }
    world
}

fn tick(world: &World) -> Outcome {
    world.pass(60);
    finish(answer(&world.run(), TICK_OF)).unwrap()
}

/// Ticks of the system until its failover is over, a minute apart.
pub(crate) fn tick_of_until_over(world: &World, during: &str) -> Progress {
    for _tick in 0..TICKS_MAX {
        world.pass(60);
        let _recorded_by_the_runtime = finish(answer(&world.run(), TICK_OF));
        let newest = newest_term(&world.state());
        if newest.as_ref().is_some_and(|progress| progress.end.is_some()) {
            return newest.unwrap();
        }
    }
    panic!("{during}: it did not end: {:?}", newest_term(&world.state()));
}

fn end_failed_over(world: &World, during: &str) {
    tick_of_until_over(world, during);
    assert_failed_over(world, during);
}

/// FF6: a replica that is too far behind is refused, unless that very loss is accepted; then it is in the
/// journal, in the report, and in the sentence, with who accepted it.
#[test]
fn an_accepted_loss_begins_the_failover_and_is_reported() {
    let world = behind();
    assert!(matches!(refusal(&world, ALARM), Refusal::TooFarBehind { lag_s: 61, .. }));
    acknowledge(&world, 1, "too-far-behind");
    let sentence = tick(&world).to_string();
    assert_failed_over(&world, "accepted");
    assert!(sentence.contains("Ada accepts that the replica was 61 s behind"), "{sentence}");
    assert!(sentence.contains("(they wait)"), "{sentence}");
    let state = world.state();
    let started = state.announcements.iter().find(|a| a.happening == Happening::FailoverStarted);
    assert!(started.unwrap().reason.contains("Ada accepts"), "{started:?}");
    let progress = newest_term(&state).unwrap();
    assert_eq!(progress.opened.accepted.len(), 1);
    assert_eq!(progress.opened.accepted[0].refusal.name(), "too-far-behind");
    let last = state.objects.keys().filter(|key| key.starts_with("failovers/controller/000001/0"));
    let report = String::from_utf8(state.objects[last.max().unwrap()][0].body.to_vec()).unwrap();
    assert!(report.contains("\"accepted\"") && report.contains("they wait"), "{report}");
}

#[test]
#[ignore = "optimised: cargo prove"]
fn an_accepted_beginning_meets_trouble_everywhere() {
    let new = || {
        let world = behind();
        acknowledge(&world, 1, "too-far-behind");
        world
    };
    everywhere("acknowledged begin", new, ALARM, end_failed_over);
}

/// One object lifts one refusal: the next one stays, and is told by its own name.
#[test]
fn what_is_accepted_lifts_nothing_else() {
    let world = behind();
    world.remove("receipts/controller/2026-11-20T12-00-00Z/verified.json");
    acknowledge(&world, 1, "too-far-behind");
    assert!(matches!(refusal(&world, ALARM), Refusal::NoProvenBackup { .. }));
    acknowledge(&world, 1, "no-proven-backup");
    let sentence = tick(&world).to_string();
    assert_failed_over(&world, "both accepted");
    assert!(sentence.contains("no backup was proven"), "{sentence}");
    assert_eq!(newest_term(&world.state()).unwrap().opened.accepted.len(), 2);
}

/// What a person has put there is never passed over in silence, and never a panic.
#[test]
fn an_acknowledgement_that_does_not_hold_is_told() {
    let key = "acknowledgements/controller/000001/too-far-behind.json";
    let object = |who: &str, name: &str, until: &str| {
        format!(r#"{{"format":1,"who":"{who}","refusal":"{name}","until":"{until}","reason":"r"}}"#)
    };
    let (name, soon) = ("too-far-behind", "2026-11-21T00:30:00Z");
    let table: [(&str, String, &str); 12] = [
        (key, "garbage".to_owned(), "it is not JSON"),
        (key, String::new(), "it is not JSON"),
        (key, "\u{0}".repeat(9), "it is not JSON"),
        (key, "{}".to_owned(), "missing field"),
        (key, object("Ada", name, "tomorrow"), "could not be read"),
        (key, object("Ada", name, soon).replace("\"format\":1", "\"format\":7"), "is of format 7"),
        (key, object("Ada", name, soon).replace("\"reason\"", "\"force\":1,\"reason\""), "`force`"),
        (key, object("", name, soon), "empty who"),
        (key, object("Ada", "cooldown", soon), "names \"cooldown\" inside"),
        (key, object("Ada", name, "2026-11-21T00:00:00Z"), "held until"),
        (key, object("Ada", name, "2099-01-01T00:00:00Z"), "604800 s is the most"),
        ("acknowledgements/controller/all.json", object("Ada", name, soon), "is not named as"),
    ];
    for (key, body, part) in table {
        let world = behind();
        world.put(key, body.as_bytes());
        let refused = refusal(&world, ALARM);
        assert!(matches!(refused, Refusal::AcknowledgementInvalid { .. }), "{part}: {refused}");
        let sentence = refused.to_string();
        assert!(sentence.starts_with("the replica was 61 s behind"), "{sentence}");
        assert!(sentence.contains(part) && sentence.contains(key), "{part}: {sentence}");
        assert!(newest_term(&world.state()).is_none(), "{part}");
    }
    // Of another term (FF12).
    let world = behind();
    acknowledge(&world, 2, name);
    assert!(refusal(&world, ALARM).to_string().contains("is of term 2, and this is term 1"));
    // Of another system: it does not lie where it would be looked for, and is that system's.
    let world = behind();
    world.put(
        "acknowledgements/other/000001/too-far-behind.json",
        object("A", name, soon).as_bytes(),
    );
    assert!(matches!(refusal(&world, ALARM), Refusal::TooFarBehind { .. }));
    // Unknown lifts nothing (FF13).
    let world = behind();
    acknowledge(&world, 1, name);
    world.set().beside.blind_to = Some("too-far-behind.json");
    assert!(refusal(&world, ALARM).to_string().contains("S3 answered 403"));
}

/// What does not hold and is not needed is told all the same, where the failover begins.
#[test]
fn what_was_put_there_in_vain_is_told_when_it_begins() {
    let world = lost();
    world.put("acknowledgements/controller/000001/too-far-behnd.json", b"{}");
    alarm(&world);
    assert_failed_over(&world, "in vain");
    let state = world.state();
    let started = state.announcements.iter().find(|a| a.happening == Happening::FailoverStarted);
    assert!(started.unwrap().reason.contains("names no refusal that there is"), "{started:?}");
}

/// P2: an accepted fence is an attempted one. The debt is kept, is paid when the old site is back, and
/// keeps the system from going there before.
#[test]
#[ignore = "optimised: cargo prove"]
fn an_accepted_fence_is_attempted_and_its_debt_is_kept() {
    let confirmed = || lost_under(&PLAN.replace("fence = \"attempted\"", "fence = \"confirmed\""));
    let world = confirmed();
    assert!(matches!(refusal(&world, ALARM), Refusal::FenceUnconfirmed { up: 0, .. }));
    acknowledge(&world, 1, "fence-unconfirmed");
    tick(&world);
    assert_failed_over(&world, "accepted fence");
    let progress = newest_term(&world.state()).unwrap();
    assert_eq!(progress.debts, [Debt::Appliance, Debt::Database]);
    let fence = progress.past.iter().find(|past| past.step == Step::Fence).unwrap();
    let Finding::FenceAttempted { accepted: Some(accepted), .. } = &fence.finding else {
        panic!("{fence:?}")
    };
    assert_eq!(accepted.by.who, "Ada");
    // It returns: it is fenced, and only then is nothing owed.
    world.set().sites.site("east").lost = false;
    for _tick in 0..3 {
        tick(&world);
    }
    assert_eq!(world.state().sites.by_name["east"].mode, ApplianceMode::Standby);
    assert_eq!(newest_term(&world.state()).unwrap().debts, []);
    let accepted = || {
        let world = confirmed();
        acknowledge(&world, 1, "fence-unconfirmed");
        world
    };
    everywhere("accepted fence", accepted, ALARM, end_failed_over);
}

/// P2: what answers may write, and nobody can accept that.
#[test]
fn a_fence_cannot_be_accepted_while_a_path_to_the_old_site_answers() {
    let world = lost_under(&PLAN.replace("fence = \"attempted\"", "fence = \"confirmed\""));
    refusal(&world, ALARM);
    acknowledge(&world, 1, "fence-unconfirmed");
    // It is back on two of three paths, and refuses its password.
    world.set().sites.site("east").lost = false;
    world.set().sites.site("east").refuses_modes = true;
    let replica = world.state().sites.databases["controller-db-west"].clone();
    assert!(replica.replication.is_some_and(|state| !state.normal));
    for _tick in 0..5 {
        tick(&world);
        assert_eq!(world.state().sites.promotions, 0);
    }
    world.assert_promises("answers on a path");
}

/// In the mode `approve`, all that is missing is said with the very object that gives it; unfilled it
/// holds nothing; filled in, the next tick begins on fresh evidence.
#[test]
fn an_approval_is_asked_for_with_the_object_that_gives_it() {
    let world = approve_mode();
    let refused = refusal(&world, ALARM);
    let Refusal::ApprovalMissing { term, key, object } = &refused else { panic!("{refused}") };
    assert_eq!(term.0, 1);
    assert_eq!(key, "acknowledgements/controller/000001/approval-missing.json");
    assert!(refused.to_string().contains(key) && refused.to_string().contains(object), "{refused}");
    world.put(key, object.as_bytes());
    let unfilled = tick(&world).to_string();
    assert!(unfilled.contains("empty who"), "{unfilled}");
    let filled = object
        .replace(r#""who": """#, r#""who": "Ada""#)
        .replace(r#""reason": """#, r#""reason": "seen it burn""#);
    world.put(key, filled.as_bytes());
    let sentence = tick(&world).to_string();
    assert!(sentence.contains("Ada has approved it (seen it burn)"), "{sentence}");
    assert_failed_over(&world, "approved");
}

#[test]
#[ignore = "optimised: cargo prove"]
fn an_approved_failover_meets_trouble_everywhere() {
    let new = || {
        let world = approve_mode();
        acknowledge(&world, 1, "approval-missing");
        world
    };
    everywhere("approved", new, TICK_OF, end_failed_over);
    // The refusal before it: whatever it meets, it is told, and the approval is then taken.
    everywhere("approval asked for", approve_mode, ALARM, |world, during| {
        if newest_term(&world.state()).is_none() {
            tick(world);
        }
        let asks = |told: &&warmspare_decide::outcome::Announcement| {
            told.happening == Happening::FailoverRefused && told.reason.contains("approval")
        };
        let told = world.state().announcements.iter().filter(asks).count();
        assert!(told > 0, "{during}: nobody was told");
        acknowledge(world, 1, "approval-missing");
        end_failed_over(world, during);
    });
}

/// FF4, FF5: an approval is no evidence. What is over, healthy or unclear is not begun.
#[test]
fn an_approval_does_not_stand_in_for_evidence() {
    type Change = fn(&World);
    let table: [(&str, Change); 3] = [
        ("primary-healthy", |world| world.set().sites.site("east").lost = false),
        ("alarm-not-raised", |world| {
            let mut state = world.set();
            let Seen::Here(alarm) = &mut state.sites.alarm else { panic!() };
            alarm.state = AlarmState::InsufficientData;
        }),
        ("standby-not-ready", |world| world.set().sites.site("west").ill = true),
    ];
    for (name, change) in table {
        let world = approve_mode();
        acknowledge(&world, 1, "approval-missing");
        change(&world);
        if name == "primary-healthy" {
            let replica = &mut world.set().sites;
            let replica = replica.databases.get_mut("controller-db-west").unwrap();
            replica.replication.as_mut().unwrap().normal = true;
            replica.replication.as_mut().unwrap().status = "replicating".to_owned();
        }
        assert_eq!(refusal(&world, ALARM).name(), name);
        assert!(newest_term(&world.state()).is_none(), "{name}");
    }
}

/// A reason that is new is told, however often the old one was: nobody waits for an approval unasked.
#[test]
fn a_new_reason_is_told_by_the_tick_once() {
    let world = approve_mode();
    world.set().sites.site("west").ill = true;
    assert!(matches!(refusal(&world, ALARM), Refusal::StandbyNotReady { .. }));
    tick(&world);
    world.set().sites.site("west").ill = false;
    for _tick in 0..3 {
        assert!(matches!(tick(&world), Outcome::Refused(Refusal::ApprovalMissing { .. })));
    }
    let state = world.state();
    let told: Vec<_> = state.announcements.iter().map(|told| told.reason.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("approval"), "{told:?}");
}

/// What a refused decision saw is kept once per refusal of one loss, and the decision follows from it.
#[test]
fn what_refused_is_kept_and_can_be_decided_again() {
    let world = approve_mode();
    refusal(&world, ALARM);
    for _tick in 0..10 {
        tick(&world);
    }
    let state = world.state();
    let kept: Vec<_> = state.objects.iter().filter(|(k, _)| k.starts_with("refusals/")).collect();
    assert_eq!(kept.len(), 1, "ten minutes of the same");
    let (key, versions) = kept[0];
    let declined: Declined = serde_json::from_slice(&versions[0].body).unwrap();
    assert_eq!(key, "refusals/controller/2026-11-20T23-57-30Z/approval-missing.json");
    assert_eq!(key, &declined.key());
    let plan = warmspare_act::plan_text::parse(&declined.plan).unwrap();
    assert_eq!(open(&plan, &declined.view).unwrap_err(), declined.why);
}

#[test]
fn a_pause_stops_alarms_until_its_end_and_no_person() {
    let world = lost();
    pause(&world, 2);
    let refused = refusal(&world, ALARM);
    assert!(matches!(refused, Refusal::Paused { .. }), "{refused}");
    assert!(refused.to_string().contains("2026-11-21T00:00:30Z until 2026-11-21T02:00:30Z"));
    assert!(matches!(tick(&world), Outcome::Refused(Refusal::Paused { .. })));
    let status = finish(answer(&world.run(), br#"{"system":"controller","action":"status"}"#));
    assert!(status.unwrap().to_string().contains("Ada has paused"));
    let Ok(Outcome::Done(sentence)) = finish(answer(&world.run(), BY_HAND)) else { panic!() };
    assert!(sentence.contains("Ada has paused automatic failovers"), "{sentence}");
    assert_failed_over(&world, "by hand in a pause");

    let world = lost();
    pause(&world, 2);
    refusal(&world, ALARM);
    world.pass(2 * 3600);
    assert!(matches!(tick(&world), Outcome::Done(_)));
    assert_failed_over(&world, "after the pause");
}

/// Unknown and malformed are not "not paused".
#[test]
fn a_pause_that_nobody_can_read_stops_alarms_and_says_so() {
    let world = lost();
    pause(&world, 2);
    world.set().beside.blind_to = Some("maintenance/controller.json");
    let refused = refusal(&world, ALARM).to_string();
    assert!(refused.contains("could not be read: S3 answered 403"), "{refused}");
    for (body, part) in [
        (&b"soon"[..], "it is not JSON"),
        (br#"{"format":1,"who":"Ada","reason":"r"}"#, "missing field `until`"),
        (br#"{"format":1,"who":"Ada","reason":"r","until":"2027-01-01T00:00:00Z"}"#, "is the most"),
    ] {
        let world = lost();
        world.put("maintenance/controller.json", body);
        let refused = refusal(&world, ALARM);
        assert!(matches!(refused, Refusal::PauseUnclear { .. }), "{refused}");
        assert!(refused.to_string().contains(part), "{refused}");
        let Ok(Outcome::Done(sentence)) = finish(answer(&world.run(), BY_HAND)) else { panic!() };
        assert!(sentence.contains("not clear whether"), "{sentence}");
    }
}

/// Calm, and paused: every tick says so, so that nobody forgets it.
#[test]
fn a_calm_tick_says_that_failovers_are_paused() {
    let world = calm(PLAN);
    assert!(!tick(&world).to_string().contains("paused"));
    pause(&world, 2);
    assert!(tick(&world).to_string().contains("Ada has paused"));
}

/// A pause is no abort: what is under way goes on.
#[test]
fn a_failover_that_is_under_way_is_not_paused() {
    let world = lost();
    {
        let run = world.run().stopping_at(25);
        let mut killed = pin!(answer(&run, ALARM));
        assert!(poll_once(killed.as_mut()).is_pending());
    }
    assert!(newest_term(&world.state()).is_some());
    pause(&world, 2);
    tick_of_until_over(&world, "paused midway");
    assert_failed_over(&world, "paused midway");
}
