//! `cargo race`: the adapters as they ship, side by side with other people's clients, against an S3 of
//! ours that is no bottleneck. It prints figures, and judges nothing: they are this machine's.

mod copies;
mod lambda;
mod prepare;
mod runner;
mod share;
mod sink;
mod table;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use prepare::Stage;
use runner::{Client, Task, Took};
use share::Share;
use table::{Table, say};

/// What a function of infra/recovery.yaml has, in megabytes.
const MEMORY_MB: u32 = 512;
/// Lambda gives a whole processor at 1,769 MB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const SHARES_MB: [u32; 5] = [128, 256, 512, 1024, 1769];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Processor's time for an upload
    Upload,
    /// Processor's time for reading back
    Verify,
    /// Whole cold processes with the processor's share of a Lambda function
    Shares,
    /// Peak memory of a short and of a long upload
    Memory,
    /// A bucket of many small objects
    Copies,
}

/// Races the adapters of warmspare against boto3, the AWS CLI, s5cmd and rclone, on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// What is raced; everything, if nothing is named
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Size of the object, in MiB
    #[arg(long, default_value_t = 1024)]
    mib: u32,
    /// How often each client runs; they take turns
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Size of the object for shares, in MiB
    #[arg(long, default_value_t = 256)]
    share_mib: u32,
    /// Size of the long upload, in GiB
    #[arg(long, default_value_t = 16)]
    long_gib: u32,
    /// How many objects a bucket has that is copied
    #[arg(long, default_value_t = 10_000)]
    objects: u32,
    /// How long S3 thinks before each answer about such a bucket, in milliseconds
    #[arg(long, default_value_t = 10)]
    answer_ms: u64,
    /// Only these clients, and warmspare
    #[arg(long, value_enum)]
    only: Vec<Client>,
}

impl Arguments {
    fn has(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match race(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn race(arguments: &Arguments) -> anyhow::Result<()> {
    let stage = Stage::set(&arguments.only).await?;
    say(&stage.machine());
    if arguments.has(Part::Upload) {
        rounds(&stage, arguments, &[Task::Upload, Task::Sums]).await?;
    }
    if arguments.has(Part::Verify) {
        rounds(&stage, arguments, &[Task::Verify, Task::Scrub]).await?;
    }
    if arguments.has(Part::Shares) {
        shares(&stage, arguments).await?;
    }
    if arguments.has(Part::Memory) {
        memory(&stage, arguments.long_gib).await?;
    }
    if arguments.has(Part::Copies) {
        copies::race(&stage, arguments.objects, arguments.answer_ms, MEMORY_MB).await?;
    }
    Ok(())
}

/// Every client that knows one of the tasks, in turn, so many times.
async fn rounds(stage: &Stage, arguments: &Arguments, tasks: &[Task]) -> anyhow::Result<()> {
    let entries: Vec<(Client, Task)> = tasks
        .iter()
        .flat_map(|task| stage.clients.iter().map(|client| (*client, *task)))
        .filter(|(client, task)| client.knows(*task))
        .collect();
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); entries.len()];
    for _ in 0..arguments.rounds {
        for ((client, task), took) in entries.iter().zip(&mut took) {
            took.push(runner::run(stage, *client, *task, arguments.mib, MEMORY_MB, None).await?);
        }
    }
    let mut table = Table::of_cost(arguments.mib, arguments.rounds);
    let reference = took.first().cloned().unwrap_or_default();
    for ((client, task), took) in entries.iter().zip(&took) {
        table.cost(&client.called(*task), took, &reference);
    }
    table.print();
    Ok(())
}

async fn shares(stage: &Stage, arguments: &Arguments) -> anyhow::Result<()> {
    let mib = arguments.share_mib;
    let mut table = Table::of_shares(mib);
    for memory_mb in SHARES_MB {
        let share = match Share::make(memory_mb) {
            Ok(share) => share,
            Err(why) => {
                say(&format!("\nno shares of a processor here, so they are left out: {why:#}"));
                return Ok(());
            }
        };
        for task in [Task::Upload, Task::Verify] {
            for client in [Client::Boto3, Client::S5cmd, Client::Warmspare] {
                if client.knows(task) && stage.clients.contains(&client) {
                    let share = Some(&share);
                    let took = runner::run(stage, client, task, mib, memory_mb, share).await;
                    table.share(memory_mb, client, task, took.ok());
                }
            }
        }
    }
    table.print();
    Ok(())
}

/// Streams of unknown length, so that nothing could be planned by it.
async fn memory(stage: &Stage, long_gib: u32) -> anyhow::Result<()> {
    let mut table = Table::of_memory();
    for memory_mb in [128, 512] {
        for mib in [64, long_gib.saturating_mul(1024)] {
            let task = Task::UploadLong;
            let took = runner::run(stage, Client::Warmspare, task, mib, memory_mb, None).await?;
            table.memory(memory_mb, mib, &took, stage.sink.objects.tally());
        }
    }
    table.print();
    Ok(())
}
