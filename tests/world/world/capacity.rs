//! The Auto Scaling groups of the simulated world. A world has none unless a test gives it some: then a
//! site without instances answers nothing.

use jiff::Timestamp;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{ApplianceMode, Capacity};
use warmspare_decide::capacity::Group;
use warmspare_decide::journal::Step;
use warmspare_decide::name::Region;
use warmspare_decide::seen::Seen;

use super::promises::{is_intended, newest_term, was_ever_intended};
use super::sites::{Sites, after, gone};
use super::{Run, State};

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
    /// What it runs came up while its site was to be standby, and was never production.
    pub(super) is_fresh: bool,
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
        Self { name, group, due_at: None, told: 0, is_fresh: false }
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

    /// Whether a site may write: it is in production, or it has instances that were and that nobody has
    /// ended. A site with a group is fenced by that group alone, as the strictest plan demands.
    pub(super) fn may_write(&self, site: &str) -> bool {
        match self.groups.get(site).filter(|scaled| !scaled.is_fresh) {
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

/// What a group may be told: the instances of a site that is active, or that takes over and was started,
/// are never ended, not by a run that is late either.
fn is_meant(state: &mut State, site: &str, desired: u32) {
    let Some(newest) = newest_term(state).filter(|_| !state.many) else { return };
    let is_fewer = state.sites.groups.get(site).is_some_and(|found| desired < found.group.desired);
    let is_new = newest.opened.to.as_str() == site;
    let is_needed = match &newest.end {
        Some(end) => end.completed == is_new,
        None => is_new && newest.is_done(Step::StartCapacity),
    };
    let is_put_back = newest.opened.view.past.first().is_some_and(|past| past.put_back);
    if is_fewer && (is_needed || newest.end.is_none() && is_new && !is_put_back) {
        state.breaks(format!("P2: the instances of {site} were ended, and it is needed"));
    }
    if newest.end.is_none() && !is_new {
        is_intended(state, Step::StopCapacity);
    }
    // A run of the term before may be late with it: that starts what nobody minds.
    if newest.end.is_none() && is_new && !is_fewer && !was_ever_intended(state, Step::StartCapacity)
    {
        state.breaks(format!("P5: instances of {site} were started, and nobody intended it"));
    }
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
            is_meant(state, site_in(region), desired);
            if state.sites.is_region_lost(region) {
                return Err(gone(DURING, name));
            }
            let now = state.now;
            let mode = state.sites.by_name[site_in(region)].mode;
            let Some(found) = state.sites.groups.get_mut(site_in(region)) else {
                return Err(Fault::new(Hope::Permanent, DURING, name, "ValidationError"));
            };
            found.told += 1;
            let group = &mut found.group;
            if desired < group.min || desired > group.max {
                let why = format!("{desired} is not between {} and {}", group.min, group.max);
                return Err(Fault::new(Hope::Permanent, DURING, name, why));
            }
            if group.is_gone() {
                found.is_fresh = mode == ApplianceMode::Standby;
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
