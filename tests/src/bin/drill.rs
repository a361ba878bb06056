//! `cargo drill`: lives through a disaster on this machine, and shows what it cost.

use std::process::ExitCode;

use clap::Parser;
use warmspare_tests::drill::{self, Scenario, Timeline};

/// Lives through a disaster on this machine: builds the functions, starts the local stack, deploys
/// infra/, lets something happen, watches what the functions make of it, and holds every promise against
/// what was seen.
#[derive(Parser)]
struct Arguments {
    /// What happens
    #[arg(long, value_enum, default_value_t = Scenario::RegionLost)]
    scenario: Scenario,
    /// Leaves the local stack up, and its files where they are, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let timeline = Timeline::begin();
    if arguments.scenario == Scenario::List {
        timeline.end();
        for scenario in Scenario::all() {
            timeline.print(&scenario);
        }
        return ExitCode::SUCCESS;
    }
    let lived = tokio::select! {
        lived = live(&arguments, &timeline) => lived,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("ended by Ctrl-C")),
    };
    timeline.end();
    let (is_well, said) = drill::verdict(&lived);
    for sentence in said {
        timeline.print(&sentence);
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn live(arguments: &Arguments, timeline: &Timeline) -> anyhow::Result<Vec<String>> {
    let scene = drill::set(arguments.scenario, timeline, arguments.keep).await?;
    let broken = drill::live(arguments.scenario, &scene, timeline).await?;
    if arguments.keep {
        timeline.print(&format!(
            "the stack is up: AWS_ENDPOINT_URL={} (Ctrl-C ends it)",
            scene.stack.gateway.operator_url()
        ));
        tokio::signal::ctrl_c().await?;
    }
    Ok(broken)
}
