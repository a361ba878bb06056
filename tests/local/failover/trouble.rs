//! What a failover meets: appliances that answer badly, Route 53 that does not answer, answers that are
//! lost, a primary that comes back. Either nothing begins, and a sentence says why, or the end is the
//! same as on a calm day.

use anyhow::{Context, Result, ensure};
use futures_util::future::{BoxFuture, FutureExt, join, try_join_all};
use serde_json::json;
use warmspare_tests::scene::{ADDRESSES, Protected, RECOVERY, Scene, Shape, promises, until};
use warmspare_tests::stack::appliance::{Mode, Trouble};
use warmspare_tests::stack::gateway::{Effect, Fault, Match};
use warmspare_tests::stack::rds::{Replication, Status};
use warmspare_tests::stack::wait;

use crate::failover::stage::{play, sentence, systems, wake, words};

/// The longest that a test waits for something to happen, in seconds.
const WAIT_S_MAX: u64 = 90;

/// Who answers badly, how, and a part of what is said.
const ANSWERS: [(&str, Trouble, &str); 6] = [
    // The replica says that its source is gone, and something still lives at the source's address.
    ("east", Trouble::Status(500), "1 independent path(s) say that east is down and 1 cannot tell"),
    ("east", Trouble::Nothing, "1 independent path(s) say that east is down and 1 cannot tell"),
    // The status is all that a health signal of the plan looks at.
    ("east", Trouble::Garbage, "answers on 2 of its paths, 1 say that it is down"),
    ("west", Trouble::Status(500), "it answered 500, where 200 was expected"),
    ("west", Trouble::Nothing, "it took the request, and did not answer in time"),
    ("west", Trouble::Refuse, "nothing listens there"),
];

/// FF5, FA9: an answer that is none is neither up nor down.
#[test]
fn an_appliance_that_answers_badly_is_unknown_and_nothing_begins() -> Result<()> {
    play(async |scene| {
        let names = (1..=ANSWERS.len()).map(|n| (format!("unknown-{n}"), Shape::Metric));
        let systems = systems(scene, names).await?;
        let asked = systems.iter().zip(ANSWERS).map(async |(system, (site, trouble, part))| {
            let during = format!("{site} answers with {trouble:?}");
            if site == "east" {
                scene.rds.set_replication(&system.replica, Some(Replication::Error));
                system.east.answer("*", trouble).await;
                system.raise_alarm(scene).await?;
            } else {
                system.lose_home(scene).await?;
                system.west.answer("*", trouble).await;
            }
            let refused = wake(scene, system, &system.alarm()?).await?;
            let refused = sentence(&refused, "refused").with_context(|| during.clone())?;
            ensure!(refused.contains(part), "{during}: {refused:?} does not say {part:?}");
            let keys = scene.keys(&format!("failovers/{}/", system.name)).await?;
            ensure!(keys.is_empty(), "{during}: {keys:?}");
            ensure!(system.west.mode() == Mode::Standby && !system.writer(scene), "{during}");
            Ok(format!("{during}: {refused}"))
        });
        for said in try_join_all(asked).await? {
            println!("{said}");
        }
        Ok(())
    })
}

type Story = for<'s> fn(&'s Scene, &'s Protected) -> BoxFuture<'s, Result<()>>;

const STORIES: [(&str, Story); 6] = [
    ("returns", |scene, system| returns(scene, system).boxed()),
    ("drift", |scene, system| is_edited(scene, system).boxed()),
    ("no-dns", |scene, system| without_route_53(scene, system).boxed()),
    ("lost", |scene, system| loses_replies(scene, system).boxed()),
    ("no-secret", |scene, system| without_its_secret(scene, system).boxed()),
    ("garbage", |scene, system| is_answered_with_garbage(scene, system).boxed()),
];

#[test]
fn a_failover_in_trouble_comes_to_the_same_end() -> Result<()> {
    play(async |scene| {
        let names = STORIES.map(|(name, _)| (name.to_owned(), Shape::Metric));
        let systems = systems(scene, names).await?;
        let told = systems.iter().zip(STORIES).map(async |(system, (name, story))| {
            let lost_at = wait::now();
            system.lose_home(scene).await?;
            story(scene, system).await.context(name)?;
            system.is_failed_over(scene).await.context(name)?;
            let broken = promises::broken_for(scene, system.system(), lost_at).await?;
            ensure!(broken.is_empty(), "{name}: {broken:?}");
            Ok(())
        });
        try_join_all(told).await.map(drop)
    })
}

/// E21, FF11: the old site is fenced as soon as it is back, and the name goes on leading to the new one.
async fn returns(scene: &Scene, system: &Protected) -> Result<()> {
    sentence(&wake(scene, system, &system.alarm()?).await?, "done")?;
    let owed = sentence(&wake(scene, system, &system.tick()).await?, "waiting")?;
    ensure!(owed.contains("the old appliance") && owed.contains("the old database"), "{owed}");
    system.return_home(scene).await?;
    until("everything that is owed is paid", WAIT_S_MAX, async || {
        let tick = wake(scene, system, &system.tick()).await?;
        Ok(sentence(&tick, "done").ok().filter(|said| said.contains("owes nothing any more")))
    })
    .await?;
    ensure!(system.east.mode() == Mode::Standby, "the old appliance is in production");
    // It was told to stop and is seen to, which is what counts as paid.
    until("its database is stopped", WAIT_S_MAX, async || {
        Ok((scene.rds.status(&system.source) == Some(Status::Stopped)).then_some(()))
    })
    .await?;
    let journal = words(&system.journal(scene).await?);
    let paid = journal.iter().filter(|said| *said == "paid").count();
    ensure!(paid == 2, "the journal is {journal:?}");
    ensure!(system.leads_to(scene).await? == [ADDRESSES[1]], "the name was moved back");
    Ok(())
}

/// FF14, I3, I11: somebody has edited the record. Both answers are named, the edit stays, and the failover begins
/// when it is mended, because the alarm is raised still.
async fn is_edited(scene: &Scene, system: &Protected) -> Result<()> {
    const EDITED: &str = "198.51.100.99";
    let edit = async |address: &str| {
        let set = json!({
            "Name": system.record, "Type": "A", "TTL": 60, "ResourceRecords": [{ "Value": address }],
        });
        let change = json!({ "Action": "UPSERT", "ResourceRecordSet": set });
        let args = json!({ "HostedZoneId": scene.zone, "ChangeBatch": { "Changes": [change] } });
        scene.stack.aws.call("us-east-1", "route53", "change_resource_record_sets", args).await
    };
    edit(EDITED).await?;
    let refused = sentence(&wake(scene, system, &system.alarm()?).await?, "refused")?;
    for named in [&system.record, EDITED, ADDRESSES[0]] {
        ensure!(refused.contains(named), "it does not name {named}: {refused}");
    }
    ensure!(system.leads_to(scene).await? == [EDITED], "the edit was written over");
    ensure!(system.journal(scene).await?.is_empty() && !system.writer(scene), "something was done");
    edit(ADDRESSES[0]).await?;
    sentence(&wake(scene, system, &system.tick()).await?, "done").map(drop)
}

/// FF9: everything but the records is done while Route 53 is silent, and they are moved when it answers.
async fn without_route_53(scene: &Scene, system: &Protected) -> Result<()> {
    let about = Match::any().service("route53").key_contains(&system.record);
    let silence = scene.stack.gateway.fault(about, Effect::Silence);
    let alarm = system.alarm()?;
    let healing = async {
        until("it waits for Route 53", WAIT_S_MAX, async || {
            let journal = words(&system.journal(scene).await?);
            let is_healthy = journal.iter().any(|said| said == "confirmed see-healthy");
            Ok((is_healthy && silence.met() > 2).then_some(()))
        })
        .await?;
        ensure!(system.leads_to(scene).await? == [ADDRESSES[0]], "the records were moved");
        ensure!(system.writer(scene), "the database waits for Route 53");
        silence.heal();
        Ok(())
    };
    let (healed, invoked) = join(healing, wake(scene, system, &alarm)).await;
    healed?;
    sentence(&invoked?, "done").map(drop)
}

/// FF8, I6: what was asked for has happened, and nobody says so.
async fn loses_replies(scene: &Scene, system: &Protected) -> Result<()> {
    let lose = |action: &str, text: &str, times| {
        let meant = Match::any().action(action).key_contains(text);
        scene.stack.gateway.fault_times(meant, Effect::LoseReply, times)
    };
    // More than the SDK tries by itself, and one for each of nine entries.
    let mut faults = vec![
        lose("ChangeResourceRecordSets", &system.record, 3),
        lose("PromoteReadReplica", &system.replica.id, 3),
    ];
    let entry = |n| format!("failovers/{}/000001/00000{n}.json", system.name);
    faults.extend((1..=9).map(|n| lose("PutObject", &entry(n), 1)));
    sentence(&wake(scene, system, &system.alarm()?).await?, "done")?;
    let lost: Vec<u64> = faults.iter().map(Fault::met).collect();
    ensure!(!lost.contains(&0), "a reply that was to be lost was not: {lost:?}");
    println!("{} replies were lost", lost.iter().sum::<u64>());
    let journal = words(&system.journal(scene).await?);
    ensure!(journal.len() == 12, "the journal is {journal:?}");
    Ok(())
}

/// P2: that Secrets Manager does not answer is not that the old appliance does not: it was not even
/// asked, so it counts as unfenced.
async fn without_its_secret(scene: &Scene, system: &Protected) -> Result<()> {
    let name = format!("warmspare/{}-east", system.name);
    let secret = json!({ "Name": name, "SecretString": system.east.secret().to_string() });
    scene.stack.aws.call(RECOVERY, "secretsmanager", "create_secret", secret).await?;
    let plan = system.plan(scene).replace("secret:warmspare/east", &format!("secret:{name}"));
    scene.put(&format!("plans/{}.toml", system.name), plan.as_bytes()).await?;

    let about = Match::any().service("secretsmanager").key_contains(&name);
    let refusing = scene.stack.gateway.fault(about, Effect::Refuse);
    let refused = sentence(&wake(scene, system, &system.alarm()?).await?, "refused")?;
    ensure!(refused.contains("could not be fenced"), "{refused}");
    ensure!(refusing.met() > 0 && !system.writer(scene), "it was promoted without a fence");
    refusing.heal();
    sentence(&wake(scene, system, &system.tick()).await?, "done").map(drop)
}

/// A page of somebody else's is not the appliance's word that it is in production.
async fn is_answered_with_garbage(scene: &Scene, system: &Protected) -> Result<()> {
    let path = "/api/1.0/appliancemode/";
    system.west.answer(path, Trouble::Garbage).await;
    let alarm = system.alarm()?;
    let healing = async {
        until("it was told twice", WAIT_S_MAX, async || {
            let asked = system.west.asked();
            Ok((asked.iter().filter(|asked| asked.path == path).count() > 1).then_some(()))
        })
        .await?;
        let journal = words(&system.journal(scene).await?);
        let last = journal.last().map(String::as_str);
        ensure!(last == Some("intended promote-appliance"), "the journal is {journal:?}");
        system.west.heal().await
    };
    let (healed, invoked) = join(healing, wake(scene, system, &alarm)).await;
    healed?;
    sentence(&invoked?, "done").map(drop)
}
