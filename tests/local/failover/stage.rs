//! One scene for every test of a failover: it takes ten seconds to set. Each test has systems of its
//! own in it, loses their homes one by one, and wakes failover-promotion by itself: nothing ticks here.
//!
//! Nobody drops a static: when the tests have ended, the keepers see it and end every process, and
//! the next run of anything clears the folder away.

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures_util::future::{Either, join, select, try_join_all};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};
use warmspare_tests::scene::{Protected, RECOVERY, Scene, Setting, Shape, now, until};
use warmspare_tests::stack::aws::Invoked;
use warmspare_tests::stack::gateway::{Held, Trap};
use warmspare_tests::stack::rds::Fate;

/// The longest that a run takes to come to a call.
const CALL_S_MAX: Duration = Duration::from_secs(60);
/// How many runs of failover-promotion at a time MiniStack answers within the functions' time limits on
/// two cores; more would time out, and test something else.
const RUNS_AT_ONCE: usize = 48;
/// A run that has not said that it is alive for 45 s of S3's clock counts as dead.
const DEAD_S: i64 = 46;

static STAGE: OnceLock<Result<Stage, String>> = OnceLock::new();
static RUNS: Semaphore = Semaphore::const_new(RUNS_AT_ONCE);

struct Stage {
    runtime: Runtime,
    scene: Scene,
}

/// Plays one test beside others.
pub(crate) fn play(test: impl AsyncFnOnce(&'static Scene) -> Result<()>) -> Result<()> {
    let stage = STAGE.get_or_init(|| set().map_err(|error| format!("{error:#}")));
    let stage = stage.as_ref().map_err(|error| anyhow!("the scene could not be set: {error}"))?;
    let (run, folder) = (&stage.scene.stack.run, stage.scene.stack.folder());
    let played = stage.runtime.block_on(Box::pin(test(&stage.scene)));
    played
        .inspect_err(|_| run.keep())
        .with_context(|| format!("the logs are in {} for a day", folder.display()))
}

fn set() -> Result<Stage> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let scene = runtime.block_on(Box::pin(async {
        let scene = Scene::set(Setting::default()).await?;
        silence(&scene).await?;
        anyhow::Ok(scene)
    }))?;
    Ok(Stage { runtime, scene })
}

/// Whatever would wake a function by itself: a test that counts runs makes every one of them.
async fn silence(scene: &Scene) -> Result<()> {
    let aws = &scene.stack.aws;
    let rules = aws.pages(RECOVERY, "events", "list_rules", json!({})).await?;
    let rules = rules.get("Rules").and_then(Value::as_array).context("no rules")?;
    for name in rules.iter().filter_map(|rule| rule.get("Name")) {
        if name != "told" {
            aws.call(RECOVERY, "events", "disable_rule", json!({ "Name": name })).await?;
        }
    }
    for event in ["RDS-EVENT-0006", "RDS-EVENT-0087", "RDS-EVENT-0088"] {
        scene.rds.set_fate(event, Fate::Lost);
    }
    Ok(())
}

/// Sets systems up side by side.
pub(crate) async fn systems(
    scene: &Scene,
    names: impl IntoIterator<Item = (String, Shape)>,
) -> Result<Vec<Protected>> {
    let set = names.into_iter().map(async |(name, shape)| {
        let _turn = turn(1).await?;
        Protected::set(scene, &name, shape).await
    });
    try_join_all(set).await
}

/// Wakes failover-promotion for a system when it is this run's turn.
pub(crate) async fn wake(scene: &Scene, system: &Protected, event: &Value) -> Result<Invoked> {
    let _turn = turn(1).await?;
    system.wake(scene, event).await
}

/// Waits for the turn of this many runs.
pub(crate) async fn turn(runs: u32) -> Result<SemaphorePermit<'static>> {
    Ok(RUNS.acquire_many(runs).await?)
}

/// Runs a function into a trap, and does something to the call that it holds; what came of both.
pub(crate) async fn into_trap<T>(
    mut trap: Trap,
    run: impl Future<Output = Result<Invoked>>,
    held: impl AsyncFnOnce(Held) -> Result<T>,
) -> Result<(T, Invoked)> {
    let mut run = pin!(run);
    let call = match select(pin!(trap.caught(CALL_S_MAX)), run.as_mut()).await {
        Either::Left((call, _)) => call?,
        Either::Right((ended, _)) => bail!("it did not come as far as the trap: {ended:?}"),
    };
    let (held, ended) = join(held(call), run).await;
    Ok((held?, ended?))
}

/// The sentence of a run that ended with this outcome.
pub(crate) fn sentence(invoked: &Invoked, outcome: &str) -> Result<String> {
    let said = |field: &str| invoked.answer.get(field).and_then(Value::as_str);
    ensure!(
        invoked.function_error.is_none() && said("outcome") == Some(outcome),
        "not {outcome}, but: {invoked:?}"
    );
    Ok(said("reason").unwrap_or_default().to_owned())
}

/// What each entry of a journal says, in order, such as `confirmed repoint`.
pub(crate) fn words(journal: &[Value]) -> Vec<String> {
    let word = |entry: &Value, pointer: &str| {
        entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let said = |entry| format!("{} {}", word(entry, "/what/what"), word(entry, "/what/step"));
    journal.iter().map(said).map(|said| said.trim().to_owned()).collect()
}

/// Waits until a run that was killed or frozen counts as dead. It cannot say any more that it is alive, so
/// what S3 says is asked once.
pub(crate) async fn counts_as_dead(scene: &Scene, system: &Protected) -> Result<()> {
    let key = format!("failovers/{}/000001/alive.json", system.name);
    let args = json!({ "Bucket": scene.vault(), "Key": key });
    let head = match scene.stack.aws.call(RECOVERY, "s3", "head_object", args).await {
        Ok(head) => head,
        // It has not come so far as to say that it is alive.
        Err(error) if error.code == "404" => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let written = head.get("LastModified").and_then(Value::as_str).context("no LastModified")?;
    let written: Timestamp = written.parse()?;
    let dead_at = written + SignedDuration::from_secs(DEAD_S);
    let within = Duration::from_secs(DEAD_S.unsigned_abs() + 10).as_secs();
    until("the run counts as dead", within, || async { Ok((now() >= dead_at).then_some(())) }).await
}
