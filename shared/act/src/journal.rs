//! Reading and writing journals in the vault, and the courtesy of saying that a run is alive.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warmspare_decide::database::Pair;
use warmspare_decide::failover::PastTerm;
use warmspare_decide::journal::{Entry, FORMAT, Progress, What};
use warmspare_decide::name::{SiteName, SystemName, Term};
use warmspare_decide::plan::Plan;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault::{self, Located};

use crate::documents::{self, Created, Stored};
use crate::fault::{Fault, Hope};
use crate::ports::{Clock, Vault, Written};

/// A run that has not said that it is alive for so long is taken to be dead, in seconds of S3's clock.
pub const ALIVE_S_MAX: u64 = 45;
/// How often a run says that it is alive, in seconds.
pub const ALIVE_EVERY_S: u64 = 15;
/// How far back terms are read, for the daily limit.
const HISTORY_S: i64 = 86_400;

/// The failovers of one system, newest first: all of the last day, and back to the last one that moved
/// the system.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    newest_first: Vec<Loaded>,
}

/// One term, folded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The fold of its journal.
    pub progress: Progress,
    /// When its last entry was written.
    pub last_at: Timestamp,
}

impl Terms {
    /// Terms that were read elsewhere, newest first.
    pub fn of(newest_first: Vec<Loaded>) -> Self {
        Self { newest_first }
    }

    /// The newest term, open or ended.
    pub fn newest(&self) -> Option<&Progress> {
        self.newest_first.first().map(|loaded| &loaded.progress)
    }

    /// The number that the next failover will have.
    pub fn next(&self) -> Term {
        self.newest().map(|progress| progress.term).unwrap_or_default().next()
    }

    /// The active site and the newest completed term, which says so.
    pub fn active(&self, plan: &Plan) -> (SiteName, Term) {
        self.newest_first
            .iter()
            .find(|loaded| loaded.progress.end.as_ref().is_some_and(|end| end.completed))
            .map_or((plan.home.name.clone(), Term(0)), |loaded| {
                (loaded.progress.opened.to.clone(), loaded.progress.term)
            })
    }

    /// The instances of the database, as the newest completed term left them.
    pub fn pair(&self, plan: &Plan) -> Option<Pair> {
        let completed = self
            .newest_first
            .iter()
            .map(|loaded| &loaded.progress)
            .find(|progress| progress.end.as_ref().is_some_and(|end| end.completed));
        match completed {
            None => Pair::of(plan),
            Some(done) => done.opened.pair(plan).map(|pair| pair.after(plan, done.term)),
        }
    }

    /// The ended terms, as the decision to begin another one wants them.
    pub fn past(&self) -> Vec<PastTerm> {
        let ended = |loaded: &Loaded| PastTerm::of(&loaded.progress, loaded.last_at);
        self.newest_first.iter().filter_map(ended).collect()
    }
}

/// Reads the failovers of a system.
///
/// # Errors
/// The vault's fault, or a permanent one for a journal that this code cannot have written.
pub async fn terms<P: Vault + Clock>(ports: &P, system: &SystemName) -> Result<Terms, Fault> {
    let keys = ports.list(&vault::terms(system)).await?;
    let mut entries: Vec<(Term, u32)> = keys
        .iter()
        .filter_map(|key| match Located::parse(key)? {
            Located::Entry(_, term, n) => Some((term, n)),
            Located::Manifest(..)
            | Located::Object(..)
            | Located::Verified(..)
            | Located::ExportIntended(..)
            | Located::Exported(..) => None,
        })
        .collect();
    entries.sort_unstable();
    let day_ago_s = ports.now().as_second().saturating_sub(HISTORY_S);
    let mut terms = Terms::default();
    while let Some((term, _)) = entries.last().copied() {
        let first = entries.partition_point(|(known, _)| *known < term);
        let numbers = entries.split_off(first);
        let loaded = load(ports, system, term, &numbers).await?;
        let is_move = loaded.progress.end.as_ref().is_some_and(|end| end.completed);
        let is_old = loaded.progress.opened_at.as_second() < day_ago_s;
        terms.newest_first.push(loaded);
        if is_move && is_old {
            break;
        }
    }
    Ok(terms)
}

/// The active site of a system and the newest completed term, which says so.
///
/// # Errors
/// The vault's fault.
pub async fn active_site<P: Vault + Clock>(
    ports: &P,
    plan: &Plan,
) -> Result<(SiteName, Term), Fault> {
    Ok(terms(ports, &plan.system).await?.active(plan))
}

async fn load<P: Vault>(
    ports: &P,
    system: &SystemName,
    term: Term,
    numbers: &[(Term, u32)],
) -> Result<Loaded, Fault> {
    let mut entries: Vec<Entry> = Vec::new();
    for (_, n) in numbers {
        let key = vault::entry(system, term, *n);
        match documents::read_json::<Entry, P>(ports, &key).await? {
            Seen::Here((entry, _)) => entries.push(entry),
            Seen::Absent => return Err(unreadable(&key, "was listed and is not there")),
            Seen::Unknown(why) => {
                return Err(Fault::new(Hope::Retryable, "reading", key, why));
            }
        }
    }
    let last_at = entries.last().map(|entry| entry.at).unwrap_or_default();
    Progress::of(&entries)
        .map(|progress| Loaded { progress, last_at })
        .map_err(|why| unreadable(&vault::journal(system, term), &why.to_string()))
}

fn unreadable(key: &str, why: &str) -> Fault {
    Fault::new(Hope::Permanent, "reading the journal", key, why)
}

/// Appends an entry; `None` when another run has written that entry first, and the journal has to be
/// read again.
///
/// # Errors
/// The vault's fault: the entry may have been written.
pub async fn append<P: Vault + Clock>(
    ports: &P,
    system: &SystemName,
    term: Term,
    n: u32,
    plan_version: &str,
    what: What,
) -> Result<Option<Entry>, Fault> {
    let entry = Entry {
        format: FORMAT,
        system: system.clone(),
        term,
        n,
        at: ports.now(),
        writer: ports.writer(),
        plan_version: plan_version.to_owned(),
        what,
    };
    match documents::create_json(ports, &vault::entry(system, term, n), &entry).await? {
        Created::New | Created::Ours => Ok(Some(entry)),
        Created::Theirs(_) => Ok(None),
    }
}

/// The entry that another run has written after the first `entries` of a journal. What cannot be read is
/// taken for nothing: only an entry that is there says so.
pub async fn next_of<P: Vault>(
    ports: &P,
    system: &SystemName,
    term: Term,
    entries: u32,
) -> Option<Entry> {
    let next = vault::entry(system, term, entries.saturating_add(1));
    match documents::read_json::<Entry, P>(ports, &next).await {
        Ok(Seen::Here((entry, _))) => Some(entry),
        Ok(Seen::Absent | Seen::Unknown(_)) | Err(_) => None,
    }
}

/// Whether another run has written more than the first `entries` of a journal.
pub async fn is_past<P: Vault>(ports: &P, system: &SystemName, term: Term, entries: u32) -> bool {
    let next = vault::entry(system, term, entries.saturating_add(1));
    matches!(ports.read(&next).await, Ok(Seen::Here(_)))
}

#[derive(Debug, Serialize, Deserialize)]
struct Alive {
    writer: String,
    /// The run has ended in good order, and the next one need not wait.
    released: bool,
}

/// A courtesy that no version depends on: no format of it is kept.
impl Stored for Alive {}

/// Whether this run may drive a failover now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It may. Others may think so too: safety is in the steps themselves.
    Ours,
    /// Another run said so many seconds ago that it drives.
    Another {
        /// By S3's own clock.
        age_s: u64,
    },
}

/// Says that this run is alive, unless another one is. A retry of the same request takes over at once.
///
/// # Errors
/// The vault's fault.
pub async fn lease<P: Vault + Clock>(
    ports: &P,
    system: &SystemName,
    term: Term,
) -> Result<Lease, Fault> {
    let key = vault::alive(system, term);
    let ours = alive(ports, false);
    let (alive, document) = match documents::read_json::<Alive, P>(ports, &key).await? {
        Seen::Here(found) => found,
        Seen::Absent => {
            return Ok(match ports.create(&key, ours).await? {
                Written::New(_) => Lease::Ours,
                Written::Conflict => Lease::Another { age_s: 0 },
            });
        }
        Seen::Unknown(why) => return Err(Fault::new(Hope::Retryable, "reading", key, why)),
    };
    let age_s = document.read_at.as_second().saturating_sub(document.written_at.as_second());
    let age_s = u64::try_from(age_s).unwrap_or(0);
    let is_ours = request_of(&alive.writer) == request_of(&ports.writer());
    if !is_ours && !alive.released && age_s < ALIVE_S_MAX {
        return Ok(Lease::Another { age_s });
    }
    Ok(match ports.replace(&key, &document.etag, ours).await? {
        Written::New(_) => Lease::Ours,
        Written::Conflict => Lease::Another { age_s: 0 },
    })
}

/// Says that this run has ended in good order. That it could not be said costs the next run a wait.
pub async fn release<P: Vault + Clock>(ports: &P, system: &SystemName, term: Term) {
    let key = vault::alive(system, term);
    if let Ok(Seen::Here((found, document))) = documents::read_json::<Alive, P>(ports, &key).await
        && request_of(&found.writer) == request_of(&ports.writer())
        && let Err(fault) = ports.replace(&key, &document.etag, alive(ports, true)).await
    {
        tracing::warn!("{fault}; the next run will wait until this one counts as dead");
    }
}

fn alive<P: Clock>(ports: &P, released: bool) -> bytes::Bytes {
    let alive = Alive { writer: ports.writer(), released };
    serde_json::to_vec(&alive).unwrap_or_default().into()
}

/// A writer is named `<request>/<run>`; a retry of a request has the same first half.
pub(crate) fn request_of(writer: &str) -> &str {
    writer.split_once('/').map_or(writer, |(request, _)| request)
}
