//! Route 53 of the simulated world. It is as strict as the real one: a batch is applied whole or not
//! at all, a DELETE must match everything, a CREATE must meet a free place.

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Dns;
use warmspare_decide::dns::{Change, RecordSet, Routing, Size};
use warmspare_decide::journal::Step;
use warmspare_decide::seen::Seen;

use super::promises::is_intended;
use super::sites::{Sites, after, gone};
use super::{Bent, Run, State};

/// The hosted zone of the plan of these tests.
pub(crate) const ZONE: &str = "Z0123456789ABCDEFGHIJ";
/// How long a change of records needs to reach every server, in seconds.
const IN_SYNC_S: i64 = 20;

/// The health check of the primary sets, where clients are led by one.
const CHECK: &str = "abcdef11-2222-3333-4444-555555fedcba";

/// The same plan, by which clients are led by a health check.
pub(crate) fn led_by_health_check(plan: &str) -> String {
    let method = format!("ttl = 60\nmethod = \"health-check\"\nhealth_check = \"{CHECK}\"\n");
    plan.replace("ttl = 60\n", &method)
}

/// The records of such a plan.
pub(crate) fn pair() -> Vec<RecordSet> {
    let set = |site: &str, role: &str, address: &str, check: Option<&str>| RecordSet {
        routing: Some(Routing::Failover { identifier: site.to_owned(), role: role.to_owned() }),
        health_check: check.map(str::to_owned),
        ..RecordSet::simple(ZONE, "controller.example.com", "A", 60, vec![address.to_owned()])
    };
    vec![
        set("east", "PRIMARY", "203.0.113.10", Some(CHECK)),
        set("west", "SECONDARY", "203.0.113.20", None),
    ]
}

/// How Route 53 is doing.
#[derive(Clone, Debug)]
pub(crate) struct Route53 {
    /// So many of the next requests are answered with `Throttling`.
    pub(crate) throttled: u32,
    /// So many of the next changes are accepted and never carried to every server.
    pub(crate) loses: u32,
    /// Whether it has forgotten the changes that it lost.
    pub(crate) forgets: bool,
    /// How long a change takes, in seconds.
    pub(crate) in_sync_s: i64,
    /// How many batches were submitted, refused ones included.
    pub(crate) batches: u32,
    /// How many requests were made, unanswered ones included.
    pub(crate) requests: u32,
}

impl Default for Route53 {
    fn default() -> Self {
        Self {
            throttled: 0,
            loses: 0,
            forgets: false,
            in_sync_s: IN_SYNC_S,
            batches: 0,
            requests: 0,
        }
    }
}

impl Sites {
    /// The sets of the name that failovers move, in the zone of the plan, which are answered: one,
    /// always. Beside a set with an identifier there may be others, of other people.
    pub(super) fn ours(&self) -> Vec<&RecordSet> {
        let is_ours = |set: &&RecordSet| {
            set.zone == ZONE
                && set.name == "controller.example.com"
                && set.identifier() != Some("theirs")
                && self.is_answered(set)
        };
        self.zone.iter().filter(is_ours).collect()
    }

    /// The addresses to which the name leads.
    pub(crate) fn leads_to(&self) -> Vec<String> {
        let sets = self.ours();
        assert_eq!(sets.len(), 1, "I3: the name has {} record sets", sets.len());
        sets[0].values.clone()
    }

    /// Of a pair of failover sets one is answered: the secondary while the health check of the primary
    /// is unhealthy, unless it carries one that is unhealthy too.
    fn is_answered(&self, set: &RecordSet) -> bool {
        match &set.routing {
            Some(Routing::Failover { role, .. }) => (role == "SECONDARY") == self.leads_away,
            _ => true,
        }
    }

    /// Whether any name in any zone leads to the site that was the standby.
    pub(super) fn leads_to_standby(&self) -> bool {
        self.zone.iter().any(|set| {
            set.identifier() != Some("theirs")
                && self.is_answered(set)
                && (set.values.iter().any(|value| value == "203.0.113.20")
                    || set.alias.as_ref().is_some_and(|alias| alias.name.contains("west")))
        })
    }

    pub(crate) fn term_held(&self) -> u32 {
        let sets = self.zone.iter().filter(|set| set.kind == "TXT");
        let terms = sets.map(|set| -> u32 {
            set.values[0].trim_matches('"').strip_prefix("term=").unwrap().parse().unwrap()
        });
        terms.max().unwrap_or(0)
    }
}

fn is_served(
    state: &State,
    is_throttled: bool,
    what: &'static str,
    subject: &str,
) -> Result<(), Fault> {
    if !state.sites.dns_answers {
        return Err(gone(what, subject));
    }
    if is_throttled {
        let why = "it answered Throttling: Rate exceeded";
        return Err(Fault::new(Hope::Retryable, what, subject, why));
    }
    Ok(())
}

fn is_same(one: &RecordSet, other: &RecordSet) -> bool {
    let sorted = |set: &RecordSet| {
        let mut set = set.clone();
        set.values.sort();
        set
    };
    sorted(one) == sorted(other)
}

/// The sets after this batch; `None` when Route 53 refuses it.
fn applied(sets: &[RecordSet], batch: &[Change], bent: Option<Bent>) -> Option<Vec<RecordSet>> {
    let mut sets = sets.to_vec();
    for change in batch {
        if bent == Some(Bent::RecordsAreOverwritten) {
            let set = change.set();
            sets.retain(|known| known.name != set.name || known.kind != set.kind);
            if let Change::Create(set) = change {
                sets.push(set.clone());
            }
            continue;
        }
        match change {
            Change::Delete(set) => {
                let at = sets.iter().position(|known| is_same(known, set))?;
                sets.remove(at);
            }
            Change::Create(set) => {
                let is_beside = |known: &&RecordSet| {
                    (&known.zone, &known.name, &known.kind) == (&set.zone, &set.name, &set.kind)
                };
                let clashes = sets.iter().filter(is_beside).any(|known| {
                    // A simple set stands alone, and so does each identifier.
                    match (known.identifier(), set.identifier()) {
                        (Some(known), Some(new)) => known == new,
                        (None, _) | (_, None) => true,
                    }
                });
                if clashes {
                    return None;
                }
                sets.push(set.clone());
            }
        }
    }
    Some(sets)
}

impl Dns for Run<'_> {
    async fn records(
        &self,
        zone: &str,
        names: &[(String, String)],
    ) -> Result<Vec<RecordSet>, Fault> {
        let is_throttled = self.spend_throttle();
        Run::look(self, |state| {
            is_served(state, is_throttled, "listing the records of", zone)?;
            let is_asked = |set: &&RecordSet| {
                set.zone == zone
                    && names.iter().any(|(name, kind)| *name == set.name && *kind == set.kind)
            };
            Ok(state.sites.zone.iter().filter(is_asked).cloned().collect())
        })
        .await
    }

    async fn change(&self, zone: &str, batch: &[Change]) -> Result<Option<String>, Fault> {
        let is_throttled = self.spend_throttle();
        let (zone, batch) = (zone.to_owned(), batch.to_vec());
        self.send("Dns::change", move |state| {
            let (zone, batch) = (zone.as_str(), batch.as_slice());
            is_intended(state, Step::Repoint);
            super::many::consented(state, batch);
            is_served(state, is_throttled, "changing the records of", zone)?;
            state.sites.route53.batches += 1;
            let size = Size::of(batch);
            if !size.fits() || batch.iter().any(|change| change.set().zone != zone) {
                state.broken.push(format!("a batch of {size:?} for zone {zone}"));
            }
            let Some(sets) = applied(&state.sites.zone, batch, state.bent) else { return Ok(None) };
            let is_move = |set: &&RecordSet| set.kind != "TXT" && !state.sites.zone.contains(set);
            state.sites.moves += u32::from(sets.iter().any(|set| is_move(&set)));
            state.sites.zone = sets;
            let id = format!("C{}", state.sites.changes.len() + 1);
            let is_lost = state.sites.route53.loses > 0;
            state.sites.route53.loses -= u32::from(is_lost);
            let at = (!is_lost).then(|| after(state.now, state.sites.route53.in_sync_s));
            state.sites.changes.push((id.clone(), at));
            Ok(Some(id))
        })
        .await
    }

    async fn is_in_sync(&self, change_id: &str) -> Result<Seen<bool>, Fault> {
        let is_throttled = self.spend_throttle();
        Run::look(self, |state| {
            is_served(state, is_throttled, "looking at the change", change_id)?;
            let found = state.sites.changes.iter().find(|(id, _)| id == change_id);
            Ok(match found {
                Some((_, Some(at))) => Seen::Here(state.now >= *at),
                Some((_, None)) if !state.sites.route53.forgets => Seen::Here(false),
                Some((_, None)) | None => Seen::Absent,
            })
        })
        .await
    }
}

impl Run<'_> {
    /// Whether this request meets the limit of the account; one that does makes room for a later one.
    fn spend_throttle(&self) -> bool {
        let mut state = self.world.set();
        state.sites.route53.requests += 1;
        let left = state.sites.route53.throttled;
        state.sites.route53.throttled = left.saturating_sub(1);
        left > 0
    }
}
