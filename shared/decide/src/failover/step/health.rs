//! Seeing the new site healthy after its promotion.

use crate::evidence::verdict;
use crate::failover::guards::not_healthy;
use crate::journal::{Finding, Progress, Step};
use crate::plan::Plan;

use super::{Next, View};

/// How long after its promotion a site's health is believed, in seconds.
const SETTLE_S: i64 = 10;

/// Seen after the promotion, never before it (P3). Unknown is not healthy. An appliance may answer for a
/// moment as it did before it was promoted, so the first seconds after that do not count.
pub(super) fn see(plan: &Plan, progress: &Progress, view: &View) -> Next {
    let promoted = progress.past.iter().find(|past| past.step == Step::PromoteAppliance);
    let since_s =
        promoted.map_or(0, |past| view.now.as_second().saturating_sub(past.at.as_second()));
    if since_s < SETTLE_S {
        return Next::Wait(format!(
            "the new site was promoted {since_s} s ago, and is believed after {SETTLE_S} s"
        ));
    }
    match not_healthy(&view.new) {
        Some(why) => Next::Wait(format!("the new site is not seen healthy yet: {why}")),
        None => {
            let verdict = verdict(&view.new, plan.failover.signals, true);
            Next::Confirm(Step::SeeHealthy, Finding::Healthy { verdict })
        }
    }
}
