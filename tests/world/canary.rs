//! The canary of `infra/plans/canary.toml` in the simulated world: nothing is made for it, so it says
//! something of everything.

use warmspare_act::{prune_backups, scheduled_backup, verify_upload};
use warmspare_decide::outcome::{Happening, Outcome};
use warmspare_decide::vault::newest_proven;

use crate::verification::written;
use crate::world::{World, finish};

const PLAN: &str = include_str!("../../infra/plans/canary.toml");

/// One day of it: the schedule, then whatever its announcements and objects wake.
fn day(world: &World, n: u32) {
    world.set().now = format!("2026-11-{n:02}T04:30:05Z").parse().unwrap();
    let event = format!(
        r#"{{"action":"backup","system":"canary","scheduled":"2026-11-{n:02}T04:30:00Z"}}"#
    );
    let stored = finish(scheduled_backup::answer(&world.run(), event.as_bytes()));
    if !matches!(stored, Ok(Outcome::Done(_))) {
        return;
    }
    let key = format!("backups/canary/2026-11-{n:02}T04-30-00Z/manifest.json");
    let event = written(&key, &format!("2026-11-{n:02}T04:30:06Z"));
    if finish(verify_upload::answer(&world.run(), &event)).is_ok() {
        let event = r#"{"source":"warmspare","detail-type":"Backup Verified",
            "detail":{"system":"canary"}}"#;
        finish(prune_backups::answer(&world.run(), event.as_bytes())).unwrap();
    }
    world.assert_promises("a day of the canary");
}

fn days(count: u32) -> World {
    let world = World::new();
    world.put("plans/canary.toml", PLAN.as_bytes());
    (1..=count).for_each(|n| day(&world, n));
    world
}

fn told(world: &World, happening: Happening) -> usize {
    world.state().announcements.iter().filter(|told| told.happening == happening).count()
}

/// How old its newest proven backup is on a morning, in seconds: what its alarm reads.
fn age_s(world: &World, morning: &str) -> i64 {
    let keys: Vec<String> = world.state().objects.keys().cloned().collect();
    let newest = newest_proven(&keys).unwrap();
    morning.parse::<jiff::Timestamp>().unwrap().as_second() - newest.instant().as_second()
}

#[test]
fn each_day_it_is_stored_proven_and_pruned_and_its_alarm_is_quiet() {
    let world = days(5);
    for happening in [Happening::BackupStored, Happening::BackupVerified] {
        assert_eq!(told(&world, happening), 5, "{happening:?}");
    }
    let state = world.state();
    let manifests = state.objects.keys().filter(|key| key.ends_with("manifest.json")).count();
    assert_eq!(manifests, 3, "what it keeps");
    drop(state);
    assert!(age_s(&world, "2026-11-06T04:30:00Z") < 93_600);
}

/// Whatever breaks on the way, nothing says so but that `Backup Verified` does not come: after 26 hours
/// the alarm does.
#[test]
fn whatever_is_broken_on_the_way_it_is_missing_after_a_day() {
    let breaks: [fn(&World); 4] = [
        |world| world.set().sources.breaks_after = Some(3),
        |world| world.set().keys.plan_key().state = "Disabled".to_owned(),
        |world| world.set().beside.recovery_is_denied = true,
        |world| world.set().sources.stores = |version| version.algorithm = Some("AES256".into()),
    ];
    for breaks in breaks {
        let world = days(2);
        breaks(&world);
        day(&world, 3);
        assert_eq!(told(&world, Happening::BackupVerified), 2);
        assert!(age_s(&world, "2026-11-03T06:30:01Z") > 93_600);
    }
}
