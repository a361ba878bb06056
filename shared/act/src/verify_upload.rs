//! Proves a backup, or rejects it: holds what S3 and KMS say against the manifest, reads every
//! object back as the role that will restore, writes the receipt, and only then moves `latest/`.
//!
//! A receipt is written once. A look that failed leaves no receipt: the event is tried again.

mod artifacts;
mod latest;
mod leftovers;
mod looks;
mod replicas;
mod skew;
mod sweep;
mod too_long;
mod tripwires;
mod watch;

use jiff::civil::Date;
use warmspare_decide::lock::Lock;
use warmspare_decide::manifest::{Checked, Manifest, Receipt};
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::outcome::{self, Announcement, Happening, Outcome};
use warmspare_decide::prune::Mark;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault::{self, Located};
use warmspare_decide::verify::{self, Verdict};

use crate::documents::{self, Created};
use crate::fault::{Fault, Hope};
use crate::ports::{Bus, Clock, Dumps, Keys, Standing, Uploads, Vault};
use artifacts::Proof;
use looks::Looks;
use skew::Begun;

/// The most findings that an announcement repeats; the receipt has all of them.
const FINDINGS_SHOWN_MAX: usize = 5;

/// Answers one event.
///
/// # Errors
/// Retryable: not everything could be seen or read, and nothing is certainly wrong. Permanent: the
/// manifest cannot be read as one, so the backup is neither proven nor rejected, and never counts.
pub async fn answer<P>(ports: &P, event: &[u8]) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Uploads + Standing + Keys + Dumps + Bus,
{
    let run_s = ports.left_s();
    match read(event) {
        Ok(Asked::Backup(system, slot)) => {
            let verification = Verification { ports, system, slot };
            match verification.run().await? {
                Outcome::Refused(refusal @ Refusal::DoesNotFit { .. }) => {
                    verification.too_long(refusal, run_s).await
                }
                outcome @ (Outcome::Done(_) | Outcome::Waiting(_) | Outcome::Refused(_)) => {
                    Ok(outcome)
                }
            }
        }
        Ok(Asked::Sweep(system)) => sweep::sweep(ports, system).await,
        Ok(Asked::Nothing(key)) => {
            Ok(Outcome::Done(format!("{key} is no manifest, so there is nothing to verify")))
        }
        Err(refusal) => Ok(Outcome::Refused(refusal)),
    }
}

enum Asked {
    Backup(SystemName, Slot),
    /// What is due to be read again, of this system only.
    Sweep(Option<SystemName>),
    /// Another key of the vault was written.
    Nothing(String),
}

fn read(event: &[u8]) -> Result<Asked, Refusal> {
    let event = documents::event(event)?;
    if event.get("source").is_none() {
        documents::only(&event, &["action", "system", "slot", "reason"])?;
        let allowed = "verify or sweep";
        return match documents::text(&event, "action", allowed)? {
            "verify" => Ok(Asked::Backup(documents::system(&event)?, documents::slot(&event)?)),
            "sweep" if event.get("slot").is_some() => {
                let found = documents::slot(&event)?.to_string();
                Err(documents::wrong("slot", &found, "left out: a sweep finds what is due"))
            }
            "sweep" if event.get("system").is_none() => Ok(Asked::Sweep(None)),
            "sweep" => Ok(Asked::Sweep(Some(documents::system(&event)?))),
            other => Err(documents::wrong("action", other, allowed)),
        };
    }
    // The event may name a version. What counts is what is there now: names are written once, and a
    // version that came later is a finding.
    let key = documents::object_created(&event)?;
    match Located::parse(key) {
        Some(Located::Manifest(system, slot)) => Ok(Asked::Backup(system, slot)),
        Some(
            Located::Object(..)
            | Located::Verified(..)
            | Located::ExportIntended(..)
            | Located::Exported(..)
            | Located::Entry(..),
        ) => Ok(Asked::Nothing(key.to_owned())),
        None if vault::is_ours(key) => Ok(Asked::Nothing(key.to_owned())),
        None => Err(documents::wrong("detail.object.key", key, "a key of the vault's layout")),
    }
}

/// The verification of one backup.
struct Verification<'a, P> {
    ports: &'a P,
    system: SystemName,
    slot: Slot,
}

impl<P: Clock + Vault + Keys + Dumps + Bus> Verification<'_, P> {
    /// The verdict on it. What keeps it from one, and will not pass by itself, is told as well: no backup is
    /// without a verdict in silence, and none is rejected for what somebody may mend (FV4, FV6).
    async fn run(&self) -> Result<Outcome, Fault> {
        let outcome = self.judge().await;
        if let Err(fault) = &outcome
            && fault.hope == Hope::Permanent
        {
            self.unreadable("cannot be verified", fault).await?;
        }
        outcome
    }

    async fn judge(&self) -> Result<Outcome, Fault> {
        // A rejection outweighs a proof: whichever run wrote it saw something that is certainly
        // wrong.
        if let Some(receipt) = self.receipt(&vault::rejected(&self.system, self.slot)).await? {
            return self.rejected(&receipt, "was rejected before").await;
        }
        // What is being deleted is not proven any more, and not rejected for what is missing.
        if let Some(mark) = self.pruned().await? {
            let (name, cause) = (self.name(), mark.cause);
            return Ok(Outcome::Done(format!("{name} was pruned before it was verified: {cause}")));
        }
        let verified = self.receipt(&vault::verified(&self.system, self.slot)).await?;
        let Some(manifest) = self.manifest().await? else {
            return Ok(Outcome::Refused(Refusal::NoBackup {
                slot: self.slot,
                key: vault::manifest(&self.system, self.slot),
            }));
        };
        if let Some(receipt) = verified {
            let begun = self.begin_comparisons(&manifest).await;
            return self.verified(&manifest, &receipt, "was verified before", begun).await;
        }
        let (verdict, looks) = self.verdict(&manifest, None).await;
        match verdict {
            Verdict::Proven(mut objects) => {
                match self.prove_artifacts(&manifest, &mut objects).await? {
                    Proof::Whole => self.prove(&manifest, objects).await,
                    Proof::Wrong(checked) => {
                        objects.push(checked);
                        self.reject(objects).await
                    }
                    Proof::Waiting(why) => Ok(Outcome::Waiting(why)),
                }
            }
            Verdict::Rejected(objects) => self.reject(objects).await,
            Verdict::Unreadable(why) => {
                Err(Fault::new(Hope::Permanent, "reading", self.name(), why))
            }
            Verdict::NotKnown(why) => self.not_known(why, looks),
        }
    }

    /// A run that has read something back goes on later from there. One that had all of its time for one
    /// object, and was not over, would meet the same again.
    fn not_known(&self, why: String, looks: Looks) -> Result<Outcome, Fault> {
        if looks.is_over && looks.recorded > 0 {
            let (name, recorded) = (self.name(), looks.recorded);
            return Ok(Outcome::Waiting(format!(
                "{recorded} object(s) of {name} are read back and equal, and the sweep goes on: {why}"
            )));
        }
        let unknown = || Fault::new(Hope::Retryable, "verifying", self.name(), why);
        let fault = looks.first_fault.unwrap_or_else(unknown);
        match fault.refusal {
            Some(refusal) => Ok(Outcome::Refused(*refusal)),
            None => Err(fault),
        }
    }

    async fn prove(&self, manifest: &Manifest, objects: Vec<Checked>) -> Result<Outcome, Fault> {
        let suspicions = self.suspicions(&objects).await?;
        let receipt = self.receipt_of(true, objects, suspicions);
        // Begun before the receipt, so that the sweep finds what a run that dies after it has not compared.
        let begun = self.begin_comparisons(manifest).await;
        match self.write(&receipt, manifest.lock.as_ref()).await? {
            None => self.verified(manifest, &receipt, "is verified", begun).await,
            Some(theirs) => self.verified(manifest, &theirs, "was verified before", begun).await,
        }
    }

    async fn verified(
        &self,
        manifest: &Manifest,
        receipt: &Receipt,
        how: &str,
        begun: Result<Vec<Begun<'_>>, Fault>,
    ) -> Result<Outcome, Fault> {
        self.tell_suspicions(receipt).await?;
        let count = manifest.objects.len();
        let listed = manifest.objects.iter().filter_map(|stored| stored.inventory.as_ref());
        let artifacts = match listed.map(|totals| totals.objects).sum::<u64>() {
            0 => String::new(),
            all => format!(", and so are {all} artifact(s), for this backup or an earlier one"),
        };
        let left = verify::too_large_for_latest(manifest, self.ports.copy_bytes_max());
        let and_left = left.as_ref().map_or_else(String::new, |left| format!("; {left}"));
        let reason = format!(
            "{} is verified: {count} object(s) were read back as {} and are equal{artifacts}{and_left}",
            self.name(),
            receipt.read_as
        );
        // Told before `latest/` moves: that a backup counts does not depend on a copy of it.
        self.tell(Happening::BackupVerified, receipt, reason).await?;
        let moved = match left {
            Some(left) => left,
            None => latest::advance(self.ports, manifest).await?,
        };
        // It counts by now. What fails here is tried again, and says nothing against it.
        let compared = match begun {
            Ok(begun) => self.compare(begun).await,
            Err(fault) => Err(fault),
        };
        let compared = compared.map_err(|fault| Fault { hope: Hope::Retryable, ..fault })?;
        Ok(Outcome::Done(format!("{} {how}: {count} object(s); {moved}{compared}", self.name())))
    }
}

impl<P: Clock + Vault + Keys + Bus> Verification<'_, P> {
    async fn reject(&self, objects: Vec<Checked>) -> Result<Outcome, Fault> {
        let receipt = self.receipt_of(false, objects, Vec::new());
        match self.write(&receipt, None).await? {
            None => self.rejected(&receipt, "is rejected").await,
            Some(theirs) => self.rejected(&theirs, "was rejected before").await,
        }
    }

    /// The verdict, and what was met on the way to it. Nothing is read back when what was seen is enough to
    /// reject.
    async fn verdict(&self, manifest: &Manifest, again_on: Option<Date>) -> (Verdict, Looks) {
        let mut looks = Looks::default();
        let mut view = looks.view(self.ports, &self.system, self.slot, manifest).await;
        let verdict = verify::verdict(&view);
        if matches!(verdict, Verdict::Rejected(_) | Verdict::Unreadable(_)) {
            return (verdict, looks);
        }
        for (seen, stored) in view.objects.iter_mut().zip(&manifest.objects) {
            seen.read = looks.read_back(self, stored, again_on).await;
        }
        (looks.measured(verify::verdict(&view)), looks)
    }

    /// The manifest, if there is one. One that cannot be read leaves the backup unverifiable, which
    /// is not the same as rejected (FV4): it may be of a later format, and right.
    async fn manifest(&self) -> Result<Option<Manifest>, Fault> {
        let key = vault::manifest(&self.system, self.slot);
        let document = match self.ports.read(&key).await? {
            Seen::Here(document) => document,
            Seen::Absent => return Ok(None),
            Seen::Unknown(why) => return Err(documents::unread(&key, why)),
        };
        match looks::changed(self.ports, &key, &document).await? {
            Some(why) => Err(Fault::new(Hope::Permanent, "reading", &key, why)),
            None => documents::parse_json(&key, &document.body).map(Some),
        }
    }

    /// Tells that nothing can be said of a backup today, whatever will be tomorrow.
    async fn unreadable(&self, how: &str, fault: &Fault) -> Result<(), Fault> {
        let reason = format!("{} {how}: {fault}", self.name());
        let announcement = self.announcement(Happening::BackupRejected, "failed", reason);
        let links = vec![vault::manifest(&self.system, self.slot)];
        self.ports.announce(&Announcement { links, ..announcement }).await
    }

    async fn receipt(&self, key: &str) -> Result<Option<Receipt>, Fault> {
        match documents::read_json::<Receipt, P>(self.ports, key).await? {
            Seen::Here((receipt, _)) => Ok(Some(receipt)),
            Seen::Absent => Ok(None),
            Seen::Unknown(why) => Err(documents::unread(key, why)),
        }
    }

    async fn pruned(&self) -> Result<Option<Mark>, Fault> {
        let key = vault::pruned(&self.system, self.slot);
        match documents::read_json::<Mark, P>(self.ports, &key).await? {
            Seen::Here((mark, _)) => Ok(Some(mark)),
            Seen::Absent => Ok(None),
            Seen::Unknown(why) => Err(documents::unread(&key, why)),
        }
    }

    fn receipt_of(
        &self,
        verified: bool,
        objects: Vec<Checked>,
        suspicions: Vec<String>,
    ) -> Receipt {
        Receipt {
            format: Receipt::format_of(&objects, &suspicions),
            system: self.system.clone(),
            slot: self.slot,
            verified,
            at: self.ports.now(),
            read_as: self.ports.recovery_role(),
            objects,
            suspicions,
        }
    }

    /// Writes a receipt, that of a proof under the lock of its backup while that holds; gives the one that
    /// another run has written before, which then counts.
    async fn write(
        &self,
        receipt: &Receipt,
        lock: Option<&Lock>,
    ) -> Result<Option<Receipt>, Fault> {
        let place = self.place(receipt);
        // A backup may be proven later than its lock ends: its key was away.
        let lock = lock.filter(|lock| lock.is_ahead(self.ports.now()));
        match documents::create_json_under(self.ports, &place, receipt, lock).await? {
            Created::New | Created::Ours => Ok(None),
            Created::Theirs(theirs) => Ok(Some(theirs)),
        }
    }

    fn place(&self, receipt: &Receipt) -> String {
        if receipt.verified {
            vault::verified(&self.system, self.slot)
        } else {
            vault::rejected(&self.system, self.slot)
        }
    }

    async fn rejected(&self, receipt: &Receipt, how: &str) -> Result<Outcome, Fault> {
        let findings = findings(receipt);
        let reason = format!("{} is rejected: {findings}", self.name());
        self.tell(Happening::BackupRejected, receipt, reason).await?;
        Ok(Outcome::Done(format!("{} {how}: {findings}", self.name())))
    }

    /// Announces a receipt, by what it says alone: told again, it is the same word for word.
    async fn tell(
        &self,
        happening: Happening,
        receipt: &Receipt,
        reason: String,
    ) -> Result<(), Fault> {
        let announcement = self.announcement(happening, "done", reason);
        let links = vec![self.place(receipt), vault::manifest(&self.system, self.slot)];
        self.ports.announce(&Announcement { at: receipt.at, links, ..announcement }).await
    }

    fn announcement(&self, happening: Happening, outcome: &str, reason: String) -> Announcement {
        Announcement {
            format: outcome::FORMAT,
            happening,
            system: self.system.clone(),
            outcome: outcome.to_owned(),
            reason,
            slot: Some(self.slot),
            term: None,
            at: self.ports.now(),
            links: Vec::new(),
        }
    }

    fn name(&self) -> String {
        format!("backup {} of {}", self.slot, self.system)
    }
}

fn findings(receipt: &Receipt) -> String {
    let all: Vec<String> = receipt
        .objects
        .iter()
        .flat_map(|checked| {
            checked.findings.iter().map(|finding| format!("{}: {finding}", checked.key))
        })
        .collect();
    let shown: Vec<&str> = all.iter().take(FINDINGS_SHOWN_MAX).map(String::as_str).collect();
    let more = match all.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!("; and {more} more in the receipt"),
    };
    format!("{} finding(s): {}{more}", all.len(), shown.join("; "))
}
