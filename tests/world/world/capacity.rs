//! The Auto Scaling groups of the simulated world. A world has none unless a test gives it some: then a
//! site without instances answers nothing.

use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{ApplianceMode, Capacity};
use warmspare_decide::capacity::Group;
use warmspare_decide::journal::Step;
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use super::Run;
use super::promises::{is_intended, newest_term};
use super::sites::{Sites, after, gone};

/// How long an instance needs to be in service, or to end, in seconds.
const CHANGE_S: i64 = 12;

/// The Auto Scaling group of one site, with its name.
#[derive(Clone, Debug)]
pub(crate) struct Scaled {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    due_at: Option<Timestamp>,
    /// How often it was told another desired capacity.
    pub(crate) told: u32,
}

impl Scaled {
    /// A group that runs so many instances.
    pub(crate) fn of(name: &'static str, desired: u32) -> Self {
        let group = Group {
            desired,
            min: 0,
            max: 2,
            in_service: desired,
            instances: desired,
            protected: 0,
            suspended: vec![],
        };
        Self { name, group, due_at: None, told: 0 }
    }
}

impl Sites {
    /// What Auto Scaling does by itself as time passes.
    pub(super) fn settle_groups(&mut self, now: Timestamp) {
        for scaled in self.groups.values_mut() {
            let group = &mut scaled.group;
            if scaled.due_at.is_some_and(|at| now >= at) {
                scaled.due_at = None;
                group.instances = group.desired.max(group.protected);
                group.in_service = group.desired;
            }
        }
    }

    /// Whether a site may write: it is in production, or it has instances that nobody has ended. A
    /// site with a group is fenced by that group alone, as the strictest plan demands.
    pub(super) fn may_write(&self, site: &str) -> bool {
        match self.groups.get(site) {
            Some(scaled) => scaled.group.desired > 0 || scaled.group.instances > 0,
            None => self.by_name[site].mode == ApplianceMode::Production,
        }
    }

    /// Whether anything of a site can run.
    pub(super) fn runs(&self, site: &str) -> bool {
        self.groups.get(site).is_none_or(|scaled| scaled.group.in_service > 0)
    }
}

fn site_in(region: &Region) -> &'static str {
    if region.as_str() == "us-east-1" { "east" } else { "west" }
}

impl Capacity for Run<'_> {
    async fn group(&self, region: &Region, name: &str) -> Result<Seen<Group>, Fault> {
        Run::look(self, |state| {
            if state.sites.is_region_lost(region) {
                return Err(gone("looking at the Auto Scaling group", name));
            }
            let found = state.sites.groups.get(site_in(region)).filter(|found| found.name == name);
            Ok(found.map_or(Seen::Absent, |found| Seen::Here(found.group.clone())))
        })
        .await
    }

    async fn set_desired(&self, region: &Region, name: &str, desired: u32) -> Result<(), Fault> {
        const DURING: &str = "setting the desired capacity of";
        let (region, name) = (region.clone(), name.to_owned());
        self.send("Capacity::set_desired", move |state| {
            let (region, name) = (&region, name.as_str());
            if newest_term(state).is_some_and(|progress| progress.end.is_none()) {
                let step = if desired == 0 { Step::StopCapacity } else { Step::StartCapacity };
                is_intended(state, step);
            }
            if state.sites.is_region_lost(region) {
                return Err(gone(DURING, name));
            }
            let now = state.now;
            let Some(found) = state.sites.groups.get_mut(site_in(region)) else {
                return Err(Fault::new(Hope::Permanent, DURING, name, "ValidationError"));
            };
            found.told += 1;
            let group = &mut found.group;
            if desired < group.min || desired > group.max {
                let why = format!("{desired} is not between {} and {}", group.min, group.max);
                return Err(Fault::new(Hope::Permanent, DURING, name, why));
            }
            if group.desired != desired {
                group.desired = desired;
                found.due_at = Some(after(now, CHANGE_S));
            }
            Ok(())
        })
        .await
    }
}
