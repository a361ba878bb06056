//! What the simulated vault lists of the versions of its objects.

use warmspare_decide::presence::{Marker, Version, Versions};

use super::State;
use super::vault;

/// A page of them, the newest of each key first.
pub(super) fn page(state: &State, prefix: &str, after: Option<&Marker>) -> Versions {
    let page = state.beside.versions_page.unwrap_or(1_000);
    let ours = state.objects.iter().filter(|(key, _)| key.starts_with(prefix));
    let all: Vec<Version> = ours.flat_map(|(key, all)| listed(key, all)).collect();
    let is_it = |version: &Version, after: &Marker| {
        version.key == after.key && Some(&version.version_id) == after.version_id.as_ref()
    };
    let from = after.map_or(0, |it| all.iter().position(|v| is_it(v, it)).unwrap() + 1);
    let mut versions = all[from..].to_vec();
    let is_more = versions.len() > page;
    versions.truncate(page);
    let next = versions.last().filter(|_| is_more).map(|version| Marker {
        key: version.key.clone(),
        version_id: Some(version.version_id.clone()),
    });
    Versions { versions, next }
}

fn listed(key: &str, versions: &[vault::Version]) -> Vec<Version> {
    let newest = versions.last().map(|version| version.id.clone());
    let listed = versions.iter().rev().map(|version| Version {
        key: key.to_owned(),
        version_id: version.id.clone(),
        size_bytes: u64::try_from(version.body.len()).unwrap(),
        is_current: Some(&version.id) == newest.as_ref(),
    });
    listed.collect()
}
