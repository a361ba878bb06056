//! Moves the dateless copies in `latest/` forward to a proven backup, each by compare-and-swap: a
//! run that is late loses against a newer backup, and never takes its place (seed A10).

use warmspare_decide::manifest::{Manifest, Stored};
use warmspare_decide::name::Slot;
use warmspare_decide::vault;
use warmspare_decide::verify::{self, Latest};

use crate::fault::{Fault, Hope};
use crate::ports::{Vault, Written};

/// How often a copy is looked at again after another run has changed it.
const TURNS_MAX: u32 = 5;

/// Moves every copy that is older; the sentence says how many were.
///
/// # Errors
/// The vault's fault; a retryable one when a copy could not be seen, or kept changing.
pub(super) async fn advance<P: Vault>(ports: &P, manifest: &Manifest) -> Result<String, Fault> {
    let mut moved = 0_u32;
    let mut newest = manifest.slot;
    for stored in &manifest.objects {
        match place(ports, manifest, stored).await? {
            Some(slot) => newest = newest.max(slot),
            None => moved += 1,
        }
    }
    Ok(if newest > manifest.slot {
        format!("latest/ is at {newest} and is left there")
    } else {
        format!("latest/ is at {newest}, {moved} object(s) of it moved now")
    })
}

/// Whether a copy is of an older backup, or missing.
///
/// # Errors
/// The vault's fault; a retryable one when a copy could not be seen.
pub(super) async fn is_behind<P: Vault>(ports: &P, manifest: &Manifest) -> Result<bool, Fault> {
    for stored in &manifest.objects {
        let key = vault::latest(&manifest.system, &stored.source);
        match verify::latest(manifest.slot, &ports.facts(&key, None).await?) {
            Latest::Copy { .. } => return Ok(true),
            Latest::Leave { .. } => {}
            Latest::NotKnown(why) => {
                return Err(Fault::new(Hope::Retryable, "looking at", &key, why));
            }
        }
    }
    Ok(false)
}

/// Puts one copy in its place; the slot that is there when it needs none.
async fn place<P: Vault>(
    ports: &P,
    manifest: &Manifest,
    stored: &Stored,
) -> Result<Option<Slot>, Fault> {
    let key = vault::latest(&manifest.system, &stored.source);
    let fault = |why: String| Fault::new(Hope::Retryable, "moving", &key, why);
    for _turn in 0..TURNS_MAX {
        let over = match verify::latest(manifest.slot, &ports.facts(&key, None).await?) {
            Latest::Copy { over } => over,
            Latest::Leave { slot } => return Ok(Some(slot)),
            Latest::NotKnown(why) => return Err(fault(why)),
        };
        let from = (stored.key.as_str(), stored.version_id.as_str());
        let Some(asked) = manifest.asked() else {
            return Err(fault("its manifest does not say how it is encrypted".to_owned()));
        };
        match ports.copy(from, &key, over.as_deref(), &asked.encryption, manifest.slot).await? {
            Written::New(_) => return Ok(None),
            // Another run has moved it since, or our own first try did: the next look tells.
            Written::Conflict => {}
        }
    }
    Err(fault(format!("it was changed by others {TURNS_MAX} times while it was looked at")))
}
