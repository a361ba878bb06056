//! The appliances of the simulated world, and what their health signals say.

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{ApplianceMode, Appliances, Signals};
use warmspare_decide::evidence::Sight;
use warmspare_decide::journal::Step;
use warmspare_decide::plan::{Appliance, Check};

use super::promises::{is_fenced, is_intended, newest_term};
use super::sites::{after, gone};
use super::{Bent, Run};

/// How long an appliance needs from being told to be production until it answers, in seconds.
const START_S: i64 = 10;

fn site_of(text: &str) -> &'static str {
    if text.contains("east") { "east" } else { "west" }
}

impl Appliances for Run<'_> {
    async fn set_mode(&self, appliance: &Appliance, mode: ApplianceMode) -> Result<(), Fault> {
        let url = appliance.endpoint().url.clone();
        let name = site_of(&url);
        let answer = self.send("Appliances::set_mode", move |state| {
            let newest = newest_term(state);
            let is_left = newest.as_ref().is_some_and(|term| term.opened.from.as_str() == name);
            let is_open = newest.is_some_and(|term| term.end.is_none());
            match (is_left, mode) {
                (true, ApplianceMode::Standby) if is_open => is_intended(state, Step::Fence),
                (true, ApplianceMode::Standby) => {}
                (true, ApplianceMode::Production) => is_intended(state, Step::Unfence),
                (false, _) => {
                    is_intended(state, Step::PromoteAppliance);
                    is_fenced(state);
                }
            }
            let now = state.now;
            let newest = newest_term(state).map(|progress| progress.term.0);
            let runs = state.sites.runs(name);
            let is_many = state.many;
            let site = state.sites.site(name);
            if mode == ApplianceMode::Standby {
                site.fence_tried_in = newest;
            }
            if site.lost || site.dark || site.deaf || !runs {
                return Err(gone("setting the mode of", &url));
            }
            if site.ill || site.refuses_modes {
                let why = "it answered 500";
                return Err(Fault::new(Hope::Retryable, "setting the mode of", url, why));
            }
            // Many systems share this site here, and each has an appliance of its own there: one that
            // starts is no reason for the others to wait.
            if site.mode != mode && mode == ApplianceMode::Production && !is_many {
                site.healthy_at = after(now, START_S);
                site.was_healthy = false;
            }
            site.mode = mode;
            if let (Some(scaled), ApplianceMode::Production) =
                (state.sites.groups.get_mut(name), mode)
            {
                scaled.is_fresh = false;
            }
            let site = state.sites.site(name);
            // Told twice, it is quiet since the first time.
            site.quiet_since = match mode {
                ApplianceMode::Standby => site.quiet_since.or(Some(now)),
                ApplianceMode::Production => None,
            };
            Ok(())
        });
        let answer = answer.await;
        let is_believed = self.world.state().bent == Some(Bent::ModeIsBelieved);
        if is_believed && answer.is_err() {
            return Ok(());
        }
        // What is on its way was sent, and counts as a try.
        if mode == ApplianceMode::Standby && answer.is_err() {
            let mut state = self.world.set();
            let newest = newest_term(&state).map(|progress| progress.term.0);
            state.sites.site(name).fence_tried_in = newest;
        }
        answer
    }
}

impl Signals for Run<'_> {
    async fn look(&self, check: &Check) -> Sight {
        let target = match check {
            Check::Https { url, .. } => url.clone(),
            Check::Tcp { host, .. } => host.clone(),
            Check::Replication => panic!("what RDS says is asked of RDS"),
        };
        let sight = Run::look(self, |state| {
            let site = &state.sites.by_name[site_of(&target)];
            let is_off = !state.sites.runs(site_of(&target));
            Ok(if is_off && !site.lost && !site.dark && target.starts_with("https") {
                // A load balancer stands there, and has nothing behind it.
                Sight::Otherwise("it answered 503".to_owned())
            } else if site.lost || site.dark || is_off {
                Sight::Silent("no answer within 3 s".to_owned())
            } else if site.unseen && state.bent == Some(Bent::UnknownIsSilence) {
                Sight::Silent("it could not be looked at".to_owned())
            } else if site.unseen {
                Sight::NotTaken("it could not be looked at".to_owned())
            } else if state.bent == Some(Bent::HealthIsBelieved) {
                Sight::AsExpected
            } else if site.ill || state.now < site.healthy_at {
                Sight::Otherwise("it answered 503".to_owned())
            } else {
                Sight::AsExpected
            })
        });
        sight.await.unwrap_or_else(|fault| Sight::NotTaken(fault.to_string()))
    }
}
