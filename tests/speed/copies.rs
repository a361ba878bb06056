//! A bucket of many small objects: scheduled-backup as it ships, with a plan of a source `s3`, beside a
//! copy that takes one object after the other.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::prepare::Stage;
use crate::runner::{self, Took};
use crate::table::Table;

const PLAN: &str = include_str!("plan.toml");
/// As the plan says.
const SOURCE: &str = "depot/";
const OURS: &str = "artifacts/race/";
const THEIRS: &str = "peer/";
/// 16 KiB.
const OBJECT_BYTES: u64 = 16 << 10;

/// So many objects, each answer so many milliseconds late.
pub(crate) async fn race(
    stage: &Stage,
    objects: u32,
    answer_ms: u64,
    memory_mb: u32,
) -> anyhow::Result<()> {
    stage.sink.objects.clear();
    stage.sink.objects.write("plans/race.toml", Bytes::from_static(PLAN.as_bytes()));
    for n in 0..objects {
        stage.sink.objects.lay(&format!("{SOURCE}{n:06}.hart"), OBJECT_BYTES);
    }
    stage.sink.objects.answer_after(Duration::from_millis(answer_ms));
    let both = both(stage, objects, memory_mb).await;
    stage.sink.objects.answer_after(Duration::ZERO);
    let (theirs, ours) = both?;
    let mut table = Table::of_copies(objects, OBJECT_BYTES, answer_ms);
    table.copies("boto3, one after the other", &theirs, &theirs);
    table.copies("warmspare scheduled-backup", &ours, &theirs);
    table.print();
    Ok(())
}

/// The instant for which it is as if it were scheduled.
#[expect(
    clippy::disallowed_methods,
    reason = "the race is the schedule, and the function's clock is real"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

async fn both(stage: &Stage, objects: u32, memory_mb: u32) -> anyhow::Result<(Took, Took)> {
    let theirs = runner::copied_by_boto3(stage, SOURCE, THEIRS).await?;
    arrived(stage, THEIRS, objects)?;
    let backup = json!({"action": "backup", "system": "race", "scheduled": now()});
    let event = json!({"do": "backup", "event": backup.to_string()}).to_string();
    let (ours, answered) = runner::function(stage, event, memory_mb, None).await?;
    ensure!(
        answered.contains("is stored"),
        "it answered {answered}; it said {}",
        runner::said(stage)
    );
    arrived(stage, OURS, objects)?;
    Ok((theirs, ours))
}

fn arrived(stage: &Stage, prefix: &str, objects: u32) -> anyhow::Result<()> {
    let (found, bytes) = stage.sink.objects.below(prefix);
    let is_all = u32::try_from(found) == Ok(objects) && bytes == u64::from(objects) * OBJECT_BYTES;
    ensure!(is_all, "below {prefix} are {found} objects of {bytes} bytes, and not {objects}");
    Ok(())
}
