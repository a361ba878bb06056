//! Telling an Aurora global database which of its clusters is to write.
//!
//! `FailoverGlobalCluster` and `SwitchoverGlobalCluster` take no condition, and which cluster writes
//! goes to and fro: unlike the promotion of an instance, they are not harmless when late. With A and B two
//! runs of term 1, toward west:
//!
//! - B has told it, west writes, and A tells it too: west is the writer, which the adapter sees right
//!   before it tells, and which Aurora refuses otherwise.
//! - B has completed term 1, term 2 has moved the writer home, and A goes on from where it slept: the
//!   journal of term 1 has entries that A does not know, so A tells nothing.
//! - A sleeps between that look and the request: term 2 cannot have begun. Between the end of a term and
//!   the beginning of the next lies the plan's cooldown, of 15 minutes at least, and no run lives longer
//!   than its timeout of three. A person who accepts a shorter cooldown accepts this with it.
//! - A's request is on its way for long: the SDK gives an attempt seconds, and nothing of it outlives A by
//!   more than that.

use warmspare_decide::database::Pair;
use warmspare_decide::journal::Progress;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::databases;
use crate::fault::{Fault, Hope};

use super::{Subject, World};

/// Tells it, unless the journal says that another run has gone on since.
///
/// # Errors
/// What Aurora, or nobody, has answered.
pub(super) async fn move_writer<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    pair: &Pair,
    may_lose: bool,
) -> Result<(), Fault> {
    let Some(global) = databases::global_of(&subject.plan) else { return Ok(()) };
    let next = vault::entry(&subject.system, progress.term, progress.entries.saturating_add(1));
    match ports.read(&next).await? {
        Seen::Absent => {}
        // The next turn finds its place taken, and leaves the term to that run.
        Seen::Here(_) => return Ok(()),
        Seen::Unknown(why) => return Err(Fault::new(Hope::Retryable, "reading", next, why)),
    }
    if may_lose {
        ports.fail_over(global, &pair.replica).await
    } else {
        ports.switch_over(global, &pair.writer, &pair.replica).await
    }
}
