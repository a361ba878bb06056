//! Where things lie in the vault. Every key is computed from what and when-scheduled, so that the
//! name is the idempotency key; nothing here is ever generated.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::name::{GroupName, Slot, SourceName, SystemName, Term};

/// `plans/<system>.toml`, written by the operator.
pub fn plan(system: &SystemName) -> String {
    format!("plans/{system}.toml")
}

/// `backups/`: every system's.
pub const ALL_BACKUPS: &str = "backups/";

/// `backups/<system>/`: every slot of a system, and `latest/`.
pub fn backups(system: &SystemName) -> String {
    format!("backups/{system}/")
}

/// `backups/<system>/<slot>/`: everything that one backup stored.
pub fn backup(system: &SystemName, slot: Slot) -> String {
    format!("backups/{system}/{slot}/")
}

/// `backups/<system>/<slot>/<source>`: what one source gave.
pub fn object(system: &SystemName, slot: Slot, source: &SourceName) -> String {
    format!("backups/{system}/{slot}/{source}")
}

/// `backups/<system>/<slot>/manifest.json`: the commit of a backup.
pub fn manifest(system: &SystemName, slot: Slot) -> String {
    format!("backups/{system}/{slot}/manifest.json")
}

/// `backups/<system>/latest/<source>`: dateless copy of the newest verified backup (seed A10).
pub fn latest(system: &SystemName, source: &SourceName) -> String {
    format!("backups/{system}/latest/{source}")
}

/// `receipts/<system>/`: every receipt of a system.
pub fn receipts(system: &SystemName) -> String {
    format!("receipts/{system}/")
}

/// `receipts/<system>/<slot>/verified.json`: proof that every byte was read back.
pub fn verified(system: &SystemName, slot: Slot) -> String {
    format!("receipts/{system}/{slot}/verified.json")
}

/// `receipts/<system>/<slot>/rejected.json`: the first verdict that this backup is not to be trusted.
pub fn rejected(system: &SystemName, slot: Slot) -> String {
    format!("receipts/{system}/{slot}/rejected.json")
}

/// `receipts/<system>/<slot>/does-not-fit.json`: an object of this backup takes longer to be read than a run
/// has, so that no sweep tries it again.
pub fn does_not_fit(system: &SystemName, slot: Slot) -> String {
    format!("receipts/{system}/{slot}/does-not-fit.json")
}

/// `receipts/<system>/<slot>/pruned.json`: this backup is being deleted or is gone, and never counts.
pub fn pruned(system: &SystemName, slot: Slot) -> String {
    format!("receipts/{system}/{slot}/pruned.json")
}

/// `receipts/<system>/<slot>/swept-<date>.json`: this backup was read again on that day, and was equal.
pub fn swept(system: &SystemName, slot: Slot, on: Date) -> String {
    format!("receipts/{system}/{slot}/swept-{on}.json")
}

/// The day that the name of such a receipt says; `None` for any other name.
pub fn swept_on(name: &str) -> Option<Date> {
    name.strip_prefix("swept-")?.strip_suffix(".json")?.parse().ok()
}

/// `receipts/<system>/<slot>/read-<source>.json`, with `.<date>` where it was read again on that day: one
/// object of a backup was read back and equal, by a verification that may take several runs. The point is
/// in no name.
pub fn read_back(
    system: &SystemName,
    slot: Slot,
    source: &SourceName,
    again_on: Option<Date>,
) -> String {
    let on = again_on.map(|day| format!(".{day}")).unwrap_or_default();
    format!("receipts/{system}/{slot}/read-{source}{on}.json")
}

/// The system of a key such as `plans/<system>.toml`.
pub fn system_of_plan(key: &str) -> Option<SystemName> {
    SystemName::parse(key.strip_prefix(ALL_PLANS)?.strip_suffix(".toml")?).ok()
}

/// `plans/`: every system's plan.
pub const ALL_PLANS: &str = "plans/";

/// `holds/<system>/`: what an operator has put there is never pruned.
pub fn holds(system: &SystemName) -> String {
    format!("holds/{system}/")
}

/// `uploads/<system>/<source>/`: what the appliance pushes for one source, under any name.
pub fn inbox(system: &SystemName, source: &SourceName) -> String {
    format!("uploads/{system}/{source}/")
}

/// The system of a key such as `uploads/<system>/<source>/<name>`.
pub fn system_of_push(key: &str) -> Option<SystemName> {
    SystemName::parse(key.strip_prefix(ALL_UPLOADS)?.split_once('/')?.0).ok()
}

/// What a restore needs, and so what a replica of the vault has to hold: the backups, what their lists
/// name, what says which of them are proven, the plans, and which site is active.
pub const NEEDED: [&str; 5] = [ALL_ARTIFACTS, ALL_BACKUPS, "failovers/", ALL_PLANS, "receipts/"];

/// `uploads/`: the inbox of every system.
pub const ALL_UPLOADS: &str = "uploads/";

/// `artifacts/`: what buckets have given, of every system.
pub const ALL_ARTIFACTS: &str = "artifacts/";

/// `artifacts/<system>/`.
pub fn all_artifacts(system: &SystemName) -> String {
    format!("artifacts/{system}/")
}

/// `artifacts/<system>/<source>/`: what a bucket has given, once each, under names that no other content
/// can have.
pub fn artifacts(system: &SystemName, source: &SourceName) -> String {
    format!("artifacts/{system}/{source}/")
}

/// `artifacts/<system>/<source>/<name>`: one object of a bucket, as it was; `<name>.<n>`, from 2 on, where
/// something else lies under the names before it.
pub fn artifact(system: &SystemName, source: &SourceName, name: &str, n: u32) -> String {
    match n {
        0 | 1 => format!("artifacts/{system}/{source}/{name}"),
        _ => format!("artifacts/{system}/{source}/{name}.{n}"),
    }
}

/// `pieces/<system>/<slot>/<source>/`: an inventory as far as it is written.
pub fn pieces(system: &SystemName, slot: Slot, source: &SourceName) -> String {
    format!("pieces/{system}/{slot}/{source}/")
}

/// `pieces/<system>/<slot>/<source>/<n>`: piece `n` of an inventory, from 0.
pub fn piece(system: &SystemName, slot: Slot, source: &SourceName, n: usize) -> String {
    format!("pieces/{system}/{slot}/{source}/{n:06}")
}

/// `begun/`: every backup that was begun.
pub const ALL_BEGUN: &str = "begun/";

/// `begun/<system>/<slot>.json`: a backup was begun, and who is at it.
pub fn begun(system: &SystemName, slot: Slot) -> String {
    format!("begun/{system}/{slot}.json")
}

/// The slot of which this key is the manifest, if it is one.
pub fn slot_of_manifest(key: &str) -> Option<Slot> {
    match Located::parse(key)? {
        Located::Manifest(_, slot) => Some(slot),
        Located::Object(..)
        | Located::Verified(..)
        | Located::ExportIntended(..)
        | Located::Exported(..)
        | Located::Entry(..) => None,
    }
}

/// The system and the slot of such a key.
pub fn begun_of(key: &str) -> Option<(SystemName, Slot)> {
    let (system, slot) = key.strip_prefix(ALL_BEGUN)?.strip_suffix(".json")?.split_once('/')?;
    Some((SystemName::parse(system).ok()?, Slot::parse(slot).ok()?))
}

/// `receipts/<system>/<slot>/artifacts-<source>.`: how far an inventory is proven, every record of it. The
/// point is in no name, so the records of `depot-old` are none of `depot`.
pub fn proofs(system: &SystemName, slot: Slot, source: &SourceName) -> String {
    format!("receipts/{system}/{slot}/artifacts-{source}.")
}

/// `receipts/<system>/<slot>/artifacts-<source>.<n>.json`: record `n` of that, from 0.
pub fn proven_through(system: &SystemName, slot: Slot, source: &SourceName, n: usize) -> String {
    format!("{}{n:06}.json", proofs(system, slot, source))
}

/// `receipts/<system>/<slot>/`: every receipt of one backup.
pub fn receipts_of(system: &SystemName, slot: Slot) -> String {
    format!("receipts/{system}/{slot}/")
}

/// `receipts/<system>/<slot>/skew-<source>.json`: what came of comparing a source's rows with artifacts.
pub fn skew(system: &SystemName, slot: Slot, source: &SourceName) -> String {
    format!("receipts/{system}/{slot}/skew-{source}.json")
}

/// `receipts/<system>/<slot>/skew-<source>.sh`: the commands that upload what is missing.
pub fn skew_lines(system: &SystemName, slot: Slot, source: &SourceName) -> String {
    format!("receipts/{system}/{slot}/skew-{source}.sh")
}

/// `receipts/<system>/<slot>/skew-<source>.<n>.json`: run `n` that has begun to compare, from 0.
pub fn skew_attempt(system: &SystemName, slot: Slot, source: &SourceName, n: usize) -> String {
    format!("receipts/{system}/{slot}/skew-{source}.{n:06}.json")
}

/// `exports/`: every export of every system.
pub const ALL_EXPORTS: &str = "exports/";

/// `exports/<system>/`: every export of a system.
pub fn exports(system: &SystemName) -> String {
    format!("exports/{system}/")
}

/// `exports/<system>/<slot>/intended.json`: an export that was asked for; the sweep looks for it.
pub fn export_intended(system: &SystemName, slot: Slot) -> String {
    format!("exports/{system}/{slot}/intended.json")
}

/// `exports/<system>/<slot>/copied.json`: the copy that lies in the recovery region, once it was told.
pub fn export_copied(system: &SystemName, slot: Slot) -> String {
    format!("exports/{system}/{slot}/copied.json")
}

/// `exports/<system>/<slot>/exported.json`: how that export ended.
pub fn exported(system: &SystemName, slot: Slot) -> String {
    format!("exports/{system}/{slot}/exported.json")
}

/// `failovers/<system>/`: every term of a system.
pub fn terms(system: &SystemName) -> String {
    format!("failovers/{system}/")
}

/// `failovers/<system>/<term>/`: the journal of one failover.
pub fn journal(system: &SystemName, term: Term) -> String {
    format!("failovers/{system}/{}/", term.padded())
}

/// `failovers/<system>/<term>/<n>.json`: entry `n` of a journal, from 1.
pub fn entry(system: &SystemName, term: Term, n: u32) -> String {
    format!("failovers/{system}/{}/{n:06}.json", term.padded())
}

/// `failovers/<system>/<term>/alive.json`: a courtesy to other runs, never a safety.
pub fn alive(system: &SystemName, term: Term) -> String {
    format!("failovers/{system}/{}/alive.json", term.padded())
}

/// `failovers/<system>/<term>/stopped-<n>-<refusal>.json`: people were told why it stands after `n` entries.
pub fn stopped(system: &SystemName, term: Term, n: u32, refusal: &str) -> String {
    format!("failovers/{system}/{}/stopped-{n:06}-{refusal}.json", term.padded())
}

/// `failovers/<system>/<term>/late.json`: people were told that it takes longer than was agreed.
pub fn late(system: &SystemName, term: Term) -> String {
    format!("failovers/{system}/{}/late.json", term.padded())
}

/// `failovers/<system>/switch.json`: which site clients are led to, in the method `health-check`.
pub fn switch(system: &SystemName) -> String {
    format!("failovers/{system}/switch.json")
}

/// `systems/_vault.json`: how the vault itself was when it was looked at last. No system has that name.
pub const SEEN: &str = "systems/_vault.json";

/// `groups/<group>/<window>/offers/`: what the systems of a group offer to be moved together.
pub fn offers(group: &GroupName, window: i64) -> String {
    format!("groups/{group}/{window:012}/offers/")
}

/// `groups/<group>/<window>/offers/<system>.json`: one of them.
pub fn offer(group: &GroupName, window: i64, system: &SystemName) -> String {
    format!("groups/{group}/{window:012}/offers/{system}.json")
}

/// `groups/<group>/<window>/moved/`: what was moved together.
pub fn all_moved(group: &GroupName, window: i64) -> String {
    format!("groups/{group}/{window:012}/moved/")
}

/// `groups/<group>/<window>/moved/<change>.json`: one change that did it.
pub fn moved(group: &GroupName, window: i64, change: &str) -> String {
    format!("groups/{group}/{window:012}/moved/{change}.json")
}

/// `acknowledgements/<system>/`: everything that people have accepted for a system.
pub fn acknowledgements(system: &SystemName) -> String {
    format!("acknowledgements/{system}/")
}

/// `acknowledgements/<system>/<term>/<refusal>.json`: that one refusal of one term is accepted.
pub fn acknowledgement(system: &SystemName, term: Term, refusal: &str) -> String {
    format!("acknowledgements/{system}/{}/{refusal}.json", term.padded())
}

/// The term and the refusal that a key below `acknowledgements/<system>/` names.
pub fn acknowledged<'k>(system: &SystemName, key: &'k str) -> Option<(Term, &'k str)> {
    let rest = key.strip_prefix(&acknowledgements(system))?;
    let (term, refusal) = rest.strip_suffix(".json")?.split_once('/')?;
    (term.len() == 6).then_some(())?;
    Some((Term(term.parse().ok()?), refusal))
}

/// `maintenance/<system>.json`: a pause of automatic failovers, put there by a person.
pub fn maintenance(system: &SystemName) -> String {
    format!("maintenance/{system}.json")
}

/// `refusals/<system>/<instant>/<refusal>.json`: what a decision not to begin has seen. The instant is
/// that of the loss, so that an alarm that is asked about every minute leaves one object per refusal.
pub fn refusal(system: &SystemName, lost_at: Slot, refusal: &str) -> String {
    format!("refusals/{system}/{lost_at}/{refusal}.json")
}

/// Whether a key lies in one of the vault's folders.
pub fn is_ours(key: &str) -> bool {
    const FOLDERS: [&str; 15] = [
        "acknowledgements",
        "artifacts",
        "backups",
        "begun",
        "exports",
        "failovers",
        "groups",
        "holds",
        "maintenance",
        "pieces",
        "plans",
        "receipts",
        "refusals",
        "systems",
        "uploads",
    ];
    key.split_once('/').is_some_and(|(folder, name)| FOLDERS.contains(&folder) && !name.is_empty())
}

/// The slot of a key two folders down, such as `backups/<system>/<slot>/<source>`, and what stands
/// after it; `None` when there is no slot in that place.
pub fn slot_of(key: &str) -> Option<(Slot, &str)> {
    let mut parts = key.splitn(4, '/').skip(2);
    let slot = Slot::parse(parts.next()?).ok()?;
    Some((slot, parts.next().unwrap_or_default()))
}

/// The newest slot among these keys that has a verification receipt, and was neither rejected nor
/// marked as pruned since (P1).
pub fn newest_proven(keys: &[String]) -> Option<Slot> {
    let slots = |record: &'static str| {
        keys.iter()
            .filter_map(move |key| Slot::parse(key.strip_suffix(record)?.rsplit('/').next()?).ok())
    };
    let out: BTreeSet<Slot> = slots("/rejected.json").chain(slots("/pruned.json")).collect();
    slots("/verified.json").filter(|slot| !out.contains(slot)).max()
}

/// What a key of the vault names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// The commit of a backup.
    Manifest(SystemName, Slot),
    /// One object of a backup.
    Object(SystemName, Slot, SourceName),
    /// A verification receipt.
    Verified(SystemName, Slot),
    /// An export that was asked for.
    ExportIntended(SystemName, Slot),
    /// How an export ended.
    Exported(SystemName, Slot),
    /// An entry of a failover's journal.
    Entry(SystemName, Term, u32),
}

impl Located {
    /// Reads a key back; `None` when it is none of these.
    pub fn parse(key: &str) -> Option<Self> {
        let parts: Vec<&str> = key.split('/').collect();
        let [kind, system, place, name] = parts.as_slice() else { return None };
        let system = SystemName::parse(system).ok()?;
        let slot = Slot::parse(place);
        match (*kind, *name) {
            ("backups", "manifest.json") => Some(Self::Manifest(system, slot.ok()?)),
            ("backups", name) => {
                Some(Self::Object(system, slot.ok()?, SourceName::parse(name).ok()?))
            }
            ("receipts", "verified.json") => Some(Self::Verified(system, slot.ok()?)),
            ("exports", "intended.json") => Some(Self::ExportIntended(system, slot.ok()?)),
            ("exports", "exported.json") => Some(Self::Exported(system, slot.ok()?)),
            ("failovers", name) => {
                let n = name.strip_suffix(".json")?;
                let digits =
                    |text: &str| text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
                if !digits(place) || !digits(n) {
                    return None;
                }
                Some(Self::Entry(system, Term(place.parse().ok()?), n.parse().ok()?))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
