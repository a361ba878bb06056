//! What several fields together can have wrong. The records have a file of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::sound::Sound;
use super::{address, build, duration};
use crate::lock::kept_days;
use crate::plan::problem::{one_of, quoted, shown};
use crate::plan::throttle;
use crate::plan::tree::Tree;

pub(super) fn check(plan: &mut Sound<'_>) {
    keep(plan);
    encryption(plan);
    lock(plan);
    sources(plan);
    order(plan);
    packages(plan);
    throttle(plan);
    regions(plan);
    lag(plan);
    restore(plan);
    replication(plan);
    quorum(plan);
    after(plan);
}

/// A system that waits for itself would wait for ever. Longer circles are met when they are waited
/// for: there is one plan here, and the others may change.
fn after(plan: &mut Sound<'_>) {
    let Some(system) = plan.text("system") else { return };
    for (path, tree) in plan.each("after") {
        if tree.text() == Some(system) {
            plan.wrong(&path, quoted(system), "the name of another system".to_owned());
        }
    }
}

/// A calendar that counts nothing would keep the newest alone, which `overwrite` says more plainly.
fn keep(plan: &mut Sound<'_>) {
    const PATH: &str = "backup.keep";
    const COUNTS: [&str; 5] = ["last", "daily", "weekly", "monthly", "yearly"];
    let is_whole = plan.is_whole(PATH);
    let Some(keep) = plan.at(PATH).filter(|tree| is_whole && tree.text().is_none()) else { return };
    if keep.whole().is_none() && COUNTS.iter().all(|count| keep.get(count).is_none()) {
        let allowed = format!("one with {}", one_of(COUNTS));
        plan.wrong(PATH, "a table that counts nothing".to_owned(), allowed);
    }
}

/// Exactly one way, written out (seed A16). What RDS copies and exports needs a key that somebody made:
/// it can be lent, and a key that AWS manages cannot
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html>).
fn encryption(plan: &mut Sound<'_>) {
    const PATH: &str = "backup.encryption";
    if plan.at("backup").is_none() {
        return;
    }
    let known = plan.each("backup");
    let has = |field: &str| known.iter().any(|(path, _)| *path == format!("backup.{field}"));
    let (has_key, has_word) = (has("kms_key"), has("encryption"));
    match (has_key, has_word) {
        (false, false) if !plan.means("kms_key") && !plan.means("encryption") => {
            let allowed = "one with exactly one of them: kms_key = \"arn:aws:kms:…\", or encryption = \
                           \"aws/s3\", \"aes256\" or \"none\"";
            let found = "a table without kms_key and without encryption".to_owned();
            plan.wrong("backup", found, allowed.to_owned());
        }
        (true, true) => {
            if let Some(found) = plan.at(PATH).map(shown) {
                plan.wrong(PATH, found, "left out, as kms_key names the key".to_owned());
            }
        }
        (false, true) if plan.at("database.export").is_some() => {
            if let Some(found) = plan.at(PATH).map(shown) {
                let allowed = "left out for a kms_key, under which the snapshots of database.export are \
                               copied";
                plan.wrong(PATH, found, allowed.to_owned());
            }
        }
        (false, true) if sources_of_buckets(plan) => {
            if let Some(found) = plan.at(PATH).map(shown) {
                let allowed = "left out for a kms_key, which is in the names of what is kept of a source \
                               of kind s3";
                plan.wrong(PATH, found, allowed.to_owned());
            }
        }
        (true | false, true | false) => {}
    }
}

/// A lock that is shorter than retention would end while the backup is still counted on.
fn lock(plan: &mut Sound<'_>) {
    const PATH: &str = "backup.lock";
    let Some(asked) = plan.at(PATH) else { return };
    if sources_of_buckets(plan) {
        let allowed = "left out with a source of kind s3: backups share what is copied of it, and the lock of \
                       one would end before the next one does";
        plan.wrong(PATH, shown(asked), allowed.to_owned());
    }
    let is_whole = plan.is_whole("backup.keep");
    let keep = plan.at("backup.keep").filter(|_| is_whole).and_then(build::keep);
    let rpo_s = plan.text("objectives.rpo").and_then(duration::seconds);
    let days = plan.whole("backup.lock.days");
    if let (Some(keep), Some(rpo_s), Some(days)) = (keep, rpo_s, days) {
        let kept = kept_days(&keep, rpo_s);
        if days < kept {
            let allowed = format!(
                "at least {kept}: for so many days backup.keep keeps a backup, where one is made every \
                 objectives.rpo"
            );
            plan.wrong("backup.lock.days", days.to_string(), allowed);
        }
    }
}

fn sources_of_buckets(plan: &Sound<'_>) -> bool {
    let sources = plan.each("backup.source");
    sources.iter().any(|(path, _)| plan.text(&format!("{path}.from.kind")) == Some("s3"))
}

fn sources(plan: &mut Sound<'_>) {
    let mut lines: BTreeMap<&str, u32> = BTreeMap::new();
    for (source, _) in plan.each("backup.source") {
        let path = format!("{source}.name");
        if let Some((tree, name)) = plan.at(&path).and_then(|tree| Some((tree, tree.text()?))) {
            match lines.get(name) {
                Some(line) => {
                    let allowed =
                        format!("unlike every other source's name, as that in line {line}");
                    plan.wrong(&path, quoted(name), allowed);
                }
                None => {
                    lines.insert(name, tree.line);
                }
            }
        }
        // Without verification of the certificate, the password goes to whoever answers.
        let path = format!("{source}.from.tls");
        let host = plan.text(&format!("{source}.from.host"));
        let is_off = plan.at(&path).and_then(Tree::truth) == Some(false);
        if let Some(host) = host.filter(|host| is_off && !address::is_loopback(host)) {
            plan.wrong(&path, "false".to_owned(), format!("true, as {host} is no loopback host"));
        }
    }
}

/// Metadata goes first and artifacts last: what was uploaded between the two is an artifact without a row,
/// which is repaired by uploading it again. A row without an artifact can only be repaired by whoever still
/// has it (seed C7).
fn order(plan: &mut Sound<'_>) {
    let mut bucket: Option<&str> = None;
    for (source, _) in plan.each("backup.source") {
        let path = format!("{source}.from");
        match plan.text(&format!("{path}.kind")) {
            Some("s3") => bucket = bucket.or(plan.text(&format!("{source}.name"))),
            Some("postgres") => {
                if let Some(bucket) = bucket {
                    let found = format!("a database after the bucket {}", quoted(bucket));
                    let allowed =
                        "before every source of kind s3, as metadata goes first and artifacts last";
                    plan.wrong(&path, found, allowed.to_owned());
                }
            }
            Some(_) | None => {}
        }
    }
}

/// What is not in the same backup, or was read before the rows, says nothing of them.
fn packages(plan: &mut Sound<'_>) {
    let sources: Vec<String> =
        plan.each("backup.source").into_iter().map(|(source, _)| source).collect();
    for (at, source) in sources.iter().enumerate() {
        let path = format!("{source}.from.packages.artifacts");
        let Some(name) = plan.text(&path) else { continue };
        // One that has something wrong itself may be the one that is meant.
        let may_be_it = |later: &String| {
            let field = |field: &str| plan.text(&format!("{later}.{field}"));
            field("name").is_none_or(|found| found == name)
                && field("from.kind").is_none_or(|kind| kind == "s3")
        };
        if !sources.iter().skip(at + 1).any(may_be_it) {
            let allowed = "the name of a later source of kind s3".to_owned();
            plan.wrong(&path, quoted(name), allowed);
        }
    }
}

fn throttle(plan: &mut Sound<'_>) {
    const PATH: &str = "backup.throttle";
    let is_whole = plan.is_whole(PATH);
    let Some(throttle) = plan.at(PATH).filter(|_| is_whole).and_then(build::throttle) else {
        return;
    };
    let overlaps = throttle::overlaps(&throttle.intervals);
    for (one, other) in &overlaps {
        let path = format!("{PATH}.interval[{other}]");
        let found = format!("a table of minutes that {PATH}.interval[{one}] has too");
        plan.wrong(&path, found, "an interval that overlaps no other".to_owned());
    }
    let count = throttle::intervals_at_most(&throttle);
    if overlaps.is_empty() && count > throttle::INTERVALS_MAX {
        plan.wrong(
            "backup.throttle.interval",
            format!("a list that makes {count} once it is split at midnight in UTC"),
            format!("one that makes at most {}", throttle::INTERVALS_MAX),
        );
    }
}

/// The vault, its key and everything that a failover needs are where the standby is, so that
/// nothing on the recovery path needs the Region that was lost.
fn regions(plan: &mut Sound<'_>) {
    let Some([home, away]) = plan.sites() else { return };
    let region = |site: &str| format!("sites.{site}.region");
    let (home_region, away_region) = (plan.text(&region(home)), plan.text(&region(away)));
    if let (Some(one), Some(_)) = (home_region, away_region.filter(|_| home_region == away_region))
    {
        let allowed = format!("another Region than that of {home}, which is in {one} too");
        return plan.wrong(&region(away), quoted(one), allowed);
    }
    if let Some(wanted) = home_region {
        let found = plan.text("database.region").filter(|found| *found != wanted);
        if let Some(found) = found {
            let allowed = format!("{wanted}, the Region of {home}, where the source is");
            plan.wrong("database.region", quoted(found), allowed);
        }
    }
    let Some(wanted) = away_region else { return };
    let is_elsewhere = |arn: &&str| arn.split(':').nth(3) != Some(wanted);
    if let Some(key) = plan.text("backup.kms_key").filter(is_elsewhere) {
        let allowed = format!("a key in {wanted}, the Region of {away}, where the vault is");
        plan.wrong("backup.kms_key", quoted(key), allowed);
    }
    for site in [home, away] {
        let path = format!("sites.{site}.appliance.secret");
        if let Some(secret) = plan.text(&path).filter(is_elsewhere) {
            let allowed =
                format!("a secret in {wanted}, the Region of {away}, where failovers run");
            plan.wrong(&path, quoted(secret), allowed);
        }
    }
}

fn lag(plan: &mut Sound<'_>) {
    let seconds = |path: &str| plan.text(path).and_then(duration::seconds);
    let (lag_s, rpo_s) = (seconds("database.lag_max"), seconds("objectives.rpo"));
    if let (Some(lag_s), Some(rpo_s)) = (lag_s, rpo_s)
        && lag_s > rpo_s
    {
        let found = quoted(&duration::shown(lag_s));
        let rpo = duration::shown(rpo_s);
        let allowed = format!("at most {rpo}, the RPO: what a replica lags behind is lost");
        plan.wrong("database.lag_max", found, allowed);
    }
}

/// A failover promotes a replica or restores a copy, and the plan says which.
fn restore(plan: &mut Sound<'_>) {
    const PATH: &str = "database.restore";
    // The other kind takes no restore, and needs its replica by itself.
    if plan.at("database").is_none() || plan.text("database.kind") != Some("rds") {
        return;
    }
    match (has(plan, "replica"), has(plan, "restore")) {
        (false, false) if !plan.means("replica") && !plan.means("restore") => {
            let found = "a table without replica and without restore".to_owned();
            plan.wrong("database", found, "one with either of them".to_owned());
        }
        (true, true) => {
            let allowed = "left out, as there is a replica to promote".to_owned();
            plan.wrong(PATH, "a table beside replica".to_owned(), allowed);
        }
        (false, true) if !has(plan, "export") && !plan.means("export") => {
            let allowed = "one beside export, whose copied snapshots are restored".to_owned();
            plan.wrong(PATH, "a table without export beside it".to_owned(), allowed);
        }
        (true | false, true | false) => {}
    }
}

/// Whether `[database]` has this field, right or wrong.
fn has(plan: &Sound<'_>, field: &str) -> bool {
    let path = format!("database.{field}");
    plan.each("database").iter().any(|(known, _)| *known == path)
}

/// What RDS says of a read replica is a signal of its source. The members of a global database say no
/// such thing, and a signal that nothing can ever take would keep a quorum from being reached.
fn replication(plan: &mut Sound<'_>) {
    let allowed = match plan.means("database") {
        true if plan.text("database.kind") == Some("aurora-global") => {
            "left out, as a cluster of a global database does not say whether its source answers"
        }
        true if has(plan, "restore") && !has(plan, "replica") => {
            "left out, as the plan has no replica"
        }
        true => return,
        false => "left out, as the plan has no [database]",
    };
    for site in plan.sites().into_iter().flatten() {
        for (check, _) in plan.each(&format!("sites.{site}.health")) {
            let path = format!("{check}.replication");
            if let Some(tree) = plan.at(&path) {
                let found = shown(tree);
                plan.wrong(&path, found, allowed.to_owned());
            }
        }
    }
}

fn quorum(plan: &mut Sound<'_>) {
    let (down, of) = (plan.whole("failover.signals.down"), plan.whole("failover.signals.of"));
    if let (Some(down), Some(of)) = (down, of)
        && down > of
    {
        let allowed = format!("at most {of}, as many as `of` says there are");
        plan.wrong("failover.signals.down", down.to_string(), allowed);
    }
    let Some(of) = of else { return };
    let paths = plan.sites().into_iter().flatten().filter_map(|site| {
        let health = format!("sites.{site}.health");
        let checks = plan.at(&health).filter(|_| plan.is_whole(&health))?.values();
        let paths: BTreeSet<String> = checks.iter().filter_map(build::health_path).collect();
        Some((u64::try_from(paths.len()).ok()?, site))
    });
    if let Some((count, site)) = paths.min().filter(|(count, _)| of > *count) {
        let allowed =
            format!("at most {count}, the number of independent paths in the health of {site}");
        plan.wrong("failover.signals.of", of.to_string(), allowed);
    }
}
