//! The systems that are failed over here, and what wakes the function.

use warmspare_act::failover_promotion::answer;
use warmspare_act::fault::Fault;
use warmspare_act::health_probe;
use warmspare_decide::outcome::Outcome;

use crate::world::{Run, World};

pub(crate) const PLAN: &str = include_str!("../world/failover_plan.toml");
pub(crate) const ALARM: &[u8] =
    br#"{"source":"aws.cloudwatch","detail-type":"CloudWatch Alarm State Change",
    "detail":{"alarmName":"warmspare-primary-controller","state":{"value":"ALARM"}}}"#;
pub(crate) const TICK: &[u8] = br#"{"action":"tick","system":"controller"}"#;
pub(crate) const TICK_OF_ALL: &[u8] = br#"{"action":"tick"}"#;
pub(crate) const BY_HAND: &[u8] =
    br#"{"system":"controller","action":"failover","reason":"east burns"}"#;
pub(crate) const PROBE: &[u8] = br#"{"action":"probe","system":"controller"}"#;
pub(crate) const STATUS: &[u8] =
    br#"{"system":"controller","action":"status","reason":"where are we"}"#;

/// The plan without its database: the appliance is all that moves, so it can also move back.
pub(crate) fn without_database() -> String {
    let (before, rest) = PLAN.split_once("[database]").unwrap();
    let (_, after) = rest.split_once("[sites.east]").unwrap();
    format!("{before}[sites.east]{after}").replace(
        "{ replication = true }",
        "{ https = \"https://east.example.com:4343/x\", expect = 200, path = \"vpc\" }",
    )
}

/// The plan that waits until the old site was fenced, however long that takes.
pub(crate) fn demanding(plan: &str) -> String {
    plan.replace("fence = \"attempted\"", "fence = \"confirmed\"")
}

/// The plan whose sites have instances; the old site's are ended when its appliance does not answer.
pub(crate) fn scaled(plan: &str) -> String {
    let east = "[sites.east]\ncapacity = { asg = \"controller-east\" }\n";
    let west = "[sites.west]\ncapacity = { asg = \"controller-west\", desired = 2 }\n";
    demanding(&plan.replace("[sites.east]\n", east).replace("[sites.west]\n", west))
}

/// The plan whose database is an Aurora global database.
pub(crate) fn clustered(plan: &str) -> String {
    let kind = "kind = \"aurora-global\"\nglobal_cluster = \"controller-global\"";
    let path = "{ tcp = \"east.example.com:443\", path = \"vpc\" }";
    plan.replace("kind = \"rds\"", kind).replace("{ replication = true }", path)
}

/// A system under this plan, with a proven backup, in a calm world.
pub(crate) fn calm(plan: &str) -> World {
    let world = World::new();
    world.put("plans/controller.toml", plan.as_bytes());
    world.put("receipts/controller/2026-11-20T12-00-00Z/verified.json", b"{}");
    world
}

/// What the function answers: failover-promotion, or the probe that publishes beside it.
pub(crate) async fn act(run: &Run<'_>, event: &[u8]) -> Result<Outcome, Fault> {
    if event == PROBE { health_probe::answer(run, event).await } else { answer(run, event).await }
}
