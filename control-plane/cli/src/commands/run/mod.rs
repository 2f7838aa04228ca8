//! `insula run`

mod follow;
mod spec;
mod stdin;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::future::join_all;
use insula_client::Client;
use insula_client::api::{Exit, KillTask, SubmitTasks, Task};

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Run a command or a Wasm module on some machine, follow its output, exit with its code.
///
/// A command stands behind `--`; a module is named, and its arguments stand behind `--`. Ctrl-C kills
/// the task. Exit codes beside the task's own: 124 if --timeout stopped it, 125 if it did not run, 128
/// plus the number of the signal that ended it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  insula run -- uname -a\n  insula run --mem 128 hello.wasm -- world\n  echo data | insula run -- wc -c"
)]
pub(crate) struct Args {
    /// A module to upload and run (.wasm or .wat).
    #[arg(value_name = "FILE.wasm")]
    module: Vec<PathBuf>,
    /// The command, or the module's arguments.
    #[arg(last = true, value_name = "CMD")]
    words: Vec<String>,
    /// Cores, for example 0.5.
    #[arg(long, value_name = "CORES")]
    cpus: Option<String>,
    /// Memory in MiB.
    #[arg(long, value_name = "MIB")]
    mem: Option<String>,
    /// A variable for the task's environment; may be given often.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = spec::pair)]
    env: Vec<(String, String)>,
    /// A name; the task's id begins with it.
    #[arg(long)]
    name: Option<String>,
    /// How many of it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// Start it again so often if it fails or is lost.
    #[arg(long, default_value_t = 0)]
    retries: u32,
    /// Stop it after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Only on machines with this attribute; may be given often.
    #[arg(long = "where", value_name = "ATTR=VALUE", value_parser = spec::pair)]
    constraints: Vec<(String, String)>,
    /// Print the task's id and leave it to itself.
    #[arg(short, long)]
    detach: bool,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let client = global.client()?;
    let detach = args.detach;
    let input = stdin::Input::of_this_process(&args)?;
    let task = spec::task(args, input.is_piped(), &client).await?;
    let submitted = client.submit(&SubmitTasks { tasks: vec![task] }).await?;
    if detach {
        return print_ids(&submitted.ids, output);
    }
    let ids = submitted.ids;
    let follow = follow_all(&client, &ids, output);
    let feed = input.feed(&client, &ids);
    let tasks = tokio::select! {
        tasks = async { tokio::join!(follow, feed).0 } => tasks?,
        () = interrupted_twice(&client, &ids, output) => return Ok(exit::SIGNALLED + 2),
    };
    if output.is_json() {
        for task in &tasks {
            output.json_line(task)?;
        }
    }
    let codes = tasks.iter().map(|task| told_code(task, output));
    Ok(codes.fold(
        exit::OK,
        |first, code| if first == exit::OK { code } else { first },
    ))
}

fn print_ids(ids: &[String], output: &Output) -> Result<u8, Failure> {
    if output.is_json() {
        output.document(&BTreeMap::from([("ids", ids)]))?;
        return Ok(exit::OK);
    }
    for id in ids {
        output.line(id)?;
    }
    Ok(exit::OK)
}

async fn follow_all(
    client: &Client,
    ids: &[String],
    output: &Output,
) -> Result<Vec<Task>, Failure> {
    let label = ids.len() > 1;
    let followers = ids
        .iter()
        .map(|id| follow::until_done(client, id, label, output));
    join_all(followers).await.into_iter().collect()
}

/// The first Ctrl-C kills the tasks and goes on following them, so that their last words and their end
/// are seen; completes at the second.
async fn interrupted_twice(client: &Client, ids: &[String], output: &Output) {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    output.talk(&"killing; press Ctrl-C again to leave it at that");
    for id in ids {
        if let Err(error) = client.kill(id, &KillTask::default()).await {
            output.talk(&Failure::from(error));
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The exit code for a task that is over.
pub(crate) fn task_code(task: &Task) -> u8 {
    if task.reason.as_deref() == Some("REASON_MAX_COMPLETION_TIME_REACHED") {
        return exit::TIMED_OUT;
    }
    match task.exit {
        _ if task.state == "TASK_FINISHED" => exit::OK,
        Some(exit) => u8::try_from(exit.shell_code()).unwrap_or(u8::MAX),
        None => exit::NOT_RUN,
    }
}

/// The same, with a word to people where the code alone does not say what happened.
fn told_code(task: &Task, output: &Output) -> u8 {
    let plain = matches!(task.exit, Some(Exit::Code(_))) && task.reason.is_none();
    if task.state != "TASK_FINISHED" && !plain {
        let because = if task.message.is_empty() {
            String::new()
        } else {
            format!(": {}", task.message)
        };
        output.talk(&format_args!("{} is {}{because}", task.id, task.state));
    }
    task_code(task)
}
