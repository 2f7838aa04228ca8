//! What `--demo` shows: this machine's resources, a native task, a Wasm task, and how long it took.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use insula_client::api::{Agent, SubmitTask, SubmitTasks, TaskPhase, WhatToRun};
use insula_client::{Client, OutputRange, OutputStream};
use insula_wasm_executor::samples;

use super::hops::Hops;
use crate::commands::wait::until_done;
use crate::exit::Failure;
use crate::output::Output;

/// Agents of the same machine connect in milliseconds; a machine that is building something else at
/// the same time may need seconds.
const CONNECT: Duration = Duration::from_secs(60);
/// Time between two looks while agents connect.
const LOOK: Duration = Duration::from_millis(10);
/// Events of the past that surely hold all of a task that has just ended.
const EVENTS: u32 = 200;

/// Waits for the agents, and says what they offer.
pub(super) async fn until_connected(
    client: &Client,
    agents: u32,
    output: &Output,
) -> Result<(), Failure> {
    let deadline = Instant::now() + CONNECT;
    let is_connected = |agent: &&Agent| agent.state == "connected";
    loop {
        let all = client.agents().await?;
        if all.iter().filter(is_connected).count() >= agents as usize {
            for agent in all.iter().filter(is_connected) {
                introduce(agent, output);
            }
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new("the agents did not connect within a minute")
                .hint("run again with --log info to see why"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn introduce(agent: &Agent, output: &Output) {
    output.talk(&format_args!(
        "agent {} on {} offers {}",
        agent.id, agent.hostname, agent.total
    ));
    for (limit, reason) in &agent.unenforced {
        output.talk(&format_args!("  {limit} is not enforced: {reason}"));
    }
    if let Some(reason) = &agent.wasm_missing {
        output.talk(&format_args!("  no Wasm tasks: {reason}"));
    }
}

/// Runs the tasks and shows each step. `begun` is when this process was started.
pub(super) async fn show(client: &Client, begun: Instant, output: &Output) -> Result<(), Failure> {
    output.talk(&"\nA native task: sh -c 'echo hello from $(uname -n), pid $$'");
    let line = "echo hello from $(uname -n), pid $$".to_owned();
    run(client, "hello", WhatToRun::Shell(line), output).await?;
    let first_task = begun.elapsed();

    output.talk(&"\nA Wasm task: hello.wat, uploaded, compiled and sandboxed on the agent");
    let digest = push(client, "hello", samples::HELLO).await?;
    let args = vec!["from".to_owned(), "WebAssembly".to_owned()];
    run(
        client,
        "hello-wasm",
        WhatToRun::Module {
            digest: digest.clone(),
            args,
        },
        output,
    )
    .await?;

    output.talk(&"\nThe same module again: it is compiled already");
    let args = vec!["again".to_owned()];
    run(
        client,
        "hello-wasm",
        WhatToRun::Module { digest, args },
        output,
    )
    .await?;

    let digest = push(client, "primes", samples::PRIMES).await?;
    output.talk(&"\nAnd some work: primes.wat");
    run(
        client,
        "primes",
        WhatToRun::Module {
            digest,
            args: Vec::new(),
        },
        output,
    )
    .await?;

    output.talk(&format_args!(
        "\nFrom the start of this process to the end of the first task: {:.2} s",
        first_task.as_secs_f64()
    ));
    Ok(())
}

async fn push(client: &Client, name: &str, wat: &str) -> Result<String, Failure> {
    let binary = wat::parse_str(wat).map_err(|error| Failure::from_error(&error))?;
    Ok(client.push_module(name, Bytes::from(binary)).await?.digest)
}

async fn run(client: &Client, name: &str, what: WhatToRun, output: &Output) -> Result<(), Failure> {
    let task = SubmitTask {
        run: what,
        name: Some(name.to_owned()),
        count: 1,
        resources: String::new(),
        env: std::collections::BTreeMap::new(),
        retries: 0,
        timeout_seconds: None,
        constraints: std::collections::BTreeMap::new(),
        stdin: false,
    };
    let submitted = client.submit(&SubmitTasks { tasks: vec![task] }).await?;
    let id = submitted
        .ids
        .first()
        .ok_or_else(|| Failure::new("the task got no id"))?;
    let follow = OutputRange {
        follow: true,
        ..OutputRange::default()
    };
    let mut bytes = client.output(id, OutputStream::Stdout, follow).await?;
    while let Some(chunk) = bytes.next().await {
        output.raw(&chunk?)?;
    }
    let task = until_done(client, id, output).await?;
    if task.phase != TaskPhase::Done || task.state != "TASK_FINISHED" {
        return Err(Failure::new(format!(
            "{id} is {}: {}",
            task.state, task.message
        )));
    }
    output.talk(&hops(client, id).await?);
    Ok(())
}

async fn hops(client: &Client, id: &str) -> Result<Hops, Failure> {
    let mut events = client.events(EVENTS, false).await?;
    let mut hops = Hops::default();
    while let Some(event) = events.next().await {
        let event = event?;
        if event.task.as_deref() == Some(id) && !hops.is_complete() {
            hops.learn(&event);
        }
    }
    Ok(hops)
}
