//! Puts Insula under load and reports what it measured; one file or folder per scenario.

mod allocation;
mod fleet;
mod report;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Loads Insula and reports figures.
#[derive(Debug, Parser)]
#[command(name = "insula-loadtest", version)]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// The kernel's allocator in memory: cycle times, decisions per second, fairness.
    Allocation(allocation::Arguments),
    /// Many agents with real connections to a running control plane, and tasks that only pretend.
    Fleet(Box<fleet::Arguments>),
}

fn main() -> ExitCode {
    match Arguments::parse().scenario {
        Scenario::Allocation(arguments) => allocation::run(&arguments),
        Scenario::Fleet(arguments) => {
            if let Err(error) = run_fleet(&arguments) {
                report::failure(error.as_ref());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn run_fleet(arguments: &fleet::Arguments) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(runtime.block_on(fleet::run(arguments))?)
}
