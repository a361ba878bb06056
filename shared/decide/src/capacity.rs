//! What is known of an Auto Scaling group: whether it runs what a site needs, or nothing at all.

use serde::{Deserialize, Serialize};

/// An Auto Scaling group as `DescribeAutoScalingGroups` gives it.
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html>)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// How many instances it is to have.
    pub desired: u32,
    /// Auto Scaling refuses a desired capacity below this.
    pub min: u32,
    /// Auto Scaling refuses a desired capacity above this.
    pub max: u32,
    /// Instances in the state `InService`.
    pub in_service: u32,
    /// Instances in any state. One that is `Terminating` or in `Standby` is still listed, and may
    /// still write; one that has ended is listed no more.
    pub instances: u32,
    /// Instances that are protected from scale-in: a lower desired capacity does not end them.
    pub protected: u32,
    /// Processes that somebody has suspended: without `Launch` nothing starts, without `Terminate`
    /// nothing ends.
    pub suspended: Vec<String>,
}

impl Group {
    /// Nothing of it runs, and nothing of it will start by itself.
    pub fn is_gone(&self) -> bool {
        self.desired == 0 && self.instances == 0
    }

    /// So many instances are in service, and are to stay so.
    pub fn has(&self, wanted: u32) -> bool {
        self.desired >= wanted && self.in_service >= wanted
    }

    /// Whether Auto Scaling takes this desired capacity.
    pub fn takes(&self, desired: u32) -> bool {
        (self.min..=self.max).contains(&desired)
    }

    /// What it runs, as a person says it: also what keeps it from changing.
    pub fn words(&self) -> String {
        let mut words = format!(
            "{} instance(s), {} of them in service, {} desired",
            self.instances, self.in_service, self.desired
        );
        if self.protected > 0 {
            words.push_str(&format!(", {} protected from scale-in", self.protected));
        }
        if !self.suspended.is_empty() {
            words.push_str(&format!(", suspended: {}", self.suspended.join(", ")));
        }
        words
    }
}

#[cfg(test)]
mod tests;
