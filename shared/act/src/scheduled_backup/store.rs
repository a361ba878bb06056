//! One source of a backup: read, stored under its name, and held against what S3 says.

use warmspare_decide::lock::Protection;
use warmspare_decide::manifest::{Stored, Sums};
use warmspare_decide::name::Slot;
use warmspare_decide::plan::{From, Plan, Source};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;
use warmspare_decide::verify::{ObjectFacts, storage_findings};

use super::inbox::Chosen;
use super::{aviatrix, inbox};
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::in_time::drained;
use crate::pace::Pacer;
use crate::ports::{Clock, Controllers, Inbox, Sources, Uploaded, Vault};
use crate::stream::Measured;

/// A source is not begun with less time left, in seconds. What was stored before it stays, and the
/// retry of the event goes on from there.
const LEFT_S_MIN: u64 = 30;

/// How the sources of one backup are stored.
#[derive(Debug)]
pub(super) struct How<'a, P> {
    pub(super) plan: &'a Plan,
    pub(super) slot: Slot,
    pub(super) protection: &'a Protection,
    pub(super) pacer: &'a Pacer<'a, P>,
}

impl<P: Clock + Sources + Controllers + Inbox> How<'_, P> {
    /// Stores one source, or adopts what an earlier run has stored of it; or says why it cannot be
    /// stored as the plan has it.
    pub(super) async fn store(
        &self,
        ports: &P,
        source: &Source,
        pushed: Option<&Chosen>,
    ) -> Result<Result<Stored, Refusal>, Fault> {
        let key = vault::object(&self.plan.system, self.slot, &source.name);
        let left_s = ports.left_s();
        if left_s < LEFT_S_MIN {
            let why = format!(
                "{left_s} s are left, and {LEFT_S_MIN} s are the least to begin a source with"
            );
            return Err(Fault::new(Hope::Retryable, "storing", key, why));
        }
        let (facts, sums) = match look(ports, &key, None).await? {
            Some(facts) => adopt(ports, &key, facts).await?,
            None => match self.upload(ports, source, pushed, &key).await? {
                Ok(uploaded) => seen(ports, &key, uploaded).await?,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let findings = storage_findings(self.protection, &sums, &facts);
        if !findings.is_empty() {
            // No manifest: what S3 says of it already is what verification would reject.
            return Err(Fault::new(Hope::Permanent, "checking", key, findings.join(" and ")));
        }
        let upload = match source.from {
            From::Upload | From::Aviatrix(_) => Some(inbox::marked(&key, &facts)?),
            From::Https(_) | From::S3(_) | From::Postgres { .. } => None,
        };
        let (source, version_id) = (source.name.clone(), facts.version_id);
        Ok(Ok(Stored { source, key, version_id, sums, upload, inventory: None }))
    }

    async fn upload(
        &self,
        ports: &P,
        source: &Source,
        pushed: Option<&Chosen>,
        key: &str,
    ) -> Result<Result<Uploaded, Refusal>, Fault> {
        // A push is in the vault already, and the file of a controller in S3: no line of the site is to
        // be spared.
        if let Some(chosen) = pushed {
            let inner = chosen.open(ports).await?;
            let mut stream = Measured::new(self.pacer.unpaced(inner, &source.name));
            let mark = inbox::mark(chosen.push())?;
            return ports.upload(key, self.protection, &mut stream, Some(&mark)).await.map(Ok);
        }
        if let From::Aviatrix(controller) = &source.from {
            return aviatrix::upload(self, ports, controller, &source.name, key).await;
        }
        let inner = ports.open(&source.from).await?;
        let mut stream = Measured::new(self.pacer.paced(inner, &source.name));
        ports.upload(key, self.protection, &mut stream, None).await.map(Ok)
    }
}

/// What S3 says of what was stored just now, or by another run.
async fn seen<P: Clock + Vault>(
    ports: &P,
    key: &str,
    uploaded: Uploaded,
) -> Result<(ObjectFacts, Sums), Fault> {
    let gone =
        || documents::unread(key, "it was there a moment ago and is not there now".to_owned());
    match uploaded {
        Uploaded::New { version_id, sums } => {
            let facts = look(ports, key, Some(&version_id)).await?.ok_or_else(gone)?;
            Ok((facts, sums))
        }
        // Another run of this slot was faster. Its object is the one, and says which push it is.
        Uploaded::Exists => {
            let facts = look(ports, key, None).await?.ok_or_else(gone)?;
            adopt(ports, key, facts).await
        }
    }
}

/// Takes over the object of a run that ended before its manifest, by reading it back.
///
/// That is right because an object becomes visible only when its source has said that it was whole,
/// and S3 has held it against the CRC of what was streamed: a stream that breaks off leaves
/// nothing. Sources are read in the plan's order also across runs, so what is adopted is older than
/// what follows it, which is the direction that can be repaired (seed C7).
async fn adopt<P: Clock + Vault>(
    ports: &P,
    key: &str,
    facts: ObjectFacts,
) -> Result<(ObjectFacts, Sums), Fault> {
    let body = ports.read_back(key, &facts.version_id).await?;
    Ok((facts, drained(ports, body, key).await?))
}

pub(super) async fn look<P: Vault>(
    ports: &P,
    key: &str,
    version_id: Option<&str>,
) -> Result<Option<ObjectFacts>, Fault> {
    match ports.facts(key, version_id).await? {
        Seen::Here(facts) => Ok(Some(facts)),
        Seen::Absent => Ok(None),
        Seen::Unknown(why) => Err(documents::unread(key, why)),
    }
}
