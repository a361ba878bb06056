//! What the records of a plan can have wrong, beyond what one value alone can.

use std::collections::{BTreeMap, BTreeSet};

use super::build;
use super::sound::Sound;
use super::text::{record_name, record_value};
use crate::dns::{CHARACTERS_MAX, ELEMENTS_MAX, Size};
use crate::plan::Target;
use crate::plan::problem::{quoted, shown};
use crate::plan::tree::Tree;

/// Every term has fewer digits than this, so that the record of the term is never longer.
const TERM_VALUE: &str = "\"term=4294967295\"";

/// A record that was read before, under its zone and name.
struct Before<'a> {
    kind: &'a str,
    identifier: Option<&'a str>,
    line: u32,
}

pub(super) fn check(plan: &mut Sound<'_>) {
    let mut names: BTreeMap<(String, String), Vec<Before<'_>>> = BTreeMap::new();
    let mut sizes: BTreeMap<String, Size> = BTreeMap::new();
    for (record, _) in plan.each("dns.record") {
        let Some(kind) = plan.text(&format!("{record}.type")) else { continue };
        let zone = plan.text(&format!("{record}.zone")).or_else(|| plan.text("dns.zone"));
        let zone = zone.unwrap_or_default().to_owned();
        let name_path = format!("{record}.name");
        if let Some(tree) = plan.at(&name_path)
            && let Some(name) = tree.text().and_then(record_name)
        {
            let identifier = plan.text(&format!("{record}.set_identifier"));
            let same_name = names.entry((zone.clone(), name)).or_default();
            if let Some(allowed) = clash(same_name, kind, identifier) {
                plan.wrong(&name_path, shown(tree), allowed);
            }
            same_name.push(Before { kind, identifier, line: tree.line });
        }
        answers(plan, &record, kind);
        let size = sizes.entry(zone).or_default();
        *size = size.and(size_of(plan, &record, kind));
    }
    for (zone, size) in sizes {
        fits(plan, &zone, size);
    }
}

/// A CNAME stands alone under its name, and so does a set without an identifier under its name and
/// type; others may share it.
fn clash(before: &[Before<'_>], kind: &str, identifier: Option<&str>) -> Option<String> {
    let other = before.iter().find(|other| match (other.kind == kind, identifier) {
        (true, Some(identifier)) => other.identifier.is_none_or(|known| known == identifier),
        (true, None) => true,
        (false, _) => other.kind == "CNAME" || kind == "CNAME",
    })?;
    let (other_kind, line) = (other.kind, other.line);
    Some(match (other_kind == kind, identifier.or(other.identifier)) {
        (true, Some(_)) => format!(
            "a set_identifier unlike that of its {other_kind} record in line {line}, and both \
             records with one"
        ),
        (true, None) | (false, _) => {
            format!("a name that has no {other_kind} record, as it has in line {line}")
        }
    })
}

/// Each site has an answer that fits the type, and none that the other site has: such a value would
/// lead clients to a site that was not seen healthy.
fn answers(plan: &mut Sound<'_>, record: &str, kind: &str) {
    let mut of_home: BTreeSet<String> = BTreeSet::new();
    let Some([home, away]) = plan.sites() else { return };
    for site in [home, away] {
        let path = format!("{record}.{site}");
        let of_site = match plan.at(&path) {
            Some(tree) if tree.get("alias").is_some() => alias(plan, tree, &path, kind),
            Some(_) | None => values(plan, &path, kind, home, &of_home),
        };
        if site == home {
            of_home = of_site;
        } else if let Some(alias) = of_site.intersection(&of_home).find(|v| v.contains(' ')) {
            let found = format!("an alias of {}", quoted(alias.split(' ').next().unwrap_or(alias)));
            plan.wrong(&path, found, format!("unlike that of {home}"));
        }
    }
}

/// The one answer of an alias, as a text with a blank in it, which no value of an address or a name
/// has.
fn alias(plan: &mut Sound<'_>, tree: &Tree, path: &str, kind: &str) -> BTreeSet<String> {
    if kind != "A" && kind != "AAAA" {
        let allowed = format!("values, as the type is {kind}: only A and AAAA are aliases here");
        plan.wrong(path, "an alias".to_owned(), allowed);
        return BTreeSet::new();
    }
    match build::target(kind, tree).filter(|_| plan.is_whole(path)) {
        Some(Target::Alias(alias)) => BTreeSet::from([format!("{} in {}", alias.name, alias.zone)]),
        Some(Target::Values(_)) | None => BTreeSet::new(),
    }
}

fn values(
    plan: &mut Sound<'_>,
    list: &str,
    kind: &str,
    home: &str,
    of_home: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut of_site: BTreeSet<String> = BTreeSet::new();
    let values = if is_table(plan, list) { Vec::new() } else { plan.each(list) };
    if kind == "CNAME" && values.len() > 1 && plan.at(list).is_some() {
        let found = format!("a list of {}", values.len());
        plan.wrong(list, found, "a list of one host's name, as the type is CNAME".to_owned());
        return of_site;
    }
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
    of_site
}

/// An alias whose name is missing or misspelt has been blamed for that.
fn is_table(plan: &Sound<'_>, path: &str) -> bool {
    plan.at(path).is_some_and(|tree| !tree.entries().is_empty())
}

/// What moving this record puts into a batch: its answer for the one site is deleted, that for the
/// other is created.
fn size_of(plan: &Sound<'_>, record: &str, kind: &str) -> Size {
    let targets = plan.sites().into_iter().flatten().filter_map(|site| {
        let tree = plan.at(&format!("{record}.{site}"))?;
        build::target(kind, tree)
    });
    targets.fold(Size::default(), |size, target| {
        size.and(match target {
            Target::Values(values) => Size {
                elements: values.len(),
                characters: values.iter().map(|value| value.chars().count()).sum(),
            },
            Target::Alias(_) => Size { elements: 1, characters: 0 },
        })
    })
}

/// All records of a zone move in one batch, together with the term's, so they have to fit into one.
fn fits(plan: &mut Sound<'_>, zone: &str, size: Size) {
    let of_term = Size { elements: 2, characters: 2 * TERM_VALUE.len() };
    let size = size.and(of_term);
    if size.fits() || plan.at("dns.record").is_none() {
        return;
    }
    let found = format!(
        "a list that makes a batch of {} record elements with {} characters in zone {zone}",
        size.elements, size.characters
    );
    let allowed = format!(
        "one that makes at most {ELEMENTS_MAX} with {CHARACTERS_MAX} characters: Route 53 takes no \
         more at once"
    );
    plan.wrong("dns.record", found, allowed);
}

fn wanted(kind: &str) -> &'static str {
    match kind {
        "A" => "an IPv4 address",
        "AAAA" => "an IPv6 address",
        _ => "a host's name",
    }
}
