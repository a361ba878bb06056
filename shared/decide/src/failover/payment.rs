//! Putting the instances of a standby back to what they were, after the move that started them was given
//! up.

use jiff::Timestamp;

use crate::capacity::Group;
use crate::journal::Progress;
use crate::plan::Capacity;
use crate::seen::Seen;

use super::step::QUIET_S;

/// What the group is to be told, if anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutBack {
    /// So many instances, as before the move.
    Set(u32),
    /// Nothing: this was seen, and it is paid.
    Paid(String),
}

/// Puts back what this move has set, and nothing that a person has set since. Not before the last run that
/// may still start instances is dead. It is for the caller to see that the records do not lead to that
/// site (`give_back`): whoever has moved the system there by hand needs them.
///
/// # Errors
/// Why nothing is told now, as a clause.
pub fn put_back(
    capacity: &Capacity,
    progress: &Progress,
    now: Timestamp,
    group: &Seen<Group>,
) -> Result<PutBack, String> {
    let ended_at = progress.end.as_ref().map_or(now, |end| end.at);
    let since_s = now.as_second().saturating_sub(ended_at.as_second());
    if since_s < QUIET_S {
        return Err(format!(
            "a run of before may still start them, until {QUIET_S} s after the end ({since_s} s ago)"
        ));
    }
    let group = match group {
        Seen::Here(group) => group,
        Seen::Absent => return Ok(PutBack::Paid(format!("{} does not exist", capacity.asg))),
        Seen::Unknown(why) => return Err(why.clone()),
    };
    let found = progress.opened.view.capacity.as_ref().and_then(Seen::here);
    let before = found.map_or(group.desired, |found| found.desired);
    // Another number than the one that the move has set was set by somebody else.
    if group.desired == capacity.desired && before < group.desired && group.takes(before) {
        return Ok(PutBack::Set(before));
    }
    Ok(PutBack::Paid(format!("{} has {}", capacity.asg, group.words())))
}
