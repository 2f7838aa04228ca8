//! `insula-agent`: the agent as a slim program of its own.
//!
//! It is the same agent as `insula agent`, without the rest of `insula`. It runs Wasm tasks where
//! `insula` is installed beside it. Standard error is its log; it writes nothing else.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use insula_agent::{Arguments, shepherd};
use insula_telemetry::Format;
use tokio::signal::unix::{SignalKind, signal};

/// How long the last spans may take to be exported at the end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(1);

/// Runs this machine's agent: it joins a pool and runs the tasks that are launched on it.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(flatten)]
    agent: Arguments,
    #[command(subcommand)]
    role: Option<Role>,
    /// What to log, such as 'info' or 'info,insula_agent=debug'.
    #[arg(long, env = "INSULA_LOG", default_value = "info", global = true)]
    log: String,
    /// How to write the log: text, or json for a JSON object on each line.
    #[arg(
        long,
        env = "INSULA_LOG_FORMAT",
        default_value = "text",
        value_name = "text|json",
        global = true
    )]
    log_format: Format,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Keep the tasks of an agent; started by the agent itself.
    #[command(hide = true)]
    Shepherd {
        #[command(flatten)]
        options: shepherd::Options,
    },
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let done = match insula_telemetry::init(&line.log, line.log_format) {
        Ok(()) => play(line),
        Err(error) => Err(error.into()),
    };
    done.unwrap_or_else(|error| {
        report(&*error);
        ExitCode::FAILURE
    })
}

fn play(line: CommandLine) -> Result<ExitCode, Box<dyn Error>> {
    match line.role {
        Some(Role::Shepherd { options }) => Ok(shepherd::run(&options)?),
        None => agent(line.agent),
    }
}

fn agent(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let options = arguments.into_options()?;
    let recording = insula_telemetry::start(insula_agent::telemetry(&options))?;
    // Two: one for the driver, one for whatever else is going on.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        insula_agent::run(options, shutdown).await?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    recording.shut(FLUSHED_WITHIN);
    Ok(ExitCode::SUCCESS)
}

/// The error and each of its causes on a line of its own.
#[expect(
    clippy::print_stderr,
    reason = "the last words of a program without other output"
)]
fn report(error: &dyn Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
