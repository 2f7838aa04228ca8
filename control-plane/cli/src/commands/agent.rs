//! `insula agent`

use std::time::Duration;

use insula_agent::Arguments;
use insula_telemetry::Format;

use crate::exit::{self, Failure};
use crate::signals::StopSignals;

/// How long the last spans may take to be exported at the end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(1);

/// Run this machine's agent: it joins a pool and runs the tasks that are launched on it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: Arguments,
    /// What to log to standard error, such as info or info,insula_agent=debug.
    #[arg(
        long,
        env = "INSULA_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    log: String,
    /// How to write it: text, or json for a JSON object on each line.
    #[arg(
        long,
        env = "INSULA_LOG_FORMAT",
        default_value = "text",
        value_name = "text|json"
    )]
    log_format: Format,
}

/// Runs until Ctrl-C or SIGTERM; running tasks live on, and the next start adopts them.
pub(crate) fn run(mut args: Args) -> Result<u8, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::from_error(error);
    insula_telemetry::init(&args.log, args.log_format).map_err(|error| failed(&error))?;
    let own = std::env::current_exe().map_err(|error| failed(&error))?;
    // This program runs Wasm tasks itself, whatever its file is called.
    args.agent.insula.get_or_insert(own);
    let options = args.agent.into_options().map_err(|error| failed(&error))?;
    let recording = insula_telemetry::start(insula_agent::telemetry(&options));
    let recording = recording.map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let mut signals = StopSignals::listen()?;
        insula_agent::run(options, signals.next())
            .await
            .map_err(|error| failed(&error))
    })?;
    recording.shut(FLUSHED_WITHIN);
    Ok(exit::OK)
}
