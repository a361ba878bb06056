//! A backup of which one object takes longer to be read than any run has. That is told, and written down, so
//! that the sweep does not spend its time on it each hour. Whoever asks for it by hand has it tried again.

use warmspare_decide::manifest::Checked;
use warmspare_decide::outcome::{Announcement, Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::sweep;
use warmspare_decide::vault;

use super::Verification;
use crate::documents;
use crate::fault::Fault;
use crate::ports::{Bus, Clock, Keys, Vault};

impl<P: Clock + Vault + Keys + Bus> Verification<'_, P> {
    /// Tells that one object takes longer to be read than a run of so many seconds has, so that the backup
    /// never counts.
    pub(super) async fn too_long(&self, refusal: Refusal, run_s: u64) -> Result<Outcome, Fault> {
        let reason = format!("{} cannot be verified: {refusal}", self.name());
        let announcement = self.announcement(Happening::BackupRejected, "failed", reason);
        let manifest = vault::manifest(&self.system, self.slot);
        let links = vec![manifest.clone()];
        self.ports.announce(&Announcement { links, ..announcement }).await?;
        if sweep::is_final(&refusal, run_s) {
            let found = Checked::new(manifest, vec![refusal.to_string()]);
            let record = self.receipt_of(false, vec![found], Vec::new());
            let key = vault::does_not_fit(&self.system, self.slot);
            let _new_or_there = documents::create_json(self.ports, &key, &record).await?;
        }
        Ok(Outcome::Refused(refusal))
    }
}
