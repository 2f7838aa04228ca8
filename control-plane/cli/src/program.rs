//! Reads the command line and hands it to a command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use insula_client::Access;
use insula_types::{CellId, TraceContext};

use crate::commands::{
    agent, agents, completions, events, frameworks, kill, logs, module, offers, partitions, ps,
    replicas, run, token, trace, version, wait, why,
};
use crate::exit::{self, Failure};
use crate::output::Output;
use crate::{admin, dev, file, help, roles, server};

/// A kernel for clusters that belong to other people.
#[derive(Debug, Parser)]
#[command(name = "insula", bin_name = "insula", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Address of the control plane.
    #[arg(long, global = true, env = "INSULA_URL", default_value = insula_client::DEFAULT_URL, value_name = "URL")]
    pub(crate) url: String,
    /// File with the credential to call with, one line principal:secret.
    #[arg(
        long,
        global = true,
        env = "INSULA_CREDENTIAL",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) credential: Option<PathBuf>,
    /// Which cell it is about [default: default].
    #[arg(long, global = true, env = "INSULA_CELL", value_name = "CELL")]
    pub(crate) cell: Option<String>,
    /// File with the certificate of the service's authority (PEM), for https addresses.
    #[arg(long, global = true, env = "INSULA_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Print JSON for programs instead of tables for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Global {
    /// A client of the control plane that was named.
    pub(crate) fn client(&self) -> Result<insula_client::Client, Failure> {
        let client = insula_client::Client::connect(&Access {
            url: self.url.clone(),
            credential: self
                .credential
                .as_deref()
                .map(file::credential)
                .transpose()?,
            cell: self.cell.as_deref().map(cell).transpose()?,
            authority: self.ca.as_deref().map(file::read).transpose()?,
        })?;
        Ok(client.in_trace(&trace(|name| std::env::var(name).ok())))
    }
}

/// The trace of whoever runs this command, as their environment says it; else one of its own, so that
/// all that follows from the command has one name. Nobody records this process.
fn trace(variable: impl Fn(&str) -> Option<String>) -> TraceContext {
    let text = |name| variable(name).unwrap_or_default();
    let given = TraceContext::parse(&text("TRACEPARENT"), &text("TRACESTATE"));
    given.or(&insula_telemetry::fresh())
}

/// A cell as somebody typed it.
pub(crate) fn cell(name: &str) -> Result<CellId, Failure> {
    CellId::new(name).map_err(|error| Failure::usage(format!("'{name}' is no cell: {error}")))
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Args),
    Agent(agent::Args),
    Server(server::Args),
    Admin(admin::Args),
    Replicas(replicas::Args),
    Partitions(partitions::Args),
    Run(run::Args),
    Ps(ps::Args),
    Logs(logs::Args),
    Kill(kill::Args),
    Wait(wait::Args),
    Why(why::Args),
    Trace(trace::Args),
    Events(events::Args),
    Agents(agents::Args),
    Frameworks(frameworks::Args),
    Offers(offers::Args),
    Module(module::Args),
    Token(token::Args),
    Version(version::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Shepherd(insula_agent::shepherd::Options),
    #[command(hide = true)]
    WasmExecutor(roles::wasm_executor::Args),
    #[command(hide = true)]
    WasmCompiler(roles::wasm_compiler::Args),
}

/// Runs the program; returns its exit code.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let output = Output::new(arguments.global.json);
    match dispatch(arguments, &output) {
        Ok(code) => code,
        Err(failure) => {
            output.tell(&failure);
            failure.code.into()
        }
    }
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let matches = command_line().try_get_matches_from(arguments)?;
    Arguments::from_arg_matches(&matches)
}

/// The command line as clap knows it, with its commands in groups.
pub(crate) fn command_line() -> clap::Command {
    help::grouped(Arguments::command())
}

fn refuse(error: &clap::Error) -> ExitCode {
    // Printing can only fail if nobody reads any more.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit::OK.into(),
        _ => exit::USAGE.into(),
    }
}

fn dispatch(arguments: Arguments, output: &Output) -> Result<ExitCode, Failure> {
    let Arguments { global, command } = arguments;
    let code = match command {
        Command::Shepherd(options) => return roles::shepherd::run(&options),
        Command::WasmExecutor(args) => return roles::wasm_executor::run(args),
        Command::WasmCompiler(args) => return roles::wasm_compiler::run(args),
        Command::Agent(args) => agent::run(args),
        Command::Dev(args) => dev::run(&args, output),
        Command::Server(args) => server::run(args, output),
        Command::Admin(args) => admin::run(args, output),
        Command::Replicas(args) => block_on(replicas::run(args, &global, output)),
        Command::Partitions(args) => block_on(partitions::run(args, &global, output)),
        Command::Completions(args) => completions::run(&args, command_line(), output),
        Command::Run(args) => block_on(run::run(args, &global, output)),
        Command::Ps(args) => block_on(ps::run(args, &global, output)),
        Command::Logs(args) => block_on(logs::run(args, &global, output)),
        Command::Kill(args) => block_on(kill::run(args, &global, output)),
        Command::Wait(args) => block_on(wait::run(args, &global, output)),
        Command::Why(args) => block_on(why::run(args, &global, output)),
        Command::Trace(args) => block_on(trace::run(args, &global, output)),
        Command::Events(args) => block_on(events::run(args, &global, output)),
        Command::Agents(args) => block_on(agents::run(args, &global, output)),
        Command::Frameworks(args) => block_on(frameworks::run(args, &global, output)),
        Command::Offers(args) => block_on(offers::run(args, &global, output)),
        Command::Module(args) => block_on(module::run(args, &global, output)),
        Command::Token(args) => block_on(token::run(args, &global, output)),
        Command::Version(args) => block_on(version::run(args, &global, output)),
    };
    code.map(ExitCode::from)
}

/// Runs a client command. One thread does: it waits for the network and little else.
fn block_on(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::from_error(&error))?;
    let result = runtime.block_on(command);
    // A read of standard input cannot be interrupted; it must not hold up the exit.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_the_environment_is_gone_on_with() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let found = trace(|name| match name {
            "TRACEPARENT" => Some(given.to_owned()),
            _ => Some("a=1".to_owned()),
        });
        assert_eq!(
            (found.traceparent().as_str(), found.tracestate()),
            (given, "a=1")
        );
        for malformed in [None, Some("nonsense".to_owned())] {
            let own = trace(|_| malformed.clone());
            assert!(!own.is_empty() && !own.is_sampled());
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }
}
