//! Tables of decisions: one line of difference from a calm view, one expected answer.

use super::*;
use crate::database::{Instance, Pair, Replication};
use crate::dns::RecordSet;
use crate::encryption::Choice;
use crate::evidence::{AlarmState, Sight, Signal};
use crate::journal::{Debt, Entry, FORMAT, Finding, Progress, Step, What};
use crate::name::{KeyArn, Region, SiteName, Slot, SystemName, Term};
use crate::plan::{
    Appliance, Backup, Database, DatabaseKind, Dns, Endpoint, Failover, FenceDemand, Keep, Method,
    Mode, Objectives, Plan, Quorum, Record, Site, Target,
};
use crate::refusal::Refusal;
use crate::seen::Seen;
use jiff::{SignedDuration, Timestamp};

pub(crate) mod capacity;
mod guards;
mod lost_change;
mod order;
mod owed;
mod rehearsal;
mod report;
mod restore;
mod switch;

/// A plan of two sites, made by hand: this crate reads no TOML.
pub(crate) fn plan() -> Plan {
    let site = |name: &str, region: &str| Site {
        name: SiteName::parse(name).unwrap(),
        region: Region::parse(region).unwrap(),
        appliance: Appliance::Device42(Endpoint {
            url: format!("https://{name}.example.com:4343"),
            secret: None,
            tls_pin: None,
        }),
        health: vec![],
        capacity: None,
    };
    Plan {
        system: SystemName::parse("controller").unwrap(),
        group: None,
        after: Vec::new(),
        objectives: Objectives { rpo_s: 86_400, rto_s: 900 },
        backup: Backup {
            keep: Keep::Overwrite,
            encryption: Choice::Key(
                KeyArn::parse("arn:aws:kms:us-west-2:111122223333:key/1").unwrap(),
            ),
            lock: None,
            sources: vec![],
            throttle: None,
        },
        database: Some(Database {
            kind: DatabaseKind::Rds,
            source: "controller-db".to_owned(),
            region: Region::parse("us-east-1").unwrap(),
            replica: "controller-db-west".to_owned(),
            restore: None,
            lag_s_max: 30,
            export: None,
        }),
        home: site("east", "us-east-1"),
        away: site("west", "us-west-2"),
        dns: Dns {
            method: Method::Rewrite,
            ttl_s: 60,
            records: vec![Record {
                zone: "Z1".to_owned(),
                name: "controller.example.com".to_owned(),
                kind: "A".to_owned(),
                set_identifier: None,
                home: Target::Values(vec!["203.0.113.10".to_owned()]),
                away: Target::Values(vec!["203.0.113.20".to_owned()]),
            }],
        },
        failover: Failover {
            mode: Mode::Automatic,
            fence: FenceDemand::Attempted,
            signals: Quorum { down: 2, of: 3 },
            cooldown_s: 1_800,
            per_day: 2,
        },
    }
}

/// The same with an Aurora global database.
pub(crate) fn global() -> Plan {
    let mut plan = plan();
    let global_cluster = "controller-global".to_owned();
    plan.database.as_mut().unwrap().kind = DatabaseKind::AuroraGlobal { global_cluster };
    plan
}

/// A failover of that plan that has just been decided.
pub(crate) fn opened() -> Opened {
    open(&plan(), &lost()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    "2026-11-21T00:10:00Z".parse().unwrap()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub(crate) fn signal(path: &str, sight: Sight) -> Signal {
    Signal { name: path.to_owned(), path: path.to_owned(), sight }
}

pub(crate) fn silent() -> Sight {
    Sight::Silent("3 s".to_owned())
}

pub(crate) fn replica() -> Instance {
    Instance {
        status: "available".to_owned(),
        replica_of: Some("controller-db".to_owned()),
        replicas: vec![],
        replication: Some(Replication { normal: false, status: "error".to_owned() }),
    }
}

pub(crate) fn record(address: &str) -> RecordSet {
    RecordSet::simple("Z1", "controller.example.com", "A", 60, vec![address.to_owned()])
}

/// The home site is lost, and everything else is as it should be.
pub(crate) fn lost() -> OpeningView {
    OpeningView {
        kind: Kind::Failover,
        pair: Pair::of(&plan()),
        restored: None,
        now: now(),
        lost_at: ago(180),
        asked: Asked::Alarm {
            name: "warmspare-primary-controller".to_owned(),
            state: Seen::Here(AlarmState::Alarm),
        },
        active: SiteName::parse("east").unwrap(),
        primary: ["internet", "peering", "rds"].map(|path| signal(path, silent())).to_vec(),
        standby: vec![signal("internet", Sight::AsExpected)],
        proven: Seen::Here(Slot::of(ago(3600))),
        capacity: None,
        leaving: None,
        replica: Some(Seen::Here(replica())),
        lag_s: Some(Seen::Here(2)),
        restore: None,
        records: Seen::Here(vec![record("203.0.113.10")]),
        leads: None,
        past: vec![],
        acknowledgements: Seen::Here(vec![]),
        pause: Seen::Absent,
    }
}

pub(crate) fn past(ended_s_ago: i64) -> PastTerm {
    PastTerm {
        term: Term(1),
        opened_at: ago(ended_s_ago + 60),
        ended_at: ago(ended_s_ago),
        completed: true,
        kind: Kind::Failover,
        untouched: false,
        put_back: false,
        debts: vec![],
    }
}

fn refused(change: impl FnOnce(&mut OpeningView)) -> Refusal {
    let mut view = lost();
    change(&mut view);
    open(&plan(), &view).unwrap_err()
}

#[test]
fn a_lost_site_with_a_ready_standby_is_failed_over() {
    let opened = open(&plan(), &lost()).unwrap();
    assert_eq!((opened.from.as_str(), opened.to.as_str()), ("east", "west"));
    assert_eq!(opened.steps.first(), Some(&Step::Fence), "the fence comes before any promotion");
    let order: Vec<Step> = opened.steps.clone();
    let place = |step| order.iter().position(|known| *known == step).unwrap();
    assert!(place(Step::PromoteDatabase) < place(Step::PromoteAppliance));
    assert!(place(Step::PromoteAppliance) < place(Step::SeeHealthy));
    assert!(place(Step::SeeHealthy) < place(Step::Repoint), "P3");
}

/// FF6.
#[test]
fn loses_exactly_what_was_agreed() {
    let mut view = lost();
    view.lag_s = Some(Seen::Here(30));
    assert!(open(&plan(), &view).is_ok());
    let refusal = refused(|view| view.lag_s = Some(Seen::Here(31)));
    assert_eq!(refusal, Refusal::TooFarBehind { lag_s: 31, lag_s_max: 30 });
    let text = refusal.to_string();
    assert!(text.contains("31 s behind") && text.contains("30 s is the most"), "{text}");
}

#[test]
fn the_newest_proven_backup_is_within_the_objective_or_nothing_begins() {
    let day = 86_400;
    let mut view = lost();
    view.proven = Seen::Here(Slot::of(ago(180 + day)));
    assert!(open(&plan(), &view).is_ok(), "exactly as old as agreed");
    let refusal = refused(|view| view.proven = Seen::Here(Slot::of(ago(181 + day))));
    assert!(matches!(refusal, Refusal::BackupTooOld { age_s: 86_401, rpo_s: 86_400, .. }));
    assert!(matches!(refused(|view| view.proven = Seen::Absent), Refusal::NoProvenBackup { .. }));
    let unknown = || Seen::Unknown("throttled".to_owned());
    assert!(matches!(refused(|view| view.proven = unknown()), Refusal::NoProvenBackup { .. }));
}

/// FF4: an alarm that is over, that lacks data or that cannot be read again begins nothing.
#[test]
fn the_alarm_is_read_again_before_it_is_believed() {
    for state in [
        Seen::Here(AlarmState::Ok),
        Seen::Here(AlarmState::InsufficientData),
        Seen::Absent,
        Seen::Unknown("throttled".to_owned()),
    ] {
        let refusal = refused(|view| {
            view.asked = Asked::Alarm { name: "a".to_owned(), state };
        });
        assert!(matches!(refusal, Refusal::AlarmNotRaised { .. }), "{refusal}");
    }
}

#[test]
fn the_cooldown_counts_from_the_end() {
    let cooldown_s = i64::try_from(plan().failover.cooldown_s).unwrap();
    let mut view = lost();
    view.records = Seen::Unknown("not asked".to_owned());
    view.past = vec![past(cooldown_s)];
    assert!(open(&plan(), &view).is_ok());
    let refusal = refused(|view| view.past = vec![past(cooldown_s - 1)]);
    assert!(matches!(refusal, Refusal::Cooldown { since_s: 1_799, cooldown_s: 1_800, .. }));
}

#[test]
fn the_daily_limit_counts_completed_failovers_of_the_last_24_hours() {
    let old = PastTerm { opened_at: ago(86_400), ..past(80_000) };
    let two = vec![past(7_200), past(14_400)];
    let refusal = refused(|view| view.past = two.clone());
    assert_eq!(refusal, Refusal::DailyLimit { count: 2, per_day: 2 });
    let mut view = lost();
    view.records = Seen::Unknown("not asked".to_owned());
    view.past = vec![past(7_200), old];
    assert!(open(&plan(), &view).is_ok());
}

fn progress(confirmed: &[(Step, Finding)], intended: Option<Step>) -> Progress {
    progress_of(open(&plan(), &lost()).unwrap(), confirmed, intended)
}

pub(crate) fn progress_of(
    opened: Opened,
    confirmed: &[(Step, Finding)],
    intended: Option<Step>,
) -> Progress {
    let entry = |n, what| Entry {
        format: FORMAT,
        system: SystemName::parse("controller").unwrap(),
        term: Term(1),
        n,
        at: now(),
        writer: "test".to_owned(),
        plan_version: "v1".to_owned(),
        what,
    };
    let mut entries = vec![entry(1, What::Opened(Box::new(opened)))];
    for (step, finding) in confirmed {
        let n = u32::try_from(entries.len()).unwrap() + 1;
        entries.push(entry(n, What::Confirmed { step: *step, finding: finding.clone() }));
    }
    if let Some(step) = intended {
        let n = u32::try_from(entries.len()).unwrap() + 1;
        entries.push(entry(n, What::Intended { step, batch: vec![] }));
    }
    Progress::of(&entries).unwrap()
}

pub(crate) fn view() -> View {
    View {
        now: now(),
        old: lost().primary,
        new: lost().standby,
        attempt: None,
        group: Seen::Absent,
        told_at: None,
        replica: Seen::Here(replica()),
        restored: Seen::Absent,
        copy: Seen::Absent,
        others: vec![],
        lag: Seen::Here(vec![]),
        zones: vec![ZoneView {
            zone: "Z1".to_owned(),
            records: Seen::Here(vec![record("203.0.113.10")]),
            change: None,
            in_sync: Seen::Here(true),
        }],
        switch: crate::switch::SwitchView::default(),
        acknowledgements: Seen::Here(vec![]),
    }
}

fn fenced() -> (Step, Finding) {
    (
        Step::Fence,
        Finding::FenceAttempted {
            debts: vec![Debt::Appliance],
            why: "gone".to_owned(),
            accepted: None,
        },
    )
}

fn after(change: impl FnOnce(&mut View), progress: &Progress) -> Next {
    let mut view = view();
    change(&mut view);
    next(&plan(), progress, &view)
}

/// P2, as a table: what the old appliance answered, what its signals say, and what the plan demands.
#[test]
fn nothing_is_promoted_before_the_fence_that_the_plan_demands() {
    let begun = progress(&[], Some(Step::Fence));
    assert_eq!(after(|_| {}, &progress(&[], None)), Next::Do(Act::Fence));
    let unreachable = || Some(Attempt::Unreachable("no answer".to_owned()));
    let unclear = || Some(Attempt::Unclear("it answered 500".to_owned()));
    let owed = |next: &Next| {
        let (Next::Confirm(Step::Fence, Finding::Fenced { debts })
        | Next::Confirm(Step::Fence, Finding::FenceAttempted { debts, .. })) = next
        else {
            panic!("{next:?}")
        };
        debts.clone()
    };
    let accepted = after(|view| view.attempt = Some(Attempt::Accepted), &begun);
    assert_eq!(owed(&accepted), [Debt::Database], "RDS cannot stop it before the promotion");
    let attempted = after(|view| view.attempt = unreachable(), &begun);
    assert_eq!(owed(&attempted), [Debt::Appliance, Debt::Database]);
    let answers = after(|view| view.attempt = unclear(), &begun);
    assert!(matches!(answers, Next::Stop(Refusal::FenceUnconfirmed { .. })), "{answers:?}");
    let half_down = after(
        |view| {
            view.attempt = unreachable();
            view.old = vec![signal("internet", silent())];
        },
        &begun,
    );
    assert!(matches!(half_down, Next::Stop(Refusal::FenceUnconfirmed { .. })), "{half_down:?}");
    let mut strict = plan();
    strict.failover.fence = FenceDemand::Confirmed;
    let view = View { attempt: unreachable(), ..view() };
    let demanded = next(&strict, &begun, &view);
    assert!(matches!(demanded, Next::Stop(Refusal::FenceUnconfirmed { .. })), "{demanded:?}");
}

#[test]
fn a_primary_that_is_back_before_it_was_told_anything_ends_the_failover() {
    let up = |view: &mut View| {
        view.old = ["a", "b", "c"].map(|path| signal(path, Sight::AsExpected)).to_vec();
    };
    assert!(matches!(after(up, &progress(&[], None)), Next::Abandon(..)));
    // It may have been told to be standby: it is told to be production before the failover ends.
    let told = progress(&[], Some(Step::Fence));
    let back = after(
        |view| {
            up(view);
            view.attempt = Some(Attempt::Unreachable("lost".to_owned()));
        },
        &told,
    );
    assert_eq!(back, Next::Do(Act::Unfence));
}

/// FF7: there is no event for a promotion, so its end is seen by looking.
#[test]
fn a_database_is_promoted_once_and_waited_for() {
    let begun = progress(&[fenced()], None);
    assert_eq!(after(|_| {}, &begun), Next::Do(Act::PromoteDatabase));
    let with = |status: &str, replica_of: Option<&str>| {
        let instance = Instance {
            status: status.to_owned(),
            replica_of: replica_of.map(str::to_owned),
            ..replica()
        };
        after(|view| view.replica = Seen::Here(instance), &begun)
    };
    for status in ["modifying", "backing-up", "rebooting"] {
        assert!(matches!(with(status, Some("controller-db")), Next::Wait(_)), "{status}");
    }
    assert!(matches!(with("rebooting", None), Next::Wait(_)));
    let other = with("available", Some("orders-db"));
    assert!(matches!(other, Next::Stop(Refusal::NotOurReplica { .. })), "{other:?}");
    let told = progress(&[fenced()], Some(Step::PromoteDatabase));
    let waited = |seconds| {
        let replica = Instance { status: "modifying".to_owned(), ..replica() };
        let now = now() + SignedDuration::from_secs(seconds);
        next(&plan(), &told, &View { now, replica: Seen::Here(replica), ..view() })
    };
    assert!(matches!(waited(3_599), Next::Wait(_)));
    let stuck = Refusal::PromotionStuck {
        replica: "controller-db-west".to_owned(),
        status: "modifying".to_owned(),
        since_s: 3_600,
        since_s_max: 3_600,
    };
    assert_eq!(waited(3_600), Next::Stop(stuck));
    let writable = Next::Confirm(Step::PromoteDatabase, Finding::Writable);
    assert_eq!(with("available", None), writable, "already writable is already so");
    let unknown = Seen::Unknown("throttled".to_owned());
    assert!(matches!(after(|view| view.replica = unknown, &begun), Next::Wait(_)));
    let absent = after(|view| view.replica = Seen::Absent, &begun);
    assert!(matches!(absent, Next::Stop(Refusal::NoReplica { .. })), "{absent:?}");
}

fn promoted() -> Vec<(Step, Finding)> {
    vec![
        fenced(),
        (Step::PromoteDatabase, Finding::Writable),
        (Step::PromoteAppliance, Finding::Accepted),
    ]
}

/// P3: an appliance that answers 500, garbage or nothing is not healthy, and DNS waits for it.
#[test]
fn the_records_do_not_move_before_the_new_site_is_seen_healthy() {
    let begun = progress(&promoted(), None);
    for sight in [
        Sight::Otherwise("it answered 500".to_owned()),
        silent(),
        Sight::Refused,
        Sight::NotTaken("no secret".to_owned()),
    ] {
        let new = vec![signal("internet", Sight::AsExpected), signal("vpc", sight)];
        assert!(matches!(after(|view| view.new = new, &begun), Next::Wait(_)));
    }
    assert!(matches!(after(|view| view.new = vec![], &begun), Next::Wait(_)), "no signal at all");
    assert!(matches!(after(settled, &begun), Next::Confirm(Step::SeeHealthy, _)));
}

fn settled(view: &mut View) {
    view.now = now() + SignedDuration::from_secs(60);
}

#[test]
fn the_records_move_only_while_the_new_site_is_healthy_in_this_very_look() {
    let mut confirmed = promoted();
    let verdict = crate::evidence::verdict(&view().new, plan().failover.signals, true);
    confirmed.push((Step::SeeHealthy, Finding::Healthy { verdict }));
    let begun = progress(&confirmed, None);
    assert!(matches!(after(|_| {}, &begun), Next::Do(Act::Repoint(_))));
    let ill = after(|view| view.new = vec![signal("internet", silent())], &begun);
    assert!(matches!(ill, Next::Wait(_)), "{ill:?}");
}

#[test]
fn a_run_that_lost_the_answer_to_its_own_batch_touches_the_term_and_follows_that() {
    let mut confirmed = promoted();
    let verdict = crate::evidence::verdict(&view().new, plan().failover.signals, true);
    confirmed.push((Step::SeeHealthy, Finding::Healthy { verdict }));
    let begun = progress(&confirmed, Some(Step::Repoint));
    let mut txt = record("\"term=1\"");
    txt.name = crate::dns::term_record_name(&plan().system, &plan(), "Z1");
    txt.kind = "TXT".to_owned();
    let moved = vec![record("203.0.113.20"), txt];
    let lost_answer = after(|view| view.zones[0].records = Seen::Here(moved.clone()), &begun);
    assert!(matches!(&lost_answer, Next::Do(Act::Repoint(batch)) if batch.len() == 2));
    let answered = after(
        |view| {
            view.zones[0].records = Seen::Here(moved);
            view.zones[0].change = Some("C1".to_owned());
        },
        &begun,
    );
    assert!(matches!(answered, Next::Confirm(Step::Repoint, Finding::Moved { .. })));
}

/// Enough paths say that the site is down, and on one it is not: clients may still write there.
#[test]
fn a_site_that_is_down_on_enough_paths_only_is_not_unreachable_by_every_path() {
    let begun = progress(&[], Some(Step::Fence));
    for third in [Sight::AsExpected, Sight::Otherwise("it answered 500".to_owned())] {
        let next = after(
            |view| {
                view.attempt = Some(Attempt::Unreachable("no answer".to_owned()));
                view.old[0].sight = third;
            },
            &begun,
        );
        assert!(matches!(next, Next::Stop(Refusal::FenceUnconfirmed { .. })), "{next:?}");
    }
}

pub(crate) fn up(view: &mut View) {
    view.old = ["a", "b", "c"].map(|path| signal(path, Sight::AsExpected)).to_vec();
}

/// A primary that is back before anything was promoted is given back, however the fence went.
#[test]
fn a_fence_that_is_accepted_by_a_site_that_is_up_again_is_taken_back() {
    let told = progress(&[], Some(Step::Fence));
    for attempt in [None, Some(Attempt::Accepted), Some(Attempt::Unclear("500".to_owned()))] {
        let next = after(
            |view| {
                up(view);
                view.attempt = attempt;
            },
            &told,
        );
        assert_eq!(next, Next::Do(Act::Unfence));
    }
}

#[test]
fn the_way_back_is_gone_until_no_late_fence_can_arrive_and_ends_when_the_site_is_gone_again() {
    let back = progress(&[], Some(Step::Unfence));
    let accepted = |seconds: i64| {
        after(
            |view| {
                view.now = now() + SignedDuration::from_secs(seconds);
                view.told_at = Some(view.now);
                view.attempt = Some(Attempt::Accepted);
            },
            &back,
        )
    };
    assert!(matches!(accepted(194), Next::Later(_)));
    assert!(matches!(accepted(195), Next::Abandon(Refusal::PrimaryReturned { .. }, _)));
    // A run that slept after it had told the site: a late fence may have arrived in between.
    let slept = after(
        |view| {
            view.now = now() + SignedDuration::from_secs(300);
            view.told_at = Some(now() + SignedDuration::from_secs(194));
            view.attempt = Some(Attempt::Accepted);
        },
        &back,
    );
    assert!(matches!(slept, Next::Later(_)), "{slept:?}");
    let gone = |seconds: i64| {
        after(
            |view| {
                view.told_at = Some(now() + SignedDuration::from_secs(seconds));
                view.attempt = Some(Attempt::Unreachable("no answer".to_owned()));
            },
            &back,
        )
    };
    assert!(matches!(gone(194), Next::Later(_)));
    let next = gone(195);
    let Next::Abandon(Refusal::WayBackLost { .. }, debts) = &next else { panic!("{next:?}") };
    assert_eq!(debts, &[Debt::Mode], "it is owed its mode");
}

#[test]
fn the_first_seconds_after_a_promotion_tell_nothing_of_its_health() {
    let mut begun = progress(&promoted(), None);
    begun.past[0].at = ago(3_600);
    for (seconds, is_believed) in [(0, false), (9, false), (10, true)] {
        let next = after(|view| view.now = now() + SignedDuration::from_secs(seconds), &begun);
        let confirmed = matches!(next, Next::Confirm(Step::SeeHealthy, _));
        assert_eq!(confirmed, is_believed, "{seconds} s: {next:?}");
    }
}

#[test]
fn what_cannot_be_finished_is_not_begun() {
    for status in ["storage-full", "failed", "stopped"] {
        let broken = Instance { status: status.to_owned(), ..replica() };
        let refusal = refused(|view| view.replica = Some(Seen::Here(broken)));
        assert!(matches!(refusal, Refusal::StandbyNotReady { .. }), "{status}: {refusal}");
    }
    let stranger = Instance { replica_of: Some("other-db".to_owned()), ..replica() };
    let refusal = refused(|view| view.replica = Some(Seen::Here(stranger)));
    assert!(refusal.to_string().contains("replicates other-db"), "{refusal}");
    let mut aviatrix = plan();
    aviatrix.away.appliance = Appliance::Aviatrix(aviatrix.away.appliance.endpoint().clone());
    assert!(matches!(open(&aviatrix, &lost()), Err(Refusal::NotSupported { .. })));
}

/// A replica in another Region names its source by ARN, and one that is a writer has no lag to decide by.
#[test]
fn a_replica_that_was_promoted_by_hand_is_gone_on_with() {
    let arn = "arn:aws:rds:us-east-1:111122223333:db:controller-db".to_owned();
    let mut view = lost();
    view.replica = Some(Seen::Here(Instance { replica_of: Some(arn), ..replica() }));
    assert!(open(&plan(), &view).is_ok());
    let writer = Instance { replica_of: None, replication: None, ..replica() };
    view.replica = Some(Seen::Here(writer));
    view.lag_s = Some(Seen::Unknown("none was measured".to_owned()));
    assert!(open(&plan(), &view).is_ok());
}
