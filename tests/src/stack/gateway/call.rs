//! What went through the gateway, and what a rule can ask of it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::SystemTime;

use super::text::decoded;

/// How many calls are remembered; older ones are forgotten.
const CALLS_MAX: usize = 100_000;

/// One call that a function made.
#[derive(Debug, Clone)]
pub struct Call {
    /// Counted from 0, in the order of arrival.
    pub number: u64,
    /// When it arrived.
    pub at: SystemTime,
    /// The region it was signed for; Route 53 and IAM sign for us-east-1 wherever they are called
    /// from.
    pub region: String,
    /// The service by its signing name: `s3`, `route53`, `rds`, `kms`, `events`, `monitoring`
    /// (CloudWatch).
    pub service: String,
    /// The action as IAM writes it: `PutObject`.
    pub action: String,
    /// Path and query as they came.
    pub path: String,
    /// What it said besides: a body of at most 64 KiB that was read, without percent escapes, and the
    /// source of a copy.
    pub said: String,
    /// Whose key signed it; empty if nobody's did.
    pub access_key: String,
    /// The caller's end of its connection; [`super::super::functions::caller`] knows the process.
    pub caller: SocketAddr,
    /// What was answered, by the service or by a fault; `None` while there is no answer, or none
    /// came.
    pub status: Option<u16>,
    /// The fault that it met.
    pub fault: Option<&'static str>,
}

/// Which calls are meant: every field that is filled has to agree. The default means every call.
#[derive(Debug, Clone, Default)]
pub struct Match {
    region: Option<String>,
    service: Option<String>,
    spared: Vec<String>,
    action: Option<String>,
    key_contains: Option<String>,
    access_key: Option<String>,
}

impl Match {
    /// Every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// Only calls signed for this region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Only calls to this service, by its signing name.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Not calls to this service. For the loss of us-east-1: Route 53 signs for it, and is not in
    /// it.
    #[must_use]
    pub fn sparing(mut self, service: &str) -> Self {
        self.spared.push(service.to_owned());
        self
    }

    /// Only calls of this action.
    #[must_use]
    pub fn action(mut self, action: &str) -> Self {
        self.action = Some(action.to_owned());
        self
    }

    /// Only calls that name this anywhere: in the path, the query, or a body of at most 1 MiB.
    #[must_use]
    pub fn key_contains(mut self, text: &str) -> Self {
        self.key_contains = Some(text.to_owned());
        self
    }

    /// Only calls signed with this key; [`super::super::functions::access_key`] knows a function's.
    #[must_use]
    pub fn access_key(mut self, key: &str) -> Self {
        self.access_key = Some(key.to_owned());
        self
    }

    /// Whether a call that was recorded is meant; of its text the path, the query and what it said
    /// are known.
    pub fn means(&self, call: &Call) -> bool {
        self.agrees(call) && (self.finds(&decoded(&call.path)) || self.finds(&call.said))
    }

    /// Whether a call that is here now is meant; `text` is all of it that can be read.
    pub(super) fn means_now(&self, call: &Call, text: &str) -> bool {
        self.agrees(call) && self.finds(text)
    }

    fn agrees(&self, call: &Call) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        same(&self.region, &call.region)
            && same(&self.service, &call.service)
            && same(&self.action, &call.action)
            && same(&self.access_key, &call.access_key)
            && !self.spared.contains(&call.service)
    }

    fn finds(&self, text: &str) -> bool {
        self.key_contains.as_deref().is_none_or(|wanted| text.contains(wanted))
    }
}

/// The last calls, oldest first.
#[derive(Debug, Default)]
pub(super) struct Record {
    calls: VecDeque<Call>,
    begun: u64,
}

impl Record {
    /// Remembers a call and gives it its number.
    pub(super) fn add(&mut self, call: &mut Call) {
        call.number = self.begun;
        self.begun += 1;
        if self.calls.len() == CALLS_MAX {
            self.calls.pop_front();
        }
        self.calls.push_back(call.clone());
    }

    pub(super) fn answered(
        &mut self,
        number: u64,
        status: Option<u16>,
        fault: Option<&'static str>,
    ) {
        let first = self.calls.front().map_or(0, |call| call.number);
        let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(call) = place.and_then(|place| self.calls.get_mut(place)) {
            call.status = status.or(call.status);
            call.fault = fault.or(call.fault);
        }
    }

    pub(super) fn meant_by(&self, matching: &Match) -> Vec<Call> {
        self.calls.iter().filter(|call| matching.means(call)).cloned().collect()
    }

    pub(super) fn count(&self) -> u64 {
        self.begun
    }
}
