//! Route 53: what it is asked, and what its answers mean. What it holds of a record set is in `sets`,
//! the form of names in `names`.

mod names;
mod sets;

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::SdkError;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types::{ChangeBatch, ChangeStatus, RrType};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Dns;
use warmspare_decide::dns::{Change, RecordSet};
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::{code, fault, fragment};

use names::{escaped, plain};
use sets::{change, seen};

/// Sets of one name and type differ only in their routing: more pages than this are not of one
/// name.
const PAGES_MAX: u32 = 10;
const PAGE_SETS: i32 = 100;

impl Dns for Live {
    async fn records(
        &self,
        zone: &str,
        names: &[(String, String)],
    ) -> Result<Vec<RecordSet>, Fault> {
        let mut sets = Vec::new();
        for (name, kind) in names {
            sets.extend(Box::pin(of_name(self, zone, name, kind)).await?);
        }
        Ok(sets)
    }

    async fn change(&self, zone: &str, batch: &[Change]) -> Result<Option<String>, Fault> {
        const DURING: &str = "changing the records of";
        let changes = batch.iter().map(change).collect::<Result<Vec<_>, _>>();
        let batch = changes
            .and_then(|changes| ChangeBatch::builder().set_changes(Some(changes)).build())
            .map_err(|error| {
                Fault::new(Hope::Permanent, DURING, zone, error.to_string()).because(error)
            })?;
        let client = self.clients().route53();
        let asked =
            client.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send();
        match Box::pin(asked).await {
            Ok(answer) => Ok(answer.change_info().map(|info| bare(info.id()).to_owned())),
            Err(error) if is_stale(&error) => Ok(None),
            Err(error) => Err(refused(DURING, zone, error)),
        }
    }

    async fn is_in_sync(&self, change_id: &str) -> Result<Seen<bool>, Fault> {
        let client = self.clients().route53();
        match Box::pin(client.get_change().id(change_id).send()).await {
            Ok(answer) => {
                let info = answer.change_info();
                Ok(Seen::Here(info.is_some_and(|info| *info.status() == ChangeStatus::Insync)))
            }
            Err(error) if code(&error) == Some("NoSuchChange") => Ok(Seen::Absent),
            Err(error) => Err(fault("looking at the change", change_id, error)),
        }
    }
}

/// Route 53 lists from a name and type on; what comes after them is not asked for.
async fn of_name(live: &Live, zone: &str, name: &str, kind: &str) -> Result<Vec<RecordSet>, Fault> {
    const DURING: &str = "reading the records of";
    let client = live.clients().route53();
    let mut sets = Vec::new();
    let mut identifier: Option<String> = None;
    for _page in 0..PAGES_MAX {
        let answer = client
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .start_record_name(escaped(name))
            .start_record_type(RrType::from(kind))
            .set_start_record_identifier(identifier.take())
            .max_items(PAGE_SETS)
            .send()
            .await
            .map_err(|error| fault(DURING, zone, error))?;
        let found: Vec<RecordSet> =
            answer.resource_record_sets().iter().map(|set| seen(zone, set)).collect();
        let listed = found.len();
        let of_name = found.into_iter().filter(|set| set.name == name && set.kind == kind);
        let before = sets.len();
        sets.extend(of_name);
        let is_whole_page = sets.len().saturating_sub(before) == listed;
        let goes_on = answer.next_record_name().map(plain).as_deref() == Some(name)
            && answer.next_record_type().map(RrType::as_str) == Some(kind);
        if !answer.is_truncated() || !is_whole_page || !goes_on {
            return Ok(sets);
        }
        identifier = answer.next_record_identifier().map(str::to_owned);
    }
    let why = format!("{name} {kind} has more sets than {PAGES_MAX} pages hold");
    Err(Fault::new(Hope::Permanent, DURING, zone, why))
}

/// Whether Route 53 refused the batch because a record is not what the batch deletes, or is there
/// where the batch creates. It says so only in words; other words (a value that is none, a
/// protected set) are a fault.
fn is_stale(error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>) -> bool {
    const WORDS: [&str; 5] =
        ["already exists", "was not found", "do not match", "does not match", "does not exist"];
    said(error).iter().any(|message| WORDS.iter().any(|words| message.contains(words)))
}

/// The messages of an `InvalidChangeBatch`. Route 53 has two ways of saying it: as every error, and
/// with `InvalidChangeBatch` itself around the messages, which the SDK cannot read.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>
fn said(error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>) -> Vec<String> {
    if let Some(ChangeResourceRecordSetsError::InvalidChangeBatch(invalid)) =
        error.as_service_error()
    {
        let one = invalid.message().map(str::to_owned);
        return invalid.messages().iter().cloned().chain(one).collect();
    }
    let body = error.raw_response().and_then(|answer| answer.body().bytes());
    let body = String::from_utf8_lossy(body.unwrap_or_default());
    if !body.contains("<InvalidChangeBatch") {
        return Vec::new();
    }
    let messages = body.split("<Message>").skip(1);
    messages.filter_map(|rest| rest.split("</Message>").next()).map(str::to_owned).collect()
}

fn refused(
    during: &'static str,
    zone: &str,
    error: SdkError<ChangeResourceRecordSetsError, HttpResponse>,
) -> Fault {
    let messages = said(&error).join("; ");
    if messages.is_empty() {
        return fault(during, zone, error);
    }
    let why = format!("it answered InvalidChangeBatch: {}", fragment(&messages));
    Fault::new(Hope::Permanent, during, zone, why).because(error)
}

fn bare(change_id: &str) -> &str {
    change_id.strip_prefix("/change/").unwrap_or(change_id)
}

#[cfg(test)]
mod tests;
