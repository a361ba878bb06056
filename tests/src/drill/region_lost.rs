//! The home region is lost, and nobody does anything about it.

use anyhow::Result;

use super::story::{DEVICES, Pace, Story};

pub(super) async fn live(story: &mut Story<'_>) -> Result<()> {
    let written = story.write_data("device", DEVICES).await?;
    story.see_healthy().await?;
    let slot = story.see_a_proven_backup(Pace::AsOnAws).await?;
    let took_s = story.lose_home_and_fail_over(Pace::AsOnAws).await?;
    story.compare_data(&written, &slot).await?;
    story.report(1, took_s, "the loss").await
}
