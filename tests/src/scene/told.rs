//! What the functions have announced: a queue on the bus, as anybody else would listen.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that JSON does not have reads as null, and never panics"
)]

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::stack::aws::Aws;

/// Every event of source `warmspare` so far.
pub struct Told {
    aws: Arc<Aws>,
    region: String,
    queue: String,
    events: Mutex<Vec<Value>>,
}

impl Told {
    /// Begins to listen.
    ///
    /// # Errors
    /// What SQS or EventBridge say.
    pub async fn listen(aws: Arc<Aws>, region: &str) -> Result<Self> {
        let made = aws.call(region, "sqs", "create_queue", json!({ "QueueName": "told" })).await?;
        let queue = made["QueueUrl"].as_str().context("a queue without an address")?.to_owned();
        let args = json!({ "QueueUrl": queue, "AttributeNames": ["QueueArn"] });
        let asked = aws.call(region, "sqs", "get_queue_attributes", args).await?;
        let arn = asked["Attributes"]["QueueArn"].clone();
        let pattern = json!({ "source": ["warmspare"] }).to_string();
        let args = json!({ "Name": "told", "EventPattern": pattern });
        aws.call(region, "events", "put_rule", args).await?;
        let args = json!({ "Rule": "told", "Targets": [{ "Id": "queue", "Arn": arn }] });
        aws.call(region, "events", "put_targets", args).await?;
        Ok(Self { aws, region: region.to_owned(), queue, events: Mutex::default() })
    }

    /// Everything announced so far, oldest first.
    ///
    /// # Errors
    /// What SQS says.
    pub async fn all(&self) -> Result<Vec<Value>> {
        loop {
            let args = json!({ "QueueUrl": self.queue, "MaxNumberOfMessages": 10 });
            let got = self.aws.call(&self.region, "sqs", "receive_message", args).await?;
            let messages = got["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let event = message["Body"].as_str().unwrap_or_default();
                self.locked().push(serde_json::from_str(event).context("an announcement")?);
                let args = json!({
                    "QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"],
                });
                self.aws.call(&self.region, "sqs", "delete_message", args).await?;
            }
        }
        let mut events = self.locked().clone();
        events.sort_by_key(|event| event["detail"]["at"].as_str().unwrap_or_default().to_owned());
        Ok(events)
    }

    /// The details of the announcements of one kind, such as `Backup Verified`.
    ///
    /// # Errors
    /// What SQS says.
    pub async fn of(&self, detail_type: &str) -> Result<Vec<Value>> {
        let all = self.all().await?;
        let of_kind = all.into_iter().filter(|event| event["detail-type"] == detail_type);
        Ok(of_kind.map(|event| event["detail"].clone()).collect())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
