//! `insula dev`: a control plane and agents of this machine in one process.

mod agents;
mod args;
mod data_dir;
mod demo;
mod hops;
mod shares;

use std::time::{Duration, Instant};

use insula_server::{Options, Server};
use insula_telemetry::Format;

pub(crate) use args::Args;

use crate::exit::{self, Failure};
use crate::output::Output;
use agents::Agents;
use data_dir::DataDir;

/// Runs until Ctrl-C; with `--demo` shows what happens to a native and a Wasm task first.
pub(crate) fn run(args: &Args, output: &Output) -> Result<u8, Failure> {
    let begun = Instant::now();
    insula_telemetry::init(&args.log, Format::Text).map_err(|error| Failure::from_error(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::from_error(&error))?;
    let result = runtime.block_on(serve(args, begun, output));
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(args: &Args, begun: Instant, output: &Output) -> Result<u8, Failure> {
    let data = DataDir::choose(args)?;
    let options = Options::new(args.listen, data.path().to_owned());
    let server = Server::start(options)
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let url = format!("http://{}", server.address());
    output.talk(&format_args!(
        "control plane at {url}, data in {}",
        data.path().display()
    ));
    let mut agents = match Agents::start(args, &server, data.path()).await {
        Ok(agents) => agents,
        Err(failure) => {
            // Whatever is left uncommitted nobody was told of.
            let _ = server.stop().await;
            return Err(failure);
        }
    };
    let outcome = tokio::select! {
        outcome = accompany(args, &url, begun, output) => outcome,
        failure = agents.failed() => Err(failure),
        signal = stop_signal() => signal.map(|()| exit::OK),
    };
    output.talk(&"stopping: killing tasks");
    agents.stop().await;
    if let Err(error) = server.stop().await {
        output.talk(&Failure::from_error(&error));
    }
    outcome
}

/// What a person sees while everything runs; ends only with a failure.
async fn accompany(args: &Args, url: &str, begun: Instant, output: &Output) -> Result<u8, Failure> {
    let client = insula_client::Client::new(url)?;
    demo::until_connected(&client, args.agents, output).await?;
    if args.demo {
        demo::show(&client, begun, output).await?;
    }
    output.talk(&Try {
        url,
        listen_is_default: url == insula_client::DEFAULT_URL,
    });
    std::future::pending().await
}

/// What to do next.
struct Try<'a> {
    url: &'a str,
    listen_is_default: bool,
}

impl std::fmt::Display for Try<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = if self.listen_is_default {
            String::new()
        } else {
            format!(" --url {}", self.url)
        };
        write!(
            f,
            "\nTry in another terminal:\n  \
             insula{at} run -- sh -c 'echo hello from $(uname -n)'\n  \
             insula{at} ps --all\n  \
             insula{at} agents\n  \
             insula{at} events --follow\n\
             A Mesos framework subscribes at {}/api/v1/scheduler.\n\
             Ctrl-C stops everything.",
            self.url
        )
    }
}

/// Completes at Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() -> Result<(), Failure> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| Failure::from_error(&error))?;
    tokio::select! {
        signal = tokio::signal::ctrl_c() => signal.map_err(|error| Failure::from_error(&error)),
        _ = terminate.recv() => Ok(()),
    }
}
