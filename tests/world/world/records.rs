//! Route 53 of the simulated world.

use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Dns;
use warmspare_decide::dns::{Change, RecordSet};
use warmspare_decide::journal::Step;

use super::Run;
use super::promises::is_intended;
use super::sites::{Sites, after, gone};

/// How long a change of records needs to reach every server, in seconds.
const IN_SYNC_S: i64 = 20;

impl Sites {
    /// The addresses to which the name leads.
    pub(crate) fn leads_to(&self) -> Vec<String> {
        let sets: Vec<_> =
            self.zone.iter().filter(|set| set.name == "controller.example.com").collect();
        assert_eq!(sets.len(), 1, "I3: the name has {} record sets", sets.len());
        sets[0].values.clone()
    }

    pub(super) fn term_held(&self) -> u32 {
        let set = self.zone.iter().find(|set| set.kind == "TXT");
        set.map_or(0, |set| {
            set.values[0].trim_matches('"').strip_prefix("term=").unwrap().parse().unwrap()
        })
    }
}

impl Dns for Run<'_> {
    async fn records(
        &self,
        zone: &str,
        names: &[(String, String)],
    ) -> Result<Vec<RecordSet>, Fault> {
        Run::look(self, |state| {
            if !state.sites.dns_answers {
                return Err(gone("listing the records of", zone));
            }
            let is_asked = |set: &&RecordSet| {
                names.iter().any(|(name, kind)| *name == set.name && *kind == set.kind)
            };
            Ok(state.sites.zone.iter().filter(is_asked).cloned().collect())
        })
        .await
    }

    async fn change(&self, zone: &str, batch: &[Change]) -> Result<Option<String>, Fault> {
        let (zone, batch) = (zone.to_owned(), batch.to_vec());
        self.send("Dns::change", move |state| {
            let (zone, batch) = (zone.as_str(), batch.as_slice());
            is_intended(state, Step::Repoint);
            if !state.sites.dns_answers {
                return Err(gone("changing the records of", zone));
            }
            let mut records = state.sites.zone.clone();
            for change in batch {
                match change {
                    Change::Delete(set) => {
                        let Some(at) = records.iter().position(|known| known == set) else {
                            return Ok(None);
                        };
                        records.remove(at);
                    }
                    Change::Create(set) => {
                        if records.iter().any(|k| k.name == set.name && k.kind == set.kind) {
                            return Ok(None);
                        }
                        records.push(set.clone());
                    }
                }
            }
            if records.iter().any(|set| set.kind == "A" && !state.sites.zone.contains(set)) {
                state.sites.moves += 1;
            }
            state.sites.zone = records;
            let id = format!("C{}", state.sites.changes.len() + 1);
            let at = after(state.now, IN_SYNC_S);
            state.sites.changes.push((id.clone(), at));
            Ok(Some(id))
        })
        .await
    }

    async fn is_in_sync(&self, change_id: &str) -> Result<bool, Fault> {
        Run::look(self, |state| {
            let found = state.sites.changes.iter().find(|(id, _)| id == change_id);
            let why = "NoSuchChange";
            let absent = || Fault::new(Hope::Permanent, "following the change", change_id, why);
            found.map(|(_, at)| state.now >= *at).ok_or_else(absent)
        })
        .await
    }
}
