//! Frees what a killed run of scheduled-backup has left: parts of an object that nobody will complete.

use warmspare_decide::name::SystemName;
use warmspare_decide::vault;

use crate::fault::Fault;
use crate::ports::{Clock, Uploads};

/// Aborts the uploads of one system's backups and artifacts, or of every one's, that no run can be at work
/// on, and says how many they were. One that is completed meanwhile cannot be: its run is over.
///
/// # Errors
/// The first fault, once the others were tried.
pub(super) async fn abort<P>(ports: &P, system: Option<&SystemName>) -> Result<usize, Fault>
where
    P: Clock + Uploads,
{
    let prefixes = [
        system.map_or_else(|| vault::ALL_BACKUPS.to_owned(), vault::backups),
        system.map_or_else(|| vault::ALL_ARTIFACTS.to_owned(), vault::all_artifacts),
    ];
    let now = ports.now();
    let mut aborted = 0;
    let mut first_fault = None;
    for prefix in &prefixes {
        let unfinished = match ports.unfinished(prefix).await {
            Ok(unfinished) => unfinished,
            Err(fault) => {
                first_fault.get_or_insert(fault);
                continue;
            }
        };
        for upload in unfinished.iter().filter(|it| it.is_abandoned(now)) {
            match ports.abort(upload).await {
                Ok(()) => aborted += 1,
                Err(fault) => drop(first_fault.get_or_insert(fault)),
            }
        }
    }
    first_fault.map_or(Ok(aborted), Err)
}
