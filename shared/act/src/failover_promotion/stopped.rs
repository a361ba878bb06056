//! Telling that a failover cannot go on as it is: once for each reason in each state of its journal, and
//! not with every tick that meets it.

use warmspare_decide::failover::{STOPPED_FORMAT, Stopped};
use warmspare_decide::journal::Progress;
use warmspare_decide::name::SystemName;
use warmspare_decide::outcome::Happening;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;

use crate::documents;

use super::{World, announce};

/// Tells it if nobody was told. It is recorded only when it was told, and what is not known to be told is
/// told: a run that dies in between, or two at once, tell it twice, and not never.
pub(super) async fn tell<P: World>(
    ports: &P,
    system: &SystemName,
    progress: &Progress,
    why: &Refusal,
) {
    let stopped = Stopped {
        format: STOPPED_FORMAT,
        system: system.clone(),
        term: progress.term,
        n: progress.entries,
        at: ports.now(),
        why: why.clone(),
    };
    let key = stopped.key();
    if matches!(ports.read(&key).await, Ok(Seen::Here(_))) {
        return;
    }
    let (happening, term) = (Happening::FailoverFailed, Some(progress.term));
    if announce(ports, system, happening, term, "refused", why.to_string()).await
        && let Err(fault) = documents::create_json(ports, &key, &stopped).await
    {
        tracing::warn!("that people were told was not kept, so they are told again: {fault}");
    }
}
