//! Which two instances, or clusters of a global database, a system's database is made of: they change,
//! or change their roles, with every move.

use serde::{Deserialize, Serialize};

use crate::name::{Region, Term};
use crate::plan::{Database, DatabaseKind, Plan};

/// An instance or a cluster, and the Region that it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its identifier.
    pub id: String,
    /// Its Region.
    pub region: Region,
}

impl Placed {
    /// Where the instance of another term goes while one that was restored before has its name.
    #[must_use]
    pub fn of_term(&self, term: Term) -> Self {
        Self { id: format!("{}-t{term}", self.id), region: self.region.clone() }
    }

    /// Whether RDS names it so: by its identifier, or by its ARN from another Region.
    pub fn is_named(&self, named: &str) -> bool {
        let Some(rest) = named.strip_prefix("arn:") else { return named == self.id };
        let mut parts = rest.split(':').skip(2);
        parts.next() == Some(self.region.as_str())
            && matches!(parts.nth(1), Some("db" | "cluster"))
            && parts.next() == Some(self.id.as_str())
    }
}

/// The writer at the active site, and the replica that takes over from it at the other one.
///
/// The plan names both as they are before any move. From then on the journal tells: what a completed
/// move promoted is the writer, and what would replicate it next has a computed name, never a
/// generated one, so that every run and every person means the same instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Takes the writes.
    pub writer: Placed,
    /// Is to be promoted by the next move; it may not exist yet.
    pub replica: Placed,
    /// What the last move left, where the replica is to be, and like which that is made; none before any
    /// move, and in a global database, of which nothing is made.
    #[serde(default)]
    pub left: Option<Placed>,
}

impl Pair {
    /// As the plan names them, before any move; none when the plan has no database.
    pub fn of(plan: &Plan) -> Option<Self> {
        let database = plan.database.as_ref()?;
        Some(Self {
            writer: Placed { id: database.source.clone(), region: plan.home.region.clone() },
            replica: Placed { id: database.replica.clone(), region: plan.away.region.clone() },
            left: None,
        })
    }

    /// After the move of this term was completed: the replica has become the writer. RDS cannot make a
    /// replica of what was a writer, so the next one is a new instance, `<name in the plan>-t<term>`;
    /// Aurora's clusters keep their names and change their roles.
    #[must_use]
    pub fn after(self, plan: &Plan, term: Term) -> Self {
        match &plan.database {
            Some(Database { kind: DatabaseKind::AuroraGlobal { .. }, .. }) | None => {
                Self { writer: self.replica, replica: self.writer, left: None }
            }
            Some(Database { kind: DatabaseKind::Rds, source, replica, .. }) => {
                let left = Some(self.writer.clone());
                let region = self.writer.region;
                let base = if region == plan.home.region { source } else { replica };
                let id = format!("{base}-t{term}");
                Self { writer: self.replica, replica: Placed { id, region }, left }
            }
        }
    }
}
