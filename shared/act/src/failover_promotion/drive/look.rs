//! The look before each turn.

use warmspare_decide::dns;
use warmspare_decide::failover::{Attempt, View};
use warmspare_decide::journal::{Progress, Step};
use warmspare_decide::seen::Seen;

use crate::fault::or_unknown;
use crate::signals;

use super::super::hand;
use super::{Memory, Subject, World, sites};

/// Looks at what the next step needs, and at nothing else: a failover depends on the old site only
/// where it fences it (P7).
pub(super) async fn look<P: World>(
    ports: &P,
    subject: &Subject,
    progress: &Progress,
    memory: &Memory,
) -> View {
    let plan = &subject.plan;
    let (old, new) = sites(subject, progress);
    let not_looked = || "it was not looked at".to_owned();
    let mut view = View {
        now: ports.now(),
        old: Vec::new(),
        new: Vec::new(),
        attempt: memory.attempt.clone(),
        replica: Seen::Unknown(not_looked()),
        records: Seen::Unknown(not_looked()),
        change_id: memory.change_id.clone(),
        in_sync: Seen::Unknown(not_looked()),
        acknowledgements: Seen::Unknown(not_looked()),
    };
    match progress.next_step() {
        Some(Step::Fence | Step::Unfence) => {
            (view.old, view.new) = futures_util::future::join(
                signals::of_site(ports, plan, old),
                signals::of_new_site(ports, plan, new),
            )
            .await;
            if matches!(view.attempt, Some(Attempt::Unreachable(_) | Attempt::Unclear(_))) {
                view.acknowledgements = hand::acknowledgements(ports, &subject.system).await;
            }
        }
        Some(Step::PromoteDatabase) => {
            if let Some(database) = &plan.database {
                view.replica = or_unknown(ports.instance(&new.region, &database.replica).await);
            }
        }
        Some(Step::SeeHealthy) => view.new = signals::of_new_site(ports, plan, new).await,
        Some(Step::Repoint) => {
            view.new = signals::of_new_site(ports, plan, new).await;
            view.records = match ports.records(&plan.dns.zone, &dns::names(plan)).await {
                Ok(records) => Seen::Here(records),
                Err(fault) => Seen::Unknown(fault.to_string()),
            };
        }
        Some(Step::SeeInSync) => {
            view.in_sync = match progress.change_id() {
                None => Seen::Absent,
                Some(change_id) => match ports.is_in_sync(change_id).await {
                    Ok(in_sync) => Seen::Here(in_sync),
                    Err(fault) => Seen::Unknown(fault.to_string()),
                },
            };
        }
        Some(Step::PromoteAppliance) | None => {}
    }
    view
}
