//! What is told of a backup, and of why there is none.

use jiff::Timestamp;
use warmspare_decide::manifest::Manifest;
use warmspare_decide::name::{Slot, SystemName};
use warmspare_decide::outcome::{self, Announcement, Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::vault;

use crate::fault::Fault;
use crate::ports::{Bus, Clock};

pub(super) async fn stored<P: Bus>(
    ports: &P,
    manifest: &Manifest,
    how: &str,
) -> Result<Outcome, Fault> {
    let Manifest { system, slot, .. } = manifest;
    let bytes: u64 = manifest.objects.iter().map(|stored| stored.sums.size_bytes).sum();
    let listed = manifest.objects.iter().filter_map(|stored| stored.inventory.as_ref());
    let listed: Vec<String> = listed
        .map(|totals| format!(", with {} artifact(s), {} bytes", totals.objects, totals.size_bytes))
        .collect();
    let count = manifest.objects.len();
    let warned: String = manifest.warnings().iter().map(|clause| format!("; {clause}")).collect();
    let what = format!("{count} object(s), {bytes} bytes{}{warned}", listed.concat());
    let reason = format!("backup {slot} of {system} is stored: {what}");
    let happening = Happening::BackupStored;
    let announcement = announcement(happening, system, Some(*slot), reason, manifest.stored_at);
    let links = vec![vault::manifest(system, *slot)];
    ports.announce(&Announcement { links, ..announcement }).await?;
    Ok(Outcome::Done(format!("backup {slot} of {system} {how}: {what}")))
}

pub(super) async fn refuse<P: Clock + Bus>(
    ports: &P,
    system: &SystemName,
    slot: Option<Slot>,
    refusal: Refusal,
) -> Result<Outcome, Fault> {
    let (happening, reason) = (Happening::BackupRefused, refusal.to_string());
    ports.announce(&announcement(happening, system, slot, reason, ports.now())).await?;
    Ok(Outcome::Refused(refusal))
}

fn announcement(
    happening: Happening,
    system: &SystemName,
    slot: Option<Slot>,
    reason: String,
    at: Timestamp,
) -> Announcement {
    let outcome = if happening == Happening::BackupStored { "done" } else { "refused" };
    Announcement {
        format: outcome::FORMAT,
        happening,
        system: system.clone(),
        outcome: outcome.to_owned(),
        reason,
        slot,
        term: None,
        at,
        links: Vec::new(),
    }
}
