//! Carries one export as far as it goes now, and says how it stands.

use warmspare_decide::export::{
    self, Copied, End, Exported, FORMAT, Intended, Next, Place, Snapshot, Step, View, Wanted,
    snapshot_id,
};
use warmspare_decide::name::KeyArn;
use warmspare_decide::outcome::{self, Announcement, Happening};
use warmspare_decide::plan::Database;
use warmspare_decide::seen::Seen;
use warmspare_decide::vault;

use super::warning;
use crate::documents;
use crate::fault::{Fault, Hope};
use crate::ports::{Bus, Clock, Snapshots, Vault};

/// How many looks and steps one run takes for one export: four looks, three steps, and each once
/// more.
const TURNS_MAX: u32 = 16;

/// How an export stands.
pub(super) enum Progress {
    /// Nothing more can be done now; the sentence says what is waited for.
    Waiting(String),
    /// It ended.
    Ended(End),
}

/// Seconds since an export was asked for.
pub(super) fn asked_s<P: Clock>(ports: &P, intended: &Intended) -> u64 {
    let asked_s = ports.now().as_second().saturating_sub(intended.asked_at.as_second());
    u64::try_from(asked_s).unwrap_or(0)
}

/// Looks, decides and takes steps until there is nothing to do now. A step that was taken is
/// believed only once it is seen.
pub(super) async fn advance<P>(
    ports: &P,
    database: &Database,
    key_arn: &KeyArn,
    intended: &Intended,
) -> Result<Progress, Fault>
where
    P: Clock + Vault + Snapshots + Bus,
{
    if snapshot_id(&database.source, intended.slot) != intended.snapshot {
        // Under the old name there would be a snapshot of another database.
        let why = format!(
            "the plan's database is {} now, and the snapshot was to be {}",
            database.source, intended.snapshot
        );
        return Ok(Progress::Ended(End::Failed { why }));
    }
    let wanted = Wanted {
        snapshot: intended.snapshot.clone(),
        task: intended.task.clone(),
        region: ports.region(),
        key_arn: key_arn.clone(),
    };
    let run = Run { ports, database, intended, wanted };
    let mut view = run.unseen();
    for _turn in 0..TURNS_MAX {
        match export::next(&run.wanted, &view) {
            Next::Look(place) => run.look(place, &mut view).await?,
            Next::Do(step) => {
                if let Step::StartExport(copy) = &step {
                    run.tell_copied(copy).await?;
                }
                match run.take(&step).await {
                    Ok(()) => view = run.unseen(),
                    // RDS takes at most five exports and twenty copies at a time, and says so: the
                    // next sweep asks again (FR3).
                    Err(fault) if fault.hope == Hope::Retryable => {
                        return Ok(Progress::Waiting(fault.to_string()));
                    }
                    Err(fault) => return Err(fault),
                }
            }
            Next::Wait(sentence) => return Ok(Progress::Waiting(sentence)),
            Next::Done(end) => return Ok(Progress::Ended(end)),
            Next::NotKnown(why) => {
                let subject = format!("the export {} of {}", intended.slot, intended.system);
                return Err(Fault::new(Hope::Retryable, "looking at", subject, why));
            }
        }
    }
    Ok(Progress::Waiting(format!(
        "what was begun is not seen yet after {TURNS_MAX} looks and steps"
    )))
}

struct Run<'a, P> {
    ports: &'a P,
    database: &'a Database,
    intended: &'a Intended,
    wanted: Wanted,
}

impl<P: Clock + Vault + Snapshots + Bus> Run<'_, P> {
    fn unseen(&self) -> View {
        View { asked_s: asked_s(self.ports, self.intended), ..View::default() }
    }

    async fn look(&self, place: Place, view: &mut View) -> Result<(), Fault> {
        match place {
            Place::Task => {
                let task = self.ports.export_task(&self.wanted.task).await?;
                let said = task.here().and_then(|task| task.warning.as_deref());
                view.left_out = warning::clauses(said.unwrap_or_default());
                view.task = Some(task);
            }
            Place::Files => {
                let keys = self.ports.list(&self.intended.prefix()).await?;
                let files = keys.iter().filter(|key| key.ends_with(".parquet")).count();
                view.files = Some(u64::try_from(files).unwrap_or(u64::MAX));
            }
            Place::Copy => {
                let region = &self.wanted.region;
                view.copy = Some(self.ports.snapshot(region, &self.wanted.snapshot).await?);
            }
            Place::Snapshot => {
                let region = &self.database.region;
                view.snapshot = Some(self.ports.snapshot(region, &self.wanted.snapshot).await?);
            }
        }
        Ok(())
    }

    /// Takes one step. One of that name being there already is no fault: it is looked at again, and
    /// held against what is wanted (FR2).
    async fn take(&self, step: &Step) -> Result<(), Fault> {
        let Wanted { snapshot: id, task, key_arn, .. } = &self.wanted;
        match step {
            Step::TakeSnapshot => {
                self.ports.take_snapshot(self.database, id).await?;
            }
            Step::CopySnapshot(source) => {
                let from = &self.database.region;
                self.ports.copy_snapshot(source, from, id, key_arn).await?;
            }
            Step::StartExport(copy) => {
                let folder = &self.intended.folder;
                self.ports.start_export(task, copy, self.database, folder, key_arn).await?;
            }
        }
        Ok(())
    }

    /// Tells that the copy lies in the recovery region, and then records it: the export may have to
    /// wait for its turn, and the same news at every look would be noise.
    async fn tell_copied(&self, copy: &Snapshot) -> Result<(), Fault> {
        let Intended { system, slot, .. } = self.intended;
        let key = vault::export_copied(system, *slot);
        match documents::read_json::<Copied, P>(self.ports, &key).await? {
            Seen::Here(_) => return Ok(()),
            Seen::Absent => {}
            Seen::Unknown(why) => return Err(documents::unread(&key, why)),
        }
        let copied = Copied {
            format: FORMAT,
            system: system.clone(),
            slot: *slot,
            arn: copy.arn.clone(),
            at: self.ports.now(),
        };
        let reason = format!(
            "the snapshot {} is copied to {} under the key there, and can be restored from {}",
            self.wanted.snapshot, self.wanted.region, copied.arn
        );
        self.ports
            .announce(&Announcement {
                format: outcome::FORMAT,
                happening: Happening::SnapshotCopied,
                system: system.clone(),
                outcome: "done".to_owned(),
                reason,
                slot: Some(*slot),
                term: None,
                at: copied.at,
                links: vec![key.clone()],
            })
            .await?;
        documents::create_json(self.ports, &key, &copied).await?;
        Ok(())
    }
}

/// How an export ended, as a sentence.
pub(super) fn sentence(ended: &Exported) -> String {
    let Exported { system, slot, snapshot, prefix, .. } = ended;
    let name = format!("the export {slot} of {system}");
    let nature = "for analysis, and not a copy that can be restored";
    match &ended.end {
        End::Exported { files } => {
            format!("{name} is whole: {files} Parquet file(s) of {snapshot} in {prefix}, {nature}")
        }
        End::Partial { files, left_out } => format!(
            "{name} left something out: {}; {files} Parquet file(s) of {snapshot} in {prefix}, \
             {nature}",
            left_out.join("; ")
        ),
        End::Failed { why } => format!("{name} failed: {why}"),
    }
}

/// The announcement of how an export ended.
pub(super) fn announcement(ended: &Exported) -> Announcement {
    let (happening, word) = match ended.end {
        End::Exported { .. } => (Happening::SnapshotExported, "done"),
        End::Partial { .. } => (Happening::SnapshotPartial, "done"),
        End::Failed { .. } => (Happening::SnapshotFailed, "failed"),
    };
    Announcement {
        format: outcome::FORMAT,
        happening,
        system: ended.system.clone(),
        outcome: word.to_owned(),
        reason: sentence(ended),
        slot: Some(ended.slot),
        term: None,
        at: ended.at,
        links: vec![vault::exported(&ended.system, ended.slot), ended.prefix.clone()],
    }
}
