//! Planned moves that do not begin, and why.

use super::*;

/// Every refusal of a planned move that has not begun, by the one thing that is not as it should be.
#[test]
fn each_refusal_of_a_planned_move_says_why() {
    type Change = fn(&World);
    let there: [(&str, Change); 9] = [
        ("ActiveNotHealthy", |world| world.set().sites.site("east").ill = true),
        ("ActiveNotHealthy", |world| {
            let now = world.state().now;
            world.set().sites.lose_home(now);
        }),
        ("StandbyNotReady", |world| world.set().sites.site("west").ill = true),
        ("TooFarBehind", |world| {
            world.set().sites.behind_s = 31.0;
            world.pass(60);
        }),
        ("LagUnknown", |world| world.set().sites.lag.clear()),
        ("NoReplica", |world| {
            world.set().sites.databases.remove("controller-db-west");
        }),
        ("BackupTooOld", |world| {
            world.remove("receipts/controller/2026-11-20T12-00-00Z/verified.json");
            world.put("receipts/controller/2026-11-19T12-00-00Z/verified.json", b"{}");
        }),
        ("RecordsUnknown", |world| world.set().sites.dns_answers = false),
        ("DnsDrift", |world| {
            world.set().sites.zone[0].values = vec!["192.0.2.99".to_owned()];
        }),
    ];
    for (name, change) in there {
        let world = calm(PLAN);
        change(&world);
        let refused = refusal(&world, SWITCHOVER);
        assert!(format!("{refused:?}").starts_with(name), "{name}: {refused:?}");
        assert!(newest_term(&world.state()).is_none(), "{name}: nothing begins");
    }
    let failback = |world: &World| refusal(world, &failback(world));
    let refused = failback(&calm(PLAN));
    assert!(matches!(refused, Refusal::AlreadyActive { .. }), "{refused}");
    let world = returned();
    let refused = refusal(&world, SWITCHOVER);
    assert!(matches!(refused, Refusal::StandbyNotRestored { .. }), "home by any name: {refused}");
    world.pass(3 * 86_400);
    let old = br#"{"system":"controller","action":"failback","reason":"r","restored":"2026-11-21T00:00:00Z"}"#;
    let refused = refusal(&world, old);
    assert!(matches!(refused, Refusal::StandbyNotRestored { .. }), "{refused}");
}

/// FA17 and the plan's modes: a person who asks is asked for nothing else.
#[test]
fn a_manual_plan_does_not_hold_a_switchover_back_and_a_cooldown_does() {
    for mode in ["manual", "approve"] {
        let world = calm(&PLAN.replace("\"automatic\"", &format!("\"{mode}\"")));
        ask(&world, SWITCHOVER);
        tick_until_paid(&world);
        assert_moved(&world, &SCENES[0], mode);
        let event = failback(&world);
        assert!(matches!(refusal(&world, &event), Refusal::Cooldown { .. }));
    }
}

/// P2, FF11: what is owed blocks the way home until it is paid.
#[test]
fn a_failback_is_refused_while_a_fence_is_owed() {
    let world = lost();
    alarm(&world);
    world.pass(1800);
    world.set().sites.site("east").lost = false;
    let event = failback(&world);
    assert!(matches!(refusal(&world, &event), Refusal::FenceOwed { .. }));
    assert_eq!(newest_term(&world.state()).unwrap().term, Term(1));
}

/// FF12: what an earlier failover left in the journal is not gone on with.
#[test]
fn a_planned_move_does_not_join_a_failover() {
    let world = lost();
    world.set().sites.dns_answers = false;
    alarm(&world);
    let refused = refusal(&world, SWITCHOVER);
    assert!(matches!(refused, Refusal::InProgress { term: Term(1), .. }), "{refused}");
}
