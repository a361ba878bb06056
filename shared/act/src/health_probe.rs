//! The health probe: looks at both sites of one system from the recovery region, and publishes what it
//! saw. It decides nothing.

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
    let (active, _) = terms.active(&plan);
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
    let debts = terms.newest().map_or(0, |progress| progress.debts.len());
    let debts = Seen::Here(u32::try_from(debts).unwrap_or(u32::MAX));
    let metrics = metrics(&plan, &Probed { now: ports.now(), primary, standby, proven, debts });
    ports.publish(system.as_str(), &metrics).await?;
    let shown: Vec<String> =
        metrics.iter().map(|(name, value)| format!("{name} {value}")).collect();
    Ok(Outcome::Done(format!("{active} is active: {}", shown.join(", "))))
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
