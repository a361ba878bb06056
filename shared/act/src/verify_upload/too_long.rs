//! A backup of which one object takes longer to be read than any run has. That is told, and written down, so
//! that the sweep does not spend its time on it each hour. Whoever asks for it by hand has it tried again.

use warmspare_decide::manifest::Checked;
use warmspare_decide::outcome::{Announcement, Happening, Outcome};
use warmspare_decide::refusal::Refusal;
use warmspare_decide::vault;

use super::Verification;
use crate::documents;
use crate::fault::Fault;
use crate::ports::{Bus, Clock, Keys, Vault};

/// Whether reading had three quarters of a run or more, so that no other one is likely to end it.
pub(super) fn is_final(refusal: &Refusal, run_s: u64) -> bool {
    matches!(
        refusal,
        Refusal::DoesNotFit { took_s, .. } if took_s.saturating_mul(4) >= run_s.saturating_mul(3)
    )
}

impl<P: Clock + Vault + Keys + Bus> Verification<'_, P> {
    /// Tells that one object takes longer to be read than a run of so many seconds has, so that the backup
    /// never counts.
    pub(super) async fn too_long(&self, refusal: Refusal, run_s: u64) -> Result<Outcome, Fault> {
        let reason = format!("{} cannot be verified: {refusal}", self.name());
        let announcement = self.announcement(Happening::BackupRejected, "failed", reason);
        let manifest = vault::manifest(&self.system, self.slot);
        let links = vec![manifest.clone()];
        self.ports.announce(&Announcement { links, ..announcement }).await?;
        if is_final(&refusal, run_s) {
            let found = Checked::new(manifest, vec![refusal.to_string()]);
            let record = self.receipt_of(false, vec![found], Vec::new());
            let key = vault::does_not_fit(&self.system, self.slot);
            let _new_or_there = documents::create_json(self.ports, &key, &record).await?;
        }
        Ok(Outcome::Refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What had only what others have left of a run says nothing of a whole one.
    #[test]
    fn only_what_had_most_of_a_run_is_given_up() {
        for (took_s, is_given_up) in [(880, true), (675, true), (674, false), (30, false)] {
            let refusal = Refusal::DoesNotFit { what: "db".into(), passed_bytes: 1, took_s };
            assert_eq!(is_final(&refusal, 900), is_given_up, "{took_s}");
        }
    }
}
