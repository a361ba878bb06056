//! Auto Scaling groups, in any Region.

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Capacity;
use warmspare_decide::capacity::Group;
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use crate::Live;
use crate::fault::fault;

const DURING: &str = "looking at the Auto Scaling group";
const SETTING: &str = "setting the desired capacity of";

impl Capacity for Live {
    async fn group(&self, region: &Region, name: &str) -> Result<Seen<Group>, Fault> {
        let client = self.clients().autoscaling(region.as_str());
        let asked = client.describe_auto_scaling_groups().auto_scaling_group_names(name).send();
        let answer = Box::pin(asked).await.map_err(|error| fault(DURING, name, error))?;
        let groups = answer.auto_scaling_groups();
        // A group that is not there is not named in the answer, which is no error.
        match groups.iter().find(|found| found.auto_scaling_group_name() == Some(name)) {
            Some(found) => group(name, found).map(Seen::Here),
            None => Ok(Seen::Absent),
        }
    }

    async fn set_desired(&self, region: &Region, name: &str, desired: u32) -> Result<(), Fault> {
        let wanted = i32::try_from(desired).map_err(|error| {
            Fault::new(Hope::Permanent, SETTING, name, format!("{desired} is too many"))
                .because(error)
        })?;
        let client = self.clients().autoscaling(region.as_str());
        let asked = client
            .set_desired_capacity()
            .auto_scaling_group_name(name)
            .desired_capacity(wanted)
            // A disaster does not wait for a scaling cooldown.
            .honor_cooldown(false)
            .send();
        Box::pin(asked).await.map(|_| ()).map_err(|error| fault(SETTING, name, error))
    }
}

fn group(name: &str, found: &AutoScalingGroup) -> Result<Group, Fault> {
    // The SDK puts zeros where a number is missing, and a group of zeros would count as gone. What has
    // always been created at some time says whether the description is whole.
    if found.created_time().is_none_or(|at| at.secs() == 0) {
        let why = "Auto Scaling's description of it is not whole";
        return Err(Fault::new(Hope::Retryable, DURING, name, why));
    }
    let whole = |number: Option<i32>, what: &str| {
        number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
            let why = format!("Auto Scaling does not say its {what}");
            Fault::new(Hope::Permanent, DURING, name, why)
        })
    };
    let count = |which: &dyn Fn(&aws_sdk_autoscaling::types::Instance) -> bool| {
        let count = found.instances().iter().filter(|instance| which(instance)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    let processes = found.suspended_processes().iter();
    Ok(Group {
        desired: whole(found.desired_capacity(), "desired capacity")?,
        min: whole(found.min_size(), "minimum size")?,
        max: whole(found.max_size(), "maximum size")?,
        in_service: count(&|instance| {
            instance.lifecycle_state() == Some(&LifecycleState::InService)
        }),
        instances: count(&|_| true),
        protected: count(&|instance| instance.protected_from_scale_in() == Some(true)),
        suspended: processes
            .filter_map(|process| process.process_name().map(str::to_owned))
            .collect(),
    })
}

#[cfg(test)]
mod tests;
