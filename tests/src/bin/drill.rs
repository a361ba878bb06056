//! `cargo drill`: lives through a disaster on this machine, and shows what it cost.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use warmspare_tests::drill::{self, Timeline};

/// Lives through a disaster on this machine: builds the functions, starts the local stack, deploys
/// infra/, takes a region away, and watches the failover to its end.
#[derive(Parser)]
struct Arguments {
    /// What happens.
    #[arg(long, value_enum, default_value_t = Scenario::Disaster)]
    scenario: Scenario,
    /// Leaves the local stack up, and its files where they are, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    /// The whole home region is lost.
    Disaster,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let timeline = Timeline::begin();
    let lived = tokio::select! {
        lived = live(&arguments, &timeline) => lived,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("ended by Ctrl-C")),
    };
    timeline.end();
    match lived {
        Ok(broken) if broken.is_empty() => {
            timeline.print("every promise was kept: P1 P2 P3 P4 P5 P6 P7");
            ExitCode::SUCCESS
        }
        Ok(broken) => {
            for sentence in &broken {
                timeline.print(&format!("BROKEN   {sentence}"));
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            timeline.print(&format!("FAILED   {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn live(arguments: &Arguments, timeline: &Timeline) -> anyhow::Result<Vec<String>> {
    let scene = drill::set(timeline, arguments.keep).await?;
    let ended = match arguments.scenario {
        Scenario::Disaster => drill::disaster(&scene, timeline).await?,
    };
    if arguments.keep {
        timeline.print(&format!(
            "the stack is up: AWS_ENDPOINT_URL={} (Ctrl-C ends it)",
            scene.stack.gateway.operator_url()
        ));
        tokio::signal::ctrl_c().await?;
    }
    Ok(ended.broken)
}
