//! Telling once what is met anew with every tick: that a failover cannot go on as it is, for each reason in
//! each state of its journal, and that one which goes on takes longer than was agreed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use warmspare_decide::failover::{Late, STOPPED_FORMAT, Stopped, late};
use warmspare_decide::journal::Progress;
use warmspare_decide::outcome::Happening;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;

use crate::documents::{self, Stored};

use super::{Subject, World, announce};

/// It cannot go on as it is.
pub(super) async fn stopped<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    why: &Refusal,
) {
    let stopped = Stopped {
        format: STOPPED_FORMAT,
        system: subject.system.clone(),
        term: progress.term,
        n: progress.entries,
        at: ports.now(),
        why: why.clone(),
    };
    let said = (Happening::FailoverFailed, "refused", why.to_string());
    once(ports, subject, progress, &stopped.key(), &stopped, said).await;
}

/// It waits, and may be over its time.
pub(super) async fn waiting<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    waiting_for: &str,
) {
    let Some(late) = late(&subject.plan, progress, ports.now(), waiting_for) else { return };
    let said = (Happening::FailoverLate, "waiting", late.to_string());
    once::<Late, P>(ports, subject, progress, &late.key(), &late, said).await;
}

/// Tells it if nobody was told. It is recorded only when it was told, and what is not known to be told is
/// told: a run that dies in between, or two at once, tell it twice, and not never.
async fn once<T, P>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    key: &str,
    record: &T,
    (happening, outcome, sentence): (Happening, &'static str, String),
) where
    T: Stored + Serialize + DeserializeOwned + Clone + PartialEq,
    P: World,
{
    if matches!(ports.read(key).await, Ok(Seen::Here(_))) {
        return;
    }
    let term = Some(progress.term);
    if announce(ports, &subject.system, happening, term, outcome, sentence).await
        && let Err(fault) = documents::create_json(ports, key, record).await
    {
        tracing::warn!("that people were told was not kept, so they are told again: {fault}");
    }
}
