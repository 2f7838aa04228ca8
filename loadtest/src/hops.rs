//! How long a task takes from hop to hop while the control plane has little to do: through the owner
//! of the cell, and through replicas that are not, which speak with it by the broker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use insula_client::Client;
use insula_types::Resources;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::Error;
use crate::fleet::{Crew, Fleet, Tally};
use crate::report::Report;
use crate::site::{self, DEFAULT_CELL, Site};

/// How much work there is.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    site: site::Arguments,
    /// Number of agents.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    agents: u32,
    /// What each agent has.
    #[arg(long, default_value = "cpus:100;mem:65536")]
    resources: Resources,
    /// Number of tasks on each way, one submission each.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: u32,
    /// What each task needs.
    #[arg(long, default_value = "cpus:0.1;mem:32")]
    task_resources: Resources,
    /// Tasks per second.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    per_second: u32,
    /// How long anything may take, in seconds.
    #[arg(long, default_value_t = 120)]
    timeout: u64,
}

/// Through which replicas: where the tasks are submitted, and where the agents are connected.
#[derive(Debug, Clone, Copy)]
struct Way {
    name: &'static str,
    submit: usize,
    agents: usize,
}

/// A task that was submitted and awaited.
struct Done {
    id: String,
    submitted: Instant,
    accepted: Instant,
    seen: Instant,
}

/// Runs the scenario and reports what was measured.
///
/// # Errors
/// If the control plane does not start, the agents cannot join, or the tasks do not end in time.
pub(crate) async fn run(arguments: &Arguments, report: Report) -> Result<(), Error> {
    let site = Site::start(&arguments.site).await?;
    for way in ways(&site).await? {
        report.title(&format!(
            "hops: {}, {} tasks at {}/s",
            way.name, arguments.tasks, arguments.per_second
        ));
        measure(&site, arguments, way, report).await?;
    }
    Ok(())
}

/// All ways that there are: each end at the owner, and at another replica.
async fn ways(site: &Site) -> Result<Vec<Way>, Error> {
    let way = |name, submit, agents| Way {
        name,
        submit,
        agents,
    };
    if site.replicas.len() < 2 {
        return Ok(vec![way("one process", 0, 0)]);
    }
    let partition = site.add_cell(DEFAULT_CELL)?;
    let client = site.client(0, DEFAULT_CELL)?;
    let owner = site.owner(&client, partition).await?;
    let owner = owner.ok_or(Error::Arguments("nobody owns the default cell any more"))?;
    let other = (owner + 1) % site.replicas.len();
    Ok(vec![
        way("API and agents at the owner", owner, owner),
        way("API elsewhere, agents at the owner", other, owner),
        way("API at the owner, agents elsewhere", owner, other),
        way("API and agents elsewhere", other, other),
    ])
}

async fn measure(
    site: &Site,
    arguments: &Arguments,
    way: Way,
    report: Report,
) -> Result<(), Error> {
    let client = site.client(way.submit, DEFAULT_CELL)?;
    let crew = Crew {
        agents: arguments.agents,
        resources: arguments.resources.clone(),
        run: Duration::ZERO,
        doors: site.doors(Some(way.agents))?,
        timeout: Duration::from_secs(arguments.timeout),
    };
    let tally = Arc::new(Tally::default());
    let fleet = Fleet::join(&client, None, &crew, &tally, report).await?;
    let fleet = Arc::new(fleet);
    let before = site.commits();
    let done = submit_steadily(&client, &fleet, arguments).await?;
    let everything = u64::from(arguments.tasks);
    tally
        .wait_until(crew.timeout, "the end of all tasks", |counts| {
            counts.ended >= everything
        })
        .await?;
    tell(&done, &tally, report);
    site.commits().since(&before).report(report);
    Ok(())
}

async fn submit_steadily(
    client: &Client,
    fleet: &Arc<Fleet>,
    arguments: &Arguments,
) -> Result<Vec<Done>, Error> {
    let mut pace = interval(Duration::from_secs(1) / arguments.per_second);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    for _ in 0..arguments.tasks {
        pace.tick().await;
        let (client, fleet) = (client.clone(), Arc::clone(fleet));
        let (resources, timeout) = (arguments.task_resources.clone(), arguments.timeout);
        under_way.spawn(async move { one(&client, &fleet, &resources, timeout).await });
    }
    let mut done = Vec::new();
    while let Some(one) = under_way.join_next().await {
        done.push(one??);
    }
    Ok(done)
}

async fn one(
    client: &Client,
    fleet: &Fleet,
    resources: &Resources,
    timeout: u64,
) -> Result<Done, Error> {
    let submitted = Instant::now();
    let ids = fleet.submit(client, 1, resources).await?;
    let accepted = Instant::now();
    let id = ids.concat();
    let seconds = u32::try_from(timeout).unwrap_or(u32::MAX);
    client.wait(&id, seconds).await?;
    Ok(Done {
        id,
        submitted,
        accepted,
        seen: Instant::now(),
    })
}

fn tell(done: &[Done], tally: &Tally, report: Report) {
    let since = |task: &Done, then: Instant| then.saturating_duration_since(task.submitted);
    let times = |when: &dyn Fn(&Done) -> Option<Instant>| -> Vec<Duration> {
        let found = done
            .iter()
            .filter_map(|task| Some(since(task, when(task)?)));
        found.collect()
    };
    let accepted = &mut times(&|task| Some(task.accepted));
    let started = &mut times(&|task| Some(tally.seen(&task.id)?.started));
    let ended = &mut times(&|task| tally.seen(&task.id)?.ended);
    let seen = &mut times(&|task| Some(task.seen));
    report.percentiles("submitted to accepted", accepted);
    report.percentiles("submitted to started on the agent", started);
    report.percentiles("submitted to end acknowledged to the agent", ended);
    report.percentiles("submitted to end seen by who waits for it", seen);
}
