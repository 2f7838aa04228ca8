//! The agents of `insula dev`: real ones, which join and dial as any other would.

use std::path::Path;
use std::time::Duration;

use insula_agent::shepherd::Program;
use insula_agent::{Options, ShutdownMode, WasmPrograms};
use insula_server::Server;
use insula_types::{Resources, Span};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::Args;
use super::shares::shares;
use crate::exit::Failure;

/// How long a join token is valid; it is used at once.
const TOKEN_LIFE: Span = Span::from_secs(600);
/// How long the tasks of a demo survive its end without goodbye.
const DEMO_AFTERLIFE: Duration = Duration::from_secs(2);

/// Agents that run in this process.
pub(super) struct Agents {
    running: JoinSet<Result<(), insula_agent::Error>>,
    stopping: watch::Sender<bool>,
}

impl Agents {
    /// Starts them, each in a directory of its own with a share of the resources of its own.
    pub(super) async fn start(args: &Args, server: &Server, data: &Path) -> Result<Self, Failure> {
        let total = total(args, data)?;
        let count = usize::try_from(args.agents).unwrap_or(usize::MAX);
        let mut all = Vec::new();
        for (index, share) in shares(&total, count).into_iter().enumerate() {
            let directory = data.join("agents").join(index.to_string());
            all.push(options(args, server, &directory, share).await?);
        }
        // Nothing below fails, so that none is left running without its siblings.
        let (stopping, stop) = watch::channel(false);
        let mut agents = Self {
            running: JoinSet::new(),
            stopping,
        };
        for options in all {
            let mut stop = stop.clone();
            let stopped = async move {
                // The sender is gone only if the process ends.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            agents.running.spawn(insula_agent::run(options, stopped));
        }
        Ok(agents)
    }

    /// Completes only if an agent fails; then says why.
    pub(super) async fn failed(&mut self) -> Failure {
        loop {
            match self.running.join_next().await {
                Some(ended) => {
                    if let Some(failure) = failure(ended) {
                        return failure;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Kills the tasks, delivers what there is to deliver, and ends the agents.
    pub(super) async fn stop(mut self) {
        // Without a receiver there is no agent to stop.
        let _ = self.stopping.send(true);
        while let Some(ended) = self.running.join_next().await {
            if let Some(failure) = failure(ended) {
                tracing::warn!(%failure, "an agent did not end well");
            }
        }
    }
}

fn failure(ended: Result<Result<(), insula_agent::Error>, JoinError>) -> Option<Failure> {
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Failure::from_error(&error)),
        Err(panic) => Some(Failure::new(format!("an agent failed: {panic}"))),
    }
}

async fn options(
    args: &Args,
    server: &Server,
    directory: &Path,
    share: Resources,
) -> Result<Options, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::from_error(error);
    let myself = std::env::current_exe().map_err(|error| failed(&error))?;
    let shepherd = Program {
        exe: myself.clone(),
        args: vec!["shepherd".into()],
    };
    // One is made at every start: the agent that has joined already only looks where to dial.
    let token = server
        .token(1, TOKEN_LIFE)
        .await
        .map_err(|error| failed(&error))?;
    Ok(Options {
        join: Some(token),
        resources: Some(share),
        wasm: Ok(WasmPrograms::of(myself)),
        die_with_agent: args.demo.then_some(DEMO_AFTERLIFE),
        shutdown: ShutdownMode::KillTasks,
        ..Options::new(directory.to_owned(), shepherd)
    })
}

/// What was asked for, else what the machine has.
fn total(args: &Args, data: &Path) -> Result<Resources, Failure> {
    if let Some(resources) = &args.resources {
        return Ok(resources.clone());
    }
    insula_agent::machine_resources(data).map_err(|error| Failure::from_error(&error))
}
