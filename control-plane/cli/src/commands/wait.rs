//! `insula wait`

use insula_client::Client;
use insula_client::api::{Task, TaskPhase};

use crate::commands::patience::Patience;
use crate::commands::run::task_code;
use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Longest that one request waits; the loop goes on.
const POLL_SECONDS: u32 = 30;

/// Wait until tasks are over; exit with the first code that is not 0.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which tasks.
    #[arg(required = true, value_name = "TASK")]
    ids: Vec<String>,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let client = global.client()?;
    let mut code = exit::OK;
    for id in &args.ids {
        // The first answer shows that there is such a task; from then on an outage is one.
        client.task(id).await?;
        let task = until_done(&client, id, output).await?;
        if output.is_json() {
            output.json_line(&task)?;
        } else {
            output.line(&format_args!("{id} {}", task.state))?;
        }
        if code == exit::OK {
            code = task_code(&task);
        }
    }
    Ok(code)
}

/// The task, once it is over.
pub(crate) async fn until_done(
    client: &Client,
    id: &str,
    output: &Output,
) -> Result<Task, Failure> {
    let mut patience = Patience::new(output);
    loop {
        match client.wait(id, POLL_SECONDS).await {
            Ok(task) if task.phase == TaskPhase::Done => return Ok(task),
            Ok(_) => patience.renew(),
            Err(error) => patience.after(error.into()).await?,
        }
    }
}
