//! Follows a task from its submission to its end.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use insula_client::api::{Task, TaskPhase};
use insula_client::{ByteStream, Client, Error, OutputRange, OutputStream};

use crate::exit::Failure;
use crate::output::Output;

/// A task that waits longer than this is explained.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Longest that one request waits for a change; the loop goes on.
const POLL_SECONDS: u32 = 30;

/// Prints a task's output as it comes, start after start, until the task is over.
///
/// With `label`, each line begins with the task's id.
pub(super) async fn until_done(
    client: &Client,
    id: &str,
    label: bool,
    output: &Output,
) -> Result<Task, Failure> {
    let mut attempt = 0;
    loop {
        let streams = streams(client, id, attempt);
        let (stdout, stderr) = explained(client, id, output, streams).await?;
        tokio::try_join!(
            print(stdout, id, label, |bytes| output.raw(bytes)),
            print(stderr, id, label, |bytes| {
                output.raw_talk(bytes);
                Ok(())
            }),
        )?;
        let task = ended(client, id, attempt).await?;
        if task.attempt <= attempt {
            return Ok(task);
        }
        attempt += 1;
        output.talk(&format_args!("{id} is started again"));
    }
}

/// Both outputs of a start of the task; the control plane answers once it has started.
async fn streams(
    client: &Client,
    id: &str,
    attempt: u32,
) -> Result<(ByteStream, ByteStream), Failure> {
    let attempt = Some(attempt);
    let range = OutputRange {
        follow: true,
        attempt,
        ..OutputRange::default()
    };
    let both = tokio::try_join!(
        client.output(id, OutputStream::Stdout, range),
        client.output(id, OutputStream::Stderr, range),
    );
    Ok(both?)
}

/// Says why a task waits while it does, each time the reason changes.
async fn explained<T>(
    client: &Client,
    id: &str,
    output: &Output,
    start: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut start = std::pin::pin!(start);
    let mut said = String::new();
    loop {
        tokio::select! {
            started = &mut start => return started,
            () = tokio::time::sleep(PATIENCE) => {}
        }
        let why = client.why(id).await;
        let sentence = why.ok().and_then(|why| why.reasons.into_iter().next());
        if let Some(reason) = sentence
            && reason.sentence != said
        {
            output.talk(&format_args!("{id} waits: {}", reason.sentence));
            said = reason.sentence;
        }
    }
}

/// Waits until a start is over: the task is done, or has another start.
async fn ended(client: &Client, id: &str, attempt: u32) -> Result<Task, Failure> {
    loop {
        let task = match client.wait(id, POLL_SECONDS).await {
            Err(Error::BrokenOff { .. }) => continue,
            other => other?,
        };
        if task.phase == TaskPhase::Done || task.attempt > attempt {
            return Ok(task);
        }
    }
}

async fn print(
    mut stream: ByteStream,
    id: &str,
    label: bool,
    sink: impl Fn(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut line = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if !label {
            sink(&chunk)?;
            continue;
        }
        // Whole lines only, or the tasks' words would be mixed.
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                sink(&labelled(id, &line))?;
                line.clear();
            }
        }
    }
    if line.is_empty() {
        return Ok(());
    }
    line.push(b'\n');
    sink(&labelled(id, &line))
}

fn labelled(id: &str, line: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b" | ", line].concat()
}
