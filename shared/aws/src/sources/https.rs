//! One GET of an address. Half an answer is a fault, also when the server ends it politely.

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::TRANSFER_ENCODING;
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::plan::Endpoint;

use super::DURING;
use crate::Live;
use crate::web;

/// An answer that began.
#[derive(Debug)]
pub(super) struct Download {
    subject: String,
    answer: Response,
    length_bytes: Option<u64>,
    read_bytes: u64,
}

pub(super) async fn open(live: &Live, endpoint: &Endpoint) -> Result<Download, Fault> {
    let client = live.web().client(endpoint.tls_pin)?;
    let request = web::authenticated(live, endpoint, client.get(&endpoint.url)).await?;
    let answer = request.send().await.map_err(|error| web::fault(DURING, &endpoint.url, error))?;
    let subject = web::without_query(&endpoint.url).to_owned();
    let status = answer.status().as_u16();
    let hope = match status {
        200 => {
            return Download::begin(subject, answer);
        }
        408 | 429 | 500.. => Hope::Retryable,
        _ => Hope::Permanent,
    };
    let why = format!("it answered {status}, where 200 was expected");
    Err(Fault::new(hope, DURING, subject, why))
}

impl Download {
    /// Without a length and without chunks, the end of the connection would be the only end, and
    /// nobody could tell a whole answer from half of one.
    fn begin(subject: String, answer: Response) -> Result<Self, Fault> {
        let length_bytes = answer.content_length();
        if length_bytes.is_none() && !answer.headers().contains_key(TRANSFER_ENCODING) {
            let why = "its answer has neither a length nor chunks, so its end could not be told";
            return Err(Fault::new(Hope::Permanent, DURING, subject, why));
        }
        Ok(Self { subject, answer, length_bytes, read_bytes: 0 })
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
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
