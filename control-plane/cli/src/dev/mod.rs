//! `insula dev`: a control plane and agents of this machine in one process.

mod agents;
mod args;
mod data_dir;
mod demo;
mod hops;
mod shares;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use insula_server::{Options, Server};
use insula_telemetry::{Sampler, Settings};

pub(crate) use args::Args;

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::signals::StopSignals;
use agents::Agents;
use data_dir::DataDir;

/// How long the last spans may take to be exported at the end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(2);
/// The same if somebody is in a hurry.
const FLUSHED_AT_ONCE: Duration = Duration::from_millis(200);
/// Spans that are kept to be looked at: those of some thousand tasks, in some tens of megabytes.
const RECENT_SPANS: usize = 65_536;

/// Runs until Ctrl-C; with `--demo` shows what happens to a native and a Wasm task first.
pub(crate) fn run(args: &Args, output: &Output) -> Result<u8, Failure> {
    let begun = Instant::now();
    if args.demo && args.agents == 0 {
        return Err(Failure::usage("a demo needs an agent").hint("leave out --agents 0"));
    }
    insula_telemetry::init(&args.log, args.log_format)
        .map_err(|error| Failure::from_error(&error))?;
    let recording = insula_telemetry::start(settings());
    let recording = recording.map_err(|error| Failure::from_error(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::from_error(&error))?;
    let result = runtime.block_on(serve(args, begun, output));
    // Not on a thread of the runtime, which this blocks.
    recording.shut(if result.is_ok() {
        FLUSHED_WITHIN
    } else {
        FLUSHED_AT_ONCE
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Everything is recorded: whoever tries things out wants to see them.
fn settings() -> Settings {
    Settings {
        service: "insula-dev",
        instance: std::process::id().to_string(),
        sampler: Some(Sampler::Always),
        recent: RECENT_SPANS,
        tenants: Vec::new(),
    }
}

async fn serve(args: &Args, begun: Instant, output: &Output) -> Result<u8, Failure> {
    // Heard from the beginning, so that an early Ctrl-C leaves nothing behind either.
    let mut signals = StopSignals::listen()?;
    let loopback = loopback_of(args.listen)?;
    let data = DataDir::choose(args)?;
    let options = Options::new(args.listen, data.path().to_owned());
    let server = Server::start(options)
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let url = format!(
        "http://{}",
        SocketAddr::new(loopback, server.address().port())
    );
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
        () = signals.next() => Ok(exit::OK),
    };
    output.talk(&"stopping: killing tasks; press Ctrl-C again to leave them running");
    let stopped = async {
        agents.stop().await;
        if let Err(error) = server.stop().await {
            output.talk(&Failure::from_error(&error));
        }
    };
    tokio::select! {
        () = stopped => outcome,
        () = signals.next() => Err(left_in_a_hurry()),
    }
}

/// Where programs of this machine find the control plane: plain text is served on loopback only.
fn loopback_of(listen: SocketAddr) -> Result<IpAddr, Failure> {
    match listen.ip() {
        ip if ip.is_loopback() => Ok(ip),
        IpAddr::V4(ip) if ip.is_unspecified() => Ok(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => Ok(Ipv6Addr::LOCALHOST.into()),
        ip => Err(Failure::usage(format!(
            "on {ip} alone no program of this machine could use the control plane"
        ))
        .hint(format!(
            "--listen 0.0.0.0:{} listens there as well as on loopback",
            listen.port()
        ))),
    }
}

fn left_in_a_hurry() -> Failure {
    Failure::new("stopped before everything was")
        .hint("the next start with the same data finds tasks that still run")
        .code(exit::INTERRUPTED)
}

/// What a person sees while everything runs; ends only with a failure.
async fn accompany(args: &Args, url: &str, begun: Instant, output: &Output) -> Result<u8, Failure> {
    let client = insula_client::Client::new(url)?;
    demo::until_connected(&client, args.agents, output).await?;
    if args.agents == 0 {
        output.talk(&"no agents of its own; `insula token` makes tokens for others");
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn programs_of_this_machine_use_loopback() {
        let loopback = |listen: &str| loopback_of(listen.parse().unwrap());
        for (listen, found) in [
            ("127.0.0.2:1", "127.0.0.2"),
            ("0.0.0.0:1", "127.0.0.1"),
            ("[::]:1", "::1"),
        ] {
            assert_eq!(loopback(listen).unwrap().to_string(), found);
        }
        let refused = loopback("192.0.2.1:5050").unwrap_err();
        assert_eq!(refused.code, exit::USAGE);
        assert!(
            refused.to_string().contains("--listen 0.0.0.0:5050"),
            "{refused}"
        );
    }
}
