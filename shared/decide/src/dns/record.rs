//! A record set, whole: what Route 53 holds of it, and how a person says it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A record set as Route 53 lists it, with everything that it has to be deleted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Id of its hosted zone. Empty in journals of format 1, whose plans had one zone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// Lowercase, without the last dot.
    pub name: String,
    /// `A`, `AAAA`, `CNAME`, `TXT`, …
    pub kind: String,
    /// Time to live in seconds; an alias has none.
    pub ttl_s: Option<u32>,
    /// In the order in which Route 53 gave them; a TXT value has its quotes. An alias has none.
    pub values: Vec<String>,
    /// What it is an alias of, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
    /// How Route 53 chooses among the sets of this name and type; `None` when there is only one.
    pub routing: Option<Routing>,
    /// Id of the health check on which the set's answer depends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<String>,
}

/// The target of an alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Id of the hosted zone in which the target lies, often one of AWS's own.
    pub zone: String,
    /// Lowercase, without the last dot.
    pub name: String,
    /// Whether the answer depends on the health of the target.
    pub evaluate: bool,
}

/// How Route 53 chooses among the sets of one name and type. Each carries the identifier that tells
/// it from the others.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Routing {
    /// In proportion to the weights.
    Weighted {
        /// Of this set.
        identifier: String,
        /// From 0 to 255.
        weight: i64,
    },
    /// The primary while it is healthy, else the secondary.
    Failover {
        /// Of this set.
        identifier: String,
        /// `PRIMARY` or `SECONDARY`.
        role: String,
    },
    /// The one whose Region is the fastest for the asker.
    Latency {
        /// Of this set.
        identifier: String,
        /// An AWS Region.
        region: String,
    },
    /// By where the asker is.
    Geolocation {
        /// Of this set.
        identifier: String,
        /// Code of a continent.
        continent: Option<String>,
        /// Code of a country, or `*`.
        country: Option<String>,
        /// Code of a part of the country.
        subdivision: Option<String>,
    },
    /// By how far the asker is.
    Geoproximity {
        /// Of this set.
        identifier: String,
        /// An AWS Region.
        region: Option<String>,
        /// A group of Local Zones.
        local_zone_group: Option<String>,
        /// Latitude and longitude, as Route 53 writes them.
        coordinates: Option<(String, String)>,
        /// From -99 to 99.
        bias: Option<i32>,
    },
    /// By the asker's address.
    Cidr {
        /// Of this set.
        identifier: String,
        /// Id of a collection of blocks.
        collection: String,
        /// A location in it.
        location: String,
    },
    /// Up to eight healthy ones at random.
    MultiValue {
        /// Of this set.
        identifier: String,
    },
    /// Something that this version does not know how to create again: it is read, and never moved.
    Foreign {
        /// As a person says it.
        what: String,
    },
}

impl Routing {
    /// What tells the set from others of its name and type.
    pub fn identifier(&self) -> Option<&str> {
        match self {
            Self::Weighted { identifier, .. }
            | Self::Failover { identifier, .. }
            | Self::Latency { identifier, .. }
            | Self::Geolocation { identifier, .. }
            | Self::Geoproximity { identifier, .. }
            | Self::Cidr { identifier, .. }
            | Self::MultiValue { identifier } => Some(identifier),
            Self::Foreign { .. } => None,
        }
    }
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weighted { identifier, weight } => {
                write!(f, "weighted {weight} as {identifier}")
            }
            Self::Failover { identifier, role } => write!(f, "failover {role} as {identifier}"),
            Self::Latency { identifier, region } => {
                write!(f, "latency of {region} as {identifier}")
            }
            Self::Geolocation { identifier, continent, country, subdivision } => {
                let parts = [continent, country, subdivision].into_iter().flatten();
                let place: Vec<&str> = parts.map(String::as_str).collect();
                write!(f, "geolocation {} as {identifier}", place.join(" "))
            }
            Self::Geoproximity { identifier, .. } => write!(f, "geoproximity as {identifier}"),
            Self::Cidr { identifier, location, .. } => {
                write!(f, "addresses of {location} as {identifier}")
            }
            Self::MultiValue { identifier } => write!(f, "multivalue as {identifier}"),
            Self::Foreign { what } => f.write_str(what),
        }
    }
}

impl RecordSet {
    /// A set of this zone, name and type whose answer is always the same values.
    pub fn simple(zone: &str, name: &str, kind: &str, ttl_s: u32, values: Vec<String>) -> Self {
        Self {
            zone: zone.to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            ttl_s: Some(ttl_s),
            values,
            alias: None,
            routing: None,
            health_check: None,
        }
    }

    /// What tells the set from others of its name and type; a simple set has none.
    pub fn identifier(&self) -> Option<&str> {
        self.routing.as_ref().and_then(Routing::identifier)
    }

    /// Name and type, and the identifier where there is one.
    pub fn label(&self) -> String {
        label(&self.name, &self.kind, self.identifier())
    }

    /// What it answers, and what is special about it, as a person says it.
    pub fn shown(&self) -> String {
        let answer = match &self.alias {
            Some(alias) => format!("alias of {} in {}", alias.name, alias.zone),
            None => self.values.join(", "),
        };
        let routing = self.routing.as_ref().map(ToString::to_string);
        let check = self.health_check.as_ref().map(|id| format!("health check {id}"));
        let special: Vec<String> = routing.into_iter().chain(check).collect();
        if special.is_empty() { answer } else { format!("{answer} ({})", special.join(", ")) }
    }
}

/// Name and type, and the identifier where there is one.
pub(super) fn label(name: &str, kind: &str, identifier: Option<&str>) -> String {
    match identifier {
        Some(identifier) => format!("{name} {kind} {identifier}"),
        None => format!("{name} {kind}"),
    }
}
