//! The mark of a backup that is being deleted: `pruned.json` among its receipts. It belongs to the run
//! that wrote it, until that run must have ended: Lambda lets none live longer.

use bytes::Bytes;
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::prune::Mark;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents;
use crate::fault::{Fault, Hope};
use crate::journal::request_of;
use crate::ports::{Clock, Deletion, Vault, Written};

/// No invocation of Lambda lives longer, in seconds.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
pub(super) const RUN_S_MAX: i64 = 900;

/// Whose mark a backup has.
pub(super) enum Marked {
    /// This run's, with its ETag.
    Ours(String),
    /// That of another run, which may still be at it.
    Theirs,
}

/// Marks a backup, or takes over the mark of a run that must have ended.
///
/// # Errors
/// The vault's fault: the mark may have been written.
pub(super) async fn set<P: Clock + Vault>(ports: &P, mark: &Mark) -> Result<Marked, Fault> {
    let key = vault::pruned(&mark.system, mark.slot);
    match ports.create(&key, text(&key, mark)?).await? {
        Written::New(etag) => Ok(Marked::Ours(etag)),
        // It may be our own first try, whose answer was lost: the writer says so.
        Written::Conflict => take_over(ports, mark).await,
    }
}

/// Takes over the mark that is there, if its run is this one or must have ended.
///
/// # Errors
/// The vault's fault.
pub(super) async fn take_over<P: Clock + Vault>(ports: &P, mark: &Mark) -> Result<Marked, Fault> {
    let key = vault::pruned(&mark.system, mark.slot);
    let (found, document) = match documents::read_json::<Mark, P>(ports, &key).await? {
        Seen::Here(found) => found,
        // It was given back a moment ago.
        Seen::Absent => return Ok(Marked::Theirs),
        Seen::Unknown(why) => return Err(documents::unread(&key, why)),
    };
    // By S3's own clock, both.
    let age_s = document.read_at.as_second().saturating_sub(document.written_at.as_second());
    let is_ours = request_of(&found.writer) == request_of(&mark.writer);
    if !is_ours && age_s <= RUN_S_MAX {
        return Ok(Marked::Theirs);
    }
    Ok(match ports.replace(&key, &document.etag, text(&key, mark)?).await? {
        Written::New(etag) => Marked::Ours(etag),
        Written::Conflict => Marked::Theirs,
    })
}

/// Takes this run's mark away, so that the backup counts as it did. One that another run has taken over
/// meanwhile is left to it.
///
/// # Errors
/// The vault's fault: the backup may still be marked, and the next run looks after it.
pub(super) async fn give_back<P: Vault + Deletion>(
    ports: &P,
    system: &SystemName,
    slot: Slot,
    etag: &str,
) -> Result<(), Fault> {
    let key = vault::pruned(system, slot);
    match ports.facts(&key, None).await? {
        Seen::Here(facts) if facts.etag == etag => {
            let _done_or_taken_over_or_not_allowed = ports.delete(&key, &facts).await?;
            Ok(())
        }
        Seen::Here(_) | Seen::Absent => Ok(()),
        Seen::Unknown(why) => Err(documents::unread(&key, why)),
    }
}

fn text(key: &str, mark: &Mark) -> Result<Bytes, Fault> {
    serde_json::to_vec_pretty(mark).map(Bytes::from).map_err(|cause| {
        Fault::new(Hope::Permanent, "writing", key, cause.to_string()).because(cause)
    })
}
