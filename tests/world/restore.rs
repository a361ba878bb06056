//! A system without a replica: its database is restored from the newest copied snapshot.

use std::pin::pin;

use jiff::{SignedDuration, Timestamp};
use warmspare_act::failover_promotion::answer;
use warmspare_act::ports::{ApplianceMode, Clock};
use warmspare_decide::database::{Copied, Instance};
use warmspare_decide::export::{Snapshot, snapshot_id};
use warmspare_decide::failover::Report;
use warmspare_decide::journal::{Entry, Finding, Step, What};
use warmspare_decide::name::Slot;
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::failover::{ALARM, PLAN, alarm, refusal};
use crate::hand::{TICK_OF, acknowledge, lost_under, tick_of_until_over};
use crate::planned::{SWITCHOVER, failback};
use crate::tries::{Dice, everywhere, mixed, seeds, troubled_everywhere};
use crate::world::promises::newest_term;
use crate::world::{START, Trouble, World, finish, poll_once};

/// The instance that the plan names.
const RESTORED: &str = "controller-db-west";

pub(crate) fn plan() -> String {
    PLAN.replace(
        "replica = \"controller-db-west\"\n",
        "restore = { instance = \"controller-db-west\", class = \"db.t4g.medium\", \
         subnet_group = \"controller\", security_groups = [\"sg-0123456789abcdef0\"] }\n\
         export = { role = \"arn:aws:iam::111122223333:role/export\", prefix = \"exports/\" }\n",
    )
    .replace(
        "  { replication = true },\n",
        "  { https = \"https://east.example.com:4343/x\", path = \"vpn\" },\n",
    )
}

fn hours_ago(hours: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() - SignedDuration::from_hours(hours)
}

fn id_of(hours: i64) -> String {
    snapshot_id("controller-db", Slot::of(hours_ago(hours)))
}

/// A copy in the recovery region of what the database was so many hours ago.
fn copy(world: &World, hours: i64, status: &str) {
    let id = id_of(hours);
    let snapshot = Snapshot {
        id: id.clone(),
        arn: format!("arn:aws:rds:us-west-2:111122223333:snapshot:{id}"),
        status: status.to_owned(),
        progress_percent: 100,
        taken_at: Some(hours_ago(hours)),
        key_arn: None,
    };
    // One that is being copied goes on being copied: its source is lost.
    let ready_at = Timestamp::MAX;
    world.set().rds.snapshots.insert(("us-west-2".to_owned(), id), (snapshot, ready_at));
}

/// Home is lost; there is no replica, and copies of 30, 6 and 18 hours ago. A newer one is still under
/// way, and somebody else's are newer too.
pub(crate) fn cold() -> World {
    let world = lost_under(&plan());
    for (hours, status) in [(30, "available"), (6, "available"), (18, "available"), (1, "copying")]
    {
        copy(&world, hours, status);
    }
    let mut state = world.set();
    state.sites.databases.remove(RESTORED);
    state.sites.databases.get_mut("controller-db").unwrap().replicas.clear();
    state.sites.lag.clear();
    let stranger = |id: &str, region: &str| Copied {
        id: id.to_owned(),
        of: "controller-db".to_owned(),
        source_arn: Some(format!("arn:aws:rds:{region}:111122223333:snapshot:{id}")),
        status: "available".to_owned(),
        taken_at: Some(hours_ago(0)),
    };
    state.rds.strangers =
        vec![stranger(&id_of(2), "eu-west-1"), stranger("before-the-upgrade", "us-east-1")];
    drop(state);
    world
}

/// The changes of such a failover as far as its first run goes.
pub(crate) fn changes() -> Vec<&'static str> {
    let world = cold();
    let run = world.run();
    finish(answer(&run, ALARM)).unwrap();
    run.names()
}

/// The failover has begun, RDS was told to restore, and half of that time has passed.
fn restoring() -> World {
    let world = cold();
    alarm(&world);
    world.pass(400);
    assert_eq!(world.state().sites.databases[RESTORED].status, "creating");
    world
}

/// The instance is available, and nobody has seen it yet.
fn available() -> World {
    let world = cold();
    alarm(&world);
    world.pass(1_000);
    world
}

fn assert_restored(world: &World, during: &str) {
    world.assert_promises(during);
    let state = world.state();
    let progress = newest_term(&state).unwrap();
    assert!(progress.end.is_some_and(|end| end.completed), "{during}: not completed");
    assert_eq!(state.sites.leads_to(), ["203.0.113.20"], "{during}");
    assert_eq!(state.sites.by_name["west"].mode, ApplianceMode::Production, "{during}");
    assert!(state.sites.databases[RESTORED].is_writer(), "{during}");
    let origin = &state.sites.origins[RESTORED];
    assert_eq!((origin.snapshot.as_str(), origin.term.0), (id_of(6).as_str(), 1), "{during}");
    let counted = (state.sites.restores, state.sites.promotions, state.sites.moves);
    assert_eq!(counted, (1, 0, 1), "{during}: one restore and one move");
}

fn end_restored(world: &World, during: &str) {
    if newest_term(&world.state()).is_none() {
        alarm(world);
    }
    tick_of_until_over(world, during);
    assert_restored(world, during);
}

fn report(world: &World) -> Report {
    let state = world.state();
    let entries = state.objects.iter().filter(|(key, _)| key.starts_with("failovers/controller/0"));
    let mut found = entries.filter_map(|(_, versions)| {
        let entry: Entry = serde_json::from_slice(&versions.last().unwrap().body).ok()?;
        if let What::Completed(report) = entry.what { Some(*report) } else { None }
    });
    found.next_back().unwrap()
}

/// FT1, FF6: the newest data of our own that can be restored, with its age at the loss as what is lost.
#[test]
fn the_newest_copied_snapshot_is_restored_and_reported() {
    let world = cold();
    let Outcome::Waiting(sentence) = alarm(&world) else { panic!("not waiting") };
    let said = format!("controller-db-west is restored from {} since", id_of(6));
    assert!(sentence.contains(&said) && sentence.contains("and is creating"), "{sentence}");
    assert_eq!(
        world.state().sites.leads_to(),
        ["203.0.113.10"],
        "nothing moves before it is there"
    );
    end_restored(&world, "calm");
    let report = report(&world);
    // Home counts as lost 180 s before the world begins.
    assert_eq!(report.rpo_database_s, Some(6 * 3_600 - 180));
    assert_eq!(report.restored_from.unwrap().snapshot, id_of(6));
    let told = &world.state().announcements;
    let said = format!("the database loses at most 21420 s, restored from {}", id_of(6));
    assert!(told.last().unwrap().reason.contains(&said), "{:?}", told.last());
    let progress = newest_term(&world.state()).unwrap();
    let step = progress.past.iter().find(|past| past.step == Step::RestoreDatabase).unwrap();
    assert!(matches!(&step.finding, Finding::Restored { snapshot, .. } if *snapshot == id_of(6)));
}

/// FA6, FA13, FF1, FF3, FT5: trouble, death and a late wake-up at each call of the run that begins, of one
/// that meets a restore under way, and of the one that sees it done.
#[test]
#[ignore = "optimised: cargo prove"]
fn trouble_anywhere_in_a_restore_leads_to_the_same_end() {
    everywhere("beginning a restore", cold, ALARM, end_restored);
    everywhere("waiting for a restore", restoring, TICK_OF, end_restored);
    everywhere("seeing a restore done", available, TICK_OF, end_restored);
}

/// A request that arrives after its answer was given up, and one that RDS denies.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_restore_that_is_told_late_or_denied_is_told_once_in_the_end() {
    let troubles = |n| [Trouble::Late(n, 20), Trouble::Denied(n)];
    troubled_everywhere("beginning a restore", cold, ALARM, troubles, end_restored);
}

/// Two hours are no reason to say no; each tick ends in time, and RDS is told once.
#[test]
fn a_restore_of_two_hours_is_waited_for_by_the_ticks() {
    let world = cold();
    world.set().sites.restore_s = 7_200;
    alarm(&world);
    let mut ticks = 0;
    while newest_term(&world.state()).unwrap().end.is_none() {
        world.pass(60);
        let run = world.run();
        let outcome = finish(answer(&run, TICK_OF)).unwrap();
        assert!(run.left_s() > 0, "{outcome}");
        assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome}");
        ticks += 1;
        assert!(ticks < 150, "{outcome}");
    }
    assert_restored(&world, "two hours");
    assert!(ticks >= 100, "{ticks}");
}

fn refused_but(change: impl FnOnce(&World)) -> Refusal {
    let world = cold();
    change(&world);
    let refused = refusal(&world, ALARM);
    assert!(newest_term(&world.state()).is_none(), "nothing has begun");
    assert_eq!(world.state().sites.restores, 0);
    refused
}

pub(crate) fn no_snapshot() -> Refusal {
    refused_but(|world| world.set().rds.snapshots.clear())
}

pub(crate) fn snapshot_too_old() -> Refusal {
    refused_but(|world| {
        let keep = ("us-west-2".to_owned(), id_of(30));
        world.set().rds.snapshots.retain(|place, _| *place == keep);
    })
}

pub(crate) fn not_our_instance() -> Refusal {
    refused_but(stranger)
}

pub(crate) fn restore_failed() -> Refusal {
    let world = cold();
    world.set().sites.restores_to = Some("incompatible-restore");
    alarm(&world);
    world.pass(1_000);
    refusal(&world, TICK_OF)
}

pub(crate) fn restore_stuck() -> Refusal {
    let world = cold();
    world.set().sites.restore_s = 20_000;
    alarm(&world);
    world.pass(10_900);
    refusal(&world, TICK_OF)
}

/// Somebody has made an instance of that name.
fn stranger(world: &World) {
    let instance = Instance {
        status: "available".to_owned(),
        replica_of: None,
        replicas: Vec::new(),
        replication: None,
    };
    world.set().sites.databases.insert(RESTORED.to_owned(), instance);
}

/// FT2: nothing begins where the name is taken by somebody else's; and an instance that takes it while
/// the old site is being fenced is not believed, and nothing is promoted onto it.
#[test]
fn an_instance_of_that_name_that_is_not_ours_is_left_alone() {
    let said = not_our_instance().to_string();
    assert!(said.contains("has no tags that say what it was restored from"), "{said}");
    let world = cold();
    {
        let run = world.run().stopping_at(0);
        let mut died = pin!(answer(&run, ALARM));
        while newest_term(&world.state()).and_then(|term| term.intended)
            != Some(Step::RestoreDatabase)
        {
            assert!(poll_once(died.as_mut()).is_pending());
            run.step();
        }
    }
    stranger(&world);
    world.pass(60);
    let refused = refusal(&world, TICK_OF);
    assert!(matches!(refused, Refusal::NotOurInstance { .. }), "{refused}");
    assert_eq!(world.state().sites.restores, 0);
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.10"]);
    assert_eq!(world.state().sites.by_name["west"].mode, ApplianceMode::Standby);
    // Its owner takes it away.
    world.set().sites.databases.remove(RESTORED);
    end_restored(&world, "after it was taken away");
}

/// An older copy than was agreed is a loss, and a person's to accept.
#[test]
fn a_copy_that_is_too_old_is_restored_when_a_person_accepts_the_loss() {
    let refused = snapshot_too_old();
    let said = refused.to_string();
    assert!(said.contains("107820 s old") && said.contains("86400 s is the most"), "{said}");
    let world = cold();
    let keep = ("us-west-2".to_owned(), id_of(30));
    world.set().rds.snapshots.retain(|place, _| *place == keep);
    refusal(&world, ALARM);
    acknowledge(&world, 1, "snapshot-too-old");
    alarm(&world);
    tick_of_until_over(&world, "accepted");
    let report = report(&world);
    assert_eq!(report.restored_from.unwrap().snapshot, id_of(30));
    assert_eq!(report.rpo_database_s, Some(30 * 3_600 - 180));
    assert!(report.accepted[0].words().contains("Ada accepts"), "{:?}", report.accepted);
}

/// What RDS could not restore is said; once it is deleted, the same copy is restored anew.
#[test]
fn a_restore_that_failed_is_begun_anew_when_it_is_deleted() {
    let said = restore_failed().to_string();
    assert!(said.contains("is incompatible-restore, a state that it does not leave"), "{said}");
    let world = cold();
    world.set().sites.restores_to = Some("failed");
    alarm(&world);
    world.pass(1_000);
    refusal(&world, TICK_OF);
    {
        let mut state = world.set();
        state.sites.databases.remove(RESTORED);
        state.sites.origins.remove(RESTORED);
        (state.sites.restores_to, state.sites.restores) = (None, 0);
    }
    end_restored(&world, "restored anew");
}

/// FF5: the old site comes back in the middle of the restore and keeps the system: nothing is lost. What
/// was restored stays, and the next failover goes its own way, under a name of its own.
#[test]
fn an_old_site_that_is_back_during_the_restore_keeps_the_system() {
    for new in [restoring, available] {
        let world = new();
        world.set().sites.site("east").lost = false;
        let progress = tick_of_until_over(&world, "back");
        world.assert_promises("back");
        assert!(!progress.end.unwrap().completed);
        assert_eq!(world.state().sites.by_name["east"].mode, ApplianceMode::Production);
        assert_eq!(world.state().sites.leads_to(), ["203.0.113.10"]);
        let left = world.state().sites.databases[RESTORED].clone();

        world.pass(1_900);
        let now = world.state().now;
        world.set().sites.lose_home(now);
        alarm(&world);
        let progress = tick_of_until_over(&world, "lost again");
        world.assert_promises("lost again");
        assert!(progress.end.is_some_and(|end| end.completed));
        let state = world.state();
        assert!(state.sites.databases["controller-db-west-t2"].is_writer());
        assert_eq!(state.sites.origins["controller-db-west-t2"].snapshot, id_of(6));
        assert_eq!(state.sites.databases[RESTORED].replicas, left.replicas, "left alone");
        assert_eq!(report(&world).writer.unwrap().id, "controller-db-west-t2");
    }
}

/// The copy is deleted before it is restored: it is said, and the failover can be given up and asked for
/// again, and then chooses anew.
#[test]
fn a_copy_that_is_gone_is_said_and_the_next_failover_chooses_another() {
    let world = cold();
    {
        let run = world.run().stopping_at(0);
        let mut died = pin!(answer(&run, ALARM));
        while newest_term(&world.state()).and_then(|term| term.next_step())
            != Some(Step::RestoreDatabase)
        {
            assert!(poll_once(died.as_mut()).is_pending());
            run.step();
        }
    }
    world.set().rds.snapshots.remove(&("us-west-2".to_owned(), id_of(6)));
    world.pass(60);
    let refused = refusal(&world, TICK_OF);
    assert!(matches!(refused, Refusal::NoSnapshot { .. }), "{refused}");
    let abort = br#"{"system":"controller","action":"abort","who":"Ada","reason":"it is gone"}"#;
    let _told = finish(answer(&world.run(), abort)).unwrap();
    assert!(!tick_of_until_over(&world, "aborted").end.unwrap().completed);
    world.pass(1_900);
    alarm(&world);
    assert!(tick_of_until_over(&world, "again").end.unwrap().completed);
    assert_eq!(report(&world).restored_from.unwrap().snapshot, id_of(18));
    world.assert_promises("again");
}

/// A planned move would lose what is newer than the copy, so it is not begun; the way home begins with a
/// replica of the active site's database, as any other, and loses nothing.
#[test]
fn a_planned_move_away_is_not_supported_and_the_way_home_is() {
    let world = cold();
    world.set().sites.site("east").lost = false;
    let refused = refusal(&world, SWITCHOVER);
    assert!(matches!(refused, Refusal::NotSupported { .. }), "{refused}");

    let world = cold();
    alarm(&world);
    end_restored(&world, "there");
    world.set().sites.site("east").lost = false;
    for _tick in 0..4 {
        world.pass(60);
        finish(answer(&world.run(), TICK_OF)).unwrap();
    }
    assert_eq!(newest_term(&world.state()).unwrap().debts, [], "every debt is paid");
    assert_eq!(world.state().sites.databases["controller-db"].status, "stopped");
    world.pass(1_900);
    let now = world.state().now;
    world.set().sites.alarm = warmspare_decide::seen::Seen::Absent;
    world.put(&format!("receipts/controller/{}/verified.json", Slot::of(now)), b"{}");
    let event = failback(&world);
    finish(answer(&world.run(), &event)).unwrap();
    let progress = tick_of_until_over(&world, "home");
    world.assert_promises("home");
    assert!(progress.end.is_some_and(|end| end.completed));
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.10"]);
    let report = report(&world);
    assert_eq!((report.rpo_database_s, report.restored_from), (Some(0), None));
    assert_eq!(report.writer.unwrap().id, "controller-db-t1");
}

/// FF15: a rehearsal says what it would restore, and restores nothing.
#[test]
fn a_rehearsal_names_the_copy_and_restores_nothing() {
    let world = cold();
    let event = br#"{"system":"controller","action":"rehearse","of":"failover"}"#;
    let run = world.run();
    let said = finish(answer(&run, event)).unwrap().to_string();
    let wanted = format!("would restore the database from a copied snapshot {}", id_of(6));
    assert!(said.contains(&wanted), "{said}");
    assert_eq!((run.changes(), world.state().sites.restores), (0, 0));
}

/// Mixtures of everything: kills, lost and late answers, late wake-ups, a primary that comes and goes,
/// restores that fail, copies that are deleted. `WARMSPARE_SEED` replays one.
#[test]
#[ignore = "optimised: cargo prove"]
fn mixtures_of_troubles_with_a_restore_keep_every_promise() {
    let seeds = seeds(150);
    let is_replay = seeds.clone().count() == 1;
    let (mut completed, mut others) = (0, 0);
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let world = cold();
        world.set().sites.restore_s = 200;
        for _event in 0..14 {
            let event = if dice.below(4) == 0 { ALARM } else { TICK_OF };
            mixed(&world, &mut dice, event, TICK_OF);
            {
                let mut state = world.set();
                match dice.below(8) {
                    0 => state.sites.site("east").lost = false,
                    1..4 => state.sites.site("east").lost = true,
                    4 => state.sites.restores_to = Some("failed"),
                    _ => state.sites.restores_to = None,
                }
                let id = [6, 18][dice.below(2)];
                if dice.below(20) == 0 {
                    state.rds.snapshots.remove(&("us-west-2".to_owned(), id_of(id)));
                }
            }
            world.pass(u64::try_from(dice.below(200)).unwrap());
            world.assert_promises(&format!("seed {seed}"));
        }
        let newest = newest_term(&world.state());
        let is_completed =
            newest.is_some_and(|progress| progress.end.is_some_and(|end| end.completed));
        if is_completed { completed += 1 } else { others += 1 }
    }
    println!("{completed} mixtures were completed, {others} were not (yet)");
    assert!(is_replay || completed > 30, "the mixtures are too harsh to prove anything");
}
