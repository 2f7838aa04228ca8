//! Follows a task from its submission to its end.

use std::future::Future;
use std::time::Duration;

use insula_client::api::{Task, TaskPhase};
use insula_client::{ByteStream, Client, OutputRange, OutputStream};

use super::printer::Printer;
use crate::commands::patience::Patience;
use crate::exit::Failure;
use crate::output::Output;

/// A task that waits longer than this is explained.
const CURIOSITY: Duration = Duration::from_millis(1500);
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
        print_start(client, id, attempt, label, output).await?;
        let task = ended(client, id, attempt, output).await?;
        if task.attempt <= attempt {
            return Ok(task);
        }
        attempt += 1;
        output.talk(&format_args!("{id} is started again"));
    }
}

/// Prints all of the output of one start. Where the connection breaks off, goes on behind what was
/// printed.
async fn print_start(
    client: &Client,
    id: &str,
    attempt: u32,
    label: bool,
    output: &Output,
) -> Result<(), Failure> {
    let mut stdout = Printer::new(id, OutputStream::Stdout, label, output);
    let mut stderr = Printer::new(id, OutputStream::Stderr, label, output);
    let mut patience = Patience::new(output);
    loop {
        let printed = async {
            let both = streams(client, id, attempt, [&stdout, &stderr]);
            let (out, err) = explained(client, id, output, both).await?;
            patience.renew();
            tokio::try_join!(stdout.print(out), stderr.print(err))
        };
        match printed.await {
            Ok(_) => break,
            Err(failure) => patience.after(failure).await?,
        }
    }
    stdout.finish()?;
    stderr.finish()
}

/// Both outputs of a start, each from where its printer is; the control plane answers once it has
/// started.
async fn streams(
    client: &Client,
    id: &str,
    attempt: u32,
    printers: [&Printer<'_>; 2],
) -> Result<(ByteStream, ByteStream), Failure> {
    let ask = |printer: &Printer<'_>| {
        let range = OutputRange {
            offset: printer.offset(),
            follow: true,
            attempt: Some(attempt),
            tail: None,
        };
        client.output(id, printer.stream(), range)
    };
    let [stdout, stderr] = printers;
    Ok(tokio::try_join!(ask(stdout), ask(stderr))?)
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
            () = tokio::time::sleep(CURIOSITY) => {}
        }
        // Only whoever waits may be told why: the answer to the question itself says what is wrong.
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
async fn ended(client: &Client, id: &str, attempt: u32, output: &Output) -> Result<Task, Failure> {
    let mut patience = Patience::new(output);
    loop {
        match client.wait(id, POLL_SECONDS).await {
            Ok(task) if task.phase == TaskPhase::Done || task.attempt > attempt => return Ok(task),
            Ok(_) => patience.renew(),
            Err(error) => patience.after(error.into()).await?,
        }
    }
}
