//! Two sites, their appliances and databases, Route 53 and CloudWatch, as a failover meets them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Alarm, ApplianceMode, Appliances, Databases, Dns, Monitoring, Signals};
use warmspare_decide::database::{Instance, LagPoint, Replication};
use warmspare_decide::dns::{Change, RecordSet};
use warmspare_decide::evidence::{AlarmState, Sight};
use warmspare_decide::journal::{Progress, Step};
use warmspare_decide::name::Region;
use warmspare_decide::plan::{Appliance, Check};
use warmspare_decide::seen::Seen;

use super::{Run, State};

/// How long a promotion takes, in seconds.
const PROMOTION_S: i64 = 40;
/// How long an appliance needs from being told to be production until it answers, in seconds.
const START_S: i64 = 10;
/// How long a change of records needs to reach every server, in seconds.
const IN_SYNC_S: i64 = 20;

/// One site: its appliance, and whether anything of it can be reached.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Nothing of it answers: its appliance, and every AWS call to its Region.
    pub(crate) lost: bool,
    /// Its appliance answers every call with a 500.
    pub(crate) ill: bool,
    pub(crate) mode: ApplianceMode,
    pub(crate) healthy_at: Timestamp,
    /// It was told to be standby while it was lost.
    pub(crate) fence_was_tried: bool,
}

/// Everything that a failover touches besides the vault.
#[derive(Clone, Debug)]
pub(crate) struct Sites {
    pub(crate) by_name: BTreeMap<&'static str, Site>,
    pub(crate) databases: BTreeMap<&'static str, Instance>,
    pub(crate) promoted_at: Option<Timestamp>,
    pub(crate) zone: Vec<RecordSet>,
    /// Change ids, and when each is in sync.
    pub(crate) changes: Vec<(String, Timestamp)>,
    /// Whether Route 53's control plane answers.
    pub(crate) dns_answers: bool,
    pub(crate) alarm: Seen<Alarm>,
    pub(crate) lag: Vec<LagPoint>,
    pub(crate) metrics: Vec<(String, Vec<(&'static str, f64)>)>,
    /// How often each effect happened, for "one failover, and not two".
    pub(crate) promotions: u32,
    pub(crate) moves: u32,
    highest_term: u32,
}

impl Default for Sites {
    fn default() -> Self {
        let start: Timestamp = super::START.parse().unwrap();
        let site = |mode| Site {
            lost: false,
            ill: false,
            mode,
            healthy_at: start,
            fence_was_tried: false,
        };
        let instance = |replica_of: Option<&str>, replicas: &[&str]| Instance {
            status: "available".to_owned(),
            replica_of: replica_of.map(str::to_owned),
            replicas: replicas.iter().map(|id| (*id).to_owned()).collect(),
            replication: replica_of
                .map(|_| Replication { normal: true, status: "replicating".to_owned() }),
        };
        let minutes_ago = |minutes: i64| start - SignedDuration::from_mins(minutes);
        Self {
            by_name: BTreeMap::from([
                ("east", site(ApplianceMode::Production)),
                ("west", site(ApplianceMode::Standby)),
            ]),
            databases: BTreeMap::from([
                ("controller-db", instance(None, &["controller-db-west"])),
                ("controller-db-west", instance(Some("controller-db"), &[])),
            ]),
            promoted_at: None,
            zone: vec![RecordSet {
                name: "controller.example.com".to_owned(),
                kind: "A".to_owned(),
                ttl_s: Some(60),
                values: vec!["203.0.113.10".to_owned()],
                routing: None,
            }],
            changes: Vec::new(),
            dns_answers: true,
            alarm: Seen::Here(Alarm {
                state: AlarmState::Ok,
                since: minutes_ago(600),
                window_s: Some(180),
            }),
            lag: (0..20).map(|m| LagPoint { at: minutes_ago(m), lag_s: 1.5 }).collect(),
            metrics: Vec::new(),
            promotions: 0,
            moves: 0,
            highest_term: 0,
        }
    }
}

impl Sites {
    pub(crate) fn site(&mut self, name: &'static str) -> &mut Site {
        self.by_name.get_mut(name).unwrap()
    }

    /// Everything of the home site is gone, and CloudWatch has noticed.
    pub(crate) fn lose_home(&mut self, now: Timestamp) {
        self.site("east").lost = true;
        let replica = self.databases.get_mut("controller-db-west").unwrap();
        replica.replication = replica
            .replica_of
            .is_some()
            .then(|| Replication { normal: false, status: "error".to_owned() });
        self.alarm =
            Seen::Here(Alarm { state: AlarmState::Alarm, since: now, window_s: Some(180) });
    }

    /// What these things do by themselves as time passes.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let is_due = self.promoted_at.is_some_and(|at| now >= after(at, PROMOTION_S));
        if is_due {
            self.promoted_at = None;
            let replica = self.databases.get_mut("controller-db-west").unwrap();
            replica.status = "available".to_owned();
            replica.replica_of = None;
            replica.replication = None;
            self.databases.get_mut("controller-db").unwrap().replicas.clear();
        }
        for database in self.databases.values_mut() {
            if database.status == "stopping" {
                database.status = "stopped".to_owned();
            }
        }
    }

    fn is_region_lost(&self, region: &Region) -> bool {
        let site = if region.as_str() == "us-east-1" { "east" } else { "west" };
        self.by_name.get(site).is_some_and(|site| site.lost)
    }

    /// The addresses to which the name leads.
    pub(crate) fn leads_to(&self) -> Vec<String> {
        let sets: Vec<_> =
            self.zone.iter().filter(|set| set.name == "controller.example.com").collect();
        assert_eq!(sets.len(), 1, "I3: the name has {} record sets", sets.len());
        sets[0].values.clone()
    }

    fn term_held(&self) -> u32 {
        let set = self.zone.iter().find(|set| set.kind == "TXT");
        set.map_or(0, |set| {
            set.values[0].trim_matches('"').strip_prefix("term=").unwrap().parse().unwrap()
        })
    }
}

fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

fn site_of(text: &str) -> &'static str {
    if text.contains("east") { "east" } else { "west" }
}

/// The newest journal, folded.
pub(crate) fn newest_term(state: &State) -> Option<Progress> {
    let keys: Vec<&String> =
        state.objects.keys().filter(|key| key.starts_with("failovers/")).collect();
    let term = keys.iter().filter_map(|key| key.split('/').nth(2)).max()?;
    let entries: Vec<_> = keys
        .iter()
        .filter(|key| key.split('/').nth(2) == Some(term) && !key.ends_with("alive.json"))
        .map(|key| serde_json::from_slice(&state.objects[*key].last().unwrap().body).unwrap())
        .collect();
    Some(Progress::of(&entries).unwrap())
}

/// What is wrong with the world as it stands, each with the number of its promise.
pub(super) fn broken_promises(state: &mut State) -> Vec<String> {
    let mut broken = Vec::new();
    let now = state.now;
    let east = state.sites.by_name["east"].clone();
    let west = state.sites.by_name["west"].clone();
    if state.sites.leads_to() == ["203.0.113.20"] {
        let database = &state.sites.databases["controller-db-west"];
        if west.mode != ApplianceMode::Production || now < west.healthy_at || !database.is_writer()
        {
            broken.push("P3: the name leads to a standby that was not healthy".to_owned());
        }
    }
    let held = state.sites.term_held();
    if held < state.sites.highest_term {
        broken.push("I1: an older term acted on the records after a newer one".to_owned());
    }
    state.sites.highest_term = held;
    if west.mode == ApplianceMode::Production
        && east.mode == ApplianceMode::Production
        && !east.fence_was_tried
    {
        broken.push("P2: the standby was promoted and the primary was never fenced".to_owned());
    }
    let terms: std::collections::BTreeSet<&str> = state
        .objects
        .keys()
        .filter(|key| key.starts_with("failovers/"))
        .filter_map(|key| key.split('/').nth(2))
        .collect();
    if terms.len() > usize::try_from(held).unwrap() + 1 {
        broken.push(format!("P4: {} terms, and the records hold term {held}", terms.len()));
    }
    broken
}

/// An act without an intention in the journal is found here, at the moment of the act.
fn is_intended(state: &mut State, step: Step) {
    let intended = newest_term(state).and_then(|progress| {
        // A run may be late with its fence: the way back is taken with that in mind.
        let was_intended = progress.first_intended_at.iter().any(|(known, _)| *known == step);
        let is_late_fence = step == Step::Fence && was_intended;
        if progress.is_done(step) || is_late_fence { Some(step) } else { progress.intended }
    });
    if intended != Some(step) {
        state.broken.push(format!("P5: {step:?} was taken, and {intended:?} was intended"));
    }
}

fn gone(what: &'static str, subject: &str) -> Fault {
    Fault::new(Hope::Unreachable, what, subject, "no answer within 5 s")
}

impl Appliances for Run<'_> {
    async fn set_mode(&self, appliance: &Appliance, mode: ApplianceMode) -> Result<(), Fault> {
        let url = appliance.endpoint().url.clone();
        let name = site_of(&url);
        self.change("setting the mode of", move |state| {
            match (name, mode) {
                ("east", ApplianceMode::Standby) => {
                    if newest_term(state).is_some_and(|progress| progress.end.is_none()) {
                        is_intended(state, Step::Fence);
                    }
                }
                ("east", ApplianceMode::Production) => is_intended(state, Step::Unfence),
                _ => is_intended(state, Step::PromoteAppliance),
            }
            let now = state.now;
            let site = state.sites.site(name);
            site.fence_was_tried |= mode == ApplianceMode::Standby;
            if site.lost {
                return Err(gone("setting the mode of", &url));
            }
            if site.ill {
                let why = "it answered 500";
                return Err(Fault::new(Hope::Retryable, "setting the mode of", url, why));
            }
            if site.mode != mode && mode == ApplianceMode::Production {
                site.healthy_at = after(now, START_S);
            }
            site.mode = mode;
            Ok(())
        })
        .await
    }
}

impl Signals for Run<'_> {
    async fn look(&self, check: &Check) -> Sight {
        let target = match check {
            Check::Https { url, .. } => url.clone(),
            Check::Tcp { host, .. } => host.clone(),
            Check::Replication => panic!("what RDS says is asked of RDS"),
        };
        let sight = Run::look(self, |state| {
            let site = &state.sites.by_name[site_of(&target)];
            Ok(if site.lost {
                Sight::Silent("no answer within 3 s".to_owned())
            } else if site.ill || state.now < site.healthy_at {
                Sight::Otherwise("it answered 503".to_owned())
            } else {
                Sight::AsExpected
            })
        });
        sight.await.unwrap()
    }
}

impl Databases for Run<'_> {
    async fn instance(&self, region: &Region, id: &str) -> Result<Seen<Instance>, Fault> {
        Run::look(self, |state| {
            if state.sites.is_region_lost(region) {
                return Err(gone("looking at", id));
            }
            let found = state.sites.databases.get(id);
            Ok(found.map_or(Seen::Absent, |instance| Seen::Here(instance.clone())))
        })
        .await
    }

    async fn promote(&self, region: &Region, id: &str) -> Result<(), Fault> {
        self.change("promoting", |state| {
            is_intended(state, Step::PromoteDatabase);
            if state.sites.is_region_lost(region) {
                return Err(gone("promoting", id));
            }
            let now = state.now;
            let Some(instance) = state.sites.databases.get_mut(id) else {
                return Err(Fault::new(Hope::Permanent, "promoting", id, "DBInstanceNotFound"));
            };
            if instance.replica_of.is_none() || instance.status != "available" {
                let why = format!("InvalidDBInstanceState: it is {}", instance.status);
                return Err(Fault::new(Hope::Retryable, "promoting", id, why));
            }
            instance.status = "modifying".to_owned();
            state.sites.promoted_at = Some(now);
            state.sites.promotions += 1;
            Ok(())
        })
        .await
    }

    async fn stop(&self, region: &Region, id: &str) -> Result<(), Fault> {
        self.change("stopping", |state| {
            if state.sites.is_region_lost(region) {
                return Err(gone("stopping", id));
            }
            let instance = state.sites.databases.get_mut(id).unwrap();
            if !instance.replicas.is_empty() || instance.replica_of.is_some() {
                let why = "InvalidDBInstanceState: it has or is a read replica";
                return Err(Fault::new(Hope::Retryable, "stopping", id, why));
            }
            instance.status = "stopping".to_owned();
            Ok(())
        })
        .await
    }

    async fn lag(
        &self,
        _region: &Region,
        _id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LagPoint>, Fault> {
        Run::look(self, |state| {
            let points = state.sites.lag.iter().copied();
            Ok(points.filter(|point| point.at >= from && point.at <= to).collect())
        })
        .await
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
        Run::change(self, "changing the records of", |state| {
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

impl Monitoring for Run<'_> {
    async fn alarm(&self, _name: &str) -> Result<Seen<Alarm>, Fault> {
        Run::look(self, |state| Ok(state.sites.alarm.clone())).await
    }

    async fn publish(&self, system: &str, metrics: &[(&'static str, f64)]) -> Result<(), Fault> {
        self.change("publishing the metrics of", |state| {
            state.sites.metrics.push((system.to_owned(), metrics.to_vec()));
            Ok(())
        })
        .await
    }
}
