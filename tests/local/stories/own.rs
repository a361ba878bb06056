//! A system that one story has for itself, so that stories do not meet: a plan, an appliance over
//! home's database, and a folder in the vault.

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use warmspare_tests::scene::{
    self, ACCOUNT, Address, HOME, RECOVERY, STACK, Scene, now, secret, until,
};
use warmspare_tests::stack::appliance::{self, Appliance, Mode};
use warmspare_tests::stack::gateway::{Call, Match};

use crate::stories::shared_scene::{WAIT_S_MAX, announced, outcomes};

/// A protected system beside the scene's own one. Nobody probes it, and no schedule backs it up.
pub(crate) struct Own {
    /// Where it lives.
    pub(crate) scene: &'static Scene,
    /// Its name.
    pub(crate) name: String,
    /// In production, with home's database behind it.
    pub(crate) appliance: Appliance,
}

/// What a story may want to be different in a plan.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// The key of the backups.
    pub(crate) key_arn: String,
    /// Where the database listens.
    pub(crate) port: u16,
    /// Name of the database's secret, without `warmspare/`.
    pub(crate) secret: String,
    /// Whether the database is exported.
    pub(crate) is_exported: bool,
}

/// An instant that names a backup or an export.
#[derive(Clone)]
pub(crate) struct At {
    /// As a schedule gives it.
    pub(crate) instant: Timestamp,
    /// As keys of the vault have it.
    pub(crate) slot: String,
}

impl At {
    /// So many minutes before now.
    pub(crate) fn minutes_ago(minutes: i64) -> Self {
        Self::of(now() - SignedDuration::from_mins(minutes))
    }

    /// So many hours before now: instants of different stories are then never the same.
    pub(crate) fn hours_ago(hours: i64) -> Self {
        Self::of(now() - SignedDuration::from_hours(hours))
    }

    /// So many seconds after now.
    pub(crate) fn seconds_ahead(seconds: i64) -> Self {
        Self::of(now() + SignedDuration::from_secs(seconds))
    }

    fn of(instant: Timestamp) -> Self {
        let slot = instant.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        let whole = Timestamp::from_second(instant.as_second()).unwrap_or(instant);
        Self { instant: whole, slot }
    }
}

impl Own {
    /// A system without a plan.
    pub(crate) async fn new(scene: &'static Scene, name: &str) -> Result<Self> {
        Self::with_archive(scene, name, 64 * 1024).await
    }

    /// The same, whose appliance has settings of at least so many bytes.
    pub(crate) async fn with_archive(
        scene: &'static Scene,
        name: &str,
        archive_bytes: u64,
    ) -> Result<Self> {
        let options = appliance::Options {
            mode: Mode::Production,
            archive_bytes,
            ..appliance::Options::new(name, scene.east.cluster.url())
        };
        let appliance = Appliance::start(options).await?;
        Ok(Self { scene, name: name.to_owned(), appliance })
    }

    /// A system with its plan, whose first backup is made and proven.
    pub(crate) async fn begin(scene: &'static Scene, name: &str) -> Result<Self> {
        let own = Self::new(scene, name).await?;
        own.upload(&own.plan(&own.wanted())).await?;
        own.first_slot().await?;
        Ok(own)
    }

    /// The slot of the backup that the first plan brings, once all is done about it.
    pub(crate) async fn first_slot(&self) -> Result<String> {
        let is_ours = |told: &Value| told["system"] == self.name.as_str();
        let told = announced(self.scene, "Backup Verified", is_ours).await?;
        let slot = told["slot"].as_str().context("a verified backup without a slot")?;
        self.verification_is_over(slot).await?;
        Ok(slot.to_owned())
    }

    /// `latest/` moves after the notice, and the run ends after that.
    pub(crate) async fn verification_is_over(&self, slot: &str) -> Result<()> {
        let said = format!("backup {slot} of {} ", self.name);
        until("its verification is over", WAIT_S_MAX, || async {
            let all = outcomes(self.scene, "verify-upload", &said).await?;
            Ok(all.into_iter().find(|(word, _)| word == "done").map(|_| ()))
        })
        .await
    }

    /// What a good plan says.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            key_arn: self.scene.output("VaultKeyArn").unwrap_or_default().to_owned(),
            port: self.scene.east.cluster.port(),
            secret: "east-postgres".to_owned(),
            is_exported: false,
        }
    }

    /// The text of a plan: the database first, then the appliance's settings.
    pub(crate) fn plan(&self, wanted: &Wanted) -> String {
        let address = |site: &Appliance| Address { url: site.url(), pin: site.pin() };
        let database = if wanted.is_exported {
            format!(
                "[database]\nkind = \"rds\"\nsource = \"controller-db\"\nregion = \"{HOME}\"\n\
                 replica = \"controller-db-west\"\nlag_max = \"30s\"\n\
                 export = {{ role = \"{}\", prefix = \"exports/\" }}\n",
                self.scene.output("ExportRoleArn").unwrap_or_default()
            )
        } else {
            String::new()
        };
        let sources = format!(
            "[[backup.source]]\nname = \"database\"\nfrom = {{ kind = \"postgres\", \
             host = \"127.0.0.1\", port = {}, database = \"postgres\", secret = \"{}\", \
             tls = false }}\n[[backup.source]]\nname = \"config\"\nfrom = {{ kind = \"https\", \
             url = \"{}/export\", secret = \"{}\", tls_pin = \"{}\" }}\n",
            wanted.port,
            secret(&wanted.secret),
            self.appliance.url(),
            secret("east"),
            self.appliance.pin(),
        );
        scene::text(
            &self.name,
            &format!("{}.example.com", self.name),
            &wanted.key_arn,
            &sources,
            &database,
            &self.scene.zone,
            [address(&self.appliance), address(&self.scene.west.appliance)],
        )
    }

    /// Puts a plan where the operator puts it.
    pub(crate) async fn upload(&self, plan: &str) -> Result<()> {
        self.scene.put(&format!("plans/{}.toml", self.name), plan.as_bytes()).await
    }

    /// Wakes scheduled-backup as the schedule does, and waits for its answer.
    pub(crate) async fn back_up(&self, at: &At) -> Result<Value> {
        self.scene.invoke("scheduled-backup", &self.backup_event(at)).await
    }

    /// The same without waiting: Lambda tries again what fails.
    pub(crate) async fn deliver_backup(&self, at: &At) -> Result<()> {
        self.deliver("scheduled-backup", &self.backup_event(at)).await
    }

    /// What the schedule hands to scheduled-backup.
    pub(crate) fn backup_event(&self, at: &At) -> Value {
        json!({ "action": "backup", "system": self.name, "scheduled": at.instant.to_string() })
    }

    /// Hands an event to a function, and does not wait.
    pub(crate) async fn deliver(&self, function: &str, event: &Value) -> Result<()> {
        let name = format!("{STACK}-{function}");
        let taken = self.scene.stack.aws.invoke(RECOVERY, &name, event, false).await?;
        ensure!(taken.status == 202, "{function} did not take {event}: {taken:?}");
        Ok(())
    }

    /// A key of a backup.
    pub(crate) fn key(&self, at: &At, file: &str) -> String {
        format!("backups/{}/{}/{file}", self.name, at.slot)
    }

    /// The files of a backup, without the folder.
    pub(crate) async fn files(&self, at: &At) -> Result<Vec<String>> {
        let folder = self.key(at, "");
        let keys = self.scene.keys(&folder).await?;
        Ok(keys.iter().map(|key| key.trim_start_matches(folder.as_str()).to_owned()).collect())
    }

    /// The manifest of a backup.
    pub(crate) async fn manifest(&self, at: &At) -> Result<Value> {
        let key = self.key(at, "manifest.json");
        self.scene.document(&key).await?.with_context(|| format!("{key} is not there"))
    }

    /// A receipt of a backup: `verified` or `rejected`.
    pub(crate) async fn receipt(&self, at: &At, verdict: &str) -> Result<Option<Value>> {
        self.scene.document(&format!("receipts/{}/{}/{verdict}.json", self.name, at.slot)).await
    }

    /// Waits until a backup is proven and everything is done about it.
    pub(crate) async fn proven(&self, at: &At) -> Result<()> {
        announced(self.scene, "Backup Verified", self.is_about(at)).await?;
        let receipt = self.receipt(at, "verified").await?;
        ensure!(receipt.is_some_and(|it| it["verified"] == true), "{} has no receipt", at.slot);
        self.verification_is_over(&at.slot).await
    }

    /// Waits for a receipt.
    pub(crate) async fn receives(&self, at: &At, verdict: &str) -> Result<Value> {
        let what = format!("backup {} of {} is {verdict}", at.slot, self.name);
        until(&what, WAIT_S_MAX, || self.receipt(at, verdict)).await
    }

    /// The slots that the copies in `latest/` say they are of, by source.
    pub(crate) async fn latest(&self) -> Result<Vec<(String, String)>> {
        let folder = format!("backups/{}/latest/", self.name);
        let mut latest = Vec::new();
        for key in self.scene.keys(&folder).await? {
            let head = self.head(&key).await?;
            let slot = head["Metadata"]["warmspare-slot"].as_str().unwrap_or_default().to_owned();
            latest.push((key.trim_start_matches(folder.as_str()).to_owned(), slot));
        }
        Ok(latest)
    }

    /// What S3 says of an object.
    pub(crate) async fn head(&self, key: &str) -> Result<Value> {
        let args = json!({ "Bucket": self.scene.vault(), "Key": key, "ChecksumMode": "ENABLED" });
        Ok(self.scene.stack.aws.call(RECOVERY, "s3", "head_object", args).await?)
    }

    /// The bytes of an object.
    pub(crate) async fn object(&self, key: &str) -> Result<Vec<u8>> {
        let found = self.scene.stack.aws.object(RECOVERY, self.scene.vault(), key).await?;
        found.with_context(|| format!("{key} is not there"))
    }

    /// How many versions there are of a key.
    pub(crate) async fn versions(&self, key: &str) -> Result<usize> {
        let args = json!({ "Bucket": self.scene.vault(), "Prefix": key });
        let aws = &self.scene.stack.aws;
        let listed = aws.pages(RECOVERY, "s3", "list_object_versions", args).await?;
        let versions = listed["Versions"].as_array().into_iter().flatten();
        Ok(versions.filter(|version| version["Key"] == key).count())
    }

    /// The calls to S3 of this action that a function has made for this system, whatever came of
    /// them.
    pub(crate) fn calls(&self, action: &str, key: &str) -> Vec<Call> {
        let meant = Match::any().service("s3").action(action).key_contains(key);
        self.scene.stack.gateway.calls(&meant)
    }

    /// Whether an announcement is about this backup.
    pub(crate) fn is_about(&self, at: &At) -> impl Fn(&Value) -> bool + use<> {
        let (system, slot) = (self.name.clone(), at.slot.clone());
        move |detail| detail["system"] == system.as_str() && detail["slot"] == slot.as_str()
    }

    /// A key of KMS in a region, for a story alone.
    pub(crate) async fn new_key(&self, region: &str) -> Result<String> {
        let made = self.scene.stack.aws.call(region, "kms", "create_key", json!({})).await?;
        let arn = made["KeyMetadata"]["Arn"].as_str().context("a key without an ARN")?;
        ensure!(arn.contains(ACCOUNT), "a key of another account: {arn}");
        Ok(arn.to_owned())
    }
}
