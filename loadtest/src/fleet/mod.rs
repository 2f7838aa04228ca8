//! A simulated fleet: real agent cores over real connections, with executors that only pretend.
//!
//! What is real: enrollment with a token, mutual TLS, the gRPC session, every message, and all that
//! `insula-agent-core` decides. What is not: no process is started, and the journal is memory, so the
//! figures are the control plane's and not those of machines.

mod agent;
mod channel;
mod enroll;
mod error;
mod tally;
mod trust;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use insula_client::Client;
use insula_proto::JoinToken;
use insula_proto::rest::{MakeToken, SubmitTask, SubmitTasks, WhatToRun};
use insula_types::Resources;
use tokio::task::JoinSet;

use crate::report;
use agent::Agent;
use enroll::Identity;
pub(crate) use error::Error;
use tally::Tally;

/// Enrollments under way at a time: more only wait for each other's signatures.
const ENROLLING_MAX: usize = 16;
/// Most tasks of one submission, as the API has it.
const SUBMISSION_MAX: u32 = 1_000;
/// The attribute that keeps the fleet's tasks on the fleet's machines.
const ATTRIBUTE: &str = "fleet";

/// How large the fleet is and what it is given to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the control plane serves its API.
    #[arg(long, env = "INSULA_URL", default_value = "http://127.0.0.1:5050")]
    url: String,
    /// A join token with enough uses; one is asked for if it is absent.
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
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Error> {
    let client = Client::new(&arguments.url)?;
    let deadline = Instant::now() + Duration::from_secs(arguments.timeout);
    report::title(&format!(
        "fleet: {} agents, {} tasks of {} ms",
        arguments.agents, arguments.tasks, arguments.run_millis
    ));
    let name = uuid::Uuid::new_v4().to_string();
    let tally = Arc::new(Tally::default());
    let mut fleet = join(&client, arguments, &name, &tally).await?;
    let outcome = work(&client, arguments, &name, &tally, deadline).await;
    fleet.shutdown().await;
    outcome
}

/// Enrolls the fleet and opens its sessions.
async fn join(
    client: &Client,
    arguments: &Arguments,
    name: &str,
    tally: &Arc<Tally>,
) -> Result<JoinSet<()>, Error> {
    let token = match &arguments.token {
        Some(token) => token.clone(),
        None => make_token(client, arguments.agents).await?,
    };
    let began = Instant::now();
    let identities = enroll_all(&token, arguments.agents).await?;
    report::rate("enrollments", identities.len() as u64, began.elapsed());
    let began = Instant::now();
    let mut fleet = JoinSet::new();
    for identity in identities {
        let resources = arguments.resources.clone();
        let attributes = vec![(ATTRIBUTE.to_owned(), name.to_owned())];
        let run = Duration::from_millis(arguments.run_millis);
        let agent = Agent::new(identity, resources, attributes, run, Arc::clone(tally))?;
        fleet.spawn(agent.serve());
    }
    let everyone = u64::from(arguments.agents);
    let timeout = Duration::from_secs(arguments.timeout);
    tally
        .wait_until(timeout, |counts| counts.registered >= everyone)
        .await
        .map_err(|counts| Error::NotRegistered {
            registered: counts.registered,
            agents: everyone,
        })?;
    report::rate("sessions registered", everyone, began.elapsed());
    Ok(fleet)
}

async fn make_token(client: &Client, uses: u32) -> Result<JoinToken, Error> {
    let wanted = MakeToken {
        uses,
        ..MakeToken::default()
    };
    let made = client.make_token(&wanted).await?;
    made.token.parse().map_err(Error::Token)
}

async fn enroll_all(token: &JoinToken, count: u32) -> Result<Vec<Identity>, Error> {
    let mut identities = Vec::new();
    let mut enrolling = JoinSet::new();
    for number in 0..count {
        if enrolling.len() >= ENROLLING_MAX
            && let Some(enrolled) = enrolling.join_next().await
        {
            identities.push(enrolled??);
        }
        let token = token.clone();
        enrolling.spawn(async move { enroll::enroll(&token, number).await });
    }
    while let Some(enrolled) = enrolling.join_next().await {
        identities.push(enrolled??);
    }
    Ok(identities)
}

/// Submits the tasks and waits until the control plane has acknowledged the end of every one.
async fn work(
    client: &Client,
    arguments: &Arguments,
    name: &str,
    tally: &Tally,
    deadline: Instant,
) -> Result<(), Error> {
    let began = Instant::now();
    let mut left = arguments.tasks;
    while left > 0 {
        let count = left.min(SUBMISSION_MAX);
        client.submit(&submission(arguments, name, count)).await?;
        left -= count;
    }
    report::rate("tasks submitted", arguments.tasks.into(), began.elapsed());
    let tasks = u64::from(arguments.tasks);
    let rest = deadline.saturating_duration_since(Instant::now());
    let ended = tally
        .wait_until(rest, |counts| counts.ended >= tasks)
        .await
        .map_err(|counts| Error::NotEnded {
            ended: counts.ended,
            tasks,
        });
    let took = began.elapsed();
    tally.report(took);
    ended
}

fn submission(arguments: &Arguments, name: &str, count: u32) -> SubmitTasks {
    let task = SubmitTask {
        run: WhatToRun::Command(vec!["true".to_owned()]),
        name: Some("fleet".to_owned()),
        count,
        resources: arguments.task_resources.to_string(),
        env: BTreeMap::new(),
        retries: 0,
        timeout_seconds: None,
        constraints: BTreeMap::from([(ATTRIBUTE.to_owned(), name.to_owned())]),
        stdin: false,
    };
    SubmitTasks { tasks: vec![task] }
}
