//! Many agents on real connections to a control plane.
//!
//! Real are: enrollment, mutual TLS, the gRPC sessions, every message, and all that the agents' core
//! decides. Not real are: processes (a task "runs" for a given time) and the journal (memory).

mod agent;
mod channel;
mod crew;
mod doors;
mod enroll;
mod tally;
mod trust;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use insula_client::{Access, Client};
use insula_proto::{Credential, JoinToken};
use insula_types::{CellId, Resources};

use crate::error::Error;
use crate::report::Report;
pub(crate) use crew::{Crew, Fleet};
pub(crate) use doors::Doors;
pub(crate) use tally::Tally;

/// How large the fleet is and what it is given to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the control plane serves its API.
    #[arg(long, env = "INSULA_URL", default_value = "http://127.0.0.1:5050")]
    url: String,
    /// The operator's credential, one line principal:secret, where one is needed.
    #[arg(long, value_name = "FILE")]
    operator_file: Option<PathBuf>,
    /// Which cell [default: default].
    #[arg(long)]
    cell: Option<String>,
    /// Where agents dial, repeated for more than one replica [default: as the join token says].
    #[arg(long = "door", value_name = "HOST:PORT")]
    doors: Vec<String>,
    /// A join token with enough uses; some are asked for if it is absent.
    #[arg(long)]
    token: Option<JoinToken>,
    /// Number of agents.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    agents: u32,
    /// What each agent has.
    #[arg(long, default_value = "cpus:8;mem:16384")]
    resources: Resources,
    /// Number of tasks.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    tasks: u32,
    /// What each task needs.
    #[arg(long, default_value = "cpus:0.1;mem:32")]
    task_resources: Resources,
    /// How long each task pretends to run, in milliseconds.
    #[arg(long, default_value_t = 0)]
    run_millis: u64,
    /// How long the whole may take, in seconds.
    #[arg(long, default_value_t = 300)]
    timeout: u64,
}

/// Runs the scenario and reports what was measured.
///
/// # Errors
/// If the fleet cannot join, or the tasks do not end in time.
pub(crate) async fn run(arguments: &Arguments, report: Report) -> Result<(), Error> {
    let client = Client::connect(&arguments.access()?)?;
    let timeout = Duration::from_secs(arguments.timeout);
    let deadline = Instant::now() + timeout;
    report.title(&format!(
        "fleet: {} agents, {} tasks of {} ms",
        arguments.agents, arguments.tasks, arguments.run_millis
    ));
    let crew = Crew {
        agents: arguments.agents,
        resources: arguments.resources.clone(),
        run: Duration::from_millis(arguments.run_millis),
        doors: arguments.doors(&client).await?,
        timeout,
    };
    let tally = Arc::new(Tally::default());
    let fleet = Fleet::join(&client, arguments.token.as_ref(), &crew, &tally, report).await?;
    let began = Instant::now();
    fleet
        .submit(&client, arguments.tasks, &arguments.task_resources)
        .await?;
    report.rate("tasks submitted", arguments.tasks.into(), began.elapsed());
    let tasks = u64::from(arguments.tasks);
    let rest = deadline.saturating_duration_since(Instant::now());
    let ended = tally
        .wait_until(rest, "the end of all tasks", |counts| counts.ended >= tasks)
        .await;
    tally.report(report, began);
    ended
}

impl Arguments {
    fn access(&self) -> Result<Access, Error> {
        let credential = self.operator_file.as_ref().map(|path| credential(path));
        Ok(Access {
            url: self.url.clone(),
            credential: credential.transpose()?,
            cell: self.cell.as_deref().map(CellId::new).transpose()?,
            authority: None,
        })
    }

    async fn doors(&self, client: &Client) -> Result<Doors, Error> {
        if !self.doors.is_empty() {
            return Doors::new(self.doors.iter().cloned());
        }
        let named = match &self.token {
            Some(token) => token.address.clone(),
            None => crew::make_token(client).await?.address,
        };
        Doors::new([named])
    }
}

/// Reads the operator's credential.
///
/// # Errors
/// [`Error::File`] or [`Error::Credential`].
pub(crate) fn credential(path: &std::path::Path) -> Result<Credential, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim_end().parse()?)
}
