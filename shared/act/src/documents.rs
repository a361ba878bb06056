//! Small things that several functions read and write: plans, stored documents, the fields of
//! events. Nothing here decides what is done with them.

mod fields;

pub use fields::{event, instant, object_created, only, optional_text, slot, system, text, wrong};

use std::ops::RangeInclusive;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use warmspare_decide::acknowledgement::Acknowledgement;
use warmspare_decide::export::{Copied, Exported, Intended};
use warmspare_decide::failover::{Declined, Late, Stopped};
use warmspare_decide::group::{Moved, Offer};
use warmspare_decide::inventory::{BEGUN_FORMAT, Begun, ProvenThrough};
use warmspare_decide::journal::{self, Entry};
use warmspare_decide::lock::Lock;
use warmspare_decide::maintenance::Pause;
use warmspare_decide::manifest::{MANIFEST_FORMATS, Manifest, RECEIPT_FORMATS, Receipt};
use warmspare_decide::name::SystemName;
use warmspare_decide::plan::Plan;
use warmspare_decide::prune::Mark;
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::skew::{self, Skew};
use warmspare_decide::switch::Switch;
use warmspare_decide::tripwire::VaultSeen;
use warmspare_decide::vault;

use crate::fault::{Fault, Hope};
use crate::ports::{Document, Vault, Written};

/// The most problems of a plan that a refusal repeats: it is announced, and an event has its limit.
const PROBLEMS_SHOWN_MAX: usize = 50;

/// A document of the vault, and the versions of it that this code reads.
pub trait Stored {
    /// What its `format` may be. A document without a `format` is one of which none is kept.
    const FORMATS: RangeInclusive<u32> = 1..=1;
}

impl Stored for Entry {
    const FORMATS: RangeInclusive<u32> = journal::FORMATS;
}
impl Stored for Manifest {
    const FORMATS: RangeInclusive<u32> = MANIFEST_FORMATS;
}
impl Stored for Receipt {
    const FORMATS: RangeInclusive<u32> = RECEIPT_FORMATS;
}
impl Stored for Mark {}
impl Stored for Intended {}
impl Stored for Copied {}
impl Stored for Exported {}
impl Stored for Acknowledgement {}
impl Stored for Pause {}
impl Stored for Declined {}
impl Stored for Stopped {}
impl Stored for Late {}
impl Stored for Offer {}
impl Stored for Moved {}
impl Stored for Switch {}
impl Stored for VaultSeen {}
impl Stored for Begun {
    const FORMATS: RangeInclusive<u32> = 1..=BEGUN_FORMAT;
}
impl Stored for ProvenThrough {}
impl Stored for skew::Attempt {}
impl Stored for Skew {}

/// The plan of a system and the version id under which the vault keeps it, or why there is none to
/// go by: [`Refusal::UnknownSystem`], or [`Refusal::PlanInvalid`] with every problem.
///
/// # Errors
/// The vault's fault; retryable when it could not say whether the plan is there.
pub async fn load_plan<P: Vault>(
    ports: &P,
    system: &SystemName,
) -> Result<Result<(Plan, String), Refusal>, Fault> {
    Ok(load_plan_and_text(ports, system).await?.map(|(plan, version, _)| (plan, version)))
}

/// The same, with the text of the plan.
///
/// # Errors
/// As [`load_plan`].
pub async fn load_plan_and_text<P: Vault>(
    ports: &P,
    system: &SystemName,
) -> Result<Result<(Plan, String, String), Refusal>, Fault> {
    let key = vault::plan(system);
    let document = match ports.read(&key).await? {
        Seen::Here(document) => document,
        Seen::Absent => {
            return Ok(Err(Refusal::UnknownSystem { system: system.to_string(), key }));
        }
        Seen::Unknown(why) => return Err(unread(&key, why)),
    };
    let text = String::from_utf8_lossy(&document.body).into_owned();
    Ok(plan_of(ports, system, &document).map(|plan| (plan, document.version_id, text)))
}

fn plan_of<P: Vault>(ports: &P, system: &SystemName, document: &Document) -> Result<Plan, Refusal> {
    let invalid = |problems: String| Refusal::PlanInvalid { count: 1, problems };
    let text = std::str::from_utf8(&document.body)
        .map_err(|wrong| invalid(format!("the text is not UTF-8: {wrong}")))?;
    let plan = ports.plan(text).map_err(|problems| {
        let count = problems.all().len();
        let mut shown: Vec<String> =
            problems.all().iter().take(PROBLEMS_SHOWN_MAX).map(ToString::to_string).collect();
        if count > shown.len() {
            shown.push(format!("and {} more", count - shown.len()));
        }
        Refusal::PlanInvalid { count, problems: shown.join("; ") }
    })?;
    if &plan.system == system {
        Ok(plan)
    } else {
        // A copied plan would back one system up under the name of another.
        Err(invalid(format!(
            "system is \"{}\", but must be \"{system}\", as in its key",
            plan.system
        )))
    }
}

/// A stored JSON document, with the facts of the object that holds it.
///
/// # Errors
/// The vault's fault; a permanent one that names the key when the document is not what it should
/// be.
pub async fn read_json<T: Stored + DeserializeOwned, P: Vault>(
    ports: &P,
    key: &str,
) -> Result<Seen<(T, Document)>, Fault> {
    Ok(match ports.read(key).await? {
        Seen::Here(document) => Seen::Here((parse_json(key, &document.body)?, document)),
        Seen::Absent => Seen::Absent,
        Seen::Unknown(why) => Seen::Unknown(why),
    })
}

/// What is read of a document before it is known what to make of the rest.
#[derive(Default, Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "some")]
    format: Option<Value>,
}

/// A format of `null` is one, too.
fn some<'de, D: Deserializer<'de>>(found: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(found).map(Some)
}

/// The document that these bytes hold. One of another format is never guessed at.
///
/// # Errors
/// A permanent fault that names the key.
pub fn parse_json<T: Stored + DeserializeOwned>(key: &str, body: &[u8]) -> Result<T, Fault> {
    let wrong = |why: String| Fault::new(Hope::Permanent, "reading", key, why);
    let text = std::str::from_utf8(body).map_err(|_| wrong("it is not JSON".into()))?;
    let head = match serde_json::from_str(text) {
        Ok(head) => head,
        // It is no object, or has two formats: what it should be says more.
        Err(cause) if cause.is_data() => Head::default(),
        Err(_) => return Err(wrong("it is not JSON".into())),
    };
    let is_known = |found: &Value| {
        let found = found.as_u64().and_then(|found| u32::try_from(found).ok());
        found.is_some_and(|found| T::FORMATS.contains(&found))
    };
    if let Some(found) = head.format.filter(|found| !is_known(found)) {
        let (first, last) = T::FORMATS.into_inner();
        let read = if first == last { format!("{last}") } else { format!("{first} to {last}") };
        return Err(wrong(format!("it is of format {found}, and this code reads format {read}")));
    }
    serde_json::from_str(text)
        .map_err(|cause| wrong(format!("it is not what should be there: {cause}")).because(cause))
}

/// What came of creating a stored document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created<T> {
    /// It was written now.
    New,
    /// It is there, word for word: an earlier try of ours whose answer was lost.
    Ours,
    /// Another one is there; nothing was written.
    Theirs(T),
}

/// Writes a document if its key is free. When it is not, the document that is there is read back:
/// after a retried put, "already exists" may be our own first try.
///
/// # Errors
/// The vault's fault: the document may have been written. A permanent one when what is there cannot
/// be read.
pub async fn create_json<T, P>(ports: &P, key: &str, record: &T) -> Result<Created<T>, Fault>
where
    T: Stored + Serialize + DeserializeOwned + PartialEq,
    P: Vault,
{
    create_json_under(ports, key, record, None).await
}

/// The same under a lock, if there is one.
///
/// # Errors
/// As [`create_json`].
pub async fn create_json_under<T, P>(
    ports: &P,
    key: &str,
    record: &T,
    lock: Option<&Lock>,
) -> Result<Created<T>, Fault>
where
    T: Stored + Serialize + DeserializeOwned + PartialEq,
    P: Vault,
{
    let body = serde_json::to_vec_pretty(record).map_err(|cause| {
        Fault::new(Hope::Permanent, "writing", key, cause.to_string()).because(cause)
    })?;
    let written = match lock {
        Some(lock) => ports.create_locked(key, Bytes::from(body), lock).await?,
        None => ports.create(key, Bytes::from(body)).await?,
    };
    match written {
        Written::New(_) => return Ok(Created::New),
        Written::Conflict => {}
    }
    match read_json::<T, P>(ports, key).await? {
        Seen::Here((found, _)) if &found == record => Ok(Created::Ours),
        Seen::Here((found, _)) => Ok(Created::Theirs(found)),
        Seen::Absent => Err(unread(key, "it was there a moment ago and is not there now".into())),
        Seen::Unknown(why) => Err(unread(key, why)),
    }
}

/// The look at a stored document did not say whether it is there. It may help to look again.
pub fn unread(key: &str, why: String) -> Fault {
    Fault::new(Hope::Retryable, "reading", key, why)
}
