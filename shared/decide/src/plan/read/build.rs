//! Makes types of a text that was checked. `None` means that the check has missed something, which
//! no text should be able to show.

use std::num::NonZeroU32;

use jiff::civil::Weekday;

use super::fields::POSTGRES_PORT;
use super::places::{CONTENT_TYPE, DESIRED, EXPECT};
use super::{address, duration, megabits, text};
use crate::dns::Alias;
use crate::encryption::{Choice, Own};
use crate::lock;
use crate::name::{
    GroupName, KeyArn, Region, RoleArn, SecretArn, SiteName, SourceName, SystemName,
};
use crate::plan::tree::Tree;
use crate::plan::{
    Appliance, BYTES_MAX, Backup, Calendar, Call, Capacity, Check, Controller, Database,
    DatabaseKind, Dns, Download, Endpoint, Export, Failover, FenceDemand, From, Health, Interval,
    Keep, Method, Mode, Objectives, Packages, Plan, Quorum, Record, Restore, Site, Source, Store,
    TIMEOUT_S, Target, Throttle, TlsPin,
};

pub(super) fn plan(tree: &Tree) -> Option<Plan> {
    let objectives = tree.get("objectives")?;
    let (home, away) = match tree.get("sites")?.entries() {
        [(home, home_tree), (away, away_tree)] => (site(home, home_tree)?, site(away, away_tree)?),
        _ => return None,
    };
    Some(Plan {
        system: SystemName::parse(word(tree, "system")?).ok()?,
        group: optional(tree, "group", |tree| GroupName::parse(tree.text()?).ok())?,
        after: match tree.get("after") {
            Some(_) => each(tree, "after", |value| SystemName::parse(value.text()?).ok())?,
            None => Vec::new(),
        },
        objectives: Objectives {
            rpo_s: duration_s(objectives, "rpo")?,
            rto_s: duration_s(objectives, "rto")?,
        },
        backup: backup(tree.get("backup")?)?,
        database: optional(tree, "database", database)?,
        dns: dns(tree.get("dns")?, &home.name, &away.name)?,
        home,
        away,
        failover: failover(tree.get("failover")?)?,
    })
}

/// A field that may be left out: `None` when it cannot be read, `Some(None)` when it is left out.
fn optional<T>(tree: &Tree, key: &str, read: impl FnOnce(&Tree) -> Option<T>) -> Option<Option<T>> {
    match tree.get(key) {
        Some(tree) => read(tree).map(Some),
        None => Some(None),
    }
}

fn word<'a>(tree: &'a Tree, key: &str) -> Option<&'a str> {
    tree.get(key)?.text()
}

fn word_or(tree: &Tree, key: &str, otherwise: &str) -> Option<String> {
    match tree.get(key) {
        Some(tree) => tree.text().map(str::to_owned),
        None => Some(otherwise.to_owned()),
    }
}

fn whole_or<T: TryFrom<u64>>(tree: &Tree, key: &str, otherwise: u64) -> Option<T> {
    let whole = match tree.get(key) {
        Some(tree) => tree.whole()?,
        None => otherwise,
    };
    whole.try_into().ok()
}

fn whole<T: TryFrom<u64>>(tree: &Tree, key: &str) -> Option<T> {
    tree.get(key)?.whole()?.try_into().ok()
}

fn duration_s(tree: &Tree, key: &str) -> Option<u64> {
    duration::seconds(word(tree, key)?)
}

fn each<T>(tree: &Tree, key: &str, read: impl FnMut(&Tree) -> Option<T>) -> Option<Vec<T>> {
    tree.get(key)?.values().iter().map(read).collect()
}

fn backup(tree: &Tree) -> Option<Backup> {
    Some(Backup {
        keep: keep(tree.get("keep")?)?,
        encryption: encryption(tree)?,
        lock: optional(tree, "lock", lock)?,
        sources: each(tree, "source", source)?,
        throttle: optional(tree, "throttle", throttle)?,
    })
}

pub(super) fn keep(tree: &Tree) -> Option<Keep> {
    Some(match (tree.text(), tree.whole()) {
        (Some(_), _) => Keep::Overwrite,
        (None, Some(count)) => Keep::Newest(NonZeroU32::new(count.try_into().ok()?)?),
        (None, None) => Keep::Calendar(calendar(tree)?),
    })
}

fn lock(tree: &Tree) -> Option<lock::Asked> {
    let mode = match word(tree, "mode")? {
        "governance" => lock::Mode::Governance,
        "compliance" => lock::Mode::Compliance,
        _ => return None,
    };
    Some(lock::Asked { mode, days: whole(tree, "days")? })
}

fn encryption(tree: &Tree) -> Option<Choice> {
    let Some(chosen) = tree.get("encryption") else {
        return KeyArn::parse(word(tree, "kms_key")?).ok().map(Choice::Key);
    };
    match chosen.text()? {
        "none" => Some(Choice::Own(Own::None)),
        "aes256" => Some(Choice::Own(Own::Aes256)),
        "aws/s3" => Some(Choice::AwsS3),
        _ => None,
    }
}

fn calendar(tree: &Tree) -> Option<Calendar> {
    Some(Calendar {
        last: whole_or(tree, "last", 0)?,
        daily: whole_or(tree, "daily", 0)?,
        weekly: whole_or(tree, "weekly", 0)?,
        monthly: whole_or(tree, "monthly", 0)?,
        yearly: whole_or(tree, "yearly", 0)?,
        timezone: text::time_zone(&word_or(tree, "timezone", "UTC")?)?,
    })
}

fn source(tree: &Tree) -> Option<Source> {
    let name = SourceName::parse(word(tree, "name")?).ok()?;
    Some(Source { name, from: from(tree.get("from")?)? })
}

fn from(tree: &Tree) -> Option<From> {
    match word(tree, "kind")? {
        "https" => download(tree).map(From::Https),
        "s3" => Some(From::S3(Store {
            endpoint: optional(tree, "endpoint", base_url)?,
            bucket: word(tree, "bucket")?.to_owned(),
            prefix: word_or(tree, "prefix", "")?,
            region: optional(tree, "region", |tree| Region::parse(tree.text()?).ok())?,
            secret: optional(tree, "secret", secret)?,
            tls_pin: optional(tree, "tls_pin", pin)?,
        })),
        "postgres" => Some(From::Postgres {
            host: word(tree, "host")?.to_owned(),
            port: whole_or(tree, "port", POSTGRES_PORT)?,
            database: word(tree, "database")?.to_owned(),
            secret: secret(tree.get("secret")?)?,
            tls: tree.get("tls").is_none_or(|tls| tls.truth() != Some(false)),
            packages: optional(tree, "packages", packages)?,
        }),
        "aviatrix" => controller(tree).map(From::Aviatrix),
        "upload" => Some(From::Upload),
        _ => None,
    }
}

fn download(tree: &Tree) -> Option<Download> {
    let timeout_s = match tree.get("timeout") {
        Some(_) => duration_s(tree, "timeout")?,
        None => TIMEOUT_S,
    };
    let bytes_max = whole_or(tree, "max_bytes", BYTES_MAX)?;
    Some(Download { endpoint: endpoint(tree)?, timeout_s, bytes_max })
}

fn packages(tree: &Tree) -> Option<Packages> {
    let artifacts = SourceName::parse(word(tree, "artifacts")?).ok()?;
    Some(Packages { artifacts, url: base_url(tree.get("url")?)? })
}

fn controller(tree: &Tree) -> Option<Controller> {
    let text = |tree: &Tree| tree.text().map(str::to_owned);
    Some(Controller {
        endpoint: base_endpoint(tree)?,
        bucket: word(tree, "bucket")?.to_owned(),
        region: Region::parse(word(tree, "region")?).ok()?,
        prefix: word_or(tree, "prefix", "")?,
        owner: optional(tree, "owner", text)?,
        private_ip: optional(tree, "private_ip", |tree| tree.text()?.parse().ok())?,
        account: optional(tree, "account", text)?,
    })
}

fn secret(tree: &Tree) -> Option<SecretArn> {
    SecretArn::parse(tree.text()?).ok()
}

fn pin(tree: &Tree) -> Option<TlsPin> {
    text::pin(tree.text()?)
}

fn base_url(tree: &Tree) -> Option<String> {
    Some(tree.text()?.trim_end_matches('/').to_owned())
}

fn endpoint(tree: &Tree) -> Option<Endpoint> {
    Some(Endpoint {
        url: word(tree, "url")?.to_owned(),
        secret: optional(tree, "secret", secret)?,
        tls_pin: optional(tree, "tls_pin", pin)?,
    })
}

fn base_endpoint(tree: &Tree) -> Option<Endpoint> {
    Some(Endpoint { url: base_url(tree.get("url")?)?, ..endpoint(tree)? })
}

pub(super) fn throttle(tree: &Tree) -> Option<Throttle> {
    Some(Throttle {
        timezone: text::time_zone(word(tree, "timezone")?)?,
        intervals: each(tree, "interval", interval)?,
    })
}

fn interval(tree: &Tree) -> Option<Interval> {
    Some(Interval {
        days: each(tree, "days", |day| weekday(day.text()?))?,
        start: text::minute(word(tree, "start")?)?,
        end: text::minute(word(tree, "end")?)?,
        bits_per_s: megabits::bits_per_s(tree.get("mbps")?.number()?)?,
    })
}

fn weekday(name: &str) -> Option<Weekday> {
    match name {
        "mon" => Some(Weekday::Monday),
        "tue" => Some(Weekday::Tuesday),
        "wed" => Some(Weekday::Wednesday),
        "thu" => Some(Weekday::Thursday),
        "fri" => Some(Weekday::Friday),
        "sat" => Some(Weekday::Saturday),
        "sun" => Some(Weekday::Sunday),
        _ => None,
    }
}

fn database(tree: &Tree) -> Option<Database> {
    Some(Database {
        kind: match word(tree, "kind")? {
            "rds" => DatabaseKind::Rds,
            "aurora-global" => DatabaseKind::AuroraGlobal {
                global_cluster: word(tree, "global_cluster")?.to_owned(),
            },
            _ => return None,
        },
        source: word(tree, "source")?.to_owned(),
        region: Region::parse(word(tree, "region")?).ok()?,
        replica: match tree.get("restore") {
            Some(restore) => word(restore, "instance")?.to_owned(),
            None => word(tree, "replica")?.to_owned(),
        },
        restore: optional(tree, "restore", restore)?,
        lag_s_max: duration_s(tree, "lag_max")?,
        export: optional(tree, "export", export)?,
    })
}

fn restore(tree: &Tree) -> Option<Restore> {
    let text = |tree: &Tree| tree.text().map(str::to_owned);
    Some(Restore {
        class: word(tree, "class")?.to_owned(),
        subnet_group: word(tree, "subnet_group")?.to_owned(),
        security_groups: each(tree, "security_groups", text)?,
        parameter_group: optional(tree, "parameter_group", text)?,
        multi_az: tree.get("multi_az").and_then(Tree::truth).unwrap_or(false),
    })
}

fn export(tree: &Tree) -> Option<Export> {
    let role = RoleArn::parse(word(tree, "role")?).ok()?;
    Some(Export { role, prefix: word(tree, "prefix")?.to_owned() })
}

fn site(name: &str, tree: &Tree) -> Option<Site> {
    Some(Site {
        name: SiteName::parse(name).ok()?,
        region: Region::parse(word(tree, "region")?).ok()?,
        appliance: appliance(tree.get("appliance")?)?,
        health: each(tree, "health", health)?,
        capacity: optional(tree, "capacity", |tree| {
            let desired = whole_or(tree, "desired", DESIRED)?;
            Some(Capacity { asg: word(tree, "asg")?.to_owned(), desired })
        })?,
    })
}

fn appliance(tree: &Tree) -> Option<Appliance> {
    let endpoint = base_endpoint(tree)?;
    match word(tree, "kind")? {
        "device42" => Some(Appliance::Device42(endpoint)),
        "aviatrix" => Some(Appliance::Aviatrix(endpoint)),
        "habitat-builder" => Some(Appliance::HabitatBuilder(endpoint)),
        "http" => Some(Appliance::Http {
            endpoint,
            promote: Box::new(call(tree.get("promote")?)?),
            fence: Box::new(call(tree.get("fence")?)?),
        }),
        _ => None,
    }
}

fn call(tree: &Tree) -> Option<Call> {
    Some(Call {
        method: word(tree, "method")?.to_owned(),
        path: word(tree, "path")?.to_owned(),
        body: word_or(tree, "body", "")?,
        content_type: word_or(tree, "content_type", CONTENT_TYPE)?,
        expect: whole_or(tree, "expect", EXPECT)?,
    })
}

fn health(tree: &Tree) -> Option<Health> {
    Some(Health { check: check(tree)?, path: health_path(tree)? })
}

fn check(tree: &Tree) -> Option<Check> {
    if let Some(url) = word(tree, "https") {
        Some(Check::Https {
            url: url.to_owned(),
            expect: whole_or(tree, "expect", EXPECT)?,
            tls_pin: optional(tree, "tls_pin", pin)?,
        })
    } else if let Some(tcp) = word(tree, "tcp") {
        let (host, port) = address::host_and_port(tcp)?;
        Some(Check::Tcp { host: host.to_owned(), port })
    } else {
        tree.get("replication").map(|_| Check::Replication)
    }
}

/// The path on which a check travels: as the plan says, or else the host that is looked at.
pub(super) fn health_path(check: &Tree) -> Option<String> {
    let path = if let Some(path) = word(check, "path") {
        path
    } else if let Some(url) = word(check, "https") {
        address::https(url)?.host
    } else if let Some(tcp) = word(check, "tcp") {
        address::host_and_port(tcp)?.0
    } else {
        check.get("replication").map(|_| "rds")?
    };
    Some(path.to_owned())
}

fn dns(tree: &Tree, home: &SiteName, away: &SiteName) -> Option<Dns> {
    let zone = word(tree, "zone")?;
    Some(Dns {
        method: match tree.get("health_check") {
            Some(id) => Method::HealthCheck { id: id.text()?.to_owned() },
            None => Method::Rewrite,
        },
        ttl_s: whole(tree, "ttl")?,
        records: each(tree, "record", |record| {
            let kind = word(record, "type")?;
            Some(Record {
                zone: word_or(record, "zone", zone)?,
                name: text::record_name(word(record, "name")?)?,
                kind: kind.to_owned(),
                set_identifier: optional(record, "set_identifier", |tree| {
                    tree.text().map(str::to_owned)
                })?,
                home: target(kind, record.get(home.as_str())?)?,
                away: target(kind, record.get(away.as_str())?)?,
            })
        })?,
    })
}

/// What a record answers while one of the sites is active.
pub(super) fn target(kind: &str, tree: &Tree) -> Option<Target> {
    let Some(name) = tree.get("alias") else {
        let values = tree.values().iter().map(|value| text::record_value(kind, value.text()?));
        return values.collect::<Option<Vec<_>>>().map(Target::Values);
    };
    Some(Target::Alias(Alias {
        zone: word(tree, "zone")?.to_owned(),
        name: text::record_name(name.text()?)?,
        evaluate: tree.get("evaluate").and_then(Tree::truth).unwrap_or(false),
    }))
}

fn failover(tree: &Tree) -> Option<Failover> {
    let signals = tree.get("signals")?;
    Some(Failover {
        mode: match word(tree, "mode")? {
            "automatic" => Mode::Automatic,
            "approve" => Mode::Approve,
            "manual" => Mode::Manual,
            _ => return None,
        },
        fence: match word(tree, "fence")? {
            "confirmed" => FenceDemand::Confirmed,
            "attempted" => FenceDemand::Attempted,
            _ => return None,
        },
        signals: Quorum { down: whole(signals, "down")?, of: whole(signals, "of")? },
        cooldown_s: duration_s(tree, "cooldown")?,
        per_day: whole(tree, "per_day")?,
    })
}
