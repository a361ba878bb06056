//! The order between systems: nothing of one is promoted while one that it comes after is being
//! failed over.

use super::{Next, View};
use crate::journal::{Progress, Step};
use crate::refusal::Refusal;
use crate::seen::Seen;

/// For how long the others are waited for before that is said, in seconds. It is waited for longer.
const WAITED_S_MAX: u64 = 600;

/// How far a system is that this one comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// It never left its site, or has come to its new one.
    Settled,
    /// Its failover is open, and not over.
    UnderWay,
    /// Its alarm is raised, and no failover has ended since.
    AboutToBegin,
}

/// Whether this step waits for other systems: it is the first promotion, and was not intended yet.
pub fn holds_up(progress: &Progress, step: Step) -> bool {
    let first = progress
        .opened
        .steps
        .iter()
        .find(|step| matches!(step, Step::PromoteDatabase | Step::PromoteAppliance));
    // In a planned move the order is that of the person who asks, and the outage is not prolonged by it.
    let is_planned = progress.opened.kind.is_planned();
    !is_planned && first == Some(&step) && progress.intended != Some(step)
}

/// What is not known of another system is no reason to go before it.
pub(super) fn is_held_up(view: &View) -> bool {
    view.others.iter().any(|(_, other)| match other {
        Seen::Here(Other::Settled) | Seen::Absent => false,
        Seen::Here(Other::UnderWay | Other::AboutToBegin) | Seen::Unknown(_) => true,
    })
}

pub(super) fn wait(progress: &Progress, view: &View) -> Next {
    let open: Vec<String> = view
        .others
        .iter()
        .filter_map(|(system, other)| match other {
            Seen::Here(Other::Settled) | Seen::Absent => None,
            Seen::Here(Other::UnderWay) => Some(format!("{system} (under way)")),
            Seen::Here(Other::AboutToBegin) => Some(format!("{system} (its alarm is raised)")),
            Seen::Unknown(why) => Some(format!("{system} (not known: {why})")),
        })
        .collect();
    let systems = open.join(", ");
    let since = progress.past.last().map_or(progress.opened_at, |past| past.at);
    let waited_s = view.now.as_second().saturating_sub(since.as_second());
    let waited_s = u64::try_from(waited_s).unwrap_or(0);
    if waited_s <= WAITED_S_MAX {
        return Next::Wait(format!("{systems} are failed over first"));
    }
    Next::Stop(Refusal::OthersUnderWay { systems, waited_s, waited_s_max: WAITED_S_MAX })
}
