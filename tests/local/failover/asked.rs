//! What a person asks for: a rehearsal, which changes nothing, and the way home, which begins with a
//! replica of the database there.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use warmspare_tests::scene::promises::{self, Away};
use warmspare_tests::scene::{ADDRESSES, HOME, Protected, Scene, Shape, now, until};
use warmspare_tests::stack::appliance::Mode;
use warmspare_tests::stack::gateway::Match;
use warmspare_tests::stack::rds::{Place, Status};
use warmspare_tests::stack::wait;

use crate::failover::stage::{play, sentence, systems, wake};

/// The longest that ticks are sent, in seconds.
const WAIT_S_MAX: u64 = 240;
const OWES_NOTHING: &str = "owes nothing any more";
/// What a call begins with that changes nothing.
const READS: [&str; 4] = ["Describe", "Get", "Head", "List"];

/// FF15, I8: every step is decided, and none is taken; of a well system, and of a lost one.
#[test]
fn a_rehearsal_says_what_would_be_done_and_does_nothing() -> Result<()> {
    play(async |scene| {
        let system = one(scene, "rehearsed").await?;
        let rehearse = json!({ "action": "rehearse", "system": system.name });
        let said = sentence(&wake(scene, &system, &rehearse).await?, "done")?;
        ensure!(said.contains("would be refused, because") && said.contains("healthy"), "{said}");
        system.lose_home(scene).await?;
        let said = sentence(&wake(scene, &system, &rehearse).await?, "done")?;
        ensure!(said.contains("would begin as term 1"), "{said}");
        println!("{}", said.replace("; ", "\n  "));
        // By what names the system: other systems are failed over meanwhile, by the same role.
        let about = scene.stack.gateway.calls(&Match::any().key_contains(&system.name));
        let is_write = |action: &str| !READS.iter().any(|read| action.starts_with(read));
        let role = scene.access_key("failover-promotion").await?;
        let writes = about.iter().filter(|call| call.access_key == role && is_write(&call.action));
        let writes: Vec<&str> = writes.map(|call| call.action.as_str()).collect();
        ensure!(!about.is_empty() && writes.is_empty(), "it called {writes:?}");
        let told = system.east.asked().into_iter().chain(system.west.asked());
        ensure!(told.filter(|asked| asked.method == "POST").count() == 0, "it told an appliance");
        let away = Away { from: wait::now(), until: None };
        let broken = promises::broken_in(scene, system.system(), &[], away).await?;
        ensure!(broken.is_empty(), "{broken:?}");
        Ok(())
    })
}

/// The way home is refused until it may begin, makes a replica at home by its computed name, and can be
/// given up. Whoever counts on other moves than were made is told so.
#[test]
fn the_way_home_begins_with_a_replica_and_can_be_given_up() -> Result<()> {
    play(async |scene| {
        let (system, away) = been_away(scene, "homeward").await?;
        let restored = now();
        refused(scene, &system, Some(restored), "1800 s have to pass").await?;
        let dated_back = scene.date_back(&system.name, 1).await?;
        refused(scene, &system, None, "not said").await?;
        let asked_at = now();
        let answer = wake(scene, &system, &failback(&system, Some(restored))).await?;
        let said = sentence(&answer, "waiting")?;
        dated_back.undo(scene).await?;
        let replica = Place::new(HOME, format!("{}-t1", system.source.id));
        ensure!(said.contains(&replica.id), "it does not wait for {}: {said}", replica.id);
        ensure!(scene.rds.is_replica(&replica) == Some(true), "there is no such replica");

        let abort = json!({
            "action": "abort", "system": system.name, "who": "Ada", "reason": "not today",
        });
        let given_up = sentence(&wake(scene, &system, &abort).await?, "refused")?;
        ensure!(given_up.contains("Ada") && given_up.contains("not today"), "{given_up}");
        until("the replica is there, and stays", 90, || async {
            Ok((scene.rds.status(&replica) == Some(Status::Available)).then_some(()))
        })
        .await?;
        system.is_failed_over(scene).await?;

        let made = [system.system().failover(), system.system().failback(&replica.id, asked_at)];
        let broken = promises::broken_in(scene, system.system(), &made, away).await?;
        ensure!(broken.is_empty(), "{broken:?}");
        is_named(scene, &system, &made, away).await
    })
}

/// E20, E22: the whole way home, with everything that CloudWatch's minutes cost.
#[test]
fn a_system_that_went_home_is_as_it_was() -> Result<()> {
    play(async |scene| {
        let (system, away) = been_away(scene, "to-and-fro").await?;
        let dated_back = scene.date_back(&system.name, 1).await?;
        let asked_at = now();
        let answer = wake(scene, &system, &failback(&system, Some(asked_at))).await?;
        sentence(&answer, "waiting")?;
        dated_back.undo(scene).await?;
        let said = ticks(scene, &system, "failback: east took over from west").await?;
        ensure!(said.contains("the database loses at most 0 s"), "{said}");
        ticks(scene, &system, OWES_NOTHING).await?;

        let replica = Place::new(HOME, format!("{}-t1", system.source.id));
        ensure!(scene.rds.is_replica(&replica) == Some(false), "{} is no writer", replica.id);
        let left = scene.rds.status(&system.replica);
        ensure!(matches!(left, Some(Status::Stopping | Status::Stopped)), "it left {left:?}");
        let modes = [system.east.mode(), system.west.mode()];
        ensure!(modes == [Mode::Production, Mode::Standby], "the modes are {modes:?}");
        ensure!(system.leads_to(scene).await? == [ADDRESSES[0]], "the name does not lead home");
        let made = [system.system().failover(), system.system().failback(&replica.id, asked_at)];
        let broken = promises::broken_in(scene, system.system(), &made, away).await?;
        ensure!(broken.is_empty(), "{broken:?}");
        Ok(())
    })
}

/// A system that was failed over, whose home is back, and that owes nothing any more.
async fn been_away(scene: &Scene, name: &str) -> Result<(Protected, Away)> {
    let system = one(scene, name).await?;
    let from = wait::now();
    system.lose_home(scene).await?;
    sentence(&wake(scene, &system, &system.alarm()?).await?, "done")?;
    let until = Some(wait::now());
    system.return_home(scene).await?;
    ticks(scene, &system, OWES_NOTHING).await?;
    Ok((system, Away { from, until }))
}

/// Ticks until a tick has said this.
async fn ticks(scene: &Scene, system: &Protected, part: &str) -> Result<String> {
    until(part, WAIT_S_MAX, async || {
        let tick = wake(scene, system, &system.tick()).await?;
        Ok(sentence(&tick, "done").ok().filter(|said| said.contains(part)))
    })
    .await
}

/// The promises bite on the way home too: a move that was not meant to be, and one without its fence.
async fn is_named(
    scene: &Scene,
    system: &Protected,
    made: &[promises::Move<'_>; 2],
    away: Away,
) -> Result<()> {
    let named = async |moves: &[promises::Move<'_>], part: &str| {
        let broken = promises::broken_in(scene, system.system(), moves, away).await?;
        ensure!(broken.iter().any(|found| found.contains(part)), "{part:?} is not in {broken:?}");
        anyhow::Ok(())
    };
    let [failover, _] = made;
    named(&[*failover], "P4: there was more than one failover").await?;
    named(&[], "P4: something was moved, and no failover was meant to be").await?;
    named(&[], "P4: there was a failover, and none was meant to be").await?;
    let form = "appliance_mode=production";
    let told = system.east.ask("POST", "/api/1.0/appliancemode/", form).await?;
    ensure!(told.status == 200, "{told:?}");
    named(made, "P2: the standby was promoted, and the primary was neither fenced").await
}

async fn one(scene: &Scene, name: &str) -> Result<Protected> {
    let set = systems(scene, [(name.to_owned(), Shape::Metric)]).await?;
    set.into_iter().next().context("no system")
}

fn failback(system: &Protected, restored: Option<Timestamp>) -> Value {
    let mut event = json!({
        "action": "failback", "system": system.name, "reason": "home is well again",
    });
    if let (Some(restored), Some(event)) = (restored, event.as_object_mut()) {
        event.insert("restored".to_owned(), json!(restored.to_string()));
    }
    event
}

async fn refused(
    scene: &Scene,
    system: &Protected,
    restored: Option<Timestamp>,
    part: &str,
) -> Result<()> {
    let said = sentence(&wake(scene, system, &failback(system, restored)).await?, "refused")?;
    ensure!(said.contains(part), "{said:?} does not say {part:?}");
    let begun = scene.keys(&format!("failovers/{}/000002/", system.name)).await?;
    ensure!(begun.is_empty(), "a term began: {begun:?}");
    Ok(())
}
