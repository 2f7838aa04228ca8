//! `insula run`

mod follow;
mod printer;
mod spec;
mod stdin;

use std::path::PathBuf;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use insula_client::api::{Exit, KillTask, SubmitTasks, Submitted, Task};
use insula_client::{Client, Error};
use insula_types::ErrorCode;
use tokio::time::{Instant, sleep};

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;
use crate::signals::StopSignals;

/// Tasks whose output is followed at a time; each takes two connections, and an agent sends 256
/// outputs at a time. The others are followed as these end, and lose nothing.
const FOLLOWED_MAX: usize = 64;

/// How long a submission is tried again while nobody serves the cell: another replica takes over within
/// seconds.
const TAKEOVER_MAX: Duration = Duration::from_secs(15);
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Run a command or a Wasm module on some machine, follow its output, exit with its code.
///
/// A command stands behind two dashes. A module is named, and its arguments stand behind two dashes.
/// What is piped in is the task's input. With --json the task is printed when it is over, and its output
/// goes to standard error.
///
/// Ctrl-C kills the task. Exit codes beside the task's own: 124 if --timeout stopped it, 125 if it did
/// not run, 128 plus the number of the signal that ended it.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "insula run [OPTIONS] -- CMD...\n       insula run [OPTIONS] FILE.wasm [-- ARGS...]",
    after_help = "Examples:\n  insula run -- uname -a\n  insula run --mem 128 hello.wasm -- world\n  echo data | insula run -- wc -c"
)]
pub(crate) struct Args {
    /// A module to upload and run (.wasm or .wat).
    #[arg(value_name = "FILE.wasm")]
    module: Vec<PathBuf>,
    /// The command, or the module's arguments.
    #[arg(last = true, value_name = "CMD")]
    words: Vec<String>,
    /// Cores, for example 0.5 [default: 0.1].
    #[arg(long, value_name = "CORES", value_parser = spec::amount)]
    cpus: Option<String>,
    /// Memory in MiB [default: 64].
    #[arg(long, value_name = "MIB", value_parser = spec::amount)]
    mem: Option<String>,
    /// A variable for the task's environment; may be given often.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = spec::pair)]
    env: Vec<(String, String)>,
    /// A name; the task's id begins with it.
    #[arg(long)]
    name: Option<String>,
    /// How many of it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    count: u32,
    /// Start it again so often if it fails or is lost.
    #[arg(long, default_value_t = 0, value_name = "N")]
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
    // Heard from before the task exists, so that none is left behind.
    let signals = StopSignals::listen()?;
    let submitted = submit(&client, SubmitTasks { tasks: vec![task] }, output).await?;
    if detach {
        return print_ids(&submitted, output);
    }
    let ids = submitted.ids;
    let feed = async {
        input.feed(&client, &ids, output).await;
        std::future::pending().await
    };
    let tasks = tokio::select! {
        tasks = follow_all(&client, &ids, output) => tasks,
        never = feed => never,
        () = interrupted_twice(signals, &client, &ids, output) => return Ok(exit::INTERRUPTED),
    };
    match tasks {
        Ok(tasks) => conclude(&tasks, output),
        Err(failure) if failure.is_reader_gone() => {
            kill_all(&client, &ids, output).await;
            Err(failure)
        }
        Err(failure) => Err(failure.hint(where_to_find(&ids))),
    }
}

/// Submits, and tries again while nobody serves the cell: that answer says that nothing was taken.
async fn submit(
    client: &Client,
    tasks: SubmitTasks,
    output: &Output,
) -> Result<Submitted, Failure> {
    let until = Instant::now() + TAKEOVER_MAX;
    let mut is_told = false;
    loop {
        match client.submit(&tasks).await {
            Err(Error::Refused(refusal, _))
                if refusal.code == ErrorCode::Unavailable && Instant::now() < until =>
            {
                if !is_told {
                    output.talk(&"the control plane cannot take tasks just now; trying again");
                    is_told = true;
                }
                sleep(PAUSE).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

fn print_ids(submitted: &Submitted, output: &Output) -> Result<u8, Failure> {
    if output.is_json() {
        output.document(submitted)?;
        return Ok(exit::OK);
    }
    for id in &submitted.ids {
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
    futures::stream::iter(followers)
        .buffered(FOLLOWED_MAX)
        .try_collect()
        .await
}

/// The first Ctrl-C kills the tasks and goes on following them, so that their last words and their end
/// are seen; completes at the second.
async fn interrupted_twice(
    mut signals: StopSignals,
    client: &Client,
    ids: &[String],
    output: &Output,
) {
    signals.next().await;
    // A control plane that does not answer must not hold up whoever wants to leave.
    tokio::select! {
        () = kill_all(client, ids, output) => {}
        () = signals.next() => return output.talk(&where_to_find(ids)),
    }
    output.talk(&"killing; press Ctrl-C again to leave it at that");
    signals.next().await;
}

/// A task that is over already is as good as killed.
async fn kill_all(client: &Client, ids: &[String], output: &Output) {
    for id in ids {
        match client.kill(id, &KillTask::default()).await {
            Ok(()) => {}
            Err(Error::Refused(detail, _)) if detail.code == ErrorCode::FailedPrecondition => {}
            Err(error) => output.talk(&Failure::from(error)),
        }
    }
}

/// Whatever happens to whoever follows a task, the task goes on.
fn where_to_find(ids: &[String]) -> String {
    match ids {
        [id] => format!("the task goes on: `insula wait {id}`, `insula logs -f {id}`"),
        _ => "the tasks go on: `insula ps` lists them".to_owned(),
    }
}

/// Says how the tasks ended; the first code that is not 0 is that of all.
fn conclude(tasks: &[Task], output: &Output) -> Result<u8, Failure> {
    let mut code = exit::OK;
    for task in tasks {
        if output.is_json() {
            output.json_line(task)?;
        }
        let own = told_code(task, output);
        if code == exit::OK {
            code = own;
        }
    }
    Ok(code)
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
