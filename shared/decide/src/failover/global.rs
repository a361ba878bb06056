//! The database as an Aurora global database: one cluster at each site, and one writer among them.
//!
//! Each move tells it by name which cluster is to write, and it keeps no condition beside: told late, it
//! would move the writer again. What stands against that, and what is left, is in
//! `act::failover_promotion::global`.

use crate::journal::Progress;
use crate::plan::{DatabaseKind, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;

use super::step::{Act, Next};

/// Whether the plan's database is one.
pub(super) fn is_of(plan: &Plan) -> bool {
    plan.database.as_ref().is_some_and(|database| match database.kind {
        DatabaseKind::AuroraGlobal { .. } => true,
        DatabaseKind::Rds => false,
    })
}

/// How the replica is told to take over. A planned move loses nothing or does not happen. A failover may
/// lose what was agreed when it began: with a lag within the plan's limit, or one that a person accepted.
/// One that began because the cluster was seen to be the writer has agreed to nothing, and somebody has
/// made it a replica again since.
pub(super) fn promotion(plan: &Plan, progress: &Progress) -> Next {
    if !is_of(plan) {
        return Next::Do(Act::PromoteDatabase);
    }
    if progress.opened.kind.is_planned() {
        return Next::Do(Act::MoveWriter { may_lose: false });
    }
    if is_loss_agreed(plan, progress) {
        return Next::Do(Act::MoveWriter { may_lose: true });
    }
    let why = "its cluster was the writer when the failover began, and is none any more".to_owned();
    Next::Stop(Refusal::LagUnknown { why })
}

fn is_loss_agreed(plan: &Plan, progress: &Progress) -> bool {
    let lag_s_max = plan.database.as_ref().map_or(0, |database| database.lag_s_max);
    let is_within = match &progress.opened.view.lag_s {
        Some(Seen::Here(lag_s)) => *lag_s <= lag_s_max,
        Some(Seen::Absent | Seen::Unknown(_)) | None => false,
    };
    is_within
        || progress.opened.accepted.iter().any(|accepted| {
            matches!(accepted.refusal, Refusal::TooFarBehind { .. } | Refusal::LagUnknown { .. })
        })
}

#[cfg(test)]
mod tests;
