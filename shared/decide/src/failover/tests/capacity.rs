//! Auto Scaling groups: the old one's is stopped, the new one's is started.

use super::*;
use crate::capacity::Group;
use crate::plan::Capacity;

/// Both sites have a group: `controller-east` of one instance, `controller-west` of two.
pub(crate) fn scaled(demand: FenceDemand) -> Plan {
    let mut plan = plan();
    plan.failover.fence = demand;
    plan.home.capacity = Some(Capacity { asg: "controller-east".to_owned(), desired: 1 });
    plan.away.capacity = Some(Capacity { asg: "controller-west".to_owned(), desired: 2 });
    plan
}

pub(crate) fn group(desired: u32, instances: u32) -> Group {
    Group {
        desired,
        min: 0,
        max: 4,
        in_service: instances,
        instances,
        protected: 0,
        suspended: vec![],
    }
}

/// A pilot light: nothing of the standby runs, and a load balancer says so.
fn pilot_light() -> OpeningView {
    let mut view = lost();
    view.standby = vec![signal("internet", Sight::Otherwise("it answered 503".to_owned()))];
    view.capacity = Some(Seen::Here(group(0, 0)));
    view
}

fn opened(demand: FenceDemand) -> Opened {
    open(&scaled(demand), &pilot_light()).unwrap()
}

fn progress(
    demand: FenceDemand,
    confirmed: &[(Step, Finding)],
    intended: Option<Step>,
) -> Progress {
    let confirmed = confirmed
        .iter()
        .map(|(step, finding)| What::Confirmed { step: *step, finding: finding.clone() });
    let intended = intended.map(|step| What::Intended { step, batch: vec![] });
    let first = What::Opened(Box::new(opened(demand)));
    let entries: Vec<Entry> = std::iter::once(first)
        .chain(confirmed)
        .chain(intended)
        .zip(1..)
        .map(|(what, n)| Entry {
            format: FORMAT,
            system: SystemName::parse("controller").unwrap(),
            term: Term(1),
            n,
            at: now(),
            writer: "test".to_owned(),
            plan_version: "v1".to_owned(),
            what,
        })
        .collect();
    Progress::of(&entries).unwrap()
}

fn all_debts() -> Vec<Debt> {
    vec![Debt::Appliance, Debt::Capacity, Debt::Database]
}

fn unreached() -> (Step, Finding) {
    (
        Step::Fence,
        Finding::FenceAttempted { debts: all_debts(), why: "gone".to_owned(), accepted: None },
    )
}

fn accepted() -> (Step, Finding) {
    (Step::Fence, Finding::Fenced { debts: vec![Debt::Capacity, Debt::Database] })
}

fn stopped() -> (Step, Finding) {
    let (debts, group) = (vec![Debt::Database], group(0, 0));
    (Step::StopCapacity, Finding::Stopped { debts, group })
}

#[test]
fn the_old_instances_end_before_the_new_ones_start_and_both_before_any_promotion() {
    let steps = opened(FenceDemand::Attempted).steps;
    let first = [Step::Fence, Step::StopCapacity, Step::StartCapacity, Step::PromoteDatabase];
    assert_eq!(steps[..4], first);
}

#[test]
fn a_pilot_light_is_ready_when_it_can_be_started() {
    use FenceDemand::Attempted;
    assert!(open(&scaled(Attempted), &pilot_light()).is_ok(), "its health is seen once it runs");
    let refused = |change: &dyn Fn(&mut OpeningView)| {
        let mut view = pilot_light();
        change(&mut view);
        open(&scaled(Attempted), &view).unwrap_err()
    };
    let running = refused(&|view| view.capacity = Some(Seen::Here(group(2, 2))));
    assert!(matches!(running, Refusal::StandbyNotReady { .. }), "it runs, and is not well");
    let small = refused(&|view| view.capacity = Some(Seen::Here(Group { max: 1, ..group(0, 0) })));
    let words = "controller-west is to have 2 instance(s), and Auto Scaling takes 0 to 1, its \
                 minimum and maximum size";
    assert_eq!(small.to_string(), words);
    let absent = refused(&|view| view.capacity = Some(Seen::Absent));
    assert!(matches!(absent, Refusal::NoCapacity { .. }), "{absent}");
    let unknown = refused(&|view| view.capacity = Some(Seen::Unknown("throttled".to_owned())));
    assert!(matches!(unknown, Refusal::StandbyNotReady { .. }), "{unknown}");
}

/// What came of the old group: confirmed, kept as a debt, waited for, acted on, or refused.
#[derive(Debug, PartialEq)]
enum Came {
    Confirmed(Vec<Debt>),
    Owed(Vec<Debt>),
    Waits,
    Acts,
    Stops,
}

fn came(next: Next) -> Came {
    match next {
        Next::Do(act) => {
            assert_eq!(act, Act::StopCapacity);
            Came::Acts
        }
        Next::Confirm(Step::StopCapacity, Finding::Stopped { debts, .. }) => Came::Confirmed(debts),
        Next::Confirm(Step::StopCapacity, Finding::StopAttempted { debts, .. }) => {
            Came::Owed(debts)
        }
        Next::Wait(_) => Came::Waits,
        Next::Stop(Refusal::FenceUnconfirmed { .. }) => Came::Stops,
        Next::Confirm(..)
        | Next::Later(_)
        | Next::Stop(_)
        | Next::Abandon(..)
        | Next::Complete(_) => panic!("no answer about the old group"),
    }
}

/// P2, as a table: what the plan demands, whether the old appliance accepted to be standby, what was
/// seen of its group. A site of which nothing runs is fenced even when its appliance does not answer.
#[test]
fn a_site_without_instances_is_fenced_whether_it_answers_or_not() {
    use FenceDemand::{Attempted, Confirmed};
    let gone = || Seen::Here(group(0, 0));
    let running = || Seen::Here(group(1, 1));
    let ending = || Seen::Here(group(0, 1));
    let bound = || Seen::Here(Group { min: 1, ..group(1, 1) });
    let unknown = || Seen::Unknown("no answer".to_owned());
    let database = || vec![Debt::Database];
    let capacity = || vec![Debt::Capacity, Debt::Database];
    for (demand, fence, group, expected) in [
        (Confirmed, unreached(), gone(), Came::Confirmed(database())),
        (Confirmed, accepted(), gone(), Came::Confirmed(database())),
        (Attempted, unreached(), gone(), Came::Confirmed(database())),
        (Confirmed, unreached(), running(), Came::Acts),
        (Attempted, accepted(), running(), Came::Acts),
        (Confirmed, unreached(), ending(), Came::Waits),
        (Confirmed, accepted(), ending(), Came::Waits),
        (Attempted, unreached(), ending(), Came::Owed(all_debts())),
        (Attempted, accepted(), ending(), Came::Owed(capacity())),
        (Confirmed, accepted(), bound(), Came::Stops),
        (Attempted, unreached(), bound(), Came::Owed(all_debts())),
        (Confirmed, unreached(), unknown(), Came::Stops),
        (Confirmed, accepted(), unknown(), Came::Stops),
        (Attempted, unreached(), unknown(), Came::Owed(all_debts())),
        (Attempted, accepted(), unknown(), Came::Owed(capacity())),
        (Confirmed, accepted(), Seen::Absent, Came::Stops),
        (Attempted, accepted(), Seen::Absent, Came::Owed(capacity())),
    ] {
        let during = format!("{demand:?}, {fence:?}, {group:?}");
        let progress = progress(demand, &[fence], Some(Step::StopCapacity));
        let view = View { group, ..view() };
        assert_eq!(came(next(&scaled(demand), &progress, &view)), expected, "{during}");
    }
}

#[test]
fn what_auto_scaling_refuses_is_said_and_its_bound_is_named() {
    let demand = FenceDemand::Confirmed;
    let begun = progress(demand, &[unreached()], Some(Step::StopCapacity));
    let bound = View { group: Seen::Here(Group { min: 1, ..group(1, 1) }), ..view() };
    let Next::Stop(refusal) = next(&scaled(demand), &begun, &bound) else { panic!() };
    let words = "the minimum size of controller-east is 1, and Auto Scaling refuses";
    assert!(refusal.to_string().contains(words), "{refusal}");
    let denied = View {
        group: Seen::Here(group(1, 1)),
        attempt: Some(Attempt::Unclear("it answered AccessDenied".to_owned())),
        ..view()
    };
    let Next::Stop(refusal) = next(&scaled(demand), &begun, &denied) else { panic!() };
    assert!(refusal.to_string().contains("AccessDenied"), "{refusal}");
}

/// An attempt is enough only where nothing of the old site answers on any path.
#[test]
fn what_is_up_on_one_path_is_not_left_running() {
    let demand = FenceDemand::Attempted;
    let begun = progress(demand, &[unreached()], None);
    let half_down = View {
        group: Seen::Unknown("no answer".to_owned()),
        old: [silent(), silent(), Sight::Otherwise("it answered 500".to_owned())]
            .into_iter()
            .zip(["internet", "peering", "rds"])
            .map(|(sight, path)| signal(path, sight))
            .collect(),
        ..view()
    };
    assert_eq!(came(next(&scaled(demand), &begun, &half_down)), Came::Stops);
}

/// FF5: ending instances cannot be taken back, so until that is intended a site that is well again is.
#[test]
fn an_old_site_that_is_well_again_keeps_its_instances() {
    let demand = FenceDemand::Confirmed;
    let plan = scaled(demand);
    let up = ["a", "b", "c"].map(|path| signal(path, Sight::AsExpected)).to_vec();
    let view = View { old: up, group: Seen::Here(group(1, 1)), ..view() };
    let fenced = [accepted()];
    assert_eq!(next(&plan, &progress(demand, &fenced, None), &view), Next::Do(Act::Unfence));
    let back = progress(demand, &fenced, Some(Step::Unfence));
    assert_eq!(next(&plan, &back, &view), Next::Do(Act::Unfence), "and nothing else from then on");
    let told = progress(demand, &fenced, Some(Step::StopCapacity));
    assert!(told.is_past_return);
    assert_eq!(next(&plan, &told, &view), Next::Do(Act::StopCapacity), "its instances are ending");
}

#[test]
fn a_pilot_light_is_started_once_and_awaited() {
    let demand = FenceDemand::Attempted;
    let plan = scaled(demand);
    let progress = progress(demand, &[unreached(), stopped()], None);
    let after = |group: Seen<Group>, attempt: Option<Attempt>| {
        next(&plan, &progress, &View { group, attempt, ..view() })
    };
    let dark = || Seen::Here(group(0, 0));
    assert_eq!(after(dark(), None), Next::Do(Act::StartCapacity { desired: 2 }));
    let starting = after(Seen::Here(Group { instances: 2, ..group(2, 1) }), None);
    let words = "controller-west has 2 instance(s), 1 of them in service, 2 desired, and 2 wanted";
    assert_eq!(starting, Next::Wait(words.to_owned()));
    let there = after(Seen::Here(group(3, 3)), None);
    let finding = Finding::InService { group: group(3, 3) };
    assert_eq!(there, Next::Confirm(Step::StartCapacity, finding), "already so is already so");
    for waits in [
        after(Seen::Unknown("throttled".to_owned()), None),
        after(dark(), Some(Attempt::Accepted)),
        after(dark(), Some(Attempt::Unclear("ScalingActivityInProgress".to_owned()))),
    ] {
        assert!(matches!(waits, Next::Wait(_)), "{waits:?}");
    }
    let small = after(Seen::Here(Group { max: 1, ..group(0, 0) }), None);
    assert!(matches!(small, Next::Stop(Refusal::CapacityOutOfBounds { max: 1, .. })), "{small:?}");
    let absent = after(Seen::Absent, None);
    assert!(matches!(absent, Next::Stop(Refusal::NoCapacity { .. })), "{absent:?}");
}
