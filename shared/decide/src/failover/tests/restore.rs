//! A database that is restored from a copied snapshot: what begins, what is done, what is refused.

use super::*;
use crate::database::{Origin, Restorable, RestoreView, Restored};
use crate::plan::Restore;

fn cold_plan() -> Plan {
    let mut plan = plan();
    plan.database.as_mut().unwrap().restore = Some(Restore {
        class: "db.t4g.medium".to_owned(),
        subnet_group: "controller".to_owned(),
        security_groups: vec!["sg-0123456789abcdef0".to_owned()],
        parameter_group: None,
        multi_az: false,
    });
    plan
}

const COPY: &str = "warmspare-controller-db-2026-11-20t22-00-00z";

fn copy(age_s: i64) -> Restorable {
    Restorable { snapshot: COPY.to_owned(), taken_at: ago(180 + age_s) }
}

/// Home is lost, and a copy of two hours ago lies in the recovery region.
fn cold() -> OpeningView {
    let restore = RestoreView { instance: Seen::Absent, copy: Seen::Here(copy(7_200)) };
    OpeningView { replica: None, lag_s: None, restore: Some(restore), ..lost() }
}

fn refused(change: impl FnOnce(&mut RestoreView)) -> Refusal {
    let mut view = cold();
    change(view.restore.as_mut().unwrap());
    open(&cold_plan(), &view).unwrap_err()
}

fn origin(term: u32, snapshot: &str) -> Origin {
    Origin {
        system: SystemName::parse("controller").unwrap(),
        term: Term(term),
        snapshot: snapshot.to_owned(),
    }
}

fn restored(status: &str, origin: Option<Origin>) -> Restored {
    Restored { status: status.to_owned(), replica_of: None, origin }
}

#[test]
fn a_lost_database_without_a_replica_is_restored_after_the_fence() {
    let opened = open(&cold_plan(), &cold()).unwrap();
    let steps = [Step::Fence, Step::RestoreDatabase, Step::PromoteAppliance, Step::SeeHealthy];
    assert_eq!(opened.steps[..4], steps);
    assert!(!opened.steps.contains(&Step::PromoteDatabase));
}

/// FF6: the age of the copy at the loss is what the database loses.
#[test]
fn a_copy_loses_exactly_what_was_agreed() {
    let rpo_s = 86_400;
    let mut view = cold();
    view.restore.as_mut().unwrap().copy = Seen::Here(copy(rpo_s));
    assert!(open(&cold_plan(), &view).is_ok(), "exactly as old as agreed");
    let refusal = refused(|seen| seen.copy = Seen::Here(copy(rpo_s + 1)));
    let snapshot = COPY.to_owned();
    assert_eq!(refusal, Refusal::SnapshotTooOld { snapshot, age_s: 86_401, rpo_s: 86_400 });
    assert!(refusal.acknowledgeable().is_ok(), "a loss is theirs to accept");
    let newer = Restorable { taken_at: now(), ..copy(0) };
    assert_eq!(newer.age_s(ago(180)), 0, "taken after the loss");
}

#[test]
fn nothing_to_restore_and_nothing_known_begin_nothing() {
    let refusal = refused(|seen| seen.copy = Seen::Absent);
    assert!(
        matches!(&refusal, Refusal::NoSnapshot { source_db, .. } if source_db == "controller-db")
    );
    assert!(refusal.acknowledgeable().is_err());
    let unknown = refused(|seen| seen.copy = Seen::Unknown("throttled".to_owned()));
    assert!(matches!(unknown, Refusal::StandbyNotReady { .. }), "{unknown}");
    let unknown = refused(|seen| seen.instance = Seen::Unknown("throttled".to_owned()));
    assert!(matches!(unknown, Refusal::StandbyNotReady { .. }), "{unknown}");
    let not_looked = OpeningView { restore: None, ..cold() };
    let refusal = open(&cold_plan(), &not_looked).unwrap_err();
    assert!(matches!(refusal, Refusal::StandbyNotReady { .. }), "{refusal}");
    for origin in [None, Some(origin(1, COPY))] {
        let taken = refused(|seen| seen.instance = Seen::Here(restored("available", origin)));
        assert!(matches!(taken, Refusal::NotOurInstance { .. }), "{taken}");
    }
}

/// A planned move would lose what a failover has to.
#[test]
fn a_planned_move_to_where_it_would_be_restored_is_not_begun() {
    let view = OpeningView { kind: Kind::Switchover, ..cold() };
    let refusal = open(&cold_plan(), &view).unwrap_err();
    assert!(matches!(refusal, Refusal::NotSupported { .. }), "{refusal}");
    assert!(refusal.to_string().contains("newer than its snapshot would be lost"), "{refusal}");
}

fn begun(intended: Option<Step>) -> Progress {
    progress_of(open(&cold_plan(), &cold()).unwrap(), &[fenced()], intended)
}

fn next_of(intended: Option<Step>, change: impl FnOnce(&mut View)) -> Next {
    let mut view = View { restored: Seen::Absent, copy: Seen::Here(()), ..view() };
    change(&mut view);
    next(&cold_plan(), &begun(intended), &view)
}

#[test]
fn the_copy_of_the_journal_is_restored_once_and_waited_for() {
    let restore = Next::Do(Act::RestoreDatabase { snapshot: COPY.to_owned() });
    assert_eq!(next_of(None, |_| {}), restore);
    let told = Some(Step::RestoreDatabase);
    assert_eq!(next_of(told, |_| {}), restore, "not seen yet: told again, under the same name");
    let seen = |status: &str, after_s: i64| {
        next_of(told, |view| {
            view.restored = Seen::Here(restored(status, Some(origin(1, COPY))));
            view.now = now() + SignedDuration::from_secs(after_s);
        })
    };
    for status in ["creating", "backing-up", "modifying", "rebooting", "configuring-log-exports"] {
        assert!(matches!(seen(status, 10_799), Next::Later(_)), "{status}");
    }
    let stuck = Refusal::RestoreStuck {
        instance: "controller-db-west".to_owned(),
        snapshot: COPY.to_owned(),
        status: "creating".to_owned(),
        since_s: 10_800,
        since_s_max: 10_800,
    };
    assert_eq!(seen("creating", 10_800), Next::Stop(stuck));
    for status in ["failed", "incompatible-restore", "incompatible-network", "storage-full"] {
        let next = seen(status, 60);
        assert!(matches!(next, Next::Stop(Refusal::RestoreFailed { .. })), "{status}: {next:?}");
    }
    let finding = Finding::Restored {
        instance: "controller-db-west".to_owned(),
        snapshot: COPY.to_owned(),
        taken_at: copy(7_200).taken_at,
    };
    assert_eq!(seen("available", 900), Next::Confirm(Step::RestoreDatabase, finding));
}

/// FT2: what has the name is believed only by its tags: this system, this term, this copy.
#[test]
fn an_instance_of_the_name_that_is_not_ours_is_not_believed() {
    let stranger = Origin { system: SystemName::parse("orders").unwrap(), ..origin(1, COPY) };
    let older = "warmspare-controller-db-2026-11-19t22-00-00z";
    for origin in [None, Some(stranger), Some(origin(2, COPY)), Some(origin(1, older))] {
        for status in ["creating", "available"] {
            let seen = Seen::Here(restored(status, origin.clone()));
            let next = next_of(Some(Step::RestoreDatabase), |view| view.restored = seen);
            assert!(matches!(next, Next::Stop(Refusal::NotOurInstance { .. })), "{next:?}");
        }
    }
    let replica = Restored {
        replica_of: Some("controller-db".to_owned()),
        ..restored("available", Some(origin(1, COPY)))
    };
    let next = next_of(None, |view| view.restored = Seen::Here(replica));
    assert!(matches!(next, Next::Stop(Refusal::NotOurInstance { .. })), "{next:?}");
}

#[test]
fn a_copy_that_is_gone_is_said_and_one_that_is_not_known_is_waited_for() {
    let gone = next_of(None, |view| view.copy = Seen::Absent);
    assert!(matches!(gone, Next::Stop(Refusal::NoSnapshot { .. })), "{gone:?}");
    let unknown = || Seen::Unknown("throttled".to_owned());
    assert!(matches!(next_of(None, |view| view.copy = unknown()), Next::Wait(_)));
    let unknown = Seen::Unknown("throttled".to_owned());
    assert!(matches!(next_of(None, |view| view.restored = unknown), Next::Wait(_)));
    let plan = plan();
    let view = View { restored: Seen::Absent, copy: Seen::Here(()), ..view() };
    assert!(matches!(next(&plan, &begun(None), &view), Next::Wait(_)), "the plan was changed");
}

/// FF5: nothing was promoted, and a copy loses hours: an old site that is well again keeps the system.
#[test]
fn an_old_site_that_is_back_during_the_restore_keeps_the_system() {
    let up = || vec![signal("internet", Sight::AsExpected), signal("peering", Sight::AsExpected)];
    for intended in [None, Some(Step::RestoreDatabase)] {
        let next = next_of(intended, |view| {
            view.old = up();
            view.restored = Seen::Here(restored("available", Some(origin(1, COPY))));
        });
        assert_eq!(next, Next::Do(Act::Unfence), "{intended:?}");
    }
    // Not once its instances were ended: there is nothing to give the system back to.
    let mut opened = open(&cold_plan(), &cold()).unwrap();
    opened.steps.insert(1, Step::StopCapacity);
    let stopped = Finding::StopAttempted { debts: vec![], why: "gone".to_owned(), accepted: None };
    let done = [fenced(), (Step::StopCapacity, stopped)];
    let view = View { old: up(), restored: Seen::Absent, copy: Seen::Here(()), ..view() };
    let next = next(&cold_plan(), &progress_of(opened, &done, None), &view);
    assert!(matches!(next, Next::Do(Act::RestoreDatabase { .. })), "{next:?}");
}

#[test]
fn the_report_names_the_copy_and_what_it_lacks() {
    let report = report(&cold_plan(), &begun(None), now());
    assert_eq!(report.rpo_database_s, Some(7_200));
    assert_eq!(report.restored_from, Some(copy(7_200)));
    assert_eq!(report.writer.unwrap().id, "controller-db-west");
}
