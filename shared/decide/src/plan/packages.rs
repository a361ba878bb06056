//! What a package builder's database and its bucket have to do with each other.

use super::{From, Plan};
use crate::name::SourceName;

/// Where the artifacts of a database of packages are, and where they are uploaded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packages {
    /// The source of kind `s3` that has them; it is read after the database (seed C7).
    pub artifacts: SourceName,
    /// The builder's address, which can stand in a shell's command as it is.
    pub url: String,
}

impl Plan {
    /// The sources whose rows are about artifacts, in the plan's order.
    pub fn packages(&self) -> impl Iterator<Item = (&SourceName, &Packages)> {
        self.backup.sources.iter().filter_map(|source| match &source.from {
            From::Postgres { packages, .. } => Some((&source.name, packages.as_ref()?)),
            From::Https(_) | From::S3(_) | From::Aviatrix(_) | From::Upload => None,
        })
    }
}
