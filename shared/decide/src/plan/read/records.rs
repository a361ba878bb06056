//! What the records of a plan can have wrong, beyond what one value alone can.

use std::collections::{BTreeMap, BTreeSet};

use super::sound::Sound;
use super::text::{record_name, record_value};
use crate::plan::problem::{quoted, shown};

pub(super) fn check(plan: &mut Sound<'_>) {
    let mut lines: BTreeMap<String, Vec<(&str, u32)>> = BTreeMap::new();
    for (record, _) in plan.each("dns.record") {
        let Some(kind) = plan.text(&format!("{record}.type")) else { continue };
        let name_path = format!("{record}.name");
        if let Some(tree) = plan.at(&name_path)
            && let Some(name) = tree.text().and_then(record_name)
        {
            let same_name = lines.entry(name).or_default();
            // A CNAME stands alone under its name; others may share it if their types differ.
            let clash = same_name
                .iter()
                .find(|(other, _)| *other == kind || *other == "CNAME" || kind == "CNAME");
            if let Some((other, line)) = clash {
                let allowed =
                    format!("a name that has no {other} record, as it has in line {line}");
                plan.wrong(&name_path, shown(tree), allowed);
            }
            same_name.push((kind, tree.line));
        }
        values(plan, &record, kind);
    }
}

/// Each site has values that fit the type, and none that another site has: such a value would lead
/// clients to a site that was not seen healthy.
fn values(plan: &mut Sound<'_>, record: &str, kind: &str) {
    let mut of_home: BTreeSet<String> = BTreeSet::new();
    let Some([home, away]) = plan.sites() else { return };
    for site in [home, away] {
        let list = format!("{record}.{site}");
        let values = plan.each(&list);
        if kind == "CNAME" && values.len() > 1 && plan.at(&list).is_some() {
            let found = format!("a list of {}", values.len());
            plan.wrong(&list, found, "a list of one host's name, as the type is CNAME".to_owned());
            continue;
        }
        let mut of_site: BTreeSet<String> = BTreeSet::new();
        for (path, _) in values {
            let Some(text) = plan.text(&path) else { continue };
            let Some(value) = record_value(kind, text) else {
                plan.wrong(&path, quoted(text), format!("{}, as the type is {kind}", wanted(kind)));
                continue;
            };
            if of_home.contains(&value) {
                plan.wrong(&path, quoted(text), format!("unlike every value of {home}"));
            } else if !of_site.insert(value) {
                plan.wrong(&path, quoted(text), "unlike every value before it".to_owned());
            }
        }
        if site == home {
            of_home = of_site;
        }
    }
}

fn wanted(kind: &str) -> &'static str {
    match kind {
        "A" => "an IPv4 address",
        "AAAA" => "an IPv6 address",
        _ => "a host's name",
    }
}
