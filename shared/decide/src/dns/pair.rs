//! The records of the method `health-check`: for each one a pair of failover sets, which are looked at
//! where that can be done, and never changed.

use super::{Drift, RecordSet, Routing, answers, label};
use crate::name::SiteName;
use crate::plan::{Plan, Record, Target};

/// Whether the sets are as the plan and the method want them: home's is the primary and carries the
/// health check; the other one is the secondary and carries none, because a secondary that is
/// unhealthy as well would lead clients to the primary.
///
/// # Errors
/// The first set that is otherwise.
pub fn are_pairs(plan: &Plan, health_check: &str, seen: &[RecordSet]) -> Result<(), Drift> {
    for record in &plan.dns.records {
        let home = (&plan.home.name, "PRIMARY", &record.home, Some(health_check));
        let away = (&plan.away.name, "SECONDARY", &record.away, None);
        for (site, role, target, check) in [home, away] {
            let wanted = wanted(record, site, role, target, check);
            let found = seen.iter().filter(|set| {
                let is_of_zone = set.zone == record.zone;
                is_of_zone && set.name == record.name && set.kind == record.kind
            });
            let found: Vec<&RecordSet> = found.collect();
            let meant = found.iter().find(|set| set.identifier() == Some(site.as_str()));
            let is_right = meant.is_some_and(|set| {
                set.routing == wanted.routing
                    && set.health_check == wanted.health_check
                    && answers(set, target)
            });
            if !is_right {
                let all = found.iter().map(|set| set.shown()).collect::<Vec<_>>().join("; ");
                let shown = meant.map_or(all, |set| set.shown());
                let found = if shown.is_empty() { "nothing".to_owned() } else { shown };
                let record = label(&record.name, &record.kind, Some(site.as_str()));
                return Err(Drift { record, found, wanted: wanted.shown() });
            }
        }
    }
    Ok(())
}

/// For how long resolvers may still answer what was answered before, in seconds: the longest time to
/// live of the sets where they were seen, and the plan's where they were not.
pub fn pair_stale_s(plan: &Plan, seen: Option<&[RecordSet]>) -> u32 {
    let seen = seen.unwrap_or_default().iter().map(|set| set.ttl_s.unwrap_or(super::ALIAS_S));
    seen.max().unwrap_or(plan.dns.ttl_s)
}

fn wanted(
    record: &Record,
    site: &SiteName,
    role: &str,
    target: &Target,
    health_check: Option<&str>,
) -> RecordSet {
    let (values, alias) = match target {
        Target::Values(values) => (values.clone(), None),
        Target::Alias(alias) => (Vec::new(), Some(alias.clone())),
    };
    RecordSet {
        zone: record.zone.clone(),
        name: record.name.clone(),
        kind: record.kind.clone(),
        ttl_s: None,
        values,
        alias,
        routing: Some(Routing::Failover {
            identifier: site.as_str().to_owned(),
            role: role.to_owned(),
        }),
        health_check: health_check.map(str::to_owned),
    }
}
