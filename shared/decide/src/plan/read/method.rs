//! What the method by which clients are led has to say to the rest of `[dns]`.

use super::sound::Sound;
use super::text::HEALTH_CHECK;
use crate::plan::problem::{Found, Problem, shown};
use crate::plan::tree::Tree;

const ID: &str = "dns.health_check";

pub(super) fn check(plan: &mut Sound<'_>) {
    let Some(dns) = plan.at("dns") else { return };
    let method = match dns.get("method") {
        Some(_) => plan.text("dns.method"),
        None => Some("rewrite"),
    };
    match method {
        Some("health-check") => {
            is_named(plan, dns);
            are_pairs(plan);
        }
        Some("rewrite") => {
            if let Some(id) = plan.at(ID) {
                let allowed = "left out, as the method is rewrite".to_owned();
                plan.wrong(ID, shown(id), allowed);
            }
        }
        Some(_) | None => {}
    }
}

/// Without the id nobody could tell whether the primary sets carry the check that is flipped.
fn is_named(plan: &mut Sound<'_>, dns: &Tree) {
    let is_misspelt = plan.problems.iter().any(|problem| match problem.found {
        Found::UnknownField { is_near, .. } => is_near && problem.allowed == "health_check",
        Found::Value(_) | Found::Nothing | Found::Unreadable(_) => false,
    });
    if dns.get("health_check").is_none() && !is_misspelt {
        let allowed = format!("{}, as the method is health-check", HEALTH_CHECK.allowed);
        let (line, field) = (dns.line, ID.to_owned());
        plan.problems.push(Problem { line, field, found: Found::Nothing, allowed });
    }
}

/// The two sets of a record are told apart by the sites' names, and nothing but the switch moves
/// clients: an alias that is judged by its target would lead them to a site that nobody has promoted.
fn are_pairs(plan: &mut Sound<'_>) {
    for (record, _) in plan.each("dns.record") {
        let path = format!("{record}.set_identifier");
        if let Some(tree) = plan.at(&path) {
            let allowed =
                "left out, as the method is health-check: its sets are identified by the \
                           names of the sites"
                    .to_owned();
            plan.wrong(&path, shown(tree), allowed);
        }
        for site in plan.sites().into_iter().flatten() {
            let path = format!("{record}.{site}.evaluate");
            if plan.at(&path).and_then(Tree::truth) == Some(true) {
                let allowed =
                    "false, as the method is health-check: Route 53 would move clients by \
                               itself"
                        .to_owned();
                plan.wrong(&path, "true".to_owned(), allowed);
            }
        }
    }
}
