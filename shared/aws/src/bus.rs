//! The event bus: the account's default one, in the recovery region.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Bus;
use warmspare_decide::outcome::Announcement;

use crate::Live;
use crate::fault::fault;

impl Bus for Live {
    async fn announce(&self, announcement: &Announcement) -> Result<(), Fault> {
        const DURING: &str = "announcing";
        let subject = announcement.happening.as_str();
        let detail = serde_json::to_string(announcement).map_err(|error| {
            let why = format!("it cannot be written as JSON: {error}");
            Fault::new(Hope::Permanent, DURING, subject, why).because(error)
        })?;
        let entry = PutEventsRequestEntry::builder()
            .source("warmspare")
            .detail_type(subject)
            .detail(detail)
            .build();
        let client = self.clients().eventbridge();
        let answer = Box::pin(client.put_events().entries(entry).send())
            .await
            .map_err(|error| fault(DURING, subject, error))?;
        // The call succeeds also when the bus takes nothing.
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        let refused = answer.entries().iter().find(|entry| entry.error_code().is_some());
        let why = refused.map_or_else(
            || "the bus did not take it".to_owned(),
            |entry| {
                format!(
                    "the bus did not take it: {}: {}",
                    entry.error_code().unwrap_or_default(),
                    entry.error_message().unwrap_or_default()
                )
            },
        );
        Err(Fault::new(Hope::Retryable, DURING, subject, why))
    }
}

#[cfg(test)]
mod tests;
