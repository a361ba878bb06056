//! Each guard of the beginning, as a table: one line of difference from a loss that is failed over, and
//! the refusal that it makes.

use super::*;
use crate::acknowledgement::{Accepted, Acknowledgement, Handed, Said};
use crate::capacity::Group;
use crate::maintenance::{Pause, Posted};
use crate::plan::Capacity;

fn name(refusal: &Refusal) -> &'static str {
    refusal.name()
}

/// What refuses under this plan, by its name; `begins` if nothing does.
fn under(
    change_plan: impl FnOnce(&mut Plan),
    change: impl FnOnce(&mut OpeningView),
) -> &'static str {
    let (mut plan, mut view) = (plan(), lost());
    change_plan(&mut plan);
    change(&mut view);
    open(&plan, &view).err().as_ref().map_or("begins", name)
}

fn with(change: impl FnOnce(&mut OpeningView)) -> &'static str {
    under(|_| {}, change)
}

fn by_hand(view: &mut OpeningView) {
    view.asked = Asked::Operator { reason: "east burns".to_owned() };
}

fn unknown<T>() -> Seen<T> {
    Seen::Unknown("throttled".to_owned())
}

/// FF4: what an alarm alone may begin.
#[test]
fn an_alarm_begins_what_the_plan_and_people_let_it_begin() {
    let manual = |plan: &mut Plan| plan.failover.mode = Mode::Manual;
    assert_eq!(under(manual, |_| {}), "mode-is-not-automatic");
    assert_eq!(under(manual, by_hand), "begins");
    let approve = |plan: &mut Plan| plan.failover.mode = Mode::Approve;
    assert_eq!(under(approve, |_| {}), "approval-missing");
    assert_eq!(under(approve, by_hand), "begins");
    let paused = |view: &mut OpeningView| {
        let (who, reason) = ("Ada".to_owned(), "new firmware".to_owned());
        let until = now() + SignedDuration::from_secs(60);
        let pause = Pause { format: 1, who, reason, from: None, until };
        view.pause = Seen::Here(Posted { pause, written_at: ago(60) });
    };
    assert_eq!(with(paused), "paused");
    assert_eq!(with(|view| view.pause = unknown()), "pause-unclear");
    assert_eq!(
        with(|view| {
            paused(view);
            by_hand(view);
        }),
        "begins"
    );
}

/// FF4, FF5: the evidence is taken anew, and unknown is not down.
#[test]
fn nothing_begins_without_the_evidence_of_a_loss() {
    let of = |sights: [Sight; 3]| {
        with(|view| {
            let paths = ["internet", "peering", "rds"];
            let signals = paths.iter().zip(sights);
            view.primary = signals.map(|(path, sight)| signal(path, sight)).collect();
        })
    };
    let blind = || Sight::NotTaken("403".to_owned());
    assert_eq!(of([silent(), Sight::Refused, blind()]), "begins");
    assert_eq!(of([silent(), blind(), blind()]), "not-enough-signals");
    assert_eq!(of([Sight::AsExpected, Sight::AsExpected, silent()]), "primary-healthy");
    // Silence counts only when something else was answered.
    assert_eq!(
        with(|view| view.standby = vec![signal("internet", silent())]),
        "not-enough-signals"
    );
}

#[test]
fn nothing_begins_towards_a_standby_that_is_not_ready() {
    for sight in [
        Sight::Otherwise("503".to_owned()),
        Sight::Refused,
        Sight::Broken("replication is error".to_owned()),
        Sight::NotTaken("403".to_owned()),
        silent(),
    ] {
        let ill = signal("vpc", sight);
        assert_eq!(with(|view| view.standby.push(ill.clone())), "standby-not-ready", "{ill:?}");
    }
    assert_eq!(not_healthy(&[]), Some("it has no signal that could say so".to_owned()));
    assert_eq!(with(|view| view.replica = Some(Seen::Absent)), "no-replica");
    assert_eq!(with(|view| view.replica = Some(unknown())), "standby-not-ready");
    assert_eq!(with(|view| view.lag_s = Some(Seen::Absent)), "lag-unknown");
    assert_eq!(with(|view| view.lag_s = Some(unknown())), "lag-unknown");
    assert_eq!(with(|view| view.proven = Seen::Absent), "no-proven-backup");
}

/// A group that is told to have enough is on its way, whatever its bounds: nothing is told to it.
#[test]
fn a_group_that_is_being_started_is_not_held_to_its_bounds() {
    let scaled = |plan: &mut Plan| {
        plan.away.capacity = Some(Capacity { asg: "controller-west".to_owned(), desired: 1 });
    };
    let of = |desired: u32, min: u32| {
        under(scaled, |view| {
            view.standby = vec![signal("internet", Sight::Otherwise("503".to_owned()))];
            view.capacity = Some(Seen::Here(Group {
                desired,
                min,
                max: 4,
                in_service: 0,
                instances: 0,
                protected: 0,
                suspended: vec![],
            }));
        })
    };
    assert_eq!(of(3, 2), "begins");
    assert_eq!(of(0, 0), "begins");
    assert_eq!(of(0, 2), "capacity-out-of-bounds");
}

/// FF14: records that somebody changed, and a term that is newer; that Route 53 cannot be asked is no
/// reason not to begin.
#[test]
fn records_are_moved_only_from_where_the_plan_has_them() {
    let at = |address: &str| Seen::Here(vec![record(address)]);
    assert_eq!(with(|view| view.records = at("192.0.2.9")), "dns-drift");
    assert_eq!(with(|view| view.records = unknown()), "begins");
    assert_eq!(with(|view| view.records = Seen::Absent), "begins", "a planned move is refused");
    let held = "_warmspare.controller.controller.example.com";
    let newer = RecordSet::simple("Z1", held, "TXT", 60, vec!["\"term=7\"".to_owned()]);
    assert_eq!(
        with(|view| view.records = Seen::Here(vec![record("203.0.113.10"), newer])),
        "superseded"
    );
}

/// Anti-flapping, at its bounds.
#[test]
fn what_went_before_holds_the_next_one_back() {
    let records = |view: &mut OpeningView| view.records = unknown();
    let after = |past: Vec<PastTerm>| {
        with(|view| {
            records(view);
            view.past = past;
        })
    };
    let untouched = PastTerm { completed: false, untouched: true, ..past(10) };
    assert_eq!(after(vec![untouched.clone()]), "begins");
    assert_eq!(after(vec![untouched, past(1_799)]), "cooldown");
    assert_eq!(after(vec![past(1_800)]), "begins");
    let planned = PastTerm { kind: Kind::Switchover, ..past(7_200) };
    let abandoned = PastTerm { completed: false, ..past(7_200) };
    assert_eq!(after(vec![past(7_200), planned, abandoned]), "begins", "none of them counts");
    let owing = |completed| PastTerm { completed, debts: vec![Debt::Appliance], ..past(7_200) };
    assert_eq!(after(vec![owing(true)]), "fence-owed");
    assert_eq!(after(vec![past(7_200), owing(true)]), "daily-limit");
    let long_ago = PastTerm { opened_at: ago(90_000), ..owing(true) };
    assert_eq!(after(vec![past(7_200), long_ago]), "fence-owed", "however old");
}

/// A refusal of an alarm is one object for each loss, one of a person's request is one for each request.
#[test]
fn a_refusal_is_kept_under_what_it_refused() {
    let mut declined = Declined {
        format: DECLINED_FORMAT,
        system: plan().system,
        term: Term(1),
        at: ago(5),
        why: Refusal::Cooldown { term: Term(1), since_s: 1, cooldown_s: 2 },
        plan_version: "v1".to_owned(),
        plan: String::new(),
        view: lost(),
    };
    assert_eq!(declined.key(), "refusals/controller/2026-11-21T00-07-00Z/cooldown.json");
    by_hand(&mut declined.view);
    assert_eq!(declined.key(), "refusals/controller/2026-11-21T00-09-55Z/cooldown.json");
}

/// Terms are counted on from the newest, and what a person has accepted is in the decision.
#[test]
fn a_decision_to_begin_says_which_term_it_is_and_who_accepts_what() {
    assert_eq!(lost().term(), Term(1));
    let mut second = lost();
    second.past = vec![past(7_200)];
    assert_eq!(second.term(), Term(2));
    let mut behind = lost();
    behind.lag_s = Some(Seen::Here(31));
    let said = Acknowledgement {
        format: 1,
        who: "Ada".to_owned(),
        refusal: "too-far-behind".to_owned(),
        until: now() + SignedDuration::from_secs(60),
        reason: "they wait".to_owned(),
    };
    let key = "acknowledgements/controller/000001/too-far-behind.json".to_owned();
    let handed = Handed { key, written_at: Some(ago(10)), said: Said::Acknowledged(said.clone()) };
    behind.acknowledgements = Seen::Here(vec![handed]);
    let refusal = Refusal::TooFarBehind { lag_s: 31, lag_s_max: 30 };
    let opened = open(&plan(), &behind).unwrap();
    assert_eq!(opened.accepted, [Accepted { refusal, by: said }]);
}

/// While the journal does not go on, the same reason is not told again; another one is.
#[test]
fn what_stopped_a_failover_is_kept_under_its_reason_and_where_it_stood() {
    let stopped = Stopped {
        format: STOPPED_FORMAT,
        system: plan().system,
        term: Term(1),
        n: 4,
        at: now(),
        why: Refusal::LagUnknown { why: "no answer".to_owned() },
    };
    assert_eq!(stopped.key(), "failovers/controller/000001/stopped-000004-lag-unknown.json");
    let late =
        late(&plan(), &progress(&[], None), now() + SignedDuration::from_hours(1), "it waits");
    assert_eq!(late.unwrap().key(), "failovers/controller/000001/late.json");
}
