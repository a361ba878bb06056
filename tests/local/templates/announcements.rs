//! Everything that warmspare says on the bus has an example, and every example is as the schema says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;
use warmspare_tests::stack::folders;

use crate::templates::{infra, lint, read};

const FOLDER: &str = "events/announcements";

/// The files of the examples, in order.
pub(crate) fn examples() -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(infra(FOLDER))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| !file.ends_with("schema.json"));
    files.sort();
    Ok(files)
}

/// Every `detail-type` that the code can announce.
fn happenings() -> anyhow::Result<BTreeSet<String>> {
    let source = read(&folders::workspace().join("shared/decide/src/outcome.rs"))?;
    let body = source.split_once("pub enum Happening {").map(|(_, body)| body).unwrap_or_default();
    let names = body.lines().take_while(|line| *line != "}").filter_map(|line| {
        line.trim().strip_prefix("#[serde(rename = \"")?.strip_suffix("\")]").map(str::to_owned)
    });
    Ok(names.collect())
}

#[test]
fn everything_that_can_happen_has_an_example_of_its_name() -> anyhow::Result<()> {
    let happenings = happenings()?;
    assert!(happenings.len() >= 14, "only {} were found", happenings.len());
    let mut shown = BTreeSet::new();
    for file in examples()? {
        let event: Value = serde_json::from_str(&read(&file)?)?;
        let happening = event["detail-type"].as_str().unwrap_or_default().to_owned();
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        assert_eq!(name, happening.to_lowercase().replace(' ', "-"));
        shown.insert(happening);
    }
    assert_eq!(shown, happenings);
    let schema: Value = serde_json::from_str(&read(&infra(FOLDER).join("schema.json"))?)?;
    let known = schema.pointer("/properties/detail-type/enum").and_then(Value::as_array);
    let known = known.context("the schema lists no detail-type")?.iter().filter_map(Value::as_str);
    assert_eq!(known.map(str::to_owned).collect::<BTreeSet<_>>(), happenings);
    Ok(())
}

#[tokio::test]
async fn every_example_is_as_the_schema_says() -> anyhow::Result<()> {
    let mut files = vec![infra(FOLDER).join("schema.json")];
    files.extend(examples()?);
    let problems: Vec<String> = lint("schema", &files).await?;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

#[tokio::test]
async fn what_the_schema_forbids_is_found() -> anyhow::Result<()> {
    let event = read(&infra(FOLDER).join("fence-paid.json"))?;
    let event = event.replace("\"term\": 1", "\"term\": 0").replace("east is", "\\\"east\\\" is");
    let file = folders::home().join(format!("forbidden-{}.json", std::process::id()));
    std::fs::create_dir_all(folders::home())?;
    std::fs::write(&file, event)?;
    let files = [infra(FOLDER).join("schema.json"), file.clone()];
    let problems = lint::<Vec<String>>("schema", &files).await;
    std::fs::remove_file(&file)?;
    let problems = problems?;
    for field in ["detail.term", "detail.reason"] {
        assert!(problems.iter().any(|problem| problem.contains(field)), "{field}: {problems:?}");
    }
    Ok(())
}
