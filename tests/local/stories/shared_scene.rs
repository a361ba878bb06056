//! One scene for every story in which no site is lost: it takes ten seconds to set. Each story is a
//! test of its own all the same, so that it has a name and can be told by itself.
//!
//! Nobody drops a static: when the tests have ended, the keepers see it and end every process, and
//! the next run of anything clears the folder away.

use std::cell::Cell;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{RwLock, Semaphore};
use warmspare_tests::scene::{RECOVERY, STACK, Scene, Setting, now, until};
use warmspare_tests::stack::Options;
use warmspare_tests::stack::rds::Pace;

use crate::stories::privileges;

/// The longest that a story waits for anything, in seconds.
pub(crate) const WAIT_S_MAX: u64 = 90;

/// The size of a part of a large upload, in bytes.
pub(crate) const PART_BYTES: u64 = 5 * 1024 * 1024;

/// Nothing that a function does between two calls takes this long.
const QUIET: SignedDuration = SignedDuration::from_millis(700);

static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
/// Read by stories that stand each other, written by those that do not.
static TURN: RwLock<()> = RwLock::const_new(());
/// Fewer than a function may run at a time (four), as most stories keep one of its runs waiting.
static SIDE_BY_SIDE: Semaphore = Semaphore::const_new(3);
/// What was taken from the queues of dead letters: the function, and the message.
static LETTERS: Mutex<Vec<(String, Value)>> = Mutex::new(Vec::new());

struct Shared {
    runtime: Runtime,
    scene: Scene,
}

/// Tells a story beside others.
pub(crate) fn tell(story: impl AsyncFnOnce(&'static Scene) -> Result<()>) -> Result<()> {
    let shared = shared()?;
    shared.runtime.block_on(async {
        let _place = SIDE_BY_SIDE.acquire().await?;
        let _turn = TURN.read().await;
        told(&shared.scene, story).await
    })
}

/// Tells a story while no other is told.
pub(crate) fn tell_alone(story: impl AsyncFnOnce(&'static Scene) -> Result<()>) -> Result<()> {
    let shared = shared()?;
    shared.runtime.block_on(async {
        let _turn = TURN.write().await;
        quiet(&shared.scene).await?;
        told(&shared.scene, story).await
    })
}

/// Waits until what other stories have begun is over: nobody has called anything for a while.
async fn quiet(scene: &Scene) -> Result<()> {
    let last = Cell::new((scene.stack.gateway.calls_made(), now()));
    until("nobody calls anything", WAIT_S_MAX, || {
        let (calls, since) = last.get();
        let made = scene.stack.gateway.calls_made();
        if made != calls {
            last.set((made, now()));
        }
        let is_quiet = made == calls && now().duration_since(since) > QUIET;
        async move { Ok(is_quiet.then_some(())) }
    })
    .await
}

/// Whatever the story was about: no function may have asked for more than its role gives.
async fn told(
    scene: &'static Scene,
    story: impl AsyncFnOnce(&'static Scene) -> Result<()>,
) -> Result<()> {
    let ended = Box::pin(story(scene)).await;
    let ended = match ended {
        Ok(()) => privileges::kept(scene).await,
        Err(error) => Err(error),
    };
    ended
        .inspect_err(|_| scene.stack.run.keep())
        .with_context(|| format!("the logs are in {} for a day", scene.stack.folder().display()))
}

fn shared() -> Result<&'static Shared> {
    let shared = SHARED.get_or_init(|| set().map_err(|error| format!("{error:#}")));
    shared.as_ref().map_err(|error| anyhow!("the scene could not be set: {error}"))
}

fn set() -> Result<Shared> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Lambda waits a minute before it tries again, and RDS longer for everything; the order is what
    // matters here. The functions inherit the environment: their parts are the least that S3 takes.
    let environment = [
        ("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "0.2".to_owned()),
        ("PART_BYTES", PART_BYTES.to_string()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let (short, shorter) = (Duration::from_millis(250), Duration::from_millis(50));
    let pace = Pace {
        snapshot: short,
        copy: short,
        export_starting: shorter,
        export_writing: shorter,
        ..Pace::default()
    };
    let options = Options { environment, ..Options::default() };
    let setting = Setting { options, pace, ..Setting::default() };
    let scene = runtime.block_on(Box::pin(Scene::set(setting)))?;
    Ok(Shared { runtime, scene })
}

/// Waits until something of the kind was announced that `is_it` recognises; its detail.
pub(crate) async fn announced(
    scene: &Scene,
    kind: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Result<Value> {
    until(&format!("{kind} is announced"), WAIT_S_MAX, || async {
        Ok(scene.told.of(kind).await?.into_iter().find(|detail| is_it(detail)))
    })
    .await
}

/// Waits until what `is_it` recognises lies in the function's queue of dead letters: the record that
/// Lambda makes of an event that it gave up.
pub(crate) async fn dead_letter(
    scene: &Scene,
    function: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let name = format!("{STACK}-{function}-dead-letters");
    let aws = &scene.stack.aws;
    let found = aws.call(RECOVERY, "sqs", "get_queue_url", json!({ "QueueName": name })).await?;
    let queue = found["QueueUrl"].clone();
    until(&format!("a dead letter of {function}"), WAIT_S_MAX, || async {
        let args = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
        let got = aws.call(RECOVERY, "sqs", "receive_message", args).await?;
        for message in got["Messages"].as_array().into_iter().flatten() {
            // One that is nested deeper than we read is kept as its text.
            let body = &message["Body"];
            let letter = serde_json::from_str(body.as_str().unwrap_or_default());
            letters().push((function.to_owned(), letter.unwrap_or_else(|_| body.clone())));
            let args = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
            aws.call(RECOVERY, "sqs", "delete_message", args).await?;
        }
        let letters = letters();
        let of_function = letters.iter().filter(|(whose, _)| whose == function);
        Ok(of_function.map(|(_, letter)| letter).find(|letter| is_it(letter)).cloned())
    })
    .await
}

fn letters() -> std::sync::MutexGuard<'static, Vec<(String, Value)>> {
    LETTERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The outcomes in a function's log whose sentence holds `text`: the word, and the sentence.
pub(crate) async fn outcomes(
    scene: &Scene,
    function: &str,
    text: &str,
) -> Result<Vec<(String, String)>> {
    let lines = scene.log(function).await?;
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(lines
        .filter_map(|line| {
            let outcome = line["outcome"].as_str()?.to_owned();
            let sentence = line["message"].as_str()?.to_owned();
            sentence.contains(text).then_some((outcome, sentence))
        })
        .collect())
}
