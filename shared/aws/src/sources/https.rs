//! One GET of an address. Half an answer is a fault, also when the server ends it politely.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::TRANSFER_ENCODING;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Clock as _;
use warmspare_decide::plan::Download;
use warmspare_decide::refusal::Refusal;

use super::DURING;
use crate::Live;
use crate::web;

/// The answer has to begin so many seconds before the end of the run.
const END_S: u64 = 20;

/// An answer that began.
#[derive(Debug)]
pub(super) struct Answer {
    subject: String,
    answer: Response,
    length_bytes: Option<u64>,
    read_bytes: u64,
    bytes_max: u64,
}

/// Asks, and waits for the answer to begin for as long as the plan allows and the run can still tell that
/// it did not.
pub(super) async fn open(live: &Live, download: &Download) -> Result<Answer, Fault> {
    let Download { endpoint, timeout_s, bytes_max } = download;
    let timeout_s = live.left_s().saturating_sub(END_S).clamp(1, *timeout_s);
    let client = live.web().source(endpoint.tls_pin, Duration::from_secs(timeout_s))?;
    let request = web::authenticated(live, endpoint, client.get(&endpoint.url)).await?;
    let answer = request.send().await.map_err(|error| web::fault(DURING, &endpoint.url, error))?;
    let subject = web::without_query(&endpoint.url).to_owned();
    let status = answer.status().as_u16();
    let hope = match status {
        200 => {
            return Answer::begin(subject, answer, *bytes_max);
        }
        408 | 429 | 500.. => Hope::Retryable,
        _ => Hope::Permanent,
    };
    let why = format!("it answered {status}, where 200 was expected");
    Err(Fault::new(hope, DURING, subject, why))
}

impl Answer {
    /// Without a length and without chunks, the end of the connection would be the only end, and
    /// nobody could tell a whole answer from half of one.
    fn begin(subject: String, answer: Response, bytes_max: u64) -> Result<Self, Fault> {
        let length_bytes = answer.content_length();
        if length_bytes.is_none() && !answer.headers().contains_key(TRANSFER_ENCODING) {
            let why = "its answer has neither a length nor chunks, so its end could not be told";
            return Err(Fault::new(Hope::Permanent, DURING, subject, why));
        }
        let begun = Self { subject, answer, length_bytes, read_bytes: 0, bytes_max };
        begun.judge(length_bytes.unwrap_or(0))?;
        Ok(begun)
    }

    /// It says that it is so long, or has been so far.
    fn judge(&self, bytes: u64) -> Result<(), Fault> {
        if bytes <= self.bytes_max {
            return Ok(());
        }
        let (source_name, bytes_max) = (self.subject.clone(), self.bytes_max);
        let refusal = Refusal::SourceTooLong { source_name, bytes, bytes_max };
        Err(Fault::refused(DURING, &self.subject, refusal))
    }

    pub(super) fn length_bytes(&self) -> Option<u64> {
        self.length_bytes
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = self.answer.chunk().await;
        match piece.map_err(|error| web::fault(DURING, &self.subject, error))? {
            Some(piece) => {
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.read_bytes = self.read_bytes.saturating_add(length);
                self.judge(self.read_bytes)?;
                Ok(Some(piece))
            }
            None => match self.length_bytes {
                Some(length) if length != self.read_bytes => {
                    let why = format!("it ended after {} of {length} bytes", self.read_bytes);
                    Err(Fault::new(Hope::Retryable, DURING, &self.subject, why))
                }
                Some(_) | None => Ok(None),
            },
        }
    }
}

#[cfg(test)]
mod tests;
