//! The records of a plan, and what each answers for each site.

use crate::dns::Alias;

/// The records that lead to the active site.
#[derive(Clone, Debug, PartialEq)]
pub struct Dns {
    /// How clients are led from one site to the other.
    pub method: Method,
    /// Time to live of the term's records, and of a record that was an alias, in seconds. Every other
    /// record keeps the one that it has.
    pub ttl_s: u32,
    /// At least one.
    pub records: Vec<Record>,
}

/// How clients are led from one site to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// The records are rewritten, which needs Route 53's control plane in us-east-1.
    Rewrite,
    /// Each record is a pair of failover sets that is never touched: the primary's health check reads
    /// an alarm of the recovery region, which is flipped. Nothing of us-east-1 is called for that.
    HealthCheck {
        /// Id of the health check that the primary sets carry.
        id: String,
    },
}

/// One record, and what it holds for each site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Id of its hosted zone, without `/hostedzone/`.
    pub zone: String,
    /// Lowercase, without the last dot.
    pub name: String,
    /// `A`, `AAAA`, `CNAME` or `TXT`.
    pub kind: String,
    /// Which set of that name and type, where there are several. In the method `health-check` there are
    /// two, identified by the names of the sites, and this is `None`.
    pub set_identifier: Option<String>,
    /// What it answers while home is active.
    pub home: Target,
    /// What it answers while the other site is active.
    pub away: Target,
}

/// What a record answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Values as Route 53 holds them: a TXT value in double quotes.
    Values(Vec<String>),
    /// What something else answers, often a load balancer.
    Alias(Alias),
}
