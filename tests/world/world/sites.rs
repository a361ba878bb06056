//! Two sites, and everything of them that a failover touches: appliances, databases, records and
//! alarms. How each behaves is in the module of its name.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{Alarm, ApplianceMode};
use warmspare_decide::database::{Instance, LagPoint, Origin, Replication};
use warmspare_decide::dns::RecordSet;
use warmspare_decide::evidence::AlarmState;
use warmspare_decide::seen::Seen;

use super::capacity::Scaled;
use super::global::Global;
use super::records::{Route53, ZONE};

/// One site: its appliance, and whether anything of it can be reached.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Nothing of it answers: its appliance, and every AWS call to its Region.
    pub(crate) lost: bool,
    /// Nothing of its network answers, while AWS in its Region does.
    pub(crate) dark: bool,
    /// Looks at its signals cannot be made: nothing is known of it.
    pub(crate) unseen: bool,
    /// Its appliance answers every call with a 500.
    pub(crate) ill: bool,
    /// Its appliance works, and accepts no mode: a wrong password.
    pub(crate) refuses_modes: bool,
    /// Its appliance is well, and does not answer when it is told its mode.
    pub(crate) deaf: bool,
    pub(crate) mode: ApplianceMode,
    pub(crate) healthy_at: Timestamp,
    /// The newest term in which it was told to be standby, with an answer or without.
    pub(crate) fence_tried_in: Option<u32>,
    /// When it last accepted to be standby: nothing is written there from then on.
    pub(super) quiet_since: Option<Timestamp>,
    /// It was healthy since it was last told to be production.
    pub(crate) was_healthy: bool,
}

/// Everything that a failover touches besides the vault.
#[derive(Clone, Debug)]
pub(crate) struct Sites {
    pub(crate) by_name: BTreeMap<&'static str, Site>,
    pub(crate) databases: BTreeMap<String, Instance>,
    /// What the databases are members of, in a world in which they are clusters.
    pub(crate) global: Global,
    /// The Auto Scaling group of each site that has one.
    pub(crate) groups: BTreeMap<&'static str, Scaled>,
    pub(crate) promoted_at: Option<Timestamp>,
    /// What is being promoted since then.
    pub(super) promoted: String,
    /// What is being made, and when it will be available.
    pub(super) seeded: Vec<(String, Timestamp)>,
    /// What was restored, and by whom.
    pub(crate) origins: BTreeMap<String, Origin>,
    /// What is being restored since when.
    pub(super) restoring: Vec<(String, Timestamp)>,
    /// How long a restore takes, in seconds.
    pub(crate) restore_s: i64,
    /// How a restore ends, when it is not well.
    pub(crate) restores_to: Option<&'static str>,
    /// How often a restore was begun.
    pub(crate) restores: u32,
    /// How often a replica was begun.
    pub(crate) seeds: u32,
    /// For how long RDS goes on describing a replica as it was before it was told to promote it.
    pub(crate) described_late_s: i64,
    /// So many newest minutes of a metric are not there yet.
    pub(crate) measured_late_min: i64,
    /// How long a promotion takes, in seconds.
    pub(crate) promotion_s: i64,
    /// The record sets of all hosted zones.
    pub(crate) zone: Vec<RecordSet>,
    /// Change ids, and when each is in sync; never, when Route 53 lost it.
    pub(crate) changes: Vec<(String, Option<Timestamp>)>,
    /// How Route 53 is doing.
    pub(crate) route53: Route53,
    /// Whether Route 53's control plane answers.
    pub(crate) dns_answers: bool,
    pub(crate) alarm: Seen<Alarm>,
    /// What was published for the alarm of the switch: the maximum of each minute.
    pub(crate) away: BTreeMap<i64, f64>,
    pub(crate) switch_alarm: Seen<AlarmState>,
    /// Whether the health check of the primary sets is unhealthy.
    pub(crate) leads_away: bool,
    /// Where the switch led when it was last looked at.
    pub(super) switched_to: Option<String>,
    pub(crate) lag: Vec<LagPoint>,
    /// How far a replica that replicates is behind, in seconds: measured once a minute.
    pub(crate) behind_s: f64,
    /// A replica that replicates holds everything that was written until then.
    pub(super) held_until: Timestamp,
    /// CloudWatch has no lag.
    pub(crate) unmeasured: bool,
    pub(crate) metrics: Vec<(String, Vec<(&'static str, f64)>)>,
    /// How often each effect happened, for "one failover, and not two".
    pub(crate) promotions: u32,
    pub(crate) moves: u32,
    pub(super) highest_term: u32,
    before_edit: Vec<String>,
    /// Where the name led when it was last looked at.
    pub(super) led_to: Vec<String>,
}

impl Default for Sites {
    fn default() -> Self {
        let start: Timestamp = super::START.parse().unwrap();
        let site = |mode| Site {
            lost: false,
            dark: false,
            unseen: false,
            ill: false,
            refuses_modes: false,
            deaf: false,
            mode,
            healthy_at: start,
            fence_tried_in: None,
            quiet_since: None,
            was_healthy: true,
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
                ("controller-db".to_owned(), instance(None, &["controller-db-west"])),
                ("controller-db-west".to_owned(), instance(Some("controller-db"), &[])),
            ]),
            global: Global::default(),
            groups: BTreeMap::new(),
            promoted_at: None,
            promoted: String::new(),
            seeded: Vec::new(),
            origins: BTreeMap::new(),
            restoring: Vec::new(),
            restore_s: 900,
            restores_to: None,
            restores: 0,
            seeds: 0,
            behind_s: 1.5,
            held_until: Timestamp::MIN,
            unmeasured: false,
            described_late_s: 0,
            measured_late_min: 0,
            promotion_s: 40,
            zone: vec![RecordSet::simple(
                ZONE,
                "controller.example.com",
                "A",
                60,
                vec!["203.0.113.10".to_owned()],
            )],
            changes: Vec::new(),
            route53: Route53::default(),
            dns_answers: true,
            alarm: Seen::Here(Alarm {
                state: AlarmState::Ok,
                since: minutes_ago(600),
                window_s: Some(180),
            }),
            away: BTreeMap::new(),
            switch_alarm: Seen::Here(AlarmState::Ok),
            leads_away: false,
            switched_to: None,
            lag: (0..20).map(|m| LagPoint { at: minutes_ago(m), lag_s: 1.5 }).collect(),
            metrics: Vec::new(),
            promotions: 0,
            moves: 0,
            highest_term: 0,
            before_edit: Vec::new(),
            led_to: vec!["203.0.113.10".to_owned()],
        }
    }
}

/// The alarm of the active site, raised since then.
pub(crate) fn raised(since: Timestamp) -> Seen<Alarm> {
    Seen::Here(Alarm { state: AlarmState::Alarm, since, window_s: Some(180) })
}

impl Sites {
    /// A person gives the name another address.
    pub(crate) fn edit(&mut self, address: &str) {
        for set in self.zone.iter_mut().filter(|set| set.kind == "A") {
            if set.values != [address] {
                self.before_edit.clone_from(&set.values);
            }
            set.values = vec![address.to_owned()];
        }
    }

    /// A person puts back what was edited.
    pub(crate) fn undo_edit(&mut self) {
        for set in self.zone.iter_mut().filter(|set| set.kind == "A") {
            set.values.clone_from(&self.before_edit);
        }
    }

    pub(crate) fn site(&mut self, name: &'static str) -> &mut Site {
        self.by_name.get_mut(name).unwrap()
    }

    /// Everything of the home site is gone, and CloudWatch has noticed.
    pub(crate) fn lose_home(&mut self, now: Timestamp) {
        self.site("east").lost = true;
        if let Some(replica) = self.databases.get_mut("controller-db-west") {
            let broken = || Replication { normal: false, status: "error".to_owned() };
            replica.replication = replica.replica_of.is_some().then(broken);
        }
        self.alarm = raised(now);
    }
}

pub(super) fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

pub(super) fn gone(what: &'static str, subject: &str) -> Fault {
    Fault::new(Hope::Unreachable, what, subject, "no answer within 5 s")
}
