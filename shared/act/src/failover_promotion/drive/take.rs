//! Taking one act, as it was decided.

use warmspare_decide::database::{Origin, Pair, Placed};
use warmspare_decide::dns;
use warmspare_decide::failover::{Act, Attempt};
use warmspare_decide::journal::Progress;
use warmspare_decide::plan::Site;

use crate::failover_promotion::{global, group};
use crate::fault::{Fault, Hope};
use crate::ports::ApplianceMode;
use crate::switch;

use super::{LOOK_EVERY_S, Memory, Subject, World, sites};

/// The batch that an act submits, to be written down before it.
pub(super) fn batch_of(act: &Act) -> Vec<dns::Change> {
    match act {
        Act::Repoint(batch) => batch.clone(),
        Act::SeedDatabase
        | Act::Fence
        | Act::Unfence
        | Act::StopCapacity
        | Act::StartCapacity { .. }
        | Act::RestoreDatabase { .. }
        | Act::PromoteDatabase
        | Act::MoveWriter { .. }
        | Act::PromoteAppliance
        | Act::TurnSwitch { .. }
        | Act::Publish => Vec::new(),
    }
}

/// Takes one act. What came of it is looked at in the next turn; a fault that may pass is no reason to
/// stop, and one that will not pass is.
pub(super) async fn take<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    act: &Act,
    memory: &mut Memory,
) -> Result<(), Fault> {
    let (old, new) = sites(subject, progress);
    memory.told_at = Some(ports.now());
    let pair = progress.opened.pair(&subject.plan);
    let taken = match act {
        Act::Fence => {
            return attempt(ports.set_mode(&old.appliance, ApplianceMode::Standby).await, memory);
        }
        Act::Unfence => {
            return attempt(
                ports.set_mode(&old.appliance, ApplianceMode::Production).await,
                memory,
            );
        }
        Act::PromoteAppliance => {
            return attempt(
                ports.set_mode(&new.appliance, ApplianceMode::Production).await,
                memory,
            );
        }
        Act::StopCapacity => return scale(ports, old, 0, memory).await,
        Act::StartCapacity { desired } => return scale(ports, new, *desired, memory).await,
        Act::SeedDatabase => match &pair {
            Some(Pair { writer, replica, left: Some(left) }) => {
                ports.seed(writer, replica, left).await.map(|_is_new| ())
            }
            Some(_) | None => Ok(()),
        },
        Act::RestoreDatabase { snapshot } => {
            match (&pair, subject.plan.restore_at(&progress.opened.to)) {
                (Some(Pair { replica, .. }), Some(how)) => {
                    let (system, term) = (subject.system.clone(), progress.term);
                    let origin = Origin { system, term, snapshot: snapshot.clone() };
                    ports.restore(replica, how, &origin).await.map(|_is_new| ())
                }
                (Some(_) | None, Some(_) | None) => Ok(()),
            }
        }
        Act::PromoteDatabase => match &pair {
            Some(Pair { replica: Placed { id, region }, .. }) => {
                let told = ports.promote(region, id).await;
                // RDS goes on saying `available` for a moment.
                ports.pause(LOOK_EVERY_S).await;
                told
            }
            None => Ok(()),
        },
        Act::MoveWriter { may_lose } => match &pair {
            Some(pair) => {
                let told = global::move_writer(ports, subject, progress, pair, *may_lose).await;
                // The global database goes on saying `available` for a moment.
                ports.pause(LOOK_EVERY_S).await;
                told
            }
            None => Ok(()),
        },
        Act::Repoint(batch) => {
            return group::submit(ports, subject, progress, batch, &mut memory.moves).await.map(
                |waiting_for| {
                    memory.waiting_for = waiting_for.unwrap_or_default();
                },
            );
        }
        Act::TurnSwitch { over } => {
            let (to, term) = (&progress.opened.to, progress.term);
            switch::turn(ports, &subject.system, (to, term), over.as_deref()).await
        }
        Act::Publish => {
            let published = switch::publish(ports, &subject.plan, None).await;
            if published.is_ok() {
                memory.published_at = memory.told_at;
            }
            published.map(|_site| ())
        }
    };
    match taken {
        Ok(()) => Ok(()),
        Err(fault) if fault.hope == Hope::Permanent => Err(fault),
        Err(fault) => {
            memory.waiting_for = fault.to_string();
            ports.pause(LOOK_EVERY_S).await;
            Ok(())
        }
    }
}

/// An appliance's answer is all there is to see of its mode, so it is kept for the decision.
fn attempt(answer: Result<(), Fault>, memory: &mut Memory) -> Result<(), Fault> {
    memory.attempt = Some(match answer {
        Ok(()) => Attempt::Accepted,
        Err(fault) if fault.hope == Hope::Unreachable => Attempt::Unreachable(fault.to_string()),
        Err(fault) => Attempt::Unclear(fault.to_string()),
    });
    Ok(())
}

/// Auto Scaling can be asked afterwards; that it refused or did not answer is kept for the decision.
async fn scale<P: World>(
    ports: &P,
    site: &Site,
    desired: u32,
    memory: &mut Memory,
) -> Result<(), Fault> {
    let Some(capacity) = &site.capacity else { return Ok(()) };
    attempt(ports.set_desired(&site.region, &capacity.asg, desired).await, memory)
}
