//! `insula ps`

use insula_client::Listing;
use insula_client::api::{Task, TaskPhase};

use crate::exit::{self, Failure};
use crate::output::{Output, age};
use crate::program::Global;

/// List tasks.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Those that are over as well.
    #[arg(short, long)]
    all: bool,
    /// Only tasks whose id begins so.
    prefix: Option<String>,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let listing = Listing {
        all: args.all,
        prefix: args.prefix.unwrap_or_default(),
        ..Listing::default()
    };
    let tasks = global.client()?.tasks(&listing).await?;
    let header = [
        "id",
        "kind",
        "state",
        "exit",
        "agent",
        "resources",
        "age",
        "framework",
    ];
    output.list(&tasks, &header, |task| {
        vec![
            task.id.clone(),
            task.kind.clone(),
            state(task),
            task.exit
                .map_or_else(String::new, |exit| exit.shell_code().to_string()),
            task.agent.clone().unwrap_or_default(),
            task.resources.clone(),
            age(task.times.submitted),
            task.framework.clone(),
        ]
    })?;
    Ok(exit::OK)
}

/// The Mesos state without its prefix, or that the task still waits for an offer.
fn state(task: &Task) -> String {
    if task.phase == TaskPhase::Waiting {
        return "waiting".to_owned();
    }
    task.state.trim_start_matches("TASK_").to_lowercase()
}
