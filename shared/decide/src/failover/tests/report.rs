//! What a failover is said to have cost.

use super::*;
use crate::acknowledgement::{Accepted, Acknowledgement};

/// What was written before the fence is lost, unless it was seen on the replica, or Aurora has waited for
/// it.
#[test]
fn a_move_has_lost_what_its_replica_lacked_unless_it_was_waited_for() {
    let lost_s = |plan: &Plan, kind: Kind, done: &[(Step, Finding)]| {
        let opened = as_if_open(plan, &OpeningView { kind, ..lost() });
        report(plan, &progress_of(opened, done, None), now()).rpo_database_s
    };
    let fence = [(Step::Fence, Finding::Fenced { debts: vec![] })];
    let caught_up = (Step::CatchUp, Finding::CaughtUp { measured_at: now() });
    assert_eq!(lost_s(&plan(), Kind::Failover, &fence), Some(2));
    assert_eq!(lost_s(&global(), Kind::Failover, &fence), Some(2));
    assert_eq!(lost_s(&plan(), Kind::Switchover, &fence), Some(2), "it was not seen yet");
    let seen = [fence.to_vec(), vec![caught_up]].concat();
    assert_eq!(lost_s(&plan(), Kind::Switchover, &seen), Some(0));
    assert_eq!(lost_s(&global(), Kind::Switchover, &fence), Some(0));
    assert_eq!(lost_s(&global(), Kind::Failback, &fence), Some(0));
}

/// Who has accepted what is told to whoever reads it afterwards, at the beginning and at either fence.
#[test]
fn whatever_was_accepted_is_in_the_report() {
    let by = |who: &str, refusal: Refusal| {
        let name = refusal.name().to_owned();
        let (who, reason) = (who.to_owned(), "they wait".to_owned());
        Accepted {
            refusal,
            by: Acknowledgement { format: 1, who, refusal: name, until: now(), reason },
        }
    };
    let unconfirmed = || Refusal::FenceUnconfirmed {
        site: SiteName::parse("east").unwrap(),
        tried_s: 60,
        demand: "the plan demands a confirmed fence".to_owned(),
        why: "no answer".to_owned(),
        up: 0,
    };
    let loss = by("Ada", Refusal::TooFarBehind { lag_s: 31, lag_s_max: 30 });
    let (fence, stop) = (by("Grace", unconfirmed()), by("Edsger", unconfirmed()));
    let mut opened = opened();
    opened.accepted = vec![loss.clone()];
    opened.steps.insert(1, Step::StopCapacity);
    let why = || "a person accepts it".to_owned();
    let (debts, accepted) = (|| vec![Debt::Appliance], |by: &Accepted| Some(Box::new(by.clone())));
    let done = [
        (
            Step::Fence,
            Finding::FenceAttempted { debts: debts(), why: why(), accepted: accepted(&fence) },
        ),
        (
            Step::StopCapacity,
            Finding::StopAttempted { debts: debts(), why: why(), accepted: accepted(&stop) },
        ),
    ];
    let report = report(&plan(), &progress_of(opened, &done, None), now());
    assert_eq!(report.accepted, [loss, fence, stop]);
    assert_eq!(report.debts, debts());
}
