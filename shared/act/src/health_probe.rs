//! The health probe: looks at both sites of one system from the recovery region, and publishes what it
//! saw. It decides nothing. Where clients are led by a health check, it also publishes what the switch says.

use warmspare_decide::journal::Debt;
use warmspare_decide::name::SystemName;
use warmspare_decide::outcome::Outcome;
use warmspare_decide::probe::{Probed, metrics};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use crate::documents;
use crate::fault::Fault;
use crate::journal;
use crate::ports::{Clock, Databases, Monitoring, Signals, Vault};
use crate::signals;
use crate::switch;

/// Answers `{"action":"probe","system":…}`.
///
/// # Errors
/// The fault that kept the metrics from being published.
pub async fn answer<P>(ports: &P, event: &[u8]) -> Result<Outcome, Fault>
where
    P: Clock + Vault + Databases + Signals + Monitoring,
{
    let system = match read(event) {
        Ok(system) => system,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let plan = match documents::load_plan(ports, &system).await? {
        Ok((plan, _)) => plan,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let terms = journal::terms(ports, &system).await?;
    let (active, completed) = terms.active(&plan);
    // First of all: clients may be led by it, and the looks below may take their time.
    let led = switch::publish(ports, &plan, Some((&active, completed))).await;
    let pair = terms.pair(&plan);
    let standby = plan.other(&active);
    let primary = plan.other(&standby.name);
    let (primary, standby) = futures_util::future::join(
        signals::of_site(ports, &plan, pair.as_ref(), primary),
        signals::of_new_site(ports, &plan, standby),
    )
    .await;
    let proven = match ports.list(&vault::receipts(&system)).await {
        Ok(keys) => vault::newest_proven(&keys).map_or(Seen::Absent, Seen::Here),
        Err(fault) => Seen::Unknown(fault.to_string()),
    };
    // Instances that are to be put back cost money, and are no fence.
    let is_of_fence = |debt: &&Debt| **debt != Debt::PilotLight;
    let debts = terms.newest().map_or(0, |newest| newest.debts.iter().filter(is_of_fence).count());
    let debts = Seen::Here(u32::try_from(debts).unwrap_or(u32::MAX));
    let metrics = metrics(&plan, &Probed { now: ports.now(), primary, standby, proven, debts });
    ports.publish(system.as_str(), ports.now(), &metrics).await?;
    let led = led?.map_or(String::new(), |site| format!("; clients are led to {site}"));
    let shown: Vec<String> =
        metrics.iter().map(|(name, value)| format!("{name} {value}")).collect();
    Ok(Outcome::Done(format!("{active} is active: {}{led}", shown.join(", "))))
}

fn read(event: &[u8]) -> Result<SystemName, Refusal> {
    let event = documents::event(event)?;
    let action = event.get("action").and_then(serde_json::Value::as_str);
    if action != Some("probe") {
        let why = format!("its action is {action:?}, and probe is the one taken");
        return Err(Refusal::NotOurs { why });
    }
    let system = event.get("system").and_then(serde_json::Value::as_str).unwrap_or_default();
    SystemName::parse(system).map_err(|wrong| Refusal::NotOurs { why: wrong.to_string() })
}
