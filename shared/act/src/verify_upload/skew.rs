//! Holds the rows of a package builder's dump against the artifacts of the same backup (seed C6, C7).
//!
//! It is done once a backup is proven, and nothing that it finds or fails at makes it less proven. What is
//! compared lies in the vault: what would be restored, and not what the builder has by now.

use bytes::Bytes;
use warmspare_decide::inventory::Head;
use warmspare_decide::manifest::{Manifest, Stored};
use warmspare_decide::name::SourceName;
use warmspare_decide::outcome::{Announcement, Happening};
use warmspare_decide::plan::Packages;
use warmspare_decide::seen::Seen;
use warmspare_decide::skew::{
    ATTEMPTS_MAX, Artifacts, Attempt, Comparison, CopyText, FORMAT, Found, SCHEMA, Skew, TABLE,
    heading, progress,
};
use warmspare_decide::vault;

use super::Verification;
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::inventory::Rows;
use crate::ports::{Bus, Clock, Dumps, Keys, Vault};
use crate::stream::{Chunks, Measured};

/// No comparison is begun with less time left, in seconds: the next sweep makes it.
const LEFT_S_MIN: u64 = 60;

/// And none goes on with less: it has to be able to say so.
const END_S_MIN: u64 = 10;

/// A comparison that this run has begun.
pub(super) struct Begun<'m> {
    source: SourceName,
    asked: Asked<'m>,
}

enum Asked<'m> {
    /// What the plan asks for, and what the backup has of it.
    Compare { packages: Packages, dump: &'m Stored, inventory: &'m Stored },
    /// It cannot be made, and why.
    Not { artifacts: Option<SourceName>, why: String },
}

impl<P: Clock + Vault + Keys + Dumps + Bus> Verification<'_, P> {
    /// Begins what the plan asks to be compared and is not recorded yet. Only a backup of a bucket has
    /// anything to compare.
    pub(super) async fn begin_comparisons<'m>(
        &self,
        manifest: &'m Manifest,
    ) -> Result<Vec<Begun<'m>>, Fault> {
        if manifest.objects.iter().all(|stored| stored.inventory.is_none()) {
            return Ok(Vec::new());
        }
        // The plan as it is now says where artifacts are uploaded to. Whoever acts under one that cannot be
        // read tells it.
        let plan = documents::load_plan(self.ports, &self.system).await?.ok();
        let wanted: Vec<(SourceName, Packages)> = plan
            .iter()
            .flat_map(|(plan, _)| plan.packages())
            .map(|(source, packages)| (source.clone(), packages.clone()))
            .collect();
        let folder = vault::receipts_of(&self.system, self.slot);
        let receipts = self.ports.list(&folder).await?;
        let before = progress(receipts.iter().filter_map(|key| key.strip_prefix(&folder)));
        let mut begun = Vec::new();
        for (source, packages) in wanted {
            let progress = before.get(&source).copied().unwrap_or_default();
            if progress.is_over {
                continue;
            }
            let asked = if progress.attempts < ATTEMPTS_MAX {
                self.write_attempt(&source, progress.attempts).await?;
                asked(manifest, &source, packages)
            } else {
                let artifacts = Some(packages.artifacts);
                let why =
                    format!("{ATTEMPTS_MAX} runs have begun to compare them, and none has ended");
                Asked::Not { artifacts, why }
            };
            begun.push(Begun { source, asked });
        }
        // Nobody would end these otherwise.
        let is_left = |source: &SourceName| begun.iter().all(|it| it.source != *source);
        let left: Vec<SourceName> = before
            .into_iter()
            .filter(|(source, progress)| !progress.is_over && is_left(source))
            .map(|(source, _)| source)
            .collect();
        begun.extend(left.into_iter().map(|source| {
            let why = "the plan does not ask for it any more".to_owned();
            Begun { source, asked: Asked::Not { artifacts: None, why } }
        }));
        Ok(begun)
    }

    async fn write_attempt(&self, source: &SourceName, n: usize) -> Result<(), Fault> {
        let (system, slot, source) = (self.system.clone(), self.slot, source.clone());
        let key = vault::skew_attempt(&system, slot, &source, n);
        let writer = self.ports.writer();
        let attempt = Attempt { format: FORMAT, system, slot, source, writer };
        // Another run that has begun at the same moment has the same number.
        let _new_or_theirs = documents::create_json(self.ports, &key, &attempt).await?;
        Ok(())
    }

    /// Makes the comparisons, and says what came of each.
    pub(super) async fn compare(&self, comparisons: Vec<Begun<'_>>) -> Result<String, Fault> {
        let mut said = String::new();
        for Begun { source, asked } in comparisons {
            let (artifacts, found, lines) = match asked {
                Asked::Not { artifacts, why } => (artifacts, Found::Unknown { why }, String::new()),
                Asked::Compare { packages, dump, inventory } => {
                    let left_s = self.ports.left_s();
                    if left_s < LEFT_S_MIN {
                        said.push_str(&format!(
                            "; the next sweep compares {source} with its artifacts: {left_s} s are left"
                        ));
                        continue;
                    }
                    let (found, lines) = self.find(&packages, dump, inventory).await?;
                    (Some(packages.artifacts), found, lines)
                }
            };
            said.push_str("; ");
            said.push_str(&self.conclude(source, artifacts, found, lines).await?);
        }
        Ok(said)
    }

    async fn find(
        &self,
        packages: &Packages,
        dump: &Stored,
        inventory: &Stored,
    ) -> Result<(Found, String), Fault> {
        let unknown = |why: String| Ok((Found::Unknown { why }, String::new()));
        let objects = inventory.inventory.map_or(0, |totals| totals.objects);
        let artifacts = match Artifacts::of(objects) {
            Ok(artifacts) => artifacts,
            Err(why) => return unknown(why),
        };
        let (head, artifacts) = match self.listed(inventory, artifacts).await {
            Ok(listed) => listed,
            // It was read as one a moment ago, so it is of a format that another version has written.
            Err(fault) if fault.hope == Hope::Permanent => return unknown(fault.to_string()),
            Err(fault) => return Err(fault),
        };
        let mut comparison = Comparison::new(artifacts, &head.origin.prefix, &packages.url);
        let mut text = CopyText::default();
        let Stored { key, version_id, sums, .. } = dump;
        let inner = self.ports.read_as_recovery(key, version_id).await?;
        let mut stream = Measured::new(Timed { inner, ports: self.ports, key });
        let mut take = |bytes: &[u8]| text.read(bytes, |row| comparison.row(row));
        let read = match self.ports.table(&mut stream, SCHEMA, TABLE, &mut take).await {
            Ok(read) => read,
            // It will not be read better by trying again.
            Err(fault) if fault.hope == Hope::Permanent => return unknown(fault.to_string()),
            Err(fault) => return Err(fault),
        };
        if stream.sums() != *sums {
            let why = "it was proven, and was read otherwise a moment later".to_owned();
            return Err(Fault::new(Hope::Retryable, "comparing the rows of", key, why));
        }
        let whole = match read {
            Seen::Here(()) => text.end(),
            Seen::Absent => Err(format!("the dump has no table {SCHEMA}.{TABLE}")),
            Seen::Unknown(why) => Err(why),
        };
        match whole {
            Ok(()) => Ok(comparison.end()),
            Err(why) => unknown(why),
        }
    }

    async fn listed(
        &self,
        inventory: &Stored,
        mut artifacts: Artifacts,
    ) -> Result<(Head, Artifacts), Fault> {
        let Stored { key, version_id, .. } = inventory;
        let body = self.ports.read_as_recovery(key, version_id).await?;
        let (head, mut rows) = Rows::open(body, key).await?;
        while let Some(object) = rows.next().await? {
            artifacts.add(&object.key);
        }
        Ok((head, artifacts))
    }

    /// Keeps the commands, tells what somebody has to look at, and then writes down what was found: once that
    /// is there, nobody comes back to it, so a run that dies before is told twice, and not never.
    async fn conclude(
        &self,
        source: SourceName,
        artifacts: Option<SourceName>,
        found: Found,
        lines: String,
    ) -> Result<String, Fault> {
        let (system, slot, at) = (self.system.clone(), self.slot, self.ports.now());
        let key = vault::skew(&system, slot, &source);
        let lines_key = vault::skew_lines(&system, slot, &source);
        let skew = Skew { format: FORMAT, system, slot, source, artifacts, at, found };
        let sentence = skew.sentence(&lines_key);
        let mut links = vec![key.clone(), vault::manifest(&self.system, slot)];
        if !lines.is_empty() {
            let body = Bytes::from(format!("{}{lines}", heading(&skew)));
            // Of the same two objects every run makes the same list.
            let _new_or_there = self.ports.create(&lines_key, body).await?;
            links.insert(0, lines_key);
        }
        if skew.found.is_told() {
            let name = self.name();
            let reason = format!("{name} is verified, and somebody should look at it: {sentence}");
            let told = self.announcement(Happening::BackupSuspicious, "done", reason);
            self.ports.announce(&Announcement { at, links, ..told }).await?;
        }
        let _new_or_theirs = documents::create_json(self.ports, &key, &skew).await?;
        Ok(sentence)
    }
}

fn asked<'m>(manifest: &'m Manifest, source: &SourceName, packages: Packages) -> Asked<'m> {
    let of = |name: &SourceName| manifest.objects.iter().find(|stored| stored.source == *name);
    let dump = of(source).filter(|stored| stored.inventory.is_none());
    let inventory = of(&packages.artifacts).filter(|stored| stored.inventory.is_some());
    match (dump, inventory) {
        (Some(dump), Some(inventory)) => Asked::Compare { packages, dump, inventory },
        (_, _) => {
            let why = format!(
                "the backup is of another plan, which had no dump {source} or no bucket {}",
                packages.artifacts
            );
            Asked::Not { artifacts: Some(packages.artifacts), why }
        }
    }
}

/// A stream that ends in a fault while the run can still say so.
struct Timed<'a, C, P> {
    inner: C,
    ports: &'a P,
    key: &'a str,
}

impl<C: Chunks, P: Clock> Chunks for Timed<'_, C, P> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let left_s = self.ports.left_s();
        if left_s < END_S_MIN {
            let why = format!("{left_s} s are left, and not all of it was read");
            return Err(Fault::new(Hope::Retryable, "comparing the rows of", self.key, why));
        }
        self.inner.next().await
    }
}
