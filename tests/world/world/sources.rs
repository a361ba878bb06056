//! What backups read in the simulated world: live systems, whose data change all the time.

use bytes::Bytes;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Dumps, Sources};
use warmspare_act::stream::Chunks;
use warmspare_decide::plan::From;
use warmspare_decide::seen::Seen;

use super::Run;
use super::vault::{Pieces, Version};

/// The sources of every plan.
#[derive(Clone, Debug)]
pub(crate) struct AllSources {
    /// How often any source was opened; each time it gives other data.
    pub(crate) opened: u32,
    /// A source breaks off after this many bytes, and says so.
    pub(crate) breaks_after: Option<usize>,
    /// What it says then.
    pub(crate) breaks_with: fn(&str) -> Fault,
    /// It does not break off then: it says nothing any more.
    pub(crate) falls_silent: bool,
    /// How S3 stores an upload: normally as asked.
    pub(crate) stores: fn(&mut Version),
    /// What every dump is. The dumps of this world are the text that `pg_restore` writes of their table.
    pub(crate) dump: Option<&'static str>,
    /// Why `pg_restore` does not read a dump.
    pub(crate) unread: Option<&'static str>,
    /// Whoever reads a dump with it is killed by that.
    pub(crate) kills: bool,
    /// Every source gives so many bytes, in pieces as a network has them.
    pub(crate) body_bytes: Option<usize>,
}

/// A piece of a long source, in bytes.
const LONG_PIECE_BYTES: usize = 4_096;

impl Default for AllSources {
    fn default() -> Self {
        Self {
            opened: 0,
            breaks_after: None,
            breaks_with: |name| {
                Fault::new(Hope::Retryable, "reading", name, "pg_dump ended with exit code 1")
            },
            falls_silent: false,
            stores: |_| (),
            dump: None,
            unread: None,
            kills: false,
            body_bytes: None,
        }
    }
}

impl Dumps for Run<'_> {
    async fn table<C: Chunks>(
        &self,
        dump: &mut C,
        _schema: &str,
        _table: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Seen<()>, Fault> {
        let unread = self.look(|state| Ok(state.sources.unread)).await?;
        if self.world.state().sources.kills {
            std::future::pending::<()>().await;
        }
        while let Some(piece) = dump.next().await? {
            take(&piece);
        }
        Ok(unread.map_or(Seen::Here(()), |why| Seen::Unknown(why.to_owned())))
    }
}

impl Sources for Run<'_> {
    type Stream = Pieces;

    async fn open(&self, from: &From) -> Result<Pieces, Fault> {
        let name = match from {
            From::Https(download) => download.endpoint.url.clone(),
            From::Postgres { database, .. } => database.clone(),
            From::S3(_) | From::Aviatrix(_) | From::Upload => panic!("{from:?} is not read"),
        };
        // That a source is read is no change of the world, so it meets no trouble.
        self.look(|_| Ok(())).await?;
        let mut state = self.world.set();
        state.sources.opened += 1;
        let body =
            format!("{name}, as it was when it was read for the {}. time", state.sources.opened);
        let body = match (from, state.sources.dump) {
            (From::Postgres { .. }, Some(dump)) => dump.to_owned(),
            (_, _) => body,
        };
        let mut pieces = Pieces::of(&body.clone().into_bytes().into());
        if let Some(bytes) = state.sources.body_bytes {
            let long: Vec<u8> = body.bytes().cycle().take(bytes).collect();
            pieces.rest = long.chunks(LONG_PIECE_BYTES).map(Bytes::copy_from_slice).collect();
        }
        if let Some(bytes) = state.sources.breaks_after {
            let whole: Vec<u8> = pieces.rest.iter().flatten().copied().take(bytes).collect();
            pieces = Pieces::of(&whole.into());
            if state.sources.falls_silent {
                pieces.falls_silent = true;
            } else {
                pieces.breaks = Some((state.sources.breaks_with)(&name));
            }
        }
        Ok(pieces)
    }
}
