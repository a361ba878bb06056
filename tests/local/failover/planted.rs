//! Every promise is broken on purpose, one at a time, by a hand that the gateway sees as it sees a
//! function: whoever holds the promises against what was seen has to name it, and nothing else.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use jiff::Timestamp;
use serde_json::{Value, json};
use warmspare_tests::scene::{ADDRESSES, HOME, Protected, RECOVERY, Scene, Shape, now, promises};
use warmspare_tests::stack::aws::{self, Aws};
use warmspare_tests::stack::wait;

use crate::failover::stage::{play, systems};

/// A scene, a system that nothing has happened to, and a hand whose calls are recorded.
#[derive(Clone, Copy)]
struct Plot<'s> {
    scene: &'s Scene,
    system: &'s Protected,
    hand: &'s Aws,
    /// Of the backup that is planted: one instant, however long it takes.
    at: Timestamp,
}

type Planted = for<'s> fn(Plot<'s>) -> BoxFuture<'s, Result<()>>;

/// What is done, and a part of each sentence that is expected.
const PLANTED: [(&str, Planted, &[&str]); 10] = [
    (
        "verification-skipped",
        |plot| plot.skips_verification().boxed(),
        &["P1: backups/", "P1: backups/"],
    ),
    ("receipt-for-nothing", |plot| plot.receipt().boxed(), &["there is no backup of that slot"]),
    ("latest-early", |plot| plot.moves_latest_early().boxed(), &["before its backup was verified"]),
    ("fence-skipped", |plot| plot.promotes().boxed(), &["P2: the standby was promoted, and"]),
    ("fence-invented", |plot| plot.invents_a_fence().boxed(), &["P2: the journal says"]),
    (
        "dns-first",
        |plot| plot.moves_the_records().boxed(),
        &[
            "P3: the records were moved before the new",
            "P3: the records were moved before the data",
        ],
    ),
    ("upsert", |plot| plot.upserts().boxed(), &["P4: 1 batch(es) overwrite"]),
    ("two-terms", |plot| plot.opens_another_term().boxed(), &["P4: there was more than one"]),
    ("deleted", |plot| plot.deletes().boxed(), &["P6: somebody called DeleteObject"]),
    ("needs-home", |plot| plot.needs_home().boxed(), &["P7: s3 HeadBucket needed us-east-2"]),
];

#[test]
fn a_promise_that_is_broken_on_purpose_is_named() -> Result<()> {
    play(async |scene| {
        let folder = scene.stack.run.folder("planted")?;
        let hand = Aws::start(&scene.stack.venv, &folder, &scene.stack.gateway.url()).await?;
        let names = PLANTED.map(|(name, _, _)| (format!("planted-{name}"), Shape::Metric));
        let systems = systems(scene, names).await?;
        let planted = systems.iter().zip(PLANTED).map(async |(system, (name, plant, expected))| {
            let since = wait::now();
            let before = broken(scene, system, since).await?;
            ensure!(before.is_empty(), "{name}: broken beforehand: {before:?}");
            plant(Plot { scene, system, hand: &hand, at: now() }).await.context(name)?;
            let found = broken(scene, system, since).await?;
            ensure!(
                found.len() == expected.len()
                    && found.iter().zip(expected).all(|(found, part)| found.contains(part)),
                "{name}: {found:?}, where {expected:?} was expected"
            );
            Ok(found)
        });
        for found in try_join_all(planted).await?.iter().flatten() {
            println!("{found}");
        }
        Ok(())
    })
}

async fn broken(scene: &Scene, system: &Protected, since: SystemTime) -> Result<Vec<String>> {
    promises::broken_for(scene, system.system(), since).await
}

impl Plot<'_> {
    async fn call(&self, service: &str, operation: &str, args: Value) -> Result<()> {
        self.hand.call(RECOVERY, service, operation, args).await?;
        Ok(())
    }

    async fn put(&self, key: &str, body: &str) -> Result<()> {
        let body = aws::bytes(body.as_bytes());
        let args = json!({ "Bucket": self.scene.vault(), "Key": key, "Body": body });
        self.call("s3", "put_object", args).await
    }

    fn slot(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H-%M-00Z").to_string()
    }

    fn key(&self, folder: &str, file: &str) -> String {
        format!("{folder}/{}/{}/{file}", self.system.name, self.slot())
    }

    /// A backup of two objects. Each is read, but by nobody else than who has written it.
    async fn backup(&self) -> Result<()> {
        let keys = ["config", "database"].map(|source| self.key("backups", source));
        for key in &keys {
            self.put(key, "stored").await?;
            let args = json!({ "Bucket": self.scene.vault(), "Key": key });
            self.call("s3", "get_object", args).await?;
        }
        let object = |key: &String| json!({ "key": key, "sums": { "size_bytes": 6 } });
        let objects: Vec<Value> = keys.iter().map(object).collect();
        let manifest = json!({ "objects": objects }).to_string();
        self.put(&self.key("backups", "manifest.json"), &manifest).await
    }

    async fn receipt(self) -> Result<()> {
        self.put(&self.key("receipts", "verified.json"), "{}").await
    }

    async fn skips_verification(self) -> Result<()> {
        self.backup().await?;
        self.receipt().await
    }

    /// The receipt of another slot is there, and proves nothing of this one.
    async fn moves_latest_early(self) -> Result<()> {
        self.backup().await?;
        let latest = format!("backups/{}/latest/config", self.system.name);
        let source = json!({ "Bucket": self.scene.vault(), "Key": self.key("backups", "config") });
        let args = json!({ "Bucket": self.scene.vault(), "Key": latest, "CopySource": source });
        self.call("s3", "copy_object", args).await
    }

    async fn promotes(self) -> Result<()> {
        let form = "appliance_mode=production";
        let told = self.system.west.ask("POST", "/api/1.0/appliancemode/", form).await?;
        ensure!(told.status == 200, "{told:?}");
        Ok(())
    }

    /// A journal that says that nobody was there, while the old appliance answers everybody.
    async fn invents_a_fence(self) -> Result<()> {
        let finding = json!({ "seen": "fence-attempted", "debts": ["appliance"], "why": "gone" });
        let what = json!({ "what": "confirmed", "step": "fence", "finding": finding });
        let entry = json!({ "n": 3, "at": now().to_string(), "what": what }).to_string();
        let key = format!("failovers/{}/000001/000003.json", self.system.name);
        self.put(&key, &entry).await?;
        self.promotes().await
    }

    fn set(&self, address: &str) -> Value {
        json!({
            "Name": self.system.record, "Type": "A", "TTL": 60,
            "ResourceRecords": [{ "Value": address }],
        })
    }

    async fn changes(&self, changes: Value) -> Result<()> {
        let batch = json!({ "Changes": changes });
        let args = json!({ "HostedZoneId": self.scene.zone, "ChangeBatch": batch });
        self.hand.call("us-east-1", "route53", "change_resource_record_sets", args).await?;
        Ok(())
    }

    async fn moves_the_records(self) -> Result<()> {
        let [home, away] = ADDRESSES.map(|address| self.set(address));
        self.changes(json!([
            { "Action": "DELETE", "ResourceRecordSet": home },
            { "Action": "CREATE", "ResourceRecordSet": away },
        ]))
        .await
    }

    /// To where it leads already: it is the way that is wrong, and not yet the place.
    async fn upserts(self) -> Result<()> {
        let home = self.set(ADDRESSES[0]);
        self.changes(json!([{ "Action": "UPSERT", "ResourceRecordSet": home }])).await
    }

    async fn opens_another_term(self) -> Result<()> {
        for term in ["000001", "000002"] {
            let key = format!("failovers/{}/{term}/000001.json", self.system.name);
            self.put(&key, "{}").await?;
        }
        Ok(())
    }

    async fn deletes(self) -> Result<()> {
        let key = format!("plans/{}.toml", self.system.name);
        let key = key.replace("plans/", &format!("exports/{}/", self.system.name));
        self.put(&key, "x").await?;
        let args = json!({ "Bucket": self.scene.vault(), "Key": key });
        self.call("s3", "delete_object", args).await
    }

    /// There is no such bucket there, and it is asked for all the same.
    async fn needs_home(self) -> Result<()> {
        let args = json!({ "Bucket": format!("{}-plans", self.system.name) });
        let asked = self.hand.call(HOME, "s3", "head_bucket", args).await;
        ensure!(asked.is_err(), "it is there: {asked:?}");
        Ok(())
    }
}
