//! Systems beside the scene's own one: two appliances, a name, a database that only RDS knows, an
//! alarm. Each can be lost and brought back by itself, so that many failovers happen in one scene.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::promises::Move;
use super::{ADDRESSES, Address, HOME, NAME, RECOVERY, STACK, SYSTEM, Scene, now, text};
use crate::stack::appliance::{self, Appliance, Mode};
use crate::stack::aws::{Aws, Invoked};
use crate::stack::folders;
use crate::stack::gateway::{Effect, Fault, Match};
use crate::stack::rds::{Instance, Place, Replication, Status};

/// A protected system, whoever has set it up: what the promises are held against.
#[derive(Clone, Copy)]
pub struct System<'s> {
    /// Its name.
    pub name: &'s str,
    /// The name that leads to its active site.
    pub record: &'s str,
    /// The appliance at home.
    pub east: &'s Appliance,
    /// The other one.
    pub west: &'s Appliance,
    /// Identifier of the replica in the recovery region.
    pub replica: &'s str,
    /// The slot of a receipt that the test has put there instead of a function.
    pub proven_by_hand: Option<&'s str>,
}

impl<'s> System<'s> {
    /// The first move: from home to the other site.
    pub fn failover(&self) -> Move<'s> {
        Move {
            term: 1,
            old: self.east,
            new: self.west,
            replica: self.replica,
            address: ADDRESSES[1],
            since: Timestamp::MIN,
        }
    }

    /// The second one: home, where this replica was made, asked for at this moment.
    pub fn failback(&self, replica: &'s str, asked_at: Timestamp) -> Move<'s> {
        Move {
            term: 2,
            old: self.west,
            new: self.east,
            replica,
            address: ADDRESSES[0],
            since: asked_at,
        }
    }
}

/// How an alarm tells that it is raised: kinds of alarms, and ways to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A metric alarm, by EventBridge.
    Metric,
    /// A composite alarm, by EventBridge.
    Composite,
    /// An alarm on an expression, by EventBridge.
    MetricMath,
    /// A metric alarm, by an SNS topic.
    Topic,
    /// A metric alarm whose action is the function.
    Action,
}

impl Shape {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::Metric, Self::Composite, Self::MetricMath, Self::Topic, Self::Action];

    /// What stands between `failover-promotion` and `.json` in the name of its example in infra/events.
    fn example(self) -> &'static str {
        match self {
            Self::Metric => "",
            Self::Composite => ".composite",
            Self::MetricMath => ".math",
            Self::Topic => ".sns",
            Self::Action => ".alarm-action",
        }
    }
}

/// A system that is set up beside the scene's own. Nobody probes it, and no schedule backs it up.
pub struct Protected {
    /// Its name.
    pub name: String,
    /// The name that leads to its active site.
    pub record: String,
    /// The appliance at home.
    pub east: Appliance,
    /// The other one.
    pub west: Appliance,
    /// The instance at home; no PostgreSQL is behind it.
    pub source: Place,
    /// Its replica.
    pub replica: Place,
    /// The slot that counts as proven; nothing is stored in it.
    pub proven: String,
    shape: Shape,
    lost: Mutex<Option<Fault>>,
}

impl Protected {
    /// Sets a system up whose alarm is of this shape: healthy, backed up an hour ago, measured.
    ///
    /// # Errors
    /// What could not be started or put in its place.
    pub async fn set(scene: &Scene, name: &str, shape: Shape) -> Result<Self> {
        // Without databases: a failover moves them by RDS, and dozens of systems would need hundreds of
        // connections.
        let site = |site: &str, mode| {
            let options = appliance::Options { mode, ..appliance::Options::new(site, "") };
            Appliance::start(options)
        };
        let source = Place::new(HOME, format!("{name}-db"));
        let replica = Place::new(RECOVERY, format!("{name}-db-west"));
        let hour_ago = now() - SignedDuration::from_hours(1);
        let protected = Self {
            name: name.to_owned(),
            record: format!("{name}.example.com"),
            east: site("east", Mode::Production).await?,
            west: site("west", Mode::Standby).await?,
            source: source.clone(),
            replica: replica.clone(),
            proven: hour_ago.strftime("%Y-%m-%dT%H-00-00Z").to_string(),
            shape,
            lost: Mutex::default(),
        };
        let host = "127.0.0.1";
        scene.rds.add(Instance::primary(source.clone(), host, scene.east.cluster.port()));
        scene.rds.add(Instance::replica(replica, host, scene.west.cluster.port(), source));
        protected.put(scene).await.with_context(|| format!("setting up {name}"))?;
        Ok(protected)
    }

    async fn put(&self, scene: &Scene) -> Result<()> {
        let aws = &scene.stack.aws;
        measure_the_past(aws, &self.replica.id).await?;
        create_record(aws, &scene.zone, &self.record).await?;
        let receipt = format!("receipts/{}/{}/verified.json", self.name, self.proven);
        scene.put(&receipt, b"{}").await?;
        self.put_alarm(aws).await?;
        scene.put(&format!("plans/{}.toml", self.name), self.plan(scene).as_bytes()).await
    }

    /// Its plan.
    pub fn plan(&self, scene: &Scene) -> String {
        let address = |site: &Appliance| Address { url: site.url(), pin: site.pin() };
        let sources = format!(
            "[[backup.source]]\nname = \"config\"\nfrom = {{ kind = \"https\", url = \"{}/export\", \
             secret = \"{}\", tls_pin = \"{}\" }}\n",
            self.east.url(),
            super::secret("east"),
            self.east.pin(),
        );
        let database = format!(
            "[database]\nkind = \"rds\"\nsource = \"{}\"\nregion = \"{HOME}\"\nreplica = \"{}\"\n\
             lag_max = \"30s\"\n",
            self.source.id, self.replica.id,
        );
        let key = scene.output("VaultKeyArn").unwrap_or_default();
        let sites = [address(&self.east), address(&self.west)];
        text(&self.name, &self.record, key, &sources, &database, &scene.zone, sites)
    }

    /// As system.yaml makes it, but that its metric is nobody's: MiniStack does not look at the
    /// dimensions of an alarm, and would raise or lower it for another system.
    async fn put_alarm(&self, aws: &Aws) -> Result<()> {
        let name = self.alarm_name();
        let metric = format!("PrimaryHealthy-{}", self.name);
        let dimensions = json!([{ "Name": "System", "Value": self.name }]);
        let mut alarm = json!({
            "AlarmName": name, "EvaluationPeriods": 3, "DatapointsToAlarm": 3, "Threshold": 1.0,
            "ComparisonOperator": "LessThanThreshold", "TreatMissingData": "ignore",
        });
        let fields = if self.shape == Shape::MetricMath {
            let metric = json!({
                "Namespace": "Warmspare", "MetricName": metric, "Dimensions": dimensions,
            });
            let stat = json!({ "Metric": metric, "Period": 60, "Stat": "Minimum" });
            json!({ "Metrics": [
                { "Id": "e1", "Expression": "MIN([m1])", "ReturnData": true },
                { "Id": "m1", "MetricStat": stat, "ReturnData": false },
            ] })
        } else {
            json!({
                "Namespace": "Warmspare", "MetricName": metric, "Dimensions": dimensions,
                "Statistic": "Minimum", "Period": 60,
            })
        };
        if let (Some(alarm), Some(fields)) = (alarm.as_object_mut(), fields.as_object()) {
            alarm.extend(fields.clone());
            if self.shape == Shape::Composite {
                alarm.insert("AlarmName".to_owned(), json!(format!("{}-probe", self.name)));
            }
        }
        aws.call(RECOVERY, "cloudwatch", "put_metric_alarm", alarm).await?;
        if self.shape == Shape::Composite {
            let rule = format!("ALARM(\"{}-probe\")", self.name);
            let args = json!({ "AlarmName": name, "AlarmRule": rule });
            aws.call(RECOVERY, "cloudwatch", "put_composite_alarm", args).await?;
        }
        Ok(())
    }

    /// What the promises are held against.
    pub fn system(&self) -> System<'_> {
        System {
            name: &self.name,
            record: &self.record,
            east: &self.east,
            west: &self.west,
            replica: &self.replica.id,
            proven_by_hand: Some(&self.proven),
        }
    }

    /// Takes home away for this system alone: its appliance is gone, RDS there does not answer for its
    /// instance, its replica receives nothing. The alarm is raised.
    ///
    /// # Errors
    /// What CloudWatch says.
    pub async fn lose_home(&self, scene: &Scene) -> Result<()> {
        let named = format!("DBInstanceIdentifier={}", self.source.id);
        let at_home = Match::any().region(HOME).service("rds").key_contains(&named);
        let fault = scene.stack.gateway.fault(at_home, Effect::Refuse);
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        scene.rds.set_replication(&self.replica, Some(Replication::Error));
        self.east.stop().await;
        self.raise_alarm(scene).await
    }

    /// Brings home back as it was when it was lost.
    ///
    /// # Errors
    /// When the appliance does not start.
    pub async fn return_home(&self, scene: &Scene) -> Result<()> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).take();
        scene.rds.set_replication(&self.replica, None);
        self.east.start_again().await
    }

    /// Sets the alarm to ALARM, as if three looks had said that home is down.
    ///
    /// # Errors
    /// What CloudWatch says.
    pub async fn raise_alarm(&self, scene: &Scene) -> Result<()> {
        let name = match self.shape {
            Shape::Composite => format!("{}-probe", self.name),
            Shape::Metric | Shape::MetricMath | Shape::Topic | Shape::Action => self.alarm_name(),
        };
        let args = json!({
            "AlarmName": name, "StateValue": "ALARM", "StateReason": "home is lost",
        });
        scene.stack.aws.call(RECOVERY, "cloudwatch", "set_alarm_state", args).await?;
        Ok(())
    }

    /// The name by which failover-promotion knows the system.
    pub fn alarm_name(&self) -> String {
        format!("warmspare-primary-{}", self.name)
    }

    /// What a function receives when the alarm is raised: the example in infra/events, for this system.
    ///
    /// # Errors
    /// When the example cannot be read.
    pub fn alarm(&self) -> Result<Value> {
        let file = format!("failover-promotion{}.json", self.shape.example());
        let path = folders::workspace().join("infra").join("events").join(file);
        let example = std::fs::read_to_string(&path).context(path.display().to_string())?;
        let alarm = example.replace("warmspare-primary-controller", &self.alarm_name());
        serde_json::from_str(&alarm).context(path.display().to_string())
    }

    /// The tick of this system alone.
    pub fn tick(&self) -> Value {
        json!({ "action": "tick", "system": self.name })
    }

    /// Hands an event to failover-promotion, and waits for what comes of it.
    ///
    /// # Errors
    /// What Lambda says.
    pub async fn wake(&self, scene: &Scene, event: &Value) -> Result<Invoked> {
        let function = format!("{STACK}-failover-promotion");
        Ok(scene.stack.aws.invoke(RECOVERY, &function, event, true).await?)
    }

    /// The entries of its first failover.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn journal(&self, scene: &Scene) -> Result<Vec<Value>> {
        scene.journal(&self.name, 1).await
    }

    /// What its name leads to now.
    ///
    /// # Errors
    /// What Route 53 says.
    pub async fn leads_to(&self, scene: &Scene) -> Result<Vec<String>> {
        scene.values(&self.record, "A").await
    }

    /// Whether everything is as it is after a failover that went well, whatever it met on its way.
    ///
    /// # Errors
    /// The first thing that is not so.
    pub async fn is_failed_over(&self, scene: &Scene) -> Result<()> {
        let journal = self.journal(scene).await?;
        let what = |entry: &'_ Value| {
            entry.pointer("/what/what").and_then(Value::as_str).map(str::to_owned)
        };
        let last = journal.iter().filter_map(what).rfind(|what| what != "paid");
        ensure!(last.as_deref() == Some("completed"), "the journal ends with {last:?}");
        let leads_to = self.leads_to(scene).await?;
        ensure!(leads_to == [ADDRESSES[1]], "the name leads to {leads_to:?}");
        let term = format!("_warmspare.{}.{}", self.name, self.record);
        let term = scene.values(&term, "TXT").await?;
        ensure!(term == ["\"term=1\""], "the record of the term holds {term:?}");
        ensure!(self.west.mode() == Mode::Production, "the new appliance is in standby");
        ensure!(self.writer(scene), "the database is not promoted");
        Ok(())
    }

    /// Whether the replica is a writer of its own by now.
    pub fn writer(&self, scene: &Scene) -> bool {
        scene.rds.is_replica(&self.replica) == Some(false)
            && scene.rds.status(&self.replica) == Some(Status::Available)
    }
}

impl Scene {
    /// The scene's own system.
    pub fn own(&self) -> System<'_> {
        System {
            name: SYSTEM,
            record: NAME,
            east: &self.east.appliance,
            west: &self.west.appliance,
            replica: "controller-db-west",
            proven_by_hand: None,
        }
    }

    /// The values of a record set; none if there is none.
    ///
    /// # Errors
    /// What Route 53 says.
    pub async fn values(&self, name: &str, kind: &str) -> Result<Vec<String>> {
        let records = self.stack.aws.records(&self.zone).await?;
        let is_it = |set: &str| set.trim_end_matches('.') == name;
        let found = records.into_iter().find(|set| is_it(&set.name) && set.kind == kind);
        Ok(found.map(|set| set.values).unwrap_or_default())
    }
}

/// A replica existed before the scene: it was measured every minute of the last quarter of an hour.
pub(super) async fn measure_the_past(aws: &Aws, replica: &str) -> Result<()> {
    let now: Timestamp = now();
    let points: Vec<Value> = (0..15)
        .map(|minute| {
            json!({
                "MetricName": "ReplicaLag",
                "Dimensions": [{ "Name": "DBInstanceIdentifier", "Value": replica }],
                "Timestamp": (now - SignedDuration::from_mins(minute)).to_string(),
                "Value": 0.4,
                "Unit": "Seconds",
            })
        })
        .collect();
    let args = json!({ "Namespace": "AWS/RDS", "MetricData": points });
    aws.call(RECOVERY, "cloudwatch", "put_metric_data", args).await?;
    Ok(())
}

/// A name that leads home.
pub(super) async fn create_record(aws: &Aws, zone: &str, name: &str) -> Result<()> {
    let set = json!({
        "Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{ "Value": ADDRESSES[0] }],
    });
    let args = json!({
        "HostedZoneId": zone,
        "ChangeBatch": { "Changes": [{ "Action": "CREATE", "ResourceRecordSet": set }] },
    });
    aws.call("us-east-1", "route53", "change_resource_record_sets", args).await?;
    Ok(())
}
