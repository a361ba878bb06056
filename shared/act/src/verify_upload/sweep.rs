//! Reads proven backups again, every day the newest of each system and some of the older ones: what
//! does not verify any more is rejected, and counts no longer; what cannot be read today is told. What was
//! stored and never got a verdict, because its own verification died, gets one.
//!
//! It also frees what a killed upload has left. It is woken every hour and does what is left of the day, so
//! that a run that dies or runs out of time costs an hour. What was read again has a receipt of its own with the day in its name.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use warmspare_decide::manifest::{Checked, Manifest};
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::sweep;
use warmspare_decide::vault;
use warmspare_decide::verify::{self, Verdict};

use super::artifacts::Proof;
use super::{Verification, latest, leftovers, watch};
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::ports::{Bus, Clock, Dumps, Keys, Standing, Uploads, Vault};

/// No backup is begun with less time left, in seconds.
const LEFT_S_MIN: u64 = 60;

/// How it ended with one backup.
enum Read {
    /// It is equal still.
    Equal,
    /// It is not, and is rejected now.
    Rejected,
    /// It is being pruned, and nobody's concern.
    Pruned,
    /// Some of it is equal, and the next sweep reads the rest.
    Begun,
}

/// Reads what is due of one system, or of every one.
///
/// # Errors
/// The first fault that was met, once everything else was tried: a backup that could not be read today
/// is no use today, and the alarm says so (FV6).
pub(super) async fn sweep<P>(ports: &P, system: Option<SystemName>) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Uploads + Standing + Keys + Dumps + Bus,
{
    let run_s = ports.left_s();
    let (freed, mut first_fault) = match leftovers::abort(ports, system.as_ref()).await {
        Ok(freed) => (freed, None),
        Err(fault) => (0, Some(fault)),
    };
    let today = ports.now().to_zoned(TimeZone::UTC).date();
    let systems = match system {
        Some(system) => vec![system],
        None => {
            let plans = ports.list(vault::ALL_PLANS).await?;
            plans.iter().filter_map(|key| vault::system_of_plan(key)).collect()
        }
    };
    let watched = watch::look(ports, &systems).await;
    first_fault = first_fault.or(watched.fault);
    let systems = sweep::in_turn(systems, ports.now());
    let mut sweeping = Sweeping {
        ports,
        run_s,
        today,
        is_replicated: watched.is_replicated,
        tally: BTreeMap::new(),
        first_fault,
    };
    // What was proven comes first, of every system: it is so much a day. What has no verdict may take all of
    // each run.
    let mut is_whole = true;
    for system in &systems {
        is_whole = is_whole && sweeping.read_again(system).await?;
    }
    for system in &systems {
        is_whole = is_whole && sweeping.judge(system).await?;
    }
    let said = sentence(&sweeping.tally, systems.len(), freed);
    match sweeping.first_fault {
        Some(fault) => Err(fault),
        None if is_whole => Ok(Outcome::Done(said)),
        None => {
            let left_s = ports.left_s();
            Ok(Outcome::Waiting(format!("{said}; the next sweep goes on: {left_s} s are left")))
        }
    }
}

/// One sweep, and what came of it so far.
struct Sweeping<'a, P> {
    ports: &'a P,
    /// What the run had when it began, in seconds.
    run_s: u64,
    today: Date,
    is_replicated: Seen<()>,
    tally: BTreeMap<&'static str, u32>,
    first_fault: Option<Fault>,
}

impl<'a, P> Sweeping<'a, P>
where
    P: Clock + Vault + Uploads + Standing + Keys + Dumps + Bus,
{
    fn count(&mut self, word: &'static str) {
        *self.tally.entry(word).or_default() += 1;
    }

    fn of(&self, system: &SystemName, slot: Slot) -> Verification<'a, P> {
        Verification { ports: self.ports, system: system.clone(), slot }
    }

    async fn list(&mut self, prefix: &str) -> Option<Vec<String>> {
        match self.ports.list(prefix).await {
            Ok(keys) => Some(keys),
            Err(fault) => {
                self.first_fault.get_or_insert(fault);
                None
            }
        }
    }

    /// Reads again what is due of one system. Whether there was time for all of it.
    async fn read_again(&mut self, system: &SystemName) -> Result<bool, Fault> {
        let Some(receipts) = self.list(&vault::receipts(system)).await else { return Ok(true) };
        let newest = vault::newest_proven(&receipts);
        for slot in sweep::due(&receipts, self.today) {
            if self.ports.left_s() < LEFT_S_MIN {
                return Ok(false);
            }
            let verification = self.of(system, slot);
            let is_newest = newest == Some(slot);
            match verification.reread(self.today, is_newest, &self.is_replicated).await {
                Ok(Read::Equal) => self.count("equal"),
                Ok(Read::Rejected) => self.count("rejected"),
                Ok(Read::Pruned) => self.count("being pruned"),
                Ok(Read::Begun) => self.count("to be gone on with"),
                Err(fault) => {
                    // What may be better in a minute is tried again before anybody is told.
                    if fault.hope == Hope::Permanent {
                        let how = "was verified, and cannot be read today";
                        verification.unreadable(how, &fault).await?;
                    }
                    self.first_fault.get_or_insert(fault);
                    self.count("not readable today");
                }
            }
        }
        Ok(true)
    }

    /// Goes on with what has no end, and verifies what has no verdict, of one system. Whether there was time
    /// for all of it.
    async fn judge(&mut self, system: &SystemName) -> Result<bool, Fault> {
        let Some(receipts) = self.list(&vault::receipts(system)).await else { return Ok(true) };
        let unended = sweep::unended(&receipts);
        let stored = self.list(&vault::backups(system)).await.unwrap_or_default();
        let unjudged = sweep::unjudged(&stored, &receipts, self.ports.now());
        let others = unjudged.into_iter().filter(|slot| !unended.contains(slot));
        let others: Vec<(Slot, bool)> = others.map(|slot| (slot, true)).collect();
        for (slot, has_died) in unended.iter().map(|slot| (*slot, false)).chain(others) {
            if self.ports.left_s() < LEFT_S_MIN {
                return Ok(false);
            }
            let verification = self.of(system, slot);
            if has_died && verification.is_young().await {
                continue;
            }
            match verification.run().await {
                Ok(Outcome::Refused(refusal)) if sweep::is_final(&refusal, self.run_s) => {
                    verification.too_long(refusal, self.run_s).await?;
                    self.count("too long for any run");
                }
                Ok(Outcome::Refused(Refusal::DoesNotFit { .. })) => {
                    self.count("too long for the rest of this run");
                }
                Ok(Outcome::Refused(_)) => self.count("refused"),
                Ok(Outcome::Done(_) | Outcome::Waiting(_)) if has_died => self.count("judged late"),
                Ok(Outcome::Done(_) | Outcome::Waiting(_)) => self.count("gone on with"),
                Err(fault) => drop(self.first_fault.get_or_insert(fault)),
            }
        }
        Ok(true)
    }
}

fn sentence(tally: &BTreeMap<&'static str, u32>, systems: usize, freed: usize) -> String {
    let freed = match freed {
        0 => String::new(),
        _ => format!("; {freed} upload(s) that a killed run had left were aborted"),
    };
    if tally.is_empty() {
        return format!("nothing of {systems} system(s) is left to be read again today{freed}");
    }
    let all: u32 = tally.values().sum();
    let words: Vec<String> = tally.iter().map(|(word, count)| format!("{count} {word}")).collect();
    format!("{all} backup(s) of {systems} system(s) were read again: {}{freed}", words.join(", "))
}

impl<P: Clock + Vault + Standing + Keys + Dumps + Bus> Verification<'_, P> {
    /// Whether its manifest came so late that its own event may be at work still. One that cannot be seen is
    /// not young: the verification says what is with it.
    async fn is_young(&self) -> bool {
        let facts = self.ports.facts(&vault::manifest(&self.system, self.slot), None).await;
        match facts {
            Ok(Seen::Here(facts)) => {
                let now = self.ports.now();
                facts.written_at.is_some_and(|at| !sweep::is_settled(at, now))
            }
            Ok(Seen::Absent | Seen::Unknown(_)) | Err(_) => false,
        }
    }

    /// Of the newest backup, a day's share of what its inventories list is read again too.
    async fn reread(
        &self,
        today: Date,
        is_newest: bool,
        is_replicated: &Seen<()>,
    ) -> Result<Read, Fault> {
        let Some(manifest) = self.manifest().await? else {
            return match self.pruned().await? {
                Some(_) => Ok(Read::Pruned),
                None => self.manifest_is_gone().await,
            };
        };
        // Before any finding: a key that is disabled is not what the backup is to be rejected for. It may
        // be enabled again, and then everything is as it was. One that is gone is a finding of the verdict.
        if let Some(key_arn) = &manifest.key_arn {
            let key = self.ports.key(key_arn).await?;
            if let Seen::Unknown(why) = key {
                return Err(self.cannot(Hope::Retryable, why));
            }
            if let Some(clause) = verify::outage(&key) {
                return Err(self.cannot(Hope::Permanent, format!("its key {key_arn} {clause}")));
            }
        }
        let (verdict, looks) = self.verdict(&manifest, Some(today)).await;
        match verdict {
            Verdict::Proven(mut objects) => {
                match self.look_for_artifacts(&manifest, is_newest).await? {
                    Proof::Whole => {}
                    Proof::Wrong(checked) => {
                        objects.push(checked);
                        return self.demote(objects).await;
                    }
                    Proof::Waiting(why) => return Err(self.cannot(Hope::Retryable, why)),
                }
                let key = vault::swept(&self.system, self.slot, today);
                let suspicions = self.without_replica(&manifest, is_replicated).await?;
                let receipt = self.receipt_of(true, objects, suspicions);
                // Told first: once the receipt is there, no sweep of today comes back to this backup.
                self.tell_suspicions(&receipt).await?;
                // What is too large for `latest/` stays ahead of it, however often it is told.
                let copy_bytes_max = self.ports.copy_bytes_max();
                let is_copied = verify::too_large_for_latest(&manifest, copy_bytes_max).is_none();
                if is_newest && is_copied && latest::is_behind(self.ports, &manifest).await? {
                    self.tell_again(&manifest).await?;
                }
                let _new_or_there = documents::create_json(self.ports, &key, &receipt).await?;
                Ok(Read::Equal)
            }
            Verdict::Rejected(objects) => self.demote(objects).await,
            // It was taken away since it was looked at above.
            Verdict::Unreadable(why) => Err(self.cannot(Hope::Permanent, why)),
            Verdict::NotKnown(_) if looks.is_over && looks.recorded > 0 => Ok(Read::Begun),
            Verdict::NotKnown(why) => {
                let fault = looks.first_fault;
                let fault = fault.unwrap_or_else(|| self.cannot(Hope::Retryable, why));
                Err(if fault.refusal.is_some() { fault.may_pass() } else { fault })
            }
        }
    }

    /// The run that proved it may have died before it told so, and `latest/` moves after that.
    async fn tell_again(&self, manifest: &Manifest) -> Result<(), Fault> {
        if let Some(receipt) = self.receipt(&vault::verified(&self.system, self.slot)).await? {
            // A comparison that was begun is ended by the sweep anyway.
            self.verified(manifest, &receipt, "was verified before", Ok(Vec::new())).await?;
        }
        Ok(())
    }

    async fn manifest_is_gone(&self) -> Result<Read, Fault> {
        let key = vault::manifest(&self.system, self.slot);
        let findings = vec!["it was verified, and is not there any more".to_owned()];
        self.demote(vec![Checked::new(key, findings)]).await
    }

    /// Rejects a backup that was proven: the receipt against it outweighs the one for it.
    async fn demote(&self, objects: Vec<Checked>) -> Result<Read, Fault> {
        // What prune-backups takes away is missed by this run, and by nobody else.
        if self.pruned().await?.is_some() {
            return Ok(Read::Pruned);
        }
        // Told first: once the receipt is there, no sweep comes back to this backup, and a run that dies
        // between the two would leave it demoted in silence.
        let receipt = self.receipt_of(false, objects, Vec::new());
        self.rejected(&receipt, "does not verify any more").await?;
        let _theirs_says_the_same = self.write(&receipt, None).await?;
        Ok(Read::Rejected)
    }

    fn cannot(&self, hope: Hope, why: String) -> Fault {
        Fault::new(hope, "reading again", self.name(), why)
    }
}
