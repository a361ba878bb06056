//! Clients that are led by a health check: the switch, its alarm, and the pairs of records.

use super::*;
use crate::dns::Routing;
use crate::plan::Method;
use crate::switch::{FORMAT, Held, Leads, Switch, SwitchView};

const CHECK: &str = "h-1";

fn by_check() -> Plan {
    let method = Method::HealthCheck { id: CHECK.to_owned() };
    Plan { dns: Dns { method, ..plan().dns }, ..plan() }
}

fn site(name: &str) -> SiteName {
    SiteName::parse(name).unwrap()
}

fn held(term: u32, to: &str) -> Held {
    let system = SystemName::parse("controller").unwrap();
    let switch = Switch { format: FORMAT, system, term: Term(term), site: site(to) };
    Held { switch, etag: "e".to_owned() }
}

/// Everything up to the sight of a healthy new site is done.
fn healthy() -> Vec<(Step, Finding)> {
    let verdict = opened().verdict;
    vec![
        fenced(),
        (Step::PromoteDatabase, Finding::Writable),
        (Step::PromoteAppliance, Finding::Accepted),
        (Step::SeeHealthy, Finding::Healthy { verdict }),
    ]
}

fn turned() -> Vec<(Step, Finding)> {
    let switched = Finding::Switched { site: site("west"), term: Term(1) };
    [healthy(), vec![(Step::Repoint, switched)]].concat()
}

fn next_of(done: &[(Step, Finding)], change: impl FnOnce(&mut View)) -> Next {
    let mut view = view();
    view.switch = SwitchView {
        held: Seen::Absent,
        alarm: Seen::Here(AlarmState::Ok),
        published_at: Some(now()),
    };
    change(&mut view);
    next(&by_check(), &progress(done, None), &view)
}

/// I2, P3: it is turned over exactly what was seen, and only while the new site is seen healthy.
#[test]
fn the_switch_is_turned_over_what_was_seen_while_the_new_site_is_healthy() {
    let turn = |over: Option<&str>| Next::Do(Act::TurnSwitch { over: over.map(str::to_owned) });
    assert_eq!(next_of(&healthy(), |_| {}), turn(None));
    let older = |view: &mut View| view.switch.held = Seen::Here(held(0, "east"));
    assert_eq!(next_of(&healthy(), older), turn(Some("e")));
    let ill = |view: &mut View| view.new = vec![signal("internet", silent())];
    let Next::Wait(why) = next_of(&healthy(), ill) else { panic!() };
    assert!(why.starts_with("the new site is not healthy any more"), "{why}");
    let unknown = |view: &mut View| view.switch.held = Seen::Unknown("503".to_owned());
    let Next::Wait(why) = next_of(&healthy(), unknown) else { panic!() };
    assert_eq!(why, "the switch could not be read: 503");
    // Seen turned, the site's health decides nothing any more.
    let done = |view: &mut View| {
        view.switch.held = Seen::Here(held(1, "west"));
        view.new.clear();
    };
    let Next::Confirm(Step::Repoint, finding) = next_of(&healthy(), done) else { panic!() };
    assert_eq!(finding, Finding::Switched { site: site("west"), term: Term(1) });
}

/// FF3: a run that is too late, and a switch that no run can have written.
#[test]
fn a_switch_of_a_newer_term_stops_the_run_at_either_step() {
    for done in [healthy(), turned()] {
        let newer = |view: &mut View| view.switch.held = Seen::Here(held(2, "east"));
        let Next::Stop(refusal) = next_of(&done, newer) else { panic!() };
        assert_eq!(refusal, Refusal::Superseded { term: Term(1), newer: Term(2) });
        let foreign = |view: &mut View| view.switch.held = Seen::Here(held(1, "east"));
        let Next::Stop(refusal) = next_of(&done, foreign) else { panic!() };
        assert!(matches!(refusal, Refusal::DnsDrift { .. }), "{refusal}");
    }
}

/// It publishes until the alarm leads there, at least three times a minute, and says what it waits for.
#[test]
fn it_is_published_until_the_alarm_leads_to_the_new_site() {
    let see = |alarm: Seen<AlarmState>, published_s_ago: Option<i64>| {
        next_of(&turned(), |view| {
            view.switch.held = Seen::Here(held(1, "west"));
            view.switch.alarm = alarm;
            view.switch.published_at = published_s_ago.map(ago);
        })
    };
    let led = see(Seen::Here(AlarmState::Alarm), None);
    let Next::Confirm(Step::SeeInSync, Finding::Led { site: to, .. }) = led else { panic!() };
    assert_eq!(to, site("west"));
    for alarm in [
        Seen::Here(AlarmState::Ok),
        Seen::Here(AlarmState::InsufficientData),
        Seen::Absent,
        Seen::Unknown("503".to_owned()),
    ] {
        assert_eq!(see(alarm.clone(), None), Next::Do(Act::Publish));
        assert_eq!(see(alarm.clone(), Some(20)), Next::Do(Act::Publish));
        let Next::Wait(why) = see(alarm, Some(19)) else { panic!() };
        assert!(why.contains("warmspare-away-controller"), "{why}");
    }
    let after_s = |seconds: i64| {
        let next = next_of(&turned(), |view| {
            view.now = now() + SignedDuration::from_secs(seconds);
            view.switch.held = Seen::Here(held(1, "west"));
            view.switch.published_at = Some(view.now);
        });
        let Next::Wait(why) = next else { panic!() };
        why
    };
    let (rule, late) = ("as a rule it takes less than 240 s", after_s(241));
    assert!(late.contains(&format!("241 s after the switch was turned; {rule}")), "{late}");
    assert!(!after_s(240).contains(rule), "{}", after_s(240));
}

/// E22: what a planned move needs to know of its clients is in the recovery region, and leads them to the
/// site that it would leave.
#[test]
fn a_planned_move_begins_only_where_clients_are_led_to_the_active_site() {
    let planned = |leads: Option<Leads>| {
        let refusal = asked(|view| {
            view.kind = Kind::Switchover;
            view.asked = Asked::Operator { reason: "patch day".to_owned() };
            view.primary = vec![signal("internet", Sight::AsExpected)];
            view.records = Seen::Unknown("gone".to_owned());
            view.leads = leads;
        });
        refusal.err().map_or("it begins".to_owned(), |refusal| refusal.to_string())
    };
    let leads = |switch, alarm| planned(Some(Leads { switch, alarm }));
    let ok = || Seen::Here(AlarmState::Ok);
    let unknown = || "503".to_owned();
    assert_eq!(leads(Seen::Absent, ok()), "it begins");
    assert_eq!(leads(Seen::Here(held(0, "east").switch), ok()), "it begins");
    let alarm = |state| leads(Seen::Absent, state);
    for (said, part) in [
        (planned(None), "it was not looked at"),
        (leads(Seen::Unknown(unknown()), ok()), "the switch could not be read: 503"),
        (alarm(Seen::Here(AlarmState::Alarm)), "is ALARM, which does not lead to east"),
        (alarm(Seen::Here(AlarmState::InsufficientData)), "which does not lead to east"),
        (alarm(Seen::Unknown(unknown())), "CloudWatch could not be asked"),
        (alarm(Seen::Absent), "there is no alarm warmspare-away-controller"),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

fn pair() -> Vec<RecordSet> {
    let set = |identifier: &str, role: &str, address: &str, check: Option<&str>| RecordSet {
        routing: Some(Routing::Failover {
            identifier: identifier.to_owned(),
            role: role.to_owned(),
        }),
        health_check: check.map(str::to_owned),
        ttl_s: Some(30),
        ..record(address)
    };
    let east = set("east", "PRIMARY", "203.0.113.10", Some(CHECK));
    vec![east, set("west", "SECONDARY", "203.0.113.20", None)]
}

fn asked(change: impl FnOnce(&mut OpeningView)) -> Result<Opened, Refusal> {
    let mut view = lost();
    view.records = Seen::Here(pair());
    view.leads = Some(Leads { switch: Seen::Absent, alarm: Seen::Here(AlarmState::Ok) });
    change(&mut view);
    open(&by_check(), &view)
}

/// FF9, FF14: what is needed is in the recovery region; what Route 53 does not say refuses nothing.
#[test]
fn what_the_control_plane_does_not_say_is_no_refusal() {
    assert!(asked(|_| {}).is_ok());
    assert!(asked(|view| view.records = Seen::Unknown("gone".to_owned())).is_ok());
    assert!(asked(|view| view.records = Seen::Absent).is_ok());
    // An opening view of before this method.
    assert!(asked(|view| view.leads = None).is_ok());
    let alarm = |alarm| {
        move |view: &mut OpeningView| view.leads = Some(Leads { switch: Seen::Absent, alarm })
    };
    assert!(asked(alarm(Seen::Unknown("503".to_owned()))).is_ok());
    assert!(asked(alarm(Seen::Here(AlarmState::Alarm))).is_ok());
    let refusal = asked(alarm(Seen::Absent)).unwrap_err();
    assert_eq!(refusal, Refusal::NoSwitch { alarm: "warmspare-away-controller".to_owned() });
    let simple = |view: &mut OpeningView| view.records = lost().records;
    let Refusal::DnsDrift { record, found, wanted } = asked(simple).unwrap_err() else { panic!() };
    assert_eq!(
        (record.as_str(), found.as_str()),
        ("controller.example.com A east", "203.0.113.10")
    );
    assert_eq!(wanted, "203.0.113.10 (failover PRIMARY as east, health check h-1)");
}

/// The report says until when the old answer may be heard: by the records where they were seen, and
/// else by the plan.
#[test]
fn resolvers_may_answer_the_old_site_for_the_time_to_live_of_the_pair() {
    let led = Finding::Led { site: site("west"), alarm: "a".to_owned() };
    let done = [turned(), vec![(Step::SeeInSync, led)]].concat();
    for (records, ttl_s) in [(Seen::Here(pair()), 30), (Seen::Unknown("gone".to_owned()), 60)] {
        let opened = asked(|view| view.records = records).unwrap();
        let report = report(&by_check(), &progress_of(opened, &done, None), now());
        assert_eq!(report.stale_until, Some(now() + SignedDuration::from_secs(ttl_s)));
        assert_eq!((report.records_before.len(), report.records_after.len()), (0, 0));
    }
}

/// A mode that is owed is given back while clients are led to its site, by the alarm and not by records.
#[test]
fn a_mode_is_given_back_while_the_alarm_leads_to_its_site() {
    let begun = progress(&[], Some(Step::Fence));
    let told = |switch: Seen<Switch>, alarm: Seen<AlarmState>| {
        give_back(&by_check(), &begun, &Seen::Absent, Some(&Leads { switch, alarm }))
    };
    let ok = || Seen::Here(AlarmState::Ok);
    assert_eq!(told(Seen::Absent, ok()), Ok(()));
    assert_eq!(told(Seen::Here(held(1, "east").switch), ok()), Ok(()));
    for (switch, alarm, part) in [
        (Seen::Here(held(2, "west").switch), ok(), "term 2 has turned the switch"),
        (Seen::Unknown("503".to_owned()), ok(), "could not be read: 503"),
        (Seen::Absent, Seen::Here(AlarmState::Alarm), "is ALARM, and does not lead to east"),
        (Seen::Absent, Seen::Here(AlarmState::InsufficientData), "does not lead to east"),
        (Seen::Absent, Seen::Absent, "there is no alarm"),
        (Seen::Absent, Seen::Unknown("503".to_owned()), "is not known: 503"),
    ] {
        let why = told(switch, alarm).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
    assert!(give_back(&by_check(), &begun, &Seen::Absent, None).is_err());
}
