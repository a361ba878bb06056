//! The promotion of the appliance.

use crate::journal::{Finding, Step};

use super::{Act, Attempt, Next, View};

/// The appliance cannot be asked for its mode: its answer is what was seen.
pub(super) fn promote(view: &View) -> Next {
    match &view.attempt {
        None => Next::Do(Act::PromoteAppliance),
        Some(Attempt::Accepted) => Next::Confirm(Step::PromoteAppliance, Finding::Accepted),
        Some(Attempt::Unreachable(why) | Attempt::Unclear(why)) => {
            Next::Wait(format!("the new appliance did not accept to be production: {why}"))
        }
    }
}
