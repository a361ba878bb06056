//! Route 53 in a failover: several zones, sets of every kind, limits, changes that are lost.

use std::pin::pin;

use warmspare_act::failover_promotion::answer;
use warmspare_decide::dns::{Alias, RecordSet, Routing};
use warmspare_decide::journal::{Finding, Progress, Step};
use warmspare_decide::outcome::Outcome;
use warmspare_decide::refusal::Refusal;

use crate::failover::{
    ALARM, PLAN, TICK, alarm, assert_failed_over, calm, lost, refusal, tick_until_over,
};
use crate::tries::everywhere;
use crate::world::promises::newest_term;
use crate::world::records::ZONE;
use crate::world::{World, finish, poll_once};

const INSIDE: &str = "ZINSIDE";

/// The name in a public zone, and its twin with another one in a private zone.
fn two_zones() -> World {
    let twins = "[[dns.record]]\nname = \"controller.example.com\"\ntype = \"A\"\n\
                 zone = \"ZINSIDE\"\neast = [\"203.0.113.10\"]\nwest = [\"203.0.113.20\"]\n\
                 [[dns.record]]\nname = \"db.example.com\"\ntype = \"CNAME\"\nzone = \"ZINSIDE\"\n\
                 east = [\"db.east.example.com\"]\nwest = [\"db.west.example.com\"]\n[failover]";
    let world = calm(&PLAN.replace("[failover]", twins));
    let of = |name: &str, kind: &str, value: &str| {
        RecordSet::simple(INSIDE, name, kind, 300, vec![value.to_owned()])
    };
    let now = world.state().now;
    world.set().sites.zone.extend([
        of("controller.example.com", "A", "203.0.113.10"),
        of("db.example.com", "CNAME", "db.east.example.com"),
    ]);
    world.set().sites.lose_home(now);
    world
}

fn values(world: &World, zone: &str) -> Vec<String> {
    let state = world.state();
    let sets = state.sites.zone.iter().filter(|set| set.zone == zone);
    let mut values: Vec<String> = sets.flat_map(|set| set.values.clone()).collect();
    values.sort();
    values
}

fn end(world: &World) -> Progress {
    let newest = newest_term(&world.state());
    match newest {
        Some(progress) if progress.end.is_some() => progress,
        Some(_) => tick_until_over(world),
        None => {
            alarm(world);
            end(world)
        }
    }
}

fn assert_moved_in_both(world: &World, during: &str) {
    world.assert_promises(during);
    assert!(newest_term(&world.state()).unwrap().end.unwrap().completed, "{during}");
    assert_eq!(values(world, ZONE), ["\"term=1\"", "203.0.113.20"], "{during}");
    let inside = ["\"term=1\"", "203.0.113.20", "db.west.example.com"];
    assert_eq!(values(world, INSIDE), inside, "{during}");
}

#[test]
fn each_zone_moves_in_a_batch_of_its_own_and_holds_the_term() {
    let world = two_zones();
    let Outcome::Done(sentence) = alarm(&world) else { panic!("not done") };
    assert_moved_in_both(&world, "calm");
    assert_eq!(world.state().sites.route53.batches, 2);
    // The longest TTL of what was there counts from the moment when every server had the new.
    let progress = newest_term(&world.state()).unwrap();
    let in_sync = progress.past.iter().find(|past| past.step == Step::SeeInSync).unwrap();
    let until = in_sync.at + jiff::SignedDuration::from_secs(300);
    assert!(sentence.contains(&format!("may answer the old records until {until}")), "{sentence}");
}

/// FA6, FA13, FF1, FF3: whatever ends the run between two zones, the ticks finish the step: that one zone
/// has moved and the other one has not is no drift. A run that sleeps meanwhile moves no zone again.
#[test]
#[ignore = "optimised: cargo prove"]
fn a_half_moved_set_of_zones_is_a_step_to_be_finished() {
    everywhere("two zones", two_zones, ALARM, |world, during| {
        end(world);
        assert_moved_in_both(world, during);
    });
}

/// FF14: somebody edits one zone while the failover is under way. The other one moves, the edit is
/// left alone and named, and once it is put right the failover goes on.
#[test]
fn drift_in_one_zone_holds_up_that_zone_only() {
    let world = two_zones();
    {
        let run = world.run().stopping_at(0);
        let mut stopped = pin!(answer(&run, ALARM));
        while newest_term(&world.state()).is_none() {
            run.step();
            assert!(poll_once(stopped.as_mut()).is_pending(), "it begins");
        }
        let edit = |state: &mut RecordSet| state.values = vec!["elsewhere.example.com".to_owned()];
        world.set().sites.zone.iter_mut().filter(|set| set.kind == "CNAME").for_each(edit);
        run.wake();
        let refused = poll_once(stopped.as_mut());
        let text = format!("{refused:?}");
        assert!(text.contains("db.example.com CNAME"), "{text}");
        assert!(text.contains("elsewhere.example.com"), "{text}");
    }
    assert_eq!(values(&world, ZONE), ["\"term=1\"", "203.0.113.20"]);
    assert_eq!(values(&world, INSIDE), ["203.0.113.10", "elsewhere.example.com"]);
    for _tick in 0..3 {
        world.pass(60);
        let refused = finish(answer(&world.run(), TICK)).unwrap().to_string();
        assert!(refused.contains("elsewhere.example.com"), "{refused}");
    }
    let heal = |set: &mut RecordSet| set.values = vec!["db.east.example.com".to_owned()];
    world.set().sites.zone.iter_mut().filter(|set| set.kind == "CNAME").for_each(heal);
    end(&world);
    assert_moved_in_both(&world, "after the drift was healed");
}

/// A set that is one of several: weighted, with a health check, beside one of somebody else's.
fn weighted() -> World {
    let plan = PLAN.replace("type = \"A\"\n", "type = \"A\"\nset_identifier = \"ours\"\n");
    let world = calm(&plan);
    let now = world.state().now;
    let set = world.state().sites.zone[0].clone();
    let of = |identifier: &str, weight| RecordSet {
        routing: Some(Routing::Weighted { identifier: identifier.to_owned(), weight }),
        health_check: Some("h-1".to_owned()),
        ttl_s: Some(17),
        ..set.clone()
    };
    world.set().sites.zone = vec![of("ours", 70), of("theirs", 30)];
    world.set().sites.lose_home(now);
    world
}

/// FF16: what makes a set more than a name and a value survives the move, and the undo.
#[test]
fn a_weighted_set_keeps_its_identifier_weight_health_check_and_ttl() {
    let world = weighted();
    let theirs = world.state().sites.zone[1].clone();
    alarm(&world);
    assert_failed_over(&world, "weighted");
    let state = world.state();
    assert!(state.sites.zone.contains(&theirs));
    let ours = state.sites.zone.iter().find(|set| set.identifier() == Some("ours")).unwrap();
    assert_eq!(ours.shown(), "203.0.113.20 (weighted 70 as ours, health check h-1)");
    assert_eq!(ours.ttl_s, Some(17));
}

/// FF16: the plan says which set it means, and a set that is none of these is drift.
#[test]
fn a_set_identifier_that_the_plan_does_not_know_is_drift() {
    let world = weighted();
    world.put("plans/controller.toml", PLAN.as_bytes());
    let Refusal::DnsDrift { record, found, .. } = refusal(&world, ALARM) else { panic!() };
    assert_eq!(record, "controller.example.com A");
    assert!(found.contains("weighted 70 as ours"), "{found}");
    let world = lost();
    let plan = PLAN.replace("type = \"A\"\n", "type = \"A\"\nset_identifier = \"ours\"\n");
    world.put("plans/controller.toml", plan.as_bytes());
    let Refusal::DnsDrift { record, .. } = refusal(&world, ALARM) else { panic!() };
    assert_eq!(record, "controller.example.com A ours");
}

#[test]
fn an_alias_leads_to_the_other_sites_load_balancer() {
    let at = |site: &str| {
        format!("{site} = {{ alias = \"dualstack.{site}.example.com\", zone = \"ZLB\" }}")
    };
    let plan = PLAN
        .replace("east = [\"203.0.113.10\"]", &at("east"))
        .replace("west = [\"203.0.113.20\"]", &at("west"));
    let world = calm(&plan);
    let now = world.state().now;
    let alias = |site: &str| {
        let name = format!("dualstack.{site}.example.com");
        Some(Alias { zone: "ZLB".to_owned(), name, evaluate: false })
    };
    {
        let sites = &mut world.set().sites;
        let set = &mut sites.zone[0];
        (set.ttl_s, set.values, set.alias) = (None, vec![], alias("east"));
        sites.lose_home(now);
    }
    let Outcome::Done(sentence) = alarm(&world) else { panic!("not done") };
    world.assert_promises("alias");
    let state = world.state();
    assert_eq!((&state.sites.zone[0].alias, state.sites.zone[0].ttl_s), (&alias("west"), None));
    assert!(sentence.contains("may answer the old records until"), "{sentence}");
}

/// FA8, FF8: Route 53 refuses requests because the account makes too many. The waits grow, nothing is
/// done twice, and what did not fit into the invocation is the next tick's.
#[test]
fn throttling_costs_time_and_nothing_else() {
    let calm_took = {
        let world = lost();
        let began = world.state().now;
        alarm(&world);
        world.state().now.duration_since(began)
    };
    for throttled in [1, 2, 5, 9, 40] {
        let world = lost();
        let began = world.state().now;
        world.set().sites.route53.throttled = throttled;
        alarm(&world);
        end(&world);
        assert_failed_over(&world, &format!("{throttled} requests were refused"));
        assert!(world.state().now.duration_since(began) >= calm_took, "{throttled}");
        assert_eq!(world.state().sites.route53.batches, 1, "{throttled}");
    }
}

/// FF8: a change that never reaches every server is said with its numbers, and submitted again.
#[test]
fn a_change_that_is_lost_is_submitted_again() {
    for (forgets, loses) in [(false, 1), (true, 1), (true, 3)] {
        let during = format!("{loses} lost, forgotten: {forgets}");
        let world = lost();
        world.set().sites.route53.loses = loses;
        world.set().sites.route53.forgets = forgets;
        let first = alarm(&world).to_string();
        if !forgets {
            assert!(first.contains("see the records in sync"), "{first}");
            world.pass(60);
            let second = finish(answer(&world.run(), TICK)).unwrap().to_string();
            assert!(second.contains("which takes 60 s as a rule"), "{second}");
        }
        end(&world);
        assert_failed_over(&world, &during);
        let progress = newest_term(&world.state()).unwrap();
        let moved: Vec<_> = progress
            .past
            .iter()
            .filter(|past| matches!(past.finding, Finding::Moved { .. }))
            .collect();
        assert_eq!(moved.len(), usize::try_from(loses).unwrap() + 1, "{during}");
        let batches = world.state().sites.route53.batches;
        assert_eq!(batches, loses + 1, "{during}");
    }
}

/// The control plane came back without a change that it had accepted: the records are moved again, and
/// still only to a site that is seen healthy.
#[test]
fn records_that_fell_back_are_moved_again() {
    let world = lost();
    world.set().sites.route53.loses = 1;
    let before = world.state().sites.zone.clone();
    alarm(&world);
    world.set().sites.zone = before;
    world.set().sites.route53.forgets = true;
    let progress = end(&world);
    // That Route 53 itself fell behind is the one thing that the world holds against it.
    world.set().broken.retain(|broken| !broken.starts_with("I1"));
    world.assert_promises("fell back");
    assert!(progress.end.unwrap().completed);
    assert_eq!(world.state().sites.leads_to(), ["203.0.113.20"]);
    assert_eq!(world.state().sites.term_held(), 1);
}
