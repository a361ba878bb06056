//! The vault of the simulated world: versions, conditions, and S3's own clock. It remembers what
//! arrived, so that it can tell a proof that is not true and a rejection that is not deserved.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::plan_text;
use warmspare_act::ports::{
    Deleted, Deletion, Document, Inbox, Locks, Standing, Uploaded, Uploads, Vault, Written,
};
use warmspare_act::stream::{Chunks, Measured, crc64nvme_of};
use warmspare_decide::encryption::Encryption;
use warmspare_decide::inbox::Pushed;
use warmspare_decide::journal::Step;
use warmspare_decide::lock::{Lock, Locked, Protection};
use warmspare_decide::name::{Region, Slot};
use warmspare_decide::plan::{Plan, Problems};
use warmspare_decide::presence::{Marker, Versions};
use warmspare_decide::seen::Seen;
use warmspare_decide::sweep::Unfinished;
use warmspare_decide::tripwire::{Bucket, Replication};
use warmspare_decide::vault::Located;
use warmspare_decide::verify::ObjectFacts;

pub(crate) use super::pieces::{Pieces, Readings};
use super::promises::is_intended;
use super::{Bent, LIFE_S, Run, State};

/// The key under which the vault keeps what nobody names a key for.
pub(crate) const VAULT_KEY: &str =
    "arn:aws:kms:us-west-2:111122223333:key/00000000-0000-0000-0000-000000000000";

/// What is written here is written once.
const ONCE: [&str; 3] = ["artifacts/", "pieces/", "receipts/"];

/// Longer parts of uploads may take their time.
const LONG_BYTES: usize = 1 << 16;

thread_local! {
    /// What each text says: worlds without number are made of the same few plans.
    static PLANS: RefCell<HashMap<String, Result<Plan, Problems>>> = RefCell::default();
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) etag: String,
    pub(crate) body: Bytes,
    pub(crate) written_at: Timestamp,
    pub(crate) algorithm: Option<String>,
    pub(crate) key_arn: Option<String>,
    pub(crate) crc64nvme: Option<String>,
    pub(crate) checksum_type: Option<String>,
    pub(crate) slot: Option<String>,
    pub(crate) mark: Option<String>,
    pub(crate) lock: Option<Locked>,
}

/// What the vault knows beside its objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    serial: u64,
    /// Everything that a run wrote, as it arrived.
    pub(crate) arrived: BTreeMap<String, Vec<Version>>,
    /// What lies behind a delete marker: it can still be read by its version.
    pub(crate) deleted: BTreeMap<String, Vec<Version>>,
    /// S3 does not allow that keys that end so are deleted.
    pub(crate) locked: Option<&'static str>,
    /// Looks at keys that end so are answered, but do not say whether anything is there.
    pub(crate) blind_to: Option<&'static str>,
    /// Uploads in parts that a killed run has left, or that a living one is at work on.
    pub(crate) unfinished: Vec<Unfinished>,
    /// Bytes of uploads, by the second in which they came.
    pub(crate) received: BTreeMap<i64, usize>,
    /// Those of artifacts alone.
    pub(crate) copied: BTreeMap<i64, usize>,
    /// How the bucket is set up, where it is not as it should be.
    pub(crate) bucket: Option<Bucket>,
    /// What S3 says of the replication of keys that begin or end so; of every other one, that it is done.
    pub(crate) replication: Option<(&'static str, Option<&'static str>)>,
    /// Keys that end so are in an archive: they are there, and cannot be read.
    pub(crate) archived: Option<&'static str>,
    /// How long each part of a long upload takes, in seconds.
    pub(crate) long_part_s: u64,
    /// What is read by the role that will restore, side by side.
    pub(crate) readings: Readings,
    /// How long it takes to read an artifact back, in seconds.
    pub(crate) artifact_s: u64,
    /// The same of an object of a backup.
    pub(crate) object_s: u64,
    /// How long it takes a function to read an object of a backup back by itself, in seconds.
    pub(crate) adopted_s: u64,
    /// The most that is copied in one request, in bytes, where it is not what AWS allows.
    pub(crate) copy_bytes_max: Option<u64>,
    /// What is read of keys that begin so never ends.
    pub(crate) silent: Option<&'static str>,
    /// So many versions are on a page of their listing, if not a thousand.
    pub(crate) versions_page: Option<usize>,
    /// The bucket has Object Lock.
    pub(crate) has_object_lock: bool,
    /// The role that will restore may not read.
    pub(crate) recovery_is_denied: bool,
}

impl Version {
    fn new(state: &mut State, body: &[u8], key_arn: &str) -> Self {
        state.beside.serial += 1;
        let n = state.beside.serial;
        Self {
            id: format!("version-{n}"),
            etag: format!("\"etag-{n}\""),
            body: Bytes::copy_from_slice(body),
            written_at: state.now,
            algorithm: Some("aws:kms".to_owned()),
            key_arn: Some(key_arn.to_owned()),
            crc64nvme: Some(crc64nvme_of(body)),
            checksum_type: Some("FULL_OBJECT".to_owned()),
            slot: None,
            mark: None,
            lock: None,
        }
    }
}

impl Version {
    /// One that is so encrypted.
    fn so(state: &mut State, body: &[u8], encryption: &Encryption) -> Self {
        Self {
            algorithm: Some(encryption.algorithm().to_owned()),
            key_arn: encryption.key_arn().map(ToString::to_string),
            ..Self::new(state, body, "")
        }
    }
}

/// Puts an object without any run, as an operator or an intruder would.
pub(crate) fn put(state: &mut State, key: &str, body: &[u8]) {
    let version = Version::new(state, body, VAULT_KEY);
    state.objects.entry(key.to_owned()).or_default().push(version);
}

/// Pushes an object into the inbox, as an appliance does; the version that it became.
pub(crate) fn push(state: &mut State, key: &str, body: &[u8]) -> String {
    let version = Version::new(state, body, super::keys::PLAN_KEY);
    let id = version.id.clone();
    state.objects.entry(key.to_owned()).or_default().push(version);
    id
}

/// Makes a write of a run undone, as if it had died before.
pub(crate) fn undo(state: &mut State, key: &str) {
    state.objects.remove(key);
    state.beside.arrived.remove(key);
}

fn arrive(state: &mut State, key: &str, version: Version) {
    state.beside.arrived.entry(key.to_owned()).or_default().push(version.clone());
    state.objects.entry(key.to_owned()).or_default().push(version);
}

/// The newest version of a key, if there is one.
pub(crate) fn current<'s>(state: &'s State, key: &str) -> Option<&'s Version> {
    state.objects.get(key).and_then(|versions| versions.last())
}

fn version<'s>(state: &'s State, key: &str, id: Option<&str>) -> Option<&'s Version> {
    match id {
        None => current(state, key),
        Some(id) => {
            let all = [state.objects.get(key), state.beside.deleted.get(key)];
            all.into_iter().flatten().flatten().find(|version| version.id == id)
        }
    }
}

/// S3 opens nothing whose key KMS does not lend it, not even to say how large it is.
fn open<'s>(state: &'s State, key: &str, id: Option<&str>) -> Result<Option<&'s Version>, Fault> {
    let Some(version) = version(state, key, id) else { return Ok(None) };
    let key_arn = version.key_arn.as_deref().unwrap_or(VAULT_KEY);
    match state.keys.by_arn.get(key_arn) {
        Some(facts) if facts.state == "Enabled" => Ok(Some(version)),
        Some(facts) => {
            let why = format!("KMS.DisabledException: {key_arn} is {}", facts.state);
            Err(Fault::new(Hope::Permanent, "reading", key, why))
        }
        // A key that this world does not know is another account's, and open.
        None => Ok(Some(version)),
    }
}

fn is_blind(state: &State, key: &str) -> bool {
    state.beside.blind_to.is_some_and(|end| key.ends_with(end))
}

/// S3 takes a lock only where the bucket has Object Lock, and only one that ends later.
fn locked(state: &State, key: &str, lock: Option<&Lock>) -> Result<Option<Locked>, Fault> {
    match lock {
        Some(_) if !state.beside.has_object_lock => {
            let why = "InvalidRequest: Bucket is missing Object Lock Configuration";
            Err(Fault::new(Hope::Permanent, "writing", key, why))
        }
        Some(Lock { until, .. }) if *until <= state.now => {
            let why = "InvalidArgument: The retain until date must be in the future!";
            Err(Fault::new(Hope::Permanent, "writing", key, why))
        }
        Some(Lock { mode, until }) => {
            Ok(Some(Locked { mode: mode.to_string(), until: Some(*until) }))
        }
        None => Ok(None),
    }
}

fn created(
    state: &mut State,
    key: &str,
    body: &Bytes,
    lock: Option<&Lock>,
) -> Result<Written, Fault> {
    if state.bent == Some(Bent::CreateOverwrites) {
        state.objects.remove(key);
    }
    if key.ends_with("/switch.json") {
        is_intended(state, Step::Repoint);
        if state.bent == Some(Bent::SwitchIsOverwritten) {
            state.objects.remove(key);
        }
    }
    if current(state, key).is_some() {
        return Ok(Written::Conflict);
    }
    let lock = locked(state, key, lock)?;
    let version = Version { lock, ..Version::new(state, body, VAULT_KEY) };
    let etag = version.etag.clone();
    arrive(state, key, version);
    judge(state, key);
    Ok(Written::New(etag))
}

impl Vault for Run<'_> {
    type Body = Pieces;

    async fn read(&self, key: &str) -> Result<Seen<Document>, Fault> {
        self.look(|state| {
            if is_blind(state, key) {
                return Ok(Seen::Unknown("S3 answered 403".to_owned()));
            }
            Ok(open(state, key, None)?.map_or(Seen::Absent, |version| {
                Seen::Here(Document {
                    body: version.body.clone(),
                    etag: version.etag.clone(),
                    version_id: version.id.clone(),
                    written_at: version.written_at,
                    read_at: state.now,
                })
            }))
        })
        .await
    }

    async fn create(&self, key: &str, body: Bytes) -> Result<Written, Fault> {
        let key = key.to_owned();
        self.send("Vault::create", move |state| created(state, &key, &body, None)).await
    }

    async fn create_locked(&self, key: &str, body: Bytes, lock: &Lock) -> Result<Written, Fault> {
        let (key, lock) = (key.to_owned(), *lock);
        self.send("Vault::create_locked", move |state| created(state, &key, &body, Some(&lock)))
            .await
    }

    async fn replace(&self, key: &str, etag: &str, body: Bytes) -> Result<Written, Fault> {
        let (key, etag) = (key.to_owned(), etag.to_owned());
        self.send("Vault::replace", move |state| {
            let key = key.as_str();
            let is_switch = key.ends_with("/switch.json");
            let is_given = match state.bent {
                Some(Bent::LeaseForAll) => !is_switch,
                Some(Bent::SwitchIsOverwritten) => is_switch,
                _ => false,
            };
            if is_switch {
                is_intended(state, Step::Repoint);
            }
            if !is_given && current(state, key).is_none_or(|version| version.etag != etag) {
                return Ok(Written::Conflict);
            }
            let version = Version::new(state, &body, VAULT_KEY);
            let etag = version.etag.clone();
            arrive(state, key, version);
            Ok(Written::New(etag))
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        self.look(|state| {
            Ok(state.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
        })
        .await
    }

    async fn versions(&self, prefix: &str, after: Option<&Marker>) -> Result<Versions, Fault> {
        self.look(|state| Ok(super::versions::page(state, prefix, after))).await
    }

    async fn upload<C: Chunks>(
        &self,
        key: &str,
        protection: &Protection,
        stream: &mut Measured<C>,
        mark: Option<&str>,
    ) -> Result<Uploaded, Fault> {
        let mut body = Vec::new();
        // Each part is a call of its own: a run may be stopped or die between two of them.
        while let Some(part) = stream.next().await? {
            self.look(|_| Ok(())).await?;
            let mut state = self.world.set();
            let second = state.now.as_second();
            *state.beside.received.entry(second).or_default() += part.len();
            if key.starts_with("artifacts/") {
                *state.beside.copied.entry(second).or_default() += part.len();
            }
            let takes_s = if part.len() > LONG_BYTES { state.beside.long_part_s } else { 0 };
            drop(state);
            if takes_s > 0 {
                self.world.pass(takes_s);
            }
            body.extend_from_slice(&part);
        }
        let sums = stream.sums();
        self.change("Vault::upload", |state| {
            if current(state, key).is_some() {
                return Ok(Uploaded::Exists);
            }
            let lock = locked(state, key, protection.lock.as_ref())?;
            let mut version = Version { lock, ..Version::so(state, &body, &protection.encryption) };
            version.mark = mark.map(str::to_owned);
            (state.sources.stores)(&mut version);
            let version_id = version.id.clone();
            arrive(state, key, version);
            Ok(Uploaded::New { version_id, sums })
        })
        .await
    }

    async fn facts(&self, key: &str, version_id: Option<&str>) -> Result<Seen<ObjectFacts>, Fault> {
        self.look(|state| {
            if is_blind(state, key) {
                return Ok(Seen::Unknown("S3 answered 403".to_owned()));
            }
            Ok(open(state, key, version_id)?.map_or(Seen::Absent, |version| {
                Seen::Here(ObjectFacts {
                    version_id: version.id.clone(),
                    etag: version.etag.clone(),
                    size_bytes: u64::try_from(version.body.len()).unwrap(),
                    algorithm: version.algorithm.clone(),
                    key_arn: version.key_arn.clone(),
                    crc64nvme: version.crc64nvme.clone(),
                    checksum_type: version.checksum_type.clone(),
                    slot: version.slot.clone(),
                    written_at: Some(version.written_at),
                    mark: version.mark.clone(),
                    lock: version.lock.clone(),
                })
            }))
        })
        .await
    }

    async fn read_back(&self, key: &str, version_id: &str) -> Result<Pieces, Fault> {
        let adopted_s = self.world.state().beside.adopted_s;
        if adopted_s > 0 && key.starts_with("backups/") {
            self.world.pass(adopted_s);
        }
        self.look(|state| {
            if state.beside.archived.is_some_and(|end| key.ends_with(end)) {
                return Err(Fault::new(Hope::Permanent, "reading", key, "InvalidObjectState"));
            }
            let gone = || Fault::new(Hope::Retryable, "reading", key, "NoSuchVersion");
            let pieces = Pieces::of(&open(state, key, Some(version_id))?.ok_or_else(gone)?.body);
            let falls_silent = state.beside.silent.is_some_and(|start| key.starts_with(start));
            Ok(Pieces { falls_silent, ..pieces })
        })
        .await
    }

    async fn read_as_recovery(&self, key: &str, version_id: &str) -> Result<Pieces, Fault> {
        if self.world.state().beside.recovery_is_denied {
            return Err(Fault::new(Hope::Permanent, "reading", key, "AccessDenied"));
        }
        let (artifact_s, object_s) = {
            let state = self.world.state();
            (state.beside.artifact_s, state.beside.object_s)
        };
        let takes_s = if key.starts_with("artifacts/") { artifact_s } else { object_s };
        if takes_s > 0 {
            self.world.pass(takes_s);
        }
        let reading = {
            let state = self.world.state();
            let bytes = version(&state, key, Some(version_id)).map_or(0, |found| found.body.len());
            state.beside.readings.begin(bytes)
        };
        let pieces = self.read_back(key, version_id).await?;
        Ok(Pieces { reading: Some(reading), ..pieces })
    }

    fn recovery_role(&self) -> String {
        "arn:aws:iam::111122223333:role/recovery".to_owned()
    }

    async fn copy(
        &self,
        from: (&str, &str),
        to: &str,
        over: Option<&str>,
        encryption: &Encryption,
        slot: Slot,
    ) -> Result<Written, Fault> {
        self.change("Vault::copy", |state| {
            if current(state, to).map(|version| version.etag.as_str()) != over {
                return Ok(Written::Conflict);
            }
            let gone = || Fault::new(Hope::Retryable, "copying", from.0, "NoSuchVersion");
            let body = open(state, from.0, Some(from.1))?.ok_or_else(gone)?.body.clone();
            let bytes_max = state.beside.copy_bytes_max.unwrap_or(5 << 30);
            if u64::try_from(body.len()).unwrap() > bytes_max {
                let why = format!("InvalidRequest: the copy source is larger than {bytes_max}");
                return Err(Fault::new(Hope::Permanent, "copying", from.0, why));
            }
            let mut copied = Version::so(state, &body, encryption);
            copied.slot = Some(slot.to_string());
            let etag = copied.etag.clone();
            arrive(state, to, copied);
            Ok(Written::New(etag))
        })
        .await
    }

    fn copy_bytes_max(&self) -> u64 {
        self.world.state().beside.copy_bytes_max.unwrap_or(5 << 30)
    }

    fn region(&self) -> Region {
        Region::parse("us-west-2").unwrap()
    }

    fn plan(&self, text: &str) -> Result<Plan, Problems> {
        PLANS.with_borrow_mut(|all| match all.get(text) {
            Some(known) => known.clone(),
            None => all.entry(text.to_owned()).or_insert(plan_text::parse(text)).clone(),
        })
    }
}

impl Locks for Run<'_> {
    async fn has_object_lock(&self) -> Result<bool, Fault> {
        self.look(|state| Ok(state.beside.has_object_lock)).await
    }
}

impl Uploads for Run<'_> {
    async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, Fault> {
        let ours = |upload: &&Unfinished| upload.key.starts_with(prefix);
        self.look(|state| Ok(state.beside.unfinished.iter().filter(ours).cloned().collect())).await
    }

    async fn abort(&self, upload: &Unfinished) -> Result<(), Fault> {
        let upload = upload.clone();
        self.send("Uploads::abort", move |state| {
            if state.now.as_second() - upload.begun_at.as_second() < LIFE_S {
                state.breaks(format!("I8: {} was aborted, and its run may be alive", upload.key));
            }
            state.beside.unfinished.retain(|other| *other != upload);
            Ok(())
        })
        .await
    }
}

/// The bucket as `infra/` makes it.
pub(crate) fn bucket() -> Bucket {
    let (versioning, policy) = (Some("Enabled".to_owned()), Some("TlsOnly".to_owned()));
    Bucket { versioning, policy, blocks_public: true, replicas: Vec::new() }
}

impl Standing for Run<'_> {
    async fn bucket(&self) -> Result<Bucket, Fault> {
        self.look(|state| Ok(state.beside.bucket.clone().unwrap_or_else(bucket))).await
    }

    async fn replication(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Seen<Replication>, Fault> {
        self.look(|state| {
            let Some(version) = version(state, key, version_id) else { return Ok(Seen::Absent) };
            let status = match state.beside.replication {
                Some((end, status)) if key.ends_with(end) || key.starts_with(end) => status,
                _ => Some("COMPLETED"),
            };
            let (status, written_at) = (status.map(str::to_owned), Some(version.written_at));
            Ok(Seen::Here(Replication { status, written_at }))
        })
        .await
    }
}

impl Inbox for Run<'_> {
    async fn pushed(&self, prefix: &str) -> Result<Vec<Pushed>, Fault> {
        self.look(|state| {
            let all = state.objects.iter().filter(|(key, _)| key.starts_with(prefix));
            Ok(all
                .filter_map(|(key, versions)| {
                    let version = versions.last()?;
                    let size_bytes = u64::try_from(version.body.len()).unwrap();
                    Some(Pushed { key: key.clone(), size_bytes, written_at: version.written_at })
                })
                .collect())
        })
        .await
    }

    async fn open_pushed(&self, key: &str, version_id: &str) -> Result<Pieces, Fault> {
        self.read_back(key, version_id).await
    }
}

impl Deletion for Run<'_> {
    async fn delete(&self, key: &str, seen: &ObjectFacts) -> Result<Deleted, Fault> {
        let (key, etag) = (key.to_owned(), seen.etag.clone());
        self.send("Deletion::delete", move |state| {
            if state.beside.locked.is_some_and(|end| key.ends_with(end)) {
                return Ok(Deleted::Denied("AccessDenied".to_owned()));
            }
            if current(state, &key).is_none_or(|version| version.etag != etag) {
                return Ok(Deleted::Conflict);
            }
            let lock = current(state, &key).and_then(|version| version.lock.clone());
            if let Some(holds) = lock.and_then(|lock| lock.holds(state.now)) {
                state.breaks(format!("P6: {key} was said to be deleted, and is {holds}"));
            }
            for wrong in super::deletions::wrong(state, &key) {
                state.breaks(wrong);
            }
            let versions = state.objects.remove(&key).unwrap();
            state.beside.deleted.entry(key).or_default().extend(versions);
            Ok(Deleted::New)
        })
        .await
    }
}

/// A receipt was written: is it deserved, by what arrived and what is there now?
fn judge(state: &mut State, key: &str) {
    let parts: Vec<&str> = key.split('/').collect();
    let ["receipts", system, slot, name] = parts.as_slice() else { return };
    if state.objects.contains_key(&format!("receipts/{system}/{slot}/pruned.json")) {
        // It does not count, whatever a run that came late writes of it.
        return;
    }
    let differences = differences(state, &format!("backups/{system}/{slot}/"));
    match (*name, differences.is_empty()) {
        ("verified.json", false) => {
            state.broken.push(format!("P1: {key} proves what differs: {}", differences.join("; ")));
        }
        ("rejected.json", true) => state.broken.push(format!("P1: {key} rejects what is right")),
        _ => {}
    }
}

/// How a backup differs from what arrived. This knows nothing of manifests, sums or findings.
pub(super) fn differences(state: &State, folder: &str) -> Vec<String> {
    let in_folder = |key: &&String| key.starts_with(folder);
    let mut differences = Vec::new();
    for key in state.objects.keys().filter(in_folder) {
        if current(state, key) != state.beside.arrived.get(key).and_then(|arrived| arrived.first())
        {
            differences.push(format!("{key} is not what arrived"));
        }
    }
    for key in state.objects.keys().filter(in_folder) {
        for (artifact, id) in current(state, key).into_iter().flat_map(listed_by) {
            let arrived = state.beside.arrived.get(&artifact).and_then(|arrived| arrived.first());
            let is_its = arrived.is_some_and(|arrived| arrived.id == id);
            if !is_its || current(state, &artifact) != arrived {
                differences.push(format!("{artifact} of {key} is not what arrived"));
            }
        }
    }
    for key in state.beside.arrived.keys().filter(in_folder) {
        let key_arn = |version: &Version| match version.algorithm.as_deref() {
            // Keys of S3's own.
            Some("AES256") => VAULT_KEY.to_owned(),
            _ => version.key_arn.clone().unwrap_or_default(),
        };
        match current(state, key).map(key_arn) {
            None => differences.push(format!("{key} is gone")),
            Some(key_arn) => {
                let facts = state.keys.by_arn.get(&key_arn);
                if facts.is_none_or(|facts| facts.state != "Enabled" || facts.deleted_at.is_some())
                {
                    differences.push(format!("{key} is under a key that is not to be relied on"));
                }
            }
        }
    }
    differences
}

/// The keys of everything that an inventory lists.
pub(crate) fn artifacts_of(inventory: &Version) -> Vec<String> {
    listed_by(inventory).into_iter().map(|(key, _)| key).collect()
}

/// And with the version of each.
fn listed_by(inventory: &Version) -> Vec<(String, String)> {
    let Ok(text) = std::str::from_utf8(&inventory.body) else { return Vec::new() };
    let rows = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    rows.filter_map(|row| {
        let word = |name: &str| Some(row.get("object")?.get(name)?.as_str()?.to_owned());
        Some((word("vault_key")?, word("version_id")?))
    })
    .collect()
}

/// What is wrong with the vault as it stands, each with the number of its promise.
pub(super) fn broken_promises(state: &State) -> Vec<String> {
    let mut broken = Vec::new();
    for (key, versions) in &state.beside.arrived {
        let is_written_once = || {
            let is_mark = key.ends_with("/pruned.json");
            !is_mark
                && (Located::parse(key).is_some()
                    || ONCE.iter().any(|in_it| key.starts_with(in_it)))
        };
        if versions.len() > 1 && is_written_once() {
            broken.push(format!("P6: {key} was written {} times", versions.len()));
        }
        if let Some(place) = key.strip_prefix("backups/").filter(|key| key.contains("/latest/")) {
            broken.extend(versions.last().and_then(|copy| wrong_latest(state, place, copy)));
            let slots: Vec<_> = versions.iter().map(|version| version.slot.clone()).collect();
            if !slots.is_sorted() {
                broken.push(format!("P1: {key} moved backwards: {slots:?}"));
            }
        }
    }
    broken
}

/// What is wrong with a copy in `latest/`: `place` is `<system>/latest/<source>`.
fn wrong_latest(state: &State, place: &str, copy: &Version) -> Option<String> {
    let (system, source) = place.split_once("/latest/").unwrap();
    let slot = copy.slot.clone().unwrap_or_default();
    let receipt = format!("receipts/{system}/{slot}/verified.json");
    if !state.objects.contains_key(&receipt) {
        return Some(format!("P1: latest/{source} is at {slot}, which is not verified"));
    }
    let arrived = state.beside.arrived.get(&format!("backups/{system}/{slot}/{source}"));
    let is_its = arrived.is_some_and(|arrived| arrived[0].body == copy.body);
    (!is_its).then(|| format!("P1: latest/{source} is not what arrived for {slot}"))
}
