//! What the sink knows of objects and of uploads: their content only where it is a document.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum, checksum_combine};

/// A body that has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// In bytes.
    pub(crate) length_bytes: u64,
    /// Its CRC-64/NVME.
    pub(crate) crc: u64,
}

impl Passed {
    /// Both, one behind the other.
    fn then(self, next: Self) -> Self {
        let crc = checksum_combine(CrcAlgorithm::Crc64Nvme, self.crc, next.crc, next.length_bytes);
        Self { length_bytes: self.length_bytes + next.length_bytes, crc }
    }
}

/// An object, or an upload that was begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) passed: Passed,
    pub(super) parts: BTreeMap<u32, Passed>,
    /// The content of a document.
    pub(super) body: Option<Bytes>,
    /// Headers that are given back as they came.
    pub(super) headers: Vec<(String, String)>,
}

/// Requests since it was last asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// PUTs and POSTs.
    pub(crate) writes: u64,
    /// GETs and HEADs.
    pub(crate) reads: u64,
}

/// Everything that the sink has.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    kept: Mutex<BTreeMap<String, Kept>>,
    uploads: Mutex<HashMap<String, Kept>>,
    tally: Mutex<Tally>,
    answer_after: Mutex<Duration>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Objects {
    /// Lays an object there, to be read.
    pub(crate) fn lay(&self, key: &str, length_bytes: u64) {
        self.keep(key, Kept { passed: Passed { length_bytes, crc: 0 }, ..Kept::default() });
    }

    /// Lays a document there.
    pub(crate) fn write(&self, key: &str, body: Bytes) {
        let length_bytes = u64::try_from(body.len()).unwrap_or_default();
        let crc = checksum(CrcAlgorithm::Crc64Nvme, &body);
        let passed = Passed { length_bytes, crc };
        self.keep(key, Kept { passed, body: Some(body), ..Kept::default() });
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        locked(&self.kept).clear();
    }

    /// From now on, every answer comes so much later than it could.
    pub(crate) fn answer_after(&self, pause: Duration) {
        *locked(&self.answer_after) = pause;
    }

    pub(super) fn pause(&self) -> Duration {
        *locked(&self.answer_after)
    }

    /// How many objects begin so, and how long they are together, in bytes.
    pub(crate) fn below(&self, prefix: &str) -> (usize, u64) {
        let kept = locked(&self.kept);
        let below = kept.iter().filter(|(key, _)| key.starts_with(prefix));
        below.fold((0, 0), |(n, sum), (_, kept)| (n + 1, sum + kept.passed.length_bytes))
    }

    /// At most so many objects that follow a key, in order, and whether there are more.
    pub(super) fn page(
        &self,
        prefix: &str,
        after: &str,
        max: usize,
    ) -> (Vec<(String, Passed)>, bool) {
        let kept = locked(&self.kept);
        let from = after.max(prefix).to_owned();
        let mut rest = kept
            .range(from..)
            .filter(|(key, _)| key.as_str() > after)
            .take_while(|(key, _)| key.starts_with(prefix));
        let page = rest.by_ref().take(max).map(|(key, kept)| (key.clone(), kept.passed)).collect();
        (page, rest.next().is_some())
    }

    /// What came under a key, which is forgotten by that.
    pub(crate) fn taken(&self, key: &str) -> Option<Passed> {
        locked(&self.kept).remove(key).map(|kept| kept.passed)
    }

    /// The requests since the last time.
    pub(crate) fn tally(&self) -> Tally {
        std::mem::take(&mut locked(&self.tally))
    }

    pub(super) fn count(&self, is_write: bool) {
        let mut tally = locked(&self.tally);
        tally.writes += u64::from(is_write);
        tally.reads += u64::from(!is_write);
    }

    pub(super) fn find(&self, key: &str) -> Option<Kept> {
        locked(&self.kept).get(key).cloned()
    }

    pub(super) fn keep(&self, key: &str, kept: Kept) {
        locked(&self.kept).insert(key.to_owned(), kept);
    }

    pub(super) fn begin(&self, headers: Vec<(String, String)>) -> String {
        let mut uploads = locked(&self.uploads);
        let id = format!("u{}", uploads.len());
        uploads.insert(id.clone(), Kept { headers, ..Kept::default() });
        id
    }

    /// Whether there is such an upload.
    pub(super) fn part(&self, id: &str, number: u32, passed: Passed) -> bool {
        let mut uploads = locked(&self.uploads);
        let found = uploads.get_mut(id);
        found.map(|upload| upload.parts.insert(number, passed)).is_some()
    }

    /// The object that these parts make.
    pub(super) fn complete(&self, id: &str) -> Option<Kept> {
        // The next upload needs a number of its own, so what is left of this one stays.
        let mut upload = std::mem::take(locked(&self.uploads).get_mut(id)?);
        let parts = std::mem::take(&mut upload.parts).into_values();
        upload.passed = parts.reduce(Passed::then)?;
        Some(upload)
    }
}
