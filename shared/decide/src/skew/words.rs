//! What is said of a comparison.

use super::{Counts, Found, Skew};

impl Found {
    /// Whether somebody has to look at it. What is not known is told, too: who asked for the comparison
    /// believes otherwise that all is well.
    pub fn is_told(&self) -> bool {
        match self {
            Self::Compared(counts) => counts.missing > 0 || counts.odd > 0,
            Self::Unknown { .. } => true,
        }
    }
}

impl Skew {
    /// What was found, as clauses; `lines` is where the commands lie.
    pub fn sentence(&self, lines: &str) -> String {
        let source = &self.source;
        match &self.found {
            Found::Unknown { why } => {
                format!("whether each row of {source} has its artifact is not known, as {why}")
            }
            Found::Compared(counts) => {
                let artifacts = self.artifacts.as_ref().map_or("", |name| name.as_str());
                compared(source.as_str(), artifacts, counts, lines)
            }
        }
    }
}

fn compared(source: &str, artifacts: &str, counts: &Counts, lines: &str) -> String {
    let Counts { rows, outside, missing, first, listed, odd, without_row } = counts;
    let compared = rows.saturating_sub(outside.saturating_add(*odd));
    let mut said = match first {
        None => format!("each of {compared} row(s) of {source} has its artifact in {artifacts}"),
        Some(first) => {
            format!(
                "{missing} of {rows} row(s) of {source} have no artifact in {artifacts}, the first is {first}"
            )
        }
    };
    if *listed > 0 {
        said.push_str(&format!(", and {lines} has the command(s) that upload {listed} of them"));
    }
    let unlisted = missing.saturating_sub(*listed);
    if unlisted > 0 {
        said.push_str(&format!(
            "; {unlisted} are in no list, as it is full or as their idents could not stand in a command"
        ));
    }
    let others = [
        (*odd, "row(s) have no ident or target that an artifact could be named by"),
        (*outside, "row(s) are about what is outside of the bucket's prefix"),
        (*without_row, "artifact(s) have no row, which does no harm"),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        said.push_str(&format!("; {count} {what}"));
    }
    said
}

/// What stands at the beginning of the list of commands, so that whoever finds it knows what it is for.
pub fn heading(skew: &Skew) -> String {
    let Skew { system, slot, source, .. } = skew;
    format!(
        "# Rows of {source} in backup {slot} of {system} whose artifact is not in that backup. Run this \
         where the artifacts are,\n# as in /hab/cache/artifacts of a machine that has built or installed \
         them, with HAB_AUTH_TOKEN set.\n"
    )
}
