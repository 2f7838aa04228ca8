//! Puts Insula under load and reports what it measured; one file or folder per scenario.

mod allocation;
mod error;
mod failover;
mod fleet;
mod hops;
mod launches;
mod report;
mod site;
mod traced;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::Error;
use report::Report;

/// Loads Insula and reports figures.
#[derive(Debug, Parser)]
#[command(name = "insula-loadtest", version)]
struct Arguments {
    /// Print a JSON object per figure.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// The kernel's allocator in memory: cycle times, decisions per second, fairness.
    Allocation(allocation::Arguments),
    /// Many agents with real connections to a running control plane, and tasks that only pretend.
    Fleet(Box<fleet::Arguments>),
    /// Durable launches per second, by a control plane that is started for it.
    Launches(Box<launches::Arguments>),
    /// How long a task takes from hop to hop.
    Hops(Box<hops::Arguments>),
    /// How long it takes until all is well after the owner of a cell has died.
    Failover(Box<failover::Arguments>),
    /// What tracing costs: processor time for each task, by how many traces are recorded.
    Tracing(traced::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let report = if arguments.json {
        Report::Json
    } else {
        Report::Text
    };
    match run(&arguments.scenario, report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(scenario: &Scenario, report: Report) -> Result<(), Error> {
    let runtime = tokio::runtime::Runtime::new()?;
    match scenario {
        Scenario::Allocation(arguments) => {
            allocation::run(arguments, report);
            Ok(())
        }
        Scenario::Fleet(arguments) => runtime.block_on(fleet::run(arguments, report)),
        Scenario::Launches(arguments) => runtime.block_on(launches::run(arguments, report)),
        Scenario::Hops(arguments) => runtime.block_on(hops::run(arguments, report)),
        Scenario::Failover(arguments) => runtime.block_on(failover::run(arguments, report)),
        Scenario::Tracing(arguments) => runtime.block_on(traced::run(arguments, report)),
    }
}
