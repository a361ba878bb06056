//! The EventBridge events of RDS, and the list that DescribeEvents reads.
//!
//! Shape: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-cloudwatch-events.sample.html>;
//! identifiers and words: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html>.

use serde_json::{Value, json};

use super::model::Place;
use super::names::{arn, fresh_uuid, iso, iso_seconds, now};

/// One thing that RDS tells.
#[derive(Clone, Debug)]
pub struct Notice {
    /// `RDS-EVENT-…`.
    pub id: &'static str,
    /// `creation`, `deletion`, `notification`, …
    pub category: &'static str,
    /// What happened, in AWS's words.
    pub message: String,
}

impl Notice {
    fn new(id: &'static str, category: &'static str, message: impl Into<String>) -> Self {
        Self { id, category, message: message.into() }
    }

    /// A manual snapshot has begun.
    pub fn creating_manual_snapshot() -> Self {
        Self::new("RDS-EVENT-0040", "creation", "Creating manual snapshot")
    }

    /// A manual snapshot is available.
    pub fn manual_snapshot_created() -> Self {
        Self::new("RDS-EVENT-0042", "creation", "Manual snapshot created")
    }

    /// An automated snapshot is available.
    pub fn automated_snapshot_created() -> Self {
        Self::new("RDS-EVENT-0091", "creation", "Automated snapshot created")
    }

    /// A snapshot was deleted.
    pub fn snapshot_deleted() -> Self {
        Self::new("RDS-EVENT-0041", "deletion", "Deleted user snapshot")
    }

    /// A copy of `name` has begun; `from` and `to` are regions.
    pub fn copy_started(name: &str, from: &str, to: &str) -> Self {
        let (id, side, region) = Self::copy("RDS-EVENT-0059", "RDS-EVENT-0196", from, to);
        let message = format!("Started copy of snapshot {name} {side} region {region}.");
        Self::new(id, "notification", message)
    }

    /// A copy of `name` is available after `minutes`.
    pub fn copy_finished(name: &str, from: &str, to: &str, minutes: i64) -> Self {
        let (id, side, region) = Self::copy("RDS-EVENT-0060", "RDS-EVENT-0197", from, to);
        let message = format!(
            "Finished copy of snapshot {name} {side} region {region} in {minutes} minutes."
        );
        Self::new(id, "notification", message)
    }

    /// A copy of `name` was given up.
    pub fn copy_canceled(name: &str, from: &str, to: &str) -> Self {
        let (id, _, region) = Self::copy("RDS-EVENT-0061", "RDS-EVENT-0190", from, to);
        let message = format!("Canceled snapshot copy request of {name} from region {region}.");
        Self::new(id, "notification", message)
    }

    /// A copy inside a region has events of its own.
    fn copy<'a>(
        across: &'static str,
        local: &'static str,
        from: &'a str,
        to: &'a str,
    ) -> (&'static str, &'static str, &'a str) {
        if from == to { (local, "in", to) } else { (across, "from", from) }
    }

    /// An export failed.
    pub fn export_failed() -> Self {
        Self::new("RDS-EVENT-0159", "notification", "The snapshot export task failed.")
    }

    /// An export was canceled.
    pub fn export_canceled() -> Self {
        Self::new("RDS-EVENT-0160", "notification", "The snapshot export task was canceled.")
    }

    /// An export is complete, whether or not it skipped tables.
    pub fn export_completed() -> Self {
        Self::new("RDS-EVENT-0161", "notification", "The snapshot export task completed.")
    }

    /// An instance was made, a replica say.
    pub fn instance_created() -> Self {
        Self::new("RDS-EVENT-0005", "creation", "DB instance created")
    }

    /// An instance was restarted, which a promotion does.
    pub fn instance_restarted() -> Self {
        Self::new("RDS-EVENT-0006", "availability", "DB instance restarted")
    }

    /// An instance was stopped.
    pub fn instance_stopped() -> Self {
        Self::new("RDS-EVENT-0087", "notification", "DB instance stopped")
    }

    /// An instance was started.
    pub fn instance_started() -> Self {
        Self::new("RDS-EVENT-0088", "notification", "DB instance started")
    }

    /// The event about the snapshot at `place`.
    pub fn about_snapshot(&self, account: &str, place: &Place) -> Value {
        let source = arn(account, "snapshot", place);
        self.event("RDS DB Snapshot Event", "SNAPSHOT", account, place, &source)
    }

    /// The event about the instance at `place`.
    pub fn about_instance(&self, account: &str, place: &Place) -> Value {
        let source = arn(account, "db", place);
        self.event("RDS DB Instance Event", "DB_INSTANCE", account, place, &source)
    }

    fn event(
        &self,
        detail_type: &str,
        source_type: &str,
        account: &str,
        place: &Place,
        source: &str,
    ) -> Value {
        let now = now();
        json!({
            "version": "0",
            "id": fresh_uuid(),
            "detail-type": detail_type,
            "source": "aws.rds",
            "account": account,
            "time": iso_seconds(now),
            "region": place.region,
            "resources": [source],
            "detail": {
                "EventCategories": [self.category],
                "SourceType": source_type,
                "SourceArn": source,
                "Date": iso(now),
                "Message": self.message,
                "SourceIdentifier": place.id,
                "EventID": self.id,
            },
        })
    }
}
