//! Tables of decisions of planned moves: one line of difference from a calm view, one expected answer.

use jiff::SignedDuration;

use crate::database::{Instance, LagPoint, Pair, Placed, Replication};
use crate::evidence::{AlarmState, Sight};
use crate::failover::tests::{
    ago, lost, now, past, plan, progress_of, record, replica, signal, silent, view,
};
use crate::failover::{
    Act, Asked, Attempt, Kind, Next, Opened, OpeningView, PastTerm, View, next, open,
};
use crate::journal::{Debt, Finding, Progress, Step};
use crate::name::{SiteName, Term};
use crate::plan::{FenceDemand, Mode, Plan};
use crate::refusal::Refusal;
use crate::seen::Seen;

mod pilot_light;

fn calm() -> OpeningView {
    OpeningView {
        kind: Kind::Switchover,
        lost_at: now(),
        asked: Asked::Operator { reason: "patch day".to_owned() },
        primary: ["internet", "peering"].map(|path| signal(path, Sight::AsExpected)).to_vec(),
        ..lost()
    }
}

/// West is active since term 1, and home has no replica of its database yet.
fn away() -> OpeningView {
    OpeningView {
        kind: Kind::Failback,
        active: SiteName::parse("west").unwrap(),
        pair: Pair::of(&plan()).map(|pair| pair.after(&plan(), Term(1))),
        restored: Some(ago(60)),
        replica: Some(Seen::Absent),
        lag_s: Some(Seen::Unknown("none".to_owned())),
        records: Seen::Here(vec![record("203.0.113.20")]),
        past: vec![past(7_200)],
        ..calm()
    }
}

fn opened(view: &OpeningView) -> Opened {
    open(&plan(), view).unwrap()
}

fn refused(view: OpeningView, change: impl FnOnce(&mut OpeningView)) -> String {
    let mut view = view;
    change(&mut view);
    let refusal = open(&plan(), &view).unwrap_err();
    let name = format!("{refusal:?}");
    name.split([' ', '{']).next().unwrap_or_default().to_owned()
}

#[test]
fn a_planned_move_has_the_steps_that_lose_nothing() {
    let steps = opened(&calm()).steps;
    let first = [Step::Fence, Step::CatchUp, Step::PromoteDatabase, Step::PromoteAppliance];
    assert_eq!(steps[..4], first);
    let home = opened(&away());
    assert_eq!(
        (home.kind, home.steps[0], home.steps[1]),
        (Kind::Failback, Step::SeedDatabase, Step::Fence)
    );
    let of_west = Instance { replica_of: Some("controller-db-west".to_owned()), ..replica() };
    let (replica, lag_s) = (Some(Seen::Here(of_west)), Some(Seen::Here(2)));
    let made = OpeningView { replica, lag_s, ..away() };
    assert_eq!(opened(&made).steps[..2], [Step::Fence, Step::CatchUp], "one that is there is kept");
    let mut asked = away();
    asked.kind = Kind::Switchover;
    assert_eq!(opened(&asked).kind, Kind::Failback, "home, by whichever word");
    assert_eq!(opened(&calm()).kind, Kind::Switchover);
    asked.kind = Kind::Failover;
    assert_eq!(asked.kind_of_move(&plan()), Kind::Failover, "a loss is no failback, wherever to");
    let mut without = plan();
    without.database = None;
    let view = OpeningView { replica: None, lag_s: None, pair: None, ..calm() };
    let steps = open(&without, &view).unwrap().steps;
    assert_eq!(steps[..2], [Step::Fence, Step::PromoteAppliance], "nothing has to catch up");
}

/// E20, E22: each answer by the one thing that is not as it should be.
#[test]
fn a_planned_move_is_refused_by_whatever_is_not_well_or_not_known() {
    let unknown = || "it was throttled".to_owned();
    assert_eq!(refused(calm(), |view| view.primary[1].sight = silent()), "ActiveNotHealthy");
    assert_eq!(refused(calm(), |view| view.primary.clear()), "ActiveNotHealthy");
    assert_eq!(refused(calm(), |view| view.standby[0].sight = silent()), "StandbyNotReady");
    assert_eq!(refused(calm(), |view| view.lag_s = Some(Seen::Here(31))), "TooFarBehind");
    assert_eq!(refused(calm(), |view| view.lag_s = Some(Seen::Unknown(unknown()))), "LagUnknown");
    assert_eq!(refused(calm(), |view| view.replica = Some(Seen::Absent)), "NoReplica");
    let writer = Instance { replica_of: None, replication: None, ..replica() };
    assert_eq!(refused(calm(), |view| view.replica = Some(Seen::Here(writer))), "StandbyNotReady");
    assert_eq!(refused(calm(), |view| view.proven = Seen::Absent), "NoProvenBackup");
    assert_eq!(refused(calm(), |view| view.records = Seen::Unknown(unknown())), "RecordsUnknown");
    assert_eq!(refused(calm(), |view| view.records = Seen::Absent), "RecordsUnknown");
    assert_eq!(
        refused(calm(), |view| view.records = Seen::Here(vec![record("192.0.2.9")])),
        "DnsDrift"
    );
    assert_eq!(refused(calm(), |view| view.kind = Kind::Failback), "AlreadyActive");
    assert_eq!(refused(calm(), |view| view.past = vec![past(60)]), "Cooldown");
    let alarm = Asked::Alarm { name: "a".to_owned(), state: Seen::Here(AlarmState::Alarm) };
    assert_eq!(refused(calm(), |view| view.asked = alarm), "NotOurs", "an alarm plans nothing");
    let owing = PastTerm { debts: vec![Debt::Appliance], ..past(7_200) };
    assert_eq!(refused(away(), |view| view.past = vec![owing]), "FenceOwed");
    assert_eq!(refused(away(), |view| view.restored = None), "StandbyNotRestored");
    assert_eq!(refused(away(), |view| view.restored = Some(ago(7_201))), "StandbyNotRestored");
    let future = now() + SignedDuration::from_secs(1);
    assert_eq!(refused(away(), |view| view.restored = Some(future)), "StandbyNotRestored");
    let mut exactly = away();
    exactly.restored = Some(ago(7_200));
    assert!(open(&plan(), &exactly).is_ok());
    exactly.past = vec![past(86_401)];
    exactly.restored = Some(ago(86_400));
    assert!(open(&plan(), &exactly).is_ok(), "exactly as old as agreed");
    assert_eq!(refused(exactly, |view| view.restored = Some(ago(86_401))), "StandbyNotRestored");
}

#[test]
fn modes_and_the_daily_limit_are_about_moves_that_nobody_asked_for() {
    for mode in [Mode::Manual, Mode::Approve, Mode::Automatic] {
        let mut plan = plan();
        plan.failover.mode = mode;
        assert!(open(&plan, &calm()).is_ok());
    }
    let planned = |ago_s| PastTerm { kind: Kind::Switchover, ..past(ago_s) };
    let mut view = lost();
    view.records = Seen::Unknown("not asked".to_owned());
    view.past = vec![planned(7_200), planned(7_300), past(9_000)];
    assert!(open(&plan(), &view).is_ok(), "planned moves do not count");
    let mut view = away();
    view.past = vec![past(7_200), past(9_000)];
    assert!(open(&plan(), &view).is_ok(), "and are not counted");
}

#[test]
fn a_cooldown_counts_from_the_last_move_that_told_a_site_anything() {
    let untouched = PastTerm { completed: false, untouched: true, ..past(60) };
    let mut view = calm();
    view.past = vec![untouched.clone()];
    assert!(open(&plan(), &view).is_ok());
    assert_eq!(refused(view, |view| view.past = vec![untouched, past(61)]), "Cooldown");
}

fn after(view: View, change: impl FnOnce(&mut View), progress: &Progress) -> Next {
    after_under(&plan(), view, change, progress)
}

fn after_under(
    plan: &Plan,
    mut view: View,
    change: impl FnOnce(&mut View),
    progress: &Progress,
) -> Next {
    change(&mut view);
    next(plan, progress, &view)
}

fn well() -> View {
    View { old: calm().primary, new: calm().standby, ..view() }
}

/// P2: the fence is accepted, whatever the plan demands, or the way back is taken.
#[test]
fn a_planned_fence_is_accepted_or_the_old_site_is_given_back() {
    for demand in [FenceDemand::Confirmed, FenceDemand::Attempted] {
        let mut plan = plan();
        plan.failover.fence = demand;
        let begun = progress_of(opened(&calm()), &[], Some(Step::Fence));
        let at = |seconds: i64, attempt: Attempt| {
            let change = |view: &mut View| {
                view.now = now() + SignedDuration::from_secs(seconds);
                view.attempt = Some(attempt);
            };
            after_under(&plan, well(), change, &begun)
        };
        let unreachable = || Attempt::Unreachable("no answer".to_owned());
        let unclear = || Attempt::Unclear("500".to_owned());
        assert!(matches!(at(59, unreachable()), Next::Wait(_)));
        assert!(matches!(at(59, unclear()), Next::Wait(_)));
        assert_eq!(at(60, unreachable()), Next::Do(Act::Unfence));
        assert_eq!(at(60, unclear()), Next::Do(Act::Unfence));
        let fenced = Finding::Fenced { debts: vec![Debt::Database] };
        assert_eq!(at(60, Attempt::Accepted), Next::Confirm(Step::Fence, fenced));
    }
    let begun = progress_of(opened(&calm()), &[], None);
    assert_eq!(after(well(), |_| {}, &begun), Next::Do(Act::Fence));
    let ill = after(well(), |view| view.old[0].sight = silent(), &begun);
    assert!(matches!(ill, Next::Abandon(Refusal::ActiveNotHealthy { .. }, _)), "{ill:?}");
    let ill = after(well(), |view| view.new[0].sight = silent(), &begun);
    assert!(matches!(ill, Next::Abandon(Refusal::StandbyNotReady { .. }, _)), "{ill:?}");
}

/// Once the active site may have been told to be standby, what is not well takes the way back, and never
/// the short end of a move that has told nobody anything.
#[test]
fn a_site_that_may_have_been_told_is_never_left_without_the_way_back() {
    let told = progress_of(opened(&calm()), &[], Some(Step::Fence));
    let ills: [fn(&mut View); 2] =
        [|view| view.old[0].sight = silent(), |view| view.new[0].sight = silent()];
    for ill in ills {
        assert_eq!(after(well(), ill, &told), Next::Do(Act::Fence), "its intention is written");
        let answered = |view: &mut View| {
            ill(view);
            view.attempt = Some(Attempt::Unclear("500".to_owned()));
        };
        // The intention of another run may have been read before the answer to this one's.
        let begun = progress_of(opened(&calm()), &[], None);
        assert!(matches!(after(well(), answered, &begun), Next::Wait(_)), "it was told just now");
    }
}

#[test]
fn the_way_back_says_how_far_the_move_had_come() {
    let fenced = (Step::Fence, Finding::Fenced { debts: vec![Debt::Database] });
    let caught_up = (Step::CatchUp, Finding::CaughtUp { measured_at: now() });
    let why = |done: &[(Step, Finding)]| {
        let back = progress_of(opened(&calm()), done, Some(Step::Unfence));
        let accepted = |view: &mut View| {
            view.now = now() + SignedDuration::from_secs(195);
            view.told_at = Some(view.now);
            view.attempt = Some(Attempt::Accepted);
        };
        let next = after(well(), accepted, &back);
        let Next::Abandon(why, _) = next else { panic!("{next:?}") };
        why
    };
    assert!(matches!(why(&[]), Refusal::FenceUnconfirmed { .. }));
    assert!(matches!(
        why(std::slice::from_ref(&fenced)),
        Refusal::NotCaughtUp { waited_s: 195, waited_s_max: 900, .. }
    ));
    assert!(matches!(why(&[fenced, caught_up]), Refusal::StandbyNotReady { .. }));
}

#[test]
fn a_fence_that_is_not_confirmed_says_what_demands_it() {
    let said = |plan: &Plan, view: View, progress: &Progress| {
        let next = next(plan, progress, &view);
        let (Next::Stop(Refusal::FenceUnconfirmed { demand, .. })
        | Next::Abandon(Refusal::FenceUnconfirmed { demand, .. }, _)) = next
        else {
            panic!("{next:?}")
        };
        demand
    };
    for (demand, words) in [
        (FenceDemand::Confirmed, "the plan demands a confirmed fence"),
        (FenceDemand::Attempted, "it is not down on every path, so it may still write"),
    ] {
        let mut plan = plan();
        plan.failover.fence = demand;
        let begun = progress_of(open(&plan, &lost()).unwrap(), &[], Some(Step::Fence));
        let unclear = View { attempt: Some(Attempt::Unclear("500".to_owned())), ..view() };
        assert_eq!(said(&plan, unclear, &begun), words);
        let back = progress_of(opened(&calm()), &[], Some(Step::Unfence));
        let now = now() + SignedDuration::from_secs(195);
        let attempt = Some(Attempt::Accepted);
        let given_back = View { now, told_at: Some(now), attempt, ..well() };
        let planned = "a planned move demands a confirmed fence";
        assert_eq!(said(&plan, given_back, &back), planned, "whatever the plan demands");
    }
}

/// The replica holds what was written before the measurement, less the lag: that has to be the fence.
#[test]
fn a_replica_has_caught_up_when_it_holds_all_that_was_written_before_the_fence() {
    let fenced = [(Step::Fence, Finding::Fenced { debts: vec![Debt::Database] })];
    let begun = progress_of(opened(&calm()), &fenced, None);
    let at = |seconds: i64, lag_s: f64| {
        let at = now() + SignedDuration::from_secs(seconds);
        after(well(), |view| view.lag = Seen::Here(vec![LagPoint { at, lag_s }]), &begun)
    };
    let is_caught_up = |next: &Next| matches!(next, Next::Confirm(Step::CatchUp, _));
    assert!(is_caught_up(&at(0, 0.0)));
    assert!(is_caught_up(&at(30, 30.0)), "exactly to the fence");
    for (seconds, lag_s) in [(-1, 0.0), (30, 30.5), (300, 301.0), (30, -1.0), (30, f64::NAN)] {
        let next = at(seconds, lag_s);
        assert!(matches!(next, Next::Wait(_)), "{seconds} s, {lag_s}: {next:?}");
    }
    for lag in [Seen::Here(vec![]), Seen::Absent, Seen::Unknown("throttled".to_owned())] {
        for (seconds, is_over) in [(899, false), (900, true)] {
            let lag = lag.clone();
            let change = |view: &mut View| {
                view.now = now() + SignedDuration::from_secs(seconds);
                view.lag = lag;
            };
            let next = after(well(), change, &begun);
            assert_eq!(next == Next::Do(Act::Unfence), is_over, "{seconds} s: {next:?}");
        }
    }
}

/// Before the promotion is intended a planned move may still go back; after it, never.
#[test]
fn a_replica_that_cannot_be_promoted_is_gone_back_from_until_it_was_told() {
    let done = [
        (Step::Fence, Finding::Fenced { debts: vec![Debt::Database] }),
        (Step::CatchUp, Finding::CaughtUp { measured_at: now() }),
    ];
    let begun = progress_of(opened(&calm()), &done, None);
    assert_eq!(after(well(), |_| {}, &begun), Next::Do(Act::PromoteDatabase));
    let gone = |view: &mut View| view.replica = Seen::Absent;
    assert_eq!(after(well(), gone, &begun), Next::Do(Act::Unfence));
    let stuck = |seconds: i64| {
        move |view: &mut View| {
            view.now = now() + SignedDuration::from_secs(seconds);
            view.replica = Seen::Here(Instance { status: "storage-full".to_owned(), ..replica() });
        }
    };
    assert!(matches!(after(well(), stuck(599), &begun), Next::Wait(_)));
    assert_eq!(after(well(), stuck(600), &begun), Next::Do(Act::Unfence));
    let found = |replica: Seen<Instance>, seconds: i64| {
        let change = |view: &mut View| {
            view.now = now() + SignedDuration::from_secs(seconds);
            view.replica = replica;
        };
        after(well(), change, &begun)
    };
    let unknown = || Seen::Unknown("throttled".to_owned());
    assert!(matches!(found(unknown(), 599), Next::Wait(_)));
    assert_eq!(found(unknown(), 600), Next::Do(Act::Unfence));
    let anothers = Instance { replica_of: Some("orders-db".to_owned()), ..replica() };
    assert_eq!(found(Seen::Here(anothers), 0), Next::Do(Act::Unfence), "there is none to wait for");
    let writer = Instance { replica_of: None, replication: None, ..replica() };
    let promoted = Next::Confirm(Step::PromoteDatabase, Finding::Writable);
    assert_eq!(found(Seen::Here(writer), 600), promoted, "already so is already so");
    let told = progress_of(opened(&calm()), &done, Some(Step::PromoteDatabase));
    assert!(matches!(after(well(), stuck(600), &told), Next::Wait(_)));
    assert!(matches!(after(well(), gone, &told), Next::Stop(Refusal::NoReplica { .. })));
}

/// A replica is made before anything is fenced, for as long as it takes.
#[test]
fn a_replica_is_seeded_and_waited_for_while_the_active_site_is_well() {
    let begun = progress_of(opened(&away()), &[], Some(Step::SeedDatabase));
    let of_west = |status: &str| {
        Seen::Here(Instance {
            status: status.to_owned(),
            replica_of: Some("controller-db-west".to_owned()),
            replicas: vec![],
            replication: Some(Replication { normal: true, status: "replicating".to_owned() }),
        })
    };
    let point = |lag_s| Seen::Here(vec![LagPoint { at: ago(60), lag_s }]);
    let with = |replica: Seen<Instance>, lag: Seen<Vec<LagPoint>>| {
        let change = |view: &mut View| {
            view.replica = replica;
            view.lag = lag;
        };
        after(well(), change, &begun)
    };
    assert_eq!(with(Seen::Absent, point(0.0)), Next::Do(Act::SeedDatabase));
    for status in ["creating", "backing-up", "modifying", "rebooting"] {
        assert!(matches!(with(of_west(status), point(0.0)), Next::Later(_)), "{status}");
    }
    let seeded = Finding::Seeded { replica: "controller-db-t1".to_owned(), lag_s: 30 };
    assert_eq!(with(of_west("available"), point(29.5)), Next::Confirm(Step::SeedDatabase, seeded));
    for lag in
        [point(31.0), point(-1.0), Seen::Here(vec![]), Seen::Absent, Seen::Unknown("x".to_owned())]
    {
        assert!(matches!(with(of_west("available"), lag.clone()), Next::Later(_)), "{lag:?}");
    }
    assert!(matches!(with(Seen::Unknown("x".to_owned()), point(0.0)), Next::Later(_)));
    for status in [
        "failed",
        "deleting",
        "stopped",
        "stopping",
        "storage-full",
        "incompatible-network",
        "inaccessible-encryption-credentials",
        "restore-error",
    ] {
        let next = with(of_west(status), point(0.0));
        assert!(
            matches!(next, Next::Abandon(Refusal::StandbyNotReady { .. }, _)),
            "{status}: {next:?}"
        );
    }
    let next = with(Seen::Here(replica()), point(0.0));
    assert!(
        matches!(next, Next::Abandon(Refusal::StandbyNotReady { .. }, _)),
        "of another: {next:?}"
    );
    let lost = |view: &mut View| view.old = ["a", "b"].map(|path| signal(path, silent())).to_vec();
    let next = after(well(), lost, &begun);
    assert!(matches!(next, Next::Abandon(Refusal::ActiveNotHealthy { .. }, _)), "{next:?}");
    let flaky = |view: &mut View| view.old[0].sight = silent();
    assert_eq!(
        after(
            well(),
            |view| {
                flaky(view);
                view.replica = Seen::Absent
            },
            &begun
        ),
        Next::Do(Act::SeedDatabase)
    );
    for (seconds, is_over) in [(86_399, false), (86_400, true)] {
        let late = |view: &mut View| view.now = now() + SignedDuration::from_secs(seconds);
        let next = after(View { replica: of_west("creating"), ..well() }, late, &begun);
        assert_eq!(matches!(next, Next::Abandon(..)), is_over, "{seconds} s: {next:?}");
    }
}

/// The names of instances follow from the terms, there and home and there again.
#[test]
fn the_pair_of_a_database_follows_from_the_completed_terms() {
    let plan = plan();
    let placed = |id: &str, region: &str| Placed {
        id: id.to_owned(),
        region: crate::name::Region::parse(region).unwrap(),
    };
    let (east, west) = ("us-east-1", "us-west-2");
    let first = Pair::of(&plan).unwrap();
    assert_eq!(first.writer, placed("controller-db", east));
    assert_eq!((first.replica.id.as_str(), &first.left), ("controller-db-west", &None));
    let second = first.after(&plan, Term(1));
    assert_eq!(second.writer, placed("controller-db-west", west));
    assert_eq!(second.replica, placed("controller-db-t1", east));
    assert_eq!(second.left, Some(placed("controller-db", east)));
    let third = second.after(&plan, Term(4));
    assert_eq!(third.writer, placed("controller-db-t1", east));
    assert_eq!(third.replica, placed("controller-db-west-t4", west));
    assert_eq!(third.left, Some(placed("controller-db-west", west)));
}
