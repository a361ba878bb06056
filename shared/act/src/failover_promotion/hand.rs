//! What people have put into the vault for failovers: acknowledgements and pauses. They are only read
//! here, and no function may write them.

use warmspare_decide::acknowledgement::{Acknowledgement, Handed, Said};
use warmspare_decide::failover::Opened;
use warmspare_decide::maintenance::{Pause, Posted, pause_of};
use warmspare_decide::name::SystemName;
use warmspare_decide::outcome::Outcome;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents;
use crate::fault::Fault;
use crate::ports::Vault;

use super::{Subject, World};

/// The most acknowledgements that are looked at: of the newest terms, as keys are in their order.
const HANDED_MAX: usize = 64;
/// The most of what is wrong with an object that a sentence repeats, in characters.
const WHY_CHARACTERS_MAX: usize = 200;

/// Everything that lies below `acknowledgements/<system>/`, whether it can be read or not.
pub(super) async fn acknowledgements<P: Vault>(
    ports: &P,
    system: &SystemName,
) -> Seen<Vec<Handed>> {
    let keys = match ports.list(&vault::acknowledgements(system)).await {
        Ok(keys) => keys,
        Err(fault) => return Seen::Unknown(fault.to_string()),
    };
    let mut found = Vec::new();
    for key in keys.into_iter().rev().take(HANDED_MAX) {
        let (written_at, said) = match documents::read_json::<Acknowledgement, P>(ports, &key).await
        {
            Ok(Seen::Here((said, document))) => {
                (Some(document.written_at), Said::Acknowledged(said))
            }
            // Taken away since it was listed.
            Ok(Seen::Absent) => continue,
            Ok(Seen::Unknown(why)) => (None, Said::Unreadable(shown(&why))),
            Err(fault) => (None, Said::Unreadable(shown(&fault.why))),
        };
        found.push(Handed { key, written_at, said });
    }
    Seen::Here(found)
}

/// The pause of a system. One that cannot be read as a pause is not known, and not absent.
pub(super) async fn pause<P: Vault>(ports: &P, system: &SystemName) -> Seen<Posted> {
    match documents::read_json::<Pause, P>(ports, &vault::maintenance(system)).await {
        Ok(seen) => seen.map(|(pause, document)| Posted { pause, written_at: document.written_at }),
        Err(Fault { why, .. }) => Seen::Unknown(shown(&why)),
    }
}

fn shown(why: &str) -> String {
    why.chars().take(WHY_CHARACTERS_MAX).collect()
}

/// That automatic failovers are paused, for whoever asks; empty when they are not.
pub(super) async fn said_of_pause<P: World>(ports: &P, system: &SystemName) -> String {
    let found = pause(ports, system).await;
    pause_of(system, ports.now(), &found).map_or(String::new(), |why| format!("; {why}"))
}

/// What has to be said of a failover that begins: what was accepted for it, what was put there and does
/// not hold, and that it begins in spite of a pause; empty when there is nothing of the kind.
pub(super) fn said_of(subject: &Subject, opened: &Opened) -> String {
    let view = &opened.view;
    let accepted = opened.accepted.iter().map(|accepted| accepted.words());
    let not_holding = view.acknowledged(&subject.plan).not_holding();
    let not_holding = not_holding.into_iter().map(|why| format!("not accepted: {why}"));
    let paused = pause_of(&subject.system, view.now, &view.pause).map(|why| why.to_string());
    accepted.chain(not_holding).chain(paused).map(|note| format!("; {note}")).collect()
}

/// The same outcome, with what has to be said besides.
pub(super) fn noting(outcome: Outcome, note: &str) -> Outcome {
    match outcome {
        Outcome::Done(sentence) => Outcome::Done(format!("{sentence}{note}")),
        Outcome::Waiting(sentence) => Outcome::Waiting(format!("{sentence}{note}")),
        Outcome::Refused(refusal) => Outcome::Refused(refusal),
    }
}
