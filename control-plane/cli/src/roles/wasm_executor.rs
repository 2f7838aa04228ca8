//! `insula wasm-executor`: runs one framework's Wasm tasks.

use std::path::PathBuf;
use std::process::ExitCode;

use insula_telemetry::Format;
use insula_wasm_executor::executor::{self, Options, Token};

use crate::exit::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    socket: PathBuf,
    #[arg(long)]
    framework_id: String,
    #[arg(long)]
    executor_id: String,
    #[arg(long)]
    cache: PathBuf,
    #[arg(long, env = insula_agent::EXECUTOR_TOKEN, hide_env_values = true)]
    token: String,
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    insula_telemetry::init("info,wasmtime_wasi=warn", Format::Text)
        .map_err(|error| Failure::from_error(&error))?;
    let mut options = Options::new(args.socket, args.cache, Token(args.token));
    options.framework_id = args.framework_id;
    options.executor_id = args.executor_id;
    executor::run(options).map_err(|error| Failure::from_error(&error))?;
    Ok(ExitCode::SUCCESS)
}
