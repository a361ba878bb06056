//! `cargo run -p warmspare-tests --bin replay -- <journal>`: decides again from what a vault has kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use serde_json::Value;
use warmspare_act::documents::parse_json;
use warmspare_act::replay::{self, Replayed};
use warmspare_decide::failover::Declined;
use warmspare_decide::journal::Entry;

/// Decides again, offline, what a failover or a refusal decided, and says whether this code would decide
/// the same. Ends with 0 if so; with 1 if anything differs, or could not be decided again.
#[derive(Parser)]
struct Arguments {
    /// A folder or a file as downloaded from the vault: below `failovers/` or `refusals/`. A file may
    /// also hold a list of entries.
    stored: PathBuf,
    /// The text of the plan, for journals that do not hold it.
    #[arg(long)]
    plan: Option<PathBuf>,
}

/// What was found, by what it is of.
#[derive(Default)]
struct Found {
    journals: BTreeMap<(String, u32), Vec<Entry>>,
    refusals: Vec<Declined>,
}

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let replayed = match run(&Arguments::parse()) {
        Ok(replayed) => replayed,
        Err(wrong) => {
            let _ = writeln!(out, "nothing was decided again: {wrong:#}");
            return ExitCode::FAILURE;
        }
    };
    let lines = [("same", &replayed.same), ("differs", &replayed.differs)];
    for (word, sentences) in lines.into_iter().chain([("undecided", &replayed.undecided)]) {
        for sentence in sentences {
            // Whoever has closed the pipe does not want to read any more; the answer still counts.
            let _ = writeln!(out, "{word:<10} {sentence}");
        }
    }
    if replayed.is_same() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(arguments: &Arguments) -> anyhow::Result<Replayed> {
    let plan = arguments.plan.as_deref().map(read).transpose()?;
    let mut found = Found::default();
    gather(&arguments.stored, &mut found)?;
    let mut all = Replayed::default();
    for entries in found.journals.values_mut() {
        entries.sort_by_key(|entry| entry.n);
        add(&mut all, replay::journal(entries, plan.as_deref()));
    }
    for refusal in &found.refusals {
        add(&mut all, replay::declined(refusal));
    }
    if all == Replayed::default() {
        bail!("{} holds no journal and no refusal", arguments.stored.display());
    }
    Ok(all)
}

fn add(all: &mut Replayed, one: Replayed) {
    all.same.extend(one.same);
    all.differs.extend(one.differs);
    all.undecided.extend(one.undecided);
}

fn gather(path: &Path, found: &mut Found) -> anyhow::Result<()> {
    if path.is_dir() {
        let inside = fs::read_dir(path).with_context(|| format!("reading {}", path.display()))?;
        for entry in inside {
            gather(&entry?.path(), found)?;
        }
        return Ok(());
    }
    // That a run was alive, that people were told, and where the switch led are no decisions.
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    if name == "alive.json" || name == "switch.json" || name.starts_with("stopped-") {
        return Ok(());
    }
    let text = read(path)?;
    let name = path.display().to_string();
    let value: Value = serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))?;
    if let Value::Array(entries) = &value {
        for entry in entries {
            keep(parse_json(&name, entry.to_string().as_bytes())?, found);
        }
    } else if value.get("what").is_some() {
        keep(parse_json(&name, text.as_bytes())?, found);
    } else if value.get("view").is_some() {
        found.refusals.push(parse_json(&name, text.as_bytes())?);
    } else {
        bail!("{name} is neither an entry of a journal nor a kept refusal");
    }
    Ok(())
}

fn keep(entry: Entry, found: &mut Found) {
    let journal = (entry.system.to_string(), entry.term.0);
    found.journals.entry(journal).or_default().push(entry);
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
