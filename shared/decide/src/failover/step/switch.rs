//! The switch: when it is turned, when it has turned, and when the alarm that Route 53 reads says so.
//! Nothing here needs Route 53's control plane, or anything else outside the recovery region.

use super::{Act, Next, View};
use crate::failover::guards::not_healthy;
use crate::journal::{Finding, Progress, Step};
use crate::name::Term;
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::switch::{self, Held, Turn};

/// How often a run that waits for the alarm publishes by itself, in seconds: less than a period of the
/// metric, so that every minute has a value even if the probe is silent.
const PUBLISH_EVERY_S: i64 = 20;

/// The alarm wants two minutes in a row, and CloudWatch needs a moment for each; what takes longer is
/// said with its numbers.
const LED_S_SAID: i64 = 240;

/// The switch is turned only while the new site is seen healthy in this very turn, as records are moved.
pub(super) fn turn(plan: &Plan, progress: &Progress, view: &View) -> Next {
    match over(plan, progress, view) {
        Err(next) => next,
        Ok(None) => {
            let (site, term) = (progress.opened.to.clone(), progress.term);
            Next::Confirm(Step::Repoint, Finding::Switched { site, term })
        }
        Ok(Some(over)) => act(view, over),
    }
}

/// Route 53 judges the data of the alarm, and not its state, and its own word on the health check is in
/// us-east-1 only. The alarm, which judges the same data by the same rule, is what can be seen here
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html>).
pub(super) fn see_led(plan: &Plan, progress: &Progress, view: &View) -> Next {
    match over(plan, progress, view) {
        Err(next) => return next,
        // Somebody took the switch away, or put an older version of it back.
        Ok(Some(over)) => return act(view, over),
        Ok(None) => {}
    }
    let (to, name) = (&progress.opened.to, switch::alarm_name(&plan.system));
    let why = match &view.switch.alarm {
        Seen::Here(state) if switch::led_to(plan, *state) == Some(to) => {
            let finding = Finding::Led { site: to.clone(), alarm: name };
            return Next::Confirm(Step::SeeInSync, finding);
        }
        Seen::Here(state) => format!("the alarm {name} is {state} and does not lead to {to} yet"),
        Seen::Absent => format!("there is no alarm {name}, which the health check reads"),
        Seen::Unknown(why) => format!("CloudWatch could not be asked for {name}: {why}"),
    };
    let is_due = view
        .switch
        .published_at
        .is_none_or(|at| view.now.as_second().saturating_sub(at.as_second()) >= PUBLISH_EVERY_S);
    if is_due {
        return Next::Do(Act::Publish);
    }
    let turned_at = progress.done_at(Step::Repoint).unwrap_or(view.now);
    let since_s = view.now.as_second().saturating_sub(turned_at.as_second());
    Next::Wait(if since_s > LED_S_SAID {
        format!(
            "{why}, {since_s} s after the switch was turned; as a rule it takes less than {LED_S_SAID} s"
        )
    } else {
        why
    })
}

/// What the switch has to be turned over, if it has to be turned at all.
fn over(plan: &Plan, progress: &Progress, view: &View) -> Result<Option<Option<String>>, Next> {
    let held: Option<&Held> = match &view.switch.held {
        Seen::Here(held) => Some(held),
        Seen::Absent => None,
        Seen::Unknown(why) => {
            return Err(Next::Wait(format!("the switch could not be read: {why}")));
        }
    };
    let term: Term = progress.term;
    match switch::decide(plan, &progress.opened.to, term, held) {
        Turn::Already => Ok(None),
        Turn::Over(etag) => Ok(Some(etag)),
        Turn::Superseded(newer) => Err(Next::Stop(Refusal::Superseded { term, newer })),
        Turn::Foreign(drift) => Err(Next::Stop(drift.into())),
    }
}

fn act(view: &View, over: Option<String>) -> Next {
    match not_healthy(&view.new) {
        Some(why) => Next::Wait(format!("the new site is not healthy any more: {why}")),
        None => Next::Do(Act::TurnSwitch { over }),
    }
}
