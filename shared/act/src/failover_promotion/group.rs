//! Moving the records of a group together. What this adds to a failover is a wait of seconds and an
//! exchange of offers in the vault; whatever goes wrong with them, each system moves its own records.
//!
//! A system offers its batch while it sees its new site healthy, and renews the offer with every look.
//! The first by name of those that offer gathers for a few seconds, merges what is fresh, submits, and
//! writes down whose records each change moved. The others find themselves there, and follow that
//! change. One that is not found waits no longer than [`PATIENCE_S`], takes its offer back, and goes
//! alone. Two that merge at once do no harm: every part is a compare-and-swap.

use std::collections::BTreeMap;

use warmspare_decide::dns::{self, Change};
use warmspare_decide::failover::not_healthy;
use warmspare_decide::group::{
    FORMAT, FRESH_S_MAX, GATHER_S, Merged, Moved, Offer, PATIENCE_S, merge, merges, window,
};
use warmspare_decide::journal::Progress;
use warmspare_decide::name::{GroupName, SystemName};
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents::{create_json, read_json};
use crate::fault::{Fault, Hope};
use crate::ports::Written;
use crate::signals;

use super::records::{self, Moves};
use super::{Subject, World};

/// Between two looks, in seconds.
const LOOK_EVERY_S: u64 = 3;
/// Nobody waits for others with less time left, in seconds.
const LEFT_S_MIN: u64 = 20;
/// An upper bound of looks, so that a clock that stands still cannot spin.
const LOOKS_MAX: u32 = 40;
/// An upper bound of the requests of one merging run: halving 1,000 parts with several that do not
/// match needs fewer.
const BATCHES_MAX: u32 = 100;

/// A member of a group, on its way.
struct Member<'a> {
    group: &'a GroupName,
    system: &'a SystemName,
    progress: &'a Progress,
    batch: &'a [Change],
    /// In which window it has offered, and the ETag of the offer.
    offered: Option<(i64, String)>,
    /// The window in which it began to wait.
    first_window: i64,
    /// What was moved together, by key.
    moved: BTreeMap<String, Moved>,
}

/// Submits these changes together with those of the group, if the plan has one; else alone. Answers
/// with why it is to be tried again, if it is.
///
/// # Errors
/// As [`records::submit`].
pub(super) async fn submit<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    batch: &[Change],
    moves: &mut Moves,
) -> Result<Option<String>, Fault> {
    let Some(group) = subject.plan.group.as_ref().filter(|_| !dns::is_touch(batch)) else {
        return records::submit(ports, batch, moves).await;
    };
    let first_window = window(ports.now());
    let mut member = Member {
        group,
        system: &subject.system,
        progress,
        batch,
        offered: None,
        first_window,
        moved: BTreeMap::new(),
    };
    let waited = wait_for_others(ports, subject, &mut member, moves).await;
    match waited {
        Waited::Moved => Ok(None),
        Waited::Again(why) => Ok(Some(why)),
        Waited::Alone(why) => {
            if let Some(why) = why {
                tracing::info!("{} moves its records alone: {why}", subject.system);
            }
            member.offer(ports, true).await;
            records::submit(ports, batch, moves).await
        }
    }
}

enum Waited {
    /// The records were submitted, with those of others.
    Moved,
    /// They were not, and are looked at again.
    Again(String),
    /// Nobody has taken them along.
    Alone(Option<String>),
}

async fn wait_for_others<P: World>(
    ports: &P,
    subject: &Subject,
    member: &mut Member<'_>,
    moves: &mut Moves,
) -> Waited {
    let new = subject.plan.other(&member.progress.opened.from);
    let began_s = ports.now().as_second();
    for _look in 0..LOOKS_MAX {
        let signals = signals::of_new_site(ports, &subject.plan, new).await;
        if let Some(why) = not_healthy(&signals) {
            member.offer(ports, true).await;
            return Waited::Again(format!("the new site is not healthy any more: {why}"));
        }
        let waited_s = ports.now().as_second().saturating_sub(began_s);
        let waited_s = u64::try_from(waited_s).unwrap_or(0);
        if waited_s >= PATIENCE_S || ports.left_s() < LEFT_S_MIN {
            return Waited::Alone(Some(format!("nobody took them along in {waited_s} s")));
        }
        if !member.offer(ports, false).await {
            return Waited::Alone(Some("the vault takes no offer".to_owned()));
        }
        if member.is_moved(ports, moves).await {
            return Waited::Moved;
        }
        if waited_s >= GATHER_S && member.is_first(ports).await {
            return member.submit(ports, moves).await;
        }
        ports.pause(LOOK_EVERY_S).await;
    }
    Waited::Alone(None)
}

impl Member<'_> {
    /// Offers its batch, or takes it back; false when the vault did not take it.
    async fn offer<P: World>(&mut self, ports: &P, is_withdrawn: bool) -> bool {
        let now = ports.now();
        let offer = Offer {
            format: FORMAT,
            system: self.system.clone(),
            term: self.progress.term,
            healthy_at: now,
            is_withdrawn,
            batch: self.batch.to_vec(),
        };
        let Ok(body) = serde_json::to_vec(&offer).map(bytes::Bytes::from) else { return false };
        let open = match (&self.offered, is_withdrawn) {
            // What was never offered need not be taken back.
            (None, true) => return true,
            // It is taken back where it lies.
            (Some((known, _)), true) => *known,
            (Some(_) | None, false) => window(now),
        };
        let key = vault::offer(self.group, open, self.system);
        let etag = match self.offered.take() {
            Some((known, etag)) if known == open => Some(etag),
            // Another run of this system may have offered in this window.
            Some(_) | None => match ports.read(&key).await {
                Ok(Seen::Here(document)) => Some(document.etag),
                Ok(Seen::Absent) => None,
                Ok(Seen::Unknown(_)) | Err(_) => return false,
            },
        };
        let written = match &etag {
            Some(etag) => ports.replace(&key, etag, body).await,
            None => ports.create(&key, body).await,
        };
        match written {
            Ok(Written::New(etag)) => self.offered = Some((open, etag)),
            // Another run of this system, or our own first try: it is read again with the next look.
            Ok(Written::Conflict) => {}
            Err(_) => return false,
        }
        true
    }

    /// Whether it is the first by name of those that offer in this window.
    async fn is_first<P: World>(&self, ports: &P) -> bool {
        let Some((open, _)) = &self.offered else { return false };
        let Ok(keys) = ports.list(&vault::offers(self.group, *open)).await else { return false };
        let names: Vec<SystemName> = keys
            .iter()
            .filter_map(|key| {
                SystemName::parse(key.rsplit('/').next()?.strip_suffix(".json")?).ok()
            })
            .filter(|name| !self.has_moved(name))
            .collect();
        merges(&names) == Some(self.system)
    }

    /// Whether another run has written down that it moved this system's records.
    fn has_moved(&self, system: &SystemName) -> bool {
        self.moved.values().any(|moved| moved.members.iter().any(|(known, _)| known == system))
    }

    /// Whether all of its records were moved by changes of others; it follows them from here on.
    async fn is_moved<P: World>(&mut self, ports: &P, moves: &mut Moves) -> bool {
        self.read_moved(ports).await;
        let us = (self.system.clone(), self.progress.term);
        let zones = dns::by_zone(self.batch);
        let changes: Vec<(&str, &Moved)> = zones
            .iter()
            .filter_map(|(zone, _)| {
                let ours = |moved: &&Moved| moved.zone == *zone && moved.members.contains(&us);
                self.moved.values().find(ours).map(|moved| (*zone, moved))
            })
            .collect();
        for (zone, moved) in &changes {
            moves.submitted(zone, moved.change.clone());
        }
        changes.len() == zones.len()
    }

    async fn read_moved<P: World>(&mut self, ports: &P) {
        for open in self.first_window.saturating_sub(1)..=window(ports.now()) {
            let Ok(keys) = ports.list(&vault::all_moved(self.group, open)).await else { continue };
            for key in keys {
                if !self.moved.contains_key(&key)
                    && let Ok(Seen::Here((moved, _))) = read_json::<Moved, P>(ports, &key).await
                {
                    self.moved.insert(key, moved);
                }
            }
        }
    }

    /// The offers that were renewed a moment ago, by S3's own clock: of this window, and of the one
    /// before, where those are that have not looked again since. An offer that cannot be read has no
    /// part: its system goes alone.
    async fn fresh<P: World>(&self, ports: &P) -> Vec<Offer> {
        let Some((open, _)) = &self.offered else { return Vec::new() };
        let mut offers: BTreeMap<SystemName, Offer> = BTreeMap::new();
        for window in [open.saturating_sub(1), *open] {
            let Ok(keys) = ports.list(&vault::offers(self.group, window)).await else { continue };
            for key in keys {
                let Ok(Seen::Here((offer, document))) = read_json::<Offer, P>(ports, &key).await
                else {
                    continue;
                };
                let age_s =
                    document.read_at.as_second().saturating_sub(document.written_at.as_second());
                let is_fresh = u64::try_from(age_s).unwrap_or(0) <= FRESH_S_MAX;
                if is_fresh && !self.has_moved(&offer.system) {
                    offers.insert(offer.system.clone(), offer);
                }
            }
        }
        offers.into_values().collect()
    }

    /// Merges, submits, and writes down whose records were moved.
    async fn submit<P: World>(&mut self, ports: &P, moves: &mut Moves) -> Waited {
        let mut open = merge(&self.fresh(ports).await);
        for _batch in 0..BATCHES_MAX {
            let Some(batch) = open.pop() else { break };
            match ports.change(&batch.zone, &batch.changes()).await {
                Ok(Some(change)) => self.tell(ports, &batch, change, moves).await,
                Ok(None) => open.extend(self.without_moved(ports, batch).await),
                Err(fault) if fault.hope == Hope::Permanent => {
                    return Waited::Alone(Some(fault.to_string()));
                }
                Err(fault) => {
                    let wait_s = moves.wait_s(ports);
                    ports.pause(wait_s).await;
                    return Waited::Again(fault.to_string());
                }
            }
        }
        Waited::Moved
    }

    async fn tell<P: World>(&self, ports: &P, batch: &Merged, change: String, moves: &mut Moves) {
        let (zone, members) = (batch.zone.clone(), batch.members());
        if members.contains(&(self.system.clone(), self.progress.term)) {
            moves.submitted(&zone, change.clone());
        }
        let key = vault::moved(self.group, window(ports.now()), &change);
        let moved = Moved { format: FORMAT, zone, change, members };
        if let Err(fault) = create_json(ports, &key, &moved).await {
            tracing::warn!("{fault}; each system will look for itself");
        }
    }

    /// A batch that was refused, without what another run has moved meanwhile; else halved. One part
    /// that is alone and refused is left to its own system, which says why.
    async fn without_moved<P: World>(&mut self, ports: &P, batch: Merged) -> Vec<Merged> {
        self.read_moved(ports).await;
        let mut rest = batch.clone();
        rest.parts.retain(|part| {
            let us = (part.system.clone(), part.term);
            !self
                .moved
                .values()
                .any(|moved| moved.zone == batch.zone && moved.members.contains(&us))
        });
        match (rest.parts.is_empty(), rest.parts.len() < batch.parts.len()) {
            (true, _) => Vec::new(),
            (false, true) => vec![rest],
            (false, false) => batch.halves().map(Vec::from).unwrap_or_default(),
        }
    }
}
